//! The two sides: what they are, and how they are read.

use std::sync::Arc;

use futures::FutureExt;

use super::compare::{Comparison, Differing, tell};
use super::locate::{Live, Located, Locator};
use super::objects;
use super::options::DiffOptions;
use super::report::{DiffReport, DiffSide, DiffUnread, SideKind};
use super::rows::Keeper;
use super::structure::{Agreement, FACTS, Known};
use crate::backup::Repository;
use crate::collect::{
    CollectOptions, ContentChoice, Request, Stop, Then, Wants, both, collect_or_unreachable_until,
};
use crate::connect::Dsn;
use crate::error::Result;
use crate::evidence::{Cause, CauseKind, Evidence};
use crate::plan::Plan;
use crate::spool::Writer;
use crate::sql::QualifiedName;
use crate::text::plural;
use crate::verify::Against;

/// The two sides.
pub(super) struct Sides {
    a: Side,
    b: Side,
}

/// One side.
enum Side {
    /// A live database.
    Live { url: String },
    /// Stored Evidence.
    Stored { evidence: Box<Evidence>, file: Option<String> },
}

impl Side {
    /// # Errors
    /// Why it is none.
    async fn open(side: &Against) -> Result<Self> {
        Ok(match side {
            Against::Backup(url) => {
                let (repository, entry) = Box::pin(Repository::find(url)).await?;
                let evidence = Box::new(repository.expect_baseline(&entry).await?);
                Self::Stored { evidence, file: Some(format!("{} in {}", entry.name, repository.url())) }
            }
            Against::Url(url) => {
                Dsn::parse(url)?;
                Self::Live { url: url.clone() }
            }
            Against::File(path) => {
                let evidence = Box::new(Evidence::load(path)?);
                Self::Stored { evidence, file: Some(path.display().to_string()) }
            }
            Against::Evidence(evidence) => Self::Stored { evidence: evidence.clone(), file: None },
        })
    }

    fn is_stored(&self) -> bool {
        matches!(self, Self::Stored { .. })
    }

    /// Reads it if it is live.
    async fn read(
        &self,
        stop: &Stop,
        plan: &Plan,
        then: Option<&Evidence>,
        options: &CollectOptions,
    ) -> Evidence {
        match self {
            Self::Live { url } => {
                let then = then.map_or(Then::Nothing, Then::Known);
                collect_or_unreachable_until(stop, url, plan, then, options).await
            }
            Self::Stored { evidence, .. } => (**evidence).clone(),
        }
    }

    fn described(&self, evidence: &Evidence) -> DiffSide {
        let (kind, file) = match self {
            Self::Live { .. } => (SideKind::Database, None),
            Self::Stored { file, .. } => (SideKind::Baseline, file.clone()),
        };
        DiffSide { kind, file, run: evidence.run.without_files() }
    }
}

impl Sides {
    /// # Errors
    /// Why one of them is none.
    pub(super) async fn open(a: &Against, b: &Against) -> Result<Self> {
        Ok(Self { a: Side::open(a).await?, b: Side::open(b).await? })
    }

    /// Compares them.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`] if a table that the options name is nowhere.
    pub(super) async fn compare(&self, options: &DiffOptions) -> Result<DiffReport> {
        let limits = &options.plan.limits;
        let stop = Stop::new(options.collect.cancel.clone(), limits.deadline.map(Into::into));
        let result = self.compare_until(&stop, options).boxed().await;
        stop.finish();
        result
    }

