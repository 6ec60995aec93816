//! Every row gives the probabilities of all pairs in one way, and nothing where it says nothing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_data::{Selection, parse_comparisons};
use equipoise_models::conformance::two_islands;
use equipoise_models::{MODELS, ModelData, model};
use serde_json::Value;

/// Models with one scale from the start, or an origin.
const ONE_SCALE: [&str; 3] = ["elo", "trueskill", "grounded-rao-kupper"];

#[test]
fn of_items_that_never_met_a_model_speaks_only_if_it_has_one_scale_for_all() {
    for entry in MODELS {
        let table = two_islands(entry).unwrap();
        assert_eq!(table.dim(), (4, 4), "{}", entry.name);
        for ((i, j), p) in table.indexed_iter() {
            let met = (i < 2) == (j < 2);
            assert_eq!(p.is_some(), met || ONE_SCALE.contains(&entry.name), "{} {i} {j}: {p:?}", entry.name);
            let both = p.zip(table[[j, i]]).map(|(p, q)| p + q - 1.0);
            assert!(both.is_none_or(|off| off.abs() < 1e-15), "{} {i} {j}", entry.name);
            assert!(i != j || *p == Some(0.5), "{} {i}", entry.name);
        }
    }
}

fn data(text: &str) -> ModelData {
    parse_comparisons("d.csv".as_ref(), text.as_bytes(), &Selection::default()).unwrap().into()
}

#[test]
fn counts_know_the_pairs_that_met_and_bradley_terry_those_that_others_link() {
    let chain = data("item_a,item_b,outcome,weight\nx,y,a,3\nx,y,b,1\ny,z,a,2\ny,z,tie,1\n");
    let table = model("counts").unwrap().fit(&chain, &Value::Null).unwrap().probability();
    assert_eq!([table[[0, 1]], table[[1, 2]], table[[0, 2]]], [Some(0.75), Some(2.5 / 3.0), None]);
    let smooth = serde_json::json!({ "smoothing": 1.0 });
    let table = model("counts").unwrap().fit(&chain, &smooth).unwrap().probability();
    assert_eq!(table[[0, 1]], Some(4.0 / 6.0));
    let table = model("bradley-terry").unwrap().fit(&chain, &Value::Null).unwrap().probability();
    // odds along a chain multiply: 3 and 5
    assert!((table[[0, 2]].unwrap() - 15.0 / 16.0).abs() < 1e-12);
}
