//! Certificates are checked whole: whatever is changed in one is refused, by the name of what was changed.

#![allow(clippy::unwrap_used)] // a test may

use equipoise_answers::equipoise::env::{Game, PreferenceMatrix};
use equipoise_answers::equipoise::ndarray::{Array2, arr2};
use equipoise_answers::{GivenGame, Select, Silent, SolveOptions, Solved, check_certificate, solve};
use serde_json::{Value, json};

fn given(p: &Array2<f64>) -> GivenGame {
    GivenGame::decimal(Game::single(PreferenceMatrix::new(p.view()).unwrap()))
}

fn answer(game: &GivenGame, select: Option<Select>, ranges: bool) -> Value {
    let options = SolveOptions { select, ranges, ..Default::default() };
    serde_json::to_value(solve(game, &options, &Silent).unwrap()).unwrap()
}

/// Games with one equilibrium and with several: clones above a fourth action, margins of 1e-9, all ties, a square.
fn games() -> Vec<GivenGame> {
    vec![
        given(&arr2(&[[0.5, 0.6, 0.1], [0.4, 0.5, 0.7], [0.9, 0.3, 0.5]])),
        given(&arr2(&[
            [0.5, 0.5, 0.5, 0.9],
            [0.5, 0.5, 0.5, 0.9],
            [0.5, 0.5, 0.5, 0.9],
            [0.1, 0.1, 0.1, 0.5],
        ])),
        given(&small_margins()),
        given(&arr2(&[[0.5, 0.5], [0.5, 0.5]])),
        given(&arr2(&[[0.5, 0.5, 0.6], [0.5, 0.5, 0.2], [0.4, 0.8, 0.5]])),
        given(&arr2(&[
            [0.5, 1.0, 0.5, 0.0],
            [0.0, 0.5, 1.0, 0.5],
            [0.5, 0.0, 0.5, 1.0],
            [1.0, 0.5, 0.0, 0.5],
        ])),
    ]
}

fn small_margins() -> Array2<f64> {
    arr2(&[
        [0.5, 0.499999999, 0.500000001, 0.499999997, 0.499999998],
        [0.500000001, 0.5, 0.499999998, 0.499999998, 0.499999999],
        [0.499999999, 0.500000002, 0.5, 0.500000003, 0.500000001],
        [0.500000003, 0.500000002, 0.499999997, 0.5, 0.500000003],
        [0.500000002, 0.500000001, 0.499999999, 0.499999997, 0.5],
    ])
}

/// Every leaf of an answer, by its pointer.
fn leaves(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| leaves(v, &format!("{at}/{i}"), out)),
        Value::Object(map) => map.iter().for_each(|(key, v)| leaves(v, &format!("{at}/{key}"), out)),
        _ => out.push(at.to_owned()),
    }
}

/// What a leaf may be changed to: each digit to another, or another letter, or the other truth value.
fn changes(leaf: &Value) -> Vec<Value> {
    let digits = |text: &str| -> Vec<String> {
        let other = |i: usize, c: char| -> Option<String> {
            let digit = c.to_digit(10)?;
            let mut changed: Vec<char> = text.chars().collect();
            changed[i] = char::from_digit((digit + 1) % 10, 10)?;
            Some(changed.into_iter().collect())
        };
        text.chars().enumerate().filter_map(|(i, c)| other(i, c)).collect()
    };
    match leaf {
        Value::Bool(v) => vec![json!(!v), Value::Null],
        Value::Number(v) => {
            digits(&v.to_string()).iter().filter_map(|text| serde_json::from_str(text).ok()).collect()
        }
        Value::String(text) => {
            digits(text).into_iter().chain([format!("{text}x")]).map(Value::from).collect()
        }
        _ => vec![json!(true)],
    }
}

