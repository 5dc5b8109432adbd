//! The verbs of drills, and the handle of one that came to its end.

use std::path::PathBuf;

use drcore::drill::{DrillRecords, Rehearsal as CoreRehearsal, RehearsalCall, TrendOptions};
use drcore::{Against, Result};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, give, plain};
use crate::error::IntoPyResult;
use crate::evidence::Evidence;
use crate::report::Report;
use crate::restore::Restored;

/// Starts `drcore.drill`.
#[pyfunction]
pub(crate) fn drill(
    backup: Option<&str>,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let call = read(backup, options, against);
    Call::start::<Rehearsal, _, _>(wake, |cancel, sink| async move {
        let mut call = call?;
        call.options.verify.collect.cancel = cancel;
        call.options.verify.collect.progress = Some(sink);
        call.run().await
    })
}

fn read(backup: Option<&str>, options: &str, against: Option<&Bound<'_, Evidence>>) -> Result<RehearsalCall> {
    let mut call = RehearsalCall::from_json(backup, options)?;
    if let Some(evidence) = against {
        call.options.verify.against = Some(Against::Evidence(Box::new(evidence.get().inner().clone())));
    }
    Ok(call)
}

/// Starts `drcore.drills.record`.
#[pyfunction]
pub(crate) fn drills_record(
    place: String,
    rehearsal: &Bound<'_, Rehearsal>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let rehearsal = rehearsal.get().inner.clone();
    let work = |_, _| async move { DrillRecords::open(&place)?.add(&rehearsal).await };
    Call::start_giving(wake, work, |py, name: String| Ok(name.into_pyobject(py)?.into_any().unbind()))
}

/// Starts `drcore.drills.history`.
#[pyfunction]
pub(crate) fn drills_history(place: String, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let options = TrendOptions::from_json(options);
    let work = |_, _| async move { DrillRecords::open(&place)?.history(&options?).await };
    Call::start_giving(wake, work, |py, history| give(py, "drill_history", &history))
}

/// A drill that came to its end: whether the backup is good, how long it took to get it back, and how old it was.
///
/// `print(rehearsal)` shows the text of the command line.
#[pyclass(frozen, eq, module = "drcore")]
pub(crate) struct Rehearsal {
    inner: CoreRehearsal,
    backup: Lazy,
    objectives: Lazy,
    row: Lazy,
    run: Lazy,
}

#[pymethods]
impl Rehearsal {
    /// Reads the record of a drill from the JSON that `to_json` gives.
    #[new]
    fn new(py: Python<'_>, json: &str) -> PyResult<Self> {
        py.detach(|| CoreRehearsal::from_json(json)).into_py_result().map(Self::from)
    }

    /// Reads the record of a drill from the JSON that `to_json` gives.
    #[staticmethod]
    fn from_json(py: Python<'_>, json: &str) -> PyResult<Self> {
        Self::new(py, json)
    }

    /// Reads the record of a drill from a file, such as `drcore drill -o drill.json` writes.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| CoreRehearsal::load(path)).into_py_result().map(Self::from)
    }

    /// What it came to: `passed` only where all came back, all of it was verified, and the objectives were met.
    #[getter]
    fn verdict(&self) -> &'static str {
        self.inner.verdict.as_str()
    }

    /// The exit code that the command would end with: 0 passed, 1 failed, 3 unproven.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// Why it did not pass, one sentence each.
    #[getter]
    fn problems(&self) -> Vec<String> {
        self.inner.problems.clone()
    }

    /// What was restored.
    #[getter]
    fn backup(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.backup.get(py, "rehearsed_backup", || &self.inner.backup)
    }

    /// The version of the server that it was restored into.
    #[getter]
    fn server(&self) -> String {
        self.inner.server.clone()
    }

    /// What came of the restore.
    #[getter]
    fn restored(&self) -> Restored {
        self.inner.restored.clone().into()
    }

    /// What verifying said last. Without a baseline it knows nothing of what was lost.
    #[getter]
    fn report(&self) -> Option<Report> {
        self.inner.report().cloned().map(Report::from)
    }

    /// What a disaster may cost by the plan's objectives, and what this one would have.
    #[getter]
    fn objectives(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.objectives.get(py, "objective_outcomes", || &self.inner.objectives)
    }

    /// The row for the drill log.
    #[getter]
    fn row(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.row.get(py, "drill_row", || &self.inner.row)
    }

    /// All that is volatile: when it began, the times of the steps, RTO and RPO.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "rehearsal_run", || &self.inner.run)
    }

    /// Adds the row to a drill log, a table of Markdown; a log that is not there begins with it.
    fn append_to(&self, py: Python<'_>, log: PathBuf) -> PyResult<()> {
        py.detach(|| self.inner.row.append_to(log)).into_py_result()
    }

    /// The row for the drill log, as a table of Markdown.
    fn to_markdown(&self) -> String {
        self.inner.row.to_markdown_table()
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

    /// `assert drcore.drill(…)` would pass whatever the verdict.
    #[expect(clippy::unused_self, reason = "Python passes it")]
    fn __bool__(&self) -> PyResult<bool> {
        Err(PyTypeError::new_err("a rehearsal is neither true nor false: use verdict"))
    }

    fn __repr__(&self) -> String {
        let row = &self.inner.row;
        format!("<drcore.Rehearsal {} on {}: RTO {}>", self.verdict(), row.backup_restored, row.rto_observed)
    }

    fn __getnewargs__(&self, py: Python<'_>) -> PyResult<(String,)> {
        Ok((self.to_json(py)?,))
    }
}

impl From<CoreRehearsal> for Rehearsal {
    fn from(inner: CoreRehearsal) -> Self {
        Self { inner, backup: Lazy::new(), objectives: Lazy::new(), row: Lazy::new(), run: Lazy::new() }
    }
}

impl PartialEq for Rehearsal {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}
