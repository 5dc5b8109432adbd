//! The files of migrations, as each tool names them.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256, Sha384};

use super::{MigrationTool, text_hash};
use crate::error::{Error, ErrorKind, Result};
use crate::evidence::{MigrationFile, MigrationFolder};

/// Drizzle's list of its files.
const JOURNAL: &str = "meta/_journal.json";
/// The file of SQL in each of Prisma's directories.
const PRISMA_FILE: &str = "migration.sql";

/// Whose files these look like, where the way they are laid out tells.
pub(crate) fn tool_of(folder: &str) -> Option<MigrationTool> {
    let folder = Path::new(folder);
    if folder.join(JOURNAL).is_file() {
        return Some(MigrationTool::Drizzle);
    }
    let is_prisma = folder.join("migration_lock.toml").is_file()
        || fs::read_dir(folder).ok()?.flatten().any(|entry| entry.path().join(PRISMA_FILE).is_file());
    is_prisma.then_some(MigrationTool::Prisma)
}

/// Reads the files of a tool.
///
/// # Errors
/// [`ErrorKind::Io`] where the directory or a file cannot be read.
pub(crate) fn read(folder: &str, tool: MigrationTool) -> Result<MigrationFolder> {
    let path = Path::new(folder);
    let mut read =
        MigrationFolder { path: folder.to_owned(), tool, files: Vec::new(), passed_over: Vec::new() };
    if tool == MigrationTool::Drizzle {
        journal(path, &mut read)?;
    } else {
        for (name, is_directory) in entries(path)? {
            one(path, tool, name, is_directory, &mut read)?;
        }
    }
    Ok(read)
}

fn refused(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{}: {error}", path.display()))
}

/// What is in a directory, in the order of names that the tools read it in.
fn entries(folder: &Path) -> Result<Vec<(String, bool)>> {
    let refused = |error: std::io::Error| {
        refused(folder, &error).hint("A relative directory is seen from where the command runs.")
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_directory = match fs::metadata(entry.path()) {
            Ok(metadata) => metadata.is_dir(),
            // Locks of editors lead nowhere.
            Err(_) if name.starts_with('.') => continue,
            Err(error) => return Err(self::refused(&entry.path(), &error)),
        };
        names.push((name, is_directory));
    }
    names.sort();
    Ok(names)
}

fn contents(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| refused(path, &error))
}

/// One entry of the directory, where it is a migration.
fn one(
    folder: &Path,
    tool: MigrationTool,
    name: String,
    is_directory: bool,
    read: &mut MigrationFolder,
) -> Result<()> {
    let (file, version, called) = match (tool, is_directory) {
        (MigrationTool::Prisma, true) => {
            let file = format!("{name}/{PRISMA_FILE}");
            // What is there and cannot be read is no directory without one.
            match fs::symlink_metadata(folder.join(&file)) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    read.passed_over.push(name);
                    return Ok(());
                }
                Err(error) => return Err(refused(&folder.join(&file), &error)),
            }
            (file, name, None)
        }
        (MigrationTool::Prisma, false) | (_, true) => return Ok(()),
        (_, false) => match numbered(tool, &name) {
            Numbered::Is { version, called } => (name, version, called),
            Numbered::LooksLike => {
                read.passed_over.push(name);
                return Ok(());
            }
            Numbered::Not => return Ok(()),
        },
    };
    let is_first = read.files.is_empty();
    if tool == MigrationTool::Supabase && is_first && is_old_first(&version, called.as_deref()) {
        read.passed_over.push(file);
        return Ok(());
    }
    let bytes = contents(&folder.join(&file))?;
    read.files.push(MigrationFile { version, name: called, contents: hashes(tool, &bytes), file });
    Ok(())
}

/// The first migrations that the CLI once made by itself, which it passes over.
///
/// Source: supabase/cli pkg/migration/list.go.
fn is_old_first(version: &str, called: Option<&str>) -> bool {
    called == Some("init") && version.len() == 14 && version < "20211209000000"
}

