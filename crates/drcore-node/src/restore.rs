//! What a restore would do, kept in Rust, and what came of it.

use std::sync::Arc;

use drcore::restore::restore as plan_restore;
use drcore::restore::{Restore, Restored};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::report::ReportHandle;

/// Plans the restore of a dump into the database at `url`.
#[napi]
pub fn restore<'env>(
    env: &'env Env,
    call: &Call,
    archive: String,
    url: String,
) -> napi::Result<PromiseRaw<'env, Answer<RestoreHandle>>> {
    let call = call.clone();
    promise(env, async move {
        let options = call.restore_call()?;
        let planning = Box::pin(plan_restore(&archive, &url, &options));
        call.or_cancelled(planning).await.map(Into::into)
    })
}

/// What a restore would do; nothing is written yet.
#[napi]
pub struct RestoreHandle(Arc<Restore>);

impl From<Restore> for RestoreHandle {
    fn from(restore: Restore) -> Self {
        Self(Arc::new(restore))
    }
}

#[napi]
impl RestoreHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.plan.to_json())
    }

    /// For reviewing.
    #[napi]
    pub fn text(&self) -> String {
        self.0.plan.to_text()
    }

    /// Whether it must have been reviewed.
    #[napi]
    pub fn needs_review(&self) -> bool {
        self.0.plan.needs_review()
    }

    /// Does it: the plan of this digest, where one is given.
    #[napi]
    pub fn execute<'env>(
        &self,
        env: &'env Env,
        call: &Call,
        digest: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Answer<RestoredHandle>>> {
        let (call, restore) = (call.clone(), Arc::clone(&self.0));
        promise(env, async move {
            call.none()?;
            let mut options = restore.execute_options();
            options.apply = digest;
            (options.cancel, options.progress) = call.watched();
            restore.execute(&options).await.map(Into::into)
        })
    }
}

/// A restore that came to its end.
#[napi]
pub struct RestoredHandle(Restored);

impl From<Restored> for RestoredHandle {
    fn from(restored: Restored) -> Self {
        Self(restored)
    }
}

#[napi]
impl RestoredHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// What was restored, and what could not be.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text()
    }

    /// What is left to do, to tick off.
    #[napi]
    pub fn markdown(&self) -> String {
        self.0.cut_over.to_markdown()
    }

    /// What verifying said last; none without a baseline.
    #[napi]
    pub fn report(&self) -> Option<ReportHandle> {
        self.0.after.as_ref().map(|after| after.report().clone().into())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }
}
