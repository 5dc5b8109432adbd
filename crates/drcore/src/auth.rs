//! The tables of Supabase's auth service as they are here: columns came and went with its versions.

use crate::evidence::catalog::{Catalog, Column, Relation};
use crate::evidence::{Cause, CauseKind};
use crate::sql::{QualifiedName, literal, quote};

/// Columns of `auth.users` that break logins where they are NULL, and what stands there where nothing is meant: the
/// service reads them into texts that cannot be NULL, or looks users up by them.
///
/// Source: supabase/auth internal/models/user.go (2026-06); `email_change_token` was split into two in 2021.
pub(crate) const LOGIN_COLUMNS: &[(&str, &str)] = &[
    ("aud", "authenticated"),
    ("confirmation_token", ""),
    ("email_change", ""),
    ("email_change_token", ""),
    ("email_change_token_current", ""),
    ("email_change_token_new", ""),
    ("instance_id", "00000000-0000-0000-0000-000000000000"),
    ("phone_change", ""),
    ("phone_change_token", ""),
    ("reauthentication_token", ""),
    ("recovery_token", ""),
    ("role", "authenticated"),
];

/// A table of the service.
pub(crate) fn table(name: &str) -> QualifiedName {
    QualifiedName::new("auth", name)
}

/// The users in a `from` clause, as `u`.
pub(crate) fn users_as_u() -> String {
    format!("only {} u", table("users").to_sql())
}

/// The service's tables, by what the catalog says of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthSchema<'c> {
    catalog: &'c Catalog,
}

impl<'c> AuthSchema<'c> {
    /// The schema, or none where the database has no users of this service: an application may have a table
    /// `auth.users` of its own.
    ///
    /// # Errors
    /// The cause, where relations or columns could not be read.
    pub(crate) fn of(catalog: &'c Catalog) -> Result<Option<Self>, Cause> {
        let schema = Self { catalog };
        let Some(users) = catalog.relation(&table("users"))? else { return Ok(None) };
        let is_uuid = catalog.column(&users.name, "id")?.is_some_and(|id| id.plain_type() == "uuid");
        let is_service =
            catalog.is_supabase()? || catalog.column(&users.name, "encrypted_password")?.is_some();
        Ok((users.kind.is_table() && is_uuid && is_service).then_some(schema))
    }

    /// Whether this table is left of the service where its users are gone.
    pub(crate) fn is_left(catalog: &Catalog, name: &str) -> bool {
        let schema = AuthSchema { catalog };
        catalog.is_supabase().unwrap_or_default() && matches!(schema.of_user(name), Ok(Some(_)))
    }

    /// One of the tables, where it is there with a column that says whose a row is.
    ///
    /// # Errors
    /// The cause, where relations or columns could not be read.
    pub(crate) fn of_user(self, name: &str) -> Result<Option<&'c Relation>, Cause> {
        let Some(relation) = self.catalog.relation(&table(name))? else { return Ok(None) };
        let has_user = self.catalog.column(&relation.name, "user_id")?.is_some();
        Ok(Some(relation).filter(|relation| relation.kind.is_table() && has_user))
    }

    /// The column of `auth.users`, where this version has it.
    pub(crate) fn column(self, name: &str) -> Option<&'c Column> {
        self.catalog.column(&table("users"), name).ok().flatten()
    }

    /// `u."name"`, or this where there is no such column.
    pub(crate) fn or(self, name: &str, otherwise: &str) -> String {
        match self.column(name) {
            Some(_) => format!("u.{}", quote(name)),
            None => otherwise.to_owned(),
        }
    }

    /// Whether a user `u` was deleted, and only their row is kept.
    pub(crate) fn deleted(self) -> String {
        format!("({} is not null)", self.or("deleted_at", "null"))
    }

    /// Whether a user `u` has an anonymous account: without an identity, and maybe without a profile.
    pub(crate) fn anonymous(self) -> String {
        self.flag("is_anonymous")
    }

    /// Whether a user `u` comes from an organisation's own sign-on.
    pub(crate) fn sso(self) -> String {
        self.flag("is_sso_user")
    }

    fn flag(self, name: &str) -> String {
        format!("coalesce({}, false)", self.or(name, "null::pg_catalog.bool"))
    }

    /// Whether a user `u` is somebody who can sign in again.
    pub(crate) fn lasting(self) -> String {
        format!("not {} and not {}", self.deleted(), self.anonymous())
    }

    /// Whether a user `u` signs in by e-mail, so that the identity follows from the user.
    pub(crate) fn by_email(self) -> String {
        let provider = match self.column("raw_app_meta_data") {
            Some(_) => "coalesce(u.raw_app_meta_data ->> 'provider', 'email') = 'email'",
            None => "true",
        };
        format!("{} <> '' and not {} and {provider}", self.or("email", "''"), self.sso())
    }

    /// Whether a column holds the id of a user `u`.
    ///
    /// # Errors
    /// Where it can hold none.
    pub(crate) fn same(column: &Column, alias: &str) -> Result<String, Cause> {
        let name = format!("{alias}.{}", quote(&column.name));
        match column.plain_type() {
            "uuid" => Ok(format!("{name} = u.id")),
            of if of == "text" || of.starts_with("character") => {
                Ok(format!("pg_catalog.lower({name}::pg_catalog.text) = u.id::pg_catalog.text"))
            }
            of => Err(Cause::new(CauseKind::Unsupported, format!("{of} holds no ids of users"))),
        }
    }

    /// Which login columns this version has, with what stands there where nothing is meant, as SQL.
    pub(crate) fn login_columns(self) -> impl Iterator<Item = (&'static str, String)> {
        let there = LOGIN_COLUMNS.iter().filter(move |(name, _)| self.column(name).is_some());
        there.map(|(name, value)| (*name, literal(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn login_columns_are_sorted() {
        assert!(LOGIN_COLUMNS.is_sorted());
    }
}
