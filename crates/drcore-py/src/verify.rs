//! The verbs of the core's `verify.rs`. Options are the core's own JSON; Evidence comes as a handle.

use drcore::connect::Dsn;
use drcore::{Against, Result, VerifyOptions};
use pyo3::prelude::*;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, ProgressSink};
use crate::evidence::Evidence;
use crate::report::Report;

/// Starts `drcore.verify`.
#[pyfunction]
pub(crate) fn verify(
    url: Option<String>,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let (url, options) = (named(url), read(options, against));
    Call::start::<Report, _, _>(wake, |cancel, sink| async move {
        drcore::verify(&url?, &with(options?, cancel, sink)).await
    })
}

/// Starts `drcore.collect`.
#[pyfunction]
pub(crate) fn collect(
    url: Option<String>,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let (url, options) = (named(url), read(options, against));
    Call::start::<Evidence, _, _>(wake, |cancel, sink| async move {
        drcore::collect(&url?, &with(options?, cancel, sink)).await
    })
}

/// Starts `drcore.judge`.
#[pyfunction]
pub(crate) fn judge(
    evidence: &Bound<'_, Evidence>,
    options: &str,
    against: Option<&Bound<'_, Evidence>>,
    wake: Option<Py<PyAny>>,
) -> PyResult<Call> {
    let (evidence, options) = (evidence.get().inner().clone(), read(options, against));
    Call::start::<Report, _, _>(wake, |cancel, sink| async move {
        drcore::judge(&evidence, &with(options?, cancel, sink)).await
    })
}

/// Starts `drcore.baseline`.
#[pyfunction]
pub(crate) fn baseline(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, options) = (named(url), read(options, None));
    Call::start::<Evidence, _, _>(wake, |cancel, sink| async move {
        drcore::baseline(&url?, &with(options?, cancel, sink)).await
    })
}

/// Starts `drcore.init`.
#[pyfunction]
pub(crate) fn init(url: Option<String>, options: &str, wake: Option<Py<PyAny>>) -> PyResult<Call> {
    let (url, options) = (named(url), read(options, None));
    let work = |cancel, sink| async move { drcore::init(&url?, &with(options?, cancel, sink)).await };
    Call::start_giving(wake, work, |py, plan: String| Ok(plan.into_pyobject(py)?.into_any().unbind()))
}

/// The database that was named, else that of the environment.
pub(crate) fn named(url: Option<String>) -> Result<String> {
    url.map_or_else(Dsn::from_environment, Ok)
}

fn read(options: &str, against: Option<&Bound<'_, Evidence>>) -> Result<VerifyOptions> {
    let mut options = VerifyOptions::from_json(options)?;
    if let Some(evidence) = against {
        options.against = Some(Against::Evidence(Box::new(evidence.get().inner().clone())));
    }
    Ok(options)
}

fn with(mut options: VerifyOptions, cancel: CancellationToken, sink: ProgressSink) -> VerifyOptions {
    options.collect.cancel = cancel;
    options.collect.progress = Some(sink);
    options
}
