//! `[tenant_isolation]`: whom to act as, and whose rows are theirs.

mod actor;
mod sample;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

pub(crate) use actor::Actor;
pub use sample::TenantSample;

use super::TableName;
use super::node::Node;
use super::reader::{Fields, Reader};
use actor::ANONYMOUS;

/// Whom to act as, and whose rows are theirs. Needs the column of `[tenancy]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "TenantIsolation")]
#[non_exhaustive]
pub struct TenantIsolation {
    /// Users, two of different tenants at least, unless others are chosen; who has no token is tried too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<TenantUser>,
    /// Users that are chosen from the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<TenantSample>,
    /// Whether it is tried who may write where they should not: only on a database that the call names for it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub attempt_writes: bool,
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

impl TenantIsolation {
    /// `tenancy` says whether the plan has that section.
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>, tenancy: bool) -> Option<Self> {
        if !tenancy {
            return fields.wrong(reader, "needs [tenancy], whose column says which tenant a row belongs to");
        }
        let sample = fields.section(reader, "sample", TenantSample::read);
        let is_sampled = fields.has("sample");
        let read = |reader: &mut Reader, node: &Node, path: &str| read_users(reader, node, path, is_sampled);
        let users = fields.optional(reader, "users", read);
        if !is_sampled && !fields.has("users") {
            return fields.wrong(reader, "users is missing: name them, or say in sample how they are chosen");
        }
        let tables =
            fields.optional(reader, "tables", |reader, node, path| reader.some(node, path, read_table));
        let attempt_writes = fields.optional(reader, "attempt_writes", Reader::boolean).unwrap_or(false);
        fields.finish(reader);
        Some(Self {
            users: users.unwrap_or_default(),
            sample,
            attempt_writes,
            tables: tables.unwrap_or_default(),
        })
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
        let claims = fields.optional(reader, "claims", read_claims);
        fields.finish(reader);
        Some(Self { id: id?, tenants: tenants?, role, claims })
    }
}

/// Users who are named; where others are chosen too, these may be of one tenant.
fn read_users(reader: &mut Reader, node: &Node, path: &str, is_sampled: bool) -> Option<Vec<TenantUser>> {
    let users = reader.some(node, path, |reader, item, path| {
        let fields = reader.fields(item, path)?;
        TenantUser::read(reader, fields)
    })?;
    let mut ids = BTreeSet::new();
    if let Some(twice) = users.iter().find(|user| !ids.insert(&user.id)) {
        return reader.wrong(node, path, format!("{} stands here twice", twice.id));
    }
    let tenants = |user: &TenantUser| user.tenants.iter().cloned().collect::<BTreeSet<_>>();
    let first = users.first().map(tenants);
    if !is_sampled && users.iter().all(|user| Some(tenants(user)) == first) {
        let message = "users of one tenant do not show what those of another see: name users of two";
        return reader.wrong(node, path, message);
    }
    Some(users)
}

/// What else a token holds.
fn read_claims(reader: &mut Reader, node: &Node, path: &str) -> Option<String> {
    let text = reader.string(node, path)?;
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text) {
        Ok(_) => Some(text),
        Err(_) => reader.wrong(node, path, "expected a JSON object, such as {\"aal\": \"aal2\"}"),
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
    use jiff::Timestamp;

    use crate::evidence::{Evidence, Run};
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
        let nothing = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        let [anonymous, user, _] = plan.actors(&nothing, None).try_into().unwrap();
        assert!(anonymous.is_anonymous() && anonymous.tenants.is_empty());
        assert_eq!(
            user.token,
            r#"{"aal":"aal1","app_metadata":{"tenant_id":"t1"},"aud":"authenticated","role":"authenticated","sub":"u1"}"#
        );
        let user = "[[tenant_isolation.users]]\nid = \"u\"\ntenants = [\"t\"]\n";
        let tenancy = "[tenancy]\ncolumn = \"tenant_id\"\n";
        let sample = |keys: &str| format!("{tenancy}[tenant_isolation.sample]\n{keys}");
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
            (format!("{tenancy}[tenant_isolation]\nattempt_writes = 1\n{user}"), "expected true or false"),
            (sample(""), "query is missing"),
            (sample("query = \"delete from m\"\n"), "begins with `delete`"),
            (sample("query = \" ; \"\n"), "this is no statement"),
            (sample("query = \"select 1, 2\"\nusers = 0\n"), "from 1 to 10000"),
            (sample("query = \"select 1, 2\"\nusers = 10001\n"), "from 1 to 10000"),
            (sample("query = \"select 1, 2\"\nuser = 3\n"), "did you mean users?"),
            (sample("query = \"select 1, 2\"\nclaims = \"[]\"\n"), "expected a JSON object"),
            (sample("query = \"select 1, 2\"\nrole = \"anon\"\n"), "is tried in any case"),
            (format!("{tenancy}[tenant_isolation]\nsample = \"select 1\"\n"), "expected a table"),
        ] {
            let error = Plan::from_toml(&text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }

    #[test]
    fn chosen_users_need_no_named_ones_beside_them() {
        let sample =
            "[tenancy]\ncolumn = \"t\"\n[tenant_isolation.sample]\nquery = \"table m;\"\nusers = 3\n";
        let user = "[[tenant_isolation.users]]\nid = \"u\"\ntenants = [\"t\"]\n";
        for text in [sample.to_owned(), format!("{sample}{user}")] {
            let plan = Plan::from_toml(&text).unwrap();
            assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
            let section = plan.tenant_isolation.as_ref().unwrap();
            assert_eq!(section.sample.as_ref().unwrap().statement(), "table m");
        }
    }
}
