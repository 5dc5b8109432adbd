//! What of a Supabase project's managed schemas is the users', and what the platform changes from version to version.

use super::kind::ObjectKind;
use super::part::Part;
use crate::evidence::{Catalog, Cause};
use crate::sql::QualifiedName;

/// Tables of Supabase's services.
///
/// Source: migrations of supabase/auth and supabase/storage as of 2026-08; tables that came and went included.
const TABLES: &[(&str, &[&str])] = &[
    (
        "auth",
        &[
            "audit_log_entries",
            "custom_oauth_providers",
            "flow_state",
            "identities",
            "instances",
            "mfa_amr_claims",
            "mfa_challenges",
            "mfa_factors",
            "oauth_authorizations",
            "oauth_client_states",
            "oauth_clients",
            "oauth_consents",
            "one_time_tokens",
            "refresh_tokens",
            "saml_providers",
            "saml_relay_states",
            "schema_migrations",
            "sessions",
            "sso_domains",
            "sso_providers",
            "users",
            "webauthn_challenges",
            "webauthn_credentials",
        ],
    ),
    (
        "storage",
        &[
            "buckets",
            "buckets_analytics",
            "buckets_vectors",
            "iceberg_namespaces",
            "iceberg_tables",
            "migrations",
            "objects",
            "prefixes",
            "s3_multipart_uploads",
            "s3_multipart_uploads_parts",
            "vector_indexes",
        ],
    ),
];

/// Functions of Supabase's services in the schemas that users, too, made functions in.
const FUNCTIONS: &[(&str, &[&str])] = &[
    ("auth", &["email", "jwt", "role", "uid"]),
    (
        "storage",
        &[
            "add_prefixes",
            "allow_any_operation",
            "allow_only_operation",
            "can_insert_object",
            "delete_leaf_prefixes",
            "delete_prefix",
            "delete_prefix_hierarchy_trigger",
            "enforce_bucket_name_length",
            "extension",
            "filename",
            "foldername",
            "get_common_prefix",
            "get_level",
            "get_prefix",
            "get_prefixes",
            "get_size_by_bucket",
            "list_multipart_uploads_with_delimiter",
            "list_objects_with_delimiter",
            "lock_top_prefixes",
            "objects_delete_cleanup",
            "objects_insert_prefix_trigger",
            "objects_update_cleanup",
            "objects_update_level_trigger",
            "objects_update_prefix_trigger",
            "operation",
            "prefixes_delete_cleanup",
            "prefixes_insert_trigger",
            "protect_delete",
            "search",
            "search_by_timestamp",
            "search_legacy_v1",
            "search_v1_optimised",
            "search_v2",
            "update_updated_at_column",
        ],
    ),
];

/// Roles of the platform's own services.
///
/// Source: the roles that `supabase db dump` leaves out (supabase/cli `apps/cli-go/pkg/migration/scripts/dump_role.sh`,
/// 2026-06), without those that applications grant things to.
fn is_service_role(role: &str) -> bool {
    ["dashboard_user", "pgbouncer", "pgtle_admin"].contains(&role)
        || ["cli_login_", "pgsodium_", "supabase_"].iter().any(|prefix| role.starts_with(prefix))
}

/// Roles that every project is made with.
fn is_project_role(role: &str) -> bool {
    ["anon", "authenticated", "authenticator", "postgres", "service_role"].contains(&role)
}

fn is_listed(list: &[(&str, &[&str])], schema: &str, name: &str) -> bool {
    list.iter().any(|(known, names)| *known == schema && names.contains(&name))
}

/// Whether a table, view or sequence of a managed schema is the platform's.
fn is_platforms(relation: &QualifiedName, catalog: &Catalog) -> Result<bool, Cause> {
    if is_listed(TABLES, &relation.schema, &relation.name) {
        return Ok(true);
    }
    let owner = catalog.relation(relation)?.map(|relation| relation.owner.as_str());
    Ok(owner.is_none_or(is_service_role))
}

/// Whether the users made it, in a project of Supabase: whatever is not in a managed schema, and in one what is
/// theirs by its owner, and the triggers and policies that they put on the platform's tables.
///
/// # Errors
/// The cause, where relations could not be read.
pub(super) fn is_users(part: Part<'_>, catalog: &Catalog) -> Result<bool, Cause> {
    let id = part.id();
    // Of most it is known by the schema alone.
    if let Some(schema) = &id.schema
        && !catalog.is_managed(schema)?
    {
        return Ok(true);
    }
    if !catalog.is_supabase()? {
        return Ok(true);
    }
    match part {
        // Those that a service makes and drops by itself.
        Part::EventTrigger(trigger) => return Ok(!is_service_role(&trigger.owner)),
        Part::Publication(publication) => return Ok(!publication.name.starts_with("supabase_realtime_")),
        Part::ReplicationSlot(slot) => return Ok(!slot.name.starts_with("supabase_")),
        Part::Setting(setting) => return Ok(!setting.role.as_deref().is_some_and(is_service_role)),
        _ => {}
    }
    let Some(schema) = &id.schema else { return Ok(true) };
    if let Some(relation) = part.of() {
        let platforms = is_platforms(relation, catalog)?;
        return Ok(match part {
            Part::Policy(_) | Part::Rule(_) => true,
            // The platform's own call functions of the platform's, in the same schema.
            Part::Trigger(trigger) if platforms => trigger.function.schema != *schema,
            Part::ForeignKey(key) if platforms => !catalog.is_managed(&key.parent.schema)?,
            _ => !platforms,
        });
    }
    Ok(match part {
        Part::Relation(relation) => !is_platforms(&relation.name, catalog)?,
        Part::Sequence(sequence) => {
            let mut fed = sequence.feeds.iter();
            let of_platform = fed.any(|feed| is_platforms(&feed.relation, catalog).unwrap_or(true));
            !of_platform && !is_service_role(&sequence.owner)
        }
        Part::Function(function) => {
            !is_listed(FUNCTIONS, schema, &function.name) && !is_service_role(&function.owner)
        }
        // What it says of its own is no matter, and who owns it is not known.
        _ if part.owner().is_none() => false,
        _ => part.owner().is_some_and(|owner| !is_service_role(owner) && !is_unsure(id.kind, owner)),
    })
}

/// Types that services made may belong to whoever restored them.
fn is_unsure(kind: ObjectKind, owner: &str) -> bool {
    kind == ObjectKind::Type && is_project_role(owner)
}
