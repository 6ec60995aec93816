//! What the audit must find by itself.

use std::sync::Arc;

use equipoise::audit::{Changes, Finding, Instance, check_claim, instances, search, suite};
use equipoise::claims::{CLAIMS, Claim, Expected, Quantity, Standing, claim, proved};
use equipoise::{Problem, registry};
use equipoise_core::{Aim, Guarantee, Policy, Task};
use equipoise_env::{Game, PreferenceMatrix};
use equipoise_eval::Iterate;
use equipoise_eval::audit::BoundVerdict;
use serde_json::{Value, json};

fn failed(finding: &Finding) -> bool {
    matches!(finding.judged.verdict, BoundVerdict::Fail { .. })
}

fn on_suite(claim: &'static Claim) -> Vec<Finding> {
    suite(claim.game, None, 0)
        .iter()
        .map(|i| check_claim(claim, i).unwrap_or_else(|e| panic!("{e}")))
        .collect()
}

fn smallest_slack(findings: &[Finding]) -> f64 {
    findings.iter().filter_map(|f| f.judged.slack).fold(f64::INFINITY, f64::min)
}

#[test]
fn every_claim_names_what_exists_and_says_what_it_claims() {
    let mut ids: Vec<_> = CLAIMS.iter().map(|c| c.id).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|w| w[0] != w[1]), "{ids:?}");
    for c in CLAIMS {
        assert!(equipoise::registry::solver(c.solver).is_some(), "{}", c.id);
        if let Quantity::Metric(name) = c.quantity {
            assert!(equipoise_eval::Metric::named(name).is_some(), "{}", c.id);
        }
        assert!(!c.statement.is_empty() && !c.citation.is_empty(), "{}", c.id);
        // what is fixed is a parameter of the method; a theorem about a last iterate states its step
        let entry = equipoise::registry::solver(c.solver).expect("registered");
        let parameters = (entry.defaults)();
        assert!(c.fixed.iter().all(|key| parameters.get(key).is_some()), "{}: {:?}", c.id, c.fixed);
        assert!(c.iterate != Iterate::Best && c.game != Aim::Other, "{}", c.id);
    }
}

#[test]
fn every_proved_iterate_has_a_claim() {
    for entry in equipoise::registry::solvers().filter(|e| e.guarantee != Guarantee::None) {
        // what is proved for gpo is about the game of its scores, whose gap is not measured here
        let held = |iterate: Iterate| {
            // averages that are the answer itself are held as the last iterate
            CLAIMS
                .iter()
                .any(|c| c.solver == entry.name && (c.iterate == iterate || c.id.ends_with("-average")))
        };
        let wanted: &[Iterate] = match entry.guarantee {
            Guarantee::Last => &[Iterate::Last],
            Guarantee::Average => &[Iterate::Average],
            Guarantee::Both => &[Iterate::Last, Iterate::Average],
            Guarantee::None => &[],
        };
        assert!(entry.name == "gpo" || wanted.iter().all(|&w| held(w)), "{}: {wanted:?}", entry.name);
    }
}

#[test]
fn every_claim_ends_on_the_suite_with_the_worst_verdict_that_it_expects() {
    let known: Vec<&str> = CLAIMS.iter().filter(|c| c.expected == Expected::Fail).map(|c| c.id).collect();
    assert_eq!(known, ["onpo-average-printed", "nash-md-limit"]);
    let mut otherwise = Vec::new();
    for c in CLAIMS {
        let findings = on_suite(c);
        let ended = |name: &str| findings.iter().find(|f| f.judged.verdict.name() == name);
        assert!(ended("ERROR").is_none(), "{}: {:?}", c.id, ended("ERROR"));
        let worst = ["FAIL", "INCONCLUSIVE"].into_iter().find(|name| ended(name).is_some()).unwrap_or("PASS");
        if worst != c.expected.name() {
            otherwise.push(format!("{}: {worst}, {:?}", c.id, ended(worst)));
        }
        let expected = c.expected == Expected::Fail;
        // every claim says something about some instance
        let spoken = |f: &Finding| !matches!(f.judged.verdict, BoundVerdict::HypothesisNotMet { .. });
        assert!(findings.iter().any(spoken), "{}", c.id);
        if let Some(slack) = Some(smallest_slack(&findings)).filter(|s| s.is_finite() && !expected) {
            assert!(slack >= 1.0 - 1e-9, "{}: {slack}", c.id);
        }
    }
    assert!(otherwise.is_empty(), "{}", otherwise.join("\n"));
}

