//! The verbs of the platform. What they give are values: the JSON form.

use drcore::Result;
use drcore::platform::Platform;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, promise};
use crate::call::Call;

/// The backups of a project, as the platform tells.
#[napi]
pub fn platform_backups<'env>(
    env: &'env Env,
    call: &Call,
    project: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move {
        call.none()?;
        let asking = async { Platform::from_environment()?.backups(&project).await?.to_json() };
        call.or_cancelled(asking).await
    })
}

/// Plans going back in time; with a digest, starts it.
#[napi]
pub fn platform_pitr<'env>(
    env: &'env Env,
    call: &Call,
    project: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move {
        let (pitr, waiting) = call.pitr_call(&project)?;
        let platform = Platform::from_environment()?;
        let text: Result<String> = match &pitr.apply {
            Some(_) => Box::pin(pitr.run(&platform, &waiting)).await?.to_json(),
            None => call.or_cancelled(Box::pin(pitr.plan(&platform))).await?.to_json(),
        };
        text
    })
}
