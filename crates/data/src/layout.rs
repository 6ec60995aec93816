//! Which column of a file holds what: from its header, by the names that always mean the same, the pairs of names, and what the
//! user says.

use crate::columns::*;
use crate::reading::Reading;

/// Names of two items of a row, where neither `item_a` nor `model_a` is there: the best first.
const PAIRS: [(&str, &str); 18] = [
    ("model_1", "model_2"),
    ("left", "right"),
    ("player_a", "player_b"),
    ("player_1", "player_2"),
    ("player1", "player2"),
    ("team_a", "team_b"),
    ("team_1", "team_2"),
    ("team1", "team2"),
    ("home_team", "away_team"),
    ("home", "away"),
    ("system_a", "system_b"),
    ("option_a", "option_b"),
    ("item_1", "item_2"),
    ("item1", "item2"),
    ("response_a", "response_b"),
    ("completion_a", "completion_b"),
    ("output_a", "output_b"),
    ("answer_a", "answer_b"),
];
/// Names of an item and another that it beat.
const WINNER_LOSER: [(&str, &str); 5] = [
    ("winner_name", "loser_name"),
    ("winner", "loser"),
    ("chosen_model", "rejected_model"),
    ("winner_id", "loser_id"),
    ("item", "opponent"),
];
/// How often the first of the last of them beat the second.
const WIN_COUNT: &str = "wins";
/// Columns that say that some rows were won by neither.
const TIED: [&str; 8] = ["draw", "draws", "tie", "ties", "tied", "n_ties", "is_draw", "is_tie"];

/// Whether columns name an item and another that it beat, whatever stands beside them.
pub(crate) fn names_winners(header: &[&str]) -> bool {
    let has = |wanted: &str| header.iter().any(|name| folded(name) == wanted);
    WINNER_LOSER.iter().any(|(won, lost)| *won != "item" && has(won) && has(lost))
}

/// What a name always means.
fn strong(name: &str) -> Option<usize> {
    let name = folded(name);
    COLUMNS.iter().position(|c| c.names.contains(&name.as_str()))
}

/// What the columns of a file mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// Columns with a meaning, by their names in the file.
    names: Vec<(String, usize)>,
    /// Columns that were told by names that may mean something else, and what they were read as.
    guessed: Vec<(String, &'static str)>,
    /// Whether the item listed first has won in every row.
    pub(crate) first_won: bool,
    /// Whether names that are not among them may mean something still: in JSON, where keys may come later.
    open: bool,
}

