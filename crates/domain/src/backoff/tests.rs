use NextTry::{After, Never};
use proptest::prelude::*;

use super::*;

const MIDDLE: f64 = 0.5;

fn delays(policy: &mut LinkBackoff, ended: LinkEnded, count: usize) -> Vec<NextTry> {
    (0..count).map(|_| policy.next_delay(ended, MIDDLE)).collect()
}

fn after(seconds: &[u64]) -> Vec<NextTry> {
    seconds.iter().map(|seconds| After(seconds * 1000)).collect()
}

/// P-9.
#[test]
fn retries_double_from_5_to_60_seconds_and_never_end() {
    let mut policy = LinkBackoff::new(5_000);
    assert_eq!(delays(&mut policy, LinkEnded::NeverUp, 7), after(&[5, 10, 20, 40, 60, 60, 60]));
}

/// An operator may set other steps; refusals stay slow (P-10).
#[test]
fn other_steps_change_retries_after_losses_only() {
    let mut policy = LinkBackoff::with_steps((100, 300), 0);
    assert_eq!(delays(&mut policy, LinkEnded::NeverUp, 4), [100, 200, 300, 300].map(After));
    assert_eq!(policy.next_delay(LinkEnded::RefusedAuth(401), MIDDLE), After(60_000));
}

/// P-9: each +-20 percent.
#[test]
fn retries_vary_by_a_fifth() {
    for (random, first, second) in
        [(0.0, 4_000, 8_000), (1.0, 6_000, 12_000), (f64::NAN, 4_000, 8_000), (7.0, 6_000, 12_000)]
    {
        let mut policy = LinkBackoff::new(5_000);
        assert_eq!(policy.next_delay(LinkEnded::NeverUp, random), After(first));
        assert_eq!(policy.next_delay(LinkEnded::NeverUp, random), After(second));
    }
}

/// P-9: only a link that lived 60 s resets.
#[test]
fn a_short_life_does_not_reset_the_steps() {
    let mut policy = LinkBackoff::new(5_000);
    assert_eq!(delays(&mut policy, LinkEnded::Lived(59_999), 3), after(&[5, 10, 20]));
    assert_eq!(policy.next_delay(LinkEnded::Lived(60_000), MIDDLE), After(2_500), "half of the spread");
    assert_eq!(delays(&mut policy, LinkEnded::NeverUp, 2), after(&[10, 20]), "the spread took the place of the 5 s");
}

/// P-9, P-66.
#[test]
fn the_first_retry_after_a_good_link_is_spread_as_the_panel_wishes() {
    let mut policy = LinkBackoff::new(0);
    let good = LinkEnded::Lived(100_000);
    assert_eq!(policy.next_delay(good, MIDDLE), After(5_000), "0 = the 5 s step");
    policy.set_reconnect_spread(60_000);
    assert_eq!(policy.next_delay(good, 0.0), After(0));
    assert_eq!(policy.next_delay(good, 0.75), After(45_000));
    policy.set_reconnect_spread(Millis::MAX);
    assert_eq!(policy.next_delay(good, 1.0), After(MAX_RECONNECT_SPREAD_MS));
}

/// P-10.
#[test]
fn refusals_are_retried_each_minute_and_slowly_from_the_sixth_in_a_row() {
    for refusal in [LinkEnded::RefusedAuth(401), LinkEnded::ClosedFatal { code: 1008, lived_ms: 10 }] {
        let mut policy = LinkBackoff::new(5_000);
        assert_eq!(delays(&mut policy, refusal, 7), after(&[60, 60, 60, 60, 60, 600, 600]));
        assert_eq!(policy.next_delay(refusal, 0.0), After(300_000));
        assert_eq!(policy.next_delay(refusal, 1.0), After(900_000));
        policy.next_delay(LinkEnded::Lived(1), MIDDLE);
        assert_eq!(policy.next_delay(refusal, 0.0), After(48_000), "another end breaks the row");
        assert_eq!(policy.next_delay(refusal, 1.0), After(72_000));
    }
}

