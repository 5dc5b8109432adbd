//! By what a database is told from others.

use crate::evidence::{Run, Server};

/// By what a database is told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The Supabase project, where the connection string names one for certain.
    pub(crate) project: Option<String>,
    /// `system_identifier` of the cluster, which physical clones share.
    pub(crate) system_identifier: Option<String>,
    /// The name of the database.
    pub(crate) database: String,
    /// Its oid.
    pub(crate) database_oid: u32,
    /// When the server started; only where it was just asked: a stored instant says nothing of now.
    pub(crate) started_at: Option<String>,
}

/// What two databases are to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// One and the same.
    Same,
    /// Two of one server.
    Siblings,
    /// Of clusters with one identifier: one is a physical copy of the other, or the same one later.
    Clone,
    /// Of different clusters.
    Strangers,
    /// Not to be told.
    Unknown,
}

impl Identity {
    /// Of a server that answers now.
    pub(crate) fn live(server: &Server, project: Option<String>) -> Self {
        Self { started_at: server.started_at.clone(), ..Self::recorded(server, project) }
    }

    /// Of what was collected once; none where no server answered then.
    pub(crate) fn of_run(run: &Run) -> Option<Self> {
        run.server.as_ref().map(|server| Self::recorded(server, run.project.clone()))
    }

    fn recorded(server: &Server, project: Option<String>) -> Self {
        Self {
            project,
            system_identifier: server.system_identifier.clone(),
            database: server.database.clone(),
            database_oid: server.database_oid,
            started_at: None,
        }
    }

    /// By which it is named to a [`Target`](super::Target): the project, else `database@system_identifier`.
    pub(crate) fn name(&self) -> Option<String> {
        self.project.clone().or_else(|| self.cluster_name())
    }

    /// `database@system_identifier`, whatever the project.
    pub(crate) fn cluster_name(&self) -> Option<String> {
        self.system_identifier.as_ref().map(|identifier| format!("{}@{identifier}", self.database))
    }

    /// What it is to another.
    pub(crate) fn relation(&self, other: &Self) -> Relation {
        let projects = self.project.as_ref().zip(other.project.as_ref());
        let is_one_project = projects.is_some_and(|(ours, theirs)| ours == theirs);
        let Some((ours, theirs)) = self.system_identifier.as_ref().zip(other.system_identifier.as_ref())
        else {
            return match projects {
                Some(_) if is_one_project => Relation::Same,
                Some(_) => Relation::Strangers,
                None => Relation::Unknown,
            };
        };
        let is_one_database = self.database_oid == other.database_oid;
        match self.started_at.as_ref().zip(other.started_at.as_ref()) {
            _ if ours != theirs => {
                if is_one_project {
                    Relation::Unknown
                } else {
                    Relation::Strangers
                }
            }
            // Both were asked now: servers that started at different moments are two.
            Some((ours, theirs)) if ours != theirs => Relation::Clone,
            _ if is_one_database => Relation::Same,
            Some(_) => Relation::Siblings,
            // One is a record: whether the server is that one, nothing tells.
            None => Relation::Clone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(identifier: &str, oid: u32, started: &str, project: &str) -> Identity {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Identity {
            project: some(project),
            system_identifier: some(identifier),
            database: "app".to_owned(),
            database_oid: oid,
            started_at: some(started),
        }
    }

    #[test]
    fn the_same_server_is_known_by_identifier_start_and_oid() {
        use Relation::{Clone, Same, Siblings, Strangers, Unknown};
        let target = identity("7", 16_384, "monday", "");
        for (other, expected) in [
            (identity("7", 16_384, "monday", ""), Same),
            (identity("7", 16_385, "monday", ""), Siblings),
            (identity("7", 16_384, "tuesday", ""), Clone),
            (identity("7", 16_384, "", ""), Same),
            (identity("7", 16_385, "", ""), Clone),
            (identity("8", 16_384, "monday", ""), Strangers),
            (identity("", 16_384, "monday", ""), Unknown),
        ] {
            assert_eq!(target.relation(&other), expected, "{other:?}");
            assert_eq!(other.relation(&target), expected, "the other way round: {other:?}");
        }
    }

    #[test]
    fn a_project_is_itself_even_where_the_cluster_cannot_be_asked() {
        let one = identity("", 5, "", "abcdefghijklmnopqrst");
        assert_eq!(one.relation(&identity("", 5, "", "abcdefghijklmnopqrst")), Relation::Same);
        assert_eq!(one.relation(&identity("", 5, "", "bbcdefghijklmnopqrst")), Relation::Strangers);
        // A project that was made anew under the same ref, or a ref that lies: not to be told.
        let (old, new) =
            (identity("7", 5, "", "abcdefghijklmnopqrst"), identity("8", 5, "", "abcdefghijklmnopqrst"));
        assert_eq!(old.relation(&new), Relation::Unknown);
    }
}
