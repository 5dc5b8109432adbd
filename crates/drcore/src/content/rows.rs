//! Rows as they come in a binary `COPY`, and what their hash is taken over.

use crate::connect::Chunks;
use crate::error::{Error, ErrorKind, Result};

use super::form::Form;
use super::sketch::RowHash;

/// What a binary `COPY` begins with. Source: PostgreSQL documentation, COPY, Binary Format.
const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";
/// Signature, flags, and the length of an extension of the header.
const HEADER: usize = SIGNATURE.len() + 8;

/// Takes rows out of the chunks of a binary `COPY`, however they are cut.
#[derive(Debug, Default)]
pub(crate) struct CopyRows {
    /// The beginning of a row whose end has not come yet.
    pending: Vec<u8>,
    fields: Vec<Field>,
    begun: bool,
    ended: bool,
}

/// Where a value is; none for NULL.
type Field = Option<(u32, u32)>;

/// One row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row<'a> {
    data: &'a [u8],
    fields: &'a [Field],
}

impl<'a> Row<'a> {
    /// How many values.
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The value in this place; none for NULL.
    pub(crate) fn value(&self, at: usize) -> Option<&'a [u8]> {
        let (start, length) = (*self.fields.get(at)?)?;
        self.data.get(start as usize..)?.get(..length as usize)
    }

    /// The hash of the row; `frame` is scratch space.
    pub(crate) fn hash(&self, forms: &[Form], frame: &mut Vec<u8>) -> RowHash {
        frame.clear();
        frame.extend_from_slice(&(u32::try_from(forms.len()).unwrap_or(u32::MAX)).to_be_bytes());
        for (at, form) in forms.iter().enumerate() {
            frame.extend_from_slice(&form.oid().to_be_bytes());
            match self.value(at) {
                Some(value) => {
                    frame.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
                    frame.extend_from_slice(value);
                }
                None => frame.extend_from_slice(&(-1_i32).to_be_bytes()),
            }
        }
        RowHash::of(frame)
    }
}

impl CopyRows {
    /// Hands each row of a whole copy to `each`.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if it is not a binary `COPY`, or rows are missing; those of `each`.
    pub(crate) fn each(chunks: Chunks, mut each: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        let mut copy = Self::default();
        let mut failed = Ok(());
        chunks.each(|bytes, _| {
            copy.feed(bytes, |row| {
                if failed.is_ok() {
                    failed = each(row);
                }
            })?;
            std::mem::replace(&mut failed, Ok(()))
        })?;
        copy.finish()
    }

    /// Hands each row that this chunk completes to `each`.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if it is not a binary `COPY`.
    pub(crate) fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(Row<'_>)) -> Result<()> {
        if self.pending.is_empty() {
            // As servers send it: whole rows in each message, and nothing is copied.
            let used = self.take(chunk, &mut each)?;
            self.pending.extend_from_slice(&chunk[used..]);
            return Ok(());
        }
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(chunk);
        let used = self.take(&pending, &mut each)?;
        pending.drain(..used);
        self.pending = pending;
        Ok(())
    }

    /// Says whether the end came, as it must before a count is one.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`] if rows are missing.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.ended && self.pending.is_empty() { Ok(()) } else { Err(broken("ended in the middle")) }
    }

    /// Takes whole rows; gives how many bytes they were.
    fn take(&mut self, data: &[u8], each: &mut impl FnMut(Row<'_>)) -> Result<usize> {
        let mut at = 0;
        if !self.begun {
            if data.len() < HEADER {
                return Ok(0);
            }
            if !data.starts_with(SIGNATURE) {
                return Err(broken("does not begin as one"));
            }
            let extension = u32::from_be_bytes([data[15], data[16], data[17], data[18]]) as usize;
            if data.len() < HEADER + extension {
                return Ok(0);
            }
            at = HEADER + extension;
            self.begun = true;
        }
        while let Some(count) = data.get(at..at + 2) {
            if self.ended {
                return Err(broken("goes on after its end"));
            }
            let count = i16::from_be_bytes([count[0], count[1]]);
            let Ok(count) = usize::try_from(count) else {
                if count != -1 {
                    return Err(broken("has a row of fewer than no values"));
                }
                self.ended = true;
                at += 2;
                continue;
            };
            let Some(end) = self.fields(data, at + 2, count)? else { return Ok(at) };
            each(Row { data, fields: &self.fields });
            at = end;
        }
        Ok(at)
    }

    /// Finds the values of one row; gives where it ends, or none where it is not all there.
    fn fields(&mut self, data: &[u8], mut at: usize, count: usize) -> Result<Option<usize>> {
        self.fields.clear();
        for _ in 0..count {
            let Some(length) = data.get(at..at + 4) else { return Ok(None) };
            let length = i32::from_be_bytes([length[0], length[1], length[2], length[3]]);
            at += 4;
            let Ok(length) = u32::try_from(length) else {
                if length != -1 {
                    return Err(broken("has a value of fewer than no bytes"));
                }
                self.fields.push(None);
                continue;
            };
            let end = at + length as usize;
            if end > data.len() {
                return Ok(None);
            }
            let start = u32::try_from(at).map_err(|_| broken("has a row of more than 4 GiB"))?;
            self.fields.push(Some((start, length)));
            at = end;
        }
        Ok(Some(at))
    }
}

