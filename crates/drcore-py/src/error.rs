//! The one place where the core's errors become Python's.

use drcore::{Error, ErrorKind, Result};
use pyo3::prelude::*;

/// A result whose error is raised as the exception of its kind.
pub(crate) trait IntoPyResult<T> {
    fn into_py_result(self) -> PyResult<T>;
}

impl<T> IntoPyResult<T> for Result<T> {
    fn into_py_result(self) -> PyResult<T> {
        self.map_err(|error| Python::attach(|py| raise(py, &error).unwrap_or_else(|failed| failed)))
    }
}

/// The codes of every kind of error that the core has.
#[pyfunction]
pub(crate) fn error_kinds() -> Vec<&'static str> {
    ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// The classes are Python's: an exception with attributes is ten lines there.
fn raise(py: Python<'_>, error: &Error) -> PyResult<PyErr> {
    let wire = serde_json::to_string(&error.to_wire())
        .map_err(|error| pyo3::exceptions::PyRuntimeError::new_err(error.to_string()))?;
    let exception = py.import("drcore.errors")?.call_method1("from_json", (wire,))?;
    Ok(PyErr::from_value(exception))
}
