//! What a preference model is fitted to.

use std::path::Path;

use equipoise_data::{
    Battles, Comparisons, DataError, Features, Grouped, Grouping, Observations, Rankings, Selection, Unit,
    read_battles, read_features, read_grouped, read_observations, read_rankings,
};
use ndarray::Array2;
use serde::Serialize;

/// The kind of data that a model needs, so that a file is read once, in the form that serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelInput {
    /// Comparisons counted by pair, and features of the items if strengths are to be linear in them.
    Counts,
    /// Comparisons one by one, with their times and magnitudes.
    Battles,
    /// Comparisons counted by pair for each context, with features of the contexts.
    Contexts,
    /// Rankings of several items.
    Rankings,
}

impl ModelInput {
    /// What it is, in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Counts => "comparisons",
            Self::Battles => "comparisons one by one",
            Self::Contexts => "comparisons with a column `context`",
            Self::Rankings => "rankings",
        }
    }

    /// What the lines of a file of features describe, if such a file goes with it.
    #[must_use]
    pub fn features_of(self) -> Option<&'static str> {
        match self {
            Self::Counts => Some("item"),
            Self::Contexts => Some("context"),
            Self::Battles | Self::Rankings => None,
        }
    }

    /// Reads a file of comparisons or rankings, and a file of features if there is one. What is one observation is asked for
    /// of counts alone.
    ///
    /// # Errors
    /// [`ReadError`]: a file that cannot be read, features where none are used, none where they are needed.
    pub fn read(
        self,
        path: &Path,
        selection: &Selection,
        unit: Unit,
        features: Option<&Path>,
    ) -> Result<ModelData, ReadError> {
        let read = |names: &[String]| match (features, self.features_of()) {
            (Some(file), Some(key)) => Ok(Some(read_features(file, key, names)?)),
            (Some(_), None) => Err(ReadError::NoFeatures { input: self }),
            (None, _) => Ok(None),
        };
        Ok(match self {
            Self::Counts => {
                let observations = read_observations(path, selection, unit)?;
                let features = read(&observations.comparisons.labels)?;
                ModelData::Counts(Counts { observations, features })
            }
            Self::Contexts => {
                let grouped = read_grouped(path, selection, Grouping::Context)?;
                let none = || Features { names: Vec::new(), values: Array2::zeros((grouped.names.len(), 0)) };
                let features = read(&grouped.names)?.unwrap_or_else(none);
                ModelData::Contexts(Contexts { grouped, features })
            }
            Self::Battles => {
                read(&[])?;
                ModelData::Battles(read_battles(path, selection)?)
            }
            Self::Rankings => {
                read(&[])?;
                ModelData::Rankings(read_rankings(path, selection)?)
            }
        })
    }
}

/// Why the data of a model could not be read.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// A file is refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Features where none are used.
    #[error("{} are fitted without features; leave the file of features out", .input.words())]
    NoFeatures {
        /// What the model is fitted to.
        input: ModelInput,
    },
    /// No features where they are needed.
    #[error("features of the contexts are needed: a file with a column `context`, then one a feature")]
    FeaturesMissing,
}

/// Comparisons counted by pair, and features of the items if strengths are to be linear in them.
#[derive(Clone, Debug)]
pub struct Counts {
    /// The counts, and what of them is one observation.
    pub observations: Observations,
    /// Features of the items, in the order of the labels.
    pub features: Option<Features>,
}

impl<D: Into<Observations>> From<D> for Counts {
    fn from(data: D) -> Self {
        Self { observations: data.into(), features: None }
    }
}

/// Comparisons counted by pair for each context, with features of the contexts.
#[derive(Clone, Debug)]
pub struct Contexts {
    /// The counts of each context, over the same items.
    pub grouped: Grouped,
    /// Features of the contexts, in the order of their names; none where no file of them was given.
    pub features: Features,
}

impl Contexts {
    /// What tells contexts apart that have no features of their own: an indicator of each but the first, so that the strengths of each are
    /// free.
    #[must_use]
    pub fn indicators(names: &[String]) -> Features {
        let of = |(x, f): (usize, usize)| f64::from(u8::from(x == f + 1));
        let values = Array2::from_shape_fn((names.len(), names.len().saturating_sub(1)), of);
        Features { names: names.iter().skip(1).map(|name| format!("context {name}")).collect(), values }
    }
}

