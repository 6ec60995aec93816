//! The traces of a table, drawn with letters: gap of the average iterate against queries, both logarithmic.

use equipoise::prelude::*;

const COLUMNS: usize = 60;
const ROWS: usize = 12;

/// One letter a method, in the order of the table.
pub fn against_queries(table: &Table) -> String {
    let points: Vec<(usize, f64, f64)> = table
        .rows
        .iter()
        .enumerate()
        .flat_map(|(k, row)| {
            row.series(Iterate::Average, DUALITY_GAP)
                .filter(|p| p.cost.queries > 0 && p.value > 0.0)
                .map(move |p| (k, (p.cost.queries as f64).ln(), p.value.ln()))
        })
        .collect();
    let range = |value: fn(&(usize, f64, f64)) -> f64| {
        points.iter().map(value).fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)))
    };
    let ((left, right), (low, high)) = (range(|p| p.1), range(|p| p.2));
    let cell =
        |v: f64, from: f64, to: f64, cells: usize| ((v - from) / (to - from) * (cells - 1) as f64) as usize;
    let mut page = vec![vec![' '; COLUMNS]; ROWS];
    for &(k, x, y) in &points {
        page[ROWS - 1 - cell(y, low, high, ROWS)][cell(x, left, right, COLUMNS)] = (b'a' + k as u8) as char;
    }
    let mut out =
        format!("gap of the average iterate, {:.3} at the top, {:.3} at the bottom\n", high.exp(), low.exp());
    for line in page {
        out.push_str(&format!("|{}\n", line.into_iter().collect::<String>()));
    }
    out.push_str(&format!("+{} queries {:.0} to {:.0}\n", "-".repeat(COLUMNS), left.exp(), right.exp()));
    for (k, row) in table.rows.iter().enumerate() {
        out.push_str(&format!("  {} {}\n", (b'a' + k as u8) as char, row.solver));
    }
    out
}
