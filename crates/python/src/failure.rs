//! Why a call has no answer, as an exception of `equipoise.errors`: its class, its text, and what it is about as data.

use std::error::Error;
use std::path::Path;

use equipoise::ComparisonError;
use equipoise::core::PolicyError;
use equipoise::core::registry::BuildError;
use equipoise::data::{Column, DataError};
use equipoise_answers::AnswerError;
use equipoise_cli::UsageError;
use equipoise_experiment::{ConfigError, ExecuteError, MergeError};
use equipoise_records::RecordsError;
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyModule, PyType};

/// Why a call has no answer.
pub(crate) enum Failure {
    /// An exception that a callback raised, or a signal.
    Python(PyErr),
    /// Of the system, about a file.
    System { path: String, source: std::io::Error },
    /// An exception of ours.
    Ours(Ours),
}

/// An exception of `equipoise.errors`.
#[derive(Default)]
pub(crate) struct Ours {
    class: &'static str,
    message: String,
    /// The file and line, the argument, the group: where it is.
    place: Option<String>,
    /// The option, column or key.
    key: Option<String>,
    value: Option<String>,
    /// What is broken.
    rule: Option<String>,
    /// A way out.
    help: Option<String>,
    /// The known name that is nearest to the one given.
    nearest: Option<String>,
}

impl Failure {
    /// An argument that breaks a rule.
    pub(crate) fn argument(key: &str, value: impl ToString, rule: &str) -> Self {
        let value = value.to_string();
        let message = format!("{key} {value}{}{rule}", if value.is_empty() { "" } else { " " });
        let [key, rule] = [key, rule].map(|text| Some(text.to_owned()));
        Self::Ours(Ours { class: "InputError", message, key, value: Some(value), rule, ..Ours::default() })
    }

    /// A name that is not registered.
    pub(crate) fn unknown(kind: &str, name: &str, nearest: Option<&str>) -> Self {
        let hint = nearest.map_or(String::new(), |n| format!(", did you mean `{n}`?"));
        Self::Ours(Ours {
            class: "UnknownName",
            message: format!("unknown {kind} `{name}`{hint}"),
            key: Some(kind.to_owned()),
            value: Some(name.to_owned()),
            rule: Some("is not registered".into()),
            nearest: nearest.map(str::to_owned),
            ..Ours::default()
        })
    }

    /// A defect of this program.
    pub(crate) fn internal(message: String) -> Self {
        let message = format!("{message}; this is a defect of equipoise, please report it");
        Self::plain("InternalError", message)
    }

    fn plain(class: &'static str, message: impl ToString) -> Self {
        Self::Ours(Ours { class, message: message.to_string(), ..Ours::default() })
    }

    fn input(error: &dyn Error) -> Self {
        let rule = Some(error.to_string());
        Self::Ours(Ours { class: "InputError", message: error.to_string(), rule, ..Ours::default() })
    }

    /// The same, said of a place, where it has none.
    fn at(self, place: &str) -> Self {
        match self {
            Self::Ours(ours) if ours.place.is_none() => Self::Ours(Ours {
                message: format!("{place}: {}", ours.message),
                place: Some(place.to_owned()),
                ..ours
            }),
            other => other,
        }
    }

    fn of_file(self, path: &Path) -> Self {
        self.at(&path.display().to_string())
    }

    pub(crate) fn into_pyerr(self, py: Python<'_>) -> PyErr {
        match self {
            Self::Python(error) => error,
            Self::System { path, source } => match source.raw_os_error() {
                Some(number) => {
                    let text = source.to_string();
                    let text = text.rsplit_once(" (os error").map_or(text.clone(), |(t, _)| t.to_owned());
                    PyOSError::new_err((number, text, path))
                }
                None => PyOSError::new_err(format!("{path}: {source}")),
            },
            Self::Ours(ours) => ours.raise(py).unwrap_or_else(|error| error),
        }
    }
}

/// `equipoise.errors`, which has the classes.
fn errors(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("equipoise.errors").map(Bound::unbind))?;
    Ok(module.bind(py))
}

