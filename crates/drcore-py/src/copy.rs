//! The verb and the handles of a copy: what would be copied, and what came of it.

use std::sync::Arc;

use drcore::copy::{Copied as CoreCopied, CopyCall, DataCopy, copy as plan_copy};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain, value};
use crate::error::IntoPyResult;
use crate::report::Report;

/// Starts `drcore.copy`.
#[pyfunction]
pub(crate) fn copy(source: String, target: String, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let call = CopyCall::from_json(options);
    Call::start::<CopyPlan, _, _>(wake, |cancel, sink| async move {
        let mut call = call?;
        call.verify.collect.cancel = cancel;
        call.verify.collect.progress = Some(sink);
        plan_copy(&source, &target, &call).await
    })
}

/// Starts `drcore.execute` of a copy.
#[pyfunction]
pub(crate) fn execute_copy(
    plan: &Bound<'_, CopyPlan>,
    digest: Option<String>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let copy = Arc::clone(&plan.get().inner);
    Call::start::<Copied, _, _>(wake, |cancel, sink| async move {
        let mut options = copy.execute_options();
        options.apply = digest;
        options.cancel = cancel;
        options.progress = Some(sink);
        copy.execute(&options).await
    })
}

/// What a copy would do, and what it leaves out; nothing is written yet.
///
/// `print(plan)` shows it for reviewing.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct CopyPlan {
    inner: Arc<DataCopy>,
    tables: Lazy,
    sequences: Lazy,
    left_out: Lazy,
}

#[pymethods]
impl CopyPlan {
    /// By which a reviewed plan is known: it changes with both databases and everything that is done.
    #[getter]
    fn digest(&self) -> String {
        self.inner.plan.digest.clone()
    }

    /// Whether it must have been reviewed: it takes away rows that are there.
    #[getter]
    fn needs_review(&self) -> bool {
        self.inner.plan.needs_review()
    }

    /// What is copied from.
    #[getter]
    fn source<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "copy_side", &self.inner.plan.source)
    }

    /// What is copied into.
    #[getter]
    fn target<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        value(py, "copy_side", &self.inner.plan.target)
    }

    /// What happens to rows that the tables of the target hold.
    #[getter]
    fn onto(&self) -> &'static str {
        self.inner.plan.onto.as_str()
    }

    /// How many tables, or parts of one, are copied at once.
    #[getter]
    fn jobs(&self) -> u32 {
        self.inner.plan.jobs
    }

    /// Whether triggers and foreign keys of the target are off while rows come.
    #[getter]
    fn replica_role(&self) -> bool {
        self.inner.plan.replica_role
    }

    /// The tables, parents before children.
    #[getter]
    fn tables(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.tables.get(py, "table_copies", || &self.inner.plan.tables)
    }

    /// Sequences that get the values of the source.
    #[getter]
    fn sequences(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.sequences.get(py, "sequence_copies", || &self.inner.plan.sequences)
    }

    /// Tables of the source that are not copied, and why.
    #[getter]
    fn left_out(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.left_out.get(py, "not_copied", || &self.inner.plan.left_out)
    }

    /// How many large objects the source has: they are no rows of a table, and not copied.
    #[getter]
    fn large_objects(&self) -> u64 {
        self.inner.plan.large_objects
    }

    /// Copies, and compares with what was copied; the same as `drcore.execute`.
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
            "<drcore.CopyPlan {} of {} into {}: {} tables, {} left out>",
            plan.digest,
            plan.source.name(),
            plan.target.name(),
            plan.tables.len(),
            plan.left_out.len(),
        )
    }
}

impl From<DataCopy> for CopyPlan {
    fn from(inner: DataCopy) -> Self {
        Self { inner: Arc::new(inner), tables: Lazy::new(), sequences: Lazy::new(), left_out: Lazy::new() }
    }
}

/// A copy that came to its end: what came, what could not, and what comparing it said.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct Copied {
    inner: CoreCopied,
    tables: Lazy,
    errors: Lazy,
    run: Lazy,
}

#[pymethods]
impl Copied {
    /// The digest of the plan that was done.
    #[getter]
    fn digest(&self) -> String {
        self.inner.plan.digest.clone()
    }

    /// The tables whose rows all came.
    #[getter]
    fn tables(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.tables.get(py, "copied_tables", || &self.inner.tables)
    }

    /// What could not be copied: as long as it is missing, the target stays marked as half copied.
    #[getter]
    fn errors(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.errors.get(py, "object_errors", || &self.inner.errors)
    }

    /// The copied tables, compared with what they were copied from; `None` where something is missing.
    #[getter]
    fn report(&self) -> Option<Report> {
        self.inner.report.as_deref().map(|report| report.clone().into())
    }

    /// All that is volatile: instants, and what was written.
    #[getter]
    fn run(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.run.get(py, "copy_run", || &self.inner.run)
    }

    /// The exit code that the command would end with.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.exit_code()
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
            "<drcore.Copied {} into {}: {} tables, {} failed, {}>",
            self.inner.plan.digest,
            self.inner.plan.target.name(),
            self.inner.tables.len(),
            self.inner.errors.len(),
            self.inner.report.as_ref().map_or("not verified", |report| report.verdict.as_str()),
        )
    }
}

impl From<CoreCopied> for Copied {
    fn from(inner: CoreCopied) -> Self {
        Self { inner, tables: Lazy::new(), errors: Lazy::new(), run: Lazy::new() }
    }
}
