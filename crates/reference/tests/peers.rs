//! What independent programs answer on random games and profiles, recorded by `benches/peers/concepts.py --record`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_env::PreferenceMatrix;
use equipoise_reference::concepts::{Ballot, CONCEPTS, Choice, ConceptOptions, Electorate, Needs, concept};
use serde_json::Value;

fn whole(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|i| i.as_u64().unwrap() as usize).collect()
}

fn electorate(case: &Value) -> Electorate {
    let n = case["items"].as_u64().unwrap() as usize;
    if let Some(rows) = case["twentieths"].as_array() {
        let margin = |i: usize, j: usize| rows[i][j].as_f64().unwrap() / 20.0;
        return Electorate::of_win_rates(PreferenceMatrix::from_margins(n, margin).unwrap(), None);
    }
    let ballot = |cast: &Value| Ballot {
        groups: cast[0].as_array().unwrap().iter().map(whole).collect(),
        weight: cast[1].as_f64().unwrap(),
    };
    Electorate::of_ballots(n, case["ballots"].as_array().unwrap().iter().map(ballot).collect()).unwrap()
}

#[test]
fn rules_agree_with_independent_programs() {
    let file: Value = serde_json::from_str(include_str!("social/peers.json")).unwrap();
    let options = ConceptOptions::default();
    let mut held = std::collections::BTreeMap::<&str, usize>::new();
    for (number, case) in file["cases"].as_array().unwrap().iter().enumerate() {
        let electorate = electorate(case);
        let n = electorate.n();
        for (rule, told) in case["told"].as_object().unwrap() {
            let choice = concept(rule).unwrap().choose(&electorate, &options).unwrap();
            let what = format!("{rule}, case {number}: {choice:?} where the peer has {told}");
            match &choice {
                Choice::Lottery { policy, .. } => {
                    // Gambit follows a path of equilibria to 1e-5, the Bradley-Terry fit stops at 1e-7
                    let within = match rule.as_str() {
                        "quantal-response" => 1e-5,
                        "rlhf" | "dpo" => 1e-7,
                        _ => 1e-9,
                    };
                    let law: Vec<f64> =
                        told.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
                    assert_eq!(law.len(), n, "{what}");
                    assert!(policy.iter().zip(&law).all(|(a, b)| (a - b).abs() <= within), "{what}");
                }
                Choice::Winners { winners, .. } | Choice::Rankings { winners, .. } => {
                    assert_eq!(*winners, whole(told), "{what}");
                }
                // rules that may choose nobody
                _ => assert_eq!(*told, serde_json::json!([]), "{what}"),
            }
            *held.entry(concept(rule).unwrap().name).or_default() += 1;
        }
    }
    assert!(held.len() >= 30 && held.values().all(|cases| *cases >= 10), "{held:?}");
}

/// One item: every rule that win rates or ballots are enough for plays it.
#[test]
fn one_item_is_played_under_every_rule() {
    let electorate = Electorate::of_ballots(1, vec![Ballot::strict(&[0], 3.0)]).unwrap();
    for entry in CONCEPTS.iter().filter(|entry| matches!(entry.needs, Needs::WinRates | Needs::Ballots)) {
        let choice = entry.choose(&electorate, &ConceptOptions::default()).unwrap();
        assert_eq!(choice.policy(1), Some(vec![1.0]), "{}: {choice:?}", entry.name);
    }
}

/// Ballots of a kind that nothing can be decided on.
#[test]
fn ballots_that_cannot_be_are_refused() {
    let of = |groups: &[&[usize]], weight: f64| {
        let groups = groups.iter().map(|group| group.to_vec()).collect();
        Electorate::of_ballots(2, vec![Ballot { groups, weight }])
    };
    assert!(of(&[&[0], &[1]], 1.0).is_some() && of(&[&[1]], 1.0).is_some() && of(&[], 1.0).is_some());
    assert!(of(&[&[0], &[2]], 1.0).is_none(), "an item that is not known");
    assert!(of(&[&[0], &[0]], 1.0).is_none() && of(&[&[0, 0]], 1.0).is_none(), "an item twice");
    for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(of(&[&[0], &[1]], weight).is_none(), "{weight}");
    }
    let huge = Ballot::strict(&[0, 1], f64::MAX);
    assert!(Electorate::of_ballots(2, vec![huge.clone(), huge]).is_none(), "weights whose sum overflows");
    assert!(Electorate::of_ballots(2, vec![]).is_none() && Electorate::of_ballots(0, vec![]).is_none());
}
