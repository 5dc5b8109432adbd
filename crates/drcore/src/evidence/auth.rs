//! What the tables of Supabase's auth service hold: counts, and ids of users, never a name, an address or a token.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fact;

/// What the tables of the auth service hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthFacts")]
#[non_exhaustive]
pub struct AuthFacts {
    /// `auth.users`.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub users: Fact<AuthUsers>,
    /// `auth.identities`, against the users.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub identities: Fact<AuthIdentities>,
    /// `auth.mfa_factors`.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub factors: Fact<AuthFactors>,
    /// How many rows `auth.sessions` has.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub sessions: Fact<u64>,
    /// How many rows `auth.refresh_tokens` has.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub refresh_tokens: Fact<u64>,
    /// Tables of the application with a row for each user, by column: `public.profiles.id`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, Fact<AuthProfiles>>,
    /// What became of the users that were banned, deleted or had a second factor in the baseline.
    #[serde(default, skip_serializing_if = "Fact::is_not_asked")]
    pub states: Fact<AuthStates>,
}

/// The users.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthUsers")]
#[non_exhaustive]
pub struct AuthUsers {
    /// How many there are, deleted ones included whose rows are kept.
    pub users: u64,
    /// How many of them have an anonymous account.
    pub anonymous: u64,
    /// How many come from an organisation's own sign-on.
    pub sso: u64,
    /// How many are deleted.
    pub deleted: u64,
    /// How many are or were banned.
    pub banned: u64,
    /// How many have NULL in a column that breaks logins.
    pub unreadable: u64,
    /// How many have it in which column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub null_columns: BTreeMap<String, u64>,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable_samples: Vec<String>,
    /// How many have an e-mail address that another user has too, where one address signs in as one user.
    pub sharing_email: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sharing_email_samples: Vec<String>,
    /// Who is banned, the longest first: ten thousand at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bans: Vec<AuthBan>,
    /// Who is deleted: ten thousand at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletions: Vec<String>,
}

/// Until when a user may not sign in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthBan")]
#[non_exhaustive]
pub struct AuthBan {
    /// The id of the user.
    pub user: String,
    /// Until when.
    pub until: Timestamp,
}

/// The ways in which users sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthIdentities")]
#[non_exhaustive]
pub struct AuthIdentities {
    /// How many there are.
    pub identities: u64,
    /// How many belong to no user.
    pub without_user: u64,
    /// The ids of the first users who are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_user_samples: Vec<String>,
    /// How many users have none, though they are neither deleted nor anonymous.
    pub users_without: u64,
    /// How many of these sign in by e-mail, so that it follows from the user.
    pub users_without_by_email: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users_without_samples: Vec<String>,
}

/// Second factors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthFactors")]
#[non_exhaustive]
pub struct AuthFactors {
    /// How many there are.
    pub factors: u64,
    /// How many of them are verified, so that signing in asks for them.
    pub verified: u64,
    /// How many users have a verified one.
    pub users: u64,
    /// Who has one: ten thousand at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protected: Vec<String>,
}

/// A table of the application with a row for each user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthProfiles")]
#[non_exhaustive]
pub struct AuthProfiles {
    /// How many rows name a user.
    pub profiles: u64,
    /// How many of them name one that is not there.
    pub without_user: u64,
    /// The ids of the first users who are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_user_samples: Vec<String>,
    /// How many users should have a row: they are neither deleted nor anonymous.
    pub users: u64,
    /// How many of them have none.
    pub users_without: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users_without_samples: Vec<String>,
}

/// What became of users whom a baseline names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthStates")]
#[non_exhaustive]
pub struct AuthStates {
    /// By id.
    pub users: BTreeMap<String, AuthState>,
}

/// What became of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "AuthState")]
#[non_exhaustive]
pub struct AuthState {
    /// Whether the row is there.
    pub there: bool,
    /// Whether the user is deleted, and only the row is kept.
    pub deleted: bool,
    /// Until when the user is banned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub banned_until: Option<Timestamp>,
    /// How many verified second factors the user has.
    pub factors: u64,
}

impl AuthFacts {
    /// Whether nobody asked.
    pub fn is_not_asked(&self) -> bool {
        *self == Self::default()
    }
}

impl AuthUsers {
    /// How many there are whom nobody deleted.
    pub fn living(&self) -> u64 {
        self.users.saturating_sub(self.deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_not_stored() {
        let facts = AuthFacts::default();
        assert!(facts.is_not_asked());
        assert_eq!(serde_json::to_string(&facts).unwrap(), "{}");
        let read = AuthFacts { sessions: Fact::Read(3), ..AuthFacts::default() };
        assert!(!read.is_not_asked());
        let stored = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<AuthFacts>(&stored).unwrap(), read);
    }
}
