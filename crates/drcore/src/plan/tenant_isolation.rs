//! `[tenant_isolation]`: whom to act as, and whose rows are theirs.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::node::Node;
use super::reader::{Fields, Reader};
use super::{Plan, TableName};
use crate::evidence::sha256;

/// Whom to act as, and whose rows are theirs. Needs the column of `[tenancy]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "TenantIsolation")]
#[non_exhaustive]
pub struct TenantIsolation {
    /// Users, two of different tenants at least; who has no token is tried too.
    pub users: Vec<TenantUser>,
    /// Only these tables and views; where empty, all that have the column of `[tenancy]`.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "as_text")]
    #[schemars(with = "Vec<String>")]
    pub tables: Vec<TableName>,
}

/// A user to act as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "TenantUser")]
#[non_exhaustive]
pub struct TenantUser {
    /// Who it is, as in `auth.users.id`: the token's `sub`.
    pub id: String,
    /// The tenants whose rows this user may see, as the column of `[tenancy]` says them.
    pub tenants: Vec<String>,
    /// The role that the token names. Default `authenticated`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What else the token holds, as a JSON object: `{"app_metadata": {"tenant_id": "…"}}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims: Option<String>,
}

/// What who has no token is called, and the role of the API for them.
pub(crate) const ANONYMOUS: &str = "anon";

/// Who is acted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Actor {
    /// The user's id, or [`ANONYMOUS`].
    pub(crate) name: String,
    pub(crate) role: String,
    /// The claims of the token, as JSON.
    pub(crate) token: String,
    /// Whose rows are theirs.
    pub(crate) tenants: Vec<String>,
    /// What an answer is known by.
    pub(crate) sha256: String,
}

impl Actor {
    fn new(name: &str, role: &str, token: String, tenants: &[String], column: &str) -> Self {
        let mut parts = vec![role, "\0", &token, "\0", column];
        parts.extend(tenants.iter().flat_map(|tenant| ["\0", tenant.as_str()]));
        let sha256 = sha256(&parts);
        let tenants = tenants.to_vec();
        Self { name: name.to_owned(), role: role.to_owned(), token, tenants, sha256 }
    }

    /// Whether it is somebody without a token.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.name == ANONYMOUS
    }
}

impl Plan {
    /// Whom the plan says to act as, those without a token first; nobody where it does not.
    pub(crate) fn actors(&self) -> Vec<Actor> {
        let (Some(section), Some(tenancy)) = (&self.tenant_isolation, &self.tenancy) else {
            return Vec::new();
        };
        let column = &tenancy.column;
        let token = format!("{{\"role\":\"{ANONYMOUS}\"}}");
        let anonymous = Actor::new(ANONYMOUS, ANONYMOUS, token, &[], column);
        let user = |user: &TenantUser| Actor::new(&user.id, user.role(), user.token(), &user.tenants, column);
        std::iter::once(anonymous).chain(section.users.iter().map(user)).collect()
    }
}

impl TenantIsolation {
    /// `tenancy` says whether the plan has that section.
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>, tenancy: bool) -> Option<Self> {
        if !tenancy {
            return fields.wrong(reader, "needs [tenancy], whose column says which tenant a row belongs to");
        }
        let users = fields.required(reader, "users", |reader, node, path| {
            let users = reader.some(node, path, |reader, item, path| {
                let fields = reader.fields(item, path)?;
                TenantUser::read(reader, fields)
            })?;
            if let Some(twice) = users
                .iter()
                .enumerate()
                .find(|(at, user)| users[..*at].iter().any(|other| other.id == user.id))
            {
                return reader.wrong(node, path, format!("{} stands here twice", twice.1.id));
            }
            let tenants = |user: &TenantUser| user.tenants.iter().cloned().collect::<BTreeSet<_>>();
            let first = users.first().map(tenants);
            if users.iter().all(|user| Some(tenants(user)) == first) {
                let message = "users of one tenant do not show what those of another see: name users of two";
                return reader.wrong(node, path, message);
            }
            Some(users)
        });
        let tables =
            fields.optional(reader, "tables", |reader, node, path| reader.some(node, path, read_table));
        fields.finish(reader);
        Some(Self { users: users?, tables: tables.unwrap_or_default() })
    }
}

