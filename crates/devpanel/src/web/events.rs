//! `GET /api/events`: the view as it changes, as server-sent events.
//!
//! The first message is a whole snapshot; each later one is a list of events in order. A browser that cannot keep up gets
//! a new snapshot in place of what it missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{sleep, timeout};

use crate::feed::FeedEvent;
use crate::hub::Hub;

/// Open feeds at a time; more are refused. Each costs a connection and a copy of the feed.
const MAX_STREAMS: usize = 64;
/// Events are gathered for this long, so that a flood of lines becomes a few messages.
const GATHER: Duration = Duration::from_millis(50);
/// Most bytes of one message; the rest goes into the next.
const MAX_MESSAGE_BYTES: usize = 512 * 1024;
/// A comment is sent when nothing happens for so long: it keeps the connection, and finds a browser that has gone.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Counts the open feeds.
#[derive(Debug, Clone, Default)]
pub(crate) struct EventStreams(Arc<AtomicUsize>);

/// One open feed; its place is free again when it is dropped.
#[derive(Debug)]
struct Place(EventStreams);

impl EventStreams {
    fn take(&self) -> Option<Place> {
        let before = self.0.fetch_add(1, Ordering::SeqCst);
        // Made in any case: dropping it gives back what was just taken.
        let place = Place(self.clone());
        (before < MAX_STREAMS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn stream(hub: web::Data<Hub>, streams: web::Data<EventStreams>) -> HttpResponse {
    let Some(place) = streams.take() else {
        return HttpResponse::ServiceUnavailable().json(json!({"error": "too many pages are open"}));
    };
    let (snapshot, events) = hub.subscribe();
    let feed = Feed { hub: hub.into_inner(), events, first: Some(snapshot), _place: place };
    let messages = stream::unfold(feed, |mut feed| async move {
        let message = feed.next().await?;
        Some((Ok::<Bytes, actix_web::Error>(Bytes::from(message)), feed))
    });
    HttpResponse::Ok().content_type("text/event-stream").streaming(messages)
}

struct Feed {
    hub: Arc<Hub>,
    events: Receiver<Arc<FeedEvent>>,
    first: Option<String>,
    _place: Place,
}

impl Feed {
    /// The next message, `None` when the panel ends.
    async fn next(&mut self) -> Option<String> {
        if let Some(snapshot) = self.first.take() {
            return Some(message(&[snapshot]));
        }
        let first = match timeout(KEEP_ALIVE, self.events.recv()).await {
            Err(_) => return Some(": nothing new\n\n".to_owned()),
            Ok(Ok(event)) => event,
            Ok(Err(RecvError::Lagged(_))) => return Some(self.start_again()),
            Ok(Err(RecvError::Closed)) => return None,
        };
        sleep(GATHER).await;
        let mut gathered = vec![first.0.clone()];
        let mut bytes = first.0.len();
        while bytes < MAX_MESSAGE_BYTES {
            match self.events.try_recv() {
                Ok(event) => {
                    bytes += event.0.len();
                    gathered.push(event.0.clone());
                }
                Err(TryRecvError::Lagged(_)) => return Some(self.start_again()),
                // Closed shows again at the next call.
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Some(message(&gathered))
    }

    fn start_again(&mut self) -> String {
        let (snapshot, events) = self.hub.subscribe();
        self.events = events;
        message(&[snapshot])
    }
}

/// JSON text has no raw line breaks, so a list of events fits one `data` line.
fn message(events: &[String]) -> String {
    format!("data: [{}]\n\n", events.join(","))
}
