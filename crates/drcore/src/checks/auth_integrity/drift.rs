//! What a restore turns back: bans, deletions, second factors and sessions, against the baseline.

use std::collections::{BTreeMap, BTreeSet};

use super::compares;
use super::findings::{BansLost, DeletionsUndone, LoginsDiffer, SecondFactorsLost};
use crate::auth::{AuthSchema, table};
use crate::check::{Context, Judgement};
use crate::checks::policies::Difference;
use crate::evidence::{
    AuthBan, AuthFactors, AuthState, AuthStates, AuthUsers, Cause, CauseKind, Evidence, Fact,
};
use crate::plan::AuthComparison;

const AGAIN: &str = "Take the baseline again, with a role that may read the tables of the auth service.";

/// The users of whom the baseline knows more than that they are there: what became of them is asked.
pub(super) fn marked(context: Context<'_>) -> Vec<String> {
    let Some(then) = context.then else { return Vec::new() };
    let mut marked = BTreeSet::new();
    if let Some(users) = then.auth.users.read() {
        if compares(context, AuthComparison::Bans) {
            marked.extend(bans(context, users).map(|ban| ban.user.clone()));
        }
        if compares(context, AuthComparison::Deletions) {
            marked.extend(users.deletions.iter().cloned());
        }
    }
    if let Some(factors) = then.auth.factors.read()
        && compares(context, AuthComparison::Factors)
    {
        marked.extend(factors.protected.iter().cloned());
    }
    marked.into_iter().collect()
}

/// The bans that have not run out by themselves.
fn bans<'e>(context: Context<'e>, users: &'e AuthUsers) -> impl Iterator<Item = &'e AuthBan> {
    users.bans.iter().filter(move |ban| ban.until > context.now.run.taken_at)
}

pub(super) fn judge(context: Context<'_>, was_there: bool, judgement: &mut Judgement) {
    let Some(then) = context.then.filter(|_| was_there) else { return };
    if compares(context, AuthComparison::Sessions) {
        judge_logins(context.now, then, judgement);
    }
    let states = match (marked(context).is_empty(), &context.now.auth.states) {
        (true, _) => Ok(None),
        (false, states) => states.get().map(Some),
    };
    let states = match states {
        Ok(states) => States(states),
        Err(cause) => {
            return judgement.could_not_read("users who were banned, deleted or had a second factor", cause);
        }
    };
    let wants_users = [AuthComparison::Bans, AuthComparison::Deletions, AuthComparison::Users]
        .map(|what| compares(context, what));
    match then.auth.users.get() {
        Ok(users) => {
            if compares(context, AuthComparison::Bans) {
                judge_bans(context, users, states, judgement);
            }
            if compares(context, AuthComparison::Deletions) {
                judge_deletions(users, states, judgement);
            }
        }
        Err(cause) if wants_users.contains(&true) => {
            judgement.could_not_read("auth.users in the baseline", again(cause));
        }
        Err(_) => {}
    }
    if compares(context, AuthComparison::Factors) && is_there(then, "mfa_factors") {
        match then.auth.factors.get() {
            Ok(factors) => judge_factors(factors, states, judgement),
            Err(cause) => judgement.could_not_read("auth.mfa_factors in the baseline", again(cause)),
        }
    }
}

fn again(cause: Cause) -> Cause {
    if cause.hint.is_some() { cause } else { cause.hint(AGAIN) }
}

fn is_there(evidence: &Evidence, name: &str) -> bool {
    let schema = AuthSchema::of(&evidence.catalog).ok().flatten();
    schema.is_some_and(|schema| matches!(schema.of_user(name), Ok(Some(_))))
}

/// What became of users whom the baseline names.
#[derive(Clone, Copy)]
struct States<'e>(Option<&'e AuthStates>);

impl States<'_> {
    /// Those of these users whom this is true of, and how many of them could be looked at; whom nobody asked for is
    /// told.
    fn of<'u>(
        self,
        users: impl Iterator<Item = &'u str>,
        what: &str,
        judgement: &mut Judgement,
        is_lost: impl Fn(&str, &AuthState) -> bool,
    ) -> Vec<String> {
        let (mut lost, mut asked, mut unasked) = (Vec::new(), 0, 0_u64);
        for user in users {
            match self.0.and_then(|states| states.users.get(user)) {
                Some(state) => {
                    asked += 1;
                    // Whoever is gone is gone with what was theirs.
                    if state.there && !state.deleted && is_lost(user, state) {
                        lost.push(user.to_owned());
                    }
                }
                None => unasked += 1,
            }
        }
        judgement.examine(what, asked);
        if unasked > 0 {
            let message = "collected against another baseline: nobody asked what became of them";
            judgement.could_not_read(
                format!("{unasked} of the baseline's {what}"),
                Cause::new(CauseKind::NotCollected, message).hint("Collect again, against this baseline."),
            );
        }
        lost
    }
}

