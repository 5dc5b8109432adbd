//! What the tables of the auth service hold: one statement for each table, so that one that is shut hides no other.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answer::{not_understood, number};
use super::job::SAMPLE;
use crate::auth::{AuthSchema, table, users_as_u};
use crate::connect::Rows;
use crate::evidence::catalog::{Catalog, Relation};
use crate::evidence::{
    AuthBan, AuthFactors, AuthFacts, AuthIdentities, AuthProfiles, AuthState, AuthStates, AuthUsers, Cause,
    CauseKind,
};
use crate::sql::{QualifiedName, ident, literal, quote};

/// Users that are listed of those who are banned, deleted or have a second factor, at most.
pub(crate) const KEPT: usize = 10_000;

/// What is asked about the tables of the auth service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum AuthQuestion {
    /// The users themselves.
    Users,
    /// The identities, against the users.
    Identities,
    /// Second factors.
    Factors,
    /// How many sessions there are.
    Sessions,
    /// How many refresh tokens there are.
    RefreshTokens,
    /// A table of the application with a row for each user.
    Profiles {
        /// The table.
        table: QualifiedName,
        /// The column that says whose a row is.
        column: String,
    },
    /// What became of the users of these ids.
    States(Vec<String>),
}

impl AuthQuestion {
    /// Whether there is an answer, be it that it could not be read.
    pub(super) fn is_answered(&self, facts: &AuthFacts) -> bool {
        match self {
            Self::Users => !facts.users.is_not_asked(),
            Self::Identities => !facts.identities.is_not_asked(),
            Self::Factors => !facts.factors.is_not_asked(),
            Self::Sessions => !facts.sessions.is_not_asked(),
            Self::RefreshTokens => !facts.refresh_tokens.is_not_asked(),
            Self::Profiles { table, column } => facts.profiles.contains_key(&profile_key(table, column)),
            Self::States(_) => !facts.states.is_not_asked(),
        }
    }

    /// The table that it is about.
    pub(super) fn table(&self) -> QualifiedName {
        match self {
            Self::Users | Self::States(_) => table("users"),
            Self::Identities => table("identities"),
            Self::Factors => table("mfa_factors"),
            Self::Sessions => table("sessions"),
            Self::RefreshTokens => table("refresh_tokens"),
            Self::Profiles { table, .. } => table.clone(),
        }
    }
}

/// By which a table with a row for each user is known: `public.profiles.id`.
pub(crate) fn profile_key(table: &QualifiedName, column: &str) -> String {
    format!("{table}.{}", ident(column))
}

/// One statement that answers a question.
#[derive(Clone, Debug)]
pub(super) struct AuthJob {
    pub(super) question: AuthQuestion,
    pub(super) reads: Vec<QualifiedName>,
    /// Or why there is no use in asking.
    pub(super) sql: Result<String, Cause>,
}

impl AuthJob {
    pub(super) fn new(question: AuthQuestion, catalog: &Catalog) -> Self {
        let mut reads = vec![table("users")];
        let sql = match AuthSchema::of(catalog) {
            Ok(Some(schema)) => schema.sql(&question, catalog, &mut reads),
            Ok(None) => Err(Cause::new(CauseKind::Error, "auth.users is not there")),
            Err(cause) => Err(cause),
        };
        Self { question, reads, sql }
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, facts: &mut AuthFacts) {
        let answer = self.sql.clone().and(answer);
        if let AuthQuestion::States(ids) = &self.question {
            facts.states = answer.and_then(|rows| states(ids, &rows)).into();
            return;
        }
        let told = answer.and_then(|rows| Told::of(&rows));
        match &self.question {
            AuthQuestion::Users => facts.users = told.and_then(Told::users).into(),
            AuthQuestion::Identities => facts.identities = told.and_then(Told::identities).into(),
            AuthQuestion::Factors => facts.factors = told.and_then(Told::factors).into(),
            AuthQuestion::Sessions => facts.sessions = told.and_then(|told| told.total("rows")).into(),
            AuthQuestion::RefreshTokens => {
                facts.refresh_tokens = told.and_then(|told| told.total("rows")).into();
            }
            AuthQuestion::Profiles { table, column } => {
                facts.profiles.insert(profile_key(table, column), told.and_then(Told::profiles).into());
            }
            AuthQuestion::States(_) => {}
        }
    }
}

/// An instant as text that JSON can hold; NULL where there is none, which `greatest` would leave out.
fn instant(of: &str) -> String {
    format!(
        "case when {of} is not null then \
         pg_catalog.to_char(least(greatest({of}, '0001-01-01 00:00:00+00'), '9999-01-01 00:00:00+00') \
         at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') end"
    )
}

