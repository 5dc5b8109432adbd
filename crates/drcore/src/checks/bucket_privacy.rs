//! `bucket_privacy`: the buckets of Supabase Storage, and who gets at their files.

mod breadth;
mod findings;
mod objects;

use std::collections::BTreeSet;

use crate::check::{Check, Context, Judgement, KindDoc, Reason};
use crate::checks::policies::Difference;
use crate::collect::Wants;
use crate::evidence::Evidence;
use crate::evidence::catalog::{Bucket, CatalogFactName, Relation};
use crate::plan::BucketExpectation;
use crate::sql::QualifiedName;
pub use findings::*;

/// The check.
pub static CHECK: Check = Check {
    id: ID,
    summary: "buckets are as private as they should be, and so are the policies on their files",
    docs: include_str!("bucket_privacy.md"),
    kinds: &[
        KindDoc { kind: "broad_object_policy", meaning: "a policy opens all files of a bucket" },
        KindDoc {
            kind: "bucket_flag_null",
            meaning: "the bucket does not say whether it is public, and counts as private",
        },
        KindDoc { kind: "bucket_limits_changed", meaning: "the bucket takes other files than it should" },
        KindDoc {
            kind: "bucket_private",
            meaning: "links to the bucket's files that worked for everyone do not work",
        },
        KindDoc { kind: "bucket_public", meaning: "anyone with a link can download the bucket's files" },
        KindDoc { kind: "missing_bucket", meaning: "the bucket is gone: its files cannot be reached" },
        KindDoc { kind: "policy_added", meaning: "a policy came in since the baseline was taken" },
        KindDoc {
            kind: "policy_changed",
            meaning: "a policy is not what it was when the baseline was taken",
        },
        KindDoc {
            kind: "policy_lost",
            meaning: "a policy is gone: files are kept from those who own them, or shown to others",
        },
        KindDoc {
            kind: "storage_rls_disabled",
            meaning: "the API can list, and change, every bucket or file",
        },
        KindDoc { kind: "unknown_bucket", meaning: "neither the plan nor the baseline knows the bucket" },
    ],
    wanted,
    judge,
};

const ID: &str = "bucket_privacy";

fn wanted(context: Context<'_>, wants: &mut Wants) {
    wants.catalog(&[
        CatalogFactName::Column,
        CatalogFactName::Policy,
        CatalogFactName::Relation,
        CatalogFactName::Role,
        CatalogFactName::Schema,
    ]);
    // Asking for buckets where there is no such table would read as unreadable.
    if table(context.now, "buckets").ok().flatten().is_some() {
        wants.catalog(&[CatalogFactName::Bucket]);
    }
}

fn judge(context: Context<'_>) -> Judgement {
    let mut judgement = Judgement::default();
    let there = match table(context.now, "buckets") {
        Ok(there) => there.is_some(),
        Err(cause) => {
            judgement.could_not_read("the list of relations", cause);
            return judgement;
        }
    };
    let was_there = match context.then.map(|then| table(then, "buckets")).transpose() {
        Ok(was_there) => was_there.flatten().is_some(),
        Err(cause) => {
            judgement.could_not_read("the list of relations of the baseline", cause);
            return judgement;
        }
    };
    let plan = context.plan.bucket_privacy.as_ref();
    if !there && !was_there && plan.is_none() {
        return Judgement::not_applicable("there is no storage.buckets");
    }
    judge_buckets(context, there, was_there, &mut judgement);
    if there || was_there {
        objects::judge(context, &mut judgement);
    }
    if judgement.examined.is_empty() && judgement.findings.is_empty() && judgement.unread.is_empty() {
        return Judgement::not_applicable("there is no bucket, and the baseline had none");
    }
    if plan.is_none() && context.then.is_none() {
        return judgement.absent(
            Reason::NoExpectation,
            "which buckets are to be private is not known: add [bucket_privacy.buckets] to the plan, or --against \
             a baseline",
        );
    }
    judgement
}

/// A table of the storage schema.
fn table<'e>(evidence: &'e Evidence, name: &str) -> Result<Option<&'e Relation>, crate::evidence::Cause> {
    evidence.catalog.relation(&QualifiedName::new("storage", name))
}

