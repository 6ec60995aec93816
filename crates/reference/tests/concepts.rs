//! Solution concepts against published programs, closed forms, brute force and each other.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use equipoise_env::PreferenceMatrix;
use equipoise_reference::concepts::{Ballot, CONCEPTS, Choice, ConceptOptions, Electorate, concept, gap_of};
use serde_json::Value;

fn profiles() -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("social/profiles.json")).unwrap();
    file["profiles"].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn electorate(profile: &Value) -> Electorate {
    let rankings = profile["rankings"].as_array().unwrap().iter().map(numbers);
    let ballots = rankings.zip(floats(&profile["counts"])).map(|(r, w)| Ballot::strict(&r, w)).collect();
    Electorate::of_ballots(profile["items"].as_u64().unwrap() as usize, ballots).unwrap()
}

fn choose(name: &str, electorate: &Electorate, options: &ConceptOptions) -> Choice {
    concept(name).unwrap().choose(electorate, options).unwrap()
}

fn winners(name: &str, electorate: &Electorate) -> Vec<usize> {
    match choose(name, electorate, &ConceptOptions::default()) {
        Choice::Winners { winners, .. } | Choice::Rankings { winners, .. } => winners,
        Choice::Open { .. } => Vec::new(),
        other => panic!("{name}: {other:?}"),
    }
}

fn policy(name: &str, electorate: &Electorate, options: &ConceptOptions) -> Vec<f64> {
    choose(name, electorate, options).policy(electorate.n()).unwrap()
}

#[track_caller]
fn close(a: &[f64], b: &[f64], within: f64, what: &str) {
    assert_eq!(a.len(), b.len(), "{what}");
    for (x, y) in a.iter().zip(b) {
        assert!((x - y).abs() <= within, "{what}: {a:?} and {b:?}");
    }
}

#[test]
fn winners_are_those_of_the_published_programs() {
    let names = [
        ("borda", "borda"),
        ("copeland", "copeland"),
        ("llull", "llull"),
        ("minimax", "minimax"),
        ("schulze", "schulze"),
        ("ranked-pairs", "ranked_pairs"),
        ("river", "river_index_tie_break"),
        ("kemeny", "kemeny_winners"),
        ("weak-condorcet", "weak_condorcet_winners"),
        ("smith", "smith_set"),
        ("schwartz", "schwartz_set"),
        ("uncovered-gillies", "uncovered_gillies"),
        ("uncovered-fishburn", "uncovered_fishburn"),
        ("uncovered-bordes", "uncovered_bordes"),
        ("uncovered-mckelvey", "uncovered_mckelvey"),
        ("split-cycle", "split_cycle"),
        ("stable-voting", "stable_voting"),
        ("slater", "slater"),
        ("banks", "banks"),
        ("bipartisan", "bipartisan"),
        ("weak-nanson", "weak_nanson"),
        ("strict-nanson", "strict_nanson"),
        ("instant-runoff", "instant_runoff"),
        ("plurality", "plurality"),
    ];
    let mut compared = 0;
    let mut wrong = Vec::new();
    for profile in profiles() {
        let (electorate, results) = (electorate(&profile), &profile["results"]);
        for (ours, theirs) in names {
            if results[theirs].is_null() {
                continue; // more orders than the program follows
            }
            let (found, published) = (winners(ours, &electorate), numbers(&results[theirs]));
            if found != published {
                wrong.push(format!("{} {ours}: {found:?}, published {published:?}", profile["profile"]));
            }
            compared += 1;
        }
        let condorcet: Vec<usize> =
            results["condorcet_winner"].as_u64().map(|w| w as usize).into_iter().collect();
        assert_eq!(winners("condorcet", &electorate), condorcet);
        let Choice::Rankings { rankings, .. } = choose("kemeny", &electorate, &ConceptOptions::default())
        else {
            panic!("kemeny ranks")
        };
        let published: Vec<Vec<usize>> =
            results["kemeny_rankings"].as_array().unwrap().iter().map(numbers).collect();
        assert_eq!(rankings, published, "{}", profile["profile"]);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 8 * 23, "{compared}");
}

