//! Acting as a user of the API: what is seen of each tenant's rows.

use super::answer::{not_understood, number};
use crate::connect::{Rows, Session};
use crate::error::Result;
use crate::evidence::catalog::Column;
use crate::evidence::{Cause, Evidence, Fact, Seen};
use crate::plan::Actor;
use crate::sql::{QualifiedName, literal, quote, quote_list};

/// How many tables one statement reads: one each would be one round trip each.
pub(super) const TABLES: usize = 50;

/// Acting as one of them, on some tables.
#[derive(Clone, Debug)]
pub(super) struct Acting {
    pub(super) actor: Actor,
    pub(super) tables: Vec<Shared>,
}

/// A table or view that holds rows of several tenants.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) name: QualifiedName,
    /// The column that says which tenant a row belongs to, as SQL.
    column: String,
    /// The type that it is compared in, or none where only texts can be told apart.
    cast: Option<&'static str>,
}

/// Types whose values are compared as such, so that an index serves.
const TYPES: &[&str] = &["bigint", "integer", "smallint", "text", "uuid"];

impl Shared {
    pub(super) fn new(name: &QualifiedName, column: &Column) -> Self {
        let cast = TYPES.iter().find(|known| **known == column.plain_type()).copied();
        Self { name: name.clone(), column: format!("c.{}", quote(&column.name)), cast }
    }

    /// Whether a row belongs to one of these tenants.
    fn belongs(&self, tenants: &[String]) -> String {
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
const SEARCH_PATH: [&str; 2] = ["public", "extensions"];

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

/// The statements after which the session is this actor, as the API would be, until it comes back.
fn becoming(actor: &Actor) -> Vec<String> {
    let claims = [("request.jwt.claims", actor.token.as_str())];
    let set = claims
        .iter()
        .chain(REQUEST)
        .map(|(name, value)| format!("pg_catalog.set_config({}, {}, true)", literal(name), literal(value)));
    vec![
        "set local row_security = on".to_owned(),
        format!("set local search_path = {}", quote_list(&SEARCH_PATH)),
        format!("select {}", set.collect::<Vec<_>>().join(", ")),
        format!("set local role {}", quote(&actor.role)),
    ]
}

impl Acting {
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
        session.acting(&self.there(), &becoming(&self.actor), &self.seen()).await
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
        let part = |tables: &[Shared]| Self { actor: self.actor.clone(), tables: tables.to_vec() };
        vec![part(left), part(right)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acting() -> Acting {
        let actor = Actor {
            name: "u".to_owned(),
            role: "authenticated".to_owned(),
            token: "{}".to_owned(),
            tenants: vec!["a'b".to_owned()],
            sha256: String::new(),
        };
        let table = |name: &str| Shared {
            name: QualifiedName::new("public", name),
            column: "c.\"tenant_id\"".to_owned(),
            cast: None,
        };
        Acting { actor, tables: vec![table("t"), table("u")] }
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
    fn tenants_are_literals() {
        assert!(acting().seen().contains("array['a''b']::text[]"), "{}", acting().seen());
    }
}
