//! Columns of the application against the rows of `storage.objects`, both ways.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ID;
use crate::check::{Context, Judgement};
use crate::collect::{Request, Wants};
use crate::evidence::catalog::CatalogFactName;
use crate::evidence::{Cause, CauseKind, Fact, NamedObjects, TenantRows, UnnamedObjects};
use crate::finding::{Common, Payload, Severity};
use crate::plan::PlannedObjectReference;
use crate::secret::redacted;
use crate::sql::QualifiedName;
use crate::storage::ObjectReference;
use crate::text::{count, instant, plural};

/// Tenants that a message names.
const SHOWN: usize = 3;

fn planned(context: Context<'_>) -> &[PlannedObjectReference] {
    context.plan.storage_orphans.as_ref().map_or(&[], |section| section.references.as_slice())
}

/// Asks for both ways; for the second only where all columns are known: what one of them names is not unnamed.
pub(super) fn wanted(context: Context<'_>, wants: &mut Wants) {
    let planned = planned(context);
    if planned.is_empty() {
        return;
    }
    wants.catalog(&[CatalogFactName::Column]);
    let known: Vec<ObjectReference> = planned
        .iter()
        .filter_map(|reference| ObjectReference::resolve(reference, &context.now.catalog).ok().flatten())
        .collect();
    for reference in &known {
        wants.add(Request::LostObjects(reference.clone()));
    }
    if known.len() == planned.len() {
        wants.add(Request::UnnamedObjects(known));
    }
}

/// Adds what is wrong with them.
pub(super) fn judge(context: Context<'_>, judgement: &mut Judgement) {
    let planned = planned(context);
    if planned.is_empty() {
        return;
    }
    let mut unknown = false;
    for planned in planned {
        let reference = match ObjectReference::resolve(planned, &context.now.catalog) {
            Ok(Some(reference)) => reference,
            Ok(None) => {
                unknown = true;
                judgement.find(MissingReferenceColumn::new(planned));
                continue;
            }
            Err(cause) => {
                unknown = true;
                judgement.could_not_read(planned.column.to_string(), cause);
                continue;
            }
        };
        let key = reference.key();
        let named = context.now.scans.named_objects.get(&key);
        let not_asked = || Cause::new(CauseKind::NotCollected, "was not compared with storage.objects");
        match named.ok_or_else(not_asked).and_then(Fact::get) {
            Ok(named) => {
                judgement.examine("references", named.values);
                if named.lost > 0 {
                    let were = context.then.and_then(|then| then.scans.named_objects.get(&key)?.read());
                    judgement.find(ReferencesWithoutObject::new(&reference, named, were));
                }
            }
            Err(cause) => judgement.could_not_read(key, cause),
        }
    }
    match context.now.scans.unnamed_objects.get() {
        // What one of them names is not unnamed.
        _ if unknown => {}
        Ok(by_bucket) => {
            for (bucket, unnamed) in by_bucket.buckets.iter().filter(|(_, unnamed)| unnamed.unnamed > 0) {
                judgement.find(ObjectsWithoutReference::new(bucket, unnamed));
            }
        }
        Err(cause) => judgement.could_not_read("objects that no column names", cause),
    }
}

/// Rows of the application name objects that are not there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct ReferencesWithoutObject {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The table.
    pub table: QualifiedName,
    /// The column, unquoted.
    pub column: String,
    /// How many values name an object that is not there.
    pub references: u64,
    /// How many of them each tenant has: the hundred with the most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRows>,
    /// How many tenants have any; none where rows of this table belong to no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants_total: Option<u64>,
    /// The first of the objects: bucket and name, or id.
    pub samples: Vec<String>,
}

impl ReferencesWithoutObject {
    fn new(reference: &ObjectReference, named: &NamedObjects, were: Option<&NamedObjects>) -> Self {
        let message = format!(
            "{} of {} in this column lead to no object of storage.objects{}",
            count(named.lost),
            plural(named.values, "value"),
            of_tenants(&named.tenants)
        );
        let was = match were {
            Some(were) if were.lost >= named.lost => {
                format!(" When the baseline was taken, {} did.", count(were.lost))
            }
            Some(were) => format!(" When the baseline was taken, only {} did.", count(were.lost)),
            None => String::new(),
        };
        let common = Common::new(ID, "references_without_object", reference.key(), Severity::Critical, message)
            .hint(format!(
                "Restore the rows of storage.objects and their bytes, or correct what names them. Where the column holds \
                 something else than the plan says (holds, bucket, prefix), correct the plan.{was}"
            ));
        Self {
            common,
            table: reference.table.clone(),
            column: reference.column.clone(),
            references: named.lost,
            tenants: named.tenants.clone(),
            tenants_total: named.tenants_total,
            samples: named.samples.iter().map(redacted).collect(),
        }
    }
}

impl Payload for ReferencesWithoutObject {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        Some(self.references)
    }
}

