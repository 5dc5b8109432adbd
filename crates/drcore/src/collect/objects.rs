//! Objects that columns of the application name and that are not there, and objects that none of them names.
//!
//! The server compares: both sides are its own tables, and it can spill.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::answer::{not_understood, number};
use super::job::{Job, SAMPLE, TENANTS};
use crate::connect::Rows;
use crate::evidence::catalog::{Catalog, Relation};
use crate::evidence::{Cause, NamedObjects, Scans, TenantRows, UnnamedByBucket};
use crate::plan::{ObjectNaming, Plan};
use crate::sql::{QualifiedName, literal, quote};
use crate::storage::{self, ObjectReference};

/// An object that was uploaded so short a time ago may be about to be named.
const SETTLE: &str = "60 seconds";
/// What Supabase's dashboard puts into folders that would be empty.
const PLACEHOLDER: &str = "%.emptyFolderPlaceholder";

/// Escapes of a URL that are text in UTF-8, and no end of text.
const DECODABLE: &str = "(?i)^(?:[^%]|%(?:0[1-9a-f]|[1-7][0-9a-f])|%(?:c[2-9a-f]|d[0-9a-f])%[89ab][0-9a-f]\
    |%e0%[ab][0-9a-f]%[89ab][0-9a-f]|%e[1-9abcef](?:%[89ab][0-9a-f]){2}|%ed%[89][0-9a-f]%[89ab][0-9a-f]\
    |%f0%[9ab][0-9a-f](?:%[89ab][0-9a-f]){2}|%f[1-3](?:%[89ab][0-9a-f]){3}|%f4%8[0-9a-f](?:%[89ab][0-9a-f]){2})*$";
/// Where in a URL the storage service is asked for an object.
pub(crate) const URL: &str =
    "/storage/v1/(?:object|render/image|s3)/(?:(?:public|sign|authenticated)/)?([^/?#]+)/([^?#]+)";

/// A column, and how it is read.
#[derive(Clone, Debug)]
struct Named {
    reference: ObjectReference,
    /// As in a `from` clause.
    from: String,
    tenant: Option<String>,
}

impl Named {
    fn new(reference: ObjectReference, plan: &Plan, catalog: &Catalog) -> Self {
        let relation = catalog.relation(&reference.table).ok().flatten();
        let from = relation.map_or_else(|| reference.table.to_sql(), Relation::from_sql);
        let tenant = Job::tenant_of(&reference.table, plan, catalog);
        Self { reference, from, tenant }
    }

    /// `tenant, bucket, name, id`: one of name and id, or neither where the value names no object.
    fn sql(&self) -> String {
        let column = format!("r.{}", quote(&self.reference.column));
        let tenant = self.tenant.as_ref().map_or("null".to_owned(), |tenant| format!("r.{}", quote(tenant)));
        let (value, list) = if self.reference.is_list {
            ("l.value".to_owned(), format!(" cross join lateral pg_catalog.unnest({column}) l(value)"))
        } else {
            (column, String::new())
        };
        let held = format!(
            "(select {tenant}::pg_catalog.text as tenant, {value}::pg_catalog.text collate pg_catalog.\"C\" as value \
             from {} r{list}) h",
            self.from
        );
        let prefix = self
            .reference
            .prefix
            .as_deref()
            .map_or(String::new(), |prefix| format!("{}::pg_catalog.text || ", literal(prefix)));
        match (self.reference.naming, &self.reference.bucket) {
            (ObjectNaming::Id, _) => format!(
                "select h.tenant, null::pg_catalog.text as bucket, null::pg_catalog.text as name, \
                 pg_catalog.lower(h.value) as id from {held} where h.value <> ''"
            ),
            (ObjectNaming::Path, Some(bucket)) => format!(
                "select h.tenant, {}::pg_catalog.text as bucket, {prefix}pg_catalog.ltrim(h.value, '/') as name, \
                 null::pg_catalog.text as id from {held} where h.value <> ''",
                literal(bucket)
            ),
            // What has no bucket before it names an object of none: it is lost, and not elsewhere.
            (ObjectNaming::Path, None) => format!(
                "select p.tenant, case when pg_catalog.strpos(p.path, '/') > 0 \
                 then pg_catalog.split_part(p.path, '/', 1) else '' end as bucket, \
                 pg_catalog.substr(p.path, pg_catalog.strpos(p.path, '/') + 1) as name, \
                 null::pg_catalog.text as id from (\
                 select h.tenant, {prefix}pg_catalog.ltrim(h.value, '/') as path from {held} where h.value <> '') p"
            ),
            (ObjectNaming::Url, bucket) => format!(
                "select p.tenant, {} from (\
                 select u.tenant, case when u.path ~ '%' and u.path ~ {} then (\
                 select pg_catalog.convert_from(pg_catalog.decode(pg_catalog.string_agg(\
                 case when pg_catalog.left(x.part[1], 1) = '%' then pg_catalog.substr(x.part[1], 2) \
                 else pg_catalog.encode(pg_catalog.convert_to(x.part[1], 'UTF8'), 'hex') end, '' order by x.place), \
                 'hex'), 'UTF8') \
                 from pg_catalog.regexp_matches(u.path, '%[0-9A-Fa-f]{{2}}|[^%]+', 'g') with ordinality x(part, place)\
                 ) else u.path end as path from (\
                 select h.tenant, m.part[1] || '/' || m.part[2] as path from {held} \
                 cross join lateral (select pg_catalog.regexp_match(h.value, {}) as part) m where h.value <> ''\
                 ) u) p",
                parts(bucket.as_deref()),
                literal(DECODABLE),
                literal(URL)
            ),
        }
    }
}

