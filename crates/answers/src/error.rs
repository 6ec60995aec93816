//! Why a question has no answer.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use equipoise::audit::AuditError;
use equipoise::core::PolicyError;
use equipoise::data::DataError;
use equipoise::models::FitError;
use equipoise::models::intransitivity::InspectError;
use equipoise::objectives::ObjectiveError;
use equipoise::reference::ReferenceError;

/// Why a question has no answer: which file, option or value, the rule that it breaks, and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// A file could not be read, or holds what it must not.
    #[error(transparent)]
    Data(#[from] DataError),
    /// There is no exact answer.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A model could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
    /// The tests of intransitivity could not be made.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// A loss could not be evaluated.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// A claim could not be run.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Numbers are no policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// An option has a value that it cannot have, here or anywhere.
    #[error("{option}{}{value} {rule}", if value.is_empty() { "" } else { " " })]
    Option {
        /// The option, as the field of its struct is called.
        option: Cow<'static, str>,
        /// Its value, or empty where it is a switch.
        value: String,
        /// What it breaks, and the way out: goes on behind the option, as `must be ..`.
        rule: String,
    },
    /// The input does not fit the question.
    #[error("{rule}")]
    Input {
        /// What it breaks, and the way out.
        rule: String,
    },
    /// An answer could not be written.
    #[error("{}: cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A group of the input has no answer.
    #[error("group {group}: {source}")]
    Group {
        /// The context or annotator.
        group: String,
        /// Why.
        source: Box<AnswerError>,
    },
    /// What a file holds has no answer.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<AnswerError>,
    },
}

impl AnswerError {
    pub(crate) fn option(
        option: impl Into<Cow<'static, str>>,
        value: impl ToString,
        rule: impl Into<String>,
    ) -> Self {
        Self::Option { option: option.into(), value: value.to_string(), rule: rule.into() }
    }

    pub(crate) fn input(rule: impl Into<String>) -> Self {
        Self::Input { rule: rule.into() }
    }

    pub(crate) fn in_group(self, group: &str) -> Self {
        Self::Group { group: group.to_owned(), source: Box::new(self) }
    }

    /// The same error, said of a file; errors that name a file or an option keep their text.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            named @ (Self::Data(_) | Self::Option { .. } | Self::Write { .. } | Self::File { .. }) => named,
            other => Self::File { path: path.to_owned(), source: Box::new(other) },
        }
    }
}
