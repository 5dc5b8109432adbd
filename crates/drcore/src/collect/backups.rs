//! The backups that there are of a database, once it was read itself.

use super::CollectOptions;
use super::stop::Stop;
use crate::backup::Repository;
use crate::error::{Error, Result};
use crate::evidence::{Cause, Evidence, Fact};
use crate::platform::Platform;

/// Lists the repository and asks the platform that the plan names: also where the database itself could not be read.
pub(super) async fn read(options: &CollectOptions, stop: &Stop, evidence: &mut Evidence) {
    let Some(section) = &options.backups else { return };
    if let Some(shard) = options.shard.filter(|shard| !shard.is_first()) {
        evidence.backups = section.repository.as_ref().map_or(Fact::NotAsked, |_| Fact::Unread(shard.left()));
        evidence.platform = section.platform.as_ref().map_or(Fact::NotAsked, |_| Fact::Unread(shard.left()));
        return;
    }
    if let Some(url) = &section.repository {
        evidence.backups = fact(stop, async { Repository::open(url)?.facts().await }).await;
    }
    if let Some(project) = &section.platform {
        evidence.platform = fact(stop, async { Platform::from_environment()?.backups(project).await }).await;
    }
}

async fn fact<T>(stop: &Stop, asking: impl Future<Output = Result<T>>) -> Fact<T> {
    let cause = |error: &Error| stop.cause().unwrap_or_else(|| Cause::from(error));
    match stop.or(asking).await {
        Ok(value) => Fact::Read(value),
        Err(error) => {
            tracing::warn!(%error, "what backups there are could not be found out");
            Fact::Unread(cause(&error))
        }
    }
}
