//! What puts findings right, kept in Rust, and what became of it.

use std::sync::Arc;

use drcore::Severity;
use drcore::restore::repair::apply;
use drcore::restore::{Repair, Repaired};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::report::ReportHandle;

/// Plans what puts the findings of a database, or of a report on it, right.
#[napi]
pub fn repair<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
    report: Option<&ReportHandle>,
) -> napi::Result<PromiseRaw<'env, Answer<RepairHandle>>> {
    let (call, report) = (call.clone(), report.map(ReportHandle::report));
    promise(env, async move {
        let mut options = call.repair_call()?;
        let url = match &report {
            Some(_) => url.unwrap_or_default(),
            None => crate::verbs::address(url)?,
        };
        options.report = report.map(Box::new);
        drcore::repair(&url, &options).await.map(Into::into)
    })
}

/// What puts the findings of a report right; not yet applied.
#[napi]
pub struct RepairHandle(Arc<Repair>);

impl From<Repair> for RepairHandle {
    fn from(repair: Repair) -> Self {
        Self(Arc::new(repair))
    }
}

#[napi]
impl RepairHandle {
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

    /// As a script for psql.
    #[napi]
    pub fn sql(&self) -> String {
        self.0.plan.to_sql()
    }

    /// The report that it answers.
    #[napi]
    pub fn report(&self) -> ReportHandle {
        self.0.report.clone().into()
    }

    /// Applies it to the database at `url`, which must be `project`, and verifies again.
    #[napi]
    pub fn apply<'env>(
        &self,
        env: &'env Env,
        call: &Call,
        url: String,
        project: String,
    ) -> napi::Result<PromiseRaw<'env, Answer<RepairedHandle>>> {
        let (call, repair) = (call.clone(), Arc::clone(&self.0));
        promise(env, async move {
            let mut options = repair.options.clone();
            call.attach(&mut options.collect);
            apply(&url, &project, repair.plan.clone(), &repair.report, &options).await.map(Into::into)
        })
    }
}

/// A plan that was applied, and what verifying again said.
#[napi]
pub struct RepairedHandle(Repaired);

impl From<Repaired> for RepairedHandle {
    fn from(repaired: Repaired) -> Self {
        Self(repaired)
    }
}

#[napi]
impl RepairedHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// What was written, and which findings are fixed, still there or new.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text()
    }

    /// What verifying again said.
    #[napi]
    pub fn report(&self) -> ReportHandle {
        self.0.after.clone().into()
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.after.exit_code(Severity::Warning)
    }
}
