//! A preference model fitted to data, with errors and how well it predicts.
//!
//! Which options, features, groups and rules for ties a model takes follows from its row in [`MODELS`]; nothing here knows a
//! model by name.
//!
//! [`MODELS`]: equipoise::models::MODELS

mod compared;
mod groups;
mod model;
mod pairwise;
mod probability;

use std::fmt;
use std::path::{Path, PathBuf};

use equipoise::core::registry::BuildError;
use equipoise::data::{Covaried, Grouped, Grouping, Ties, Unit};
use equipoise::models::{
    BRADLEY_TERRY, Counts, FitError, ModelData, ModelEntry, ModelInput, PairFit, ReadError, Reweight,
    fit_covariates, model,
};
use serde::Serialize;
use serde_json::{Map, Value};

pub use compared::{ComparedModel, ComparedModelsAnswer, compare_models};
pub use groups::{FitGroupsAnswer, GroupFit};
pub use model::ModelAnswer;
pub use pairwise::{Coefficient, PairwiseAnswer};

use crate::error::AnswerError;
use crate::progress::{Progress, Share, Stage};
use crate::source::{Source, note_comparisons};
use crate::standings::StandingsOptions;

/// What a tie counts in a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FitTies {
    /// Half a win to each side.
    Half,
    /// Nothing.
    Drop,
    /// An outcome of its own.
    Model,
}

/// What is fitted.
#[derive(Clone, Debug)]
pub struct FitOptions {
    /// The model: a name of [`list`](crate::list())`(Noun::Models)`.
    pub model: String,
    /// Options of the model, as `prior` or `algorithm`: what is left out has the default of its registry row.
    pub options: Map<String, Value>,
    /// Whether every context (or annotator) is fitted by itself; of models of counted comparisons.
    pub each: Option<Grouping>,
    /// What a tie counts; `None`: an outcome of its own where the model has ties, else half a win to each side.
    pub ties: Option<FitTies>,
    /// Points beside the strengths, of Bradley-Terry: on a scale, with an anchor. What counts alike in the estimate is for the option
    /// `reweight` of the model to say. `None`: none.
    pub points: Option<StandingsOptions>,
    /// Seed of the random splits and draws.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            model: "bradley-terry".to_owned(),
            options: Map::new(),
            each: None,
            ties: None,
            points: None,
            seed: 0,
        }
    }
}

impl FitOptions {
    /// What counts alike in the estimate.
    fn reweight(&self) -> Reweight {
        let given = self.options.get("reweight").cloned();
        given.and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
    }

    /// Refuses what only a Bradley-Terry fit of single comparisons has: points, whose unit is odds, and covariates.
    fn of_odds(&self, what: &'static str, features: bool) -> Result<(), AnswerError> {
        let rule = match () {
            () if self.model != BRADLEY_TERRY.name => "is for bradley-terry, whose strengths are log odds",
            () if features => "is not for strengths that are linear in features of the items",
            () if self.each.is_some() => "is not for groups; select one with --context or --annotator",
            () => return Ok(()),
        };
        Err(AnswerError::option(what, "", rule))
    }

    /// The row of the model, once every option and table of features is one that it can keep.
    fn checked(&self, features: bool, context_features: bool) -> Result<&'static ModelEntry, AnswerError> {
        let entry = model(&self.model).map_err(|e| AnswerError::option("model", "", e.to_string()))?;
        let of = |what| entry.input.features_of() == Some(what);
        let counts = entry.input == ModelInput::Counts;
        let misplaced = [
            ("features", features && (!of("item") || self.each.is_some())),
            ("context_features", context_features && !of("context")),
            ("each", self.each.is_some() && !counts),
        ];
        let misplaced = misplaced.into_iter().filter(|m| m.1).map(|m| m.0.to_owned());
        // groups are fitted with errors and compared with one fit for all: neither passes nor a bonus
        let alone = |key: &str| self.each.is_some() && matches!(key, "home" | "algorithm");
        let unknown = self.options.keys().filter(|key| !entry.has_option(key) || alone(key)).cloned();
        if let Some(option) = unknown.chain(misplaced).next() {
            let rule = format!("is not for {}; see equipoise list models", self.model);
            return Err(AnswerError::option(option, "", rule));
        }
        entry.check(&self.block()).map_err(refused)?;
        if self.points.is_some() {
            self.of_odds("scale", features)?;
        }
        self.ties(entry)?;
        Ok(entry)
    }

    fn block(&self) -> Value {
        Value::Object(self.options.clone())
    }

    /// The rule for reading ties, and refusal of one that the model cannot keep.
    fn ties(&self, entry: &ModelEntry) -> Result<Ties, AnswerError> {
        match (self.ties, entry.has_ties) {
            (Some(FitTies::Drop), _) => Ok(Ties::Drop),
            (None, _) | (Some(FitTies::Half), false) | (Some(FitTies::Model), true) => Ok(Ties::Half),
            (Some(FitTies::Half), true) => {
                let rule = format!(
                    "is not for {}: it has ties as outcomes of their own; use model or drop",
                    self.model
                );
                Err(AnswerError::option("ties", "half", rule))
            }
            (Some(FitTies::Model), false) => {
                let rule = format!(
                    "is not for {}: it has no ties of its own; use davidson or rao-kupper, or half",
                    self.model
                );
                Err(AnswerError::option("ties", "model", rule))
            }
        }
    }
}

