//! Every check on every row, one case each: `solver::egpo::equal_seeds_give_equal_bits`. A filter picks rows by name.

use equipoise_conformance::{
    Check, Failure, GAME_CHECKS, METRIC_CHECKS, ORACLE_CHECKS, SOLVER_CHECKS, registry,
};
use libtest_mimic::{Arguments, Trial};

/// A case for each check and row.
fn cases<Row: ?Sized + Sync>(
    kind: &str,
    checks: &'static [Check<Row>],
    rows: impl Iterator<Item = (&'static str, &'static Row)>,
) -> Vec<Trial> {
    rows.flat_map(|(name, row)| {
        let case = |check: &'static Check<Row>| {
            Trial::test(format!("{kind}::{name}::{}", check.name), move || {
                (check.holds)(row).map_err(|failure: Failure| failure.into())
            })
        };
        checks.iter().map(case).collect::<Vec<_>>()
    })
    .collect()
}

fn main() {
    let arguments = Arguments::from_args();
    let mut all = cases("solver", SOLVER_CHECKS, registry::solvers().map(|e| (e.name, e)));
    all.extend(cases("game", GAME_CHECKS, registry::games().map(|e| (e.name, e))));
    all.extend(cases("metric", METRIC_CHECKS, registry::metrics().map(|m| (m.name, m))));
    for check in ORACLE_CHECKS {
        for oracle in registry::oracles() {
            all.push(Trial::test(format!("oracle::{}::{}", oracle.name, check.name), move || {
                (check.holds)(&oracle).map_err(Failure::into)
            }));
        }
    }
    libtest_mimic::run(&arguments, all).exit();
}
