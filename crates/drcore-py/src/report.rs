//! The handle of a report.

use std::collections::BTreeMap;
use std::path::PathBuf;

use drcore::report::TextOptions;
use drcore::{Severity, Verdict};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::convert::{Lazy, plain};
use crate::error::IntoPyResult;

/// One result for every check that exists, and a verdict.
///
/// `print(report)` shows the text of the command line; a notebook shows a table, worst first.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Report {
    inner: drcore::Report,
    findings: Lazy,
    checks: Lazy,
    run: Lazy,
}

#[pymethods]
impl Report {
    /// Reads a report from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| drcore::Report::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads a report from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// Reads a report from a file that holds its JSON.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| drcore::Report::load(path)).into_py_result().map(Self::from)
    }

    /// What all checks together come to: `passed`, `failed`, or `unproven` (could not find out).
    #[getter]
    fn verdict(&self) -> &'static str {
        self.inner.verdict.as_str()
    }

    /// The exit code that the command would end with: 0 passed, 1 failed, 3 unproven, 130 interrupted.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code(Severity::Warning)
    }

    /// Every finding of every check that is not accepted, worst first.
    #[getter]
    fn findings(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.findings.get(py, "findings", || self.inner.findings())
    }

    /// One result for every check, in the order of the checks.
    #[getter]
    fn checks(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.checks.get(py, "checks", || &self.inner.checks)
    }

    /// How much was read, by plural noun: `tables`, `rows`.
    #[getter]
    fn examined(&self) -> BTreeMap<String, u64> {
        self.inner.examined.clone()
    }

    /// What a reader should know that is no finding.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// All that is volatile: instants, versions, hosts, timings.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "report_run", || &self.inner.run)
    }

    /// Raises `NotPassed`, an `AssertionError` with this report, unless the verdict is `passed`.
    fn assert_passed(slf: &Bound<'_, Self>) -> PyResult<()> {
        if slf.get().inner.verdict == Verdict::Passed {
            return Ok(());
        }
        let exception = slf.py().import("drcore.errors")?.getattr("NotPassed")?.call1((slf,))?;
        Err(PyErr::from_value(exception))
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node.
    fn to_json(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.inner.to_json()).into_py_result()
    }

    /// The JSON form as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json(py)?)
    }

    /// The report as text, as on a terminal so many columns wide; `None` does not wrap.
    #[pyo3(signature = (*, width=Some(80), color=false, verbose=false))]
    fn to_text(&self, width: Option<usize>, color: bool, verbose: bool) -> String {
        let mut options = TextOptions::default();
        options.width = width;
        options.color = color;
        options.verbose = verbose;
        self.inner.to_text(options)
    }

    /// The report as Markdown.
    fn to_markdown(&self) -> String {
        self.inner.to_markdown()
    }

    /// The report as one HTML page that needs no network.
    fn to_html(&self) -> PyResult<String> {
        self.inner.to_html().into_py_result()
    }

    /// The report as `JUnit` XML: one case for every check.
    fn to_junit(&self) -> PyResult<String> {
        self.inner.to_junit().into_py_result()
    }

    fn __str__(&self) -> String {
        self.inner.to_text(TextOptions::default())
    }

    /// `assert drcore.verify(…)` would pass whatever the verdict.
    #[expect(clippy::unused_self, reason = "Python passes it")]
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("a report is neither true nor false: use assert_passed() or verdict"))
    }

    fn __repr__(&self) -> String {
        format!("<drcore.Report {} · {}>", self.inner.verdict.as_str(), self.inner.tally_line())
    }

    fn _repr_html_(&self) -> PyResult<String> {
        self.inner.to_html_fragment().into_py_result()
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl Report {
    pub(crate) fn inner(&self) -> &drcore::Report {
        &self.inner
    }
}

impl From<drcore::Report> for Report {
    fn from(inner: drcore::Report) -> Self {
        Self { inner, findings: Lazy::new(), checks: Lazy::new(), run: Lazy::new() }
    }
}

impl PartialEq for Report {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
