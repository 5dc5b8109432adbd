//! Roles: which there are, what they are, and whose rights they have.

use std::collections::BTreeSet;

use super::findings::{
    MembershipNarrowed, MembershipWidened, MissingRole, PasswordLost, PasswordsUnknown, RoleAdded,
    RoleNarrowed, RoleWidened,
};
use super::things::{Kind, before};
use super::{ByName, Case, remedies};
use crate::access::{Access, LOGIN_ROLE};
use crate::check::{Judgement, Unread};
use crate::checks::platform::is_project_role;
use crate::evidence::catalog::{Role, RoleAttributes};
use crate::evidence::{Cause, CauseKind, Fact};
use crate::finding::Severity;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{ident, literal};

pub(super) fn judge(case: &Case<'_>, judgement: &mut Judgement) {
    let Some((now, then)) =
        case.both(judgement, "the list of roles", |evidence| evidence.catalog.roles.get())
    else {
        return;
    };
    let by_name =
        |roles: &'_ [Role]| -> BTreeSet<String> { roles.iter().map(|role| role.name.clone()).collect() };
    let (is, was): (ByName<'_, Role>, ByName<'_, Role>) = (
        now.iter().map(|role| (role.name.as_str(), role)).collect(),
        then.iter().map(|role| (role.name.as_str(), role)).collect(),
    );
    let known = Known::of(case, [now, then]);
    for name in by_name(now).union(&by_name(then)) {
        let name = name.as_str();
        if name.starts_with("pg_") || case.is_service(name) {
            continue;
        }
        judgement.examine("roles", 1);
        match (is.get(name), was.get(name)) {
            (Some(new), Some(old)) => {
                judge_attributes(case, new, old, &known, judgement);
                judge_memberships(case, new, old, &known, judgement);
            }
            (None, Some(old)) if !is_first(old) && known.has(name) => {
                judge_missing(case, old, &known, judgement);
            }
            (Some(new), None) if !is_first(new) => judge_added(case, new, &known, judgement),
            _ => {}
        }
    }
    judge_passwords(case, now, &was, judgement);
}

/// Whether initdb made it: elsewhere it may have another name.
fn is_first(role: &Role) -> bool {
    role.attributes.as_ref().is_some_and(|attributes| attributes.is_first)
}

impl Case<'_> {
    /// Whether each is the role that initdb made, on its own side.
    pub(super) fn is_first(&self, now: &str, then: &str) -> bool {
        let is_first = |role: Option<&Role>| role.is_some_and(is_first);
        is_first(self.now.role(now)) && is_first(self.then.role(then))
    }
}

/// The roles that this database knows. Others of the cluster may be another database's.
struct Known<'e> {
    /// By name: as owners, in grants and in policies, then or now; and the API's. All, where everybody was granted a
    /// table.
    named: BTreeSet<&'e str>,
    /// With those that are tied to them by membership.
    tied: BTreeSet<&'e str>,
}

impl<'e> Known<'e> {
    fn of(case: &Case<'e>, sides: [&'e [Role]; 2]) -> Self {
        let roles = || sides.into_iter().flatten();
        let mut named: BTreeSet<&str> = case.now.api_roles().chain(case.then.api_roles()).collect();
        for thing in case.pairs.iter().flat_map(|(new, old)| [new, old]).chain(&case.was) {
            named.insert(thing.owner);
            named.extend(thing.acl.0.iter().map(|item| item.grantee.as_str()));
            if thing.kind == Kind::Tables && thing.acl.0.iter().any(|item| item.grantee == "public") {
                named.extend(roles().map(|role| role.name.as_str()));
            }
        }
        for catalog in [&case.context.now.catalog, &case.baseline.catalog] {
            if let Ok(policies) = catalog.policies.get() {
                named.extend(policies.iter().flat_map(|policy| &policy.roles).map(String::as_str));
            }
            if let Ok(defaults) = catalog.default_privileges.get() {
                named
                    .extend(defaults.iter().flat_map(|entry| &entry.acl.0).map(|item| item.grantee.as_str()));
            }
        }
        let mut tied = named.clone();
        loop {
            let uses = |role: &Role| {
                let mut groups = role.inherits.iter().chain(&role.can_become).map(String::as_str);
                groups.any(|group| tied.contains(group) && !group.starts_with("pg_"))
            };
            let is_of_tied = |role: &Role| {
                roles().any(|of| tied.contains(of.name.as_str()) && of.inherits.contains(&role.name))
            };
            let more: Vec<&str> = roles()
                .filter(|role| !tied.contains(role.name.as_str()) && (uses(role) || is_of_tied(role)))
                .map(|role| role.name.as_str())
                .collect();
            if more.is_empty() {
                return Self { named, tied };
            }
            tied.extend(more);
        }
    }

    fn has(&self, role: &str) -> bool {
        self.tied.contains(role)
    }

    /// Whether who has the group's rights, or can become it, can do something here by that.
    fn is_worth_it(&self, case: &Case<'_>, group: &str) -> bool {
        let reaches = |access: &Access<'_>| access.ties(group).iter().any(|role| self.named.contains(role));
        is_mighty(case, group) || reaches(&case.now) || reaches(&case.then)
    }
}

