//! Every case of the guard, and the page that shows them.

use std::fmt::Write as _;

use super::*;
use crate::pages;

/// The project that may be restored into.
const NEW: &str = "abcdefghijklmnopqrst";
/// The project that is protected.
const LIVE: &str = "mlwfgytjxlqyfxcgpysm";
/// By which the database that answers is named, where nothing says which project it is.
const NAME: &str = "postgres@7412345678901234567";

/// One case: what is asked, what answers, and what must come of it.
struct Case {
    intent: Intent,
    dsn: String,
    name: String,
    situation: String,
    variables: Vec<(&'static str, String)>,
    protect: Vec<Protected>,
    others: Vec<(&'static str, Identity)>,
    clone_of: Option<String>,
    over: Over,
    seen: Seen,
    /// A part of the reason why not; none where it must be allowed.
    refused: Option<&'static str>,
}

fn case(intent: Intent, dsn: &str, name: &str) -> Case {
    let put = |text: &str| text.replace("NEW", NEW).replace("LIVE", LIVE).replace("NAME", NAME);
    Case {
        intent,
        dsn: put(dsn),
        name: put(name),
        situation: String::new(),
        variables: Vec::new(),
        protect: vec![Protected::parse(LIVE).unwrap()],
        others: Vec::new(),
        clone_of: None,
        over: Over::Nothing,
        seen: Seen {
            server: server("7412345678901234567", 5, "2026-11-20 02:00:00+00"),
            is_scratch: false,
            pooling: Pooling::Session,
            holds: Some(Holds::default()),
        },
        refused: None,
    }
}

fn restore(dsn: &str, name: &str) -> Case {
    case(Intent::Restore, dsn, name)
}

fn repair(dsn: &str, name: &str) -> Case {
    case(Intent::Repair, dsn, name)
}

fn attempt(dsn: &str, name: &str) -> Case {
    case(Intent::Attempt, dsn, name)
}

fn server(identifier: &str, oid: u32, started: &str) -> Server {
    let identifier = (!identifier.is_empty()).then_some(identifier);
    serde_json::from_value(serde_json::json!({
        "version": "17.4", "version_num": 170_004, "database": "postgres", "database_oid": oid,
        "system_identifier": identifier, "started_at": started, "in_recovery": false, "role": "postgres",
        "superuser": false, "bypass_rls": true, "cluster_name": "main", "taken_at": "2026-11-20T03:00:00Z",
    }))
    .unwrap()
}

impl Case {
    fn refused(mut self, why: &'static str) -> Self {
        self.refused = Some(why);
        self
    }

    fn situation(mut self, situation: &str) -> Self {
        self.situation = situation.to_owned();
        self
    }

    fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.push((name, value.replace("LIVE", LIVE)));
        self.situation = format!("with {name}={}", self.variables[0].1);
        self
    }

    fn protecting(mut self, text: &str) -> Self {
        self.protect = vec![Protected::parse(text).unwrap()];
        self.situation = format!("protected: {text}");
        self
    }

    fn seen(mut self, situation: &str, change: impl FnOnce(&mut Seen)) -> Self {
        change(&mut self.seen);
        self.situation(situation)
    }

    /// Compared with a database: of the same cluster where the identifier is that of the target.
    fn other(
        mut self,
        situation: &str,
        what: &'static str,
        identifier: &str,
        oid: u32,
        started: &str,
    ) -> Self {
        let other = Identity::live(&server(identifier, oid, started), None);
        let started_at = other.started_at.clone().filter(|started| !started.is_empty());
        self.others.push((what, Identity { started_at, ..other }));
        self.situation(situation)
    }

    fn clone_of(mut self, name: &str) -> Self {
        self.clone_of = Some(name.to_owned());
        self.situation.push_str(&format!(", and `clone_of` says {name}"));
        self
    }

    fn told(mut self) -> Self {
        self.over = Over::Told;
        self.situation.push_str(", and the reviewed plan says what happens to it");
        self
    }

    fn ruling(&self) -> Ruling {
        let variables: Vec<(&str, &str)> =
            self.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let dsn = Dsn::parse_with(&self.dsn, &variables).unwrap();
        let asked = Asked {
            intent: self.intent,
            name: &self.name,
            protect: &self.protect,
            others: &self.others,
            clone_of: self.clone_of.as_deref(),
            over: self.over,
        };
        let ruling = Ruling::of_dsn(&asked, &dsn);
        if ruling.is_allowed() { ruling.of_server(&asked, &dsn, &self.seen) } else { ruling }
    }

    fn line(&self) -> String {
        let situation = match self.situation.as_str() {
            "" => String::new(),
            situation => format!("; {situation}"),
        };
        let verdict = match self.ruling().refusal() {
            None => "allowed".to_owned(),
            Some(refusal) => format!("refused, {}", refusal.why),
        };
        let dsn =
            if self.dsn.is_empty() { "no connection string".to_owned() } else { format!("`{}`", self.dsn) };
        let name =
            if self.name.is_empty() { "not named".to_owned() } else { format!("named `{}`", self.name) };
        format!("- {dsn}, {name}{situation}: **{verdict}**\n")
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    const SAME: &str = "7412345678901234567";
    const STARTED: &str = "2026-11-20 02:00:00+00";
    vec![
        attempt("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW"),
        attempt("postgresql://postgres@db.NEW.supabase.co/postgres", "LIVE").refused("says project"),
        attempt("postgresql://postgres@db.LIVE.supabase.co/postgres", "LIVE").refused("is protected"),
        attempt("postgresql://postgres.LIVE@aws-0-eu-west-1.pooler.supabase.com/postgres", "LIVE")
            .refused("is protected"),
        attempt("postgresql://postgres@10.0.0.1/postgres", "NAME").refused("none of the protected projects"),
        attempt("postgresql://postgres@10.0.0.1/postgres", "NAME").protecting("app@7412345678901234567"),
        attempt("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .protecting("postgres@7412345678901234567")
            .refused("is protected"),
        attempt("host=/tmp/drcore user=postgres dbname=postgres", "NAME")
            .seen("a scratch cluster of ours", |seen| seen.is_scratch = true),
        attempt("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("a standby", |seen| seen.server.in_recovery = true)
            .refused("is a standby"),
        attempt("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("half a restore", |seen| seen.server.restoring = Some("begun yesterday".to_owned()))
            .refused("did not come to its end"),
        attempt("postgresql://postgres@10.0.0.1/postgres", "").refused("not \"\""),
        // By the connection string: which project.
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW"),
        restore("postgresql://postgres.NEW@aws-0-eu-west-1.pooler.supabase.com/postgres", "NEW"),
        restore("postgresql://my.role.NEW@fly-0-fra.pooler.supabase.com/postgres", "NEW"),
        restore("postgresql://postgres@aws-1-eu.pooler.supabase.com/postgres?options=reference%3DNEW", "NEW"),
        restore(
            "postgresql://postgres.NEW@aws-1-eu.pooler.supabase.com/postgres?options=reference%3DNEW",
            "NEW",
        ),
        restore("postgresql://postgres@db.NEW.supabase.red/postgres", "NEW"),
        restore("host=db.NEW.supabase.co hostaddr=10.0.0.1 sslmode=verify-full user=postgres", "NEW"),
        restore("host=db.NEW.supabase.co hostaddr=10.0.0.1 user=postgres dbname=postgres", "NEW")
            .refused("this is \"postgres@7412345678901234567\", not"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NAME").refused("says project"),
        restore("postgresql://postgres@shop.supabase.co/postgres", "NEW")
            .refused("not \"abcdefghijklmnopqrst\""),
        restore("postgresql://postgres@shop.supabase.co/postgres", "NAME"),
        restore("postgresql://postgres@aws-0-eu.pooler.supabase.com/postgres", "NEW")
            .refused("not \"abcdefghijklmnopqrst\""),
        restore("postgresql://user.cluster.NEW@aws-0-eu.pooler.supabase.com/postgres", "NEW")
            .refused("not \"abcdefghijklmnopqrst\""),
        restore("postgresql://postgres.your-tenant-id@supabase.example.com/postgres", "NAME"),
        restore("postgresql://postgres:x@localhost:54322/postgres", "NAME"),
        restore("postgresql://postgres@[2001:db8::1]:5432/postgres", "NAME"),
        restore("postgresql://postgres@10.0.0.1/postgres", "postgres@7000000000000000001")
            .refused("not \"postgres@7"),
        restore("postgresql://postgres@10.0.0.1/postgres", "postgres").refused("not \"postgres\""),
        restore("postgresql://postgres@10.0.0.1/postgres", "").refused("not \"\""),
        // What is protected, in every shape.
        restore("postgresql://postgres@db.LIVE.supabase.co/postgres", "LIVE").refused("is protected"),
        restore("postgresql://postgres@DB.LIVE.SUPABASE.CO./postgres", "LIVE").refused("is protected"),
        restore("postgresql://postgres@db.LIVE.supabase.com/postgres", "NAME").refused("is protected"),
        restore("postgresql://postgres@LIVE.supabase.co/postgres", "LIVE").refused("is protected"),
        restore("postgresql://postgres@LIVE-rr-us-east-1-jkjqy.supabase.co/postgres", "LIVE")
            .refused("is protected"),
        restore("postgresql://postgres@LIVE.storage.supabase.co/postgres", "NAME").refused("is protected"),
        restore("postgresql://postgres.LIVE@aws-0-eu-west-1.pooler.supabase.com/postgres", "LIVE")
            .refused("is protected"),
        restore("postgresql://postgres%2ELIVE@aws-0-eu-west-1.pooler.supabase.com/postgres", "LIVE")
            .refused("is protected"),
        restore(
            "postgresql://postgres@aws-0-eu.pooler.supabase.com/postgres?options=reference%3DLIVE",
            "LIVE",
        )
        .refused("is protected"),
        restore("host=aws-0-eu.pooler.supabase.com user=postgres.LIVE dbname=postgres", "NEW")
            .refused("says project"),
        restore("postgresql://postgres.LIVE@localhost:54322/postgres", "NAME").refused("is protected"),
        restore("postgresql://postgres@shop.supabase.co/postgres", "LIVE").refused("is protected"),
        restore(
            "postgresql://postgres.NEW@aws-0-eu.pooler.supabase.com/postgres?options=reference%3DLIVE",
            "NEW",
        )
        .refused("names several projects"),
        restore("postgresql://postgres@db.NEW.supabase.co,db.LIVE.supabase.co/postgres", "NEW")
            .refused("names several projects"),
        restore("", "NEW").variable("PGHOST", "db.LIVE.supabase.co").refused("says project"),
        restore("postgresql://aws-0-eu.pooler.supabase.com/postgres", "NAME")
            .variable("PGUSER", "postgres.LIVE")
            .refused("says project"),
        restore("postgresql://postgres@aws-0-eu.pooler.supabase.com/postgres", "LIVE")
            .variable("PGOPTIONS", "reference=LIVE")
            .refused("is protected"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME").protecting(NAME).refused("is protected"),
        restore("postgresql://postgres@db.example.com/app", "NAME")
            .protecting("db.example.com")
            .refused("is protected"),
        restore("host=db.example.com hostaddr=10.0.0.1 user=postgres", "NAME")
            .protecting("db.example.com")
            .refused("is protected"),
        // Servers and poolers.
        restore("postgresql://postgres@db.NEW.supabase.co,NEW.supabase.co/postgres", "NEW")
            .refused("names 2 servers"),
        restore("postgresql://postgres.NEW@aws-0-eu.pooler.supabase.com:6543/postgres", "NEW")
            .refused("a pooler in transaction mode"),
        restore("postgresql://postgres@db.NEW.supabase.co:6543/postgres", "NEW")
            .refused("a pooler in transaction mode"),
        restore("postgresql://postgres@pool.example.com/postgres", "NAME")
            .seen("a pooler in transaction mode answers", |seen| seen.pooling = Pooling::Transaction)
            .refused("a pooler in transaction mode"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("a standby answers", |seen| seen.server.in_recovery = true)
            .refused("it is a standby"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .seen("the server does not tell its identifier", |seen| seen.server.system_identifier = None)
            .refused("which database this is"),
        // What it is restored from or compared with.
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the baseline is of it", "the baseline", SAME, 5, "")
            .refused("it is the baseline itself"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the source is it", "the source", SAME, 5, STARTED)
            .refused("it is the source itself"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME").other(
            "the source is another database of the server",
            "the source",
            SAME,
            16_384,
            STARTED,
        ),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the source started at another moment", "the source", SAME, 5, "2026-11-19 01:00:00+00")
            .refused("a physical clone"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the source started at another moment", "the source", SAME, 5, "2026-11-19 01:00:00+00")
            .clone_of(NAME),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other(
                "the baseline is of another database with its identifier",
                "the baseline",
                SAME,
                16_384,
                "",
            )
            .refused("a physical clone"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other(
                "the baseline is of another database with its identifier",
                "the baseline",
                SAME,
                16_384,
                "",
            )
            .clone_of(NAME),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the baseline is of it", "the baseline", SAME, 5, "")
            .clone_of(NAME)
            .refused("it is the baseline itself"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .other("the source does not tell its identifier", "the source", "", 5, STARTED)
            .refused("cannot be told"),
        restore("postgresql://postgres@10.0.0.1/postgres", "NAME").other(
            "the baseline is of another cluster",
            "the baseline",
            "7000000000000000001",
            5,
            "",
        ),
        restore("postgresql://postgres@%2Fdev%2Fshm%2Fdrcore-1/postgres", "NAME")
            .seen("a scratch cluster of drcore's", |seen| seen.is_scratch = true)
            .other(
                "a scratch cluster of drcore's, and the baseline is of another of its databases",
                "the baseline",
                SAME,
                16_384,
                "",
            ),
        // What it holds.
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("it holds a table", |seen| seen.holds = Some(held(1, 0)))
            .refused("it is not empty"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("it holds users", |seen| seen.holds = Some(held(0, 1)))
            .refused("it is not empty"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("it holds a table", |seen| seen.holds = Some(held(1, 0)))
            .told(),
        restore("postgresql://postgres@localhost:54322/postgres", "NAME")
            .seen("it holds a table", |seen| seen.holds = Some(held(1, 0)))
            .told()
            .refused("none of the protected projects"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("what it holds cannot be read", |seen| seen.holds = None)
            .refused("could not be read"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("a restore into it did not come to its end", unfinished)
            .refused("did not come to its end"),
        restore("postgresql://postgres@db.NEW.supabase.co/postgres", "NEW")
            .seen("a restore into it did not come to its end", unfinished)
            .told(),
        // Repair.
        repair("postgresql://postgres@db.LIVE.supabase.co/postgres", "LIVE"),
        repair("postgresql://postgres.LIVE@aws-0-eu.pooler.supabase.com:6543/postgres", "LIVE"),
        repair("postgresql://postgres@db.LIVE.supabase.co,LIVE.supabase.co/postgres", "LIVE"),
        repair("postgresql://postgres@db.LIVE.supabase.co/postgres", "LIVE")
            .seen("the server does not tell its identifier", |seen| seen.server.system_identifier = None),
        repair("postgresql://postgres@10.0.0.1/postgres", "NAME"),
        repair("postgresql://postgres@db.LIVE.supabase.co/postgres", "NEW").refused("says project"),
        repair("postgresql://postgres@shop.supabase.co/postgres", "LIVE").refused("not \"mlwf"),
        repair("postgresql://postgres@10.0.0.1/postgres", "postgres@7000000000000000001")
            .refused("not \"postgres@7"),
        repair("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .seen("the server does not tell its identifier", |seen| seen.server.system_identifier = None)
            .refused("which database this is"),
        repair("postgresql://postgres@10.0.0.1/postgres", "NAME")
            .seen("a standby answers", |seen| seen.server.in_recovery = true)
            .refused("it is a standby"),
        repair("postgresql://postgres@db.LIVE.supabase.co/postgres", "LIVE")
            .seen("a restore into it did not come to its end", unfinished)
            .refused("did not come to its end"),
        repair("postgresql://postgres@db.NEW.supabase.co,db.LIVE.supabase.co/postgres", "LIVE")
            .refused("names several projects"),
    ]
}

fn held(objects: u64, filled: u64) -> Holds {
    Holds {
        objects,
        filled,
        example: Some(if objects > 0 { "public.tenants" } else { "auth.users" }.to_owned()),
    }
}

fn unfinished(seen: &mut Seen) {
    seen.server.restoring = Some("backup-20261119-020000.dump, begun 2026-11-20 02:40:00Z".to_owned());
    seen.holds = Some(held(12, 0));
}

#[test]
fn every_case_is_allowed_or_refused_for_its_reason() {
    let cases = cases();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    for case in &cases {
        let ruling = case.ruling();
        let shown = format!("{}{}", case.line(), ruling.lines().join("\n"));
        match case.refused {
            None => assert!(ruling.is_allowed(), "must be allowed\n{shown}"),
            Some(why) => {
                let error = ruling.error().unwrap_or_else(|| panic!("must be refused: {why}\n{shown}"));
                assert_eq!(error.kind(), ErrorKind::Refused);
                assert!(error.to_string().contains(why), "{why}: {error}\n{shown}");
                assert!(error.to_string().ends_with("nothing was written"), "{error}");
                assert!(error.detail_text().unwrap().contains('≠'), "what was compared is shown: {error:?}");
                assert!(error.hint_text().unwrap().ends_with('.'), "{error:?}");
            }
        }
    }
}

#[test]
fn what_is_protected_is_refused_whatever_else_is_right() {
    // Whatever was allowed above, under a list that has it.
    for mut case in cases().into_iter().filter(|case| case.intent != Intent::Repair && case.refused.is_none())
    {
        case.protect = vec![Protected::parse(&case.name).unwrap()];
        let error = case.ruling().error().unwrap_or_else(|| panic!("must be refused: {}", case.line()));
        assert!(error.to_string().contains("is protected"), "{error}");
    }
}

#[test]
fn the_page_shows_every_case() {
    let (mut restores, mut repairs, mut attempts) = (String::new(), String::new(), String::new());
    for case in cases() {
        let into = match case.intent {
            Intent::Attempt => &mut attempts,
            Intent::Repair => &mut repairs,
            Intent::Restore => &mut restores,
        };
        write!(into, "{}", case.line()).unwrap();
    }
    let page = pages::ALL.iter().find(|page| page.topic == "guard").unwrap().text;
    let (head, _) = page.split_once("## Restores, case by case").unwrap();
    let expected = format!(
        "{head}## Restores, case by case\n{restores}\n## Repairs, case by case\n{repairs}\n\
         ## Attempted writes, case by case\n{attempts}"
    );
    if std::env::var_os("DRCORE_WRITE_FIXTURES").is_some_and(|what| what == "all" || what == "guard") {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pages/guard.md");
        std::fs::write(file, &expected).unwrap();
    }
    assert_eq!(
        page, expected,
        "stale: DRCORE_WRITE_FIXTURES=guard cargo test -p drcore --lib guard writes it"
    );
}
