//! What differs, kept in Rust.

use std::sync::{Arc, Mutex, PoisonError};

use drcore::diff::{DiffReport, DiffRows, side};
use drcore::report::TextOptions;
use drcore::{Against, Result};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;
use crate::evidence::EvidenceHandle;

/// Compares two sides: each is Evidence, a file, a URL, or none: the environment's database.
#[napi]
pub fn diff<'env>(
    env: &'env Env,
    call: &Call,
    a: Option<String>,
    b: Option<String>,
    evidence_a: Option<&EvidenceHandle>,
    evidence_b: Option<&EvidenceHandle>,
) -> napi::Result<PromiseRaw<'env, Answer<DiffHandle>>> {
    let call = call.clone();
    let (a, b) = (given(a.as_deref(), evidence_a), given(b.as_deref(), evidence_b));
    promise(env, async move { drcore::diff(&a?, &b?, &call.diff_options()?).await.map(Into::into) })
}

fn given(text: Option<&str>, evidence: Option<&EvidenceHandle>) -> Result<Against> {
    evidence.map_or_else(|| side(text), |evidence| Ok(evidence.into()))
}

/// What differs between two sides.
#[napi]
pub struct DiffHandle(Arc<DiffReport>);

impl From<DiffReport> for DiffHandle {
    fn from(diff: DiffReport) -> Self {
        Self(Arc::new(diff))
    }
}

#[napi]
impl DiffHandle {
    /// The JSON form, without values of rows.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// The JSON form with the values of rows.
    #[napi]
    pub fn json_with_values(&self) -> Answer<String> {
        answer(self.0.to_json_with_values())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// As text, without values of rows.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text(TextOptions::default())
    }

    /// All rows that differ, from the first.
    #[napi]
    pub fn rows(&self) -> Answer<RowsHandle> {
        answer(self.0.rows().map(|rows| RowsHandle(Arc::new(Mutex::new(rows)))))
    }
}

/// Rows that differ, one after the other.
#[napi]
pub struct RowsHandle(Arc<Mutex<DiffRows>>);

#[napi]
impl RowsHandle {
    /// The next rows, so many at most, as a JSON array; an empty one at the end.
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
pub fn read_diff(text: String) -> Answer<DiffHandle> {
    answer(DiffReport::from_json(&text).map(Into::into))
}