fn judge_missing(case: &Case<'_>, old: &Role, known: &Known<'_>, judgement: &mut Judgement) {
    let of_api = case.then.is_api_role(&old.name) || old.name == LOGIN_ROLE;
    let severity = if of_api { Severity::Critical } else { Severity::Warning };
    let mut statements: Vec<String> = create(case, &old.name).into_iter().collect();
    if !statements.is_empty() {
        statements.extend(memberships_again(case, old, known));
        // What it owned is given back to it, and what it may do with that.
        let granted = case.pairs.iter().filter(|(_, was)| was.owner != old.name);
        let granted = granted.map(|(new, was)| (new, was.granted(&old.name)));
        statements
            .extend(remedies::grants_to(&old.name, granted.filter(|(_, privileges)| !privileges.is_empty())));
        statements.extend(super::defaults::again(case, &old.name));
    }
    let remedy = (!statements.is_empty()).then(|| {
        let remedy = Remedy::sql(RemedyClass::Safe, statements);
        if old.login { remedy.with_note("set its password besides: no dump holds one") } else { remedy }
    });
    judgement.find(MissingRole::new(old, severity, remedy));
}

/// The statement that makes a role of the baseline again; none for what nobody should make by a script.
pub(super) fn create(case: &Case<'_>, role: &str) -> Option<String> {
    let old = case.then.role(role)?;
    let attributes = old.attributes.as_ref()?;
    if old.superuser || is_first(old) || role.starts_with("pg_") {
        return None;
    }
    let mut words = vec![if old.login { "login" } else { "nologin" }.to_owned()];
    for (word, is) in [
        ("noinherit", !attributes.inherit),
        ("createdb", attributes.create_database),
        ("createrole", attributes.create_role),
        ("replication", attributes.replication),
        ("bypassrls", old.bypass_rls),
    ] {
        if is {
            words.push(word.to_owned());
        }
    }
    words.extend(attributes.connections.map(|limit| format!("connection limit {limit}")));
    words.extend(attributes.valid_until.as_ref().map(|until| format!("valid until {}", literal(until))));
    Some(format!("create role {} {}", ident(role), words.join(" ")))
}

/// Whose member it was, and who was its member, as far as these are there, or made before it, as a repair does by name.
fn memberships_again(case: &Case<'_>, old: &Role, known: &Known<'_>) -> Vec<String> {
    let is_made = |other: &Role| {
        ident(&other.name) < ident(&old.name)
            && known.has(&other.name)
            && !case.is_service(&other.name)
            && create(case, &other.name).is_some()
    };
    let groups = case.then.roles().filter(|group| case.now.has_role(&group.name) || is_made(group));
    let mut statements = Vec::new();
    for other in groups {
        for (member, group) in [(old, other), (other, old)] {
            let ties = Ties::granted(member, &group.name);
            if ties != Ties::default() && !case.is_service(&member.name) {
                statements.push(ties.grant(case, &member.name, &group.name));
            }
        }
    }
    statements
}

fn judge_added(case: &Case<'_>, new: &Role, known: &Known<'_>, judgement: &mut Judgement) {
    let mut can = Vec::new();
    let attributes = new.attributes.as_ref();
    for (word, is) in [
        ("SUPERUSER", new.superuser),
        // Who was granted nothing here sees nothing by it.
        ("BYPASSRLS", new.bypass_rls && known.has(&new.name)),
        ("CREATEROLE", attributes.is_some_and(|attributes| attributes.create_role)),
        ("REPLICATION", attributes.is_some_and(|attributes| attributes.replication)),
    ] {
        if is {
            can.push(word.to_owned());
        }
    }
    can.extend(new.inherits.iter().chain(&new.can_become).filter(|group| is_mighty(case, group)).cloned());
    can.sort();
    can.dedup();
    if !can.is_empty() {
        judgement.find(RoleAdded::new(new, &can));
    }
}

/// Whether having its rights means reading or changing what nobody granted.
fn is_mighty(case: &Case<'_>, role: &str) -> bool {
    const MIGHTY: &[&str] = &[
        "pg_execute_server_program",
        "pg_read_all_data",
        "pg_read_server_files",
        "pg_write_all_data",
        "pg_write_server_files",
    ];
    MIGHTY.contains(&role) || case.now.has_role(role) && case.now.bypasses(role)
}

