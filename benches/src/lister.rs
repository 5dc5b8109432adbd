//! A store that lists as many keys as wanted, out of nothing: `t/files/000000000.jpg/<version>` and so on.
//!
//! It runs as a process of its own, so that neither its time nor its memory is counted as ours.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Failure;

/// The tenant, and the directory of the bucket.
pub const TENANT: &str = "t";
const BELOW: &str = "t/files/";
/// Of so many keys one is not there.
const LOST_OF: u64 = 50_021;
/// How many keys a page has, as S3 has them.
const PAGE: u64 = 1_000;

/// How many of so many objects are not listed.
pub fn lost(objects: u64) -> u64 {
    (0..objects).filter(|number| is_lost(*number)).count() as u64
}

fn is_lost(number: u64) -> bool {
    number % LOST_OF == 7
}

fn key(number: u64) -> String {
    format!("{BELOW}{number:09}.jpg/00000000-0000-4000-8000-{number:012}")
}

/// Serves for as long as whoever started it listens: prints the port, and ends with its input.
pub async fn serve(objects: &str, delay: &str) -> Result<(), Failure> {
    let (objects, delay) = (objects.parse()?, Duration::from_millis(delay.parse()?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?.port());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(answer(client, objects, delay));
        }
    });
    tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink())).await??;
    Ok(())
}

async fn answer(mut client: TcpStream, objects: u64, delay: Duration) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let (mut request, mut block) = (Vec::new(), [0; 4096]);
    loop {
        while let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") {
            let line = String::from_utf8_lossy(&request[..end]).lines().next().unwrap_or_default().to_owned();
            request.drain(..end + 4);
            tokio::time::sleep(delay).await;
            let mut words = line.split(' ');
            let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            // There is nothing here but what is listed: whoever asks for an object gets none.
            let (status, body) = match method {
                "GET" if target.contains("list-type=2") => ("200 OK", page(target, objects)),
                _ => ("404 Not Found", String::new()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            client.write_all(head.as_bytes()).await?;
            client.write_all(body.as_bytes()).await?;
        }
        match client.read(&mut block).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&block[..read]),
        }
    }
}

/// What `ListObjectsV2` gives.
fn page(target: &str, objects: u64) -> String {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let value = |name: &str| {
        let text = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        text.map(|text| text.replace("%2F", "/"))
    };
    let mut body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult>".to_owned();
    if value("delimiter").is_some_and(|delimiter| !delimiter.is_empty()) {
        body += "<CommonPrefixes><Prefix>t/</Prefix></CommonPrefixes>";
        return body + "<IsTruncated>false</IsTruncated></ListBucketResult>";
    }
    let prefix = value("prefix").unwrap_or_default();
    let after = value("continuation-token").or_else(|| value("start-after")).unwrap_or_default();
    let most = value("max-keys").and_then(|most| most.parse().ok()).unwrap_or(PAGE);
    let first = first(objects, |key| key > after.as_str() && key >= prefix.as_str());
    let behind = first.max(self::first(objects, |key| key >= prefix.as_str() && !key.starts_with(&prefix)));
    let mut last = None;
    let mut number = first;
    let mut listed = 0;
    while number < behind && listed < most {
        if !is_lost(number) {
            // Writing to a String does not fail.
            let _ = write!(
                body,
                "<Contents><Key>{}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>\
                 <ETag>&quot;0cc175b9c0f1b6a831c399e269772661&quot;</ETag><Size>{}</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents>",
                key(number),
                number % 100_000
            );
            (last, listed) = (Some(number), listed + 1);
        }
        number += 1;
    }
    let more = number < behind;
    let _ = write!(body, "<IsTruncated>{more}</IsTruncated>");
    if let Some(last) = last.filter(|_| more) {
        let _ = write!(body, "<NextContinuationToken>{}</NextContinuationToken>", key(last));
    }
    body + "</ListBucketResult>"
}

/// The first number whose key is so, where all that follow are too.
fn first(objects: u64, is: impl Fn(&str) -> bool) -> u64 {
    let (mut low, mut high) = (0, objects);
    while low < high {
        let middle = low.midpoint(high);
        if is(&key(middle)) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Lists all of it, a page after the other, as the simplest program does: how many keys there are.
pub async fn sequentially(port: u16) -> Result<u64, Failure> {
    let mut server = TcpStream::connect(("127.0.0.1", port)).await?;
    server.set_nodelay(true)?;
    let (mut keys, mut token) = (0, String::new());
    loop {
        let after = if token.is_empty() { String::new() } else { format!("&continuation-token={token}") };
        let ask =
            format!("GET /bucket?list-type=2&prefix=t/{after} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
        server.write_all(ask.as_bytes()).await?;
        let body = body(&mut server).await?;
        keys += body.matches("<Key>").count() as u64;
        let next = body.split_once("<NextContinuationToken>").and_then(|(_, rest)| rest.split_once('<'));
        match next {
            Some((next, _)) => next.clone_into(&mut token),
            None => return Ok(keys),
        }
    }
}

async fn body(server: &mut TcpStream) -> Result<String, Failure> {
    let mut answer = Vec::new();
    let mut block = vec![0; 64 << 10];
    loop {
        let read = server.read(&mut block).await?;
        answer.extend_from_slice(&block[..read]);
        let head = answer.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(head) = head {
            let length: usize = String::from_utf8_lossy(&answer[..head])
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                .ok_or("an answer without a length")?;
            if answer.len() >= head + 4 + length {
                return Ok(String::from_utf8(answer.split_off(head + 4))?);
            }
        }
        if read == 0 {
            return Err("the listing broke off".into());
        }
    }
}
