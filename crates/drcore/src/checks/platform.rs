//! What belongs to Supabase's platform and not to the application.

/// Roles of the platform's own services, whose privileges and attributes it changes from version to version.
///
/// Source: the roles that `supabase db dump` leaves out (supabase/cli `apps/cli-go/pkg/migration/scripts/dump_role.sh`,
/// 2026-06), without those that applications grant things to.
const SERVICE_ROLES: &[&str] = &["dashboard_user", "pgbouncer", "pgtle_admin"];
const SERVICE_PREFIXES: &[&str] = &["cli_login_", "pgsodium_", "supabase_"];

/// Roles that a project is made with, and that applications grant things to.
const PROJECT_ROLES: &[&str] = &["anon", "authenticated", "authenticator", "postgres", "service_role"];

/// Whether the role belongs to a service of the platform, where there is one.
pub(super) fn is_service_role(role: &str) -> bool {
    SERVICE_ROLES.contains(&role) || SERVICE_PREFIXES.iter().any(|prefix| role.starts_with(prefix))
}

/// Whether every project of the platform is made with the role.
pub(super) fn is_project_role(role: &str) -> bool {
    PROJECT_ROLES.contains(&role)
}
