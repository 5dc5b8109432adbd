//! What the platform says, and what was done there, as text.

use super::facts::PlatformFacts;
use super::pitr::{PitrOutcome, PitrPlan, PitrRun};
use crate::report::{TextOptions, terminal, without_commands};
use crate::text::{age, instant, plural, seconds};

/// Backups that are shown.
const FEW: usize = 30;

impl PlatformFacts {
    /// The backups of the platform, as text.
    pub fn to_text(&self) -> String {
        let ago = |at| age(self.read_at.duration_since(at).try_into().unwrap_or_default());
        let status = self.status.as_ref().map_or("unknown", |status| status.as_str());
        let mut lines = vec![format!("project {} · {} · {status}", self.project, self.region)];
        lines.push(match (&self.window, self.pitr_enabled) {
            (Some(window), true) => format!(
                "pitr     {} to {} ({} to {} ago)",
                instant(window.earliest),
                instant(window.latest),
                ago(window.earliest),
                ago(window.latest)
            ),
            (None, true) => "pitr     on; the platform does not say how far it reaches".to_owned(),
            (_, false) => "pitr     off".to_owned(),
        });
        lines.push(match self.backups.len() as u64 {
            0 if self.pitr_enabled => "backups  none: with pitr on, the platform takes none".to_owned(),
            0 => "backups  none".to_owned(),
            some => format!("backups  {}", plural(some, "backup")),
        });
        for backup in self.backups.iter().take(FEW) {
            let kind = if backup.physical { "physical" } else { "logical" };
            lines.push(format!(
                "         {}  {:>7} old  {kind}  {}",
                instant(backup.at),
                ago(backup.at),
                backup.status.as_str()
            ));
        }
        lines.push(
            "         not in them: the files of Storage, passwords of your own roles (daily backups)"
                .to_owned(),
        );
        finish(&lines)
    }
}

impl PitrPlan {
    /// The plan as text.
    pub fn to_text(&self) -> String {
        let mut lines = vec![
            format!("plan {} · restore project {} in place", self.digest, self.project),
            format!("target   {}", instant(self.target)),
            format!("window   {} to {}", instant(self.window.earliest), instant(self.window.latest)),
        ];
        match (&self.salvage, &self.waived) {
            (Some(salvage), _) => {
                lines.push(format!("salvage  {} of {}", salvage.name, instant(salvage.snapshot_at)));
                lines.push(format!("         in {}", salvage.repository));
            }
            (None, waived) => {
                lines.push(format!("salvage  NONE: {}", waived.as_deref().unwrap_or_default()));
            }
        }
        lines.extend(self.notes.iter().map(|note| format!("note     {note}")));
        finish(&lines)
    }
}

impl PitrRun {
    /// What came of it, as text; the report after it, where it was verified.
    pub fn to_text(&self, options: TextOptions) -> String {
        let word = match self.outcome {
            PitrOutcome::Failed => "FAILED  ",
            PitrOutcome::Restored => "RESTORED",
            PitrOutcome::Unproven => "UNPROVEN",
        };
        let mut lines = vec![format!(
            "{word} project {} to {} · took {}",
            self.plan.project,
            instant(self.plan.target),
            seconds(self.elapsed_ms)
        )];
        for state in &self.states {
            lines.push(format!("         {}  {}", instant(state.at), state.status.as_str()));
        }
        for service in self.services.iter().filter(|service| service.status.as_str() != "ACTIVE_HEALTHY") {
            let error = service.error.as_deref().map_or(String::new(), |error| format!(": {error}"));
            lines.push(format!("service  {} is {}{error}", service.name, service.status.as_str()));
        }
        lines.extend(self.notes.iter().map(|note| format!("note     {note}")));
        match (&self.report, self.outcome) {
            (Some(_), _) => lines.push(String::new()),
            (None, PitrOutcome::Restored) => {
                lines.push(
                    "next     drcore verify --against the salvage: what it holds is not looked at yet"
                        .to_owned(),
                );
            }
            (None, _) => lines.push("next     look at the project in the dashboard".to_owned()),
        }
        finish(&lines) + &self.report.as_ref().map_or(String::new(), |report| report.to_text(options))
    }
}

fn finish(lines: &[String]) -> String {
    let text: String = lines.iter().map(|line| format!("{}\n", terminal(line))).collect();
    without_commands(&text).into_owned()
}
