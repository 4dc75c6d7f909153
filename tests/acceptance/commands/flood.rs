//! Too many commands (P-30): refused cleanly, remembered by nobody, and never a kill.

use cap_acceptance::node::{NodeSetup, PATIENCE};
use serde_json::{Value, json};

#[tokio::test]
async fn a_flood_of_commands_is_refused_beyond_the_rate_each_answered_once_and_a_kill_works() {
    let setup = NodeSetup::default().set("commands.rate_per_second=1").set("commands.rate_burst=20");
    let node = setup.start().await;
    let server = node.run_sample("flooded").await;
    // The link is a caller of its own: its burst is untouched.
    let ids: Vec<String> = (0..200).map(|_| node.send("get_server_metrics", Some(&server), None)).collect();
    let kill = node.send("kill_server", Some(&server), None);
    let outcome = node.panel().wait_for_outcome(&kill, PATIENCE).await.unwrap();
    assert_eq!(outcome.code, None, "a kill is never refused: {outcome:?}");
    assert!(!node.docker_runs(&server).await);
    node.barrier().await;
    let (mut answered, mut refused) = (0, 0);
    for id in &ids {
        let responses = node.panel().responses_to(id);
        let [response] = &responses[..] else { panic!("{id}: {responses:?}") };
        match &response["error"]["code"] {
            Value::Null => answered += 1,
            code => {
                assert_eq!(code, &json!("RATE_LIMITED"), "{response}");
                refused += 1;
            }
        }
    }
    assert!(answered >= 20 && refused > 0, "answered {answered}, refused {refused}");
}

#[tokio::test]
async fn a_refused_command_is_not_remembered_and_can_be_sent_again() {
    let setup = NodeSetup::default().without_panel().set("commands.rate_per_second=2").set("commands.rate_burst=5");
    let node = setup.start().await;
    let server = node.create_sample("again").await;
    let bind = |number: u32| {
        let alias = format!("alias-{number}");
        json!({"id": alias, "action": "bind_alias", "serverId": server, "payload": {"alias": alias}})
    };
    let mut number = 0;
    let refused = loop {
        let answer = node.post(&bind(number)).await;
        if answer["code"] == json!("RATE_LIMITED") {
            break bind(number);
        }
        assert_eq!(answer["success"], json!(true), "{answer}");
        number += 1;
        assert!(number < 1000, "never refused");
    };
    // The same id again, until there is room: then it is carried out.
    node.wait("it is taken", || async { node.post(&refused).await["success"] == json!(true) }).await;
    let by_alias = || async { node.status(&format!("alias-{number}")).await == "stopped" };
    node.wait("the alias is bound", by_alias).await;
}
