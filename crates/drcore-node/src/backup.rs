//! The verbs of backups. What they give are values: the JSON form.

use drcore::Result;
use drcore::backup::Repository;
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, promise};
use crate::call::Call;
use crate::verbs::address;

/// Takes a backup.
#[napi]
pub fn backup_take<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move { call.take_call()?.take(&address(url)?).await?.to_json() })
}

/// Holds on to what there is.
#[napi]
pub fn backup_salvage<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move { call.take_call()?.salvage(&address(url)?).await?.to_json() })
}

/// What a repository holds.
#[napi]
pub fn backup_list<'env>(
    env: &'env Env,
    call: &Call,
    repository: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move {
        call.none()?;
        call.or_cancelled(async { Repository::open(&repository)?.list().await?.to_json() }).await
    })
}

/// Looks into a backup.
#[napi]
pub fn backup_verify<'env>(
    env: &'env Env,
    call: &Call,
    repository: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move { call.verification_call(&repository)?.run().await?.to_json() })
}

/// Which backups are too old; with a digest, removes them.
#[napi]
pub fn backup_prune<'env>(
    env: &'env Env,
    call: &Call,
    repository: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move {
        let pruning = call.prune_call(&repository)?;
        let work = async {
            let text: Result<String> = match &pruning.apply {
                Some(_) => pruning.run().await?.to_json(),
                None => pruning.plan().await?.to_json(),
            };
            text
        };
        call.or_cancelled(work).await
    })
}