#[test]
fn the_printed_constant_of_onpo_breaks_on_the_one_winner_game() {
    let printed = claim("onpo-average-printed").expect("a claim");
    let findings = on_suite(printed);
    let one = findings.iter().find(|f| f.instance == "one-winner, uniform start").expect("in the suite");
    assert!(failed(one) && one.facts.radius > 1.0, "{one:?}");
    // T gap -> 8.79 against 4 sqrt D = 6.07 for ten actions
    let slack = one.judged.slack.expect("a bound");
    assert!((slack - 6.07 / 8.79).abs() < 2e-3, "{slack}");
    // the bound of the argument itself holds there
    let corrected = on_suite(claim("onpo-average").expect("a claim"));
    assert!(!corrected.iter().any(failed) && smallest_slack(&corrected) < 1.1);
}

#[test]
fn nash_md_has_a_floor_and_its_correction_has_none() {
    let floors = on_suite(claim("nash-md-limit").expect("a claim"));
    assert!(floors.iter().filter(|f| failed(f)).count() >= 20);
    assert!(!on_suite(claim("nash-md-debiased-limit").expect("a claim")).iter().any(failed));
}

#[test]
fn published_bounds_with_falling_steps_predict_nothing() {
    for id in ["inpo-published", "nash-md-published"] {
        let findings = on_suite(claim(id).expect("a claim"));
        let last: Vec<f64> = findings.iter().filter_map(|f| f.judged.last?.slack()).collect();
        assert!(last.len() >= 30 && last.iter().all(|s| *s > 1000.0), "{id}: {last:?}");
    }
    // in every step INPO's is off by that much; Nash-MD's down to 447 at the first step on the COMAL game at tau = 0.05
    assert!(smallest_slack(&on_suite(claim("inpo-published").expect("a claim"))) > 1000.0);
    assert!(smallest_slack(&on_suite(claim("nash-md-published").expect("a claim"))) > 400.0);
}

#[test]
fn egpo_contracts_on_a_thousand_random_games() {
    let found =
        search(claim("egpo-contraction").expect("a claim"), 800, None, &Changes::default(), 0).expect("runs");
    assert_eq!((found.games, found.verdicts["PASS"], found.verdicts.len()), (1000, 1000, 1));
    assert_eq!(found.worst.judged.verdict, BoundVerdict::Pass, "{:?}", found.worst);
    assert!(found.worst.judged.slack.is_some_and(|s| s >= 1.0));
}

#[test]
fn stability_limits_are_right_on_a_hundred_games() {
    for id in ["omd-below-limit", "omd-above-limit"] {
        let found = search(claim(id).expect("a claim"), 240, None, &Changes::default(), 0).expect("runs");
        // where nothing turns there is no limit to test
        let silent = found.verdicts.get("HYPOTHESIS NOT MET").copied().unwrap_or(0);
        let passed = found.verdicts["PASS"];
        assert_eq!(passed + silent, found.games, "{id}: {:?} {:?}", found.verdicts, found.worst);
        assert!(passed >= 100, "{id}: {:?}", found.verdicts);
    }
}

#[test]
fn a_search_breaks_the_printed_constant_and_its_game_breaks_it_again() {
    let printed = claim("onpo-average-printed").expect("a claim");
    let found = search(printed, 8, None, &Changes::default(), 1).expect("runs");
    assert!(failed(&found.worst) && found.verdicts["FAIL"] >= 1, "{:?}", found.worst);
    assert!(check_claim(printed, &found.instance).is_ok_and(|again| again.judged == found.worst.judged));
}

