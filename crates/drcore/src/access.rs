//! Who can reach what through the API, computed from the catalog's privileges.
//!
//! Never asked of the server by `has_table_privilege()` and the like, which do
//! not see the snapshot: roles, memberships and access control lists are facts
//! of the Evidence, so now and a baseline are computed in the same way.

mod privileges;

use std::collections::{BTreeMap, BTreeSet};

use crate::check::Unread;
use crate::evidence::Catalog;
use crate::evidence::acl::Acl;
use crate::evidence::catalog::{Column, Function, OwnedKind, Policy, Relation, Role, Schema};
use crate::sql::QualifiedName;
pub(crate) use privileges::Privileges;

/// The role that PostgREST logs in with, before it becomes the one that the token names.
pub(crate) const LOGIN_ROLE: &str = "authenticator";
/// The roles that a Supabase project's tokens name.
const KNOWN_ROLES: &[&str] = &["anon", "authenticated"];

/// Roles, memberships and schemas of one state.
#[derive(Debug)]
pub(crate) struct Access<'e> {
    pub(crate) catalog: &'e Catalog,
    pub(crate) relations: &'e [Relation],
    columns: &'e [Column],
    roles: BTreeMap<&'e str, &'e Role>,
    schemas: BTreeMap<&'e str, &'e Schema>,
    /// Every role, with all whose rights it has: its own among them.
    rights: BTreeMap<&'e str, BTreeSet<&'e str>>,
    /// The API's roles that obey row level security.
    api: BTreeSet<&'e str>,
}

impl<'e> Access<'e> {
    /// What the catalog says.
    ///
    /// # Errors
    /// What could not be read.
    pub(crate) fn new(catalog: &'e Catalog) -> Result<Self, Unread> {
        let relations =
            catalog.relations.get().map_err(|cause| Unread::new("the list of relations", cause))?;
        let roles = catalog.roles.get().map_err(|cause| Unread::new("the list of roles", cause))?;
        let schemas = catalog.schemas.get().map_err(|cause| Unread::new("the list of schemas", cause))?;
        let columns = catalog.columns.get().map_err(|cause| Unread::new("the list of columns", cause))?;
        let mut access = Self {
            catalog,
            relations,
            columns,
            roles: roles.iter().map(|role| (role.name.as_str(), role)).collect(),
            schemas: schemas.iter().map(|schema| (schema.name.as_str(), schema)).collect(),
            rights: BTreeMap::new(),
            api: BTreeSet::new(),
        };
        access.rights =
            access.roles.keys().map(|role| (*role, access.closure(role, |role| &role.inherits))).collect();
        access.count_database_owner();
        access.api = access.candidates().into_iter().filter(|role| !access.bypasses(role)).collect();
        Ok(access)
    }

    /// The API's roles that obey row level security.
    pub(crate) fn api_roles(&self) -> impl Iterator<Item = &'e str> + '_ {
        self.api.iter().copied()
    }

    /// Whether it is one of the API's roles that obey row level security.
    pub(crate) fn is_api_role(&self, role: &str) -> bool {
        self.api.contains(role)
    }

