//! A throw-away cluster, kept in Rust.

use std::sync::{Arc, Mutex, PoisonError};

use drcore::restore::{ScratchCluster, ScratchOptions};
use drcore::{Error, ErrorKind, Result};
use napi::Env;
use napi::bindgen_prelude::PromiseRaw;
use napi_derive::napi;

use crate::answer::{Answer, answer, promise};
use crate::call::Call;

/// Starts a throw-away cluster.
#[napi]
pub fn scratch<'env>(env: &'env Env, call: &Call) -> napi::Result<PromiseRaw<'env, Answer<ScratchHandle>>> {
    let call = call.clone();
    promise(env, async move {
        let starting = ScratchCluster::start(ScratchOptions::from_json(call.text())?);
        call.or_cancelled(starting).await.map(Into::into)
    })
}

/// A throw-away cluster, until it is closed.
#[napi]
pub struct ScratchHandle(Arc<Mutex<Option<Arc<ScratchCluster>>>>);

impl From<ScratchCluster> for ScratchHandle {
    fn from(cluster: ScratchCluster) -> Self {
        Self(Arc::new(Mutex::new(Some(Arc::new(cluster)))))
    }
}

#[napi]
impl ScratchHandle {
    /// The connection string of one of its databases.
    #[napi]
    pub fn url(&self, database: String) -> Answer<String> {
        answer(self.cluster().map(|cluster| cluster.url(&database)))
    }

    /// Creates a database; gives its connection string.
    #[napi]
    pub fn create_database<'env>(
        &self,
        env: &'env Env,
        name: String,
    ) -> napi::Result<PromiseRaw<'env, Answer<String>>> {
        let cluster = self.cluster();
        promise(env, async move {
            let cluster = cluster?;
            cluster.create_database(&name).await?;
            Ok(cluster.url(&name))
        })
    }

    /// Ends it and removes its data. A second time does nothing.
    #[napi]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Answer<()>>> {
        let held = Arc::clone(&self.0);
        promise(env, async move {
            let cluster = held.lock().unwrap_or_else(PoisonError::into_inner).take();
            // The last who holds it ends it.
            drop(cluster);
            Ok(())
        })
    }
}

impl ScratchHandle {
    fn cluster(&self) -> Result<Arc<ScratchCluster>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.clone().ok_or_else(|| Error::new(ErrorKind::Usage, "the scratch cluster is closed"))
    }
}
