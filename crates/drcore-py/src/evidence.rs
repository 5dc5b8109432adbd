//! The handle of Evidence.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::convert::{Lazy, plain};
use crate::error::IntoPyResult;

/// Every fact that was read from one state of one database. Stored, it is a baseline.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Evidence {
    inner: drcore::Evidence,
    catalog: Lazy,
    scans: Lazy,
    assertions: Lazy,
    run: Lazy,
}

#[pymethods]
impl Evidence {
    /// Reads Evidence from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| drcore::Evidence::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads Evidence from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// Reads Evidence from a file that `save` or `drcore baseline` wrote.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| drcore::Evidence::load(path)).into_py_result().map(Self::from)
    }

    /// What all of these know together: the Evidence of the shards of one collection.
    #[staticmethod]
    #[pyo3(signature = (*evidence))]
    fn merge(py: Python<'_>, evidence: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let one = |any: Bound<'_, PyAny>| Ok(any.cast::<Self>()?.get().inner.clone());
        let all = evidence.iter().map(one).collect::<PyResult<Vec<drcore::Evidence>>>()?;
        py.detach(|| drcore::Evidence::merge(all)).into_py_result().map(Self::from)
    }

    /// Writes it to a file, whole or not at all, readable by its owner only.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.save(path)).into_py_result()
    }

    /// What the catalog says.
    #[getter]
    fn catalog(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.catalog.get(py, "catalog", || &self.inner.catalog)
    }

    /// What reading the tables themselves showed.
    #[getter]
    fn scans(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.scans.get(py, "scans", || &self.inner.scans)
    }

    /// Results of the team's own statements, by name.
    #[getter]
    fn assertions(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.assertions.get(py, "assertions", || &self.inner.assertions)
    }

    /// All that is volatile: instants, versions, hosts, timings, and why nothing more was read.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "run", || &self.inner.run)
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.to_json()).into_py_result()
    }

    /// The JSON form as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json(py)?)
    }

    fn __repr__(&self) -> String {
        let run = &self.inner.run;
        let host = run.host.as_deref().unwrap_or("nowhere");
        match &run.failure {
            Some(failure) => format!("<drcore.Evidence of {host}, cut short: {}>", failure.message),
            None => format!("<drcore.Evidence of {host}, {}>", run.taken_at),
        }
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl Evidence {
    pub(crate) fn inner(&self) -> &drcore::Evidence {
        &self.inner
    }
}

impl From<drcore::Evidence> for Evidence {
    fn from(inner: drcore::Evidence) -> Self {
        Self { inner, catalog: Lazy::new(), scans: Lazy::new(), assertions: Lazy::new(), run: Lazy::new() }
    }
}

impl PartialEq for Evidence {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