/// `bucket, name, id` of `p.path`, which is of this bucket where one is given, else names nothing.
fn parts(bucket: Option<&str>) -> String {
    let only = bucket.map_or(String::new(), |bucket| {
        format!(" and pg_catalog.split_part(p.path, '/', 1) = {}", literal(bucket))
    });
    let of = |what: &str| format!("case when pg_catalog.strpos(p.path, '/') > 1{only} then {what} end");
    format!(
        "{} as bucket, {} as name, null::pg_catalog.text as id",
        of("pg_catalog.split_part(p.path, '/', 1)"),
        of("pg_catalog.substr(p.path, pg_catalog.strpos(p.path, '/') + 1)")
    )
}

/// What is an object: a delete marker is none.
fn object(catalog: &Catalog) -> String {
    match catalog.column(&storage::table(), "is_delete_marker") {
        Ok(Some(_)) => " and o.is_delete_marker is not true".to_owned(),
        _ => String::new(),
    }
}

/// The objects that a column names and that are not there.
#[derive(Clone, Debug)]
pub(super) struct LostObjects {
    named: Named,
    object: String,
}

impl LostObjects {
    pub(super) fn new(reference: ObjectReference, plan: &Plan, catalog: &Catalog) -> Self {
        Self { named: Named::new(reference, plan, catalog), object: object(catalog) }
    }

    pub(super) fn key(&self) -> String {
        self.named.reference.key()
    }

    pub(super) fn table(&self) -> &QualifiedName {
        &self.named.reference.table
    }

    pub(super) fn sql(&self) -> String {
        let Self { named, object } = self;
        let (objects, given) = (storage::table().to_sql(), named.tenant.is_some());
        let (field, same) = match named.reference.naming {
            ObjectNaming::Id => ("n.id", "o.id::pg_catalog.text = n.id"),
            ObjectNaming::Path | ObjectNaming::Url => (
                "n.name",
                "o.bucket_id = n.bucket collate pg_catalog.\"C\" and o.name = n.name collate pg_catalog.\"C\"",
            ),
        };
        format!(
            "with n as materialized (\n{}\n), lost as materialized (\n\
             select n.tenant, coalesce(n.id, n.bucket || '/' || n.name) collate pg_catalog.\"C\" as shown from n \
             where {field} is not null \
             and not exists (select from {objects} o where {same}{object})\n\
             )\n\
             select 'values', null, pg_catalog.count(*) from n\n\
             union all select 'elsewhere', null, pg_catalog.count(*) from n where {field} is null\n\
             union all select 'lost', null, pg_catalog.count(*) from lost\n\
             union all select 'tenants', null, pg_catalog.count(distinct lost.tenant) from lost where {given}\n\
             union all (select 'tenant', lost.tenant, pg_catalog.count(*) from lost where {given} \
             group by lost.tenant order by 3 desc, 2 limit {TENANTS})\n\
             union all (select 'sample', lost.shown, 1 from lost order by lost.shown limit {SAMPLE})",
            named.sql()
        )
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, scans: &mut Scans) {
        let given = self.named.tenant.is_some();
        let fact = answer.and_then(|rows| understand_lost(&rows, given));
        scans.named_objects.insert(self.key(), fact.into());
    }
}

