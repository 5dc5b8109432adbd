//! The verbs, each one call of the core.

use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, promise};
use crate::call::{Arguments, Call, OnProgress};
use crate::evidence::EvidenceHandle;
use crate::report::ReportHandle;

/// Collects and judges.
#[napi]
pub fn verify<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
    options: String,
    against: Option<&EvidenceHandle>,
    progress: Option<OnProgress>,
) -> napi::Result<PromiseRaw<'env, Answer<ReportHandle>>> {
    let arguments = Arguments::new(call, url, options, against, progress);
    promise(env, async move {
        let url = arguments.url()?;
        drcore::verify(&url, &arguments.options()?).await.map(Into::into)
    })
}

/// Collects what [`verify`] would judge.
#[napi]
pub fn collect<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
    options: String,
    against: Option<&EvidenceHandle>,
    progress: Option<OnProgress>,
) -> napi::Result<PromiseRaw<'env, Answer<EvidenceHandle>>> {
    let arguments = Arguments::new(call, url, options, against, progress);
    promise(env, async move {
        let url = arguments.url()?;
        drcore::collect(&url, &arguments.options()?).await.map(Into::into)
    })
}

/// Collects Evidence to store beside a backup.
#[napi]
pub fn baseline<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
    options: String,
    against: Option<&EvidenceHandle>,
    progress: Option<OnProgress>,
) -> napi::Result<PromiseRaw<'env, Answer<EvidenceHandle>>> {
    let arguments = Arguments::new(call, url, options, against, progress);
    promise(env, async move {
        let url = arguments.url()?;
        drcore::baseline(&url, &arguments.options()?).await.map(Into::into)
    })
}

/// Judges Evidence that was collected before.
#[napi]
pub fn judge<'env>(
    env: &'env Env,
    call: &Call,
    evidence: &EvidenceHandle,
    options: String,
    against: Option<&EvidenceHandle>,
    progress: Option<OnProgress>,
) -> napi::Result<PromiseRaw<'env, Answer<ReportHandle>>> {
    let arguments = Arguments::new(call, None, options, against, progress);
    let evidence = evidence.clone();
    promise(env, async move { drcore::judge(&evidence.0, &arguments.options()?).await.map(Into::into) })
}
