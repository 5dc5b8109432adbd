//! Which tables a role reads through a view, and with whose rights.

use std::collections::BTreeSet;

use crate::access::Access;
use crate::evidence::catalog::{Relation, RelationKind, ViewSource};
use crate::sql::QualifiedName;

/// A table that is read through a view.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'e> {
    pub(super) table: &'e Relation,
    /// With whose rights, unquoted.
    pub(super) reader: &'e str,
    /// The view or materialised view that lends these rights; none where they are those of the role that asks.
    pub(super) lender: Option<&'e Relation>,
}

impl<'e> Sight<'e> {
    /// What shows the table past its policies, where they do not hold for the rights that it lends.
    pub(super) fn past(&self, access: &Access<'_>) -> Option<&'e Relation> {
        let owns = || !self.table.rls_forced && access.has_rights_of(self.reader, &self.table.owner);
        self.lender.filter(|_| access.bypasses(self.reader) || owns())
    }
}

/// What a view shows past the policies of the tables under it.
#[derive(Default)]
pub(super) struct Past<'e> {
    /// To whom, unquoted.
    pub(super) roles: BTreeSet<&'e str>,
    /// The tables.
    pub(super) tables: BTreeSet<&'e QualifiedName>,
    /// The views that lend the rights.
    pub(super) lenders: BTreeSet<&'e Relation>,
    /// Whose rights these are, unquoted.
    pub(super) readers: BTreeSet<&'e str>,
}

impl<'e> Past<'e> {
    pub(super) fn add(&mut self, role: &'e str, sight: &Sight<'e>) {
        self.roles.insert(role);
        self.tables.insert(&sight.table.name);
        self.lenders.extend(sight.lender);
        self.readers.insert(sight.reader);
    }
}

/// The tables that `role`, who may read `view`, reads through it, also through other views.
///
/// A view reads with its owner's rights. One with `security_invoker` reads with the rights of
/// whoever runs the statement, also where a view without it stands above; a materialised view holds
/// what its owner saw. Where the rights do not suffice the statement is refused, so that nothing is seen.
pub(super) fn through<'e>(
    access: &Access<'e>,
    sources: &'e [ViewSource],
    view: &'e Relation,
    role: &'e str,
) -> Vec<Sight<'e>> {
    let mut sights = Vec::new();
    let mut seen = BTreeSet::new();
    // A view that is read, with the rights of whoever runs the statement that reads it.
    let mut open = vec![(view, (role, None))];
    while let Some((by, runs)) = open.pop() {
        if !seen.insert((&by.name, runs.0)) {
            continue;
        }
        let lent = (by.owner.as_str(), Some(by));
        let ((reader, lender), runs) = match by.kind {
            RelationKind::View if invokes(by) => (runs, runs),
            RelationKind::View => (lent, runs),
            RelationKind::MaterializedView => (lent, lent),
            RelationKind::ForeignTable | RelationKind::PartitionedTable | RelationKind::Table => continue,
        };
        let from = sources.partition_point(|source| source.view < by.name);
        for ViewSource { source, .. } in sources[from..].iter().take_while(|source| source.view == by.name) {
            let Some(under) = access.relation(source).filter(|under| access.may_read(reader, under)) else {
                continue;
            };
            if under.kind.is_table() {
                sights.push(Sight { table: under, reader, lender });
            } else {
                open.push((under, runs));
            }
        }
    }
    sights.sort_by_key(|sight| (&sight.table.name, sight.lender.map(|lender| &lender.name)));
    sights
}

/// Whether the view reads with the eyes of who asks. An option of PostgreSQL 15 and later.
pub(super) fn invokes(view: &Relation) -> bool {
    view.options.iter().any(|option| {
        option.strip_prefix("security_invoker=").is_some_and(|value| {
            matches!(
                value.to_lowercase().as_str(),
                "1" | "on" | "true" | "yes" | "t" | "y" | "tr" | "tru" | "ye"
            )
        })
    })
}
