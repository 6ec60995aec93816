//! What columns and their words mean.

/// What a column means, with the names it goes by: the first is ours, the others are those of published arena files.
pub(crate) const COLUMNS: [(&str, &[&str]); 12] = [
    ("item_a", &["item_a", "model_a"]),
    ("item_b", &["item_b", "model_b"]),
    ("outcome", &["outcome", "winner"]),
    ("context", &["context", "question_id"]),
    ("annotator", &["annotator", "judge"]),
    ("timestamp", &["timestamp", "tstamp"]),
    ("weight", &["weight"]),
    ("ranking", &["ranking"]),
    ("magnitude", &["magnitude"]),
    // an outcome in three columns, of which one is 1
    ("winner_model_a", &["winner_model_a"]),
    ("winner_model_b", &["winner_model_b"]),
    ("winner_tie", &["winner_tie"]),
];
pub(crate) const ITEM_A: usize = 0;
pub(crate) const ITEM_B: usize = 1;
pub(crate) const OUTCOME: usize = 2;
pub(crate) const CONTEXT: usize = 3;
pub(crate) const ANNOTATOR: usize = 4;
pub(crate) const TIMESTAMP: usize = 5;
pub(crate) const WEIGHT: usize = 6;
pub(crate) const RANKING: usize = 7;
pub(crate) const MAGNITUDE: usize = 8;
/// Who won, one column each.
pub(crate) const WINNERS: [usize; 3] = [9, 10, 11];

/// One row as it stands in the file, trimmed: a cell for each of [`COLUMNS`]; an empty one is none.
pub(crate) type Row<'a> = [Option<&'a [u8]>; COLUMNS.len()];

/// The meaning of a column.
pub(crate) fn meaning(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|(_, names)| names.contains(&name))
}

/// Where each meaning is found among the columns of a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) at: [Option<usize>; COLUMNS.len()],
    pub(crate) ignored: Vec<String>,
}

impl Places {
    /// Reads a header.
    ///
    /// # Errors
    /// Two columns of one meaning, or one of `item_a`, `item_b`, `outcome` (in one column or three) missing without a
    /// `ranking`.
    pub(crate) fn of<'a>(header: impl Iterator<Item = &'a str> + Clone) -> Result<Self, String> {
        let mut places = Self::default();
        for (k, name) in header.clone().enumerate() {
            match meaning(name) {
                Some(m) if places.at[m].replace(k).is_some() => {
                    return Err(format!("two columns mean `{}`; keep one of them", COLUMNS[m].0));
                }
                Some(_) => {}
                None => places.ignored.push(name.to_owned()),
            }
        }
        if places.at[OUTCOME].is_some() {
            // the outcome in words says it all, and more
            let others = WINNERS.into_iter().filter(|&m| places.at[m].take().is_some());
            places.ignored.extend(others.map(|m| COLUMNS[m].0.to_owned()));
        }
        let has = |m: usize| places.at[m].is_some();
        let winners = WINNERS.map(has);
        if winners.contains(&true) && winners.contains(&false) {
            let names = WINNERS.map(|m| COLUMNS[m].0).join(",");
            return Err(format!("has not all of {names}, or an `outcome` in their place"));
        }
        match (has(RANKING), [has(ITEM_A), has(ITEM_B), has(OUTCOME) || winners[0]]) {
            (true, _) if has(MAGNITUDE) => {
                Err("has rankings and a `magnitude`, which is how much better one of two items was; drop one"
                    .into())
            }
            (true, [false, false, false]) | (false, [true, true, true]) => Ok(places),
            (true, _) => {
                Err("has both rankings and comparisons; keep `ranking` or item_a,item_b,outcome".into())
            }
            (false, _) => {
                let found = header.collect::<Vec<_>>().join(",");
                Err(format!(
                    "the header is `{found}`; item_a,item_b,outcome (or model_a,model_b and winner or \
                     winner_model_a,winner_model_b,winner_tie, or ranking), separated by commas, are needed"
                ))
            }
        }
    }
}

/// How a comparison came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The item listed first won.
    First,
    /// The item listed second won.
    Second,
    /// Neither, both good enough or not said.
    Tie,
    /// Neither, both bad. A tie to every model but the grounded one.
    BothBad,
}

impl Outcome {
    pub(crate) const KNOWN: [&str; 7] = ["a", "b", "tie", "model_a", "model_b", "tie (bothbad)", "both_bad"];

    pub(crate) fn read(word: &[u8]) -> Option<Self> {
        match word {
            b"a" | b"model_a" => Some(Self::First),
            b"b" | b"model_b" => Some(Self::Second),
            b"tie" => Some(Self::Tie),
            b"tie (bothbad)" | b"both_bad" => Some(Self::BothBad),
            _ => None,
        }
    }
}
