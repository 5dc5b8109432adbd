//! HTTP to a bucket, with answers that are looked at before they are believed.
//!
//! To `object_store`, an answer that is no listing is an empty one, and why a store refuses is a text. Here the one is
//! an error, and the other has its parts: what [`Refused`] is found by below an error, whatever lies between.

use std::fmt;

use async_trait::async_trait;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use quick_xml::Reader;
use quick_xml::events::Event;

/// Makes the one client that there is.
#[derive(Debug)]
pub(super) struct Checked(HttpClient);

impl Checked {
    pub(super) fn new(client: reqwest::Client) -> Self {
        Self(HttpClient::new(client))
    }
}

impl HttpConnector for Checked {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service(self.0.clone())))
    }
}

#[derive(Debug)]
struct Service(HttpClient);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let query = request.uri().query().unwrap_or_default();
        let lists = query.split('&').any(|pair| pair == "list-type=2" || pair == "comp=list");
        let answer = self.0.execute(request).await?;
        let status = answer.status().as_u16();
        if (200..300).contains(&status) && !lists {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let region = head.headers.get("x-amz-bucket-region").and_then(|value| value.to_str().ok());
        let region = region.map(str::to_owned);
        let body = body.bytes().await?;
        match status {
            200..300 => match whole_listing(&body) {
                Ok(()) => Ok(HttpResponse::from_parts(head, body.into())),
                Err(what) => Err(HttpError::new(HttpErrorKind::Interrupted, NoListing(what))),
            },
            // What these mean, the client knows: not there, there already, not changed, other than expected.
            304 | 404 | 409 | 412 | 416 if !lists => Ok(HttpResponse::from_parts(head, body.into())),
            // Asked again as often as it is worth it. 501 will be no other the next time.
            408 | 429 | 500 | 502..=599 => {
                Err(HttpError::new(HttpErrorKind::Request, Refused::read(status, region, &body)))
            }
            _ => Err(HttpError::new(HttpErrorKind::Decode, Refused::read(status, region, &body))),
        }
    }
}

/// Why a store refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// Where the bucket is, if that is why.
    pub(super) region: Option<String>,
}

impl Refused {
    fn read(status: u16, region: Option<String>, body: &[u8]) -> Self {
        let mut refused = Self { status, region, ..Self::default() };
        // An error that is no XML has no parts; what was read of half a one is better than nothing.
        let _ = each_text(body, |root, path, text| {
            match (root, path) {
                ("Error", ["Code"]) => refused.code = Some(text),
                ("Error", ["Message"]) => refused.message = text.lines().next().map(str::to_owned),
                ("Error", ["Region"]) => refused.region = Some(text),
                _ => {}
            }
            Ok(())
        });
        refused
    }

    /// What it said, in a few words.
    pub(super) fn said(&self) -> String {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{message} ({code})"),
            (Some(code), None) => code.clone(),
            _ => format!("status {}", self.status),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store refused: {}", self.said())
    }
}

impl std::error::Error for Refused {}

/// That an answer is no listing, or half of one.
#[derive(Debug)]
pub(super) struct NoListing(pub(super) String);

impl fmt::Display for NoListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store's answer is no listing: {}", self.0)
    }
}

impl std::error::Error for NoListing {}

/// Whether it is a page of a listing, all of it, that says whether there is more.
fn whole_listing(body: &[u8]) -> Result<(), String> {
    let (mut truncated, mut more, mut kind) = (None, false, String::new());
    each_text(body, |root, path, text| {
        kind.clear();
        kind.push_str(root);
        match (root, path) {
            ("ListBucketResult", ["IsTruncated"]) => truncated = Some(text == "true"),
            ("ListBucketResult", ["NextContinuationToken"]) => more = !text.is_empty(),
            ("EnumerationResults", ["NextMarker"]) => truncated = Some(false),
            ("ListBucketResult" | "EnumerationResults", _) => {}
            _ => return Err(format!("it is <{root}>")),
        }
        Ok(())
    })?;
    match truncated {
        Some(true) if !more => Err("there is more, and nothing to ask for it with".to_owned()),
        Some(_) => Ok(()),
        None if kind.is_empty() => Err("it is empty".to_owned()),
        None => Err("it does not say whether it is all".to_owned()),
    }
}

/// Hands the text of every element below the root to `each`, with the root's name and the names that lead from it,
/// as it ends. All of it must be there.
fn each_text(
    body: &[u8],
    mut each: impl FnMut(&str, &[&str], String) -> Result<(), String>,
) -> Result<(), String> {
    let mut reader = Reader::from_reader(body);
    let mut open: Vec<String> = Vec::new();
    let mut text = String::new();
    let mut whole = false;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => {
                text.clear();
                open.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
            }
            Event::Empty(empty) => {
                let name = String::from_utf8_lossy(empty.local_name().as_ref()).into_owned();
                match open.as_slice() {
                    [] => return Err(format!("it is <{name}/>")),
                    [root, rest @ ..] => {
                        let path: Vec<&str> =
                            rest.iter().map(String::as_str).chain([name.as_str()]).collect();
                        each(root, &path, String::new())?;
                    }
                }
            }
            Event::End(_) => {
                if let [root, rest @ ..] = open.as_slice()
                    && !rest.is_empty()
                {
                    let path: Vec<&str> = rest.iter().map(String::as_str).collect();
                    each(root, &path, std::mem::take(&mut text).trim().to_owned())?;
                }
                open.pop();
                whole |= open.is_empty();
            }
            Event::Text(piece) => {
                text.push_str(&piece.decode().map_err(|error| error.to_string())?);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    if whole && open.is_empty() { Ok(()) } else { Err("it breaks off".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S3: &str = "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Contents><Key>a</Key><Size>1</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>";
    const AZURE: &str = "<?xml version=\"1.0\"?><EnumerationResults><Blobs><Blob><Name>a</Name></Blob></Blobs>\
        <NextMarker /></EnumerationResults>";

    #[test]
    fn listings_are_whole_or_none() {
        for whole in [S3, AZURE] {
            assert_eq!(whole_listing(whole.as_bytes()), Ok(()));
            for end in 0..whole.len() {
                assert!(whole_listing(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
            }
        }
        for odd in [
            "",
            "OK",
            "<html><body>welcome</body></html>",
            "<Error><Code>InternalError</Code></Error>",
            "<ListBucketResult/>",
            "<ListBucketResult></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<EnumerationResults><Blobs/></EnumerationResults>",
        ] {
            assert!(whole_listing(odd.as_bytes()).is_err(), "{odd}");
        }
    }

    #[test]
    fn refusals_are_read_where_they_are_some() {
        let body = b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message>\
            <Region>eu-central-1</Region></Error>";
        let refused = Refused::read(400, None, body);
        assert_eq!(refused.region.as_deref(), Some("eu-central-1"));
        assert_eq!(refused.said(), "the region is wrong (AuthorizationHeaderMalformed)");
        assert_eq!(Refused::read(502, None, b"<html>502</html>").said(), "status 502");
    }
}
