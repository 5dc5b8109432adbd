//! The verbs of the platform. Their options are the core's own JSON, and what they give are values.

use drcore::platform::{PitrCall, PitrWaiting, Platform};
use drcore::{Against, Result};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::give;
use crate::evidence::Evidence;

/// Starts `drcore.platform.backups`.
#[pyfunction]
pub(crate) fn platform_backups(project: String, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let work = |_, _| async move { Platform::from_environment()?.backups(&project).await };
    Call::start_giving(wake, work, |py, facts| give(py, "platform_facts", &facts))
}

/// Starts `drcore.platform.pitr` without a digest.
#[pyfunction]
pub(crate) fn platform_pitr_plan(project: &str, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let call = PitrCall::from_json(project, options);
    let work = |_, _| async move { call?.plan(&Platform::from_environment()?).await };
    Call::start_giving(wake, work, |py, plan| give(py, "pitr_plan", &plan))
}

/// Starts `drcore.platform.pitr` with the digest of a plan.
#[pyfunction]
pub(crate) fn platform_pitr(
    project: &str,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let call = read(project, options, against);
    let work = |cancel, sink| async move {
        let mut call = call?;
        call.verify.collect.cancel = cancel;
        call.verify.collect.progress = Some(sink);
        let mut waiting = PitrWaiting::default();
        waiting.cancel = call.verify.collect.cancel.clone();
        call.run(&Platform::from_environment()?, &waiting).await
    };
    Call::start_giving(wake, work, |py, run| give(py, "pitr_run", &run))
}

fn read(project: &str, options: &str, against: Option<&Bound<'_, Evidence>>) -> Result<PitrCall> {
    let mut call = PitrCall::from_json(project, options)?;
    if let Some(evidence) = against {
        call.verify.against = Some(Against::Evidence(Box::new(evidence.get().inner().clone())));
    }
    Ok(call)
}
