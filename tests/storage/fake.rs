//! What stores say that the real server of these tests never says: other regions, pages that break off,
//! keys that no file can have, checksums.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use drcore::storage::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::server::store;

/// A file that the fake lists: key, size, checksum.
pub(crate) type Object = (String, usize, &'static str);

/// How it answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// As a store does, so many keys a page.
    Pages(usize),
    /// The same, and from the second page on with this status and body.
    ThenBreaks(usize, u16, &'static str),
    /// With this status and body.
    Always(u16, &'static str),
    /// Refuses once, then answers.
    Hesitates,
}

pub(crate) struct Fake {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    asked: Arc<AtomicUsize>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub(crate) async fn start(mut objects: Vec<Object>, answer: Answer) -> Self {
        objects.sort();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = counter.fetch_add(1, Ordering::Relaxed);
                let Some((mut client, status, body)) = say(client, &objects, &answer, number).await else {
                    continue;
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = client.write_all(head.as_bytes()).await;
                let _ = client.write_all(body.as_bytes()).await;
                let _ = client.shutdown().await;
            }
        });
        Self { port, task, asked }
    }

    pub(crate) fn store(&self, url: &str) -> Store {
        store(url, self.port)
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

async fn say(
    mut client: TcpStream,
    objects: &[Object],
    answer: &Answer,
    number: usize,
) -> Option<(TcpStream, u16, String)> {
    let mut request = Vec::new();
    let mut block = [0; 4096];
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut block).await {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => request.extend_from_slice(&block[..bytes]),
        }
    }
    let line = String::from_utf8_lossy(&request).lines().next().unwrap().to_owned();
    let query = line.split(' ').nth(1).unwrap().split_once('?').unwrap().1.to_owned();
    let value =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(decoded);
    let later = value("continuation-token").is_some();
    let (status, body) = match answer {
        Answer::Pages(size) => (200, page(objects, &value, *size)),
        Answer::ThenBreaks(size, ..) if !later => (200, page(objects, &value, *size)),
        Answer::ThenBreaks(_, status, body) | Answer::Always(status, body) => (*status, (*body).to_owned()),
        Answer::Hesitates if number.is_multiple_of(2) => {
            (503, "<Error><Code>SlowDown</Code></Error>".to_owned())
        }
        Answer::Hesitates => (200, page(objects, &value, 1_000)),
    };
    Some((client, status, body))
}

fn page(objects: &[Object], value: &dyn Fn(&str) -> Option<String>, size: usize) -> String {
    let prefix = value("prefix").unwrap_or_default();
    let after = value("continuation-token").unwrap_or_default();
    let mut below: Vec<&Object> =
        objects.iter().filter(|(key, ..)| key.starts_with(&prefix) && *key > after).collect();
    let mut body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>".to_owned();
    if value("delimiter").is_some() {
        let mut tenants: Vec<&str> =
            below.iter().filter_map(|(key, ..)| Some(key[prefix.len()..].split_once('/')?.0)).collect();
        tenants.dedup();
        for tenant in tenants {
            body += &format!("<CommonPrefixes><Prefix>{prefix}{tenant}/</Prefix></CommonPrefixes>");
        }
        return body + "<IsTruncated>false</IsTruncated></ListBucketResult>";
    }
    let size = value("max-keys").map_or(size, |keys| size.min(keys.parse().unwrap()));
    let more = below.len() > size;
    below.truncate(size);
    for (key, size, etag) in &below {
        let key = key.replace('&', "&amp;").replace('<', "&lt;");
        body += &format!(
            "<Contents><Key>{key}</Key><ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Contents>"
        );
    }
    body += &format!("<IsTruncated>{more}</IsTruncated>");
    if let (true, Some((last, ..))) = (more, below.last()) {
        let last = last.replace('&', "&amp;").replace('<', "&lt;");
        body += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    body + "</ListBucketResult>"
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            decoded.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(decoded).unwrap()
}
