//! Experiments: plan, run, merge, check, and results folders read back.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use equipoise_experiment::{
    Monitor, Options, Plan, Shard, Steal, check as expected, execute, file, forecast, merge, parse_file,
    resolve,
};
use equipoise_records::Results;
use numpy::IntoPyArray as _;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use serde_json::{Value, json};

use crate::calls::{long, plain};
use crate::failure::Failure;
use crate::pool;

/// Where a configuration comes from.
#[derive(Clone, FromPyObject)]
pub(crate) enum Config {
    /// A file.
    Path(PathBuf),
    /// A text of YAML (or JSON, which is YAML) and the folder in which its relative paths start.
    Text(String, PathBuf),
}

impl Config {
    fn plan(&self, set: &[String]) -> Result<Plan, Failure> {
        let file = match self {
            Self::Path(path) => parse_file(path, set)?,
            Self::Text(text, folder) => file::parse("the configuration", folder, text.as_bytes(), set)?,
        };
        Ok(Plan::new(resolve(&file)?)?)
    }
}

/// What a configuration amounts to, as JSON, with its resolved YAML and the forecast in words.
#[pyfunction]
#[pyo3(name = "plan")]
pub(crate) fn planned(
    py: Python<'_>,
    config: Config,
    set: Vec<String>,
    timed: bool,
) -> PyResult<(String, String, String)> {
    plain(py, move || {
        let plan = config.plan(&set)?;
        let mut facts = json!({
            "name": plan.spec.name,
            "runs": plan.runs(),
            "games": plan.games(),
            "units": plan.units(),
            "steps": plan.spec.limits.steps,
            "solvers": plan.spec.methods.iter().map(|m| m.entry.name).collect::<Vec<_>>(),
            "taus": plan.spec.taus,
        });
        let mut words = String::new();
        if timed {
            let forecast = forecast(&plan)?;
            facts["seconds"] = json!(forecast.seconds);
            facts["bytes"] = json!(forecast.written);
            words = forecast.to_string();
        }
        Ok((facts.to_string(), plan.to_yaml(), words))
    })
}

/// The share `i/n` of a sweep.
fn shard(text: Option<&str>) -> Result<Option<Shard>, Failure> {
    let nothing = |_: &str| None;
    text.map(|text| Shard::parse(text, &nothing))
        .transpose()
        .map_err(|e| Failure::argument("shard", "", &e.to_string()))
}

/// Runs an experiment into a folder; what it came to as JSON, and the report's text.
#[pyfunction]
#[pyo3(signature = (config, set, out, jobs, fresh, force, share, steal, progress))]
#[allow(clippy::too_many_arguments)] // one keyword each
pub(crate) fn run(
    py: Python<'_>,
    config: Config,
    set: Vec<String>,
    out: Option<PathBuf>,
    jobs: Option<usize>,
    fresh: bool,
    force: bool,
    share: Option<&str>,
    steal: Option<&str>,
    progress: Option<Py<PyAny>>,
) -> PyResult<(String, String)> {
    let monitor = Monitor::default();
    let total: OnceLock<[u64; 2]> = OnceLock::new();
    let tick = |py: Python<'_>| {
        let (Some(progress), Some([steps, runs])) = (&progress, total.get()) else { return Ok(()) };
        let now = [&monitor.steps, &monitor.runs].map(|count| count.load(Ordering::Relaxed));
        progress.call1(py, (now[0], *steps, now[1], *runs, monitor.stage())).map(|_| ())
    };
    // an interrupt asks the runs to stop, and what is finished is kept
    long(py, &monitor.stop, tick, || {
        let plan = config.plan(&set)?;
        let share = shard(share)?;
        let runs = equipoise_experiment::shard::runs(&plan, share);
        total.get_or_init(|| [runs.saturating_mul(plan.spec.limits.steps), runs]);
        let options = Options {
            out: out.clone().unwrap_or_else(|| equipoise_experiment::execute::default_out(&plan)),
            jobs: jobs.unwrap_or_else(pool::threads),
            fresh,
            shard: share,
            steal: match steal {
                None => None,
                Some("open") => Some(Steal::Open),
                Some(_) => Some(Steal::All),
            },
            force,
        };
        let executed = execute(&plan, &options, &monitor)?;
        let facts = json!({
            "out": options.out,
            "runs": executed.runs,
            "skipped": executed.skipped,
            "taken_over": executed.taken_over,
            "interrupted": executed.interrupted,
            "diverged": executed.diverged.iter().map(|d| json!({
                "label": d.label, "game": d.game, "detail": d.detail,
            })).collect::<Vec<_>>(),
        });
        Ok((facts.to_string(), executed.rendered.map(|r| r.terminal).unwrap_or_default()))
    })
}

