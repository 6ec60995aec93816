//! Plain tables of text.

use std::fmt;

use comfy_table::{ContentArrangement, Table, TableStyle};
use equipoise_records::text::printable;

/// Columns of a table where the format gives no width.
const WIDTH: usize = 160;

/// How many columns a text may take: the width of the format (`{answer:100}`), or 160.
pub(crate) fn width(f: &fmt::Formatter<'_>) -> u16 {
    f.width().unwrap_or(WIDTH).min(usize::from(u16::MAX)) as u16
}

/// A table without lines that fits into `width` columns.
pub(crate) fn table(width: u16, header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table.set_header(header.iter().copied());
    // a name with a line end would break its row
    let cell = |text: String| printable(&text).replace('\n', "\\n");
    table.add_rows(rows.into_iter().map(|row| row.into_iter().map(cell).collect::<Vec<_>>()));
    table.to_string()
}

/// A few of the names, and how many more there are.
pub(crate) fn some(names: &[String]) -> String {
    match names.len() {
        0..=4 => names.join(", "),
        k => format!("{} and {} more", names[..3].join(", "), k - 3),
    }
}
