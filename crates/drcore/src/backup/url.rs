//! Which repository, as a user writes it.

use std::fmt;
use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// Where backups are, as a user writes it: a bucket and a prefix in it, or a directory.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RepositoryUrl {
    /// `az://container/prefix`: a container of Azure's Blob Storage.
    Azure(Bucket),
    /// `/dir` or `file:///dir`.
    Directory(PathBuf),
    /// `gs://bucket/prefix`: a bucket of Google's Cloud Storage.
    Google(Bucket),
    /// `s3://bucket/prefix`: a bucket behind the S3 protocol, Amazon's or another's (`AWS_ENDPOINT_URL`).
    S3(Bucket),
}

/// A bucket, and what stands before the names in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Empty, or ending in `/`.
    pub prefix: String,
}

impl RepositoryUrl {
    /// Reads `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`, `file:///dir` or the path of a
    /// directory.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is none of these, or holds a key, which belongs into the environment.
    pub fn parse(text: &str) -> Result<Self> {
        let Some((scheme, rest)) = text.split_once("://") else { return Self::path(text) };
        match scheme {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                if !path.starts_with('/') {
                    return Err(usage("expected an absolute path after file://"));
                }
                Self::path(path)
            }
            "s3" => Bucket::parse(rest).map(Self::S3),
            "gs" => Bucket::parse(rest).map(Self::Google),
            "az" => Bucket::parse(rest).map(Self::Azure),
            _ => Err(usage("only s3://, gs://, az://, file:// and directories are known")),
        }
    }

    fn path(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(usage("expected a URL or a directory"));
        }
        let path =
            std::path::absolute(text).map_err(|error| usage("the path cannot be used").caused_by(error))?;
        Ok(Self::Directory(path))
    }

    /// Whether a text names a repository rather than a file or a database: it is a URL of a bucket or directory.
    pub(crate) fn is_one(text: &str) -> bool {
        ["s3://", "gs://", "az://", "file://"].iter().any(|scheme| text.starts_with(scheme))
    }

    /// The same, one level up; and the last name of it. None at the top.
    pub(crate) fn parent(&self) -> Option<(Self, String)> {
        let above = |bucket: &Bucket| {
            let inner = bucket.prefix.strip_suffix('/')?;
            let (prefix, name) = inner.rsplit_once('/').map_or(("", inner), |(above, name)| (above, name));
            let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            Some((Bucket { name: bucket.name.clone(), prefix }, name.to_owned()))
        };
        Some(match self {
            Self::Azure(bucket) => above(bucket).map(|(bucket, name)| (Self::Azure(bucket), name))?,
            Self::Google(bucket) => above(bucket).map(|(bucket, name)| (Self::Google(bucket), name))?,
            Self::S3(bucket) => above(bucket).map(|(bucket, name)| (Self::S3(bucket), name))?,
            Self::Directory(path) => {
                (Self::Directory(path.parent()?.to_path_buf()), path.file_name()?.to_str()?.to_owned())
            }
        })
    }
}

impl Bucket {
    fn parse(text: &str) -> Result<Self> {
        let (name, prefix) = text.split_once('/').unwrap_or((text, ""));
        if name.contains(['@', ':']) {
            return Err(usage("the URL holds a user, a key or a port"));
        }
        if text.contains(['?', '#']) {
            return Err(usage("the URL holds a query or a fragment"));
        }
        if name.is_empty() {
            return Err(usage("the URL names no bucket"));
        }
        let prefix = prefix.trim_matches('/');
        if prefix.split('/').any(|part| part == "." || part == "..") || prefix.contains("//") {
            return Err(usage("the URL has an empty part, or one that is . or .."));
        }
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self { name: name.to_owned(), prefix })
    }
}

/// As it is written.
impl fmt::Display for RepositoryUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Azure(bucket) => write!(f, "az://{bucket}"),
            Self::Directory(path) => write!(f, "{}", path.display()),
            Self::Google(bucket) => write!(f, "gs://{bucket}"),
            Self::S3(bucket) => write!(f, "s3://{bucket}"),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.prefix)
    }
}

fn usage(message: &str) -> Error {
    Error::new(ErrorKind::Usage, format!("repository: {message}")).hint(
        "Write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or a directory; keys are read from the \
         environment.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_buckets_or_directories_and_hold_no_keys() {
        for (text, is) in [
            ("s3://b", "s3://b/"),
            ("s3://b/some/where/", "s3://b/some/where/"),
            ("gs://b/x", "gs://b/x/"),
            ("az://c", "az://c/"),
            ("file:///var/backups", "/var/backups"),
            ("/var/backups/", "/var/backups/"),
        ] {
            assert_eq!(RepositoryUrl::parse(text).unwrap().to_string(), is);
        }
        for text in [
            "",
            "file://var",
            "s3://",
            "s3://key:secret@b",
            "s3://b/?key=secret",
            "s3://b/../c",
            "s3://b/a//c",
            "https://b",
            "postgresql://u:secret@h/d",
        ] {
            let error = RepositoryUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn one_level_up() {
        let up = |text: &str| {
            RepositoryUrl::parse(text).unwrap().parent().map(|(url, name)| (url.to_string(), name))
        };
        let pair = |url: &str, name: &str| Some((url.to_owned(), name.to_owned()));
        assert_eq!(up("s3://b/x/y"), pair("s3://b/x/", "y"));
        assert_eq!(up("s3://b/x"), pair("s3://b/", "x"));
        assert_eq!(up("s3://b"), None);
        assert_eq!(up("/a/b"), pair("/a", "b"));
    }
}
