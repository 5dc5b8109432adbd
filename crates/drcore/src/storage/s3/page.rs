//! What a store answers: a page of a listing, or why not.

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
        let mut object: [Option<String>; 3] = [const { None }; 3];
        each_text(body, "ListBucketResult", |path, text| {
            match path {
                ["IsTruncated"] => truncated = Some(text.trim().to_owned()),
                ["NextContinuationToken"] => page.next = Some(text),
                ["Contents", "Key"] => object[0] = Some(text),
                ["Contents", "Size"] => object[1] = Some(text),
                ["Contents", "ETag"] => object[2] = Some(text.trim_matches('"').to_owned()),
                ["Contents"] => {
                    let [key, size, etag] = std::mem::take(&mut object);
                    let key = key.ok_or("a file has no key")?;
                    let size = size.and_then(|size| size.trim().parse().ok()).ok_or("a file has no size")?;
                    page.objects.push(Object { key, size, etag: etag.filter(|etag| !etag.is_empty()) });
                }
                ["CommonPrefixes", "Prefix"] => page.prefixes.push(text),
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
                ["Code"] => refusal.code = Some(text.trim().to_owned()),
                ["Message"] => refusal.message = Some(text.trim().to_owned()),
                ["Region"] => refusal.region = Some(text.trim().to_owned()),
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
        if path == ["Buckets", "Bucket", "Name"] {
            names.push(text);
        }
        Ok(())
    })?;
    Ok(names)
}

/// Hands the text of every element below the root to `each`, with the names that lead there, as it ends.
fn each_text(
    body: &[u8],
    root: &str,
    mut each: impl FnMut(&[&str], String) -> Result<(), String>,
) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| error.to_string();
    let mut reader = Reader::from_reader(body);
    let mut open: Vec<(String, String)> = Vec::new();
    let mut whole = false;
    loop {
        match reader.read_event().map_err(|error| wrong(&error))? {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
                if open.is_empty() && (name != root || whole) {
                    return Err(format!("it is <{name}>"));
                }
                open.push((name, String::new()));
            }
            Event::Empty(empty) => {
                let name = String::from_utf8_lossy(empty.local_name().as_ref()).into_owned();
                if open.is_empty() {
                    if name != root || whole {
                        return Err(format!("it is <{name}/>"));
                    }
                    whole = true;
                    continue;
                }
                let path: Vec<&str> =
                    open.iter().skip(1).map(|(name, _)| name.as_str()).chain([name.as_str()]).collect();
                each(&path, String::new())?;
            }
            Event::End(_) => {
                let Some((_, text)) = open.last_mut() else { return Err("it ends twice".to_owned()) };
                let text = std::mem::take(text);
                let path: Vec<&str> = open.iter().skip(1).map(|(name, _)| name.as_str()).collect();
                if path.is_empty() {
                    whole = true;
                } else {
                    each(&path, text)?;
                }
                open.pop();
            }
            Event::Text(text) => {
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&text.decode().map_err(|error| wrong(&error))?);
                }
            }
            Event::CData(text) => {
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&text.decode().map_err(|error| wrong(&error))?);
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| wrong(&error))?;
                let text = format!("&{name};");
                let text = escape::unescape(&text).map_err(|error| wrong(&error))?;
                if let Some((_, own)) = open.last_mut() {
                    own.push_str(&text);
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if whole && open.is_empty() { Ok(()) } else { Err("it ends in the middle".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <IsTruncated>true</IsTruncated><NextContinuationToken>a+b=</NextContinuationToken>\
        <Contents><Key>t/b/ a &amp; b&#x20;</Key><Size>0</Size><ETag>&quot;d41d8&quot;</ETag>\
        <Owner><ID>x</ID></Owner></Contents>\
        <Contents><Size>7</Size><Key>t/b/a//v</Key></Contents>\
        <CommonPrefixes><Prefix>t/</Prefix></CommonPrefixes></ListBucketResult>";

    #[test]
    fn keys_are_taken_as_they_are() {
        let page = Page::read(WHOLE.as_bytes()).unwrap();
        let keys: Vec<&str> = page.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!(keys, ["t/b/ a & b ", "t/b/a//v"]);
        assert_eq!((page.objects[0].size, page.objects[0].etag.as_deref()), (0, Some("d41d8")));
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
