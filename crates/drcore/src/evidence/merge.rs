//! Putting together what several collected of one state: shards, or calls with other plans.
//!
//! Every fact is in one of a few states, each of which outdoes those before it: nobody asked, it could not be read,
//! it was read, what was read disagrees. Two facts come to what the one that outdoes the other says, so that it makes
//! no difference in which order Evidence is merged, nor what is merged first. Only parts of tables are added up, and
//! none is added twice.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::run::Shards;
use super::{
    ActedAs, AuthFacts, Cause, CauseKind, Evidence, Fact, MigrationFacts, Run, SampledUsers, Scans, TableScan,
};
use crate::error::{Error, ErrorKind, Result};

impl Evidence {
    /// What all of these know together, in whatever order they come: the Evidence of the shards of one collection, or
    /// of several calls that asked for other things.
    ///
    /// What no shard read is unread. What two of them read and disagree about is unread too
    /// ([`CauseKind::Disagreement`]): then they are of different states.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if they are not of one state of one database, as far as the server tells: the same
    /// `system_identifier`, the same database, and the same `pg_current_snapshot()`. A standby that has replayed
    /// what its primary did shows the same. [`ErrorKind::Usage`] if there is none, if a shard is there twice, or if
    /// they are not shards of one division.
    pub fn merge(all: impl IntoIterator<Item = Self>) -> Result<Self> {
        let mut all = all.into_iter();
        let nothing = || Error::new(ErrorKind::Usage, "there is no Evidence to merge");
        let first = all.next().ok_or_else(nothing)?;
        let mut merged = all.try_fold(first, Self::and)?;
        // Of one alone too.
        merged.put_together();
        Ok(merged)
    }

    fn and(self, other: Self) -> Result<Self> {
        let shards = Shards::both(self.run.shards.clone(), other.run.shards.clone())?;
        let run = Run { shards, ..self.run.and(other.run)? };
        let mut catalog = self.catalog;
        catalog.join(*other.catalog);
        let mut sketched = self.sketched;
        let added = |table: &_| {
            let parts = [self.scans.parts.get(table), other.scans.parts.get(table)];
            parts.iter().all(|parts| parts.is_some_and(|parts| parts.read().is_some()))
        };
        sketched.join(other.sketched, added);
        let mut both = Self {
            format: self.format,
            catalog,
            assertions: each(self.assertions, other.assertions, Fact::join),
            auth: Box::new(self.auth.and(*other.auth)),
            migrations: Box::new(self.migrations.and(*other.migrations)),
            isolation: each(self.isolation, other.isolation, ActedAs::and),
            sampled_users: match (self.sampled_users, other.sampled_users) {
                (Some(one), Some(two)) => Some(Box::new(one.and(*two))),
                (one, two) => one.or(two),
            },
            writes: self.writes.join(other.writes),
            files: self.files.join(other.files),
            backups: self.backups.join(other.backups),
            platform: self.platform.join(other.platform),
            sketched,
            scans: self.scans.and(other.scans),
            run,
            stored_rows: self.stored_rows,
            // Every file is told while it is found, and not stored.
            file_rows: self.file_rows,
        };
        both.put_together();
        Ok(both)
    }

    /// Tables of which no block is missing any more are read.
    fn put_together(&mut self) {
        for (table, parts) in &self.scans.parts {
            let scan = self.scans.tables.entry(table.clone()).or_default();
            let content = match parts {
                Fact::Read(parts) => {
                    let Some(content) = parts.whole() else { continue };
                    if parts.sketched {
                        self.sketched.settle(table, content.rows);
                    } else {
                        self.sketched
                            .miss(table.clone(), "it was read in parts, and not of all of them".to_owned());
                    }
                    Ok(content)
                }
                Fact::Unread(cause) if cause.kind == CauseKind::Disagreement => Err(cause),
                // Somebody else may have read them.
                Fact::Unread(_) | Fact::NotAsked => continue,
            };
            let fact = |what: Result<_, &Cause>| what.map_err(Clone::clone).into();
            scan.content = std::mem::take(&mut scan.content).join(fact(content.cloned()));
            let rows: Fact<u64> = content.map(|content| content.rows).map_err(Clone::clone).into();
            // Where nobody asked, nobody is told.
            if !scan.rows.is_not_asked() {
                scan.rows = std::mem::take(&mut scan.rows).join(rows);
            }
        }
    }
}