/// An option of a model that is refused, under its name.
fn refused(error: BuildError) -> AnswerError {
    let (option, value, rule) = match error {
        BuildError::Range { key, value, rule } => (key, value, format!("is refused: {rule}")),
        other => (other.key().to_owned(), String::new(), format!("is refused: {other}")),
    };
    AnswerError::option(option, value, rule)
}

/// What a model is fitted to.
#[derive(Clone, Debug)]
pub enum FitData {
    /// Data in the form that the model needs.
    Whole(ModelData),
    /// Comparisons for each context or annotator: models of counted comparisons, each group by itself.
    Groups(Grouped),
    /// Comparisons with covariates, which Bradley-Terry is adjusted for.
    Covaried(Box<Covaried>),
}

impl<D: Into<ModelData>> From<D> for FitData {
    fn from(data: D) -> Self {
        Self::Whole(data.into())
    }
}

/// Files with what a model is fitted to.
#[derive(Clone, Debug, Default)]
pub struct FitSource {
    /// The comparisons or rankings. What a tie counts is for [`FitOptions`] (`ties`) to say.
    pub source: Source,
    /// Features of the items: CSV with a column `item` and one column a feature.
    pub features: Option<PathBuf>,
    /// Features of the contexts: CSV with a column `context` and one column a feature.
    pub context_features: Option<PathBuf>,
    /// What is one observation; of models of counted comparisons.
    pub unit: Unit,
}

impl FitSource {
    /// Reads what the model takes.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for options that the model cannot keep, [`AnswerError::Data`] for a file.
    pub fn read(&self, options: &FitOptions, progress: &dyn Progress) -> Result<FitData, AnswerError> {
        let entry = options.checked(self.features.is_some(), self.context_features.is_some())?;
        if self.unit != Unit::Row && entry.input != ModelInput::Counts {
            let option = if self.unit == Unit::Context { "by_context" } else { "by_annotator" };
            let rule = "is for models of counted comparisons";
            return Err(AnswerError::option(option, "", rule));
        }
        let mut source = self.source.clone();
        source.selection.ties = options.ties(entry)?;
        if !source.selection.reading.covariates.is_empty() {
            options.of_odds("covariate", self.features.is_some())?;
            return Ok(FitData::Covaried(Box::new(source.covaried(self.unit, progress)?)));
        }
        if let Some(by) = options.each {
            return Ok(FitData::Groups(source.grouped(by, self.unit, progress)?));
        }
        let features = self.features.as_deref().or(self.context_features.as_deref());
        let data = read(entry, &source, self.unit, features)?;
        match &data {
            ModelData::Counts(counts) if entry.has_ties => {
                let all = &counts.observations.comparisons;
                let (total, ties) = (all.total, all.total_ties);
                progress.note(&format!("{total} comparisons; {ties} ties, each an outcome of its own"));
                data.remarks().iter().for_each(|remark| progress.note(remark));
            }
            ModelData::Counts(counts) => {
                note_comparisons(&counts.observations.comparisons, "left out", progress)
            }
            _ => data.remarks().iter().for_each(|remark| progress.note(remark)),
        }
        Ok(FitData::Whole(data))
    }
}

