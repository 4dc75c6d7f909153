use proptest::prelude::*;

use super::*;

fn split(max: usize, chunks: &[&[u8]]) -> Vec<Line> {
    let mut splitter = LineSplitter::new(max);
    let mut lines = Vec::new();
    for chunk in chunks {
        splitter.push(chunk, |line| lines.push(line));
        assert!(splitter.held_bytes() <= splitter.max_line_bytes + MAX_CHARACTER_BYTES);
    }
    splitter.flush(|line| lines.push(line));
    assert_eq!(splitter.held_bytes(), 0);
    lines
}

fn whole(text: &str) -> Line {
    Line { text: text.into(), lossy: false, partial: false }
}

fn lossy(text: &str) -> Line {
    Line { lossy: true, ..whole(text) }
}

fn part(text: &str) -> Line {
    Line { partial: true, ..whole(text) }
}

/// What the rules say, said in the simplest way: all bytes at once.
fn reference(max: usize, bytes: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut raw_lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    let last = raw_lines.pop().unwrap();
    let ended = raw_lines.len();
    raw_lines.push(last);
    for (index, raw) in raw_lines.into_iter().enumerate() {
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        if index == ended && raw.is_empty() {
            continue;
        }
        let mut line = whole("");
        for chunk in raw.utf8_chunks() {
            let replacement = (!chunk.invalid().is_empty()).then_some(('\u{fffd}', true));
            for (character, replaced) in chunk.valid().chars().map(|c| (c, false)).chain(replacement) {
                if line.text.len() + character.len_utf8() > max {
                    lines.push(Line { partial: true, ..std::mem::replace(&mut line, whole("")) });
                }
                line.text.push(character);
                line.lossy |= replaced;
            }
        }
        lines.push(line);
    }
    lines
}

/// P-67.
#[test]
fn lines_are_split_as_the_contract_says() {
    let cases: &[(&[&[u8]], Vec<Line>)] = &[
        (&[b""], vec![]),
        (&[b"one\ntwo\n"], vec![whole("one"), whole("two")]),
        (&[b"no final newline"], vec![whole("no final newline")]),
        (&[b"\n\nx\n"], vec![whole(""), whole(""), whole("x")]),
        (&[b"crlf\r\nx"], vec![whole("crlf"), whole("x")]),
        (&[b"crlf\r", b"\nx\r"], vec![whole("crlf"), whole("x")]),
        (&[b"two\r\r\n"], vec![whole("two\r")]),
        (&[b"\r\n\r"], vec![whole("")]),
        (&[b"10%\r", b"20%\r", b"done\n"], vec![whole("10%\r20%\rdone")]),
        (&[b"a\0b\n"], vec![whole("a\0b")]),
        (&[b"\x1b[32mgreen\x1b[0m\r\n"], vec![whole("\u{1b}[32mgreen\u{1b}[0m")]),
        (&[b"gr\xc3", b"\xbc\xc3\x9fe \xf0\x9f", b"\x90", b"\xa7\n"], vec![whole("grüße 🐧")]),
        (&[b"\xef\xbf\xbd sent as such\n"], vec![whole("\u{fffd} sent as such")]),
        (&[b"bad \xff\xfe!\nfine\n"], vec![lossy("bad \u{fffd}\u{fffd}!"), whole("fine")]),
        (&[b"cut off \xe2\x82\nx\n"], vec![lossy("cut off \u{fffd}"), whole("x")]),
        (&[b"cut off \xe2\x82"], vec![lossy("cut off \u{fffd}")]),
        (&[b"\xe2", b"\x82", b"A\n"], vec![lossy("\u{fffd}A")]),
        (&[b"\xe2", b"\xe2\x82\xac\n"], vec![lossy("\u{fffd}€")]),
        (&[b"\xf0\x9f", b"\xff\r", b"\n"], vec![lossy("\u{fffd}\u{fffd}")]),
        (&[b"lone surrogate \xed\xa0\x80\n"], vec![lossy("lone surrogate \u{fffd}\u{fffd}\u{fffd}")]),
    ];
    for (chunks, expected) in cases {
        assert_eq!(&split(1024, chunks), expected, "{chunks:?}");
        assert_eq!(&reference(1024, &chunks.concat()), expected, "the reference, {chunks:?}");
    }
}

