//! A value, or why there is none.

use napi::bindgen_prelude::{Either, PromiseRaw};
use napi::{Env, bindgen_prelude::ToNapiValue};
use napi_derive::napi;

/// Why there is no value: `drcore.error/1` as JSON.
#[napi(object)]
pub struct Failure {
    /// The JSON text.
    pub error: String,
}

impl From<drcore::Error> for Failure {
    fn from(error: drcore::Error) -> Self {
        // Strings all through: it can always be written. If not, `index.js` says that it got nothing.
        Self { error: error.to_wire().to_json().unwrap_or_default() }
    }
}

/// A value, or why there is none.
pub(crate) type Answer<T> = Either<T, Failure>;

pub(crate) fn answer<T>(result: drcore::Result<T>) -> Answer<T> {
    match result {
        Ok(value) => Either::A(value),
        Err(error) => Either::B(error.into()),
    }
}

/// A Promise of an answer, worked out off the JavaScript thread.
pub(crate) fn promise<T, F>(env: &Env, future: F) -> napi::Result<PromiseRaw<'_, Answer<T>>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = drcore::Result<T>> + Send + 'static,
{
    drcore_cli::log_from_environment();
    env.spawn_future(async move { Ok(answer(future.await)) })
}