fn read(
    entry: &ModelEntry,
    source: &Source,
    unit: Unit,
    features: Option<&Path>,
) -> Result<ModelData, AnswerError> {
    entry.read(&source.path, &source.selection, unit, features).map_err(|e| match e {
        ReadError::Data(e) => e.into(),
        ReadError::FeaturesMissing => {
            let rule = "needs --context-features FILE: a column `context`, then one a feature";
            AnswerError::option("model", entry.name, rule)
        }
        other => AnswerError::input(other.to_string()),
    })
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum FitAnswer {
    /// A model of comparisons of two, by Newton's method: with intervals, and how well it predicts.
    Pairwise(Box<PairwiseAnswer>),
    /// A model of counted comparisons for every group by itself.
    Groups(FitGroupsAnswer),
    /// Any other.
    Model(Box<ModelAnswer>),
}

/// Fits a model.
///
/// ```
/// use equipoise_answers::equipoise::{data::Comparisons, ndarray::{Array2, array}};
/// use equipoise_answers::{FitAnswer, FitOptions, Silent, fit};
///
/// // the first wins 3 of 4: log 3 apart
/// let data = Comparisons::from_tables(&array![[0.0, 30.0], [10.0, 0.0]], &Array2::zeros((2, 2)));
/// let FitAnswer::Pairwise(found) = fit(&data.into(), &FitOptions::default(), &Silent)? else { panic!("Bradley-Terry") };
/// assert!((found.log_strength[0] - found.log_strength[1] - 3f64.ln()).abs() < 1e-12);
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for a model that is not known or options that it cannot keep, [`AnswerError::Fit`] for data of
/// another kind than the model takes, or if nothing can be fitted.
pub fn fit(data: &FitData, options: &FitOptions, progress: &dyn Progress) -> Result<FitAnswer, AnswerError> {
    let features = matches!(data, FitData::Whole(ModelData::Counts(counts)) if counts.features.is_some());
    let entry = options.checked(features, matches!(data, FitData::Whole(ModelData::Contexts(_))))?;
    let block = options.block();
    let data = match (data, options.each) {
        (FitData::Whole(data), None) => data,
        (FitData::Groups(data), Some(_)) => {
            return groups::fit_groups(data, entry, &block, progress).map(FitAnswer::Groups);
        }
        (FitData::Covaried(data), _) => return adjusted(data, entry, options),
        (FitData::Groups(_), None) => return Err(AnswerError::input("groups are fitted with `each` alone")),
        (FitData::Whole(_), Some(_)) => return Err(AnswerError::input("`each` takes comparisons in groups")),
    };
    // in how many units is told by fits that know
    let _stage = Stage::begin(progress, "fitting", None);
    let share = Share::of(progress, "fitting");
    let fitted = entry.fit_watched(data, &block, &|done| share.to(done)).map_err(|e| match e {
        FitError::Options(e) => refused(e),
        other => other.into(),
    })?;
    Ok(match (fitted.result::<PairFit>(), data) {
        (Some(found), ModelData::Counts(data)) => {
            FitAnswer::Pairwise(Box::new(pairwise::answer(data, entry, (&fitted, found), options)?))
        }
        _ if options.points.is_some() => {
            let rule = "is for Newton's method on at most 3000 items, which has the errors of differences";
            return Err(AnswerError::option("scale", "", rule));
        }
        _ => FitAnswer::Model(Box::new(ModelAnswer::new(data, &fitted))),
    })
}

impl FitAnswer {
    /// The strengths of a model of comparisons of two as the bytes of a file: `.csv`, `.jsonl`, `.parquet` or `.tex`, told by the
    /// ending.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for another ending, and for other models.
    pub fn file(&self, path: &Path) -> Result<Vec<u8>, AnswerError> {
        match self {
            Self::Pairwise(answer) => answer.file(path),
            Self::Groups(_) | Self::Model(_) => {
                let rule = "is for one fit of a model of comparisons of two by Newton's method; use --json";
                Err(AnswerError::option("export", "", rule))
            }
        }
    }
}

impl fmt::Display for FitAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pairwise(answer) => answer.fmt(f),
            Self::Groups(answer) => answer.fmt(f),
            Self::Model(answer) => answer.fmt(f),
        }
    }
}

/// Bradley-Terry, adjusted for covariates.
fn adjusted(data: &Covaried, entry: &ModelEntry, options: &FitOptions) -> Result<FitAnswer, AnswerError> {
    options.of_odds("covariate", false)?;
    if let Some(key) = options.options.keys().find(|key| *key != "reweight") {
        let rule = "is not for fits with covariates; a bonus for the item listed first is a covariate that is 1 in every row";
        return Err(AnswerError::option(key.clone(), "", rule));
    }
    let (found, coefficients) = fit_covariates(data, &BRADLEY_TERRY, options.reweight())?;
    let counts = Counts { observations: data.observations.clone(), features: None };
    let fitted = found.clone().fitted(data.observations.comparisons.labels.clone());
    let answer = pairwise::with_covariates(&counts, entry, (&fitted, &found), (options, Some(coefficients)))?;
    Ok(FitAnswer::Pairwise(Box::new(answer)))
}

/// Items by falling value.
fn falling(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    order
}