impl Layout {
    /// The layout before anything of the file is known: only names that always mean the same.
    pub(crate) fn open() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Finds the meanings of the columns of a header, or of the keys of some JSON objects (`open`).
    ///
    /// # Errors
    /// Two columns of one meaning, one that the user named and the header lacks, or one of `item_a`, `item_b`, `outcome`
    /// (in one column or three, in counts or scores) missing without a `ranking`.
    pub(crate) fn of(header: &[&str], reading: &Reading, open: bool) -> Result<Self, String> {
        let mut at: [Option<usize>; COLUMNS.len()] = Default::default();
        let named = reading.columns.iter().map(|given| {
            let role = COLUMNS.iter().position(|c| c.role == given.role).expect("a role");
            (role, &given.name)
        });
        let covariates = reading.covariates.iter().enumerate().flat_map(|(k, c)| {
            let place = COVARIATES + 2 * k;
            [(place, Some(&c.first)), (place + 1, c.second.as_ref())]
        });
        let covariates = covariates.filter_map(|(role, name)| Some((role, name?)));
        for (role, wanted) in named.chain(covariates) {
            let place = header.iter().position(|name| name == wanted);
            let place = place.or_else(|| header.iter().position(|name| folded(name) == folded(wanted)));
            at[role] = Some(place.ok_or_else(|| {
                format!(
                    "has no column `{wanted}` for {}; the header is `{}`",
                    COLUMNS[role].role,
                    shown(header)
                )
            })?);
        }
        let taken = |at: &[Option<usize>], k: usize| at.contains(&Some(k));
        let find = |at: &[Option<usize>], wanted: &str| {
            header.iter().enumerate().position(|(k, name)| !taken(at, k) && folded(name) == wanted)
        };
        let by_user = at;
        // `winner` beside `loser` names an item, not an outcome
        let pair = |at: &[Option<usize>], names: (&str, &str)| Some((find(at, names.0)?, find(at, names.1)?));
        let items = |at: &[Option<usize>]| at[ITEM_A].is_some() || at[ITEM_B].is_some();
        let strong_items = items(&at) || header.iter().any(|n| matches!(strong(n), Some(ITEM_A | ITEM_B)));
        if !strong_items && at[WON].is_none() && at[LOST].is_none() {
            let counted = find(&at, WIN_COUNT);
            let found = WINNER_LOSER.iter().find_map(|names| Some((*names, pair(&at, *names)?)));
            // counts alone are what makes `item, opponent` a result
            if let Some((names, (won, lost))) = found
                && (names.0 != "item" || counted.is_some())
            {
                (at[WON], at[LOST]) = (Some(won), Some(lost));
                match names.0 {
                    "item" if at[WEIGHT].is_none() => at[WEIGHT] = counted,
                    // of RewardBench
                    "chosen_model" if at[CONTEXT].is_none() => at[CONTEXT] = find(&at, "subset"),
                    _ => {}
                }
            }
        }
        for (k, name) in header.iter().enumerate() {
            let Some(m) = strong(name).filter(|_| !taken(&at, k)) else { continue };
            if by_user[m].is_some() {
                continue; // the user has said which one it is
            }
            if at[m].replace(k).is_some() {
                return Err(format!("two columns mean `{}`; keep one of them", COLUMNS[m].role));
            }
        }
        let results = |at: &[Option<usize>]| {
            at[OUTCOME].is_some() || at[WINNERS[0]].is_some() || at[WON].is_some() || at[RANKING].is_some()
        };
        for (m, entry) in COLUMNS.iter().enumerate().filter(|(m, _)| *m != OUTCOME) {
            if at[m].is_none() {
                at[m] = entry.synonyms.iter().find_map(|name| find(&at, name));
            }
        }
        if !items(&at)
            && at[WON].is_none()
            && at[RANKING].is_none()
            && let Some((a, b)) = PAIRS.iter().find_map(|names| pair(&at, *names))
        {
            (at[ITEM_A], at[ITEM_B]) = (Some(a), Some(b));
        }
        // a result that is told goes before one that is worked out of counts or scores
        if !results(&at) {
            at[OUTCOME] = COLUMNS[OUTCOME].synonyms.iter().find_map(|name| find(&at, name));
        }
        Self::checked(at, by_user, header, open)
    }

    fn checked(
        mut at: [Option<usize>; COLUMNS.len()],
        by_user: [Option<usize>; COLUMNS.len()],
        header: &[&str],
        open: bool,
    ) -> Result<Self, String> {
        let mut first_won = false;
        if let (Some(won), Some(lost)) = (at[WON], at[LOST]) {
            if at[ITEM_A].is_some() || at[ITEM_B].is_some() {
                return Err("has item_a or item_b beside winning and losing; keep one of the two".into());
            }
            (at[ITEM_A], at[ITEM_B], first_won) = (Some(won), Some(lost), true);
            let tied = |(k, name): (usize, &&str)| {
                at[OUTCOME] == Some(k) || !by_user.contains(&Some(k)) && TIED.contains(&&*folded(name))
            };
            if let Some(name) = header.iter().enumerate().find(|column| tied(*column)).map(|(_, name)| name) {
                return Err(format!(
                    "has `{name}` beside `{}` and `{}`, which say that every row was won; write item_a,item_b,outcome, or \
                     drop that column",
                    header[won], header[lost]
                ));
            }
        }
        (at[WON], at[LOST]) = (None, None);
        let has = |at: &[Option<usize>], m: usize| at[m].is_some();
        if has(&at, OUTCOME) {
            // the outcome in words says it all, and more
            WINNERS.into_iter().chain(WINS).for_each(|m| at[m] = None);
        }
        let winners = WINNERS.map(|m| has(&at, m));
        if winners.contains(&true) && winners.contains(&false) {
            let names = WINNERS.map(|m| COLUMNS[m].role).join(",");
            return Err(format!("has not all of {names}, or an `outcome` in their place"));
        }
        let wins = has(&at, WINS[0]) && has(&at, WINS[1]);
        let told = has(&at, OUTCOME) || winners[0] || wins || first_won;
        let scores = has(&at, SCORES[0]) && has(&at, SCORES[1]);
        if told {
            // a result that is told is not worked out of points
            SCORES.into_iter().for_each(|m| at[m] = None);
        }
        if !wins {
            WINS.into_iter().for_each(|m| at[m] = None);
        }
        let told = told || scores;
        match (has(&at, RANKING), [has(&at, ITEM_A), has(&at, ITEM_B), told]) {
            (true, _) if has(&at, MAGNITUDE) => {
                Err("has rankings and a `magnitude`, which is how much better one of two items was; drop one"
                    .into())
            }
            (true, [false, false, false]) | (false, [true, true, true]) => {
                let named = at.iter().enumerate().filter_map(|(m, k)| Some((header[(*k)?].to_owned(), m)));
                let guessed = named.clone().filter(|(name, m)| {
                    // what the user says, and names that always mean the same, need no mention
                    by_user[*m].is_none() && strong(name) != Some(*m)
                });
                let guessed = guessed.map(|(name, m)| (name, role_of(m, first_won))).collect();
                Ok(Self { names: named.collect(), guessed, first_won, open })
            }
            (true, _) => {
                Err("has both rankings and comparisons; keep `ranking` or item_a,item_b,outcome".into())
            }
            (false, found) => Err(needed(header, found, open)),
        }
    }