#[test]
fn measured_rates_meet_local_theory() {
    // T24, within two percent, on interior cycles; elsewhere faster modes still bend the window
    let mut met = 0;
    for id in ["omd-contraction", "egpo-contraction", "omwu-last"] {
        for f in on_suite(claim(id).expect("a claim")) {
            let cycle = ["perturbed-rps", "comal", "cyclic"].iter().any(|name| f.instance.starts_with(name));
            let (true, Some(slope), Some(factor)) = (cycle, f.judged.slope, f.predicted_factor) else {
                continue;
            };
            // too fast a contraction leaves no window above rounding
            if slope.half_width < 1e-3 * slope.value.abs() {
                assert!(
                    (slope.value / factor.ln() - 1.0).abs() < 0.02,
                    "{id} on {}: {slope:?}, {factor}",
                    f.instance
                );
                met += 1;
            }
        }
    }
    assert!(met >= 15, "{met}");
}

/// The game of the issue: close to a cycle, not in the suite.
fn own_game() -> equipoise_env::Game {
    let rows = [[0.5, 0.7, 0.2], [0.3, 0.5, 0.9], [0.8, 0.1, 0.5]];
    equipoise_env::Game::from_array(&ndarray::arr2(&rows)).expect("a preference matrix")
}

fn own(
    claim: &'static Claim,
    parameters: serde_json::Value,
    tau: Option<f64>,
    steps: Option<u64>,
) -> Vec<Finding> {
    let parameters = parameters.as_object().expect("a block").clone();
    let changes = Changes { parameters, steps };
    instances("own", &own_game(), claim.game, tau, 0)
        .into_iter()
        .map(|instance| Instance { changes: changes.clone(), ..instance })
        .map(|instance| check_claim(claim, &instance).expect("a registered method"))
        .collect()
}

#[test]
fn a_step_of_ones_own_is_what_runs_and_hypotheses_are_about_it() {
    use serde_json::json;
    let contraction = claim("egpo-contraction").expect("a claim");
    for finding in own(contraction, json!({"step_size": 0.3}), Some(0.2), Some(50)) {
        assert_eq!(finding.parameters["step_size"], json!(0.3), "{finding:?}");
        assert_eq!((finding.facts.eta, finding.facts.steps, finding.tau), (0.3, 50, 0.2));
        assert_eq!(finding.judged.verdict, BoundVerdict::Pass);
    }
    // beyond its limit a theorem is silent, and a step that the method refuses is an error that says so
    let verdicts = |c, block, tau| {
        let name = |f: Finding| f.judged.verdict.name();
        own(c, block, tau, Some(50)).into_iter().map(name).collect::<Vec<_>>()
    };
    assert_eq!(verdicts(contraction, json!({"step_size": 2.0}), Some(0.2)), ["HYPOTHESIS NOT MET"; 2]);
    assert_eq!(verdicts(contraction, json!({"step_size": 20.0}), Some(0.2)), ["ERROR"; 2]);
    assert_eq!(verdicts(contraction, json!({}), Some(0.0)), ["HYPOTHESIS NOT MET"; 2]);
    // one step in place of another, under the names of the method
    for (id, key) in
        [("mmd-contraction", "mmd_eta"), ("mmd-contraction", "step_size"), ("rspo-contraction", "step_size")]
    {
        for finding in own(claim(id).expect("a claim"), json!({key: 0.1}), Some(0.5), Some(50)) {
            assert_eq!(finding.judged.verdict, BoundVerdict::Pass, "{id} {key}: {finding:?}");
            let eta = if key == "mmd_eta" { 0.1 / 1.05 } else { 0.1 };
            assert!((finding.facts.eta - eta).abs() < 1e-15, "{id} {key}: {finding:?}");
        }
    }
    let rate = own(
        claim("online-ipo-contraction").expect("a claim"),
        json!({"learning_rate": 0.03}),
        Some(0.5),
        None,
    );
    assert!(
        rate.iter().all(|f| (f.facts.eta - 0.08).abs() < 1e-15 && f.judged.verdict == BoundVerdict::Pass),
        "{rate:?}"
    );
    // 1.05 of the limit of mirror descent, set by hand, contradicts the conjecture that a fixed step contracts
    let observed = claim("egpo-observed").expect("a claim");
    assert_eq!(verdicts(observed, json!({"step_size": 1.0}), Some(0.2)), ["PASS"; 2]);
}

