//! `[tenant_isolation.sample]`: users that are chosen from the data.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use super::actor::ANONYMOUS;
use super::{read_claims, read_line};
use crate::evidence::{Evidence, SampledUsers, UserSample, sha256};
use crate::plan::assertions::{read_statement, without_end};
use crate::plan::reader::{Fields, Reader};
use crate::secret::redact;

/// Users that are chosen from the data, and acted as.
#[derive(Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "TenantSample")]
#[non_exhaustive]
pub struct TenantSample {
    /// One statement that reads, and says who belongs to which tenant: the user's id first, the tenant second.
    pub query: String,
    /// How many users are chosen, at most. Default 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
    /// The role that their tokens name. Default `authenticated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What their tokens hold besides what the auth service puts into them, as a JSON object: `{"aal": "aal2"}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
}

/// The statement without what looks like a secret in it.
impl fmt::Debug for TenantSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantSample")
            .field("query", &redact(&self.query))
            .field("users", &self.users)
            .field("role", &self.role)
            .field("claims", &self.claims)
            .finish()
    }
}

impl TenantSample {
    const USERS: u64 = 10;
    const MOST: u64 = 10_000;

    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let query =
            fields.required(reader, "query", |reader, node, path| read_statement(reader, node, path, "it"));
        let users = fields.optional(reader, "users", |reader, node, path| {
            let users = reader.count(node, path)?;
            if !(1..=Self::MOST).contains(&users) {
                return reader.wrong(node, path, format!("expected a number from 1 to {}", Self::MOST));
            }
            Some(users)
        });
        let role = fields.optional(reader, "role", |reader, node, path| {
            let role = read_line(reader, node, path)?;
            if role == ANONYMOUS {
                return reader.wrong(node, path, "who has no token is tried in any case");
            }
            Some(role)
        });
        let claims = fields.optional(reader, "claims", read_claims);
        fields.finish(reader);
        Some(Self { query: query?, users, role, claims })
    }

    /// The statement without the semicolon that ends it.
    pub(crate) fn statement(&self) -> &str {
        without_end(&self.query)
    }

    /// How many users are chosen, at most.
    pub(crate) fn most(&self) -> u64 {
        self.users.unwrap_or(Self::USERS)
    }

    /// What the statement is known by.
    pub(crate) fn sha256(&self) -> String {
        sha256(&[self.statement()])
    }

    /// Who was chosen, if it was by this statement, and so many.
    pub(crate) fn chosen<'e>(&self, now: &'e Evidence) -> Option<&'e SampledUsers> {
        now.sampled_users
            .as_deref()
            .filter(|sampled| sampled.sha256 == self.sha256() && sampled.most == self.most())
    }

    /// Who was chosen in the baseline, if it was by this statement.
    pub(crate) fn chosen_then<'e>(&self, then: &'e Evidence) -> Option<&'e UserSample> {
        let sampled = then.sampled_users.as_deref().filter(|sampled| sampled.sha256 == self.sha256());
        sampled.and_then(|sampled| sampled.sample.read())
    }

    /// Everybody that was chosen, now or in the baseline, and the tenants that they belong to now; who belongs to none any
    /// more is taken for who they were.
    pub(crate) fn members<'e>(
        &self,
        now: &'e Evidence,
        then: Option<&'e Evidence>,
    ) -> BTreeMap<&'e str, &'e BTreeSet<String>> {
        let Some(sampled) = self.chosen(now) else { return BTreeMap::new() };
        let mut members: BTreeMap<&str, &BTreeSet<String>> = BTreeMap::new();
        if let Some(sample) = sampled.sample.read() {
            members.extend(sample.chosen.iter().map(|(user, tenants)| (user.as_str(), tenants)));
        }
        let were = then.and_then(|then| self.chosen_then(then));
        for (user, were) in were.iter().flat_map(|sample| &sample.chosen) {
            if let Some(tenants) = sampled.others.get(user).and_then(|tenants| tenants.read()) {
                let are = &tenants.tenants;
                members.insert(user, if are.is_empty() { were } else { are });
            }
        }
        members
    }
}
