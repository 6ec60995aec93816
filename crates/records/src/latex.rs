//! Tables in LaTeX, for the package `booktabs`.

/// A table, the first `head` of whose rows are its head; numeric columns stand to the right.
#[must_use]
pub fn tabular(rows: &[Vec<String>], head: usize, numeric: impl Fn(usize) -> bool) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let kinds: String = (0..columns).map(|k| if numeric(k) { 'r' } else { 'l' }).collect();
    let mut out = format!("\\begin{{tabular}}{{{kinds}}}\n\\toprule\n");
    for (k, row) in rows.iter().enumerate() {
        let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
        out.push_str(&format!("{} \\\\\n", cells.join(" & ")));
        if k + 1 == head {
            out.push_str("\\midrule\n");
        }
    }
    out.push_str("\\bottomrule\n\\end{tabular}\n");
    out
}

/// Text that means only itself; a line end is a space.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\textbackslash{}"),
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            '\n' | '\r' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_mean_only_themselves() {
        assert_eq!(
            escaped("a_1 & 50%\n\\x <y>"),
            "a\\_1 \\& 50\\% \\textbackslash{}x \\textless{}y\\textgreater{}"
        );
        let rows = [["item", "x"], ["a_1", "2"]].map(|r| r.map(str::to_owned).to_vec());
        let text = tabular(&rows, 1, |k| k == 1);
        assert_eq!(
            text,
            "\\begin{tabular}{lr}\n\\toprule\nitem & x \\\\\n\\midrule\na\\_1 & 2 \\\\\n\\bottomrule\n\\end{tabular}\n"
        );
    }
}
