use proptest::prelude::*;

use super::*;

fn key(caller: Caller, id: &str) -> CommandKey {
    CommandKey { caller, id: CommandId::Text(id.into()) }
}

fn link(id: &str) -> CommandKey {
    key(Caller::Link, id)
}

fn command(action: &str, target: &str) -> Fingerprint {
    Fingerprint { action: action.into(), target: Some(target.into()) }
}

fn start() -> Fingerprint {
    command("start_server", "a")
}

const HOUR_MS: u64 = 3_600_000;

/// P-27.
#[test]
fn a_repeated_command_gets_the_recorded_answer_and_is_not_executed() {
    let mut ledger = CommandLedger::new();
    assert_eq!(ledger.begin(&link("x"), start(), 0), Begin::New);
    assert_eq!(ledger.begin(&link("x"), start(), 1), Begin::Repeat, "still under way");
    let kept = ledger.answer(&link("x"), "done", 2).unwrap();
    assert_eq!(kept, LedgerEntry { key: link("x"), fingerprint: start(), answer: Some("done"), at_ms: 2 });
    assert_eq!(ledger.begin(&link("x"), start(), 3), Begin::Answered("done"));
    assert_eq!(ledger.answer(&link("x"), "again", 4), None, "exactly one answer (P-17)");
    assert_eq!(ledger.begin(&link("x"), start(), 5), Begin::Answered("done"));
}

/// P-28.
#[test]
fn a_known_id_with_another_action_or_server_is_different() {
    let mut ledger = CommandLedger::new();
    ledger.begin(&link("x"), start(), 0);
    for other in [command("kill_server", "a"), command("start_server", "b"), Fingerprint { target: None, ..start() }] {
        assert_eq!(ledger.begin(&link("x"), other.clone(), 1), Begin::Different);
        ledger.answer(&link("x"), "done", 2);
        assert!(ledger.differs(&link("x"), &other), "a query is asked this, and never remembered");
        assert_eq!(ledger.begin(&link("x"), other, 3), Begin::Different);
    }
    assert!(!ledger.differs(&link("x"), &start()));
    assert!(!ledger.differs(&link("unknown"), &start()));
    assert!(!ledger.differs(&key(Caller::Http(0), "x"), &command("kill_server", "a")));
    assert_eq!(ledger.begin(&link("x"), start(), 4), Begin::Answered("done"));
}

/// P-29, P-31.
#[test]
fn ids_belong_to_their_caller_and_keep_their_type() {
    let mut ledger: CommandLedger<&str> = CommandLedger::new();
    let number = CommandKey { caller: Caller::Link, id: CommandId::Number(7) };
    for distinct in [link("7"), key(Caller::Http(0), "7"), key(Caller::Http(1), "7"), number] {
        assert_eq!(ledger.begin(&distinct, start(), 0), Begin::New, "{distinct:?}");
    }
    assert_eq!(ledger.len(), 4);
}

/// P-29: at most 24 h; commands under way stay.
#[test]
fn answers_are_forgotten_after_a_day_and_not_before() {
    let mut ledger = CommandLedger::new();
    ledger.begin(&link("old"), start(), 0);
    ledger.begin(&link("open"), start(), 0);
    ledger.answer(&link("old"), "done", 1000);
    assert_eq!(ledger.expire(24 * HOUR_MS + 1000), []);
    assert_eq!(ledger.begin(&link("old"), start(), 24 * HOUR_MS + 1000), Begin::Answered("done"));
    assert_eq!(ledger.expire(24 * HOUR_MS + 1001), [link("old")]);
    assert_eq!(ledger.begin(&link("old"), start(), 24 * HOUR_MS + 1002), Begin::New);
    assert_eq!(ledger.begin(&link("open"), start(), 48 * HOUR_MS), Begin::Repeat);
}

/// P-29: oldest dropped first, and not what is under way.
#[test]
fn beyond_the_bound_the_oldest_answers_go() {
    let mut ledger = CommandLedger::with_capacity_per_caller(3);
    for (index, id) in ["open", "first", "second"].into_iter().enumerate() {
        assert_eq!(ledger.begin(&link(id), start(), index as u64), Begin::New);
    }
    ledger.answer(&link("first"), "1", 10);
    ledger.answer(&link("second"), "2", 11);
    assert_eq!(ledger.begin(&link("third"), start(), 12), Begin::New);
    assert_eq!(ledger.begin(&link("open"), start(), 13), Begin::Repeat);
    assert_eq!(ledger.begin(&link("second"), start(), 13), Begin::Answered("2"));
    assert_eq!(ledger.begin(&link("first"), start(), 14), Begin::New, "forgotten");
    assert_eq!(ledger.begin(&link("fourth"), start(), 15), Begin::Full, "all three are under way");
    assert_eq!(ledger.begin(&key(Caller::Http(0), "fourth"), start(), 15), Begin::New, "callers do not share");
}