impl TenantUser {
    fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        let id = fields.required(reader, "id", |reader, node, path| {
            let id = read_line(reader, node, path)?;
            if id == ANONYMOUS {
                return reader.wrong(node, path, "who has no token is tried in any case: name users");
            }
            Some(id)
        });
        let tenants =
            fields.required(reader, "tenants", |reader, node, path| reader.some(node, path, read_line));
        let role = fields.optional(reader, "role", read_line);
        let claims = fields.optional(reader, "claims", |reader, node, path| {
            let text = reader.string(node, path)?;
            match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
                Ok(_) => Some(text),
                Err(_) => reader.wrong(node, path, "expected a JSON object, such as {\"aal\": \"aal2\"}"),
            }
        });
        fields.finish(reader);
        Some(Self { id: id?, tenants: tenants?, role, claims })
    }

    /// The role that the token names.
    fn role(&self) -> &str {
        self.role.as_deref().unwrap_or("authenticated")
    }

    /// The token's claims, as the API hands them to the database.
    fn token(&self) -> String {
        let mut claims: serde_json::Map<String, serde_json::Value> =
            self.claims.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut set = |key: &str, value: &str| {
            claims.entry(key).or_insert_with(|| value.into());
        };
        set("aud", "authenticated");
        set("aal", "aal1");
        claims.insert("sub".to_owned(), self.id.as_str().into());
        claims.insert("role".to_owned(), self.role().into());
        serde_json::Value::Object(claims).to_string()
    }
}

/// Text that a statement can hold, and an answer be known by.
fn read_line(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.string(node, path)?;
    if text.chars().any(char::is_control) {
        return reader.wrong(node, path, "expected one line of text");
    }
    Some(text)
}

fn read_table(reader: &mut Reader, node: &Node, path: &str) -> Option<TableName> {
    let text = reader.string(node, path)?;
    match TableName::parse(&text) {
        Ok(name) => Some(name),
        Err(message) => reader.wrong(node, path, message),
    }
}

fn as_text<S: Serializer>(tables: &[TableName], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tables.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;

    #[test]
    fn keys_are_checked() {
        let plan = Plan::from_toml(
            "[tenancy]\ncolumn = \"tenant_id\"\n[[tenant_isolation.users]]\nid = \"u1\"\ntenants = [\"t1\"]\n\
             claims = '{\"app_metadata\": {\"tenant_id\": \"t1\"}}'\n\
             [[tenant_isolation.users]]\nid = \"u2\"\ntenants = [\"t1\", \"t2\"]\n",
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let [anonymous, user, _] = plan.actors().try_into().unwrap();
        assert!(anonymous.is_anonymous() && anonymous.tenants.is_empty());
        assert_eq!(
            user.token,
            r#"{"aal":"aal1","app_metadata":{"tenant_id":"t1"},"aud":"authenticated","role":"authenticated","sub":"u1"}"#
        );
        let user = "[[tenant_isolation.users]]\nid = \"u\"\ntenants = [\"t\"]\n";
        let tenancy = "[tenancy]\ncolumn = \"tenant_id\"\n";
        for (text, needle) in [
            (user.to_owned(), "needs [tenancy]"),
            (format!("{tenancy}[tenant_isolation]\n"), "users is missing"),
            (format!("{tenancy}{user}{user}"), "u stands here twice"),
            (format!("{tenancy}{user}"), "name users of two"),
            (format!("{tenancy}{user}{}", user.replace("\"u\"", "\"v\"")), "name users of two"),
            (format!("{tenancy}{user}claims = \"x\"\n"), "expected a JSON object"),
            (format!("{tenancy}{user}tenant = \"x\"\n"), "did you mean tenants?"),
            (format!("{tenancy}{}", user.replace("\"u\"", "\"anon\"")), "is tried in any case"),
            (format!("{tenancy}{}", user.replace("[\"t\"]", "[]")), "expects nothing"),
            (format!("{tenancy}[tenant_isolation]\nusers = []\n"), "expects nothing"),
            (format!("{tenancy}{}", user.replace("\"t\"", "\"t\\u0000\"")), "expected one line"),
        ] {
            let error = Plan::from_toml(&text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
