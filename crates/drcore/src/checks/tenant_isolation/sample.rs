//! Users that were chosen from the data, and whether they belong where the baseline's did.

use std::collections::BTreeMap;

use super::{ID, owned, who};
use crate::check::{Context, Judgement};
use crate::collect::{Request, Wants};
use crate::evidence::{Cause, CauseKind, Fact, UserSample, UserTenants};
use crate::finding::{Common, Severity, payloads};
use crate::plan::TenantSample;
use crate::sql::literal;
use crate::text::{count, plural};

payloads! {
    /// Users belong to more tenants than they did.
    TenantMembershipsGained: of users {
        /// Who, by their ids.
        users: Vec<String>,
        /// How many memberships there are more than there were.
        memberships: u64,
    }

    /// Users belong to fewer tenants than they did.
    TenantMembershipsLost: of users {
        /// Who, by their ids.
        users: Vec<String>,
        /// How many memberships there are no more.
        memberships: u64,
    }
}

/// What they are called: the section of the plan that chooses them.
const OBJECT: &str = "tenant_isolation.sample";

fn section(context: Context<'_>) -> Option<&TenantSample> {
    context.plan.tenant_isolation.as_ref()?.sample.as_ref()
}

pub(super) fn wanted(context: Context<'_>, wants: &mut Wants) {
    let Some(section) = section(context) else { return };
    wants.add(Request::SampledUsers);
    let Some(sample) = section.chosen(context.now).and_then(|sampled| sampled.sample.read()) else { return };
    // Whoever was lost since is not among those who are chosen now.
    let then = context.then.and_then(|then| section.chosen_then(then));
    for user in then.iter().flat_map(|then| then.chosen.keys()) {
        if !sample.chosen.contains_key(user) {
            wants.add(Request::Memberships(user.clone()));
        }
    }
}

/// Judges who they are. Gives what a reader should know of how many they are.
pub(super) fn judge(context: Context<'_>, judgement: &mut Judgement) -> Option<String> {
    let section = section(context)?;
    let not_asked = || Cause::new(CauseKind::NotCollected, "nobody was chosen as the plan says");
    let sampled = section.chosen(context.now);
    let sample = match sampled.map(|sampled| &sampled.sample) {
        Some(Fact::Read(sample)) => sample,
        Some(Fact::Unread(cause)) => {
            judgement.could_not_read(OBJECT, cause.clone());
            return None;
        }
        Some(Fact::NotAsked) | None => {
            judgement.could_not_read(OBJECT, not_asked());
            return None;
        }
    };
    if sample.chosen.is_empty() {
        let message = if sample.users == 0 {
            "its statement knows no users: nobody was chosen, and nothing is proved".to_owned()
        } else {
            format!(
                "each of its {} belongs to too many tenants: nobody was chosen",
                plural(sample.users, "user")
            )
        };
        let cause = Cause::new(CauseKind::NotCollected, message);
        judgement.could_not_read(
            OBJECT,
            cause
                .hint("The memberships may be lost: compare with the backup, and run the statement in psql."),
        );
    }
    let mut remark = format!(
        "{} of {} were acted as, of {} that there are",
        count(sample.chosen.len() as u64),
        plural(sample.users, "user"),
        plural(sample.tenants, "tenant")
    );
    let then = context.then.map(|then| section.chosen_then(then));
    match then {
        None => {}
        Some(None) => remark.push_str(", and the baseline chose nobody whose memberships could be compared"),
        Some(Some(then)) => compare(section, sample, sampled.map(|sampled| &sampled.others), then, judgement),
    }
    Some(remark)
}

type Others = BTreeMap<String, Fact<UserTenants>>;

/// Compares the tenants of those whom the baseline chose.
fn compare(
    section: &TenantSample,
    now: &UserSample,
    others: Option<&Others>,
    then: &UserSample,
    judgement: &mut Judgement,
) {
    let (mut lost, mut gained) = (Changed::default(), Changed::default());
    for (user, were) in &then.chosen {
        let other = || others.and_then(|others| others.get(user));
        let are = match now.chosen.get(user) {
            Some(are) => are,
            None => match other() {
                Some(Fact::Read(are)) => &are.tenants,
                Some(Fact::Unread(cause)) => {
                    judgement.could_not_read(format!("the tenants of {user}"), cause.clone());
                    continue;
                }
                Some(Fact::NotAsked) | None => {
                    let cause = Cause::new(CauseKind::NotCollected, "nobody asked for them");
                    judgement.could_not_read(format!("the tenants of {user}"), cause);
                    continue;
                }
            },
        };
        lost.note(user, were.difference(are).count());
        gained.note(user, are.difference(were).count());
    }
    if !lost.users.is_empty() {
        judgement.find(TenantMembershipsLost::new(section, &lost));
    }
    if !gained.users.is_empty() {
        judgement.find(TenantMembershipsGained::new(section, &gained));
    }
}

/// Whose memberships are not what they were.
#[derive(Default)]
struct Changed<'e> {
    users: Vec<&'e str>,
    memberships: u64,
}

impl<'e> Changed<'e> {
    fn note(&mut self, user: &'e str, memberships: usize) {
        if memberships > 0 {
            self.users.push(user);
            self.memberships += memberships as u64;
        }
    }

    fn common(&self, kind: &str, section: &TenantSample, message: String) -> Common {
        let users: Vec<String> = self.users.iter().map(|user| literal(user)).collect();
        Common::new(ID, kind, OBJECT, Severity::Warning, message).query(format!(
            "select * from (\n{}\n) q (user_id, tenant_id) where user_id::text in ({})",
            section.statement(),
            users.join(", ")
        ))
    }
}

impl TenantMembershipsLost {
    fn new(section: &TenantSample, lost: &Changed<'_>) -> Self {
        let message = format!(
            "{} belonged to tenants in the baseline that they do not belong to now: {}",
            who(&lost.users),
            plural(lost.memberships, "membership")
        );
        let common = lost.common("tenant_memberships_lost", section, message).hint(
            "They are shut out of what was theirs, and that they see none of it is no proof of anything.",
        );
        Self { common, users: owned(&lost.users), memberships: lost.memberships }
    }
}

impl TenantMembershipsGained {
    fn new(section: &TenantSample, gained: &Changed<'_>) -> Self {
        let message = format!(
            "{} belongs to tenants that they did not belong to in the baseline: {}",
            who(&gained.users),
            plural(gained.memberships, "membership")
        );
        let common = gained
            .common("tenant_memberships_gained", section, message)
            .hint("What these tenants have counts as theirs now: make sure that somebody meant it.");
        Self { common, users: owned(&gained.users), memberships: gained.memberships }
    }
}
