//! `[migration_drift]`: where the files of migrations are, and who keeps the history of those that were applied.

use schemars::JsonSchema;
use serde::Serialize;

use super::TableName;
use super::reader::{Fields, Reader};
use crate::migrations::MigrationTool;

/// Where the files of migrations are, and who keeps the history of those that were applied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(title = "MigrationDrift")]
#[non_exhaustive]
pub struct MigrationDrift {
    /// The directory of the files, such as `supabase/migrations`: seen from where the command runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Whose files and history they are; where left out, whoever's history the database has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<MigrationTool>,
    /// The table of the history, where it is not the tool's usual one.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_text")]
    #[schemars(with = "Option<String>")]
    pub table: Option<TableName>,
}

// Called by serde, which gives a reference to the field.
#[allow(clippy::ref_option)]
fn as_text<S: serde::Serializer>(name: &Option<TableName>, serializer: S) -> Result<S::Ok, S::Error> {
    name.as_ref().map(ToString::to_string).serialize(serializer)
}

impl MigrationDrift {
    pub(super) fn read(reader: &mut Reader, mut fields: Fields<'_>) -> Option<Self> {
        if fields.entries().is_empty() {
            return fields.wrong(reader, "this section is empty; allowed: folder, tool, table");
        }
        let folder = fields.optional(reader, "folder", |reader, node, path| {
            let text = reader.string(node, path)?;
            if text.contains("://") {
                return reader.wrong(node, path, "expected a directory on this machine");
            }
            Some(text)
        });
        let tool = fields
            .optional(reader, "tool", |reader, node, path| reader.word(node, path, MigrationTool::WORDS));
        let table = fields.optional(reader, "table", |reader, node, path| {
            let text = reader.string(node, path)?;
            match TableName::parse(&text) {
                Ok(name) => Some(name),
                Err(message) => reader.wrong(node, path, message),
            }
        });
        fields.finish(reader);
        Some(Self { folder, tool, table })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Plan;

    #[test]
    fn the_keys_are_checked() {
        let plan = Plan::from_toml(
            "[migration_drift]\nfolder = \"supabase/migrations\"\ntool = \"supabase\"\n\
             table = 'supabase_migrations.schema_migrations'\n",
        )
        .unwrap();
        assert!(plan.names("migration_drift"));
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        assert_eq!(plan.migration_drift.unwrap().tool, Some(MigrationTool::Supabase));
        for (text, wrong) in [
            ("[migration_drift]\n", "this section is empty"),
            ("[migration_drift]\nfolder = \"\"\n", "must not be empty"),
            ("[migration_drift]\nfolder = \"https://example.com\"\n", "on this machine"),
            ("[migration_drift]\ntool = \"prizma\"\n", "did you mean prisma?"),
            ("[migration_drift]\ntable = \"a.b.c.d\"\n", "is not a table"),
            ("[migration_drift]\nfolders = \"x\"\n", "did you mean folder?"),
            ("[migrations_drift]\nfolder = \"x\"\n", "did you mean migration_drift?"),
        ] {
            let error = Plan::from_toml(text).unwrap_err();
            assert!(error.detail_text().unwrap().contains(wrong), "{text}: {error:?}");
        }
    }
}
