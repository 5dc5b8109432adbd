//! Acting as a user of the API: what is seen of each tenant's rows.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use super::answer::{not_understood, number};
use crate::auth;
use crate::connect::{Rows, Session};
use crate::error::Result;
use crate::evidence::catalog::{Catalog, Column};
use crate::evidence::{Cause, CauseKind, Evidence, Fact, Seen};
use crate::plan::Actor;
use crate::sql::{QualifiedName, literal, quote, quote_list};

/// How many tables one statement reads, at most: one each would be one round trip each.
const TABLES: usize = 50;
/// How many bytes of tables one statement reads, unless one table has more: or it would take longer than it may, for
/// each user anew.
const BYTES: u64 = 256 << 20;
/// For how many users a table is tried that takes longer than a statement may, or that somebody holds.
const TRIES: u32 = 3;

/// Acting as one of them, on some tables.
#[derive(Clone, Debug)]
pub(super) struct Acting {
    pub(super) actor: Actor,
    pub(super) tables: Vec<Shared>,
    /// The claims, as SQL: what the auth service would put into the token is put together on the server.
    token: String,
}

/// A table or view that holds rows of several tenants.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) name: QualifiedName,
    /// The column that says which tenant a row belongs to, as SQL.
    column: String,
    /// The type that it is compared in, or none where only texts can be told apart.
    cast: Option<&'static str>,
    /// How many bytes it has, roughly.
    bytes: u64,
    /// What acting as others on it came to.
    lessons: Arc<Lessons>,
}

/// What acting as one of them teaches for the others.
#[derive(Debug, Default)]
struct Lessons {
    failures: AtomicU32,
    /// Why there is no use in trying it for more of them.
    hopeless: OnceLock<Cause>,
}

/// Types whose values are compared as such, so that an index serves.
const TYPES: &[&str] = &["bigint", "integer", "smallint", "text", "uuid"];

impl Shared {
    pub(super) fn new(name: &QualifiedName, column: &Column, bytes: u64) -> Self {
        let cast = TYPES.iter().find(|known| **known == column.plain_type()).copied();
        let column = format!("c.{}", quote(&column.name));
        Self { name: name.clone(), column, cast, bytes, lessons: Arc::default() }
    }

    /// Whether a row belongs to one of these tenants.
    pub(super) fn belongs(&self, tenants: &[String]) -> String {
        if tenants.is_empty() {
            return "false".to_owned();
        }
        let list = tenants.iter().map(|tenant| literal(tenant)).collect::<Vec<_>>().join(", ");
        let (column, cast) = match self.cast {
            Some(cast) => (self.column.clone(), cast),
            None => (format!("{}::pg_catalog.text", self.column), "text"),
        };
        format!("{column} operator(pg_catalog.=) any (array[{list}]::{cast}[])")
    }
}

/// Where the API looks names up.
pub(super) const SEARCH_PATH: [&str; 2] = ["public", "extensions"];

/// What the API sets of each request, besides the claims as one text. Old policies read the claims one by one, and
/// these go first: a session of a pooler may have some of another request.
const REQUEST: &[(&str, &str)] = &[
    ("request.jwt.claim", ""),
    ("request.jwt.claim.email", ""),
    ("request.jwt.claim.role", ""),
    ("request.jwt.claim.sub", ""),
    ("request.headers", "{}"),
    ("request.method", "GET"),
    ("request.path", "/"),
];

/// What the auth service puts into a token of what `auth.users` holds: the claim, and what it is made of.
const ISSUED: &[(&str, &str, &str)] = &[
    ("email", "email", "coalesce(u.email::pg_catalog.text, '')"),
    ("phone", "phone", "coalesce(u.phone::pg_catalog.text, '')"),
    ("app_metadata", "raw_app_meta_data", "coalesce(u.raw_app_meta_data, '{}')"),
    ("user_metadata", "raw_user_meta_data", "coalesce(u.raw_user_meta_data, '{}')"),
    ("is_anonymous", "is_anonymous", "u.is_anonymous"),
];

