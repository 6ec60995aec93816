//! Rules that all rows with a parameter block share.

use equipoise_core::BuildError;
use schemars::Schema;
use serde_json::{Value, json};

use crate::failure::{Failure, require};

/// Every key is documented, an unknown one is refused by its name, and so is what is no block.
pub(crate) fn parameter_block(
    row: &str,
    defaults: &Value,
    schema: &Schema,
    build: &dyn Fn(&Value) -> Result<(), BuildError>,
) -> Result<(), Failure> {
    let Some(block) = defaults.as_object() else {
        return Err(Failure::new(
            row,
            format!("the defaults are {defaults}"),
            "the configuration must serialise to an object: a struct with named fields",
        ));
    };
    for key in block.keys() {
        require!(
            schema.as_value()["properties"][key]["description"].is_string(),
            row,
            "write a doc comment on the field: it is the help text",
            "`{key}` is not documented"
        );
    }
    let refused = |bad: Value| match build(&bad) {
        Ok(()) => Err(Failure::new(
            row,
            format!("{bad} was accepted"),
            "derive Deserialize with #[serde(default, deny_unknown_fields)]",
        )),
        Err(error) => Ok(error),
    };
    let error = refused(json!({ "no_such_key": 1 }))?;
    require!(
        matches!(error, BuildError::UnknownKey { .. }) && error.key() == "no_such_key",
        row,
        "read the block with `equipoise::core::registry::parse`, which names unknown keys",
        "an unknown key is refused as `{error}`"
    );
    let error = refused(json!([1]))?;
    require!(
        matches!(error, BuildError::Type { .. }),
        row,
        "read the block with `equipoise::core::registry::parse`, which names wrong types",
        "a list in place of a block is refused as `{error}`"
    );
    Ok(())
}

/// The error names `key`, or a place inside it.
pub(crate) fn names(error: &BuildError, key: &str) -> bool {
    error.key().split(['.', '[']).next() == Some(key) && error.to_string().contains(key)
}