    /// The meaning of a column.
    #[inline]
    pub(crate) fn meaning(&self, name: &str) -> Option<usize> {
        match self.names.iter().find(|(known, _)| known == name) {
            Some((_, m)) => Some(*m),
            // another of the names that always mean it may stand in its place in other objects
            None if self.open => strong(name).filter(|m| {
                let taken = |(known, k): &(String, usize)| k == m && strong(known) != Some(*m);
                let fixed = [WON, LOST].contains(m) || (self.first_won && *m < 3);
                !fixed && !self.names.iter().any(taken)
            }),
            None => None,
        }
    }

    /// Which column was read as what, where its name leaves that open.
    pub(crate) fn reading(&self) -> Option<String> {
        let of = |(name, role): &(String, &str)| format!("`{}` as {role}", crate::error::excerpt(name));
        let list: Vec<String> = self.guessed.iter().map(of).collect();
        (!list.is_empty()).then(|| format!("read {}", list.join(", ")))
    }

    /// The column with this meaning.
    pub(crate) fn name_of(&self, meaning: usize) -> Option<&str> {
        self.names.iter().find(|(_, m)| *m == meaning).map(|(name, _)| name.as_str())
    }
}

/// What a column is read as, for a remark.
fn role_of(meaning: usize, first_won: bool) -> &'static str {
    match meaning {
        ITEM_A if first_won => "the item that won",
        ITEM_B if first_won => "the item that lost",
        m => COLUMNS[m].role,
    }
}

/// Names of columns, for a message.
fn shown(header: &[&str]) -> String {
    const SHOWN: usize = 20;
    let mut text = header.iter().take(SHOWN).map(|n| crate::error::excerpt(n)).collect::<Vec<_>>().join(",");
    if header.len() > SHOWN {
        text += &format!(" and {} more", header.len() - SHOWN);
    }
    text
}

/// What was found, what is needed, and the way to say which is which.
fn needed(header: &[&str], [a, b, outcome]: [bool; 3], keys: bool) -> String {
    let found = match keys {
        true => format!("the keys are `{}`", shown(header)),
        false => format!("the header is `{}`", shown(header)),
    };
    let missing = [("item_a", a), ("item_b", b), ("outcome", outcome)];
    let missing: Vec<&str> = missing.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
    let example = missing.iter().map(|m| format!("{m}=NAME")).collect::<Vec<_>>().join(",");
    format!(
        "{found}; item_a,item_b,outcome (or model_a,model_b and winner or winner_model_a,winner_model_b,winner_tie; \
         wins_a,wins_b; score_a,score_b; winner,loser; or ranking) are needed. Missing: {}. Say which column it is by \
         --columns {example}; other layouts: --format, see equipoise list readers",
        missing.join(", ")
    )
}

/// Where each meaning is found among the columns of a header.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    pub(crate) at: [Option<usize>; COLUMNS.len()],
    pub(crate) ignored: Vec<String>,
    /// Which column was read as what, where its name leaves that open.
    pub(crate) reading: Option<String>,
    /// Whether the item listed first has won in every row.
    pub(crate) first_won: bool,
}

impl Places {
    /// Reads a header.
    ///
    /// # Errors
    /// As [`Layout::of`].
    pub(crate) fn of(header: &[&str], reading: &Reading) -> Result<Self, String> {
        let layout = Layout::of(header, reading, false)?;
        let mut places = Self { first_won: layout.first_won, reading: layout.reading(), ..Self::default() };
        for (k, name) in header.iter().enumerate() {
            match layout.meaning(name) {
                Some(m) if places.at[m].is_none() => places.at[m] = Some(k),
                Some(_) => return Err(format!("has two columns `{name}`; keep one of them")),
                None => places.ignored.push((*name).to_owned()),
            }
        }
        Ok(places)
    }
}