impl Cause {
    /// Always the same, so that it does not matter who disagreed first.
    pub(super) fn disagreement() -> Self {
        Self::new(CauseKind::Disagreement, "what was merged disagrees about it")
            .hint("Collect all shards from one snapshot (--snapshot), or while nothing is written.")
    }

    /// How much it says: a reason why it could not be read outdoes that it was somebody else's to read.
    fn weight(&self) -> (bool, bool) {
        let is_left = matches!(self.kind, CauseKind::OtherShard | CauseKind::NotCollected);
        (self.kind == CauseKind::Disagreement, !is_left)
    }
}

impl<T: PartialEq> Fact<T> {
    /// What both say.
    pub(super) fn join(self, other: Self) -> Self {
        match (self, other) {
            (Self::NotAsked, fact) | (fact, Self::NotAsked) => fact,
            (Self::Unread(one), Self::Unread(two)) => Self::Unread(match one.weight().cmp(&two.weight()) {
                std::cmp::Ordering::Less => two,
                std::cmp::Ordering::Greater => one,
                std::cmp::Ordering::Equal => one.min(two),
            }),
            (Self::Unread(cause), Self::Read(value)) | (Self::Read(value), Self::Unread(cause)) => {
                if cause.kind == CauseKind::Disagreement { Self::Unread(cause) } else { Self::Read(value) }
            }
            (Self::Read(one), Self::Read(two)) => {
                if one == two {
                    Self::Read(one)
                } else {
                    Self::Unread(Cause::disagreement())
                }
            }
        }
    }
}

/// What both know, entry by entry.
fn each<K: Ord, V>(mut one: BTreeMap<K, V>, two: BTreeMap<K, V>, join: impl Fn(V, V) -> V) -> BTreeMap<K, V> {
    for (key, value) in two {
        let value = match one.remove(&key) {
            Some(known) => join(known, value),
            None => value,
        };
        one.insert(key, value);
    }
    one
}

impl Scans {
    fn and(self, other: Self) -> Self {
        Self {
            tables: each(self.tables, other.tables, TableScan::and),
            parts: each(self.parts, other.parts, Fact::plus),
            orphans: each(self.orphans, other.orphans, Fact::join),
            orphan_samples: each(self.orphan_samples, other.orphan_samples, Fact::join),
            duplicates: each(self.duplicates, other.duplicates, Fact::join),
            duplicate_samples: each(self.duplicate_samples, other.duplicate_samples, Fact::join),
            located: each(self.located, other.located, one_of),
            sequences: each(self.sequences, other.sequences, Fact::join),
            named_objects: each(self.named_objects, other.named_objects, Fact::join),
            unnamed_objects: self.unnamed_objects.join(other.unnamed_objects),
        }
    }
}

impl TableScan {
    fn and(self, other: Self) -> Self {
        Self {
            rows: self.rows.join(other.rows),
            content: self.content.join(other.content),
            extremes: each(self.extremes, other.extremes, Fact::join),
            recent: each(self.recent, other.recent, Fact::join),
            spread: self.spread.join(other.spread),
        }
    }
}

impl AuthFacts {
    fn and(self, other: Self) -> Self {
        Self {
            users: self.users.join(other.users),
            identities: self.identities.join(other.identities),
            factors: self.factors.join(other.factors),
            sessions: self.sessions.join(other.sessions),
            refresh_tokens: self.refresh_tokens.join(other.refresh_tokens),
            profiles: each(self.profiles, other.profiles, Fact::join),
            states: self.states.join(other.states),
        }
    }
}

impl MigrationFacts {
    fn and(self, other: Self) -> Self {
        Self {
            histories: each(self.histories, other.histories, Fact::join),
            folder: self.folder.join(other.folder),
            services: each(self.services, other.services, Fact::join),
        }
    }
}

impl ActedAs {
    /// What was seen as somebody else, under the same name, is unread, and nobody's from then on.
    fn and(self, other: Self) -> Self {
        let (sha256, mine, others) = if self.sha256 == other.sha256 {
            (self.sha256, self.tables, other.tables)
        } else {
            (String::new(), disagreed(self.tables), disagreed(other.tables))
        };
        Self { sha256, tables: each(mine, others, Fact::join) }
    }
}

fn disagreed<K: Ord, T>(facts: BTreeMap<K, Fact<T>>) -> BTreeMap<K, Fact<T>> {
    facts.into_keys().map(|key| (key, Fact::Unread(Cause::disagreement()))).collect()
}