/// Rows that are not what was asked for.
pub(crate) fn other_columns() -> Error {
    Error::new(ErrorKind::Connection, "the server's binary copy has other columns than were asked for")
}

/// Whatever else comes on the connection may be another statement's: it is as good as lost.
fn broken(how: &str) -> Error {
    Error::lost(format!("the server's binary copy {how}"))
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a server sends it.
    pub(in crate::content) fn copy(rows: &[Vec<Option<Vec<u8>>>]) -> Vec<u8> {
        let mut data = SIGNATURE.to_vec();
        data.extend_from_slice(&[0; 8]);
        for row in rows {
            data.extend_from_slice(&i16::try_from(row.len()).unwrap().to_be_bytes());
            for value in row {
                match value {
                    Some(value) => {
                        data.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
                        data.extend_from_slice(value);
                    }
                    None => data.extend_from_slice(&(-1_i32).to_be_bytes()),
                }
            }
        }
        data.extend_from_slice(&(-1_i16).to_be_bytes());
        data
    }

    fn owned(row: Row<'_>) -> Vec<Option<Vec<u8>>> {
        (0..row.len()).map(|at| row.value(at).map(<[u8]>::to_vec)).collect()
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in_however_they_are_cut(
            rows in prop::collection::vec(
                prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), 0..4), 0..5),
            cut in 1_usize..40,
        ) {
            let mut reader = CopyRows::default();
            let mut got = Vec::new();
            for chunk in copy(&rows).chunks(cut) {
                reader.feed(chunk, |row| got.push(owned(row))).unwrap();
            }
            reader.finish().unwrap();
            prop_assert_eq!(got, rows);
        }

        #[test]
        fn nothing_that_a_server_sends_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = CopyRows::default();
            let _ = reader.feed(&bytes, |_| {});
            let mut data = copy(&[]);
            data.truncate(HEADER);
            data.extend(bytes);
            let _ = CopyRows::default().feed(&data, |row| drop(owned(row)));
        }
    }

    #[test]
    fn a_copy_without_its_end_is_no_copy() {
        let data = copy(&[vec![Some(vec![1, 2, 3])], vec![None]]);
        for length in 0..data.len() {
            let mut reader = CopyRows::default();
            let fed = reader.feed(&data[..length], |_| {});
            assert!(fed.and_then(|()| reader.finish()).is_err(), "{length} of {} bytes", data.len());
        }
        let mut more = data.clone();
        more.extend_from_slice(&data);
        assert!(CopyRows::default().feed(&more, |_| {}).is_err());
    }

    /// Null, empty and shifted values give different frames.
    #[test]
    fn values_do_not_run_into_each_other() {
        let forms = [Form::Output, Form::Output];
        let hash = |row: Vec<Option<Vec<u8>>>| {
            let mut hashes = Vec::new();
            CopyRows::default()
                .feed(&copy(&[row]), |row| hashes.push(row.hash(&forms, &mut Vec::new())))
                .unwrap();
            hashes.pop().unwrap()
        };
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let rows = [
            vec![None, text("")],
            vec![text(""), None],
            vec![None, None],
            vec![text(""), text("")],
            vec![text("a"), text("bc")],
            vec![text("ab"), text("c")],
            vec![text("a|b"), text("c")],
        ];
        let hashes: std::collections::BTreeSet<_> = rows.iter().cloned().map(hash).collect();
        assert_eq!(hashes.len(), rows.len());
    }
}