enum Numbered {
    Is {
        version: String,
        called: Option<String>,
    },
    /// Of SQL, and no migration by its name: the tool passes it over.
    LooksLike,
    Not,
}

/// A file of the form `20240131120000_name.sql`.
fn numbered(tool: MigrationTool, name: &str) -> Numbered {
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = name.split_at(digits);
    let stem = match tool {
        MigrationTool::Dbmate => rest.strip_suffix(".sql").or_else(|| rest.strip_suffix(".rb")),
        _ => rest.strip_suffix(".sql"),
    };
    let Some(stem) = stem else { return Numbered::Not };
    let called = stem.strip_prefix('_');
    if number.is_empty() || called.is_none() && tool != MigrationTool::Dbmate {
        return Numbered::LooksLike;
    }
    let called = called.unwrap_or(stem);
    if tool != MigrationTool::Sqlx {
        return Numbered::Is { version: number.to_owned(), called: Some(called.to_owned()) };
    }
    let (called, is_down) = match called.strip_suffix(".down") {
        Some(called) => (called, true),
        None => (called.strip_suffix(".up").unwrap_or(called), false),
    };
    // How to take it back is no migration of its own.
    if is_down {
        return Numbered::Not;
    }
    match number.parse::<i64>() {
        Ok(number) => Numbered::Is { version: number.to_string(), called: Some(called.replace('_', " ")) },
        Err(_) => Numbered::LooksLike,
    }
}

/// The hashes that a history may hold of a file, which line ends may have changed on the way to this machine.
fn hashes(tool: MigrationTool, bytes: &[u8]) -> Vec<String> {
    fn hex<D: Digest>(bytes: &[u8]) -> String {
        D::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }
    let hash = match tool {
        MigrationTool::Dbmate => return Vec::new(),
        MigrationTool::Supabase => return vec![text_hash(bytes)],
        MigrationTool::Drizzle | MigrationTool::Prisma => hex::<Sha256>,
        MigrationTool::Sqlx => hex::<Sha384>,
    };
    let mut unix = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\r\n") {
            Some(line) => unix.extend(line.iter().chain(b"\n")),
            None => unix.extend(line),
        }
    }
    let mut windows = Vec::with_capacity(bytes.len());
    for line in unix.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => windows.extend(line.iter().chain(b"\r\n")),
            None => windows.extend(line),
        }
    }
    let mut hashes = vec![hash(bytes), hash(&unix), hash(&windows)];
    hashes.sort();
    hashes.dedup();
    hashes
}

#[derive(Deserialize)]
struct Journal {
    entries: Vec<JournalEntry>,
}

#[derive(Deserialize)]
struct JournalEntry {
    tag: String,
    when: i64,
}

