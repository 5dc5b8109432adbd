//! A storage service, emulated: it answers as was recorded of a running one (supabase/storage of 2026-08) with each
//! of its backends. Rows come from the database of the test, bytes from its directory.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use drcore::sql::literal;
use drcore::storage::{ApiAccess, ApiKey, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::signature;
use super::world::{BUCKET, TENANT, World};

/// The key of the service role: a token that says so, and a signature that is looked for everywhere.
pub(crate) const SERVICE_KEY: &str =
    "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.bm90LXRvLWJlLXNlZW4tYW55d2hlcmU";
/// The key of the S3 protocol.
pub(crate) const KEY_ID: &str = "drcore-key";
pub(crate) const KEY_SECRET: &str = "neither-is-this-to-be-seen";
pub(crate) const REGION: &str = "eu-central-1";

/// What the service keeps its files in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backend {
    Files,
    S3,
}

pub(crate) const BACKENDS: [Backend; 2] = [Backend::Files, Backend::S3];

/// Through which door it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Rest,
    S3,
}

pub(crate) const DOORS: [Door; 2] = [Door::Rest, Door::S3];

/// What is the matter with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// Its store does not answer.
    StoreDown,
    /// The same, from the so manyth download on.
    DownAfter(usize),
    /// The bucket behind it is not there, or its files are another tenant's.
    NoBucket,
    /// It turns away every question the first time.
    Busy,
    /// Each download takes long.
    Slow,
    /// Whoever stands before it keeps copies.
    Cached,
    /// Another project's: other buckets, no such rows.
    Other,
    /// It shows the key nothing.
    ShowsNothing,
}

/// One that runs on a port of its own.
pub(crate) struct Service {
    port: u16,
    task: tokio::task::JoinHandle<()>,
    state: Arc<State>,
}

struct State {
    database: Client,
    files: PathBuf,
    backend: Backend,
    trouble: Mutex<Trouble>,
    asked: Mutex<Vec<String>>,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Service {
    pub(crate) async fn start(world: &World, backend: Backend, trouble: Trouble) -> Self {
        let (database, connection) =
            tokio_postgres::connect(&world.database.url().await, NoTls).await.unwrap();
        tokio::spawn(connection);
        let state = Arc::new(State {
            database,
            files: world.root().join(BUCKET),
            backend,
            trouble: Mutex::new(trouble),
            asked: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&own)));
            }
        });
        Self { port, task, state }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on it is like this.
    pub(crate) fn set(&self, trouble: Trouble) {
        *self.state.trouble.lock().unwrap() = trouble;
    }

    /// As a store, with the right keys.
    pub(crate) fn store(&self, door: Door) -> Store {
        store(self.port, door)
    }

    /// What it was asked: `GET /object/…`.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }
}

/// A service at this port, with the right keys.
pub(crate) fn store(port: u16, door: Door) -> Store {
    let mut store = Store::parse(&format!("http://127.0.0.1:{port}/storage/v1")).unwrap();
    store.api = ApiAccess::default();
    match door {
        Door::Rest => store.api.service_key = Some(SERVICE_KEY.to_owned()),
        Door::S3 => store.api.s3 = Some(ApiKey::new(KEY_ID, KEY_SECRET, REGION)),
    }
    store
}

/// What was asked.
pub(crate) struct Request {
    pub(crate) method: String,
    /// As it was sent.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }
}

/// A row, as the service reads it.
struct Row {
    version: Option<String>,
    size: String,
}