#[test]
fn lotteries_and_chains_are_those_of_the_published_programs() {
    for profile in profiles() {
        let (electorate, results) = (electorate(&profile), &profile["results"]);
        let published = &results["maximal_lottery"];
        let found = choose("maximal-lottery", &electorate, &ConceptOptions::default());
        let Choice::Lottery { policy: found, unique } = found else { panic!("a lottery") };
        close(&found, &floats(&published["max_entropy"]), 1e-12, "maximal lottery");
        assert_eq!(unique, published["unique"].as_bool(), "{}", profile["profile"]);
        assert!(gap_of(&electorate, &found) < 1e-14);
        // the union of the supports of all vertices
        let vertices = results["c1_maximal_lottery"]["vertices"].as_array().unwrap();
        let played = |i: usize| vertices.iter().any(|v| v[i].as_str() != Some("0"));
        let union: Vec<usize> = (0..electorate.n()).filter(|&i| played(i)).collect();
        assert_eq!(winners("bipartisan", &electorate), union, "{}", profile["profile"]);
        for (selection, published) in results["alpha_rank"].as_object().unwrap() {
            let Ok(a) = selection.parse::<f64>() else { continue };
            let options = ConceptOptions { tau: Some(0.1 / a), ..ConceptOptions::default() };
            close(&policy("alpha-rank", &electorate, &options), &floats(published), 1e-8, selection);
        }
    }
}

/// Games of three with a known answer to every concept: figures computed apart, to six digits.
#[test]
fn the_standing_games() {
    let game = |p12: f64, p13: f64, p23: f64| {
        let p = [[0.5, p12, p13], [1.0 - p12, 0.5, p23], [1.0 - p13, 1.0 - p23, 0.5]];
        Electorate::of_win_rates(PreferenceMatrix::from_margins(3, |i, j| p[i][j] - 0.5).unwrap(), None)
    };
    let (first, second) = (game(0.6, 0.1, 0.7), game(0.6, 0.55, 0.95));
    let options = ConceptOptions::default();
    for (name, electorate, expected, gap) in [
        ("maximal-lottery", &first, [2.0 / 7.0, 4.0 / 7.0, 1.0 / 7.0], 0.0),
        ("quantal-response", &first, [0.197669, 0.521018, 0.281313], 0.072991),
        ("quantal-response", &second, [0.604987, 0.321472, 0.073541], 0.071649),
        ("mchf", &first, [0.281582, 0.391046, 0.327372], 0.074632),
        ("mchf", &second, [0.504534, 0.337767, 0.157699], 0.083323),
        ("mchf-logit", &first, [0.237722, 0.397648, 0.364631], 0.098308),
        ("slhf-leader", &first, [0.045086, 0.654785, 0.300129], 0.111034),
        ("slhf-leader", &second, [0.644859, 0.341401, 0.013740], 0.069654),
        ("proportional", &first, [0.125, 0.5, 0.375], 0.125),
        ("alpha-rank", &first, [0.175190, 0.532188, 0.292623], f64::NAN),
    ] {
        let found = policy(name, electorate, &options);
        close(&found, &expected, 6e-7, name);
        assert!(gap.is_nan() || (gap_of(electorate, &found) - gap).abs() < 1e-6, "{name}");
    }
    assert_eq!(winners("minimax", &first), [1]);
    assert_eq!(winners("borda", &first), [2]);
}

