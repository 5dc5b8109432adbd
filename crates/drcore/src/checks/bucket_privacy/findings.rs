//! What `bucket_privacy` finds.

use super::ID;
use super::objects::Open;
use crate::checks::policies::{self, Difference};
use crate::evidence::catalog::{Bucket, Policy, Relation};
use crate::finding::{Common, Severity, payloads};
use crate::plan::BucketExpectation;
use crate::remedy::{Remedy, RemedyClass};
use crate::sql::{ident, literal};
use crate::text::list;

payloads! {
    /// A policy opens all files of a bucket.
    BroadObjectPolicy: of roles, commands, buckets {
        /// The name of the policy, unquoted.
        policy: String,
        /// The buckets, by id.
        buckets: Vec<String>,
        /// Who is let at them, unquoted.
        roles: Vec<String>,
        /// What they may do: words of SQL.
        commands: Vec<String>,
        /// Whether all of it was so in the baseline.
        as_in_baseline: bool,
    }

    /// A bucket does not say whether it is public.
    BucketFlagNull {
        /// The bucket's id.
        bucket: String,
    }

    /// A bucket takes other files than it should.
    BucketLimitsChanged {
        /// The bucket's id.
        bucket: String,
        /// What differs.
        differences: Vec<Difference>,
    }

    /// A bucket should be public and is private.
    BucketPrivate {
        /// The bucket's id.
        bucket: String,
    }

    /// A bucket should be private and is public.
    BucketPublic {
        /// The bucket's id.
        bucket: String,
    }

    /// A bucket that the plan or the baseline names is nowhere.
    MissingBucket {
        /// The bucket's id.
        bucket: String,
    }

    /// Row level security of a storage table is off.
    StorageRlsDisabled {
        /// Whether it was on in the baseline.
        was_on: bool,
    }

    /// Neither the plan nor the baseline knows the bucket.
    UnknownBucket {
        /// The bucket's id.
        bucket: String,
        /// Whether anyone may download from it.
        public: bool,
    }
}

impl BroadObjectPolicy {
    pub(super) fn new(policy: &Policy, severity: Severity, open: Open<'_>) -> Self {
        let owned = |names: Vec<&str>| -> Vec<String> { names.into_iter().map(str::to_owned).collect() };
        let commands = owned(open.commands.into_iter().collect());
        let roles = owned(open.roles.into_iter().collect());
        let private = open.buckets.values().any(|public| !public);
        let buckets = owned(open.buckets.into_keys().collect());
        let as_in_baseline = open.as_in_baseline;
        let message = format!(
            "the policy {} lets {} {} every file of {}{}",
            ident(&policy.name),
            list(&roles),
            list(&commands),
            list(&buckets),
            if as_in_baseline { ", as in the baseline" } else { "" }
        );
        let hint = if private {
            "A private bucket is as private as its policies: ask for the owner or the folder too."
        } else {
            "A public bucket needs no policy for downloads; this one lists its files."
        };
        let common = Common::new(ID, "broad_object_policy", policy.relation.to_string(), severity, message)
            .qualified(&ident(&policy.name))
            .hint(hint)
            .query(policies::query(&policy.relation));
        Self { common, policy: policy.name.clone(), buckets, roles, commands, as_in_baseline }
    }
}

impl BucketFlagNull {
    pub(super) fn new(bucket: &Bucket) -> Self {
        let message =
            format!("bucket \"{}\" does not say whether it is public, which counts as private", bucket.id);
        Self {
            common: common("bucket_flag_null", &bucket.id, Severity::Info, message),
            bucket: bucket.id.clone(),
        }
    }
}

impl BucketLimitsChanged {
    pub(super) fn new(
        bucket: &Bucket,
        plan: Option<&BucketExpectation>,
        old: Option<&Bucket>,
        differences: Vec<Difference>,
    ) -> Self {
        let what: Vec<String> = differences
            .iter()
            .map(|Difference { what, was, is }| {
                let text = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
                format!("{what} is {}, should be {}", text(is), text(was))
            })
            .collect();
        let mut common = common(
            "bucket_limits_changed",
            &bucket.id,
            Severity::Warning,
            format!("bucket \"{}\": {}", bucket.id, what.join("; ")),
        );
        let mut sets = Vec::new();
        for Difference { what, .. } in &differences {
            let planned = plan.filter(|plan| match what.as_str() {
                "file_size_limit" => plan.file_size_limit.is_some(),
                _ => plan.allowed_mime_types.is_some(),
            });
            let size = match planned {
                Some(plan) => plan.file_size_limit.map(|bytes| bytes.to_string()),
                None => old.and_then(|old| old.file_size_limit).map(|bytes| bytes.to_string()),
            };
            let types = match planned {
                Some(plan) => plan.allowed_mime_types.as_deref(),
                None => old.and_then(|old| old.allowed_mime_types.as_deref()),
            };
            match what.as_str() {
                "file_size_limit" => sets.push(format!("file_size_limit = {}", or_null(size))),
                "allowed_mime_types" => {
                    sets.push(format!("allowed_mime_types = {}", or_null(types.map(array))));
                }
                // What kind of bucket it is cannot be changed under its files.
                _ => {}
            }
        }
        if !sets.is_empty() {
            common = common.remedy(update(&bucket.id, &sets.join(", ")));
        }
        Self { common, bucket: bucket.id.clone(), differences }
    }
}

