//! `equipoise fit`, the models beside those of [`super::fit`]: by groups, by passes, with magnitudes, features of
//! contexts, rankings, match by match.

use std::error::Error;

use equipoise::data::{
    Comparisons, Outcome as Judgement, Ties, read_battles, read_comparisons, read_features,
};
use equipoise::data::{Grouping, read_grouped, read_rankings};
use equipoise::models::distributions::chi_squared_tail;
use equipoise::models::first_order::{newman, newman_prior, zermelo};
use equipoise::models::graph::win_blocks;
use equipoise::models::sequential::{Elo, TrueSkill};
use equipoise::models::{
    Fit, Magnitude, Model, Options, fit, fit_contextual, fit_magnitudes, plackett_luce, plackett_luce_split,
};
use equipoise::ndarray::Array1;
use serde_json::{Value, json};

use super::fit::tie_rule;
use super::{Outcome, input};
use crate::args::{self, Algorithm};
use crate::{Answer, output};

/// Passes at most, and the move in log strength below which the last one ends.
const MOST_PASSES: u32 = 100_000;
const TOLERANCE: f64 = 1e-12;
/// Most matches that are rated one by one.
const MOST_MATCHES: f64 = 1e9;

fn features_missing(args: &args::Fit) -> Box<dyn Error> {
    format!("--model {} needs --context-features FILE: a column `context`, then one a feature", args.model)
        .into()
}

const PRIOR_ADDED: &str =
    "\nno finite maximum of the likelihood; shown is the posterior mode under the logistic prior";

/// Every group by itself, and whether one board for all would do.
pub(super) fn each(args: &args::Fit, model: Model) -> Outcome {
    let by = input::grouping(args.each.expect("asked for"));
    let grouped =
        read_grouped(&args.data, &input::selection(&args.filters, tie_rule(args, model.has_ties())?), by)?;
    grouped.checks.remarks().iter().for_each(|r| output::say(r));
    let options = Options { home: false, prior: args.prior };
    let mut rows: Vec<(&str, Comparisons, Fit)> = Vec::new();
    let mut left_out = Vec::new();
    for (k, name) in grouped.names.iter().enumerate() {
        let data = grouped.alone(k);
        match fit(&data, model, options) {
            Ok(found) => rows.push((input::group_name(name), data, found)),
            Err(e) => left_out.push(format!("{}: {e}", input::group_name(name))),
        }
    }
    left_out.iter().for_each(|l| output::say(&format!("left out: {l}")));
    let all = fit(&grouped.pooled(), model, options)?;
    // the gain of a board for each group over one for all, where both are maxima
    let sound = left_out.is_empty() && all.exists && rows.iter().all(|(_, _, f)| f.exists && !f.prior);
    let gain: f64 = 2.0 * (rows.iter().map(|(_, _, f)| f.log_likelihood).sum::<f64>() - all.log_likelihood);
    let free: usize = rows.iter().map(|(_, d, f)| d.n() - 1 + f.parameters.len()).sum();
    let degrees = free as f64 - (grouped.labels.len() - 1 + all.parameters.len()) as f64;
    let p = (sound && degrees >= 1.0).then(|| chi_squared_tail(gain.max(0.0), degrees));
    if args.json {
        let groups: Vec<Value> = rows
            .iter()
            .map(|(name, data, f)| {
                json!({ "group": name, "labels": data.labels, "comparisons": data.total,
                        "log_strength": f.log_strength.to_vec(), "standard_error": f.standard_error().to_vec(),
                        "log_likelihood": f.log_likelihood, "deviance": f.deviance,
                        "degrees_of_freedom": f.degrees_of_freedom, "exists": f.exists, "converged": f.converged,
                        "prior": f.prior })
            })
            .collect();
        output::json(&json!({ "model": model.name(), "groups": groups, "left_out": left_out,
                              "pooled_log_likelihood": all.log_likelihood,
                              "likelihood_ratio": sound.then_some(gain), "degrees_of_freedom": degrees, "p_value": p }));
        return Ok(Answer::Yes);
    }
    let table = rows.iter().map(|(name, data, f)| {
        let order = f.order();
        let label = |k: usize| order.get(k).map_or("-".to_owned(), |&i| data.labels[i].clone());
        let lead = if order.len() > 1 { f.log_strength[order[0]] - f.log_strength[order[1]] } else { 0.0 };
        vec![
            (*name).to_owned(),
            data.total.to_string(),
            data.n().to_string(),
            label(0),
            label(1),
            format!("{lead:.3}"),
            format!("{:.3}", f.deviance_p_value()),
            if f.exists { "yes" } else { "no, prior" }.to_owned(),
        ]
    });
    let header =
        ["group", "comparisons", "items", "strongest", "second", "lead (nats)", "deviance p", "maximum"];
    let test = format!("likelihood ratio {gain:.1} on {degrees} degrees of freedom");
    let shared = "if no comparison is in two groups";
    let mut text = match p {
        Some(p) if p < 0.05 => format!("One board does not fit all groups ({test}, p = {p:.3e}, {shared}).\n\n"),
        Some(p) => format!("One board fits all groups ({test}, p = {p:.3}, {shared}).\n\n"),
        None => "Whether one board fits all groups is not tested: some groups have no finite maximum of the likelihood.\n\n".to_owned(),
    };
    text += &output::table(&header, table);
    output::print(&text);
    Ok(Answer::Yes)
}

