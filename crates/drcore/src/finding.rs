//! Findings: what is wrong, typed, one variant a kind.
//!
//! Each payload lives in the file of its check; this file is the list of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checks;
use crate::remedy::Remedy;
use crate::secret::redacted;

/// How bad a finding is. The rules do not change within a major version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(title = "Severity")]
pub enum Severity {
    /// Worth knowing; never fails a check.
    Info,
    /// Something is lost, wrong or weaker than it was.
    Warning,
    /// Data is exposed, broken or gone.
    Critical,
}

impl Severity {
    /// The snake-case name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// The fields that every finding has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[non_exhaustive]
pub struct Common {
    /// `check:kind:object[:qualifier]`, stable: never made of counts, samples or wording.
    pub id: String,
    /// The check that found it.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about, as a user would type it.
    pub object: String,
    /// What was expected and what was found, in one line.
    pub message: String,
    /// The consequence, or advice, as a full sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Read-only SQL that shows the rows or the setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// What puts it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<Remedy>,
}

impl Common {
    /// The common fields of a finding of `check` and `kind` about `object`.
    pub fn new(
        check: &str,
        kind: &str,
        object: impl Into<String>,
        severity: Severity,
        message: impl Into<String>,
    ) -> Self {
        let object = object.into();
        Self {
            id: format!("{check}:{kind}:{object}"),
            check: check.to_owned(),
            severity,
            object,
            message: redacted(message),
            hint: None,
            query: None,
            remedy: None,
        }
    }

    /// Tells findings of one kind about one object apart: `…:qualifier`.
    #[must_use]
    pub fn qualified(mut self, qualifier: &str) -> Self {
        self.id.push(':');
        self.id.push_str(qualifier);
        self
    }

    /// Adds the consequence, or advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(redacted(hint));
        self
    }

    /// Adds read-only SQL that shows it.
    #[must_use]
    pub fn query(mut self, query: impl Into<String>) -> Self {
        self.query = Some(redacted(query));
        self
    }

    /// Adds what puts it right.
    ///
    /// Statements that hold the hash of a secret would put the hash where the secret was: of these
    /// only the hint is left, to take the text from elsewhere.
    #[must_use]
    pub fn remedy(mut self, remedy: Remedy) -> Self {
        if remedy.is_redacted() {
            let elsewhere =
                "Its text holds a secret, of which drcore keeps only a hash: take it from your migrations.";
            self.hint =
                Some(self.hint.map_or_else(|| elsewhere.to_owned(), |hint| format!("{hint} {elsewhere}")));
            return self;
        }
        self.remedy = Some(remedy);
        self
    }
}

impl Common {
    /// The message, with the object before it where it does not name it itself.
    pub fn sentence(&self) -> String {
        let Self { object, message, .. } = self;
        if message.starts_with(object) || message.contains(&format!("\"{object}\"")) {
            message.clone()
        } else {
            format!("{object}: {message}")
        }
    }
}

/// A payload: the common fields and how much is affected.
pub trait Payload {
    /// The fields that every finding has.
    fn common(&self) -> &Common;
    /// How many rows (or other things) are affected, where the kind is counted:
    /// the number that `up_to` of an acceptance bounds.
    fn count(&self) -> Option<u64> {
        None
    }

