//! CPU time of the server, of this process, and of the programs that it started, as Linux counts it.

use std::time::{Duration, Instant};

use drcore::restore::ScratchCluster;

use crate::Failure;

/// What something took, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pub wall: f64,
    /// Of the server.
    pub server: f64,
    /// Of whoever asked it.
    pub client: f64,
}

impl Cost {
    pub fn cpu(self) -> f64 {
        self.server + self.client
    }

    /// The median of each.
    pub fn median(costs: &[Self]) -> Self {
        let middle = |pick: fn(&Self) -> f64| {
            let mut sorted: Vec<f64> = costs.iter().map(pick).collect();
            sorted.sort_by(f64::total_cmp);
            sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
        };
        Self {
            wall: middle(|cost| cost.wall),
            server: middle(|cost| cost.server),
            client: middle(|cost| cost.client),
        }
    }
}

/// The processes of a scratch cluster.
pub struct Cpu {
    postmaster: String,
}

impl Cpu {
    pub fn of(cluster: &ScratchCluster) -> Result<Self, Failure> {
        let file = cluster.socket_directory().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        Ok(Self { postmaster: text.lines().next().unwrap_or_default().to_owned() })
    }

    /// What some work takes, and what it gives.
    pub async fn time<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<(Cost, T), Failure> {
        let (server, asking, began) = (self.server(), self::asking(), Instant::now());
        let given = work.await?;
        let wall = began.elapsed().as_secs_f64();
        // A backend that ends is counted once the postmaster has reaped it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok((Cost { wall, server: self.server() - server, client: self::asking() - asking }, given))
    }

    /// Seconds so far: of the postmaster with its children that ended, and of those that live.
    fn server(&self) -> f64 {
        let mut ticks = 0;
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Ok(text) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
            let Some((head, rest)) = text.rsplit_once(") ") else { continue };
            let is_postmaster = head.split(' ').next() == Some(&self.postmaster);
            let is_child = rest.split(' ').nth(1) == Some(&self.postmaster);
            if is_postmaster || is_child {
                ticks += fields(rest, is_postmaster);
            }
        }
        seconds(ticks)
    }
}

/// Seconds so far, of this process and of the programs that it started and that ended.
pub fn asking() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    seconds(text.rsplit_once(") ").map_or(0, |(_, rest)| fields(rest, true)))
}

/// The largest resident set of a process so far, in MiB.
pub fn peak_mib(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

#[expect(clippy::cast_precision_loss, reason = "ticks of a run are few")]
fn seconds(ticks: u64) -> f64 {
    // USER_HZ is 100 on every Linux.
    ticks as f64 / 100.0
}

/// `utime` and `stime`, and those of children that were waited for.
fn fields(rest: &str, with_children: bool) -> u64 {
    let last = if with_children { 15 } else { 13 };
    rest.split(' ')
        .enumerate()
        .filter(|(at, _)| (11..last).contains(at))
        .filter_map(|(_, field)| field.parse::<u64>().ok())
        .sum()
}