/// Newman's or Zermelo's iteration.
pub(super) fn first_order(args: &args::Fit) -> Outcome {
    let data = read_comparisons(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    input::say(&data, "left out");
    let exists = win_blocks(&data).len() == 1;
    let prior = args.prior || !exists;
    let (name, found) = match (args.algorithm, prior) {
        (Algorithm::Zermelo, false) => ("zermelo", zermelo(&data, TOLERANCE, MOST_PASSES)),
        (Algorithm::Zermelo, true) => {
            let message = "no finite maximum of the likelihood exists (Ford's condition), and Zermelo's iteration has no \
                           prior; use --algorithm newman or newton";
            return Err(format!("{}: {message}", args.data.display()).into());
        }
        (_, false) => ("newman", newman(&data, TOLERANCE, MOST_PASSES)),
        (_, true) => ("newman", newman_prior(&data, TOLERANCE, MOST_PASSES)),
    };
    if args.json {
        output::json(&json!({
            "model": "bradley-terry", "algorithm": name, "labels": data.labels,
            "log_strength": found.log_strength.to_vec(), "standard_error": null, "exists": exists,
            "converged": found.converged, "passes": found.passes, "prior": prior, "comparisons": data.total,
            "ties": data.total_ties,
        }));
        return Ok(Answer::Yes);
    }
    let mut text = ordered(&data.labels, &found.log_strength, None, "log strength");
    text += &match found.converged {
        true => format!("\n{name}: converged in {} passes", found.passes),
        false => format!("\nNOT CONVERGED after {} passes: do not use these numbers", found.passes),
    };
    if !exists {
        text += PRIOR_ADDED;
    }
    output::print(&text);
    Ok(Answer::Yes)
}

/// Scaled and margin Bradley-Terry.
pub(super) fn magnitudes(args: &args::Fit, rule: Magnitude) -> Outcome {
    let data = read_battles(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    data.checks.remarks().iter().for_each(|r| output::say(r));
    if !data.checks.columns.contains(&"magnitude") {
        let message = format!("has no column `magnitude`, which {} needs; use bradley-terry", args.model);
        return Err(format!("{}: {message}", args.data.display()).into());
    }
    let found = fit_magnitudes(&data, rule, args.prior)?;
    let errors = found.sandwich.diag().mapv(f64::sqrt);
    if args.json {
        output::json(&json!({
            "model": args.model, "labels": data.labels, "log_strength": found.log_strength.to_vec(),
            "standard_error": errors.to_vec(), "objective": found.objective, "log_likelihood": null, "deviance": null,
            "exists": found.exists, "converged": found.converged, "iterations": found.iterations, "prior": found.prior,
        }));
        return Ok(Answer::Yes);
    }
    let mut text = ordered(&data.labels, &found.log_strength, Some(&errors), "log strength");
    text += &format!("\nobjective {:.4} (no likelihood: errors by the sandwich)", found.objective);
    text += &steps(found.converged, found.iterations);
    if !found.exists {
        text += PRIOR_ADDED;
    }
    output::print(&text);
    Ok(Answer::Yes)
}

fn steps(converged: bool, iterations: u32) -> String {
    match converged {
        true => format!("\nconverged in {iterations} Newton steps"),
        false => format!("\nNOT CONVERGED after {iterations} Newton steps: do not use these numbers"),
    }
}

/// Contextual Bradley-Terry.
pub(super) fn contextual(args: &args::Fit) -> Outcome {
    let file = args.context_features.as_ref().ok_or_else(|| features_missing(args))?;
    let selection = input::selection(&args.filters, tie_rule(args, false)?);
    let grouped = read_grouped(&args.data, &selection, Grouping::Context)?;
    grouped.checks.remarks().iter().for_each(|r| output::say(r));
    let (names, z) = read_features(file, "context", &grouped.names)?;
    let found = fit_contextual(&grouped.groups, z.view(), args.prior)?;
    if args.json {
        let rows = |table: &equipoise::ndarray::Array2<f64>| {
            table.rows().into_iter().map(|r| r.to_vec()).collect::<Vec<_>>()
        };
        output::json(&json!({
            "model": args.model, "labels": grouped.labels, "features": names,
            "log_strength": found.coefficients.row(0).to_vec(),
            "standard_error": found.standard_error.row(0).to_vec(), "coefficients": rows(&found.coefficients),
            "coefficient_errors": rows(&found.standard_error), "log_likelihood": found.log_likelihood,
            "marginal_log_likelihood": found.marginal_log_likelihood, "degrees_of_freedom": found.degrees_of_freedom,
            "p_value": found.p_value(), "deviance": null, "exists": found.exists, "converged": found.converged,
            "iterations": found.iterations, "prior": found.prior, "contexts": grouped.names.len(),
        }));
        return Ok(Answer::Yes);
    }
    let mut order: Vec<usize> = (0..grouped.labels.len()).collect();
    order.sort_by(|&a, &b| found.coefficients[[0, b]].total_cmp(&found.coefficients[[0, a]]));
    let rows = order.iter().enumerate().map(|(k, &i)| {
        let number =
            |f: usize| format!("{:+.4} +- {:.4}", found.coefficients[[f, i]], found.standard_error[[f, i]]);
        let cells = [(k + 1).to_string(), grouped.labels[i].clone()].into_iter();
        cells.chain((0..=names.len()).map(number)).collect()
    });
    let header: Vec<&str> =
        ["", "item", "base"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let mut text = output::table(&header, rows);
    text += &format!(
        "\nlog-likelihood {:.4}; one board for all {} contexts: {:.4}",
        found.log_likelihood,
        grouped.names.len(),
        found.marginal_log_likelihood
    );
    if let Some(p) = found.p_value() {
        text += &format!(
            "\nthe features matter with p = {p:.3e} ({} degrees of freedom)",
            found.degrees_of_freedom
        );
    }
    text += &steps(found.converged, found.iterations);
    if !found.exists {
        text += "\nno finite maximum, or more than one; shown is the posterior mode under the logistic prior on all coefficients";
    }
    output::print(&text);
    Ok(Answer::Yes)
}

/// Plackett-Luce, in full or split.
pub(super) fn k_wise(args: &args::Fit) -> Outcome {
    let data = read_rankings(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    data.checks.remarks().iter().for_each(|r| output::say(r));
    let split = args.model == "plackett-luce-split";
    let found = if split { plackett_luce_split(&data)? } else { plackett_luce(&data)? };
    let (errors, sandwich) = (found.covariance.diag().mapv(f64::sqrt), found.sandwich.diag().mapv(f64::sqrt));
    if args.json {
        output::json(&json!({
            "model": args.model, "labels": data.labels, "log_strength": found.log_strength.to_vec(),
            "standard_error": errors.to_vec(), "sandwich_error": sandwich.to_vec(),
            "log_likelihood": found.log_likelihood, "deviance": null,
            "exists": found.exists, "converged": found.converged, "iterations": found.iterations,
            "prior": found.prior, "rankings": data.rankings.iter().map(|r| r.weight).sum::<f64>(),
        }));
        return Ok(Answer::Yes);
    }
    let mut text = ordered(&data.labels, &found.log_strength, Some(&sandwich), "log strength");
    text +=
        &format!("\nlog-likelihood {:.4}; errors by the sandwich over whole rankings", found.log_likelihood);
    text += &steps(found.converged, found.iterations);
    if !found.exists {
        text += PRIOR_ADDED;
    }
    output::print(&text);
    Ok(Answer::Yes)
}

/// Elo and TrueSkill.
pub(super) fn sequential(args: &args::Fit) -> Outcome {
    let battles = read_battles(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    let (mut rows, timed) = battles.in_time();
    if battles.ties == Ties::Drop {
        rows.retain(|b| !matches!(b.outcome, Judgement::Tie | Judgement::BothBad));
    }
    let matches: f64 = rows.iter().map(|b| b.weight).sum();
    if matches > MOST_MATCHES {
        let message = format!("has {matches:.2e} matches; at most {MOST_MATCHES:.0e} are rated one by one");
        return Err(format!("{}: {message}", args.data.display()).into());
    }
    battles.checks.remarks().iter().for_each(|r| output::say(r));
    let n = battles.labels.len();
    let order = if timed { "time" } else { "the file" };
    let (ratings, sigma, scale) = if args.model == "elo" {
        (Elo::default().rate(n, &rows), None, 10f64.ln() / 400.0)
    } else {
        let skills = TrueSkill::default().rate(n, &rows);
        let sigma: Array1<f64> = skills.iter().map(|s| s.sigma).collect();
        (skills.iter().map(|s| s.mu).collect(), Some(sigma), 1.0)
    };
    let ratings: Array1<f64> = ratings.into();
    let mean = ratings.mean().expect("there are items");
    let strengths = ratings.mapv(|r| scale * (r - mean));
    if args.json {
        output::json(&json!({
            "model": args.model, "labels": battles.labels, "rating": ratings.to_vec(),
            "log_strength": strengths.to_vec(), "standard_error": sigma.as_ref().map(|s| s.to_vec()), "log_likelihood": null,
            "deviance": null, "exists": true, "converged": true, "iterations": 1, "order": order,
        }));
    } else {
        let text = ordered(&battles.labels, &ratings, sigma.as_ref(), "rating");
        output::print(&format!(
            "{text}\nin the order of {order}: another order gives other ratings (see equipoise rank)"
        ));
    }
    Ok(Answer::Yes)
}

fn ordered(labels: &[String], values: &Array1<f64>, errors: Option<&Array1<f64>>, what: &str) -> String {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let rows = order.iter().enumerate().map(|(k, &i)| {
        let error = errors.map_or("-".to_owned(), |e| format!("{:.4}", e[i]));
        vec![(k + 1).to_string(), labels[i].clone(), format!("{:.4}", values[i]), error]
    });
    output::table(&["", "item", what, "error"], rows)
}
