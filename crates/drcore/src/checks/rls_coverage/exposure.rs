//! What every API role may do with one object, now and then, and the exact REVOKE and GRANT.

use std::collections::BTreeMap;

use super::{Case, ExposureNarrowed, ExposureWidened};
use crate::access::{Access, Privileges};
use crate::check::Judgement;
use crate::evidence::acl::Acl;
use crate::evidence::catalog::Relation;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::ident;

/// Nothing is granted on it.
static NOTHING: Acl = Acl(Vec::new());

/// Something that privileges are granted on, as one side has it.
pub(super) struct Grantable<'e> {
    /// As a user would type it; part of the finding's id.
    object: String,
    /// What stands after ON in GRANT.
    target: String,
    acl: &'e Acl,
    owner: &'e str,
    /// The letters that are compared.
    all: &'static str,
    /// The column, and the table whose privileges hold for it too.
    column: Option<(String, &'e Relation)>,
    /// How a restore comes to grant more on it than there was, as a full sentence.
    how_widened: &'static str,
}

const BY_DEFAULT: &str = "Default privileges re-open what was revoked when a dump is restored.";
const BY_NEWER_DUMP: &str =
    "pg_dump 15 and later leaves out a REVOKE that is the rule from PostgreSQL 15 on, and here it is not.";

impl<'e> Grantable<'e> {
    pub(super) fn new(target: &str, object: &str, acl: &'e Acl, owner: &'e str, all: &'static str) -> Self {
        Self {
            object: object.to_owned(),
            target: target.to_owned(),
            acl,
            owner,
            all,
            column: None,
            how_widened: BY_DEFAULT,
        }
    }

    /// The schema `public` of a server before version 15, where everybody may create objects by default.
    pub(super) fn open_to_all(self) -> Self {
        Self { how_widened: BY_NEWER_DUMP, ..self }
    }

    pub(super) fn column(table: &'e Relation, column: &str, object: &str, acl: Option<&'e Acl>) -> Self {
        Self {
            object: object.to_owned(),
            target: table.name.to_string(),
            acl: acl.unwrap_or(&NOTHING),
            owner: &table.owner,
            all: "arwx",
            column: Some((ident(column), table)),
            how_widened: BY_DEFAULT,
        }
    }

    /// What the role may do with it.
    fn held(&self, access: &Access<'_>, role: &str) -> Privileges {
        let own = access.on(role, self.acl, self.owner, self.all).only(&Privileges::of(self.all));
        own.and(&self.held_by_table(access, role))
    }

    /// What it may do with a column because it may with the table.
    fn held_by_table(&self, access: &Access<'_>, role: &str) -> Privileges {
        self.column.as_ref().map_or_else(Privileges::default, |(_, table)| {
            access.on(role, &table.acl, &table.owner, self.all).only(&Privileges::of(self.all))
        })
    }

    /// `revoke select, insert on … from anon`, or `grant … to …`.
    fn statement(&self, verb: &str, privileges: &Privileges, preposition: &str, grantee: &str) -> String {
        let words: Vec<String> = privileges
            .words()
            .into_iter()
            .map(|word| match &self.column {
                Some((column, _)) => format!("{word} ({column})"),
                None => word,
            })
            .collect();
        format!("{verb} {} on {} {preposition} {}", words.join(", "), self.target, ident(grantee))
    }
}

/// Compares what every role that the API could become then and can become now may do.
pub(super) fn compare(
    case: &Case<'_>,
    then: &Access<'_>,
    new: &Grantable<'_>,
    old: &Grantable<'_>,
    judgement: &mut Judgement,
) {
    for role in case.now.api_roles().filter(|role| then.is_api_role(role)) {
        let has = new.held(&case.now, role);
        let had = old.held(then, role);
        let by_table = new.held_by_table(&case.now, role);
        let was_by_table = old.held_by_table(then, role);
        // What changed for the whole table is told once, for the table.
        let widened = has.without(&had).without(&by_table.without(&was_by_table));
        let narrowed = had.without(&has).without(&was_by_table.without(&by_table));
        if !widened.is_empty() {
            let remedy = revoke(case, then, role, &widened, new, old);
            judgement.find(ExposureWidened::new(&new.object, role, &widened, remedy, new.how_widened));
        }
        if !narrowed.is_empty() {
            let remedy = grant(case, then, role, &narrowed, new, old);
            judgement.find(ExposureNarrowed::new(&new.object, role, &narrowed, remedy));
        }
    }
}

/// Takes back what the baseline had not given, from whom it was given to: the role, a group of it, or everybody.
fn revoke(
    case: &Case<'_>,
    then: &Access<'_>,
    role: &str,
    widened: &Privileges,
    new: &Grantable<'_>,
    old: &Grantable<'_>,
) -> Option<Remedy> {
    let given = given(new.acl, old.acl, widened, |grantee| case.now.counts_for(role, grantee));
    let mut statements = Vec::new();
    for (grantee, privileges) in &given {
        statements.push(new.statement("revoke", privileges, "from", grantee));
        // REVOKE on a table takes the grants on its columns with it.
        if new.column.is_none() {
            for column in then.granted_columns().filter(|column| column.relation.to_string() == new.target) {
                let own: Privileges = letters_of(&column.acl, grantee).only(privileges);
                if !own.is_empty() {
                    let words: Vec<String> =
                        own.words().iter().map(|word| format!("{word} ({})", ident(&column.name))).collect();
                    statements.push(format!(
                        "grant {} on {} to {}",
                        words.join(", "),
                        new.target,
                        ident(grantee)
                    ));
                }
            }
        }
    }
    (!statements.is_empty()).then(|| Remedy::sql(RemedyClass::Safe, statements))
}

/// Gives back what the baseline gave, to whom it gave it.
fn grant(
    case: &Case<'_>,
    then: &Access<'_>,
    role: &str,
    narrowed: &Privileges,
    new: &Grantable<'_>,
    old: &Grantable<'_>,
) -> Option<Remedy> {
    let given = given(old.acl, new.acl, narrowed, |grantee| {
        then.counts_for(role, grantee) && (grantee == "public" || case.now.has_role(grantee))
    });
    let statements: Vec<String> =
        given.iter().map(|(grantee, privileges)| new.statement("grant", privileges, "to", grantee)).collect();
    (!statements.is_empty()).then(|| Remedy::sql(RemedyClass::Safe, statements))
}

/// Of `wanted`, what this list gives and that one does not, by whom it is given to.
fn given<'a>(
    this: &'a Acl,
    that: &Acl,
    wanted: &Privileges,
    counts: impl Fn(&str) -> bool,
) -> BTreeMap<&'a str, Privileges> {
    let mut given = BTreeMap::new();
    for item in this.0.iter().filter(|item| counts(&item.grantee)) {
        let more = letters_of(this, &item.grantee).only(wanted).without(&letters_of(that, &item.grantee));
        if !more.is_empty() {
            given.insert(item.grantee.as_str(), more);
        }
    }
    given
}

fn letters_of(acl: &Acl, grantee: &str) -> Privileges {
    let letters: String =
        acl.0.iter().filter(|item| item.grantee == grantee).map(|item| item.privileges.as_str()).collect();
    Privileges::of(&letters)
}
