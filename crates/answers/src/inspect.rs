//! Is it cyclic beyond noise? Measures of intransitivity, against data sets drawn under one rating an item.

mod answer;
mod groups;

use std::cell::Cell;

use equipoise::core::seed::stream;
use equipoise::data::{
    Battles, Collected, Comparisons, Contents, Grouped, Keep, Observations, Unit, collect_comparisons,
};
use equipoise::models::MAX_ITEMS;
use equipoise::models::agreement::agreement;
use equipoise::models::intransitivity::{REPLICATES, inspect_observed, inspect_watched};
use equipoise::models::krippendorff::{Distance, alpha, units};

pub use answer::{
    AnnotatorAgreement, BradleyTerryFacts, CyclicEnergy, CyclicTriads, GroupAgreement, InspectAnswer,
    LinkFacts, NashFacts, OneRatingFacts, PowerFacts, PowerTriad, Repeated, StatisticFacts, StrongestCycle,
};
pub use equipoise::models::intransitivity::{
    Cycle, Detectable, Favourite, InspectVerdict, LotteryWords, OneRating,
};
pub use groups::{GroupSummary, InspectGroupsAnswer};

use crate::error::AnswerError;
use crate::progress::{Progress, Silent, Stage};
use crate::source::{Source, group_name, note_comparisons};

/// Most rows that are kept on the chance that several annotators judged them; of a longer file they are read again if so.
const MOST_ROWS: usize = 5_000_000;

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
        Self { replicates: REPLICATES, seed: 0 }
    }
}

/// Comparisons of one game, and how contexts and annotators split them, where a file says so.
#[derive(Clone, Debug)]
pub struct InspectData {
    /// All of them, and what of them is one observation.
    pub observations: Observations,
    /// The same by context.
    pub contexts: Option<Grouped>,
    /// The same by annotator.
    pub annotators: Option<Grouped>,
    /// The same row by row, where there are annotators.
    pub rows: Option<Battles>,
}

impl InspectData {
    /// Reads a file, once, and its beginning before; groups are kept if there are at least two. Above five million
    /// comparisons by several annotators it is read again for its rows.
    ///
    /// # Errors
    /// As [`Source::observations`].
    pub fn read(source: &Source, unit: Unit, progress: &dyn Progress) -> Result<Self, AnswerError> {
        if source.contents() != Contents::Comparisons {
            let observations = source.observations(unit, progress)?;
            return Ok(Self { observations, contexts: None, annotators: None, rows: None });
        }
        let keep = Keep { rows: Some(MOST_ROWS), contexts: true, annotators: true, unit, ..Keep::default() };
        let found = collect_comparisons(&source.path, &source.selection, keep)?;
        let Collected { observations, battles, contexts, annotators, .. } = found;
        note_comparisons(&observations.comparisons, "left out", progress);
        let several = |groups: Option<Grouped>| groups.filter(|groups| groups.names.len() > 1);
        let (contexts, annotators) = (several(contexts), several(annotators));
        let rows = match (&annotators, battles) {
            (None, _) => None,
            (Some(_), None) => Some(source.battles(&Silent)?),
            (Some(_), kept) => kept,
        };
        Ok(Self { observations, contexts, annotators, rows })
    }
}

/// Bootstrap samples of the interval of Krippendorff's alpha.
const SAMPLES: usize = 400;

/// [`inspect`], and whether one board fits all contexts and all annotators, and whether annotators agree on what several of
/// them judged.
///
/// # Errors
/// As [`inspect`].
pub fn inspect_split(
    data: &InspectData,
    options: &InspectOptions,
    progress: &dyn Progress,
) -> Result<InspectAnswer, AnswerError> {
    let mut answer = observed(&data.observations, options, progress)?;
    for (by, grouped) in [("context", &data.contexts), ("annotator", &data.annotators)] {
        if let Some(grouped) = grouped {
            let dependent = dependent(&data.observations);
            if data.observations.unit == Unit::Row {
                answer.repeated.extend(Repeated::of(by, grouped));
            }
            let dealt = if dependent.is_none() { options.replicates } else { 0 };
            let found = agreement(grouped, dealt, options.seed);
            answer.add_agreement(GroupAgreement {
                by,
                groups: found.groups,
                shared: found.shared,
                p_value: found.p_value,
                untested: dependent.or(found.untested),
            });
        }
    }
    if let Some(rows) = &data.rows {
        let mut rng = stream(options.seed, "krippendorff", &[]);
        let units = units(rows);
        let mut of = |distance| alpha(&units, distance, SAMPLES, &mut rng);
        let (nominal, interval) = (of(Distance::Nominal), of(Distance::Interval));
        answer.annotator_agreement = nominal.alpha.map(|alpha| AnnotatorAgreement {
            units: nominal.units,
            judgements: nominal.judgements,
            alpha,
            low: nominal.interval.map(|i| i.0),
            high: nominal.interval.map(|i| i.1),
            alpha_of_scores: interval.alpha,
        });
    }
    Ok(answer)
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
    observed(&data.clone().into(), options, progress)
}

fn observed(
    data: &Observations,
    options: &InspectOptions,
    progress: &dyn Progress,
) -> Result<InspectAnswer, AnswerError> {
    let InspectOptions { replicates, seed } = *options;
    let found = if data.comparisons.n() > MAX_ITEMS {
        let (stage, told) = (Stage::begin(progress, "inspecting", Some(100)), Cell::new(0));
        let watch =
            |share: f64| progress.advance((100.0 * share) as u64 - told.replace((100.0 * share) as u64));
        let found = inspect_watched(data, replicates, seed, &|| (), &watch)?;
        drop(stage);
        found
    } else {
        let stage = Stage::begin(progress, "data sets under one rating an item", Some(replicates));
        let found = inspect_observed(data, replicates, seed, &|| progress.advance(1))?;
        drop(stage);
        found
    };
    Ok(InspectAnswer::new(None, data, &found))
}

/// Why outcomes cannot be dealt to comparisons one by one, if they cannot.
fn dependent(data: &Observations) -> Option<&'static str> {
    match (data.unit, data.comparisons.checks.rankings > 0) {
        (Unit::Context, _) => Some("the comparisons of one context cannot be dealt apart"),
        (Unit::Annotator, _) => Some("the comparisons of one annotator cannot be dealt apart"),
        (Unit::Row, true) => Some("the pairs of one ranking cannot be dealt apart"),
        (Unit::Row, false) => None,
    }
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
        let (name, alone) = (group_name(name), data.observations(k));
        if alone.comparisons.pairs.is_empty() {
            progress.note(&format!("left out, nothing to compare: {name}"));
        } else {
            let found = inspect_observed(&alone, options.replicates, options.seed, &|| ());
            let found = found.map_err(|e| AnswerError::from(e).in_group(name))?;
            groups.push(InspectAnswer::new(Some(name.to_owned()), &alone, &found));
        }
        progress.advance(1);
    }
    let comparisons = if groups.is_empty() { 0.0 } else { data.pooled().total };
    Ok(InspectGroupsAnswer::new(groups, comparisons, data.shared))
}
