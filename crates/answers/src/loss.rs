//! Losses and gradients of a published objective on given numbers: what a trainer can be tested against.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::Path;

use equipoise::objectives::{Array, Inputs, objective};
use serde::Serialize;
use serde_json::Value;

use crate::AnswerError;
use crate::table::{table, width};

/// Losses of an objective with their gradient.
///
/// ```
/// use equipoise::objectives::{Array, Inputs};
/// use equipoise_answers::loss;
///
/// let pair = Inputs::new()
///     .with("policy_chosen", Array::column(&[-10.0]))
///     .with("policy_rejected", Array::column(&[-11.0]))
///     .with("reference_chosen", Array::column(&[-10.5]))
///     .with("reference_rejected", Array::column(&[-10.5]));
/// let answer = loss("dpo", &serde_json::json!({ "beta": 0.5 }), &pair)?;
/// assert!((answer.loss[0] - (1.0 + (-0.5f64).exp()).ln()).abs() < 1e-15);
/// # Ok::<(), equipoise_answers::AnswerError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct LossAnswer {
    /// The objective, by its own name.
    pub objective: &'static str,
    /// Its options, defaults filled.
    pub parameters: Value,
    /// The loss of every row.
    pub loss: Vec<f64>,
    /// Their mean.
    pub loss_mean: f64,
    /// Derivative of a row's loss by its own inputs, in the shape of each input.
    pub gradient: BTreeMap<String, Array>,
    /// Further published quantities on the way.
    pub parts: BTreeMap<String, Array>,
    /// The loss as a formula.
    pub formula: &'static str,
    /// Whose loss it is.
    pub source: &'static str,
}

/// Evaluates the objective called `name` with the options of a JSON object (`null` for all defaults).
///
/// # Errors
/// [`AnswerError::Option`] for an objective that is not known, [`AnswerError::Objective`] for options and inputs.
pub fn loss(name: &str, options: &Value, inputs: &Inputs) -> Result<LossAnswer, AnswerError> {
    let entry = objective(name)
        .map_err(|error| AnswerError::option("objective", name, format!("is not known: {error}")))?;
    let found = entry.evaluate(options, inputs)?;
    Ok(LossAnswer {
        objective: entry.name,
        parameters: found.parameters,
        loss_mean: found.evaluation.loss_mean(),
        loss: found.evaluation.loss,
        gradient: found.evaluation.gradient,
        parts: found.evaluation.parts,
        formula: entry.formula,
        source: entry.source,
    })
}

/// Reads the arrays of an objective from a JSON file; `-` reads standard input.
///
/// # Errors
/// [`AnswerError::Input`] for what cannot be read or is no JSON object of arrays, with the file and, where it is known,
/// the line.
pub fn read_loss_inputs(path: &Path) -> Result<Inputs, AnswerError> {
    let refused = |problem: String| AnswerError::Input { rule: format!("{}: {problem}", path.display()) };
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().read_to_string(&mut text).map(|_| ()),
        false => std::fs::read_to_string(path).map(|found| text = found),
    };
    read.map_err(|error| refused(format!("cannot be read: {error}")))?;
    let value: Value =
        serde_json::from_str(&text).map_err(|error| refused(format!("is not JSON: {error}")))?;
    Inputs::from_json(&value).map_err(|error| AnswerError::from(error).in_file(path))
}

impl fmt::Display for LossAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters = self.parameters.as_object().into_iter().flatten();
        let parameters: Vec<String> = parameters.map(|(key, value)| format!("{key} {value}")).collect();
        writeln!(
            f,
            "{}: mean loss {:.12} over {} rows ({})",
            self.objective,
            self.loss_mean,
            self.loss.len(),
            parameters.join(", ")
        )?;
        writeln!(f, "{}", self.formula)?;
        // gradients by columns stand beside the losses; deeper ones are in the JSON
        let columns: Vec<(&String, Vec<f64>)> = self
            .gradient
            .iter()
            .map(|(name, gradient)| (name, gradient.numbers()))
            .filter(|(_, numbers)| numbers.len() == self.loss.len())
            .collect();
        let heads: Vec<String> = columns.iter().map(|(name, _)| format!("d/d {name}")).collect();
        let header: Vec<&str> = ["row", "loss"].into_iter().chain(heads.iter().map(String::as_str)).collect();
        let rows = self.loss.iter().enumerate().map(|(k, loss)| {
            let slopes = columns.iter().map(|(_, numbers)| format!("{:+.6e}", numbers[k]));
            [k.to_string(), format!("{loss:.12}")].into_iter().chain(slopes).collect()
        });
        f.write_str(&table(width(f), &header, rows))?;
        if columns.len() < self.gradient.len() {
            write!(f, "\nGradients by tokens and lists: --json.")?;
        }
        Ok(())
    }
}
