//! Which store, as a user writes it.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// Where the bytes of objects are, as a user writes it: what holds `<tenant>/<bucket>/…`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// `file:///dir`: a directory of the file backend.
    Directory(PathBuf),
    /// `s3://bucket/prefix`: a bucket behind the S3 protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// What stands before the tenants; empty, or ending in `/`.
        prefix: String,
    },
}

impl StoreUrl {
    /// Reads `s3://bucket/prefix` or `file:///dir`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is neither, or holds a key, which belongs into the environment.
    pub fn parse(text: &str) -> Result<Self> {
        let usage = |message: &str| {
            Err(Error::new(ErrorKind::Usage, format!("store: {message}"))
                .hint("Write s3://BUCKET/PREFIX or file:///DIRECTORY; keys are read from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return usage("expected a URL");
        };
        match scheme {
            "file" => {
                let path = rest.strip_prefix("localhost").unwrap_or(rest);
                if !path.starts_with('/') {
                    return usage("expected an absolute path after file://");
                }
                Ok(Self::Directory(PathBuf::from(path)))
            }
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                if bucket.contains(['@', ':']) {
                    return usage("the URL holds a user, a key or a port");
                }
                if bucket.contains('?') || prefix.contains('?') {
                    return usage("the URL holds a query");
                }
                if bucket.is_empty() {
                    return usage("the URL names no bucket");
                }
                let prefix = prefix.trim_matches('/');
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                Ok(Self::S3 { bucket: bucket.to_owned(), prefix })
            }
            _ => usage("only s3:// and file:// are known"),
        }
    }
}

/// As it is written, without what is no part of it.
impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Directory(path) => write!(f, "file://{}", path.display()),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_buckets_or_directories_and_hold_no_keys() {
        for (text, is) in [
            ("s3://b", "s3://b/"),
            ("s3://b/", "s3://b/"),
            ("s3://b/some/where/", "s3://b/some/where/"),
            ("file:///var/lib/storage", "file:///var/lib/storage"),
        ] {
            assert_eq!(StoreUrl::parse(text).unwrap().to_string(), is);
        }
        for text in [
            "b",
            "/var/lib/storage",
            "file://var",
            "s3://",
            "s3://key:secret@b",
            "s3://b/?key=secret",
            "https://b",
        ] {
            let error = StoreUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
