//! Who is acted as: those whom the plan names, and those that were chosen from the data.

use std::collections::BTreeSet;

use super::TenantUser;
use crate::evidence::{Evidence, sha256};
use crate::plan::Plan;

/// What who has no token is called, and the role of the API for them.
pub(crate) const ANONYMOUS: &str = "anon";
/// The role of a token where the plan names none.
const AUTHENTICATED: &str = "authenticated";

/// Who is acted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The user's id, or [`ANONYMOUS`].
    pub(crate) name: String,
    pub(crate) role: String,
    /// The claims of the token, as JSON.
    pub(crate) token: String,
    /// Whether the token holds besides what the auth service would put into it.
    pub(crate) issued: bool,
    /// Whose rows are theirs.
    pub(crate) tenants: Vec<String>,
    /// What an answer is known by.
    pub(crate) sha256: String,
}

/// What a token holds besides whose it is.
#[derive(Clone, Copy, Default)]
struct Claims<'p> {
    role: Option<&'p str>,
    more: Option<&'p str>,
    issued: bool,
}

impl Actor {
    fn anonymous(column: &str) -> Self {
        let token = format!("{{\"role\":\"{ANONYMOUS}\"}}");
        Self::with(ANONYMOUS, ANONYMOUS, token, false, Vec::new(), column)
    }

    fn user(id: &str, tenants: Vec<String>, claims: Claims<'_>, column: &str) -> Self {
        let role = claims.role.unwrap_or(AUTHENTICATED);
        let mut token: serde_json::Map<String, serde_json::Value> =
            claims.more.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut set = |key: &str, value: &str| {
            token.entry(key).or_insert_with(|| value.into());
        };
        set("aud", AUTHENTICATED);
        set("aal", "aal1");
        token.insert("sub".to_owned(), id.into());
        token.insert("role".to_owned(), role.into());
        let token = serde_json::Value::Object(token).to_string();
        Self::with(id, role, token, claims.issued, tenants, column)
    }

    fn with(name: &str, role: &str, token: String, issued: bool, tenants: Vec<String>, column: &str) -> Self {
        let mut parts = vec![role, "\0", &token, "\0", column];
        parts.extend(tenants.iter().flat_map(|tenant| ["\0", tenant.as_str()]));
        parts.extend(issued.then_some("\0\0issued"));
        let sha256 = sha256(&parts);
        Self { name: name.to_owned(), role: role.to_owned(), token, issued, tenants, sha256 }
    }

    /// Whether it is somebody without a token.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }
}

impl Plan {
    /// Whom to act as, those without a token first: the users that the plan names, those that were chosen from the data,
    /// and those that the baseline's were. Nobody where the plan does not say so.
    pub(crate) fn actors(&self, now: &Evidence, then: Option<&Evidence>) -> Vec<Actor> {
        let (Some(section), Some(tenancy)) = (&self.tenant_isolation, &self.tenancy) else {
            return Vec::new();
        };
        let column = &tenancy.column;
        let named = |user: &TenantUser| {
            let claims = Claims { role: user.role.as_deref(), more: user.claims.as_deref(), issued: false };
            Actor::user(&user.id, user.tenants.clone(), claims, column)
        };
        let mut actors = vec![Actor::anonymous(column)];
        actors.extend(section.users.iter().map(named));
        if let Some(sample) = &section.sample {
            let ids: BTreeSet<&str> = section.users.iter().map(|user| user.id.as_str()).collect();
            let claims =
                Claims { role: sample.role.as_deref(), more: sample.claims.as_deref(), issued: true };
            let chosen = sample.members(now, then).into_iter();
            actors.extend(
                chosen.filter(|(user, _)| !ids.contains(user) && *user != ANONYMOUS).map(
                    |(user, tenants)| Actor::user(user, tenants.iter().cloned().collect(), claims, column),
                ),
            );
        }
        actors
    }
}
