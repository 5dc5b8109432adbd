//! `auth_integrity`: the users of Supabase's auth service are there, and can sign in.

mod drift;
mod findings;
#[cfg(test)]
mod tests;

use crate::auth::{AuthSchema, table};
use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::collect::auth::{AuthQuestion, profile_key};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::{CatalogFactName, ForeignKey};
use crate::evidence::{AuthProfiles, AuthUsers, Cause, CauseKind, Evidence, Fact};
use crate::plan::{AuthComparison, AuthIntegrity, PlannedProfiles};
use crate::sql::QualifiedName;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "users are there, can sign in, and are as banned, deleted and protected as they were",
    docs: include_str!("auth_integrity.md"),
    kinds: &[
        KindDoc { kind: "bans_lost", meaning: "users who were banned sign in again" },
        KindDoc { kind: "deletions_undone", meaning: "users who were deleted are there again" },
        KindDoc {
            kind: "emails_shared",
            meaning: "several users have one e-mail address: who signs in with it may be the other one",
        },
        KindDoc { kind: "identities_without_user", meaning: "identities are left of users who are gone" },
        KindDoc {
            kind: "login_columns_null",
            meaning: "the auth service fails on these users, and on every list of users that has them",
        },
        KindDoc {
            kind: "logins_differ",
            meaning: "users must sign in again, or are signed in where they had signed out",
        },
        KindDoc { kind: "no_users", meaning: "nobody can sign in" },
        KindDoc {
            kind: "profiles_without_user",
            meaning: "rows of the application belong to users who are gone",
        },
        KindDoc {
            kind: "second_factors_lost",
            meaning: "users who had a second factor sign in with a password alone",
        },
        KindDoc { kind: "users_missing", meaning: "users are gone who could sign in" },
        KindDoc { kind: "users_without_identity", meaning: "users cannot sign in as they used to" },
        KindDoc {
            kind: "users_without_profile",
            meaning: "users sign in, and the application does not know them",
        },
    ],
    wanted,
    judge,
};

const ID: &str = "auth_integrity";

const FACTS: &[CatalogFactName] =
    &[CatalogFactName::Column, CatalogFactName::ForeignKey, CatalogFactName::Relation];

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(FACTS);
    let Ok(Some(schema)) = AuthSchema::of(&context.now.catalog) else { return };
    wants.add(Request::Auth(AuthQuestion::Users));
    // Asking for a table that is not there would read as unreadable.
    for (name, question) in [
        ("identities", AuthQuestion::Identities),
        ("mfa_factors", AuthQuestion::Factors),
        ("refresh_tokens", AuthQuestion::RefreshTokens),
        ("sessions", AuthQuestion::Sessions),
    ] {
        if matches!(schema.of_user(name), Ok(Some(_))) {
            wants.add(Request::Auth(question));
        }
    }
    for planned in profiles(context) {
        if let Ok((table, column)) = resolved(planned, context.now) {
            wants.add(Request::Auth(AuthQuestion::Profiles { table, column }));
        }
    }
    let marked = drift::marked(context);
    if !marked.is_empty() {
        wants.add(Request::Auth(AuthQuestion::States(marked)));
    }
}

/// What of a baseline is compared.
fn compares(context: Context<'_>, what: AuthComparison) -> bool {
    context.plan.auth_integrity.as_ref().is_none_or(|section| section.compares(what))
}

fn profiles(context: Context<'_>) -> &[PlannedProfiles] {
    context.plan.auth_integrity.as_ref().map_or(&[], |section| &section.profiles)
}

/// Which table and column this stands for.
fn resolved(planned: &PlannedProfiles, evidence: &Evidence) -> Result<(QualifiedName, String), Cause> {
    let name = &planned.column;
    let gone = |what: String| {
        Cause::new(CauseKind::Error, what).hint("Write it as the catalog has it, or restore it.")
    };
    let relation = name.table.resolve(&evidence.catalog)?;
    let table = &relation.ok_or_else(|| gone(format!("there is no table or view {}", name.table)))?.name;
    let column = name.resolve_in(&evidence.catalog, table)?;
    let column = column.ok_or_else(|| gone(format!("{table} has no column {}", name.column_text())))?;
    Ok((table.clone(), column.to_owned()))
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let is_there = match AuthSchema::of(&context.now.catalog) {
        Ok(schema) => schema.is_some(),
        Err(cause) => {
            judgement.could_not_read("the list of tables and columns", cause);
            return judgement;
        }
    };
    let was_there = match context.then.map(|then| AuthSchema::of(&then.catalog)).transpose() {
        Ok(schema) => schema.flatten().is_some(),
        Err(cause) => {
            judgement.could_not_read("the baseline's list of tables and columns", cause);
            return judgement;
        }
    };
    if !is_there {
        return absent(context, was_there);
    }
    let users = match context.now.auth.users.get() {
        Ok(users) => Some(users),
        Err(cause) => {
            judgement.could_not_read(table("users").to_string(), cause);
            None
        }
    };
    if let Some(users) = users {
        judge_users(context, users, &mut judgement);
    }
    judge_identities(context, &mut judgement);
    for planned in profiles(context) {
        judge_profiles(context, planned, &mut judgement);
    }
    drift::judge(context, was_there, &mut judgement);
    match users {
        Some(users) if users.living() == 0 => none(context, judgement),
        _ => judgement,
    }
}

/// There is no table of users: whether that is a loss.
fn absent(context: Context<'_>, was_there: bool) -> Judgement {
    // What is left of the service says that there were some.
    let left = ["identities", "mfa_factors", "refresh_tokens", "sessions"]
        .into_iter()
        .any(|name| AuthSchema::is_left(&context.now.catalog, name));
    if was_there || left || context.plan.auth_integrity.is_some() {
        let mut judgement = Judgement::default();
        judgement.find(NoUsers::gone(context, was_there));
        return judgement;
    }
    Judgement::not_applicable("there is no auth.users of Supabase's auth service")
}

