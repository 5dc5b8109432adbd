//! One call: how it is made, what cancels it, and who is told how far it is.

use std::sync::Arc;

use drcore::archive::InspectOptions;
use drcore::backup::{PruneCall, TakeCall, VerificationCall};
use drcore::collect::{CollectOptions, Progress};
use drcore::copy::CopyCall;
use drcore::drill::RehearsalCall;
use drcore::platform::{PitrCall, PitrWaiting};
use drcore::restore::{RepairCall, RestoreCall};
use drcore::storage::AuditOptions;
use drcore::{DiffOptions, Error, ErrorKind, GapOptions, Result, VerifyOptions};
use napi::Status;
use napi::bindgen_prelude::Unknown;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tokio_util::sync::CancellationToken;

use crate::evidence::EvidenceHandle;

/// Told of progress, as JSON. Weak: it does not keep the process from ending.
type OnProgress = ThreadsafeFunction<String, Unknown<'static>, String, Status, false, true>;

/// What the core tells of its progress.
type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

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
    pub(crate) fn options(&self) -> Result<VerifyOptions> {
        let mut options = VerifyOptions::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            options.against = Some(evidence.into());
        }
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn audit_options(&self) -> Result<AuditOptions> {
        let mut options = AuditOptions::from_json(&self.options)?;
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn diff_options(&self) -> Result<DiffOptions> {
        let mut options = DiffOptions::from_json(&self.options)?;
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn gap_options(&self) -> Result<GapOptions> {
        let mut options = GapOptions::from_json(&self.options)?;
        self.attach(&mut options.collect);
        Ok(options)
    }

    pub(crate) fn inspect_options(&self) -> Result<InspectOptions> {
        let mut options = InspectOptions::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            options.against = Some(evidence.into());
        }
        options.cancel = self.token.clone();
        Ok(options)
    }

    pub(crate) fn rehearsal_call(&self, backup: Option<&str>) -> Result<RehearsalCall> {
        let mut call = RehearsalCall::from_json(backup, &self.options)?;
        if let Some(evidence) = &self.against {
            call.options.verify.against = Some(evidence.into());
        }
        self.attach(&mut call.options.verify.collect);
        Ok(call)
    }

    pub(crate) fn repair_call(&self) -> Result<RepairCall> {
        let mut call = RepairCall::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            call.verify.against = Some(evidence.into());
        }
        self.attach(&mut call.verify.collect);
        Ok(call)
    }

    pub(crate) fn restore_call(&self) -> Result<RestoreCall> {
        let mut call = RestoreCall::from_json(&self.options)?;
        if let Some(evidence) = &self.against {
            call.verify.against = Some(evidence.into());
        }
        self.attach(&mut call.verify.collect);
        Ok(call)
    }

    pub(crate) fn copy_call(&self) -> Result<CopyCall> {
        let mut call = CopyCall::from_json(&self.options)?;
        self.attach(&mut call.verify.collect);
        Ok(call)
    }

    pub(crate) fn take_call(&self) -> Result<TakeCall> {
        let mut call = TakeCall::from_json(&self.options)?;
        self.attach(&mut call.options.collect);
        Ok(call)
    }

    pub(crate) fn verification_call(&self, repository: &str) -> Result<VerificationCall> {
        let mut call = VerificationCall::from_json(repository, &self.options)?;
        (call.options.cancel, call.options.progress) = self.watched();
        Ok(call)
    }

    pub(crate) fn pitr_call(&self, project: &str) -> Result<(PitrCall, PitrWaiting)> {
        let mut call = PitrCall::from_json(project, &self.options)?;
        if let Some(evidence) = &self.against {
            call.verify.against = Some(evidence.into());
        }
        self.attach(&mut call.verify.collect);
        let mut waiting = PitrWaiting::default();
        waiting.cancel = self.token.clone();
        Ok((call, waiting))
    }

    pub(crate) fn prune_call(&self, repository: &str) -> Result<PruneCall> {
        PruneCall::from_json(repository, &self.options)
    }

    /// For a call that has no options of its own.
    pub(crate) fn none(&self) -> Result<()> {
        match (self.options.trim(), &self.against) {
            ("" | "{}", None) => Ok(()),
            _ => Err(Error::new(ErrorKind::Usage, "there are no such options; there is signal")),
        }
    }

    /// The options, as JSON.
    pub(crate) fn text(&self) -> &str {
        &self.options
    }

    /// What it gives, unless it is cancelled before.
    pub(crate) async fn or_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let stopped = || Err(Error::new(ErrorKind::Cancelled, "cancelled by the caller"));
        self.token.run_until_cancelled(work).await.unwrap_or_else(stopped)
    }

    /// What no JSON can say.
    pub(crate) fn attach(&self, options: &mut CollectOptions) {
        let (cancel, progress) = self.watched();
        options.cancel = cancel;
        if progress.is_some() {
            options.progress = progress;
        }
    }

    /// What cancels it, and who is told how far it is.
    pub(crate) fn watched(&self) -> (CancellationToken, Option<ProgressSink>) {
        let sink = self.progress.clone().map(|tell| -> ProgressSink {
            Arc::new(move |progress: Progress| {
                // Progress that cannot be told is not worth failing for.
                if let Ok(text) = progress.to_json() {
                    tell.call(text, ThreadsafeFunctionCallMode::NonBlocking);
                }
            })
        });
        (self.token.clone(), sink)
    }
}
