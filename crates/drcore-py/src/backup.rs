//! The verbs of backups. Their options are the core's own JSON, and what they give are values.

use drcore::backup::{PruneCall, Repository, TakeCall, Taken, VerificationCall};
use pyo3::prelude::*;

use crate::call::Call;
use crate::convert::give;
use crate::verify::named;

/// Starts `drcore.backup.take`.
#[pyfunction]
pub(crate) fn backup_take(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, call) = (named(url), TakeCall::from_json(options));
    let work = |cancel, sink| async move {
        let mut call = call?;
        call.options.collect.cancel = cancel;
        call.options.collect.progress = Some(sink);
        call.take(&url?).await
    };
    Call::start_giving(wake, work, |py, taken: Taken| give(py, "taken", &taken))
}

/// Starts `drcore.backup.salvage`.
#[pyfunction]
pub(crate) fn backup_salvage(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, call) = (named(url), TakeCall::from_json(options));
    let work = |cancel, sink| async move {
        let mut call = call?;
        call.options.collect.cancel = cancel;
        call.options.collect.progress = Some(sink);
        call.salvage(&url?).await
    };
    Call::start_giving(wake, work, |py, taken: Taken| give(py, "taken", &taken))
}

/// Starts `drcore.backup.list`.
#[pyfunction]
pub(crate) fn backup_list(repository: String, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let work = |_, _| async move { Repository::open(&repository)?.list().await };
    Call::start_giving(wake, work, |py, list| give(py, "backups", &list))
}

/// Starts `drcore.backup.verify`.
#[pyfunction]
pub(crate) fn backup_verify(repository: &str, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let call = VerificationCall::from_json(repository, options);
    let work = |cancel, sink| async move {
        let mut call = call?;
        call.options.cancel = cancel;
        call.options.progress = Some(sink);
        call.run().await
    };
    Call::start_giving(wake, work, |py, verification| give(py, "verification", &verification))
}

/// Starts `drcore.backup.prune` without a digest.
#[pyfunction]
pub(crate) fn backup_prune_plan(repository: &str, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let call = PruneCall::from_json(repository, options);
    let work = |_, _| async move { call?.plan().await };
    Call::start_giving(wake, work, |py, plan| give(py, "prune_plan", &plan))
}

/// Starts `drcore.backup.prune` with the digest of a plan.
#[pyfunction]
pub(crate) fn backup_prune(repository: &str, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let call = PruneCall::from_json(repository, options);
    let work = |_, _| async move { call?.run().await };
    Call::start_giving(wake, work, |py, pruned| give(py, "pruned", &pruned))
}
