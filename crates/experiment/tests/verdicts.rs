//! What a run is said to have done, from the YAML to the record and to the page.

use std::path::Path;

use equipoise_experiment::{Monitor, Options, Plan, execute, file, resolve};
use equipoise_records::{Behaviour, Iterate, Results, StopKind, read};

/// Runs the text in a folder of its own; the records and the page.
fn ran(text: &str) -> (Results, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = file::parse("c.yaml", Path::new("."), text.as_bytes(), &[]).unwrap_or_else(|e| panic!("{e}"));
    let plan = resolve(&file).and_then(Plan::new).unwrap_or_else(|e| panic!("{e}"));
    let options = Options {
        out: folder.path().join("out"),
        jobs: 2,
        fresh: false,
        shard: None,
        steal: None,
        force: false,
    };
    execute(&plan, &options, &Monitor::default()).unwrap_or_else(|e| panic!("{e}"));
    let page = std::fs::read_to_string(options.out.join("report.md")).expect("a page");
    (read(&options.out).expect("records"), page)
}

#[test]
fn a_run_stopped_at_its_target_is_said_to_be_so_and_nothing_else() {
    let text = "games: [{ cyclic: { margins: [0.3, 0.2, 0.1] } }]\nsolvers: [mwu: { step_size: 0.1 }]\n\
                start: { logits: [1, 0, -1] }\nlimits: { steps: 5000, target: { duality_gap: 0.2 } }\n";
    let (results, page) = ran(text);
    let record = &results.runs[0].record;
    assert_eq!((record.stop_reason, record.behaviour), (StopKind::TargetReached, Behaviour::TargetReached));
    assert!(page.contains("Stopped at its target"), "{page}");
    assert!(!page.contains("Converges") && !page.contains("Approaching"), "{page}");
}

#[test]
fn a_target_on_a_metric_of_which_more_is_better_is_met_from_above() {
    let text = "games: [{ cyclic: { margins: [0.3, 0.2, 0.1] } }]\nsolvers: [egpo: { step_size: 0.5 }]\n\
                start: { logits: [3, 0, -1] }\nlimits: { steps: 5000, target: { worst_case_win_rate: 0.45 } }\n\
                metrics: [duality_gap, worst_case_win_rate]\n";
    let (results, _) = ran(text);
    let record = &results.runs[0].record;
    let reached = record.final_metrics[&Iterate::Last]["worst_case_win_rate"].expect("a number");
    assert_eq!(record.stop_reason, StopKind::TargetReached);
    assert!(record.steps > 1 && (0.45..0.5).contains(&reached), "{reached} after {} steps", record.steps);
}

#[test]
fn a_start_at_the_equilibrium_is_said() {
    let (results, page) = ran("games: [rock-paper-scissors]\nsolvers: [mwu, egpo]\nlimits: { steps: 200 }\n");
    assert!(results.runs.iter().all(|r| r.record.behaviour == Behaviour::StartsAtEquilibrium));
    assert!(page.contains("Starts at Nash, and stays"), "{page}");
    assert!(!page.contains("Converges to"), "{page}");
}

/// One threshold for one word: a gap between 1e-10 and 1e-6 is small, and no run that has it at its end converged.
#[test]
fn converged_is_said_at_one_threshold_in_the_record_and_on_the_page() {
    // one step a factor of about 0.96: the last gaps of the two runs lie on both sides of 1e-10
    let text = |steps: u64| {
        format!(
            "games: [{{ cyclic: {{ margins: [0.3, 0.2, 0.1] }} }}]\ntau: 0.1\nstart: {{ logits: [1, 0, -1] }}\n\
             solvers: [egpo: {{ step_size: 0.3 }}]\nlimits: {{ steps: {steps} }}\n"
        )
    };
    let gap = |results: &Results| {
        results.runs[0].record.final_metrics[&Iterate::Last]["duality_gap_tau"].expect("a number")
    };
    let (results, page) = ran(&text(300));
    assert!((2e-10..1e-6).contains(&gap(&results)), "{}", gap(&results));
    assert_eq!(results.runs[0].record.behaviour, Behaviour::Converging);
    assert!(!page.contains("Converges to"), "{page}");
    let (results, page) = ran(&text(800));
    assert!(gap(&results) < 1e-10, "{}", gap(&results));
    assert_eq!(results.runs[0].record.behaviour, Behaviour::Converged);
    assert!(page.contains("Converges to"), "{page}");
}

