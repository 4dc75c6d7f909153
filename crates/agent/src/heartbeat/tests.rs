//! The beat on a paused clock, against a sink that writes down what it is given.

use std::{cell::RefCell, rc::Rc};

use actix::{Addr, Handler};
use tokio::time::Instant;

use super::*;

type Beats = Rc<RefCell<Vec<(Duration, SendFrame)>>>;

struct Sink {
    started: Instant,
    beats: Beats,
}

impl Actor for Sink {
    type Context = Context<Self>;
}

impl Handler<SendFrame> for Sink {
    type Result = Result<(), SendFailed>;

    fn handle(&mut self, frame: SendFrame, _: &mut Context<Self>) -> Self::Result {
        self.beats.borrow_mut().push((self.started.elapsed(), frame));
        Ok(())
    }
}

fn start() -> (Addr<HeartbeatActor>, Addr<Sink>, Beats) {
    let config = HeartbeatConfig::new(NodeId::parse("node-1").unwrap(), std::env::temp_dir());
    let beats = Beats::default();
    let sink = Sink { started: Instant::now(), beats: Rc::clone(&beats) }.start();
    (HeartbeatActor::new(config).start(), sink, beats)
}

fn up(generation: u64, sink: &Addr<Sink>) -> LinkUp {
    LinkUp { generation, sink: sink.clone().recipient(), max_message: None }
}

fn seconds(beats: &Beats) -> Vec<u64> {
    beats.borrow().iter().map(|(at, _)| at.as_secs()).collect()
}

/// P-13.
#[actix::test]
async fn beats_come_at_once_after_1_s_after_5_s_and_then_each_interval() {
    tokio::time::pause();
    let (heartbeat, sink, beats) = start();
    heartbeat.send(up(1, &sink)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(46_000)).await;
    assert_eq!(seconds(&beats), [0, 1, 5, 15, 30, 45]);
    for (_, frame) in beats.borrow().iter() {
        assert!(frame.urgent);
        assert_eq!(frame.generation, 1);
    }
}

/// P-36.
#[actix::test]
async fn a_beat_looks_like_the_fixture() {
    let (heartbeat, sink, beats) = start();
    heartbeat.send(up(1, &sink)).await.unwrap();
    sink.send(SendFrame { generation: 0, text: String::new(), urgent: false }).await.unwrap().unwrap();
    let mut sent: serde_json::Value = serde_json::from_str(&beats.borrow()[0].1.text).unwrap();
    let fixture = include_str!("../../../../tests/fixtures/ws/to-panel/heartbeat.json");
    let mut expected: serde_json::Value = serde_json::from_str(fixture).unwrap();
    assert_eq!(sent["timestamp"], sent["data"]["timestamp"]);
    for frame in [&mut sent, &mut expected] {
        for timestamp in
            [frame.pointer_mut("/timestamp").unwrap().take(), frame.pointer_mut("/data/timestamp").unwrap().take()]
        {
            assert!(timestamp.as_str().unwrap().ends_with('Z'));
        }
    }
    assert_eq!(sent, expected);
}

#[actix::test]
async fn a_lost_link_ends_its_beats_and_a_new_one_starts_its_own() {
    tokio::time::pause();
    let (heartbeat, sink, beats) = start();
    heartbeat.send(up(1, &sink)).await.unwrap();
    let down = |generation| LinkDown { generation, why: crate::panel::connection::LinkEnd::Silent };
    heartbeat.send(down(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(seconds(&beats), [0]);

    heartbeat.send(up(2, &sink)).await.unwrap();
    heartbeat.send(down(1)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(seconds(&beats), [0, 60, 61, 65, 75], "a late end of the old link stops nothing");

    heartbeat.send(up(3, &sink)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(seconds(&beats), [0, 60, 61, 65, 75, 80, 81], "the timers of the link before are gone");
}

#[actix::test]
async fn the_snapshot_is_read_by_itself() {
    let config = HeartbeatConfig::new(NodeId::parse("node-1").unwrap(), std::env::temp_dir());
    let actor = HeartbeatActor::new(config);
    let mut node = actor.watch_node();
    assert_eq!(*node.borrow(), NodeSnapshot::default());
    let _heartbeat = actor.start();
    let snapshot = node.wait_for(|node| node.taken_at_unix_ms > 0).await.unwrap().clone();
    assert!(snapshot.memory_total > 0);
}
