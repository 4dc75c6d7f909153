use std::net::{IpAddr, Ipv4Addr};

use serde_json::Value;

use super::*;
use crate::ids::ServerId;
use crate::spec::{Origin, PortBinding, PortProtocol, StopMethod};

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn values(environment: &BTreeMap<String, String>) -> TemplateValues<'_> {
    TemplateValues { environment, primary_port: Some(25_565), primary_ip: "0.0.0.0", memory_limit_mib: 1024 }
}

#[track_caller]
fn words(line: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let environment = environment(variables);
    let split = command_line(line, &values(&environment)).unwrap();
    assert_eq!(split.words, expected, "{line}");
}

fn spec(startup: Option<&str>, variables: &[(&str, &str)]) -> ServerSpec {
    ServerSpec {
        id: ServerId::parse("4b25f2173d6b78e70f57373618a68540").unwrap(),
        name: "My srv".into(),
        image: "x".into(),
        startup: startup.map(Into::into),
        environment: environment(variables),
        limits: Limits { memory_bytes: Some(1024 << 20), ..Limits::default() },
        ports: vec![PortBinding {
            ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            internal: 25_565,
            external: 25_570,
            protocol: PortProtocol::Tcp,
            primary: true,
        }],
        stop: StopMethod::Terminate,
        startup_done: Vec::new(),
        tty: false,
        oom_killer: true,
        origin: Origin::Created,
        kept: BTreeMap::new(),
    }
}

/// P-156: vectors/startup-substitution.json.
#[test]
fn variables_are_filled_in_as_the_contract_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors/startup-substitution.json");
    let table: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let environment: BTreeMap<String, String> = serde_json::from_value(table["environment"].clone()).unwrap();
    let values = TemplateValues {
        environment: &environment,
        primary_port: table["primary"]["port"].as_u64().map(|port| u16::try_from(port).unwrap()),
        primary_ip: table["primary"]["ip"].as_str().unwrap(),
        memory_limit_mib: table["memoryLimitMiB"].as_u64().unwrap(),
    };
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let result = substitute(case["in"].as_str().unwrap(), &values, MAX_START_LINE_BYTES).unwrap();
        assert_eq!(result.text, case["out"].as_str().unwrap(), "{case}");
        assert_eq!(result.warnings.len() as u64, case["warnings"].as_u64().unwrap(), "{case}: {:?}", result.warnings);
    }
}

#[test]
fn of_nested_braces_the_innermost_pair_counts() {
    let environment = environment(&[("A", "1")]);
    for (text, expected) in
        [("{{{A}}}", "{1}"), ("{\"p\":{{A}}}", "{\"p\":1}"), ("{{ {{A}} }}", "{{ 1 }}"), ("{{{{A", "{{{{A")]
    {
        assert_eq!(substitute(text, &values(&environment), 100).unwrap().text, expected, "{text}");
    }
}

/// P-155.
#[test]
fn missing_variables_are_made() {
    let plan = plan(&spec(Some("java -Xmx{{SERVER_MEMORY}}M -p {{SERVER_PORT}}"), &[]), "Europe/Berlin").unwrap();
    let expected = environment(&[
        ("P_SERVER_UUID", "4b25f2173d6b78e70f57373618a68540"),
        ("SERVER_IP", "0.0.0.0"),
        ("SERVER_MEMORY", "1024"),
        ("SERVER_PORT", "25565"),
        ("STARTUP", "java -Xmx1024M -p 25565"),
        ("TZ", "Europe/Berlin"),
    ]);
    assert_eq!(plan.environment, expected);
    assert_eq!(plan.command.unwrap(), ["java", "-Xmx1024M", "-p", "25565"]);
}

/// P-155: what was given wins, in the line too.
#[test]
fn given_variables_win() {
    let given = [("SERVER_MEMORY", "512"), ("SERVER_PORT", "1"), ("TZ", "UTC"), ("STARTUP", "mine"), ("SERVER_IP", "")];
    let plan = plan(&spec(Some("x {{SERVER_MEMORY}} {{server.build.memory}}"), &given), "Europe/Berlin").unwrap();
    for (name, value) in given {
        assert_eq!(plan.environment[name], value);
    }
    assert_eq!(plan.command.unwrap(), ["x", "512", "1024"]);
}

#[test]
fn without_a_start_line_the_image_decides() {
    for startup in [None, Some(""), Some(" \t")] {
        let plan = plan(&spec(startup, &[]), "UTC").unwrap();
        assert_eq!(plan.command, None);
        assert!(!plan.environment.contains_key("STARTUP"));
    }
}

/// P-153: the images of the panels' own templates start the game from `STARTUP`, with a shell of their own.
#[test]
fn a_yolk_keeps_its_own_command_and_reads_startup() {
    let line = "java $( [[ -f x ]] && echo '-X' ) -p {{SERVER_PORT}} {{NOPE}}";
    let yolk = ServerSpec { image: "ghcr.io/pterodactyl/yolks:java_17".into(), ..spec(Some(line), &[]) };
    let plan = plan(&yolk, "UTC").unwrap();
    assert_eq!(plan.command, None);
    assert_eq!(plan.environment["STARTUP"], "java $( [[ -f x ]] && echo '-X' ) -p 25565 ");
    assert_eq!(plan.warnings, ["{{NOPE}} is not known and was left empty"], "nothing is said of a missing shell");
}

#[test]
fn unlimited_memory_is_zero_and_no_port_is_no_variable() {
    let mut bare = spec(Some("x {{server.build.default.port}}"), &[]);
    bare.limits.memory_bytes = None;
    bare.ports.clear();
    let plan = plan(&bare, "UTC").unwrap();
    assert_eq!(plan.environment["SERVER_MEMORY"], "0");
    assert!(!plan.environment.contains_key("SERVER_PORT"));
    assert_eq!(plan.command.unwrap(), ["x"]);
    assert_eq!(plan.warnings, ["{{server.build.default.port}} is not known and was left empty"]);
}

