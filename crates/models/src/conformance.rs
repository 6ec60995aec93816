//! What every preference model must keep, whatever it is: run it over your own row as over those of [`MODELS`](crate::MODELS).
//!
//! - the row is complete and names its source; options round-trip, and each is documented; an unknown one is refused by name,
//!   with the nearest known one; data of another form are refused;
//! - strengths and errors are finite, one an item; `P_ij + P_ji = 1`, `P_ii = 1/2`; the game is that of the probabilities;
//! - items numbered otherwise are the same items; a row of weight 3 is three equal rows; the order of rows does not matter,
//!   unless the row says that it does;
//! - where one side won everything, and something is maximised, the fit says that there is no finite maximum, and is finite.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use equipoise_core::registry::BuildError;
use equipoise_core::{Rng, sample, seed::stream};
use equipoise_data::{
    Battle, Battles, Features, Grouping, Ranking, Rankings, Selection, parse_battles, parse_comparisons,
    parse_grouped, parse_rankings,
};
use ndarray::Array2;
use serde_json::{Value, json};

use crate::error::FitError;
use crate::fitted::{Fitted, Iteration};
use crate::input::{Contexts, Counts, ModelData, ModelInput};
use crate::registry::ModelEntry;

/// Items of the data that models are checked on.
const ITEMS: usize = 4;
/// Contexts of these data.
const CONTEXTS: usize = 12;
/// Difference of strengths in nats (or of ratings) that different orders of summation may leave.
const TOLERANCE: f64 = 1e-8;

/// What a model does not keep, a line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations {
    /// The model.
    pub model: String,
    /// What it does not keep.
    pub list: Vec<String>,
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.model, self.list.join("; "))
    }
}

impl std::error::Error for Violations {}

/// Checks a model against the list at the head of this module.
///
/// # Errors
/// [`Violations`] with everything that it does not keep.
///
/// # Panics
/// Never: the data that it is checked on are well-formed.
pub fn check_model(entry: &ModelEntry) -> Result<(), Violations> {
    let mut list = row(entry);
    let rows = rows(&mut stream(0, "conformance", &[]));
    match entry.fit(&data(entry, &rows), &Value::Null) {
        Err(e) => list.push(format!("does not fit {}: {e}", entry.input.words())),
        Ok(fitted) => {
            list.extend(answer(&fitted));
            list.extend(options(entry, &rows, &fitted));
            list.extend(invariances(entry, &rows, &fitted));
        }
    }
    list.extend(separable(entry));
    list.extend(apart(entry));
    let model = entry.name.to_owned();
    if list.is_empty() { Ok(()) } else { Err(Violations { model, list }) }
}

fn row(entry: &ModelEntry) -> Vec<String> {
    let mut list = Vec::new();
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if entry.name.is_empty() || !entry.name.chars().all(kebab) {
        list.push("its name is not in lower case with hyphens".to_owned());
    }
    let texts = [("definition", entry.definition), ("ties", entry.ties), ("fitted", entry.fitted)];
    list.extend(texts.iter().filter(|t| t.1.is_empty()).map(|t| format!("`{}` is empty", t.0)));
    if !entry.source.contains(|c: char| c.is_ascii_digit()) {
        list.push("`source` names no year and no number of a paper".to_owned());
    }
    list
}

fn options(entry: &ModelEntry, rows: &[Row], fitted: &Fitted) -> Vec<String> {
    let mut list = Vec::new();
    let (defaults, data) = ((entry.defaults)(), data(entry, rows));
    match entry.fit(&data, &defaults) {
        Ok(again) if strengths(&again) == strengths(fitted) => {}
        Ok(_) => list.push("its defaults, written out, give another fit".to_owned()),
        Err(e) => list.push(format!("its own defaults are refused: {e}")),
    }
    let keys: Vec<String> = defaults.as_object().map_or_else(Vec::new, |o| o.keys().cloned().collect());
    let schema = (entry.schema)();
    for key in &keys {
        if schema.as_value()["properties"][key]["description"].as_str().is_none_or(str::is_empty) {
            list.push(format!("option `{key}` is not documented"));
        }
    }
    let slip = keys.first().map_or("no_such_option".to_owned(), |key| format!("{key}x"));
    match entry.fit(&data, &json!({ (slip.as_str()): 1 })) {
        Err(FitError::Options(BuildError::UnknownKey { key, nearest, .. }))
            if key == slip && nearest.as_ref() == keys.first() => {}
        other => list.push(format!("unknown option `{slip}` is not refused by name: {:?}", other.err())),
    }
    let other = if entry.input == ModelInput::Rankings { ModelInput::Counts } else { ModelInput::Rankings };
    if !matches!(entry.fit(&of_form(other, rows, false), &Value::Null), Err(FitError::Input { .. })) {
        list.push(format!("{} are not refused", other.words()));
    }
    list
}