impl BucketPrivate {
    pub(super) fn new(bucket: &Bucket, planned: bool) -> Self {
        let message = format!(
            "bucket \"{}\" is private, {}",
            bucket.id,
            if planned { "should be public" } else { "was public" }
        );
        let common = common("bucket_private", &bucket.id, Severity::Warning, message)
            .hint("Public links to its files are refused.")
            .remedy(update(&bucket.id, "public = true"));
        Self { common, bucket: bucket.id.clone() }
    }
}

impl BucketPublic {
    pub(super) fn new(bucket: &Bucket, planned: bool) -> Self {
        let message = format!(
            "bucket \"{}\" is public, {}",
            bucket.id,
            if planned { "should be private" } else { "was private" }
        );
        let common = common("bucket_public", &bucket.id, Severity::Critical, message)
            .hint("Its files can be downloaded by anyone with a link, whatever the policies say.")
            .remedy(update(&bucket.id, "public = false"));
        Self { common, bucket: bucket.id.clone() }
    }
}

impl MissingBucket {
    pub(super) fn new(id: &str, old: Option<&Bucket>, there: bool) -> Self {
        let message = match old {
            Some(_) => format!("bucket \"{id}\" is gone"),
            None => format!("the plan names bucket \"{id}\", and it is nowhere"),
        };
        let mut common = common("missing_bucket", id, Severity::Critical, message)
            .hint("Files in it cannot be reached, even where their bytes are there.");
        if let Some(old) = old.filter(|_| there) {
            common = common.remedy(
                Remedy::sql(
                    RemedyClass::Safe,
                    [format!(
                        "insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) \
                         values ({}, {}, {}, {}, {})",
                        literal(id),
                        literal(old.name.as_deref().unwrap_or(id)),
                        old.public.unwrap_or(false),
                        or_null(old.file_size_limit.map(|bytes| bytes.to_string())),
                        or_null(old.allowed_mime_types.as_deref().map(array))
                    )],
                )
                .with_note("makes the bucket, not its files"),
            );
        }
        Self { common, bucket: id.to_owned() }
    }
}

impl StorageRlsDisabled {
    pub(super) fn new(table: &Relation, was_on: bool, enable: Remedy) -> Self {
        let was = if was_on { ", was on" } else { "" };
        let message = format!("row level security is off{was}");
        let common =
            Common::new(ID, "storage_rls_disabled", table.name.to_string(), Severity::Critical, message)
                .hint("The API's roles hold all privileges on it: they can list, add and change every row.")
                .query(format!("select relrowsecurity from pg_class where oid = '{}'::regclass", table.name))
                .remedy(enable);
        Self { common, was_on }
    }
}

impl UnknownBucket {
    pub(super) fn new(bucket: &Bucket) -> Self {
        let public = bucket.public.unwrap_or(false);
        let (severity, kind) =
            if public { (Severity::Warning, "public") } else { (Severity::Info, "private") };
        let message = format!("{kind} bucket \"{}\" is in neither the plan nor the baseline", bucket.id);
        Self {
            common: common("unknown_bucket", &bucket.id, severity, message),
            bucket: bucket.id.clone(),
            public,
        }
    }
}

fn common(kind: &str, id: &str, severity: Severity, message: impl Into<String>) -> Common {
    Common::new(ID, kind, id, severity, message)
        .query(format!("select * from storage.buckets where id = {}", literal(id)))
}

fn update(id: &str, sets: &str) -> Remedy {
    Remedy::sql(RemedyClass::Safe, [format!("update storage.buckets set {sets} where id = {}", literal(id))])
}

fn or_null(text: Option<String>) -> String {
    text.unwrap_or_else(|| "null".to_owned())
}

fn array(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| literal(item)).collect();
    format!("array[{}]::text[]", items.join(", "))
}
