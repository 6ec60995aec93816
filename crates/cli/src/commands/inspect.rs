//! `equipoise inspect`: is it cyclic beyond noise?

use equipoise::data::{Comparisons, Grouping, PairCount, holds_comparisons, read_grouped};
use equipoise::models::distributions::normal_cdf;
use equipoise::models::intransitivity::{
    Inspection, LEVEL, TOLERATED, Verdict, inspect as test_intransitivity,
};
use equipoise::models::{Model, Options, fit};
use serde_json::{Value, json};

use super::{Outcome, input};
use crate::args::Inspect;
use crate::{Answer, output};

pub(super) fn inspect(args: Inspect) -> Outcome {
    if let Some(each) = args.each {
        return by_group(&args, input::grouping(each));
    }
    let data = input::comparisons(&args.file)?;
    input::say(&data, "left out");
    let bar = input::bar(args.replicates, "data sets under one rating an item");
    let found = test_intransitivity(&data, args.replicates, args.seed, &|| bar.inc(1))?;
    bar.finish_and_clear();
    if args.json {
        output::json(&as_json(&data, &found));
    } else {
        output::print(&as_text(&data, &found));
    }
    Ok(Answer::Yes)
}

/// Items that nobody they met beats: a winner, or several that tie.
fn unbeaten(data: &Comparisons) -> Vec<usize> {
    let mut never = vec![true; data.n()];
    for pair in &data.pairs {
        let margin = pair.margin(0.0);
        never[pair.i] &= margin >= 0.0;
        never[pair.j] &= margin <= 0.0;
    }
    (0..data.n()).filter(|&i| never[i]).collect()
}