impl SampledUsers {
    /// Who was chosen by other rules is unread, and nobody's from then on.
    fn and(self, other: Self) -> Self {
        if (&self.sha256, self.most) != (&other.sha256, other.most) {
            let others = each(disagreed(self.others), disagreed(other.others), Fact::join);
            let sample = Fact::Unread(Cause::disagreement());
            return Self { sha256: String::new(), most: 0, sample, others };
        }
        Self {
            sample: self.sample.join(other.sample),
            others: each(self.others, other.others, Fact::join),
            ..self
        }
    }
}

impl Run {
    /// How both were collected.
    fn and(self, other: Self) -> Result<Self> {
        let different = |what: &str| {
            let message = format!("what is to be merged is of {what}");
            Err(Error::new(ErrorKind::Refused, message)
                .hint("Collect all shards from one snapshot (--snapshot), or while nothing is written."))
        };
        let states = [&self, &other].map(|run| {
            let server = run.server.as_ref()?;
            let identifier = server.system_identifier.clone()?;
            Some(((identifier, server.database_oid), server.snapshot.clone()?))
        });
        match states {
            [Some((one, _)), Some((two, _))] if one != two => return different("different databases"),
            [Some((_, one)), Some((_, two))] if one != two => return different("different states"),
            [Some(_), Some(_)] => {}
            _ => return different("databases that do not tell which state they show"),
        }
        let mut notes: Vec<String> = self.notes.into_iter().chain(other.notes).collect();
        notes.sort();
        notes.dedup();
        let counted_here: BTreeSet<String> =
            self.counted_here.into_iter().chain(other.counted_here).collect();
        Ok(Self {
            taken_at: self.taken_at.min(other.taken_at),
            drcore: one_of(self.drcore, other.drcore),
            host: one_of(self.host, other.host),
            project: one_of(self.project, other.project),
            access: one_of(self.access, other.access),
            server: one_of(self.server, other.server),
            standby: one_of(self.standby, other.standby),
            sessions: self.sessions.saturating_add(other.sessions),
            one_snapshot: self.one_snapshot && other.one_snapshot,
            content: one_of(self.content, other.content),
            counted_here,
            // It is not stored yet.
            sketches: None,
            shards: None,
            elapsed_ms: self.elapsed_ms.max(other.elapsed_ms),
            failure: one_of(self.failure, other.failure),
            notes,
        })
    }
}

/// One of two that say the same in other words, whichever comes first; what says nothing comes last.
fn one_of<T: Serialize>(one: T, two: T) -> T {
    // What can be stored can be written.
    let words = |value: &T| serde_json::to_string(value).unwrap_or_default();
    let (mine, others) = (words(&one), words(&two));
    if mine != "null" && (others == "null" || mine <= others) { one } else { two }
}

