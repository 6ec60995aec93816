//! Every model of the registry against a second way to its fit, on three data sets or more: by an optimiser that sees values of an objective
//! written here once more, by a closed form, by enumeration, or by the definition step by step. Published numbers are in the other files
//! of this folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "how many data sets were compared is what the test reports")]

mod contexts;
mod embeddings;
mod histories;
mod pairs;
mod posterior;
mod rankings;
mod scores;
mod sets;

use equipoise_models::MODELS;
use rayon::prelude::*;
use sets::{Sets, counted, judgements, strengths};

/// Fits the model to data sets, and compares what it finds on each.
type Way = fn(&mut Sets);

/// The second way of each model, and what it is.
const SECOND_WAYS: [(&str, Way, &str); 30] = [
    ("average-win-rate", scores::average_win_rate, "means of shares"),
    ("bradley-terry", pairs::bradley_terry, "a generic optimiser"),
    ("contextual-bradley-terry", contexts::contextual_bradley_terry, "a generic optimiser"),
    ("counting", scores::counting, "sums"),
    ("counts", pairs::counts, "means of the rows"),
    ("crowd-bradley-terry", pairs::annotators, "a generic optimiser"),
    ("davidson", pairs::davidson, "a generic optimiser"),
    ("davidson-luce", rankings::davidson_luce, "a generic optimiser over enumerated subsets"),
    ("eigen", scores::eigen, "powers of the matrix"),
    ("elo", scores::elo, "match by match"),
    ("ep", posterior::ep, "the published updates, term by term"),
    ("gpm", embeddings::gpm, "win rates of the rows at full rank, a generic optimiser at rank 2"),
    ("grounded-rao-kupper", pairs::grounded_rao_kupper, "a generic optimiser"),
    ("ideal-points", embeddings::ideal_points, "a generic optimiser"),
    ("luce-spectral-ranking", scores::luce_spectral_ranking, "powers of the matrix of moves"),
    ("magnitude-regression", pairs::magnitudes, "a generic optimiser"),
    ("margin-bradley-terry", pairs::margin, "a generic optimiser"),
    ("p2l", contexts::p2l, "a generic optimiser, three heads"),
    ("pagerank", scores::pagerank, "powers of the matrix of moves"),
    ("plackett-luce", rankings::plackett_luce, "a generic optimiser"),
    ("plackett-luce-split", rankings::split, "a generic optimiser"),
    ("rank-centrality", scores::rank_centrality, "powers of the matrix of moves"),
    ("rao-kupper", pairs::rao_kupper, "a generic optimiser"),
    ("ridge-bradley-terry", pairs::ridge, "a generic optimiser"),
    ("robust", embeddings::robust, "a generic optimiser on the pairs that are kept"),
    ("scaled-bradley-terry", pairs::scaled, "a generic optimiser"),
    ("soft-condorcet", scores::soft_condorcet, "gradient steps on the definition"),
    ("thurstone", pairs::thurstone, "a generic optimiser"),
    ("trueskill", scores::trueskill, "beliefs by integration"),
    ("whr", histories::whole_history, "a generic optimiser"),
];

#[test]
fn every_model_agrees_with_a_second_way_on_three_data_sets() {
    let listed: Vec<&str> = SECOND_WAYS.iter().map(|row| row.0).collect();
    let mut known: Vec<&str> = MODELS.iter().map(|entry| entry.name).collect();
    known.sort_unstable();
    assert_eq!(listed, known, "a model without a second way, or a row without its model");
    let compared = SECOND_WAYS.par_iter().map(|&(name, way, what)| {
        let mut sets = Sets::of(name);
        way(&mut sets);
        let compared = sets.compared();
        println!("{name}: {compared} data sets; {what}");
        (name, compared)
    });
    for (name, compared) in compared.collect::<Vec<_>>() {
        assert!(compared >= 3, "{name} was compared on {compared} data sets; it needs three");
    }
}

/// The count is of different data sets that were compared: not of fits, and not of the same one again.
#[test]
fn the_count_is_of_data_sets_that_were_compared() {
    let data = |seed: u64| counted(&judgements(false, &mut equipoise_core::seed::stream(seed, "count", &[])));
    let mut sets = Sets::of("bradley-terry");
    for seed in [1, 1, 2] {
        let r = strengths(&sets.fit(&data(seed), &serde_json::Value::Null));
        sets.same("itself", &r, &r, 0.0);
    }
    assert_eq!(sets.compared(), 2);
    let mut sets = Sets::of("bradley-terry");
    sets.fit(&data(1), &serde_json::Value::Null);
    assert!(std::panic::catch_unwind(|| sets.compared()).is_err(), "a fit that was compared with nothing");
    let mut sets = Sets::of("bradley-terry");
    sets.fit(&data(1), &serde_json::Value::Null);
    let off = std::panic::AssertUnwindSafe(|| sets.same("another", &[1.0], &[1.1], 1e-6));
    assert!(std::panic::catch_unwind(off).is_err(), "numbers that differ");
}
