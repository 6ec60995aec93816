//! `equipoise audit`: theorems held against measurements.

use std::collections::BTreeMap;
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

/// The share of the gained orders of magnitude below which a bound tells nothing of them.
const TOLD: f64 = 0.1;

/// A claim with all its findings; the worst one first.
struct Audited {
    claim: &'static Claim,
    findings: Vec<Finding>,
    /// Verdicts on the suite and of the search, by name.
    verdicts: BTreeMap<&'static str, u32>,
    /// Games searched.
    searched: u32,
    replay: Option<Replay>,
}

impl Audited {
    fn worst(&self) -> &Finding {
        &self.findings[0]
    }

    fn fails(&self) -> bool {
        matches!(self.worst().judged.verdict, Verdict::Fail { .. })
    }

    fn least_slack(&self) -> Option<f64> {
        self.findings.iter().filter_map(|f| f.judged.slack).reduce(f64::min)
    }

    /// Slack at the end of each run, rising.
    fn final_slacks(&self) -> Vec<f64> {
        let mut slacks: Vec<f64> = self.findings.iter().filter_map(|f| f.judged.last?.slack()).collect();
        slacks.sort_by(f64::total_cmp);
        slacks
    }

    /// Instances whose run ends further below the bound than [`VACUOUS`], where the bound tells less than [`TOLD`] of the
    /// orders of magnitude that were gained: an exponential bound with half the true rate still tells half of them.
    fn off(&self) -> usize {
        let off = |f: &&Finding| {
            let Some(last) = f.judged.last else { return false };
            let (allowed, start) = (last.allowed.unwrap_or(f64::INFINITY), f.facts.initial);
            allowed > VACUOUS * last.measured && (start / allowed).ln() < TOLD * (start / last.measured).ln()
        };
        self.findings.iter().filter(off).count()
    }

    /// Whether most of the instances with a bound are off.
    fn vacuous(&self) -> bool {
        let bounded = self.findings.iter().filter(|f| f.judged.last.is_some()).count();
        bounded > 0 && 2 * self.off() > bounded
    }
}

pub(super) fn audit(args: &Audit) -> Outcome {
    let chosen = choose(args)?;
    let mut audited = Vec::with_capacity(chosen.len());
    for claim in chosen {
        let mut runs: Vec<(Finding, Instance)> = Vec::new();
        let mut verdicts = BTreeMap::new();
        for instance in suite(claim.game, args.seed) {
            let finding = hold(claim, &instance)?;
            *verdicts.entry(finding.judged.verdict.name()).or_insert(0) += 1;
            runs.push((finding, instance));
        }
        let mut searched = 0;
        if args.search > 0 {
            let found = search(claim, args.search, args.seed)?;
            searched = found.games;
            for (name, count) in found.verdicts {
                *verdicts.entry(name).or_insert(0) += count;
            }
            runs.push((found.worst, found.instance));
        }
        // a stable sort: equally bad findings stay in the order of the suite
        runs.sort_by(|a, b| badness(&b.0).total_cmp(&badness(&a.0)));
        let replay = runs.first().and_then(|(finding, instance)| replay(claim, finding, instance));
        let findings = runs.into_iter().map(|(f, _)| f).collect();
        audited.push(Audited { claim, findings, verdicts, searched, replay });
    }
    let fails = audited.iter().filter(|a| a.fails()).count();
    if let Some(dir) = &args.out {
        write(dir, &audited, args.seed)?;
        output::say(&format!("report: {}", dir.join("audit.md").display()));
    }
    if args.json {
        output::json(&as_json(&audited));
    } else {
        output::print(&output::table(&HEADER, audited.iter().map(row)));
        output::print(&format!(
            "{} claims, {fails} of them broken, {} bounds that predict nothing (off by more than {VACUOUS} at the end of most runs)",
            audited.len(),
            audited.iter().filter(|a| a.vacuous()).count(),
        ));
    }
    Ok(if fails == 0 { Answer::Yes } else { Answer::No })
}

fn choose(args: &Audit) -> Result<Vec<&'static Claim>, String> {
    let known = |what: &str, name: &String, names: &mut dyn Iterator<Item = &'static str>| {
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
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

const HEADER: [&str; 9] = [
    "claim",
    "solver",
    "verdict",
    "pass/fail/open/silent",
    "least slack",
    "slack at the end",
    "slope (95%)",
    "local theory",
    "worst on",
];

