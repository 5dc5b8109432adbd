//! What `ALTER DATABASE … SET` and `ALTER ROLE … SET` left behind.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CatalogFact;
use crate::secret::redact_named;

/// What `ALTER DATABASE … SET` or `ALTER ROLE … SET` left behind for this database.
///
/// A value that may be a secret, by its name or its shape, is kept as a hash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Setting")]
#[non_exhaustive]
pub struct Setting {
    /// The role that it holds for, or all.
    pub role: Option<String>,
    /// Whether it holds for this database only.
    pub this_database: bool,
    /// Its name, such as `pgrst.db_schemas`.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl CatalogFact for Setting {
    const SQL: &'static str = include_str!("settings.sql");

    fn redact(fact: &mut Value) {
        let name = fact["name"].as_str().unwrap_or_default().to_owned();
        if let Value::String(value) = &mut fact["value"] {
            *value = redact_named(&name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_setting_is_called_tells_whether_it_is_a_secret() {
        for (name, value, is_kept) in [
            ("app.settings.jwt_secret", "hunter2 and more", false),
            ("app.service_role_key", "hunter2", false),
            ("app.settings.url", "postgresql://u:hunter2@h/d", false),
            ("app.settings.key", "hunter2", false),
            ("search_path", "public, extensions", true),
            ("statement_timeout", "3s", true),
            ("pgrst.db_schemas", "public, api", true),
            ("app.keyboard", "qwerty", true),
        ] {
            let mut fact =
                serde_json::json!({ "role": null, "this_database": true, "name": name, "value": value });
            Setting::redact(&mut fact);
            assert_eq!(fact["value"] == value, is_kept, "{name}: {fact}");
            assert!(!fact.to_string().contains("hunter2"), "{fact}");
        }
    }
}
