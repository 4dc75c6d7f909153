use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn id(name: &str) -> ServerId {
    ServerId::parse(name).unwrap()
}

fn span(server: &str, first_seq: u64, last_seq: u64) -> ConsoleSpan {
    ConsoleSpan { server: id(server), first_seq, last_seq }
}

fn event(server: &str) -> OutClass {
    OutClass::Event(Some(id(server)))
}

fn output(server: &str, first_seq: u64, last_seq: u64) -> OutClass {
    OutClass::Console(span(server, first_seq, last_seq))
}

/// Bounds for so many items of no size of their own.
fn limits_for(items: usize, per_server: usize) -> OutboxLimits {
    OutboxLimits {
        answers: items,
        events: items,
        console_bytes_per_server: per_server * ITEM_OVERHEAD_BYTES,
        console_bytes: items * ITEM_OVERHEAD_BYTES,
        ..OutboxLimits::default()
    }
}

fn up(limits: OutboxLimits) -> Outbox<&'static str> {
    let mut outbox = Outbox::new(limits);
    outbox.link_up();
    outbox
}

fn drain(outbox: &mut Outbox<&'static str>) -> Vec<String> {
    std::iter::from_fn(|| outbox.pop())
        .map(|item| match item {
            OutItem::Item(payload) => payload.to_owned(),
            OutItem::Gap(gap) => format!("gap {} {}-{}", gap.server, gap.first_seq, gap.last_seq),
        })
        .collect()
}

/// P-13, P-17.
#[test]
fn heartbeats_overtake_answers_and_answers_overtake_the_rest() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 1, 1), 0, "output");
    outbox.push(event("a"), 0, "event");
    outbox.push(OutClass::Answer, 0, "answer 1");
    outbox.push(OutClass::Answer, 0, "answer 2");
    outbox.push(OutClass::Urgent, 0, "old heartbeat");
    outbox.push(OutClass::Urgent, 0, "heartbeat");
    assert_eq!(drain(&mut outbox), ["heartbeat", "answer 1", "answer 2", "output", "event"]);
    assert!(outbox.is_empty());
}

/// P-33: what a server did and what it said stay in order, and the pair of pushes stays together.
#[test]
fn events_and_output_of_one_server_keep_their_order() {
    let mut outbox = up(OutboxLimits::default());
    for (class, payload) in [
        (output("a", 1, 2), "a1"),
        (event("a"), "a running"),
        (event("a"), "a running, twin"),
        (output("a", 3, 3), "a2"),
        (output("b", 1, 1), "b1"),
        (event("a"), "a stopped"),
        (output("a", 4, 4), "a3"),
    ] {
        outbox.push(class, 10, payload);
    }
    assert_eq!(drain(&mut outbox), ["a1", "a running", "a running, twin", "a2", "a stopped", "a3", "b1"]);
}

/// P-63: events are acknowledged up to a number, so they go in the order they came, over all servers.
#[test]
fn events_of_all_servers_keep_their_order() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 1, 1), 0, "a output");
    outbox.push(event("a"), 0, "a event");
    outbox.push(event("b"), 0, "b event");
    outbox.push(OutClass::Event(None), 0, "node event");
    assert_eq!(drain(&mut outbox), ["a output", "a event", "b event", "node event"]);
}

#[test]
fn servers_take_turns_so_that_a_flood_silences_nobody() {
    let mut outbox = up(OutboxLimits::default());
    for seq in 1..=3 {
        outbox.push(output("flood", seq, seq), 0, "flood");
    }
    outbox.push(output("b", 1, 1), 0, "b");
    outbox.push(output("c", 1, 1), 0, "c");
    assert_eq!(drain(&mut outbox), ["flood", "b", "c", "flood", "flood"]);
}

/// P-70.
#[test]
fn dropped_output_is_announced_before_the_next_of_that_server() {
    let mut outbox = up(limits_for(100, 2));
    outbox.push(output("a", 10, 14), 0, "a1");
    outbox.push(output("a", 15, 15), 0, "a2");
    outbox.push(output("a", 16, 16), 0, "a3");
    outbox.push(output("a", 17, 17), 0, "a4");
    assert_eq!(drain(&mut outbox), ["gap a 10-15", "a3", "a4"]);
    assert_eq!(outbox.dropped().console_lines, 6);
    outbox.push(output("a", 20, 21), 0, "a5");
    assert_eq!(drain(&mut outbox), ["gap a 18-19", "a5"], "lines that were never pushed are missing, too");
}

