//! Files in: which file, which of its rows, and what is said about them on the way.

use std::path::{Path, PathBuf};

use equipoise::core::{Policy, Shape};
use equipoise::data::{
    Battles, Checks, Comparisons, Contents, Covaried, Grouped, Grouping, Invalid, MatrixRead, Observations,
    Rankings, Repetitions, Selection, Ties, Unit, contents, read_battles, read_comparisons, read_covariates,
    read_grouped_observations, read_matrix_as, read_observations, read_policy, read_rankings,
};
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::models::lottery::counted_margins;
use equipoise::ndarray::Array2;
use equipoise::reference::{LARGEST_PROOF, RationalMargins};

use crate::decimals::stated;
use crate::error::AnswerError;
use crate::progress::Progress;

/// That groups overlap, if they do.
pub(crate) fn overlap(shared: f64, all: f64) -> Option<String> {
    (shared > 0.0).then(|| {
        format!("{shared} of {all} comparisons are in several groups and count in each, so that groups sum to more than all")
    })
}

/// How many unmet pairs are named one by one.
const NAMED: usize = 12;

/// A file with a game (a preference matrix, or comparisons that make one) or with comparisons, and which of its rows are
/// meant.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// The file. Matrices: `.csv`, `.json`, `.npy`, `.npz`; comparisons: `.csv`, `.jsonl`, `.parquet`, PrefLib.
    pub path: PathBuf,
    /// Of comparisons: which rows count, and what a tie counts. Refused with a matrix.
    pub selection: Selection,
}

/// Largest number of actions whose margins are kept as fractions, 32 bytes a pair.
const LARGEST_FRACTIONS: usize = 1000;
/// Most pairs of all contexts together whose margins are kept as fractions, where there are several contexts.
const MOST_PAIRS: usize = 1_000_000;

/// A game, with its win rates as fractions where they are known as such.
#[derive(Clone, Debug)]
pub struct GivenGame {
    /// The game.
    pub game: Game,
    /// The margins of each context as fractions: for a proof in rational arithmetic, of up to
    /// [`LARGEST_PROOF`](equipoise::reference::LARGEST_PROOF) actions, and above for margins that are rounded once. `None`
    /// above a thousand actions (sixty, where doubles are what was given), above a million pairs in all, and where no
    /// fraction is small enough.
    pub fractions: Vec<Option<RationalMargins>>,
}

impl GivenGame {
    /// A game whose win rates are decimal numbers of up to fifteen places.
    #[must_use]
    pub fn decimal(game: Game) -> Self {
        Self::read(game, LARGEST_FRACTIONS, |matrix| Some(RationalMargins::from_decimals(matrix)))
    }

    /// A game that was read from a text of decimal numbers, each of which counts to its last digit.
    fn of_text(game: Game, text: &str) -> Self {
        let small = game.contexts() == 1 && game.shape().actions(0) <= LARGEST_FRACTIONS;
        match small.then(|| stated(text, &game)).flatten() {
            Some(fractions) => Self { game, fractions: vec![Some(fractions)] },
            None => Self::decimal(game),
        }
    }

    /// The game of counted comparisons; pairs that never met are 1/2.
    #[must_use]
    pub fn counted(data: &Comparisons) -> Self {
        let fractions = (data.n() <= LARGEST_FRACTIONS).then(|| counted_margins(data)).flatten();
        Self { game: data.game(0.0), fractions: vec![fractions] }
    }

    fn read(
        game: Game,
        largest: usize,
        fractions: impl Fn(&PreferenceMatrix) -> Option<RationalMargins>,
    ) -> Self {
        let actions = |x: usize| game.shape().actions(x);
        let pairs: usize = (0..game.contexts()).map(|x| actions(x) * (actions(x) - 1) / 2).sum();
        let of = |x: usize| {
            let small = actions(x) <= largest && (game.contexts() == 1 || pairs <= MOST_PAIRS);
            small.then(|| fractions(&game.matrix(x))).flatten()
        };
        let fractions = (0..game.contexts()).map(of).collect();
        Self { game, fractions }
    }
}