/// Permutes the ballots of a small profile, and holds every rule against what must hold whatever the profile.
#[test]
fn what_holds_of_every_profile() {
    let mut state = 1u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..300 {
        let n = 3 + draw(4);
        let ballots: Vec<Ballot> = (0..1 + draw(6))
            .map(|_| {
                let mut order: Vec<usize> = (0..n).collect();
                (1..n).rev().for_each(|k| order.swap(k, draw(k + 1)));
                Ballot::strict(&order, 1.0 + draw(4) as f64)
            })
            .collect();
        let electorate = Electorate::of_ballots(n, ballots.clone()).unwrap();
        let smith = winners("smith", &electorate);
        // every rule that is known to choose within the Smith set
        for rule in [
            "copeland",
            "schulze",
            "ranked-pairs",
            "river",
            "split-cycle",
            "stable-voting",
            "kemeny",
            "slater",
            "banks",
            "bipartisan",
            "schwartz",
            "uncovered-mckelvey",
        ] {
            let set = winners(rule, &electorate);
            assert!(!set.is_empty() && set.iter().all(|i| smith.contains(i)), "{rule}: {set:?} in {smith:?}");
        }
        if let [winner] = winners("condorcet", &electorate)[..] {
            for rule in ["weak-condorcet", "minimax", "weak-nanson", "strict-nanson", "maximal-lottery"] {
                assert_eq!(policy(rule, &electorate, &ConceptOptions::default())[winner], 1.0, "{rule}");
            }
        }
        // river's order of equal majorities is one of those of ranked pairs; both are refinements of split cycle
        let undefeated = winners("split-cycle", &electorate);
        for rule in ["river", "ranked-pairs", "stable-voting", "schulze"] {
            assert!(winners(rule, &electorate).iter().all(|i| undefeated.contains(i)), "{rule}");
        }
        // the best rankings, by looking at all
        let Choice::Rankings { rankings, value, .. } =
            choose("kemeny", &electorate, &ConceptOptions::default())
        else {
            panic!("kemeny ranks")
        };
        let mut all = Vec::new();
        permutations(&mut (0..n).collect(), 0, &mut all);
        all.sort();
        let agreement = |order: &Vec<usize>| -> f64 {
            (0..n)
                .flat_map(|a| (a + 1..n).map(move |b| (a, b)))
                .map(|(a, b)| margin(&ballots, n, order[a], order[b]))
                .sum()
        };
        let most = all.iter().map(agreement).fold(f64::NEG_INFINITY, f64::max);
        let best: Vec<Vec<usize>> = all.into_iter().filter(|order| agreement(order) == most).collect();
        assert_eq!((rankings, value), (best, most));
        // a copy of an item moves nobody else in the lottery
        let lottery = policy("maximal-lottery", &electorate, &ConceptOptions::default());
        let cloned = policy("maximal-lottery", &electorate.with_clone(0), &ConceptOptions::default());
        if choose("maximal-lottery", &electorate, &ConceptOptions::default())
            == (Choice::Lottery { policy: lottery.clone(), unique: Some(true) })
        {
            close(&cloned[1..n], &lottery[1..], 1e-12, "clones");
        }
    }
}

fn margin(ballots: &[Ballot], _: usize, i: usize, j: usize) -> f64 {
    let place = |b: &Ballot, i: usize| b.groups.iter().position(|g| g.contains(&i));
    ballots.iter().map(|b| if place(b, i) < place(b, j) { b.weight } else { -b.weight }).sum()
}

fn permutations(order: &mut Vec<usize>, at: usize, all: &mut Vec<Vec<usize>>) {
    if at == order.len() {
        all.push(order.clone());
        return;
    }
    for k in at..order.len() {
        order.swap(at, k);
        permutations(order, at + 1, all);
        order.swap(at, k);
    }
}

#[test]
fn every_row_answers_or_says_why_not() {
    let alone = Electorate::of_ballots(1, vec![Ballot::strict(&[0], 1.0)]).unwrap();
    let level = Electorate::of_ballots(3, vec![Ballot { groups: vec![vec![0, 1, 2]], weight: 2.0 }]).unwrap();
    let certain = Electorate::of_win_rates(
        PreferenceMatrix::from_margins(3, |i, j| if (j + 3 - i) % 3 == 1 { 0.5 } else { -0.5 }).unwrap(),
        None,
    );
    for entry in CONCEPTS {
        for (electorate, name) in [(&alone, "one item"), (&level, "all level"), (&certain, "certain cycle")] {
            match entry.choose(electorate, &ConceptOptions::default()).unwrap() {
                Choice::Open { reason } => assert!(!reason.is_empty()),
                choice => {
                    let sum: f64 = choice.policy(electorate.n()).expect(name).iter().sum();
                    assert!((sum - 1.0).abs() < 1e-12, "{} of {name}", entry.name);
                }
            }
        }
        let names = CONCEPTS.iter().filter(|other| other.name == entry.name).count();
        assert_eq!(names, 1, "{}", entry.name);
    }
    assert!(Electorate::of_ballots(2, vec![Ballot::strict(&[0, 0], 1.0)]).is_none());
    assert!(Electorate::of_ballots(2, vec![Ballot::strict(&[0, 2], 1.0)]).is_none());
    assert!(Electorate::of_ballots(2, Vec::new()).is_none());
}
