//! Proof that what only reads has written nothing.
//!
//! The server counts, for each database, the rows that were inserted, updated and deleted in it, in
//! catalogs, temporary and unlogged tables and large objects too, and whether or not it was committed:
//! what was written and rolled back is counted as well. A relation cannot come to be without a row of
//! `pg_class`. Sequences are not counted, since they change in place; so where they stand is compared.
//!
//! The position of the WAL says the same of a whole cluster only, and moves by itself: reading sets
//! hint bits, which checksums make records of, and prunes pages; checkpoints come when they come; and
//! the other tests write. `tests/verdicts/untouched.rs` has a cluster of its own in which nothing of
//! that is so, and there it does not move by a byte.

use std::time::Duration;

use tokio_postgres::{Client, NoTls};

use crate::Database;

/// What was ever written to a database, as far as it can be counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Rows inserted, updated and deleted. None before `PostgreSQL` 15, whose collector hears of them
    /// later, or never: these versions are compared by what is there.
    rows: Option<(i64, i64, i64)>,
    relations: i64,
    sequences: Option<String>,
}

/// Those that come and go with a call.
const SHORT_LIVED: &str = "'drcore', 'psql', 'pg_dump', 'pg_restore'";

impl Database {
    /// Does what must not write to it, and sees that nothing was written.
    pub async fn untouched<T>(&self, reading: impl Future<Output = T>) -> T {
        let before = self.written().await;
        let result = reading.await;
        assert_eq!(before, self.written().await, "what only reads wrote to {}", self.name);
        result
    }

    /// What was ever written to it.
    pub async fn written(&self) -> Written {
        let client = connect(&self.url().await).await;
        // A session is counted when it has ended, and ends a moment after whoever was in it.
        let there = format!(
            "select count(*) from pg_stat_activity where datname = current_database() \
             and pid <> pg_backend_pid() and application_name in ({SHORT_LIVED})"
        );
        for _ in 0..400 {
            if client.query_one(&there, &[]).await.expect("the server answers").get::<_, i64>(0) == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let row = client
            .query_one(
                "select d.tup_inserted, d.tup_updated, d.tup_deleted, \
                   (select count(*) from pg_class), \
                   (select string_agg(c.oid || ' ' || pg_sequence_last_value(c.oid), ',' order by c.oid) \
                    from pg_class c where c.relkind = 'S' and c.relpersistence in ('p', 'u')), \
                   current_setting('server_version_num')::int4 >= 150000 \
                 from pg_stat_database d where d.datname = current_database()",
                &[],
            )
            .await
            .expect("the server answers");
        Written {
            rows: row.get::<_, bool>(5).then(|| (row.get(0), row.get(1), row.get(2))),
            relations: row.get(3),
            sequences: row.get(4),
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server answers");
    // Ends with the client.
    tokio::spawn(connection);
    client
}
