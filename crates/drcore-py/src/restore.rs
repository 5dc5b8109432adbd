//! The verb and the handles of a restore: what would be done, and what came of it.

use std::path::PathBuf;
use std::sync::Arc;

use drcore::restore::restore as plan_restore;
use drcore::restore::{Restore, RestoreCall, Restored as CoreRestored};
use drcore::{Against, Result};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::evidence::Evidence;
use crate::report::Report;

/// Starts `drcore.restore`.
#[pyfunction]
pub(crate) fn restore(
    archive: PathBuf,
    url: String,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let call = read(options, against);
    Call::start::<RestorePlan, _, _>(wake, |cancel, sink| async move {
        let mut call = call?;
        call.verify.collect.cancel = cancel;
        call.verify.collect.progress = Some(sink);
        plan_restore(&archive.to_string_lossy(), &url, &call).await
    })
}

fn read(options: &str, against: Option<&Bound<'_, Evidence>>) -> Result<RestoreCall> {
    let mut call = RestoreCall::from_json(options)?;
    if let Some(evidence) = against {
        call.verify.against = Some(Against::Evidence(Box::new(evidence.get().inner().clone())));
    }
    Ok(call)
}

/// Starts `drcore.execute`.
#[pyfunction]
pub(crate) fn execute(
    plan: &Bound<'_, RestorePlan>,
    digest: Option<String>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let restore = Arc::clone(&plan.get().inner);
    Call::start::<Restored, _, _>(wake, |cancel, sink| async move {
        let mut options = restore.execute_options();
        options.apply = digest;
        options.cancel = cancel;
        options.progress = Some(sink);
        restore.execute(&options).await
    })
}

/// What a restore would do, in order, and what it leaves out; nothing is written yet.
///
/// `print(plan)` shows it for reviewing.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct RestorePlan {
    inner: Arc<Restore>,
    archive: Lazy,
    target: Lazy,
    steps: Lazy,
    left_out: Lazy,
}

#[pymethods]
impl RestorePlan {
    /// By which a reviewed plan is known: it changes with the archive, the target and everything that is done.
    #[getter]
    fn digest(&self) -> String {
        self.inner.plan.digest.clone()
    }

    /// Whether it must have been reviewed: it takes away what is there.
    #[getter]
    fn needs_review(&self) -> bool {
        self.inner.plan.needs_review()
    }

    /// What is restored.
    #[getter]
    fn archive(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.archive.get(py, "archive_facts", || &self.inner.plan.archive)
    }

    /// What it is restored into.
    #[getter]
    fn target(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.target.get(py, "target_facts", || &self.inner.plan.target)
    }

    /// What happens to what the target holds.
    #[getter]
    fn onto(&self) -> &'static str {
        self.inner.plan.onto.as_str()
    }

    /// How many sessions restore at once.
    #[getter]
    fn jobs(&self) -> u32 {
        self.inner.plan.jobs
    }

    /// What is done, in order.
    #[getter]
    fn steps(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.steps.get(py, "restore_steps", || &self.inner.plan.steps)
    }

    /// What the archive holds and is not restored, and why.
    #[getter]
    fn left_out(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.left_out.get(py, "omitted", || &self.inner.plan.left_out)
    }

    /// Roles that the archive refers to and the target lacks.
    #[getter]
    fn missing_roles(&self) -> Vec<String> {
        self.inner.plan.missing_roles.clone()
    }

    /// Does it, puts right what a dump does not bring, and verifies; the same as `drcore.execute`.
    #[pyo3(signature = (*, apply=None, on_progress=None))]
    fn execute<'py>(
        slf: &Bound<'py, Self>,
        apply: Option<String>,
        on_progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let named = pyo3::types::PyDict::new(py);
        named.set_item("apply", apply)?;
        named.set_item("on_progress", on_progress)?;
        py.import("drcore._restore")?.call_method("execute", (slf,), Some(&named))
    }

    /// The JSON form, the same bytes as from the command line, Rust and Node.
    fn to_json(&self) -> PyResult<String> {
        self.inner.plan.to_json().into_py_result()
    }

    /// The JSON form as dicts and lists.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        plain(py, &self.to_json()?)
    }

    fn __str__(&self) -> String {
        self.inner.plan.to_text()
    }

    fn __repr__(&self) -> String {
        let plan = &self.inner.plan;
        format!(
            "<drcore.RestorePlan {} for {}: {} steps, {} kinds of object left out>",
            plan.digest,
            plan.target.project,
            plan.steps.len(),
            plan.left_out.len(),
        )
    }
}

impl From<Restore> for RestorePlan {
    fn from(inner: Restore) -> Self {
        Self {
            inner: Arc::new(inner),
            archive: Lazy::new(),
            target: Lazy::new(),
            steps: Lazy::new(),
            left_out: Lazy::new(),
        }
    }
}

/// A restore that came to its end: what could not be restored, what verifying said, and what is left to do.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct Restored {
    inner: CoreRestored,
    errors: Lazy,
    loaded: Lazy,
    after: Lazy,
    run: Lazy,
}

#[pymethods]
impl Restored {
    /// The digest of the plan that was done.
    #[getter]
    fn digest(&self) -> String {
        self.inner.plan.digest.clone()
    }

    /// What could not be restored, and what only looks like it: then `harmless` says why.
    #[getter]
    fn errors(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.errors.get(py, "object_errors", || &self.inner.errors)
    }

    /// Data that could not be restored: as long as it is missing, the target stays marked as half restored.
    #[getter]
    fn missing_rows(&self) -> Vec<String> {
        self.inner.missing_rows.clone()
    }

    /// The tables that were loaded by the columns that both sides have, with their rows.
    #[getter]
    fn loaded(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.loaded.get(py, "loaded_tables", || &self.inner.loaded)
    }

    /// What verifying said first, and what was put right; `None` without a baseline.
    #[getter]
    fn after(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.after.get(py, "after_restore", || &self.inner.after)
    }

    /// What verifying said last; `None` without a baseline: then nothing was verified.
    #[getter]
    fn report(&self) -> Option<Report> {
        self.inner.after.as_ref().map(|after| after.report().clone().into())
    }

    /// What is left to do until the application runs on it.
    #[getter]
    fn cut_over<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "cut_over", &self.inner.cut_over)
    }

    /// All that is volatile: instants, versions, what was written.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "restore_run", || &self.inner.run)
    }

    /// The exit code that the command would end with.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
    }

    /// What is left to do, as a list in Markdown to tick off.
    fn to_markdown(&self) -> String {
        self.inner.cut_over.to_markdown()
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
            "<drcore.Restored {} into {}: {} failed, {}>",
            self.inner.plan.digest,
            self.inner.plan.target.project,
            self.inner.failures().count(),
            self.inner.after.as_ref().map_or("not verified", |after| after.report().verdict.as_str()),
        )
    }
}

impl From<CoreRestored> for Restored {
    fn from(inner: CoreRestored) -> Self {
        Self { inner, errors: Lazy::new(), loaded: Lazy::new(), after: Lazy::new(), run: Lazy::new() }
    }
}
