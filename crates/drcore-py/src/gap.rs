//! The verb and the handle of a gap.

use drcore::{GapOptions, GapReport};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::verify::named;

/// Starts `drcore.gap`.
#[pyfunction]
pub(crate) fn gap(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, options) = (named(url), GapOptions::from_json(options));
    Call::start::<Gap, _, _>(wake, |cancel, sink| async move {
        let mut options = options?;
        options.collect.cancel = cancel;
        options.collect.progress = Some(sink);
        drcore::gap(&url?, &options).await
    })
}

/// The rows that were created after an instant: what a copy restored to it does not have.
///
/// `print(gap)` shows the text of the command line; a notebook shows tables.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Gap {
    inner: GapReport,
    tables: Lazy,
    not_covered: Lazy,
    unread: Lazy,
    run: Lazy,
}

#[pymethods]
impl Gap {
    /// Reads a gap from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| GapReport::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads a gap from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// What it comes to: `found`, or `unproven` (nothing follows for what was lost).
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "gap_verdict", &self.inner.verdict)
    }

    /// The exit code that the command would end with: 0 found and everything read, 3 unproven.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// The instant, as RFC 3339 in UTC.
    #[getter]
    fn since(&self) -> String {
        self.inner.since.to_string()
    }

    /// How many rows of all covered tables are newer: exact.
    #[getter]
    fn rows(&self) -> u64 {
        self.inner.rows
    }

    /// Each covered table with its tenants and hours, the one with the most rows first.
    #[getter]
    fn tables(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.tables.get(py, "gap_tables", || &self.inner.tables)
    }

    /// Tables whose rows do not say when they were created.
    #[getter]
    fn not_covered(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.not_covered.get(py, "not_covered", || &self.inner.not_covered)
    }

    /// What could not be read.
    #[getter]
    fn unread(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.unread.get(py, "unread", || &self.inner.unread)
    }

    /// Why it is `unproven`, or what else a reader should know.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// How it was collected.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "run", || &self.inner.run)
    }

    /// Flat records, for tables: totals, tenants and hours. Add up those of one `by` only.
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "gap_records", &self.inner.records())
    }

    /// The records as a pandas `DataFrame`, the hours as timestamps.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("drcore._convert")?.call_method1("frame", (self.records(py)?,))
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.to_json()).into_py_result()
    }

    /// The JSON form as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json(py)?)
    }

    fn __str__(&self) -> String {
        self.inner.to_text()
    }

    fn __repr__(&self) -> String {
        format!(
            "<drcore.Gap since {}: {} rows, {} tables asked, {} not covered, {} unread>",
            self.inner.since,
            self.inner.rows,
            self.inner.tables.len(),
            self.inner.not_covered.len(),
            self.inner.unread.len(),
        )
    }

    fn _repr_html_(&self) -> String {
        self.inner.to_html_fragment()
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl From<GapReport> for Gap {
    fn from(inner: GapReport) -> Self {
        Self { inner, tables: Lazy::new(), not_covered: Lazy::new(), unread: Lazy::new(), run: Lazy::new() }
    }
}

impl PartialEq for Gap {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
