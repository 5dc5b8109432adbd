//! The cut-over list: what no restore can do, in the order in which people do it.
//!
//! Data that is rendered. Source: the runbooks' own lists, and what a Supabase project holds outside its database
//! (edge functions and their secrets, settings of the login service, keys, files).

mod text;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::left_out::{Omitted, WhyOmitted};
use crate::connect::Session;
use crate::error::Result;
use crate::secret::redacted;

/// What is left to do until the application runs on the restored database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CutOver")]
#[non_exhaustive]
pub struct CutOver {
    /// The steps, in order.
    pub steps: Vec<CutOverStep>,
}

/// One step of a cut-over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "CutOverStep")]
#[non_exhaustive]
pub struct CutOverStep {
    /// When.
    pub when: When,
    /// What to do.
    pub title: String,
    /// What happens if it is not done.
    pub why: String,
    /// Statements, commands and settings, ready to be copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub how: Vec<String>,
}

/// When a step of a cut-over is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CutOverWhen", title = "CutOverWhen")]
#[non_exhaustive]
pub enum When {
    /// While the application still runs on the old database, or not at all.
    Before,
    /// When the application is pointed at the restored database.
    Switch,
    /// Afterwards.
    After,
}

impl When {
    /// The word on screens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Switch => "switch",
            Self::After => "after",
        }
    }
}

/// What the list depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutOverFacts {
    /// The project that the backup is of.
    pub old_project: Option<String>,
    /// The project that was restored into; the same where it was restored in its place.
    pub new_project: Option<String>,
    /// Whether it is a Supabase project at all.
    pub supabase: bool,
    /// Jobs that would run by themselves: name or number, schedule.
    pub cron_jobs: Vec<String>,
    /// Triggers that call out, with their tables.
    pub webhooks: Vec<String>,
    /// How many files the storage tables speak of.
    pub files: u64,
    /// What of these could not be looked for, with the reason.
    pub unread: Vec<String>,
    /// What was left out of the restore.
    pub left_out: Vec<Omitted>,
}

impl CutOverFacts {
    /// Adds what the restored database says: jobs, webhooks, files, and what of them could not be read.
    pub(crate) async fn look(&mut self, session: &Session) -> Result<()> {
        self.webhooks = self
            .texts(
                "webhooks",
                session,
                "select pg_catalog.format('%I on %I.%I', t.tgname, n.nspname, c.relname) \
             from pg_catalog.pg_trigger t \
             join pg_catalog.pg_class c on c.oid = t.tgrelid \
             join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
             join pg_catalog.pg_proc f on f.oid = t.tgfoid \
             join pg_catalog.pg_namespace o on o.oid = f.pronamespace \
             where not t.tgisinternal and (o.nspname, f.proname) = ('supabase_functions', 'http_request') \
             order by 1",
            )
            .await?;
        self.cron_jobs = self.texts(
            "scheduled jobs",
            session,
            "select coalesce(j.jobname, 'job ' || j.jobid) || ', ' || j.schedule from cron.job j where j.active order by 1",
        )
        .await?;
        let files = self.texts("files", session, "select pg_catalog.count(*) from storage.objects").await?;
        self.files = files.first().and_then(|count| count.parse().ok()).unwrap_or_default();
        Ok(())
    }

    /// The first column; nothing where there is no such table. Any other reason is kept.
    async fn texts(&mut self, what: &str, session: &Session, sql: &str) -> Result<Vec<String>> {
        match session.simple(sql).await {
            Ok(answer) => {
                let cells = answer.into_iter().flatten().filter_map(|mut row| row.pop().flatten());
                Ok(cells.map(redacted).collect())
            }
            Err(error) if error.ends_session() => Err(error),
            // undefined_table, invalid_schema_name
            Err(error) if matches!(error.sqlstate(), Some("42P01" | "3F000")) => Ok(Vec::new()),
            Err(error) => {
                self.unread.push(format!("{what} ({error})"));
                Ok(Vec::new())
            }
        }
    }

    fn moves(&self) -> bool {
        self.new_project.is_some() && self.old_project != self.new_project
    }
}

/// Variables of applications that name the project. Source: the runbooks, and Supabase's guides for frameworks.
const URL_VARIABLES: &[&str] = &["SUPABASE_URL", "NEXT_PUBLIC_SUPABASE_URL", "VITE_SUPABASE_URL"];
/// Variables that hold the key that everybody may know.
const ANON_VARIABLES: &[&str] =
    &["SUPABASE_ANON_KEY", "NEXT_PUBLIC_SUPABASE_ANON_KEY", "VITE_SUPABASE_ANON_KEY"];