/// Rows of `what, key, count`.
fn understand_lost(rows: &Rows, given: bool) -> Result<NamedObjects, Cause> {
    let mut named = NamedObjects::default();
    // The totals come in every answer, so one that lacks them is none.
    let mut totals = 0;
    for row in rows {
        let [Some(what), key, count] = row.as_slice() else { return Err(not_understood()) };
        let count = number(count.as_deref())?;
        let total = match what.as_str() {
            "values" => &mut named.values,
            "elsewhere" => &mut named.elsewhere,
            "lost" => &mut named.lost,
            "tenants" => named.tenants_total.insert(0),
            "tenant" => {
                named.tenants.push(TenantRows::new(key.clone(), count));
                continue;
            }
            "sample" => {
                named.samples.push(key.clone().ok_or_else(not_understood)?);
                continue;
            }
            _ => return Err(not_understood()),
        };
        *total = count;
        totals += 1;
    }
    named.tenants_total = named.tenants_total.filter(|_| given);
    if totals == 4 { Ok(named) } else { Err(not_understood()) }
}

/// The objects that none of several columns names, of the buckets that they name objects of.
#[derive(Clone, Debug)]
pub(super) struct UnnamedObjectsOf {
    named: Vec<Named>,
    object: String,
    /// How large an object is, as its row says.
    size: String,
    created: String,
}

impl UnnamedObjectsOf {
    pub(super) fn new(references: Vec<ObjectReference>, plan: &Plan, catalog: &Catalog) -> Self {
        let has = |name: &str| matches!(catalog.column(&storage::table(), name), Ok(Some(_)));
        let size = if has("metadata") { "o.metadata ->> 'size'" } else { "null::pg_catalog.text" };
        let created = if has("created_at") { "o.created_at" } else { "null::pg_catalog.timestamptz" };
        Self {
            named: references.into_iter().map(|reference| Named::new(reference, plan, catalog)).collect(),
            object: object(catalog),
            size: size.to_owned(),
            created: created.to_owned(),
        }
    }

    pub(super) fn tables(&self) -> Vec<QualifiedName> {
        self.named.iter().map(|named| named.reference.table.clone()).collect()
    }

    pub(super) fn sql(&self) -> String {
        let Self { named, object, size, created } = self;
        let objects = storage::table().to_sql();
        let all: Vec<String> = named.iter().map(|named| format!("({})", named.sql())).collect();
        let mut covered = String::new();
        for bucket in named.iter().filter_map(|named| named.reference.bucket.as_deref()) {
            // Writing to a String does not fail.
            let _ = write!(covered, " union select {}::pg_catalog.text", literal(bucket));
        }
        let c = "collate pg_catalog.\"C\"";
        format!(
            "with n as materialized (\n{}\n), names as materialized (\n\
             select distinct n.bucket {c} as bucket, n.name {c} as name from n where n.name is not null\n\
             ), ids as materialized (\n\
             select distinct n.id from n where n.id is not null\n\
             ), tenants as materialized (\n\
             select distinct n.tenant {c} as tenant from n where n.tenant is not null\n\
             ), covered (bucket) as materialized (\n\
             select names.bucket from names \
             union select o.bucket_id {c} from {objects} o join ids on ids.id = o.id::pg_catalog.text{covered}\n\
             ), here as materialized (\n\
             select o.bucket_id {c} as bucket, o.name {c} as name, {created} as created, \
             case when {size} ~ '^[0-9]{{1,18}}$' then ({size})::pg_catalog.int8 end as size, \
             names.name is not null or ids.id is not null as named \
             from {objects} o join covered on covered.bucket = o.bucket_id {c} \
             left join names on names.bucket = o.bucket_id {c} and names.name = o.name {c} \
             left join ids on ids.id = o.id::pg_catalog.text \
             where o.name not like {placeholder}{object}\n\
             ), unnamed as materialized (\n\
             select here.*, tenants.tenant from here \
             left join tenants on tenants.tenant = pg_catalog.split_part(here.name, '/', 1) \
             where not here.named and (here.created is null \
             or here.created < pg_catalog.transaction_timestamp() - {settle}::pg_catalog.interval)\n\
             )\n\
             select 'end', null, null, 0, 0, null, null\n\
             union all select 'bucket', here.bucket, null, pg_catalog.count(*), 0, null, null from here group by here.bucket\n\
             union all select 'unnamed', u.bucket, null, pg_catalog.count(*), \
             coalesce(pg_catalog.sum(u.size), 0)::pg_catalog.int8, {oldest}, {newest} from unnamed u group by u.bucket\n\
             union all select 'tenant', t.bucket, t.tenant, t.objects, 0, null, null from (\
             select u.bucket, u.tenant, pg_catalog.count(*) as objects, \
             pg_catalog.row_number() over (partition by u.bucket order by pg_catalog.count(*) desc, u.tenant) as place \
             from unnamed u group by u.bucket, u.tenant having pg_catalog.count(u.tenant) > 0) t where t.place <= {TENANTS}\n\
             union all select 'sample', s.bucket, s.name, 1, 0, null, null from (\
             select u.bucket, u.name, pg_catalog.row_number() over (partition by u.bucket order by u.name) as place \
             from unnamed u) s where s.place <= {SAMPLE}\n\
             order by 1, 2, 4 desc, 3",
            all.join("\nunion all "),
            placeholder = literal(PLACEHOLDER),
            settle = literal(SETTLE),
            oldest = instant("min"),
            newest = instant("max"),
        )
    }