/// No column of the application names the objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct ObjectsWithoutReference {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// The bucket's id.
    pub bucket: String,
    /// How many.
    pub objects: u64,
    /// How many bytes they are, where their rows say so.
    pub bytes: u64,
    /// When the oldest of them was uploaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the newest was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
    /// How many lie in a folder that has the name of a tenant of the rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tenants: Vec<TenantRows>,
    /// The first of them.
    pub samples: Vec<String>,
}

impl ObjectsWithoutReference {
    fn new(bucket: &str, unnamed: &UnnamedObjects) -> Self {
        let age = match (unnamed.oldest, unnamed.newest) {
            (Some(oldest), Some(newest)) if oldest == newest => format!(", uploaded at {}", instant(oldest)),
            (Some(oldest), Some(newest)) => {
                format!(", uploaded from {} to {}", instant(oldest), instant(newest))
            }
            _ => String::new(),
        };
        let message = format!(
            "{} of {} in bucket \"{bucket}\" are named by no column of the plan ({}{age}){}",
            count(unnamed.unnamed),
            plural(unnamed.objects, "object"),
            plural(unnamed.bytes, "byte"),
            of_tenants(&unnamed.tenants)
        );
        let common = Common::new(ID, "objects_without_reference", bucket, Severity::Info, message).hint(
            "Either the rows that named them are lost, or they are leftovers, or a column is missing in the plan. Nothing \
             is wrong with the objects themselves.",
        );
        Self {
            common,
            bucket: bucket.to_owned(),
            objects: unnamed.unnamed,
            bytes: unnamed.bytes,
            oldest: unnamed.oldest,
            newest: unnamed.newest,
            tenants: unnamed.tenants.clone(),
            samples: unnamed.samples.iter().map(redacted).collect(),
        }
    }
}

impl Payload for ObjectsWithoutReference {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        Some(self.objects)
    }
}

/// A column of the plan that names objects is nowhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct MissingReferenceColumn {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
}

impl MissingReferenceColumn {
    fn new(planned: &PlannedObjectReference) -> Self {
        let message = "the plan says that this column names objects, and it is nowhere".to_owned();
        let object = planned.column.to_string();
        let common = Common::new(ID, "missing_reference_column", object, Severity::Critical, message)
            .hint("Restore the table, or correct the plan: [storage_orphans] references.");
        Self { common }
    }
}

impl Payload for MissingReferenceColumn {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        None
    }
}

/// `; tenants a: 3, b: 2, …`, or nothing.
fn of_tenants(tenants: &[TenantRows]) -> String {
    if tenants.is_empty() {
        return String::new();
    }
    let shown = tenants.iter().take(SHOWN).map(|tenant| {
        let name = tenant.tenant.as_deref().map_or_else(|| "none".to_owned(), redacted);
        format!("{name}: {}", count(tenant.rows))
    });
    let more = if tenants.len() > SHOWN { ", …" } else { "" };
    format!("; by tenant {}{more}", shown.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use crate::check::{CheckResult, Outcome, Reason};
    use crate::evidence::catalog::{Persistence, RelationKind};
    use crate::evidence::{Evidence, Run};
    use crate::{Plan, Report};

    use super::*;

    fn evidence() -> Evidence {
        let relation = |name: &str| {
            serde_json::from_value(serde_json::json!({
                "name": name, "kind": RelationKind::Table, "persistence": Persistence::Permanent,
                "owner": "postgres", "rls_enabled": true, "rls_forced": false, "parents": [], "is_partition": false,
                "options": [], "acl": [], "extension": null, "estimated_rows": 0
            }))
            .unwrap()
        };
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        evidence.catalog.relations = Fact::Read(vec![relation("storage.objects")]);
        evidence.catalog.columns = Fact::Read(Vec::new());
        evidence
    }

    fn result(evidence: &Evidence) -> CheckResult {
        let plan = Plan::from_toml(
            "[storage_orphans]\nreferences = [{ column = \"contracts.file_path\", bucket = \"documents\" }]\n",
        )
        .unwrap();
        let report = Report::judge(&plan, evidence, None, &["storage_orphans".to_owned()]);
        report.checks.into_iter().find(|check| check.id == ID).unwrap()
    }

    #[test]
    fn a_column_that_is_gone_is_a_finding_and_one_that_nobody_read_is_unread() {
        let gone = result(&evidence());
        assert_eq!(gone.outcome, Outcome::Failed);
        assert_eq!(gone.findings[0].id(), "storage_orphans:missing_reference_column:contracts.file_path");
        let mut unread = evidence();
        unread.catalog.columns = Fact::NotAsked;
        unread.catalog.relations = Fact::Unread(Cause::new(CauseKind::Permission, "refused"));
        let unread = result(&unread);
        assert_eq!((unread.outcome, unread.reason), (Outcome::NotRun, Some(Reason::Unreadable)));
    }
}