/// Nobody is there: whether that is how it should be.
fn none(context: Context<'_>, judgement: Judgement) -> Judgement {
    let is_found = judgement.findings.iter().any(|finding| finding.kind() == "no_users");
    if is_found || minimum(context).is_some() {
        return judgement;
    }
    let were = context.then.and_then(|then| then.auth.users.read()).map(AuthUsers::living);
    if were == Some(0) {
        return judgement
            .absent(Reason::NotApplicable, "auth.users has no users, and had none in the baseline");
    }
    judgement.absent(
        Reason::Assumed,
        "auth.users has no users, and whether there should be some is not known: add --against a baseline, or \
         minimum_users under [auth_integrity]",
    )
}

fn minimum(context: Context<'_>) -> Option<u64> {
    context.plan.auth_integrity.as_ref().and_then(|section: &AuthIntegrity| section.minimum_users)
}

fn judge_users(context: Context<'_>, users: &AuthUsers, judgement: &mut Judgement) {
    judgement.examine("tables", 1);
    judgement.examine("users", users.users);
    let were = then_users(context).map(AuthUsers::living);
    let is = users.living();
    if let Some(minimum) = minimum(context) {
        if is < minimum {
            if is == 0 {
                judgement.find(NoUsers::planned(minimum));
            } else {
                judgement.find(UsersMissing::planned(is, minimum));
            }
        }
    } else if let Some(were) = were.filter(|were| is < *were) {
        if is == 0 {
            judgement.find(NoUsers::lost(were));
        } else if compares(context, AuthComparison::Users) && !counts_rows(context) {
            judgement.find(UsersMissing::lost(is, were));
        }
    }
    if users.unreadable > 0 {
        judgement.find(LoginColumnsNull::new(users));
    }
    if users.sharing_email > 0 {
        judgement.find(EmailsShared::new(users));
    }
}

fn then_users(context: Context<'_>) -> Option<&AuthUsers> {
    context.then.and_then(|then| then.auth.users.read())
}

/// Whether `row_counts` tells how many users are missing, or was told how many may be.
fn counts_rows(context: Context<'_>) -> bool {
    let catalog = &context.now.catalog;
    let users = catalog.relation(&table("users")).ok().flatten();
    context.runs("row_counts")
        && users.is_some_and(|users| context.plan.scope.has(users, catalog).unwrap_or_default())
}

fn judge_identities(context: Context<'_>, judgement: &mut Judgement) {
    let identities = table("identities");
    let schema = AuthSchema::of(&context.now.catalog).ok().flatten();
    if matches!(schema.map(|schema| schema.of_user("identities")), Some(Ok(None))) {
        let cause = Cause::new(CauseKind::Unsupported, "it is not there, or says not whose they are")
            .hint("Bring the auth service, which makes the table, to a version of 2021 or later.");
        return judgement.could_not_read(identities.to_string(), cause);
    }
    let found = match context.now.auth.identities.get() {
        Ok(found) => found,
        Err(cause) => return judgement.could_not_read(identities.to_string(), cause),
    };
    judgement.examine("identities", found.identities);
    let were = context.then.and_then(|then| then.auth.identities.read());
    if found.without_user > 0 && !follows(context, &identities, "user_id") {
        judgement.find(IdentitiesWithoutUser::new(found));
    }
    if found.users_without > 0 {
        judgement.find(UsersWithoutIdentity::new(context, found, were));
    }
}

/// Whether a foreign key leads from this column to the users, whose orphans `orphan_fks` tells.
fn follows(context: Context<'_>, child: &QualifiedName, column: &str) -> bool {
    let leads = |key: &ForeignKey| {
        key.child == *child && key.child_columns == [column] && key.parent == table("users")
    };
    let of =
        |evidence: &Evidence| evidence.catalog.foreign_keys.read().is_some_and(|keys| keys.iter().any(leads));
    let catalog = &context.now.catalog;
    let relation = catalog.relation(child).ok().flatten();
    context.runs("orphan_fks")
        && (of(context.now) || context.then.is_some_and(of))
        && relation.is_some_and(|relation| context.plan.scope.has(relation, catalog).unwrap_or_default())
}

fn judge_profiles(context: Context<'_>, planned: &PlannedProfiles, judgement: &mut Judgement) {
    let of = |evidence: &Evidence| -> Result<(QualifiedName, String, AuthProfiles), Cause> {
        let (table, column) = resolved(planned, evidence)?;
        let not_asked = Fact::NotAsked;
        let fact = evidence.auth.profiles.get(&profile_key(&table, &column)).unwrap_or(&not_asked);
        let found = fact.get()?.clone();
        Ok((table, column, found))
    };
    let (table, column, found) = match of(context.now) {
        Ok(found) => found,
        Err(cause) => return judgement.could_not_read(planned.column.to_string(), cause),
    };
    judgement.examine("profiles", found.profiles);
    // A baseline that was taken with another plan knows nothing of it.
    let were = context.then.and_then(|then| of(then).ok()).map(|(.., were)| were);
    if found.without_user > 0 && !follows(context, &table, &column) {
        let relation = context.now.catalog.relation(&table).ok().flatten();
        let can_delete = relation.is_some_and(|relation| relation.kind.is_table());
        judgement.find(ProfilesWithoutUser::new(&table, &column, &found, can_delete));
    }
    if found.users_without > 0 && planned.every_user.unwrap_or(true) {
        judgement.find(UsersWithoutProfile::new(&table, &column, &found, were.as_ref()));
    }
}