    /// Who may do what, where the kind can grow in that: roles, privileges and
    /// tables, the words that `up_to` of an acceptance bounds.
    fn extent(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Payloads with their common fields. `Kind: of field, field` says by which fields acceptances bound it,
/// `Kind: up to field` which one counts; other kinds are not counted.
macro_rules! payloads {
    ($($(#[$doc:meta])* $type:ident $(: of $($extent:ident),+)? $(: up to $count:ident)? { $($(#[$field_doc:meta])* $field:ident: $of:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            #[schemars(inline)]
            #[non_exhaustive]
            pub struct $type {
                /// The fields that every finding has.
                #[serde(flatten)]
                pub common: $crate::finding::Common,
                $($(#[$field_doc])* pub $field: $of,)*
            }

            impl $crate::finding::Payload for $type {
                fn common(&self) -> &$crate::finding::Common {
                    &self.common
                }

                $(fn count(&self) -> Option<u64> {
                    Some(self.$count)
                })?

                $(fn extent(&self) -> Vec<String> {
                    let mut words = Vec::new();
                    $(words.extend(self.$extent.iter().map(ToString::to_string));)+
                    words
                })?
            }
        )*
    };
}

pub(crate) use payloads;

macro_rules! findings {
    ($($(#[$doc:meta])* $variant:ident($payload:path) = $tag:literal,)*) => {
        /// Something that is wrong with the database.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        #[schemars(title = "Finding")]
        #[non_exhaustive]
        pub enum Finding {
            $($(#[$doc])* #[schemars(title = stringify!($variant))] $variant($payload),)*
        }

        impl Finding {
            /// The tag of every kind, in order of declaration.
            pub const KINDS: &'static [&'static str] = &[$($tag),*];

            /// The tag, such as `orphaned_rows`.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $tag,)* }
            }

            fn payload(&self) -> &dyn Payload {
                match self { $(Self::$variant(payload) => payload,)* }
            }
        }

        $(impl From<$payload> for Finding {
            fn from(payload: $payload) -> Self {
                Self::$variant(payload)
            }
        })*
    };
}

findings! {
    /// How long before the restore target the newest row of all was written.
    AchievedRpo(checks::freshness::AchievedRpo) = "achieved_rpo",
    /// Files hold other bytes than their rows say.
    AlteredFiles(checks::storage_orphans::AlteredFiles) = "altered_files",
    /// One of the team's own statements returned other than what the plan expects.
    AssertionFailed(checks::assertions::AssertionFailed) = "assertion_failed",
    /// A view shows `auth.users` to the API.
    AuthUsersExposed(checks::rls_coverage::AuthUsersExposed) = "auth_users_exposed",
    /// More time lies between two backups than there should.
    BackupGap(checks::backups::BackupGap) = "backup_gap",
    /// The newest dump is much smaller than those before it.
    BackupShrunk(checks::backups::BackupShrunk) = "backup_shrunk",
    /// The newest backup is older than the objective.
    BackupTooOld(checks::backups::BackupTooOld) = "backup_too_old",
    /// Backups are older than they should be kept.
    BackupsKeptTooLong(checks::backups::BackupsKeptTooLong) = "backups_kept_too_long",
    /// Users were banned, and can sign in again.
    BansLost(checks::auth_integrity::BansLost) = "bans_lost",
    /// A policy opens all files of a bucket.
    BroadObjectPolicy(checks::bucket_privacy::BroadObjectPolicy) = "broad_object_policy",
    /// A bucket does not say whether it is public.
    BucketFlagNull(checks::bucket_privacy::BucketFlagNull) = "bucket_flag_null",
    /// A bucket takes other files than it should.
    BucketLimitsChanged(checks::bucket_privacy::BucketLimitsChanged) = "bucket_limits_changed",
    /// A bucket should be public and is private.
    BucketPrivate(checks::bucket_privacy::BucketPrivate) = "bucket_private",
    /// A bucket should be private and is public.
    BucketPublic(checks::bucket_privacy::BucketPublic) = "bucket_public",
    /// A collation is of another version than the library that sorts by it.
    CollationMismatch(checks::invalid_objects::CollationMismatch) = "collation_mismatch",
    /// A table has other than the planned number of rows.
    CountMismatch(checks::row_counts::CountMismatch) = "count_mismatch",
    /// A finding of an embedder's own check.
    Custom(Custom) = "custom",
    /// Part of a backup is missing, or looking into it showed damage.
    DamagedBackup(checks::backups::DamagedBackup) = "damaged_backup",
    /// What is created from now on is refused to roles that could use it.
    DefaultPrivilegesNarrowed(checks::privilege_drift::DefaultPrivilegesNarrowed) = "default_privileges_narrowed",
    /// What is created from now on is open to roles that could not use it.
    DefaultPrivilegesWidened(checks::privilege_drift::DefaultPrivilegesWidened) = "default_privileges_widened",
    /// The API can call a function that acts with its owner's rights.
    DefinerFunctionExposed(checks::rls_coverage::DefinerFunctionExposed) = "definer_function_exposed",
    /// Functions that act with their owners' rights can be called by who could not.
    DefinerFunctionsOpened(checks::privilege_drift::DefinerFunctionsOpened) = "definer_functions_opened",
    /// A view reads past the policies of the tables under it.
    DefinerView(checks::rls_coverage::DefinerView) = "definer_view",
    /// Users were deleted, and are there again.
    DeletionsUndone(checks::auth_integrity::DeletionsUndone) = "deletions_undone",
    /// A rule is switched off.
    DisabledRule(checks::invalid_objects::DisabledRule) = "disabled_rule",
    /// A trigger, or an event trigger, is switched off.
    DisabledTrigger(checks::invalid_objects::DisabledTrigger) = "disabled_trigger",
    /// Several rows have a key that only one may have.
    DuplicatedRows(checks::duplicate_keys::DuplicatedRows) = "duplicated_rows",
    /// Several users have one e-mail address.
    EmailsShared(checks::auth_integrity::EmailsShared) = "emails_shared",
    /// A table had rows and now has none.
    EmptiedTable(checks::row_counts::EmptiedTable) = "emptied_table",
    /// A table is there now and was not in the baseline.
    ExtraTable(checks::row_counts::ExtraTable) = "extra_table",
    /// A table has fewer rows than the baseline.
    FewerRows(checks::row_counts::FewerRows) = "fewer_rows",
    /// Files lie in the store of a bucket that is not there.
    FilesWithoutBucket(checks::storage_orphans::FilesWithoutBucket) = "files_without_bucket",
    /// Row level security does not hold for the table's owner any more.
    ForceRlsLost(checks::rls_coverage::ForceRlsLost) = "force_rls_lost",
    /// Functions lost the lines of their text that begin with `--`.
    FunctionLinesLost(checks::schema_drift::FunctionLinesLost) = "function_lines_lost",
    /// A row breaks MATCH FULL: some columns of its key are NULL, others are not.
    HalfNullKeys(checks::orphan_fks::HalfNullKeys) = "half_null_keys",
    /// The history of migrations says that something else was applied than in the baseline.
    HistoryChanged(checks::migration_drift::HistoryChanged) = "history_changed",
    /// A history of migrations is gone, or empty.
    HistoryLost(checks::migration_drift::HistoryLost) = "history_lost",
    /// Identities belong to users that are not there.
    IdentitiesWithoutUser(checks::auth_integrity::IdentitiesWithoutUser) = "identities_without_user",
    /// An index is not valid, not ready, or half dropped.
    InvalidIndex(checks::invalid_objects::InvalidIndex) = "invalid_index",
    /// Columns that break logins are NULL.
    LoginColumnsNull(checks::auth_integrity::LoginColumnsNull) = "login_columns_null",
    /// Other sessions, refresh tokens or second factors than in the baseline.
    LoginsDiffer(checks::auth_integrity::LoginsDiffer) = "logins_differ",
    /// A role lost rights of another one.
    MembershipNarrowed(checks::privilege_drift::MembershipNarrowed) = "membership_narrowed",
    /// A role gained rights of another one.
    MembershipWidened(checks::privilege_drift::MembershipWidened) = "membership_widened",
    /// Several files of migrations have one version.
    MigrationVersionsShared(checks::migration_drift::MigrationVersionsShared) = "migration_versions_shared",
    /// Migrations that the baseline does not have.
    MigrationsAdded(checks::migration_drift::MigrationsAdded) = "migrations_added",
    /// Files of migrations hold something else than was applied.
    MigrationsEdited(checks::migration_drift::MigrationsEdited) = "migrations_edited",
    /// Migrations did not come to their end.
    MigrationsFailed(checks::migration_drift::MigrationsFailed) = "migrations_failed",
    /// Migrations of the baseline are not in the history any more.
    MigrationsLost(checks::migration_drift::MigrationsLost) = "migrations_lost",
    /// Files older than what was applied last were never applied.
    MigrationsOutOfOrder(checks::migration_drift::MigrationsOutOfOrder) = "migrations_out_of_order",
    /// Files of migrations were not applied.
    MigrationsPending(checks::migration_drift::MigrationsPending) = "migrations_pending",
    /// Migrations were applied of which there is no file.
    MigrationsUnknown(checks::migration_drift::MigrationsUnknown) = "migrations_unknown",
    /// A bucket that the plan or the baseline names is nowhere.
    MissingBucket(checks::bucket_privacy::MissingBucket) = "missing_bucket",
    /// A timestamp column that the plan or the baseline names is nowhere.
    MissingColumn(checks::freshness::MissingColumn) = "missing_column",
    /// Objects have no bytes.
    MissingFiles(checks::storage_orphans::MissingFiles) = "missing_files",
    /// A foreign key of the baseline is not there any more.
    MissingForeignKey(checks::orphan_fks::MissingForeignKey) = "missing_foreign_key",
    /// A key of the plan names a table or column that is nowhere.
    MissingKeyColumns(checks::duplicate_keys::MissingKeyColumns) = "missing_key_columns",
    /// A column of the plan that names objects is nowhere.
    MissingReferenceColumn(checks::storage_orphans::MissingReferenceColumn) = "missing_reference_column",
    /// A relation of the plan names a table or column that is nowhere.
    MissingRelation(checks::orphan_fks::MissingRelation) = "missing_relation",
    /// A role is gone.
    MissingRole(checks::privilege_drift::MissingRole) = "missing_role",
    /// A schema that the API serves is gone.
    MissingSchema(checks::rls_coverage::MissingSchema) = "missing_schema",
    /// A sequence that was there is gone.
    MissingSequence(checks::sequence_lag::MissingSequence) = "missing_sequence",
    /// A table that the plan or the baseline names is nowhere.
    MissingTable(checks::row_counts::MissingTable) = "missing_table",
    /// A unique key of the baseline is gone or invalid.
    MissingUniqueKey(checks::duplicate_keys::MissingUniqueKey) = "missing_unique_key",
    /// A table has more rows than the baseline.
    MoreRows(checks::row_counts::MoreRows) = "more_rows",
    /// Rows were written after the baseline was taken.
    NewerThanBaseline(checks::freshness::NewerThanBaseline) = "newer_than_baseline",
    /// Rows are newer than the instant that was restored to.
    NewerThanTarget(checks::freshness::NewerThanTarget) = "newer_than_target",
    /// Nothing in the repository can be restored from.
    NoBackups(checks::backups::NoBackups) = "no_backups",
    /// A table that should have a newest row has none.
    NoRows(checks::freshness::NoRows) = "no_rows",
    /// There are no users, and there should be.
    NoUsers(checks::auth_integrity::NoUsers) = "no_users",
    /// An object that the baseline does not have.
    ObjectAdded(checks::schema_drift::ObjectAdded) = "object_added",
    /// An object is not what it was in the baseline.
    ObjectChanged(checks::schema_drift::ObjectChanged) = "object_changed",
    /// An object that the baseline has is gone.
    ObjectLost(checks::schema_drift::ObjectLost) = "object_lost",
    /// Several objects of one kind that the baseline does not have.
    ObjectsAdded(checks::schema_drift::ObjectsAdded) = "objects_added",
    /// Several objects of one kind that the baseline has are gone.
    ObjectsLost(checks::schema_drift::ObjectsLost) = "objects_lost",
    /// No column of the application names the objects.
    ObjectsWithoutReference(checks::storage_orphans::ObjectsWithoutReference) = "objects_without_reference",
    /// Rows refer to a parent that does not exist.
    OrphanedRows(checks::orphan_fks::OrphanedRows) = "orphaned_rows",
    /// Users see none of the rows that are theirs.
    OwnRowsHidden(checks::tenant_isolation::OwnRowsHidden) = "own_rows_hidden",
    /// Objects belong to another role.
    OwnerChanged(checks::privilege_drift::OwnerChanged) = "owner_changed",
    /// A role that logs in has no password any more.
    PasswordLost(checks::privilege_drift::PasswordLost) = "password_lost",
    /// Roles log in with passwords that could not be looked for.
    PasswordsUnknown(checks::privilege_drift::PasswordsUnknown) = "passwords_unknown",
    /// Point-in-time recovery is off, or does not reach back far enough.
    PitrUnavailable(checks::backups::PitrUnavailable) = "pitr_unavailable",
    /// The newest of the platform's backups failed.
    PlatformBackupFailed(checks::backups::PlatformBackupFailed) = "platform_backup_failed",
    /// Nothing of the platform's reaches into the objective.
    PlatformBackupTooOld(checks::backups::PlatformBackupTooOld) = "platform_backup_too_old",
    /// A table has policies, and they are not in force.
    PoliciesInactive(checks::rls_coverage::PoliciesInactive) = "policies_inactive",
    /// A policy that the baseline does not have.
    PolicyAdded(checks::policies::PolicyAdded) = "policy_added",
    /// A policy lets everybody at every row.
    PolicyAlwaysTrue(checks::rls_coverage::PolicyAlwaysTrue) = "policy_always_true",
    /// A policy calls a function that need not give the same answer twice.
    PolicyCallsVolatile(checks::rls_coverage::PolicyCallsVolatile) = "policy_calls_volatile",
    /// A policy is not what it was in the baseline.
    PolicyChanged(checks::policies::PolicyChanged) = "policy_changed",
    /// A policy decides without a look at the row, so that it holds for the rows of all tenants.
    PolicyIgnoresTenant(checks::rls_coverage::PolicyIgnoresTenant) = "policy_ignores_tenant",
    /// A policy that the baseline has is gone.
    PolicyLost(checks::policies::PolicyLost) = "policy_lost",
    /// A policy lets nobody in.
    PolicyNeverTrue(checks::rls_coverage::PolicyNeverTrue) = "policy_never_true",
    /// A policy believes what users can edit.
    PolicyTrustsUserMetadata(checks::rls_coverage::PolicyTrustsUserMetadata) = "policy_trusts_user_metadata",
    /// Roles may not do what they could do in the baseline.
    PrivilegesNarrowed(checks::privilege_drift::PrivilegesNarrowed) = "privileges_narrowed",
    /// Roles may do what they could not do in the baseline.
    PrivilegesWidened(checks::privilege_drift::PrivilegesWidened) = "privileges_widened",
    /// Rows of the application belong to users that are not there.
    ProfilesWithoutUser(checks::auth_integrity::ProfilesWithoutUser) = "profiles_without_user",
    /// Rows of the application name objects that are not there.
    ReferencesWithoutObject(checks::storage_orphans::ReferencesWithoutObject) = "references_without_object",
    /// Files have another size than their rows say.
    ResizedFiles(checks::storage_orphans::ResizedFiles) = "resized_files",
    /// Row level security does not hold for a role of the API.
    RlsBypassed(checks::rls_coverage::RlsBypassed) = "rls_bypassed",
    /// Row level security is off.
    RlsDisabled(checks::rls_coverage::RlsDisabled) = "rls_disabled",
    /// Row level security is on, and no policy lets the API in.
    RlsWithoutPolicies(checks::rls_coverage::RlsWithoutPolicies) = "rls_without_policies",
    /// A role is there, and was not.
    RoleAdded(checks::privilege_drift::RoleAdded) = "role_added",
    /// A role may be less than it was.
    RoleNarrowed(checks::privilege_drift::RoleNarrowed) = "role_narrowed",
    /// A role may be more than it was.
    RoleWidened(checks::privilege_drift::RoleWidened) = "role_widened",
    /// A table holds other rows than the baseline.
    RowsDiffer(checks::content_drift::RowsDiffer) = "rows_differ",
    /// Users see rows of other tenants.
    RowsOfOthersShown(checks::tenant_isolation::RowsOfOthersShown) = "rows_of_others_shown",
    /// Users may write rows of other tenants.
    RowsOfOthersWritable(checks::tenant_isolation::RowsOfOthersWritable) = "rows_of_others_writable",
    /// Whoever has no account sees rows of tenants.
    RowsShownToAnonymous(checks::tenant_isolation::RowsShownToAnonymous) = "rows_shown_to_anonymous",
    /// Whoever has no account may write rows of tenants.
    RowsWritableByAnonymous(checks::tenant_isolation::RowsWritableByAnonymous) = "rows_writable_by_anonymous",
    /// More of the last writes is lost than the plan allows.
    RpoMissed(checks::freshness::RpoMissed) = "rpo_missed",
    /// Users had a second factor, and sign in without one.
    SecondFactorsLost(checks::auth_integrity::SecondFactorsLost) = "second_factors_lost",
    /// A sequence hands out values that are already taken.
    SequenceBehind(checks::sequence_lag::SequenceBehind) = "sequence_behind",
    /// A sequence, or the type of its column, has few values left.
    SequenceNearExhaustion(checks::sequence_lag::SequenceNearExhaustion) = "sequence_near_exhaustion",
    /// A sequence will hand out again what it had handed out when the baseline was taken.
    SequenceWentBack(checks::sequence_lag::SequenceWentBack) = "sequence_went_back",
    /// A service of the platform has applied other migrations of its own than in the baseline.
    ServiceLevelDiffers(checks::migration_drift::ServiceLevelDiffers) = "service_level_differs",
    /// The newest rows that were there when the baseline was taken are gone.
    StaleData(checks::freshness::StaleData) = "stale_data",
    /// Row level security of a storage table is off.
    StorageRlsDisabled(checks::bucket_privacy::StorageRlsDisabled) = "storage_rls_disabled",
    /// Users belong to more tenants than they did.
    TenantMembershipsGained(checks::tenant_isolation::TenantMembershipsGained) = "tenant_memberships_gained",
    /// Users belong to fewer tenants than they did.
    TenantMembershipsLost(checks::tenant_isolation::TenantMembershipsLost) = "tenant_memberships_lost",
    /// What enforces a constraint is switched off.
    UnenforcedConstraint(checks::invalid_objects::UnenforcedConstraint) = "unenforced_constraint",
    /// A column drew its values from a sequence, and has no default now.
    UnfedColumn(checks::sequence_lag::UnfedColumn) = "unfed_column",
    /// A run was killed, and left something.
    UnfinishedBackup(checks::backups::UnfinishedBackup) = "unfinished_backup",
    /// Neither the plan nor the baseline knows the bucket.
    UnknownBucket(checks::bucket_privacy::UnknownBucket) = "unknown_bucket",
    /// A materialised view was never filled.
    UnpopulatedView(checks::invalid_objects::UnpopulatedView) = "unpopulated_view",
    /// The API reads a materialised view or foreign table, where policies cannot be.
    UnprotectableRelation(checks::rls_coverage::UnprotectableRelation) = "unprotectable_relation",
    /// A constraint that rows of before it may break.
    UnprovenConstraint(checks::invalid_objects::UnprovenConstraint) = "unproven_constraint",
    /// No row knows the files.
    UnreferencedFiles(checks::storage_orphans::UnreferencedFiles) = "unreferenced_files",
    /// The newest backup that somebody found whole is too old, or there is none.
    UnverifiedBackups(checks::backups::UnverifiedBackups) = "unverified_backups",
    /// There are fewer users than there should be.
    UsersMissing(checks::auth_integrity::UsersMissing) = "users_missing",
    /// Users have no identity to sign in with.
    UsersWithoutIdentity(checks::auth_integrity::UsersWithoutIdentity) = "users_without_identity",
    /// Users have no row where each should have one.
    UsersWithoutProfile(checks::auth_integrity::UsersWithoutProfile) = "users_without_profile",
}

impl Finding {
    /// The fields that every finding has.
    pub fn common(&self) -> &Common {
        self.payload().common()
    }

    /// `check:kind:object[:qualifier]`.
    pub fn id(&self) -> &str {
        &self.common().id
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.common().severity
    }

    /// How many rows (or other things) are affected, where the kind is counted.
    pub fn count(&self) -> Option<u64> {
        self.payload().count()
    }

    /// Who may do what, where the kind can grow in that: roles, privileges and tables.
    pub fn extent(&self) -> Vec<String> {
        self.payload().extent()
    }
}

/// A finding of an embedder's own check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[non_exhaustive]
pub struct Custom {
    /// The fields that every finding has.
    #[serde(flatten)]
    pub common: Common,
    /// How much is affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Whatever else the check wants to say.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub data: serde_json::Map<String, serde_json::Value>,
}

impl Payload for Custom {
    fn common(&self) -> &Common {
        &self.common
    }

    fn count(&self) -> Option<u64> {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remedy_does_not_put_a_hash_where_a_secret_was() {
        let finding = |text: &str| {
            let sql = format!("create policy p on t using (key = '{}')", redacted(text));
            Common::new("c", "k", "o", Severity::Critical, "m")
                .hint("Lost.")
                .remedy(Remedy::sql(crate::remedy::RemedyClass::Safe, [sql]))
        };
        assert!(finding("members").remedy.is_some());
        let withheld = finding("sb_secret_abcdef123456");
        assert_eq!(withheld.remedy, None);
        assert!(withheld.hint.unwrap().starts_with("Lost. Its text holds a secret"));
    }

    #[test]
    fn tags_are_sorted_and_match_the_wire() {
        assert!(Finding::KINDS.is_sorted(), "keep the kinds in alphabetical order");
        let custom = Finding::Custom(Custom {
            common: Common::new("mine", "custom", "x", Severity::Info, "m"),
            count: None,
            data: serde_json::Map::new(),
        });
        assert_eq!(serde_json::to_value(&custom).unwrap()["kind"], custom.kind());
    }
}