#[test]
fn words_are_split_as_a_shell_would() {
    words("a  b\tc\nd", &[], &["a", "b", "c", "d"]);
    words("a 'b  c' \"d e\"", &[], &["a", "b  c", "d e"]);
    words("a'b'\"c\"d", &[], &["abcd"]);
    words(r"a\ b \' \\ \n", &[], &["a b", "'", r"\", "n"]);
    words(r#""a\"b\\c\$d\ne""#, &[], &[r#"a"b\c$d\ne"#]);
    words(r"'a\' b", &[], &[r"a\", "b"]);
    words("a \\\n b \"c\\\nd\"", &[], &["a", "b", "cd"]);
    words("a '' \"\" b", &[], &["a", "", "", "b"]);
    words("è 'ü ß' 漢字", &[], &["è", "ü ß", "漢字"]);
}

#[test]
fn what_a_shell_would_expand_stays_text() {
    words(
        "echo $HOME $(id) `id` * ~ a;b && c > d #e",
        &[],
        &["echo", "$HOME", "$(id)", "`id`", "*", "~", "a;b", "&&", "c", ">", "d", "#e"],
    );
    let environment = BTreeMap::new();
    let with_operator = command_line("a && b", &values(&environment)).unwrap();
    assert_eq!(with_operator.warnings.len(), 1, "the user is told that there is no shell");
    let quoted = command_line("a '&&' b", &values(&environment)).unwrap();
    assert_eq!(quoted.warnings, [""; 0]);
}

/// S-31: values are data.
#[test]
fn a_value_never_adds_a_word_or_closes_a_quote() {
    for hostile in ["a b", "'; rm -rf / #", "\"", "'", "\\", "$(id)", "`id`", "a\nb", "{{SECRET}}", "&& x", "\t"] {
        let variables = [("V", hostile), ("SECRET", "s3cret")];
        let glued = format!("x{hostile}y");
        words("run {{V}} end", &variables, &["run", hostile, "end"]);
        words("run \"{{V}}\" '{{ V }}' x{{V}}y", &variables, &["run", hostile, hostile, &glued]);
    }
}

#[test]
fn an_empty_variable_alone_is_no_word_unless_quoted() {
    words("java {{OPTS}} -jar {{A}}{{B}} x", &[("OPTS", ""), ("A", "")], &["java", "-jar", "x"]);
    words("java \"{{OPTS}}\" -D={{OPTS}}", &[("OPTS", "")], &["java", "", "-D="]);
}

#[test]
fn a_placeholder_is_one_unit_and_an_escaped_one_is_text() {
    words("a {{ env.V }}b", &[("V", "1")], &["a", "1b"]);
    words(r"a \{{V}}", &[("V", "1")], &["a", "{{V}}"]);
    words("a '{''{V}}'", &[("V", "1")], &["a", "{{V}}"]);
}

#[test]
fn lines_that_cannot_be_split_are_refused() {
    let environment = environment(&[("EMPTY", ""), ("LONG", &"x".repeat(MAX_START_LINE_BYTES / 2))]);
    let too_long = "x".repeat(MAX_START_LINE_BYTES + 1);
    for bad in [
        "a 'b",
        "a \"b",
        "a \\",
        "a\0b",
        "'\0'",
        "\\\0",
        "",
        "  ",
        "{{EMPTY}}",
        "{{LONG}}{{LONG}}{{LONG}}",
        "{{LONG}} {{LONG}} {{LONG}}",
        &too_long,
    ] {
        let failure = command_line(bad, &values(&environment)).unwrap_err();
        assert_eq!(failure.code, FailureCode::ConfigInvalid, "{}", &bad[..bad.len().min(40)]);
    }
    let blown_up = "{{LONG}}".repeat(10_000);
    assert_eq!(substitute(&blown_up, &values(&environment), 1 << 20).unwrap_err().code, FailureCode::ConfigInvalid);
}

#[test]
fn warnings_are_bounded_and_said_once() {
    let environment = BTreeMap::new();
    let many: String = (0..1000).map(|number| format!("{{{{N{number}}}}}")).collect();
    assert_eq!(substitute(&many, &values(&environment), 10).unwrap().warnings.len(), MAX_WARNINGS);
    assert_eq!(substitute("{{A}}{{A}}", &values(&environment), 10).unwrap().warnings.len(), 1);
    let long = format!("{{{{{}}}}}", "n".repeat(10_000));
    assert!(substitute(&long, &values(&environment), 10).unwrap().warnings[0].len() < 200);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn quoting_a_text_gives_it_back(text in "[^\0{]{0,40}") {
            let environment = BTreeMap::new();
            let quoted = format!("x '{}'", text.replace('\'', r"'\''"));
            let split = command_line(&quoted, &values(&environment)).unwrap();
            prop_assert_eq!(split.words, vec!["x".to_owned(), text]);
        }

        #[test]
        fn no_value_changes_the_number_of_words(line in "[a-c'\" \\\\{}]{0,24}", value in "[ '\"\\\\{}a]{1,12}") {
            let with = |value: &str| {
                let environment = environment(&[("a", value)]);
                command_line(&line, &values(&environment)).map(|split| split.words.len())
            };
            prop_assert_eq!(with("x"), with(&value));
        }

        #[test]
        fn text_without_braces_is_left_alone(text in "[^{]{0,60}") {
            let environment = BTreeMap::new();
            let result = substitute(&text, &values(&environment), 1000).unwrap();
            prop_assert_eq!(result, Substituted { text, warnings: Vec::new() });
        }
    }
}
