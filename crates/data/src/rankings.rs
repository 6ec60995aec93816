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

/// Splits `x > y = z > w` into groups of names.
pub(crate) fn groups(text: &str) -> Result<Vec<Vec<&str>>, String> {
    let groups: Vec<Vec<&str>> =
        text.split(" > ").map(|group| group.split(" = ").map(str::trim).collect()).collect();
    let bare = |name: &&str| name.is_empty() || name.starts_with(['>', '=']) || name.ends_with(['>', '=']);
    if groups.iter().flatten().any(bare) {
        return Err(format!("ranking `{text}` has an item without a name; write `x > y = z`, with spaces"));
    }
    Ok(groups)
}
