//! The sketches of a baseline: a binary file beside its JSON.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Sketch;
use crate::error::Result;
use crate::sql::QualifiedName;

/// What the file begins with.
const MAGIC: &[u8] = b"drcore.sketches/1\n";
/// All sketches of a baseline together have no more bytes than this: the largest are folded until they fit.
const BUDGET: usize = 64 << 20;

/// The sketches of the tables of one database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sketches {
    tables: BTreeMap<QualifiedName, Arc<Sketch>>,
    /// Those that were asked for and could not be made, with the reason.
    missing: BTreeMap<QualifiedName, String>,
    /// Why there are none, where there should be some.
    lost: Option<String>,
    /// Cells of those that are to be made, as a power of two, where there is nothing to take them from.
    expected: BTreeMap<QualifiedName, u32>,
}

/// The file that holds the sketches of stored Evidence, beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "SketchFile")]
#[non_exhaustive]
pub struct SketchFile {
    /// Its name, in the directory of the Evidence.
    pub file: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
}

impl Sketches {
    pub(crate) fn insert(&mut self, table: QualifiedName, sketch: Sketch) {
        self.tables.insert(table, Arc::new(sketch));
        self.lost = None;
    }

    /// One of 2^`bits` cells a part is to be made of this table.
    pub(crate) fn expect(&mut self, table: QualifiedName, bits: u32) {
        self.expected.insert(table, bits);
    }

    /// Cells of the sketch of this table, or of the one that is to be made, as a power of two.
    pub(crate) fn bits(&self, table: &QualifiedName) -> Option<u32> {
        self.get(table).map(Sketch::bits).or_else(|| self.expected.get(table).copied())
    }

    /// The sketch of this table could not be made, because of `why`.
    pub(crate) fn miss(&mut self, table: QualifiedName, why: String) {
        self.tables.remove(&table);
        self.missing.insert(table, why);
    }

    /// Whether the sketch of this table was made, or could not be.
    pub(crate) fn was_asked(&self, table: &QualifiedName) -> bool {
        self.tables.contains_key(table) || self.missing.contains_key(table)
    }

    pub(crate) fn get(&self, table: &QualifiedName) -> Option<&Sketch> {
        self.tables.get(table).map(Arc::as_ref)
    }

    /// Why there is none of this table, where there should be one.
    pub(crate) fn lost(&self, table: &QualifiedName) -> Option<&str> {
        self.missing.get(table).or(self.lost.as_ref()).map(String::as_str)
    }

    /// Adds those that others made of the same database. Those of parts of one table, of which `added` knows, are added
    /// up; of two that are of the whole the larger is kept.
    pub(crate) fn join(&mut self, other: Self, added: impl Fn(&QualifiedName) -> bool) {
        for (table, sketch) in other.tables {
            let sketch = match self.tables.remove(&table) {
                None => sketch,
                Some(known) if added(&table) => {
                    let mut sum = Arc::unwrap_or_clone(known);
                    if !sum.add(&sketch) {
                        self.miss(table, "its parts were read in different ways".to_owned());
                        continue;
                    }
                    Arc::new(sum)
                }
                Some(known) => {
                    if known.bits() >= sketch.bits() {
                        known
                    } else {
                        sketch
                    }
                }
            };
            self.tables.insert(table, sketch);
        }
        for (table, why) in other.missing {
            let known = self.missing.entry(table).or_insert_with(|| why.clone());
            if why < *known {
                *known = why;
            }
        }
        self.missing.retain(|table, _| !self.tables.contains_key(table));
        self.lost = self.lost.take().into_iter().chain(other.lost).min();
    }

    /// The sketch of a table of which all parts are there: it has as many cells as suit so many rows.
    pub(crate) fn settle(&mut self, table: &QualifiedName, rows: u64) {
        let bits = Sketch::bits_for(rows);
        if let Some(sketch) = self.tables.get_mut(table).filter(|sketch| bits < sketch.bits()) {
            *sketch = Arc::new(sketch.folded(bits));
        }
    }

    /// Folds the largest until all together have no more bytes than a baseline may.
    pub(crate) fn fit(&mut self) {
        self.fit_within(BUDGET);
    }

    fn fit_within(&mut self, budget: usize) {
        let size =
            |tables: &BTreeMap<_, Arc<Sketch>>| tables.values().map(|sketch| sketch.size()).sum::<usize>();
        while size(&self.tables) > budget {
            let Some(largest) = self.tables.values_mut().max_by_key(|sketch| sketch.size()) else { return };
            let folded = largest.folded(largest.bits() - 1);
            if folded.bits() == largest.bits() {
                return;
            }
            *largest = Arc::new(folded);
        }
    }

