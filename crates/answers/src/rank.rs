//! Items under several ratings side by side, with intervals, and who beats the favourite.

mod answer;
mod page;

use equipoise::data::{
    Battles, Collected, Comparisons, Covaried, Grouped, Keep, Observations, Unit, collect_comparisons,
};
use equipoise::models::intransitivity::InspectError;
use equipoise::models::leaderboard::{
    BoardOptions, Leaderboard as Ratings, Unmet, leaderboard_watched as ratings,
};
use equipoise_records::leaderboard::Leaderboard;

pub use answer::{RankAnswer, RankGroupsAnswer, RankRow};
pub use page::PageOptions;

use crate::error::AnswerError;
use crate::progress::{Progress, Share, Stage};
use crate::source::{Source, group_name, note_comparisons};
use crate::standings::{StandingsAnswer, StandingsOptions, standings, standings_adjusted};

/// Most matches that are rated one by one.
const MOST_MATCHES: usize = 5_000_000;

/// How items are rated.
#[derive(Clone, Debug, PartialEq)]
pub struct RankOptions {
    /// Bootstrap samples.
    pub replicates: usize,
    /// Seed of the draws.
    pub seed: u64,
    /// What pairs that never met are to the maximal lottery.
    pub unmet: Unmet,
    /// Points beside the other ratings: on a scale, with an anchor, adjusted for covariates or reweighted as they say; `None`: none.
    pub points: Option<StandingsOptions>,
}

impl Default for RankOptions {
    fn default() -> Self {
        Self { replicates: 200, seed: 0, unmet: Unmet::default(), points: None }
    }
}

impl RankOptions {
    fn board(&self) -> BoardOptions {
        BoardOptions { replicates: self.replicates, seed: self.seed, unmet: self.unmet }
    }
}

/// What is rated.
#[derive(Clone, Debug)]
pub struct RankData {
    /// All comparisons, counted, and what of them is one observation.
    pub observations: Observations,
    /// The same for each context: for the contexts of a page.
    pub contexts: Option<Grouped>,
    /// The same row by row: for the ratings that follow matches one by one.
    pub battles: Option<Battles>,
    /// The same with covariates: for points that are adjusted.
    pub covaried: Option<Covaried>,
}

impl From<Comparisons> for RankData {
    /// Without contexts, and without ratings match by match.
    fn from(comparisons: Comparisons) -> Self {
        Self { observations: comparisons.into(), contexts: None, battles: None, covaried: None }
    }
}

impl RankData {
    /// Reads a file, once: with what is one observation, with the counts of its contexts if they are wanted, and row by row
    /// if it has at most five million comparisons, or covariates are asked for.
    ///
    /// # Errors
    /// [`AnswerError::Data`].
    pub fn read(
        source: &Source,
        unit: Unit,
        contexts: bool,
        progress: &dyn Progress,
    ) -> Result<Self, AnswerError> {
        let adjusted = !source.selection.reading.covariates.is_empty();
        let rows = Some(if adjusted { usize::MAX } else { MOST_MATCHES });
        let keep = Keep { rows, contexts, unit, ..Keep::default() };
        let Collected { observations, battles, contexts, covaried, .. } =
            collect_comparisons(&source.path, &source.selection, keep)?;
        note_comparisons(&observations.comparisons, "in the lottery alone as the fit has them", progress);
        // rows of large weights are as many matches
        let battles = battles.filter(|_| observations.comparisons.total <= MOST_MATCHES as f64);
        Ok(Self { observations, contexts, battles, covaried })
    }
}

/// Rates the items.
///
/// ```
/// use equipoise_answers::equipoise::{data::Comparisons, ndarray::{Array2, array}};
/// use equipoise_answers::{RankOptions, Silent, rank};
///
/// let wins = array![[0.0, 30.0, 9.0], [10.0, 0.0, 30.0], [11.0, 10.0, 0.0]];
/// let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
/// let found = rank(&data.into(), &RankOptions::default(), &Silent)?;
/// // the favourite loses to the last
/// assert_eq!((found.rows[0].label.as_str(), found.rows[0].worst_opponent.as_deref()), ("0", Some("2")));
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Inspect`] if nothing can be fitted.
pub fn rank(
    data: &RankData,
    options: &RankOptions,
    progress: &dyn Progress,
) -> Result<RankAnswer, AnswerError> {
    let points = points(data, options)?;
    let found = rated(data, options, progress)?;
    Ok(RankAnswer::new(None, &data.observations, &found, points))
}

/// The points that are asked for: what is wrong with them is said before anything long.
fn points(data: &RankData, options: &RankOptions) -> Result<Option<StandingsAnswer>, AnswerError> {
    let of = |options: &StandingsOptions| match &data.covaried {
        Some(covaried) => standings_adjusted(covaried, options),
        None => standings(&data.observations, options),
    };
    options.points.as_ref().map(of).transpose()
}

/// [`rank`], with the record of a page: win rates, cycles, residuals, contexts, and whether one rating is enough.
///
/// # Errors
/// As [`rank`].
pub fn rank_with_page(
    data: &RankData,
    options: &RankOptions,
    page: &PageOptions,
    progress: &dyn Progress,
) -> Result<(RankAnswer, Leaderboard), AnswerError> {
    let points = points(data, options)?;
    let found = rated(data, options, progress)?;
    let record = page::record(data, (&found, points.as_ref()), options, page, progress)?;
    Ok((RankAnswer::new(None, &data.observations, &found, points), record))
}

/// Rates the items of every group by itself; ratings that follow matches one by one are left out, and so are groups without
/// comparisons.
///
/// # Errors
/// [`AnswerError::Group`], as [`rank`].
pub fn rank_groups(
    data: &Grouped,
    options: &RankOptions,
    progress: &dyn Progress,
) -> Result<RankGroupsAnswer, AnswerError> {
    let _stage = Stage::begin(progress, "groups", Some(data.names.len()));
    let mut groups = Vec::new();
    for (k, name) in data.names.iter().enumerate() {
        let (name, alone) = (group_name(name), data.observations(k));
        if alone.comparisons.pairs.is_empty() {
            progress.note(&format!("left out, nothing to compare: {name}"));
        } else {
            let found = ratings(&alone, options.board(), &|| (), &|_| ());
            let found = found.map_err(|e| AnswerError::from(e).in_group(name))?;
            let points = options.points.as_ref().map(|points| standings(&alone, points));
            let points = points.transpose().map_err(|e| e.in_group(name))?;
            groups.push(RankAnswer::new(Some(name.to_owned()), &alone, &found, points));
        }
        progress.advance(1);
    }
    let comparisons = if groups.is_empty() { 0.0 } else { data.pooled().total };
    Ok(RankGroupsAnswer { groups, comparisons, in_several_groups: data.shared })
}

fn rated(data: &RankData, options: &RankOptions, progress: &dyn Progress) -> Result<Ratings, AnswerError> {
    let stage = Stage::begin(progress, "bootstrap samples", Some(options.replicates));
    let done = || progress.advance(1);
    let share = Share::of(progress, "fitting");
    let mut found = ratings(&data.observations, options.board(), &done, &|done| share.to(done))?;
    drop(stage);
    if let Some(battles) = &data.battles {
        found.follow_matches(battles, options.seed).map_err(InspectError::from)?;
    }
    Ok(found)
}
