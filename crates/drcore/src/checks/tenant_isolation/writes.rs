//! Who may write rows of others, as trying showed.

use std::collections::{BTreeMap, BTreeSet};

use super::{common, owned, who};
use crate::access::Access;
use crate::check::{Context, Judgement};
use crate::evidence::catalog::Relation;
use crate::evidence::{AttemptedWrites, Cause, CauseKind, Fact, WriteOutcome, Writes};
use crate::finding::{Severity, payloads};
use crate::plan::Actor;
use crate::sql::QualifiedName;
use crate::text::list;

payloads! {
    /// Users may write rows of other tenants.
    RowsOfOthersWritable: of users, ways {
        /// Who, by their ids.
        users: Vec<String>,
        /// In which ways: `update`, `delete`, `insert`, `take` (make them their own), `give` (their own to others); or the
        /// same `blindly`, where only a statement without a filter does.
        ways: Vec<String>,
    }

    /// Whoever has no account may write rows of tenants.
    RowsWritableByAnonymous: of ways {
        /// In which ways: `update`, `delete`, `insert`; or the same `blindly`, where only a statement without a filter does.
        ways: Vec<String>,
    }
}

/// What it is called where nothing was tried.
const OBJECT: &str = "writes";

/// Who may write at all, and to which of these tables.
pub(super) fn writes(access: &Access<'_>, actor: &Actor, relation: &Relation) -> bool {
    let is_table = relation.kind.is_table();
    let reach = access.reach(&actor.role, relation);
    is_table && (access.is_superuser(&actor.role) || ['a', 'w', 'd'].iter().any(|letter| reach.has(*letter)))
}

pub(super) fn judge(
    context: Context<'_>,
    access: &Access<'_>,
    actors: &[Actor],
    shared: &[&Relation],
    judgement: &mut Judgement,
) {
    let attempted = match &context.now.writes {
        Fact::Read(attempted) => attempted,
        Fact::Unread(cause) => return judgement.could_not_read(OBJECT, cause.clone()),
        Fact::NotAsked => {
            let message =
                "the plan wants writes to be attempted, and the call does not say on which database";
            let cause = Cause::new(CauseKind::NotCollected, message);
            let hint = "Name the database to verify: --attempt-writes NAME, as drcore repair prints it. Never production's: \
                        restore a copy.";
            return judgement.could_not_read(OBJECT, cause.hint(hint));
        }
    };
    let mut tried = 0;
    let mut may = 0;
    for relation in shared {
        let mut table = Table::default();
        for actor in actors.iter().filter(|actor| writes(access, actor, relation)) {
            may += 1;
            match of(attempted, actor, &relation.name) {
                Ok(writes) => table.add(actor, writes),
                Err(cause) => {
                    judgement.could_not_read(format!("writes to {} as {}", relation.name, actor.name), cause);
                }
            }
        }
        tried += table.tried;
        table.judge(&relation.name, judgement);
    }
    judgement.examine("writes", tried);
    if may > 0 && tried == 0 {
        let message = "no write could be tried: no table that they may write to holds rows of others";
        judgement.could_not_read(OBJECT, Cause::new(CauseKind::NotCollected, message));
    }
}

fn of<'e>(attempted: &'e AttemptedWrites, actor: &Actor, table: &QualifiedName) -> Result<&'e Writes, Cause> {
    let not_tried = || Cause::new(CauseKind::NotCollected, "it was not tried");
    let wrote = attempted.users.get(&actor.name).filter(|wrote| wrote.sha256 == actor.sha256);
    match wrote.and_then(|wrote| wrote.tables.get(table)) {
        Some(Fact::Read(writes)) => Ok(writes),
        Some(Fact::Unread(cause)) => Err(cause.clone()),
        Some(Fact::NotAsked) | None => Err(not_tried()),
    }
}

/// What may be written of one table, and by whom.
#[derive(Default)]
struct Table<'e> {
    /// How many attempts there were.
    tried: u64,
    users: BTreeMap<&'e str, BTreeSet<Way>>,
    anonymous: BTreeSet<Way>,
    /// What nobody knows, and why.
    unknown: BTreeMap<&'static str, BTreeSet<&'static str>>,
    failure: Option<&'e str>,
}

/// In which way, and whether only without a filter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    blind: bool,
    name: &'static str,
}

impl Way {
    fn word(self) -> String {
        if self.blind { format!("{} blindly", self.name) } else { self.name.to_owned() }
    }
}

