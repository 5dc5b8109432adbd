//! What `privilege_drift` finds.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ID;
use super::grants::Change;
use super::roles::Ties;
use super::things::{Kind, Thing};
use crate::access::Privileges;
use crate::evidence::catalog::Role;
use crate::finding::{Common, Payload, Severity, payloads};
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{ident, literal};
use crate::text::{list, plural};

/// What a role may do with some objects, and could not; or could, and may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ChangedGrant")]
#[non_exhaustive]
pub struct ChangedGrant {
    /// The role, unquoted; `public` is everybody.
    pub role: String,
    /// Words of GRANT, with `with grant option` where the role may grant it on.
    pub privileges: Vec<String>,
    /// The objects, as a user would type them.
    pub objects: Vec<String>,
}

impl ChangedGrant {
    pub(super) fn new(role: &str, privileges: Vec<String>, objects: Vec<String>) -> Self {
        Self { role: role.to_owned(), privileges, objects }
    }

    /// Every one of the changes by itself: `anon select on public.secrets`.
    fn each(&self) -> impl Iterator<Item = String> + '_ {
        self.objects.iter().flat_map(move |object| {
            self.privileges.iter().map(move |privilege| format!("{} {privilege} on {object}", self.role))
        })
    }
}

macro_rules! of_grants {
    ($($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[schemars(inline)]
            #[non_exhaustive]
            pub struct $type {
                /// The fields that every finding has.
                #[serde(flatten)]
                pub common: Common,
                $($(#[$field_doc])* pub $field: $of,)*
                /// Who, what and on which objects.
                pub grants: Vec<ChangedGrant>,
            }

            impl Payload for $type {
                fn common(&self) -> &Common {
                    &self.common
                }

                fn extent(&self) -> Vec<String> {
                    self.grants.iter().flat_map(ChangedGrant::each).collect()
                }
            }
        )*
    };
}

of_grants! {
    /// What is created from now on is refused to roles that could use it.
    DefaultPrivilegesNarrowed {
        /// The role that creates it, unquoted.
        role: String,
        /// The schema, unquoted; everywhere, where none.
        schema: Option<String>,
    }

    /// What is created from now on is open to roles that could not use it.
    DefaultPrivilegesWidened {
        /// The role that creates it, unquoted.
        role: String,
        /// The schema, unquoted; everywhere, where none.
        schema: Option<String>,
    }

    /// Functions that act with their owners' rights can be called by who could not.
    DefinerFunctionsOpened {
        /// The schema, unquoted.
        schema: Option<String>,
    }

    /// Roles may not do what they could do in the baseline.
    PrivilegesNarrowed {
        /// The schema, unquoted, where the objects are in one.
        schema: Option<String>,
    }

    /// Roles may do what they could not do in the baseline.
    PrivilegesWidened {
        /// The schema, unquoted, where the objects are in one.
        schema: Option<String>,
    }
}

payloads! {
    /// A role lost rights of another one.
    MembershipNarrowed {
        /// The role, unquoted.
        role: String,
        /// The role whose rights it lost, unquoted.
        group: String,
    }

    /// A role gained rights of another one.
    MembershipWidened: of ways {
        /// The role, unquoted.
        role: String,
        /// The role whose rights it gained, unquoted.
        group: String,
        /// In which way.
        ways: Vec<String>,
    }

    /// A role is gone.
    MissingRole {
        /// The role, unquoted.
        role: String,
    }

    /// Objects belong to another role.
    OwnerChanged: of objects {
        /// Whose they are, unquoted.
        owner: String,
        /// Whose they were, unquoted.
        was: String,
        /// The objects, as a user would type them.
        objects: Vec<String>,
    }

    /// A role that logs in has no password any more.
    PasswordLost {
        /// The role, unquoted.
        role: String,
    }

    /// Roles log in with passwords that could not be looked for.
    PasswordsUnknown {
        /// The roles, unquoted.
        roles: Vec<String>,
    }

    /// A role is there, and was not.
    RoleAdded: of can {
        /// The role, unquoted.
        role: String,
        /// What it can do that not everybody can: attributes, and roles whose rights it has.
        can: Vec<String>,
    }

    /// A role may be less than it was.
    RoleNarrowed {
        /// The role, unquoted.
        role: String,
        /// What it is now: words of ALTER ROLE.
        lost: Vec<String>,
    }

    /// A role may be more than it was.
    RoleWidened: of gained {
        /// The role, unquoted.
        role: String,
        /// What it is now: words of ALTER ROLE.
        gained: Vec<String>,
    }
}

fn common(kind: &str, object: impl Into<String>, severity: Severity, message: impl Into<String>) -> Common {
    Common::new(ID, kind, object, severity, message)
}

/// A finding on several things: its id names what they have in common, and it is about that, or about the only one.
fn group(
    kind: &str,
    of: Kind,
    schema: Option<&str>,
    names: &[String],
    severity: Severity,
    message: String,
) -> Common {
    let place = schema.map(ident);
    let object = match names {
        [only] => only.clone(),
        _ => place.clone().unwrap_or_else(|| of.id().to_owned()),
    };
    let mut common = common(kind, object, severity, message);
    common.id = match place {
        Some(schema) => format!("{ID}:{kind}:{schema}:{}", of.id()),
        None => format!("{ID}:{kind}:{}", of.id()),
    };
    common
}

/// The changes by role and privileges, each with its objects.
fn grants(changes: &[Change<'_, '_>]) -> Vec<ChangedGrant> {
    let mut by: BTreeMap<(&str, Privileges), Vec<String>> = BTreeMap::new();
    for change in changes {
        by.entry((change.role, change.privileges)).or_default().push(change.new.name.clone());
    }
    by.into_iter()
        .map(|((role, privileges), objects)| ChangedGrant::new(role, privileges.said(), objects))
        .collect()
}

/// The things of the changes, each once.
fn things<'c, 'e>(changes: &[Change<'c, 'e>]) -> Vec<&'c Thing<'e>> {
    let things: BTreeMap<&str, &Thing<'_>> =
        changes.iter().map(|change| (change.new.name.as_str(), change.new)).collect();
    things.into_values().collect()
}

fn names(things: &[&Thing<'_>]) -> Vec<String> {
    things.iter().map(|thing| thing.name.clone()).collect()
}

/// `31 tables`, `2 tables and views`.
fn counted(things: &[&Thing<'_>]) -> String {
    let nouns: BTreeSet<&str> = things.iter().map(|thing| thing.noun).collect();
    let nouns: Vec<&str> = nouns.into_iter().collect();
    match nouns.as_slice() {
        [noun] => plural(things.len() as u64, noun),
        nouns => {
            let nouns: Vec<String> = nouns.iter().map(|noun| format!("{noun}s")).collect();
            format!("{} {}", crate::text::count(things.len() as u64), list(&nouns))
        }
    }
}

/// How a role is called in a sentence.
fn called(role: &str) -> &str {
    if role == "public" { "everybody" } else { role }
}

/// `anon and authenticated have gained insert, select on 31 tables`.
fn sentence(changes: &[Change<'_, '_>], verb: [&str; 2]) -> String {
    // By role: what, in all, and on what.
    let mut by_role: BTreeMap<&str, (Privileges, BTreeSet<&str>)> = BTreeMap::new();
    for change in changes {
        let (privileges, names) = by_role.entry(change.role).or_default();
        *privileges = privileges.and(change.privileges);
        names.insert(&change.new.name);
    }
    let all = things(changes);
    let mut told: Vec<(Privileges, BTreeSet<&str>, Vec<&str>)> = Vec::new();
    for (role, (privileges, names)) in by_role {
        match told.iter_mut().find(|(what, on, _)| *what == privileges && *on == names) {
            Some((.., roles)) => roles.push(called(role)),
            None => told.push((privileges, names, vec![called(role)])),
        }
    }
    // What most is on comes first.
    told.sort_by_key(|(_, names, _)| std::cmp::Reverse(names.len()));
    let parts: Vec<String> = told
        .iter()
        .take(3)
        .map(|(privileges, names, roles)| {
            let own: Vec<&Thing<'_>> =
                all.iter().copied().filter(|thing| names.contains(thing.name.as_str())).collect();
            let on = match (own.as_slice(), all.len()) {
                (_, 1) => String::new(),
                ([only], _) => format!(" on {}", only.name),
                (own, _) => format!(" on {}", counted(own)),
            };
            let verb = if roles.len() == 1 { verb[0] } else { verb[1] };
            format!("{} {verb} {}{on}", list(roles), privileges.said().join(", "))
        })
        .collect();
    let more = told.len() - parts.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    format!("{}{more}", parts.join("; "))
}

/// `Such as public.a, public.b and public.c.`, where there are several.
fn examples(names: &[String]) -> String {
    match names {
        [] | [_] => String::new(),
        [first, second, third, _, ..] => format!("Such as {first}, {second} and {third}. "),
        few => format!("These are {}. ", list(few)),
    }
}

fn hinted(common: Common, hint: &str) -> Common {
    let hint = hint.trim();
    if hint.is_empty() { common } else { common.hint(hint) }
}

impl PrivilegesWidened {
    pub(super) fn new(
        kind: Kind,
        schema: Option<&str>,
        changes: &[Change<'_, '_>],
        severity: Severity,
        how: &str,
        remedy: Option<Remedy>,
    ) -> Self {
        let names = names(&things(changes));
        let message = sentence(changes, ["has gained", "have gained"]);
        let common = group("privileges_widened", kind, schema, &names, severity, message);
        let mut common = hinted(common, &format!("{}{how}", examples(&names)));
        common.remedy = remedy;
        Self { common, schema: schema.map(str::to_owned), grants: grants(changes) }
    }
}

impl PrivilegesNarrowed {
    pub(super) fn new(
        kind: Kind,
        schema: Option<&str>,
        changes: &[Change<'_, '_>],
        remedy: Option<Remedy>,
    ) -> Self {
        let names = names(&things(changes));
        let message = sentence(changes, ["has lost", "have lost"]);
        let mut common = group("privileges_narrowed", kind, schema, &names, Severity::Warning, message)
            .hint(format!("{}What the application did with it is refused.", examples(&names)));
        common.remedy = remedy;
        Self { common, schema: schema.map(str::to_owned), grants: grants(changes) }
    }
}

impl DefinerFunctionsOpened {
    pub(super) fn new(
        schema: Option<&str>,
        changes: &[Change<'_, '_>],
        how: &str,
        remedy: Option<Remedy>,
    ) -> Self {
        let things = things(changes);
        let names = names(&things);
        let roles: BTreeSet<&str> = changes.iter().map(|change| called(change.role)).collect();
        let roles: Vec<&str> = roles.into_iter().collect();
        let owners: BTreeSet<&str> = things.iter().map(|thing| thing.owner).collect();
        let owners: Vec<&str> = owners.into_iter().collect();
        let what = if things.len() == 1 {
            "it, and it acts".to_owned()
        } else {
            format!("{} that act", counted(&things))
        };
        let message =
            format!("{} can call {what} with the rights of {}, and could not", list(&roles), list(&owners));
        let common =
            group("definer_functions_opened", Kind::Functions, schema, &names, Severity::Critical, message);
        let mut common = hinted(common, &format!("{}{how}", examples(&names)));
        if let [only] = names.as_slice() {
            common = common.query(format!("select pg_get_functiondef({}::regprocedure)", literal(only)));
        }
        common.remedy = remedy;
        Self { common, schema: schema.map(str::to_owned), grants: grants(changes) }
    }
}

/// `postgres in public`, by which default privileges are known.
fn of_defaults(kind: &str, role: &str, schema: Option<&str>, severity: Severity, message: String) -> Common {
    common(kind, ident(role), severity, message)
        .qualified(&schema.map_or_else(|| "everywhere".to_owned(), ident))
}

fn defaults_sentence(role: &str, schema: Option<&str>, grants: &[ChangedGrant], verb: [&str; 2]) -> String {
    let parts: Vec<String> = grants
        .iter()
        .take(3)
        .map(|grant| {
            format!(
                "{} {} {} on {}",
                called(&grant.role),
                verb[0],
                grant.privileges.join(", "),
                list(&grant.objects)
            )
        })
        .collect();
    let more = grants.len() - parts.len();
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let place = schema.map_or_else(String::new, |schema| format!(" in schema {}", ident(schema)));
    format!("of what {role} creates{place}, {}{more}", parts.join("; "))
}

impl DefaultPrivilegesWidened {
    pub(super) fn new(
        role: &str,
        schema: Option<&str>,
        grants: Vec<ChangedGrant>,
        remedy: Option<Remedy>,
    ) -> Self {
        let message = defaults_sentence(role, schema, &grants, ["will have", "will have"]);
        let mut common = of_defaults("default_privileges_widened", role, schema, Severity::Warning, message)
            .hint("Whatever is created from now on is open to them, and was not.")
            .query(DEFAULTS);
        common.remedy = remedy;
        Self { common, role: role.to_owned(), schema: schema.map(str::to_owned), grants }
    }
}

impl DefaultPrivilegesNarrowed {
    pub(super) fn new(
        role: &str,
        schema: Option<&str>,
        grants: Vec<ChangedGrant>,
        severity: Severity,
        remedy: Option<Remedy>,
    ) -> Self {
        let message = defaults_sentence(role, schema, &grants, ["will not have", "will not have"]);
        let hint = if severity == Severity::Info {
            "Supabase stopped granting this in 2026: new tables are granted one by one."
        } else {
            "Whatever is created from now on is refused to them, and was not."
        };
        let mut common = of_defaults("default_privileges_narrowed", role, schema, severity, message)
            .hint(hint)
            .query(DEFAULTS);
        // What the platform does on purpose needs no repair.
        common.remedy = remedy.filter(|_| severity > Severity::Info);
        Self { common, role: role.to_owned(), schema: schema.map(str::to_owned), grants }
    }
}

const DEFAULTS: &str =
    "select defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl from pg_default_acl";

fn ties(member: &str, group: &str) -> String {
    format!(
        "select * from pg_auth_members where member::regrole::text = {} and roleid::regrole::text = {}",
        literal(&ident(member)),
        literal(&ident(group))
    )
}

impl MembershipWidened {
    pub(super) fn new(
        role: &str,
        group: &str,
        gained: Ties,
        severity: Severity,
        remedy: Option<Remedy>,
    ) -> Self {
        let ways: Vec<String> = gained.said().into_iter().map(str::to_owned).collect();
        let message = format!("{role} {}, and did not: {group}", ways.join(", "));
        let mut common = common("membership_widened", ident(role), severity, message)
            .qualified(&ident(group))
            .query(ties(role, group));
        common.remedy = remedy;
        Self { common, role: role.to_owned(), group: group.to_owned(), ways }
    }
}

impl MembershipNarrowed {
    pub(super) fn new(role: &str, group: &str, lost: Ties, severity: Severity, remedy: Remedy) -> Self {
        let lost: Vec<&str> = lost.said();
        let message = format!("of {group} it was true, and is not, that {role} {}", lost.join(", "));
        let common = common("membership_narrowed", ident(role), severity, message)
            .qualified(&ident(group))
            .hint("What it did by that is refused.")
            .query(ties(role, group))
            .remedy(remedy);
        Self { common, role: role.to_owned(), group: group.to_owned() }
    }
}

impl MissingRole {
    pub(super) fn new(old: &Role, severity: Severity, remedy: Option<Remedy>) -> Self {
        let what = if old.login { ", which could log in" } else { "" };
        let mut common =
            common("missing_role", ident(&old.name), severity, format!("the role{what} is gone"))
                .hint("Dumps of a database hold no roles.")
                .query(roles_query(&old.name));
        common.remedy = remedy;
        Self { common, role: old.name.clone() }
    }
}

impl OwnerChanged {
    pub(super) fn new(old: &str, new: &str, things: &[&Thing<'_>], remedy: Option<Remedy>) -> Self {
        let objects = names(things);
        let message = match things {
            [only] => format!("the {} belongs to {new}, belonged to {old}", only.noun),
            _ => format!("{} belong to {new}, belonged to {old}", counted(things)),
        };
        let mut common = common("owner_changed", ident(old), Severity::Warning, message)
            .qualified(&ident(new))
            .hint(format!("{}{old} cannot alter them any more.", examples(&objects)));
        if let [only] = objects.as_slice() {
            common.object.clone_from(only);
        }
        common.remedy = remedy;
        Self { common, owner: new.to_owned(), was: old.to_owned(), objects }
    }
}

impl PasswordLost {
    pub(super) fn new(role: &str) -> Self {
        let common =
            common("password_lost", ident(role), Severity::Warning, "the role has no password, had one")
                .hint(format!(
                    "Dumps of roles may leave passwords out: set it with \\password {} in psql.",
                    ident(role)
                ))
                .query(format!(
                    "select rolpassword is not null from pg_authid where rolname = {}",
                    literal(role)
                ));
        Self { common, role: role.to_owned() }
    }
}

impl PasswordsUnknown {
    pub(super) fn new(roles: &[String]) -> Self {
        let named: Vec<String> = roles.iter().map(|role| ident(role)).collect();
        let message = format!("whether {} still have their passwords is not known", list(&named));
        let common = common("passwords_unknown", "roles", Severity::Info, message)
            .hint("Only a superuser may ask, of both. Roles that came from a dump have none: set them anew.");
        Self { common, roles: roles.to_vec() }
    }
}

impl RoleAdded {
    pub(super) fn new(new: &Role, can: &[String]) -> Self {
        let message = format!("the role is new, and is or has the rights of: {}", can.join(", "));
        let common =
            common("role_added", ident(&new.name), Severity::Warning, message).query(roles_query(&new.name));
        Self { common, role: new.name.clone(), can: can.to_vec() }
    }
}

/// What it is now, and the words that put it back.
type Attribute = (String, String);

fn said(attributes: &[Attribute]) -> Vec<String> {
    attributes.iter().map(|(said, _)| said.clone()).collect()
}

fn back(role: &Role, attributes: &[Attribute]) -> Remedy {
    let words: Vec<&str> = attributes.iter().map(|(_, back)| back.as_str()).collect();
    let mighty = words.iter().any(|word| ["superuser", "replication"].contains(word));
    // Nobody becomes a superuser by a script that was not asked for it.
    let class = if mighty { RemedyClass::AvailabilityRisk } else { RemedyClass::Safe };
    Remedy::sql(class, [format!("alter role {} {}", ident(&role.name), words.join(" "))])
}

impl RoleWidened {
    pub(super) fn new(role: &Role, attributes: &[Attribute]) -> Self {
        let gained = said(attributes);
        let mighty =
            |word: &String| ["superuser", "bypassrls", "createrole", "replication"].contains(&word.as_str());
        let severity = if gained.iter().any(mighty) { Severity::Critical } else { Severity::Warning };
        let message = format!("the role is now {}", gained.join(", "));
        let common = common("role_widened", ident(&role.name), severity, message)
            .query(roles_query(&role.name))
            .remedy(back(role, attributes));
        Self { common, role: role.name.clone(), gained }
    }
}

impl RoleNarrowed {
    pub(super) fn new(role: &Role, attributes: &[Attribute]) -> Self {
        let lost = said(attributes);
        let message = format!("the role is now {}", lost.join(", "));
        let common = common("role_narrowed", ident(&role.name), Severity::Warning, message)
            .hint("What it did by that is refused.")
            .query(roles_query(&role.name))
            .remedy(back(role, attributes));
        Self { common, role: role.name.clone(), lost }
    }
}

fn roles_query(role: &str) -> String {
    format!("select * from pg_roles where rolname = {}", literal(role))
}
