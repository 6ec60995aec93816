//! Renders what [`equipoise_records`] reads. Knows no solver and no game.
//!
//! [`render`] turns a results folder into pages: verdict first, then the table, then drawings. The pages are made from the
//! folder alone, so the same folder always gives the same pages.
//!
//! [`leaderboard`] does the same for a board of ratings.
//!
//! Nothing is smoothed, and nothing is cut without a note beside it.

mod choices;
mod document;
mod error;
mod export;
pub mod leaderboard;
mod model;
mod pdf;
mod plot;
mod render;

use std::path::{Path, PathBuf};

pub use choices::{Played, choices};
pub use document::document;
pub use error::ReportError;
pub use export::{Exports, Figures};

use equipoise_records::{REPORT_HTML, REPORT_MARKDOWN, Results, read, write_file, write_pages};
use model::cross_game::cross_games;
use model::group::group;
use model::learning::learning;

/// The same results, three ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// `report.md`: verdicts and tables.
    pub markdown: String,
    /// `report.html`: one file with everything in it; needs no network and no script. Of more than two dozen games, their
    /// sections are pages of their own.
    pub html: String,
    /// Those pages, each with its file name in the folder `pages`.
    pub pages: Vec<(String, String)>,
    /// For a terminal of 100 columns: verdicts and short tables.
    pub terminal: String,
}

/// What a reader may choose of the pages.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    /// Bands over repetitions reach from this quantile to the one as far from the top, in (0, 1/2); `None`: smallest to largest.
    pub bands: Option<f64>,
}

/// Renders the results folder `dir`; reads nothing else.
///
/// # Errors
/// Those of [`equipoise_records::read`], and [`ReportError::Drawing`].
pub fn render(dir: &Path) -> Result<Rendered, ReportError> {
    Ok(rendered(&read(dir)?, Look::default())?.0)
}

/// The pages, and the view with its drawings.
fn rendered(results: &Results, look: Look) -> Result<(Rendered, render::View), ReportError> {
    let games = group(results);
    let all = cross_games(&games);
    let learned = learning(&games, look.bands);
    let mut view = render::words(results, &games, &all, &learned);
    let (markdown, terminal) = rayon::join(|| render::markdown(&view), || render::terminal(&view));
    render::draw(&mut view, &games, &all, &learned, look)?;
    let (html, pages) = render::html(&view)?;
    Ok((Rendered { markdown: markdown?, terminal, html, pages }, view))
}

/// [`render`], and writes `report.md`, `report.html` and the pages of many games into the folder, each atomically.
///
/// # Errors
/// Those of [`render`], and [`ReportError::Records`].
pub fn write_reports(dir: &Path) -> Result<Rendered, ReportError> {
    Ok(write_reports_as(dir, Look::default(), Exports::default())?.0)
}

/// [`write_reports`] with pages to taste, and what is to be written beside them; answers the paths of the latter.
///
/// # Errors
/// Those of [`write_reports`], and [`ReportError::Csv`].
pub fn write_reports_as(
    dir: &Path,
    look: Look,
    exports: Exports,
) -> Result<(Rendered, Vec<PathBuf>), ReportError> {
    let results = read(dir)?;
    let (rendered, drawn) = rendered(&results, look)?;
    write_file(&dir.join(REPORT_MARKDOWN), rendered.markdown.as_bytes())?;
    // the pages first: a report that is there links to pages that are
    write_pages(dir, &rendered.pages)?;
    write_file(&dir.join(REPORT_HTML), rendered.html.as_bytes())?;
    let written = export::write(dir, &results, &drawn, exports)?;
    Ok((rendered, written))
}
