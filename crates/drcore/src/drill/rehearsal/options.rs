//! How to rehearse on a backup.

use std::sync::Arc;

use super::super::report::Step;
use crate::backup::Pick;
use crate::restore::scratch::Recipe;
use crate::verify::VerifyOptions;

/// How to rehearse on a backup.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct RehearsalOptions {
    /// How the restored database is verified, and what it is compared with: the baseline that lies beside the backup
    /// where nothing is said. The plan's `[objectives]` are what the times are measured against.
    pub verify: VerifyOptions,
    /// Which backup of the repository; the newest, or the one that the URL names, where nothing is said.
    pub pick: Option<Pick>,
    /// What the database that is restored into begins with; as the backup needs it where nothing is said.
    pub recipe: Option<Recipe>,
    /// The major version of the server; that of the backup where nothing is said.
    pub major: Option<u32>,
    /// How many sessions restore at once.
    pub jobs: Option<u32>,
    /// Who rehearses, for the drill log.
    pub operator: Option<String>,
    /// Told of each step as it begins.
    pub progress: Option<Arc<dyn Fn(Step) + Send + Sync>>,
}

impl std::fmt::Debug for RehearsalOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RehearsalOptions")
            .field("verify", &self.verify)
            .field("pick", &self.pick)
            .field("recipe", &self.recipe)
            .field("major", &self.major)
            .finish_non_exhaustive()
    }
}
