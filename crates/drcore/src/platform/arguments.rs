//! The calls as the other languages make them.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::client::Platform;
use super::pitr::{PitrOptions, PitrPlan, PitrRun, PitrWaiting, SalvageProof, pitr};
use crate::arguments::object;
use crate::error::{Error, ErrorKind, Result};
use crate::verify::VerifyOptions;

/// What a point-in-time recovery is called with.
#[derive(Clone)]
#[non_exhaustive]
pub struct PitrCall {
    /// What is restored, and what is held on to.
    pub options: PitrOptions,
    /// Start the recovery of this digest.
    pub apply: Option<String>,
    /// The database to verify afterwards.
    pub url: Option<String>,
    /// How it is verified.
    pub verify: VerifyOptions,
}

/// Without the connection string, which may hold a password.
impl std::fmt::Debug for PitrCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PitrCall")
            .field("options", &self.options)
            .field("apply", &self.apply)
            .field("verify", &self.verify)
            .finish_non_exhaustive()
    }
}

const OWN: &[&str] = &["apply", "salvage", "to", "url", "without_salvage"];
const OF_VERIFY: &[&str] = &["against", "content", "deadline", "limits", "only", "plan", "sessions"];

impl PitrCall {
    /// Reads `{"to": INSTANT, "salvage": PLACE, "without_salvage": REASON, "apply": DIGEST, "url": URL}` and the options of
    /// [`VerifyOptions::from_json`], of which `to`, and one of the two about a salvage, must be there.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value that cannot work; [`ErrorKind::Plan`] for mistakes in
    /// the plan.
    pub fn from_json(project: &str, text: &str) -> Result<Self> {
        let usage = |message: &str| Error::new(ErrorKind::Usage, message);
        let keys: Vec<&str> = OWN.iter().chain(OF_VERIFY).copied().collect();
        let mut given = object(text, &keys)?;
        let own = |key: &str, given: &mut Map<String, Value>| match given.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(usage(&format!("{key}: expected text"))),
        };
        let to = own("to", &mut given)?.ok_or_else(|| usage("to: no target is said, and none is guessed"))?;
        let target: Timestamp = to
            .parse()
            .map_err(|_| usage("to: expected an instant with its offset, such as 2026-11-20T02:55:00Z"))?;
        let salvage = match (own("salvage", &mut given)?, own("without_salvage", &mut given)?) {
            (Some(place), None) => SalvageProof::At(place),
            (None, Some(reason)) => SalvageProof::Waived(reason),
            (None, None) => return Err(usage("salvage: nothing is held on to of what will be lost")),
            (Some(_), Some(_)) => return Err(usage("salvage: there is one, and it is waived too")),
        };
        let (apply, url) = (own("apply", &mut given)?, own("url", &mut given)?);
        Ok(Self {
            options: PitrOptions::new(project, target, salvage),
            apply,
            url,
            verify: VerifyOptions::from_json(&Value::Object(given).to_string())?,
        })
    }

    /// The plan; nothing is begun.
    ///
    /// # Errors
    /// As [`PitrPlan::of`].
    pub async fn plan(&self, platform: &Platform) -> Result<PitrPlan> {
        PitrPlan::of(platform, &self.options).await
    }

    /// Starts the recovery of the digest that was given, if the plan is still that one.
    ///
    /// # Errors
    /// As [`PitrPlan::of`], [`PitrPlan::expect`] and [`pitr`].
    pub async fn run(&self, platform: &Platform, waiting: &PitrWaiting) -> Result<PitrRun> {
        let digest = self.apply.as_deref().ok_or_else(|| {
            Error::new(ErrorKind::Usage, "the digest of the plan that was reviewed is not given")
        })?;
        let plan = self.plan(platform).await?;
        plan.expect(digest)?;
        let verifying = self.url.as_deref().map(|url| (url, &self.verify));
        Box::pin(pitr(platform, &self.options.project, plan, waiting, verifying)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_and_a_salvage_are_never_guessed() {
        let read = |text: &str| PitrCall::from_json("abcdefghijklmnopqrst", text);
        let call =
            read(r#"{"to": "2026-11-20T02:55:00Z", "salvage": "/s", "only": ["row_counts"]}"#).unwrap();
        assert_eq!(call.verify.collect.only, ["row_counts"]);
        for (text, needle) in [
            (r#"{"salvage": "/s"}"#, "no target"),
            (r#"{"to": 0, "salvage": "/s"}"#, "to: expected text"),
            (r#"{"to": "2026-11-20", "salvage": "/s"}"#, "with its offset"),
            (r#"{"to": "2026-11-20T02:55:00Z"}"#, "nothing is held on to"),
            (r#"{"to": "2026-11-20T02:55:00Z", "salvage": "/s", "without_salvage": "x"}"#, "waived too"),
            (r#"{"to": "2026-11-20T02:55:00Z", "salvage": "/s", "project": "x"}"#, "project"),
        ] {
            let error = read(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }
}
