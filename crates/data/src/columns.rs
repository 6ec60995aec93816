//! What columns and their words mean.
//!
//! A column is told by its name: one of those that always mean the same, one of a pair of names (`left, right`) where no
//! better one is there, or what the user says of it. Case, and `.`, `-` and blanks for `_`, make no difference.

pub use equipoise_env::Outcome;

/// What a column may hold.
pub(crate) struct ColumnEntry {
    /// Our name for it.
    pub(crate) role: &'static str,
    /// Names that always mean it: ours, and those of published arena files.
    pub(crate) names: &'static [&'static str],
    /// Names that mean it where none of the others is there, the best first.
    pub(crate) synonyms: &'static [&'static str],
}

const fn column(
    role: &'static str,
    names: &'static [&'static str],
    synonyms: &'static [&'static str],
) -> ColumnEntry {
    ColumnEntry { role, names, synonyms }
}

pub(crate) const COLUMNS: [ColumnEntry; COVARIATES + 2 * MOST_COVARIATES] = [
    column("item_a", &["item_a", "model_a"], &[]),
    column("item_b", &["item_b", "model_b"], &[]),
    column(
        "outcome",
        &["outcome", "winner"],
        &["verdict", "result", "preferred", "choice", "vote", "judgment"],
    ),
    column("context", &["context", "question_id"], &["prompt_id", "query_id", "instruction_id"]),
    column(
        "annotator",
        &["annotator", "judge"],
        &["annotator_id", "judge_id", "rater", "voter", "worker_id"],
    ),
    column("timestamp", &["timestamp", "tstamp"], &["datetime", "date", "created_at", "tourney_date"]),
    column("weight", &["weight"], &["count", "frequency", "votes"]),
    column("ranking", &["ranking"], &["ballot"]),
    column("magnitude", &["magnitude"], &[]),
    // an outcome in three columns, of which one is 1
    column("winner_model_a", &["winner_model_a"], &[]),
    column("winner_model_b", &["winner_model_b"], &[]),
    column("winner_tie", &["winner_tie"], &[]),
    // counts of a pair
    column("wins_a", &["wins_a"], &["win_a", "a_wins", "wins1", "wins_1", "win1", "home_wins"]),
    column("wins_b", &["wins_b"], &["win_b", "b_wins", "wins2", "wins_2", "win2", "away_wins"]),
    column("ties", &["ties"], &["draws", "n_ties"]),
    // points of either side: the higher won
    column("score_a", &["score_a"], &["score1", "score_1", "home_score", "points_a", "home_goals"]),
    column("score_b", &["score_b"], &["score2", "score_2", "away_score", "points_b", "away_goals"]),
    // an item beat the other: no outcome is needed
    column("winning", &["winning"], &[]),
    column("losing", &["losing"], &[]),
    // covariates that the user names: of the item listed first, and of the second
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
    covariate(),
];
const fn covariate() -> ColumnEntry {
    column("covariate", &[], &[])
}
/// The first column of covariates.
pub(crate) const COVARIATES: usize = 19;
/// Covariates of a comparison.
pub(crate) const MOST_COVARIATES: usize = 6;
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
/// Wins of either side, and ties.
pub(crate) const WINS: [usize; 3] = [12, 13, 14];
/// Points of either side.
pub(crate) const SCORES: [usize; 2] = [15, 16];
/// Items of which the first beat the second.
pub(crate) const WON: usize = 17;
pub(crate) const LOST: usize = 18;

/// One row as it stands in the file, trimmed: a cell for each of [`COLUMNS`]; an empty one is none.
pub(crate) type Row<'a> = [Option<&'a [u8]>; COLUMNS.len()];

/// A name of a column as it is compared.
pub(crate) fn folded(name: &str) -> String {
    let fold = |c: char| if matches!(c, '.' | '-' | ' ') { '_' } else { c.to_ascii_lowercase() };
    name.trim().chars().map(fold).collect()
}

/// Words that judges and published files use besides ours, in lower case and without brackets.
const WORDS: [(&str, Outcome); 31] = [
    ("a", Outcome::First),
    ("model_a", Outcome::First),
    ("item_a", Outcome::First),
    ("model_1", Outcome::First),
    ("left", Outcome::First),
    ("first", Outcome::First),
    ("response_a", Outcome::First),
    ("answer_a", Outcome::First),
    ("assistant_a", Outcome::First),
    ("a>b", Outcome::First),
    ("a>>b", Outcome::First),
    ("b", Outcome::Second),
    ("model_b", Outcome::Second),
    ("item_b", Outcome::Second),
    ("model_2", Outcome::Second),
    ("right", Outcome::Second),
    ("second", Outcome::Second),
    ("response_b", Outcome::Second),
    ("answer_b", Outcome::Second),
    ("assistant_b", Outcome::Second),
    ("b>a", Outcome::Second),
    ("b>>a", Outcome::Second),
    ("tie", Outcome::Tie),
    ("draw", Outcome::Tie),
    ("equal", Outcome::Tie),
    ("a=b", Outcome::Tie),
    ("b=a", Outcome::Tie),
    ("tie_(inconsistent)", Outcome::Tie),
    ("tie_(bothbad)", Outcome::BothBad),
    ("both_bad", Outcome::BothBad),
    ("bothbad", Outcome::BothBad),
];

/// All words, for a message.
pub(crate) fn words_of() -> Vec<&'static str> {
    KNOWN.to_vec()
}

/// The words of [`read_outcome`].
pub(crate) const KNOWN: [&str; 7] = ["a", "b", "tie", "model_a", "model_b", "tie (bothbad)", "both_bad"];

/// Our words, and those of published arena files, to the letter.
pub(crate) fn read_outcome(word: &[u8]) -> Option<Outcome> {
    match word {
        b"a" | b"model_a" => Some(Outcome::First),
        b"b" | b"model_b" => Some(Outcome::Second),
        b"tie" => Some(Outcome::Tie),
        b"tie (bothbad)" | b"both_bad" => Some(Outcome::BothBad),
        _ => None,
    }
}

/// Other words for it, in any case, as `[[A]]`, `Left` or `Tie`.
pub(crate) fn read_outcome_loosely(word: &str) -> Option<Outcome> {
    let bare = word.trim().trim_start_matches("[[").trim_end_matches("]]").trim();
    if bare == "C" {
        return Some(Outcome::Tie); // of judges that say A, B or C
    }
    let word: String =
        bare.chars().map(|c| if c.is_whitespace() { '_' } else { c.to_ascii_lowercase() }).collect();
    WORDS.iter().find(|(known, _)| *known == word).map(|(_, outcome)| *outcome)
}

/// A result as a score of the item listed first.
pub(crate) fn outcome_of_score(word: &str) -> Option<Outcome> {
    match word.parse::<f64>() {
        Ok(1.0) => Some(Outcome::First),
        Ok(0.0) => Some(Outcome::Second),
        Ok(0.5) => Some(Outcome::Tie),
        _ => None,
    }
}
