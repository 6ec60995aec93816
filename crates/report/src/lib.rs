//! Owns `results/` from both sides: versioned schema, writer, reader, renderers. Knows no solver and no game.
//!
//! [`ResultsDir`] writes a folder, [`read`] reads it back, [`render`] turns it into pages: verdict first, then the
//! table, then drawings. The pages are made from the folder alone, so the same folder always gives the same pages.
//!
//! [`leaderboard`] does the same for a board of ratings.
//!
//! Nothing is smoothed, and nothing is cut without a note beside it.

mod error;
pub mod leaderboard;
mod plot;
mod read;
mod render;
pub mod schema;
mod write;

use std::path::Path;

pub use error::ReportError;
pub use read::{Results, Run, Unfinished, read};
pub use write::ResultsDir;

/// The same results, three ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// `report.md`: verdicts and tables.
    pub markdown: String,
    /// `report.html`: one file with everything in it; needs no network and no script.
    pub html: String,
    /// For a terminal of 100 columns: verdicts and short tables.
    pub terminal: String,
}

/// Renders the results folder `dir`; reads nothing else.
///
/// # Errors
/// Those of [`read`], and [`ReportError::Drawing`].
pub fn render(dir: &Path) -> Result<Rendered, ReportError> {
    let results = read(dir)?;
    let words = render::view(&results, false)?;
    Ok(Rendered {
        markdown: render::markdown(&words)?,
        terminal: render::terminal(&words),
        html: render::html(&render::view(&results, true)?)?,
    })
}

/// [`render`], and writes `report.md` and `report.html` into the folder, atomically.
///
/// # Errors
/// Those of [`render`], and [`ReportError::Io`].
pub fn write_reports(dir: &Path) -> Result<Rendered, ReportError> {
    let rendered = render(dir)?;
    write::write_bytes(&dir.join(write::name::MARKDOWN), rendered.markdown.as_bytes())?;
    write::write_bytes(&dir.join(write::name::HTML), rendered.html.as_bytes())?;
    Ok(rendered)
}
