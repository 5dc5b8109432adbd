use super::*;

fn dsn(text: &str, variables: &[(&str, &str)]) -> Dsn {
    Dsn::parse_in(text, &Environment::of(variables)).unwrap()
}

#[test]
fn neither_user_nor_password_is_shown() {
    let dsn = dsn("postgresql://bob:s3cret@db.example.com:6543/app?sslmode=verify-full", &[]);
    assert_eq!(dsn.to_string(), "db.example.com:6543");
    assert!(!format!("{dsn:?}").contains("s3cret"));
    assert_eq!((dsn.ssl_mode(), dsn.database()), (SslMode::VerifyFull, Some("app")));
}

#[test]
fn several_hosts_keep_their_ports() {
    let places = |text: &str| dsn(text, &[]).to_string();
    assert_eq!(places("postgresql://a,b:6000,c/d"), "a:5432,b:6000,c:5432");
    assert_eq!(places("host=a,b port=6000"), "a:6000,b:6000");
    assert_eq!(places("host=a,b port=6000,6001"), "a:6000,b:6001");
    assert_eq!(places("host=a hostaddr=10.0.0.1"), "a:5432");
    assert_eq!(places("hostaddr=::1 port=7000"), "::1:7000");
    for text in
        ["host=a,b port=1,2,3", "host=a,b hostaddr=::1", "host=a port=0", "host=a port=x", "hostaddr=a"]
    {
        assert_eq!(
            Dsn::parse_in(text, &Environment::of(&[])).unwrap_err().kind(),
            ErrorKind::Usage,
            "{text}"
        );
    }
}

#[test]
fn what_is_left_out_comes_from_the_environment_and_then_from_defaults() {
    let from_environment =
        dsn("", &[("PGHOST", "h"), ("PGPORT", "6000"), ("PGUSER", "u"), ("PGPASSWORD", "p")]);
    assert_eq!(
        (from_environment.to_string().as_str(), from_environment.user(), from_environment.database()),
        ("h:6000", Some("u"), Some("u"))
    );
    assert_eq!(from_environment.password_from(), Some(PasswordFrom::Environment));
    assert_eq!(dsn("host=h", &[("USER", "me")]).user(), Some("me"));
    assert_eq!(dsn("host=h user=u", &[("PGDATABASE", "d")]).database(), Some("d"));
}

#[test]
fn supabase_projects_are_known_by_host_user_and_options() {
    let project = |text: &str| dsn(text, &[]).project();
    let name = Some("abcdefghijklmnopqrst".to_owned());
    assert_eq!(project("postgresql://postgres@db.abcdefghijklmnopqrst.supabase.co/postgres"), name);
    assert_eq!(
        project("postgresql://my.role.abcdefghijklmnopqrst@aws-0-eu.pooler.supabase.com/postgres"),
        name
    );
    assert_eq!(
        project(
            "postgresql://postgres@aws-0-eu.pooler.supabase.com:6543/postgres?options=reference%3Dabcdefghijklmnopqrst"
        ),
        name
    );
    assert_eq!(project("postgresql://postgres@localhost/postgres"), None);
    assert!(dsn("host=db.abcdefghijklmnopqrst.supabase.co", &[]).is_supabase());
}

#[test]
fn a_silent_peer_is_noticed_whether_or_not_somebody_says_when() {
    let config = |text: &str| dsn(text, &[]).base;
    let default = config("host=h");
    assert!(default.get_keepalives());
    assert_eq!(default.get_keepalives_idle(), Duration::from_secs(60));
    assert_eq!(default.get_tcp_user_timeout(), Some(&Duration::from_secs(120)));
    let given =
        config("host=h keepalives_idle=5 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=9000");
    assert_eq!(given.get_keepalives_idle(), Duration::from_secs(5));
    assert_eq!(given.get_keepalives_interval(), Some(Duration::from_secs(2)));
    assert_eq!(given.get_keepalives_retries(), Some(3));
    assert_eq!(given.get_tcp_user_timeout(), Some(&Duration::from_secs(9)));
    assert!(!config("host=h keepalives=0").get_keepalives());
}

#[test]
fn the_system_s_authorities_mean_verify_full() {
    assert_eq!(dsn("host=h sslrootcert=system", &[]).ssl_mode(), SslMode::VerifyFull);
    for text in ["host=h sslrootcert=system sslmode=require", "host=h sslnegotiation=direct sslmode=prefer"] {
        assert_eq!(
            Dsn::parse_in(text, &Environment::of(&[])).unwrap_err().kind(),
            ErrorKind::Usage,
            "{text}"
        );
    }
}
