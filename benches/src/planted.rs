//! What is different in the broken copy.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use crate::Failure;

/// A row, by its table and its key.
pub type Row = (String, i64);

/// One kind of difference.
struct Planted {
    what: &'static str,
    table: &'static str,
    keys: &'static [i64],
    /// Makes it, in the rows of these keys.
    sql: &'static str,
}

const PLANTED: &[Planted] = &[
    Planted {
        what: "rows missing",
        table: "time_logs",
        keys: &[
            11, 22, 33, 44, 55, 66, 77, 88, 99, 1010, 2021, 3032, 4043, 5054, 6065, 7076, 8087, 9098, 9999,
            10_000,
        ],
        sql: "delete from time_logs where id = any($1::bigint[])",
    },
    Planted {
        what: "a value changed",
        table: "time_logs",
        keys: &[101, 202, 303, 404],
        sql: "update time_logs set minutes = minutes + 1 where id = any($1::bigint[])",
    },
    Planted {
        what: "values of two rows swapped",
        table: "time_logs",
        keys: &[505, 506],
        sql: "update time_logs t set note = o.note from time_logs o \
              where t.id = any($1::bigint[]) and o.id = any($1::bigint[]) and t.id <> o.id",
    },
    Planted {
        what: "rows missing",
        table: "invoices",
        keys: &[5, 50, 500, 1500, 2500],
        sql: "delete from invoices where id = any($1::bigint[])",
    },
    Planted {
        what: "a value changed",
        table: "invoices",
        keys: &[7, 1234],
        sql: "update invoices set total = total + 0.01 where id = any($1::bigint[])",
    },
    Planted {
        what: "as many rows: one missing",
        table: "clients",
        keys: &[3],
        sql: "delete from clients where id = any($1::bigint[])",
    },
    Planted {
        what: "as many rows: one more",
        table: "clients",
        keys: &[0],
        sql: "insert into clients select unnest($1::bigint[]), 1, 'client 3'",
    },
    Planted {
        what: "wide rows missing",
        table: "documents",
        keys: &[8, 9],
        sql: "delete from documents where id = any($1::bigint[])",
    },
    Planted {
        what: "one byte of a wide row",
        table: "documents",
        keys: &[10],
        sql: "update documents set body = overlay(body placing '-' from 3000 for 1) where id = any($1::bigint[])",
    },
    Planted {
        what: "another text of the same 32-bit hashtext",
        table: "collisions",
        keys: &[7],
        sql: "update collisions c set body = (\
                select 'collide' || n from generate_series(1, 300000) n \
                where hashtext('(7,collide' || n || ')') = hashtext('(7,' || c.body || ')') \
                  and 'collide' || n <> c.body limit 1\
              ) where id = any($1::bigint[])",
    },
    Planted {
        what: "NULL became ''",
        table: "empties",
        keys: &[5],
        sql: "update empties set body = '' where id = any($1::bigint[])",
    },
    Planted {
        what: "NULL became '<null>'",
        table: "nulls",
        keys: &[5],
        sql: "update nulls set body = '<null>' where id = any($1::bigint[])",
    },
    Planted {
        what: "a|b, c became a, b|c",
        table: "separators",
        keys: &[5],
        sql: "update separators set a = 'a', b = 'b|c' where id = any($1::bigint[])",
    },
];

/// Every row that is different.
pub fn rows() -> BTreeSet<Row> {
    PLANTED
        .iter()
        .flat_map(|planted| planted.keys.iter().map(|key| (planted.table.to_owned(), *key)))
        .collect()
}

/// The kinds, with how many rows of which table.
pub fn kinds() -> Vec<String> {
    PLANTED
        .iter()
        .map(|planted| format!("{} ({}: {})", planted.what, planted.table, planted.keys.len()))
        .collect()
}

/// Breaks the copy.
pub async fn plant(client: &Client) -> Result<(), Failure> {
    client.batch_execute("set session_replication_role = replica").await?;
    for planted in PLANTED {
        let rows = client
            .execute(planted.sql, &[&planted.keys])
            .await
            .map_err(|error| format!("{error:?}: {}", planted.sql))?;
        if rows != planted.keys.len() as u64 {
            return Err(format!("{rows} rows instead of {}: {}", planted.keys.len(), planted.sql).into());
        }
    }
    client.batch_execute("reset session_replication_role").await?;
    Ok(())
}

/// What somebody says is different.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Rows that are named.
    pub rows: BTreeSet<Row>,
    /// Tables of which it is said that something in them is.
    pub tables: BTreeSet<String>,
    /// What it could not compare: a table, and why.
    pub gave_up: Vec<String>,
}

/// How much of it is so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub located: usize,
    /// In tables that are said to differ, of which no row is named.
    pub flagged: usize,
    pub missed: usize,
    /// Rows and tables that do not differ.
    pub wrong: usize,
}

impl Found {
    pub fn score(&self) -> Score {
        let planted = rows();
        let located = self.rows.intersection(&planted).count();
        let flagged =
            planted.iter().filter(|row| !self.rows.contains(*row) && self.tables.contains(&row.0)).count();
        let tables: BTreeSet<&String> = planted.iter().map(|(table, _)| table).collect();
        Score {
            located,
            flagged,
            missed: planted.len() - located - flagged,
            wrong: self.rows.difference(&planted).count()
                + self.tables.iter().filter(|table| !tables.contains(table)).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forty_two_rows_are_different() {
        assert_eq!(rows().len(), 42);
        let mut found = Found { rows: rows(), ..Found::default() };
        found.rows.remove(&("clients".to_owned(), 3));
        found.rows.insert(("tenants".to_owned(), 1));
        found.tables.extend(["clients".to_owned(), "tasks".to_owned()]);
        let score = found.score();
        assert_eq!((score.located, score.flagged, score.missed, score.wrong), (41, 1, 0, 2));
    }
}
