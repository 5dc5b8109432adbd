//! Connection strings, as libpq reads them and as we do: the same, but for what this table says.
//!
//! Each row is tried with psql and with drcore, in the same environment, on the same server.

use std::process::Stdio;

use drcore::restore::{ScratchCluster, ScratchOptions};

use super::command::Place;

/// How the two compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Like {
    /// Both connect, to the same database as the same user.
    Both,
    /// Neither does.
    Neither,
    /// Only libpq connects, for this reason.
    OnlyLibpq(&'static str),
    /// Only we connect, for this reason.
    OnlyWe(&'static str),
}

use Like::{Both, Neither, OnlyLibpq, OnlyWe};

/// The connection string, the environment, and how the two compare. `{S}` stands for the directory of the
/// socket, `{P}` for the port, `{D}` for one where nobody listens, `{H}` for the home directory.
type Row = (&'static str, &'static [(&'static str, &'static str)], Like);

/// What everything that follows leaves out.
const AT: (&str, &str) = ("PGHOST", "127.0.0.1");
const PORT: (&str, &str) = ("PGPORT", "{P}");

const ROWS: &[Row] = &[
    // URLs.
    ("postgresql://postgres@127.0.0.1:{P}/app", &[], Both),
    ("postgres://postgres@127.0.0.1:{P}/app", &[], Both),
    ("postgresql://postgres@127.0.0.1:{P}", &[], Both),
    ("postgresql://postgres@localhost:{P}/app", &[], Both),
    ("postgresql://postgres@:{P}/app", &[AT], Both),
    ("postgresql:///app?host=127.0.0.1&port={P}&user=postgres", &[], Both),
    ("postgresql://postgres@{S%}:{P}/app", &[], Both),
    ("postgresql:///app?host={S}&port={P}&user=postgres", &[], Both),
    ("postgresql://nobody@127.0.0.1:{P}/app?user=postgres", &[], Both),
    ("postgresql://postgres@127.0.0.1:{P}/odd%20name%2Fx", &[], Both),
    ("postgresql://postgres@127.0.0.1:{P}/odd name/x", &[], Both),
    ("postgresql://o%40d%3Ad%25@127.0.0.1:{P}/app", &[], Both),
    ("postgresql://", &[AT, PORT, ("PGUSER", "postgres"), ("PGDATABASE", "app")], Both),
    ("postgresql://?user=postgres", &[AT, PORT, ("PGDATABASE", "app")], Both),
    ("postgresql://postgres@127.0.0.1:{P}/app?", &[], Both),
    ("postgresql://postgres@127.0.0.1:{P}/app?connect_timeout=5&connect_timeout=7", &[], Both),
    ("postgresql://postgres@127.0.0.1:{P}/app?ssl=true", &[], Neither),
    ("postgresql://postgres@127.0.0.1:{P}/app?sslmode", &[], Neither),
    ("postgresql://postgres@127.0.0.1:{P}/app?sslmode=a=b", &[], Neither),
    ("postgresql://postgres@127.0.0.1:{P}/app?no_such=1", &[], Neither),
    ("postgresql://postgres@127.0.0.1:{P}/%zz", &[], Neither),
    ("postgresql://postgres@127.0.0.1:{P}/a%00b", &[], Neither),
    ("postgresql://postgres@[127.0.0.1:{P}/app", &[], Neither),
    ("postgresql://postgres@[]:{P}/app", &[AT], Neither),
    ("postgresql://postgres@[::1]x:{P}/app", &[], Neither),
    ("postgresql://postgres@127.0.0.1:x/app", &[], Neither),
    ("postgresql://postgres@127.0.0.1:0/app", &[], Neither),
    ("postgresql://postgres@127.0.0.1:65536/app", &[], Neither),
    ("postgresql://post@gres@127.0.0.1:{P}/app", &[], Neither),
    ("postgresql:/postgres@127.0.0.1:{P}/app", &[], Neither),
    ("POSTGRESQL://postgres@127.0.0.1:{P}/app", &[], Neither),
    // Key-value strings.
    ("host=127.0.0.1 port={P} user=postgres dbname=app", &[], Both),
    ("  host = 127.0.0.1   port = {P}\tuser=postgres\ndbname=app  ", &[], Both),
    ("host='127.0.0.1' port='{P}' user='postgres' dbname='odd name/x'", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=odd\\ name/x", &[], Both),
    ("host=127.0.0.1 port={P} user='o@d:d%' dbname=app", &[], Both),
    ("user=nobody host=127.0.0.1 port={P} dbname=app user=postgres", &[], Both),
    ("host='' port='' user=postgres dbname=app", &[AT, PORT], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app hostaddr=''", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname='app", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app =x", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app Sslmode=prefer", &[], Neither),
    // Addresses and several hosts.
    ("hostaddr=127.0.0.1 port={P} user=postgres dbname=app", &[], Both),
    ("host=no.such.host hostaddr=127.0.0.1 port={P} user=postgres dbname=app", &[], Both),
    ("hostaddr=localhost port={P} user=postgres dbname=app", &[], Neither),
    ("host=127.0.0.1,127.0.0.1 port={D},{P} user=postgres dbname=app", &[], Both),
    ("postgresql://postgres@127.0.0.1:{D},127.0.0.1:{P}/app", &[], Both),
    ("postgresql://postgres@127.0.0.1,127.0.0.1:{P}/app", &[PORT], Both),
    ("host=/nonexistent,127.0.0.1 port={P} user=postgres dbname=app", &[], Both),
    ("host=127.0.0.1,, port={P} user=postgres dbname=app", &[], Both),
    ("host=127.0.0.1,127.0.0.1 port={P},{P},{P} user=postgres dbname=app", &[], Neither),
    ("host=127.0.0.1,127.0.0.1 hostaddr=127.0.0.1 port={P} user=postgres dbname=app", &[], Neither),
    (
        "host='/nonexistent, 127.0.0.1' port={P} user=postgres dbname=app",
        &[],
        OnlyWe("spaces around the commas of a list are left out, as people write them"),
    ),
    ("host=127.0.0.1,127.0.0.1 port='{D}, {P}' user=postgres dbname=app", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=read-write", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=primary", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=prefer-standby", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=standby", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=read-only", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app target_session_attrs=readwrite", &[], Neither),
    // Numbers and words.
    ("host=127.0.0.1 port={P} user=postgres dbname=app connect_timeout=0", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app connect_timeout=-1", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app connect_timeout=' 5 '", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app connect_timeout=5s", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app connect_timeout=99999999999", &[], Neither),
    (
        "host=127.0.0.1 port={P} user=postgres dbname=app keepalives=0 keepalives_idle=1 tcp_user_timeout=1000",
        &[],
        Both,
    ),
    ("host=127.0.0.1 port={P} user=postgres dbname=app keepalives_idle=x", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=disable", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=allow", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=prefer", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=require", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=verify-full", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslmode=Require", &[], Neither),
    ("host={S} port={P} user=postgres dbname=app sslmode=require", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app channel_binding=prefer", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app channel_binding=require", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app channel_binding=maybe", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app gssencmode=disable krbsrvname=x", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app gssencmode=prefer", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app gssencmode=require", &[], Neither),
    (
        "host=127.0.0.1 port={P} user=postgres dbname=app application_name=x client_encoding=LATIN1 fallback_application_name=y",
        &[],
        Both,
    ),
    (
        "host=127.0.0.1 port={P} user=postgres dbname=app client_encoding=no_such",
        &[],
        OnlyWe("text is always read as UTF-8, whatever client_encoding says"),
    ),
    ("host=127.0.0.1 port={P} user=postgres dbname=app sslcompression=1", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app ssl_min_protocol_version=TLSv1.2", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app ssl_min_protocol_version=TLSv9", &[], Neither),
    ("host=127.0.0.1 port={P} user=postgres dbname=app options='-c geqo=off'", &[], Both),
    ("host=127.0.0.1 port={P} user=postgres dbname=app options='-c no_such=1'", &[], Neither),
    (
        "host={S} port={P} user=postgres dbname=app requirepeer=postgres",
        &[],
        OnlyLibpq("who serves a socket cannot be asked without unsafe code; refused, not ignored"),
    ),
    (
        "host=127.0.0.1 port={P} user=postgres dbname=app sslpassword=x",
        &[],
        OnlyLibpq("encrypted client keys cannot be read; refused, not ignored, where no key is used too"),
    ),
    (
        "host=127.0.0.1 port={P} user=postgres dbname=app sslcrldir=/nonexistent",
        &[],
        OnlyLibpq(
            "a directory of revocation lists cannot be read; refused, not ignored; sslcrl takes one file",
        ),
    ),
    ("host=127.0.0.1 port={P} user=postgres dbname=app replication=off", &[], Both),
    ("host=@drcore-no-such-socket port={P} user=postgres dbname=app", &[], Neither),
    // The environment.
    ("", &[AT, PORT, ("PGUSER", "postgres"), ("PGDATABASE", "app")], Both),
    ("dbname=app", &[AT, PORT, ("PGUSER", "postgres"), ("PGDATABASE", "nowhere")], Both),
    (
        "",
        &[
            ("PGHOSTADDR", "127.0.0.1"),
            ("PGHOST", "no.such.host"),
            PORT,
            ("PGUSER", "postgres"),
            ("PGDATABASE", "app"),
        ],
        Both,
    ),
    ("", &[AT, PORT, ("PGUSER", "postgres"), ("PGDATABASE", "")], Both),
    ("dbname=app", &[AT, PORT, ("USER", "postgres")], Both),
    ("dbname=app", &[AT, PORT], Both),
    ("user=postgres dbname=app", &[AT, PORT, ("PGSSLMODE", "require")], Neither),
    ("user=postgres dbname=app sslmode=disable", &[AT, PORT, ("PGSSLMODE", "require")], Both),
    ("user=postgres dbname=app", &[AT, PORT, ("PGREQUIRESSL", "1")], Neither),
    ("user=postgres dbname=app", &[AT, PORT, ("PGREQUIRESSL", "0")], Both),
    ("user=postgres dbname=app", &[AT, PORT, ("PGCONNECT_TIMEOUT", "x")], Neither),
    ("user=postgres dbname=app", &[AT, PORT, ("PGTARGETSESSIONATTRS", "standby")], Neither),
    ("user=postgres dbname=app", &[AT, PORT, ("PGOPTIONS", "-c no_such=1")], Neither),
    ("user=postgres dbname=app", &[AT, PORT, ("PGGSSENCMODE", "require")], Neither),
    (
        "host={S} user=postgres dbname=app",
        &[PORT, ("PGREQUIREPEER", "postgres")],
        OnlyLibpq("as requirepeer"),
    ),
    (
        "user=postgres dbname=app",
        &[AT, PORT, ("PGCLIENTENCODING", "UTF8"), ("PGDATESTYLE", "German"), ("PGTZ", "Asia/Tokyo")],
        Both,
    ),
    // Passwords: the role `secret` must give one.
    ("postgresql://secret:right@127.0.0.1:{P}/app", &[], Both),
    ("postgresql://secret:wrong@127.0.0.1:{P}/app", &[("PGPASSWORD", "right")], Neither),
    ("postgresql://secret:@127.0.0.1:{P}/app", &[("PGPASSWORD", "right")], Both),
    ("user=secret password='' dbname=app", &[AT, PORT, ("PGPASSWORD", "right")], Neither),
    ("user=secret dbname=app", &[AT, PORT, ("PGPASSWORD", "right")], Both),
    ("user=secret dbname=app", &[AT, PORT], Neither),
    ("user=secret dbname=app", &[AT, PORT, ("PGPASSFILE", "{H}/passfile")], Both),
    ("user=secret dbname=app passfile={H}/passfile", &[AT, PORT], Both),
    ("user=secret dbname=app passfile={H}/open", &[AT, PORT], Neither),
    ("user=secret dbname=app passfile={H}/none", &[AT, PORT, ("PGPASSWORD", "right")], Both),
    ("host={S} user=secret dbname=app passfile={H}/passfile", &[PORT], Neither),
    ("host={S} user=secret dbname=app passfile={H}/by_socket", &[PORT], Both),
    // Services.
    ("service=there", &[("PGSERVICEFILE", "{H}/services")], Both),
    ("", &[("PGSERVICE", "there"), ("PGSERVICEFILE", "{H}/services")], Both),
    ("postgresql:///?service=there", &[("PGSERVICEFILE", "{H}/services")], Both),
    ("service=there", &[("PGSYSCONFDIR", "{H}/etc")], Both),
    ("service=there dbname=nowhere", &[("PGSERVICEFILE", "{H}/services")], Neither),
    ("service=there", &[("PGSERVICEFILE", "{H}/services"), ("PGDATABASE", "nowhere")], Both),
    ("service=no_such", &[("PGSERVICEFILE", "{H}/services")], Neither),
    ("service=no_such", &[("PGSERVICEFILE", "{H}/none")], Neither),
    ("service=nested", &[("PGSERVICEFILE", "{H}/services")], Neither),
    ("service=odd", &[("PGSERVICEFILE", "{H}/services")], Neither),
    (
        "service=spaced",
        &[("PGSERVICEFILE", "{H}/services")],
        OnlyWe("spaces around the = of a service file are left out, as people write them"),
    ),
];

struct Ground {
    place: Place,
    cluster: ScratchCluster,
    port: u16,
    dead: u16,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Ground {
    async fn new() -> Self {
        let place = Place::new();
        let hba = tempfile::NamedTempFile::with_prefix_in("drcore-hba-", "/tmp").unwrap();
        let (any, secret) =
            ("local all all trust\nhost all all 127.0.0.1/32 trust\n", "secret scram-sha-256\n");
        std::fs::write(
            hba.path(),
            format!("local all {secret}host all secret 127.0.0.1/32 scram-sha-256\n{any}"),
        )
        .unwrap();
        std::fs::set_permissions(hba.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        let mut options = ScratchOptions::default();
        let (port, dead) = (free_port(), free_port());
        options.port = Some(port);
        options.settings.push(("hba_file".to_owned(), hba.path().display().to_string()));
        let cluster = ScratchCluster::start(options).await.unwrap();
        drop(hba);
        for name in ["app", "odd name/x", "o@d:d%"] {
            cluster.create_database(name).await.unwrap();
        }
        let me =
            String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        let roles = format!(
            "set password_encryption = 'scram-sha-256'; create role secret login password 'right'; create role \"o@d:d%\" login; \
             do $$ begin create role \"{}\" login; exception when duplicate_object then null; end $$",
            me.trim()
        );
        cluster.execute("postgres", &roles).await.unwrap();
        let socket = cluster.socket_directory().display().to_string();
        let service = format!("host=127.0.0.1\nport={port}\nuser=postgres\ndbname=app\n");
        let services = format!(
            "# comment\n[other]\nhost=no\n\n[there]\n{service}\n[nested]\nservice=there\n[odd]\nno_such=1\n{service}\
             [spaced]\nhost = 127.0.0.1\nport = {port}\nuser = postgres\ndbname = app\n"
        );
        place.write("services", &services);
        std::fs::create_dir(place.path("etc")).unwrap();
        place.write("etc/pg_service.conf", &services);
        for (name, text, mode) in [
            ("passfile", format!("# comment\nother:*:*:*:wrong\n127.0.0.1:{port}:app:secret:right\n"), 0o600),
            ("open", "*:*:*:*:right\n".to_owned(), 0o644),
            ("by_socket", format!("{}:{port}:*:secret:right\n", socket.replace(':', "\\:")), 0o600),
        ] {
            place.write(name, &text);
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            std::fs::set_permissions(place.path(name), mode).unwrap();
        }
        Self { place, cluster, port, dead }
    }

    fn fill(&self, text: &str) -> String {
        let socket = self.cluster.socket_directory().display().to_string();
        text.replace("{S%}", &socket.replace('/', "%2F"))
            .replace("{S}", &socket)
            .replace("{P}", &self.port.to_string())
            .replace("{D}", &self.dead.to_string())
            .replace("{H}", &self.place.path("").display().to_string())
    }

    /// User and database, or what libpq says.
    fn theirs(&self, dsn: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let output = std::process::Command::new(self.cluster.tools().directory.join("psql"))
            .args([
                "--no-psqlrc",
                "--no-password",
                "--tuples-only",
                "--no-align",
                "--dbname",
                &self.fill(dsn),
            ])
            .args(["--command", "select current_user, current_database()"])
            .env_clear()
            .env("HOME", self.place.path(""))
            .envs(variables.iter().map(|(name, value)| (name, self.fill(value))))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        if output.status.success() {
            Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
        }
    }

    /// User and database, or what we say.
    fn ours(&self, dsn: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let _ = std::fs::remove_file(self.place.path("e.json"));
        let dsn = self.fill(dsn);
        let mut arguments = vec!["collect", "--only", "assertions", "-o", "e.json"];
        if !dsn.is_empty() {
            arguments.push(&dsn);
        }
        let mut command = self.place.command(&arguments);
        command.env_remove("USER").env_remove("LOGNAME");
        command.envs(variables.iter().map(|(name, value)| (name, self.fill(value))));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let Ok(text) = std::fs::read_to_string(self.place.path("e.json")) else { return Err(said) };
        let evidence: serde_json::Value = serde_json::from_str(&text).unwrap();
        let server = &evidence["run"]["server"];
        match (server["role"].as_str(), server["database"].as_str()) {
            (Some(role), Some(database)) => Ok(format!("{role}|{database}")),
            _ => Err(evidence["run"]["failure"]["message"].as_str().unwrap_or(&said).to_owned()),
        }
    }
}

#[tokio::test]
async fn connection_strings_are_read_as_libpq_reads_them() {
    let ground = Ground::new().await;
    let mut wrong = Vec::new();
    for (dsn, variables, like) in ROWS {
        let (theirs, ours) = (ground.theirs(dsn, variables), ground.ours(dsn, variables));
        let found = match (&theirs, &ours) {
            (Ok(theirs), Ok(ours)) if theirs == ours => Some(Both),
            (Ok(_), Ok(_)) => None,
            (Err(_), Err(_)) => Some(Neither),
            (Ok(_), Err(_)) => Some(OnlyLibpq("")),
            (Err(_), Ok(_)) => Some(OnlyWe("")),
        };
        let same = found.is_some_and(|found| std::mem::discriminant(&found) == std::mem::discriminant(like));
        if !same {
            wrong.push(format!("{dsn:?} {variables:?}: {like:?}\n  libpq: {theirs:?}\n  we:    {ours:?}"));
        }
        if let OnlyLibpq(why) | OnlyWe(why) = like {
            assert!(!why.is_empty(), "{dsn}");
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), ROWS.len(), wrong.join("\n"));
    ground.cluster.stop().unwrap();
}
