//! Escapes for bytes that cannot be typed.

/// The bytes that a text with escapes means; none if an escape is wrong.
pub(crate) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'0' => 0,
            b'e' => 0x1b,
            b'\\' => b'\\',
            b'x' => hex_digit(rest.next()?)? * 16 + hex_digit(rest.next()?)?,
            _ => return None,
        });
    }
    Some(bytes)
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_mean_exactly_their_bytes() {
        assert_eq!(unescape(r"a\x00\xfF\n\r\t\\\e[0m").as_deref(), Some(&b"a\0\xff\n\r\t\\\x1b[0m"[..]));
        assert_eq!(unescape("ä").as_deref(), Some("ä".as_bytes()));
    }

    #[test]
    fn a_wrong_escape_is_refused_and_not_guessed() {
        for wrong in [r"\", r"\x", r"\x1", r"\xg0", r"\x+1", r"\q"] {
            assert_eq!(unescape(wrong), None, "{wrong}");
        }
    }
}
