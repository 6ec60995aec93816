//! The native half of the Python package `equipoise`: conversions, and nothing that computes. Arrays come in as NumPy has them
//! and go out fresh; answers go out as their published JSON and their text, which the Python half makes into objects.
//!
//! Rules of every call: the interpreter's lock is not held in anything that lasts ([`calls`]), parallel work is done by the
//! threads of the process that asks ([`pool`]), a refusal is an exception with its parts as data ([`failure`]), a panic is
//! `InternalError`.

mod answers;
mod calls;
mod compare;
mod experiment;
mod failure;
mod game;
mod plugin;
mod pool;
#[cfg(feature = "arrow")]
mod tables;

use pyo3::prelude::*;

/// Sets the number of threads that calls use from now on; 0: one a core.
#[pyfunction]
fn set_threads(threads: usize) {
    pool::set_threads(threads);
}

/// The native half of the package; not for direct use.
#[pymodule]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::answers::{best_response, certificate, command, gap_of, gaps, main, schema, solve_game};
    #[pymodule_export]
    use super::compare::compare;
    #[pymodule_export]
    use super::experiment::{Folder, check_claims, judge, merged, planned, report, run};
    #[pymodule_export]
    use super::game::{PyGame, noop, stream_key};
    #[pymodule_export]
    use super::plugin::OracleView;
    #[pymodule_export]
    use super::set_threads;
    #[cfg(feature = "arrow")]
    #[pymodule_export]
    use super::tables::{arrow_stream, write_rows};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
