//! `equipoise solve` and `equipoise gap`: exact answers about one game file.

use std::error::Error;
use std::path::Path;

use equipoise::core::Policy;
use equipoise::data::read_policy;
use equipoise::env::Game;
use equipoise::eval::metrics::{Truth, measure};
use equipoise::reference::{
    ExactLottery, RationalMargins, Selection, equilibrium_ranges, exact_lottery, regularised_equilibrium,
    regularised_path, select_lottery, select_lottery_watched,
};
use serde_json::{Value, json};

use super::input::game_and_fractions as game;
use super::{Outcome, batch, certificate};
use crate::args::{Gap, Regularisation, Select, Solve};
use crate::progress::Waiting;
use crate::{Answer, output};

pub(super) fn solve(args: Solve) -> Outcome {
    if args.select.is_some() && (args.path || args.regularisation.tau > 0.0) {
        return Err("--select: a regularised equilibrium is the only one; it belongs to --tau 0".into());
    }
    if args.ranges && args.regularisation.tau > 0.0 {
        return Err("--ranges: a regularised equilibrium is the only one; it belongs to --tau 0".into());
    }
    check_tau(args.regularisation.tau)?;
    if let Some(out) = &args.out
        && !out.extension().is_some_and(|e| e.eq_ignore_ascii_case("json"))
    {
        return batch::solve(&args, out);
    }
    let (game, fractions) = game(&args.file.game, &args.file.filters, args.file.ties)?;
    let reference = regularisation(&game, &args.regularisation)?;
    let waiting = Waiting::start("solving");
    let answers = (0..game.contexts())
        .map(|x| solve_context(&game, x, &reference, &args, fractions.as_ref(), &waiting))
        .collect::<Result<Vec<_>, _>>()?;
    drop(waiting);
    if args.json || args.out.is_some() {
        let whole = match answers.len() {
            1 => answers[0].clone(),
            _ => json!({ "contexts": answers }),
        };
        if let Some(out) = &args.out {
            let text = serde_json::to_string_pretty(&whole)? + "\n";
            std::fs::write(out, text).map_err(|e| format!("{}: cannot be written: {e}", out.display()))?;
        }
        if args.json {
            output::json(&whole);
        }
    }
    if !args.json {
        for (x, answer) in answers.iter().enumerate() {
            if answers.len() > 1 {
                output::print(&format!("context {x}"));
            }
            let text =
                if args.path { path_text(answer) } else { solved_text(answer, args.regularisation.tau) };
            output::print(&text);
        }
    }
    Ok(Answer::Yes)
}

fn solve_context(
    game: &Game,
    x: usize,
    reference: &Policy,
    args: &Solve,
    fractions: Option<&RationalMargins>,
    waiting: &Waiting,
) -> Result<Value, Box<dyn Error>> {
    let (matrix, labels, tau) = (game.matrix(x), game.labels(x), args.regularisation.tau);
    let names = |list: &[usize]| -> Vec<String> { list.iter().map(|&i| labels[i].clone()).collect() };
    let single = Game::single(matrix.clone());
    let mu = Policy::from_logits(single.shape(), reference.log_probs_at(x).to_owned())?;
    if args.path {
        return path(&single, &labels, &mu, tau);
    }
    if tau == 0.0 {
        let selection = match args.select {
            None | Some(Select::MaximumEntropy) => Selection::MaximumEntropy,
            Some(Select::RegularisedLimit) => Selection::RegularisedLimit(&mu),
            Some(Select::Vertex) => Selection::Vertex,
        };
        let e = select_lottery_watched(&matrix, selection, &|gap| waiting.tell(gap))?;
        let mut answer = json!({
            "n": matrix.n(), "labels": labels, "policy": e.policy.to_vec(), "duality_gap": e.duality_gap,
            "method": e.method.name(), "support": names(&e.support), "unique": e.unique,
            "dimension": e.dimension, "selected": e.selected.name(),
            "certificate": { "duality_gap": e.duality_gap, "best_responses": names(&e.best_responses),
                             "value": 0.5, "unique": e.unique },
        });
        if let Some(fractions) = fractions
            && let Some(exact) = exact_lottery(fractions)?
        {
            answer["certificate"]["exact"] = proof(fractions, &exact, &labels);
        }
        if args.ranges {
            answer["ranges"] = match equilibrium_ranges(&matrix)? {
                Some(ranges) => ranges.iter().map(|(low, high)| json!([low, high])).collect(),
                None => Value::Null,
            };
        }
        return Ok(answer);
    }
    let e = regularised_equilibrium(&matrix, &mu, tau)?;
    let truth = Truth { game: &single, reference: &mu, tau, equilibrium: None };
    let gap = measure("duality_gap", &truth, &e.policy);
    let support: Vec<usize> = (0..matrix.n()).collect();
    Ok(json!({
        "n": matrix.n(), "labels": labels, "policy": e.policy.probs().to_vec(),
        "log_policy": e.policy.log_probs().to_vec(), "duality_gap": gap,
        "method": "newton", "support": names(&support), "unique": true, "tau": tau,
        "duality_gap_tau": e.duality_gap_tau,
        "certificate": { "duality_gap_tau": e.duality_gap_tau, "kl_to_equilibrium": e.kl_to_equilibrium,
                         "newton_steps": e.newton_steps, "unique": true },
    }))
}