#[test]
fn over_the_bound_of_all_the_server_that_holds_most_loses() {
    let mut outbox = up(limits_for(4, 4));
    outbox.push(output("quiet", 1, 1), 0, "quiet");
    for seq in 1..=4 {
        outbox.push(output("flood", seq, seq), 0, "flood");
    }
    assert_eq!(drain(&mut outbox), ["quiet", "gap flood 1-1", "flood", "flood", "flood"]);
}

#[test]
fn output_larger_than_all_bounds_is_a_hole_and_no_leak() {
    let mut outbox = up(limits_for(4, 4));
    outbox.push(output("a", 1, 9), usize::MAX / 2, "too large");
    assert!(outbox.is_empty());
    assert_eq!(outbox.console_bytes(), 0);
    outbox.push(output("a", 10, 10), 0, "a");
    assert_eq!(drain(&mut outbox), ["gap a 1-9", "a"]);
}

#[test]
fn a_line_is_never_sent_twice() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 5, 8), 0, "a1");
    for (first_seq, last_seq) in [(5, 8), (8, 9), (1, 2), (12, 11)] {
        outbox.push(output("a", first_seq, last_seq), 0, "again");
    }
    assert_eq!(drain(&mut outbox), ["a1"]);
    outbox.push(output("a", 8, 9), 0, "after it was sent");
    assert_eq!(drain(&mut outbox), [""; 0]);
    assert_eq!(outbox.dropped().console_out_of_order, 5);
}

/// P-69.
#[test]
fn a_restarted_console_begins_without_a_gap() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 500, 500), 0, "old");
    outbox.restart_console(&id("a"));
    outbox.push(output("a", 1, 1), 0, "new");
    assert_eq!(drain(&mut outbox), ["new"]);
}

/// P-57, P-71.
#[test]
fn a_new_link_gets_answers_and_output_but_no_old_events() {
    let mut outbox = up(OutboxLimits::default());
    let push_all = |outbox: &mut Outbox<&'static str>, seq: u64, answer: &'static str, text: &'static str| {
        outbox.push(OutClass::Urgent, 0, "heartbeat");
        outbox.push(event("a"), 0, "event");
        outbox.push(OutClass::Metrics(Some(id("a"))), 0, "figures");
        outbox.push(OutClass::Answer, 0, answer);
        outbox.push(output("a", seq, seq), 0, text);
    };
    push_all(&mut outbox, 1, "answer 1", "line 1");
    outbox.link_down();
    push_all(&mut outbox, 2, "answer 2", "line 2");
    assert_eq!(outbox.pop(), None, "nothing is popped for a link that is down");
    outbox.link_up();
    assert_eq!(drain(&mut outbox), ["answer 1", "answer 2", "line 1", "line 2"]);
    assert_eq!((outbox.dropped().events_while_down, outbox.dropped().metrics), (2, 2));
    assert_eq!(outbox.dropped().events, 0);
}

/// P-71: what lies further back than `console_replay_lines` is announced by a gap.
#[test]
fn a_new_link_gets_at_most_the_replay_lines() {
    let mut outbox = Outbox::new(OutboxLimits { console_replay_lines: 10, ..OutboxLimits::default() });
    outbox.push(output("a", 1, 5), 0, "a1");
    outbox.push(output("a", 6, 10), 0, "a2");
    outbox.push(output("a", 11, 14), 0, "a3");
    outbox.link_up();
    assert_eq!(drain(&mut outbox), ["gap a 1-5", "a2", "a3"]);
}

#[test]
fn rewound_output_comes_again_and_what_is_left_out_is_announced() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("s1", 1, 5), 10, "s1:1-5");
    outbox.push(output("s1", 6, 9), 10, "s1:6-9");
    assert_eq!(outbox.pop(), Some(OutItem::Item("s1:1-5")));
    outbox.rewind_console(&id("s1"), 3);
    assert_eq!((outbox.console_bytes(), outbox.is_empty()), (0, true));
    outbox.push(output("s1", 5, 9), 10, "s1:5-9");
    assert_eq!(outbox.pop(), Some(OutItem::Gap(span("s1", 3, 4))));
    assert_eq!(outbox.pop(), Some(OutItem::Item("s1:5-9")));
    assert_eq!(outbox.pop(), None);
}

#[test]
fn output_that_could_not_be_written_is_announced_to_the_next_link() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 1, 5), 0, "a1");
    outbox.push(output("a", 6, 6), 0, "a2");
    assert_eq!(drain(&mut outbox), ["a1", "a2"]);
    outbox.mark_unwritten(&span("a", 6, 6));
    outbox.mark_unwritten(&span("a", 1, 5));
    outbox.link_down();
    outbox.push(output("a", 7, 7), 0, "a3");
    outbox.link_up();
    assert_eq!(drain(&mut outbox), ["gap a 1-6", "a3"]);
}

