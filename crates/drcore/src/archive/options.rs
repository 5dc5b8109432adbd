//! How an archive is inspected.

use std::borrow::Cow;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::sniff::dump_at;
use crate::backup::Repository;
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::Evidence;
use crate::verify::Against;

/// How an archive is inspected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InspectOptions {
    /// Whether its data is read. Where it is not, nobody can tell whether it is whole.
    pub data: bool,
    /// Whether the rows of each table are hashed, so that one archive can be compared with another.
    pub fingerprints: bool,
    /// Whether the table of contents is part of what is given.
    pub list: bool,
    /// What its tables must hold: a baseline of the snapshot that was dumped, or the file of another dump, with which
    /// the rows themselves are compared. Of a backup in a repository it is the baseline that lies beside it, where
    /// none is given.
    pub against: Option<Against>,
    /// Ends it early.
    pub cancel: CancellationToken,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self { data: true, fingerprints: false, list: false, against: None, cancel: CancellationToken::new() }
    }
}

/// What a dump is compared with.
pub(super) enum Expected<'e> {
    /// The rows per table of the snapshot that was dumped.
    Baseline(Box<Cow<'e, Evidence>>),
    /// Another dump.
    Dump(&'e Path),
    Nothing,
}

const KEYS: &[&str] = &["against", "data", "fingerprints", "list"];

impl InspectOptions {
    /// Reads the options of a call: `{"against": FILE | URL | {evidence}, "data": true, "fingerprints": false,
    /// "list": false}`, all optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type.
    pub fn from_json(text: &str) -> Result<Self> {
        let usage = |message: String| Error::new(ErrorKind::Usage, message);
        let mut given = crate::arguments::object(text, KEYS)?;
        let mut options = Self::default();
        for (key, place) in [
            ("data", &mut options.data),
            ("fingerprints", &mut options.fingerprints),
            ("list", &mut options.list),
        ] {
            if let Some(value) = given.remove(key) {
                *place = value.as_bool().ok_or_else(|| usage(format!("{key}: expected true or false")))?;
            }
        }
        options.against = crate::arguments::against(&mut given)?;
        Ok(options)
    }

    /// The same, with the baseline itself.
    pub(super) async fn resolved(self) -> Result<Self> {
        let against = match self.against {
            Some(Against::Backup(url)) => {
                let (repository, entry) = Box::pin(Repository::find(&url)).await?;
                Some(Against::Evidence(Box::new(repository.expect_baseline(&entry).await?)))
            }
            against => against,
        };
        Ok(Self { against, ..self })
    }

    /// What it is compared with.
    pub(super) fn expected(&self) -> Result<Expected<'_>> {
        let hint = |message: &str, hint: &str| Err(Error::new(ErrorKind::Usage, message).hint(hint));
        match &self.against {
            None => Ok(Expected::Nothing),
            Some(Against::Backup(_)) => hint("a backup's baseline takes waiting", "Call inspect().await."),
            Some(Against::Evidence(evidence)) => Ok(Expected::Baseline(Box::new(Cow::Borrowed(evidence)))),
            Some(Against::File(path)) if dump_at(path).is_some() => Ok(Expected::Dump(path)),
            Some(Against::File(path)) => {
                Evidence::load(path).map(|evidence| Expected::Baseline(Box::new(Cow::Owned(evidence))))
            }
            Some(Against::Url(_)) => hint(
                "a dump is compared with a baseline, not with a live database",
                "drcore baseline URL -o FILE stores one of the same snapshot; drcore diff compares databases.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_mistakes_refused() {
        let options = InspectOptions::from_json(r#"{"data": false, "list": true, "against": null}"#).unwrap();
        assert_eq!((options.data, options.list, options.fingerprints), (false, true, false));
        for (text, needle) in [
            (r#"{"dta": false}"#, "no such option"),
            (r#"{"data": 1}"#, "true or false"),
            (r#"{"against": 1}"#, "against"),
        ] {
            let error = InspectOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn a_live_database_is_no_baseline() {
        let options = InspectOptions::from_json(r#"{"against": "postgresql://localhost/app"}"#).unwrap();
        let error = options.expected().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains("live database"), "{error}");
    }
}