/// P-10: an administrator who closes a link once a day does not make the agent slow.
#[test]
fn a_refusal_after_a_good_link_is_the_first_of_its_row() {
    let mut policy = LinkBackoff::new(5_000);
    let ended = LinkEnded::ClosedFatal { code: 4000, lived_ms: 86_400_000 };
    assert_eq!(delays(&mut policy, ended, 8), after(&[60; 8]));
}

/// P-10, P-12.
#[test]
fn a_fenced_agent_stays_away_and_a_mock_panel_is_asked_again_after_10_minutes() {
    let mut policy = LinkBackoff::new(5_000);
    assert_eq!(policy.next_delay(LinkEnded::Fenced, MIDDLE), Never);
    assert_eq!(policy.next_delay(LinkEnded::MockPanel, MIDDLE), After(600_000));
    assert_eq!(policy.next_delay(LinkEnded::TooBig(5), MIDDLE), After(5_000), "1009 is a lost link");
}

/// P-10.
#[test]
fn close_codes_and_statuses_are_read_as_the_contract_says() {
    let lived_ms = 7;
    for (code, ended) in [
        (None, LinkEnded::Lived(7)),
        (Some(1000), LinkEnded::Lived(7)),
        (Some(1006), LinkEnded::Lived(7)),
        (Some(1007), LinkEnded::Lived(7)),
        (Some(1008), LinkEnded::ClosedFatal { code: 1008, lived_ms }),
        (Some(1009), LinkEnded::TooBig(7)),
        (Some(3999), LinkEnded::Lived(7)),
        (Some(4000), LinkEnded::ClosedFatal { code: 4000, lived_ms }),
        (Some(4409), LinkEnded::Fenced),
        (Some(4999), LinkEnded::ClosedFatal { code: 4999, lived_ms }),
        (Some(5000), LinkEnded::Lived(7)),
    ] {
        assert_eq!(LinkEnded::from_close(code, lived_ms), ended);
    }
    assert_eq!(LinkEnded::from_upgrade_status(401), LinkEnded::RefusedAuth(401));
    assert_eq!(LinkEnded::from_upgrade_status(403), LinkEnded::RefusedAuth(403));
    assert_eq!(LinkEnded::from_upgrade_status(502), LinkEnded::NeverUp);
}

#[test]
fn the_engine_is_asked_again_after_1_to_30_seconds() {
    let mut backoff = Backoff::for_engine();
    let waits: Vec<Millis> = (0..7).map(|_| backoff.next_delay(MIDDLE)).collect();
    assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    backoff.reset();
    assert_eq!(backoff.next_delay(MIDDLE), 1_000);
}

fn any_end() -> impl Strategy<Value = LinkEnded> {
    prop_oneof![
        Just(LinkEnded::NeverUp),
        Just(LinkEnded::MockPanel),
        any::<u64>().prop_map(LinkEnded::Lived),
        any::<u64>().prop_map(LinkEnded::TooBig),
        (400u16..404).prop_map(LinkEnded::RefusedAuth),
        (4000u16..4400, 0u64..120_000).prop_map(|(code, lived_ms)| LinkEnded::ClosedFatal { code, lived_ms }),
    ]
}

proptest! {
    #[test]
    fn no_history_makes_the_agent_give_up_or_wait_longer_than_15_minutes(
        ends in proptest::collection::vec((any_end(), any::<f64>()), 1..60),
        spread_ms in any::<u64>(),
    ) {
        let mut policy = LinkBackoff::new(spread_ms);
        for (ended, random) in ends {
            let After(delay_ms) = policy.next_delay(ended, random) else { panic!("gave up") };
            prop_assert!(delay_ms <= 900_000, "{delay_ms}");
            let spread = matches!(ended, LinkEnded::Lived(lived) | LinkEnded::TooBig(lived) if lived >= 60_000);
            prop_assert!(delay_ms >= 4_000 || spread, "knocks at once: {delay_ms}");
        }
    }

    #[test]
    fn senseless_settings_still_give_delays_within_bounds(
        min in any::<u32>(), max in any::<u32>(), factor in any::<f64>(), jitter in any::<f64>(), random in any::<f64>(),
    ) {
        let mut backoff = Backoff::new(min.into(), max.into(), factor, jitter);
        for _ in 0..10 {
            prop_assert!(backoff.next_delay(random) <= 2 * u64::from(max.max(min)));
        }
    }
}
