//! Columns of the application that name objects of Supabase Storage: by what is in them, and where nothing is, by what
//! they are called.

use std::collections::BTreeMap;

use super::writer::{Writer, toml_string};
use super::{column_of, folded};
use crate::collect::OBJECT_URL;
use crate::connect::{Dsn, Rows, Session, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::catalog::{Catalog, Column, Relation};
use crate::plan::{Limits, ObjectNaming};
use crate::sql::{QualifiedName, literal, quote};
use crate::text::{count, plural};

/// How many values of a column are looked at.
const VALUES: u32 = 200;
/// Of so many values one must name an object for a column to be proposed: some are always lost, or lead elsewhere.
const OF: u64 = 2;

/// How names of columns end that usually lead to files, in lower case without underscores, and what they hold.
const FILE_COLUMNS: &[(&str, ObjectNaming)] = &[
    ("avatar", ObjectNaming::Path),
    ("avatarurl", ObjectNaming::Url),
    ("documenturl", ObjectNaming::Url),
    ("filekey", ObjectNaming::Path),
    ("filename", ObjectNaming::Path),
    ("filepath", ObjectNaming::Path),
    ("fileurl", ObjectNaming::Url),
    ("imagepath", ObjectNaming::Path),
    ("imageurl", ObjectNaming::Url),
    ("logourl", ObjectNaming::Url),
    ("objectid", ObjectNaming::Id),
    ("objectpath", ObjectNaming::Path),
    ("pdfurl", ObjectNaming::Url),
    ("photourl", ObjectNaming::Url),
    ("storagekey", ObjectNaming::Path),
    ("storagepath", ObjectNaming::Path),
];

/// What some values of a column turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    naming: ObjectNaming,
    bucket: Option<String>,
    named: u64,
    values: u64,
}

/// What is in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
enum InIt {
    Names(Held),
    Nothing,
    /// Values, and too few of them name objects.
    Other,
}

/// What is in the columns that could name objects.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Columns that nobody looked into are not in it.
    held: BTreeMap<(QualifiedName, String), InIt>,
    /// Tables that could not be looked into, and why the last of them could not.
    unread: Option<(u64, String)>,
}

impl Looked {
    /// Looks into the columns, table after table, in one read-only transaction.
    ///
    /// # Errors
    /// What ends the session. A table that cannot be read is noted, and no error.
    pub(super) async fn at(dsn: Dsn, limits: &Limits, catalog: &Catalog, own: &[&Relation]) -> Result<Self> {
        let mut looked = Self::default();
        let tables: Vec<(&Relation, Vec<&Column>)> = own
            .iter()
            .filter_map(|relation| {
                let columns = catalog.columns_of(&relation.name).ok()?;
                let columns: Vec<&Column> = columns.iter().filter(|column| could_name(column)).collect();
                (!columns.is_empty()).then_some((*relation, columns))
            })
            .collect();
        if tables.is_empty() {
            return Ok(looked);
        }
        let source = Source::open(dsn, limits).await?;
        let session = source.session(limits).await?;
        session.begin_snapshot(limits, None).await?;
        // Where there are no objects, no value can name one, and that says nothing.
        let some = "select 1 from storage.objects limit 1";
        if matches!(session.scan(some, None).await, Ok(rows) if rows.is_empty()) {
            session.end().await;
            return Ok(looked);
        }
        for (relation, columns) in tables {
            looked.one(&session, relation, &columns).await?;
        }
        session.end().await;
        Ok(looked)
    }

    async fn one(&mut self, session: &Session, relation: &Relation, columns: &[&Column]) -> Result<()> {
        let questions: Vec<String> =
            columns.iter().enumerate().map(|(at, column)| question(at, relation, column)).collect();
        let rows = match session.scan(&questions.join("\nunion all\n"), None).await {
            Ok(rows) => rows,
            Err(error) if error.ends_session() => return Err(error),
            Err(error) => {
                let tables = self.unread.as_ref().map_or(0, |(tables, _)| *tables);
                self.unread = Some((tables + 1, error.to_string()));
                return Ok(());
            }
        };
        for (column, held) in understood(rows, columns)? {
            self.held.insert((relation.name.clone(), column.name.clone()), held);
        }
        Ok(())
    }

    /// How a column names objects, and what is in it; none where it seems not to.
    fn naming(&self, table: &QualifiedName, column: &Column) -> Option<(ObjectNaming, Option<&InIt>)> {
        match self.held.get(&(table.clone(), column.name.clone())) {
            Some(held @ InIt::Names(names)) => Some((names.naming, Some(held))),
            // What is in it speaks against what it is called.
            Some(InIt::Other) => None,
            held => called(column).map(|naming| (naming, held)),
        }
    }