#[test]
fn every_changed_digit_is_refused_by_name() {
    let mut tried = 0;
    for game in games() {
        for (select, ranges) in [(None, true), (Some(Select::Vertex), false)] {
            let whole = answer(&game, select, ranges);
            let checked = check_certificate(&whole, None).unwrap();
            assert!(checked.valid, "{checked:?} {whole:#}");
            assert!(check_certificate(&whole, Some(&game)).unwrap().valid);
            let mut places = Vec::new();
            leaves(&whole, "", &mut places);
            for place in places {
                for change in changes(whole.pointer(&place).unwrap()) {
                    let mut forged = whole.clone();
                    *forged.pointer_mut(&place).unwrap() = change.clone();
                    if forged == whole {
                        continue;
                    }
                    tried += 1;
                    let Ok(checked) = check_certificate(&forged, None) else {
                        // of another type, so that there is no proof to check
                        assert!(
                            change.is_null() || change.is_boolean() || !change.is_string(),
                            "{place} {change}"
                        );
                        continue;
                    };
                    assert!(!checked.valid, "{place} as {change} is accepted");
                    let steps: Vec<&str> = place.split('/').skip(1).collect();
                    let named = match steps[..] {
                        ["certificate", "exact", key, ..] | ["certificate", "digests", key, ..] => key,
                        ["certificate", key, ..] | [key, ..] => key,
                        [] => unreachable!("a leaf has a name"),
                    };
                    let said =
                        checked.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
                    assert!(said.contains(named), "{place} as {change}: {said}");
                }
            }
        }
    }
    assert!(tried > 3000, "{tried}");
}

/// What mathematics decides is refused without the digests too, whoever wrote them anew.
#[test]
fn the_proof_decides_without_digests() {
    for game in games() {
        for (select, ranges) in [(None, true), (Some(Select::Vertex), false)] {
            let mut whole = answer(&game, select, ranges);
            whole["certificate"].as_object_mut().unwrap().remove("digests");
            assert!(check_certificate(&whole, None).unwrap().valid);
            let mut places = Vec::new();
            leaves(&whole, "", &mut places);
            // how an equilibrium was selected and what else proves the same are not decided
            let free = ["/certificate/exact/inside/", "/certificate/exact/ranges/", "/policy/"];
            for place in places.iter().filter(|place| !free.iter().any(|start| place.starts_with(start))) {
                let leaf = whole.pointer(place).unwrap();
                // 0/1 and 0/2 are one number
                if leaf.as_str().is_some_and(|text| text.starts_with("0/")) {
                    continue;
                }
                for change in changes(leaf).into_iter().filter(|v| !v.is_null()) {
                    let mut forged = whole.clone();
                    *forged.pointer_mut(place).unwrap() = change.clone();
                    assert!(refused(&forged) || forged == whole, "{place} as {change}");
                }
            }
        }
    }
}

fn refused(answer: &Value) -> bool {
    check_certificate(answer, None).map_or(true, |checked| !checked.valid)
}

