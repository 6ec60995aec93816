//! A preference model fitted to data, with errors and how well it predicts.

mod contextual;
mod groups;
mod iterative;
mod magnitude;
mod pairwise;
mod rankings;
mod sequential;
mod text;

use std::fmt;
use std::path::PathBuf;

use equipoise::core::registry::nearest;
use equipoise::data::{
    Battles, Comparisons, Grouped, Grouping, Rankings, Ties, read_comparisons, read_features,
};
use equipoise::models::{MODELS, Magnitude, Model};
use equipoise::ndarray::Array2;
use serde::Serialize;

pub use contextual::ContextualAnswer;
pub use groups::{FitGroupsAnswer, GroupFit};
pub use iterative::IterativeAnswer;
pub use magnitude::MagnitudeAnswer;
pub use pairwise::{Coefficient, PairwiseAnswer};
pub use rankings::RankingsAnswer;
pub use sequential::SequentialAnswer;

use crate::error::AnswerError;
use crate::progress::Progress;
use crate::source::{Source, note_checks, note_comparisons};

/// How Bradley-Terry strengths are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// Newton's method, with errors; up to 3000 items.
    #[default]
    Newton,
    /// Newman's iteration, in place: any number of items, without errors.
    Newman,
    /// Zermelo's iteration: likewise, slower.
    Zermelo,
}

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
    /// Whether every context (or annotator) is fitted by itself; of models of comparisons of two.
    pub each: Option<Grouping>,
    /// How the strengths of `bradley-terry` are found.
    pub algorithm: Algorithm,
    /// What a tie counts; `None`: an outcome of its own where the model has ties, else half a win to each side.
    pub ties: Option<FitTies>,
    /// Whether the item listed first has a bonus; of models of comparisons of two.
    pub home: bool,
    /// Whether the logistic prior is added: one win and one loss of every item against an item of strength 0. Without it,
    /// it is added where no finite maximum exists.
    pub prior: bool,
    /// Seed of the random splits and draws.
    pub seed: u64,
}

impl Default for FitOptions {
    fn default() -> Self {
        Self {
            model: "bradley-terry".to_owned(),
            each: None,
            algorithm: Algorithm::Newton,
            ties: None,
            home: false,
            prior: false,
            seed: 0,
        }
    }
}

/// What the data of a fit must be, and what is made of them.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Pairwise(Model),
    Groups(Model, Grouping),
    Iterative,
    Magnitude(Magnitude),
    Contextual,
    Rankings { split: bool },
    Sequential { elo: bool },
}