impl From<Game> for GivenGame {
    /// A game of doubles: each stands for itself, a whole number over a power of two.
    fn from(game: Game) -> Self {
        Self::read(game, LARGEST_PROOF, RationalMargins::from_doubles)
    }
}

impl Source {
    /// All rows of a file, ties counted half.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), selection: Selection::default() }
    }

    /// What the file holds.
    #[must_use]
    pub fn contents(&self) -> Contents {
        contents(&self.path, &self.selection.reading)
    }

    fn matrix_read(&self, contents: Contents, progress: &dyn Progress) -> Result<MatrixRead, AnswerError> {
        let known = self.selection.reading.check();
        known.map_err(|rule| AnswerError::input(rule).in_file(&self.path))?;
        if contents == Contents::Payoffs {
            let rule = "holds payoffs of two players, which solve alone takes";
            return Err(AnswerError::input(rule).in_file(&self.path));
        }
        if let Some(more) = self.selection.reading.more.first() {
            let rule =
                format!("is a matrix, which {} cannot follow; several files are comparisons", more.display());
            return Err(AnswerError::input(rule).in_file(&self.path));
        }
        self.check(contents)?;
        let read = read_matrix_as(&self.path, &self.selection.reading)?;
        read.remarks.iter().for_each(|remark| progress.note(remark));
        Ok(read)
    }

    /// Whether all options are for what the file holds.
    ///
    /// # Errors
    /// [`AnswerError::Input`] for an option that would be without effect.
    pub fn check(&self, contents: Contents) -> Result<(), AnswerError> {
        let Selection { context, annotator, items, since, ties, reading } = &self.selection;
        let of_rows = [
            ("context", context.is_some()),
            ("annotator", annotator.is_some()),
            ("items", items.is_some()),
            ("since", since.is_some()),
            ("ties", *ties != Ties::default()),
            ("columns", !reading.columns.is_empty()),
            ("outcomes", !reading.outcomes.is_empty()),
            ("invalid", reading.invalid != Invalid::default()),
            ("repetitions", reading.repetitions != Repetitions::default()),
            ("normalise-names", reading.normalise_names),
            ("tags", reading.tags.is_some()),
        ];
        let misplaced =
            |options: &[(&'static str, bool)]| options.iter().find(|(_, given)| *given).map(|(o, _)| *o);
        let symmetrise = [("symmetrise", reading.symmetrise)];
        let rule = match contents {
            // what is not there says so when it is opened
            _ if !self.path.is_file() && self.path != Path::new("-") => None,
            Contents::Comparisons => misplaced(&symmetrise).map(|option| {
                format!("holds comparisons, whose matrix is skew as it is; --{option} is for matrices")
            }),
            Contents::Payoffs => misplaced(&symmetrise)
                .or_else(|| misplaced(&of_rows))
                .map(|option| format!("holds payoffs of two players, to which --{option} does not apply")),
            Contents::Matrix => misplaced(&of_rows).map(|option| {
                format!("is a matrix, which has no rows to select; --{option} is for comparisons")
            }),
        };
        rule.map_or(Ok(()), |rule| Err(AnswerError::input(rule).in_file(&self.path)))
    }

    /// The game of a matrix, or of comparisons where the header says so. Texts and counts come with fractions.
    ///
    /// # Errors
    /// [`AnswerError::Data`].
    pub fn game(&self, progress: &dyn Progress) -> Result<GivenGame, AnswerError> {
        self.game_in(self.contents(), progress)
    }

    /// [`Source::game`] of a file whose [`Source::contents`] were looked at already.
    ///
    /// # Errors
    /// As [`Source::game`].
    pub fn game_in(&self, contents: Contents, progress: &dyn Progress) -> Result<GivenGame, AnswerError> {
        if contents == Contents::Comparisons {
            self.check(contents)?;
            let data = read_comparisons(&self.path, &self.selection)?;
            note_comparisons(&data, "counted as 1/2", progress);
            return Ok(GivenGame::counted(&data));
        }
        let MatrixRead { game, remarks, text } = self.matrix_read(contents, progress)?;
        // what was read otherwise than it stands in the text is not to be read there again
        let text = text.filter(|_| remarks.is_empty());
        let binary = |ending: &std::ffi::OsStr| ["npy", "npz"].iter().any(|b| ending.eq_ignore_ascii_case(b));
        Ok(match (self.path.extension(), text) {
            (Some(ending), _) if binary(ending) => game.into(),
            (_, Some(text)) => GivenGame::of_text(game, &text),
            (_, None) => GivenGame::decimal(game),
        })
    }

    /// Comparisons, counted; those of a matrix of one context are one a pair, in fractions.
    ///
    /// # Errors
    /// [`AnswerError::Data`], or [`AnswerError::Input`] for a matrix of several contexts.
    pub fn comparisons(&self, progress: &dyn Progress) -> Result<Comparisons, AnswerError> {
        self.comparisons_in(self.contents(), progress)
    }

    pub(crate) fn comparisons_in(
        &self,
        contents: Contents,
        progress: &dyn Progress,
    ) -> Result<Comparisons, AnswerError> {
        let data = match contents {
            Contents::Comparisons => {
                self.check(contents)?;
                read_comparisons(&self.path, &self.selection)?
            }
            _ => {
                let game = self.matrix_read(contents, progress)?.game;
                comparisons_of(&game).map_err(|e| e.in_file(&self.path))?
            }
        };
        note_comparisons(&data, "left out", progress);
        Ok(data)
    }

    /// Comparisons, counted, and what of them is one observation; else as [`Source::comparisons`].
    ///
    /// # Errors
    /// As [`Source::comparisons`]; also [`AnswerError::Input`] for a matrix with a unit other than the row.
    pub fn observations(&self, unit: Unit, progress: &dyn Progress) -> Result<Observations, AnswerError> {
        let contents = self.contents();
        if contents != Contents::Comparisons {
            if unit != Unit::Row {
                let rule =
                    "a matrix has no contexts or annotators; leave out --by-context and --by-annotator";
                return Err(AnswerError::input(rule).in_file(&self.path));
            }
            return self.comparisons_in(contents, progress).map(Into::into);
        }
        self.check(contents)?;
        let data = read_observations(&self.path, &self.selection, unit)?;
        note_comparisons(&data.comparisons, "left out", progress);
        Ok(data)
    }

    /// Comparisons row by row, with the covariates that the selection names, and what of them is one observation.
    ///
    /// # Errors
    /// [`AnswerError::Data`]; [`AnswerError::Input`] for a matrix.
    pub fn covaried(&self, unit: Unit, progress: &dyn Progress) -> Result<Covaried, AnswerError> {
        if self.contents() != Contents::Comparisons {
            let rule = "a matrix has no covariates; leave out --covariate";
            return Err(AnswerError::input(rule).in_file(&self.path));
        }
        let data = read_covariates(&self.path, &self.selection, unit)?;
        note_comparisons(&data.observations.comparisons, "left out", progress);
        Ok(data)
    }

    /// Comparisons, counted for each context or annotator, and what of them is one observation.
    ///
    /// # Errors
    /// [`AnswerError::Data`], or [`AnswerError::Input`] for a matrix.
    pub fn grouped(&self, by: Grouping, unit: Unit, progress: &dyn Progress) -> Result<Grouped, AnswerError> {
        if self.path.is_file() && self.contents() != Contents::Comparisons {
            return Err(AnswerError::input("a matrix has no groups; leave out --each").in_file(&self.path));
        }
        let grouped = read_grouped_observations(&self.path, &self.selection, by, unit)?;
        note_checks(&grouped.checks, progress);
        Ok(grouped)
    }

    /// Comparisons, row by row.
    ///
    /// # Errors
    /// [`AnswerError::Data`].
    pub fn battles(&self, progress: &dyn Progress) -> Result<Battles, AnswerError> {
        let battles = read_battles(&self.path, &self.selection)?;
        note_checks(&battles.checks, progress);
        Ok(battles)
    }

    /// Rankings.
    ///
    /// # Errors
    /// [`AnswerError::Data`].
    pub fn rankings(&self, progress: &dyn Progress) -> Result<Rankings, AnswerError> {
        let rankings = read_rankings(&self.path, &self.selection)?;
        note_checks(&rankings.checks, progress);
        Ok(rankings)
    }
}

/// A policy file for a game of one context: `.csv` with header `label,prob`, or `.json` with a list of numbers.
///
/// # Errors
/// [`AnswerError`], naming the file.
pub fn read_policy_for(game: &Game, path: &Path) -> Result<Policy, AnswerError> {
    let contexts = game.contexts();
    if contexts > 1 {
        let rule = format!("the game has {contexts} contexts; a policy file is for one");
        return Err(AnswerError::input(rule).in_file(path));
    }
    let probs = read_policy(path, &game.labels(0))?;
    Policy::from_probs(game.shape(), probs.into()).map_err(|e| AnswerError::from(e).in_file(path))
}

/// [`read_policy_for`], refused if it cannot be regularised towards.
///
/// # Errors
/// [`AnswerError`], naming the file.
pub fn read_reference_for(game: &Game, path: &Path) -> Result<Policy, AnswerError> {
    let mu = read_policy_for(game, path)?;
    check_reference(&mu).map_err(|e| e.in_file(path))?;
    Ok(mu)
}

/// A reference over items of these names, as [`read_reference_for`] reads it.
///
/// # Errors
/// [`AnswerError`], naming the file.
pub fn read_reference_of(labels: &[String], path: &Path) -> Result<Policy, AnswerError> {
    let probs = read_policy(path, labels)?;
    let shape = Shape::single(labels.len()).ok_or_else(|| AnswerError::input("there are no items"))?;
    let mu = Policy::from_probs(&shape, probs.into()).map_err(|e| AnswerError::from(e).in_file(path))?;
    check_reference(&mu).map_err(|e| e.in_file(path))?;
    Ok(mu)
}

pub(crate) fn check_reference(mu: &Policy) -> Result<(), AnswerError> {
    if mu.log_probs().iter().all(|l| l.is_finite()) {
        return Ok(());
    }
    Err(AnswerError::input("a reference needs a probability above 0 for every action"))
}

/// A matrix as one comparison a pair, in fractions: it has win rates, and no counts.
///
/// # Errors
/// [`AnswerError::Input`] for several contexts.
pub fn comparisons_of(game: &Game) -> Result<Comparisons, AnswerError> {
    let contexts = game.contexts();
    if contexts > 1 {
        return Err(AnswerError::input(format!("has {contexts} contexts; inspect one at a time")));
    }
    let mut wins = game.to_array(0);
    wins.diag_mut().fill(0.0);
    let ties = Array2::zeros(wins.dim());
    Ok(Comparisons { labels: game.labels(0), counted: false, ..Comparisons::from_tables(&wins, &ties) })
}

/// The name of a group, as it is printed.
pub(crate) fn group_name(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

/// What a tie counted, in words.
pub(crate) fn tie_rule(ties: Ties) -> &'static str {
    match ties {
        Ties::Half => "half a win to each side",
        Ties::Drop => "dropped",
    }
}

pub(crate) fn note_checks(checks: &Checks, progress: &dyn Progress) {
    checks.remarks().iter().for_each(|remark| progress.note(remark));
}

/// Says what was counted and how, and what was odd.
pub(crate) fn note_comparisons(data: &Comparisons, unmet_are: &str, progress: &dyn Progress) {
    let rule = tie_rule(data.ties);
    progress.note(&format!("{} comparisons; {} ties, counted as: {rule}", data.total, data.total_ties));
    note_checks(&data.checks, progress);
    let unmet = data.unmet();
    if unmet > NAMED {
        progress.note(&format!("{unmet} of {} pairs never met, {unmet_are}", unmet + data.pairs.len()));
    } else if unmet > 0 {
        for (i, j) in data.unmet_pairs() {
            progress.note(&format!("never met, {unmet_are}: {} and {}", data.labels[i], data.labels[j]));
        }
    }
    let parts = data.components();
    if parts.len() > 1 {
        let rest: Vec<&str> =
            parts[1..].iter().flatten().map(|&i| data.labels[i].as_str()).take(NAMED).collect();
        progress.note(&format!(
            "the items fall into {} groups that never met each other; no rating compares them: {} and others",
            parts.len(),
            rest.join(", ")
        ));
    }
}
