//! `[sequence_lag]`: when a sequence counts as nearly used up.

use schemars::JsonSchema;
use serde::Serialize;

use super::reader::{Fields, Reader};

/// When a sequence counts as nearly used up.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "SequenceLag")]
#[non_exhaustive]
pub struct SequenceLag {
    /// From how many percent of its range on.
    pub max_used_percent: f64,
}

impl Default for SequenceLag {
    fn default() -> Self {
        Self { max_used_percent: 90.0 }
    }
}

impl SequenceLag {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let percent = fields.required(reader, "max_used_percent", |reader, node, path| {
            match reader.positive(node, path) {
                Some(percent) if percent > 100.0 => {
                    reader.wrong(node, path, "expected a percentage above 0 and up to 100")
                }
                percent => percent,
            }
        });
        fields.finish(reader);
        Some(Self { max_used_percent: percent? })
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    #[test]
    fn the_key_is_checked() {
        let plan = Plan::from_toml("[sequence_lag]\nmax_used_percent = 75.5\n").unwrap();
        assert!((plan.sequence_lag.as_ref().unwrap().max_used_percent - 75.5).abs() < f64::EPSILON);
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        for (text, needle) in [
            ("[sequence_lag]\nmax_used_percnt = 90\n", "did you mean max_used_percent?"),
            ("[sequence_lag]\n", "max_used_percent is missing"),
            ("[sequence_lag]\nmax_used_percent = 0\n", "above 0"),
            ("[sequence_lag]\nmax_used_percent = 101\n", "up to 100"),
            ("[sequence_lag]\nmax_used_percent = \"90\"\n", "a number above 0"),
            ("[sequence_lags]\nmax_used_percent = 90\n", "did you mean sequence_lag?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