fn problems(answer: &Value) -> String {
    let found = check_certificate(answer, None).unwrap();
    assert_eq!(found.valid, found.problems.is_empty());
    found.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The same answer in the layout of version 0.1: no digests, and of the proof neither dimension nor what follows it.
fn as_layout_1(mut answer: Value) -> Value {
    answer["certificate"].as_object_mut().unwrap().remove("digests");
    let exact = answer["certificate"]["exact"].as_object_mut().unwrap();
    for key in ["dimension", "inside", "ranges"] {
        exact.remove(key);
    }
    exact["format"] = json!(1);
    answer
}

/// A claim holds if it was proved, not if nothing was there to check it by.
#[test]
fn claims_without_a_proof_are_refused_by_name() {
    for game in games() {
        let whole = answer(&game, None, true);
        let unique = whole["unique"] == json!(true);
        let n = whole["n"].as_u64().unwrap() as usize;
        let old = as_layout_1(whole.clone());
        // a proof of several equilibria in layout 1 says nothing of their dimension and ranges
        let mut silent = old.clone();
        if !unique {
            for key in ["dimension", "ranges"] {
                assert!(problems(&old).contains(&format!("`{key}` is not proved")), "{}", problems(&old));
                silent[key] = Value::Null;
            }
        }
        assert_eq!(problems(&silent), "");
        silent.as_object_mut().unwrap().remove("ranges");
        assert_eq!(problems(&silent), "");
        let forge = |answer: &Value, places: &[(&str, Value)]| {
            let mut forged = answer.clone();
            for (place, value) in places {
                let (object, key) = place.rsplit_once('/').unwrap();
                forged.pointer_mut(object).unwrap()[key] = value.clone();
            }
            problems(&forged)
        };
        let false_ranges = json!(vec![[0.3, 0.4]; n]);
        for layout in [1, 2] {
            let format = ("/certificate/exact/format", json!(layout));
            for (place, value) in [("/dimension", json!(7)), ("/ranges", false_ranges.clone())] {
                let said = forge(&silent, &[(place, value), format.clone()]);
                assert!(said.contains(&place[1..]), "{place} in layout {layout}: {said}");
            }
            let said = forge(&silent, &[("/certificate/exact/dimension", json!(7)), format]);
            assert!(said.contains("certificate.exact.dimension"), "layout {layout}: {said}");
        }
        // fields of layout 2 under the name of layout 1
        let mut named = whole.clone();
        named["certificate"].as_object_mut().unwrap().remove("digests");
        let said = forge(&named, &[("/certificate/exact/format", json!(1))]);
        assert!(said.contains("`certificate.exact.format` says 1"), "{said}");
        let places =
            [("/ranges", false_ranges), ("/dimension", json!(7)), ("/certificate/exact/dimension", json!(9))];
        let said = forge(&named, &[&places[..], &[("/certificate/exact/format", json!(1))]].concat());
        assert!(
            ["`ranges", "`dimension`", "exact.dimension", "exact.format"].iter().all(|f| said.contains(f)),
            "{said}"
        );
        // a proof by itself
        let exact = &whole["certificate"]["exact"];
        assert_eq!(problems(exact), "");
        let mut bare = exact.clone();
        for key in ["inside", "ranges"] {
            bare.as_object_mut().unwrap().remove(key);
        }
        let said = forge(&bare, &[("/dimension", json!(7))]);
        assert!(said.contains("certificate.exact.dimension"), "{said}");
        let said = forge(exact, &[("/inside", json!(vec!["1"; n]))]);
        assert!(said.contains("certificate.exact.inside"), "{said}");
    }
}

/// Policy, uniqueness, dimension and ranges of an answer are those of its proof.
#[test]
fn answers_agree_with_their_proof() {
    for game in games() {
        let solved = solve(&game, &SolveOptions { ranges: true, ..Default::default() }, &Silent).unwrap();
        let Solved::Lottery(found) = &solved.contexts[0] else { panic!("tau is 0") };
        let exact = found.certificate.exact.as_ref().unwrap();
        assert_eq!(
            (found.unique, found.dimension, found.undecided.as_ref()),
            (exact.unique, exact.dimension, None)
        );
        assert!(found.duality_gap.abs() <= 1e-15);
        let ranges = found.ranges.as_ref().unwrap().as_ref().unwrap();
        for (p, (least, largest)) in found.policy.iter().zip(ranges) {
            assert!(least - 1e-15 <= *p && *p <= largest + 1e-15, "{p} {ranges:?}");
        }
        assert_eq!(found.unique == Some(true), ranges.iter().all(|(least, largest)| least == largest));
    }
    // the cases of the report
    let clones = answer(&games()[1], None, true);
    assert_eq!(clones["ranges"], json!([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 0.0]]));
    let small = answer(&games()[2], None, true);
    assert_eq!((&small["unique"], &small["dimension"]), (&json!(false), &json!(1)));
}

