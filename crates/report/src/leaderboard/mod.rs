//! Leaderboards: pages made from the record alone.

mod view;

use std::path::Path;

use equipoise_records::leaderboard::{self as record, Leaderboard};
use equipoise_records::write_file;

use crate::error::ReportError;
use crate::render;

const MARKDOWN: &str = "leaderboard.md";
const HTML: &str = "leaderboard.html";
/// All files of a board.
pub const FILES: [&str; 3] = [record::RECORD, MARKDOWN, HTML];

/// A leaderboard as pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pages {
    /// Findings and tables.
    pub markdown: String,
    /// One file with everything in it; needs no network and no script.
    pub html: String,
}

/// Writes `leaderboard.json`, `leaderboard.md` and `leaderboard.html` into `dir`, which is made if need be. The pages are
/// made from the record as it is read back.
///
/// # Errors
/// [`ReportError`].
pub fn write_leaderboard(dir: &Path, board: &Leaderboard) -> Result<Pages, ReportError> {
    record::write(dir, board)?;
    let pages = render_leaderboard(&record::read(dir)?)?;
    write_file(&dir.join(MARKDOWN), pages.markdown.as_bytes())?;
    write_file(&dir.join(HTML), pages.html.as_bytes())?;
    Ok(pages)
}

/// The pages of a leaderboard.
///
/// # Errors
/// [`ReportError::Drawing`], [`ReportError::Template`].
pub fn render_leaderboard(board: &Leaderboard) -> Result<Pages, ReportError> {
    let words = view::view(board, false)?;
    let drawn = view::view(board, true)?;
    let style =
        concat!(include_str!("../../templates/report.css"), include_str!("../../templates/leaderboard.css"));
    Ok(Pages {
        markdown: render::markdown_of(
            "leaderboard.md",
            include_str!("../../templates/leaderboard.md"),
            &words,
        )?,
        html: render::html_of(
            "leaderboard.html",
            include_str!("../../templates/leaderboard.html"),
            minijinja::context! {
            style => style,
            script => include_str!("../../templates/sort.js"),
            ..minijinja::value::Serde(&drawn) },
        )?,
    })
}
