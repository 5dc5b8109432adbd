//! Results of the team's own statements.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::plan::Assertion;
use crate::secret::holds_secret;

/// What one statement of `[[assertions]]` returned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "AssertionValue")]
#[non_exhaustive]
pub struct AssertionValue {
    /// How many rows it returned; counting stops after 10,000.
    pub rows: u64,
    /// The first column of the only row, as text; left out in a stored baseline, and where it looks
    /// like a secret.
    #[serde(default, skip_serializing_if = "AssertionValue::is_kept_back")]
    pub value: Option<String>,
    /// SHA-256 of the name and that text, by which two states are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// SHA-256 of the statement: what another one returned is no answer.
    pub statement_sha256: String,
}

impl AssertionValue {
    /// Counting rows stops here.
    pub const MOST: u64 = 10_000;

    /// `rows` rows, the first column of the only one being `value`.
    pub(crate) fn new(assertion: &Assertion, rows: u64, value: Option<String>) -> Self {
        let value = value.filter(|_| rows == 1);
        let sha256 = value.as_ref().map(|value| sha256(&[&assertion.name, "\0", value]));
        Self { rows, value, sha256, statement_sha256: assertion.statement_sha256() }
    }

    /// Forgets the plain value.
    pub(crate) fn forget(&mut self) {
        self.value = None;
    }

    #[expect(clippy::ref_option, reason = "serde's signature")]
    fn is_kept_back(value: &Option<String>) -> bool {
        value.as_deref().is_none_or(holds_secret)
    }
}

/// Without the value, which may be a secret.
impl fmt::Debug for AssertionValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionValue")
            .field("rows", &self.rows)
            .field("sha256", &self.sha256)
            .field("statement_sha256", &self.statement_sha256)
            .finish_non_exhaustive()
    }
}

impl Assertion {
    /// What an answer to the statement is known by.
    pub(crate) fn statement_sha256(&self) -> String {
        sha256(&[self.statement(), "\0", &self.search_path().join("\0")])
    }
}

/// SHA-256 of texts, one after the other, in hexadecimal digits.
pub(crate) fn sha256(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
