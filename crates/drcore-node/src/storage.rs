//! What is wrong with the files of a project, kept in Rust.

use std::sync::{Arc, Mutex, PoisonError};

use drcore::report::TextOptions;
use drcore::storage::{StorageReport, StorageRow};
use drcore::{Result, Rows};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::verbs::address;

/// Compares the files of a store with the rows of a database.
#[napi]
pub fn storage_audit<'env>(
    env: &'env Env,
    call: &Call,
    url: Option<String>,
) -> napi::Result<PromiseRaw<'env, Answer<StorageHandle>>> {
    let call = call.clone();
    promise(env, async move {
        drcore::storage::audit(&address(url)?, &call.audit_options()?).await.map(Into::into)
    })
}

/// What is wrong with the files of a project.
#[napi]
pub struct StorageHandle(Arc<StorageReport>);

impl From<StorageReport> for StorageHandle {
    fn from(report: StorageReport) -> Self {
        Self(Arc::new(report))
    }
}

#[napi]
impl StorageHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// As text.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text(TextOptions::default())
    }

    /// Every file that something is wrong with, from the first.
    #[napi]
    pub fn rows(&self) -> Answer<StorageRowsHandle> {
        answer(self.0.rows().map(|rows| StorageRowsHandle(Arc::new(Mutex::new(rows)))))
    }
}

/// Files that something is wrong with, one after the other.
#[napi]
pub struct StorageRowsHandle(Arc<Mutex<Rows<StorageRow>>>);

#[napi]
impl StorageRowsHandle {
    /// The next ones, so many at most, as a JSON array; an empty one at the end.
    #[napi]
    pub fn next<'env>(&self, env: &'env Env, most: u32) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
        let rows = Arc::clone(&self.0);
        promise(env, async move {
            let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            let lines: Result<Vec<String>> =
                rows.by_ref().take(most as usize).map(|row| row?.to_json_line()).collect();
            Ok(format!("[{}]", lines?.join(",")))
        })
    }
}

/// Reads the JSON form.
#[napi]
pub fn read_storage(text: String) -> Answer<StorageHandle> {
    answer(StorageReport::from_json(&text).map(Into::into))
}