/// The claims, as SQL. What they hold of `auth.users` never comes here.
fn token(actor: &Actor, catalog: &Catalog) -> String {
    let plain = literal(&actor.token);
    let users = auth::table("users");
    let has = |column: &str| catalog.column(&users, column).is_ok_and(|column| column.is_some());
    let pairs: Vec<String> = ISSUED
        .iter()
        .filter(|(_, column, _)| has(column))
        .map(|(claim, _, value)| format!("{}, {value}", literal(claim)))
        .collect();
    if !actor.issued || !is_uuid(&actor.name) || !has("id") || pairs.is_empty() {
        return plain;
    }
    format!(
        "coalesce((select (pg_catalog.jsonb_build_object({}) operator(pg_catalog.||) {plain}::pg_catalog.jsonb)\
         ::pg_catalog.text from {} u where u.id operator(pg_catalog.=) {}::pg_catalog.uuid), {plain})",
        pairs.join(", "),
        users.to_sql(),
        literal(&actor.name)
    )
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl Acting {
    /// Acting as one of them on all of these, in as few statements as is wise.
    pub(super) fn parts(actor: &Actor, tables: &[Shared], catalog: &Catalog) -> Vec<Self> {
        let token = token(actor, catalog);
        let mut parts: Vec<Self> = Vec::new();
        let mut bytes = 0_u64;
        for table in tables {
            bytes = bytes.saturating_add(table.bytes);
            match parts.last_mut() {
                Some(part) if part.tables.len() < TABLES && bytes <= BYTES => part.tables.push(table.clone()),
                _ => {
                    bytes = table.bytes;
                    parts.push(Self {
                        actor: actor.clone(),
                        tables: vec![table.clone()],
                        token: token.clone(),
                    });
                }
            }
        }
        parts
    }

    /// The statements after which the session is this actor, as the API would be, until it comes back.
    pub(super) fn becoming(&self) -> Vec<String> {
        let set = REQUEST.iter().map(|(name, value)| (literal(name), literal(value)));
        let claims = [(literal("request.jwt.claims"), self.token.clone())];
        let set = claims.into_iter().chain(set);
        let set = set.map(|(name, value)| format!("pg_catalog.set_config({name}, {value}, true)"));
        vec![
            format!("select {}", set.collect::<Vec<_>>().join(", ")),
            "set local row_security = on".to_owned(),
            format!("set local search_path = {}", quote_list(&SEARCH_PATH)),
            format!("set local role {}", quote(&self.actor.role)),
        ]
    }

    /// Whether the token holds what `auth.users` says.
    pub(super) fn reads_users(&self) -> bool {
        self.token != literal(&self.actor.token)
    }

    /// What there is, asked before becoming anybody.
    fn there(&self) -> String {
        self.each(|at, own, others, from| {
            format!(
                "select {at}, (exists (select from {from} where {own}))::pg_catalog.text, \
                 (exists (select from {from} where {others}))::pg_catalog.text"
            )
        })
    }

    /// What the actor sees of it.
    fn seen(&self) -> String {
        let columns: Vec<&str> = self.tables.iter().map(|table| table.column.as_str()).collect();
        self.each(|at, own, others, from| {
            format!(
                "select {at}, pg_catalog.count(*) filter (where {own}), \
                 pg_catalog.count(*) filter (where {others}), \
                 pg_catalog.count(distinct {}::pg_catalog.text) filter (where {others}) from {from}",
                columns[at]
            )
        })
    }

    fn each(&self, select: impl Fn(usize, &str, &str, &str) -> String) -> String {
        let selects = self.tables.iter().enumerate().map(|(at, table)| {
            let own = table.belongs(&self.actor.tenants);
            let others = format!("{} is not null and not ({own})", table.column);
            select(at, &own, &others, &format!("{} c", table.name.to_sql()))
        });
        selects.collect::<Vec<_>>().join("\nunion all\n") + "\norder by 1"
    }

    pub(super) async fn read(&self, session: &Session) -> Result<Rows> {
        session.acting(&self.there(), &self.becoming(), &self.seen()).await
    }

    /// What there is and what is seen of it, a row each.
    pub(super) fn understand(&self, rows: &Rows) -> std::result::Result<Vec<Seen>, Cause> {
        let (there, seen) = rows.split_at(self.tables.len().min(rows.len()));
        if there.len() != seen.len() || there.len() != self.tables.len() {
            return Err(not_understood());
        }
        there
            .iter()
            .zip(seen)
            .map(|(there, seen)| match (there.as_slice(), seen.as_slice()) {
                ([_, Some(own), Some(others)], [_, seen_own, seen_others, tenants]) => Ok(Seen {
                    own: number(seen_own.as_deref())?,
                    others: number(seen_others.as_deref())?,
                    other_tenants: number(tenants.as_deref())?,
                    has_own: own == "true",
                    has_others: others == "true",
                }),
                _ => Err(not_understood()),
            })
            .collect()
    }

    pub(super) fn keep(&self, answer: std::result::Result<Rows, Cause>, evidence: &mut Evidence) {
        let seen = answer.and_then(|rows| self.understand(&rows));
        let acted = evidence.isolation.entry(self.actor.name.clone()).or_default();
        acted.sha256.clone_from(&self.actor.sha256);
        for (at, table) in self.tables.iter().enumerate() {
            let fact = match &seen {
                Ok(seen) => Fact::Read(seen[at].clone()),
                Err(cause) => Fact::Unread(cause.clone()),
            };
            acted.tables.insert(table.name.clone(), fact);
        }
    }

    /// The same in halves: one of the tables may have spoilt it for the others.
    pub(super) fn split(&self) -> Vec<Self> {
        if self.tables.len() < 2 {
            return Vec::new();
        }
        let (left, right) = self.tables.split_at(self.tables.len() / 2);
        vec![self.on(left.to_vec()), self.on(right.to_vec())]
    }

    fn on(&self, tables: Vec<Shared>) -> Self {
        Self { actor: self.actor.clone(), tables, token: self.token.clone() }
    }

    /// The same without the tables of which it is known that there is no use, and these one by one.
    pub(super) fn split_before(&self) -> Vec<Self> {
        let (lost, tried): (Vec<Shared>, Vec<Shared>) =
            self.tables.iter().cloned().partition(|table| table.lessons.hopeless.get().is_some());
        if lost.is_empty() || self.tables.len() < 2 {
            return Vec::new();
        }
        let tried = Some(tried).filter(|tried| !tried.is_empty());
        tried.into_iter().chain(lost.into_iter().map(|table| vec![table])).map(|part| self.on(part)).collect()
    }

    /// Why there is no use in trying.
    pub(super) fn hopeless(&self) -> Option<&Cause> {
        match self.tables.as_slice() {
            [table] => table.lessons.hopeless.get(),
            _ => None,
        }
    }

    /// It could not be read: after a few of them nobody else is made to wait for it, a thousand times.
    pub(super) fn give_up(&self, cause: &Cause) {
        let waited = matches!(cause.kind, CauseKind::LockTimeout | CauseKind::StatementTimeout);
        if let ([table], true) = (self.tables.as_slice(), waited)
            && table.lessons.failures.fetch_add(1, Ordering::Relaxed) + 1 >= TRIES
        {
            let message = format!("{}, as for others before: it is not tried again", cause.message);
            let _ = table.lessons.hopeless.set(Cause { message, ..cause.clone() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, bytes: u64) -> Shared {
        Shared {
            name: QualifiedName::new("public", name),
            column: "c.\"tenant_id\"".to_owned(),
            cast: None,
            bytes,
            lessons: Arc::default(),
        }
    }

    fn acting() -> Acting {
        let actor = Actor {
            name: "u".to_owned(),
            role: "authenticated".to_owned(),
            token: "{}".to_owned(),
            issued: false,
            tenants: vec!["a'b".to_owned()],
            sha256: String::new(),
        };
        Acting { token: literal(&actor.token), actor, tables: vec![table("t", 1), table("u", 1)] }
    }

    #[test]
    fn an_answer_that_lacks_rows_is_unread() {
        let there = |at: &str| vec![Some(at.to_owned()), Some("true".to_owned()), Some("false".to_owned())];
        let seen = |at: &str| {
            vec![Some(at.to_owned()), Some("1".to_owned()), Some("2".to_owned()), Some("3".to_owned())]
        };
        let rows = vec![there("0"), there("1"), seen("0"), seen("1")];
        assert_eq!(acting().understand(&rows).unwrap().len(), 2);
        for wrong in [&rows[..3], &rows[..2], &[]] {
            assert!(acting().understand(&wrong.to_vec()).is_err());
        }
    }

    #[test]
    fn large_tables_are_read_by_themselves() {
        let sizes = [BYTES, 1, BYTES - 1, 2, BYTES + 1, 1];
        let tables: Vec<Shared> = sizes.iter().map(|bytes| table("t", *bytes)).collect();
        let parts = |tables: &[Shared]| -> Vec<usize> {
            let parts = Acting::parts(&acting().actor, tables, &Catalog::default());
            parts.iter().map(|part| part.tables.len()).collect()
        };
        assert_eq!(parts(&tables), [1, 2, 1, 1, 1]);
        assert_eq!(parts(&vec![table("t", 0); TABLES + 1]), [TABLES, 1]);
    }

    #[test]
    fn nobody_waits_a_thousand_times_for_the_same_table() {
        let both = acting();
        let slow = both.on(both.tables[..1].to_vec());
        for _ in 0..TRIES {
            assert!(slow.hopeless().is_none() && both.split_before().is_empty());
            slow.give_up(&Cause::new(CauseKind::Permission, "no"));
            slow.give_up(&Cause::new(CauseKind::StatementTimeout, "too long"));
        }
        assert!(slow.hopeless().unwrap().message.starts_with("too long, as for others"));
        let parts: Vec<(usize, bool)> =
            both.split_before().iter().map(|part| (part.tables.len(), part.hopeless().is_some())).collect();
        assert_eq!(parts, [(1, false), (1, true)]);
    }

    #[test]
    fn tenants_are_literals() {
        assert!(acting().seen().contains("array['a''b']::text[]"), "{}", acting().seen());
    }
}
