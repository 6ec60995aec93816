//! The registry: all solvers, family by family, and the lists of games, oracles and metrics.

use equipoise_core::SolverEntry;
use equipoise_env::generators::{GENERATORS, GeneratorEntry};
use equipoise_env::{ORACLES, OracleEntry};
use equipoise_eval::{METRICS, Metric};

/// A family of methods: the crate that holds them, and its rows.
pub struct Family {
    /// Folder under `crates/`.
    pub name: &'static str,
    /// Its methods.
    pub solvers: &'static [SolverEntry],
}

/// All families, in the order of tables and legends.
pub const FAMILIES: &[Family] = &[
    Family { name: "solver-self-play", solvers: equipoise_solver_self_play::SOLVERS },
    Family { name: "solver-mirror-descent", solvers: equipoise_solver_mirror_descent::SOLVERS },
    Family { name: "solver-extragradient", solvers: equipoise_solver_extragradient::SOLVERS },
    Family { name: "solver-regression", solvers: equipoise_solver_regression::SOLVERS },
    Family { name: "baseline-bt", solvers: equipoise_baseline_bt::SOLVERS },
];

/// All methods, in the order of the list.
pub fn solvers() -> impl Iterator<Item = &'static SolverEntry> {
    FAMILIES.iter().flat_map(|family| family.solvers)
}

/// The method of that name.
#[must_use]
pub fn solver(name: &str) -> Option<&'static SolverEntry> {
    solvers().find(|entry| entry.name == name)
}

/// All game generators, in the order of the list.
pub fn games() -> impl Iterator<Item = &'static GeneratorEntry> {
    GENERATORS.iter()
}

/// The generator of that name.
#[must_use]
pub fn game(name: &str) -> Option<&'static GeneratorEntry> {
    games().find(|entry| entry.name == name)
}

/// All metrics, in the order of the list.
pub fn metrics() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter()
}

/// The metric of that name.
#[must_use]
pub fn metric(name: &str) -> Option<&'static Metric> {
    Metric::named(name)
}

/// All oracles, in the order of the list.
pub fn oracles() -> impl Iterator<Item = &'static OracleEntry> {
    ORACLES.iter()
}

/// The oracle of that name.
#[must_use]
pub fn oracle(name: &str) -> Option<&'static OracleEntry> {
    oracles().find(|entry| entry.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_rows_complete() {
        let mut names: Vec<_> = solvers().map(|e| e.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "{names:?}");
        for entry in solvers() {
            assert!(entry.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            for (what, text) in [
                ("summary", entry.summary),
                ("citation", entry.citation),
                ("cost", entry.cost),
                ("verified", entry.verified),
            ] {
                assert!(!text.is_empty(), "{} has no {what}", entry.name);
            }
        }
    }
}
