//! What was lost, kept in Rust.

use drcore::GapReport;
use napi_derive::napi;

use crate::answer::{Answer, answer};

/// The rows that were created after an instant.
#[napi]
pub struct GapHandle(GapReport);

impl From<GapReport> for GapHandle {
    fn from(gap: GapReport) -> Self {
        Self(gap)
    }
}

#[napi]
impl GapHandle {
    /// The JSON form.
    #[napi]
    pub fn json(&self) -> Answer<String> {
        answer(self.0.to_json())
    }

    /// Flat records: the total of each table, its tenants and its hours, as JSON.
    #[napi]
    pub fn records(&self) -> Answer<String> {
        answer(self.0.records_json())
    }

    /// The exit code that the command would have.
    #[napi]
    pub fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    /// As text.
    #[napi]
    pub fn text(&self) -> String {
        self.0.to_text()
    }
}

/// Reads the JSON form.
#[napi]
pub fn read_gap(text: String) -> Answer<GapHandle> {
    answer(GapReport::from_json(&text).map(Into::into))
}
