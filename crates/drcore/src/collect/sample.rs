//! Who is acted as, where the data says who belongs to which tenant.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{not_understood, number};
use crate::connect::Rows;
use crate::evidence::{Cause, Evidence, Fact, SampledUsers, UserSample, UserTenants};
use crate::plan::TenantSample;
use crate::sql::literal;

/// Whoever belongs to more tenants than this is not chosen: each stands in the statement that asks what they see.
const TENANTS: u64 = 100;

/// Choosing users, or looking up those whom the baseline chose.
#[derive(Clone, Debug)]
pub(super) struct SampleUsers {
    sample: TenantSample,
    /// Whom to look up; others are chosen where nobody is named.
    who: Option<Vec<String>>,
}

impl SampleUsers {
    /// Chooses users.
    pub(super) fn choose(sample: &TenantSample) -> Self {
        Self { sample: sample.clone(), who: None }
    }

    /// Looks these up.
    pub(super) fn look_up(sample: &TenantSample, who: Vec<String>) -> Self {
        Self { sample: sample.clone(), who: Some(who) }
    }

    pub(super) fn statement(&self) -> &str {
        self.sample.statement()
    }

    /// Rows of `(what, one, another)`, all of them texts.
    pub(super) fn sql(&self) -> String {
        let member = format!(
            "with member (u, t) as materialized (\n\
             select distinct q.u::pg_catalog.text, q.t::pg_catalog.text from (\n{}\n) q (u, t) \
             where q.u is not null and q.t is not null\n)",
            self.statement()
        );
        if let Some(who) = &self.who {
            let who: Vec<String> = who.iter().map(|user| literal(user)).collect();
            return format!(
                "{member}\nselect 'member', m.u, m.t from member m \
                 where m.u operator(pg_catalog.=) any (array[{}]::pg_catalog.text[])",
                who.join(", ")
            );
        }
        // By hashes, so that the same data gives the same users anywhere: one of each tenant, then a second one.
        let hash = |column: &str| format!("pg_catalog.sha256(pg_catalog.convert_to({column}, 'UTF8'))");
        format!(
            "{member}, counted as (\n\
             select m.u, m.t, pg_catalog.count(*) over (partition by m.u) as tenants from member m\n\
             ), ranked as (\n\
             select c.u, c.t, pg_catalog.row_number() over (partition by c.t order by {}) as place \
             from counted c where c.tenants operator(pg_catalog.<=) {TENANTS}\n\
             ), ordered as (\n\
             select r.u, pg_catalog.row_number() over (order by r.place, {}) as place from ranked r\n\
             ), chosen as (\n\
             select o.u from ordered o group by o.u order by pg_catalog.min(o.place) limit {}\n\
             )\n\
             select 'all', pg_catalog.count(distinct m.u)::pg_catalog.text, \
             pg_catalog.count(distinct m.t)::pg_catalog.text from member m\n\
             union all\n\
             select 'member', m.u, m.t from member m join chosen c on c.u operator(pg_catalog.=) m.u",
            hash("c.u"),
            hash("r.t"),
            self.sample.most()
        )
    }

    pub(super) fn keep(&self, answer: Result<Rows, Cause>, evidence: &mut Evidence) {
        let read = answer.and_then(|rows| Members::of(&rows));
        let new = || Box::new(SampledUsers::new(self.sample.sha256(), self.sample.most()));
        let sampled = evidence.sampled_users.get_or_insert_with(new);
        match &self.who {
            None => {
                let sample = read.and_then(|members| {
                    let (users, tenants) = members.all.ok_or_else(not_understood)?;
                    Ok(UserSample { users, tenants, chosen: members.tenants })
                });
                sampled.sample = sample.into();
            }
            Some(who) => {
                for user in who {
                    let tenants = match &read {
                        Ok(members) => {
                            let tenants = members.tenants.get(user).cloned().unwrap_or_default();
                            Fact::Read(UserTenants { tenants })
                        }
                        Err(cause) => Fact::Unread(cause.clone()),
                    };
                    sampled.others.insert(user.clone(), tenants);
                }
            }
        }
    }
}

/// What the server said of them.
#[derive(Debug, Default)]
struct Members {
    /// How many users and tenants there are.
    all: Option<(u64, u64)>,
    tenants: BTreeMap<String, BTreeSet<String>>,
}

impl Members {
    fn of(rows: &Rows) -> Result<Self, Cause> {
        let mut members = Self::default();
        for row in rows {
            match row.as_slice() {
                [Some(what), users, tenants] if what == "all" => {
                    members.all = Some((number(users.as_deref())?, number(tenants.as_deref())?));
                }
                [Some(what), Some(user), Some(tenant)] if what == "member" => {
                    members.tenants.entry(user.clone()).or_default().insert(tenant.clone());
                }
                _ => return Err(not_understood()),
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::evidence::Run;

    fn sample() -> TenantSample {
        let text = "[tenancy]\ncolumn = \"t\"\n[tenant_isolation.sample]\nquery = \"table m;\"\n";
        crate::Plan::from_toml(text).unwrap().tenant_isolation.unwrap().sample.unwrap()
    }

    fn row(cells: [&str; 3]) -> Vec<Option<String>> {
        cells.map(|cell| Some(cell.to_owned())).to_vec()
    }

    #[test]
    fn an_answer_that_does_not_say_of_how_many_is_unread() {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        let choose = SampleUsers::choose(&sample());
        for rows in [vec![], vec![row(["member", "u", "t"])], vec![row(["all", "1", "x"])]] {
            choose.keep(Ok(rows), &mut evidence);
            assert!(evidence.sampled_users.as_ref().unwrap().sample.get().is_err());
        }
        choose.keep(Ok(vec![row(["member", "u", "t"]), row(["all", "7", "3"])]), &mut evidence);
        let sampled = evidence.sampled_users.as_ref().unwrap();
        let read = sampled.sample.read().unwrap();
        assert_eq!((read.users, read.tenants, read.chosen["u"].len()), (7, 3, 1));
    }

    #[test]
    fn who_is_not_among_the_rows_belongs_to_nobody() {
        let mut evidence = Evidence::new(Run::new(Timestamp::UNIX_EPOCH));
        let look_up = SampleUsers::look_up(&sample(), vec!["u".to_owned(), "v'".to_owned()]);
        let quoted = format!("array['u', 'v{}]", "'".repeat(3));
        assert!(look_up.sql().contains(&quoted), "{}", look_up.sql());
        look_up.keep(Ok(vec![row(["member", "u", "t"])]), &mut evidence);
        let others = &evidence.sampled_users.as_ref().unwrap().others;
        let tenants: Vec<usize> =
            others.values().map(|tenants| tenants.read().unwrap().tenants.len()).collect();
        assert_eq!(tenants, [1, 0]);
    }
}