impl Ours {
    fn raise(self, py: Python<'_>) -> PyResult<PyErr> {
        let class = errors(py)?.getattr(self.class)?.cast_into::<PyType>()?;
        let fields = PyDict::new(py);
        let all = [
            ("place", self.place),
            ("key", self.key),
            ("value", self.value),
            ("rule", self.rule),
            ("help", self.help),
            ("nearest", self.nearest),
        ];
        for (name, value) in all {
            fields.set_item(name, value)?;
        }
        Ok(PyErr::from_value(class.call((self.message,), Some(&fields))?))
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl From<DataError> for Failure {
    fn from(e: DataError) -> Self {
        let path = e.path.display();
        let place = e.line.map_or_else(|| path.to_string(), |line| format!("{path}:{line}"));
        let key = e.column.as_ref().map(|column| match column {
            Column::Name(name) => name.clone(),
            Column::Number(k) => format!("column {k}"),
        });
        Self::Ours(Ours {
            class: "DataError",
            message: e.to_string(),
            place: Some(place),
            key,
            value: e.value.clone(),
            rule: Some(e.rule),
            ..Ours::default()
        })
    }
}

impl From<PolicyError> for Failure {
    fn from(e: PolicyError) -> Self {
        let rule = Some(e.to_string());
        Self::Ours(Ours { class: "PolicyError", message: e.to_string(), rule, ..Ours::default() })
    }
}

impl From<AnswerError> for Failure {
    fn from(e: AnswerError) -> Self {
        let message = e.to_string();
        match e {
            AnswerError::Data(e) => e.into(),
            AnswerError::Policy(e) => e.into(),
            AnswerError::Reference(_) => Self::plain("NumericalError", message),
            AnswerError::Option { option, value, rule } => Self::Ours(Ours {
                class: "InputError",
                message,
                key: Some(option.into_owned()),
                value: Some(value),
                rule: Some(rule),
                ..Ours::default()
            }),
            AnswerError::Write { path, source } => Self::System { path: path.display().to_string(), source },
            AnswerError::Group { group, source } => Self::from(*source).at(&format!("group {group}")),
            AnswerError::File { path, source } => Self::from(*source).of_file(&path),
            other => Self::input(&other),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(e: ConfigError) -> Self {
        let place = match e.line {
            0 => e.file.clone(),
            line => format!("{}:{line}:{}", e.file, e.column),
        };
        Self::Ours(Ours {
            class: "ConfigError",
            message: e.to_string(),
            place: Some(place),
            key: e.key,
            value: e.value,
            rule: Some(e.message),
            help: e.help,
            nearest: e.nearest,
        })
    }
}

impl From<RecordsError> for Failure {
    fn from(e: RecordsError) -> Self {
        Self::plain("ResultsError", e)
    }
}

impl From<ExecuteError> for Failure {
    fn from(e: ExecuteError) -> Self {
        match e {
            ExecuteError::Config(e) => e.into(),
            ExecuteError::Records(e) => e.into(),
            ExecuteError::Reference { .. } => Self::plain("NumericalError", e),
            other => Self::plain("ResultsError", other),
        }
    }
}

impl From<MergeError> for Failure {
    fn from(e: MergeError) -> Self {
        match e {
            MergeError::Config(e) => e.into(),
            MergeError::Records(e) => e.into(),
            other => Self::plain("ResultsError", other),
        }
    }
}

impl From<BuildError> for Failure {
    fn from(e: BuildError) -> Self {
        Self::input(&e)
    }
}

impl From<ComparisonError> for Failure {
    fn from(e: ComparisonError) -> Self {
        match &e {
            ComparisonError::UnknownSolver { name, nearest } => Self::unknown("solver", name, *nearest),
            ComparisonError::UnknownMetric { name, nearest } => Self::unknown("metric", name, *nearest),
            ComparisonError::Reference(_) => Self::plain("NumericalError", e),
            _ => Self::input(&e),
        }
    }
}

impl From<Box<dyn Error>> for Failure {
    /// What a command of the command line fails with.
    fn from(error: Box<dyn Error>) -> Self {
        let error = match error.downcast::<AnswerError>() {
            Ok(e) => return (*e).into(),
            Err(other) => other,
        };
        let error = match error.downcast::<ConfigError>() {
            Ok(e) => return (*e).into(),
            Err(other) => other,
        };
        let error = match error.downcast::<DataError>() {
            Ok(e) => return (*e).into(),
            Err(other) => other,
        };
        let error = match error.downcast::<RecordsError>() {
            Ok(e) => return (*e).into(),
            Err(other) => other,
        };
        match error.downcast::<UsageError>() {
            Ok(e) => {
                let text = e.message.trim();
                let text = text.strip_prefix("error: ").unwrap_or(text);
                Self::Ours(Ours {
                    class: "InputError",
                    message: text.split("\n\nUsage:").next().unwrap_or(text).to_owned(),
                    key: e.argument,
                    rule: text.lines().next().map(str::to_owned),
                    ..Ours::default()
                })
            }
            Err(other) => Self::input(other.as_ref()),
        }
    }
}
