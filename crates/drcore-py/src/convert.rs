//! Values, as opposed to handles: JSON becomes the dataclasses of `drcore.types`.

use drcore::{Error, ErrorKind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use serde::Serialize;

use crate::error::IntoPyResult;

/// `json.loads`.
pub(crate) fn plain<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

/// A value of the type that `drcore._convert` has under this name.
pub(crate) fn value<'py, T: Serialize>(
    py: Python<'py>,
    name: &str,
    value: &T,
) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error))
        .into_py_result()?;
    py.import("drcore._convert")?.call_method1("from_json", (name, json))
}

/// The same, of what a call gives.
pub(crate) fn give<T: Serialize>(py: Python<'_>, name: &str, of: &T) -> PyResult<Py<PyAny>> {
    value(py, name, of).map(Bound::unbind)
}

/// Converted when it is first asked for.
pub(crate) struct Lazy(PyOnceLock<Py<PyAny>>);

impl Lazy {
    pub(crate) const fn new() -> Self {
        Self(PyOnceLock::new())
    }

    pub(crate) fn get<T: Serialize>(
        &self,
        py: Python<'_>,
        name: &str,
        from: impl FnOnce() -> T,
    ) -> PyResult<Py<PyAny>> {
        let held = self.0.get_or_try_init(py, || value(py, name, &from()).map(Bound::unbind))?;
        Ok(held.clone_ref(py))
    }
}
