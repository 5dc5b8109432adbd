use std::path::{Path, PathBuf};

use drcore::restore::{ScratchCluster, ScratchOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use super::connecting::{answers, free_port, refused};

/// An authority.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Writes a certificate and its key; gives their paths.
    pub(crate) fn certify(
        &self,
        directory: &Path,
        file: &str,
        common_name: &str,
        names: &[&str],
        expired: bool,
    ) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        for name in names {
            params.subject_alt_names.push(match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            });
        }
        if expired {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let paths = (directory.join(format!("{file}.crt")), directory.join(format!("{file}.key")));
        std::fs::write(&paths.0, certificate.pem()).unwrap();
        std::fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }

    pub(crate) fn write(&self, directory: &Path, file: &str) -> PathBuf {
        let path = directory.join(file);
        std::fs::write(&path, self.issuer.pem()).unwrap();
        path
    }
}

/// Puts a certificate into the cluster's data directory, owned by its user.
pub(crate) async fn install(cluster: &ScratchCluster, (certificate, key): &(PathBuf, PathBuf)) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let data = cluster.socket_directory().join("data");
    let owner = std::fs::metadata(&data).unwrap();
    for (from, to) in [(certificate, "server.crt"), (key, "server.key")] {
        let to = data.join(to);
        std::fs::copy(from, &to).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o600)).unwrap();
        chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    cluster.execute("postgres", "alter system set ssl = on").await.unwrap();
    cluster.execute("postgres", "select pg_reload_conf()").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
}

/// Takes effect with the next reload.
pub(crate) fn hba(cluster: &ScratchCluster, lines: &str) {
    std::fs::write(cluster.socket_directory().join("data/pg_hba.conf"), format!("{lines}\n")).unwrap();
}

#[tokio::test]
async fn every_sslmode_verifies_what_it_promises() {
    let files = tempfile::tempdir().unwrap();
    let port = free_port().await;
    let mut options = ScratchOptions::default();
    options.port = Some(port);
    let cluster = ScratchCluster::start(options).await.unwrap();

    let authority = Authority::new("ours");
    let ours = authority.write(files.path(), "ours.crt");
    let theirs = Authority::new("another").write(files.path(), "theirs.crt");
    let url = |mode: &str, root: Option<&Path>, host: &str| {
        let root = root.map_or_else(String::new, |root| format!("&sslrootcert={}", root.display()));
        format!("postgresql://postgres@{host}:{port}/postgres?sslmode={mode}{root}")
    };

    // No TLS on the server.
    for (mode, will_do) in
        [("disable", true), ("allow", true), ("prefer", true), ("require", false), ("verify-full", false)]
    {
        let root = (mode == "verify-full").then_some(ours.as_path());
        assert_eq!(answers(&url(mode, root, "127.0.0.1")).await, will_do, "without TLS: {mode}");
    }

    install(&cluster, &authority.certify(files.path(), "server", "server", &["localhost"], false)).await;
    hba(&cluster, "local all all trust\nhostssl all all 127.0.0.1/32 trust");
    cluster.execute("postgres", "select pg_reload_conf()").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    // The certificate is for localhost; 127.0.0.1 is another name.
    for (mode, root, host, will_do) in [
        ("disable", None, "localhost", false),
        ("allow", None, "localhost", true),
        ("prefer", None, "127.0.0.1", true),
        ("require", None, "127.0.0.1", true),
        ("require", Some(&theirs), "localhost", false),
        ("require", Some(&ours), "127.0.0.1", true),
        ("verify-ca", Some(&ours), "127.0.0.1", true),
        ("verify-ca", Some(&theirs), "localhost", false),
        ("verify-full", Some(&ours), "localhost", true),
        ("verify-full", Some(&ours), "127.0.0.1", false),
        ("verify-full", Some(&theirs), "localhost", false),
        ("verify-full", None, "localhost", false),
    ] {
        let url = url(mode, root.map(PathBuf::as_path), host);
        assert_eq!(answers(&url).await, will_do, "{mode} with {root:?} for {host}");
        if !will_do && mode != "disable" {
            let cause = refused(&url).await;
            assert!(cause.message.contains("certificate"), "{}", cause.message);
        }
    }
    assert!(answers(&format!("{}&channel_binding=disable", url("require", None, "localhost"))).await);

    install(&cluster, &authority.certify(files.path(), "expired", "server", &["localhost"], true)).await;
    let cause = refused(&url("verify-full", Some(&ours), "localhost")).await;
    assert!(cause.message.contains("expired"), "{}", cause.message);
    assert!(answers(&url("require", None, "localhost")).await, "libpq's require verifies nothing");
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_server_asks_for_it() {
    let files = tempfile::tempdir().unwrap();
    let port = free_port().await;
    let mut options = ScratchOptions::default();
    options.port = Some(port);
    let cluster = ScratchCluster::start(options).await.unwrap();
    let authority = Authority::new("ours");
    let root = authority.write(files.path(), "ours.crt");
    install(&cluster, &authority.certify(files.path(), "server", "server", &["localhost"], false)).await;
    let data = cluster.socket_directory().join("data/clients.crt");
    std::fs::copy(&root, &data).unwrap();
    cluster.execute("postgres", "alter system set ssl_ca_file = 'clients.crt'").await.unwrap();
    hba(&cluster, "local all all trust\nhostssl all all 127.0.0.1/32 cert");
    cluster.execute("postgres", "create role app login").await.unwrap();
    cluster.execute("postgres", "select pg_reload_conf()").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;

    let (certificate, key) = authority.certify(files.path(), "app", "app", &[], false);
    let base = format!(
        "postgresql://app@localhost:{port}/postgres?sslmode=verify-full&sslrootcert={}",
        root.display()
    );
    let shown = format!("{base}&sslcert={}&sslkey={}", certificate.display(), key.display());
    assert!(answers(&shown).await);
    assert!(!answers(&base).await);
    assert!(!answers(&shown.replace("app@", "postgres@")).await);
    assert!(!answers(&format!("{shown}&sslcertmode=disable")).await);
}