/// Variables that hold what nobody may know.
const SECRET_VARIABLES: &[&str] = &["SUPABASE_SERVICE_ROLE_KEY", "DATABASE_URL", "SUPABASE_DB_URL"];
/// Keys in the order in which they are rotated: the most powerful first. Source: SONAN's emergency checklist.
const ROTATION: &[&str] = &[
    "the Supabase service role key (Settings → API → Rotate)",
    "the Stripe secret key (Developers → API keys → Roll)",
    "the Stripe webhook secret (Developers → Webhooks → Roll signing secret)",
    "the Resend API key (API Keys: delete the old one, create a new one)",
    "CRON_SECRET (openssl rand -base64 32)",
];

impl CutOver {
    /// The list for these facts.
    pub fn of(facts: &CutOverFacts) -> Self {
        let mut steps = Steps(Vec::new());
        let old = facts.old_project.as_deref().unwrap_or("OLD");
        let new = facts.new_project.as_deref().unwrap_or("NEW");
        steps.add(
            When::Before,
            "stop writes to the old database",
            "what is written to it from now on is lost",
            ["put the application into maintenance, and its scheduled routes too".to_owned()],
        );
        if !facts.unread.is_empty() {
            steps.add(
                When::Before,
                format!("look for what could not be read here: {}", facts.unread.join("; ")),
                "this list lacks what would follow from it",
                Vec::<String>::new(),
            );
        }
        if !facts.cron_jobs.is_empty() {
            let pause = "select cron.alter_job(jobid, active := false) from cron.job where active".to_owned();
            steps.add(
                When::Before,
                format!("pause the scheduled jobs of the old database: {}", facts.cron_jobs.join("; ")),
                "they would run in both databases: mails, messages and payments twice",
                [pause],
            );
        }
        if !facts.webhooks.is_empty() {
            let disable = facts.webhooks.iter().filter_map(|trigger| {
                let (name, table) = trigger.split_once(" on ")?;
                Some(format!("alter table {table} disable trigger {name}"))
            });
            steps.add(
                When::Before,
                format!("pause the webhooks of the old database: {}", facts.webhooks.join("; ")),
                "what is written twice is called out twice",
                disable,
            );
        }
        for omitted in facts.left_out.iter().filter(|omitted| omitted.is_loss()) {
            let when = if omitted.why == WhyOmitted::CronJob { When::After } else { When::Before };
            steps.add(
                when,
                format!("bring what the restore left out: {}", omitted.objects.join(", ")),
                omitted.why.reason(),
                omitted.why.advice().map(str::to_owned),
            );
        }
        if facts.moves() && facts.supabase {
            Self::of_new_project(&mut steps, facts, old, new);
        }
        steps.add(
            When::After,
            "look at the application itself",
            "a database that verifies is not yet an application that works",
            [
                "the health route answers 200, with and without the scheduled routes' secret as it should",
                "somebody logs in, reads a list, changes something, uploads and downloads a file",
                "a test webhook of the payment provider answers 200; a test mail arrives",
                "the error rate stays at its baseline for 15 minutes",
            ]
            .map(str::to_owned),
        );
        if !facts.cron_jobs.is_empty() {
            steps.add(
                When::After,
                "let the scheduled jobs run in the restored database, and only there",
                "nothing runs them until then",
                ["select cron.alter_job(jobid, active := true) from cron.job where not active".to_owned()],
            );
        }
        steps.add(
            When::After,
            "if a key may have been seen by others, rotate keys, in this order",
            "the most powerful one does the most harm",
            ROTATION.iter().map(|key| (*key).to_owned()).chain([
                "set each in the hosting's environment variables, and deploy again".to_owned(),
                "see that the old ones answer 401".to_owned(),
            ]),
        );
        let mut steps = steps.0;
        steps.sort_by_key(|step| step.when);
        Self { steps }
    }

