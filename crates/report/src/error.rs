//! Everything that can go wrong between a results folder and its pages.

use equipoise_records::RecordsError;

/// Why results could not be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The records could not be read, or a page could not be written.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// A drawing failed.
    #[error("drawing {what}: {problem}")]
    Drawing {
        /// Which drawing.
        what: String,
        /// What the drawing library said.
        problem: String,
    },
    /// Text cannot be set.
    #[error(
        "no font is installed on this machine, so that PDF would have no text: install one (as DejaVu or Liberation), or write \
         `--figures svg`"
    )]
    NoFont,
    /// A table could not be written.
    #[error("csv: {0}")]
    Csv(#[from] csv::Error),
    /// A template failed: a bug of this crate.
    #[error("template: {0}")]
    Template(#[from] minijinja::Error),
}
