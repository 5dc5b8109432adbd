//! Trying to write as users of the API where they should not: each attempt is undone at once, and nothing is committed.

use serde_json::json;

use super::acting::{Acting, Shared};
use super::answer::not_understood;
use super::asking::unless_stopped;
use super::attempt::Collection;
use crate::checks::tenant_isolation;
use crate::connect::{Rows, Session, Target};
use crate::error::Result;
use crate::evidence::{AttemptedWrites, Cause, Evidence, Fact, Writes};
use crate::sql::{QualifiedName, literal};

/// How many rows of each table are tried, at most, in each way.
const ROWS: usize = 20;

/// Tries all ways on one table, and undoes each within itself.
const TRY: &str = include_str!("writes.sql");

const BACK: &str = "rollback to savepoint drcore";

impl Collection<'_> {
    /// Tries to write, where the plan wants that and the call names this database for it.
    ///
    /// After everything else, in transactions of its own: what is read is read without.
    pub(super) async fn writes(&self, evidence: &mut Evidence) {
        let Self { plan, options, stop, .. } = *self;
        let Some(name) = &options.attempt_writes else { return };
        let is_wanted = options.only.is_empty() || options.only.iter().any(|id| id == tenant_isolation::ID);
        let asks = plan.tenant_isolation.as_ref().is_some_and(|section| section.attempt_writes);
        if !asks || !is_wanted || plan.skipped(tenant_isolation::ID).is_some() {
            return;
        }
        if let Some(shard) = options.shard.filter(|shard| !shard.is_first()) {
            evidence.writes = Fact::Unread(shard.left());
            return;
        }
        let written = stop.or(self.attempt_writes(name, evidence)).await;
        evidence.writes = match written {
            Ok(written) => Fact::Read(written),
            Err(error) => {
                tracing::warn!(%error, "writes could not be attempted");
                Fact::Unread(stop.cause().unwrap_or_else(|| Cause::from(&error)))
            }
        };
    }

    async fn attempt_writes(&self, name: &str, evidence: &Evidence) -> Result<AttemptedWrites> {
        let Self { source, plan, baseline, .. } = *self;
        let protect = plan.restore.as_ref().map_or(&[][..], |rules| &rules.protect);
        let session = Target::attempting(source, name, protect, &plan.limits).await?;
        let catalog = &evidence.catalog;
        let mut written = AttemptedWrites::default();
        for (actor, tables) in tenant_isolation::writers(plan, evidence, baseline.known()) {
            let column = plan.tenancy.as_ref().map_or("", |tenancy| tenancy.column.as_str());
            let shared = tables.iter().filter_map(|table| {
                let found = catalog.column(&table.name, column).ok().flatten()?;
                Some(Shared::new(&table.name, found, 0))
            });
            let shared: Vec<Shared> = shared.collect();
            let wrote = written.users.entry(actor.name.clone()).or_default();
            wrote.sha256.clone_from(&actor.sha256);
            for acting in Acting::parts(&actor, &shared, catalog) {
                let attempts = Attempts { session: &session, acting: &acting, column };
                for (table, fact) in attempts.all(self).await? {
                    wrote.tables.insert(table, fact);
                }
            }
        }
        session.end().await;
        Ok(written)
    }
}

/// What one user tries.
struct Attempts<'a> {
    session: &'a Session,
    acting: &'a Acting,
    column: &'a str,
}

impl Attempts<'_> {
    /// On all these tables, in one transaction that is rolled back.
    ///
    /// # Errors
    /// Why nothing more can be tried.
    async fn all(&self, collection: &Collection<'_>) -> Result<Vec<(QualifiedName, Fact<Writes>)>> {
        let limits = &collection.plan.limits;
        // `where current of` wants every partition that it may be on in the plan of the cursor.
        let begin = format!(
            "begin isolation level read committed read write;\n\
             set local search_path = '';\n\
             set local row_security = off;\n\
             set local timezone = 'UTC';\n\
             set local datestyle = 'ISO, YMD';\n\
             set local intervalstyle = 'postgres';\n\
             set local extra_float_digits = 3;\n\
             set local standard_conforming_strings = on;\n\
             set local enable_partition_pruning = off;\n\
             set local constraint_exclusion = off;\n\
             set local idle_in_transaction_session_timeout = 0;\n\
             set local lock_timeout = {};\n\
             set local statement_timeout = {};\n\
             savepoint drcore",
            limits.lock_timeout().as_millis(),
            limits.statement_timeout().as_millis()
        );
        self.ask(collection, &begin).await?;
        let mut facts = Vec::new();
        for table in &self.acting.tables {
            facts.push((table.name.clone(), self.on(collection, table).await?));
        }
        self.ask(collection, "rollback").await?;
        Ok(facts)
    }

    async fn on(&self, collection: &Collection<'_>, table: &Shared) -> Result<Fact<Writes>> {
        let tenants = &self.acting.actor.tenants;
        let asked = json!({
            "table": table.name.to_sql(),
            "column": self.column,
            "own": table.belongs(tenants),
            "mine": tenants.first(),
            "role": self.acting.actor.role,
            "becoming": self.acting.becoming().join("; "),
            "rows": ROWS,
        });
        let sql = format!(
            "select pg_catalog.set_config('drcore.asked', {}, true);\n{TRY};\n\
             select pg_catalog.current_setting('drcore.told');\n{BACK}",
            literal(&asked.to_string())
        );
        match self.ask(collection, &sql).await {
            Ok(answers) => {
                let told = answers.into_iter().nth(2).and_then(|mut rows| rows.pop()?.pop()?);
                let writes = told.and_then(|text| serde_json::from_str(&text).ok());
                Ok(writes.ok_or_else(not_understood).into())
            }
            Err(error) if error.ends_session() => Err(error),
            Err(error) => {
                self.ask(collection, BACK).await?;
                Ok(Fact::Unread(Cause::of_error(&error)))
            }
        }
    }

    async fn ask(&self, collection: &Collection<'_>, sql: &str) -> Result<Vec<Rows>> {
        unless_stopped(self.session, collection.stop, self.session.simple(sql)).await
    }
}
