//! Loading rows of an archive into tables that the target has, by the columns that both have.

use bytes::BytesMut;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::filter::Load;
use super::messages::Listener;
use super::programs::{PgRestore, Running};
use crate::connect::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::sql::quote_list;

/// How much is sent at once.
const CHUNK: usize = 256 << 10;
/// The line that ends the rows.
const END: &[u8] = b"\\.\n";

/// Loads the rows of one table; gives how many.
pub(super) async fn load(session: &Session, load: &Load, restore: &PgRestore<'_>) -> Result<u64> {
    let (mut running, _list) = restore.rows()?;
    let stdout = running.child.stdout.take();
    let Some(stdout) = stdout else {
        return Err(Error::new(ErrorKind::Internal, "pg_restore has no standard output"));
    };
    let rows = send(session, load, BufReader::with_capacity(CHUNK, stdout)).await;
    finish(running, rows).await
}

/// Rows count only where whoever gave them came to its end.
async fn finish(mut running: Running, rows: Result<u64>) -> Result<u64> {
    let heard = running.hear(&Listener::new(0, false), &mut |_| {}).await;
    let status = running.end().await?;
    let rows = rows?;
    heard?;
    if status.success() {
        return Ok(rows);
    }
    Err(Error::new(ErrorKind::Tool, format!("pg_restore failed ({status})")))
}

async fn send(session: &Session, load: &Load, mut rows: BufReader<impl AsyncRead + Unpin>) -> Result<u64> {
    let mut line = Vec::new();
    // What comes before them sets what we set ourselves.
    loop {
        line.clear();
        if rows.read_until(b'\n', &mut line).await? == 0 {
            // A table without rows has no COPY.
            return Ok(0);
        }
        if line.starts_with(b"COPY ") && line.ends_with(b" FROM stdin;\n") {
            break;
        }
    }
    let kept: Vec<usize> =
        (0..load.columns.len()).filter(|at| !load.dropped.contains(&load.columns[*at])).collect();
    let columns: Vec<&str> = kept.iter().map(|at| load.columns[*at].as_str()).collect();
    let is_whole = kept.len() == load.columns.len();
    let sql = format!("copy {} ({}) from stdin", load.table.to_sql(), quote_list(&columns));
    let mut copy = session.copy_in(&sql).await?;
    let mut chunk = BytesMut::with_capacity(CHUNK + 4096);
    loop {
        line.clear();
        if rows.read_until(b'\n', &mut line).await? == 0 {
            // Without it nobody knows whether they are all.
            return Err(Error::new(ErrorKind::Format, "the rows of the archive end before their end")
                .context("table", load.table.to_string()));
        }
        if line == END {
            break;
        }
        if is_whole {
            chunk.extend_from_slice(&line);
        } else {
            keep(&line, load.columns.len(), &kept, &mut chunk)
                .map_err(|error| error.context("table", load.table.to_string()))?;
        }
        if chunk.len() >= CHUNK {
            copy.send(chunk.split().freeze()).await?;
        }
    }
    if !chunk.is_empty() {
        copy.send(chunk.freeze()).await?;
    }
    copy.finish().await
}

/// Of a row of so many fields, those that are kept: a tab in a value is escaped, so each one separates.
///
/// # Errors
/// [`ErrorKind::Format`] if it has more or fewer: which value belongs where is not known then.
fn keep(line: &[u8], expected: usize, kept: &[usize], into: &mut BytesMut) -> Result<()> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let fields: Vec<&[u8]> = line.split(|byte| *byte == b'\t').collect();
    if fields.len() != expected {
        let message = format!("a row of the archive has {} values for {expected} columns", fields.len());
        return Err(Error::new(ErrorKind::Format, message));
    }
    for (nth, at) in kept.iter().enumerate() {
        if nth > 0 {
            into.extend_from_slice(b"\t");
        }
        into.extend_from_slice(fields[*at]);
    }
    into.extend_from_slice(b"\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_columns_are_left_out_of_every_row() {
        let mut into = BytesMut::new();
        keep(b"1\ta\\tb\t\\N\tx\n", 4, &[0, 1, 3], &mut into).unwrap();
        keep(b"2\t\t\t\n", 4, &[3, 0], &mut into).unwrap();
        // A value that is missing is no empty one.
        for wrong in [&b"3\ta\n"[..], b"3\ta\tb\tc\td\n"] {
            assert_eq!(keep(wrong, 4, &[0, 3], &mut into).unwrap_err().kind(), ErrorKind::Format);
        }
        assert_eq!(&into[..], b"1\ta\\tb\tx\n\t2\n");
    }
}
