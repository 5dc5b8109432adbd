//! What the catalog says: one file a fact, a plain struct and its statement.

mod access_methods;
mod aggregates;
mod buckets;
mod casts;
mod collations;
mod columns;
mod comments;
mod constraints;
mod conversions;
mod databases;
mod default_privileges;
mod event_triggers;
mod extensions;
mod foreign_data_wrappers;
mod foreign_keys;
mod foreign_servers;
mod functions;
mod indexes;
mod keys;
mod languages;
mod large_objects;
mod operator_classes;
mod operator_families;
mod operators;
mod owned_objects;
mod parameters;
mod passwords;
mod policies;
mod publications;
mod relations;
mod replication_slots;
mod roles;
mod rules;
mod schemas;
mod security_labels;
mod sequences;
mod settings;
mod statistics_objects;
mod subscriptions;
mod text_search_objects;
mod transforms;
mod triggers;
mod types;
mod unique_indexes;
mod user_mappings;
mod view_sources;
mod views;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use access_methods::AccessMethod;
pub use aggregates::Aggregate;
pub use buckets::Bucket;
pub use casts::Cast;
pub use collations::Collation;
pub use columns::Column;
pub use comments::Comment;
pub use constraints::Constraint;
pub use conversions::Conversion;
pub use databases::Database;
pub use default_privileges::{CreatedObjects, DefaultPrivilege};
pub use event_triggers::EventTrigger;
pub use extensions::Extension;
pub use foreign_data_wrappers::ForeignDataWrapper;
pub use foreign_keys::ForeignKey;
pub use foreign_servers::ForeignServer;
pub use functions::Function;
pub use indexes::Index;
pub use keys::Key;
pub use languages::Language;
pub use large_objects::LargeObjects;
pub use operator_classes::OperatorClass;
pub use operator_families::OperatorFamily;
pub use operators::Operator;
pub use owned_objects::{OwnedKind, OwnedObject};
pub use parameters::Parameter;
pub use passwords::Password;
pub use policies::{Policy, PolicyCommand};
pub use publications::{Publication, PublishedTable};
pub use relations::{Persistence, Relation, RelationKind};
pub use replication_slots::ReplicationSlot;
pub use roles::{Role, RoleAttributes};
pub use rules::Rule;
pub use schemas::Schema;
pub use security_labels::SecurityLabel;
pub use sequences::{FedColumn, Sequence};
pub use settings::Setting;
pub use statistics_objects::StatisticsObject;
pub use subscriptions::Subscription;
pub use text_search_objects::TextSearchObject;
pub use transforms::Transform;
pub use triggers::{Enabled, Trigger};
pub use types::{DomainConstraint, UserType};
pub use unique_indexes::{UniqueIndex, UniqueOrigin, UniquePart};
pub use user_mappings::UserMapping;
pub use view_sources::ViewSource;
pub use views::View;

use super::{Cause, Fact};
use crate::secret::redact_fact;
use crate::sql::QualifiedName;

/// A fact of the catalog: a plain struct, read by one statement.
///
/// The statement's columns have the names of the fields; it runs as it is when
/// pasted into psql, and sorts by the struct's order.
pub(crate) trait CatalogFact: DeserializeOwned + Ord {
    /// The statement.
    const SQL: &'static str;

    /// Replaces what looks like a secret.
    fn redact(fact: &mut serde_json::Value) {
        redact_fact(fact);
    }
}