/// What a baseline counted and does not name.
fn unnamed(what: &str, counted: u64, named: usize, judgement: &mut Judgement) {
    let rest = counted.saturating_sub(named as u64);
    if rest > 0 {
        let message = format!("the baseline names {named} of {counted}");
        let cause = Cause::new(CauseKind::NotCollected, message);
        judgement.could_not_read(
            format!("the baseline's other {what}"),
            cause.hint("Compare these by a query of your own, as [[assertions]]."),
        );
    }
}

fn judge_bans(context: Context<'_>, then: &AuthUsers, states: States<'_>, judgement: &mut Judgement) {
    let running: BTreeMap<&str, &AuthBan> = bans(context, then).map(|ban| (ban.user.as_str(), ban)).collect();
    let is_shorter =
        |user: &str, state: &AuthState| state.banned_until < running.get(user).map(|ban| ban.until);
    let lost = states.of(running.keys().copied(), "bans", judgement, is_shorter);
    // The longest come first: where one of those that are named has run out, so have those that are not.
    if running.len() == then.bans.len() {
        unnamed("bans", then.banned, running.len(), judgement);
    }
    if !lost.is_empty() {
        let lost: Vec<&AuthBan> =
            lost.iter().filter_map(|user| running.get(user.as_str()).copied()).collect();
        judgement.find(BansLost::new(&lost));
    }
}

fn judge_deletions(then: &AuthUsers, states: States<'_>, judgement: &mut Judgement) {
    let undone = states.of(then.deletions.iter().map(String::as_str), "deletions", judgement, |_, _| true);
    unnamed("deletions", then.deleted, then.deletions.len(), judgement);
    if !undone.is_empty() {
        judgement.find(DeletionsUndone::new(&undone));
    }
}

fn judge_factors(then: &AuthFactors, states: States<'_>, judgement: &mut Judgement) {
    let users = then.protected.iter().map(String::as_str);
    let lost = states.of(users, "second factors", judgement, |_, state| state.factors == 0);
    unnamed("second factors", then.users, then.protected.len(), judgement);
    if !lost.is_empty() {
        judgement.find(SecondFactorsLost::new(&lost));
    }
}

/// How many sessions, refresh tokens and second factors there are, and were.
fn judge_logins(now: &Evidence, then: &Evidence, judgement: &mut Judgement) {
    let factors = |evidence: &Evidence| match &evidence.auth.factors {
        Fact::Read(factors) => Fact::Read(factors.factors),
        Fact::Unread(cause) => Fact::Unread(cause.clone()),
        Fact::NotAsked => Fact::NotAsked,
    };
    let mut differences = Vec::new();
    for (what, name, is, was) in [
        ("sessions", "sessions", now.auth.sessions.clone(), then.auth.sessions.clone()),
        (
            "refresh tokens",
            "refresh_tokens",
            now.auth.refresh_tokens.clone(),
            then.auth.refresh_tokens.clone(),
        ),
        ("second factors", "mfa_factors", factors(now), factors(then)),
    ] {
        // A table that a version of the service does not have has no rows.
        let count = |evidence: &Evidence, fact: &Fact<u64>| {
            if is_there(evidence, name) { fact.get().copied() } else { Ok(0) }
        };
        let (is, was) = match (count(now, &is), count(then, &was)) {
            (Ok(is), Ok(was)) => (is, was),
            (Err(cause), _) => {
                judgement.could_not_read(table(name).to_string(), cause);
                continue;
            }
            (_, Err(cause)) => {
                judgement.could_not_read(format!("{} in the baseline", table(name)), again(cause));
                continue;
            }
        };
        if is != was {
            differences.push(Difference {
                what: what.to_owned(),
                was: Some(was.to_string()),
                is: Some(is.to_string()),
            });
        }
    }
    if !differences.is_empty() {
        judgement.find(LoginsDiffer::new(differences));
    }
}