    async fn compare_until(&self, stop: &Stop, options: &DiffOptions) -> Result<DiffReport> {
        if options.structure {
            return self.compare_objects(stop, options).await;
        }
        let structure = CollectOptions {
            cancel: options.collect.cancel.clone(),
            facts: Some(FACTS.to_vec()),
            ..CollectOptions::default()
        };
        let both = [structure.clone(), structure];
        let [a, b] = Box::pin(self.read_both(stop, &options.plan, None, both)).await;
        let mut report = DiffReport::new(self.a.described(&a), self.b.described(&b));
        let lists = [("a", &a), ("b", &b)];
        let unread = lists.map(|(side, evidence)| report.unread_structure(side, evidence));
        if unread.contains(&true) {
            report.conclude();
            return Ok(report);
        }
        let agreement = Agreement::find(self.known(&self.a, &a), self.known(&self.b, &b), options)?;
        let expected = agreement.as_expected(Evidence::new(a.run.clone()));
        let [of_a, of_b] = [(&agreement.only_in_a, &b), (&agreement.only_in_b, &a)].map(|(alone, other)| {
            let wanted = Arc::new(Wanted::new(&agreement, alone, other));
            CollectOptions {
                content: ContentChoice::Always,
                wanted: Some(Arc::new(move |evidence| wanted.by(evidence))),
                ..options.collect.clone()
            }
        });
        let reading = self.read_both(stop, &options.plan, Some(&expected), [of_a, of_b]);
        let read = Box::pin(reading).await;
        report.a = self.a.described(&read[0]);
        report.b = self.b.described(&read[1]);
        let comparison =
            Comparison { agreement: &agreement, structure: [&a, &b], read: [&read[0], &read[1]] };
        let differing = comparison.report(&mut report);
        let live = match (&self.a, &self.b) {
            (Side::Live { url: a }, Side::Live { url: b }) => Some(Locator {
                sides: [Live { url: a, evidence: &read[0] }, Live { url: b, evidence: &read[1] }],
                limits: &options.plan.limits,
                stop,
                values: options.values,
            }),
            _ => None,
        };
        let mut writer = Writer::new()?;
        for table in differing {
            tell_rows(&mut report, &table, live.as_ref(), &mut writer, options.limit).await?;
        }
        report.spool = writer.finish()?;
        report.conclude();
        Ok(report)
    }

    /// Compares what the catalogs say, and nothing else.
    async fn compare_objects(&self, stop: &Stop, options: &DiffOptions) -> Result<DiffReport> {
        let catalog =
            CollectOptions { facts: Some(crate::structure::FACTS.to_vec()), ..options.collect.clone() };
        let reading = self.read_both(stop, &options.plan, None, [catalog.clone(), catalog]);
        let [a, b] = Box::pin(reading).await;
        let mut report = DiffReport::new(self.a.described(&a), self.b.described(&b));
        let mut unread = false;
        for (side, evidence) in [('a', &a), ('b', &b)] {
            if let Some(failure) = evidence.failure()
                && evidence.catalog.relations.read().is_none()
            {
                unread = true;
                report.unread.push(DiffUnread::new("the structure", Some(side), failure.cause()));
            }
        }
        if !unread {
            let (structure, unread) = objects::compare([&a, &b], options)?;
            report.structure = Some(structure);
            report.unread = unread;
        }
        report.conclude();
        Ok(report)
    }

    fn known<'e>(&self, side: &Side, evidence: &'e Evidence) -> Known<'e> {
        let _ = self;
        Known { evidence, stored: side.is_stored() }
    }

    /// Reads those that are live: at the same time, or one after the other where their servers have too few
    /// connections for both.
    async fn read_both(
        &self,
        stop: &Stop,
        plan: &Plan,
        then: Option<&Evidence>,
        [mut of_a, mut of_b]: [CollectOptions; 2],
    ) -> [Evidence; 2] {
        if let Some(tell) = of_a.progress.clone()
            && !self.a.is_stored()
            && !self.b.is_stored()
        {
            [of_a.progress, of_b.progress] = both(&tell).map(Some);
        }
        let (a, b) = tokio::join!(self.a.read(stop, plan, then, &of_a), self.b.read(stop, plan, then, &of_b));
        let is_short = |evidence: &Evidence| {
            // too_many_connections
            evidence.failure().is_some_and(|failure| failure.sqlstate.as_deref() == Some("53300"))
        };
        if self.a.is_stored() || self.b.is_stored() || !(is_short(&a) || is_short(&b)) {
            return [a, b];
        }
        tracing::warn!("both at once need more connections than there are: reading one after the other");
        let a = self.a.read(stop, plan, then, &of_a).await;
        [a, self.b.read(stop, plan, then, &of_b).await]
    }
}

