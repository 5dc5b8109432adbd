//! One call: what cancels it, and who is told how far it is.

use std::sync::Arc;

use drcore::VerifyOptions;
use drcore::collect::Progress;
use drcore::connect::Dsn;
use napi::Status;
use napi::bindgen_prelude::Unknown;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::evidence::EvidenceHandle;

/// Told of progress, as JSON. Weak: it does not keep the process from ending.
pub(crate) type OnProgress = ThreadsafeFunction<String, Unknown<'static>, String, Status, false, true>;

/// One call, which can be cancelled.
#[napi]
#[derive(Default)]
pub struct Call {
    token: CancellationToken,
}

#[napi]
impl Call {
    /// A call that was not made yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the call, on the server too. It then answers soon.
    #[napi]
    pub fn cancel(&self) {
        self.token.cancel();
    }
}

/// The arguments of a call, as they came from JavaScript; not yet looked at.
pub(crate) struct Arguments {
    url: Option<String>,
    options: String,
    against: Option<EvidenceHandle>,
    token: CancellationToken,
    progress: Option<OnProgress>,
}

impl Arguments {
    pub(crate) fn new(
        call: &Call,
        url: Option<String>,
        options: String,
        against: Option<&EvidenceHandle>,
        progress: Option<OnProgress>,
    ) -> Self {
        Self { url, options, against: against.cloned(), token: call.token.clone(), progress }
    }

    /// The connection string: given, else the environment's.
    pub(crate) fn url(&self) -> drcore::Result<String> {
        self.url.clone().map_or_else(Dsn::from_environment, Ok)
    }

    pub(crate) fn options(self) -> drcore::Result<VerifyOptions> {
        let mut options = VerifyOptions::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            options.against = Some(evidence.into());
        }
        options.collect.cancel = self.token;
        if let Some(tell) = self.progress {
            options.collect.progress = Some(Arc::new(move |progress: Progress| {
                // Progress that cannot be told is not worth failing for.
                if let Ok(text) = progress.to_json() {
                    tell.call(text, ThreadsafeFunctionCallMode::NonBlocking);
                }
            }));
        }
        Ok(options)
    }
}