/// Makes the summary and the report of a folder from its runs; the runs that are missing, as JSON.
#[pyfunction]
#[pyo3(name = "merge")]
pub(crate) fn merged(py: Python<'_>, folder: PathBuf) -> PyResult<(String, String)> {
    plain(py, move || {
        let merged = merge(&folder)?;
        let missing = merged.missing.iter().map(|m| {
            json!({ "id": m.id, "label": m.label, "game": m.game, "tau": m.tau, "repetition": m.repetition, "why": m.why })
        });
        let facts = json!({ "runs": merged.runs, "missing": missing.collect::<Vec<_>>() });
        Ok((facts.to_string(), merged.rendered.map(|r| r.terminal).unwrap_or_default()))
    })
}

/// The claims of `expected.yaml` against the records in `out`, as JSON.
#[pyfunction]
pub(crate) fn judge(py: Python<'_>, experiment: PathBuf, out: PathBuf) -> PyResult<String> {
    plain(py, move || {
        let plan = Config::Path(experiment.join("experiment.yaml")).plan(&[])?;
        let claims = expected::read_expected(&experiment.join("expected.yaml"), &plan)?;
        let verdicts = expected::judge(&claims, &equipoise_records::read(&out)?);
        Ok(json!({ "experiment": plan.spec.name, "claims": verdicts }).to_string())
    })
}

/// Checks the claims of an experiment without running it.
#[pyfunction]
pub(crate) fn check_claims(py: Python<'_>, experiment: PathBuf) -> PyResult<usize> {
    plain(py, move || {
        let plan = Config::Path(experiment.join("experiment.yaml")).plan(&[])?;
        Ok(expected::read_expected(&experiment.join("expected.yaml"), &plan)?.len())
    })
}

/// A results folder in memory.
#[pyclass(frozen, module = "equipoise._core")]
pub(crate) struct Folder(Results);

#[pymethods]
impl Folder {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        plain(py, move || Ok(Self(equipoise_records::read(&path)?)))
    }

    /// Records of the finished runs, a list, and facts about the games, as JSON.
    fn records(&self, py: Python<'_>) -> PyResult<(String, String)> {
        plain(py, || {
            let json = |value: serde_json::Result<Value>| {
                value.map(|v| v.to_string()).map_err(|e| Failure::internal(e.to_string()))
            };
            let runs: Vec<_> = self.0.runs.iter().map(|run| &run.record).collect();
            Ok((json(serde_json::to_value(runs))?, json(serde_json::to_value(&self.0.games))?))
        })
    }

    /// Runs that are not finished: ids and why.
    fn unfinished(&self) -> Vec<(String, String)> {
        self.0.unfinished.iter().map(|run| (run.id.clone(), run.why.clone())).collect()
    }

    /// All traces in long form, a column each; `run` is an index into the records.
    fn trace<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let points = || {
            self.0
                .runs
                .iter()
                .enumerate()
                .flat_map(|(k, run)| run.trace.iter().flatten().map(move |p| (k, p)))
        };
        let columns = PyDict::new(py);
        let whole = |of: fn(&equipoise_records::schema::TracePoint) -> u64| {
            points().map(|(_, p)| of(p) as i64).collect::<Vec<_>>().into_pyarray(py)
        };
        let number = |of: fn(&equipoise_records::schema::TracePoint) -> f64| {
            points().map(|(_, p)| of(p)).collect::<Vec<_>>().into_pyarray(py)
        };
        columns.set_item("run", points().map(|(k, _)| k as i64).collect::<Vec<_>>().into_pyarray(py))?;
        columns.set_item("step", whole(|p| p.step))?;
        columns.set_item("queries", whole(|p| p.queries))?;
        columns.set_item("duels", whole(|p| p.duels))?;
        columns.set_item("seconds", number(|p| p.seconds))?;
        columns.set_item("iterate", points().map(|(_, p)| p.iterate.name()).collect::<Vec<_>>())?;
        columns.set_item("metric", points().map(|(_, p)| p.metric.as_str()).collect::<Vec<_>>())?;
        columns.set_item("value", number(|p| p.value))?;
        Ok(columns)
    }
}

/// Makes the report of a results folder again; its text.
#[pyfunction]
pub(crate) fn report(py: Python<'_>, folder: PathBuf) -> PyResult<String> {
    plain(py, move || {
        let rendered = equipoise_report::write_reports(&folder);
        Ok(rendered.map_err(|e| Failure::from(Box::new(e) as Box<dyn std::error::Error>))?.terminal)
    })
}