/// The lowest item that `i` is joined to.
fn root(lowest: &mut [usize], mut i: usize) -> usize {
    while lowest[i] != i {
        lowest[i] = lowest[lowest[i]];
        i = lowest[i];
    }
    i
}

/// Data in the form that a model needs.
#[derive(Clone, Debug)]
pub enum ModelData {
    /// See [`ModelInput::Counts`].
    Counts(Counts),
    /// See [`ModelInput::Battles`].
    Battles(Battles),
    /// See [`ModelInput::Contexts`].
    Contexts(Contexts),
    /// See [`ModelInput::Rankings`].
    Rankings(Rankings),
}

impl ModelData {
    /// Which of the forms it is.
    #[must_use]
    pub fn input(&self) -> ModelInput {
        match self {
            Self::Counts(_) => ModelInput::Counts,
            Self::Battles(_) => ModelInput::Battles,
            Self::Contexts(_) => ModelInput::Contexts,
            Self::Rankings(_) => ModelInput::Rankings,
        }
    }

    /// The items, in the order of their numbers.
    #[must_use]
    pub fn labels(&self) -> &[String] {
        match self {
            Self::Counts(data) => &data.observations.comparisons.labels,
            Self::Battles(data) => &data.labels,
            Self::Contexts(data) => &data.grouped.labels,
            Self::Rankings(data) => &data.labels,
        }
    }

    /// For each item, the lowest of those that it met, directly or through others; itself if it met none.
    #[must_use]
    pub fn islands(&self) -> Vec<usize> {
        let mut lowest: Vec<usize> = (0..self.labels().len()).collect();
        let mut join = |i: usize, j: usize| {
            let (a, b) = (root(&mut lowest, i), root(&mut lowest, j));
            lowest[a.max(b)] = a.min(b);
        };
        match self {
            Self::Counts(data) => data.observations.comparisons.pairs.iter().for_each(|p| join(p.i, p.j)),
            Self::Contexts(data) => {
                data.grouped.groups.iter().flat_map(|g| &g.pairs).for_each(|p| join(p.i, p.j));
            }
            Self::Battles(data) => {
                let met = data.rows.iter().filter(|b| b.weight > 0.0 && data.ties.count(b.outcome));
                met.for_each(|b| join(b.first as usize, b.second as usize));
            }
            Self::Rankings(data) => {
                for ranking in data.rankings.iter().filter(|r| r.weight > 0.0) {
                    let items: Vec<usize> = ranking.groups.iter().flatten().map(|&i| i as usize).collect();
                    items.windows(2).for_each(|w| join(w[0], w[1]));
                }
            }
        }
        (0..lowest.len()).map(|i| root(&mut lowest, i)).collect()
    }

    /// What a reader of the result should know about the file, a line each.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        match self {
            Self::Counts(data) => data.observations.comparisons.checks.remarks(),
            Self::Battles(data) => data.checks.remarks(),
            Self::Contexts(data) => data.grouped.checks.remarks(),
            Self::Rankings(data) => data.checks.remarks(),
        }
    }
}

impl From<Comparisons> for ModelData {
    fn from(comparisons: Comparisons) -> Self {
        Self::Counts(comparisons.into())
    }
}

impl From<Observations> for ModelData {
    fn from(observations: Observations) -> Self {
        Self::Counts(observations.into())
    }
}

impl From<Battles> for ModelData {
    fn from(battles: Battles) -> Self {
        Self::Battles(battles)
    }
}

impl From<Contexts> for ModelData {
    fn from(contexts: Contexts) -> Self {
        Self::Contexts(contexts)
    }
}

impl From<Rankings> for ModelData {
    fn from(rankings: Rankings) -> Self {
        Self::Rankings(rankings)
    }
}

/// One of the forms of [`ModelData`]: what a model declares that it is fitted to.
pub trait FitData: Sized {
    /// Which of them.
    const INPUT: ModelInput;

    /// It, if the data have this form.
    fn of(data: &ModelData) -> Option<&Self>;
}

macro_rules! form {
    ($form:ident, $type:ty) => {
        impl FitData for $type {
            const INPUT: ModelInput = ModelInput::$form;

            fn of(data: &ModelData) -> Option<&Self> {
                match data {
                    ModelData::$form(data) => Some(data),
                    _ => None,
                }
            }
        }
    };
}

form!(Counts, Counts);
form!(Battles, Battles);
form!(Contexts, Contexts);
form!(Rankings, Rankings);
