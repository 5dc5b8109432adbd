//! Rows that come as they are: neither triggers nor foreign keys look at them.

use crate::connect::Session;
use crate::error::Result;

/// A transaction in which rows are taken as they come: neither triggers nor foreign keys look at them.
pub(crate) fn begin(replica: bool) -> String {
    let role = if replica { ";\nset local session_replication_role = replica" } else { "" };
    format!(
        "begin isolation level read committed read write;\nset local search_path = '';\n\
         set local row_security = off;\nset local client_encoding = 'UTF8';\n\
         set local datestyle = 'ISO, YMD';\nset local intervalstyle = 'postgres';\n\
         set local statement_timeout = 0;\nset local storage.allow_delete_query = 'true'{role}"
    )
}

/// Whether the role may be a replica: tried, since what the server says about it is not so on Supabase.
pub(crate) async fn may_be_replica(session: &Session) -> Result<bool> {
    match session.simple("begin; set local session_replication_role = replica; rollback").await {
        Ok(_) => Ok(true),
        Err(error) if error.ends_session() => Err(error),
        Err(_) => {
            session.simple("rollback").await?;
            Ok(false)
        }
    }
}