/// Shapes, finiteness, probabilities.
fn answer(fitted: &Fitted) -> Vec<String> {
    let (mut list, n) = (Vec::new(), fitted.n());
    if n != ITEMS {
        return vec![format!("{n} labels of {ITEMS} items")];
    }
    if !fitted.convergence.converged {
        list.push(fitted.convergence.to_string());
    }
    let vectors = [&fitted.log_strength, &fitted.standard_error, &fitted.sandwich_error];
    for vector in vectors.into_iter().flatten() {
        if vector.len() != n || !vector.iter().all(|x| x.is_finite()) {
            list.push(format!("strengths or errors are not {n} finite numbers: {vector}"));
        }
    }
    let probability = fitted.probability();
    for i in 0..n {
        for j in i..n {
            let (p, q) = (fitted.prob(i, j), fitted.prob(j, i));
            let table = &[probability[[i, j]], probability[[j, i]]];
            if i != j && *table != [Some(p), Some(q)] || i == j && *table != [Some(0.5); 2] {
                list.push(format!("its table has {table:?} for {i} and {j}, not {p} and {q}"));
            }
            if (p + q - 1.0).abs() > 1e-12 || !(0.0..=1.0).contains(&p) {
                list.push(format!("Pr({i} beats {j}) = {p} and Pr({j} beats {i}) = {q}"));
            }
        }
    }
    match fitted.game() {
        Err(e) => list.push(format!("gives no game: {e}")),
        Ok(game) if game.contexts() == 1 => {
            let off = |i: usize, j: usize| (game.prob(0, i, j) - fitted.prob(i, j)).abs() > 1e-12;
            if (0..n).any(|i| (0..n).any(|j| i != j && off(i, j))) || game.labels(0) != fitted.labels {
                list.push("its game is not that of its probabilities".to_owned());
            }
        }
        Ok(_) => {}
    }
    list
}

fn invariances(entry: &ModelEntry, rows: &[Row], fitted: &Fitted) -> Vec<String> {
    let mut list = Vec::new();
    let mut same = |what: &str, data: &ModelData, as_before: &Fitted| match entry.fit(data, &Value::Null) {
        Err(e) => list.push(format!("{what}: {e}")),
        Ok(again) => {
            if let Some((label, a, b)) = first_difference(as_before, &again) {
                list.push(format!("{what}: `{label}` has {b}, not {a}"));
            }
        }
    };
    let whole = data(entry, rows);
    if let Some(renumbered) = renumbered(&whole) {
        same("items numbered otherwise", &renumbered, fitted);
    }
    let weighted: Vec<Row> = rows.iter().map(|r| Row { weight: 3.0, ..r.clone() }).collect();
    let repeated: Vec<Row> = rows.iter().flat_map(|r| std::iter::repeat_n(r.clone(), 3)).collect();
    if let Ok(once) = entry.fit(&data(entry, &weighted), &Value::Null) {
        same("equal rows in place of a weight", &data(entry, &repeated), &once);
    }
    if !entry.ordered {
        let reversed: Vec<Row> = rows.iter().rev().cloned().collect();
        same("rows in another order", &data(entry, &reversed), fitted);
    }
    list
}

/// One item won everything: what is maximised has no finite maximum.
fn separable(entry: &ModelEntry) -> Vec<String> {
    let mut won = Vec::new();
    for context in 0..CONTEXTS {
        for (winner, loser) in [(0, 1), (0, 2), (1, 2), (2, 1), (0, 3), (1, 3), (3, 2)] {
            won.push(Row { winner, loser, outcome: "a", context, magnitude: 2.0, weight: 1.0 });
        }
    }
    let fitted = match entry.fit(&data(entry, &won), &Value::Null) {
        Ok(fitted) => fitted,
        Err(e) => return vec![format!("one item won everything: {e}")],
    };
    let mut list = Vec::new();
    let maximises = !matches!(fitted.convergence.by, Iteration::Once | Iteration::FixedPoint(_));
    if maximises && (fitted.existence.holds() || !fitted.prior) {
        list.push("one item won everything: it does not say that there is no finite maximum".to_owned());
    }
    let (at, labels) =
        (|label: &str| fitted.labels.iter().position(|l| l == label), ["i0", "i1", "i2", "i3"]);
    let places: Vec<usize> = labels.iter().filter_map(|label| at(label)).collect();
    let first = |j: &usize| fitted.prob(places[0], *j) > 0.5;
    if places.len() != ITEMS || !places[1..].iter().all(first) {
        list.push("one item won everything, and is not ahead of all".to_owned());
    }
    list
}

