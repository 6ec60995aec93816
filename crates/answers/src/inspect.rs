//! Is it cyclic beyond noise? Measures of intransitivity, against data sets drawn under one rating an item.

mod answer;
mod groups;
mod verdict;

use equipoise::data::{Comparisons, Grouped};
use equipoise::models::intransitivity::inspect as test_intransitivity;

pub use answer::{
    BradleyTerryFacts, CyclicEnergy, CyclicTriads, InspectAnswer, NashFacts, PositionBias, PowerFacts,
    PowerTriad, StatisticFacts, StrongestCycle,
};
pub use groups::{GroupSummary, InspectGroupsAnswer};
pub use verdict::{Favourite, InspectVerdict};

use crate::error::AnswerError;
use crate::progress::{Progress, Stage};
use crate::source::group_name;

/// How comparisons are inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectOptions {
    /// Data sets drawn under one rating an item; 0: no p-values.
    pub replicates: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self { replicates: 999, seed: 0 }
    }
}

/// Inspects the comparisons of one game. Those of a matrix ([`comparisons_of`](crate::comparisons_of)) have no counts, and
/// nothing is drawn.
///
/// ```
/// use equipoise_answers::equipoise::{data::Comparisons, ndarray::{Array2, array}};
/// use equipoise_answers::{InspectOptions, InspectVerdict, Silent, inspect};
///
/// // a beats b, b beats c, c beats a, 90 times of 100
/// let wins = array![[0.0, 90.0, 10.0], [10.0, 0.0, 90.0], [90.0, 10.0, 0.0]];
/// let data = Comparisons::from_tables(&wins, &Array2::zeros((3, 3)));
/// let found = inspect(&data, &InspectOptions { replicates: 99, seed: 0 }, &Silent)?;
/// assert!(matches!(found.verdict, InspectVerdict::CyclicBeyondNoise { .. }));
/// assert_eq!(found.verdict.word(), "cyclic beyond noise");
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Inspect`] if nothing can be fitted, or there is no lottery.
pub fn inspect(
    data: &Comparisons,
    options: &InspectOptions,
    progress: &dyn Progress,
) -> Result<InspectAnswer, AnswerError> {
    let stage = Stage::begin(progress, "data sets under one rating an item", Some(options.replicates));
    let found = test_intransitivity(data, options.replicates, options.seed, &|| progress.advance(1))?;
    drop(stage);
    Ok(InspectAnswer::new(None, data, &found))
}

/// Inspects every group as a game of its own; groups without comparisons are left out, and said.
///
/// # Errors
/// [`AnswerError::Group`], as [`inspect`].
pub fn inspect_groups(
    data: &Grouped,
    options: &InspectOptions,
    progress: &dyn Progress,
) -> Result<InspectGroupsAnswer, AnswerError> {
    let _stage = Stage::begin(progress, "groups", Some(data.names.len()));
    let mut groups = Vec::new();
    for (k, name) in data.names.iter().enumerate() {
        let (name, alone) = (group_name(name), data.alone(k));
        if alone.pairs.is_empty() {
            progress.note(&format!("left out, nothing to compare: {name}"));
        } else {
            let found = test_intransitivity(&alone, options.replicates, options.seed, &|| ());
            let found = found.map_err(|e| AnswerError::from(e).in_group(name))?;
            groups.push(InspectAnswer::new(Some(name.to_owned()), &alone, &found));
        }
        progress.advance(1);
    }
    Ok(InspectGroupsAnswer { summary: GroupSummary::of(&groups), groups })
}
