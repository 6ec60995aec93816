//! The methods of an experiment with their grids, and the legends that tell them apart.

use std::collections::{BTreeMap, BTreeSet};

use equipoise::core::SolverEntry;
use equipoise::objectives::{Minimiser, objective};
use equipoise::registry;
use serde_json::{Map, Value};

use super::{Method, Resolver};
use crate::error::{ConfigError, Spanned};
use crate::grid::{self, Point};
use crate::identity;

impl Resolver<'_> {
    /// Methods with their parameters filled in, and where they were typed.
    pub(super) fn methods(&self) -> Result<Vec<Method>, ConfigError> {
        let mut methods: Vec<(&'static SolverEntry, Value, Point)> = Vec::new();
        for block in &self.file.solvers {
            let kind = &block.kind;
            let Some(entry) = registry::solver(&kind.value) else { return Err(self.no_method(kind)) };
            let defaults = (entry.defaults)();
            let what = format!("solver `{}`", kind.value);
            let points =
                grid::expand(&self.file.sources, block, &what, &defaults, &(entry.schema)().to_value())?;
            methods.extend(points.into_iter().map(|p| (entry, p.filled(&defaults), p)));
        }
        let mut seen = BTreeSet::new();
        for (entry, parameters, point) in &methods {
            if !seen.insert((entry.name, identity::canonical(parameters))) {
                let message = format!("the solver `{}` with these parameters is listed twice", entry.name);
                return Err(self.error(point.entry, message));
            }
        }
        let labels = labels(&methods);
        let named = methods.into_iter().zip(labels);
        Ok(named
            .map(|((entry, parameters, point), label)| Method { entry, parameters, label, point })
            .collect())
    }

    /// Why a name is no method: an objective may be one that no method minimises over a game.
    fn no_method(&self, kind: &Spanned<String>) -> ConfigError {
        let Ok(objective) = objective(&kind.value) else {
            let known = registry::solvers().map(|e| e.name);
            return self.file.sources.unknown("solver", kind, known.collect::<Vec<_>>());
        };
        let inputs = (objective.inputs)();
        let foreign: Vec<String> = inputs
            .iter()
            .filter(|input| !input.optional && !OF_PAIRS.contains(&input.name))
            .map(|input| format!("`{}`", input.name))
            .collect();
        let why = match objective.minimiser {
            _ if !foreign.is_empty() => {
                format!("it takes {}, which the pairs of a game do not give", foreign.join(", "))
            }
            Minimiser::None => "it has no finite minimiser: the loss can fall for ever".to_owned(),
            Minimiser::NotUnique => {
                "its minimiser is not the only one, so that the optimiser would decide".to_owned()
            }
            Minimiser::Surrogate => "it is a surrogate, of which only the gradient counts".to_owned(),
            // finite, or unless the labels are separable
            _ => "it is not convex, and its minimum over a game is not known to any method here".to_owned(),
        };
        let fitted = registry::solvers().filter(|e| e.parametrised).map(|e| e.name);
        let help = format!(
            "`equipoise loss {}` evaluates it on numbers that are given; what runs on a game: {}",
            kind.value,
            fitted.collect::<Vec<_>>().join(", ")
        );
        self.error(kind.span, format!("the objective `{}` is no method on a game: {why}", kind.value))
            .help(help)
    }
}

/// Inputs that every pair of a game gives: all its responses are one token long.
const OF_PAIRS: [&str; 6] = [
    "policy_chosen",
    "policy_rejected",
    "reference_chosen",
    "reference_rejected",
    "length_chosen",
    "length_rejected",
];

/// Legends: the method, with the parameters in which it differs from others of its name.
fn labels(methods: &[(&'static SolverEntry, Value, Point)]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (k, (entry, ..)) in methods.iter().enumerate() {
        by_name.entry(entry.name).or_default().push(k);
    }
    let mut labels = vec![String::new(); methods.len()];
    for (name, members) in by_name {
        let blocks: Vec<&Map<String, Value>> =
            members.iter().filter_map(|&k| methods[k].1.as_object()).collect();
        for (&k, suffix) in members.iter().zip(grid::distinguish(&blocks)) {
            labels[k] = match suffix.is_empty() {
                true => name.to_owned(),
                false => format!("{name} ({})", suffix.join(", ")),
            };
        }
    }
    labels
}
