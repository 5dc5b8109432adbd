//! What a store answers: a page of a listing, or why not.

use jiff::Timestamp;
use quick_xml::events::Event;
use quick_xml::{Reader, escape};

/// One page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    pub(super) prefixes: Vec<String>,
    /// What the next page is asked for with; none where this is the last.
    pub(super) next: Option<String>,
}

/// One file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) etag: Option<String>,
    /// In milliseconds since 1970.
    pub(super) modified: Option<i64>,
}

/// Why a store refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::storage) struct Refusal {
    pub(in crate::storage) code: Option<String>,
    pub(in crate::storage) message: Option<String>,
    pub(super) region: Option<String>,
}

impl Page {
    /// Reads a `ListBucketResult`.
    ///
    /// # Errors
    /// What is wrong with it: half a listing is none.
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let mut page = Self::default();
        let mut truncated = None;
        let (mut key, mut size, mut etag, mut modified) = (None, None, None, None);
        each_text(body, "ListBucketResult", |path, text| {
            match path {
                "IsTruncated" => truncated = Some(text.trim().to_owned()),
                "NextContinuationToken" => page.next = Some(text.to_owned()),
                "Contents/Key" => key = Some(text.to_owned()),
                "Contents/Size" => size = text.trim().parse().ok(),
                "Contents/ETag" => {
                    etag = Some(text.trim_matches('"').to_owned()).filter(|etag| !etag.is_empty());
                }
                "Contents/LastModified" => {
                    modified = text.trim().parse().ok().map(|at: Timestamp| at.as_millisecond());
                }
                "Contents" => {
                    let key = key.take().ok_or("a file has no key")?;
                    let size = size.take().ok_or("a file has no size")?;
                    page.objects.push(Object { key, size, etag: etag.take(), modified: modified.take() });
                }
                "CommonPrefixes/Prefix" => page.prefixes.push(text.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        match truncated.as_deref() {
            Some("true") if page.next.is_none() => {
                Err("there is more, and nothing to ask for it with".to_owned())
            }
            Some("true") => Ok(page),
            Some("false") => Ok(Self { next: None, ..page }),
            _ => Err("it does not say whether it is all".to_owned()),
        }
    }
}

impl Refusal {
    /// Reads an `Error`; nothing where it is none.
    pub(in crate::storage) fn read(body: &[u8]) -> Self {
        let mut refusal = Self::default();
        let read = each_text(body, "Error", |path, text| {
            match path {
                "Code" => refusal.code = Some(text.trim().to_owned()),
                "Message" => refusal.message = Some(text.trim().to_owned()),
                "Region" => refusal.region = Some(text.trim().to_owned()),
                _ => {}
            }
            Ok(())
        });
        if read.is_ok() { refusal } else { Self::default() }
    }
}

/// The names in a `ListAllMyBucketsResult`.
///
/// # Errors
/// What is wrong with it.
pub(in crate::storage) fn bucket_names(body: &[u8]) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    each_text(body, "ListAllMyBucketsResult", |path, text| {
        if path == "Buckets/Bucket/Name" {
            names.push(text.to_owned());
        }
        Ok(())
    })?;
    Ok(names)
}

/// Hands the text of every element below the root to `each`, with the names that lead there, as it ends: of one that
/// holds others, what stands after the last of them.
fn each_text(
    body: &[u8],
    root: &str,
    mut each: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    let mut reader = Reader::from_reader(body);
    // `Contents/Key`: nothing is put anywhere else for a thousand files.
    let (mut path, mut text) = (String::new(), String::new());
    let (mut depth, mut whole) = (0_usize, false);
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(start) => {
                let name = start.local_name();
                let name = std::str::from_utf8(name.as_ref()).map_err(|error| wrong(&error))?;
                if depth == 0 && (name != root || whole) {
                    return Err(format!("it is <{name}>"));
                }
                enter(&mut path, depth, name);
                text.clear();
                depth += 1;
            }
            Event::Empty(empty) => {
                let name = empty.local_name();
                let name = std::str::from_utf8(name.as_ref()).map_err(|error| wrong(&error))?;
                if depth == 0 {
                    if name != root || whole {
                        return Err(format!("it is <{name}/>"));
                    }
                    whole = true;
                    continue;
                }
                enter(&mut path, depth, name);
                each(&path, "")?;
                leave(&mut path);
                text.clear();
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or("it ends twice")?;
                if depth == 0 {
                    whole = true;
                } else {
                    each(&path, &text)?;
                    leave(&mut path);
                }
                text.clear();
            }
            Event::Text(some) => text.push_str(&some.decode().map_err(|error| wrong(&error))?),
            Event::CData(some) => text.push_str(&some.decode().map_err(|error| wrong(&error))?),
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| wrong(&error))?;
                let reference = format!("&{name};");
                text.push_str(&escape::unescape(&reference).map_err(|error| wrong(&error))?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if whole && depth == 0 { Ok(()) } else { Err("it ends in the middle".to_owned()) }
}

/// Adds a name below the root to a path.
fn enter(path: &mut String, depth: usize, name: &str) {
    if depth == 0 {
        return;
    }
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(name);
}

fn leave(path: &mut String) {
    path.truncate(path.rfind('/').unwrap_or(0));
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <IsTruncated>true</IsTruncated><NextContinuationToken>a+b=</NextContinuationToken>\
        <Contents><Key>t/b/ a &amp; b&#x20;</Key><Size>0</Size><ETag>&quot;d41d8&quot;</ETag>\
        <LastModified>2026-11-20T02:00:03.250Z</LastModified>\
        <Owner><ID>x</ID></Owner></Contents>\
        <Contents><Size>7</Size><Key>t/b/a//v</Key></Contents>\
        <CommonPrefixes><Prefix>t/</Prefix></CommonPrefixes></ListBucketResult>";

    #[test]
    fn keys_are_taken_as_they_are() {
        let page = Page::read(WHOLE.as_bytes()).unwrap();
        let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["t/b/ a & b ", "t/b/a//v"]);
        assert_eq!((page.objects[0].size, page.objects[0].etag.as_deref()), (0, Some("d41d8")));
        assert_eq!(page.objects[0].modified, Some(1_795_140_003_250));
        assert_eq!((page.objects[1].etag.as_deref(), page.objects[1].modified), (None, None));
        assert_eq!((page.prefixes, page.next.as_deref()), (vec!["t/".to_owned()], Some("a+b=")));
    }

    #[test]
    fn half_a_listing_is_none() {
        for end in 0..WHOLE.len() {
            assert!(Page::read(&WHOLE.as_bytes()[..end]).is_err(), "{end}");
        }
        for odd in [
            "",
            "OK",
            "<Error><Code>InternalError</Code></Error>",
            "<html></html>",
            "<ListBucketResult/>",
            "<ListBucketResult></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents></ListBucketResult>",
            "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Size>1</Size></Contents></ListBucketResult>",
        ] {
            assert!(Page::read(odd.as_bytes()).is_err(), "{odd}");
        }
        let last = "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
        assert_eq!(Page::read(last.as_bytes()).unwrap(), Page::default());
    }

    #[test]
    fn buckets_are_read() {
        let body = "<ListAllMyBucketsResult><Buckets><Bucket><Name>a &amp; b</Name><CreationDate>x</CreationDate>\
            </Bucket><Bucket><Name>c</Name></Bucket></Buckets><Owner><ID>d</ID></Owner></ListAllMyBucketsResult>";
        assert_eq!(bucket_names(body.as_bytes()).unwrap(), ["a & b", "c"]);
        assert!(bucket_names(b"<html></html>").is_err());
    }

    #[test]
    fn refusals_are_read_where_they_are_some() {
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
            <Region>eu-central-1</Region></Error>";
        assert_eq!(Refusal::read(body).region.as_deref(), Some("eu-central-1"));
        assert_eq!(Refusal::read(b"<html>502</html>"), Refusal::default());
    }
}