/// The exact part of a certificate: win rates, policy and claim as fractions. Read by `gap --certificate`.
fn proof(fractions: &RationalMargins, exact: &ExactLottery, labels: &[String]) -> Value {
    let n = fractions.n();
    let win_rate = |i: usize, j: usize| {
        let (a, b) = fractions.margin(i, j);
        // 1/2 + a/b; b is below 2^52
        let (a, b) = (2 * i128::from(a) + i128::from(b), 2 * i128::from(b));
        let common = greatest_common_divisor(a, b);
        format!("{}/{}", a / common, b / common)
    };
    let row = |i: usize| (0..n).map(|j| win_rate(i, j)).collect::<Vec<_>>();
    json!({
        "format": 1, "labels": labels, "win_rates": (0..n).map(row).collect::<Vec<_>>(),
        "policy": (0..n).map(|i| exact.fraction(i)).collect::<Vec<_>>(), "unique": exact.unique,
    })
}

fn greatest_common_divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

fn path(game: &Game, labels: &[String], mu: &Policy, tau: f64) -> Result<Value, Box<dyn Error>> {
    let least = if tau > 0.0 { tau } else { 1e-4 };
    let mut taus: Vec<f64> = (0..)
        .map(|l| 10f64.powi(1 - l / 4) / [1.0, 1.8, 3.2, 5.6][(l % 4) as usize])
        .take_while(|t| *t > least * (1.0 + 1e-9))
        .collect();
    taus.push(least);
    let matrix = game.matrix(0);
    let points = regularised_path(&matrix, mu, &taus)?;
    let rows = taus.iter().zip(&points).map(|(&tau, e)| {
        let truth = Truth { game, reference: mu, tau, equilibrium: None };
        json!({ "tau": tau, "duality_gap": measure("duality_gap", &truth, &e.policy),
                "duality_gap_tau": e.duality_gap_tau, "policy": e.policy.probs().to_vec() })
    });
    let limit = select_lottery(&matrix, Selection::RegularisedLimit(mu))?;
    Ok(json!({
        "n": matrix.n(), "labels": labels, "reference": mu.probs().to_vec(), "path": rows.collect::<Vec<_>>(),
        "limit": { "policy": limit.policy.to_vec(), "duality_gap": limit.duality_gap,
                   "selected": limit.selected.name() },
    }))
}

/// Columns of the path: the actions that are played most at its end.
const PATH_COLUMNS: usize = 8;