    /// The role of this name.
    pub(crate) fn role(&self, name: &str) -> Option<&'e Role> {
        self.roles.get(name).copied()
    }

    /// All roles.
    pub(crate) fn roles(&self) -> impl Iterator<Item = &'e Role> + '_ {
        self.roles.values().copied()
    }

    /// Whether it is a role that may do everything.
    pub(crate) fn is_superuser(&self, role: &str) -> bool {
        self.roles.get(role).is_some_and(|role| role.superuser)
    }

    /// Whether there is such a role.
    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.contains_key(role)
    }

    /// Whether row level security does not hold for the role. One that is not there counts as such.
    pub(crate) fn bypasses(&self, role: &str) -> bool {
        self.roles.get(role).is_none_or(|role| role.superuser || role.bypass_rls)
    }

    /// Whether this role has the rights of that one.
    pub(crate) fn has_rights_of(&self, role: &str, other: &str) -> bool {
        self.rights.get(role).is_some_and(|rights| rights.contains(other))
    }

    /// The role itself, all whose rights it has, and all that it can become.
    pub(crate) fn ties(&self, role: &str) -> BTreeSet<&'e str> {
        let mut ties = self.closure(role, |role| &role.can_become);
        ties.extend(self.rights.get(role).into_iter().flatten());
        ties
    }

    /// The relation of this name.
    pub(crate) fn relation(&self, name: &QualifiedName) -> Option<&'e Relation> {
        self.relations.binary_search_by(|relation| relation.name.cmp(name)).ok().map(|at| &self.relations[at])
    }

    /// The privileges on this column alone, where it is listed.
    pub(crate) fn column_acl(&self, relation: &QualifiedName, column: &str) -> Option<&'e Acl> {
        self.columns_of(relation).iter().find(|own| own.name == column).map(|own| &own.acl)
    }

    /// The schema of this name.
    pub(crate) fn schema(&self, name: &str) -> Option<&'e Schema> {
        self.schemas.get(name).copied()
    }

    /// Columns that have privileges of their own.
    pub(crate) fn granted_columns(&self) -> impl Iterator<Item = &'e Column> {
        self.columns.iter().filter(|column| !column.acl.0.is_empty())
    }

    /// Whether the role may look into the schema at all.
    pub(crate) fn enters(&self, role: &str, schema: &str) -> bool {
        self.schema(schema).is_some_and(|schema| self.on(role, &schema.acl, &schema.owner, "UC").has('U'))
    }

    /// What the role may do with the rows of the relation, or with some of their columns: of
    /// select, insert, update and delete.
    pub(crate) fn reach(&self, role: &str, relation: &Relation) -> Privileges {
        if !self.enters(role, &relation.name.schema) {
            return Privileges::default();
        }
        let mut reach = self.on(role, &relation.acl, &relation.owner, "rawd");
        for column in self.columns_of(&relation.name) {
            reach = reach.and(self.on(role, &column.acl, "", ""));
        }
        reach.only(Privileges::of("rawd"))
    }

    /// Whether a view that reads as this role may read the relation, or some of its columns. Its schema is
    /// not asked: that was done when the view was made. A role that is not there counts as one that may.
    pub(crate) fn may_read(&self, role: &str, relation: &Relation) -> bool {
        let by_columns =
            || self.columns_of(&relation.name).iter().map(|column| self.on(role, &column.acl, "", ""));
        self.roles.get(role).is_none_or(|role| role.superuser)
            || self.on(role, &relation.acl, &relation.owner, "rawd").has('r')
            || by_columns().any(|privileges| privileges.has('r'))
    }

    /// Every API role that reaches the relation, with what it may do.
    pub(crate) fn reached_by(&self, relation: &Relation) -> Vec<(&'e str, Privileges)> {
        let reach = |role| (role, self.reach(role, relation));
        self.api_roles().map(reach).filter(|(_, privileges)| !privileges.is_empty()).collect()
    }

    /// The API roles that can call the function.
    pub(crate) fn callers(&self, function: &Function) -> Vec<&'e str> {
        self.api_roles()
            .filter(|role| {
                self.enters(role, &function.schema)
                    && self.on(role, &function.acl, &function.owner, "X").has('X')
            })
            .collect()
    }

    /// What the role may do by this list. `all` is what an owner can do.
    pub(crate) fn on(&self, role: &str, acl: &Acl, owner: &str, all: &str) -> Privileges {
        let mut privileges = Privileges::default();
        for item in &acl.0 {
            if self.counts_for(role, &item.grantee) {
                privileges = privileges.and(Privileges::with_options(&item.privileges));
            }
        }
        if self.has_rights_of(role, owner) {
            privileges = privileges.and(Privileges::of(all).grantable());
        }
        // Predefined roles reach what nobody granted.
        for (predefined, letters) in [("pg_read_all_data", "rU"), ("pg_write_all_data", "awdU")] {
            if self.has_rights_of(role, predefined) {
                privileges = privileges.and(Privileges::of(letters).only(Privileges::of(all)));
            }
        }
        privileges
    }

    /// Whether what is granted to `grantee` is granted to the role.
    pub(crate) fn counts_for(&self, role: &str, grantee: &str) -> bool {
        grantee == "public" || self.has_rights_of(role, grantee)
    }

    /// Whether the policy is for the role: by name, through a group of it, or for everybody.
    pub(crate) fn is_for(&self, policy: &Policy, role: &str) -> bool {
        policy.roles.iter().any(|of| self.counts_for(role, of))
    }

    fn columns_of(&self, relation: &QualifiedName) -> &'e [Column] {
        let from = self.columns.partition_point(|column| column.relation < *relation);
        let count = self.columns[from..].partition_point(|column| column.relation == *relation);
        &self.columns[from..from + count]
    }

    /// The owner of the database has the rights of `pg_database_owner`, without being listed as its member.
    fn count_database_owner(&mut self) {
        let objects = self.catalog.owned_objects.read().map_or(&[][..], Vec::as_slice);
        let Some(database) = objects.iter().find(|object| object.kind == OwnedKind::Database) else { return };
        if let Some((role, _)) = self.roles.get_key_value("pg_database_owner") {
            for rights in self.rights.values_mut().filter(|rights| rights.contains(database.owner.as_str())) {
                rights.insert(role);
            }
        }
    }

    /// The roles that the API can become, whatever they may do.
    fn candidates(&self) -> BTreeSet<&'e str> {
        let mut candidates = self.closure(LOGIN_ROLE, |role| &role.can_become);
        candidates.remove(LOGIN_ROLE);
        candidates.extend(
            KNOWN_ROLES.iter().filter_map(|role| self.roles.get_key_value(role)).map(|(name, _)| *name),
        );
        candidates
    }

    /// The role itself and all that can be got to from it.
    fn closure(&self, role: &str, next: impl Fn(&'e Role) -> &'e Vec<String>) -> BTreeSet<&'e str> {
        let mut found = BTreeSet::new();
        let mut left: Vec<&Role> = self.roles.get(role).copied().into_iter().collect();
        while let Some(role) = left.pop() {
            if found.insert(role.name.as_str()) {
                left.extend(next(role).iter().filter_map(|name| self.roles.get(name.as_str())));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn catalog(roles: &Value, table: &Value, columns: &Value) -> Catalog {
        let mut relation = json!({
            "name": "public.t", "kind": "table", "persistence": "permanent", "owner": "postgres",
            "rls_enabled": false, "rls_forced": false, "parents": [], "is_partition": false, "options": [],
            "acl": [], "extension": null, "estimated_rows": 0,
        });
        relation.as_object_mut().unwrap().extend(table.as_object().unwrap().clone());
        let schema = json!({ "name": "public", "owner": "postgres", "acl": ["public=U"] });
        let closed = json!({ "name": "closed", "owner": "postgres", "acl": [] });
        let mut catalog: Catalog = serde_json::from_value(json!({
            "relations": { "read": [relation] },
            "roles": { "read": roles },
            "schemas": { "read": [schema, closed] },
            "columns": { "read": columns },
        }))
        .unwrap();
        catalog.sort();
        catalog
    }

    fn role(name: &str, inherits: &[&str], can_become: &[&str]) -> Value {
        json!({
            "name": name, "superuser": false, "login": false, "bypass_rls": name == "service_role",
            "inherits": inherits, "can_become": can_become,
        })
    }

    fn reach(roles: &Value, table: &Value, who: &str) -> Vec<String> {
        let catalog = catalog(roles, table, &json!([]));
        let access = Access::new(&catalog).unwrap();
        access.reach(who, &access.relations[0]).words()
    }

    #[test]
    fn the_api_is_what_the_login_role_can_become() {
        let roles = json!([
            role("anon", &[], &[]),
            role("authenticator", &[], &["anon", "member", "service_role"]),
            role("member", &[], &["editor"]),
            role("editor", &[], &[]),
            role("service_role", &[], &[]),
            role("somebody", &[], &[]),
        ]);
        let catalog = catalog(&roles, &json!({}), &json!([]));
        let access = Access::new(&catalog).unwrap();
        assert_eq!(access.api_roles().collect::<Vec<_>>(), ["anon", "editor", "member"]);
    }

    #[test]
    fn without_a_login_role_the_known_ones_are_the_api() {
        let catalog = catalog(&json!([role("authenticated", &[], &[])]), &json!({}), &json!([]));
        assert_eq!(Access::new(&catalog).unwrap().api_roles().collect::<Vec<_>>(), ["authenticated"]);
    }

    #[test]
    fn privileges_come_from_oneself_everybody_groups_and_ownership() {
        let anon = |inherits: &[&str], can_become: &[&str]| {
            json!([
                role("anon", inherits, can_become),
                role("staff", &["admins"], &[]),
                role("admins", &[], &[]),
                role("pg_read_all_data", &[], &[]),
            ])
        };
        let acl = |items: &[&str]| json!({ "acl": items });
        assert_eq!(reach(&anon(&[], &[]), &acl(&["anon=r*a"]), "anon"), ["select", "insert"]);
        assert_eq!(reach(&anon(&[], &[]), &acl(&["public=w"]), "anon"), ["update"]);
        assert_eq!(reach(&anon(&["staff"], &[]), &acl(&["admins=d"]), "anon"), ["delete"]);
        assert!(
            reach(&anon(&[], &["staff"]), &acl(&["admins=d"]), "anon").is_empty(),
            "not without SET ROLE"
        );
        assert!(reach(&anon(&[], &[]), &acl(&["anon=Dxt"]), "anon").is_empty(), "no row is seen or changed");
        assert_eq!(reach(&anon(&[], &[]), &json!({ "owner": "anon" }), "anon").len(), 4);
        assert_eq!(reach(&anon(&["pg_read_all_data"], &[]), &acl(&[]), "anon"), ["select"]);
        let closed = json!({ "name": "closed.t", "acl": ["anon=r"] });
        assert!(reach(&anon(&[], &[]), &closed, "anon").is_empty(), "the schema is shut");
        assert_eq!(reach(&anon(&["pg_read_all_data"], &[]), &closed, "anon"), ["select"]);
    }

    #[test]
    fn one_column_is_reach() {
        let column = json!({
            "relation": "public.t", "position": 2, "name": "secret", "type": "text", "not_null": false,
            "default": null, "generated": false, "identity": false, "acl": ["anon=r"],
        });
        let catalog = catalog(&json!([role("anon", &[], &[])]), &json!({}), &json!([column]));
        let access = Access::new(&catalog).unwrap();
        assert_eq!(access.reach("anon", &access.relations[0]).words(), ["select"]);
    }
}
