//! How to rehearse on a backup.

use std::sync::Arc;

use serde_json::Value;

use super::super::report::Step;
use crate::backup::Pick;
use crate::error::{Error, ErrorKind, Result};
use crate::restore::ScratchOptions;
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

/// The keys of a call that are not those of verifying.
const KEYS: &[&str] = &["jobs", "major", "operator", "pick", "recipe"];

impl RehearsalOptions {
    /// Reads the options of a call: those of [`VerifyOptions::from_json`], and `{"pick": "newest" | "2026-11-20" | …,
    /// "recipe": "plain" | "supabase" | "supabase_roles", "major": 17, "jobs": 4, "operator": "ops"}`.
    ///
    /// # Errors
    /// As [`VerifyOptions::from_json`].
    pub fn from_json(text: &str) -> Result<Self> {
        let mut given = crate::arguments::object(text, &[KEYS, VerifyOptions::KEYS].concat())?;
        let mut word = |key: &str| match given.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::new(ErrorKind::Usage, format!("{key}: expected text"))),
        };
        let (pick, operator) = (word("pick")?, word("operator")?);
        let mut scratch = serde_json::Map::new();
        for key in ["major", "recipe"] {
            scratch.extend(given.remove(key).map(|value| (key.to_owned(), value)));
        }
        let jobs = given.remove("jobs").map(|value| value.as_u64().and_then(|jobs| u32::try_from(jobs).ok()));
        let jobs = match jobs {
            None => None,
            Some(jobs) => Some(
                jobs.filter(|jobs| (1..=64).contains(jobs))
                    .ok_or_else(|| Error::new(ErrorKind::Usage, "jobs: expected a number from 1 to 64"))?,
            ),
        };
        let has_recipe = scratch.contains_key("recipe");
        let scratch = ScratchOptions::from_json(&Value::Object(scratch).to_string())?;
        Ok(Self {
            verify: VerifyOptions::from_json(&Value::Object(given).to_string())?,
            pick: pick.as_deref().map(Pick::parse).transpose()?,
            recipe: has_recipe.then_some(scratch.recipe),
            major: scratch.major,
            jobs,
            operator,
            progress: None,
        })
    }
}