fn row(audited: &Audited) -> Vec<String> {
    let worst = audited.worst();
    let count = |name: &str| audited.verdicts.get(name).copied().unwrap_or(0).to_string();
    let remark = if audited.vacuous() { " (vacuous)" } else { "" };
    let slacks = audited.final_slacks();
    vec![
        audited.claim.id.into(),
        audited.claim.solver.into(),
        worst.judged.verdict.name().into(),
        ["PASS", "FAIL", "INCONCLUSIVE", "HYPOTHESIS NOT MET"].map(count).join("/"),
        audited.least_slack().map_or(String::new(), factor),
        match slacks.as_slice() {
            [] => String::new(),
            all => {
                format!("{} to {}{remark}", factor(all[0]), factor(all[all.len() - 1]))
            }
        },
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

/// Four digits where they matter.
fn factor(slack: f64) -> String {
    if slack < 100.0 { format!("{slack:.4}") } else { format!("{slack:.3e}") }
}

fn as_json(audited: &[Audited]) -> serde_json::Value {
    audited
        .iter()
        .map(|a| {
            json!({ "claim": a.claim.id, "solver": a.claim.solver, "statement": a.claim.statement, "source": a.claim.source,
                    "iterate": a.claim.iterate, "quantity": a.claim.quantity.name(), "unit": a.claim.unit.name(),
                    "hypotheses": a.claim.hypotheses.iter().map(|h| h.says).collect::<Vec<_>>(),
                    "least_slack": a.least_slack(), "vacuous": a.vacuous(), "verdicts": a.verdicts, "searched": a.searched,
                    "verdict": a.worst().judged.verdict.name(), "findings": a.findings })
        })
        .collect()
}

/// `audit.json`, `audit.md`, and a folder for each claim's worst finding, which `equipoise check` replays.
fn write(dir: &Path, audited: &[Audited], seed: u64) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let put = |path: &Path, text: &str| {
        let temporary = path.with_extension("tmp");
        std::fs::write(&temporary, text)?;
        std::fs::rename(&temporary, path)
    };
    let json = serde_json::to_string_pretty(&as_json(audited)).expect("a JSON value serialises");
    put(&dir.join("audit.json"), &json)?;
    let mut page = String::from("# Theorems held against measurements\n\n");
    page.push_str(&summary(audited));
    for a in audited {
        page.push_str(&section(a, seed));
        if let Some(files) = &a.replay {
            let folder = dir.join(folder(a));
            std::fs::create_dir_all(&folder)?;
            put(&folder.join("experiment.yaml"), &files.experiment)?;
            put(&folder.join("expected.yaml"), &files.expected)?;
        }
    }
    put(&dir.join("audit.md"), &page)
}

/// Where a claim's worst finding is replayed.
fn folder(a: &Audited) -> String {
    format!("{}/{}", if a.fails() { "counterexamples" } else { "findings" }, a.claim.id)
}

/// What stands out, first.
fn summary(audited: &[Audited]) -> String {
    let mut out = String::new();
    let mut list = |title: &str, chosen: &mut dyn Iterator<Item = String>| {
        let lines: Vec<String> = chosen.collect();
        if !lines.is_empty() {
            // writing to a string cannot fail
            let _ = writeln!(out, "{title}\n\n{}\n", lines.join("\n"));
        }
    };
    list(
        "Broken:",
        &mut audited.iter().filter(|a| a.fails()).map(|a| {
            let cells = row(a);
            format!("- {} ({}): {} On {}.", a.claim.id, a.claim.source, decided(a), cells[8])
        }),
    );
    list(
        &format!("Bounds that end off by more than {VACUOUS} on most instances, and so predict nothing:"),
        &mut audited.iter().filter(|a| a.vacuous()).map(|a| {
            let slacks = a.final_slacks();
            format!(
                "- {} ({}): slack at the end from {}, median {}; off on {} of {}. Least slack anywhere {}.",
                a.claim.id,
                a.claim.source,
                factor(slacks[0]),
                factor(slacks[slacks.len() / 2]),
                a.off(),
                slacks.len(),
                a.least_slack().map_or("none".into(), factor)
            )
        }),
    );
    list(
        "Nearly tight (within a tenth somewhere):",
        &mut audited.iter().filter(|a| !a.fails()).filter_map(|a| {
            let slack = a.least_slack().filter(|s| *s < 1.1)?;
            Some(format!("- {}: least slack {}", a.claim.id, factor(slack)))
        }),
    );
    list(
        "Searched and not broken:",
        &mut audited
            .iter()
            .filter(|a| a.searched > 0 && !a.fails())
            .map(|a| format!("- {}: {} games", a.claim.id, a.searched)),
    );
    out
}

/// What the deciding step shows.
fn decided(a: &Audited) -> String {
    match a.worst().judged.witness {
        Some(w) => match w.allowed {
            Some(allowed) => format!("at step {}: measured {:e}, allowed {allowed:e}.", w.step, w.measured),
            None => format!("at step {}: measured {:e}.", w.step, w.measured),
        },
        None => String::new(),
    }
}

fn section(a: &Audited, seed: u64) -> String {
    let (worst, cells) = (a.worst(), row(a));
    let mut page = format!(
        "\n## {}: {}\n\n{} ({}; {} iterate, {}, per {})\n\n",
        a.claim.id,
        cells[2],
        a.claim.statement,
        a.claim.source,
        a.claim.iterate,
        a.claim.quantity.name(),
        a.claim.unit.name()
    );
    let mut line = |name: &str, text: &str| {
        if !text.is_empty() {
            // writing to a string cannot fail
            let _ = writeln!(page, "- {name}: {text}");
        }
    };
    let hypotheses: Vec<&str> = a.claim.hypotheses.iter().map(|h| h.says).collect();
    line("hypotheses, checked on each instance", &hypotheses.join("; "));
    line("pass/fail/open/silent", &cells[3]);
    if a.searched > 0 {
        line("searched", &format!("{} random and climbed games, counted above", a.searched));
    }
    line("worst on", &cells[8]);
    line("there", &decided(a));
    if let Verdict::Inconclusive { reason } = worst.judged.verdict {
        line("open because", reason);
    }
    line("least slack (bound / measured)", &cells[4]);
    line("slack at the end of the runs", &cells[5]);
    line("slope of the logarithm", &cells[6]);
    line("local theory for that slope", &cells[7]);
    match &a.replay {
        Some(_) => line("replay", &format!("`equipoise check {}`", folder(a))),
        None => line("replay", &format!("`equipoise audit --claim {} --seed {seed}`", a.claim.id)),
    }
    page
}