/// Contexts of which some turn outward for ever: the mean of the gaps must not hide it.
#[test]
fn contexts_are_judged_one_by_one() {
    let text = "games: [{ random-uniform: { actions: 3, contexts: 40 } }]\nsolvers: [mwu: { step_size: 0.3 }]\n\
                limits: { steps: 5000 }\n";
    let (results, page) = ran(text);
    let judgement = results.runs[0].record.judgement.clone().expect("judged");
    assert_eq!(judgement.contexts.values().sum::<u64>(), 40);
    // three actions make a cycle with probability 1/4, else there is a winner, to whom the weights go
    let number = |b: Behaviour| judgement.contexts.get(&b).copied().unwrap_or(0);
    assert!((3..=20).contains(&number(Behaviour::Cycling)), "{:?}", judgement.contexts);
    let rest = [Behaviour::Converged, Behaviour::Converging, Behaviour::Undecided].map(number);
    assert_eq!(rest.iter().sum::<u64>() + number(Behaviour::Cycling), 40, "{:?}", judgement.contexts);
    assert!(rest[0] >= 15 && rest[2] <= 5, "{:?}", judgement.contexts);
    assert_eq!(results.runs[0].record.behaviour, Behaviour::Cycling);
    assert!(page.contains("contexts, each judged by itself: "), "{page}");
}

const NOISY: &str = "games: [{ cyclic: { margins: [0.3, 0.2, 0.1] } }]\ntau: 0.1\nstart: { logits: [1, 0, -1] }\n\
     solvers: [egpo: { step_size: [0.1, 0.4] }]\noracle: { sampled: { duels_per_query: 32 } }\n\
     repetitions: 8\nlimits: { steps: 6000 }\n";

#[test]
fn noise_is_shared_by_default_and_said_to_be() {
    let (shared, page) = ran(NOISY);
    assert!(page.contains("Noise is shared"), "{page}");
    assert!(page.contains("95% interval"), "{page}");
    assert!(page.contains("noise floor: mean regularised gap "), "{page}");
    for run in &shared.runs {
        let judgement = run.record.judgement.as_ref().expect("judged");
        assert_eq!(run.record.behaviour, Behaviour::Noisy, "{judgement:?}");
        let floor = judgement.floor.as_ref().expect("a floor");
        assert!(floor.low < floor.mean && floor.mean < floor.high, "{floor:?}");
    }
    let (own, page) = ran(&format!("{NOISY}noise: independent\n"));
    assert!(page.contains("Noise is independent"), "{page}");
    // the same method with the same seed draws other numbers, and is another run
    assert!(shared.runs.iter().zip(&own.runs).all(|(a, b)| a.record.id != b.record.id));
    assert!(own.runs.iter().all(|r| r.record.spec["noise"] == "independent"));
}

/// With shared noise two equal methods under two names walk the same way; with independent noise they do not.
#[test]
fn independent_noise_is_drawn_for_each_method() {
    let text =
        NOISY.replace("egpo: { step_size: [0.1, 0.4] }", "omd: { step_size: 0.1 }, mmd: { step_size: 0.1 }");
    let apart = |text: &str| {
        let (results, _) = ran(text);
        let policy = |k: usize| results.runs[k].record.final_policy.clone();
        let of = |solver: &str| results.runs.iter().position(|r| r.record.solver == solver).expect("it ran");
        policy(of("omd")) != policy(of("mmd"))
    };
    assert!(!apart(&text));
    assert!(apart(&format!("{text}noise: independent\n")));
}

/// A dip below a target is no arrival: it is kept apart from the first touch.
#[test]
fn a_target_counts_from_when_on_it_is_kept() {
    let text = "games: [{ cyclic: { margins: [0.3, 0.2, 0.1] } }]\nsolvers: [mwu: { step_size: 0.2 }]\n\
                start: { logits: [-1.6, -2.302585, -1.203973] }\nlimits: { steps: 20000 }\n";
    let (results, _) = ran(text);
    let reached = &results.runs[0].record.reached;
    let touched = reached
        .iter()
        .find(|r| r.iterate == Iterate::Last && r.target.total_cmp(&1e-2).is_eq())
        .expect("a target of the loop");
    assert!(touched.step.is_some(), "it starts close by");
    assert_eq!(touched.kept.expect("recorded").step, None, "it spirals outward");
}
