//! What a check answers.

/// A rule that a row breaks, and the way out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{row}: {found}\n  remedy: {remedy}")]
#[non_exhaustive]
pub struct Failure {
    /// Name of the row, with the game and the regularisation where they matter.
    pub row: String,
    /// What was found, with the numbers.
    pub found: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl Failure {
    pub(crate) fn new(row: impl Into<String>, found: impl Into<String>, remedy: &'static str) -> Self {
        Self { row: row.into(), found: found.into(), remedy }
    }
}

/// One rule over rows of a kind.
#[derive(Debug)]
pub struct Check<Row: ?Sized> {
    /// Its name: that of the function.
    pub name: &'static str,
    /// The rule.
    pub holds: fn(&Row) -> Result<(), Failure>,
}

/// Holds a row against all checks of its kind, in order.
///
/// # Errors
/// The first [`Failure`].
pub fn run_checks<Row: ?Sized>(checks: &[Check<Row>], row: &Row) -> Result<(), Failure> {
    checks.iter().try_for_each(|check| (check.holds)(row))
}

/// A list of checks, each named as its function.
macro_rules! checks {
    ($($function:ident),* $(,)?) => {
        &[$($crate::Check { name: stringify!($function), holds: $function }),*]
    };
}
pub(crate) use checks;

/// Returns a [`Failure`] unless the condition holds: `require!(condition, row, remedy, "found {}", ..)`.
macro_rules! require {
    ($holds:expr, $row:expr, $remedy:expr, $($found:tt)+) => {
        let holds: bool = $holds;
        if !holds {
            return Err($crate::Failure::new($row, format!($($found)+), $remedy));
        }
    };
}
pub(crate) use require;