fn judge_attributes(case: &Case<'_>, new: &Role, old: &Role, known: &Known<'_>, judgement: &mut Judgement) {
    let read = |role: &Role| -> Result<RoleAttributes, Unread> {
        role.attributes.clone().ok_or_else(|| {
            Unread::new(
                format!("what the role {} is", ident(&role.name)),
                Cause::new(CauseKind::NotCollected, "was not collected"),
            )
        })
    };
    let (is, was) = match (read(new), read(old)) {
        (Ok(is), Ok(was)) => (is, was),
        (is, was) => {
            judgement.unread.extend(is.err());
            judgement.unread.extend(was.err().map(super::of_baseline));
            return;
        }
    };
    // What initdb made is a superuser wherever it is called so; what a project is made with is the platform's.
    let platforms = case.is_platform && new.name == "postgres";
    if is.is_first || was.is_first || platforms {
        return;
    }
    let told = case.told.contains(&ident(&new.name));
    let project = case.is_platform && is_project_role(&new.name);
    // From version 16 on it only says what memberships do that are granted later.
    let inherit = !project && !before(16, case.context.now) && !before(16, case.baseline);
    let mut gained = Vec::new();
    let mut lost = Vec::new();
    for (word, is, was, counts) in [
        ("superuser", new.superuser, old.superuser, !told || !new.superuser),
        ("bypassrls", new.bypass_rls, old.bypass_rls, !told || !new.bypass_rls),
        ("login", new.login, old.login, true),
        ("createrole", is.create_role, was.create_role, true),
        ("createdb", is.create_database, was.create_database, true),
        ("replication", is.replication, was.replication, true),
        ("inherit", is.inherit, was.inherit, inherit),
    ] {
        if counts && is != was {
            let (word, other) = (word.to_owned(), format!("no{word}"));
            if is { gained.push((word, other)) } else { lost.push((other, word)) }
        }
    }
    let limit = |limit: Option<i32>| limit.unwrap_or(i32::MAX);
    if is.connections != was.connections {
        let text = |limit: Option<i32>| limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        let said = format!("connection limit {} (was {})", text(is.connections), text(was.connections));
        let back = format!("connection limit {}", was.connections.unwrap_or(-1));
        if limit(is.connections) > limit(was.connections) { &mut gained } else { &mut lost }
            .push((said, back));
    }
    if is.valid_until != was.valid_until {
        let text = |until: &Option<String>| until.clone().unwrap_or_else(|| "infinity".to_owned());
        let longer = was.valid_until.is_some()
            && is.valid_until.as_ref().is_none_or(|is| Some(is) > was.valid_until.as_ref());
        let said = format!("valid until {} (was {})", text(&is.valid_until), text(&was.valid_until));
        let back = format!("valid until {}", literal(&text(&was.valid_until)));
        if longer { &mut gained } else { &mut lost }.push((said, back));
    }
    if !known.has(&new.name) {
        // It can do nothing here, unless it can do everything.
        gained.retain(|(word, _)| ["superuser", "createrole", "replication"].contains(&word.as_str()));
        lost.clear();
    }
    if !gained.is_empty() {
        judgement.find(RoleWidened::new(new, &gained));
    }
    if !lost.is_empty() {
        judgement.find(RoleNarrowed::new(new, &lost));
    }
}

/// How a role is tied to a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ties {
    pub(super) inherits: bool,
    pub(super) becomes: bool,
    pub(super) administers: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Now,
    Then,
}

impl Ties {
    fn of(case: &Case<'_>, member: &Role, group: &str, side: Side) -> Self {
        let evidence = if side == Side::Now { case.context.now } else { case.baseline };
        let attributes = member.attributes.as_ref();
        // Before version 16 CREATEROLE administers every role.
        let creator = before(16, evidence) && attributes.is_some_and(|attributes| attributes.create_role);
        let granted = Self::granted(member, group);
        Self { administers: creator || granted.administers, ..granted }
    }

    /// What memberships say by themselves.
    fn granted(member: &Role, group: &str) -> Self {
        let has = |list: &[String]| list.iter().any(|own| own == group);
        Self {
            inherits: has(&member.inherits),
            becomes: has(&member.can_become),
            administers: member.attributes.as_ref().is_some_and(|attributes| has(&attributes.administers)),
        }
    }

    fn without(self, other: Self) -> Self {
        Self {
            inherits: self.inherits && !other.inherits,
            becomes: self.becomes && !other.becomes,
            administers: self.administers && !other.administers,
        }
    }

