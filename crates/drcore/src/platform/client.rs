//! Asking the Management API.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::facts::{
    BackupStatus, PitrWindow, PlatformBackup, PlatformFacts, ProjectStatus, ServiceHealth, ServiceState,
};
use crate::error::{Error, ErrorKind, Result};

/// Where it is, where nobody says.
const API: &str = "https://api.supabase.com";
/// The variable that holds the token: that of Supabase's own command.
const TOKEN: &str = "SUPABASE_ACCESS_TOKEN";
/// The variable that names another place.
const PLACE: &str = "SUPABASE_API_URL";
/// How long a connection, and an answer, may take.
const CONNECT: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(30);
/// How often is asked, at most, what changes nothing.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
/// No pause is longer, whatever is asked for.
const LONGEST: Duration = Duration::from_secs(30);
/// No answer is longer.
const MOST: usize = 4 << 20;
/// The services that a database lives with.
const SERVICES: &str = "auth,db,pooler,realtime,rest,storage";

/// Supabase's Management API, with a token.
#[derive(Clone)]
pub struct Platform {
    client: Client,
    base: String,
}

/// Without the token.
impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Platform {
    /// The API, with the token in `SUPABASE_ACCESS_TOKEN`, at `SUPABASE_API_URL` where that is set.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if there is no token.
    pub fn from_environment() -> Result<Self> {
        let said = |name| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let token = said(TOKEN).ok_or_else(|| {
            Error::new(ErrorKind::Usage, format!("no token for the platform: {TOKEN} is not set"))
                .hint("Make one in the dashboard under Account → Access Tokens, and set the variable.")
        })?;
        Self::new(&said(PLACE).unwrap_or_else(|| API.to_owned()), &token)
    }

    /// The API at `base`, with this token.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if the token would go over the network in clear text, or cannot be sent.
    pub fn new(base: &str, token: &str) -> Result<Self> {
        let base = base.trim_end_matches('/');
        if !is_safe(base) {
            return Err(Error::new(ErrorKind::Usage, format!("{PLACE} is no https:// URL")));
        }
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
            .map_err(|_| Error::new(ErrorKind::Usage, format!("{TOKEN} holds what no token has")))?;
        value.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, value),
            (ACCEPT, HeaderValue::from_static("application/json")),
        ]);
        let client = crate::http::client(|builder| {
            builder.default_headers(headers).connect_timeout(CONNECT).timeout(ANSWER)
        })?;
        Ok(Self { client, base: base.to_owned() })
    }

    /// The backups of a project, and what it is at.
    ///
    /// # Errors
    /// [`ErrorKind::Authentication`] and [`ErrorKind::Permission`] for a token that will not do, [`ErrorKind::Usage`]
    /// for a project that it does not see, [`ErrorKind::Unsupported`] for an answer that is not understood.
    pub async fn backups(&self, project: &str) -> Result<PlatformFacts> {
        let reference = reference(project)?;
        let read_at = Timestamp::now();
        let said: Listed = self.ask(&format!("/v1/projects/{reference}/database/backups")).await?;
        let status = self.status(reference).await?;
        let at = |seconds: i64| Timestamp::from_second(seconds).map_err(|error| odd(&error.to_string()));
        let physical = said.physical_backup_data.unwrap_or_default();
        let window =
            match (physical.earliest_physical_backup_date_unix, physical.latest_physical_backup_date_unix) {
                (Some(earliest), Some(latest)) => {
                    Some(PitrWindow { earliest: at(earliest)?, latest: at(latest)? })
                }
                _ => None,
            };
        let mut backups =
            said.backups.into_iter().map(PlatformBackup::try_from).collect::<Result<Vec<_>>>()?;
        backups.sort_by_key(|backup| std::cmp::Reverse((backup.at, backup.id)));
        Ok(PlatformFacts {
            format: PlatformFacts::FORMAT.to_owned(),
            project: reference.to_owned(),
            read_at,
            region: said.region,
            walg_enabled: said.walg_enabled,
            pitr_enabled: said.pitr_enabled,
            window,
            backups,
            status: Some(status),
        })
    }

    /// What a project is at.
    ///
    /// # Errors
    /// As [`Platform::backups`].
    pub async fn status(&self, project: &str) -> Result<ProjectStatus> {
        let project: Project = self.ask(&format!("/v1/projects/{}", reference(project)?)).await?;
        Ok(ProjectStatus::from(project.status.as_str()))
    }

    /// How the services of a project are.
    ///
    /// # Errors
    /// As [`Platform::backups`].
    pub async fn health(&self, project: &str) -> Result<Vec<ServiceHealth>> {
        let path = format!("/v1/projects/{}/health?services={SERVICES}", reference(project)?);
        let services: Vec<Service> = self.ask(&path).await?;
        let health = |service: Service| ServiceHealth {
            name: service.name,
            status: ServiceState::from(service.status.as_str()),
            error: service.error,
        };
        Ok(services.into_iter().map(health).collect())
    }

    /// Starts a restore of the project, in place, to this instant. Asked once: what was not answered may have begun.
    pub(super) async fn restore(&self, project: &str, target: Timestamp) -> Result<()> {
        let path = format!("/v1/projects/{}/database/backups/restore-pitr", reference(project)?);
        let body = serde_json::json!({ "recovery_time_target_unix": target.as_second() }).to_string();
        self.send(Method::POST, &path, Some(body)).await.map(drop).map_err(|failed| failed.error)
    }

    /// Asks for something, again where the platform or the way to it was only short of something.
    async fn ask<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let failed = match self.send(Method::GET, path, None).await {
                Ok(body) => {
                    return serde_json::from_slice(&body).map_err(|error| odd(&error.to_string()));
                }
                Err(failed) => failed,
            };
            if attempt >= ATTEMPTS || !failed.passes {
                return Err(failed.error);
            }
            tracing::debug!(error = %failed.error, attempt, "asking the platform again");
            tokio::time::sleep(failed.after.unwrap_or(pause).min(LONGEST)).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns")
    }

    async fn send(&self, method: Method, path: &str, body: Option<String>) -> Result<Vec<u8>, Failed> {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let mut answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status().as_u16();
        let after =
            answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            text.extend_from_slice(&piece);
            if text.len() > MOST {
                return Err(Failed::for_good(odd("it is too long")));
            }
        }
        match status {
            200..300 => Ok(text),
            _ => Err(refused(status, &text, after.map(Duration::from_secs))),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failed {
        let host = self.base.split_once("://").map_or(self.base.as_str(), |(_, host)| host);
        // Without the URL, which says nothing that is not said here.
        let mut why = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(beneath) = source {
            why = beneath.to_string();
            source = beneath.source();
        }
        let error =
            Error::new(ErrorKind::Connection, format!("the platform at {host} does not answer: {why}"))
                .hint("Check that it can be reached from here; status.supabase.com says whether it is up.");
        Failed { error, passes: true, after: None }
    }
}