/// Says which rows of a table differ.
///
/// # Errors
/// [`ErrorKind::Io`] if they cannot be written down.
async fn tell_rows(
    report: &mut DiffReport,
    differing: &Differing<'_>,
    live: Option<&Locator<'_>>,
    writer: &mut Writer,
    limit: usize,
) -> Result<()> {
    let Differing { place, name, contents, found } = differing;
    let table = &mut report.tables[*place];
    if let Some(locator) = live {
        let located = Located { name, contents: *contents, known: found.as_deref().ok() };
        let mut keeper = Keeper::new(table, contents[0], writer, limit, false)?;
        match Box::pin(locator.locate(&located, &mut keeper)).await {
            Ok(passing) => {
                keeper.finish();
                table.settle(passing);
                if passing.in_motion > 0 {
                    let message = format!(
                        "{} at each reading, and another way each time: somebody writes to them",
                        match passing.in_motion {
                            1 => "1 row was different".to_owned(),
                            many => format!("{} were different", plural(many, "row")),
                        }
                    );
                    let cause = Cause::new(CauseKind::Unsupported, message)
                        .hint("Compare while nobody writes, or compare with a baseline of the backup's own snapshot.");
                    report.unread.push(DiffUnread::new(name.to_string(), None, cause));
                }
                return Ok(());
            }
            Err(error) => {
                keeper.forget()?;
                let mut cause = Cause::of_error(&error);
                cause.message = format!("the rows that differ could not be read again: {}", cause.message);
                report.unread.push(DiffUnread::new(name.to_string(), None, cause));
            }
        }
    }
    let table = &mut report.tables[*place];
    match found {
        Ok(differences) => {
            let mut keeper = Keeper::new(table, contents[0], writer, limit, true)?;
            tell(differences, contents[0], &mut keeper)?;
            keeper.finish();
        }
        Err(why) => table.untold = Some(why.clone()),
    }
    Ok(())
}

/// What is asked of one side.
struct Wanted {
    compared: Vec<QualifiedName>,
    /// Tables that only this side has: their rows are counted.
    alone: Vec<QualifiedName>,
    /// What the other side holds already.
    other: Evidence,
}

impl Wanted {
    fn new(agreement: &Agreement, alone: &[QualifiedName], other: &Evidence) -> Self {
        let compared = agreement.tables.iter().filter(|(_, agreed)| agreed.comparable.is_ok());
        Self {
            compared: compared.map(|(name, _)| name.clone()).collect(),
            alone: alone.to_vec(),
            other: other.clone(),
        }
    }

    fn by(&self, evidence: &Evidence) -> Wants {
        let mut wants = Wants::default();
        wants.catalog(&FACTS);
        for name in &self.alone {
            wants.add(Request::Rows(name.clone()));
        }
        for name in &self.compared {
            wants.add(Request::Content(name.clone()));
            let content = |evidence: &'_ Evidence| {
                let content = evidence.scans.tables.get(name)?.content.read()?;
                Some((content.rows, content.fingerprint))
            };
            // Where the server sent sums only, and the other side can be subtracted.
            if self.other.sketched.get(name).is_some()
                && let Some(now) = content(evidence)
                && content(&self.other).is_some_and(|then| then != now)
            {
                wants.add(Request::Sketch(name.clone()));
            }
        }
        wants
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn archives_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str, bytes: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let folder = directory.path().join("dump");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("toc.dat"), b"PGDMP").unwrap();
        for (path, needle) in [
            (at("a.dump", b"PGDMP\x01\x0e"), "a pg_dump archive"),
            (folder, "directory"),
            (at("a.tar", b"toc.dat\0\0\0"), "tar"),
            (at("a.sql", b"--\n-- PostgreSQL database dump\n--\n"), "plain SQL"),
            (at("a.dump.gz", b"\x1f\x8b\x08\0"), "compressed"),
        ] {
            let error = Side::open(&Against::File(path)).await.err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(needle), "{error}");
            assert!(error.hint_text().unwrap().contains("drcore scratch"));
        }
        let error = Side::open(&Against::File(at("b.json", b"{}"))).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Format);
    }
}
