//! How an archive is inspected.

use tokio_util::sync::CancellationToken;

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
    /// What its tables must hold: a baseline of the snapshot that was dumped.
    pub against: Option<Box<Evidence>>,
    /// Ends it early.
    pub cancel: CancellationToken,
}

impl Default for InspectOptions {
    fn default() -> Self {
        Self { data: true, fingerprints: false, list: false, against: None, cancel: CancellationToken::new() }
    }
}

const KEYS: &[&str] = &["against", "data", "fingerprints", "list"];

impl InspectOptions {
    /// Reads the options of a call: `{"against": FILE | {evidence}, "data": true, "fingerprints": false,
    /// "list": false}`, all optional.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] for a key that is not known or a value of another type; [`ErrorKind::Io`] or
    /// [`ErrorKind::Format`] if the baseline cannot be read or is none.
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
        options.against = match crate::arguments::against(&mut given)? {
            None => None,
            Some(Against::Evidence(evidence)) => Some(evidence),
            Some(Against::File(path)) => Some(Box::new(Evidence::load(path)?)),
            Some(Against::Backup(_) | Against::Url(_)) => {
                let message = "against: expected the file of a baseline".to_owned();
                return Err(usage(message).hint("drcore baseline URL -o FILE stores one."));
            }
        };
        Ok(options)
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
            (r#"{"against": "postgresql://localhost/app"}"#, "the file of a baseline"),
            (r#"{"against": "s3://backups"}"#, "the file of a baseline"),
            (r#"{"against": 1}"#, "against"),
        ] {
            let error = InspectOptions::from_json(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.to_string().contains(needle), "{text}: {error}");
        }
    }
}
