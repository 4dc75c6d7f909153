use super::*;

fn frame(stream: u8, payload: &str) -> Vec<u8> {
    let mut bytes = vec![stream, 0, 0, 0];
    bytes.extend((payload.len() as u32).to_be_bytes());
    bytes.extend(payload.as_bytes());
    bytes
}

fn read(terminal: bool, since: Option<&str>, wire: &[u8]) -> Vec<(ConsoleStream, String, String)> {
    let mut lines = Lines::new(terminal, since.map(|text| Moment::parse(text).unwrap()));
    let mut demultiplexer = Demultiplexer::new(terminal, &[]);
    // One byte at a time: the worst a connection can do.
    for byte in wire {
        lines.take(&mut demultiplexer, &[*byte]).unwrap();
    }
    lines.finish();
    std::iter::from_fn(|| lines.pop())
        .map(|line| (line.stream, line.timestamp, String::from_utf8_lossy(&line.bytes).into_owned()))
        .collect()
}

#[test]
fn lines_keep_their_stream_timestamp_and_text() {
    let mut wire = frame(1, "2026-01-01T00:00:00.000000001Z hello  world \n");
    wire.extend(frame(2, "2026-01-01T00:00:00.5Z \n"));
    assert_eq!(
        read(false, None, &wire),
        [
            (ConsoleStream::Stdout, "2026-01-01T00:00:00.000000001Z".to_owned(), "hello  world ".to_owned()),
            (ConsoleStream::Stderr, "2026-01-01T00:00:00.5Z".to_owned(), String::new()),
        ]
    );
}

#[test]
fn a_long_line_in_several_records_is_one_line_even_when_the_other_stream_comes_between() {
    let mut wire = frame(1, "2026-01-01T00:00:01Z first half, ");
    wire.extend(frame(2, "2026-01-01T00:00:01Z other\n"));
    wire.extend(frame(1, "2026-01-01T00:00:02Z second half\n"));
    let texts: Vec<String> = read(false, None, &wire).into_iter().map(|line| line.2).collect();
    assert_eq!(texts, ["other", "first half, second half"]);
}

#[test]
fn since_is_inclusive_to_the_nanosecond() {
    let mut wire = frame(1, "2026-01-01T00:00:00.000000001Z before\n");
    wire.extend(frame(1, "2026-01-01T00:00:00.000000002Z at\n"));
    wire.extend(frame(1, "2026-01-01T00:00:00.1Z after\n"));
    let texts: Vec<String> =
        read(false, Some("2026-01-01T00:00:00.000000002Z"), &wire).into_iter().map(|line| line.2).collect();
    assert_eq!(texts, ["at", "after"]);
}

#[test]
fn a_terminal_has_lines_without_frames_and_without_carriage_returns() {
    let wire = b"2026-01-01T00:00:01Z one\r\n2026-01-01T00:00:02Z > ";
    let texts: Vec<String> = read(true, None, wire).into_iter().map(|line| line.2).collect();
    assert_eq!(texts, ["one", "> "]);
}

#[test]
fn an_endless_line_is_cut_at_the_bound() {
    let part = "x".repeat(16 * 1024);
    let mut wire = Vec::new();
    for _ in 0..65 {
        wire.extend(frame(1, &format!("2026-01-01T00:00:01Z {part}")));
    }
    let mut lines = Lines::new(false, None);
    lines.take(&mut Demultiplexer::new(false, &[]), &wire).unwrap();
    assert_eq!(lines.pop().unwrap().bytes.len(), LONGEST_LINE);
}

#[test]
fn moments_are_written_for_the_engine_in_seconds_and_nanoseconds() {
    assert_eq!(Moment::parse("1970-01-01T00:00:02.000000005Z").unwrap().for_query(), "2.000000005");
    assert!(Moment::parse("yesterday").is_err());
}
