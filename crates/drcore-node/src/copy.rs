//! What a copy would do, kept in Rust, and what came of it.

use std::sync::Arc;

use drcore::copy::{Copied, DataCopy, copy as plan_copy};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::report::ReportHandle;

/// Plans to copy the rows of the database at `source` into the one at `target`.
#[napi]
pub fn copy<'env>(
    env: &'env Env,
    call: &Call,
    source: String,
    target: String,
) -> napi::Result<PromiseRaw<'env, Answer<CopyHandle>>> {
    let call = call.clone();
    promise(env, async move {
        let options = call.copy_call()?;
        let planning = Box::pin(plan_copy(&source, &target, &options));
        call.or_cancelled(planning).await.map(Into::into)
    })
}

/// What a copy would do; nothing is written yet.
#[napi]
pub struct CopyHandle(Arc<DataCopy>);

impl From<DataCopy> for CopyHandle {
    fn from(copy: DataCopy) -> Self {
        Self(Arc::new(copy))
    }
}

#[napi]
impl CopyHandle {
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
    ) -> napi::Result<PromiseRaw<'env, Answer<CopiedHandle>>> {
        let (call, copy) = (call.clone(), Arc::clone(&self.0));
        promise(env, async move {
            call.none()?;
            let mut options = copy.execute_options();
            options.apply = digest;
            (options.cancel, options.progress) = call.watched();
            copy.execute(&options).await.map(Into::into)
        })
    }
}

/// A copy that came to its end.
#[napi]
pub struct CopiedHandle(Copied);

impl From<Copied> for CopiedHandle {
    fn from(copied: Copied) -> Self {
        Self(copied)
    }
}

#[napi]
impl CopiedHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// What was copied, and what could not be.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text()
    }

    /// What comparing said; none where something is missing.
    #[napi]
    pub fn report(&self) -> Option<ReportHandle> {
        self.0.report.as_deref().map(|report| report.clone().into())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }
}
