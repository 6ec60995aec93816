//! A game, as Python holds it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use equipoise::core::{Policy, seed};
use equipoise::data::{Contents, Invalid, Reading, Selection, Ties};
use equipoise::env::generators::generator;
use equipoise::env::{Game, PreferenceMatrix};
use equipoise::reference::{LARGEST_PROOF, RationalMargins};
use equipoise::registry;
use equipoise_answers::{GivenGame, Progress, Source};
use equipoise_experiment::identity;
use ndarray::{Array1, ArrayView2};
use numpy::{IntoPyArray as _, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::calls::{plain, short};
use crate::failure::Failure;

/// Largest `|K_ij + K_ji|` that is taken for rounding.
const SKEW_TOLERANCE: f64 = 1e-9;
/// Entries of a product from which it is worth other threads.
const SMALL: usize = 1 << 16;

/// A preference game; immutable, shared, without the interpreter's lock in what it computes.
#[pyclass(frozen, module = "equipoise._core", name = "Game")]
pub(crate) struct PyGame {
    pub(crate) given: Arc<GivenGame>,
    notes: Vec<String>,
}

/// Keeps what is said beside an answer.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, text: &str) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(text.to_owned());
    }
}

impl Notes {
    pub(crate) fn take(self) -> Vec<String> {
        self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The matrix of one context from what its numbers are.
fn matrix(kind: &str, x: usize, numbers: ArrayView2<'_, f64>) -> Result<PreferenceMatrix, Failure> {
    let refused = |rule: String| Failure::argument("P", format!("(context {x})"), &rule);
    let named = |e: equipoise::env::MatrixError| refused(format!("is no preference matrix: {e}"));
    if kind == "prob" {
        return PreferenceMatrix::new(numbers).map_err(named);
    }
    let (rows, columns) = numbers.dim();
    if rows != columns {
        return Err(refused(format!("is {rows} x {columns}; it must be square")));
    }
    for ((i, j), &a) in numbers.indexed_iter() {
        let b = numbers[[j, i]];
        // infinite logits are win rates of 0 and 1
        let skew = if a.is_infinite() { a == -b } else { (a + b).abs() <= SKEW_TOLERANCE * (1.0 + a.abs()) };
        if !skew || a.is_nan() || (a.is_infinite() && kind != "logit") {
            let rule = format!(
                "has {a} at [{i}, {j}] and {b} at [{j}, {i}]; of kind {kind} they must be finite and cancel"
            );
            return Err(refused(rule));
        }
    }
    let half = |i: usize, j: usize| 0.5 * (numbers[[i, j]] - numbers[[j, i]]);
    let made = match kind {
        "margin" => PreferenceMatrix::from_margins(rows, half),
        // 1 / (1 + exp(-x)) - 1/2 = tanh(x / 2) / 2, without cancellation
        "logit" => PreferenceMatrix::from_margins(rows, |i, j| match numbers[[i, j]] {
            x if x.is_infinite() => 0.5 * x.signum(),
            _ => 0.5 * (0.5 * half(i, j)).tanh(),
        }),
        "payoff" => {
            let most = numbers.iter().fold(0.0, |m: f64, a| m.max(a.abs()));
            let unit = if most > 0.0 { 2.0 * most } else { 1.0 };
            PreferenceMatrix::from_margins(rows, |i, j| half(i, j) / unit)
        }
        other => return Err(Failure::argument("kind", other, "must be prob, margin, logit or payoff")),
    };
    made.map_err(named)
}

/// A game of one context whose win rates are short decimals stands for those numbers; any other for its doubles.
fn of_win_rates(game: Game) -> GivenGame {
    let small = game.contexts() == 1 && game.shape().actions(0) <= LARGEST_PROOF;
    match small.then(|| RationalMargins::from_short_decimals(&game.matrix(0))).flatten() {
        Some(fractions) => GivenGame { game, fractions: vec![Some(fractions)] },
        None => game.into(),
    }
}

/// How a file is read, from keywords that are the options of the command line.
#[derive(FromPyObject)]
pub(crate) struct Reader {
    path: PathBuf,
    more: Vec<PathBuf>,
    context: Option<String>,
    annotator: Option<String>,
    items: Option<Vec<String>>,
    since: Option<String>,
    ties: String,
    format: Option<String>,
    columns: Vec<String>,
    outcomes: Vec<String>,
    invalid: String,
    repetitions: String,
    normalise_names: bool,
    symmetrise: bool,
}

impl Reader {
    fn source(self) -> Result<Source, Failure> {
        let parsed = |key: &'static str| move |rule: String| Failure::argument(key, "", &rule);
        let ties = match self.ties.as_str() {
            "half" => Ties::Half,
            "drop" => Ties::Drop,
            other => return Err(Failure::argument("ties", other, "must be half or drop")),
        };
        let invalid = match self.invalid.as_str() {
            "refuse" => Invalid::Refuse,
            "skip" => Invalid::Skip,
            other => return Err(Failure::argument("invalid", other, "must be refuse or skip")),
        };
        let columns = self.columns.iter().map(|c| c.parse().map_err(parsed("columns")));
        let outcomes = self.outcomes.iter().map(|o| o.parse().map_err(parsed("outcomes")));
        let reading = Reading {
            format: self.format,
            columns: columns.collect::<Result<_, _>>()?,
            outcomes: outcomes.collect::<Result<_, _>>()?,
            covariates: Vec::new(),
            tags: None,
            invalid,
            repetitions: self
                .repetitions
                .parse()
                .map_err(|rule: String| Failure::argument("repetitions", &self.repetitions, &rule))?,
            normalise_names: self.normalise_names,
            symmetrise: self.symmetrise,
            more: self.more,
        };
        let selection = Selection {
            context: self.context,
            annotator: self.annotator,
            items: self.items,
            since: self.since,
            ties,
            reading,
        };
        Ok(Source { path: self.path, selection })
    }
}

impl PyGame {
    fn of(given: impl Into<GivenGame>, notes: Vec<String>) -> Self {
        Self { given: Arc::new(given.into()), notes }
    }

    pub(crate) fn game(&self) -> &Game {
        &self.given.game
    }

    /// A policy from probabilities, flat over the shape.
    pub(crate) fn policy(&self, probs: PyReadonlyArray1<'_, f64>) -> Result<Policy, Failure> {
        Ok(Policy::from_probs(self.game().shape(), probs.as_array().to_owned())?)
    }

    /// A reference, or `None` for the uniform one.
    pub(crate) fn reference(
        &self,
        probs: Option<PyReadonlyArray1<'_, f64>>,
    ) -> Result<Option<Policy>, Failure> {
        let policy = probs.map(|probs| self.policy(probs)).transpose()?;
        match policy.as_ref().and_then(|mu| mu.probs().iter().position(|p| *p == 0.0)) {
            Some(k) => {
                Err(Failure::argument("reference", "", &format!("is 0 at position {k}; it must be above 0")))
            }
            None => Ok(policy),
        }
    }
}

#[pymethods]
impl PyGame {
    #[new]
    #[pyo3(signature = (matrices, kind = "prob", labels = None, weights = None))]
    fn new(
        py: Python<'_>,
        matrices: Vec<PyReadonlyArray2<'_, f64>>,
        kind: &str,
        labels: Option<Vec<Vec<String>>>,
        weights: Option<Vec<f64>>,
    ) -> PyResult<Self> {
        let views: Vec<ArrayView2<'_, f64>> = matrices.iter().map(|m| m.as_array()).collect();
        let make = move || {
            let contexts = views.iter().enumerate().map(|(x, view)| matrix(kind, x, *view));
            let game = Game::new(contexts.collect::<Result<Vec<_>, _>>()?);
            let game = game.map_err(|e| Failure::argument("P", "", &e.to_string()))?;
            let game = match labels {
                Some(labels) => {
                    game.with_labels(labels).map_err(|e| Failure::argument("labels", "", &e.to_string()))?
                }
                None => game,
            };
            let game = match weights {
                Some(weights) => game
                    .with_weights(weights)
                    .map_err(|e| Failure::argument("weights", "", &e.to_string()))?,
                None => game,
            };
            let given = if kind == "prob" { of_win_rates(game) } else { game.into() };
            Ok(Self::of(given, Vec::new()))
        };
        if matrices.iter().map(|m| m.as_array().len()).sum::<usize>() <= SMALL {
            short(py, make)
        } else {
            plain(py, make)
        }
    }

    /// A file with a game, or with comparisons that make one.
    #[staticmethod]
    fn read(py: Python<'_>, reader: Reader) -> PyResult<Self> {
        plain(py, move || {
            let source = reader.source()?;
            if source.contents() == Contents::Payoffs {
                let rule = "holds payoffs of two players; solve it with equipoise.solve(path)";
                return Err(Failure::argument("path", source.path.display(), rule));
            }
            let notes = Notes::default();
            let given = source.game(&notes)?;
            Ok(Self { given: Arc::new(given), notes: notes.take() })
        })
    }

    /// One game a context, of a file of comparisons.
    #[staticmethod]
    fn read_contexts(py: Python<'_>, reader: Reader, smoothing: f64) -> PyResult<Self> {
        plain(py, move || {
            if !(smoothing >= 0.0 && smoothing.is_finite()) {
                return Err(Failure::argument("smoothing", smoothing, "must be a finite number, at least 0"));
            }
            let (source, notes) = (reader.source()?, Notes::default());
            let grouped =
                source.grouped(equipoise::data::Grouping::Context, equipoise::data::Unit::Row, &notes)?;
            let parts: Vec<_> = (0..grouped.names.len()).map(|k| grouped.alone(k)).collect();
            let parts: Vec<_> = parts.into_iter().filter(|part| part.n() > 0).collect();
            let game = Game::new(parts.iter().map(|part| part.matrix(smoothing)));
            let game = game.map_err(|e| Failure::argument("data", "", &e.to_string()))?;
            let labels = parts.iter().map(|part| part.labels.clone()).collect();
            let game = game.with_labels(labels).map_err(|e| Failure::argument("data", "", &e.to_string()))?;
            Ok(Self { given: Arc::new(game.into()), notes: notes.take() })
        })
    }

    /// One of the registered games.
    #[staticmethod]
    fn generate(py: Python<'_>, name: &str, parameters: &str, seed: u64) -> PyResult<Self> {
        plain(py, move || {
            let entry = generator(name).map_err(|_| {
                let nearest = equipoise::core::registry::nearest(name, registry::games().map(|g| g.name));
                Failure::unknown("game", name, nearest)
            })?;
            let block = serde_json::from_str(parameters)
                .map_err(|e| Failure::argument("parameters", parameters, &e.to_string()))?;
            Ok(Self::of(entry.build(&block, &mut identity::game_rng(seed, name))?, Vec::new()))
        })
    }

    /// Remarks of the reader.
    #[getter]
    fn checks(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// Number of actions of every context.
    #[getter]
    fn shape(&self) -> Vec<usize> {
        self.game().shape().ranges().map(|r| r.len()).collect()
    }

    /// Labels of a context.
    fn labels(&self, x: usize) -> PyResult<Vec<String>> {
        self.within(x)?;
        Ok(self.game().labels(x))
    }

    /// Weights of the contexts.
    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.game().weights().to_vec().into_pyarray(py)
    }

    /// Win rates of a context, `[n, n]`.
    fn win_rate_matrix<'py>(&self, py: Python<'py>, x: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.within(x)?;
        let array = plain(py, || Ok(self.game().to_array(x)))?;
        Ok(array.into_pyarray(py))
    }

    /// Margins of a context, `[n, n]`: `P - 1/2`, as they are kept.
    fn margin_matrix<'py>(&self, py: Python<'py>, x: usize) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.within(x)?;
        let array = plain(py, || Ok(self.game().margins_array(x)))?;
        Ok(array.into_pyarray(py))
    }

    /// Win rates of every action against a policy, `P pi`, flat over the shape.
    fn win_rates<'py>(
        &self,
        py: Python<'py>,
        policy: PyReadonlyArray1<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let policy = self.policy(policy).map_err(|e| e.into_pyerr(py))?;
        let product = || {
            let mut out = Array1::zeros(self.game().shape().len());
            self.game().margins(&policy, &mut out);
            out += 0.5;
            Ok(out)
        };
        let pairs: usize = self.game().shape().ranges().map(|r| r.len() * r.len()).sum();
        let out = if pairs <= SMALL { short(py, product)? } else { plain(py, product)? };
        Ok(out.into_pyarray(py))
    }

    /// The same game with margins rounded to f32, where a context has 1024 actions or more.
    fn to_f32(&self, py: Python<'_>) -> PyResult<Self> {
        plain(py, || Ok(Self { given: Arc::new(self.game().in_f32().into()), notes: self.notes.clone() }))
    }

    /// The content hash that is part of the ids of runs: sizes, weights and margins, not labels.
    #[getter]
    fn id(&self, py: Python<'_>) -> PyResult<String> {
        plain(py, || Ok(identity::content(self.game())))
    }

    /// What the margins are kept in, a context each.
    #[getter]
    fn storage(&self) -> Vec<&'static str> {
        self.game().storage_names()
    }
}

impl PyGame {
    fn within(&self, x: usize) -> PyResult<()> {
        let contexts = self.game().contexts();
        if x < contexts {
            return Ok(());
        }
        Err(pyo3::exceptions::PyIndexError::new_err(format!(
            "context {x} of a game with {contexts} contexts"
        )))
    }
}

/// The 32 bytes that seed a generator of NumPy: those of a named stream.
#[pyfunction]
pub(crate) fn stream_key(seed: u64, purpose: &str, ids: Vec<String>) -> (u64, u64) {
    use rand::Rng as _;
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut rng = seed::stream(seed, purpose, &ids);
    (rng.next_u64(), rng.next_u64())
}

/// Draws nothing and waits for nothing: for measuring what a call costs.
#[pyfunction]
pub(crate) fn noop() {}