/// Without fractions, what is null has its reason beside it.
#[test]
fn null_has_a_reason() {
    for game in games() {
        let game = GivenGame { fractions: vec![None], game: game.game };
        for select in [None, Some(Select::Vertex)] {
            let found = answer(&game, select, true);
            let told = ["unique", "dimension", "ranges"].iter().all(|key| !found[key].is_null());
            assert_eq!(told, found.get("undecided").is_none(), "{found}");
        }
    }
}

/// Doubles are fractions: 0.1 + 0.2 and 0.3 are apart by an ulp, and the proof is of what they are.
#[test]
fn doubles_are_proved_as_they_are() {
    for game in games() {
        let doubles: GivenGame = game.game.into();
        let found = answer(&doubles, None, true);
        assert_eq!(found["method"], json!("rational"), "{found}");
        assert!(["unique", "dimension", "ranges"].iter().all(|key| !found[key].is_null()), "{found}");
        let checked = check_certificate(&found, Some(&doubles)).unwrap();
        assert!(checked.valid, "{checked}");
    }
    // margins 0.3 a cycle, but for 0.1 + 0.2: weights in proportion to the margin of the other two, as they are
    let (a, b): (f64, f64) = (0.3, 0.1 + 0.2);
    let k = [[0.0, a, -a], [-a, 0.0, b], [a, -b, 0.0]];
    let matrix = PreferenceMatrix::from_margins(3, |i, j| k[i][j]).unwrap();
    let found = answer(&Game::single(matrix).into(), None, false);
    assert_eq!(found["unique"], json!(true));
    // 0.3 is 5404319552844595 / 2^54, 0.1 + 0.2 one more
    let expected = json!([
        "2702159776422298/8106479329266893",
        "5404319552844595/16212958658533786",
        "5404319552844595/16212958658533786"
    ]);
    assert_eq!(found["certificate"]["exact"]["policy"], expected);
}

/// Contexts are proved one by one, and checked so.
#[test]
fn several_contexts_are_proved_and_checked() {
    let cycle =
        |m: f64| PreferenceMatrix::from_margins(3, move |i, j| if j == i + 1 { m } else { -m }).unwrap();
    let ties = PreferenceMatrix::from_margins(4, |_, _| 0.0).unwrap();
    for given in [
        GivenGame::decimal(Game::new([cycle(0.2), cycle(0.3)]).unwrap()),
        Game::new([cycle(0.1), ties, cycle(0.3)]).unwrap().into(),
    ] {
        let options = SolveOptions { ranges: true, ..Default::default() };
        let found = serde_json::to_value(solve(&given, &options, &Silent).unwrap()).unwrap();
        let contexts = given.game.contexts();
        let checked = check_certificate(&found, Some(&given)).unwrap();
        assert!(checked.valid && checked.contexts == contexts, "{checked}");
        assert_eq!(checked.unique, Some(contexts == 2));
        for x in 0..contexts {
            let context = &found["contexts"][x];
            assert_eq!(
                (&context["method"], context["certificate"]["exact"].is_object()),
                (&json!("rational"), true)
            );
            let mut forged = found.clone();
            forged["contexts"][x]["policy"][0] = json!(0.123);
            let refused = check_certificate(&forged, Some(&given)).unwrap();
            assert!(!refused.valid && refused.unique.is_none());
            assert!(refused.to_string().contains(&format!("context {x}: `policy")), "{refused}");
            let mut bare = found.clone();
            bare["contexts"][x]["certificate"].as_object_mut().unwrap().remove("exact");
            let refused = check_certificate(&bare, None).unwrap();
            assert!(refused.to_string().contains(&format!("context {x}: `certificate.exact` is not proved")));
        }
        // another order of contexts is another game
        let mut turned = found.clone();
        turned["contexts"].as_array_mut().unwrap().reverse();
        assert!(!check_certificate(&turned, Some(&given)).unwrap().valid);
        let one = GivenGame::decimal(Game::single(cycle(0.2)));
        assert!(!check_certificate(&found, Some(&one)).unwrap().valid);
        assert!(!check_certificate(&found["contexts"][0], Some(&given)).unwrap().valid);
    }
}