fn judge_buckets(context: Context<'_>, there: bool, was_there: bool, judgement: &mut Judgement) {
    let read =
        |evidence: Option<&'_ Evidence>| evidence.map(|evidence| evidence.catalog.buckets.get().cloned());
    let now: Vec<Bucket> = match read(there.then_some(context.now)).transpose() {
        Ok(buckets) => buckets.unwrap_or_default(),
        Err(cause) => return judgement.could_not_read("storage.buckets", cause),
    };
    let then: Option<Vec<Bucket>> = match read(context.then.filter(|_| was_there)).transpose() {
        // A baseline without the table knows that there was no bucket.
        Ok(buckets) => buckets.or_else(|| context.then.map(|_| Vec::new())),
        Err(cause) => return judgement.could_not_read("storage.buckets of the baseline", cause),
    };
    let planned = context.plan.bucket_privacy.as_ref();
    let find = |buckets: &'_ [Bucket], id: &str| buckets.iter().find(|bucket| bucket.id == id).cloned();
    for bucket in &now {
        judgement.examine("buckets", 1);
        let plan = planned.and_then(|section| section.buckets.get(&bucket.id));
        let old = then.as_ref().and_then(|then| find(then, &bucket.id));
        if bucket.public.is_none() {
            judgement.find(BucketFlagNull::new(bucket));
        }
        if plan.is_some() || old.is_some() {
            judge_bucket(bucket, plan, old.as_ref(), judgement);
        } else if planned.is_some() || then.is_some() {
            judgement.find(UnknownBucket::new(bucket));
        }
    }
    let expected: BTreeSet<&str> = planned
        .iter()
        .flat_map(|section| section.buckets.keys().map(String::as_str))
        .chain(then.iter().flatten().map(|bucket| bucket.id.as_str()))
        .collect();
    for id in expected.into_iter().filter(|id| !now.iter().any(|bucket| bucket.id == *id)) {
        let old = then.as_ref().and_then(|then| find(then, id));
        judgement.find(MissingBucket::new(id, old.as_ref(), there));
    }
}

fn judge_bucket(
    bucket: &Bucket,
    plan: Option<&BucketExpectation>,
    old: Option<&Bucket>,
    judgement: &mut Judgement,
) {
    let is = bucket.public.unwrap_or(false);
    let planned = plan.and_then(|plan| plan.public);
    let was = old.map(|old| old.public.unwrap_or(false));
    match (planned.or(was), is) {
        (Some(false), true) => judgement.find(BucketPublic::new(bucket, planned.is_some())),
        (Some(true), false) => judgement.find(BucketPrivate::new(bucket, planned.is_some())),
        _ => {}
    }
    let differences = limits(bucket, plan, old);
    if !differences.is_empty() {
        judgement.find(BucketLimitsChanged::new(bucket, plan, old, differences));
    }
}

/// What the bucket takes, against the plan, else against the baseline.
fn limits(bucket: &Bucket, plan: Option<&BucketExpectation>, old: Option<&Bucket>) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut compare = |what: &str, is: Option<String>, was: Option<Option<String>>| {
        if let Some(was) = was.filter(|was| *was != is) {
            differences.push(Difference { what: what.to_owned(), was, is });
        }
    };
    let size = |bucket: &Bucket| bucket.file_size_limit.map(|bytes| bytes.to_string());
    // Their order says nothing.
    let types = |own: &[String]| {
        let sorted: BTreeSet<&str> = own.iter().map(String::as_str).collect();
        sorted.into_iter().collect::<Vec<_>>().join(", ")
    };
    let planned_size = plan.and_then(|plan| plan.file_size_limit).map(|bytes| Some(bytes.to_string()));
    let planned_types = plan.and_then(|plan| plan.allowed_mime_types.as_deref()).map(|own| Some(types(own)));
    compare("file_size_limit", size(bucket), planned_size.or(old.map(size)));
    compare(
        "allowed_mime_types",
        bucket.allowed_mime_types.as_deref().map(types),
        planned_types.or(old.map(|old| old.allowed_mime_types.as_deref().map(types))),
    );
    // Older storage schemas do not know types.
    if let Some((is, was)) = bucket.type_name.clone().zip(old.and_then(|old| old.type_name.clone())) {
        compare("type", Some(is), Some(Some(was)));
    }
    differences
}
