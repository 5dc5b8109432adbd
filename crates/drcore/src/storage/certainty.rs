//! What a sample says of all: with 95 % confidence, fewer than so many.

/// How certain: of a hundred samples, five may say less than is true.
const DOUBT: f64 = 0.05;

/// The share of all that is wrong at most, with 95 % confidence, where `found` of `asked` that were chosen at random
/// from `all` were wrong: the upper bound of Clopper and Pearson, which is exact and takes all for endless.
pub(crate) fn most(found: u64, asked: u64, all: u64) -> f64 {
    if asked == 0 {
        return if all == 0 { 0.0 } else { 1.0 };
    }
    if asked >= all {
        return ratio(found, all);
    }
    if found >= asked {
        return 1.0;
    }
    let (mut low, mut high) = (ratio(found, asked), 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if at_most(found, asked, middle) > DOUBT { low = middle } else { high = middle }
    }
    high
}

/// How many have to be chosen, so that it is certain that less than this share of all is wrong, if none of the chosen is.
pub(crate) fn enough(share: f64) -> u64 {
    if share >= 1.0 {
        return 1;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above 0, and a float's largest fits"
    )]
    let enough = (DOUBT.ln() / (-share).ln_1p()).ceil().min(1e18) as u64;
    // A hair too many, so that the bound lies below the share and not on it.
    enough + 1
}

/// How likely it is that no more than `found` of `asked` are wrong, where this share of all is.
fn at_most(found: u64, asked: u64, share: f64) -> f64 {
    let odds = share.ln() - (-share).ln_1p();
    let mut likely = float(asked) * (-share).ln_1p();
    let mut sum = likely.exp();
    for number in 1..=found {
        likely += (float(asked - number + 1) / float(number)).ln() + odds;
        sum += likely.exp();
    }
    sum
}

fn ratio(of: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { float(of) / float(all) }
}

#[expect(clippy::cast_precision_loss, reason = "beyond 2⁵³ objects a share is not known to the last one")]
fn float(number: u64) -> f64 {
    number as f64
}

/// A share as percent, rounded up to two digits that say something: `0.1 %`, `0.034 %`, `12 %`.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent <= 0.0 {
        return "0 %".to_owned();
    }
    if percent >= 100.0 {
        return "100 %".to_owned();
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 18")]
    let digits = (1.0 - percent.log10().floor()).clamp(0.0, 12.0) as usize;
    let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    // What only the float's last bit adds is not rounded up.
    let rounded = (percent * scale - 1e-9).ceil() / scale;
    let text = format!("{rounded:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_those_of_the_tables() {
        // One-sided 95 % bounds of Clopper and Pearson.
        for (found, asked, expected) in [
            (0, 10, 0.258_866),
            (0, 100, 0.029_513),
            (1, 10, 0.394_163),
            (5, 100, 0.102_253),
            (50, 100, 0.586_382),
            (10, 3_000, 0.005_648),
        ] {
            let most = most(found, asked, u64::MAX);
            assert!((most - expected).abs() < 2e-4, "{found} of {asked}: {most}");
        }
        // The rule of three.
        assert!((most(0, 3_000, 1_000_000) - 0.001).abs() < 2e-5);
    }

    #[test]
    fn a_sample_of_all_is_exact_and_of_none_says_nothing() {
        assert!((most(3, 10, 10) - 0.3).abs() < 1e-12);
        assert!(most(0, 10, 10) < 1e-12);
        assert!(most(0, 0, 10) >= 1.0 && most(10, 10, 100) >= 1.0 && most(0, 0, 0) < 1e-12);
    }

    #[test]
    fn enough_is_enough_and_hardly_more() {
        for share in [0.5, 0.1, 0.01, 0.001, 0.000_1] {
            let wanted = enough(share);
            assert!(most(0, wanted, u64::MAX) < share, "{share}");
            assert!(most(0, wanted - 2, u64::MAX) >= share, "{share}");
        }
        assert_eq!(enough(0.001), 2_996);
        assert_eq!(enough(1.0), 1);
    }

    #[test]
    fn percentages_are_never_rounded_down() {
        for (share, text) in [
            (0.0, "0 %"),
            (0.001, "0.1 %"),
            (0.000_998, "0.1 %"),
            (0.001_001, "0.11 %"),
            (0.123, "13 %"),
            (0.029_513, "3 %"),
            (0.5, "50 %"),
            (0.999_9, "100 %"),
            (1.0, "100 %"),
        ] {
            assert_eq!(percent(share), text);
        }
    }
}