impl Shards {
    /// Those of both.
    fn both(one: Option<Self>, two: Option<Self>) -> Result<Option<Self>> {
        let (mut one, two) = match (one, two) {
            (Some(one), Some(two)) => (one, two),
            (one, two) => return Ok(one.or(two)),
        };
        let refused = |message: String| Err(Error::new(ErrorKind::Usage, message));
        if one.of != two.of {
            return refused(format!("shards of {} and shards of {} are of two divisions", one.of, two.of));
        }
        if let Some(number) = one.numbers.intersection(&two.numbers).next() {
            return refused(format!("shard {number}/{} is there twice", one.of));
        }
        one.numbers.extend(two.numbers);
        Ok(Some(one))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::super::catalog::Schema;
    use super::super::{
        AssertionValue, Extremes, Orphans, Seen, SequenceState, Server, ServiceLevel, TableParts, UserSample,
        UserTenants,
    };
    use super::*;
    use crate::content::{Blocks, Content, Coverage, Fingerprint, METHOD};
    use crate::sql::QualifiedName;

    fn server() -> Server {
        serde_json::from_value(serde_json::json!({
            "version": "15.18", "version_num": 150_018, "database": "app", "database_oid": 5,
            "system_identifier": "7", "started_at": "then", "in_recovery": false, "role": "me",
            "superuser": true, "bypass_rls": true, "cluster_name": "", "taken_at": "2026-11-20T00:00:00Z",
            "snapshot": "750:750:"
        }))
        .unwrap()
    }

    fn value(rows: u64) -> AssertionValue {
        let plan = "[[assertions]]\nname = \"one\"\nsql = \"select 1\"\nexpect = \"= 1\"\n";
        let plan = crate::Plan::from_toml(plan).unwrap();
        AssertionValue::new(plan.assertion("one").unwrap(), rows, None)
    }

    fn seen(others: u64) -> Seen {
        Seen { own: 1, others, other_tenants: others, has_own: true, has_others: true }
    }

    fn level(applied: u64) -> ServiceLevel {
        ServiceLevel { applied, last: None }
    }

    fn cause() -> impl Strategy<Value = Cause> {
        let kinds =
            [CauseKind::OtherShard, CauseKind::NotCollected, CauseKind::Permission, CauseKind::Deadline];
        (prop::sample::select(kinds.to_vec()), 0_u8..3)
            .prop_map(|(kind, n)| Cause::new(kind, format!("why {n}")))
    }

    fn fact<T: std::fmt::Debug + Clone + PartialEq>(
        value: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Fact<T>> {
        prop_oneof![
            Just(Fact::NotAsked),
            cause().prop_map(Fact::Unread),
            Just(Fact::Unread(Cause::disagreement())),
            value.prop_map(Fact::Read),
        ]
    }

    /// Parts of a table of 40 blocks with a row each, whose hash is the number of its block.
    fn parts() -> impl Strategy<Value = TableParts> {
        (0_u32..40, 1_u32..30, any::<bool>()).prop_map(|(from, length, open)| {
            let name = QualifiedName::new("public", "t");
            let to = from.saturating_add(length).min(40);
            let mut blocks = Coverage::default();
            assert!(blocks.add(&name, Blocks::new(from, (!open).then_some(to))));
            let rows = from..if open { 40 } else { to };
            let sum: u64 = rows.clone().map(u64::from).sum();
            TableParts {
                heaps: [name].into(),
                blocks,
                content: Content {
                    method: METHOD,
                    rows: u64::try_from(rows.len()).unwrap(),
                    fingerprint: Fingerprint::new(sum, 0),
                    columns: Vec::new(),
                    key: Vec::new(),
                },
                sketched: false,
            }
        })
    }

    prop_compose! {
        fn evidence()(
            rows in fact(0_u64..3),
            parts in fact(parts()),
            extremes in fact(Just(Extremes::new(None, None))),
            orphans in fact((0_u64..2).prop_map(|rows| Orphans::new(rows, 0))),
            sequence in fact((0_i64..2).prop_map(|at| SequenceState::new(at, true))),
            assertion in fact((0_u64..2).prop_map(value)),
            who in "[xy]",
            sampled in prop::option::of((1_u64..3, fact(0_u64..2), fact(0_u64..2))),
            seen in prop::collection::btree_map("[tu]", fact((0_u64..2).prop_map(seen)), 0..3),
            tokens in fact(0_u64..2),
            level in fact((0_u64..2).prop_map(level)),
            schemas in fact(Just(Vec::<Schema>::new())),
            notes in prop::collection::vec("[ab]", 0..3),
            sessions in 1_u32..4,
            host in prop::option::of("[ab]"),
        ) -> Evidence {
            let mut run = Run::new(Timestamp::UNIX_EPOCH);
            run.server = Some(server());
            (run.notes, run.sessions, run.host) = (notes, sessions, host);
            run.notes.sort();
            run.notes.dedup();
            let mut evidence = Evidence::new(run);
            let name = QualifiedName::new("public", "t");
            let scan = evidence.scans.tables.entry(name.clone()).or_default();
            scan.rows = rows;
            scan.extremes.insert("at".to_owned(), extremes);
            if !parts.is_not_asked() {
                scan.content = Fact::Unread(Cause::new(CauseKind::OtherShard, "others"));
                evidence.scans.parts.insert(name.clone(), parts);
            }
            evidence.scans.orphans.insert("fk".to_owned(), orphans);
            evidence.scans.sequences.insert(name, sequence);
            evidence.assertions.insert("one".to_owned(), assertion);
            let tables = seen.into_iter().map(|(table, seen)| (QualifiedName::new("public", table), seen));
            let acted = ActedAs { sha256: who, tables: tables.collect() };
            evidence.isolation.insert("ann".to_owned(), acted);
            evidence.sampled_users = sampled.map(|(most, users, other)| {
                let mut sampled = SampledUsers::new("query".to_owned(), most);
                let sample = |users| UserSample { users, tenants: 1, chosen: BTreeMap::new() };
                sampled.sample = match users {
                    Fact::Read(users) => Fact::Read(sample(users)),
                    Fact::Unread(cause) => Fact::Unread(cause),
                    Fact::NotAsked => Fact::NotAsked,
                };
                if let Fact::Read(tenant) = other {
                    sampled.others.insert("bob".to_owned(), Fact::Read(UserTenants { tenants: [tenant.to_string()].into() }));
                }
                Box::new(sampled)
            });
            evidence.auth.sessions = tokens.clone();
            evidence.auth.refresh_tokens = tokens;
            evidence.migrations.services.insert(QualifiedName::new("auth", "schema_migrations"), level);
            evidence.catalog.schemas = schemas;
            evidence
        }
    }

    proptest! {
        #[test]
        fn neither_order_nor_grouping_makes_a_difference(a in evidence(), b in evidence(), c in evidence()) {
            let merge = |all: [&Evidence; 2]| Evidence::merge(all.map(Clone::clone)).unwrap();
            let two = merge([&a, &b]);
            prop_assert_eq!(&two, &merge([&b, &a]));
            prop_assert_eq!(merge([&two, &c]), merge([&a, &merge([&b, &c])]));
        }

        #[test]
        fn parts_are_whole_only_where_no_block_is_missing_or_there_twice(
            all in prop::collection::vec(parts(), 1..5),
        ) {
            let name = QualifiedName::new("public", "t");
            let evidences = all.iter().map(|parts| {
                let mut run = Run::new(Timestamp::UNIX_EPOCH);
                run.server = Some(server());
                let mut evidence = Evidence::new(run);
                evidence.scans.parts.insert(name.clone(), Fact::Read(parts.clone()));
                evidence.scans.tables.entry(name.clone()).or_default().rows =
                    Fact::Unread(Cause::new(CauseKind::OtherShard, "others"));
                evidence
            });
            // One row too many or too few would show in the sum of the blocks' numbers.
            let rows: u64 = all.iter().map(|parts| parts.content.rows).sum();
            let ends = all.iter().filter(|parts| parts.blocks.is_open(&name)).count();
            let merged = Evidence::merge(evidences).unwrap();
            let read = merged.scans.tables[&name].rows.read();
            let mut seen = std::collections::BTreeSet::new();
            let once = all.iter().all(|parts| parts.blocks.numbers(&name, 40).into_iter().all(|n| seen.insert(n)));
            let expected = (once && ends == 1 && rows == 40).then_some(40);
            prop_assert_eq!(read.copied(), expected);
        }
    }

    #[test]
    fn what_was_seen_as_somebody_else_is_unread() {
        let name = QualifiedName::new("public", "t");
        let acted = |who: &str, others| {
            let tables = [(name.clone(), Fact::Read(seen(others)))].into();
            ActedAs { sha256: who.to_owned(), tables }
        };
        assert_eq!(acted("x", 0).and(acted("x", 0)), acted("x", 0));
        for other in [acted("x", 1), acted("y", 0)] {
            let both = acted("x", 0).and(other);
            assert_eq!(both.tables[&name].get().unwrap_err().kind, CauseKind::Disagreement);
        }
    }

    #[test]
    fn a_table_in_parts_is_read_once_all_are_there() {
        let name = QualifiedName::new("public", "t");
        let part = |from, to| {
            let mut blocks = Coverage::default();
            assert!(blocks.add(&name, Blocks::new(from, to)));
            let content = Content {
                method: METHOD,
                rows: 5,
                fingerprint: Fingerprint::new(u64::from(from), 1),
                columns: Vec::new(),
                key: Vec::new(),
            };
            let mut run = Run::new(Timestamp::UNIX_EPOCH);
            run.server = Some(server());
            let mut evidence = Evidence::new(run);
            let parts = TableParts { heaps: [name.clone()].into(), blocks, content, sketched: true };
            evidence.scans.parts.insert(name.clone(), Fact::Read(parts));
            evidence.scans.tables.entry(name.clone()).or_default().content =
                Fact::Unread(Cause::new(CauseKind::OtherShard, "others"));
            evidence
        };
        let three = [part(0, Some(3)), part(7, None), part(3, Some(7))];
        let merged = Evidence::merge(three.clone()).unwrap();
        let content = merged.scans.tables[&name].content.read().unwrap();
        assert_eq!((content.rows, content.fingerprint), (15, Fingerprint::new(10, 3)));
        let two = Evidence::merge(three[..2].to_vec()).unwrap();
        assert_eq!(two.scans.tables[&name].content.get().unwrap_err().kind, CauseKind::OtherShard);
        let overlapping = Evidence::merge([merged, part(4, Some(5))]).unwrap();
        assert_eq!(overlapping.scans.tables[&name].content.get().unwrap_err().kind, CauseKind::Disagreement);
    }
}
