//! Which schemas the API exposes, and what is looked at for that.

use std::collections::BTreeSet;

use crate::access::Access;
use crate::check::{Context, Judgement};
use crate::evidence::catalog::{Relation, Setting};

/// The schemas that the API exposes, and who says so.
#[derive(Debug)]
pub(super) struct Exposed<'e> {
    context: Context<'e>,
    schemas: BTreeSet<String>,
    source: ExposedBy,
}

/// Who says which schemas the API exposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExposedBy {
    Nobody,
    Plan,
    Settings,
}

impl<'e> Exposed<'e> {
    /// Plan, else the database's own setting, else the baseline's (settings of roles are in no dump), else `public`.
    pub(super) fn settle(
        context: Context<'e>,
        now: &Access<'_>,
        then: Option<&Access<'_>>,
        judgement: &mut Judgement,
    ) -> Self {
        if let Some(section) = &context.plan.rls_coverage {
            let known = |name: &String| {
                // Exactly this case, else folded, as everywhere in plans.
                let lower = name.to_lowercase();
                if now.schema(name).is_none() && now.schema(&lower).is_some() { lower } else { name.clone() }
            };
            let schemas = section.exposed_schemas.iter().map(known).collect();
            return Self { context, schemas, source: ExposedBy::Plan };
        }
        for evidence in [Some(context.now), context.then].into_iter().flatten() {
            let settings = match evidence.catalog.settings.get() {
                Ok(settings) => settings,
                Err(cause) => {
                    judgement.could_not_read("the API's settings", cause);
                    continue;
                }
            };
            if let Some(schemas) = exposed_by(settings) {
                // The usual list names schemas of extensions that may not be installed.
                let there = |name: &String| {
                    now.schema(name).is_some() || then.is_some_and(|then| then.schema(name).is_some())
                };
                let schemas: BTreeSet<String> = schemas.into_iter().filter(there).collect();
                if !schemas.is_empty() {
                    return Self { context, schemas, source: ExposedBy::Settings };
                }
            }
        }
        Self { context, schemas: BTreeSet::from(["public".to_owned()]), source: ExposedBy::Nobody }
    }

    /// Who says so.
    pub(super) fn source(&self) -> ExposedBy {
        self.source
    }

    /// The schemas.
    pub(super) fn schemas(&self) -> &BTreeSet<String> {
        &self.schemas
    }

    pub(super) fn has(&self, schema: &str) -> bool {
        self.schemas.contains(schema)
    }

    /// Whether the relation is looked at, for itself or against the baseline.
    pub(super) fn looks_at(&self, relation: &Relation) -> bool {
        let scope = &self.context.plan.scope;
        if relation.extension.is_some() || scope.excludes(&relation.name) {
            return false;
        }
        let schema = relation.name.schema.as_str();
        scope.has(relation, &self.context.now.catalog).unwrap_or(true)
            || self.surely_has(schema)
            || (scope.schemas.is_empty() && schema == "auth")
    }

    /// Whether what is in the schema is looked at, for itself or against the baseline.
    pub(super) fn looks_into(&self, schema: &str) -> bool {
        let scope = &self.context.plan.scope;
        scope.has_schema(schema, &self.context.now.catalog).unwrap_or(true) || self.surely_has(schema)
    }

    /// Exposed schemas are looked at whatever `scope.schemas` says; a mere guess does not widen it.
    fn surely_has(&self, schema: &str) -> bool {
        let guessed = self.source == ExposedBy::Nobody && !self.context.plan.scope.schemas.is_empty();
        self.has(schema) && !guessed
    }
}

/// Whether there is an API, be it one whose roles bypass row level security.
pub(super) fn has_api(access: &Access<'_>) -> bool {
    access.api_roles().next().is_some() || ["anon", "authenticated"].iter().any(|role| access.has_role(role))
}

/// What `pgrst.db_schemas` says, the most particular setting first.
pub(crate) fn exposed_by(settings: &[Setting]) -> Option<Vec<String>> {
    let mut settings: Vec<&Setting> =
        settings.iter().filter(|setting| setting.name == "pgrst.db_schemas").collect();
    settings.sort_by_key(|setting| {
        (setting.role.as_deref() != Some("authenticator"), setting.role.is_some(), !setting.this_database)
    });
    let of_api = |setting: &&&Setting| setting.role.as_deref().is_none_or(|role| role == "authenticator");
    settings.iter().find(of_api).map(|setting| {
        setting.value.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn settings_of_the_login_role_go_before_the_databases() {
        let setting = |role: Option<&str>, this_database: bool, value: &str| json!({ "role": role, "this_database": this_database, "name": "pgrst.db_schemas", "value": value });
        let read = |settings: Value| exposed_by(&serde_json::from_value::<Vec<Setting>>(settings).unwrap());
        let all = setting(None, true, "public");
        let role = setting(Some("authenticator"), false, "api, v2");
        let other = setting(Some("somebody"), true, "internal");
        assert_eq!(read(json!([all, role, other])), Some(vec!["api".to_owned(), "v2".to_owned()]));
        assert_eq!(read(json!([all, other])), Some(vec!["public".to_owned()]));
        assert_eq!(read(json!([other])), None);
    }
}
