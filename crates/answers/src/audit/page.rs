//! The report page of an audit.

use std::fmt::Write as _;

use equipoise::eval::audit::BoundVerdict;

use super::{AuditAnswer, Cells, ClaimAnswer, VACUOUS, factor};

pub(super) fn page(answer: &AuditAnswer, replayed: impl Fn(&ClaimAnswer) -> bool) -> String {
    let mut page = String::from("# Theorems held against measurements\n\n");
    page.push_str(&summary(&answer.claims));
    for claim in &answer.claims {
        page.push_str(&section(claim, answer.seed, replayed(claim)));
    }
    page
}

/// What stands out, first.
fn summary(claims: &[ClaimAnswer]) -> String {
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
        &mut claims.iter().filter(|a| a.fails()).map(|a| {
            let worst_on = Cells::of(a).worst_on;
            format!("- {} ({}): {} On {worst_on}.", a.claim.id, a.claim.citation, decided(a))
        }),
    );
    list(
        &format!("Bounds that end off by more than {VACUOUS} on most instances, and so predict nothing:"),
        &mut claims.iter().filter(|a| a.vacuous()).map(|a| {
            let slacks = a.final_slacks();
            format!(
                "- {} ({}): slack at the end from {}, median {}; off on {} of {}. Least slack anywhere {}.",
                a.claim.id,
                a.claim.citation,
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
        &mut claims.iter().filter(|a| !a.fails()).filter_map(|a| {
            let slack = a.least_slack().filter(|s| *s < 1.1)?;
            Some(format!("- {}: least slack {}", a.claim.id, factor(slack)))
        }),
    );
    list(
        "Searched and not broken:",
        &mut claims
            .iter()
            .filter(|a| a.searched > 0 && !a.fails())
            .map(|a| format!("- {}: {} games", a.claim.id, a.searched)),
    );
    out
}

/// What the deciding step shows.
fn decided(a: &ClaimAnswer) -> String {
    match a.worst().judged.witness {
        Some(w) => match w.allowed {
            Some(allowed) => format!("at step {}: measured {:e}, allowed {allowed:e}.", w.step, w.measured),
            None => format!("at step {}: measured {:e}.", w.step, w.measured),
        },
        None => String::new(),
    }
}

fn section(a: &ClaimAnswer, seed: u64, replayed: bool) -> String {
    let (worst, cells) = (a.worst(), Cells::of(a));
    let mut page = format!(
        "\n## {}: {}\n\n{}: {} ({}; {} iterate, {}, per {})\n\n",
        a.claim.id,
        cells.verdict,
        a.claim.standing.name(),
        a.claim.statement,
        a.claim.citation,
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
    line("source", a.claim.source.name());
    line("expected", a.claim.expected.name());
    line("pass/fail/open/silent/error", &cells.counts);
    if a.searched > 0 {
        line("searched", &format!("{} random and climbed games, counted above", a.searched));
    }
    line("worst on", &cells.worst_on);
    line("there", &decided(a));
    if let BoundVerdict::Inconclusive { reason } = worst.judged.verdict {
        line("open because", reason);
    }
    for finding in &a.findings {
        if let BoundVerdict::Error { reason } = &finding.judged.verdict {
            line("could not be run", &format!("{}, tau {}: {reason}", finding.instance, finding.tau));
        }
    }
    line("least slack (bound / measured)", &cells.least_slack);
    line("slack at the end of the runs", &cells.final_slack);
    line("slope of the logarithm", &cells.slope);
    line("local theory for that slope", &cells.local_theory);
    if replayed {
        line("replay", &format!("`equipoise check {}`", a.folder()));
    } else {
        line("replay", &format!("`equipoise audit --claim {} --seed {seed}`", a.claim.id));
    }
    page
}
