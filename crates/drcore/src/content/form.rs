//! As which bytes the values of a type are compared.

/// As which bytes the values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// What the send function of this built-in type gives.
    Send(&'static Builtin),
    /// What the type's output function gives, under pinned settings.
    Output,
}

/// A built-in type whose send function gives what a dump carries, no more and no less.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Builtin {
    pub(crate) oid: u32,
    /// Its name, in `pg_catalog`.
    pub(crate) name: &'static str,
    /// How many bytes every value has, where all have as many.
    pub(crate) size: Option<usize>,
}

/// `text`, which is also what output functions give.
pub(crate) const TEXT: u32 = 25;

/// Built-in types and how many bytes their values have. Not among them, and therefore compared by the
/// text that their output functions give:
///
/// - arrays: `array_send` tells whether there is a bitmap of NULLs, even where nothing is NULL any more;
///   a dump does not;
/// - geometric types: their coordinates may be NaNs of different bits;
/// - `xml`, whose send function adds a declaration; `reg*`, which send OIDs; `aclitem`, which has none.
///
/// OIDs of built-in types never change. Source: `src/include/catalog/pg_type.dat` of PostgreSQL 13 to 18.
#[rustfmt::skip]
const BUILTINS: &[Builtin] = &[
    fixed(16, "bool", 1),
    varying(17, "bytea"),
    fixed(18, "char", 1),
    varying(19, "name"),
    fixed(20, "int8", 8),
    fixed(21, "int2", 2),
    fixed(23, "int4", 4),
    varying(TEXT, "text"),
    fixed(26, "oid", 4),
    varying(114, "json"),
    varying(650, "cidr"),
    fixed(700, "float4", 4),
    fixed(701, "float8", 8),
    fixed(774, "macaddr8", 8),
    fixed(790, "money", 8),
    fixed(829, "macaddr", 6),
    varying(869, "inet"),
    varying(1042, "bpchar"),
    varying(1043, "varchar"),
    fixed(1082, "date", 4),
    fixed(1083, "time", 8),
    fixed(1114, "timestamp", 8),
    fixed(1184, "timestamptz", 8),
    fixed(1186, "interval", 16),
    fixed(1266, "timetz", 12),
    varying(1560, "bit"),
    varying(1562, "varbit"),
    varying(1700, "numeric"),
    fixed(2950, "uuid", 16),
    fixed(3220, "pg_lsn", 8),
    varying(3614, "tsvector"),
    varying(3615, "tsquery"),
    varying(3802, "jsonb"),
    varying(3904, "int4range"),
    varying(3906, "numrange"),
    varying(3908, "tsrange"),
    varying(3910, "tstzrange"),
    varying(3912, "daterange"),
    varying(3926, "int8range"),
    varying(4072, "jsonpath"),
    varying(4451, "int4multirange"),
    varying(4532, "nummultirange"),
    varying(4533, "tsmultirange"),
    varying(4534, "tstzmultirange"),
    varying(4535, "datemultirange"),
    varying(4536, "int8multirange"),
    fixed(5069, "xid8", 8),
];

const fn fixed(oid: u32, name: &'static str, size: usize) -> Builtin {
    Builtin { oid, name, size: Some(size) }
}

const fn varying(oid: u32, name: &'static str) -> Builtin {
    Builtin { oid, name, size: None }
}

impl Form {
    /// The form of a type by its OID, or that of the type that a domain is based on.
    pub(crate) fn of(oid: Option<u32>) -> Self {
        let builtin = oid.and_then(|oid| BUILTINS.binary_search_by_key(&oid, |builtin| builtin.oid).ok());
        builtin.map_or(Self::Output, |at| Self::Send(&BUILTINS[at]))
    }

    /// The form that has this name in Evidence.
    pub(crate) fn named(name: &str) -> Self {
        BUILTINS.iter().find(|builtin| builtin.name == name).map_or(Self::Output, Self::Send)
    }

    /// Its name, as Evidence keeps it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send(builtin) => builtin.name,
            Self::Output => "output",
        }
    }

    /// The OID that `record_send` puts before the value.
    pub(crate) fn oid(self) -> u32 {
        match self {
            Self::Send(builtin) => builtin.oid,
            Self::Output => TEXT,
        }
    }

    /// How many bytes every value has, where all have as many.
    pub(crate) fn size(self) -> Option<usize> {
        match self {
            Self::Send(builtin) => builtin.size,
            Self::Output => None,
        }
    }

    /// The expression whose bytes are compared, of a column that is quoted already.
    pub(crate) fn expression(self, column: &str) -> String {
        match self {
            // A dump writes every NaN as NaN; arithmetic leaves ones of other bits.
            Self::Send(Builtin { name: name @ ("float4" | "float8"), .. }) => format!(
                "case when {column} = 'NaN' then 'NaN'::pg_catalog.{name} else {column}::pg_catalog.{name} end"
            ),
            // A domain's own OID would be in the frame: cast to what it is based on.
            Self::Send(builtin) => format!("{column}::pg_catalog.{}", crate::sql::quote(builtin.name)),
            // Not a cast to text, which somebody may have defined otherwise. Composite values
            // whose fields are all NULL are not NULL.
            Self::Output => format!(
                "case when pg_catalog.num_nulls({column}) = 0 then pg_catalog.format('%s', {column}) end"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builtin_types_are_in_order_of_their_oids() {
        assert!(BUILTINS.is_sorted_by_key(|builtin| builtin.oid));
        assert_eq!(Form::of(Some(2950)).name(), "uuid");
        assert_eq!(Form::of(Some(1007)), Form::Output, "arrays are compared by their text");
        assert_eq!(Form::of(None), Form::Output);
    }
}
