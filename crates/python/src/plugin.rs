//! A method written in Python: a class with `step(oracle)`.
//!
//! The oracle is lent to Python for one step. Python may keep the object it was given; asked later, it raises. The loan is a
//! pointer behind a lock, set before the step and cleared after it, on every way out.

#![allow(unsafe_code)] // the pointer of the loan, here and nowhere else of this crate

use std::ptr::NonNull;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use equipoise::core::{Cost, Duel, Oracle, Policy, Progress, Rng, Solver, StepError, Task};
use ndarray::Array1;
use numpy::{IntoPyArray as _, PyArray1, PyArrayMethods as _, PyReadonlyArray1, PyUntypedArray};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use rand::Rng as _;

use crate::failure::Failure;

/// A fresh array with these numbers, in memory of NumPy's own.
fn fresh<'py>(py: Python<'py>, numbers: &Array1<f64>) -> Bound<'py, PyArray1<f64>> {
    PyArray1::from_slice(py, numbers.as_slice().expect("vectors over a shape are contiguous"))
}

/// What a step may ask.
struct Loan {
    oracle: NonNull<dyn Oracle>,
    policy: Policy,
    /// The policy that was asked about last.
    asked: Option<Policy>,
}

// SAFETY: the pointer is used under the lock of the view alone, during the step that it was lent for; the solver that lends it
// holds the only reference to the oracle meanwhile, and lends it no other thread.
unsafe impl Send for Loan {}

/// The oracle, as a step sees it.
#[pyclass(frozen, module = "equipoise._core", name = "Oracle")]
pub(crate) struct OracleView(Mutex<Option<Loan>>);

impl OracleView {
    fn held(&self) -> MutexGuard<'_, Option<Loan>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lends `oracle` for what `step` does; what was asked about last.
    fn during<T>(
        &self,
        oracle: &mut dyn Oracle,
        policy: &Policy,
        step: impl FnOnce() -> T,
    ) -> (T, Option<Policy>) {
        struct Back<'a>(&'a OracleView);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.held().take();
            }
        }
        // SAFETY: only the lifetime is changed; `Back` ends the loan before this function ends, by a panic too
        let oracle: NonNull<dyn Oracle> =
            unsafe { std::mem::transmute::<NonNull<dyn Oracle + '_>, _>(NonNull::from(oracle)) };
        *self.held() = Some(Loan { oracle, policy: policy.clone(), asked: None });
        let back = Back(self);
        let done = step();
        let asked = self.held().as_mut().and_then(|loan| loan.asked.take());
        drop(back);
        (done, asked)
    }

    /// Asks while the loan lasts.
    fn ask<T>(&self, question: impl FnOnce(&mut dyn Oracle, &mut Loan) -> PyResult<T>) -> PyResult<T> {
        let mut held = self.held();
        let Some(loan) = held.as_mut() else {
            return Err(PyRuntimeError::new_err(
                "the oracle is lent for one step; ask it inside step(), and do not keep it",
            ));
        };
        let mut oracle = loan.oracle;
        // SAFETY: the loan lasts, and the lock is held
        question(unsafe { oracle.as_mut() }, loan)
    }
}

/// A vector over the shape from whatever NumPy takes for one.
fn vector(py: Python<'_>, value: &Bound<'_, PyAny>, length: usize, what: &str) -> PyResult<Array1<f64>> {
    // contiguous numbers are copied at once, without the register of borrows: a step asks this every few microseconds
    let plain = value.cast::<PyArray1<f64>>().ok().and_then(|array| array.to_vec().ok());
    let own = match plain {
        Some(numbers) => Array1::from_vec(numbers),
        None => {
            let numpy = py.import("numpy")?;
            let array = numpy.call_method1("asarray", (value, "float64"))?.call_method0("ravel")?;
            array.extract::<PyReadonlyArray1<'_, f64>>()?.as_array().to_owned()
        }
    };
    if own.len() == length {
        return Ok(own);
    }
    let got = own.len();
    Err(PyValueError::new_err(format!("{what} must have {length} numbers, one an action, and has {got}")))
}

