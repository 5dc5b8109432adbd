//! Arguments of a call as the other languages give them: one JSON object, read in one place.

use serde_json::{Map, Value, json};

use crate::collect::ContentChoice;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::plan::{Limits, Plan, Skip, Span, StorageOrphans};
use crate::storage::Store;
use crate::verify::{Against, VerifyOptions};

impl VerifyOptions {
    /// The keys that [`VerifyOptions::from_json`] knows.
    pub(crate) const KEYS: &[&str] = &[
        "against",
        "attempt_writes",
        "content",
        "deadline",
        "limits",
        "only",
        "plan",
        "sessions",
        "shard",
        "snapshot",
        "store",
        "tenant",
    ];

    /// Reads the options of a call: `{"plan": PATH | {…}, "against": FILE | URL | {evidence},
    /// "only": [CHECK…], "deadline": "10m", "sessions": 2, "limits": {"statement_timeout": "1h", …},
    /// "snapshot": ID, "shard": "2/4", "content": true, "store": URL, "tenant": ID, "attempt_writes": NAME}`, every key optional. What is
    /// said of limits goes before the plan's.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type;
    /// [`ErrorKind::Plan`] for mistakes in the plan; [`ErrorKind::Format`] for a baseline that is none.
    pub fn from_json(text: &str) -> Result<Self> {
        let usage = |message: String| Error::new(ErrorKind::Usage, message);
        let mut given = object(text, Self::KEYS)?;
        let mut options = Self { plan: plan(&mut given)?, against: against(&mut given)?, ..Self::default() };
        if let Some(only) = given.remove("only") {
            options.collect.only = serde_json::from_value(only)
                .map_err(|_| usage("only: expected a list of ids of checks".to_owned()))?;
        }
        limits(&mut given, &mut options.plan)?;
        if let Some(content) = given.remove("content") {
            let wanted =
                content.as_bool().ok_or_else(|| usage("content: expected true or false".to_owned()))?;
            options.content(wanted);
        }
        if let Some(snapshot) = given.remove("snapshot") {
            let id = snapshot
                .as_str()
                .ok_or_else(|| usage("snapshot: expected the id of an exported snapshot".to_owned()))?;
            options.collect.snapshot = Some(id.to_owned());
        }
        let mut text = |key: &str| match given.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(usage(format!("{key}: expected text"))),
        };
        let (shard, store, tenant) = (text("shard")?, text("store")?, text("tenant")?);
        options.collect.attempt_writes = text("attempt_writes")?;
        options.collect.shard = shard.map(|shard| shard.parse()).transpose()?;
        options.files(store.as_deref(), tenant.as_deref())?;
        options.knows_why_to_write()?;
        Ok(options)
    }
}

impl VerifyOptions {
    /// Compares the rows of `storage.objects` with the files of this store and tenant; what is not named here
    /// is what the plan names.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is no URL of a store (`s3://bucket/prefix`, `file:///dir`, `supabase://ref`,
    /// `https://host/storage/v1`), or a tenant of none.
    pub fn files(&mut self, store: Option<&str>, tenant: Option<&str>) -> Result<()> {
        let section = self.plan.storage_orphans.as_ref();
        let planned = section.and_then(StorageOrphans::store);
        let store = match store {
            Some(url) => {
                let mut store = Store::parse(url)?;
                // Of the plan's store; an API has only one.
                store.tenant = section.and_then(|section| section.tenant.clone()).filter(|_| !store.is_api());
                Some(store)
            }
            None => planned,
        };
        self.collect.store = match (store, tenant) {
            (Some(store), Some(tenant)) => Some(store.of_tenant(tenant)?),
            (None, Some(_)) => {
                let error = Error::new(ErrorKind::Usage, "a tenant was named, and no store");
                return Err(error.hint("Name the store too: s3://BUCKET/PREFIX or file:///DIRECTORY."));
            }
            (store, None) => store,
        };
        Ok(())
    }
}

impl VerifyOptions {
    /// Whether the content of tables is collected and compared, whatever the link; where nobody
    /// says, [`ContentChoice`] does.
    pub fn content(&mut self, wanted: bool) {
        if wanted {
            self.collect.content = ContentChoice::Always;
        } else if self.plan.skipped("content_drift").is_none() {
            self.plan.skip.push(Skip::new("content_drift", "the content of tables was not asked for"));
        }
    }
}

/// The options of a call, all of them known; those that are null were not given.
pub(crate) fn object(text: &str, keys: &[&str]) -> Result<Map<String, Value>> {
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let value: Value =
        serde_json::from_str(text).map_err(|error| usage(format!("options are not JSON: {error}")))?;
    let Value::Object(mut given) = value else {
        return Err(usage("options are not an object".to_owned()));
    };
    given.retain(|_, value| !value.is_null());
    match given.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(unknown) => Err(crate::suggest::no_such("option", unknown, keys)),
        None => Ok(given),
    }
}