    pub(super) fn keep(answer: Result<Rows, Cause>, scans: &mut Scans) {
        scans.unnamed_objects = answer.and_then(|rows| understand_unnamed(&rows)).into();
    }
}

fn instant(function: &str) -> String {
    format!(
        "pg_catalog.to_char(pg_catalog.{function}(u.created) filter (where pg_catalog.isfinite(u.created)) \
         at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
    )
}

/// Rows of `what, bucket, key, count, bytes, oldest, newest`.
fn understand_unnamed(rows: &Rows) -> Result<UnnamedByBucket, Cause> {
    let mut unnamed = UnnamedByBucket::default();
    let mut whole = false;
    for row in rows {
        let [Some(what), bucket, key, count, bytes, oldest, newest] = row.as_slice() else {
            return Err(not_understood());
        };
        if what == "end" {
            whole = true;
            continue;
        }
        let known = unnamed.buckets.entry(bucket.clone().ok_or_else(not_understood)?).or_default();
        let count = number(count.as_deref())?;
        match what.as_str() {
            "bucket" => known.objects = count,
            "unnamed" => {
                known.unnamed = count;
                known.bytes = number(bytes.as_deref())?;
                (known.oldest, known.newest) =
                    (read_instant(oldest.as_deref())?, read_instant(newest.as_deref())?);
            }
            "tenant" => known.tenants.push(TenantRows::new(key.clone(), count)),
            "sample" => known.samples.push(key.clone().ok_or_else(not_understood)?),
            _ => return Err(not_understood()),
        }
    }
    if whole { Ok(unnamed) } else { Err(not_understood()) }
}

fn read_instant(cell: Option<&str>) -> Result<Option<Timestamp>, Cause> {
    cell.map(|text| text.parse().map_err(|_| not_understood())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| (!cell.is_empty()).then(|| (*cell).to_owned())).collect()
    }

    #[test]
    fn an_answer_that_lacks_its_totals_is_none() {
        let whole = vec![
            row(&["values", "", "9"]),
            row(&["elsewhere", "", "1"]),
            row(&["lost", "", "2"]),
            row(&["tenants", "", "1"]),
            row(&["tenant", "a", "2"]),
            row(&["sample", "docs/x", "1"]),
        ];
        let named = understand_lost(&whole, true).unwrap();
        assert_eq!((named.values, named.elsewhere, named.lost, named.tenants_total), (9, 1, 2, Some(1)));
        assert_eq!(named.samples, ["docs/x"]);
        assert_eq!(understand_lost(&whole, false).unwrap().tenants_total, None);
        assert!(understand_lost(&whole[1..].to_vec(), true).is_err());
        assert!(understand_unnamed(&Vec::new()).is_err());
        let end = row(&["end", "", "", "0", "0", "", ""]);
        assert!(understand_unnamed(&vec![end]).unwrap().buckets.is_empty());
    }
}