/// P-29: P-30's rate never pushes out an answer younger than 10 minutes.
#[test]
fn the_bound_holds_ten_minutes_at_the_highest_rate() {
    let at_highest_rate = 200 + 50 * 600;
    assert!(MAX_REMEMBERED_PER_CALLER > at_highest_rate);
}

/// P-30.
#[test]
fn refused_commands_are_not_remembered() {
    let mut ledger = CommandLedger::new();
    ledger.begin(&link("x"), start(), 0);
    ledger.forget_refused(&link("x"));
    assert_eq!(ledger.begin(&link("x"), command("kill_server", "a"), 1), Begin::New);
    ledger.answer(&link("x"), "done", 2);
    ledger.forget_refused(&link("x"));
    assert_eq!(ledger.begin(&link("x"), command("kill_server", "a"), 3), Begin::Answered("done"), "answered ones stay");
}

/// P-29: over an agent restart too.
#[test]
fn what_the_store_kept_counts_after_a_restart() {
    let entry = |id: &str, answer: Option<&'static str>, at_ms: u64| LedgerEntry {
        key: link(id),
        fingerprint: start(),
        answer,
        at_ms,
    };
    let mut ledger = CommandLedger::with_capacity_per_caller(3);
    ledger.restore(entry("late", Some("late"), 30));
    ledger.restore(entry("cut-off", None, 5));
    ledger.restore(entry("early", Some("early"), 10));
    ledger.restore(entry("middle", Some("middle"), 20));
    assert_eq!(ledger.begin(&link("middle"), start(), 40), Begin::Answered("middle"));
    assert_eq!(ledger.begin(&link("late"), start(), 40), Begin::Answered("late"));
    let open: Vec<CommandKey> = ledger.under_way().map(|(key, _)| key).collect();
    assert_eq!(open, [link("cut-off")]);
    assert!(ledger.answer(&link("cut-off"), "interrupted", 41).is_some());
    assert_eq!(ledger.begin(&link("early"), start(), 42), Begin::New, "the oldest was over the bound");
}

#[test]
fn a_clock_set_back_does_not_upset_the_order() {
    let mut ledger = CommandLedger::new();
    for (id, at_ms) in [("one", 100 * HOUR_MS), ("two", HOUR_MS)] {
        ledger.begin(&link(id), start(), at_ms);
        ledger.answer(&link(id), id, at_ms);
    }
    assert_eq!(ledger.expire(100 * HOUR_MS), []);
    assert_eq!(ledger.expire(125 * HOUR_MS).len(), 2);
    assert!(ledger.is_empty());
}

proptest! {
    /// P-17, P-27: against a model without bounds, as long as the bound is not reached.
    #[test]
    fn each_id_is_executed_once(steps in proptest::collection::vec((0u8..6, 0u8..3, any::<bool>()), 1..80)) {
        let mut ledger = CommandLedger::new();
        let mut model: HashMap<u8, (u8, Option<usize>)> = HashMap::new();
        for (step, (id, action, answers)) in steps.into_iter().enumerate() {
            let key = link(&id.to_string());
            if answers {
                let open = model.get(&id).is_some_and(|(_, answer)| answer.is_none());
                prop_assert_eq!(ledger.answer(&key, step, step as u64).is_some(), open);
                if open {
                    model.get_mut(&id).unwrap().1 = Some(step);
                }
                continue;
            }
            let expected = match model.get(&id) {
                None => {
                    model.insert(id, (action, None));
                    Begin::New
                }
                Some((known, _)) if *known != action => Begin::Different,
                Some((_, Some(answer))) => Begin::Answered(*answer),
                Some((_, None)) => Begin::Repeat,
            };
            prop_assert_eq!(ledger.begin(&key, command(&action.to_string(), "a"), step as u64), expected);
        }
    }

    #[test]
    fn the_bound_is_never_exceeded(steps in proptest::collection::vec((0u16..40, any::<bool>()), 1..200)) {
        let mut ledger = CommandLedger::with_capacity_per_caller(8);
        for (id, answers) in steps {
            let key = link(&id.to_string());
            if answers {
                ledger.answer(&key, (), 0);
            } else {
                ledger.begin(&key, start(), 0);
            }
            prop_assert!(ledger.len() <= 8);
        }
    }
}
