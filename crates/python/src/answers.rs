//! Questions about one game, and every question of the command line, each as its JSON and its text.

use equipoise::core::Policy;
use equipoise::env::Game;
use equipoise_answers::{GapOptions, Select, Silent, SolveOptions, check_certificate, gap, solve, to_json};
use numpy::{IntoPyArray as _, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::calls::plain;
use crate::failure::Failure;
use crate::game::PyGame;

/// An answer: its JSON, and the text that the command prints.
type Shown = (String, String);

#[pyfunction]
#[pyo3(name = "solve", signature = (game, tau, reference, select, ranges, path))]
pub(crate) fn solve_game(
    py: Python<'_>,
    game: &PyGame,
    tau: f64,
    reference: Option<PyReadonlyArray1<'_, f64>>,
    select: Option<&str>,
    ranges: bool,
    path: bool,
) -> PyResult<Shown> {
    let reference = game.reference(reference).map_err(|e| e.into_pyerr(py))?;
    plain(py, move || {
        let select = match select {
            None => None,
            Some("maximum-entropy") => Some(Select::MaximumEntropy),
            Some("regularised-limit") => Some(Select::RegularisedLimit),
            Some("vertex") => Some(Select::Vertex),
            Some(other) => {
                let rule = "must be maximum-entropy, regularised-limit or vertex";
                return Err(Failure::argument("select", other, rule));
            }
        };
        let answer = solve(&game.given, &SolveOptions { tau, reference, select, ranges, path }, &Silent)?;
        Ok((to_json(&answer), answer.to_string()))
    })
}

#[pyfunction]
#[pyo3(name = "gap", signature = (game, policy, tau, reference))]
pub(crate) fn gap_of(
    py: Python<'_>,
    game: &PyGame,
    policy: PyReadonlyArray1<'_, f64>,
    tau: f64,
    reference: Option<PyReadonlyArray1<'_, f64>>,
) -> PyResult<Shown> {
    let made = || Ok::<_, Failure>((game.policy(policy)?, game.reference(reference)?));
    let (policy, reference) = made().map_err(|e| e.into_pyerr(py))?;
    plain(py, move || {
        let answer = gap(game.game(), &policy, &GapOptions { tau, reference })?;
        Ok((to_json(&answer), answer.to_string()))
    })
}

/// The gap of every context by itself, `[contexts]`; the regularised one if `tau` is above 0.
#[pyfunction]
#[pyo3(signature = (game, policy, tau, reference))]
pub(crate) fn gaps<'py>(
    py: Python<'py>,
    game: &PyGame,
    policy: PyReadonlyArray1<'py, f64>,
    tau: f64,
    reference: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let made = || Ok::<_, Failure>((game.policy(policy)?, game.reference(reference)?));
    let (policy, reference) = made().map_err(|e| e.into_pyerr(py))?;
    let gaps = plain(py, move || {
        let alone = |x: usize| -> Result<f64, Failure> {
            let single = Game::single(game.game().matrix(x));
            let of = |policy: &Policy| Policy::from_logits(single.shape(), policy.log_probs_at(x).to_owned());
            let reference = reference.as_ref().map(&of).transpose()?;
            let found = gap(&single, &of(&policy)?, &GapOptions { tau, reference })?;
            Ok(if tau > 0.0 { found.duality_gap_tau } else { found.duality_gap })
        };
        (0..game.game().contexts()).map(alone).collect::<Result<Vec<_>, _>>()
    })?;
    Ok(gaps.into_pyarray(py))
}

/// The answer to a policy, flat over the shape: `mu exp(P pi / tau)` normalised, or for `tau` 0 the first action that wins most.
#[pyfunction]
#[pyo3(signature = (game, policy, tau, reference))]
pub(crate) fn best_response<'py>(
    py: Python<'py>,
    game: &PyGame,
    policy: PyReadonlyArray1<'py, f64>,
    tau: f64,
    reference: Option<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let made = || Ok::<_, Failure>((game.policy(policy)?, game.reference(reference)?));
    let (policy, reference) = made().map_err(|e| e.into_pyerr(py))?;
    let found = plain(py, move || {
        if !(tau >= 0.0 && tau.is_finite()) {
            return Err(Failure::argument("tau", tau, "must be a finite number, at least 0"));
        }
        let game = game.game();
        let mut margins = ndarray::Array1::zeros(game.shape().len());
        game.margins(&policy, &mut margins);
        if tau > 0.0 {
            let mu = reference.unwrap_or_else(|| Policy::uniform(game.shape()));
            let answer = Policy::from_logits(game.shape(), mu.log_probs() + &(margins / tau))?;
            return Ok(answer.probs().clone());
        }
        let mut answer = ndarray::Array1::zeros(margins.len());
        for row in game.shape().ranges() {
            let most =
                row.clone().fold(row.start, |best, k| if margins[k] > margins[best] { k } else { best });
            answer[most] = 1.0;
        }
        Ok(answer)
    })?;
    Ok(found.into_pyarray(py))
}

#[pyfunction]
#[pyo3(name = "check_certificate", signature = (certificate, game))]
pub(crate) fn certificate(py: Python<'_>, certificate: &str, game: Option<&PyGame>) -> PyResult<Shown> {
    plain(py, move || {
        let answer = serde_json::from_str(certificate)
            .map_err(|e| Failure::argument("certificate", "", &format!("is no JSON: {e}")))?;
        let answer = check_certificate(&answer, game.map(|game| &*game.given))?;
        Ok((to_json(&answer), answer.to_string()))
    })
}

/// A command of the command line, asked in memory: whether it said yes, its JSON, its text, its remarks.
#[pyfunction]
pub(crate) fn command(
    py: Python<'_>,
    arguments: Vec<std::ffi::OsString>,
) -> PyResult<(bool, String, String, Vec<String>)> {
    plain(py, move || {
        let (yes, said) = equipoise_cli::answer(arguments)?;
        Ok((yes, said.json, said.text, said.notes))
    })
}

/// The whole command line; prints, and gives the exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<std::ffi::OsString>) -> u8 {
    py.detach(|| equipoise_cli::main_with(arguments))
}

/// The JSON schema of experiments.
#[pyfunction]
pub(crate) fn schema() -> String {
    equipoise_experiment::schema::schema().to_string()
}
