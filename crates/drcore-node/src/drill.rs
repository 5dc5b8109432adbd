//! Rehearsing a restore, and the records of what came of it.

use drcore::drill::{DrillRecords, Rehearsal, TrendOptions};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::report::ReportHandle;
use crate::restore::RestoredHandle;

/// Rehearses a restore on a backup.
#[napi]
pub fn drill<'env>(
    env: &'env Env,
    call: &Call,
    backup: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<RehearsalHandle>>> {
    let call = call.clone();
    promise(env, async move { call.rehearsal_call(backup.as_deref())?.run().await.map(Into::into) })
}

/// The review of an incident, in Markdown, from the JSON of records and from files.
#[napi]
pub fn review(records: Vec<String>, files: Vec<String>) -> Answer<String> {
    answer(drcore::review(&records, &files))
}

/// Writes the record of a drill; gives its name.
#[napi]
pub fn drills_record<'env>(
    env: &'env Env,
    call: &Call,
    place: String,
    rehearsal: &RehearsalHandle,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let (call, rehearsal) = (call.clone(), rehearsal.0.clone());
    promise(env, async move {
        call.none()?;
        call.or_cancelled(async { DrillRecords::open(&place)?.add(&rehearsal).await }).await
    })
}

/// All drills that are recorded in a place.
#[napi]
pub fn drills_history<'env>(
    env: &'env Env,
    call: &Call,
    place: String,
) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
    let call = call.clone();
    promise(env, async move {
        let options = TrendOptions::from_json(call.text())?;
        call.or_cancelled(async { DrillRecords::open(&place)?.history(&options).await?.to_json() }).await
    })
}

/// A drill that came to its end.
#[napi]
pub struct RehearsalHandle(Rehearsal);

impl From<Rehearsal> for RehearsalHandle {
    fn from(rehearsal: Rehearsal) -> Self {
        Self(rehearsal)
    }
}

#[napi]
impl RehearsalHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// The verdict and why, the steps with their times, the objectives.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text()
    }

    /// The row for the drill log, as a table.
    #[napi]
    pub fn markdown(&self) -> String {
        self.0.row.to_markdown_table()
    }

    /// Adds the row to a drill log.
    #[napi]
    pub fn append_to<'env>(&self, env: &'env Env, log: String) -> napi::Result<PromiseRaw<'env, Answer<()>>> {
        let row = self.0.row.clone();
        promise(env, async move { row.append_to(log) })
    }

    /// What came of the restore.
    #[napi]
    pub fn restored(&self) -> RestoredHandle {
        self.0.restored.clone().into()
    }

    /// What verifying said last.
    #[napi]
    pub fn report(&self) -> Option<ReportHandle> {
        self.0.report().cloned().map(Into::into)
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }
}

/// Reads the JSON form.
#[napi]
pub fn read_rehearsal(text: String) -> Answer<RehearsalHandle> {
    answer(Rehearsal::from_json(&text).map(Into::into))
}

/// Reads the JSON form from a file.
#[napi]
pub fn load_rehearsal(env: &Env, path: String) -> napi::Result<PromiseRaw<'_, Answer<RehearsalHandle>>> {
    promise(env, async move { Rehearsal::load(path).map(Into::into) })
}