#[test]
fn a_search_goes_on_where_a_run_cannot_be_made() {
    let contraction = claim("egpo-contraction").expect("a claim");
    let set = serde_json::json!({"step_size": 4.0}).as_object().expect("a block").clone();
    let changes = Changes { parameters: set, steps: Some(20) };
    // temperatures from 0.01 to 1: refused above 1/4
    let found = search(contraction, 40, None, &changes, 0).expect("a registered method");
    assert_eq!((found.games, found.verdicts.values().sum::<u32>()), (50, 50));
    assert!(
        found.verdicts["ERROR"] >= 5 && found.verdicts["HYPOTHESIS NOT MET"] >= 5,
        "{:?}",
        found.verdicts
    );
    let (error, instance) = found.error.expect("counted above");
    assert!(instance.tau > 0.25, "{instance:?}");
    assert!(
        matches!(&error.judged.verdict, BoundVerdict::Error { reason } if reason.contains("step_size")),
        "{error:?}"
    );
}

#[test]
fn searches_of_implicit_steps_meet_no_refusal() {
    for id in ["rspo-contraction", "nash-md-debiased-limit", "mmd-contraction"] {
        let changes = Changes { steps: Some(200), ..Changes::default() };
        let found = search(claim(id).expect("a claim"), 20, None, &changes, 0).expect("a registered method");
        assert!(
            !found.verdicts.contains_key("ERROR") && !found.verdicts.contains_key("FAIL"),
            "{id}: {:?}",
            found.verdicts
        );
    }
}

#[test]
fn theorems_state_the_step_for_which_they_hold() {
    for c in CLAIMS.iter().filter(|c| c.standing == Standing::Theorem) {
        let entry = equipoise::registry::solver(c.solver).expect("registered");
        let stepped = (entry.defaults)().as_object().is_some_and(|block| block.contains_key("step_size"));
        let bounded = c.hypotheses.iter().any(|h| h.says.contains("eta"))
            // an expression that holds for every step names it
            || c.fixed.iter().any(|key| ["step_size", "falling"].contains(key))
            || ["-average", "-step", "-outward", "-improvement", "-bias"].iter().any(|end| c.id.ends_with(end));
        assert!(!stepped || bounded, "{}", c.id);
    }
}

