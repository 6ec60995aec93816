//! `equipoise fit`: one model, with errors and how well it predicts.

use std::error::Error;

use equipoise::core::registry::nearest;
use equipoise::core::seed::stream;
use equipoise::data::{Comparisons, Ties, read_battles, read_comparisons, read_rankings};
use equipoise::ndarray::Array1;
use equipoise::ratings::assess::{calibration, calibration_error, held_out_loss};
use equipoise::ratings::intervals::{critical_values, rank_intervals};
use equipoise::ratings::sequential::{Elo, TrueSkill};
use equipoise::ratings::{Fit, Model, Options, fit as fit_free, fit_linear, plackett_luce};
use serde_json::{Map, Value, json};

use super::{Outcome, input};
use crate::args::{self, FitTies};
use crate::{Answer, output};

/// Models that take more than comparisons of two, or their order.
pub(crate) const OTHERS: [(&str, &str); 3] = [
    ("plackett-luce", "rankings as repeated choices of the best of what is left; needs strict rankings"),
    ("elo", "R_a += K (S - E), match by match: depends on their order; K = 4"),
    ("trueskill", "normal beliefs updated match by match: depends on their order; rank by mu - 3 sigma"),
];
/// Draws for critical values.
const DRAWS: usize = 4000;
/// Folds of the held-out loss.
const FOLDS: u32 = 5;

