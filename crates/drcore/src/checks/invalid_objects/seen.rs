//! What is looked at, and how it was.

use std::collections::BTreeSet;

use crate::check::{Context, Judgement};
use crate::checks::duplicate_keys;
use crate::evidence::catalog::Index;
use crate::evidence::{Catalog, Fact};
use crate::finding::{Finding, Severity};
use crate::sql::QualifiedName;
use crate::structure::{Part, looks_at};

/// How something was in the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// As it is now.
    So,
    /// There is no baseline, or it was not in it.
    Unknown,
    /// As it should be.
    Well,
}

impl Before {
    /// What was so before is no loss, and worth knowing.
    pub(super) fn severity(self, otherwise: Severity) -> Severity {
        if self == Self::So { Severity::Info } else { otherwise }
    }

    /// The end of a message.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::So => ", as it was in the baseline",
            Self::Unknown => "",
            Self::Well => ", and was not so in the baseline",
        }
    }
}

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) struct Seen<'e> {
    context: Context<'e>,
}

impl<'e> Seen<'e> {
    /// The list of relations is known.
    pub(super) fn new(context: Context<'e>) -> Self {
        Self { context }
    }

    /// A list of the catalog; none where it could not be read, which is said.
    pub(super) fn list<T>(
        self,
        judgement: &mut Judgement,
        what: &str,
        list: impl Fn(&'e Catalog) -> &'e Fact<Vec<T>>,
    ) -> Option<&'e [T]> {
        match list(&self.context.now.catalog).get() {
            Ok(list) => Some(list),
            Err(cause) => {
                judgement.could_not_read(format!("the list of {what}"), cause);
                None
            }
        }
    }

    /// How something was: `is_well` says of what is it in the baseline whether it was as it should be.
    pub(super) fn before<T: 'e>(
        self,
        list: impl Fn(&'e Catalog) -> &'e Fact<Vec<T>>,
        is_well: impl Fn(&'e T) -> Option<bool>,
    ) -> Before {
        match self.was(list, is_well) {
            Some(true) => Before::Well,
            Some(false) => Before::So,
            None => Before::Unknown,
        }
    }

    /// What the baseline says of it; none where it was not in it, or there is none.
    pub(super) fn was<T: 'e, W>(
        self,
        list: impl Fn(&'e Catalog) -> &'e Fact<Vec<T>>,
        of: impl Fn(&'e T) -> Option<W>,
    ) -> Option<W> {
        list(&self.context.then?.catalog).read()?.iter().find_map(of)
    }

    /// Whether it is the application's, or what somebody made in the platform's schemas.
    pub(super) fn looks_at(self, part: Part<'_>) -> bool {
        let Context { plan, now, .. } = self.context;
        // The list of relations is known.
        looks_at(part, &now.catalog, &plan.scope).unwrap_or(true)
    }

    /// Whether it is one of the platform's tables, in a plan that does not say which schemas are looked at.
    pub(super) fn is_platforms(self, relation: &QualifiedName) -> bool {
        let Context { plan, now, .. } = self.context;
        let is_extensions =
            matches!(now.catalog.relation(relation), Ok(Some(own)) if own.extension.is_some());
        plan.scope.schemas.is_empty()
            && !plan.scope.excludes(relation)
            && !is_extensions
            && now.catalog.is_managed(&relation.schema).unwrap_or(false)
    }

    /// Whether the check runs too.
    pub(super) fn runs(self, check: &str) -> bool {
        self.context.runs(check)
    }

    /// Invalid indexes that are told as unique keys which keep nothing out any more: their tables and names.
    pub(super) fn told_as_unique_keys(self) -> BTreeSet<(String, String)> {
        if !self.runs(duplicate_keys::CHECK.id) {
            return BTreeSet::new();
        }
        let findings = (duplicate_keys::CHECK.judge)(self.context).findings;
        let told = findings.into_iter().filter_map(|finding| match finding {
            Finding::MissingUniqueKey(key) if key.invalid => Some((key.common.object.clone(), key.index)),
            _ => None,
        });
        told.collect()
    }

    /// The indexes that sort by this collation, in all schemas.
    pub(super) fn sorted_by(self, collation: &QualifiedName) -> Vec<&'e Index> {
        let indexes = self.context.now.catalog.indexes.read().map_or(&[][..], Vec::as_slice);
        indexes.iter().filter(|index| index.collations.contains(collation)).collect()
    }

    /// The kind of the relation that an index is of is a table's, or a materialised view's: not a partitioned table's.
    pub(super) fn has_own_rows(self, relation: &QualifiedName) -> bool {
        use crate::evidence::catalog::RelationKind::{MaterializedView, Table};
        let relation = self.context.now.catalog.relation(relation).ok().flatten();
        relation.is_some_and(|relation| matches!(relation.kind, MaterializedView | Table))
    }

    /// The name of the database.
    pub(super) fn database(self) -> Option<&'e str> {
        self.context.now.run.server.as_ref().map(|server| server.database.as_str())
    }
}