    /// What is not in the database of a project, and must be there before its users are.
    fn of_new_project(steps: &mut Steps, facts: &CutOverFacts, old: &str, new: &str) {
        if facts.files > 0 {
            steps.add(
                When::Before,
                format!("copy the {} files: their bytes are in no database", crate::text::count(facts.files)),
                "every row of storage.objects leads nowhere in the new project",
                [format!("from {old}/<bucket>/… to {new}/<bucket>/…, by S3 and with their versions; then drcore verify --store URL --tenant {new}")],
            );
        }
        steps.add(
            When::Before,
            "deploy the edge functions, and set their secrets",
            "neither is in the database",
            [
                format!("supabase functions deploy --project-ref {new}"),
                format!("supabase secrets set --project-ref {new} --env-file FILE   # values of the new project, none of the old one"),
            ],
        );
        steps.add(
            When::Before,
            "configure the login service",
            "providers, redirect URLs, mail templates, SMTP and hooks are in no database",
            ["Authentication → Providers, URL Configuration, Emails, Hooks; compare with the old project's"
                .to_owned()],
        );
        let value = |names: &[&str], value: &str| {
            names.iter().map(|name| format!("{name}={value}")).collect::<Vec<_>>()
        };
        let variables = value(URL_VARIABLES, &format!("https://{new}.supabase.co"))
            .into_iter()
            .chain(value(ANON_VARIABLES, "<anon key of the new project>"))
            .chain(value(SECRET_VARIABLES, "<of the new project>"))
            .chain(["deploy again: a running deployment keeps the old values".to_owned()]);
        steps.add(
            When::Switch,
            "change the environment variables, for production, preview and development",
            "the application writes to the old project until then",
            variables,
        );
        steps.add(
            When::Switch,
            "change what calls the project: webhooks of payment and mail providers, redirect URLs, mobile applications",
            "they call the old project until then",
            [format!("search for {old} in code, settings and providers")],
        );
        steps.add(
            When::After,
            format!("keep the old project {old}, paused, until nothing is missed"),
            "its encryption key and its files are nowhere else",
            ["all users must log in again: keys and tokens of the old project are not valid in the new one"
                .to_owned()],
        );
    }
}

struct Steps(Vec<CutOverStep>);

impl Steps {
    fn add(
        &mut self,
        when: When,
        title: impl Into<String>,
        why: &str,
        how: impl IntoIterator<Item = String>,
    ) {
        self.0.push(CutOverStep {
            when,
            title: title.into(),
            why: why.to_owned(),
            how: how.into_iter().collect(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(cut_over: &CutOver) -> Vec<(When, &str)> {
        cut_over.steps.iter().map(|step| (step.when, step.title.as_str())).collect()
    }

    #[test]
    fn a_new_project_takes_more_than_the_same_one() {
        let mut facts = CutOverFacts {
            old_project: Some("mlwfgytjxlqyfxcgpysm".to_owned()),
            new_project: Some("mlwfgytjxlqyfxcgpysm".to_owned()),
            supabase: true,
            files: 1_204,
            ..CutOverFacts::default()
        };
        let same = CutOver::of(&facts);
        assert!(!titles(&same).iter().any(|(_, title)| title.contains("environment variables")));
        facts.new_project = Some("abcdefghijklmnopqrst".to_owned());
        facts.cron_jobs = vec!["nightly, 0 2 * * *".to_owned()];
        facts.webhooks = vec!["notify on public.invoices".to_owned()];
        let moved = CutOver::of(&facts);
        let text = moved.to_text();
        for needle in [
            "https://abcdefghijklmnopqrst.supabase.co",
            "1,204 files",
            "alter table public.invoices disable trigger notify",
            "nightly, 0 2 * * *",
            "CRON_SECRET",
        ] {
            assert!(text.contains(needle), "{needle}: {text}");
        }
        assert!(moved.steps.is_sorted_by_key(|step| step.when));
        let order = |needle: &str| text.find(needle).unwrap();
        assert!(
            order("service role key (") < order("Stripe secret") && order("Stripe secret") < order("Resend")
        );
        assert!(moved.to_markdown().contains("- [ ] "), "{}", moved.to_markdown());
    }

    #[test]
    fn what_could_not_be_read_is_in_the_list() {
        let unread = vec!["scheduled jobs (permission denied for schema cron)".to_owned()];
        let text = CutOver::of(&CutOverFacts { unread, ..CutOverFacts::default() }).to_text();
        assert!(text.contains("permission denied for schema cron"), "{text}");
        assert!(!CutOver::of(&CutOverFacts::default()).to_text().contains("could not be read"));
    }

    #[test]
    fn what_was_left_out_is_in_the_list_with_what_to_do() {
        let mut omitted = Omitted::new(WhyOmitted::Vault);
        omitted.add("rows of vault.secrets".to_owned());
        let facts = CutOverFacts { left_out: vec![omitted], ..CutOverFacts::default() };
        let text = CutOver::of(&facts).to_text();
        assert!(text.contains("rows of vault.secrets") && text.contains("pgsodium"), "{text}");
    }
}
