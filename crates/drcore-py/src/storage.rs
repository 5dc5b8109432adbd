//! The verbs and handles of storage.

use std::sync::{Mutex, PoisonError};

use drcore::Rows;
use drcore::report::TextOptions;
use drcore::storage::{AuditOptions, StorageReport, StorageRow};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::verify::named;

/// Starts `drcore.storage.audit`.
#[pyfunction]
pub(crate) fn storage_audit(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, options) = (named(url), AuditOptions::from_json(options));
    Call::start::<StorageAudit, _, _>(wake, |cancel, sink| async move {
        let mut options = options?;
        options.collect.cancel = cancel;
        options.collect.progress = Some(sink);
        drcore::storage::audit(&url?, &options).await
    })
}

/// What is wrong with the files of a project.
///
/// `print(audit)` shows the text of the command line; `rows` are all files that something is wrong with.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct StorageAudit {
    inner: StorageReport,
    check: Lazy,
    files: Lazy,
    run: Lazy,
}

#[pymethods]
impl StorageAudit {
    /// Reads an audit from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| StorageReport::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads an audit from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// What it comes to: `passed`, `failed` or `unproven`.
    #[getter]
    fn verdict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "verdict", &self.inner.verdict)
    }

    /// The exit code that the command would end with: 0 passed, 1 failed, 3 unproven.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// The result of the check `storage_orphans`: findings by bucket, and what could not be read.
    #[getter]
    fn check(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.check.get(py, "check", || &self.inner.check)
    }

    /// How much there is, by bucket; none where it could not be compared.
    #[getter]
    fn files(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.files.get(py, "files", || &self.inner.files)
    }

    /// What a reader should know.
    #[getter]
    fn notes(&self) -> Vec<String> {
        self.inner.notes.clone()
    }

    /// How it was read.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "run", || &self.inner.run)
    }

    /// Every file that something is wrong with, one after the other, however many.
    #[getter]
    fn rows(&self) -> PyResult<StorageRowIterator> {
        Ok(StorageRowIterator(Mutex::new(self.inner.rows().into_py_result()?)))
    }

    /// Every file that something is wrong with, as a list of flat dicts, such as `pandas.DataFrame` takes.
    fn records<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let lines: drcore::Result<Vec<String>> =
            py.detach(|| self.inner.rows()?.map(|row| row?.to_json_line()).collect());
        plain(py, &format!("[{}]", lines.into_py_result()?.join(",")))
    }

    /// Every file that something is wrong with, as a pandas `DataFrame`.
    fn to_pandas<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("drcore._convert")?.call_method1("storage_frame", (self.records(py)?,))
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
        self.inner.to_text(TextOptions::default())
    }

    fn __repr__(&self) -> String {
        format!(
            "<drcore.StorageAudit {}: {} findings, {} unread>",
            self.inner.verdict.as_str(),
            self.inner.check.findings.len(),
            self.inner.check.unread.len(),
        )
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl From<StorageReport> for StorageAudit {
    fn from(inner: StorageReport) -> Self {
        Self { inner, check: Lazy::new(), files: Lazy::new(), run: Lazy::new() }
    }
}

impl PartialEq for StorageAudit {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

/// Files that something is wrong with, one after the other.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct StorageRowIterator(Mutex<Rows<StorageRow>>);

#[pymethods]
impl StorageRowIterator {
    fn __iter__(this: Py<Self>) -> Py<Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let row = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next());
        row.transpose().into_py_result()?.map(|row| value(py, "storage_row", &row)).transpose()
    }
}
