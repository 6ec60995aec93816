//! The short report for a terminal of 100 columns.

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, LineStyle, Table, TableStyle, Width};

use super::answer::Answer;
use super::verdict::Statement;
use super::view::{GameView, SettingView, View};

const WIDTH: usize = 100;
/// Up to so many games are shown in full, after the line that each gets.
const IN_FULL: usize = 6;
/// Up to so many games that are estimates, or a choice of many, get a line each.
const LISTED: usize = 12;
/// Columns of answers that fit beside the methods.
const ANSWERS: usize = 6;

/// The report as text; ends with a newline, holds no escape sequences.
pub(crate) fn terminal(view: &View) -> String {
    let mut out = format!("{}: {}\n", view.title, view.counts);
    for warning in &view.warnings {
        out.push_str(&wrapped(&format!("! {warning}"), "  "));
    }
    statements(&mut out, &view.population);
    statements(&mut out, &view.estimates);
    for learning in &view.learning {
        out.push('\n');
        out.push_str(&wrapped(&learning.heading, ""));
        statements(&mut out, &learning.found);
    }
    if let Some(answer) = view.answer.as_ref().filter(|answer| answer.columns.len() <= ANSWERS) {
        out.push_str(&format!("\n{}\n{}\n", answer.heading, answer_table(answer)));
        out.push_str(&wrapped(&answer.note, ""));
        out.push('\n');
    }
    // of many estimates the summary says more than a line each
    let few = view.games.len() <= LISTED;
    let listed =
        if few || (view.estimates.is_empty() && view.population.is_empty()) { &view.games[..] } else { &[] };
    if listed.is_empty() && !view.games.is_empty() {
        let told = if view.population.is_empty() { "A line a game is" } else { "Their sections are" };
        out.push_str(&format!("{told} in report.md.\n"));
    }
    for game in listed {
        let GameView { name, size, headline, tally, .. } = game;
        let line = format!("- {name} ({size}): {headline}; methods at their equilibrium: {tally}");
        out.push_str(&wrapped(&line, "  "));
    }
    if view.games.len() <= IN_FULL {
        for game in &view.games {
            out.push('\n');
            game_text(&mut out, game);
        }
    }
    out
}

fn answer_table(answer: &Answer) -> Table {
    let mut table = plain_table();
    let mut header = vec!["method".to_owned()];
    header.extend(answer.columns.iter().map(|(game, tau)| format!("{game}\n{tau}")));
    table.set_header(header);
    for row in &answer.rows {
        // two short lines, whatever the width of the column
        let cells = row.cells.iter().map(|cell| cell.replace("cycles, average falls", "cycles,\navg falls"));
        table.add_row(std::iter::once(row.label.clone()).chain(cells).collect::<Vec<_>>());
    }
    keep_words(&mut table, answer.rows.iter().map(|row| row.label.as_str()));
    table
}

/// The first column is as wide as the longest word of its labels, so that the name of a method is not broken.
fn keep_words<'a>(table: &mut Table, labels: impl Iterator<Item = &'a str>) {
    let longest = labels.flat_map(str::split_whitespace).map(|word| word.chars().count()).max().unwrap_or(0);
    let padded = u16::try_from(longest.min(WIDTH / 3) + 2).expect("at most a third of the width");
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(padded)));
    }
}

/// A table with lines above, below and under its header.
fn plain_table() -> Table {
    const RULE: LineStyle = LineStyle::none().fill('-').junction('-');
    let mut table = Table::new();
    table.load_style(TableStyle::new().top_border(RULE).header_separator(RULE).bottom_border(RULE));
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH as u16);
    table
}

fn game_text(out: &mut String, game: &GameView) {
    out.push_str(&format!("== {} ({}) ==\n", game.name, game.size));
    statements(out, &game.verdict);
    for setting in &game.settings {
        out.push_str(&format!("\n{}\n", setting.heading));
        statements(out, &setting.verdict);
        out.push_str(&short_table(setting));
        out.push('\n');
        for note in &setting.notes {
            out.push_str(&wrapped(&format!("note on {}: {}", note.lead, note.text), "  "));
        }
    }
}

fn statements(out: &mut String, statements: &[Statement]) {
    for s in statements {
        out.push_str(&wrapped(&format!("- {}: {}", s.lead, s.text), "  "));
    }
}

fn short_table(setting: &SettingView) -> String {
    let columns = &setting.table.columns;
    let shown: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].brief.is_some()).collect();
    let mut table = plain_table();
    let mut header = vec!["method".to_owned()];
    header.extend(shown.iter().filter_map(|&i| columns[i].brief.clone()));
    table.set_header(header);
    let rows = || setting.table.rows.iter().filter(|row| !row.swept);
    for row in rows() {
        let mut cells = vec![row.label.clone()];
        cells.extend(shown.iter().map(|&i| row.cells[i].text.clone()));
        table.add_row(cells);
    }
    keep_words(&mut table, rows().map(|row| row.label.as_str()));
    for (at, &i) in shown.iter().enumerate() {
        if columns[i].numeric
            && let Some(column) = table.column_mut(at + 1)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    match setting.table.folded() {
        0 => table.to_string(),
        n => format!("{table}\n{n} other values of sweeps are in the report"),
    }
}

/// Breaks `text` at spaces; lines after the first are indented.
fn wrapped(text: &str, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            out.push('\n');
            out.push_str(indent);
            column = indent.len();
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_broken_and_indented() {
        let text = wrapped(&"word ".repeat(60), "  ");
        assert!(text.lines().all(|l| l.chars().count() <= WIDTH));
        assert!(text.lines().skip(1).all(|l| l.starts_with("  word")));
    }
}
