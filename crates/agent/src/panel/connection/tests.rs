//! The link against small panels on real sockets. Delays are shrunk by configuration; every wait is for a condition.

mod closing;
mod dialling;
mod fake_panel;
mod frames;
mod trust;

use std::time::Duration;

use actix::{Actor, Addr, Context, Handler, ResponseFuture};
use cap_domain::ids::NodeId;
use tokio::sync::{mpsc, watch};

use super::*;
use crate::secret::Secret;
use fake_panel::FakePanel;

/// Nothing in these tests takes this long; it only turns a hang into a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// The agent secret of the fixtures' set-up.
const SECRET: &str = "test-agent-secret";

fn quick_timings() -> LinkTimings {
    LinkTimings { retry_scale: 0.001, mock_panel_verdict: Duration::from_millis(50), ..LinkTimings::default() }
}

fn config_for(url: impl Into<String>) -> LinkConfig {
    let mut config = LinkConfig::new(url, NodeId::parse("node-1").unwrap(), Secret::new(SECRET));
    config.timings = quick_timings();
    config
}

/// What the link told its listeners, in order.
#[derive(Debug)]
enum Told {
    Up(LinkUp),
    Down(LinkDown),
    Inbound(Inbound),
}

/// A listener that writes down what it is told.
struct Listener(mpsc::UnboundedSender<Told>);

impl Actor for Listener {
    type Context = Context<Self>;
}

macro_rules! listen {
    ($message:ty, $told:path) => {
        impl Handler<$message> for Listener {
            type Result = ();
            fn handle(&mut self, message: $message, _: &mut Context<Self>) {
                self.0.send($told(message)).ok();
            }
        }
    };
}
listen!(LinkUp, Told::Up);
listen!(LinkDown, Told::Down);
listen!(Inbound, Told::Inbound);

/// A running link and what it tells.
struct Running {
    link: Addr<PanelConnection>,
    told: mpsc::UnboundedReceiver<Told>,
    status: watch::Receiver<LinkStatus>,
}

impl Running {
    fn start(config: LinkConfig) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let listener = Listener(tell).start();
        let listeners = LinkListeners {
            up: vec![listener.clone().recipient()],
            down: vec![listener.clone().recipient()],
            inbound: listener.recipient(),
        };
        let connection = PanelConnection::new(config, listeners).unwrap();
        let status = connection.watch_status();
        Self { link: connection.start(), told, status }
    }

    fn against(panel: &FakePanel) -> Self {
        Self::start(config_for(panel.url()))
    }

    async fn next(&mut self) -> Told {
        within(self.told.recv()).await.expect("the link lives")
    }

    #[track_caller]
    fn up(&mut self) -> impl Future<Output = LinkUp> {
        let next = self.next();
        async move {
            match next.await {
                Told::Up(up) => up,
                other => panic!("expected LinkUp, got {other:?}"),
            }
        }
    }

    #[track_caller]
    fn down(&mut self) -> impl Future<Output = LinkEnd> {
        let next = self.next();
        async move {
            match next.await {
                Told::Down(down) => down.why,
                other => panic!("expected LinkDown, got {other:?}"),
            }
        }
    }

    #[track_caller]
    fn inbound(&mut self) -> impl Future<Output = String> {
        let next = self.next();
        async move {
            match next.await {
                Told::Inbound(inbound) => inbound.text,
                other => panic!("expected Inbound, got {other:?}"),
            }
        }
    }

    async fn status_that(&mut self, fits: impl FnMut(&LinkStatus) -> bool) -> LinkStatus {
        within(self.status.wait_for(fits)).await.unwrap().clone()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this should have happened by now")
}

fn frame(up: &LinkUp, text: &str) -> SendFrame {
    SendFrame { generation: up.generation, text: text.to_owned(), urgent: false }
}

fn urgent(up: &LinkUp, text: &str) -> SendFrame {
    SendFrame { urgent: true, ..frame(up, text) }
}
