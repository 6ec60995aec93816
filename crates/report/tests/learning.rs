//! Learned oracles that differ in how many labels they buy: a curve a model, who is ahead, and where they cross.

#![allow(
    clippy::unwrap_used,
    reason = "also the fixture and the helpers of a test should stop it where it fails"
)]
#![allow(dead_code, reason = "a part of the fixture is enough here")]

mod fixture;

use equipoise_records::{DUALITY_GAP, Iterate};
use equipoise_report::{Exports, Figures, Look, render, write_reports_as};
use fixture::{Experiment, METHODS, cycle, experiment, folder, run, write};
use serde_json::{Value, json};

/// Repetitions of a model at a number of labels.
const REPETITIONS: u32 = 9;

/// A model with its options, and the medians of its gap at numbers of labels.
type Line<'a> = (&'a str, Value, &'a [(u64, f64)]);

/// Runs whose final gaps are the median times 2^(k - 4) for repetition k, in an order that is not theirs.
fn learned(lines: &[Line<'_>]) -> Experiment {
    let mut all = experiment();
    let template = run(&cycle(), &METHODS[6], 0.0, 0, "a method");
    all.games.games.retain(|game| game.name == "cycle");
    all.runs.clear();
    for (model, options, gaps) in lines {
        for &(labels, gap) in *gaps {
            for k in 0..REPETITIONS {
                let (mut record, _, _) = template.clone();
                let told: Vec<String> = options.as_object().unwrap().keys().cloned().collect();
                record.label = format!("mirror-prox [{model}({}) of {labels} uniform pairs]", told.join(","));
                record.id = format!("{model}-{}-{labels}-{k}", record.label.len());
                record.repetition = k;
                record.duels = labels;
                record.spec["oracle"] = json!({ "learned": { "model": { *model: options }, "labels": [],
                    "pairs": { "design": "uniform", "per_context": labels, "refresh": 0 } } });
                let value = gap * 2f64.powi((k as i32 * 2) % 9 - 4);
                record.final_metrics.get_mut(&Iterate::Last).unwrap().insert(DUALITY_GAP.into(), Some(value));
                all.runs.push((record, Vec::new(), Vec::new()));
            }
        }
    }
    all
}

fn sentences(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn who_is_ahead_and_where_lines_cross() {
    let experiment = learned(&[
        ("counts", json!({ "votes": 1 }), &[(30, 0.4), (300, 0.1), (3000, 0.01)]),
        ("gpm", json!({ "rank": 2, "prior": true }), &[(30, 0.1), (300, 0.09), (3000, 0.08)]),
        ("gpm", json!({ "rank": 4, "prior": true, "fit": "schur" }), &[(30, 0.4), (300, 0.2), (3000, 1e-9)]),
        // two numbers are no curve
        ("robust", json!({}), &[(300, 0.05), (3000, 0.04)]),
    ]);
    let dir = folder("learning");
    write(&experiment, &dir);
    let exports = Exports { figures: Some(Figures::Svg), ..Exports::default() };
    let (pages, written) = write_reports_as(&dir, Look::default(), exports).unwrap();
    let text = sentences(&pages.terminal);
    for sentence in [
        "What the policy of a fitted model loses in truth, by labels bought - cycle: Smallest median:",
        // the floor is 0.001, three decades below the largest: rank 4 ends there
        "from 30 to 300 gpm(rank=2); at 3,000 gpm(fit=schur, rank=4).",
        "Crossings: counts falls below gpm(rank=2) between 300 and 3,000 labels;",
        "gpm(fit=schur, rank=4) falls below counts and gpm(rank=2) between 300 and 3,000 labels.",
    ] {
        assert!(text.contains(sentence), "missing: {sentence}\n{text}");
    }
    assert!(!text.contains("falls below robust") && !text.contains("counts falls below gpm(fit"), "{text}");
    for row in
        ["| 1 | counts | 0.4 | 0.1 | 0.01 |", "| 3 | gpm(fit=schur, rank=4) | 0.4 | 0.2 | below 0.001 |"]
    {
        assert!(pages.markdown.contains(row), "{row}\n{}", pages.markdown);
    }
    let html = &pages.html;
    let section = html.split("by labels bought</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(section.matches("<figure>").count(), 1);
    for part in [
        "cycle: duality gap against labels bought, both axes logarithmic",
        "labels bought [answers to pairs]",
        "duality gap [win rate]",
        "Line: median of 9 repetitions; band: 0.25 to 0.75 quantile.",
        "Gaps of 0 or below 0.001 are drawn at the lower edge.",
        // every number that was bought is named on the axis
        ">\n30\n<",
        ">\n3000\n<",
    ] {
        assert!(section.contains(part), "{part}");
    }
    let names: Vec<String> =
        written.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(names.contains(&"all-duality-gap-in-truth-against-labels-bought.svg".to_owned()), "{names:?}");
    // all repetitions where the reader asks for them
    let (pages, _) = write_reports_as(&dir, Look { bands: Some(0.1) }, Exports::default()).unwrap();
    assert!(pages.html.contains("band: 0.1 to 0.9 quantile"));
}

#[test]
fn equal_lines_are_said_to_be_equal_and_an_experiment_without_curves_has_no_section() {
    let flat: &[(u64, f64)] = &[(30, 0.2), (300, 0.201), (3000, 0.2)];
    let dir = folder("learning-equal");
    write(&learned(&[("counts", json!({}), flat), ("bradley-terry", json!({}), flat)]), &dir);
    let text = sentences(&render(&dir).unwrap().terminal);
    assert!(
        text.contains(
            "Smallest median: from 30 to 3,000 all the same. No line falls below another one for good."
        ),
        "{text}"
    );
    let dir = folder("learning-none");
    write(&learned(&[("counts", json!({}), &flat[1..])]), &dir);
    let pages = render(&dir).unwrap();
    assert!(!pages.html.contains("by labels bought"));
    // without curves the table of who converges stays open, and so do the games
    assert!(pages.html.contains("<details open>") && pages.html.contains("<h2>Which methods converge"));
}

/// Bradley-Terry's gap rises as less is paid for the KL, the other method's falls: by values of tau, in every game.
#[test]
fn methods_of_several_taus_have_a_curve_by_tau() {
    let taus = [0.01, 0.1, 1.0];
    let mut all = experiment();
    let mut runs = Vec::new();
    for game in &mut all.games.games {
        for (k, &tau) in taus.iter().enumerate() {
            for (label, gap) in [("bradley-terry", [0.4, 0.3, 0.2]), ("egpo", [0.004, 0.03, 0.2])] {
                let (mut record, _, _) = run(&cycle(), &METHODS[6], 0.1, 0, label);
                (record.game, record.tau) = (game.name.clone(), tau);
                record.id = format!("{}-{label}-{k}", game.name);
                let last = record.final_metrics.get_mut(&Iterate::Last).unwrap();
                last.insert(DUALITY_GAP.into(), Some(gap[k]));
                runs.push((record, Vec::new(), Vec::new()));
            }
        }
    }
    all.runs = runs;
    let dir = folder("by-tau");
    write(&all, &dir);
    let pages = render(&dir).unwrap();
    let text = sentences(&pages.terminal);
    for sentence in [
        "What the policies lose in the original game, by tau - gambles: Smallest median: at tau = 1 all the same; \
         from tau = 0.1 to 0.01 egpo. Crossings: egpo falls below bradley-terry between tau = 1 and 0.1.",
        "methods at their equilibrium: 0 of 2 (tau = 0.01 to 1)",
    ] {
        assert!(text.contains(sentence), "missing: {sentence}\n{text}");
    }
    assert!(pages.markdown.contains("| 2 | egpo | 0.2 | 0.03 | 0.004 |"), "{}", pages.markdown);
    let section = pages.html.split("by tau</h2>").nth(1).unwrap().split("</section>").next().unwrap();
    assert_eq!(section.matches("<figure>").count(), 2);
    assert!(section.contains("1 / tau [nats / win rate]"));
    // the rest of the page is not folded
    assert!(pages.html.contains("<details open>"));
}
