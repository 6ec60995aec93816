//! Every check on every row, one case each: `solver::egpo::equal_seeds_give_equal_bits`. A filter picks rows by name.

use equipoise_conformance::{
    Check, Failure, GAME_CHECKS, METRIC_CHECKS, ORACLE_CHECKS, OracleCase, SOLVER_CHECKS, check_oracle_entry,
    registry,
};
use libtest_mimic::{Arguments, Trial};
use serde_json::json;

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
    for entry in registry::oracles() {
        let row = move || check_oracle_entry(entry).map_err(Failure::into);
        all.push(Trial::test(format!("oracle::{}::defaults_and_row", entry.name), row));
    }
    // what the parameters of the sampled oracle change
    let sampled = registry::oracle("sampled").expect("registered");
    for block in [
        json!({ "duels_per_query": 1 }),
        json!({ "duels_per_query": 7, "labels": "probability" }),
        json!({ "duels_per_query": 7, "opponent": "exact" }),
    ] {
        for check in ORACLE_CHECKS {
            let name = format!("oracle::sampled {block}::{}", check.name);
            let block = block.clone();
            all.push(Trial::test(name, move || {
                (check.holds)(&OracleCase::of(sampled, &block)?).map_err(Failure::into)
            }));
        }
    }
    libtest_mimic::run(&arguments, all).exit();
}