fn total(what: &str, from: &str) -> String {
    format!("select '{what}', null, pg_catalog.count(*)::pg_catalog.text from {from}")
}

fn listed(what: &str, of: &str, from: &str, most: usize) -> String {
    format!("(select '{what}', {of}, '1' from {from} order by ({of}) collate \"C\" limit {most})")
}

impl AuthSchema<'_> {
    fn sql(
        self,
        question: &AuthQuestion,
        catalog: &Catalog,
        reads: &mut Vec<QualifiedName>,
    ) -> Result<String, Cause> {
        let owned = |name: &str| {
            let gone =
                || Cause::new(CauseKind::Error, format!("auth.{name} is not there, or says not whose"));
            self.of_user(name)?.ok_or_else(gone)
        };
        match question {
            AuthQuestion::Users => Ok(self.users_sql()),
            AuthQuestion::States(ids) => {
                let factors = self.of_user("mfa_factors")?;
                reads.extend(factors.map(|relation| relation.name.clone()));
                Ok(self.states_sql(ids, factors, catalog))
            }
            AuthQuestion::Identities => {
                let relation = owned("identities")?;
                reads.push(relation.name.clone());
                self.identities_sql(relation, catalog)
            }
            AuthQuestion::Factors => {
                let relation = owned("mfa_factors")?;
                *reads = vec![relation.name.clone()];
                Ok(factors_sql(relation, catalog))
            }
            AuthQuestion::Sessions | AuthQuestion::RefreshTokens => {
                let relation = owned(&question.table().name)?;
                *reads = vec![relation.name.clone()];
                Ok(total("rows", &relation.from_sql()))
            }
            AuthQuestion::Profiles { table, column } => {
                reads.push(table.clone());
                let gone = || Cause::new(CauseKind::Error, format!("{table} is not there"));
                let relation = catalog.relation(table)?.ok_or_else(gone)?;
                self.profiles_sql(relation, column, catalog)
            }
        }
    }

    fn users_sql(self) -> String {
        let columns: Vec<&str> = self.login_columns().map(|(name, _)| name).collect();
        let nulls: Vec<String> = columns.iter().map(|name| format!("u.{} is null", quote(name))).collect();
        let any = if nulls.is_empty() { "false".to_owned() } else { nulls.join(" or ") };
        let mut parts = vec![
            total("users", "u"),
            total("anonymous", "u where u.anonymous"),
            total("sso", "u where u.sso"),
            total("deleted", "u where u.deleted"),
            total("banned", "u where u.until is not null"),
            total("unreadable", "u where u.unreadable"),
            total("sharing", "sharing s"),
            listed("unreadable_sample", "u.id", "u where u.unreadable", SAMPLE),
            listed("sharing_sample", "s.id", "sharing s", SAMPLE),
            listed("deletion", "u.id", "u where u.deleted", KEPT),
            format!(
                "(select 'ban', u.id, u.until from u where u.until is not null \
                 order by u.until collate \"C\" desc, u.id collate \"C\" limit {KEPT})"
            ),
        ];
        for (at, column) in columns.iter().enumerate() {
            parts.push(format!(
                "select 'null', {}, (pg_catalog.count(*) filter (where u.nulls[{}]))::pg_catalog.text from u",
                literal(column),
                at + 1
            ));
        }
        format!(
            "with u as materialized (\n\
             select u.id::pg_catalog.text as id, {anonymous} as anonymous, {sso} as sso, {deleted} as deleted, \
             {until} as until, ({any}) as unreadable, array[{nulls}]::pg_catalog.bool[] as nulls, \
             pg_catalog.lower({email}::pg_catalog.text) as email from {from}\n\
             ), shared as materialized (\n\
             select u.email from u where u.email <> '' and not u.sso and not u.deleted \
             group by u.email having pg_catalog.count(*) > 1\n\
             ), sharing as materialized (\n\
             select u.id from u join shared on shared.email = u.email where not u.sso and not u.deleted\n\
             )\n{}",
            parts.join("\nunion all "),
            anonymous = self.anonymous(),
            sso = self.sso(),
            deleted = self.deleted(),
            until = instant(&self.or("banned_until", "null::pg_catalog.timestamptz")),
            nulls = nulls.join(", "),
            email = self.or("email", "null"),
            from = users_as_u(),
        )
    }

    fn identities_sql(self, relation: &Relation, catalog: &Catalog) -> Result<String, Cause> {
        let (from, same) = (relation.from_sql(), same(relation, "user_id", "i", catalog)?);
        Ok(format!(
            "with gone as materialized (\n\
             select i.user_id::pg_catalog.text as id from {from} i where i.user_id is not null \
             and not exists (select from {users} where {same})\n\
             ), bare as materialized (\n\
             select u.id::pg_catalog.text as id, ({by_email}) as by_email from {users} where {lasting} \
             and not exists (select from {from} i where {same})\n\
             )\n{}",
            [
                total("identities", &from),
                total("without_user", "gone g"),
                total("users_without", "bare b"),
                total("by_email", "bare b where b.by_email"),
                listed("gone", "g.id", "gone g", SAMPLE),
                listed("bare", "b.id", "bare b", SAMPLE),
            ]
            .join("\nunion all "),
            users = users_as_u(),
            by_email = self.by_email(),
            lasting = self.lasting(),
        ))
    }

    fn profiles_sql(self, relation: &Relation, column: &str, catalog: &Catalog) -> Result<String, Cause> {
        let (from, same) = (relation.from_sql(), same(relation, column, "p", catalog)?);
        let column = format!("p.{}", quote(column));
        Ok(format!(
            "with gone as materialized (\n\
             select {column}::pg_catalog.text as id from {from} p where {column} is not null \
             and not exists (select from {users} where {same})\n\
             ), bare as materialized (\n\
             select u.id::pg_catalog.text as id from {users} where {lasting} \
             and not exists (select from {from} p where {same})\n\
             )\n{}",
            [
                total("profiles", &format!("{from} p where {column} is not null")),
                total("without_user", "gone g"),
                total("users", &format!("{} where {}", users_as_u(), self.lasting())),
                total("users_without", "bare b"),
                listed("gone", "g.id", "gone g", SAMPLE),
                listed("bare", "b.id", "bare b", SAMPLE),
            ]
            .join("\nunion all "),
            users = users_as_u(),
            lasting = self.lasting(),
        ))
    }

    /// Of users that are there: id, until when banned, whether deleted, verified factors.
    fn states_sql(self, ids: &[String], factors: Option<&Relation>, catalog: &Catalog) -> String {
        let ids: Vec<String> = ids.iter().map(|id| literal(id)).collect();
        let factors = factors.map_or_else(
            || "'0'".to_owned(),
            |relation| {
                format!(
                    "(select pg_catalog.count(*)::pg_catalog.text from {} f where f.user_id = u.id and {})",
                    relation.from_sql(),
                    verified(relation, catalog)
                )
            },
        );
        format!(
            "select u.id::pg_catalog.text, {}, {}::pg_catalog.text, {factors} from {} \
             where u.id = any (array[{}]::pg_catalog.uuid[]) order by 1",
            instant(&self.or("banned_until", "null::pg_catalog.timestamptz")),
            self.deleted(),
            users_as_u(),
            ids.join(", ")
        )
    }
}