fn journal(folder: &Path, read: &mut MigrationFolder) -> Result<()> {
    let path = folder.join(JOURNAL);
    let bytes = contents(&path)?;
    let journal: Journal = serde_json::from_slice(&bytes).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("{} is no journal of Drizzle's: {error}", path.display()))
    })?;
    for JournalEntry { tag, when } in journal.entries {
        let file = format!("{tag}.sql");
        let bytes = contents(&folder.join(&file))?;
        let contents = hashes(MigrationTool::Drizzle, &bytes);
        read.files.push(MigrationFile { version: when.to_string(), name: Some(tag), contents, file });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    fn versions(files: &[(&str, &str)], tool: MigrationTool) -> (Vec<(String, Option<String>)>, Vec<String>) {
        let folder = folder(files);
        let read = read(folder.path().to_str().unwrap(), tool).unwrap();
        (read.files.into_iter().map(|file| (file.version, file.name)).collect(), read.passed_over)
    }

    fn of(version: &str, name: &str) -> (String, Option<String>) {
        (version.to_owned(), Some(name.to_owned()))
    }

    #[test]
    fn files_are_those_that_the_tool_takes() {
        let files = [
            ("20200101000000_init.sql", "select 1"),
            ("20240101000000_a_b.sql", "select 1"),
            ("20240102000000.sql", ""),
            ("README.md", ""),
            ("seed.sql", ""),
            ("20240103000000_dir/x.sql", ""),
        ];
        let (found, passed_over) = versions(&files, MigrationTool::Supabase);
        assert_eq!(found, [of("20240101000000", "a_b")]);
        assert_eq!(passed_over, ["20200101000000_init.sql", "20240102000000.sql", "seed.sql"]);
        let (found, _) = versions(&files, MigrationTool::Dbmate);
        assert_eq!(found.len(), 3);

        let files = [("0001_a_b.up.sql", ""), ("0001_a_b.down.sql", ""), ("2_c.sql", "")];
        assert_eq!(versions(&files, MigrationTool::Sqlx).0, [of("1", "a b"), of("2", "c")]);

        let files = [("1_a/migration.sql", ""), ("2_b/other.sql", ""), ("migration_lock.toml", "")];
        let (found, passed_over) = versions(&files, MigrationTool::Prisma);
        assert_eq!((found, passed_over), (vec![("1_a".to_owned(), None)], vec!["2_b".to_owned()]));

        let journal = "{\"entries\": [{\"idx\": 0, \"when\": 17, \"tag\": \"0000_x\"}]}";
        let files = [("meta/_journal.json", journal), ("0000_x.sql", "select 1"), ("0001_y.sql", "")];
        assert_eq!(versions(&files, MigrationTool::Drizzle).0, [of("17", "0000_x")]);
    }

    #[test]
    fn line_ends_are_no_edit() {
        let unix = hashes(MigrationTool::Prisma, b"a\nb\n");
        assert_eq!(unix, hashes(MigrationTool::Prisma, b"a\r\nb\r\n"));
        assert_ne!(unix, hashes(MigrationTool::Prisma, b"a\nc\n"));
        assert_eq!(hashes(MigrationTool::Sqlx, b"a")[0].len(), 96);
        assert!(hashes(MigrationTool::Dbmate, b"a").is_empty());
    }

    #[test]
    fn whose_files_they_are_is_seen() {
        let of = |files: &[(&str, &str)]| tool_of(folder(files).path().to_str().unwrap());
        assert_eq!(of(&[("meta/_journal.json", "{}")]), Some(MigrationTool::Drizzle));
        assert_eq!(of(&[("1_a/migration.sql", "")]), Some(MigrationTool::Prisma));
        assert_eq!(of(&[("1_a.sql", "")]), None);
        assert_eq!(tool_of("/no/such/folder"), None);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for tool in [MigrationTool::Supabase, MigrationTool::Drizzle, MigrationTool::Prisma] {
            assert_eq!(read("/no/such/folder", tool).unwrap_err().kind(), ErrorKind::Io, "{tool:?}");
        }
        // A link that leads to itself, and one that leads nowhere.
        let turning = folder(&[("1_a/migration.sql", ""), ("2_b/other.sql", "")]);
        std::os::unix::fs::symlink("migration.sql", turning.path().join("2_b/migration.sql")).unwrap();
        let read_as = |tool| read(turning.path().to_str().unwrap(), tool);
        assert_eq!(read_as(MigrationTool::Prisma).unwrap_err().kind(), ErrorKind::Io);
        fs::remove_file(turning.path().join("2_b/migration.sql")).unwrap();
        assert_eq!(read_as(MigrationTool::Prisma).unwrap().files.len(), 1);
        std::os::unix::fs::symlink("nowhere", turning.path().join(".#lock")).unwrap();
        assert_eq!(read_as(MigrationTool::Prisma).unwrap().files.len(), 1);
        std::os::unix::fs::symlink("nowhere", turning.path().join("3_c")).unwrap();
        assert_eq!(read_as(MigrationTool::Prisma).unwrap_err().kind(), ErrorKind::Io);
        let broken = folder(&[("meta/_journal.json", "{\"entries\": [{\"when\": 1, \"tag\": \"x\"}]}")]);
        let broken = broken.path().to_str().unwrap();
        assert!(read(broken, MigrationTool::Drizzle).unwrap_err().to_string().contains("x.sql"));
    }
}