/// Every group as a game of its own.
fn by_group(args: &Inspect, by: Grouping) -> Outcome {
    let path = &args.file.game;
    if !holds_comparisons(path) {
        return Err(format!("{}: a matrix has no groups; leave out --each", path.display()).into());
    }
    let selection = input::selection(&args.file.filters, input::ties(args.file.ties));
    let grouped = read_grouped(path, &selection, by)?;
    grouped.checks.remarks().iter().for_each(|remark| output::say(remark));
    let bar = input::bar(grouped.names.len(), "groups");
    let mut found: Vec<(&str, Comparisons, Inspection)> = Vec::new();
    for (k, name) in grouped.names.iter().enumerate() {
        let data = grouped.alone(k);
        let name = input::group_name(name);
        match data.pairs.is_empty() {
            true => output::say(&format!("left out, nothing to compare: {name}")),
            false => {
                let inspection = test_intransitivity(&data, args.replicates, args.seed, &|| ())
                    .map_err(|e| format!("{}: group {name}: {e}", path.display()))?;
                found.push((name, data, inspection));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if args.json {
        let list = found.iter().map(|(name, data, inspection)| {
            let mut one = as_json(data, inspection);
            one["group"] = json!(name);
            one
        });
        output::json(&json!({ "groups": list.collect::<Vec<Value>>(), "summary": summary(&found) }));
        return Ok(Answer::Yes);
    }
    let rows = found.iter().map(|(name, data, f)| {
        let label = |i: usize| data.labels[i].clone();
        let p = f.statistic("strongest_cycle").p_value.map_or("-".to_owned(), |p| format!("{p:.3}"));
        vec![
            (*name).to_owned(),
            data.n().to_string(),
            data.total.to_string(),
            verdict(data, f).0.to_owned(),
            p,
            f.condorcet_winner.map_or("none".to_owned(), label),
            format!("{}/{}", f.cycles.cyclic, f.cycles.total),
            f.nash.support.len().to_string(),
            label(f.favourite),
            format!("{:.3}", f.statistic("favourite_loss").value),
            data.unmet().to_string(),
        ]
    });
    let header = [
        "group",
        "items",
        "comparisons",
        "verdict",
        "p (cycle)",
        "beats all",
        "cyclic triads",
        "Nash plays",
        "BT favourite",
        "its loss",
        "unmet pairs",
    ];
    output::print(&format!("{}\n\n{}", summary(&found), output::table(&header, rows)));
    Ok(Answer::Yes)
}

/// How many groups are cyclic beyond noise, beside the number that chance alone would give.
fn summary(found: &[(&str, Comparisons, Inspection)]) -> String {
    let known = found.iter().filter(|f| f.2.verdict != Verdict::Unknown).count();
    let cyclic = found.iter().filter(|f| f.2.verdict == Verdict::CyclicBeyondNoise).count();
    let enough = found.iter().filter(|f| f.2.verdict == Verdict::Adequate).count();
    format!(
        "{cyclic} of {known} groups cyclic beyond noise at level {LEVEL}, where chance alone gives up to {:.1}; Bradley-Terry is \
         enough in {enough}.",
        LEVEL * known as f64
    )
}

/// Pairs that met fewer times than this are called sparse.
const SPARSE: f64 = 10.0;

fn sparse_pairs(data: &Comparisons) -> usize {
    data.pairs.iter().filter(|p| p.met() < SPARSE).count()
}

/// The bonus of the item listed first, in nats, with its error and two-sided p-value; `None` where no pair is listed in
/// both orders (a file may list its items by name).
fn position(data: &Comparisons) -> Option<(f64, f64, f64)> {
    let both = |p: &PairCount| p.forward.total() > 0.0 && p.backward.total() > 0.0;
    if !data.pairs.iter().any(both) {
        return None;
    }
    let found = fit(data, Model::BradleyTerry, Options { home: true, prior: false }).ok()?;
    let home = found.parameters.iter().find(|p| p.name == "home")?;
    let error = home.standard_error?;
    Some((home.value, error, 2.0 * normal_cdf(-(home.value / error).abs())))
}

fn as_json(data: &Comparisons, found: &Inspection) -> Value {
    let name = |i: usize| data.labels[i].as_str();
    let names = |list: &[usize]| list.iter().map(|&i| name(i)).collect::<Vec<_>>();
    let p = |s: &str| found.statistic(s).p_value;
    let bt = &found.bradley_terry;
    let unmet: Vec<[&str; 2]> = data.unmet_pairs().into_iter().map(|(i, j)| [name(i), name(j)]).collect();
    let statistics: serde_json::Map<String, Value> = found
        .statistics
        .iter()
        .map(|s| {
            let value = json!({ "value": s.value, "p_value": s.p_value, "null_mean": s.null_mean, "null_95": s.null_95,
                                "definition": s.definition });
            (s.name.to_owned(), value)
        })
        .collect();
    json!({
        "n": data.n(), "labels": data.labels, "comparisons": data.total, "ties": data.total_ties,
        "unmet_pairs": unmet,
        "condorcet_winner": found.condorcet_winner.map(name),
        "unbeaten": names(&unbeaten(data)),
        "smith_set": names(&found.smith_set),
        "cyclic_triads": {
            "cyclic": found.cycles.cyclic, "total": found.cycles.total, "significant": found.cycles.significant,
            "significant_total": found.cycles.significant_total, "weighted": found.cycles.weighted_share,
            "p_value": p("weighted_triads"),
        },
        "cyclic_energy": {
            "value": found.statistic("cyclic_energy").value, "p_value": p("cyclic_energy"),
            "corrected": found.corrected_energy,
        },
        "strongest_cycle": {
            "items": names(&found.cycles.cycle), "standard_errors": found.cycles.strongest_cycle,
            "p_value": p("strongest_cycle"),
        },
        "bradley_terry": {
            "favourite": name(found.favourite), "deviance": bt.deviance,
            "degrees_of_freedom": bt.degrees_of_freedom, "deviance_p_value": bt.deviance_p_value(),
            "deviance_bootstrap_p_value": p("deviance"), "exists": bt.exists, "converged": bt.converged,
            "log_strength": bt.log_strength.to_vec(), "worst_opponent": found.worst_opponent.map(name),
            "exploitability": found.statistic("favourite_loss").value,
            "exploitability_p_value": p("favourite_loss"),
        },
        "nash": {
            "policy": found.nash.policy.to_vec(), "support": names(&found.nash.support), "unique": found.nash.unique,
            "duality_gap": found.nash.duality_gap, "edge_over_favourite": found.statistic("nash_edge").value,
        },
        "skew_rank": found.skew_rank,
        "statistics": statistics,
        "power": {
            "triad": found.power.triad.map(|(t, votes)| json!({ "items": names(&t), "votes_per_pair": votes })),
            "detectable_win_rate": found.power.detectable_win_rate,
            "misfit_factor": found.power.misfit_factor,
        },
        "null": found.null.name(), "replicates": found.replicates,
        "checks": data.checks.remarks(), "sparse_pairs": sparse_pairs(data),
        "position_bias": position(data).map(|(home, error, p)| {
            json!({ "home": home, "standard_error": error, "p_value": p })
        }),
        "verdict": verdict(data, found).0,
        "explanation": verdict(data, found).1,
    })
}

/// The finding in plain words, and the numbers it rests on.
pub(super) fn verdict(data: &Comparisons, found: &Inspection) -> (&'static str, String) {
    let name = |i: usize| data.labels[i].as_str();
    let p = |s: &str| found.statistic(s).p_value.map_or("unknown".to_owned(), |p| format!("{p:.3}"));
    let cycle = || {
        let items: Vec<&str> = found.cycles.cycle.iter().map(|&i| name(i)).collect();
        format!("{} > {}", items.join(" > "), items.first().copied().unwrap_or_default())
    };
    let favourite = name(found.favourite);
    let winner = match (found.condorcet_winner, found.worst_opponent) {
        (Some(w), _) if w == found.favourite => format!("{favourite} beats every other item head to head"),
        (_, Some(w)) if found.statistic("favourite_loss").value > 0.0 => {
            let loss = 0.5 - found.statistic("favourite_loss").value;
            format!(
                "the favourite {favourite} wins only {loss:.2} against {} (p = {} for losing as much)",
                name(w),
                p("favourite_loss")
            )
        }
        _ => format!("nobody it met beats {favourite}"),
    };
    match found.verdict {
        Verdict::CyclicBeyondNoise => (
            "cyclic beyond noise",
            format!(
                "each beats the next by at least {:.1} standard errors: {} (p = {}); {winner}; the maximal lottery plays {} items",
                found.cycles.strongest_cycle,
                cycle(),
                p("strongest_cycle"),
                found.nash.support.len()
            ),
        ),
        Verdict::FavouriteBeaten => (
            "not cyclic beyond noise, but the Bradley-Terry favourite is beaten beyond noise",
            format!("{winner}; cycles: p = {}", p("strongest_cycle")),
        ),
        Verdict::Misfit => (
            "not cyclic beyond noise, but Bradley-Terry misfits beyond noise",
            format!(
                "{winner}; ratings leave {:.0} percent of the variance of win rates beyond noise unexplained (deviance: p = {}): the \
                 order may stand, the win rates do not",
                100.0 * found.corrected_energy.unwrap_or_default(),
                p("deviance")
            ),
        ),
        Verdict::Adequate => {
            let cycles = match found.cycles.cyclic {
                0 => "no cycle".to_owned(),
                k => format!(
                    "{k} cyclic triads are what noise gives (strongest cycle: p = {})",
                    p("strongest_cycle")
                ),
            };
            let misfit = if found.statistic("deviance").p_value.is_some_and(|p| p < 0.05) {
                format!(
                    "; the misfit (deviance: p = {}) leaves {:.1} percent of the variance of win rates unexplained beyond noise, \
                     less than the {:.0} percent that would matter",
                    p("deviance"),
                    100.0 * found.corrected_energy.unwrap_or_default(),
                    100.0 * TOLERATED
                )
            } else {
                format!("; fit: p = {}", p("deviance"))
            };
            ("Bradley-Terry is enough here", format!("{winner}; {cycles}{misfit}"))
        }
        Verdict::Unknown => (
            "no counts, so noise is unknown",
            format!(
                "{winner}; {} of {} triads are cyclic; the maximal lottery plays {} items",
                found.cycles.cyclic,
                found.cycles.total,
                found.nash.support.len()
            ),
        ),
    }
}

fn as_text(data: &Comparisons, found: &Inspection) -> String {
    let name = |i: usize| data.labels[i].as_str();
    let names = |list: &[usize]| match list.len() {
        k if k > 12 => format!("{k} items"),
        _ => list.iter().map(|&i| name(i)).collect::<Vec<_>>().join(", "),
    };
    let (word, why) = verdict(data, found);
    let mut text = format!("{word}\n  {why}\n\n");
    text += &format!("Condorcet winner   {}\n", found.condorcet_winner.map_or("none", name));
    text += &format!("Smith set          {}\n", names(&found.smith_set));
    let uniqueness = if found.nash.unique == Some(true) { "" } else { " (one of several, or undecided)" };
    text += &format!("maximal lottery    {}{uniqueness}\n", names(&found.nash.support));
    let bt = &found.bradley_terry;
    text += &format!(
        "Bradley-Terry      favourite {}, deviance {:.1} on {} degrees (chi-squared p = {:.2e}){}\n",
        name(found.favourite),
        bt.deviance,
        bt.degrees_of_freedom,
        bt.deviance_p_value(),
        if bt.exists { "" } else { "; no finite maximum, the logistic prior was added" }
    );
    text += &format!(
        "cyclic triads      {} of {}, all three pairs significant in {} of {}\n",
        found.cycles.cyclic, found.cycles.total, found.cycles.significant, found.cycles.significant_total
    );
    let rows = found.statistics.iter().map(|s| {
        let number = |x: Option<f64>| x.map_or("-".to_owned(), |x| format!("{x:.4}"));
        let p = s.p_value.map_or("-".to_owned(), |p| format!("{p:.4}"));
        vec![
            s.name.replace('_', " "),
            number(Some(s.value).filter(|v| v.is_finite())),
            number(s.null_mean),
            number(s.null_95),
            p,
            s.definition.to_owned(),
        ]
    });
    text += &output::table(&["measure", "seen", "null mean", "null 95%", "p", "what"], rows);
    if let Some(energy) = found.corrected_energy {
        text += &format!("\ncyclic energy less noise: {energy:.3}");
    }
    if let Some(rank) = found.skew_rank {
        text += &format!("\nskew rank above noise: {rank} (Bradley-Terry has about 2)");
    }
    if found.replicates > 0 {
        text += &format!("\nnull: {}, {} data sets drawn", found.null.name(), found.replicates);
    }
    if let Some((home, error, p)) = position(data) {
        text +=
            &format!("\nposition: the item listed first has {home:+.3} +- {error:.3} nats more (p = {p:.3})");
    }
    let sparse = sparse_pairs(data);
    if sparse > 0 {
        text += &format!("\nsparse: {sparse} of {} pairs met fewer than {SPARSE} times", data.pairs.len());
    }
    if let Some((t, votes)) = found.power.triad {
        text += &format!(
            "\npower: the clearest triad ({}) would be significant in all three pairs after {votes} votes a pair, 4 times in 5",
            names(&t)
        );
    }
    if let Some(rate) = found.power.detectable_win_rate {
        text +=
            &format!("\n       with the votes of the median pair a triad of win rates {rate:.2} would be");
    }
    if let Some(factor) = found.power.misfit_factor.filter(|f| *f > 1.0) {
        text +=
            &format!("\n       misfit as seen, less noise, would be found with {factor:.1} times the votes");
    }
    text
}
