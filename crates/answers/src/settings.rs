//! Settings typed as `key=value`.

use serde_json::{Map, Value};

use crate::error::AnswerError;

/// Settings typed as `key=value`: a value is JSON, and text where it is none.
///
/// # Errors
/// [`AnswerError::Option`] for one without `=` or a key given twice.
pub fn read_settings(typed: &[String]) -> Result<Map<String, Value>, AnswerError> {
    let mut settings = Map::new();
    for one in typed {
        let (key, value) =
            one.split_once('=').ok_or_else(|| AnswerError::option("set", one, "must be key=value"))?;
        let parsed = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        if settings.insert(key.to_owned(), parsed).is_some() {
            return Err(AnswerError::option("set", one, "gives a key for the second time"));
        }
    }
    Ok(settings)
}
