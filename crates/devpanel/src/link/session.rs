//! One connection's life: writes what is queued, takes what comes, answers pings, never sends any.

use std::sync::Arc;
use std::time::Duration;

use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseReason, ProtocolError, Session};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use super::opening;
use crate::config::Misbehave;
use crate::hub::{Hub, LinkEnds, Outgoing};
use crate::record::ConnectionEnd;

/// How long the agent may take to answer a close frame before the socket is dropped.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Runs a connection until it ends, and says so to the hub.
pub(super) async fn run(
    hub: Arc<Hub>,
    node_id: String,
    ends: LinkEnds,
    session: Session,
    messages: AggregatedMessageStream,
    misbehave: Option<Misbehave>,
) {
    let LinkEnds { connection, mut outgoing, aborted } = ends;
    let talk = async {
        if misbehave == Some(Misbehave::AcceptButSilent) {
            // Both halves stay alive and untouched until the panel drops the connection.
            std::future::pending::<()>().await;
        }
        talk(&hub, connection, &node_id, &mut outgoing, session, messages, misbehave).await
    };
    let end = tokio::select! {
        end = talk => end,
        // The sender is dropped when the panel drops the connection; the socket goes with the session.
        _ = aborted => ConnectionEnd::DroppedByPanel,
    };
    log::info!("connection {connection}: node {node_id} ended: {end:?}");
    hub.closed(connection, end);
}

/// Reads and writes at the same time; ends with whichever ends first.
async fn talk(
    hub: &Hub,
    connection: u64,
    node_id: &str,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    session: Session,
    mut messages: AggregatedMessageStream,
    misbehave: Option<Misbehave>,
) -> ConnectionEnd {
    let pongs = session.clone();
    let writing = write(session, outgoing, misbehave);
    let end = tokio::select! {
        code = writing => code.map_or(ConnectionEnd::Lost, ConnectionEnd::ClosedByPanel),
        end = read(hub, connection, node_id, pongs, &mut messages) => end,
    };
    if let ConnectionEnd::ClosedByPanel(_) = end {
        // What the agent sent before it saw the close still counts.
        let answered = async {
            while let Some(Ok(message)) = messages.recv().await {
                if let AggregatedMessage::Close(_) = message {
                    break;
                }
                take(hub, connection, node_id, message);
            }
        };
        // An agent that does not answer in time is dropped, as it would be had it answered.
        timeout(CLOSE_DEADLINE, answered).await.ok();
    }
    end
}

/// Writes until told to close (gives the code) or until the agent is gone (gives `None`).
async fn write(
    mut session: Session,
    outgoing: &mut mpsc::Receiver<Outgoing>,
    misbehave: Option<Misbehave>,
) -> Option<u16> {
    let close_early = async {
        match misbehave {
            Some(Misbehave::CloseAfter(milliseconds)) => sleep(Duration::from_millis(milliseconds)).await,
            _ => std::future::pending().await,
        }
    };
    let mut close_early = std::pin::pin!(close_early);
    let mut first = opening(misbehave).into_iter();
    loop {
        let message = match first.next() {
            Some(message) => message,
            None => tokio::select! {
                message = outgoing.recv() => message?,
                () = &mut close_early => Outgoing::Close { code: 1001, reason: "misbehaving".to_owned() },
            },
        };
        let written = match message {
            Outgoing::Text(text) => session.text(text).await,
            Outgoing::Binary(bytes) => session.binary(bytes).await,
            Outgoing::Close { code, reason } => {
                let reason = CloseReason { code: code.into(), description: Some(reason) };
                return session.close(Some(reason)).await.ok().map(|()| code);
            }
        };
        written.ok()?;
    }
}

/// Takes messages until the agent closes or is lost.
async fn read(
    hub: &Hub,
    connection: u64,
    node_id: &str,
    mut pongs: Session,
    messages: &mut AggregatedMessageStream,
) -> ConnectionEnd {
    loop {
        match messages.recv().await {
            Some(Ok(AggregatedMessage::Ping(payload))) => {
                hub.ping_received(connection);
                if pongs.pong(&payload).await.is_err() {
                    return ConnectionEnd::Lost;
                }
            }
            Some(Ok(AggregatedMessage::Close(reason))) => {
                let code = reason.as_ref().map(|reason| u16::from(reason.code));
                // Echoed, as the protocol wants; an agent that has gone already needs no echo.
                pongs.close(reason).await.ok();
                return ConnectionEnd::ClosedByAgent(code);
            }
            Some(Ok(message)) => take(hub, connection, node_id, message),
            Some(Err(error)) => {
                log::info!("connection {connection}: {error}");
                pongs.close(Some(close_code(&error).into())).await.ok();
                return ConnectionEnd::Lost;
            }
            None => return ConnectionEnd::Lost,
        }
    }
}

fn take(hub: &Hub, connection: u64, node_id: &str, message: AggregatedMessage) {
    match message {
        AggregatedMessage::Text(text) => hub.receive(connection, node_id, false, text.to_string()),
        AggregatedMessage::Binary(bytes) => {
            hub.receive(connection, node_id, true, String::from_utf8_lossy(&bytes).into_owned());
        }
        AggregatedMessage::Ping(_) | AggregatedMessage::Pong(_) | AggregatedMessage::Close(_) => {}
    }
}

fn close_code(error: &ProtocolError) -> actix_ws::CloseCode {
    match error {
        ProtocolError::Overflow => actix_ws::CloseCode::Size,
        _ => actix_ws::CloseCode::Protocol,
    }
}
