//! `[storage_orphans]`: where the files of Supabase Storage are, and how they are compared.

use schemars::JsonSchema;
use serde::Serialize;

use super::node::Node;
use super::reader::{Fields, Reader};
use crate::storage::Store;

/// Where the files of Supabase Storage are, and how they are compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "StorageOrphans")]
#[non_exhaustive]
pub struct StorageOrphans {
    /// What holds `<tenant>/<bucket>/…`: `s3://bucket/prefix` or `file:///dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Whose files, where the store holds those of several tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Whether checksums are compared as well; for a directory, every file is read for it.
    #[serde(skip_serializing_if = "is_false")]
    pub checksums: bool,
    /// How many files are named of what is wrong in a bucket. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl StorageOrphans {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: store, tenant, checksums, samples");
        }
        let store = fields.optional(reader, "store", |reader, node, path| {
            let text = reader.string(node, path)?;
            match Store::parse(&text) {
                Ok(_) => Some(text),
                Err(error) => reader.wrong(node, path, error.to_string()),
            }
        });
        let tenant = fields.optional(reader, "tenant", |reader, node, path| {
            let text = reader.string(node, path)?;
            match Store::is_tenant(&text) {
                Ok(()) => Some(text),
                Err(error) => reader.wrong(node, path, error.to_string()),
            }
        });
        let checksums = fields.optional(reader, "checksums", Reader::boolean).unwrap_or_default();
        let samples = fields.optional(reader, "samples", Self::read_samples);
        fields.finish(reader);
        Some(Self { store, tenant, checksums, samples })
    }

    fn read_samples(reader: &mut Reader, node: &Node, path: &str) -> Option<usize> {
        match reader.count(node, path)? {
            samples @ 0..=1_000 => usize::try_from(samples).ok(),
            _ => reader.wrong(node, path, "expected a number from 0 to 1000"),
        }
    }

    /// The store that it names.
    pub(crate) fn store(&self) -> Option<Store> {
        let mut store = Store::parse(self.store.as_deref()?).ok()?;
        store.tenant.clone_from(&self.tenant);
        Some(store)
    }
}

#[cfg(test)]
mod tests {
    use crate::Plan;

    #[test]
    fn the_keys_are_checked() {
        let plan = Plan::from_toml(
            "[storage_orphans]\nstore = \"s3://files/live\"\ntenant = \"stub\"\nchecksums = true\nsamples = 5\n",
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let store = plan.storage_orphans.unwrap().store().unwrap();
        assert_eq!(
            (store.url.to_string().as_str(), store.tenant.as_deref()),
            ("s3://files/live/", Some("stub"))
        );
        for (text, needle) in [
            ("[storage_orphans]\n", "this section is empty"),
            ("[storage_orphans]\nstroe = \"s3://b\"\n", "did you mean store?"),
            ("[storage_orphans]\nstore = \"/var/lib\"\n", "expected a URL"),
            ("[storage_orphans]\nstore = \"s3://key:word@b\"\n", "holds a user, a key"),
            ("[storage_orphans]\ntenant = \"a/b\"\n", "without slashes"),
            ("[storage_orphans]\nsamples = 1001\n", "from 0 to 1000"),
            ("[storage_orphan]\nsamples = 1\n", "did you mean storage_orphans?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
