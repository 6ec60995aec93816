//! Rankings of several items at once.

use crate::checks::Checks;
use crate::columns::Outcome;
use crate::names::Names;

/// One ranking, or `weight` equal ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Items (indices into the labels), best first; those of one group are tied.
    pub groups: Vec<Vec<u32>>,
    /// How many equal rankings this stands for.
    pub weight: f64,
    /// Index into [`Rankings::contexts`].
    pub context: u32,
    /// Index into [`Rankings::annotators`].
    pub annotator: u32,
    /// Seconds since 1970-01-01 UTC, where the file has them.
    pub time: Option<f64>,
}

impl Ranking {
    /// Calls `pair(better, worse, outcome)` for every pair the ranking orders or ties. Items it leaves out are not
    /// compared: they were not ranked.
    pub(crate) fn pairs(&self, mut pair: impl FnMut(u32, u32, Outcome)) {
        for (k, group) in self.groups.iter().enumerate() {
            for (m, &a) in group.iter().enumerate() {
                group[m + 1..].iter().for_each(|&b| pair(a, b, Outcome::Tie));
                self.groups[k + 1..].iter().flatten().for_each(|&b| pair(a, b, Outcome::First));
            }
        }
    }
}

/// All selected rankings of a file.
#[derive(Clone, Debug)]
pub struct Rankings {
    /// Items, in the order of their first appearance (PrefLib: of the header).
    pub labels: Vec<String>,
    /// Contexts, in the order of their first appearance; the empty name where a row has none.
    pub contexts: Vec<String>,
    /// Annotators, likewise.
    pub annotators: Vec<String>,
    /// The rankings, in the order of the file.
    pub rankings: Vec<Ranking>,
    /// What was odd.
    pub checks: Checks,
}

impl Rankings {
    pub(crate) fn new(
        (items, contexts, annotators, checks): (Names, Names, Names, Checks),
        rankings: Vec<Ranking>,
    ) -> Self {
        let [labels, contexts, annotators] = [items, contexts, annotators].map(Names::into_list);
        Self { labels, contexts, annotators, rankings, checks }
    }
}

/// Splits `x > y = z > w`, or `x>y=z>w`, into groups of names.
///
/// A separator that is not known never becomes part of a name: signs of comparison within one, and lists separated by other
/// signs, are refused.
pub(crate) fn groups(text: &str) -> Result<Vec<Vec<&str>>, String> {
    let spaced = text.contains(" > ") || text.contains(" = ");
    let (above, beside) = if spaced { (" > ", " = ") } else { (">", "=") };
    let groups: Vec<Vec<&str>> =
        text.split(above).map(|group| group.split(beside).map(str::trim).collect()).collect();
    let names = || groups.iter().flatten();
    let shown = crate::error::excerpt(text);
    if names().any(|name| name.is_empty() || name.starts_with(['>', '=']) || name.ends_with(['>', '='])) {
        return Err(format!("ranking `{shown}` has an item without a name; write `x > y = z`, with spaces"));
    }
    if let Some(name) = names().find(|name| name.contains(['>', '='])) {
        let name = crate::error::excerpt(name);
        return Err(format!(
            "ranking `{shown}` has `>` or `=` with spaces and without, in `{name}`; write ` > ` and ` = ` everywhere, or \
             nowhere, and no such sign in a name"
        ));
    }
    let count = |name: &str, sign: char| name.matches(sign).count();
    let first = groups[0][0];
    for sign in ['<', '\u{227b}', '\u{2265}', ';', '|', '\t', ','] {
        // a sign that every name holds, as the comma of `Doe, Ann`, is part of them
        let of_names = names().nth(1).is_some()
            && matches!(sign, ',' | '|')
            && names().all(|n| count(n, sign) == count(first, sign));
        if names().any(|name| name.contains(sign)) && !of_names {
            return Err(format!(
                "ranking `{shown}` holds `{sign}`, which separates nothing here; write `x > y = z`, the best first"
            ));
        }
    }
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::groups;

    #[test]
    fn signs_with_and_without_spaces() {
        for text in ["x > y = z > w", "x>y=z>w", "x> y=z >w"] {
            assert_eq!(groups(text).unwrap(), [vec!["x"], vec!["y", "z"], vec!["w"]], "{text}");
        }
        assert_eq!(groups("Doe, Ann > Roe, Bob").unwrap(), [["Doe, Ann"], ["Roe, Bob"]]);
        assert_eq!(groups("x").unwrap(), [["x"]]);
        for text in [
            "x>>y", "x > > y", "x >> y", ">x", "x=", "x > y>z", "x > y=z", "x, y, z", "x < y", "x;y", "x|y",
            "x > y, z", "",
        ] {
            assert!(groups(text).is_err(), "{text}");
        }
    }
}
