//! `equipoise solve` and `equipoise gap`: exact answers about one game file.

use std::error::Error;
use std::path::Path;

use equipoise::core::Policy;
use equipoise::data::read_policy;
use equipoise::env::Game;
use equipoise::eval::metrics::{Truth, measure};
use equipoise::reference::{maximal_lottery, regularised_equilibrium};
use serde_json::{Value, json};

use super::Outcome;
use super::input::game;
use crate::args::{Gap, Regularisation, Solve};
use crate::{Answer, output};

pub(super) fn solve(args: Solve) -> Outcome {
    let game = game(&args.file)?;
    let reference = regularisation(&game, &args.regularisation)?;
    let tau = args.regularisation.tau;
    let answers = (0..game.contexts())
        .map(|x| solve_context(&game, x, &reference, tau))
        .collect::<Result<Vec<_>, _>>()?;
    if args.json {
        match &answers[..] {
            [one] => output::json(one),
            many => output::json(&json!({ "contexts": many })),
        }
    } else {
        for (x, answer) in answers.iter().enumerate() {
            if answers.len() > 1 {
                output::print(&format!("context {x}"));
            }
            output::print(&solved_text(answer, tau));
        }
    }
    Ok(Answer::Yes)
}

fn solve_context(game: &Game, x: usize, reference: &Policy, tau: f64) -> Result<Value, Box<dyn Error>> {
    let (matrix, labels) = (game.matrix(x), game.labels(x));
    let names = |list: &[usize]| -> Vec<String> { list.iter().map(|&i| labels[i].clone()).collect() };
    if tau == 0.0 {
        let e = maximal_lottery(&matrix)?;
        return Ok(json!({
            "n": matrix.n(), "labels": labels, "policy": e.policy.to_vec(), "duality_gap": e.duality_gap,
            "method": e.method.name(), "support": names(&e.support), "unique": e.unique,
            "certificate": { "duality_gap": e.duality_gap, "best_responses": names(&e.best_responses),
                             "value": 0.5, "unique": e.unique },
        }));
    }
    let single = Game::single(matrix.clone());
    let mu = Policy::from_logits(single.shape(), reference.log_probs_at(x).to_owned())?;
    let e = regularised_equilibrium(&matrix, &mu, tau)?;
    let truth = Truth { game: &single, reference: &mu, tau, equilibrium: None };
    let gap = measure("duality_gap", &truth, &e.policy);
    let support: Vec<usize> = (0..matrix.n()).collect();
    Ok(json!({
        "n": matrix.n(), "labels": labels, "policy": e.policy.probs().to_vec(), "duality_gap": gap,
        "method": "newton", "support": names(&support), "unique": true, "tau": tau,
        "duality_gap_tau": e.duality_gap_tau,
        "certificate": { "duality_gap_tau": e.duality_gap_tau, "newton_steps": e.newton_steps, "unique": true },
    }))
}

fn solved_text(answer: &Value, tau: f64) -> String {
    let number = |key: &str| answer[key].as_f64().unwrap_or(f64::NAN);
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let rows = list("labels")
        .iter()
        .zip(list("policy"))
        .map(|(l, p)| {
            vec![l.as_str().unwrap_or_default().to_owned(), format!("{:.6}", p.as_f64().unwrap_or(f64::NAN))]
        })
        .collect::<Vec<_>>();
    let mut text = output::table(&["action", "probability"], rows);
    text.push_str(&format!("\nduality gap {:.2e} (original game)", number("duality_gap")));
    if tau > 0.0 {
        text.push_str(&format!("\nregularised gap {:.2e} (tau = {tau})", number("duality_gap_tau")));
    }
    let unique = match answer["unique"].as_bool() {
        Some(true) => "the only equilibrium",
        Some(false) => "one of several equilibria",
        None => "uniqueness not decided",
    };
    text.push_str(&format!("\n{unique}; method: {}", answer["method"].as_str().unwrap_or_default()));
    text
}

pub(super) fn gap(args: Gap) -> Outcome {
    let game = game(&args.file)?;
    if game.contexts() > 1 {
        return Err(format!(
            "{}: has {} contexts; a policy file is for one",
            args.file.game.display(),
            game.contexts()
        )
        .into());
    }
    let reference = regularisation(&game, &args.regularisation)?;
    let policy = policy(&game, &args.policy)?;
    let tau = args.regularisation.tau;
    let truth = Truth { game: &game, reference: &reference, tau, equilibrium: None };
    let names = ["duality_gap", "exploitability", "duality_gap_tau", "worst_case_win_rate"];
    let values = names.map(|name| (name, measure(name, &truth, &policy)));
    if args.json {
        output::json(
            &values
                .iter()
                .map(|(k, v)| ((*k).to_owned(), json!(v)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        );
    } else {
        for (name, value) in values {
            output::print(&format!("{name:<20} {value:.6e}"));
        }
    }
    Ok(Answer::Yes)
}

fn policy(game: &Game, path: &Path) -> Result<Policy, Box<dyn Error>> {
    let probs = read_policy(path, &game.labels(0))?;
    Policy::from_probs(game.shape(), probs.into()).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn regularisation(game: &Game, args: &Regularisation) -> Result<Policy, Box<dyn Error>> {
    if !(args.tau >= 0.0 && args.tau.is_finite()) {
        return Err(format!("--tau {}: must be a finite number, at least 0", args.tau).into());
    }
    let Some(path) = &args.reference else { return Ok(Policy::uniform(game.shape())) };
    if game.contexts() > 1 {
        return Err(format!(
            "--reference: the game has {} contexts; a reference file is for one",
            game.contexts()
        )
        .into());
    }
    let mu = policy(game, path)?;
    if mu.log_probs().iter().any(|l| !l.is_finite()) {
        return Err(
            format!("{}: a reference needs a probability above 0 for every action", path.display()).into()
        );
    }
    Ok(mu)
}
