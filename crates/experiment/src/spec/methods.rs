//! The methods of an experiment with their grids, and the legends that tell them apart.

use std::collections::{BTreeMap, BTreeSet};

use equipoise::core::SolverEntry;
use equipoise::registry;
use serde_json::{Map, Value};

use super::{Method, Resolver};
use crate::error::ConfigError;
use crate::grid::{self, Point};
use crate::identity;

impl Resolver<'_> {
    /// Methods with their parameters filled in, and where they were typed.
    pub(super) fn methods(&self) -> Result<Vec<Method>, ConfigError> {
        let mut methods: Vec<(&'static SolverEntry, Value, Point)> = Vec::new();
        for block in &self.file.solvers {
            let kind = &block.kind;
            let known = registry::solvers().map(|e| e.name);
            let Some(entry) = registry::solver(&kind.value) else {
                return Err(self.file.sources.unknown("solver", kind, known.collect::<Vec<_>>()));
            };
            let defaults = (entry.defaults)();
            let what = format!("solver `{}`", kind.value);
            let points = grid::expand(&self.file.sources, block, &what, &defaults)?;
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
}

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
