//! A call to the core that runs on its own: it is waited for from Python's side,
//! where signals, tasks and callbacks are at home.

use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use drcore::collect::Progress;
use drcore::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use pyo3::{PyClass, PyClassInitializer};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::error::IntoPyResult;

/// How long a cancelled call may take to cancel on the server, before it is dropped.
const GRACE: Duration = Duration::from_millis(900);

/// Makes the handle of what a call gives.
type Give = Box<dyn FnOnce(Python<'_>) -> PyResult<Py<PyAny>> + Send>;

/// A call that runs. Dropping it cancels it.
#[pyclass(frozen, module = "drcore._native")]
pub(crate) struct Call {
    shared: Arc<Shared>,
    cancel: CancellationToken,
    _guard: DropGuard,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    wake: Option<Py<PyAny>>,
}

#[derive(Default)]
struct State {
    /// The last that was told; what nobody took in time is replaced.
    progress: Option<Progress>,
    done: bool,
    value: Option<Result<Give>>,
}

#[pymethods]
impl Call {
    /// Waits until there is progress to take, or the call is done, or so many
    /// seconds have passed. Says whether it is done.
    fn wait(&self, py: Python<'_>, seconds: f64) -> bool {
        py.detach(|| {
            let until = Instant::now() + Duration::from_secs_f64(seconds.clamp(0.0, 60.0));
            let mut state = self.shared.lock();
            while !state.done && state.progress.is_none() {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state =
                    self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
            state.done
        })
    }

    /// Whether it is done.
    fn done(&self) -> bool {
        self.shared.lock().done
    }

    /// Takes the last progress, as JSON, if there is any that was not taken yet.
    fn progress(&self) -> PyResult<Option<String>> {
        let progress = self.shared.lock().progress.take();
        progress.map(|progress| progress.to_json()).transpose().into_py_result()
    }

    /// Cancels it, on the server too. It is done within a second.
    fn cancel(&self) {
        self.cancel.cancel();
    }

    /// Takes what it gives, once it is done, or raises what went wrong.
    fn result(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let value = self.shared.lock().value.take();
        let give = value
            .unwrap_or_else(|| Err(Error::new(ErrorKind::Internal, "the call is not done")))
            .into_py_result()?;
        give(py)
    }
}

impl Call {
    /// Starts one, whose value becomes a handle of class `H`. `wake` is called, from
    /// another thread, whenever there is something to take.
    pub(crate) fn start<H, V, F>(
        wake: Option<Py<PyAny>>,
        call: impl FnOnce(CancellationToken, ProgressSink) -> F,
    ) -> PyResult<Self>
    where
        H: From<V> + Into<PyClassInitializer<H>> + PyClass,
        V: Send + 'static,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        Self::start_giving(wake, call, |py, value| Ok(Py::new(py, H::from(value))?.into_any()))
    }

    /// Starts one, of whose value `give` makes what Python sees.
    pub(crate) fn start_giving<V, F>(
        wake: Option<Py<PyAny>>,
        call: impl FnOnce(CancellationToken, ProgressSink) -> F,
        give: fn(Python<'_>, V) -> PyResult<Py<PyAny>>,
    ) -> PyResult<Self>
    where
        V: Send + 'static,
        F: Future<Output = Result<V>> + Send + 'static,
    {
        drcore_cli::log_from_environment();
        let runtime = runtime().into_py_result()?;
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), wake });
        let cancel = CancellationToken::new();
        let work = call(cancel.clone(), shared.clone().sink());
        let (done, stop) = (shared.clone(), cancel.clone());
        runtime.spawn(async move {
            let mut work = tokio::spawn(work);
            let too_long = async {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            let value = tokio::select! {
                value = &mut work => value.unwrap_or_else(|_| {
                    Err(Error::new(ErrorKind::Internal, "drcore panicked; this is a defect in it"))
                }),
                () = too_long => {
                    work.abort();
                    Err(Error::new(ErrorKind::Cancelled, "cancelled by the caller"))
                }
            };
            let give = value.map(|value| -> Give { Box::new(move |py| give(py, value)) });
            done.tell(|state| {
                state.value = Some(give);
                state.done = true;
            });
        });
        Ok(Self { shared, cancel: cancel.clone(), _guard: cancel.drop_guard() })
    }
}

/// What the core tells of its progress.
pub(crate) type ProgressSink = Arc<dyn Fn(Progress) + Send + Sync>;

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sink(self: Arc<Self>) -> ProgressSink {
        Arc::new(move |progress| {
            Arc::clone(&self).tell(|state| state.progress = Some(progress));
        })
    }

    fn tell(self: Arc<Self>, change: impl FnOnce(&mut State)) {
        let untold = {
            let mut state = self.lock();
            // Whoever was woken for the last progress and did not come yet will see this too.
            let untold = state.progress.is_none();
            change(&mut state);
            untold || state.done
        };
        self.changed.notify_all();
        if untold && self.wake.is_some() {
            // Waiting for the interpreter must not hold up the reading.
            tokio::task::spawn_blocking(move || {
                // None while the interpreter ends: nobody is waiting any more.
                Python::try_attach(|py| {
                    if let Some(wake) = &self.wake
                        && let Err(error) = wake.call0(py)
                    {
                        error.write_unraisable(py, None);
                    }
                });
            });
        }
    }
}

/// The threads that calls run on. A forked process has none of its parent's, and gets its own.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: Mutex<Option<(u32, &'static Runtime)>> = Mutex::new(None);
    let mut held = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if let Some((owner, runtime)) = *held
        && owner == process
    {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("drcore")
        .enable_all()
        .build()
        .map_err(Error::from)?;
    // For as long as the process lives: Python has no moment at which all calls are over.
    let runtime: &'static Runtime = Box::leak(Box::new(runtime));
    *held = Some((process, runtime));
    Ok(runtime)
}
