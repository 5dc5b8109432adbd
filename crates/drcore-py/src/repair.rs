//! The verb and the handles of a repair: what puts findings right, and what became of it.

use drcore::connect::Dsn;
use drcore::restore::repair::apply as apply_plan;
use drcore::restore::{Repair, RepairCall, Repaired as CoreRepaired};
use drcore::{Against, Result, Severity};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::{Lazy, plain};
use crate::error::IntoPyResult;
use crate::evidence::Evidence;
use crate::report::Report;

/// Starts `drcore.repair`. With a report, nothing is read.
#[pyfunction]
pub(crate) fn repair(
    url: Option<String>,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    report: Option<&Bound<'_, Report>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let call = read(options, against, report);
    let url = match report {
        Some(_) => Ok(url.unwrap_or_default()),
        None => url.map_or_else(Dsn::from_environment, Ok),
    };
    Call::start::<RepairPlan, _, _>(wake, |cancel, sink| async move {
        let mut call = call?;
        call.verify.collect.cancel = cancel;
        call.verify.collect.progress = Some(sink);
        drcore::repair(&url?, &call).await
    })
}

fn read(
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    report: Option<&Bound<'_, Report>>,
) -> Result<RepairCall> {
    let mut call = RepairCall::from_json(options)?;
    if let Some(evidence) = against {
        call.verify.against = Some(Against::Evidence(Box::new(evidence.get().inner().clone())));
    }
    call.report = report.map(|report| Box::new(report.get().inner().clone()));
    Ok(call)
}

/// Starts `drcore.apply`.
#[pyfunction]
pub(crate) fn apply(
    plan: &Bound<'_, RepairPlan>,
    url: String,
    project: String,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let Repair { plan, report, mut options, .. } = plan.get().inner.clone();
    Call::start::<Repaired, _, _>(wake, |cancel, sink| async move {
        options.collect.cancel = cancel;
        options.collect.progress = Some(sink);
        apply_plan(&url, &project, plan, &report, &options).await
    })
}

/// What puts the findings of a report right, in order, as one transaction; not yet applied.
///
/// `print(plan)` shows it for reviewing.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct RepairPlan {
    inner: Repair,
    statements: Lazy,
    left: Lazy,
}

#[pymethods]
impl RepairPlan {
    /// By which a reviewed plan is known: it changes with every statement and with the database.
    #[getter]
    fn digest(&self) -> String {
        self.inner.plan.digest.clone()
    }

    /// What it is for: the ref of a hosted project, else `database@system_identifier`.
    #[getter]
    fn project(&self) -> Option<String> {
        self.inner.plan.project.clone()
    }

    /// The statements, in order.
    #[getter]
    fn statements(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.statements.get(py, "repair_statements", || &self.inner.plan.statements)
    }

    /// The findings that it does not answer, and why.
    #[getter]
    fn left(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.left.get(py, "left_out", || &self.inner.plan.left)
    }

    /// The report that it answers.
    #[getter]
    fn report(&self) -> Report {
        self.inner.report.clone().into()
    }

    /// Applies it to a `drcore.Target`, all of it or nothing, and verifies again.
    #[pyo3(signature = (target, *, on_progress=None))]
    fn execute<'py>(
        slf: &Bound<'py, Self>,
        target: &Bound<'py, PyAny>,
        on_progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let named = pyo3::types::PyDict::new(py);
        named.set_item("on_progress", on_progress)?;
        py.import("drcore._verbs")?.call_method("apply", (slf, target), Some(&named))
    }

    /// The plan as a script for psql: one transaction, the findings as comments.
    fn to_sql(&self) -> String {
        self.inner.plan.to_sql()
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
            "<drcore.RepairPlan {} for {}: {} statements, {} findings left>",
            plan.digest,
            plan.project.as_deref().unwrap_or("an unknown database"),
            plan.statements.len(),
            plan.left.len(),
        )
    }
}

impl From<Repair> for RepairPlan {
    fn from(inner: Repair) -> Self {
        Self { inner, statements: Lazy::new(), left: Lazy::new() }
    }
}

/// A plan that was applied, and what verifying again said.
#[pyclass(frozen, module = "drcore")]
pub(crate) struct Repaired {
    inner: CoreRepaired,
    writes: Lazy,
    comparison: Lazy,
}

#[pymethods]
impl Repaired {
    /// Everything that was written, with its time.
    #[getter]
    fn writes(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.writes.get(py, "writes", || &self.inner.writes)
    }

    /// The findings of before, after it: fixed, still there, new, or not known.
    #[getter]
    fn comparison(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        self.comparison.get(py, "comparison", || &self.inner.comparison)
    }

    /// What verifying again said.
    #[getter]
    fn report(&self) -> Report {
        self.inner.after.clone().into()
    }

    /// The exit code that the command would end with.
    #[getter]
    fn exit_code(&self) -> u8 {
        self.inner.after.exit_code(Severity::Warning)
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
        let comparison = &self.inner.comparison;
        format!(
            "<drcore.Repaired {}: {} fixed, {} still there, {} new>",
            self.inner.plan.digest,
            comparison.fixed.len(),
            comparison.still.len(),
            comparison.new.len(),
        )
    }
}

impl From<CoreRepaired> for Repaired {
    fn from(inner: CoreRepaired) -> Self {
        Self { inner, writes: Lazy::new(), comparison: Lazy::new() }
    }
}
