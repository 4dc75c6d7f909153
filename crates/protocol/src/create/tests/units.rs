//! The table of units.

use super::*;

#[test]
fn every_amount_is_understood_as_the_table_says() {
    // P-157 to P-162.
    let table = fixture("vectors/units.json");
    for (kind, cases) in table.as_object().unwrap() {
        for case in cases.as_array().unwrap() {
            let limits = |limits: Value| create(json!({"image":"a","limits":limits})).map(|created| created.limits);
            let found = limits(json!({ kind: case["in"] }));
            let flat = create(json!({"image":"a", kind: case["in"]})).map(|created| created.limits);
            assert_eq!(found.as_ref().ok(), flat.as_ref().ok(), "flat {kind} {case}");
            let expected = &case["out"];
            let Ok(found) = found else {
                let invalid = found.unwrap_err();
                assert_eq!(json!(invalid.code), *expected, "{kind} {case}");
                assert_eq!(invalid.field, format!("limits.{kind}"), "{kind} {case}");
                continue;
            };
            let found = match kind.as_str() {
                "memory" => json!(found.memory_bytes),
                "disk" => json!(found.disk_bytes),
                "io" => json!(found.io_weight),
                "cpu" => {
                    let percent = found.cpu_millis.map(|millis| millis as f64 / 10.0);
                    assert_eq!(percent, expected.as_f64(), "{kind} {case}");
                    continue;
                }
                "swap" => match found.swap {
                    SwapLimit::None => json!(0),
                    SwapLimit::Unlimited => json!(-1),
                    SwapLimit::Bytes(bytes) => json!(bytes),
                },
                other => panic!("new kind {other}"),
            };
            assert_eq!(found, *expected, "{kind} {case}");
        }
    }
}

#[test]
fn a_trace_of_something_is_not_unlimited() {
    let limits = |limits: Value| create(json!({"image":"a","limits":limits})).map(|created| created.limits);
    assert_eq!(limits(json!({"disk":"0.1b"})).unwrap().disk_bytes, Some(1));
    assert_eq!(limits(json!({"cpu":0.001})).unwrap().cpu_millis, Some(1));
    assert_eq!(limits(json!({"memory":"0.1b"})).unwrap_err().code, Code::ConfigInvalid);
    assert_eq!(limits(json!({"io":-1})).unwrap().io_weight, None, "P-161: unusable");
}

#[test]
fn cpu_sets_are_checked() {
    // P-161.
    let threads = |set: Value| create(json!({"image":"a","threads":set})).map(|created| created.limits.threads);
    for (set, expected) in
        [(json!("0-3,5"), Some("0-3,5")), (json!("0, 2"), Some("0,2")), (json!(2), Some("2")), (json!(""), None)]
    {
        assert_eq!(threads(set).unwrap().as_deref(), expected);
    }
    for refused in
        [json!("3-0"), json!("a"), json!("0,"), json!("-1"), json!(-1), json!(1.5), json!(true), json!("1+1")]
    {
        assert_eq!(threads(refused.clone()).unwrap_err().code, Code::ConfigInvalid, "{refused}");
    }
}