    /// In words, as of a role and the group.
    pub(super) fn said(self) -> Vec<&'static str> {
        let all = [
            (self.inherits, "has its rights"),
            (self.becomes, "can become it"),
            (self.administers, "can give it to others"),
        ];
        all.into_iter().filter(|(is, _)| *is).map(|(_, said)| said).collect()
    }

    /// The statement that ties the member to the group in this way.
    fn grant(self, case: &Case<'_>, member: &str, group: &str) -> String {
        let grant = format!("grant {} to {}", ident(group), ident(member));
        if before(16, case.context.now) {
            let admin = if self.administers { " with admin option" } else { "" };
            return format!("{grant}{admin}");
        }
        let option = |word: &str, is: bool| format!("{word} {is}");
        format!(
            "{grant} with {}, {}, {}",
            option("inherit", self.inherits),
            option("set", self.becomes),
            option("admin", self.administers)
        )
    }

    /// The statement that unties it to what it was.
    fn revoke(self, was: Self, case: &Case<'_>, member: &str, group: &str) -> Option<String> {
        let revoke = |option: &str| format!("revoke {option}{} from {}", ident(group), ident(member));
        if was == Self::default() {
            return Some(revoke(""));
        }
        if !before(16, case.context.now) {
            return Some(was.grant(case, member, group));
        }
        match self.without(was) {
            Self { administers: true, inherits: false, .. } => Some(revoke("admin option for ")),
            // Of all its groups, or of none.
            Self { inherits: true, administers: false, .. } => {
                Some(format!("alter role {} noinherit", ident(member)))
            }
            _ => None,
        }
    }
}

fn judge_memberships(case: &Case<'_>, new: &Role, old: &Role, known: &Known<'_>, judgement: &mut Judgement) {
    // The platform gives its own first role what it needs.
    if case.is_platform && new.name == "postgres" {
        return;
    }
    let groups = |role: &Role| -> BTreeSet<String> {
        let administers = role.attributes.iter().flat_map(|attributes| attributes.administers.clone());
        role.inherits.iter().chain(&role.can_become).cloned().chain(administers).collect()
    };
    for group in groups(new).union(&groups(old)) {
        // What is gone is told by itself.
        if case.is_service(group) || !case.now.has_role(group) || !known.is_worth_it(case, group) {
            continue;
        }
        let (is, was) = (Ties::of(case, new, group, Side::Now), Ties::of(case, old, group, Side::Then));
        let (gained, lost) = (is.without(was), was.without(is));
        let of_api = new.name == LOGIN_ROLE || case.now.is_api_role(&new.name);
        if gained != Ties::default() {
            let severity =
                if of_api || is_mighty(case, group) { Severity::Critical } else { Severity::Warning };
            let statement = is.revoke(Ties::granted(old, group), case, &new.name, group);
            let remedy = statement.map(|statement| Remedy::sql(RemedyClass::Safe, [statement]));
            judgement.find(MembershipWidened::new(&new.name, group, gained, severity, remedy));
        }
        if lost != Ties::default() {
            let severity = if new.name == LOGIN_ROLE { Severity::Critical } else { Severity::Warning };
            let inherits_only = lost == Ties { inherits: true, ..Ties::default() };
            let statement = if before(16, case.context.now) && inherits_only {
                format!("alter role {} inherit", ident(&new.name))
            } else {
                Ties::granted(old, group).grant(case, &new.name, group)
            };
            let remedy = Remedy::sql(RemedyClass::Safe, [statement]);
            judgement.find(MembershipNarrowed::new(&new.name, group, lost, severity, remedy));
        }
    }
}

fn judge_passwords(case: &Case<'_>, now: &[Role], was: &ByName<'_, Role>, judgement: &mut Judgement) {
    let logs_in = |role: &&Role| {
        let known = !is_first(role) && !case.is_service(&role.name) && !role.name.starts_with("pg_");
        known && role.login && was.get(role.name.as_str()).is_some_and(|old| old.login)
    };
    let logins: Vec<&Role> = now.iter().filter(logs_in).collect();
    if let (Fact::Read(now), Fact::Read(then)) =
        (&case.context.now.catalog.passwords, &case.baseline.catalog.passwords)
    {
        let has = |list: &[crate::evidence::catalog::Password], role: &str| {
            list.iter().any(|password| password.role == role && password.there)
        };
        for role in logins.iter().filter(|role| has(then, &role.name) && !has(now, &role.name)) {
            judgement.find(PasswordLost::new(&role.name));
        }
        return;
    }
    // What was not asked for, because only a superuser may, is not known; on the same cluster passwords stay.
    let cluster = |evidence: &crate::evidence::Evidence| {
        evidence.run.server.as_ref().and_then(|server| server.system_identifier.clone())
    };
    let elsewhere = cluster(case.context.now).is_none_or(|now| Some(now) != cluster(case.baseline));
    if elsewhere && !logins.is_empty() {
        let names: Vec<String> = logins.iter().map(|role| role.name.clone()).collect();
        judgement.find(PasswordsUnknown::new(&names));
    }
}
