//! Chance: which objects are chosen, and how long to wait. Nothing secret hangs on it.

use std::hash::{BuildHasher, Hasher};

/// A source of numbers that nobody can foresee; not fit for keys.
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    /// Another one every time.
    pub(super) fn new() -> Self {
        // Seeded by the system, and differently for each.
        Self(std::collections::hash_map::RandomState::new().build_hasher().finish())
    }

    /// The same one for the same seed.
    #[cfg(test)]
    pub(super) fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// `SplitMix64`.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1, any as likely as any other.
    pub(super) fn fraction(&mut self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let number = (self.next() >> 11) as f64;
        number / 9_007_199_254_740_992.0
    }

    /// From 0 to below `end`, any as likely as any other (but for less than one in 2⁶⁴ / `end`).
    fn below(&mut self, end: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(end)) >> 64).unwrap_or(0)
    }
}

/// Chooses so many of so many, as they come by: each choice is as likely as any other.
#[derive(Debug)]
pub(super) struct Choice {
    chance: Chance,
    wanted: u64,
    left: u64,
}

impl Choice {
    pub(super) fn new(wanted: u64, of: u64) -> Self {
        Self { chance: Chance::new(), wanted, left: of }
    }

    /// Whether the next one is chosen.
    pub(super) fn takes(&mut self) -> bool {
        let takes = self.wanted > 0 && self.chance.below(self.left.max(1)) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= u64::from(takes);
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_so_many_are_chosen_and_each_as_often_as_any_other() {
        let mut times = [0_u32; 20];
        for seed in 0..2_000 {
            let mut choice = Choice { chance: Chance::of_seed(seed), wanted: 5, left: 20 };
            let chosen: Vec<usize> = (0..20).filter(|_| choice.takes()).collect();
            assert_eq!(chosen.len(), 5);
            for at in chosen {
                times[at] += 1;
            }
        }
        // 500 each, give or take five times the deviation.
        assert!(times.iter().all(|times| (400..600).contains(times)), "{times:?}");
        let mut all = Choice::new(9, 3);
        assert_eq!((0..3).filter(|_| all.takes()).count(), 3);
        let mut none = Choice::new(0, 3);
        assert_eq!((0..3).filter(|_| none.takes()).count(), 0);
    }

    #[test]
    fn fractions_lie_between_0_and_1() {
        let mut chance = Chance::new();
        assert!((0..1_000).map(|_| chance.fraction()).all(|fraction| (0.0..1.0).contains(&fraction)));
    }
}
