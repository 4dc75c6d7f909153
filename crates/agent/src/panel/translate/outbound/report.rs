//! Pushes: what the panel learns unasked.

use cap_domain::ids::ServerId;
use cap_domain::phase::{Status, StatusChange};
use cap_engine::port::ConsoleStream;
use cap_protocol::outbound::status_detail::{percentage, whole_mebibytes};
use cap_protocol::outbound::{
    Body, ConsoleGap, EventBody, Frame, GapReason, LogLevel, OperationCompleted, OperationError, ResourceUpdate,
    ServerLog, ServerOutput, ServerStatusChanged, Stream, Usage,
};
use cap_protocol::timestamp::Timestamp;

use super::{answer, server};
use crate::console::StoredLine;
use crate::figures::ServerFigures;
use crate::panel::translate::wire_code;
use crate::report::Report;

/// The most text one frame of output carries (P-68).
const MAX_OUTPUT: usize = 64 * 1024;

/// The frames that tell a report, in their order. Durable ones carry no place yet: the outbox gives it.
pub fn report_frames(report: &Report) -> Vec<Frame> {
    match report {
        Report::StatusChanged { server, change, unix_ms } => changed(server, change, Timestamp::from_unix_ms(*unix_ms)),
        Report::Notice { server, phase, message, unix_ms } => {
            let mut notice = match phase {
                Some(phase) => answer::status(server.as_str(), Status { phase: *phase, last_known: *phase }),
                None => {
                    let stopped = cap_domain::phase::Phase::Stopped;
                    let mut notice = answer::status(server.as_str(), Status { phase: stopped, last_known: stopped });
                    notice.status = "created".to_owned();
                    notice
                }
            };
            notice.message = Some(message.clone());
            vec![Frame::new(Timestamp::from_unix_ms(*unix_ms), Body::ServerStatus(notice))]
        }
        Report::OperationCompleted { operation, command, server, action, outcome, unix_ms } => {
            let error = outcome
                .as_ref()
                .err()
                .map(|failure| OperationError { code: wire_code(failure.code), message: failure.message.clone() });
            let completed = OperationCompleted {
                operation_id: operation.to_string(),
                command_id: server::request_id(command.as_ref()),
                server_id: server.clone(),
                action: (*action).to_owned(),
                success: outcome.is_ok(),
                error,
            };
            vec![Frame::event(Timestamp::from_unix_ms(*unix_ms), EventBody::OperationCompleted(completed))]
        }
        Report::Figures { server, figures } => vec![resource_update(server, figures)],
        Report::StatusKnown { .. } | Report::Forgotten { .. } => Vec::new(),
    }
}

/// Every change is pushed twice, back to back (P-33).
fn changed(server: &ServerId, change: &StatusChange, at: Timestamp) -> Vec<Frame> {
    let mut legacy = answer::status(server.as_str(), change.to);
    legacy.error.clone_from(&change.error);
    let mut event = ServerStatusChanged::new(server.as_str(), change.from.status_word(), change.to.phase.status_word());
    event.reason = change.reason.map(|reason| reason.word().to_owned());
    event.error.clone_from(&change.error);
    event.exit_code = change.exit_code;
    vec![Frame::new(at, Body::ServerStatus(legacy)), Frame::event(at, EventBody::ServerStatusChanged(event))]
}

/// What a server is, with its figures where it has some; for a new link.
pub fn status_frame(server: &ServerId, status: Status, figures: Option<&ServerFigures>, at: Timestamp) -> Frame {
    let mut frame = answer::status(server.as_str(), status);
    frame.stats = figures.map(server::stats);
    Frame::new(at, Body::ServerStatus(frame))
}

fn resource_update(server: &ServerId, figures: &ServerFigures) -> Frame {
    let disk_bytes = figures.disk_bytes.unwrap_or(0);
    let update = ResourceUpdate {
        server_id: server.to_string(),
        cpu: server::rounded(figures.cpu_percent),
        memory: Usage {
            used: whole_mebibytes(figures.memory_bytes),
            percentage: percentage(figures.memory_bytes, figures.memory_limit_bytes),
        },
        disk: Usage {
            used: whole_mebibytes(disk_bytes),
            percentage: percentage(disk_bytes, figures.disk_limit_bytes.unwrap_or(0)),
        },
        memory_bytes: figures.memory_bytes,
        disk_bytes,
    };
    Frame::event(Timestamp::from_unix_ms(figures.unix_ms), EventBody::ResourceUpdate(update))
}

/// Lines of one server as frames: each holds lines of one stream, as many as fit (P-67, P-68), and goes with its twin
/// `server_log` if that is wanted (P-72). Each group comes with its first and last line number.
pub fn console_frames(
    server: &ServerId,
    epoch: &str,
    lines: &[StoredLine],
    with_log: bool,
    now: Timestamp,
) -> Vec<((u64, u64), Vec<Frame>)> {
    let mut groups = Vec::new();
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let mut bytes = first.text.len();
        let mut count = 1;
        if !first.partial {
            for line in &rest[1..] {
                bytes += line.text.len() + 1;
                if line.stream != first.stream || line.partial || bytes > MAX_OUTPUT {
                    break;
                }
                count += 1;
            }
        }
        let (together, others) = rest.split_at(count);
        rest = others;
        let output = output(server, epoch, together);
        let span = (output.seq, output.last_seq);
        let log = with_log.then(|| server_log(&output));
        let mut frames = vec![Frame::new(now, Body::ServerOutput { data: output, replay: false })];
        frames.extend(log.map(|log| Frame::event(now, EventBody::ServerLog(log))));
        groups.push((span, frames));
    }
    groups
}

fn output(server: &ServerId, epoch: &str, lines: &[StoredLine]) -> ServerOutput {
    let texts: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
    let first = &lines[0];
    ServerOutput {
        server_id: server.to_string(),
        output: texts.join("\n"),
        stream: match first.stream {
            ConsoleStream::Stdout => Stream::Stdout,
            ConsoleStream::Stderr => Stream::Stderr,
        },
        timestamp: Timestamp::from_unix_ms(first.unix_ms),
        seq: first.seq,
        last_seq: lines[lines.len() - 1].seq,
        console_epoch: epoch.to_owned(),
        lossy: lines.iter().any(|line| line.lossy),
        partial: first.partial,
    }
}

fn server_log(output: &ServerOutput) -> ServerLog {
    ServerLog {
        server_id: output.server_id.clone(),
        log_level: level(&output.output),
        message: output.output.clone(),
        stream: output.stream,
        seq: output.seq,
        last_seq: output.last_seq,
        console_epoch: output.console_epoch.clone(),
    }
}

/// The highest level named in the text, else INFO (P-72).
fn level(text: &str) -> LogLevel {
    for (word, level) in [("ERROR", LogLevel::Error), ("WARN", LogLevel::Warn), ("INFO", LogLevel::Info)] {
        if text.contains(word) {
            return level;
        }
    }
    if text.contains("DEBUG") { LogLevel::Debug } else { LogLevel::Info }
}

/// A hole in the console (P-70).
pub fn console_gap(server: &ServerId, epoch: &str, (from_seq, to_seq): (u64, u64), at: Timestamp) -> Frame {
    Frame::event(
        at,
        EventBody::ConsoleGap(ConsoleGap {
            server_id: server.to_string(),
            epoch: epoch.to_owned(),
            from_seq,
            to_seq: Some(to_seq),
            reason: GapReason::ConsoleOverflow,
        }),
    )
}