/// Whether a column of this relation holds the id of a user.
fn same(relation: &Relation, column: &str, alias: &str, catalog: &Catalog) -> Result<String, Cause> {
    let gone = || Cause::new(CauseKind::Error, format!("{} has no column {column}", relation.name));
    AuthSchema::same(catalog.column(&relation.name, column)?.ok_or_else(gone)?, alias)
}

/// Whether signing in asks for a factor `f`.
fn verified(relation: &Relation, catalog: &Catalog) -> &'static str {
    match catalog.column(&relation.name, "status") {
        Ok(Some(_)) => "f.status::pg_catalog.text = 'verified'",
        _ => "true",
    }
}

fn factors_sql(relation: &Relation, catalog: &Catalog) -> String {
    let from = relation.from_sql();
    let protected = format!(
        "(select distinct f.user_id::pg_catalog.text as id from {from} f where {}) p",
        verified(relation, catalog)
    );
    [
        total("factors", &from),
        total("verified", &format!("{from} f where {}", verified(relation, catalog))),
        total("users", &protected),
        listed("protected", "p.id", &protected, KEPT),
    ]
    .join("\nunion all ")
}

/// Rows of `what, key, value`: a total where there is no key, else an entry of a list.
#[derive(Debug, Default)]
struct Told {
    totals: BTreeMap<String, u64>,
    lists: BTreeMap<String, Vec<(String, String)>>,
}

impl Told {
    fn of(rows: &Rows) -> Result<Self, Cause> {
        let mut told = Self::default();
        for row in rows {
            match row.as_slice() {
                [Some(what), None, count] => {
                    told.totals.insert(what.clone(), number(count.as_deref())?);
                }
                [Some(what), Some(key), Some(value)] => {
                    told.lists.entry(what.clone()).or_default().push((key.clone(), value.clone()));
                }
                _ => return Err(not_understood()),
            }
        }
        Ok(told)
    }