fn path_text(answer: &Value) -> String {
    let numbers = |v: &Value| -> Vec<f64> {
        v.as_array().into_iter().flatten().map(|p| p.as_f64().unwrap_or(f64::NAN)).collect()
    };
    let end = numbers(&answer["limit"]["policy"]);
    let mut shown: Vec<usize> = (0..end.len()).collect();
    shown.sort_by(|&a, &b| end[b].total_cmp(&end[a]));
    shown.truncate(PATH_COLUMNS);
    shown.sort_unstable();
    let mut header = vec!["tau", "duality gap"];
    header.extend(shown.iter().map(|&i| answer["labels"][i].as_str().unwrap_or_default()));
    let row = |tau: String, gap: &Value, policy: Vec<f64>| {
        let mut row = vec![tau, format!("{:.2e}", gap.as_f64().unwrap_or(f64::NAN))];
        row.extend(shown.iter().map(|&i| format!("{:.6}", policy[i])));
        row
    };
    let points = answer["path"].as_array().into_iter().flatten();
    let mut rows: Vec<Vec<String>> = points
        .map(|e| {
            row(
                format!("{:.1e}", e["tau"].as_f64().unwrap_or(f64::NAN)),
                &e["duality_gap"],
                numbers(&e["policy"]),
            )
        })
        .collect();
    rows.push(row("0 (limit)".to_owned(), &answer["limit"]["duality_gap"], end.clone()));
    let mut text = output::table(&header, rows);
    if end.len() > PATH_COLUMNS {
        text.push_str(&format!(
            "\nof {} actions those played most at the end; all of them with --json",
            end.len()
        ));
    }
    text
}

fn solved_text(answer: &Value, tau: f64) -> String {
    let number = |key: &str| answer[key].as_f64().unwrap_or(f64::NAN);
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let ranges = list("ranges");
    let rows = list("labels")
        .iter()
        .zip(list("policy"))
        .enumerate()
        .map(|(i, (l, p))| {
            let six = |v: &Value| format!("{:.6}", v.as_f64().unwrap_or(f64::NAN));
            let mut row = vec![l.as_str().unwrap_or_default().to_owned(), six(&p)];
            row.extend(ranges.get(i).map(|r| format!("{} to {}", six(&r[0]), six(&r[1]))));
            row
        })
        .collect::<Vec<_>>();
    let header = ["action", "probability", "over all equilibria"];
    let mut text = output::table(if ranges.is_empty() { &header[..2] } else { &header }, rows);
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
    if answer["unique"] == json!(false) {
        let dimension = answer["dimension"].as_u64().map_or("not told".to_owned(), |d| d.to_string());
        let selected = answer["selected"].as_str().unwrap_or_default();
        text.push_str(&format!("; this one: {selected}; dimension of their set: {dimension}"));
    }
    if let Some(exact) = answer["certificate"].get("exact") {
        let claim = if exact["unique"] == json!(true) {
            "an equilibrium, and the only one"
        } else {
            "an equilibrium"
        };
        text.push_str(&format!("\nproved in rational arithmetic: {claim} (fractions with --json)"));
    }
    text
}

pub(super) fn gap(args: Gap) -> Outcome {
    let given = args.game.as_ref().map(|path| game(path, &args.filters, args.ties)).transpose()?;
    if let Some(path) = &args.certificate {
        return certificate::check(path, given.map(|(game, _)| game).as_ref(), args.json);
    }
    let (Some((game, _)), Some(file), Some(path)) = (given, &args.game, &args.policy) else {
        return Err("a game file and --policy POLICY, or --certificate FILE, are needed".into());
    };
    if game.contexts() > 1 {
        return Err(format!(
            "{}: has {} contexts; a policy file is for one",
            file.display(),
            game.contexts()
        )
        .into());
    }
    let reference = regularisation(&game, &args.regularisation)?;
    let policy = policy(&game, path)?;
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

fn check_tau(tau: f64) -> Result<(), Box<dyn Error>> {
    if tau >= 0.0 && tau.is_finite() {
        return Ok(());
    }
    Err(format!("--tau {tau}: must be a finite number, at least 0").into())
}

fn regularisation(game: &Game, args: &Regularisation) -> Result<Policy, Box<dyn Error>> {
    check_tau(args.tau)?;
    let Some(path) = &args.reference else { return Ok(Policy::uniform(game.shape())) };
    if game.contexts() > 1 {
        return Err(format!(
            "--reference: the game has {} contexts; a reference file is for one",
            game.contexts()
        )
        .into());
    }
    reference(game, path)
}

/// A policy that can be regularised towards.
pub(super) fn reference(game: &Game, path: &Path) -> Result<Policy, Box<dyn Error>> {
    let mu = policy(game, path)?;
    if mu.log_probs().iter().any(|l| !l.is_finite()) {
        return Err(
            format!("{}: a reference needs a probability above 0 for every action", path.display()).into()
        );
    }
    Ok(mu)
}
