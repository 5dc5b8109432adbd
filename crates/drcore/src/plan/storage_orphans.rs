//! `[storage_orphans]`: where the files of Supabase Storage are, and how they are compared.

use schemars::JsonSchema;
use serde::Serialize;

use super::duration::Span;
use super::node::{Node, Value};
use super::object_references::PlannedObjectReference;
use super::reader::{Fields, Reader};
use crate::storage::{Store, enough};

/// Where the files of Supabase Storage are, and how they are compared.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "StorageOrphans")]
#[non_exhaustive]
pub struct StorageOrphans {
    /// What holds `<tenant>/<bucket>/…` (`s3://bucket/prefix` or `file:///dir`), or the storage service's API
    /// (`supabase://ref`, `https://host/storage/v1`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<String>,
    /// Whose files, where the store holds those of several tenants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Whether checksums are compared as well; in a directory, and in a store that lists none, every
    /// file is read for it.
    #[serde(skip_serializing_if = "is_false")]
    pub checksums: bool,
    /// How many files are named of what is wrong in a bucket. Default: 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// How many objects are asked for, chosen at random, where they can only be asked for one by one. Default: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<u64>,
    /// It is enough to be 95 % certain that less than this share of all objects is missing or wrong:
    /// `{ percent = 0.1 }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_below: Option<Share>,
    /// How long a file lies in the store without a row before it counts: uploads write the row last. Default: 60s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Span>,
    /// Columns of the application that name objects: whether these are there, and which objects none of them names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<PlannedObjectReference>,
}

/// A share of all objects.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(title = "Share", deny_unknown_fields)]
#[non_exhaustive]
pub struct Share {
    /// In percent: above 0, below 100.
    #[schemars(range(min = 0, max = 100))]
    pub percent: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl StorageOrphans {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(
                reader,
                "this section is empty; allowed: store, tenant, checksums, samples, probe, missing_below, settle, \
                 references",
            );
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
        let probe =
            fields.optional(reader, "probe", |reader, node, path| match reader.count(node, path)? {
                0 => reader.wrong(node, path, "expected how many objects to ask for, from 1"),
                probe => Some(probe),
            });
        let missing_below = fields.optional(reader, "missing_below", Self::read_percent);
        let is_api =
            store.as_deref().and_then(|url| Store::parse(url).ok()).is_some_and(|store| store.is_api());
        if is_api && tenant.is_some() {
            fields.wrong::<()>(
                reader,
                "the API of a storage service has the files of one tenant only: leave it out",
            );
        }
        let settle = fields.optional(reader, "settle", Reader::span);
        let references =
            fields.optional(reader, "references", PlannedObjectReference::read_all).unwrap_or_default();
        fields.finish(reader);
        Some(Self { store, tenant, checksums, samples, probe, missing_below, settle, references })
    }

    /// `{ percent = 0.1 }`.
    fn read_percent(reader: &mut Reader, node: &Node, path: &str) -> Option<Share> {
        let mut fields = match node.value {
            Value::Table(_) => reader.fields(node, path)?,
            _ => return reader.wrong(node, path, "expected { percent = n }, such as { percent = 0.1 }"),
        };
        let percent = fields.required(reader, "percent", Reader::positive);
        fields.finish(reader);
        match percent? {
            percent if percent < 100.0 => Some(Share { percent }),
            _ => reader.wrong(node, path, "all objects are less than that, so this expects nothing"),
        }
    }

    /// How many objects are asked for; all where it does not say.
    pub(crate) fn probes(&self) -> Option<u64> {
        self.probe.or_else(|| Some(enough(self.share()?)))
    }

    /// The share of all objects below which what is missing or wrong is to lie.
    pub(crate) fn share(&self) -> Option<f64> {
        Some(self.missing_below?.percent / 100.0)
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
            "[storage_orphans]\nstore = \"s3://files/live\"\ntenant = \"stub\"\nchecksums = true\nsamples = 5\n\
             probe = 100\nmissing_below = { percent = 0.1 }\nsettle = \"5m\"\n\
             references = [{ column = \"contracts.file_path\", bucket = \"documents\", prefix = \"in/\" }, \
             { column = \"people.avatar\", holds = \"url\" }, { column = \"notes.object\", holds = \"id\" }]\n",
        )
        .unwrap();
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let store = plan.storage_orphans.unwrap().store().unwrap();
        assert_eq!(
            (store.url.to_string().as_str(), store.tenant.as_deref()),
            ("s3://files/live/", Some("stub"))
        );
        let enough = Plan::from_toml("[storage_orphans]\nmissing_below = { percent = 0.1 }\n").unwrap();
        assert_eq!(enough.storage_orphans.unwrap().probes(), Some(2_996));
        for (text, needle) in [
            ("[storage_orphans]\nprobe = 0\n", "from 1"),
            ("[storage_orphans]\nmissing_below = 0.1\n", "{ percent = n }"),
            ("[storage_orphans]\nmissing_below = { percent = 100 }\n", "expects nothing"),
            ("[storage_orphans]\nmissing_below = { precent = 1 }\n", "did you mean percent?"),
            ("[storage_orphans]\nstore = \"supabase://me\"\n", "20 letters"),
            ("[storage_orphans]\nstore = \"https://h/storage/v1\"\ntenant = \"t\"\n", "one tenant only"),
            ("[storage_orphans]\n", "this section is empty"),
            ("[storage_orphans]\nstroe = \"s3://b\"\n", "did you mean store?"),
            ("[storage_orphans]\nstore = \"/var/lib\"\n", "expected a URL"),
            ("[storage_orphans]\nstore = \"s3://key:word@b\"\n", "holds a user, a key"),
            ("[storage_orphans]\ntenant = \"a/b\"\n", "without slashes"),
            ("[storage_orphans]\nsamples = 1001\n", "from 0 to 1000"),
            ("[storage_orphans]\nreferences = []\n", "this list is empty"),
            ("[storage_orphans]\nreferences = [{ column = \"path\" }]\n", "is not a column"),
            ("[storage_orphans]\nreferences = [{ column = \"a.b\", holds = \"key\" }]\n", "path, url, id"),
            ("[storage_orphans]\nreferences = [{ column = \"a.b\", bucket = \"b/c\" }]\n", "id of a bucket"),
            (
                "[storage_orphans]\nreferences = [{ column = \"a.b\", holds = \"id\", bucket = \"c\" }]\n",
                "leave bucket and prefix out",
            ),
            (
                "[storage_orphans]\nreferences = [{ column = \"a.b\", holds = \"url\", prefix = \"c\" }]\n",
                "leave prefix out",
            ),
            (
                "[storage_orphans]\nreferences = [{ column = \"a.b\" }, { column = \"a.b\", holds = \"url\" }]\n",
                "declared twice",
            ),
            ("[storage_orphan]\nsamples = 1\n", "did you mean storage_orphans?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            let detail = error.detail_text().unwrap();
            assert!(detail.contains(needle), "{text}: {detail}");
        }
    }
}
