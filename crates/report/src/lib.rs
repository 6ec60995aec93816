//! Renders what [`equipoise_records`] reads. Knows no solver and no game.
//!
//! [`render`] turns a results folder into pages: verdict first, then the table, then drawings. The pages are made from the
//! folder alone, so the same folder always gives the same pages.
//!
//! [`leaderboard`] does the same for a board of ratings.
//!
//! Nothing is smoothed, and nothing is cut without a note beside it.

mod error;
pub mod leaderboard;
mod model;
mod plot;
mod render;

use std::path::Path;

pub use error::ReportError;

use equipoise_records::{REPORT_HTML, REPORT_MARKDOWN, read, write_file};

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
/// Those of [`equipoise_records::read`], and [`ReportError::Drawing`].
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
/// Those of [`render`], and [`ReportError::Records`].
pub fn write_reports(dir: &Path) -> Result<Rendered, ReportError> {
    let rendered = render(dir)?;
    write_file(&dir.join(REPORT_MARKDOWN), rendered.markdown.as_bytes())?;
    write_file(&dir.join(REPORT_HTML), rendered.html.as_bytes())?;
    Ok(rendered)
}
