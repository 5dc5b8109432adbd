//! `[auth_integrity]`: how many users there must be, and which tables of the application have a row for each of them.

use schemars::JsonSchema;
use serde::Serialize;

use super::names::ColumnName;
use super::node::Node;
use super::reader::{Fields, Reader};

/// What must hold of the users of Supabase's auth service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "AuthIntegrity")]
#[non_exhaustive]
pub struct AuthIntegrity {
    /// How many users there must be at least, deleted ones left out. 0 says that there may be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_users: Option<u64>,
    /// Tables of the application whose rows belong to users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<PlannedProfiles>,
    /// What of a baseline is compared; all of it where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<Vec<AuthComparison>>,
}

/// A table of the application whose rows belong to users.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "PlannedProfiles")]
#[non_exhaustive]
pub struct PlannedProfiles {
    /// The column that says whose the row is, of `uuid` or text: `profiles.id`.
    pub column: ColumnName,
    /// Whether every user must have a row: all but those who are deleted or anonymous. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_user: Option<bool>,
}

/// Something of a baseline that is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "AuthComparison")]
#[non_exhaustive]
pub enum AuthComparison {
    /// Who was banned.
    Bans,
    /// Who was deleted, and whose row was kept.
    Deletions,
    /// Who had a second factor.
    Factors,
    /// How many sessions, refresh tokens and second factors there were.
    Sessions,
    /// How many users there were.
    Users,
}

impl AuthComparison {
    const WORDS: &[(&str, Self)] = &[
        ("bans", Self::Bans),
        ("deletions", Self::Deletions),
        ("factors", Self::Factors),
        ("sessions", Self::Sessions),
        ("users", Self::Users),
    ];
}

impl AuthIntegrity {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: minimum_users, profiles, compare");
        }
        let minimum_users = fields.optional(reader, "minimum_users", Reader::count);
        let profiles = fields.optional(reader, "profiles", PlannedProfiles::read_all);
        let compare = fields.optional(reader, "compare", |reader, node, path| {
            let words =
                |reader: &mut Reader, node: &Node, path: &str| reader.word(node, path, AuthComparison::WORDS);
            reader.some(node, path, words)
        });
        fields.finish(reader);
        Some(Self { minimum_users, profiles: profiles.unwrap_or_default(), compare })
    }

    /// Whether this of a baseline is compared.
    pub(crate) fn compares(&self, what: AuthComparison) -> bool {
        self.compare.as_ref().is_none_or(|compare| compare.contains(&what))
    }
}

impl PlannedProfiles {
    fn read_all(reader: &mut Reader, node: &Node, path: &str) -> Option<Vec<Self>> {
        let read = reader.some(node, path, |reader, node, path| {
            let fields = reader.fields(node, path)?;
            Self::read(reader, fields)
        })?;
        let twice =
            read.iter().enumerate().find(|(at, one)| read[..*at].iter().any(|was| was.column == one.column));
        match twice {
            Some((_, one)) => {
                let message = format!("{} is declared twice", one.column);
                reader.wrong(node, path, message)
            }
            None => Some(read),
        }
    }

    fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let column = fields.required(reader, "column", ColumnName::read);
        let every_user = fields.optional(reader, "every_user", Reader::boolean);
        fields.finish(reader);
        Some(Self { column: column?, every_user })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    #[test]
    fn the_keys_are_checked() {
        let plan = Plan::from_toml(
            "[auth_integrity]\nminimum_users = 3\ncompare = [\"bans\", \"users\"]\n\
             profiles = [{ column = \"profiles.id\" }, { column = 'public.\"User\".\"authId\"', every_user = false }]\n",
        )
        .unwrap();
        assert!(plan.names("auth_integrity"));
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let section = plan.auth_integrity.unwrap();
        assert!(section.compares(AuthComparison::Bans) && !section.compares(AuthComparison::Factors));
        let all = Plan::from_toml("[auth_integrity]\nminimum_users = 0\n").unwrap().auth_integrity.unwrap();
        assert!(AuthComparison::WORDS.iter().all(|(_, what)| all.compares(*what)));
        for (text, wrong) in [
            ("[auth_integrity]\n", "this section is empty"),
            ("[auth_integrity]\nminimum_users = -1\n", "expected a count from 0"),
            ("[auth_integrity]\nprofiles = []\n", "this list is empty"),
            ("[auth_integrity]\nprofiles = [{ column = \"id\" }]\n", "is not a column"),
            ("[auth_integrity]\nprofiles = [{ every_user = true }]\n", "column is missing"),
            (
                "[auth_integrity]\nprofiles = [{ column = \"p.id\" }, { column = \"p.id\", every_user = false }]\n",
                "declared twice",
            ),
            ("[auth_integrity]\ncompare = []\n", "this list is empty"),
            ("[auth_integrity]\ncompare = [\"ban\"]\n", "did you mean bans?"),
            ("[auth_integrity]\nprofile = []\n", "did you mean profiles?"),
            ("[auth_integrty]\nminimum_users = 1\n", "did you mean auth_integrity?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            assert!(error.detail_text().unwrap().contains(wrong), "{text}: {error:?}");
        }
    }
}
