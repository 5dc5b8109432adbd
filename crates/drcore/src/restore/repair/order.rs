//! The order of a repair plan: dependencies kept, nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use super::RepairStatement;
use crate::finding::Finding;
use crate::remedy::RemedyClass;

/// One way to put a finding right.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<'r> {
    pub(super) class: RemedyClass,
    pub(super) statements: &'r [String],
    pub(super) note: Option<&'r str>,
}

/// When in the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Roles, before what is granted to them.
    Roles,
    /// Owners, before privileges: those of an owner move with it.
    Owners,
    /// Row level security, policies, privileges. Before the data: a table whose
    /// rows were changed may have pending trigger events, and cannot be altered.
    Access,
    /// Rows that are settings, such as those of buckets.
    Settings,
    /// Whatever no other stage claims.
    Other,
    /// Rows.
    Data,
    /// Sequences last: they go by the rows that are there then.
    Sequences,
}

/// Where a statement goes: by stage; of access, all about a table together,
/// and its policies before row level security is switched on.
type Place = (Stage, String, u8);

/// Statements on their way into a plan.
#[derive(Debug, Default)]
pub(super) struct Order {
    statements: Vec<(Place, RepairStatement)>,
    /// By text, where the statement is.
    index: BTreeMap<String, usize>,
    /// The statements that must come before this one.
    before: BTreeMap<usize, BTreeSet<usize>>,
}

impl Order {
    /// Adds what answers a finding. A statement that is there already answers this finding too.
    pub(super) fn add(&mut self, finding: &Finding, way: &Way<'_>) {
        let mut previous = None;
        for sql in way.statements {
            let at = self.statement(finding, sql, way.class);
            let statement = &mut self.statements[at].1;
            statement.class = statement.class.max(way.class);
            if !statement.answers.iter().any(|id| id == finding.id()) {
                statement.answers.push(finding.id().to_owned());
            }
            if let Some(note) = way.note
                && !statement.notes.iter().any(|other| other == note)
            {
                statement.notes.push(note.to_owned());
            }
            // A remedy's statements stay in its order.
            if let Some(previous) = previous.filter(|previous| *previous != at) {
                self.before.entry(at).or_default().insert(previous);
            }
            previous = Some(at);
        }
    }

    fn statement(&mut self, finding: &Finding, sql: &str, class: RemedyClass) -> usize {
        let text = sql.trim().trim_end_matches(';').trim_end();
        if let Some(at) = self.index.get(text) {
            return *at;
        }
        let at = self.statements.len();
        self.index.insert(text.to_owned(), at);
        let statement =
            RepairStatement { sql: text.to_owned(), class, answers: Vec::new(), notes: Vec::new() };
        self.statements.push((place(finding, text), statement));
        at
    }

    /// All of them, each after what must come before it, otherwise by place.
    pub(super) fn finish(mut self) -> Vec<RepairStatement> {
        let mut waiting: Vec<usize> = (0..self.statements.len()).collect();
        waiting.sort_by(|a, b| {
            let key = |at: &usize| (&self.statements[*at].0, &self.statements[*at].1.sql);
            key(a).cmp(&key(b))
        });
        let mut order = Vec::with_capacity(waiting.len());
        while !waiting.is_empty() {
            let is_ready = |at: &usize| {
                self.before.get(at).is_none_or(|before| before.iter().all(|before| order.contains(before)))
            };
            // Remedies that contradict each other leave none ready: the first by place goes.
            let next = waiting.iter().position(is_ready).unwrap_or(0);
            order.push(waiting.remove(next));
        }
        let mut statements: BTreeMap<usize, RepairStatement> =
            self.statements.drain(..).map(|(_, statement)| statement).enumerate().collect();
        order
            .into_iter()
            .filter_map(|at| statements.remove(&at))
            .map(|mut statement| {
                statement.answers.sort();
                statement
            })
            .collect()
    }
}

fn place(finding: &Finding, sql: &str) -> Place {
    let common = finding.common();
    let verb = sql.trim_start().to_ascii_lowercase();
    let is_grant = verb.contains(" on ");
    let stage = match common.check.as_str() {
        "privilege_drift" | "rls_coverage" if verb.contains(" owner to ") => Stage::Owners,
        _ if verb.contains("setval(") || verb.starts_with("alter sequence") => Stage::Sequences,
        "privilege_drift" if !is_grant => Stage::Roles,
        "privilege_drift" | "rls_coverage" => Stage::Access,
        _ if verb.contains(" policy ") => Stage::Access,
        "bucket_privacy" => Stage::Settings,
        "duplicate_keys" | "orphan_fks" => Stage::Data,
        _ => Stage::Other,
    };
    let step = if verb.starts_with("drop policy") {
        0
    } else if verb.contains(" policy ") {
        1
    } else if verb.starts_with("alter table") {
        2
    } else {
        3
    };
    // `public.tasks:members can update` is about public.tasks.
    let table = common.id.split(':').nth(2).unwrap_or(&common.object);
    (stage, table.to_owned(), step)
}
