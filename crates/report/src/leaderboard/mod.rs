//! Leaderboards: a record written and read, and its pages made from the record alone.

mod schema;
mod view;

use std::path::Path;

pub use schema::{Context, FORMAT, Item, Leaderboard};

use crate::error::ReportError;
use crate::{render, write};

const RECORD: &str = "leaderboard.json";
const MARKDOWN: &str = "leaderboard.md";
const HTML: &str = "leaderboard.html";

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
    fs_err::create_dir_all(dir)?;
    write::write_json(&dir.join(RECORD), board)?;
    let pages = render_leaderboard(&read_leaderboard(dir)?)?;
    write::write_bytes(&dir.join(MARKDOWN), pages.markdown.as_bytes())?;
    write::write_bytes(&dir.join(HTML), pages.html.as_bytes())?;
    Ok(pages)
}

/// Reads the record of a leaderboard.
///
/// # Errors
/// [`ReportError`]; a record of another format is refused.
pub fn read_leaderboard(dir: &Path) -> Result<Leaderboard, ReportError> {
    let file = dir.join(RECORD);
    let text = fs_err::read_to_string(&file)?;
    let malformed =
        |e: serde_json::Error| ReportError::Malformed { file: file.clone(), problem: e.to_string() };
    let value: serde_json::Value = serde_json::from_str(&text).map_err(malformed)?;
    let found = value["format"].as_u64().unwrap_or(0);
    if found != u64::from(FORMAT) {
        return Err(ReportError::Format { file, found, known: FORMAT });
    }
    serde_json::from_value(value).map_err(malformed)
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
            minijinja::context! { style => style, ..minijinja::value::Serde(&drawn) },
        )?,
    })
}