async fn serve(mut client: TcpStream, state: Arc<State>) {
    let Some(request) = read(&mut client).await else { return };
    let reply = state.answer(&request).await;
    let mut head = format!("HTTP/1.1 {} X\r\nconnection: close\r\n", reply.status);
    if request.method == "HEAD" || reply.status == 304 {
        head += "content-length: 0\r\n";
    } else {
        head += &format!("content-length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    let _ = client.write_all((head + "\r\n").as_bytes()).await;
    if request.method != "HEAD" && reply.status != 304 {
        let _ = client.write_all(&reply.body).await;
    }
    let _ = client.shutdown().await;
}

async fn read(client: &mut TcpStream) -> Option<Request> {
    let (mut read, mut block) = (Vec::new(), [0; 4096]);
    while !read.windows(4).any(|four| four == b"\r\n\r\n") {
        match client.read(&mut block).await {
            Ok(0) | Err(_) => return None,
            Ok(bytes) => read.extend_from_slice(&block[..bytes]),
        }
    }
    let text = String::from_utf8_lossy(&read).into_owned();
    let mut lines = text.lines();
    let mut line = lines.next()?.split(' ');
    let (method, target) = (line.next()?.to_owned(), line.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines
        .map_while(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers })
}

pub(crate) fn decoded(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
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

impl State {
    async fn answer(&self, request: &Request) -> Reply {
        let Some(below) = request.path.strip_prefix("/storage/v1/") else {
            // Whoever stands before the service.
            return Reply::new(404, r#"{"message":"no Route matched with those values"}"#);
        };
        let what = format!("{} /{below}", request.method);
        let times = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(what.clone());
            asked.iter().filter(|asked| **asked == what).count()
        };
        let trouble = *self.trouble.lock().unwrap();
        if trouble == Trouble::Busy && !times.is_multiple_of(2) {
            let mut reply =
                Reply::new(429, r#"{"statusCode":"429","error":"too_many_connections","code":"SlowDown"}"#);
            if below.starts_with("s3") {
                reply.body = b"<Error><Code>SlowDown</Code></Error>".to_vec();
            }
            return reply;
        }
        match below.strip_prefix("s3/") {
            Some(rest) => self.s3(request, rest, trouble).await,
            None => self.rest(request, below, trouble).await,
        }
    }

    /// How many downloads were asked for.
    fn downloads(&self) -> usize {
        let asked = self.asked.lock().unwrap();
        let is_download = |asked: &&String| {
            asked.starts_with("GET /object/") || asked.starts_with("GET /s3/") && asked.len() > 8
        };
        asked.iter().filter(is_download).count()
    }

    async fn text(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let messages = self.database.simple_query(sql).await.unwrap();
        let row = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        };
        messages.iter().filter_map(row).collect()
    }

    async fn buckets(&self, trouble: Trouble) -> Vec<String> {
        match trouble {
            Trouble::Other => vec!["theirs".to_owned()],
            Trouble::ShowsNothing => Vec::new(),
            _ => {
                let rows = self.text("select id from storage.buckets order by id").await;
                rows.into_iter().flatten().flatten().collect()
            }
        }
    }

    async fn row(&self, bucket: &str, name: &str, trouble: Trouble) -> Option<Row> {
        if trouble == Trouble::Other {
            return None;
        }
        let sql = format!(
            "select version, metadata ->> 'size' from storage.objects where bucket_id = {} and name = {}",
            literal(bucket),
            literal(name)
        );
        let row = self.text(&sql).await.into_iter().next()?;
        Some(Row { version: row[0].clone(), size: row[1].clone().unwrap_or_else(|| "0".to_owned()) })
    }

    /// The bytes of an object, where its store has them.
    fn bytes(&self, bucket: &str, name: &str, row: &Row) -> Option<Vec<u8>> {
        let mut file = self.files.join(TENANT).join(bucket).join(name);
        if let Some(version) = &row.version {
            file = file.join(version);
        }
        std::fs::read(file).ok()
    }

    async fn md5(&self, bytes: &[u8]) -> String {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let rows = self.text(&format!("select md5(decode('{hex}', 'hex'))")).await;
        rows[0][0].clone().unwrap()
    }

    /// A download: what the store gives, or what it fails with.
    async fn download(
        &self,
        request: &Request,
        at: (&str, &str),
        row: &Row,
        trouble: Trouble,
    ) -> Result<Reply, Gone> {
        if trouble == Trouble::Slow {
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        let down = match trouble {
            Trouble::StoreDown => true,
            Trouble::DownAfter(number) => self.downloads() > number,
            _ => false,
        };
        if down {
            return Err(Gone::Down);
        }
        let bytes = match trouble {
            Trouble::NoBucket => None,
            _ => self.bytes(at.0, at.1, row),
        };
        let Some(bytes) = bytes else { return Err(Gone::Missing) };
        let etag = format!("\"{}\"", self.md5(&bytes).await);
        let mut reply = if request.header("if-none-match") == Some(&etag) {
            Reply::new(304, "")
        } else if request.header("range").is_some() {
            assert_eq!(request.header("range"), Some("bytes=0-0"), "more than a byte is asked for");
            if bytes.is_empty() {
                return Err(Gone::NoRange);
            }
            let mut reply = Reply::new(206, vec![bytes[0]]);
            reply.headers.push(("content-range", format!("bytes 0-0/{}", bytes.len())));
            reply
        } else {
            Reply::new(200, bytes)
        };
        reply.headers.push(("etag", etag));
        if trouble == Trouble::Cached {
            reply.headers.push(("cf-cache-status", "HIT".to_owned()));
        }
        Ok(reply)
    }

    async fn rest(&self, request: &Request, below: &str, trouble: Trouble) -> Reply {
        let said = |status, statuscode: &str, error: &str, message: &str, code: &str| {
            let body = format!(
                r#"{{"statusCode":"{statuscode}","error":"{error}","message":"{message}","code":"{code}"}}"#
            );
            Reply::new(status, body)
        };
        if request.header("authorization") != Some(&format!("Bearer {SERVICE_KEY}")) {
            return said(400, "403", "Unauthorized", "invalid signature", "AccessDenied");
        }
        if below == "bucket" {
            let ids: Vec<String> = self
                .buckets(trouble)
                .await
                .iter()
                .map(|id| format!(r#"{{"id":"{id}","name":"{id}"}}"#))
                .collect();
            return Reply::new(200, format!("[{}]", ids.join(",")));
        }
        let object = |below: &str| {
            let (bucket, name) = below.split_once('/').unwrap_or((below, ""));
            (decoded(bucket), decoded(name))
        };
        if let Some(bucket) =
            below.strip_prefix("object/list/").or_else(|| below.strip_prefix("object/list-v2/"))
        {
            return Reply::new(200, self.listed(&decoded(bucket)).await);
        }
        let (kind, rest) = match below.strip_prefix("object/") {
            Some(rest) => match rest.split_once('/') {
                Some((kind @ ("info" | "sign" | "authenticated"), rest)) => (kind, rest),
                _ => ("authenticated", rest),
            },
            None => {
                return Reply::new(
                    404,
                    r#"{"message":"Route not found","error":"Not Found","statusCode":404}"#,
                );
            }
        };
        let (bucket, name) = object(rest);
        let is_head = request.method == "HEAD";
        if !is_valid(&name) {
            return said(400, "400", "InvalidKey", "Invalid key", "InvalidKey");
        }
        let Some(row) = self.row(&bucket, &name, trouble).await else {
            return said(400, "404", "not_found", "Object not found", "NoSuchKey");
        };
        if kind != "authenticated" || is_head {
            return Reply::new(200, format!(r#"{{"size":{}}}"#, row.size));
        }
        match (self.download(request, (&bucket, &name), &row, trouble).await, self.backend) {
            (Ok(reply), _) => reply,
            (Err(Gone::NoRange), Backend::Files) => Reply::new(416, ""),
            (Err(Gone::Missing), Backend::S3) => {
                let mut reply = said(400, "404", "Not found", "The resource was not found", "NoSuchKey");
                reply.headers.push(("cache-control", "no-store".to_owned()));
                reply
            }
            (Err(_), _) => said(500, "500", "Internal", "Internal Server Error", "InternalError"),
        }
    }

    async fn listed(&self, bucket: &str) -> String {
        let sql = format!(
            "select name, metadata ->> 'size' from storage.objects where bucket_id = {} order by name",
            literal(bucket)
        );
        let rows = self.text(&sql).await;
        let items: Vec<String> = rows
            .iter()
            .map(|row| {
                format!(
                    "{{\"name\":{:?},\"size\":{}}}",
                    row[0].as_deref().unwrap(),
                    row[1].as_deref().unwrap()
                )
            })
            .collect();
        format!("[{}]", items.join(","))
    }

    async fn s3(&self, request: &Request, below: &str, trouble: Trouble) -> Reply {
        let said = |status, code: &str, message: &str| {
            Reply::new(
                status,
                format!(
                    "<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
                ),
            )
        };
        match signature::check(request, KEY_ID, KEY_SECRET, REGION) {
            signature::Signed::Well => {}
            signature::Signed::ByAnother => {
                return said(403, "InvalidAccessKeyId", "The Access Key Id you provided does not exist");
            }
            signature::Signed::Otherwise => {
                return said(
                    403,
                    "SignatureDoesNotMatch",
                    "The request signature we calculated does not match",
                );
            }
        }
        if below.is_empty() {
            let names: Vec<String> = self
                .buckets(trouble)
                .await
                .iter()
                .map(|name| format!("<Bucket><Name>{name}</Name></Bucket>"))
                .collect();
            return Reply::new(
                200,
                format!(
                    "<ListAllMyBucketsResult><Buckets>{}</Buckets></ListAllMyBucketsResult>",
                    names.concat()
                ),
            );
        }
        let (bucket, name) = below.split_once('/').map_or_else(
            || (decoded(below), String::new()),
            |(bucket, name)| (decoded(bucket), decoded(name)),
        );
        if name.is_empty() {
            return Reply::new(200, self.listed(&bucket).await);
        }
        if !is_valid(&name) {
            return said(400, "InvalidKey", "Invalid key");
        }
        let Some(row) = self.row(&bucket, &name, trouble).await else {
            return said(404, "NoSuchKey", "Object not found");
        };
        if request.method == "HEAD" {
            return Reply::new(200, "");
        }
        match (self.download(request, (&bucket, &name), &row, trouble).await, self.backend, trouble) {
            (Ok(reply), ..) => reply,
            (Err(Gone::NoRange), ..) => said(416, "InvalidRange", "The requested range is not satisfiable"),
            (Err(Gone::Missing), Backend::S3, Trouble::NoBucket) => {
                said(404, "NoSuchBucket", "The specified bucket does not exist")
            }
            (Err(Gone::Missing), Backend::S3, _) => {
                said(404, "NoSuchKey", "The specified key does not exist.")
            }
            (Err(_), ..) => said(500, "InternalError", "Internal Server Error"),
        }
    }
}

/// Why a store gives nothing.
enum Gone {
    Down,
    Missing,
    NoRange,
}

/// Whether the service takes such a name.
fn is_valid(name: &str) -> bool {
    !name.is_empty()
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "_/!.*'() &$=@;:+,?-".contains(char))
}

/// One request, whose head is all that is looked at.
pub(crate) async fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut client = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    client.write_all((text + "\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}