const GUARDED: &str =
    "policies let it through; whether a trigger, a rule or a foreign key stops it was not tried";
const UNTRIED: &str = "a trigger or a rule would have run, or not every column may be given";
const FAILED: &str = "it failed";

impl<'e> Table<'e> {
    fn add(&mut self, actor: &'e Actor, writes: &'e Writes) {
        for (name, outcome) in writes.ways() {
            let is_guarded = writes.guarded.iter().any(|guarded| guarded == name);
            let way = match outcome {
                WriteOutcome::NoRow => continue,
                WriteOutcome::Denied => {
                    self.tried += 1;
                    continue;
                }
                WriteOutcome::Failed => {
                    self.unknown.entry(FAILED).or_default().insert(name);
                    self.failure = self.failure.or(writes.failure.as_deref());
                    continue;
                }
                WriteOutcome::Untried => {
                    self.unknown.entry(UNTRIED).or_default().insert(name);
                    continue;
                }
                WriteOutcome::Allowed | WriteOutcome::Blind if is_guarded => {
                    self.unknown.entry(GUARDED).or_default().insert(name);
                    continue;
                }
                WriteOutcome::Allowed => Way { blind: false, name },
                WriteOutcome::Blind => Way { blind: true, name },
            };
            self.tried += 1;
            if actor.is_anonymous() {
                self.anonymous.insert(way);
            } else {
                self.users.entry(&actor.name).or_default().insert(way);
            }
        }
    }

    fn judge(&self, table: &QualifiedName, judgement: &mut Judgement) {
        if !self.anonymous.is_empty() {
            judgement.find(RowsWritableByAnonymous::new(table, &self.anonymous));
        }
        if !self.users.is_empty() {
            judgement.find(RowsOfOthersWritable::new(table, &self.users));
        }
        for (why, ways) in &self.unknown {
            let ways: Vec<&str> = ways.iter().copied().collect();
            let message = match self.failure {
                Some(failure) if *why == FAILED => format!("{why}: {failure}"),
                _ => (*why).to_owned(),
            };
            let cause = Cause::new(CauseKind::NotCollected, message);
            judgement.could_not_read(format!("{} on {table}", list(&ways)), cause);
        }
    }
}

fn severity(ways: &BTreeSet<Way>) -> Severity {
    if ways.iter().all(|way| way.blind) { Severity::Warning } else { Severity::Critical }
}

fn words(ways: &BTreeSet<Way>) -> Vec<String> {
    ways.iter().map(|way| way.word()).collect()
}

/// What the ways are, in words.
fn sentence(ways: &BTreeSet<Way>) -> String {
    let of = |way: &Way| {
        let what = match way.name {
            "give" => "give their own rows to other tenants",
            "take" => "make rows of other tenants their own",
            "insert" => "insert rows of other tenants",
            "delete" => "delete rows of other tenants",
            _ => "update rows of other tenants",
        };
        if way.blind { format!("{what} by a statement without a filter") } else { what.to_owned() }
    };
    list(&ways.iter().map(of).collect::<Vec<_>>())
}

const HINT: &str = "Row level security is off for it, or the policies of UPDATE, DELETE or INSERT let them at rows that are not \
                    theirs: USING decides which rows, WITH CHECK what becomes of them.";
const BLIND: &str = "USING or WITH CHECK of the policies does not ask for the tenant; what the policies of SELECT hide, only a \
                     statement without a filter reaches, as a function may run one.";

fn hint(ways: &BTreeSet<Way>) -> &'static str {
    if severity(ways) == Severity::Critical { HINT } else { BLIND }
}

impl RowsOfOthersWritable {
    fn new(table: &QualifiedName, by: &BTreeMap<&str, BTreeSet<Way>>) -> Self {
        let ways: BTreeSet<Way> = by.values().flatten().copied().collect();
        let users: Vec<&str> = by.keys().copied().collect();
        let message = format!("{} may {}", who(&users), sentence(&ways));
        let common = common("rows_of_others_writable", table, severity(&ways), message).hint(hint(&ways));
        Self { common, users: owned(&users), ways: words(&ways) }
    }
}

impl RowsWritableByAnonymous {
    fn new(table: &QualifiedName, ways: &BTreeSet<Way>) -> Self {
        let message = format!("whoever has no account may {}", sentence(ways));
        let common = common("rows_writable_by_anonymous", table, severity(ways), message).hint(hint(ways));
        Self { common, ways: words(ways) }
    }
}