#[test]
fn only_the_newest_figures_of_each_server_are_sent() {
    let mut outbox = up(OutboxLimits { metrics: 2, ..OutboxLimits::default() });
    outbox.push(OutClass::Metrics(Some(id("a"))), 0, "a old");
    outbox.push(OutClass::Metrics(Some(id("b"))), 0, "b");
    outbox.push(OutClass::Metrics(Some(id("a"))), 0, "a new");
    outbox.push(output("a", 1, 1), 0, "output");
    assert_eq!(drain(&mut outbox), ["a new", "b", "output"], "output never starves figures");
    for server in ["a", "b", "c"] {
        outbox.push(OutClass::Metrics(Some(id(server))), 0, "figures");
    }
    assert_eq!(drain(&mut outbox).len(), 2);
}

#[test]
fn the_oldest_answers_and_events_go_beyond_their_bounds() {
    let mut outbox = up(limits_for(2, 2));
    for payload in ["1", "2", "3"] {
        outbox.push(OutClass::Answer, 0, payload);
        outbox.push(OutClass::Event(None), 0, payload);
    }
    assert_eq!(drain(&mut outbox), ["2", "3", "2", "3"]);
    assert_eq!((outbox.dropped().answers, outbox.dropped().events), (1, 1));

    let mut by_bytes = up(OutboxLimits { answer_bytes: 1000, ..OutboxLimits::default() });
    by_bytes.push(OutClass::Answer, 800, "small");
    by_bytes.push(OutClass::Answer, 5000, "large");
    assert_eq!(drain(&mut by_bytes), ["large"], "the newest answer is sent however large it is");
}

#[test]
fn a_server_that_is_gone_leaves_nothing_behind_once_its_output_is_sent() {
    let mut outbox = up(OutboxLimits::default());
    outbox.push(output("a", 1, 1), 0, "last words");
    outbox.push(event("a"), 0, "deleted");
    outbox.forget_server(&id("a"));
    assert_eq!(drain(&mut outbox), ["last words", "deleted"]);
    assert!(outbox.consoles.is_empty());
    outbox.push(output("b", 1, 1), 0, "b");
    drain(&mut outbox);
    outbox.forget_server(&id("b"));
    assert!(outbox.consoles.is_empty());
}

#[derive(Clone, Debug)]
enum Step {
    Urgent,
    Answer(usize),
    Event(u8, usize),
    Output { server: u8, skip: u64, lines: u64, bytes: usize },
    Metrics(u8),
    Pop(usize),
    PopUnwritten,
    Down,
    Up,
    Forget(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Urgent),
        3 => (0usize..600).prop_map(Step::Answer),
        5 => (0u8..3, 0usize..600).prop_map(|(server, bytes)| Step::Event(server, bytes)),
        12 => (0u8..3, prop_oneof![6 => Just(0u64), 1 => 0u64..5], 1u64..6, 0usize..900)
            .prop_map(|(server, skip, lines, bytes)| Step::Output { server, skip, lines, bytes }),
        2 => (0u8..3).prop_map(Step::Metrics),
        5 => (1usize..6).prop_map(Step::Pop),
        1 => Just(Step::PopUnwritten),
        1 => Just(Step::Down),
        2 => Just(Step::Up),
        1 => (0u8..3).prop_map(Step::Forget),
    ]
}

/// What is pushed: the place in the order of pushes, and what it is.
type Payload = (usize, OutClass);

/// Checks what is popped against the rules.
#[derive(Default)]
struct Reader {
    due: BTreeMap<ServerId, u64>,
    last_event: Option<usize>,
    last_of_server: BTreeMap<ServerId, usize>,
}

