//! Why something could not be read, and what would make it readable.

use super::advice::of_statement;
use super::job::Job;
use crate::connect::Session;
use crate::error::Error;
use crate::evidence::{Cause, CauseKind};
use crate::sql::{QualifiedName, ident, literal};

/// Why a job failed. Where the role lacks something, the session is asked what.
pub(super) async fn explain(job: &Job, error: &Error, session: &Session, in_recovery: bool) -> Cause {
    let mut cause = Cause::of_error(error);
    let standby = |mut cause: Cause, hint: &str| {
        cause.kind = CauseKind::Standby;
        cause.hint(hint)
    };
    if let (CauseKind::Permission, Job::Acting(acting)) = (cause.kind, job) {
        let role = ident(&acting.actor.role);
        let token = if acting.reads_users() { " and auth.users" } else { "" };
        return cause.hint(format!(
            "The role that verifies must be able to become {role} (grant {role} to it), and to read the table{token}; \
             else a policy reads what {role} may not."
        ));
    }
    match (cause.kind, cause.sqlstate.as_deref()) {
        (_, Some("0A000")) if in_recovery => {
            standby(cause, "Unlogged tables are empty on a standby: run it on the primary.")
        }
        (_, Some("40001")) if in_recovery => standby(cause, CONFLICT),
        (_, Some("53100")) => {
            cause.hint("Free disk space on the server: sorting and joining need some for a while.")
        }
        (_, Some("53400")) => cause.hint("Raise temp_file_limit for the role that verifies."),
        (CauseKind::Permission | CauseKind::RowSecurity, _)
            if cause.hint.is_none() && !error.ends_session() =>
        {
            let lacking = match session.scan(&question(job, &cause.message), None).await {
                Ok(rows) => Lacking::of(rows),
                Err(_) => Lacking::default(),
            };
            // The server says what it comes upon first, in its own language.
            cause.kind = lacking.kind().unwrap_or(cause.kind);
            cause.hint(lacking.hint())
        }
        (CauseKind::StatementTimeout, _) => cause.hint("Raise limits.statement_timeout in the plan."),
        (CauseKind::LockTimeout, _) => {
            cause.hint("Somebody holds an exclusive lock; try again, or raise limits.lock_timeout.")
        }
        _ if job.theirs().is_some() && cause.hint.is_none() => {
            match cause.sqlstate.as_deref().and_then(of_statement) {
                Some(advice) => cause.hint(advice),
                None => cause,
            }
        }
        _ => cause,
    }
}

/// What to do where a standby cancels what keeps it from replaying.
const CONFLICT: &str = "The standby cancels what keeps it from replaying: run it on the primary, or set \
                                   hot_standby_feedback = on or a longer max_standby_streaming_delay there.";

/// Why no session was left, with what to do about it.
pub(super) fn explain_loss(error: Error, in_recovery: bool) -> Error {
    let conflict = in_recovery && error.sqlstate() == Some("40001");
    if conflict { error.hint(CONFLICT) } else { error }
}

/// Asks what the role lacks to read what the job reads.
///
/// Computed by the server itself, and as of now: this is advice, and no fact of the Evidence.
fn question(job: &Job, message: &str) -> String {
    let names = |names: &[QualifiedName]| {
        let pairs: Vec<String> = names
            .iter()
            .map(|name| format!("({}, {})", literal(&name.schema), literal(&name.name)))
            .collect();
        format!("(n.nspname, c.relname) in ({})", pairs.join(", "))
    };
    let which = match job.theirs() {
        // Whatever the language of the server's messages, they name what is refused.
        Some(statement) => {
            let statement = format!("pg_catalog.lower({})", literal(statement));
            let message = literal(message);
            format!(
                "c.relkind in ('r', 'p', 'v', 'm', 'f', 'S') \
                 and n.nspname <> 'information_schema' and n.nspname not like 'pg\\_%' \
                 and pg_catalog.strpos({statement}, pg_catalog.lower(c.relname)) > 0 \
                 and (pg_catalog.strpos({message}, c.relname) > 0 \
                   or (pg_catalog.strpos({message}, n.nspname) > 0 \
                     and not pg_catalog.has_schema_privilege(n.oid, 'usage')))"
            )
        }
        None => match job.needs() {
            needs if needs.is_empty() => "false".to_owned(),
            needs => names(&needs),
        },
    };
    format!(
        "select n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind = 'S', \
           not pg_catalog.has_schema_privilege(n.oid, 'usage'), \
           not pg_catalog.has_table_privilege(c.oid, 'select'), \
           pg_catalog.row_security_active(c.oid), \
           r.rolname::pg_catalog.text, \
           exists (\
             select from pg_catalog.pg_roles a \
             where a.rolname in ('anon', 'authenticated', 'authenticator') and not a.rolsuper \
               and pg_catalog.pg_has_role(a.oid, r.oid, 'member')\
           ) \
         from pg_catalog.pg_class c \
         join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         join pg_catalog.pg_roles r on r.rolname = current_user \
         where {which} \
         order by 1, 2"
    )
}

/// What the role lacks.
#[derive(Debug, Default)]
struct Lacking {
    role: String,
    /// Whether the API can become the role, or has its rights.
    is_api: bool,
    /// Statements that grant it.
    grants: Vec<String>,
    /// Whether policies hide rows from the role.
    hidden: bool,
}

impl Lacking {
    fn of(rows: Vec<Vec<Option<String>>>) -> Self {
        let mut lacking = Self::default();
        for row in rows {
            let cells: Option<Vec<String>> = row.into_iter().collect();
            let Some([schema, name, sequence, closed, refused, hidden, role, api]) =
                cells.and_then(|cells| <[String; 8]>::try_from(cells).ok())
            else {
                continue;
            };
            let to = ident(&role);
            if closed == "t" {
                let usage = format!("grant usage on schema {} to {to}", ident(&schema));
                if !lacking.grants.contains(&usage) {
                    lacking.grants.push(usage);
                }
            }
            if refused == "t" {
                let kind = if sequence == "t" { "sequence " } else { "" };
                let object = QualifiedName::new(schema, name);
                lacking.grants.push(format!("grant select on {kind}{object} to {to}"));
            }
            lacking.hidden |= hidden == "t";
            lacking.is_api |= api == "t";
            lacking.role = role;
        }
        lacking
    }

    fn kind(&self) -> Option<CauseKind> {
        match (self.grants.is_empty(), self.hidden) {
            (false, _) => Some(CauseKind::Permission),
            (true, true) => Some(CauseKind::RowSecurity),
            (true, false) => None,
        }
    }

    fn hint(&self) -> String {
        let role = ident(&self.role);
        if self.is_api {
            // Whoever has the key of the API would have the grant too.
            return format!("Verify with a role of its own: what is granted to {role} is open to the API.");
        }
        let mut statements = self.grants.clone();
        if self.hidden {
            statements.push(format!("alter role {role} bypassrls"));
        }
        match statements.as_slice() {
            [] => "Grant what it reads to the role that verifies, with usage on the schema.".to_owned(),
            _ => format!("Run: {}.", statements.join("; ")),
        }
    }
}
