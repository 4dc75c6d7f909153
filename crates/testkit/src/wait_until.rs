//! Waiting for a condition.

use std::time::Duration;

use tokio::time::Instant;

/// Between two looks. Short against what tests wait for, and long enough to leave the processor to what is waited for.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Looks again and again until `condition` answers a value, and answers that. It looks at what is, not at what changes,
/// so nothing can be missed. With a paused clock the waiting takes no real time.
///
/// # Panics
///
/// When `deadline` is over, naming `what`.
#[track_caller]
pub fn wait_until<T, Condition, Answer>(
    what: &str,
    deadline: Duration,
    mut condition: Condition,
) -> impl Future<Output = T>
where
    Condition: FnMut() -> Answer,
    Answer: Future<Output = Option<T>>,
{
    let caller = std::panic::Location::caller();
    let what = what.to_owned();
    async move {
        let end = Instant::now() + deadline;
        loop {
            // The deadline also ends a condition that hangs.
            if let Ok(Some(value)) = tokio::time::timeout_at(end, condition()).await {
                return value;
            }
            assert!(Instant::now() < end, "waited {deadline:?} in vain for: {what} (at {caller})");
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }
}

/// [`wait_until`] for a condition that needs no waiting itself.
///
/// # Panics
///
/// When `deadline` is over, naming `what`.
#[track_caller]
pub fn wait_until_true(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> bool,
) -> impl Future<Output = ()> {
    wait_until(what, deadline, move || std::future::ready(condition().then_some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_answers_the_value_once_the_condition_holds() {
        let mut looks = 0;
        let value = wait_until("the third look", Duration::from_secs(1), || {
            looks += 1;
            std::future::ready((looks == 3).then_some("seen"))
        })
        .await;
        assert_eq!(value, "seen");
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "in vain for: what never comes")]
    async fn it_names_what_did_not_come() {
        wait_until_true("what never comes", Duration::from_secs(1), || false).await;
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "in vain for: a look that hangs")]
    async fn a_condition_that_hangs_ends_as_well() {
        wait_until("a look that hangs", Duration::from_secs(1), std::future::pending::<Option<()>>).await;
    }
}