#[pymethods]
impl OracleView {
    /// Win rates of every action against a policy (that of the solver, if none is given): one query.
    #[pyo3(signature = (policy = None, *, logits = None))]
    fn win_rates<'py>(
        &self,
        py: Python<'py>,
        policy: Option<&Bound<'py, PyAny>>,
        logits: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.ask(|oracle, loan| {
            let shape = loan.policy.shape().clone();
            let refused = |e: equipoise::core::PolicyError| Failure::from(e).into_pyerr(py);
            let opponent = match (policy, logits) {
                (None, None) => loan.policy.clone(),
                (Some(p), None) => {
                    Policy::from_probs(&shape, vector(py, p, shape.len(), "policy")?).map_err(refused)?
                }
                (None, Some(l)) => {
                    Policy::from_logits(&shape, vector(py, l, shape.len(), "logits")?).map_err(refused)?
                }
                (Some(_), Some(_)) => {
                    return Err(PyValueError::new_err("give a policy or logits, not both"));
                }
            };
            let mut out = Array1::zeros(shape.len());
            oracle.win_rates(&opponent, &mut out);
            loan.asked = Some(opponent);
            Ok(fresh(py, &out))
        })
    }

    /// Whether each left action beats its right one, in its context: one duel each. Probabilities, or draws of 0 and 1.
    fn duels<'py>(
        &self,
        py: Python<'py>,
        context: Vec<usize>,
        left: Vec<usize>,
        right: Vec<usize>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        if context.len() != left.len() || left.len() != right.len() {
            let lengths = format!("{}, {} and {}", context.len(), left.len(), right.len());
            return Err(PyValueError::new_err(format!(
                "context, left and right must be equally long; they have {lengths} entries"
            )));
        }
        let answers = self.ask(|oracle, _| {
            let pairs: Vec<Duel> = context
                .iter()
                .zip(left.iter().zip(&right))
                .map(|(&context, (&left, &right))| Duel { context, left, right })
                .collect();
            let shape = oracle.shape();
            for pair in &pairs {
                let known = pair.context < shape.contexts() && {
                    let n = shape.actions(pair.context);
                    pair.left < n && pair.right < n
                };
                if !known {
                    return Err(PyValueError::new_err(format!(
                        "there is no duel of {} and {} in context {}",
                        pair.left, pair.right, pair.context
                    )));
                }
            }
            let mut out = vec![0.0; pairs.len()];
            oracle.duels(&pairs, &mut out);
            Ok(out)
        })?;
        Ok(answers.into_pyarray(py))
    }

    /// The solver's policy, probabilities flat over the shape.
    #[getter]
    fn policy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.ask(|_, loan| Ok(fresh(py, loan.policy.probs())))
    }

    /// Its logarithms.
    #[getter]
    fn log_policy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<f64>>> {
        self.ask(|_, loan| Ok(fresh(py, loan.policy.log_probs())))
    }

    /// What has been charged so far: queries and duels.
    #[getter]
    fn cost(&self) -> PyResult<(u64, u64)> {
        let cost = self.ask(|oracle, _| Ok(oracle.cost()))?;
        Ok((cost.queries, cost.duels))
    }

    /// Number of actions of every context.
    #[getter]
    fn shape(&self) -> PyResult<Vec<usize>> {
        self.ask(|_, loan| Ok(loan.policy.shape().ranges().map(|r| r.len()).collect()))
    }
}

/// The first exception that a method raised.
pub(crate) type Raised = Arc<Mutex<Option<PyErr>>>;

/// A method written in Python.
pub(crate) struct PySolver {
    /// From `(tau, reference, start, steps, shape, key)` to an object at its start.
    make: Py<PyAny>,
    /// The object, and what it asks.
    object: Option<(Py<PyAny>, Py<OracleView>)>,
    task: Task,
    policy: Policy,
    played: Policy,
    cost: Cost,
    raised: Raised,
}

impl PySolver {
    pub(crate) fn new(make: &Py<PyAny>, cost: Cost, task: &Task, raised: &Raised) -> Self {
        Self {
            make: Python::attach(|py| make.clone_ref(py)),
            object: None,
            task: task.clone(),
            policy: task.start.clone(),
            played: task.start.clone(),
            cost,
            raised: Arc::clone(raised),
        }
    }

    fn object(&mut self, py: Python<'_>, rng: &mut Rng) -> PyResult<(Py<PyAny>, Py<OracleView>)> {
        if let Some((object, view)) = &self.object {
            return Ok((object.clone_ref(py), view.clone_ref(py)));
        }
        let task = &self.task;
        let shape: Vec<usize> = task.shape().ranges().map(|r| r.len()).collect();
        let [reference, start] =
            [&task.reference, &task.start].map(|policy| policy.probs().clone().into_pyarray(py));
        let key = (rng.next_u64(), rng.next_u64());
        let object = self.make.call1(py, (task.tau, reference, start, task.horizon, shape, key))?;
        let view = Py::new(py, OracleView(Mutex::new(None)))?;
        self.object = Some((object.clone_ref(py), view.clone_ref(py)));
        Ok((object, view))
    }

    /// One step in Python.
    fn ask(
        &mut self,
        py: Python<'_>,
        oracle: &mut dyn Oracle,
        rng: &mut Rng,
    ) -> PyResult<Result<Progress, StepError>> {
        let (object, view) = self.object(py, rng)?;
        let argument = PyTuple::new(py, [&view])?;
        let call = || object.bind(py).call_method1(pyo3::intern!(py, "step"), argument);
        let (answer, asked) = view.get().during(oracle, &self.policy, call);
        if let Some(asked) = asked {
            self.played = asked;
        }
        let answer = answer?;
        // an array has no such attribute, and to be told so costs an exception
        let done = match answer.is_exact_instance_of::<PyUntypedArray>() {
            true => None,
            false => answer.getattr_opt(pyo3::intern!(py, "equipoise_done"))?,
        };
        let (logits, progress) = match done {
            None => (answer, Progress::Continue),
            Some(logits) if logits.is_none() => return Ok(Ok(Progress::Finished)),
            Some(logits) => (logits, Progress::Finished),
        };
        let logits = vector(py, &logits, self.policy.shape().len(), "what step() returns")?;
        let logits = logits.as_slice().expect("an own vector is contiguous");
        let written = self.policy.set_logits(|all| all.copy_from_slice(logits));
        Ok(written.map(|()| progress).map_err(StepError::from))
    }
}

impl Solver for PySolver {
    fn step(&mut self, oracle: &mut dyn Oracle, rng: &mut Rng) -> Result<Progress, StepError> {
        Python::attach(|py| {
            self.ask(py, oracle, rng).unwrap_or_else(|error| {
                let text = error.to_string();
                self.raised.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                Err(StepError::Inner(text))
            })
        })
    }

    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn played(&self) -> &Policy {
        &self.played
    }

    fn step_cost(&self) -> Cost {
        self.cost
    }
}
