//! `equipoise fit`: one model, with errors and how well it predicts.

use std::error::Error;

use equipoise::core::registry::nearest;
use equipoise::core::seed::stream;
use equipoise::data::{Comparisons, Ties, read_comparisons, read_features};
use equipoise::models::intervals::{critical_values, rank_intervals};
use equipoise::models::validation::{calibration, calibration_error, held_out_loss};
use equipoise::models::{Fit, MODELS, Magnitude, Model, Options, fit as fit_free, fit_linear};
use serde_json::{Map, Value, json};

use super::{Outcome, input, others};
use crate::args::{self, Algorithm, FitTies};
use crate::{Answer, output};

/// Draws for critical values.
const DRAWS: usize = 4000;
/// Folds of the held-out loss.
const FOLDS: u32 = 5;

pub(super) fn fit(args: args::Fit) -> Outcome {
    let known = MODELS.iter().map(|m| m.name);
    let model = Model::ALL.iter().find(|m| m.name() == args.model);
    if let Some(flag) = misplaced(&args, model) {
        return Err(format!("{flag} is not for {}; see equipoise list models", args.model).into());
    }
    match (model, args.model.as_str()) {
        (Some(&model), _) if args.each.is_some() => others::each(&args, model),
        (Some(_), _) if args.algorithm != Algorithm::Newton => others::first_order(&args),
        (Some(&model), _) => pairwise(&args, model),
        (None, "scaled-bradley-terry") => others::magnitudes(&args, Magnitude::Scaled),
        (None, "margin-bradley-terry") => others::magnitudes(&args, Magnitude::Margin),
        (None, "contextual-bradley-terry") => others::contextual(&args),
        (None, "plackett-luce" | "plackett-luce-split") => others::k_wise(&args),
        (None, "elo" | "trueskill") => others::sequential(&args),
        (None, other) => {
            let hint =
                nearest(other, known.clone()).map_or(String::new(), |n| format!(", did you mean `{n}`?"));
            let list = known.collect::<Vec<_>>().join(", ");
            Err(format!("--model `{other}` is not known{hint}; known: {list}").into())
        }
    }
}

/// A flag that the model (with the other flags) cannot keep.
fn misplaced(args: &args::Fit, model: Option<&Model>) -> Option<&'static str> {
    let name = args.model.as_str();
    let judged = matches!(name, "scaled-bradley-terry" | "margin-bradley-terry" | "contextual-bradley-terry");
    let alone = args.each.is_some() || args.algorithm != Algorithm::Newton;
    let flags = [
        ("--home", args.home, model.is_some() && !alone),
        ("--prior", args.prior, (model.is_some() && args.algorithm != Algorithm::Zermelo) || judged),
        ("--features", args.features.is_some(), model.is_some() && !alone),
        ("--context-features", args.context_features.is_some(), name == "contextual-bradley-terry"),
        ("--algorithm", args.algorithm != Algorithm::Newton, name == "bradley-terry" && args.each.is_none()),
        ("--each", args.each.is_some(), model.is_some()),
    ];
    // a name that is not known is told first
    let known = MODELS.iter().any(|m| m.name == name);
    flags.into_iter().find(|(_, given, fits)| known && *given && !fits).map(|(flag, ..)| flag)
}

/// The rule for reading ties, and refusal of one that the model cannot keep.
pub(super) fn tie_rule(args: &args::Fit, has_ties: bool) -> Result<Ties, Box<dyn Error>> {
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
            let (names, x) = read_features(path, "item", &data.labels)?;
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
    let (mut residuals, mut met) = (vec![vec![Value::Null; n]; n], vec![vec![0.0; n]; n]);
    for pair in &data.pairs {
        let off = 0.5 + pair.margin(0.0) - found.prob(pair.i, pair.j);
        residuals[pair.i][pair.j] = json!(off);
        residuals[pair.j][pair.i] = json!(-off);
        (met[pair.i][pair.j], met[pair.j][pair.i]) = (pair.met(), pair.met());
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
        "residuals": residuals, "met": met, "checks": data.checks.remarks(),
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
    let mut text = match found.blocks.len() {
        1 => "\nno finite maximum of the likelihood: no pair was won both ways (or none was ever both bad), so that \
              strengths and the tie parameter can grow together"
            .to_owned(),
        _ => "\nno finite maximum of the likelihood (Ford's condition)".to_owned(),
    };
    if let [first, .., last] = &found.blocks[..] {
        text +=
            &format!(": [{}] and [{}] are not held together by wins both ways", block(first), block(last));
    }
    if found.prior {
        text += "; shown is the posterior mode under the logistic prior";
    }
    text
}