    /// The totals come in every answer, so one that lacks them is none.
    fn total(&self, what: &str) -> Result<u64, Cause> {
        self.totals.get(what).copied().ok_or_else(not_understood)
    }

    fn take(&mut self, what: &str) -> Vec<(String, String)> {
        self.lists.remove(what).unwrap_or_default()
    }

    fn ids(&mut self, what: &str) -> Vec<String> {
        self.take(what).into_iter().map(|(id, _)| id).collect()
    }

    fn users(mut self) -> Result<AuthUsers, Cause> {
        let mut null_columns = BTreeMap::new();
        for (column, count) in self.take("null") {
            let count: u64 = number(Some(&count))?;
            if count > 0 {
                null_columns.insert(column, count);
            }
        }
        let bans = self
            .take("ban")
            .into_iter()
            .map(|(user, until)| Ok(AuthBan { user, until: until.parse().map_err(|_| not_understood())? }));
        Ok(AuthUsers {
            bans: bans.collect::<Result<_, Cause>>()?,
            users: self.total("users")?,
            anonymous: self.total("anonymous")?,
            sso: self.total("sso")?,
            deleted: self.total("deleted")?,
            banned: self.total("banned")?,
            unreadable: self.total("unreadable")?,
            null_columns,
            unreadable_samples: self.ids("unreadable_sample"),
            sharing_email: self.total("sharing")?,
            sharing_email_samples: self.ids("sharing_sample"),
            deletions: self.ids("deletion"),
        })
    }

    fn identities(mut self) -> Result<AuthIdentities, Cause> {
        Ok(AuthIdentities {
            identities: self.total("identities")?,
            without_user: self.total("without_user")?,
            without_user_samples: self.ids("gone"),
            users_without: self.total("users_without")?,
            users_without_by_email: self.total("by_email")?,
            users_without_samples: self.ids("bare"),
        })
    }

    fn factors(mut self) -> Result<AuthFactors, Cause> {
        Ok(AuthFactors {
            factors: self.total("factors")?,
            verified: self.total("verified")?,
            users: self.total("users")?,
            protected: self.ids("protected"),
        })
    }

    fn profiles(mut self) -> Result<AuthProfiles, Cause> {
        Ok(AuthProfiles {
            profiles: self.total("profiles")?,
            without_user: self.total("without_user")?,
            without_user_samples: self.ids("gone"),
            users: self.total("users")?,
            users_without: self.total("users_without")?,
            users_without_samples: self.ids("bare"),
        })
    }
}

/// Who was asked for and is not in the answer is not there.
fn states(ids: &[String], rows: &Rows) -> Result<AuthStates, Cause> {
    let mut users: BTreeMap<String, AuthState> =
        ids.iter().map(|id| (id.clone(), AuthState::default())).collect();
    for row in rows {
        let [Some(id), until, Some(deleted), factors] = row.as_slice() else { return Err(not_understood()) };
        let state = users.get_mut(id).ok_or_else(not_understood)?;
        let until = until.as_deref().map(str::parse::<Timestamp>).transpose();
        *state = AuthState {
            there: true,
            deleted: deleted == "true",
            banned_until: until.map_err(|_| not_understood())?,
            factors: number(factors.as_deref())?,
        };
    }
    Ok(AuthStates { users })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| (*cell != "-").then(|| (*cell).to_owned())).collect()
    }

    #[test]
    fn an_answer_that_lacks_a_total_is_unread() {
        let whole = vec![
            row(&["factors", "-", "3"]),
            row(&["verified", "-", "2"]),
            row(&["users", "-", "1"]),
            row(&["protected", "a", "1"]),
        ];
        let factors = Told::of(&whole).and_then(Told::factors).unwrap();
        assert_eq!((factors.factors, factors.protected.as_slice()), (3, &["a".to_owned()][..]));
        assert!(Told::of(&whole[1..].to_vec()).and_then(Told::factors).is_err());
        assert!(Told::of(&vec![row(&["factors", "-", "many"])]).is_err());
        assert!(Told::of(&vec![row(&["-", "-", "1"])]).is_err());
    }

    #[test]
    fn who_is_not_in_the_answer_is_not_there() {
        let ids = ["a".to_owned(), "b".to_owned()];
        let read = states(&ids, &vec![row(&["a", "2030-01-01T00:00:00.000000Z", "false", "2"])]).unwrap();
        assert!(read.users["a"].there && read.users["a"].banned_until.is_some());
        assert_eq!(read.users["b"], AuthState::default());
        // Who was not asked for makes no answer.
        assert!(states(&ids, &vec![row(&["c", "-", "false", "0"])]).is_err());
    }
}
