//! `equipoise audit`: theorems held against measurements.

use std::fmt::Write as _;
use std::path::Path;

use equipoise::audit::{Finding, Instance, Replay, hold, replay, search, suite};
use equipoise::claims::{CLAIMS, Claim};
use equipoise::eval::audit::Verdict;
use serde_json::json;

use super::Outcome;
use crate::args::Audit;
use crate::{Answer, output};

/// A bound that is never nearer than this to what happens says nothing about it.
const VACUOUS: f64 = 1000.0;

/// A claim with all its findings; the worst one first.
struct Audited {
    claim: &'static Claim,
    findings: Vec<Finding>,
    replay: Option<Replay>,
}

pub(super) fn audit(args: &Audit) -> Outcome {
    let chosen = choose(args)?;
    let mut audited = Vec::with_capacity(chosen.len());
    for claim in chosen {
        let mut runs: Vec<(Finding, Instance)> = Vec::new();
        for instance in suite(claim.game, args.seed) {
            runs.push((hold(claim, &instance)?, instance));
        }
        if args.search > 0 {
            runs.push(search(claim, args.search, args.seed)?);
        }
        // a stable sort: equally bad findings stay in the order of the suite
        runs.sort_by(|a, b| badness(&b.0).total_cmp(&badness(&a.0)));
        let replay = runs.first().and_then(|(finding, instance)| replay(claim, finding, instance));
        audited.push(Audited { claim, findings: runs.into_iter().map(|(f, _)| f).collect(), replay });
    }
    let fails =
        audited.iter().filter(|a| matches!(a.findings[0].judged.verdict, Verdict::Fail { .. })).count();
    if let Some(dir) = &args.out {
        write(dir, &audited)?;
        output::say(&format!("report: {}", dir.join("audit.md").display()));
    }
    if args.json {
        output::json(&as_json(&audited));
    } else {
        output::print(&output::table(&HEADER, audited.iter().map(row)));
        output::print(&format!("{} claims, {fails} of them broken", audited.len()));
    }
    Ok(if fails == 0 { Answer::Yes } else { Answer::No })
}

fn choose(args: &Audit) -> Result<Vec<&'static Claim>, String> {
    let known = |what: &str, name: &String, names: &mut dyn Iterator<Item = &'static str>| {
        let mut names: Vec<_> = names.collect();
        names.dedup();
        if names.contains(&name.as_str()) {
            Ok(())
        } else {
            Err(format!("no {what} `{name}`; known: {}", names.join(", ")))
        }
    };
    for id in &args.claim {
        known("claim", id, &mut CLAIMS.iter().map(|c| c.id))?;
    }
    for name in &args.solver {
        known("claim about solver", name, &mut CLAIMS.iter().map(|c| c.solver))?;
    }
    let all = args.claim.is_empty() && args.solver.is_empty();
    let wanted = |c: &&Claim| {
        all || args.claim.iter().any(|id| id == c.id) || args.solver.iter().any(|s| s == c.solver)
    };
    Ok(CLAIMS.iter().filter(wanted).collect())
}

/// Fails before inconclusive before pass before silent; among equals the smaller slack.
fn badness(finding: &Finding) -> f64 {
    let rank = match finding.judged.verdict {
        Verdict::Fail { .. } => 3e9,
        Verdict::Inconclusive { .. } => 2e9,
        Verdict::Pass => 1e9,
        Verdict::HypothesisNotMet { .. } => 0.0,
    };
    rank + finding.judged.slack.map_or(0.0, |s| (1.0 / s).min(1e8))
}

const HEADER: [&str; 8] = [
    "claim",
    "solver",
    "verdict",
    "pass/fail/open/silent",
    "least slack",
    "slope (95%)",
    "local theory",
    "worst on",
];

fn row(audited: &Audited) -> Vec<String> {
    let worst = &audited.findings[0];
    let count = |name: &str| audited.findings.iter().filter(|f| f.judged.verdict.name() == name).count();
    let slack = least_slack(audited);
    let remark = if slack.is_some_and(|s| s > VACUOUS) { " (vacuous)" } else { "" };
    vec![
        audited.claim.id.into(),
        audited.claim.solver.into(),
        worst.judged.verdict.name().into(),
        ["PASS", "FAIL", "INCONCLUSIVE", "HYPOTHESIS NOT MET"].map(|n| count(n).to_string()).join("/"),
        slack.map_or(String::new(), |s| format!("{s:.4}{remark}")),
        worst.judged.slope.map_or(String::new(), |s| {
            format!("{:.4} +- {:.1e} on {}..{}", s.value, s.half_width, s.window.0, s.window.1)
        }),
        worst.predicted_factor.map_or(String::new(), |f| format!("{:.4}", f.ln())),
        if worst.tau > 0.0 {
            format!("{}, tau {:.3}", worst.instance, worst.tau)
        } else {
            worst.instance.clone()
        },
    ]
}

fn least_slack(audited: &Audited) -> Option<f64> {
    audited.findings.iter().filter_map(|f| f.judged.slack).reduce(f64::min)
}

fn as_json(audited: &[Audited]) -> serde_json::Value {
    audited
        .iter()
        .map(|a| {
            json!({ "claim": a.claim.id, "solver": a.claim.solver, "statement": a.claim.statement, "source": a.claim.source,
                    "iterate": a.claim.iterate, "metric": a.claim.metric, "unit": "step", "least_slack": least_slack(a),
                    "verdict": a.findings[0].judged.verdict.name(), "findings": a.findings })
        })
        .collect()
}

/// `audit.json`, `audit.md`, and a folder for each broken claim, which `equipoise check` replays.
fn write(dir: &Path, audited: &[Audited]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let put = |path: &Path, text: &str| {
        let temporary = path.with_extension("tmp");
        std::fs::write(&temporary, text)?;
        std::fs::rename(&temporary, path)
    };
    let json = serde_json::to_string_pretty(&as_json(audited)).expect("a JSON value serialises");
    put(&dir.join("audit.json"), &json)?;
    let mut page = String::from("# Theorems held against measurements\n");
    for a in audited {
        let worst = &a.findings[0];
        let cells = row(a);
        // writing to a string cannot fail
        let _ = write!(
            page,
            "\n## {}: {}\n\n{} ({}; {} iterate, {}, per step)\n\n- pass/fail/open/silent: {}\n- worst on: {}\n",
            a.claim.id,
            cells[2],
            a.claim.statement,
            a.claim.source,
            a.claim.iterate,
            a.claim.metric,
            cells[3],
            cells[7]
        );
        for (name, cell) in
            [("least slack (bound / measured)", 4), ("slope of the logarithm", 5), ("local theory", 6)]
        {
            if !cells[cell].is_empty() {
                let _ = writeln!(page, "- {name}: {}", cells[cell]);
            }
        }
        if let Verdict::Fail { step, measured, allowed } = worst.judged.verdict {
            let _ = writeln!(page, "- at step {step}: measured {measured:e}, allowed {allowed:e}");
        }
        if let Some(files) = &a.replay {
            let folder = dir.join("counterexamples").join(a.claim.id);
            std::fs::create_dir_all(&folder)?;
            put(&folder.join("experiment.yaml"), &files.experiment)?;
            put(&folder.join("expected.yaml"), &files.expected)?;
            let _ = writeln!(page, "- replay: `equipoise check counterexamples/{}`", a.claim.id);
        }
    }
    put(&dir.join("audit.md"), &page)
}