impl Reader {
    fn read(&mut self, item: &OutItem<Payload>) -> Result<(), TestCaseError> {
        let (place, class) = match item {
            OutItem::Gap(gap) => {
                prop_assert!(gap.first_seq <= gap.last_seq);
                prop_assert_eq!(
                    self.due.get(&gap.server),
                    Some(&gap.first_seq),
                    "a gap begins at the line that is due"
                );
                self.due.insert(gap.server.clone(), gap.last_seq + 1);
                return Ok(());
            }
            OutItem::Item((place, class)) => (*place, class),
        };
        match class {
            OutClass::Console(span) => {
                prop_assert_eq!(self.due.get(&span.server), Some(&span.first_seq), "contiguous or announced");
                self.due.insert(span.server.clone(), span.last_seq + 1);
                self.in_order_of_server(&span.server, place)?;
            }
            OutClass::Event(server) => {
                prop_assert!(self.last_event < Some(place), "events in order");
                self.last_event = Some(place);
                if let Some(server) = server {
                    self.in_order_of_server(server, place)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn in_order_of_server(&mut self, server: &ServerId, place: usize) -> Result<(), TestCaseError> {
        let before = self.last_of_server.insert(server.clone(), place);
        prop_assert!(before < Some(place), "events and output of one server in order");
        Ok(())
    }
}

fn check_bounds(outbox: &Outbox<Payload>) -> Result<(), TestCaseError> {
    prop_assert!(outbox.answers.is_within_bounds());
    prop_assert!(outbox.events.is_within_bounds());
    let counted: usize = outbox.consoles.values().map(ConsoleLane::bytes).sum();
    prop_assert_eq!(outbox.console_bytes, counted);
    prop_assert!(counted <= outbox.limits.console_bytes);
    prop_assert!(outbox.consoles.values().all(|lane| lane.bytes() <= outbox.limits.console_bytes_per_server));
    prop_assert!(outbox.metrics.len() <= 3);
    let with_output: BTreeSet<&ServerId> =
        outbox.consoles.iter().filter(|(_, lane)| !lane.is_empty()).map(|(server, _)| server).collect();
    prop_assert_eq!(outbox.turns.len(), with_output.len());
    prop_assert_eq!(outbox.turns.iter().collect::<BTreeSet<_>>(), with_output);
    Ok(())
}

proptest! {
    #[test]
    fn bounds_hold_and_output_is_contiguous_or_announced(steps in proptest::collection::vec(step(), 1..150)) {
        let mut outbox = Outbox::new(OutboxLimits {
            answers: 4,
            answer_bytes: 1500,
            events: 5,
            event_bytes: 2000,
            console_bytes_per_server: 2500,
            console_bytes: 4000,
            metrics: 16,
            console_replay_lines: 12,
        });
        let mut reader = Reader::default();
        let mut next_seq: BTreeMap<u8, u64> = BTreeMap::new();
        for (place, step) in steps.into_iter().enumerate() {
            let name = |server: u8| id(&format!("s{server}"));
            let push = |outbox: &mut Outbox<Payload>, class: OutClass, bytes: usize| {
                outbox.push(class.clone(), bytes, (place, class));
            };
            match step {
                Step::Urgent => push(&mut outbox, OutClass::Urgent, 0),
                Step::Answer(bytes) => push(&mut outbox, OutClass::Answer, bytes),
                Step::Event(server, bytes) => push(&mut outbox, OutClass::Event(Some(name(server))), bytes),
                Step::Metrics(server) => push(&mut outbox, OutClass::Metrics(Some(name(server))), 0),
                Step::Output { server, skip, lines, bytes } => {
                    let next = next_seq.entry(server).or_insert(1);
                    let first_seq = *next + skip;
                    *next = first_seq + lines;
                    let span = ConsoleSpan { server: name(server), first_seq, last_seq: first_seq + lines - 1 };
                    reader.due.entry(name(server)).or_insert(first_seq);
                    push(&mut outbox, OutClass::Console(span), bytes);
                }
                Step::Pop(count) => {
                    for item in (0..count).map_while(|_| outbox.pop()).collect::<Vec<_>>() {
                        reader.read(&item)?;
                    }
                }
                Step::PopUnwritten => match outbox.pop() {
                    Some(OutItem::Item((_, OutClass::Console(span)))) | Some(OutItem::Gap(span)) => {
                        outbox.mark_unwritten(&span);
                    }
                    Some(item) => reader.read(&item)?,
                    None => {}
                },
                Step::Down => outbox.link_down(),
                Step::Up => outbox.link_up(),
                Step::Forget(server) => outbox.forget_server(&name(server)),
            }
            // A server that has left is another one when it comes again.
            reader.due.retain(|server, _| outbox.consoles.contains_key(server));
            check_bounds(&outbox)?;
        }
        outbox.link_up();
        while let Some(item) = outbox.pop() {
            reader.read(&item)?;
            check_bounds(&outbox)?;
        }
        prop_assert!(outbox.is_empty());
        prop_assert_eq!(outbox.dropped().console_out_of_order, 0);
        for (server, lane) in &outbox.consoles {
            prop_assert_eq!(reader.due.get(server).copied(), lane.due_seq(), "the panel knows what it has not got");
        }
    }
}
