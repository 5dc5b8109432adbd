//! The plan: what must hold.
//!
//! A plan comes from TOML, JSON, a Python dict, a JavaScript object or Rust
//! builders. After parsing, nothing in it can be wrong: an unknown or misspelt
//! key, an expectation that expects nothing, a bad name or a bad duration is an
//! error that names the key, the place and what is allowed, and all mistakes
//! are told at once.

mod accept;
mod assertions;
mod auth_integrity;
mod backups;
mod bucket_privacy;
mod content_drift;
mod decimal;
mod duplicate_keys;
mod duration;
mod freshness;
mod limits;
mod migration_drift;
mod mistakes;
mod names;
mod node;
mod object_references;
mod orphan_fks;
mod reader;
mod restore;
mod rls_coverage;
mod row_counts;
mod scope;
mod sequence_lag;
mod skip;
mod storage_orphans;
mod tenancy;
mod tenant_isolation;

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

pub use accept::{Accept, Bound};
pub use assertions::{Assertion, Expectation};
pub(crate) use assertions::{Rule, shown};
pub use auth_integrity::{AuthComparison, AuthIntegrity, PlannedProfiles};
pub use backups::{Backups, Objectives};
pub use bucket_privacy::{BucketExpectation, BucketPrivacy};
pub use content_drift::ContentDrift;
pub use duplicate_keys::{DuplicateKeys, PlannedKey};
pub use duration::Span;
pub use freshness::Freshness;
pub use limits::Limits;
pub use migration_drift::MigrationDrift;
pub use names::{ColumnName, TableName};
pub use object_references::{ObjectNaming, PlannedObjectReference};
pub use orphan_fks::{Columns, OrphanFks, PlannedRelation};
pub use restore::{Protected, RestoreRules};
pub use rls_coverage::RlsCoverage;
pub use row_counts::{CountExpectation, RowCounts};
pub use scope::Scope;
pub(crate) use scope::glob;
pub use sequence_lag::SequenceLag;
pub use skip::Skip;
pub use storage_orphans::{Share, StorageOrphans};
pub use tenancy::Tenancy;
pub(crate) use tenant_isolation::Actor;
pub use tenant_isolation::{TenantIsolation, TenantSample, TenantUser};

use crate::content::ContentWay;
use crate::error::{Error, Result};
use crate::evidence::Cause;
use crate::evidence::catalog::{Catalog, Relation};
use crate::sql::QualifiedName;
use mistakes::Document;
use node::Node;
use reader::Reader;

/// What must hold.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Plan")]
#[non_exhaustive]
pub struct Plan {
    /// Always `drcore.plan/1`.
    pub format: String,
    /// Which schemas and tables are looked at.
    #[serde(skip_serializing_if = "Scope::is_default")]
    pub scope: Scope,
    /// How rows belong to tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenancy: Option<Tenancy>,
    /// Sessions, timeouts and the deadline.
    #[serde(skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
    /// How many users there must be, and which tables of the application have a row for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_integrity: Option<AuthIntegrity>,
    /// Where backups are, and how many there must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backups: Option<Backups>,
    /// What a disaster may cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objectives: Option<Objectives>,
    /// Which buckets there are, and who may read them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bucket_privacy: Option<BucketPrivacy>,
    /// Whose rows are compared with the baseline's, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_drift: Option<ContentDrift>,
    /// Keys that no constraint or index declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_keys: Option<DuplicateKeys>,
    /// Where the files of migrations are, and who keeps the history of those that were applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migration_drift: Option<MigrationDrift>,
    /// Relations that no foreign key constraint declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orphan_fks: Option<OrphanFks>,
    /// What must never be restored over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<RestoreRules>,
    /// What the API exposes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rls_coverage: Option<RlsCoverage>,
    /// How new the newest rows must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freshness: Option<Freshness>,
    /// How many rows tables must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row_counts: Option<RowCounts>,
    /// When a sequence counts as nearly used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence_lag: Option<SequenceLag>,
    /// Where the files of Supabase Storage are, and how they are compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_orphans: Option<StorageOrphans>,
    /// Whom to act as, and whose rows are theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_isolation: Option<TenantIsolation>,
    /// The team's own statements, and what they must return.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub assertions: Vec<Assertion>,
    /// Findings that are known and accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<Accept>,
    /// Checks that are left out, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<Skip>,
    /// The file that it was read from.
    #[serde(skip)]
    source: Option<String>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            format: Self::FORMAT.to_owned(),
            scope: Scope::default(),
            tenancy: None,
            limits: Limits::default(),
            auth_integrity: None,
            backups: None,
            objectives: None,
            bucket_privacy: None,
            content_drift: None,
            duplicate_keys: None,
            migration_drift: None,
            orphan_fks: None,
            restore: None,
            rls_coverage: None,
            freshness: None,
            row_counts: None,
            sequence_lag: None,
            storage_orphans: None,
            tenant_isolation: None,
            assertions: Vec::new(),
            accept: Vec::new(),
            skip: Vec::new(),
            source: None,
        }
    }
}

