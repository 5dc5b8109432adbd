//! What `auth_integrity` finds. Users are named by their ids, never by a name or an address.

use super::ID;
use crate::auth::{LOGIN_COLUMNS, table};
use crate::check::Context;
use crate::checks::policies::Difference;
use crate::evidence::{AuthBan, AuthIdentities, AuthProfiles, AuthUsers};
use crate::finding::{Common, Severity, payloads};
use crate::remedy::{Choice, Remedy, RemedyClass};
use crate::sql::{QualifiedName, ident, literal};
use crate::text::{count, list, plural};

/// How many users a finding names.
const NAMED: usize = 20;

payloads! {
    /// Users were banned, and can sign in again.
    BansLost: up to users {
        /// How many.
        users: u64,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// Users were deleted, and are there again.
    DeletionsUndone: up to users {
        /// How many.
        users: u64,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// Several users have one e-mail address.
    EmailsShared: up to users {
        /// How many users have an address that is another user's too.
        users: u64,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// Identities belong to users that are not there.
    IdentitiesWithoutUser: up to identities {
        /// How many identities.
        identities: u64,
        /// The ids of the first users who are missing.
        samples: Vec<String>,
    }

    /// Columns that break logins are NULL.
    LoginColumnsNull: of columns: up to users {
        /// How many users have NULL in at least one of them.
        users: u64,
        /// The columns, unquoted.
        columns: Vec<String>,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// Other sessions, refresh tokens or second factors than in the baseline.
    LoginsDiffer {
        /// How many there are of what.
        differences: Vec<Difference>,
    }

    /// There are no users, and there should be.
    NoUsers {
        /// How many there were in the baseline, or must be at least, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<u64>,
    }

    /// Rows of the application belong to users that are not there.
    ProfilesWithoutUser: up to rows {
        /// The column that says whose they are, unquoted.
        column: String,
        /// How many rows.
        rows: u64,
        /// The ids of the first users who are missing.
        samples: Vec<String>,
    }

    /// Users had a second factor, and sign in without one.
    SecondFactorsLost: up to users {
        /// How many.
        users: u64,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// There are fewer users than there should be.
    UsersMissing: up to missing {
        /// How many there are.
        users: u64,
        /// How many there were in the baseline, or must be at least.
        expected: u64,
        /// How many are missing.
        missing: u64,
    }

    /// Users have no identity to sign in with.
    UsersWithoutIdentity: up to users {
        /// How many.
        users: u64,
        /// How many of them sign in by e-mail, so that the identity follows from the user.
        by_email: u64,
        /// How many there were in the baseline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        were: Option<u64>,
        /// The ids of the first of them.
        samples: Vec<String>,
    }

    /// Users have no row where each should have one.
    UsersWithoutProfile: up to users {
        /// The column that says whose a row is, unquoted.
        column: String,
        /// How many.
        users: u64,
        /// How many there were in the baseline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        were: Option<u64>,
        /// The ids of the first of them.
        samples: Vec<String>,
    }
}

impl BansLost {
    pub(super) fn new(lost: &[&AuthBan]) -> Self {
        let users = lost.len() as u64;
        let values: Vec<String> = lost
            .iter()
            .map(|ban| {
                let until = literal(&ban.until.to_string());
                format!("({}::uuid, {until}::timestamptz)", literal(&ban.user))
            })
            .collect();
        let again = format!(
            "update auth.users u set banned_until = b.until from (values {}) b (id, until) where u.id = b.id and \
             (u.banned_until is null or u.banned_until < b.until)",
            values.join(", ")
        );
        let message = format!("{} banned in the baseline can sign in", plural(users, "user"));
        let samples = named(lost.iter().map(|ban| ban.user.as_str()));
        let common = of_users("bans_lost", Severity::Critical, message)
            .hint("The restore is of a time before the ban.")
            .query(show(&samples, "banned_until"))
            .remedy(
                Remedy::sql(RemedyClass::AvailabilityRisk, [again])
                    .with_note("from the baseline: leave out whoever was let in again on purpose"),
            );
        Self { common, users, samples }
    }
}

impl DeletionsUndone {
    pub(super) fn new(undone: &[String]) -> Self {
        let users = undone.len() as u64;
        let message = format!("{} deleted in the baseline can sign in", plural(users, "user"));
        let samples = named(undone.iter().map(String::as_str));
        let common = of_users("deletions_undone", Severity::Critical, message)
            .hint("Delete them again through the auth service, which takes away what is personal too.")
            .query(show(&samples, "deleted_at"));
        Self { common, users, samples }
    }
}

impl EmailsShared {
    pub(super) fn new(found: &AuthUsers) -> Self {
        let users = found.sharing_email;
        let message = format!("{} have an e-mail address that is another user's too", plural(users, "user"));
        let common = of_users("emails_shared", Severity::Warning, message)
            .hint("The service looks addresses up in lower case: merge or rename them.")
            .query(
                "select lower(email) as email, array_agg(id order by id) as users from auth.users \
                 where email <> '' group by lower(email) having count(*) > 1 order by 1",
            );
        Self { common, users, samples: found.sharing_email_samples.clone() }
    }
}

impl IdentitiesWithoutUser {
    pub(super) fn new(found: &AuthIdentities) -> Self {
        let identities = found.without_user;
        let noun = if identities == 1 { "identity belongs" } else { "identities belong" };
        let message = format!("{} {noun} to users who are not there", count(identities));
        let alone = "not exists (select from auth.users u where u.id = i.user_id)";
        let common = Common::new(
            ID,
            "identities_without_user",
            table("identities").to_string(),
            Severity::Warning,
            message,
        )
        .hint("No foreign key watches over it: users were lost, or deleted while it was gone.")
        .query(format!("select i.user_id, i.provider from auth.identities i where {alone}"))
        .remedy(Remedy::choose(vec![
            Choice::new(
                "delete",
                "delete the identities",
                RemedyClass::Destructive,
                vec![format!("delete from auth.identities i where {alone}")],
            ),
            Choice::new("reinsert", "bring the users back from other data", RemedyClass::Safe, Vec::new()),
        ]));
        Self { common, identities, samples: found.without_user_samples.clone() }
    }
}

impl LoginColumnsNull {
    pub(super) fn new(found: &AuthUsers) -> Self {
        let users = found.unreadable;
        let columns: Vec<String> = found.null_columns.keys().cloned().collect();
        let message = format!("{} with NULL in {}", plural(users, "user"), list(&columns));
        let set = LOGIN_COLUMNS.iter().filter(|(name, _)| found.null_columns.contains_key(*name)).map(
            |(name, value)| {
                let name = ident(name);
                format!("update auth.users set {name} = {} where {name} is null", literal(value))
            },
        );
        let nulls: Vec<String> = columns.iter().map(|name| format!("{} is null", ident(name))).collect();
        let common = of_users("login_columns_null", Severity::Critical, message)
            .hint("The service answers 500 (\"Database error querying schema\") or does not find them.")
            .query(format!("select id from auth.users where {} order by 1", nulls.join(" or ")))
            .remedy(Remedy::sql(RemedyClass::Safe, set));
        Self { common, users, columns, samples: found.unreadable_samples.clone() }
    }
}

impl LoginsDiffer {
    pub(super) fn new(differences: Vec<Difference>) -> Self {
        let what: Vec<String> = differences
            .iter()
            .map(|Difference { what, was, is }| {
                let number = |side: &Option<String>| side.clone().unwrap_or_default();
                format!("{} {what}, were {}", number(is), number(was))
            })
            .collect();
        let hint = "Who signed out since the backup is signed in again, and tokens used since are refused: end all \
                    sessions where that matters.";
        let common = Common::new(ID, "logins_differ", "auth", Severity::Info, what.join("; ")).hint(hint);
        Self { common, differences }
    }
}

impl NoUsers {
    /// The table itself is gone.
    pub(super) fn gone(context: Context<'_>, was_there: bool) -> Self {
        let expected = super::minimum(context).or_else(|| super::then_users(context).map(AuthUsers::living));
        let message = if was_there {
            "there is no auth.users of the auth service, which the baseline has"
        } else {
            "there is no auth.users of the auth service"
        };
        Self { common: none(message.to_owned()), expected }
    }

    pub(super) fn lost(were: u64) -> Self {
        Self { common: none(format!("there are no users, were {}", count(were))), expected: Some(were) }
    }

    pub(super) fn planned(minimum: u64) -> Self {
        let message = format!("there are no users, at least {} must be", count(minimum));
        Self { common: none(message), expected: Some(minimum) }
    }
}

fn none(message: String) -> Common {
    of_users("no_users", Severity::Critical, message).hint(
        "Dumps of the application's schemas leave the auth schema out: restore its rows too, or nobody can sign in.",
    )
}

impl ProfilesWithoutUser {
    pub(super) fn new(
        relation: &QualifiedName,
        column: &str,
        found: &AuthProfiles,
        can_delete: bool,
    ) -> Self {
        let rows = found.without_user;
        let message = format!("{} ({}) of users who are not there", plural(rows, "row"), ident(column));
        let alone = format!(
            "p.{name} is not null and not exists (select from auth.users u where u.id::text = lower(p.{name}::text))",
            name = ident(column)
        );
        let again =
            Choice::new("reinsert", "bring the users back from other data", RemedyClass::Safe, Vec::new());
        // A view has no rows of its own.
        let delete = can_delete.then(|| {
            let delete = format!("delete from {relation} p where {alone}");
            Choice::new("delete", "delete the rows", RemedyClass::Destructive, vec![delete])
        });
        let common = of_profiles("profiles_without_user", relation, column, Severity::Critical, message)
            .hint("Nobody can sign in as their owners: users were lost, or only the rows were restored.")
            .query(format!("select p.* from {relation} p where {alone}"))
            .remedy(Remedy::choose(delete.into_iter().chain([again]).collect()));
        Self { common, column: column.to_owned(), rows, samples: found.without_user_samples.clone() }
    }
}

impl SecondFactorsLost {
    pub(super) fn new(lost: &[String]) -> Self {
        let users = lost.len() as u64;
        let message = format!("{} with a second factor in the baseline have none", plural(users, "user"));
        let samples = named(lost.iter().map(String::as_str));
        let ids: Vec<String> = samples.iter().map(|id| format!("{}::uuid", literal(id))).collect();
        let common = Common::new(
            ID,
            "second_factors_lost",
            table("mfa_factors").to_string(),
            Severity::Critical,
            message,
        )
        .hint("Restore auth.mfa_factors from a later backup, or ask them to enrol again before they sign in.")
        .query(format!("select u.id from auth.users u where u.id in ({}) order by 1", ids.join(", ")));
        Self { common, users, samples }
    }
}

impl UsersMissing {
    pub(super) fn lost(users: u64, were: u64) -> Self {
        Self::new(users, were, format!("{} are there, were {}", plural(users, "user"), count(were)))
    }

    pub(super) fn planned(users: u64, minimum: u64) -> Self {
        Self::new(
            users,
            minimum,
            format!("{} are there, at least {} must be", plural(users, "user"), count(minimum)),
        )
    }

    fn new(users: u64, expected: u64, message: String) -> Self {
        let common = of_users("users_missing", Severity::Warning, message)
            .hint("Who signed up since the backup is gone, or a part of auth.users was not restored.");
        Self { common, users, expected, missing: expected.saturating_sub(users) }
    }
}

impl UsersWithoutIdentity {
    pub(super) fn new(context: Context<'_>, found: &AuthIdentities, were: Option<&AuthIdentities>) -> Self {
        let (users, by_email) = (found.users_without, found.users_without_by_email);
        let were = were.map(|were| were.users_without);
        let message = format!("{} without an identity{}", plural(users, "user"), before(were));
        let mut common = of_users("users_without_identity", worse(users, were), message)
            .hint("Signing in by a provider makes a second account, and the dashboard and linking fail.")
            .query(
                "select u.id from auth.users u where not exists (select from auth.identities i where i.user_id = u.id) \
                 order by 1",
            );
        if let Some(remedy) = identities(context, found) {
            common = common.remedy(remedy);
        }
        Self { common, users, by_email, were, samples: found.users_without_samples.clone() }
    }
}

/// Identities of users who sign in by e-mail follow from the users, in the shape that the table has since 2023.
fn identities(context: Context<'_>, found: &AuthIdentities) -> Option<Remedy> {
    let schema = crate::auth::AuthSchema::of(&context.now.catalog).ok()??;
    let of = |name: &str| context.now.catalog.column(&table("identities"), name).ok().flatten();
    let fits = of("id").is_some_and(|id| id.plain_type() == "uuid") && of("provider_id").is_some();
    if found.users_without_by_email == 0 || !fits {
        return None;
    }
    let insert = format!(
        "insert into auth.identities (id, provider_id, user_id, identity_data, provider, created_at, updated_at) \
         select gen_random_uuid(), u.id::text, u.id, jsonb_build_object('sub', u.id::text, 'email', u.email), 'email', \
         now(), now() from auth.users u where {} and {} \
         and not exists (select from auth.identities i where i.user_id = u.id)",
        schema.lasting(),
        schema.by_email()
    );
    let others = found.users_without - found.users_without_by_email;
    let remedy = Remedy::sql(RemedyClass::Safe, [insert]);
    Some(if others == 0 {
        remedy
    } else {
        remedy.with_note(format!(
            "of those who sign in by e-mail: {} need theirs from a backup",
            plural(others, "user")
        ))
    })
}

impl UsersWithoutProfile {
    pub(super) fn new(
        relation: &QualifiedName,
        column: &str,
        found: &AuthProfiles,
        were: Option<&AuthProfiles>,
    ) -> Self {
        let users = found.users_without;
        let were = were.map(|were| were.users_without);
        let message = format!(
            "{} of {} have no row ({}){}",
            count(users),
            plural(found.users, "user"),
            ident(column),
            before(were)
        );
        let common = of_profiles("users_without_profile", relation, column, worse(users, were), message)
            .hint("The trigger on auth.users that makes the row is often lost in a restore: look at schema_drift.")
            .query(format!(
                "select u.id from auth.users u where not exists (select from {relation} p where lower(p.{}::text) = \
                 u.id::text) order by 1",
                ident(column)
            ));
        Self { common, column: column.to_owned(), users, were, samples: found.users_without_samples.clone() }
    }
}

/// Broken in itself; worse, where it was not so before.
fn worse(is: u64, were: Option<u64>) -> Severity {
    if were.is_some_and(|were| is > were) { Severity::Critical } else { Severity::Warning }
}

fn before(were: Option<u64>) -> String {
    were.map_or_else(String::new, |were| {
        format!(", {} in the baseline", if were == 0 { "none".to_owned() } else { count(were) })
    })
}

fn of_users(kind: &str, severity: Severity, message: String) -> Common {
    Common::new(ID, kind, table("users").to_string(), severity, message)
}

fn of_profiles(
    kind: &str,
    relation: &QualifiedName,
    column: &str,
    severity: Severity,
    message: String,
) -> Common {
    Common::new(ID, kind, relation.to_string(), severity, message).qualified(&ident(column))
}

fn named<'u>(users: impl Iterator<Item = &'u str>) -> Vec<String> {
    users.take(NAMED).map(str::to_owned).collect()
}

/// A statement that shows these users.
fn show(ids: &[String], column: &str) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("{}::uuid", literal(id))).collect();
    format!("select id, {column} from auth.users where id in ({}) order by 1", ids.join(", "))
}
