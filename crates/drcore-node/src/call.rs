//! One call: how it is made, what cancels it, and who is told how far it is.

use std::sync::Arc;

use drcore::collect::{CollectOptions, Progress};
use drcore::{DiffOptions, GapOptions, VerifyOptions};
use napi::Status;
use napi::bindgen_prelude::Unknown;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::evidence::EvidenceHandle;

/// Told of progress, as JSON. Weak: it does not keep the process from ending.
type OnProgress = ThreadsafeFunction<String, Unknown<'static>, String, Status, false, true>;

/// One call, which can be cancelled.
#[napi]
#[derive(Clone)]
pub struct Call {
    options: Arc<str>,
    against: Option<EvidenceHandle>,
    progress: Option<Arc<OnProgress>>,
    token: CancellationToken,
}

#[napi]
impl Call {
    /// A call with these options, as JSON; not yet looked at.
    #[napi(constructor)]
    pub fn new(options: String, against: Option<&EvidenceHandle>, progress: Option<OnProgress>) -> Self {
        Self {
            options: options.into(),
            against: against.cloned(),
            progress: progress.map(Arc::new),
            token: CancellationToken::new(),
        }
    }

    /// Stops the call, on the server too. It then answers soon.
    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

impl Call {
    pub(crate) fn options(&self) -> drcore::Result<VerifyOptions> {
        let mut options = VerifyOptions::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            options.against = Some(evidence.into());
        }
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn diff_options(&self) -> drcore::Result<DiffOptions> {
        let mut options = DiffOptions::from_json(&self.options)?;
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn gap_options(&self) -> drcore::Result<GapOptions> {
        let mut options = GapOptions::from_json(&self.options)?;
        self.attach(&mut options.collect);
        Ok(options)
    }

    /// What no JSON can say.
    fn attach(&self, options: &mut CollectOptions) {
        options.cancel = self.token.clone();
        if let Some(tell) = self.progress.clone() {
            options.progress = Some(Arc::new(move |progress: Progress| {
                // Progress that cannot be told is not worth failing for.
                if let Ok(text) = progress.to_json() {
                    tell.call(text, ThreadsafeFunctionCallMode::NonBlocking);
                }
            }));
        }
    }
}
