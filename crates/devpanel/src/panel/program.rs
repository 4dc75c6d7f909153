//! What runs on the panel's thread: the two servers, the HTTP client, the check of heartbeats.

use std::net::TcpListener;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use tokio::sync::oneshot;

use crate::agent_http::{self, HttpJob};
use crate::hub::Hub;
use crate::{link, web as web_side};

/// What runs on the panel's thread.
pub(super) struct Program {
    pub(super) hub: Arc<Hub>,
    pub(super) agent_listener: TcpListener,
    pub(super) web_listener: Option<TcpListener>,
    pub(super) http_queue: tokio::sync::mpsc::Receiver<HttpJob>,
}

impl Program {
    /// Runs until told to stop; says through `ready` when both servers are up.
    pub(super) async fn run(self, ready: std_mpsc::Sender<()>, stopped: oneshot::Receiver<()>) {
        let hub = Arc::clone(&self.hub);
        let agents = web::Data::from(Arc::clone(&hub));
        let agent_server = HttpServer::new(move || App::new().app_data(agents.clone()).configure(link::configure))
            .workers(1)
            .disable_signals()
            // After the last byte the server goes on reading for this long, so that a close frame is not overtaken by
            // a reset. Short, since a dropped connection must look dropped.
            .client_disconnect_timeout(Duration::from_millis(100))
            .listen(self.agent_listener);
        let browsers = web::Data::from(Arc::clone(&hub));
        let web_server = self.web_listener.map(|listener| {
            let streams = web::Data::new(web_side::EventStreams::default());
            HttpServer::new(move || {
                let app = App::new().app_data(browsers.clone()).app_data(streams.clone());
                app.configure(web_side::configure)
            })
            .workers(1)
            .disable_signals()
            .listen(listener)
        });
        // The listeners are bound already, so neither can fail but for a lack of file descriptors; then `ready` is
        // dropped and the caller told.
        let Ok(agent_server) = agent_server else { return };
        let Ok(web_server) = web_server.transpose() else { return };
        let agent_server = agent_server.run();
        let agent_handle = agent_server.handle();
        actix_rt::spawn(agent_server);
        let web_handle = web_server.map(|server| {
            let server = server.run();
            let handle = server.handle();
            actix_rt::spawn(server);
            handle
        });
        actix_rt::spawn(agent_http::serve(Arc::clone(&hub), self.http_queue));
        actix_rt::spawn(check_heartbeats(hub));
        // The caller waits for this, unless it has given up.
        ready.send(()).ok();
        // Told to stop, or the handle is gone: the same.
        stopped.await.ok();
        agent_handle.stop(false).await;
        if let Some(handle) = web_handle {
            handle.stop(false).await;
        }
    }
}

async fn check_heartbeats(hub: Arc<Hub>) {
    let mut ticks = tokio::time::interval(hub.config.heartbeat.check_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        hub.check_heartbeats();
    }
}
