//! A finding of the audit, written as an experiment.

use equipoise::audit::{Changes, search};
use equipoise::claims::claim;
use equipoise_experiment::replay;

#[test]
fn a_broken_claim_becomes_an_experiment_with_its_expectation() {
    let printed = claim("onpo-average-printed").expect("a claim");
    let found = search(printed, 8, None, &Changes::default(), 1).expect("runs");
    let files = replay(printed, &found.worst, &found.instance).expect("it failed");
    assert!(files.experiment.contains("onpo") && files.expected.contains("at_least"), "{files:?}");
}