/// Limits that go before the plan's: `deadline` and `sessions` stand for themselves too.
pub(crate) fn limits(given: &mut Map<String, Value>, plan: &mut Plan) -> Result<()> {
    let usage = |message: String| Error::new(ErrorKind::Usage, message);
    let mut own = match given.remove("limits") {
        None => Limits::default(),
        // Read by the plan's reader, so that it is the same section with the same mistakes.
        Some(limits @ Value::Object(_)) => {
            let plan = Plan::from_json(&json!({ "limits": limits }).to_string());
            let wrong = |error: Error| {
                usage("the limits have mistakes; nothing was run".to_owned())
                    .detail(error.detail_text().unwrap_or_default())
                    .hint("drcore explain plan.limits")
            };
            plan.map_err(wrong)?.limits
        }
        Some(_) => {
            return Err(usage("limits: expected an object such as {\"deadline\": \"10m\"}".to_owned()));
        }
    };
    if let Some(deadline) = given.remove("deadline") {
        let text = deadline
            .as_str()
            .ok_or_else(|| usage("deadline: expected a duration such as \"10m\"".to_owned()))?;
        own.deadline = Some(Span::parse(text).map_err(|message| usage(format!("deadline: {message}")))?);
    }
    if let Some(sessions) = given.remove("sessions") {
        let number = sessions
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=64).contains(number))
            .ok_or_else(|| usage("sessions: expected a number from 1 to 64".to_owned()))?;
        own.sessions = Some(number);
    }
    plan.limits = own.or(&plan.limits);
    Ok(())
}

/// A path, or the plan itself; `./drcore.toml` is for the command line only.
pub(crate) fn plan(given: &mut Map<String, Value>) -> Result<Plan> {
    match given.remove("plan") {
        None => Ok(Plan::default()),
        Some(Value::String(path)) => Plan::from_path(path),
        Some(value @ Value::Object(_)) => Plan::from_json(&value.to_string()),
        Some(_) => Err(Error::new(ErrorKind::Usage, "plan: expected a path or a plan")),
    }
}

/// A file, a URL, or the Evidence itself.
pub(crate) fn against(given: &mut Map<String, Value>) -> Result<Option<Against>> {
    match given.remove("against") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(Against::parse(&text))),
        Some(value @ Value::Object(_)) => {
            Ok(Some(Against::Evidence(Box::new(Evidence::from_json(&value.to_string())?))))
        }
        Some(_) => Err(Error::new(ErrorKind::Usage, "against: expected a file, a URL or evidence")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_wrong_types_are_refused() {
        for (text, needle) in [
            (r#"{"agianst": "x"}"#, "agianst"),
            (r#"{"only": "row_counts"}"#, "list"),
            (r#"{"deadline": 5}"#, "duration"),
            (r#"{"plan": 5}"#, "plan"),
            (r"[]", "object"),
            (r#"{"sessions": 0}"#, "sessions"),
            (r#"{"limits": "10m"}"#, "limits: expected an object"),
            (r#"{"limits": {"sessions": 0}}"#, "limits have mistakes"),
            (r#"{"limits": {"snapshot_agee": "1h"}}"#, "limits have mistakes"),
            (r#"{"content": "yes"}"#, "content"),
            (r#"{"store": 5}"#, "store"),
            (r#"{"store": "s3://key:word@b"}"#, "a user, a key"),
            (r#"{"tenant": "stub"}"#, "no store"),
            (r#"{"store": "http://h/storage/v1", "tenant": "stub"}"#, "one tenant only"),
        ] {
            let error = VerifyOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(needle), "{error}");
        }
        let options = VerifyOptions::from_json(
            r#"{"plan": {"tenancy": {"column": "t"}}, "deadline": "10m", "against": null}"#,
        )
        .unwrap();
        assert_eq!(options.plan.tenancy.unwrap().column, "t");
        assert!(options.against.is_none());
    }

    #[test]
    fn limits_go_before_the_plans() {
        let options = VerifyOptions::from_json(
            r#"{"plan": {"limits": {"sessions": 3, "lock_timeout": "1s", "deadline": "1h"}},
                "limits": {"lock_timeout": "2s", "snapshot_age": "30m"}, "deadline": "10m"}"#,
        )
        .unwrap();
        let limits = options.plan.limits;
        assert_eq!(limits.sessions, Some(3));
        for (is, should) in
            [(limits.lock_timeout, "2s"), (limits.snapshot_age, "30m"), (limits.deadline, "10m")]
        {
            assert_eq!(is, Some(Span::parse(should).unwrap()), "{should}");
        }
        let error = VerifyOptions::from_json(r#"{"limits": {"snapshot_agee": "1h"}}"#).unwrap_err();
        assert!(error.detail_text().unwrap().contains("snapshot_age"), "{error:?}");
    }
}