/// P-67: each part but the last is partial.
#[test]
fn long_lines_come_in_parts_cut_between_characters() {
    assert_eq!(split(4, &[b"12345678\n"]), [part("1234"), whole("5678")]);
    assert_eq!(split(4, &[b"1234\r\n5"]), [whole("1234"), whole("5")], "a removed carriage return takes no room");
    assert_eq!(split(4, &[b"1234\r5\n"]), [part("1234"), whole("\r5")]);
    assert_eq!(split(5, &["12€€\n".as_bytes()]), [part("12€"), whole("€")]);
    assert_eq!(split(4, &["1€€\n".as_bytes()]), [part("1€"), whole("€")]);
    assert_eq!(split(4, &["12€".as_bytes()]), [part("12"), whole("€")]);
    assert_eq!(split(0, &["🐧🐧".as_bytes()]), [part("🐧"), whole("🐧")], "any character fits");
    let lossy_part = Line { partial: true, ..lossy("1\u{fffd}") };
    assert_eq!(split(4, &[b"1\xff2"]), [lossy_part, whole("2")]);
    assert_eq!(split(4, &[b"12\xff"]), [part("12"), lossy("\u{fffd}")], "a part is lossy only if it is");
}

#[test]
fn a_mebibyte_without_a_newline_does_no_harm() {
    let bytes = vec![b'x'; 1 << 20];
    let lines = split(DEFAULT_MAX_LINE_BYTES, &bytes.chunks(1000).collect::<Vec<_>>());
    assert_eq!(lines.len(), 16);
    assert!(lines.iter().all(|line| line.text.len() == DEFAULT_MAX_LINE_BYTES));
    assert_eq!(lines.iter().filter(|line| line.partial).count(), 15);
}

#[test]
fn binary_output_stays_within_the_bound() {
    let bytes: Vec<u8> = (0..200_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let lines = split(100, &bytes.chunks(77).collect::<Vec<_>>());
    assert_eq!(lines, reference(100, &bytes));
    assert!(lines.iter().all(|line| line.text.len() <= 100));
}

fn console_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => "[a-z \\r\\n]{0,8}".prop_map(String::into_bytes),
        2 => "[üß€🐧\u{fffd}]{0,4}".prop_map(String::into_bytes),
        2 => proptest::collection::vec(any::<u8>(), 0..6),
        1 => proptest::sample::select(vec![b"\r\n".to_vec(), b"\xe2\x82".to_vec(), b"\xf0\x9f\x90".to_vec(), b"\xff".to_vec()]),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_chunking_of_any_bytes_gives_the_same_lines(
        bytes in console_bytes(),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
        max in 4usize..40,
    ) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&bytes[from..cut]);
            from = cut;
        }
        chunks.push(&bytes[from..]);
        prop_assert_eq!(split(max, &chunks), reference(max, &bytes));
    }

    #[test]
    fn joined_parts_are_the_lossy_decoding(bytes in console_bytes(), max in 4usize..40) {
        let mut joined = String::new();
        for line in split(max, &bytes.chunks(3).collect::<Vec<_>>()) {
            prop_assert!(line.text.len() <= max);
            joined.push_str(&line.text);
            if !line.partial {
                joined.push('\n');
            }
        }
        let decoded: String = String::from_utf8_lossy(&bytes)
            .split_terminator('\n')
            .map(|line| format!("{}\n", line.strip_suffix('\r').unwrap_or(line)))
            .collect();
        // A last line that is nothing but a carriage return is no line.
        let decoded = if bytes.ends_with(b"\n\r") || bytes == b"\r" { &decoded[..decoded.len() - 1] } else { &decoded[..] };
        prop_assert_eq!(joined, decoded);
    }
}
