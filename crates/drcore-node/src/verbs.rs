//! The verbs, each one call of the core.

use drcore::connect::Dsn;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, promise};
use crate::call::Call;
use crate::evidence::EvidenceHandle;
use crate::gap::GapHandle;
use crate::report::ReportHandle;

/// Collects and judges.
#[napi]
pub fn verify<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<ReportHandle>>> {
    let call = call.clone();
    promise(env, async move { drcore::verify(&address(url)?, &call.options()?).await.map(Into::into) })
}

/// Collects what [`verify`] would judge.
#[napi]
pub fn collect<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<EvidenceHandle>>> {
    let call = call.clone();
    promise(env, async move { drcore::collect(&address(url)?, &call.options()?).await.map(Into::into) })
}

/// Collects Evidence to store beside a backup.
#[napi]
pub fn baseline<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<EvidenceHandle>>> {
    let call = call.clone();
    promise(env, async move { drcore::baseline(&address(url)?, &call.options()?).await.map(Into::into) })
}

/// Judges Evidence that was collected before.
#[napi]
pub fn judge<'env>(
    env: &'env Env,
    call: &Call,
    evidence: &EvidenceHandle,
) -> napi::Result<PromiseRaw<'env, Answer<ReportHandle>>> {
    let (call, evidence) = (call.clone(), evidence.clone());
    promise(env, async move { drcore::judge(&evidence.0, &call.options()?).await.map(Into::into) })
}

/// Counts the rows that were created after an instant.
#[napi]
pub fn gap<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<GapHandle>>> {
    let call = call.clone();
    promise(env, async move { drcore::gap(&address(url)?, &call.gap_options()?).await.map(Into::into) })
}

/// Writes a commented plan from what a database is like.
#[napi]
pub fn init<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move { drcore::init(&address(url)?, &call.options()?).await })
}

/// The connection string: given, else the environment's.
pub(crate) fn address(url: Option<String>) -> drcore::Result<String> {
    url.map_or_else(Dsn::from_environment, Ok)
}
