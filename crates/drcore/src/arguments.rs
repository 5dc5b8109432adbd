//! Arguments of a call as the other languages give them: one JSON object, read in one place.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::plan::{Plan, Span};
use crate::verify::{Against, VerifyOptions};

/// The keys that [`VerifyOptions::from_json`] knows.
const KEYS: &[&str] = &["against", "deadline", "only", "plan", "sessions", "snapshot"];

impl VerifyOptions {
    /// Reads the options of a call: `{"plan": PATH | {…}, "against": FILE | URL | {evidence},
    /// "only": [CHECK…], "deadline": "10m", "sessions": 2, "snapshot": ID}`, every key optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type;
    /// [`ErrorKind::Plan`] for mistakes in the plan; [`ErrorKind::Format`] for a baseline that is none.
    pub fn from_json(text: &str) -> Result<Self> {
        let usage = |message: String| Error::new(ErrorKind::Usage, message);
        let mut given = object(text, KEYS)?;
        let mut options = Self { plan: plan(&mut given)?, against: against(&mut given)?, ..Self::default() };
        if let Some(only) = given.remove("only") {
            options.collect.only = serde_json::from_value(only)
                .map_err(|_| usage("only: expected a list of ids of checks".to_owned()))?;
        }
        if let Some(deadline) = given.remove("deadline") {
            let text = deadline
                .as_str()
                .ok_or_else(|| usage("deadline: expected a duration such as \"10m\"".to_owned()))?;
            options.plan.limits.deadline =
                Some(Span::parse(text).map_err(|message| usage(format!("deadline: {message}")))?);
        }
        sessions(&mut given, &mut options.plan)?;
        if let Some(snapshot) = given.remove("snapshot") {
            let id = snapshot
                .as_str()
                .ok_or_else(|| usage("snapshot: expected the id of an exported snapshot".to_owned()))?;
            options.collect.snapshot = Some(id.to_owned());
        }
        Ok(options)
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

/// How many sessions read.
pub(crate) fn sessions(given: &mut Map<String, Value>, plan: &mut Plan) -> Result<()> {
    if let Some(sessions) = given.remove("sessions") {
        let number = sessions
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=64).contains(number))
            .ok_or_else(|| Error::new(ErrorKind::Usage, "sessions: expected a number from 1 to 64"))?;
        plan.limits.sessions = Some(number);
    }
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
fn against(given: &mut Map<String, Value>) -> Result<Option<Against>> {
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
}