pub(super) fn fit(args: args::Fit) -> Outcome {
    let known = || Model::ALL.iter().map(|m| m.name()).chain(OTHERS.iter().map(|(name, _)| *name));
    match (Model::ALL.iter().find(|m| m.name() == args.model), args.model.as_str()) {
        (Some(&model), _) => pairwise(&args, model),
        (None, "plackett-luce") => k_wise(&args),
        (None, "elo" | "trueskill") => sequential(&args),
        (None, other) => {
            let hint = nearest(other, known()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            let list = known().collect::<Vec<_>>().join(", ");
            Err(format!("--model `{other}` is not known{hint}; known: {list}").into())
        }
    }
}

/// The rule for reading ties, and refusal of one that the model cannot keep.
fn tie_rule(args: &args::Fit, has_ties: bool) -> Result<Ties, Box<dyn Error>> {
    match (args.ties, has_ties) {
        (Some(FitTies::Drop), _) => Ok(Ties::Drop),
        (None, _) | (Some(FitTies::Half), false) | (Some(FitTies::Model), true) => Ok(Ties::Half),
        (Some(FitTies::Half), true) => Err(format!(
            "--ties half: {} has ties as outcomes of their own; use --ties model or drop",
            args.model
        )
        .into()),
        (Some(FitTies::Model), false) => Err(format!(
            "--ties model: {} has no ties of its own; use davidson or rao-kupper, or --ties half",
            args.model
        )
        .into()),
    }
}

fn only_pairwise(args: &args::Fit) -> Result<(), Box<dyn Error>> {
    match (args.home, args.prior, args.features.is_some()) {
        (false, false, false) => Ok(()),
        _ => Err(format!("--home, --prior and --features are not for {}", args.model).into()),
    }
}

fn pairwise(args: &args::Fit, model: Model) -> Outcome {
    let data =
        read_comparisons(&args.data, &input::selection(&args.filters, tie_rule(args, model.has_ties())?))?;
    if model.has_ties() {
        output::say(&format!(
            "{} comparisons; {} ties, each an outcome of its own",
            data.total, data.total_ties
        ));
        data.checks.remarks().iter().for_each(|r| output::say(r));
    } else {
        input::say(&data, "left out");
    }
    let options = Options { home: args.home, prior: args.prior };
    let (found, features) = match &args.features {
        None => (fit_free(&data, model, options)?, Vec::new()),
        Some(path) => {
            let (names, x) = input::features(path, &data.labels)?;
            (fit_linear(&data, model, x.view(), options)?, names)
        }
    };
    let held_out =
        if features.is_empty() { held_out_loss(&data, model, options, FOLDS, args.seed)? } else { None };
    let critical =
        critical_values(&found.sandwich, 0.95, DRAWS, &mut stream(args.seed, "critical values", &[]));
    if args.json {
        output::json(&as_json(&data, &found, &features, held_out, critical.strengths));
    } else {
        let ranks = rank_intervals(&found.log_strength.to_vec(), &found.sandwich, critical.differences);
        output::print(&as_text(&data, &found, &features, held_out, critical.strengths, &ranks));
    }
    Ok(Answer::Yes)
}

fn as_json(
    data: &Comparisons,
    found: &Fit,
    features: &[String],
    held_out: Option<f64>,
    critical: f64,
) -> Value {
    let n = data.n();
    let (errors, sandwich) = (found.standard_error(), found.sandwich_error());
    let band = |sign: f64| (&found.log_strength + &(&sandwich * (sign * critical))).to_vec();
    let mut residuals = vec![vec![Value::Null; n]; n];
    for pair in &data.pairs {
        let off = 0.5 + pair.margin(0.0) - found.prob(pair.i, pair.j);
        residuals[pair.i][pair.j] = json!(off);
        residuals[pair.j][pair.i] = json!(-off);
    }
    let bins = calibration(data, found);
    let mut all = json!({
        "model": found.model.name(), "labels": data.labels, "log_strength": found.log_strength.to_vec(),
        "standard_error": errors.to_vec(), "sandwich_error": sandwich.to_vec(), "low": band(-1.0), "high": band(1.0),
        "log_likelihood": found.log_likelihood, "deviance": found.deviance,
        "degrees_of_freedom": found.degrees_of_freedom, "deviance_p_value": found.deviance_p_value(),
        "exists": found.exists, "converged": found.converged, "iterations": found.iterations, "prior": found.prior,
        "comparisons": data.total, "ties": data.total_ties, "held_out_loss": held_out,
        "calibration_error": calibration_error(&bins),
        "calibration": bins.iter().map(|b| json!([b.predicted, b.observed, b.comparisons])).collect::<Vec<_>>(),
        "residuals": residuals, "checks": data.checks.remarks(),
    });
    let object: &mut Map<String, Value> = all.as_object_mut().expect("an object was made");
    for p in &found.parameters {
        object.insert(p.name.to_owned(), json!(p.value));
        object.insert(format!("{}_standard_error", p.name), json!(p.standard_error));
    }
    if !features.is_empty() {
        let each = features.iter().zip(&found.coefficients);
        let list = each.map(|(f, (b, se))| json!({ "feature": f, "coefficient": b, "standard_error": se }));
        object.insert("coefficients".to_owned(), list.collect());
    }
    all
}

fn as_text(
    data: &Comparisons,
    found: &Fit,
    features: &[String],
    held_out: Option<f64>,
    critical: f64,
    ranks: &[(usize, usize)],
) -> String {
    let (errors, sandwich) = (found.standard_error(), found.sandwich_error());
    let rows = found.order().into_iter().enumerate().map(|(k, i)| {
        let (r, half) = (found.log_strength[i], critical * sandwich[i]);
        vec![
            (k + 1).to_string(),
            data.labels[i].clone(),
            format!("{r:+.4}"),
            format!("{:.4}", errors[i]),
            format!("{:.4}", sandwich[i]),
            format!("{:+.3} .. {:+.3}", r - half, r + half),
            format!("{}-{}", ranks[i].0, ranks[i].1),
        ]
    });
    let header = [
        "",
        "item",
        "log strength",
        "error (Hessian)",
        "error (sandwich)",
        "simultaneous 95%",
        "rank, simultaneous 95%",
    ];
    let mut text = output::table(&header, rows);
    text += &format!("\n{}: {}", found.model.name(), found.model.definition());
    for p in &found.parameters {
        let error = p
            .standard_error
            .map_or("at the end of its range or derived".to_owned(), |e| format!("+- {e:.4}"));
        text += &format!("\n{} = {:.6} {error}", p.name, p.value);
    }
    for (name, (b, se)) in features.iter().zip(&found.coefficients) {
        text += &format!("\n{name}: {b:+.6} +- {se:.6}");
    }
    text += &format!(
        "\nlog-likelihood {:.4}, deviance {:.3} on {} degrees of freedom (chi-squared p = {:.3e})",
        found.log_likelihood,
        found.deviance,
        found.degrees_of_freedom,
        found.deviance_p_value()
    );
    text += &format!(
        "\ncalibration error {:.4} (ten bins of predicted win rates)",
        calibration_error(&calibration(data, found))
    );
    if let Some(loss) = held_out {
        text += &format!("\nheld-out loss {loss:.4} nats a comparison ({FOLDS} folds)");
    }
    text += &existence(data, found);
    let steps = found.iterations;
    text += &match found.converged {
        true => format!("\nconverged in {steps} Newton steps"),
        false => format!("\nNOT CONVERGED after {steps} Newton steps: do not use these numbers"),
    };
    text
}

fn existence(data: &Comparisons, found: &Fit) -> String {
    if found.exists {
        return String::new();
    }
    let block = |b: &[usize]| {
        let shown: Vec<&str> = b.iter().take(6).map(|&i| data.labels[i].as_str()).collect();
        format!("{}{}", shown.join(", "), if b.len() > 6 { ", ..." } else { "" })
    };
    let mut text = "\nno finite maximum of the likelihood (Ford's condition)".to_owned();
    if let [first, .., last] = &found.blocks[..] {
        text +=
            &format!(": [{}] and [{}] are not held together by wins both ways", block(first), block(last));
    }
    if found.prior {
        text += "; shown is the posterior mode under the logistic prior";
    }
    text
}

fn k_wise(args: &args::Fit) -> Outcome {
    only_pairwise(args)?;
    let data = read_rankings(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    data.checks.remarks().iter().for_each(|r| output::say(r));
    let found = plackett_luce(&data)?;
    let errors = found.covariance.diag().mapv(f64::sqrt);
    if args.json {
        output::json(&json!({
            "model": "plackett-luce", "labels": data.labels, "log_strength": found.log_strength.to_vec(),
            "standard_error": errors.to_vec(), "log_likelihood": found.log_likelihood, "deviance": null,
            "exists": found.exists, "converged": found.converged, "iterations": found.iterations,
            "prior": found.prior, "rankings": data.rankings.iter().map(|r| r.weight).sum::<f64>(),
        }));
        return Ok(Answer::Yes);
    }
    let mut text = ordered(&data.labels, &found.log_strength, Some(&errors), "log strength");
    text += &format!("\nlog-likelihood {:.4}; converged: {}", found.log_likelihood, found.converged);
    if !found.exists {
        text += "\nno finite maximum of the likelihood; shown is the posterior mode under the logistic prior";
    }
    output::print(&text);
    Ok(Answer::Yes)
}

fn sequential(args: &args::Fit) -> Outcome {
    only_pairwise(args)?;
    let battles = read_battles(&args.data, &input::selection(&args.filters, tie_rule(args, false)?))?;
    let (mut rows, timed) = battles.in_time();
    if battles.ties == Ties::Drop {
        rows.retain(|b| {
            !matches!(b.outcome, equipoise::data::Outcome::Tie | equipoise::data::Outcome::BothBad)
        });
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
