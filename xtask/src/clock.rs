//! Real time, in the one place of this program that reads it.

use std::time::{Duration, Instant};

/// How often a condition is looked at again while it is waited for.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A moment to measure from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    started: Instant,
}

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "this program waits for real processes; there is no paused clock")]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// How long ago that was.
    pub(crate) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }
}

/// Looks at a condition until it answers something or the deadline is over.
pub(crate) fn wait_for<T>(deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let waiting = Stopwatch::start();
    loop {
        if let Some(found) = condition() {
            return Some(found);
        }
        if waiting.elapsed() >= deadline {
            return None;
        }
        pause();
    }
}

#[expect(clippy::disallowed_methods, reason = "a poll of real processes in a program without an async runtime")]
fn pause() {
    std::thread::sleep(LOOK_AGAIN);
}

/// `3.2 s`, or `2 min 5 s`.
pub(crate) fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_holds_is_seen_even_when_the_deadline_is_zero() {
        assert_eq!(wait_for(Duration::ZERO, || Some(7)), Some(7));
        assert_eq!(wait_for(Duration::ZERO, || None::<u8>), None);
    }

    #[test]
    fn durations_are_written_for_people() {
        assert_eq!(readable(Duration::from_millis(3240)), "3.2 s");
        assert_eq!(readable(Duration::from_secs(125)), "2 min 5 s");
    }
}
