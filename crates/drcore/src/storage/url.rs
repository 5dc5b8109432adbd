//! Which store, as a user writes it.

use std::path::PathBuf;

use crate::error::{Error, ErrorKind, Result};

/// Where the bytes of objects are, as a user writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreUrl {
    /// `https://host/storage/v1`: the API of a storage service.
    Api {
        /// Without a slash at its end.
        base: String,
    },
    /// `file:///dir`: a directory of the file backend, which holds `<tenant>/<bucket>/…`.
    Directory(PathBuf),
    /// `supabase://ref`: the API of a hosted project.
    Project {
        /// Its ref.
        reference: String,
    },
    /// `s3://bucket/prefix`: a bucket behind the S3 protocol.
    S3 {
        /// The bucket.
        bucket: String,
        /// What stands before the tenants; empty, or ending in `/`.
        prefix: String,
    },
}

impl StoreUrl {
    /// Reads `s3://bucket/prefix`, `file:///dir`, `supabase://ref` or `https://host/storage/v1`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if it is none of them, or holds a key, which belongs into the environment.
    pub fn parse(text: &str) -> Result<Self> {
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
            "http" | "https" => Self::parse_api(text, rest),
            "s3" => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                no_key(bucket, rest)?;
                if bucket.contains(':') {
                    return usage("the URL holds a user, a key or a port");
                }
                if bucket.is_empty() {
                    return usage("the URL names no bucket");
                }
                let prefix = prefix.trim_matches('/');
                let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
                Ok(Self::S3 { bucket: bucket.to_owned(), prefix })
            }
            "supabase" => {
                let reference = rest.strip_suffix('/').unwrap_or(rest);
                no_key(reference, rest)?;
                // As the platform makes them.
                if reference.len() != 20 || !reference.bytes().all(|byte| byte.is_ascii_lowercase()) {
                    return usage("expected the ref of a project after supabase://, which is 20 letters");
                }
                Ok(Self::Project { reference: reference.to_owned() })
            }
            "gs" => usage("gs:// is not read by itself").map_err(|error| {
                error.hint(
                    "Google's buckets speak the S3 protocol too: write s3://BUCKET/PREFIX, with \
                     AWS_ENDPOINT_URL=https://storage.googleapis.com and an HMAC key.",
                )
            }),
            "az" | "azure" | "abfs" | "abfss" => usage("Azure's containers are not read").map_err(|error| {
                error.hint(
                    "The storage service keeps its files in a directory or behind the S3 protocol only; if a \
                         gateway stands between, write s3://BUCKET/PREFIX with its AWS_ENDPOINT_URL.",
                )
            }),
            _ => usage("only s3://, file://, supabase:// and https:// are known"),
        }
    }

    fn parse_api(text: &str, rest: &str) -> Result<Self> {
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        no_key(host, rest)?;
        if host.is_empty() || text.contains('#') {
            return usage("the URL names no host");
        }
        let name = host.split(':').next().unwrap_or_default();
        let project = name.strip_suffix(".supabase.co").map(|name| name.trim_end_matches(".storage"));
        match project {
            // However the address of a project is written.
            Some(reference) if host == name => Self::parse(&format!("supabase://{reference}")),
            _ if path.trim_matches('/').is_empty() => usage(
                "the URL names no storage service: it usually is at /storage/v1 (http://HOST:8000/storage/v1)",
            ),
            _ => Ok(Self::Api { base: text.trim_end_matches('/').to_owned() }),
        }
    }
}

fn usage<T>(message: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Usage, format!("store: {message}")).hint(
        "Write s3://BUCKET/PREFIX or file:///DIRECTORY where the files are, supabase://REF or https://HOST/storage/v1 \
         for the service's API; keys are read from the environment.",
    ))
}

/// Refuses what may be a key.
fn no_key(host: &str, rest: &str) -> Result<()> {
    if host.contains('@') {
        return usage("the URL holds a user, a key or a port");
    }
    if rest.contains('?') {
        return usage("the URL holds a query");
    }
    Ok(())
}

/// As it is written, without what is no part of it.
impl std::fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Api { base } => f.write_str(base),
            Self::Directory(path) => write!(f, "file://{}", path.display()),
            Self::Project { reference } => write!(f, "supabase://{reference}"),
            Self::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_buckets_directories_or_services_and_hold_no_keys() {
        let reference = "abcdefghijklmnopqrst";
        let project = format!("supabase://{reference}");
        for (text, is) in [
            ("s3://b", "s3://b/"),
            ("s3://b/", "s3://b/"),
            ("s3://b/some/where/", "s3://b/some/where/"),
            ("file:///var/lib/storage", "file:///var/lib/storage"),
            (&project, &project),
            (&format!("https://{reference}.supabase.co"), &project),
            (&format!("https://{reference}.supabase.co/storage/v1"), &project),
            (&format!("https://{reference}.storage.supabase.co/storage/v1/s3"), &project),
            ("http://localhost:8000/storage/v1/", "http://localhost:8000/storage/v1"),
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
            "https://b:secret@c/storage/v1",
            "https://b/storage/v1?apikey=secret",
            "https:///storage/v1",
            "supabase://",
            "supabase://short",
            "supabase://service:secret@abcdefghijklmnopqrst",
            "ftp://b",
            "gs://b",
            "az://b",
        ] {
            let error = StoreUrl::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
        for (text, needle) in [("gs://b", "storage.googleapis.com"), ("az://b", "gateway")] {
            assert!(StoreUrl::parse(text).unwrap_err().hint_text().unwrap().contains(needle), "{text}");
        }
    }
}
