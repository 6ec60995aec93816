//! What is refused of a setting.

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// The tree cannot be built.
    #[error("`{key}` = {value}: {rule}")]
    Tree {
        /// The key.
        key: &'static str,
        /// The value found.
        value: usize,
        /// The rule it breaks.
        rule: String,
    },
    /// A list has another length than the tree asks for.
    #[error("`{key}` has {found} values; {rule}, which is {expected} here")]
    Length {
        /// The list.
        key: &'static str,
        /// Values found.
        found: usize,
        /// Values expected.
        expected: usize,
        /// What there is one of each for.
        rule: &'static str,
    },
    /// A number out of its range.
    #[error("`{key}` = {value}: {rule}")]
    Range {
        /// The number.
        key: &'static str,
        /// The value found.
        value: f64,
        /// The rule it breaks.
        rule: &'static str,
    },
}

impl SettingError {
    pub(crate) fn tree(key: &'static str, value: usize, rule: String) -> Self {
        Self::Tree { key, value, rule }
    }
}
