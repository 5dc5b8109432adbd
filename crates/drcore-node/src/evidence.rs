//! Evidence, kept in Rust.

use std::sync::Arc;

use drcore::{Against, Evidence};
use napi::Env;
use napi::bindgen_prelude::{ClassInstance, PromiseRaw};
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};

/// Evidence.
#[napi]
#[derive(Clone)]
pub struct EvidenceHandle(pub(crate) Arc<Evidence>);

impl From<Evidence> for EvidenceHandle {
    fn from(evidence: Evidence) -> Self {
        Self(Arc::new(evidence))
    }
}

impl From<&EvidenceHandle> for Against {
    fn from(handle: &EvidenceHandle) -> Self {
        Self::Evidence(Box::new((*handle.0).clone()))
    }
}

#[napi]
impl EvidenceHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// Writes the JSON form to a file, whole or not at all.
    #[napi]
    pub fn save<'env>(&self, env: &'env Env, path: String) -> napi::Result<PromiseRaw<'env, Answer<()>>> {
        let evidence = Arc::clone(&self.0);
        promise(env, async move { evidence.save(path) })
    }
}

/// What all of these know together.
#[napi]
pub fn merge_evidence(all: Vec<ClassInstance<'_, EvidenceHandle>>) -> Answer<EvidenceHandle> {
    let all = all.iter().map(|one| (*one.0).clone());
    answer(Evidence::merge(all).map(Into::into))
}

/// Reads the JSON form.
#[napi]
pub fn read_evidence(text: String) -> Answer<EvidenceHandle> {
    answer(Evidence::from_json(&text).map(Into::into))
}

/// Reads the JSON form from a file.
#[napi]
pub fn load_evidence(env: &Env, path: String) -> napi::Result<PromiseRaw<'_, Answer<EvidenceHandle>>> {
    promise(env, async move { Evidence::load(path).map(Into::into) })
}
