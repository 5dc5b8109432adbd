//! The arithmetic of one sequence: what it hands out next, and where it ends.

use crate::evidence::SequenceState;
use crate::evidence::catalog::Sequence;

/// Where a sequence stands. Wide enough that no sum of two `bigint`s overflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    /// What `nextval` gives next; beyond the end where a sequence that does not cycle is used up.
    pub(super) next: i128,
    /// By how much it steps; negative for a descending one, never 0.
    pub(super) step: i128,
    /// The first value in its direction.
    pub(super) first: i128,
    /// The last value in its direction that sequence and columns can hold.
    pub(super) last: i128,
    pub(super) cycle: bool,
}

impl Counter {
    /// Of a sequence whose values go into columns that hold `narrowest` at most.
    pub(super) fn new(sequence: &Sequence, state: &SequenceState, narrowest: Option<(i128, i128)>) -> Self {
        let (min, max) = (i128::from(sequence.min), i128::from(sequence.max));
        let (low, high) = narrowest.unwrap_or((min, max));
        let step = i128::from(sequence.increment);
        let (first, last) = if step < 0 { (max, min.max(low)) } else { (min, max.min(high)) };
        let mut next = i128::from(state.last_value);
        if state.is_called {
            next += step;
        }
        let end = if step < 0 { min } else { max };
        let counter = Self { next, step, first, last, cycle: sequence.cycle };
        if sequence.cycle && counter.is_beyond(next, end) {
            return Self { next: first, ..counter };
        }
        counter
    }

    /// Whether `value` comes after `than` in the direction of the sequence.
    pub(super) fn is_beyond(self, value: i128, than: i128) -> bool {
        if self.step < 0 { value < than } else { value > than }
    }

    /// Whether a column that goes up (or down) to `extreme` holds values that are still to be handed out.
    pub(super) fn is_behind(self, extreme: i128) -> bool {
        !self.is_beyond(self.next, extreme)
    }

    /// Whether the sequence, going on as it does, hands out exactly `value`.
    pub(super) fn meets(self, value: i128) -> bool {
        (value - self.next) % self.step == 0
    }

    /// The first value that it would hand out beyond `extreme`, in its own steps; none where its range ends before.
    pub(super) fn after(self, extreme: i128) -> Option<i128> {
        let value = if self.is_behind(extreme) {
            let steps = (extreme - self.next) / self.step + 1;
            self.next + steps * self.step
        } else {
            self.next
        };
        (!self.is_beyond(value, self.last)).then_some(value)
    }

    /// How many values are left.
    pub(super) fn left(self) -> u128 {
        if self.is_beyond(self.next, self.last) {
            0
        } else {
            ((self.last - self.next) / self.step).unsigned_abs() + 1
        }
    }

    /// How much of its range is used, in percent.
    #[expect(clippy::cast_precision_loss, reason = "a percentage")]
    pub(super) fn used_percent(self) -> f64 {
        if self.is_beyond(self.first, self.last) {
            return 100.0;
        }
        let all = ((self.last - self.first) / self.step).unsigned_abs() + 1;
        let used = all.saturating_sub(self.left());
        used as f64 / all as f64 * 100.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::QualifiedName;

    fn sequence(increment: i64, min: i64, max: i64) -> Sequence {
        Sequence {
            name: QualifiedName::new("public", "s"),
            type_name: "bigint".to_owned(),
            start: if increment < 0 { max } else { min },
            min,
            max,
            increment,
            cache: 1,
            cycle: false,
            feeds: Vec::new(),
            unlogged: false,
            owner: "postgres".to_owned(),
            acl: crate::evidence::acl::Acl::default(),
            extension: None,
        }
    }

    fn counter(increment: i64, last_value: i64, is_called: bool) -> Counter {
        let (min, max) = if increment < 0 { (i64::MIN, -1) } else { (1, i64::MAX) };
        Counter::new(&sequence(increment, min, max), &SequenceState::new(last_value, is_called), None)
    }

    #[test]
    fn last_value_counts_as_next_until_it_is_called() {
        // `last_value = max` looks right and is not, where it was not yet handed out.
        assert!(counter(1, 1204, false).is_behind(1204));
        assert!(!counter(1, 1204, true).is_behind(1204));
        assert!(counter(1, 1203, true).is_behind(1204));
        assert_eq!(counter(1, 1203, true).after(1204), Some(1205));
        assert_eq!(counter(1, 1204, true).after(1204), Some(1205));
    }

    #[test]
    fn descending_sequences_are_behind_the_smallest_value() {
        let behind = counter(-1, -5, true);
        assert_eq!(behind.next, -6);
        assert!(behind.is_behind(-6) && behind.is_behind(-20) && !behind.is_behind(-5));
        assert_eq!(behind.after(-20), Some(-21));
    }

    #[test]
    fn steps_keep_their_places() {
        let odd = counter(2, 101, true);
        assert!(odd.meets(1001) && !odd.meets(1000));
        assert_eq!(odd.after(1000), Some(1001));
        assert_eq!(odd.after(1001), Some(1003));
        let down = counter(-5, -10, false);
        assert_eq!(down.after(-10), Some(-15));
        assert_eq!(down.after(-11), Some(-15));
        assert_eq!(down.after(-15), Some(-20));
    }

    #[test]
    fn what_is_left_and_met_goes_by_the_step() {
        let threes =
            |last_value| Counter::new(&sequence(3, 1, 10), &SequenceState::new(last_value, true), None);
        let one_used = threes(1);
        assert_eq!(one_used.left(), 3, "4, 7 and 10");
        assert!((one_used.used_percent() - 25.0).abs() < f64::EPSILON);
        assert_eq!((threes(7).left(), threes(10).left()), (1, 0));
        let fives = counter(5, 1, false);
        assert!(fives.meets(6) && !fives.meets(4));
        let down = Counter::new(&sequence(-3, -10, -1), &SequenceState::new(-4, true), None);
        assert_eq!((down.left(), down.meets(-10), down.meets(-9)), (2, true, false));
    }

    #[test]
    fn the_end_is_the_narrower_of_sequence_and_column() {
        let integer = Some((i128::from(i32::MIN), i128::from(i32::MAX)));
        let state = SequenceState::new(i64::from(i32::MAX), true);
        let full = Counter::new(&sequence(1, 1, i64::MAX), &state, integer);
        assert_eq!((full.left(), full.after(5)), (0, None));
        assert!(full.used_percent() > 99.9);
        let state = SequenceState::new(i64::from(i32::MAX), false);
        assert_eq!(Counter::new(&sequence(1, 1, i64::MAX), &state, integer).left(), 1);
    }

    #[test]
    fn the_whole_of_bigint_does_not_overflow() {
        let state = SequenceState::new(i64::MAX, true);
        let full = Counter::new(&sequence(1, i64::MIN, i64::MAX), &state, None);
        assert_eq!(full.left(), 0);
        let state = SequenceState::new(i64::MIN, false);
        let fresh = Counter::new(&sequence(1, i64::MIN, i64::MAX), &state, None);
        assert!(fresh.used_percent() < 0.1);
        let mut cycling = sequence(1, 1, 10);
        cycling.cycle = true;
        assert_eq!(Counter::new(&cycling, &SequenceState::new(10, true), None).next, 1);
    }
}
