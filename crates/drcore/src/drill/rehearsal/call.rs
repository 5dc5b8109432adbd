//! The call as the other languages make it: options as one JSON object, read in one place.

use serde_json::{Map, Value};

use super::{Rehearsal, RehearsalOptions, rehearse};
use crate::arguments::object;
use crate::backup::Pick;
use crate::error::{Error, ErrorKind, Result};
use crate::restore::scratch::Recipe;
use crate::verify::VerifyOptions;

/// What [`rehearse`] is called with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RehearsalCall {
    /// The repository or the dump, as it was named.
    pub backup: String,
    /// How it is rehearsed on.
    pub options: RehearsalOptions,
}

/// Not `only`, nor what leaves out a part of verifying: a drill whose checks did not all run is no success.
const OF_VERIFY: &[&str] = &["against", "deadline", "limits", "plan", "sessions"];
const OWN: &[&str] = &["jobs", "major", "operator", "pick", "recipe"];

impl RehearsalCall {
    /// Reads `{"pick": "newest" | DAY | INSTANT | NAME, "recipe": "plain" | "supabase" | "supabase_roles", "major": 17,
    /// "jobs": 4, "operator": NAME, "plan": PATH | {…}, "against": FILE | {evidence}, "deadline": "1h", "sessions": 2,
    /// "limits": {…}}`, every key optional. Without a backup, that of the plan's `[backups] repository` is meant;
    /// without an operator, whoever is logged in.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that cannot work, or where no backup is named;
    /// [`ErrorKind::Plan`] for mistakes in the plan.
    pub fn from_json(backup: Option<&str>, text: &str) -> Result<Self> {
        let mut given = object(text, &[OWN, OF_VERIFY].concat())?;
        let pick = text_of(&mut given, "pick")?.map(|text| Pick::parse(&text)).transpose()?;
        let recipe: Option<Recipe> = given
            .remove("recipe")
            .map(serde_json::from_value)
            .transpose()
            .map_err(|_| usage("recipe: expected \"plain\", \"supabase\" or \"supabase_roles\""))?;
        let major = number_of(&mut given, "major", 999, "major: expected a version such as 17")?;
        let jobs = number_of(&mut given, "jobs", 64, "jobs: expected a number from 1 to 64")?;
        let operator = text_of(&mut given, "operator")?.or_else(logged_in);
        let verify = VerifyOptions::from_json(&Value::Object(given).to_string())?;
        let planned = || verify.plan.backups.as_ref().and_then(|backups| backups.repository.clone());
        let backup = backup.map(str::to_owned).filter(|backup| !backup.is_empty()).or_else(planned);
        let backup = backup.ok_or_else(|| {
            usage("no backup was named, and the plan names no repository")
                .hint("Name a repository or a dump, or write [backups] repository into the plan.")
        })?;
        let options =
            RehearsalOptions { verify, pick, recipe, major, jobs, operator, ..RehearsalOptions::default() };
        Ok(Self { backup, options })
    }

    /// Rehearses.
    ///
    /// # Errors
    /// As [`rehearse`].
    pub async fn run(&self) -> Result<Rehearsal> {
        rehearse(&self.backup, &self.options).await
    }
}

/// Who is logged in, by `USER` or `LOGNAME`: for the drill log.
pub fn logged_in() -> Option<String> {
    ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()))
}

fn usage(message: &str) -> Error {
    Error::new(ErrorKind::Usage, message)
}

fn text_of(given: &mut Map<String, Value>, key: &str) -> Result<Option<String>> {
    match given.remove(key) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(usage(&format!("{key}: expected text"))),
    }
}

fn number_of(given: &mut Map<String, Value>, key: &str, most: u32, message: &str) -> Result<Option<u32>> {
    let Some(value) = given.remove(key) else { return Ok(None) };
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.filter(|number| (1..=most).contains(number)).map(Some).ok_or_else(|| usage(message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Span;

    #[test]
    fn options_are_read_and_mistakes_are_told() {
        let call = RehearsalCall::from_json(
            Some("s3://b"),
            r#"{"pick": "2026-11-20", "recipe": "supabase", "major": 17, "jobs": 4, "operator": "night shift",
                "plan": {"objectives": {"rto": "1h"}}, "deadline": "10m", "against": null}"#,
        )
        .unwrap();
        let RehearsalOptions { verify, pick, recipe, major, jobs, operator, .. } = call.options;
        assert_eq!(
            (call.backup.as_str(), recipe, major, jobs),
            ("s3://b", Some(Recipe::Supabase), Some(17), Some(4))
        );
        assert!(matches!(pick, Some(Pick::Day(_))));
        assert_eq!(operator.as_deref(), Some("night shift"));
        assert_eq!(verify.plan.limits.deadline, Some(Span::parse("10m").unwrap()));
        assert!(verify.plan.objectives.is_some());
        for (text, needle) in [
            (r#"{"pick": 5}"#, "pick: expected text"),
            (r#"{"recipe": "supa"}"#, "\"supabase_roles\""),
            (r#"{"major": "17"}"#, "a version"),
            (r#"{"jobs": 0}"#, "from 1 to 64"),
            (r#"{"operator": ""}"#, "operator: expected text"),
            // What would leave out checks is no option of a drill.
            (r#"{"only": ["row_counts"]}"#, "only"),
            (r#"{"content": false}"#, "content"),
            (r#"{"deadline": 5}"#, "duration"),
        ] {
            let error = RehearsalCall::from_json(Some("/b"), text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn without_a_backup_it_is_the_plans() {
        let planned = r#"{"plan": {"backups": {"repository": "/b"}}}"#;
        assert_eq!(RehearsalCall::from_json(None, planned).unwrap().backup, "/b");
        assert_eq!(RehearsalCall::from_json(Some("/c"), planned).unwrap().backup, "/c");
        for none in [None, Some("")] {
            let error = RehearsalCall::from_json(none, "{}").unwrap_err();
            assert!(error.to_string().contains("no backup was named"), "{error}");
        }
    }
}
