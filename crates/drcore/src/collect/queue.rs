//! In which order the jobs of one round are begun.
//!
//! Two wishes, and two ends of one queue. To be through early, the biggest must be begun first, or one
//! session is left alone with it. To know as much as possible when the run is ended early (by its
//! deadline, by Ctrl-C), what is small must come first, and of that what exposes most. So the first
//! session takes from the small end, all others from the big end, until they meet. Against biggest
//! first alone this costs some 3 % of the time on average.
//!
//! What exposes most of all, who may see what, is in the catalog, and is read before any of these.

use std::collections::VecDeque;

/// What decides when a job is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// How many rows are read, roughly: a power of four.
    class: u32,
    rank: Rank,
    /// How long it takes, roughly, in rows that are read.
    cost: u64,
}

/// What is worth knowing first among what takes equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Whether rows belong to rows that exist.
    References,
    /// Whether rows are there.
    Rows,
    /// What else.
    Rest,
}

impl Place {
    pub(super) fn new(rank: Rank, rows: u64, cost: u64) -> Self {
        Self { class: rows.max(1).ilog(4), rank, cost }
    }
}

/// Which end of the queue a session takes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Big,
    Small,
}

impl End {
    /// Of the session of this number.
    pub(super) fn of(session: usize) -> Self {
        if session == 0 { Self::Small } else { Self::Big }
    }
}

/// What is still to be begun.
#[derive(Debug)]
pub(super) struct Queue<T> {
    /// Small ones first; taken ones leave a hole.
    jobs: Vec<Option<T>>,
    small: VecDeque<usize>,
    big: VecDeque<usize>,
    /// Taken already, and given back: goes before all others.
    returned: VecDeque<T>,
    /// To be asked once more, after all others.
    last: VecDeque<T>,
}

impl<T> Queue<T> {
    pub(super) fn new(jobs: impl IntoIterator<Item = T>, place: impl Fn(&T) -> Place) -> Self {
        let mut jobs: Vec<(Place, T)> = jobs.into_iter().map(|job| (place(&job), job)).collect();
        jobs.sort_by_key(|(place, _)| *place);
        let mut big: Vec<usize> = (0..jobs.len()).collect();
        big.sort_by_key(|at| std::cmp::Reverse(jobs[*at].0.cost));
        Self {
            small: (0..jobs.len()).collect(),
            big: big.into(),
            jobs: jobs.into_iter().map(|(_, job)| Some(job)).collect(),
            returned: VecDeque::new(),
            last: VecDeque::new(),
        }
    }

    /// The next job from this end.
    pub(super) fn take(&mut self, end: End) -> Option<T> {
        if let Some(job) = self.returned.pop_front() {
            return Some(job);
        }
        let order = match end {
            End::Big => &mut self.big,
            End::Small => &mut self.small,
        };
        while let Some(at) = order.pop_front() {
            // The other end may have taken it.
            if let Some(job) = self.jobs[at].take() {
                return Some(job);
            }
        }
        self.last.pop_front()
    }

    /// Gives a job back that was not done.
    pub(super) fn give_back(&mut self, job: T) {
        self.returned.push_front(job);
    }

    /// Puts a job behind all others.
    pub(super) fn put_last(&mut self, job: T) {
        self.last.push_back(job);
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.returned.is_empty() && self.last.is_empty() && self.jobs.iter().all(Option::is_none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    struct Job {
        rank: Rank,
        rows: u64,
    }

    impl Job {
        fn cost(self) -> u64 {
            if self.rank == Rank::References { self.rows * 4 } else { self.rows }
        }

        fn place(&self) -> Place {
            Place::new(self.rank, self.rows, self.cost())
        }
    }

    /// When each job ends, and when all have.
    fn run(jobs: &[Job], sessions: usize, end: impl Fn(usize) -> End) -> (Vec<(u64, Job)>, u64) {
        let mut queue = Queue::new(jobs.iter().copied(), Job::place);
        let mut free = vec![0_u64; sessions];
        let mut ends = Vec::new();
        loop {
            let next = (0..sessions).min_by_key(|session| free[*session]).unwrap();
            let Some(job) = queue.take(end(next)) else { break };
            // A statement costs something whatever it reads.
            free[next] += job.cost() + 300;
            ends.push((free[next], job));
        }
        assert!(queue.is_empty());
        assert_eq!(ends.len(), jobs.len(), "each once");
        (ends, free.into_iter().max().unwrap())
    }

    /// Tables of all sizes, with references between them.
    fn database(seed: u64) -> Vec<Job> {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) % below
        };
        let tables: Vec<u64> = (0..5 + random(55)).map(|_| 1 << random(24)).collect();
        let mut jobs = Vec::new();
        for rows in &tables {
            jobs.push(Job { rank: Rank::Rows, rows: *rows });
            for _ in 0..random(4) {
                let parent = tables[usize::try_from(random(tables.len() as u64)).unwrap()];
                jobs.push(Job { rank: Rank::References, rows: rows + parent });
            }
        }
        jobs
    }

    #[test]
    fn it_costs_little_against_biggest_first() {
        for sessions in [2, 3, 4, 8] {
            let (mut sum, mut worst) = (0.0, 0.0_f64);
            for seed in 1..=200 {
                let jobs = database(seed);
                let (_, ours) = run(&jobs, sessions, End::of);
                let (_, biggest) = run(&jobs, sessions, |_| End::Big);
                #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
                let ratio = ours as f64 / biggest as f64;
                sum += ratio;
                worst = worst.max(ratio);
            }
            let mean = sum / 200.0;
            println!("{sessions} sessions: mean {mean:.3}, worst {worst:.3}");
            assert!(mean < 1.06 && worst < 1.6, "{sessions} sessions: mean {mean:.3}, worst {worst:.3}");
        }
    }

    #[test]
    fn small_ones_do_not_wait_for_the_biggest() {
        for sessions in [1, 2, 4] {
            let mut jobs = vec![Job { rank: Rank::Rows, rows: 1 << 30 }; 5];
            jobs.extend(vec![Job { rank: Rank::Rows, rows: 1_000 }; 50]);
            jobs.push(Job { rank: Rank::References, rows: 1_000 });
            let (ends, _) = run(&jobs, sessions, End::of);
            let small: Vec<u64> =
                ends.iter().filter(|(_, job)| job.rows == 1_000).map(|(end, _)| *end).collect();
            assert!(small.into_iter().max().unwrap() < 1 << 20, "{sessions} sessions");
            let first = ends.iter().find(|(_, job)| job.rows == 1_000).unwrap().1;
            assert_eq!(first.rank, Rank::References, "references go before rows of the same size");
        }
    }

    #[test]
    fn given_back_goes_first_and_put_last_goes_last() {
        let mut queue = Queue::new([1_u64, 2, 3], |rows| Place::new(Rank::Rows, *rows, *rows));
        let taken = queue.take(End::Small).unwrap();
        queue.give_back(taken);
        assert_eq!(queue.take(End::Big), Some(1));
        queue.put_last(1);
        assert_eq!(queue.take(End::Big), Some(3));
        assert_eq!(queue.take(End::Small), Some(2));
        assert!(!queue.is_empty());
        assert_eq!(queue.take(End::Small), Some(1));
        assert_eq!(queue.take(End::Small), None);
        assert!(queue.is_empty());
    }
}