/// What the model says ([`Fitted::probability`]) after items 0 and 1 met, and 2 and 3, and nobody else.
///
/// # Errors
/// [`FitError`] of the fit.
///
/// # Panics
/// Never: the data that it is fitted to are well-formed.
pub fn two_islands(entry: &ModelEntry) -> Result<Array2<Option<f64>>, FitError> {
    let mut rows = Vec::new();
    for context in 0..CONTEXTS {
        for (winner, loser) in [(0, 1), (1, 0), (0, 1), (2, 3), (3, 2), (3, 2)] {
            rows.push(Row { winner, loser, outcome: "a", context, magnitude: 1.0, weight: 1.0 });
        }
    }
    let data = match entry.input {
        ModelInput::Rankings => {
            let lines: String = rows.iter().map(|r| format!("i{} > i{},1\n", r.winner, r.loser)).collect();
            ModelData::Rankings(parsed_rankings(&format!("ranking,weight\n{lines}")))
        }
        _ => data(entry, &rows),
    };
    Ok(entry.fit(&data, &Value::Null)?.probability())
}

/// Of items that met it says what they did; of others all or nothing.
fn apart(entry: &ModelEntry) -> Vec<String> {
    let table = match two_islands(entry) {
        Ok(table) => table,
        Err(e) => return vec![format!("two pairs that never met each other: {e}")],
    };
    let mut list = Vec::new();
    let mut found = |problem: String| list.push(format!("two pairs that never met each other: {problem}"));
    let (one, two) = (table[[0, 1]], table[[3, 2]]);
    // each won two of its three matches: ahead, and not for certain; where only who ever beat whom counts (the links of pagerank) both
    // are even
    let ahead = |p: Option<f64>| p.is_some_and(|p| p > 0.5 && p < 1.0);
    let even = one == Some(0.5) && two == Some(0.5);
    let in_order = ahead(one) && ahead(two);
    if !(even || in_order) {
        found(format!("the winners of each have {one:?} and {two:?}"));
    }
    for i in 0..ITEMS {
        for j in 0..i {
            let both = (table[[i, j]], table[[j, i]]);
            match both {
                (None, None) => {}
                (Some(p), Some(q)) if (p + q - 1.0).abs() < 1e-9 && p > 0.0 && q > 0.0 => {}
                _ => found(format!("i{i} against i{j} and back has {both:?}")),
            }
        }
    }
    let across = [[0, 2], [0, 3], [1, 2], [1, 3]].map(|at| table[at]);
    if across.windows(2).any(|w| w[0].is_some() != w[1].is_some()) {
        found("it says something of one half of each alone".to_owned());
    }
    // who is said to be ahead of whom: the winner of one is not behind the loser of the other
    if [table[[0, 2]], table[[3, 1]]].into_iter().flatten().any(|p| p < 0.5 - 1e-9) {
        found(format!("a winner is behind the other's loser: {across:?}"));
    }
    list
}

/// A comparison of the data that models are checked on.
#[derive(Clone, Debug)]
struct Row {
    winner: usize,
    loser: usize,
    outcome: &'static str,
    context: usize,
    magnitude: f64,
    weight: f64,
}

/// Comparisons in which everybody won and lost against everybody in every context, with all outcomes.
fn rows(rng: &mut Rng) -> Vec<Row> {
    let mut rows = Vec::new();
    for context in 0..CONTEXTS {
        for i in 0..ITEMS {
            for j in (0..ITEMS).filter(|&j| j != i) {
                // the stronger item has the lower number
                let first = sample::uniform(rng) < if i < j { 0.65 } else { 0.4 };
                let outcome = match sample::index(rng, 5) {
                    0 => "tie",
                    1 => "both_bad",
                    _ => "a",
                };
                let (winner, loser) = if first { (i, j) } else { (j, i) };
                let magnitude = 1.0 + sample::index(rng, 2) as f64;
                rows.push(Row { winner, loser, outcome, context, magnitude, weight: 1.0 });
            }
        }
    }
    rows
}

fn data(entry: &ModelEntry, rows: &[Row]) -> ModelData {
    of_form(entry.input, rows, entry.timed)
}

