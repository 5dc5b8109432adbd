//! Reading everything from one snapshot, in rounds.

use tracing::Instrument;

use super::jobs::Reading;
use super::link::Link;
use super::workers::Pool;
use super::{CollectOptions, ContentChoice, Stop, Then, Wants, content, progress, wanted};
use crate::connect::{Source, WaitFor};
use crate::content::ContentWay;
use crate::error::{Error, Result};
use crate::evidence::{Evidence, Failure, Run, Shards};
use crate::plan::Plan;
use crate::storage::{Store, StoredRows};

/// What is collected, and until when.
pub(super) struct Collection<'a> {
    pub(super) source: &'a Source,
    pub(super) plan: &'a Plan,
    pub(super) baseline: Then<'a>,
    pub(super) options: &'a CollectOptions,
    pub(super) stop: &'a Stop,
}

/// What came of reading everything from one snapshot.
pub(super) enum Attempt {
    /// Nothing more is wanted, or it was stopped.
    Ended(Box<Evidence>),
    /// No session is left on the snapshot: what was read until then, and why.
    Lost(Option<Box<Evidence>>, Error),
}

impl Collection<'_> {
    /// Takes a snapshot and reads from it.
    ///
    /// # Errors
    /// Why no session could be opened at all.
    pub(super) async fn attempt(&self, wait: WaitFor) -> Result<Attempt> {
        let Self { source, plan, baseline, options, stop } = *self;
        let exporter = stop.or(source.session_waiting(&plan.limits, wait)).await?;
        let opening = async {
            let snapshot = exporter.begin_snapshot(&plan.limits, options.snapshot.as_deref()).await?;
            let server = exporter.server().await?;
            let standby = if server.in_recovery { Some(exporter.standby().await) } else { None };
            Ok((snapshot, server, standby))
        };
        let opened = stop.or(opening).instrument(tracing::debug_span!("snapshot")).await;
        let (snapshot, server, standby) = match opened {
            Ok(opened) => opened,
            Err(error) if error.ends_session() => return Ok(Attempt::Lost(None, error)),
            Err(error) => return Err(error),
        };
        tracing::debug!(
            taken_at = %server.taken_at,
            version = server.version,
            standby = server.in_recovery,
            shared = snapshot.is_some(),
            "holding a snapshot"
        );
        let mut run = Run::new(server.taken_at);
        run.reached_by(source.dsn());
        run.server = Some(server);
        match standby {
            Some(Ok(standby)) => run.standby = Some(standby),
            Some(Err(error)) => run.notes.push(format!("how far the standby is behind: {error}")),
            None => {}
        }
        run.notes.extend(source.notes());
        run.shards = options.shard.map(Shards::of);
        let mut evidence = Box::new(Evidence::new(run));
        if options.store.is_some() {
            evidence.stored_rows = StoredRows::Wanted;
        }

        let content_asked = content::asked(plan, baseline, options);
        // Facts of the catalog are the same from wherever they are read.
        let mut references = ContentWay::Server;
        if options.facts.is_none() {
            let link = match stop.or(Link::measure(&exporter, source.dsn().is_here())).await {
                Ok(link) => link,
                Err(error) if error.ends_session() => return Ok(Attempt::Lost(None, error)),
                Err(error) => return Err(error),
            };
            references = link.way(plan.references_way());
            evidence.run.content = content_asked.then(|| link.content(plan.content_way()));
        }
        // With a baseline it is the check that asks.
        let takes_content = baseline.is_nothing()
            && evidence.run.content.is_some()
            && match options.content {
                ContentChoice::Always => true,
                ContentChoice::ByLink => way(&evidence) == ContentWay::Stream,
                ContentChoice::AsBaseline => false,
            };
        if let Some(link) = evidence.run.content
            && baseline.is_nothing()
            && !takes_content
        {
            evidence.run.content = None;
            evidence.run.notes.push(format!(
            "the content of tables was not read: a round trip to the server takes {} ms (--content reads it)",
            link.round_trip_us / 1_000
        ));
        }
        let open = async { Ok(Pool::open(source, plan, exporter, snapshot, &mut evidence.run).await) };
        let pool = stop.or(open).await?;
        if let Err(error) = self.ask(&pool, &mut evidence, takes_content, references).await {
            return Ok(Attempt::Lost(Some(evidence), error));
        }
        if let Some(cause) = stop.cause() {
            // Whatever nobody got to ask is unread for this reason too.
            evidence.run.failure = Some(Failure::from(&cause));
        }
        pool.close().await;
        Ok(Attempt::Ended(evidence))
    }

    /// Asks in rounds, until nothing more is wanted.
    ///
    /// # Errors
    /// Why no session is left on the snapshot. What was answered before that stands.
    async fn ask(
        &self,
        pool: &Pool<'_>,
        evidence: &mut Evidence,
        takes_content: bool,
        references: ContentWay,
    ) -> Result<()> {
        let Self { plan, baseline, options, stop, .. } = *self;
        let way = way(evidence);
        let tracker = progress::Tracker::new(options.progress.clone());
        let mut before = Wants::default();
        for round in 1_u32.. {
            let is_settled = baseline.is_settled();
            let mut wants = match (&options.wanted, &options.facts) {
                (Some(wanted), _) => wanted(evidence),
                (None, Some(facts)) => Wants::facts(facts, evidence),
                (None, None) => wanted(plan, evidence, baseline.known(), &options.only),
            };
            if takes_content {
                content::want(plan, evidence, &mut wants);
            }
            wants.retain(|request| !request.is_answered(evidence));
            wants.catalog_first();
            // Every request leaves an answer, so a round that wants the same again is a defect: stop, and stay unread.
            if wants.is_empty() || wants == before {
                let settled = async {
                    baseline.settled().await;
                    Ok(())
                };
                // What the other database shows, such as its foreign keys, is asked about here too.
                if is_settled || stop.or(settled).await.is_err() {
                    break;
                }
                before = Wants::default();
                continue;
            }
            before = wants.clone();
            let span = tracing::debug_span!("round", round);
            let files = options.store.as_ref().map(Store::form);
            let (then, blocks, shard) = (baseline.known(), options.blocks, options.shard);
            let reading = Reading { plan, then, way, references, blocks, shard, files };
            pool.answer(reading, wants, evidence, stop, &tracker).instrument(span).await?;
            if stop.is_stopped() {
                break;
            }
        }
        // The database that was collected at the same time may hold no content.
        if !takes_content && !content::asked(plan, baseline, options) {
            evidence.run.content = None;
        }
        Ok(())
    }
}

/// How the content of tables is read.
fn way(evidence: &Evidence) -> ContentWay {
    evidence.run.content.map_or(ContentWay::Server, |link| link.way)
}