impl Plan {
    /// The value of `format`.
    pub const FORMAT: &'static str = "drcore.plan/1";

    /// Reads a plan from a `.toml` or `.json` file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be read; [`ErrorKind::Plan`](crate::ErrorKind::Plan) with every mistake in it.
    pub fn from_path(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::unreadable("the plan", path, error))?;
        let document = Document::new(name.clone(), &text);
        let plan = if path.extension().is_some_and(|extension| extension == "json") {
            Self::parse_json(&text, document)
        } else {
            Self::parse_toml(&text, &document)
        };
        plan.map(|plan| Self { source: Some(name), ..plan })
    }

    /// Reads a plan from TOML.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) with every mistake in it.
    pub fn from_toml(text: &str) -> Result<Self> {
        Self::parse_toml(text, &Document::new("the plan", text))
    }

    /// Reads a plan from JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Plan`](crate::ErrorKind::Plan) with every mistake in it.
    pub fn from_json(text: &str) -> Result<Self> {
        Self::parse_json(text, Document::new("the plan", text))
    }

    fn parse_toml(text: &str, document: &Document<'_>) -> Result<Self> {
        match node::from_toml(text) {
            Ok(root) => Self::read(&root, document),
            Err(mistakes) => Err(document.error(mistakes)),
        }
    }

    fn parse_json(text: &str, document: Document<'_>) -> Result<Self> {
        match node::from_json(text) {
            Ok(root) => Self::read(&root, &document.without_places()),
            Err(mistakes) => Err(document.error(mistakes)),
        }
    }

    fn read(root: &Node, document: &Document<'_>) -> Result<Self> {
        let mut reader = Reader::default();
        let plan = Self::read_root(&mut reader, root);
        let mistakes = reader.finish();
        match plan {
            Some(plan) if mistakes.is_empty() => Ok(plan),
            _ => Err(document.error(mistakes)),
        }
    }

    /// Reads every section. A section that has mistakes is left out: the plan is refused anyway.
    fn read_root(reader: &mut Reader, root: &Node) -> Option<Self> {
        let mut fields = reader.fields(root, "")?;
        fields.expect_format(reader, Self::FORMAT);
        let tenancy = fields.entries().iter().any(|(key, _)| key.text == "tenancy");
        let plan = Self {
            format: Self::FORMAT.to_owned(),
            scope: fields.section(reader, "scope", Scope::read).unwrap_or_default(),
            tenancy: fields.section(reader, "tenancy", Tenancy::read),
            limits: fields.section(reader, "limits", Limits::read).unwrap_or_default(),
            auth_integrity: fields.section(reader, "auth_integrity", AuthIntegrity::read),
            backups: fields.section(reader, "backups", Backups::read),
            objectives: fields.section(reader, "objectives", Objectives::read),
            bucket_privacy: fields.section(reader, "bucket_privacy", BucketPrivacy::read),
            content_drift: fields.section(reader, "content_drift", ContentDrift::read),
            duplicate_keys: fields.section(reader, "duplicate_keys", DuplicateKeys::read),
            migration_drift: fields.section(reader, "migration_drift", MigrationDrift::read),
            orphan_fks: fields.section(reader, "orphan_fks", OrphanFks::read),
            restore: fields.section(reader, "restore", RestoreRules::read),
            rls_coverage: fields.section(reader, "rls_coverage", RlsCoverage::read),
            freshness: fields.section(reader, "freshness", Freshness::read),
            row_counts: fields.section(reader, "row_counts", RowCounts::read),
            sequence_lag: fields.section(reader, "sequence_lag", SequenceLag::read),
            storage_orphans: fields.section(reader, "storage_orphans", StorageOrphans::read),
            tenant_isolation: fields.section(reader, "tenant_isolation", |reader, fields| {
                TenantIsolation::read(reader, fields, tenancy)
            }),
            assertions: fields.optional(reader, "assertions", Assertion::read_all).unwrap_or_default(),
            accept: fields.list(reader, "accept", Accept::read),
            skip: fields.list(reader, "skip", Skip::read),
            source: None,
        };
        fields.finish(reader);
        Some(plan)
    }

    /// The JSON form, which [`Plan::from_json`] reads back.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if a value cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        crate::wire::to_json(self)
    }

    /// The file that it was read from.
    pub fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }

    /// Whether a section of the plan names the check, so that having nothing to go on counts.
    pub fn names(&self, check: &str) -> bool {
        match check {
            "auth_integrity" => self.auth_integrity.is_some(),
            "backups" => self.backups.is_some(),
            "orphan_fks" => self.orphan_fks.is_some(),
            "duplicate_keys" => self.duplicate_keys.is_some(),
            "migration_drift" => self.migration_drift.is_some(),
            "content_drift" => self.content_drift.is_some(),
            "bucket_privacy" => self.bucket_privacy.is_some(),
            "rls_coverage" => self.rls_coverage.is_some(),
            "assertions" => !self.assertions.is_empty(),
            "freshness" => self.freshness.is_some(),
            "row_counts" => self.row_counts.is_some(),
            "sequence_lag" => self.sequence_lag.is_some(),
            "storage_orphans" => self.storage_orphans.is_some(),
            "tenant_isolation" => self.tenant_isolation.is_some(),
            _ => false,
        }
    }

    /// The tables whose rows are compared.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub(crate) fn compared_tables<'c>(
        &self,
        catalog: &'c Catalog,
    ) -> std::result::Result<Vec<&'c Relation>, Cause> {
        let mut tables = self.scope.tables(catalog)?;
        if let Some(section) = &self.content_drift {
            tables.retain(|table| !section.excludes(&table.name));
        }
        Ok(tables)
    }

    /// The columns by which the rows of a table are counted per tenant and per hour: that of `[tenancy]`, and
    /// the one that `[freshness]` names; where it names none of this table, the one that says when a row was
    /// created. None where the plan has neither section.
    pub(crate) fn spread_columns(
        &self,
        catalog: &Catalog,
        table: &QualifiedName,
    ) -> (Option<String>, Option<String>) {
        if self.tenancy.is_none() && self.freshness.is_none() {
            return (None, None);
        }
        let column = |name: &str| catalog.column(table, name).ok().flatten();
        let tenant = self.tenancy.as_ref().and_then(|tenancy| column(&tenancy.column));
        let named = self.freshness.iter().flat_map(|section| &section.tables).find_map(|name| {
            let relation = name.table.resolve(catalog).ok().flatten()?;
            let named =
                (&relation.name == table).then(|| name.resolve_in(catalog, table).ok().flatten())??;
            column(named).filter(|column| column.is_time())
        });
        let hour = named.or_else(|| catalog.created_column(table).ok().flatten());
        (tenant.map(|column| column.name.clone()), hour.map(|column| column.name.clone()))
    }

    /// Where the plan says that the hashes of rows are computed.
    pub(crate) fn content_way(&self) -> Option<ContentWay> {
        self.content_drift.as_ref().and_then(|section| section.way)
    }

    /// Where the plan says that orphans are counted.
    pub(crate) fn references_way(&self) -> Option<ContentWay> {
        self.orphan_fks.as_ref().and_then(|section| section.way)
    }

    /// The assertion of this name.
    pub(crate) fn assertion(&self, name: &str) -> Option<&Assertion> {
        self.assertions.iter().find(|assertion| assertion.name == name)
    }

    /// The reason that the plan gives for leaving a check out.
    pub fn skipped(&self, check: &str) -> Option<&str> {
        self.skip.iter().find(|skip| skip.check == check).map(|skip| skip.reason.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_plan_is_the_default() {
        assert_eq!(Plan::from_toml("").unwrap(), Plan::default());
        assert_eq!(Plan::from_json("{}").unwrap(), Plan::default());
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_their_places() {
        let error =
            Plan::from_toml("[row_counts.tables]\ntenants = -1\n\n[scpoe]\nschemas = []\n").unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Plan);
        let detail = error.detail_text().unwrap();
        assert!(error.to_string().contains("2 mistakes"), "{error}");
        assert!(detail.contains("did you mean scope?"), "{detail}");
        assert!(detail.contains(":2:11"), "{detail}");
    }

    #[test]
    fn a_misspelt_expectation_is_no_table_of_a_schema() {
        let error = Plan::from_toml("[row_counts.tables]\nsubscriptions = { withn = 1 }\n").unwrap_err();
        assert!(error.detail_text().unwrap().contains("did you mean within?"), "{error:?}");
        assert!(Plan::from_toml("[row_counts.tables]\npublic.\"Beacon\" = 1\n").is_ok());
    }

    #[test]
    fn the_json_form_reads_back() {
        let plan = Plan::from_toml(
            r#"
            format = "drcore.plan/1"
            [scope]
            schemas = ["public"]
            [tenancy]
            column = "tenant_id"
            [limits]
            deadline = "10m"
            [rls_coverage]
            exposed_schemas = ["public"]
            [row_counts.tables]
            tenants = "same"
            tiers = 3
            subscriptions = { within = 1 }
            "User" = { min = 1, max = 9 }
            public."Beacon" = { percent = 0.5 }
            [[accept]]
            finding = "row_counts:fewer_rows:public.a"
            reason = "known"
            up_to = 3
            [[accept]]
            finding = "privilege_drift:privileges_widened:public:tables"
            reason = "known"
            up_to = ["anon select on public.a"]
            [[skip]]
            check = "row_counts"
            reason = "later"
            "#,
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
    }
}
