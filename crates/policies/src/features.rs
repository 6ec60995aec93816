//! Features of responses: a vector of numbers an action and context.

use equipoise_core::class_entry::Contexts;
use equipoise_core::cpu::alloc_huge_pages;
use equipoise_core::registry::ensure;
use equipoise_core::sample::normal;
use equipoise_core::{BuildError, seed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most features of a class in all: contexts times actions times dimension.
const MOST: usize = 100_000_000;

/// Where features come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// Drawn: independent standard normal numbers.
    Random(Random),
    /// Of the actions: one for each action number, the same in all contexts.
    Actions,
    /// Given: a list of numbers an action, the actions of all contexts behind each other.
    Values(Vec<Vec<f64>>),
    /// A file of numbers: a line an action, the actions of all contexts behind each other.
    Path(String),
    /// Of the game: the numbers by which its generator describes a response (`attribute-voters`, `aggregated-rewards`).
    Game,
}

/// Drawn features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    /// Numbers an action, at least 1.
    pub dimension: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Random {
    fn default() -> Self {
        Self { dimension: 16, seed: 0 }
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::Random(Random::default())
    }
}

/// Features of all actions of all contexts, `[sum of actions x dimension]`, row by row.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) dimension: usize,
    /// In large pages: they are read from end to end at every step.
    values: Vec<f64>,
}

impl Rows {
    /// All zero, for so many actions.
    fn zeros(actions: usize, dimension: usize) -> Self {
        Self { dimension, values: alloc_huge_pages(actions * dimension) }
    }

    /// The features of the k-th action of all.
    pub(crate) fn of(&self, k: usize) -> &[f64] {
        &self.values[k * self.dimension..(k + 1) * self.dimension]
    }
}

impl Features {
    /// The numbers on these contexts.
    pub(crate) fn rows(&self, contexts: &Contexts) -> Result<Rows, BuildError> {
        let shape = contexts.reference.shape();
        let fits = |dimension: usize| {
            let total = shape.len().saturating_mul(dimension);
            ensure(total <= MOST, "features", total, "at most 1e8 numbers: contexts x actions x dimension")
        };
        match self {
            Self::Random(Random { dimension, seed }) => {
                ensure(*dimension >= 1, "features.random.dimension", dimension, "must be at least 1")?;
                fits(*dimension)?;
                let mut rng = seed::stream(*seed, "features", &[&contexts.name]);
                let mut rows = Rows::zeros(shape.len(), *dimension);
                rows.values.iter_mut().for_each(|v| *v = normal(&mut rng));
                Ok(rows)
            }
            Self::Actions => {
                let dimension = shape.ranges().map(|r| r.len()).max().unwrap_or(1);
                fits(dimension)?;
                let mut rows = Rows::zeros(shape.len(), dimension);
                for row in shape.ranges() {
                    row.enumerate().for_each(|(action, k)| rows.values[k * dimension + action] = 1.0);
                }
                Ok(rows)
            }
            Self::Values(rows) => {
                let key = "features.values";
                let rule =
                    format!("must hold a list for each of the {} actions of all contexts", shape.len());
                ensure(rows.len() == shape.len(), key, format!("{} lists", rows.len()), &rule)?;
                let dimension = rows[0].len();
                ensure(dimension >= 1, key, "a list without numbers", "must have at least one number")?;
                fits(dimension)?;
                for (k, row) in rows.iter().enumerate() {
                    let rule = format!("must have as many as the first, {dimension}");
                    let found = format!("{} numbers for action {k} of all", row.len());
                    ensure(row.len() == dimension, key, found, &rule)?;
                    if let Some(x) = row.iter().find(|x| !x.is_finite()) {
                        return Err(BuildError::range(key, x, format!("must be finite (action {k} of all)")));
                    }
                }
                let mut found = Rows::zeros(shape.len(), dimension);
                found
                    .values
                    .chunks_exact_mut(dimension)
                    .zip(rows)
                    .for_each(|(to, row)| to.copy_from_slice(row));
                Ok(found)
            }
            Self::Game => Err(BuildError::range(
                "features",
                "game",
                "is read where games are made: give the numbers as `values` here",
            )),
            Self::Path(path) => Err(BuildError::range(
                "features.path",
                path,
                "is read where files are: give the numbers as `values` here",
            )),
        }
    }
}