/// Why there is no answer, and whether that may pass.
struct Failed {
    error: Error,
    passes: bool,
    after: Option<Duration>,
}

impl Failed {
    fn for_good(error: Error) -> Self {
        Self { error, passes: false, after: None }
    }
}

fn refused(status: u16, body: &[u8], after: Option<Duration>) -> Failed {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let said = serde_json::from_slice::<Refusal>(body).map_or_else(
        |_| format!("status {status}"),
        |refusal| refusal.message.lines().next().unwrap_or_default().to_owned(),
    );
    let (kind, message, hint) = match status {
        401 => (
            ErrorKind::Authentication,
            format!("the platform refused the token: {said}"),
            "Set SUPABASE_ACCESS_TOKEN to one that is valid: Account → Access Tokens.",
        ),
        403 => (
            ErrorKind::Permission,
            format!("the token may not do that: {said}"),
            "Use a token of somebody who may (scopes database:read, and database:write to restore).",
        ),
        404 => (
            ErrorKind::Usage,
            format!("the platform knows no such project, or the token does not see it: {said}"),
            "Check the ref of the project: Settings → General.",
        ),
        402 => (
            ErrorKind::Unsupported,
            format!("the plan of the project does not have it: {said}"),
            "Upgrade the plan, or take backups of your own with drcore backup take.",
        ),
        429 | 500..=599 => (
            ErrorKind::Connection,
            format!("the platform could not answer: {said}"),
            "Run it again in a minute; status.supabase.com says whether it is up.",
        ),
        _ => (
            ErrorKind::Unsupported,
            format!("the platform refused: {said}"),
            "Look at the project in the dashboard.",
        ),
    };
    let passes = matches!(status, 429 | 500..=599);
    Failed { error: Error::new(kind, message).hint(hint), passes, after }
}

fn odd(what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("the platform's answer is not understood: {what}"))
        .hint("A newer version of drcore may know it; the dashboard shows the backups too.")
}

/// Whether a token that is sent there is read by nobody on the way: it is encrypted, or does not leave this machine.
fn is_safe(base: &str) -> bool {
    // What comes before an `@` is no host, however much it looks like one.
    Url::parse(base).is_ok_and(|url| match url.scheme() {
        "https" => true,
        "http" => matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")),
        _ => false,
    })
}

/// The ref of a project: what stands in a path must be nothing else.
fn reference(project: &str) -> Result<&str> {
    if project.len() == 20 && project.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Ok(project);
    }
    Err(Error::new(ErrorKind::Usage, format!("{project:?} is no ref of a project"))
        .hint("It has twenty lowercase letters: Settings → General."))
}

#[derive(Deserialize)]
struct Listed {
    region: String,
    walg_enabled: bool,
    pitr_enabled: bool,
    backups: Vec<Backup>,
    physical_backup_data: Option<Physical>,
}

#[derive(Deserialize)]
struct Backup {
    id: u64,
    #[serde(rename = "is_physical_backup")]
    physical: bool,
    status: String,
    inserted_at: String,
}

#[derive(Default, Deserialize)]
struct Physical {
    earliest_physical_backup_date_unix: Option<i64>,
    latest_physical_backup_date_unix: Option<i64>,
}

#[derive(Deserialize)]
struct Project {
    status: String,
}

#[derive(Deserialize)]
struct Service {
    name: String,
    status: String,
    error: Option<String>,
}

impl TryFrom<Backup> for PlatformBackup {
    type Error = Error;

    fn try_from(said: Backup) -> Result<Self> {
        let at = instant(&said.inserted_at)
            .ok_or_else(|| odd(&format!("{:?} is no instant", said.inserted_at)))?;
        let status = BackupStatus::from(said.status.as_str());
        Ok(Self { id: said.id, at, status, physical: said.physical })
    }
}

/// With an offset, or without one in UTC.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| format!("{}Z", text.replacen(' ', "T", 1)).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_sent_over_the_network_in_clear_text() {
        for base in
            ["https://api.supabase.com", "http://127.0.0.1:8080", "http://localhost/api/", "http://[::1]:80"]
        {
            assert!(Platform::new(base, "sbp_0").is_ok(), "{base}");
        }
        for base in [
            "http://api.supabase.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com:80",
            "http://localhost:80@example.com",
            "ftp://localhost",
            "localhost",
        ] {
            let error = Platform::new(base, "sbp_0").unwrap_err();
            assert!(error.to_string().contains("no https:// URL"), "{base}: {error}");
        }
    }
}