impl FitOptions {
    fn kind(&self) -> Result<Kind, AnswerError> {
        let name = self.model.as_str();
        if let Some(&model) = Model::ALL.iter().find(|m| m.name() == name) {
            return Ok(match self.each {
                Some(by) => Kind::Groups(model, by),
                None if self.algorithm != Algorithm::Newton => Kind::Iterative,
                None => Kind::Pairwise(model),
            });
        }
        Ok(match name {
            "scaled-bradley-terry" => Kind::Magnitude(Magnitude::Scaled),
            "margin-bradley-terry" => Kind::Magnitude(Magnitude::Margin),
            "contextual-bradley-terry" => Kind::Contextual,
            "plackett-luce" => Kind::Rankings { split: false },
            "plackett-luce-split" => Kind::Rankings { split: true },
            "elo" => Kind::Sequential { elo: true },
            "trueskill" => Kind::Sequential { elo: false },
            other => {
                let known = MODELS.iter().map(|m| m.name);
                let hint =
                    nearest(other, known.clone()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
                let list = known.collect::<Vec<_>>().join(", ");
                let rule = format!("is not known{hint}; known: {list}");
                return Err(AnswerError::option("model", format!("`{other}`"), rule));
            }
        })
    }

    /// The kind of fit, once every option and table of features is one that it can keep.
    fn checked(&self, features: bool, context_features: bool) -> Result<Kind, AnswerError> {
        let kind = self.kind()?;
        let of_pairs = matches!(kind, Kind::Pairwise(_) | Kind::Groups(..) | Kind::Iterative);
        let alone = matches!(kind, Kind::Pairwise(_));
        let prior = (of_pairs && self.algorithm != Algorithm::Zermelo)
            || matches!(kind, Kind::Magnitude(_) | Kind::Contextual);
        let algorithm = self.model == "bradley-terry" && self.each.is_none();
        let options = [
            ("home", self.home, alone),
            ("prior", self.prior, prior),
            ("features", features, alone),
            ("context_features", context_features, matches!(kind, Kind::Contextual)),
            ("algorithm", self.algorithm != Algorithm::Newton, algorithm),
            ("each", self.each.is_some(), of_pairs),
        ];
        if let Some((option, ..)) = options.into_iter().find(|(_, given, fits)| *given && !fits) {
            let rule = format!("is not for {}; see equipoise list models", self.model);
            return Err(AnswerError::option(option, "", rule));
        }
        self.ties(&kind)?;
        Ok(kind)
    }

    /// The rule for reading ties, and refusal of one that the model cannot keep.
    fn ties(&self, kind: &Kind) -> Result<Ties, AnswerError> {
        let has_ties = matches!(kind, Kind::Pairwise(m) | Kind::Groups(m, _) if m.has_ties());
        match (self.ties, has_ties) {
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

/// Features, a row each.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Their names, `[f]`.
    pub names: Vec<String>,
    /// Their values, `[rows x f]`, in the order of the labels (of items) or of the groups (of contexts).
    pub values: Array2<f64>,
}

/// What a model is fitted to.
#[derive(Clone, Debug)]
pub enum FitData {
    /// Comparisons, counted: models of comparisons of two.
    Comparisons {
        /// The counts.
        data: Comparisons,
        /// Of the items: their strengths are linear in them.
        features: Option<Features>,
    },
    /// Comparisons for each context or annotator: models of comparisons of two, each group by itself.
    Groups(Grouped),
    /// Comparisons for each context, with features of the contexts: `contextual-bradley-terry`.
    Contexts {
        /// The counts.
        data: Grouped,
        /// Of the contexts.
        features: Features,
    },
    /// Comparisons row by row: models of magnitudes, `elo`, `trueskill`.
    Battles(Battles),
    /// Rankings: `plackett-luce`, `plackett-luce-split`.
    Rankings(Rankings),
}

/// Files with what a model is fitted to.
#[derive(Clone, Debug, Default)]
pub struct FitSource {
    /// The comparisons or rankings. What a tie counts is for [`FitOptions::ties`] to say.
    pub source: Source,
    /// Features of the items: CSV with a column `item` and one column a feature.
    pub features: Option<PathBuf>,
    /// Features of the contexts: CSV with a column `context` and one column a feature.
    pub context_features: Option<PathBuf>,
}

impl FitSource {
    /// Reads what the model takes.
    ///
    /// # Errors
    /// [`AnswerError::Option`] for options that the model cannot keep, [`AnswerError::Data`] for a file.
    pub fn read(&self, options: &FitOptions, progress: &dyn Progress) -> Result<FitData, AnswerError> {
        let kind = options.checked(self.features.is_some(), self.context_features.is_some())?;
        let mut source = self.source.clone();
        source.selection.ties = options.ties(&kind)?;
        Ok(match kind {
            Kind::Pairwise(_) | Kind::Iterative => {
                let data = read_comparisons(&source.path, &source.selection)?;
                match kind {
                    Kind::Pairwise(model) if model.has_ties() => {
                        let (total, ties) = (data.total, data.total_ties);
                        progress
                            .note(&format!("{total} comparisons; {ties} ties, each an outcome of its own"));
                        note_checks(&data.checks, progress);
                    }
                    _ => note_comparisons(&data, "left out", progress),
                }
                let read = |path: &PathBuf| read_features(path, "item", &data.labels);
                let features = self.features.as_ref().map(read).transpose()?;
                let features = features.map(|(names, values)| Features { names, values });
                FitData::Comparisons { data, features }
            }
            Kind::Groups(_, by) => FitData::Groups(source.grouped(by, progress)?),
            Kind::Contextual => {
                let path = self.context_features.as_ref().ok_or_else(|| {
                    let rule = "needs --context-features FILE: a column `context`, then one a feature";
                    AnswerError::option("model", &options.model, rule)
                })?;
                let data = source.grouped(Grouping::Context, progress)?;
                let (names, values) = read_features(path, "context", &data.names)?;
                FitData::Contexts { data, features: Features { names, values } }
            }
            Kind::Magnitude(_) | Kind::Sequential { .. } => FitData::Battles(source.battles(progress)?),
            Kind::Rankings { .. } => FitData::Rankings(source.rankings(progress)?),
        })
    }
}

/// A fitted model.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum FitAnswer {
    /// A model of comparisons of two, by Newton's method.
    Pairwise(Box<PairwiseAnswer>),
    /// The same for every group by itself.
    Groups(FitGroupsAnswer),
    /// Bradley-Terry by passes.
    Iterative(IterativeAnswer),
    /// A model of magnitudes.
    Magnitude(MagnitudeAnswer),
    /// Strengths linear in features of the context.
    Contextual(Box<ContextualAnswer>),
    /// A model of rankings.
    Rankings(RankingsAnswer),
    /// Ratings match by match.
    Sequential(SequentialAnswer),
}

/// Fits a model.
///
/// ```
/// use equipoise_answers::equipoise::{data::Comparisons, ndarray::{Array2, array}};
/// use equipoise_answers::{FitAnswer, FitData, FitOptions, Silent, fit};
///
/// // the first wins 3 of 4: log 3 apart
/// let data = Comparisons::from_tables(&array![[0.0, 30.0], [10.0, 0.0]], &Array2::zeros((2, 2)));
/// let data = FitData::Comparisons { data, features: None };
/// let FitAnswer::Pairwise(found) = fit(&data, &FitOptions::default(), &Silent)? else { panic!("Bradley-Terry") };
/// assert!((found.log_strength[0] - found.log_strength[1] - 3f64.ln()).abs() < 1e-12);
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
///
/// # Errors
/// [`AnswerError::Option`] for a model that is not known or options that it cannot keep, [`AnswerError::Input`] for data of
/// another kind than the model takes, [`AnswerError::Fit`] if nothing can be fitted.
pub fn fit(data: &FitData, options: &FitOptions, progress: &dyn Progress) -> Result<FitAnswer, AnswerError> {
    let features = matches!(data, FitData::Comparisons { features: Some(_), .. });
    let kind = options.checked(features, matches!(data, FitData::Contexts { .. }))?;
    Ok(match (kind, data) {
        (Kind::Pairwise(model), FitData::Comparisons { data, features }) => {
            FitAnswer::Pairwise(Box::new(pairwise::fit_pairwise(data, model, features.as_ref(), options)?))
        }
        (Kind::Iterative, FitData::Comparisons { data, .. }) => {
            FitAnswer::Iterative(iterative::fit_iterative(data, options)?)
        }
        (Kind::Groups(model, _), FitData::Groups(data)) => {
            FitAnswer::Groups(groups::fit_groups(data, model, options, progress)?)
        }
        (Kind::Contextual, FitData::Contexts { data, features }) => {
            FitAnswer::Contextual(Box::new(contextual::fit_with_contexts(data, features, options)?))
        }
        (Kind::Magnitude(rule), FitData::Battles(data)) => {
            FitAnswer::Magnitude(magnitude::fit_magnitude(data, rule, options)?)
        }
        (Kind::Sequential { elo }, FitData::Battles(data)) => {
            FitAnswer::Sequential(sequential::fit_sequential(data, elo, options)?)
        }
        (Kind::Rankings { split }, FitData::Rankings(data)) => {
            FitAnswer::Rankings(rankings::fit_rankings(data, split, options)?)
        }
        (kind, _) => {
            let takes = match kind {
                Kind::Pairwise(_) | Kind::Iterative => "counted comparisons",
                Kind::Groups(..) => "comparisons in groups",
                Kind::Contextual => "comparisons in contexts, with features of the contexts",
                Kind::Magnitude(_) | Kind::Sequential { .. } => "comparisons row by row",
                Kind::Rankings { .. } => "rankings",
            };
            return Err(AnswerError::input(format!("{} takes {takes}", options.model)));
        }
    })
}

impl fmt::Display for FitAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pairwise(answer) => answer.fmt(f),
            Self::Groups(answer) => answer.fmt(f),
            Self::Iterative(answer) => answer.fmt(f),
            Self::Magnitude(answer) => answer.fmt(f),
            Self::Contextual(answer) => answer.fmt(f),
            Self::Rankings(answer) => answer.fmt(f),
            Self::Sequential(answer) => answer.fmt(f),
        }
    }
}
