//! What `storage_orphans` finds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ID, Sample};
use crate::evidence::{BucketFiles, OddFiles};
use crate::finding::{Common, Payload, Severity};
use crate::secret::redacted;
use crate::sql::literal;
use crate::text::{count, instant, plural};

macro_rules! counted {
    ($($(#[$doc:meta])* $type:ident { $($(#[$field_doc:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[schemars(inline)]
            #[non_exhaustive]
            pub struct $type {
                /// The fields that every finding has.
                #[serde(flatten)]
                pub common: Common,
                /// The bucket's id.
                pub bucket: String,
                /// How many.
                pub files: u64,
                /// How many bytes they are, or were, where that is known.
                pub bytes: u64,
                /// The first of them: name and version, and what was expected and found.
                pub samples: Vec<String>,
                $($(#[$field_doc])* pub $field: $of,)*
            }

            impl Payload for $type {
                fn common(&self) -> &Common {
                    &self.common
                }

                fn count(&self) -> Option<u64> {
                    Some(self.files)
                }
            }
        )*
    };
}

counted! {
    /// Files hold other bytes than their rows say.
    AlteredFiles {}

    /// Files lie in the store of a bucket that is not there.
    FilesWithoutBucket {}

    /// Objects have no bytes.
    MissingFiles {
        /// How many of them have another version in the store: they were overwritten after the state that the
        /// database is in.
        superseded: u64,
        /// How many of them the storage service failed to send, as it does without their bytes, and for other reasons.
        #[serde(default)]
        failing: u64,
    }

    /// Files have another size than their rows say.
    ResizedFiles {}

    /// No row knows the files.
    UnreferencedFiles {}
}

impl AlteredFiles {
    pub(super) fn new(bucket: &str, files: &BucketFiles, sample: Option<&Sample>) -> Self {
        let odd = &files.checksum_differs;
        let message = format!(
            "{} of bucket \"{bucket}\" {} the size that the database says, and another checksum",
            plural(odd.files, "file"),
            verb(odd.files, "has", "have")
        );
        let common = common("altered_files", bucket, Severity::Critical, message, odd).hint(sampled(
            "Put the bytes back from a copy of the store under the same keys. Where the store was copied and encrypts, \
             its checksums may be of something else than the bytes.",
            sample,
        ));
        Self { common, bucket: bucket.to_owned(), files: odd.files, bytes: odd.bytes, samples: samples(odd) }
    }
}

impl FilesWithoutBucket {
    pub(super) fn new(bucket: &str, files: &BucketFiles) -> Self {
        let odd = &files.unreferenced;
        let message = format!(
            "{} in the store of bucket \"{bucket}\", which is not in the database ({})",
            lie(odd.files),
            bytes(odd.bytes)
        );
        let common = common("files_without_bucket", bucket, Severity::Warning, message, odd).hint(
            format!("The bucket was created after the state that the database is in, or deleted past the storage service. \
             Restore its rows, or keep the files until it is certain that nobody needs them.{}", written(odd)),
        );
        Self { common, bucket: bucket.to_owned(), files: odd.files, bytes: odd.bytes, samples: samples(odd) }
    }
}

impl MissingFiles {
    pub(super) fn new(bucket: &str, files: &BucketFiles, sample: Option<&Sample>) -> Self {
        let odd = &files.missing;
        let message = format!(
            "{} of bucket \"{bucket}\" {} no bytes in the store ({})",
            plural(odd.files, "object"),
            verb(odd.files, "has", "have"),
            bytes(odd.bytes)
        );
        let mut hint =
            "Put the bytes back from a copy of the store under the same keys; downloads fail until then, \
                        while every listing shows the objects."
                .to_owned();
        if files.superseded > 0 {
            hint = format!(
                "Of {} of them another version is in the store: overwritten after the state that the database is in. {hint}",
                count(files.superseded)
            );
        }
        if files.failing > 0 {
            hint = format!(
                "Of {} of them all that is known is that the storage service fails (500), as it does where its directory \
                 lacks the file: look there to be certain (--store file:///…). {hint}",
                count(files.failing)
            );
        }
        let common =
            common("missing_files", bucket, Severity::Critical, message, odd).hint(sampled(&hint, sample));
        Self {
            common,
            bucket: bucket.to_owned(),
            files: odd.files,
            bytes: odd.bytes,
            samples: samples(odd),
            superseded: files.superseded,
            failing: files.failing,
        }
    }
}

impl ResizedFiles {
    pub(super) fn new(bucket: &str, files: &BucketFiles, sample: Option<&Sample>) -> Self {
        let odd = &files.size_differs;
        let message = format!(
            "{} of bucket \"{bucket}\" {} another size than the database says",
            plural(odd.files, "file"),
            verb(odd.files, "has", "have")
        );
        let common = common("resized_files", bucket, Severity::Critical, message, odd)
            .hint(sampled("Put the bytes back from a copy of the store under the same keys.", sample));
        Self { common, bucket: bucket.to_owned(), files: odd.files, bytes: odd.bytes, samples: samples(odd) }
    }
}

impl UnreferencedFiles {
    pub(super) fn new(bucket: &str, files: &BucketFiles) -> Self {
        let odd = &files.unreferenced;
        let message = format!(
            "{} in the store of bucket \"{bucket}\" that no row knows ({})",
            lie(odd.files),
            bytes(odd.bytes)
        );
        let common = common("unreferenced_files", bucket, Severity::Warning, message, odd).hint(
            format!("Uploads after the state that the database is in have their bytes here and no row: restore the rows before \
             anything is removed. Others are leftovers, which cost room and nothing else.{}", written(odd)),
        );
        Self { common, bucket: bucket.to_owned(), files: odd.files, bytes: odd.bytes, samples: samples(odd) }
    }
}

fn common(kind: &str, bucket: &str, severity: Severity, message: String, odd: &OddFiles) -> Common {
    let common = Common::new(ID, kind, bucket, severity, message);
    if odd.samples.is_empty() {
        return common;
    }
    common.query(format!(
        "select id, name, version, metadata ->> 'size' as size from storage.objects where bucket_id = {} order by name",
        literal(bucket)
    ))
}

/// With what a sample says of all.
fn sampled(hint: &str, sample: Option<&Sample>) -> String {
    match sample {
        Some(sample) => format!("There are likely more: {}. {hint}", sample.sentence()),
        None => hint.to_owned(),
    }
}

fn samples(odd: &OddFiles) -> Vec<String> {
    odd.samples.iter().map(redacted).collect()
}

/// When they were written, as far as the store knows.
fn written(odd: &OddFiles) -> String {
    match (odd.oldest, odd.newest) {
        (Some(oldest), Some(newest)) if oldest == newest => format!(" Written at {}.", instant(oldest)),
        (Some(oldest), Some(newest)) => {
            format!(" Written from {} to {}, by the clock of the store.", instant(oldest), instant(newest))
        }
        _ => String::new(),
    }
}

fn bytes(number: u64) -> String {
    plural(number, "byte")
}

fn lie(files: u64) -> String {
    format!("{} {}", plural(files, "file"), verb(files, "lies", "lie"))
}

fn verb(number: u64, one: &'static str, many: &'static str) -> &'static str {
    if number == 1 { one } else { many }
}
