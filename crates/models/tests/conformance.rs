//! Every row keeps what a preference model must keep, and one that does not is told.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_models::conformance::check_model;
use equipoise_models::{
    Counts, FitError, Fitted, MODELS, ModelEntry, ModelResult, NoOptions, PreferenceModel, Watch, find,
};

#[test]
fn every_row_conforms() {
    for entry in MODELS {
        check_model(entry).unwrap();
    }
}

/// The share of its comparisons that an item won, as if opponents were alike: a model in ten lines.
#[derive(Debug)]
struct Shares(Vec<f64>);

impl ModelResult for Shares {
    fn prob(&self, i: usize, j: usize) -> f64 {
        0.5 + 0.5 * (self.0[i] - self.0[j])
    }
}

struct WinShares;

impl PreferenceModel for WinShares {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions, _: Watch<'_>) -> Result<Fitted, FitError> {
        let data = &data.observations.comparisons;
        let (mut won, mut met) = (vec![0.0; data.n()], vec![0.0; data.n()]);
        for pair in &data.pairs {
            let (wins, losses, ties) = pair.outcomes();
            won[pair.i] += wins + 0.5 * ties;
            won[pair.j] += losses + 0.5 * ties;
            met[pair.i] += pair.met();
            met[pair.j] += pair.met();
        }
        let shares = won.iter().zip(met).map(|(w, m)| w / m).collect();
        Ok(Fitted::new(data.labels.clone(), Shares(shares)))
    }
}

const WIN_SHARES: ModelEntry =
    ModelEntry::of::<WinShares>("win-shares", "mean win rate", "Borda 1781").fitted("counting");

#[test]
fn a_model_of_ones_own_conforms_without_being_in_the_registry() {
    check_model(&WIN_SHARES).unwrap();
    assert_eq!(find(&[WIN_SHARES], "win-share").err().unwrap().nearest, Some("win-shares"));
}

/// Says that everybody beats everybody.
#[derive(Debug)]
struct Boaster;

impl ModelResult for Boaster {
    fn prob(&self, _: usize, _: usize) -> f64 {
        0.9
    }
}

impl PreferenceModel for Boaster {
    type Options = NoOptions;
    type Data = Counts;

    fn fit(data: &Counts, _: NoOptions, _: Watch<'_>) -> Result<Fitted, FitError> {
        Ok(Fitted::new(data.observations.comparisons.labels.clone(), Boaster))
    }
}

#[test]
fn what_is_not_kept_is_told() {
    let told = check_model(&ModelEntry::of::<Boaster>("Boaster", "", "nobody")).unwrap_err();
    let all = told.to_string();
    for part in [
        "not in lower case",
        "`definition` is empty",
        "`source` names",
        "Pr(0 beats 1) = 0.9",
        "its game is not",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}