fn of_form(input: ModelInput, rows: &[Row], timed: bool) -> ModelData {
    let (path, selection) = (Path::new("conformance.csv"), Selection::default());
    let mut text = String::from("item_a,item_b,outcome,context,magnitude,weight");
    text += if timed { ",timestamp\n" } else { "\n" };
    for Row { winner, loser, outcome, context, magnitude, weight } in rows {
        text += &format!("i{winner},i{loser},{outcome},c{context},{magnitude},{weight}");
        text += &if timed { format!(",{}\n", 86_400 * (context + 1)) } else { "\n".to_owned() };
    }
    let bytes = text.as_bytes();
    match input {
        ModelInput::Counts => {
            let counts = parse_comparisons(path, bytes, &selection).expect("well-formed comparisons");
            ModelData::Counts(Counts::from(counts))
        }
        ModelInput::Battles => {
            ModelData::Battles(parse_battles(path, bytes, &selection).expect("well-formed comparisons"))
        }
        ModelInput::Contexts => {
            let grouped = parse_grouped(path, bytes, &selection, Grouping::Context);
            let grouped = grouped.expect("well-formed comparisons");
            // a feature by the name of its context, so that it does not depend on their order
            let of = |name: &String| name[1..].parse::<f64>().map_or(0.0, |k| (0.7 * k).sin());
            let values =
                Array2::from_shape_vec((grouped.names.len(), 1), grouped.names.iter().map(of).collect());
            let values = values.expect("one number a context");
            ModelData::Contexts(Contexts { grouped, features: Features { names: vec!["z".into()], values } })
        }
        ModelInput::Rankings => ModelData::Rankings(rankings(rows)),
    }
}

/// Each row as a ranking of three: winner, loser, and the next item behind them (or, by turns, before).
fn rankings(rows: &[Row]) -> Rankings {
    let mut text = String::from("ranking,weight\n");
    for Row { winner, loser, context, weight, .. } in rows {
        let mut order = vec![*winner, *loser];
        // who won everything is put before nobody's back: the third is never item 0
        let third = (1..ITEMS).find(|k| !order.contains(k)).unwrap_or(0);
        order.insert(if context % 3 == 0 && *winner != 0 { 0 } else { 2 }, third);
        let names: Vec<String> = order.iter().map(|i| format!("i{i}")).collect();
        text += &format!("{},{weight}\n", names.join(" > "));
    }
    parsed_rankings(&text)
}

fn parsed_rankings(text: &str) -> Rankings {
    let parsed = parse_rankings(Path::new("conformance.csv"), text.as_bytes(), &Selection::default());
    parsed.expect("well-formed rankings")
}

/// The same data with the items numbered the other way round; `None` if their numbers cannot be changed.
fn renumbered(data: &ModelData) -> Option<ModelData> {
    let turned = |k: u32| (ITEMS - 1) as u32 - k;
    let labels: Vec<String> = data.labels().iter().rev().cloned().collect();
    match data {
        ModelData::Counts(counts) => {
            let order: Vec<usize> = (0..ITEMS).rev().collect();
            Some(counts.observations.comparisons.among(&order).into())
        }
        ModelData::Battles(battles) => {
            let turn = |b: &Battle| Battle { first: turned(b.first), second: turned(b.second), ..*b };
            let rows = battles.rows.iter().map(turn).collect();
            Some(Battles { labels, rows, ..battles.clone() }.into())
        }
        ModelData::Rankings(all) => {
            let turn = |r: &Ranking| {
                let groups = r.groups.iter().map(|g| g.iter().map(|&k| turned(k)).collect()).collect();
                Ranking { groups, ..r.clone() }
            };
            let rankings = all.rankings.iter().map(turn).collect();
            Some(Rankings { labels, rankings, ..all.clone() }.into())
        }
        ModelData::Contexts(_) => None,
    }
}

/// Strengths by label; win rates against the first label, if there are no strengths.
fn strengths(fitted: &Fitted) -> BTreeMap<&str, f64> {
    let labels = fitted.labels.iter().map(String::as_str);
    match &fitted.log_strength {
        Some(r) => labels.zip(r.iter().copied()).collect(),
        None => {
            let least = (0..fitted.n()).min_by_key(|&i| &fitted.labels[i]).unwrap_or(0);
            labels.enumerate().map(|(i, label)| (label, fitted.prob(i, least))).collect()
        }
    }
}

fn first_difference<'a>(a: &'a Fitted, b: &Fitted) -> Option<(&'a str, f64, f64)> {
    let (a, b) = (strengths(a), strengths(b));
    let pairs = a.iter().map(|(label, &x)| (*label, x, b.get(label).copied().unwrap_or(f64::NAN)));
    pairs.into_iter().find(|(_, x, y)| (x - y).abs() > TOLERANCE * x.abs().max(1.0) || y.is_nan())
}