    /// Writes them beside `path`; says what was written, or none where there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file cannot be written.
    pub(crate) fn save_beside(&self, path: &Path) -> Result<Option<SketchFile>> {
        if self.tables.is_empty() {
            return Ok(None);
        }
        let file = beside(path);
        let mut bytes = MAGIC.to_vec();
        for (name, sketch) in &self.tables {
            for part in [name.to_string().as_bytes(), &sketch.to_bytes()] {
                bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
                bytes.extend_from_slice(part);
            }
        }
        crate::wire::save_bytes(&file, &bytes, "sketches of the baseline")?;
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Some(SketchFile { file: name, bytes: bytes.len() as u64, sha256: digest(&bytes) }))
    }

    /// Reads what [`save_beside`](Self::save_beside) wrote. What cannot be read is lost, and
    /// [`lost`](Self::lost) says why: a baseline is worth something without its sketches.
    pub(crate) fn load_beside(path: &Path, file: &SketchFile) -> Self {
        Self::try_load(path, file).unwrap_or_else(|why| Self::none(format!("{}: {why}", file.file)))
    }

    /// Those that stored Evidence refers to, where nobody knows in which directory they are.
    pub(crate) fn elsewhere(file: &SketchFile) -> Self {
        Self::none(format!("{}: only the JSON of the baseline was given, and not where it is", file.file))
    }

    fn none(why: String) -> Self {
        Self { lost: Some(why), ..Self::default() }
    }

    fn try_load(path: &Path, file: &SketchFile) -> std::result::Result<Self, String> {
        // The name comes from a file that may be anybody's.
        if Path::new(&file.file).components().count() != 1 || file.file == ".." {
            return Err("is not in the directory of the baseline".to_owned());
        }
        let bytes = std::fs::read(path.with_file_name(&file.file)).map_err(|error| error.to_string())?;
        if bytes.len() as u64 != file.bytes || digest(&bytes) != file.sha256 {
            return Err("is not the file that was written with the baseline".to_owned());
        }
        Self::from_bytes(&bytes).ok_or_else(|| "is no file of sketches of this version".to_owned())
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes.strip_prefix(MAGIC)?;
        let mut tables = BTreeMap::new();
        while !rest.is_empty() {
            let mut part = || {
                let (length, after) = rest.split_first_chunk()?;
                let (part, after) =
                    after.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
                rest = after;
                Some(part)
            };
            let name = QualifiedName::parse(std::str::from_utf8(part()?).ok()?).ok()?;
            tables.insert(name, Arc::new(Sketch::from_bytes(part()?)?));
        }
        Some(Self { tables, ..Self::default() })
    }
}

/// `baseline.json` has `baseline.sketches`.
fn beside(path: &Path) -> PathBuf {
    path.with_extension("sketches")
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::RowHash;

    fn sketches() -> Sketches {
        let mut sketches = Sketches::default();
        for (table, bits) in [("a", 6), ("b c", 9)] {
            let mut sketch = Sketch::new(bits, 9);
            sketch.insert(RowHash::of(table.as_bytes()), &[1; 9]);
            sketches.insert(QualifiedName::new("public", table), sketch);
        }
        sketches
    }

    #[test]
    fn the_file_beside_comes_back_or_says_why_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("2026.baseline.json");
        let file = sketches().save_beside(&path).unwrap().unwrap();
        assert_eq!(file.file, "2026.baseline.sketches");
        assert_eq!(Sketches::load_beside(&path, &file), sketches());

        let lost = |file: &SketchFile| {
            Sketches::load_beside(&path, file).lost(&QualifiedName::new("public", "a")).unwrap().to_owned()
        };
        let stranger = SketchFile { file: "../2026.baseline.sketches".to_owned(), ..file.clone() };
        assert!(lost(&stranger).contains("directory"), "{}", lost(&stranger));
        std::fs::write(directory.path().join(&file.file), b"x").unwrap();
        assert!(lost(&file).contains("not the file"), "{}", lost(&file));
        std::fs::remove_file(directory.path().join(&file.file)).unwrap();
        assert!(lost(&file).contains("2026.baseline.sketches"), "{}", lost(&file));
        assert_eq!(Sketches::default().save_beside(&path).unwrap(), None);
    }

    #[test]
    fn the_largest_are_folded_until_all_fit() {
        let mut sketches = sketches();
        let small = sketches.get(&QualifiedName::new("public", "a")).unwrap().size();
        sketches.fit_within(3 * small);
        assert_eq!(sketches.get(&QualifiedName::new("public", "a")).unwrap().size(), small);
        assert_eq!(sketches.get(&QualifiedName::new("public", "b c")).unwrap().size(), 2 * small);
        // There is a smallest size; below it nothing is given up.
        sketches.fit_within(1);
        assert!(sketches.get(&QualifiedName::new("public", "a")).unwrap().clone().peel().whole);
    }
}
