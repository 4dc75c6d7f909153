use serde_json::json;

use super::*;
use crate::testing::fixture_bytes;

#[test]
fn what_is_not_json_is_refused() {
    // P-81, P-212, P-215: the files of hostile/.
    for name in ["truncated", "not-json", "empty", "trailing-bytes", "nan", "number-overflow"] {
        let bytes = fixture_bytes(&format!("hostile/{name}.txt"));
        assert_eq!(parse(&bytes), Err(JsonError::NotJson), "{name}");
    }
}

#[test]
fn bad_utf8_is_told_from_bad_json() {
    let digits = String::from_utf8(fixture_bytes("hostile/invalid-utf8.hex.txt")).unwrap();
    let bytes: Vec<u8> = digits.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
    assert_eq!(parse(&bytes), Err(JsonError::NotUtf8));
}

#[test]
fn depth_is_counted_wherever_it_occurs() {
    // P-215.
    assert_eq!(parse(&fixture_bytes("hostile/deep-nesting.txt")), Err(JsonError::TooDeep));
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    assert_eq!(parse(nested(MAX_DEPTH + 1).as_bytes()), Err(JsonError::TooDeep));
    let last_of_many = format!("[1,{{\"a\":[]}},{}]", nested(MAX_DEPTH));
    assert_eq!(parse(last_of_many.as_bytes()), Err(JsonError::TooDeep));
    let side_by_side = format!("[{}]", vec!["[[]]"; 100].join(","));
    assert!(parse(side_by_side.as_bytes()).is_ok(), "width is not depth");
}

#[test]
fn brackets_inside_texts_are_not_nesting() {
    let text = format!("[\"{}\\\"[[\"]", "[{".repeat(100));
    assert!(parse(text.as_bytes()).is_ok());
    let after_backslash = format!("[\"\\\\\",{}{}]", "[".repeat(40), "]".repeat(40));
    assert_eq!(parse(after_backslash.as_bytes()), Err(JsonError::TooDeep), "the text ends after the backslash");
}

#[test]
fn a_million_levels_do_not_overflow_the_stack() {
    let levels = 1_000_000;
    let closed = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(parse(closed.as_bytes()), Err(JsonError::TooDeep));
    assert_eq!(parse("[".repeat(levels).as_bytes()), Err(JsonError::NotJson), "never closed");
    assert_eq!(parse("{\"a\":".repeat(levels).as_bytes()), Err(JsonError::NotJson), "never closed");
}

#[test]
fn the_number_of_values_is_bounded() {
    let list = |values: usize| format!("[{}]", vec!["0"; values].join(","));
    assert!(parse(list(MAX_VALUES - 2).as_bytes()).is_ok());
    assert_eq!(parse(list(MAX_VALUES + 1).as_bytes()), Err(JsonError::TooManyValues));
    let commas_in_a_text = format!("\"{}\"", ",".repeat(2 * MAX_VALUES));
    assert!(parse(commas_in_a_text.as_bytes()).is_ok());
}

#[test]
fn lone_surrogates_become_the_replacement_character() {
    // P-83.
    let file = parse(&fixture_bytes("hostile/lone-surrogate.json")).unwrap();
    assert_eq!(file["payload"]["content"], "a\u{FFFD}b");
    let cases = [
        (r#""\uD83D\uDE00""#, "\u{1F600}"),
        (r#""\ud83d""#, "\u{FFFD}"),
        (r#""\ude00""#, "\u{FFFD}"),
        (r#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (r#""\ud83d\ud83d\ude00""#, "\u{FFFD}\u{1F600}"),
        (r#""\ud83dx\ude00""#, "\u{FFFD}x\u{FFFD}"),
        (r#""\ud83d\n""#, "\u{FFFD}\n"),
        (r#""\\ud83d""#, "\\ud83d"),
        (r#""\\\ud83d""#, "\\\u{FFFD}"),
        ("\"\\ud83d\u{e9}\"", "\u{FFFD}\u{e9}"),
    ];
    for (text, expected) in cases {
        assert_eq!(parse(text.as_bytes()), Ok(json!(expected)), "{text}");
    }
    assert_eq!(parse(br#"{"\ud800":1}"#), Ok(json!({ "\u{FFFD}": 1 })), "in a key too");
    for broken in [r#""\ud8"#, r#""\ud8zz""#, r#""\ud800"#, r#"\ud800"#] {
        assert_eq!(parse(broken.as_bytes()), Err(JsonError::NotJson), "{broken}");
    }
}

#[test]
fn of_duplicate_keys_the_last_counts() {
    // P-214.
    let command = parse(&fixture_bytes("hostile/duplicate-keys.json")).unwrap();
    assert_eq!(command["action"], "get_server_status");
    assert_eq!(command["serverId"], "4b25f2173d6b78e70f57373618a68540");
    assert_eq!(command["payload"], json!({ "x": 1 }));
}

#[test]
fn numbers_are_refused_only_if_no_double_holds_them() {
    // P-215.
    assert!(parse(b"1e308").is_ok());
    assert!(parse(b"18446744073709551616").is_ok());
    assert_eq!(parse(b"1e-400"), Ok(json!(0.0)));
    assert_eq!(parse(b"-1e309"), Err(JsonError::NotJson));
    assert_eq!(parse("9".repeat(400).as_bytes()), Err(JsonError::NotJson));
}

#[test]
fn keys_stay_in_the_order_they_came() {
    let object = parse(br#"{"z":1,"a":2,"m":3}"#).unwrap();
    let keys: Vec<_> = object.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["z", "a", "m"]);
}