    /// Writes what columns seem to name objects.
    pub(super) fn write(&self, plan: &mut Writer, catalog: &Catalog, own: &[&Relation]) {
        if !catalog.is_supabase().unwrap_or_default() {
            return;
        }
        plan.section(
            "Where the files are (see drcore explain storage_orphans), and the columns that name them.",
        );
        let mut found = Vec::new();
        for relation in own {
            match catalog.columns_of(&relation.name) {
                Ok(columns) => found.extend(columns.iter().filter_map(|column| {
                    let (naming, held) = self.naming(&relation.name, column)?;
                    Some((column_of(&relation.name, &column.name), naming, held))
                })),
                Err(cause) => {
                    plan.unread("columns", &cause);
                    break;
                }
            }
        }
        if let Some((tables, why)) = &self.unread {
            plan.note(&format!(
                "COULD NOT LOOK into {}: {why}. Their columns are judged by their names.",
                plural(*tables, "table")
            ));
        }
        plan.proposal("[storage_orphans]");
        plan.proposal("store = \"s3://storage-backend\"");
        if found.is_empty() {
            plan.note("No column was seen that names objects; one is declared like this:");
            plan.proposal("references = [{ column = \"contracts.file_path\", bucket = \"documents\" }]");
            return;
        }
        let only = catalog.buckets.get().ok().and_then(|buckets| match buckets.as_slice() {
            [only] => Some(only.id.as_str()),
            _ => None,
        });
        plan.note("Paths are taken as bucket/name where no bucket is given.");
        plan.proposal("references = [");
        for (column, naming, held) in found {
            let bucket = match held {
                Some(InIt::Names(held)) => held.bucket.as_deref(),
                _ => only,
            };
            let mut keys = vec![format!("column = {}", toml_string(&column))];
            match naming {
                ObjectNaming::Path => {
                    keys.extend(bucket.map(|bucket| format!("bucket = {}", toml_string(bucket))));
                }
                ObjectNaming::Url => keys.push("holds = \"url\"".to_owned()),
                ObjectNaming::Id => keys.push("holds = \"id\"".to_owned()),
            }
            let why = match held {
                Some(InIt::Names(held)) => {
                    format!("{} of {} name an object", count(held.named), plural(held.values, "value"))
                }
                Some(_) => "by its name: there is nothing in it".to_owned(),
                None => "by its name".to_owned(),
            };
            plan.proposal(&format!("{{ {} }},  # {why}", keys.join(", ")));
        }
        plan.proposal("]");
    }
}

/// Whether a column is of a type that can name objects.
fn could_name(column: &Column) -> bool {
    let kind = column.type_name.trim_end_matches("[]");
    kind == "uuid" || is_text(kind)
}

fn is_text(kind: &str) -> bool {
    kind == "text" || kind.starts_with("character varying")
}

/// How a column names files, where its name and type say that it does.
fn called(column: &Column) -> Option<ObjectNaming> {
    let name = folded(&column.name);
    let (_, naming) = FILE_COLUMNS.iter().find(|(ending, _)| name.ends_with(ending))?;
    let kind = column.type_name.trim_end_matches("[]");
    let fits = match naming {
        ObjectNaming::Id => kind == "uuid",
        ObjectNaming::Path | ObjectNaming::Url => is_text(kind),
    };
    fits.then_some(*naming)
}

/// `at, values, paths with their bucket, URLs, ids, names in a bucket, that bucket`, of some values of a column.
fn question(at: usize, relation: &Relation, column: &Column) -> String {
    let name = format!("r.{}", quote(&column.name));
    let (value, list) = if column.type_name.ends_with("[]") {
        ("l.value".to_owned(), format!(" cross join lateral pg_catalog.unnest({name}) l(value)"))
    } else {
        (name, String::new())
    };
    let from = relation.from_sql();
    let is_id = column.type_name.trim_end_matches("[]") == "uuid";
    let (whole, url, id, bucket) = if is_id {
        let id = "exists (select from storage.objects o where o.id = v.value::pg_catalog.uuid)";
        ("false", "false".to_owned(), id, "null::pg_catalog.text")
    } else {
        (
            "exists (select from storage.objects o where o.bucket_id = pg_catalog.split_part(v.value, '/', 1) \
               and o.name = pg_catalog.substr(v.value, pg_catalog.strpos(v.value, '/') + 1))",
            format!("v.value ~ {}", literal(OBJECT_URL)),
            "false",
            "(select b.id from storage.buckets b where exists (\
                select from storage.objects o where o.bucket_id = b.id and o.name = v.value) order by b.id limit 1)",
        )
    };
    format!(
        "select {at}, pg_catalog.count(*), pg_catalog.count(*) filter (where w.whole), \
           pg_catalog.count(*) filter (where w.url), pg_catalog.count(*) filter (where w.id), \
           pg_catalog.count(w.bucket), pg_catalog.mode() within group (order by w.bucket) \
         from (select {whole} as whole, {url} as url, {id} as id, {bucket} as bucket \
               from (select {value}::pg_catalog.text as value from {from} r{list} \
                     where {value} is not null limit {VALUES}) v \
               where v.value <> '') w"
    )
}

/// What was answered, of each column.
///
/// # Errors
/// [`ErrorKind::Unsupported`] where the answer is another one than was asked for.
fn understood<'c>(rows: Rows, columns: &[&'c Column]) -> Result<Vec<(&'c Column, InIt)>> {
    let rows = rows.into_iter().map(|row| {
        let number = |at: usize| row.get(at)?.as_ref()?.parse::<u64>().ok();
        let column = columns.get(usize::try_from(number(0)?).ok()?)?;
        let values = number(1)?;
        let bucket = row.get(6).cloned().flatten();
        let ways = [
            (number(2)?, ObjectNaming::Path, None),
            (number(3)?, ObjectNaming::Url, None),
            (number(4)?, ObjectNaming::Id, None),
            (number(5)?, ObjectNaming::Path, bucket),
        ];
        let (named, naming, bucket) = ways.into_iter().max_by_key(|(named, ..)| *named)?;
        let held = match (values, named) {
            (0, _) => InIt::Nothing,
            (_, 1..) if named * OF >= values => InIt::Names(Held { naming, bucket, named, values }),
            _ => InIt::Other,
        };
        Some((*column, held))
    });
    rows.collect::<Option<_>>()
        .ok_or_else(|| Error::new(ErrorKind::Unsupported, "the server's answer was not understood"))
}