macro_rules! catalog {
    ($($(#[$doc:meta])* $field:ident: $fact:ident,)*) => {
        /// What the catalog says.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        #[schemars(title = "Catalog")]
        #[non_exhaustive]
        pub struct Catalog {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Fact::is_not_asked")] pub $field: Fact<Vec<$fact>>,)*
        }

        /// The name of one fact of the catalog.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum CatalogFactName {
            $($(#[$doc])* $fact,)*
        }

        impl CatalogFactName {
            /// Every fact.
            pub const ALL: &'static [Self] = &[$(Self::$fact),*];

            /// The statement that reads it.
            pub fn sql(self) -> &'static str {
                match self { $(Self::$fact => <$fact as CatalogFact>::SQL,)* }
            }
        }

        impl Catalog {
            /// Whether it was asked for.
            pub(crate) fn has(&self, name: CatalogFactName) -> bool {
                match name { $(CatalogFactName::$fact => !self.$field.is_not_asked(),)* }
            }

            /// Keeps what one statement answered: rows of JSON, or why not.
            pub(crate) fn keep(&mut self, name: CatalogFactName, answer: Result<Vec<String>, Cause>) {
                match name { $(CatalogFactName::$fact => self.$field = understand(answer),)* }
            }

            /// Adds what others read.
            pub(super) fn join(&mut self, mut other: Self) {
                self.level(&mut other);
                $(self.$field = std::mem::take(&mut self.$field).join(other.$field);)*
            }

            pub(crate) fn sort(&mut self) {
                $(if let Fact::Read(facts) = &mut self.$field { facts.sort(); })*
            }
        }
    };
}

catalog! {
    /// Ways to store tables and indexes.
    access_methods: AccessMethod,
    /// Aggregates of the users' own.
    aggregates: Aggregate,
    /// `storage.buckets` of Supabase.
    buckets: Bucket,
    /// Casts of the users' own.
    casts: Cast,
    /// Collations of the users' own, and those of another version than the library that sorts.
    collations: Collation,
    /// Columns of tables and views.
    columns: Column,
    /// Comments on objects.
    comments: Comment,
    /// Constraints of tables, but for foreign keys and null rules.
    constraints: Constraint,
    /// Conversions between encodings of the users' own.
    conversions: Conversion,
    /// The database itself.
    databases: Database,
    /// Default privileges.
    default_privileges: DefaultPrivilege,
    /// Event triggers.
    event_triggers: EventTrigger,
    /// Extensions.
    extensions: Extension,
    /// Foreign data wrappers.
    foreign_data_wrappers: ForeignDataWrapper,
    /// Foreign key constraints, partitions' copies left out.
    foreign_keys: ForeignKey,
    /// Foreign servers.
    foreign_servers: ForeignServer,
    /// Functions and procedures.
    functions: Function,
    /// Indexes.
    indexes: Index,
    /// Primary keys, unique constraints and unique indexes.
    keys: Key,
    /// Languages that functions can be written in.
    languages: Language,
    /// Large objects.
    large_objects: LargeObjects,
    /// Operator classes of the users' own.
    operator_classes: OperatorClass,
    /// Operator families of the users' own.
    operator_families: OperatorFamily,
    /// Operators of the users' own.
    operators: Operator,
    /// Who owns types, languages, foreign servers, this database and the like, and what is granted on them.
    owned_objects: OwnedObject,
    /// Privileges on configuration parameters, of PostgreSQL 15 and later.
    parameters: Parameter,
    /// Which roles have a password: only a superuser may ask.
    passwords: Password,
    /// Row level security policies.
    policies: Policy,
    /// Publications.
    publications: Publication,
    /// Tables, views, materialised views and foreign tables.
    relations: Relation,
    /// Replication slots.
    replication_slots: ReplicationSlot,
    /// Roles, with what they are members of.
    roles: Role,
    /// Rewrite rules, but for those that make views.
    rules: Rule,
    /// Schemas.
    schemas: Schema,
    /// Labels of security modules.
    security_labels: SecurityLabel,
    /// Sequences, with the columns that they feed.
    sequences: Sequence,
    /// What `ALTER DATABASE … SET` and `ALTER ROLE … SET` left behind.
    settings: Setting,
    /// Statistics objects: what the planner is to know of several columns together.
    statistics_objects: StatisticsObject,
    /// Subscriptions of this database.
    subscriptions: Subscription,
    /// Configurations, dictionaries, parsers and templates of text search of the users' own.
    text_search_objects: TextSearchObject,
    /// How functions of a language see a type.
    transforms: Transform,
    /// Triggers of tables and views.
    triggers: Trigger,
    /// Types of the users' own.
    types: UserType,
    /// Unique indexes, with what each compares.
    unique_indexes: UniqueIndex,
    /// As whom roles log in to foreign servers.
    user_mappings: UserMapping,
    /// What views read from, directly.
    view_sources: ViewSource,
    /// What views and materialised views are made of.
    views: View,
}

fn understand<T: CatalogFact>(answer: Result<Vec<String>, Cause>) -> Fact<Vec<T>> {
    let rows = match answer {
        Ok(rows) => rows,
        Err(cause) => return Fact::Unread(cause),
    };
    let parsed: Result<Vec<T>, _> = rows
        .iter()
        .map(|row| {
            let mut fact = serde_json::from_str(row)?;
            T::redact(&mut fact);
            serde_json::from_value(fact)
        })
        .collect();
    match parsed {
        Ok(mut facts) => {
            facts.sort();
            Fact::Read(facts)
        }
        Err(error) => Fact::Unread(
            Cause::new(
                super::CauseKind::Unsupported,
                format!("the server described it in a way that this version does not understand: {error}"),
            )
            .hint("A newer version of drcore may understand it."),
        ),
    }
}

/// Schemas that belong to Supabase's services or to extensions, not to the application.
///
/// Source: the lists of schemas that `supabase db dump` leaves out
/// (supabase/cli `apps/cli-go/pkg/migration/dump.go`, 2026-06).
pub(crate) const SUPABASE_SCHEMAS: &[&str] = &[
    "_analytics",
    "_realtime",
    "_supavisor",
    "auth",
    "cron",
    "dbdev",
    "etl",
    "extensions",
    "graphql",
    "graphql_public",
    "net",
    "pgbouncer",
    "pgmq",
    "pgsodium",
    "pgsodium_masks",
    "pgtle",
    "realtime",
    "repack",
    "storage",
    "supabase_functions",
    "supabase_migrations",
    "tiger",
    "tiger_data",
    "topology",
    "vault",
];

/// The schema, the role and the tables by which two of Supabase's services are known, in every version of them.
///
/// Source: migrations of supabase/auth and supabase/storage as of 2026-06.
const SERVICES: &[(&str, &str, &[&str])] = &[
    (
        "auth",
        "supabase_auth_admin",
        &["audit_log_entries", "identities", "instances", "refresh_tokens", "sessions", "users"],
    ),
    ("storage", "supabase_storage_admin", &["buckets", "migrations", "objects", "s3_multipart_uploads"]),
];

/// Names of columns that say when a row was created, in lower case and without
/// underscores, the most telling first.
const CREATED_NAMES: &[&str] = &[
    "createdat",
    "insertedat",
    "createdon",
    "created",
    "inserted",
    "creationtime",
    "createtime",
    "createdtime",
    "createdtimestamp",
    "creationdate",
    "createdate",
    "createddate",
    "datecreated",
    "insertedon",
    "addedat",
];

impl Catalog {
    /// Guesses at rows change without a transaction, whenever somebody analyses a table: nobody disagrees for that.
    fn level(&mut self, other: &mut Self) {
        let (Fact::Read(one), Fact::Read(two)) = (&mut self.relations, &mut other.relations) else { return };
        if !one.iter().map(|relation| &relation.name).eq(two.iter().map(|relation| &relation.name)) {
            return;
        }
        for (one, two) in one.iter_mut().zip(two) {
            let most = one.estimated_rows.max(two.estimated_rows);
            (one.estimated_rows, two.estimated_rows) = (most, most);
        }
    }

    /// The relation of this name.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn relation(&self, name: &QualifiedName) -> Result<Option<&Relation>, Cause> {
        let relations = self.relations.get()?;
        Ok(relations.binary_search_by(|relation| relation.name.cmp(name)).ok().map(|at| &relations[at]))
    }

    /// What describes it: the root of the tree for a partition, else itself.
    pub fn root_of<'c>(&'c self, name: &'c QualifiedName) -> &'c QualifiedName {
        let mut name = name;
        while let Ok(Some(relation)) = self.relation(name)
            && relation.is_partition
            && let [parent, ..] = relation.parents.as_slice()
        {
            name = parent;
        }
        name
    }

    /// The columns of this relation (of its root, for a partition), in order of position.
    ///
    /// # Errors
    /// The cause, where columns could not be read.
    pub fn columns_of(&self, name: &QualifiedName) -> Result<&[Column], Cause> {
        let columns = self.columns.get()?;
        let name = self.root_of(name);
        let from = columns.partition_point(|column| &column.relation < name);
        let to = from + columns[from..].partition_point(|column| &column.relation == name);
        Ok(&columns[from..to])
    }

    /// The column of this relation and name.
    ///
    /// # Errors
    /// The cause, where columns could not be read.
    pub fn column(&self, relation: &QualifiedName, name: &str) -> Result<Option<&Column>, Cause> {
        Ok(self.columns_of(relation)?.iter().find(|column| column.name == name))
    }

    /// The column that says when a row of this relation was created, or none:
    /// an instant or a date whose name is one of those that people use for it.
    ///
    /// # Errors
    /// The cause, where columns could not be read.
    pub fn created_column(&self, relation: &QualifiedName) -> Result<Option<&Column>, Cause> {
        let columns = self.columns_of(relation)?;
        Ok(columns
            .iter()
            .filter(|column| column.is_time())
            .filter_map(|column| {
                let name: String =
                    column.name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect();
                let place = CREATED_NAMES.iter().position(|known| *known == name)?;
                // An instant says more than a date.
                Some(((column.plain_type() == "date", place, column.position), column))
            })
            .min_by_key(|(order, _)| *order)
            .map(|(_, column)| column))
    }

    /// The primary key of this relation (of its root, for a partition), or none.
    ///
    /// # Errors
    /// The cause, where keys could not be read.
    pub fn primary_key(&self, relation: &QualifiedName) -> Result<Option<&Key>, Cause> {
        let keys = self.keys.get()?;
        let relation = self.root_of(relation);
        let from = keys.partition_point(|key| &key.relation < relation);
        Ok(keys[from..].iter().take_while(|key| &key.relation == relation).find(|key| key.primary))
    }

    /// Whether this is a Supabase database: tables of its login and of its storage service are there, or what is
    /// left of either belongs to the service's own role. A damaged one that lost some of them is still one.
    ///
    /// A plain database may have schemas called `auth` or `realtime` of its own.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn is_supabase(&self) -> Result<bool, Cause> {
        let mut services = [false; 2];
        for relation in self.relations.get()? {
            for ((schema, owner, tables), there) in SERVICES.iter().zip(&mut services) {
                if relation.name.schema == *schema {
                    if relation.owner == *owner {
                        return Ok(true);
                    }
                    *there |= tables.contains(&relation.name.name.as_str());
                }
            }
        }
        Ok(services == [true; 2])
    }

    /// Whether the schema belongs to the platform and not to the application.
    ///
    /// # Errors
    /// The cause, where relations could not be read.
    pub fn is_managed(&self, schema: &str) -> Result<bool, Cause> {
        Ok(SUPABASE_SCHEMAS.contains(&schema) && self.is_supabase()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_schemas_are_sorted() {
        assert!(SUPABASE_SCHEMAS.is_sorted());
    }

    #[test]
    fn statements_are_one_statement_each() {
        for name in CatalogFactName::ALL {
            let sql = name.sql();
            assert!(
                !sql.contains(';'),
                "{name:?}: the statement is wrapped, so it must not end in a semicolon"
            );
            assert!(sql.contains("order by"), "{name:?}: facts are sorted in SQL");
        }
    }
}
