//! Results of the team's own statements.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What one statement of `[[assertions]]` returned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "AssertionValue")]
#[non_exhaustive]
pub struct AssertionValue {
    /// How many rows it returned; counting stops after 10,000.
    pub rows: u64,
    /// The first column of the only row, as text; left out in a stored baseline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// SHA-256 of the name and that text, by which two states are compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

impl AssertionValue {
    /// `rows` rows, the first column of the only one being `value`.
    pub(crate) fn new(name: &str, rows: u64, value: Option<String>) -> Self {
        let sha256 = value.as_ref().map(|value| {
            let mut hash = Sha256::new();
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update(value.as_bytes());
            hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        });
        Self { rows, value, sha256 }
    }

    /// Forgets the plain value.
    pub(crate) fn forget(&mut self) {
        self.value = None;
    }
}
