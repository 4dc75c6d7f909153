//! How many commands one caller may send (P-30).

use crate::Millis;

/// Commands per second that one panel identity may send in the long run (P-30).
pub const COMMANDS_PER_SECOND: u32 = 50;
/// Commands that one panel identity may send at once (P-30).
pub const COMMAND_BURST: u32 = 200;

/// Tokens are counted in thousandths, so that a millisecond of any rate is a whole number.
const THOUSANDTHS: u64 = 1000;

/// A bucket that fills steadily and from which each event takes one token.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    per_second: u64,
    capacity_thousandths: u64,
    thousandths: u64,
    filled_at: Millis,
}

impl TokenBucket {
    /// A full bucket for `burst` events that gains `per_second` tokens a second.
    pub fn new(per_second: u32, burst: u32, now: Millis) -> Self {
        let capacity_thousandths = u64::from(burst) * THOUSANDTHS;
        Self { per_second: per_second.into(), capacity_thousandths, thousandths: capacity_thousandths, filled_at: now }
    }

    /// The bucket for the commands of one panel identity.
    pub fn for_commands(now: Millis) -> Self {
        Self::new(COMMANDS_PER_SECOND, COMMAND_BURST, now)
    }

    /// Takes a token if there is one. A clock that goes back gives nothing.
    pub fn try_take(&mut self, now: Millis) -> bool {
        let gained = now.saturating_sub(self.filled_at).saturating_mul(self.per_second);
        self.thousandths = self.thousandths.saturating_add(gained).min(self.capacity_thousandths);
        self.filled_at = self.filled_at.max(now);
        let has_one = self.thousandths >= THOUSANDTHS;
        if has_one {
            self.thousandths -= THOUSANDTHS;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(bucket: &mut TokenBucket, tries: u32, now: Millis) -> u32 {
        (0..tries).map(|_| u32::from(bucket.try_take(now))).sum()
    }

    /// P-30.
    #[test]
    fn a_burst_of_200_passes_then_50_a_second() {
        let mut bucket = TokenBucket::for_commands(7);
        assert_eq!(taken(&mut bucket, 1000, 7), 200);
        assert_eq!(taken(&mut bucket, 1000, 26), 0);
        assert_eq!(taken(&mut bucket, 1000, 27), 1, "one each 20 ms");
        assert_eq!(taken(&mut bucket, 1000, 1027), 50);
        assert_eq!(taken(&mut bucket, 1000, 100_000), 200, "no more than the burst is saved up");
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing_and_takes_nothing() {
        let mut bucket = TokenBucket::new(1, 1, 5_000);
        assert!(bucket.try_take(5_000));
        assert!(!bucket.try_take(0));
        assert!(!bucket.try_take(5_999));
        assert!(bucket.try_take(6_000));
        assert!(!TokenBucket::new(0, 0, 0).try_take(Millis::MAX));
        assert!(TokenBucket::new(u32::MAX, u32::MAX, 0).try_take(Millis::MAX));
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_allow(steps in proptest::collection::vec((0u64..100, 0u32..30), 1..100)) {
            let mut bucket = TokenBucket::new(50, 200, 0);
            let mut now = 0;
            let mut total = 0;
            for (wait_ms, tries) in steps {
                now += wait_ms;
                total += u64::from(taken(&mut bucket, tries, now));
                prop_assert!(total <= 200 + now * 50 / 1000);
            }
        }
    }
}
