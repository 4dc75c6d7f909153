//! The socket's side of the outbox: takes frames as fast as the test lets it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use actix::{Actor, Addr, Context, Handler, ResponseFuture};
use cap_agent::outbox::Outbox;
use cap_agent::panel::connection::{Generation, LinkDown, LinkEnd, LinkUp, SendFailed, SendFrame};
use cap_testkit::wait_until::wait_until_true;
use serde_json::Value;
use tokio::sync::watch;

use super::SOON;

/// One link.
pub(crate) struct Panel {
    outbox: Addr<Outbox>,
    generation: Generation,
    seen: Arc<Mutex<BTreeMap<u64, Value>>>,
    handed_over: Arc<AtomicU64>,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Takes,
    Stalls,
    Gone,
}

struct Socket {
    /// Frames that were handed over so far: stalled ones are let go in any order, and sorted by this.
    handed_over: Arc<AtomicU64>,
    seen: Arc<Mutex<BTreeMap<u64, Value>>>,
    state: watch::Receiver<State>,
}

impl Panel {
    /// A link comes up.
    pub(crate) fn connect(outbox: &Addr<Outbox>, generation: Generation) -> Self {
        Self::connect_with(outbox, generation, None, State::Takes)
    }

    /// A link comes up to a panel that takes messages of at most so many bytes.
    pub(crate) fn connect_limited(outbox: &Addr<Outbox>, generation: Generation, max_message: usize) -> Self {
        Self::connect_with(outbox, generation, Some(max_message), State::Takes)
    }

    /// A link comes up that takes nothing yet.
    pub(crate) fn connect_stalled(outbox: &Addr<Outbox>, generation: Generation) -> Self {
        Self::connect_with(outbox, generation, None, State::Stalls)
    }

    fn connect_with(outbox: &Addr<Outbox>, generation: Generation, max_message: Option<usize>, state: State) -> Self {
        let seen = Arc::default();
        let handed_over = Arc::<AtomicU64>::default();
        let (state, shown) = watch::channel(state);
        let socket = Socket { handed_over: Arc::clone(&handed_over), seen: Arc::clone(&seen), state: shown }.start();
        outbox.do_send(LinkUp { generation, sink: socket.recipient(), max_message });
        Self { outbox: outbox.clone(), generation, seen, handed_over, state }
    }

    /// Frames are taken from now on, or no longer.
    pub(crate) fn takes(&self, takes: bool) {
        self.state.send_replace(if takes { State::Takes } else { State::Stalls });
    }

    /// The link goes; frames that were not taken are lost.
    pub(crate) fn disconnect(&self) {
        self.outbox.do_send(LinkDown { generation: self.generation, why: LinkEnd::Silent });
        self.state.send_replace(State::Gone);
    }

    /// All frames so far, in order.
    pub(crate) fn frames(&self) -> Vec<Value> {
        self.seen.lock().unwrap().values().cloned().collect()
    }

    /// Waits until so many frames were handed over, taken or not.
    pub(crate) async fn wait_handed_over(&self, count: u64) {
        let handed_over = Arc::clone(&self.handed_over);
        wait_until_true("frames to be handed over", SOON, move || handed_over.load(Ordering::Relaxed) >= count).await;
    }

    /// Forgets what was seen.
    pub(crate) fn clear(&self) {
        self.seen.lock().unwrap().clear();
    }

    /// Waits for a frame that fits.
    pub(crate) async fn wait(&self, what: &str, mut fits: impl FnMut(&Value) -> bool) {
        let seen = Arc::clone(&self.seen);
        wait_until_true(what, SOON, move || seen.lock().unwrap().values().any(&mut fits)).await;
    }

    /// Waits until a frame of output holds this text.
    pub(crate) async fn wait_output(&self, text: &str) {
        let wanted = text.to_owned();
        let what = format!("output {text}");
        self.wait(&what, move |frame| {
            frame["type"] == "server_output"
                && frame["data"]["output"].as_str().is_some_and(|output| output.contains(&wanted))
        })
        .await;
    }
}

impl Actor for Socket {
    type Context = Context<Self>;
}

impl Handler<SendFrame> for Socket {
    type Result = ResponseFuture<Result<(), SendFailed>>;

    fn handle(&mut self, frame: SendFrame, _: &mut Self::Context) -> Self::Result {
        let place = self.handed_over.fetch_add(1, Ordering::Relaxed);
        let (seen, mut state) = (Arc::clone(&self.seen), self.state.clone());
        Box::pin(async move {
            let state = *state.wait_for(|state| *state != State::Stalls).await.map_err(|_| SendFailed::LinkGone)?;
            if state == State::Gone {
                return Err(SendFailed::LinkGone);
            }
            seen.lock().unwrap().insert(place, serde_json::from_str(&frame.text).unwrap());
            Ok(())
        })
    }
}