/// What the list proves of a method is said of a run only at its temperature, step, start and feedback.
#[test]
fn a_theorem_is_told_only_of_runs_that_meet_its_conditions() {
    let cycle = |i: usize, j: usize| [[0.0, 0.3, -0.1], [0.0, 0.0, 0.2]][i][j];
    let game = Arc::new(Game::single(PreferenceMatrix::from_margins(3, cycle).expect("valid")));
    let uniform = Policy::uniform(game.shape());
    let told = |name: &str, with: Value, tau: f64, start: Option<[f64; 3]>, noisy: bool| {
        let start = start.map_or(uniform.clone(), |s| {
            Policy::from_logits(game.shape(), s.to_vec().into()).expect("finite")
        });
        let task = Task::new(uniform.clone()).tau(tau).start(start);
        let problem = Problem::new(game.clone(), task).solve().expect("solved");
        let entry = registry::solver(name).expect("registered");
        let built = entry.build(&with, &problem.task.clone().horizon(1000)).expect("built");
        proved(entry, &built.parameters, &problem, 1000, noisy)
    };
    let eta = |step: f64| json!({ "step_size": step });
    assert_eq!(told("egpo", eta(0.3), 0.1, None, false), Guarantee::Last);
    assert_eq!(told("egpo", eta(0.9), 0.1, None, false), Guarantee::None, "a longer step");
    assert_eq!(told("egpo", eta(0.3), 0.0, None, false), Guarantee::None, "the original game");
    assert_eq!(told("egpo", eta(0.3), 0.1, None, true), Guarantee::None, "drawn answers");
    assert_eq!(told("egpo", eta(0.3), 0.1, Some([1.0, 0.0, 0.0]), false), Guarantee::None, "another start");
    assert_eq!(told("omd", eta(0.1), 0.1, None, false), Guarantee::Last);
    assert_eq!(told("omd", eta(2.0), 0.1, None, false), Guarantee::None);
    for tau in [0.0, 0.3] {
        assert_eq!(told("mwu", eta(0.1), tau, None, false), Guarantee::Average, "tau {tau}");
    }
    // a problem that is not solved
    let entry = registry::solver("egpo").expect("registered");
    let task = Task::new(uniform.clone()).tau(0.1);
    assert_eq!(proved(entry, &eta(0.3), &Problem::new(game.clone(), task), 1000, false), Guarantee::None);
}

/// On several contexts a theorem is told where it holds of each by itself.
#[test]
fn theorems_are_told_context_by_context() {
    let matrix = |k: [f64; 3]| {
        let upper = move |i: usize, j: usize| [[0.0, k[0], k[1]], [0.0, 0.0, k[2]]][i][j];
        PreferenceMatrix::from_margins(3, upper).expect("valid")
    };
    // a cycle, the same turned round twice, one with a dominant action, one where all tie
    let games = [[0.3, -0.1, 0.2], [0.2, -0.3, 0.1], [-0.3, 0.1, -0.2], [0.3, 0.1, 0.2], [0.0; 3]];
    let told = |of: &[[f64; 3]], name: &str, step: f64, tau: f64| {
        let game = Arc::new(Game::new(of.iter().map(|k| matrix(*k))).expect("of one shape"));
        let task = Task::new(Policy::uniform(game.shape())).tau(tau);
        let problem = Problem::new(game, task).solve().expect("solved");
        let entry = registry::solver(name).expect("registered");
        let built =
            entry.build(&json!({ "step_size": step }), &problem.task.clone().horizon(1000)).expect("built");
        proved(entry, &built.parameters, &problem, 1000, false)
    };
    let (mut some, mut none, mut mixed) = (0, 0, 0);
    for (name, step, tau) in [
        ("egpo", 0.3, 0.1),
        ("egpo", 0.9, 0.1),
        ("omd", 0.1, 0.1),
        ("mwu", 0.1, 0.0),
        ("omwu", 0.05, 0.0),
        ("ogda", 0.1, 0.0),
        ("mirror-prox", 0.05, 0.0),
    ] {
        let each: Vec<Guarantee> = games.iter().map(|k| told(&[*k], name, step, tau)).collect();
        for pair in [[0, 1], [0, 2], [1, 3], [0, 3], [0, 4]] {
            let both = told(&pair.map(|k| games[k]), name, step, tau);
            let held = |g: Guarantee| {
                (
                    matches!(g, Guarantee::Last | Guarantee::Both),
                    matches!(g, Guarantee::Average | Guarantee::Both),
                )
            };
            let (one, two, both) = (held(each[pair[0]]), held(each[pair[1]]), held(both));
            assert_eq!(both, (one.0 && two.0, one.1 && two.1), "{name} {step} {tau} {pair:?} {each:?}");
            some += usize::from(both.0 || both.1);
            none += usize::from(!both.0 && !both.1);
            mixed += usize::from(one != two);
        }
    }
    assert!(some > 4 && none > 4 && mixed > 0, "{some} {none} {mixed}");
}
