use std::net::Ipv4Addr;

use PortProtocol::{Tcp, Udp};

use super::*;

const ANY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

fn wish(external: u16) -> PortWish {
    PortWish { ip: None, internal: None, external, protocol: None, primary: false }
}

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// `external:internal/protocol`, the primary ones with a star.
fn shown(bindings: &[PortBinding]) -> Vec<String> {
    let star = |binding: &PortBinding| if binding.primary { "*" } else { "" };
    bindings.iter().map(|b| format!("{}{}:{}/{}", star(b), b.external, b.internal, b.protocol.as_str())).collect()
}

#[track_caller]
fn check(
    wishes: &[PortWish],
    variables: &[(&str, &str)],
    exposed: &[(u16, PortProtocol)],
    taken: &[(u16, PortProtocol)],
    expected: Result<&[&str], FailureCode>,
) {
    let taken = taken.iter().copied().collect();
    let range = PortRange::new(25_565, 25_567).unwrap();
    let result = allocate(wishes, &environment(variables), exposed, &taken, range, ANY);
    match (result, expected) {
        (Ok(bindings), Ok(expected)) => assert_eq!(shown(&bindings), expected),
        (Err(failure), Err(code)) => assert_eq!(failure.code, code, "{failure}"),
        (result, _) => panic!("{result:?} instead of {expected:?}"),
    }
}

/// P-163.
#[test]
fn wishes_are_given_as_wished() {
    check(&[wish(25_565)], &[], &[], &[], Ok(&["*25565:25565/tcp", "*25565:25565/udp"]));
    let query = PortWish { internal: Some(80), protocol: Some(Tcp), ..wish(8080) };
    check(&[query], &[], &[], &[], Ok(&["*8080:80/tcp"]));
    check(&[query, wish(7777)], &[], &[], &[], Ok(&["*8080:80/tcp", "7777:7777/tcp", "7777:7777/udp"]));
    let primary = PortWish { primary: true, protocol: Some(Udp), ..wish(7777) };
    check(&[query, primary], &[], &[], &[], Ok(&["*7777:7777/udp", "8080:80/tcp"]));
    let also_tcp = PortWish { protocol: Some(Tcp), ..wish(7777) };
    check(&[query, also_tcp, primary], &[], &[], &[], Ok(&["*7777:7777/tcp", "*7777:7777/udp", "8080:80/tcp"]));
}

#[test]
fn a_wish_outranks_environment_and_image() {
    check(&[wish(9000)], &[("SERVER_PORT", "1")], &[(2, Tcp)], &[], Ok(&["*9000:9000/tcp", "*9000:9000/udp"]));
}

/// P-163: `allocation` binds that address.
#[test]
fn an_address_is_bound_where_one_is_named() {
    let address: IpAddr = "192.0.2.10".parse().unwrap();
    let wishes = [PortWish { ip: Some(address), ..wish(1) }, wish(2)];
    let bindings = allocate(&wishes, &BTreeMap::new(), &[], &TakenPorts::new(), PortRange::default(), ANY).unwrap();
    let addresses: Vec<IpAddr> = bindings.iter().map(|binding| binding.ip).collect();
    assert_eq!(addresses, [address, address, ANY, ANY]);
}

/// P-163.
#[test]
fn a_port_that_is_taken_or_named_twice_is_a_conflict() {
    let tcp = PortWish { protocol: Some(Tcp), ..wish(25_565) };
    let udp = PortWish { protocol: Some(Udp), ..wish(25_565) };
    check(&[wish(25_565)], &[], &[], &[(25_565, Udp)], Err(FailureCode::PortConflict));
    check(&[tcp], &[], &[], &[(25_565, Udp)], Ok(&["*25565:25565/tcp"]));
    check(&[tcp, udp], &[], &[], &[], Ok(&["*25565:25565/tcp", "*25565:25565/udp"]));
    // hostile-ports.list.json#twice: two inner ports, one outer.
    let other_inside = PortWish { internal: Some(2), ..tcp };
    check(&[tcp, other_inside], &[], &[], &[], Err(FailureCode::PortConflict));
    check(&[wish(25_565), udp], &[], &[], &[], Err(FailureCode::PortConflict));
}

#[test]
fn port_zero_is_invalid() {
    check(&[wish(0)], &[], &[], &[], Err(FailureCode::ConfigInvalid));
    let inside = PortWish { internal: Some(0), ..wish(1) };
    check(&[inside], &[], &[], &[], Err(FailureCode::ConfigInvalid));
}

/// P-164.
#[test]
fn the_environment_names_the_inner_port() {
    check(&[], &[("SERVER_PORT", "25566")], &[], &[], Ok(&["*25566:25566/tcp", "*25566:25566/udp"]));
    check(&[], &[("GAME_PORT", "80"), ("PORT", " 7777 ")], &[], &[], Ok(&["*25565:7777/tcp", "*25565:7777/udp"]));
    check(&[], &[("SERVER_PORT", ""), ("GAME_PORT", "80")], &[], &[], Ok(&["*25565:80/tcp", "*25565:80/udp"]));
    for bad in ["0", "65536", "-1", "x", "25565 25566"] {
        check(&[], &[("SERVER_PORT", bad)], &[], &[], Err(FailureCode::ConfigInvalid));
    }
}

/// P-164.
#[test]
fn a_taken_port_gives_way_to_the_next_free_one_in_the_range() {
    let variables = [("SERVER_PORT", "25566")];
    check(&[], &variables, &[], &[(25_566, Udp)], Ok(&["*25567:25566/tcp", "*25567:25566/udp"]));
    let two_taken = [(25_566, Udp), (25_567, Tcp)];
    check(&[], &variables, &[], &two_taken, Ok(&["*25565:25566/tcp", "*25565:25566/udp"]));
    let all_taken = [(25_565, Tcp), (25_566, Udp), (25_567, Tcp)];
    check(&[], &variables, &[], &all_taken, Err(FailureCode::InsufficientResources));
    check(&[], &[], &[], &all_taken, Err(FailureCode::InsufficientResources));
}

/// P-164.
#[test]
fn the_image_says_what_it_exposes() {
    check(&[], &[], &[(25_565, Tcp)], &[], Ok(&["*25565:25565/tcp"]));
    let many = [(27_015, Udp), (25_575, Tcp), (27_015, Tcp), (25_575, Tcp)];
    check(&[], &[], &many, &[], Ok(&["*25565:25575/tcp", "25566:27015/tcp", "25566:27015/udp"]));
    let all: Vec<(u16, PortProtocol)> = (1..=1000).map(|number| (number, Tcp)).collect();
    check(&[], &[], &all, &[], Err(FailureCode::ConfigInvalid));
}

/// P-164.
#[test]
fn with_nothing_named_inside_and_outside_are_the_same_free_number() {
    check(&[], &[], &[], &[], Ok(&["*25565:25565/tcp", "*25565:25565/udp"]));
    check(&[], &[], &[(0, Tcp)], &[(25_565, Udp)], Ok(&["*25566:25566/tcp", "*25566:25566/udp"]));
}

#[test]
fn a_range_is_read_as_written() {
    assert_eq!("25565-25999".parse(), Ok(PortRange::default()));
    assert_eq!(PortRange::default().to_string(), "25565-25999");
    assert_eq!(" 1 - 1 ".parse(), Ok(PortRange { first: 1, last: 1 }));
    for bad in ["", "1", "0-5", "5-4", "1-65536", "a-b", "1-2-3", "-1-2"] {
        assert_eq!(bad.parse::<PortRange>(), Err(InvalidPortRange), "{bad}");
    }
}

/// P-208.
#[test]
fn an_invalid_variable_is_named_without_its_value() {
    let variables = environment(&[("PORT", "hunter2")]);
    let result = allocate(&[], &variables, &[], &TakenPorts::new(), PortRange::default(), ANY);
    assert_eq!(result.unwrap_err().message, "PORT is not a port from 1 to 65535");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    fn protocol() -> impl Strategy<Value = PortProtocol> {
        prop_oneof![Just(Tcp), Just(Udp)]
    }

    proptest! {
        #[test]
        fn what_is_given_out_was_free_and_inside_the_range(
            taken in proptest::collection::btree_set((25_560u16..25_580, protocol()), 0..30),
            exposed in proptest::collection::vec((25_560u16..25_580, protocol()), 0..12),
        ) {
            let range = PortRange::new(25_565, 25_575).unwrap();
            match allocate(&[], &BTreeMap::new(), &exposed, &taken, range, ANY) {
                Ok(bindings) => {
                    let mut outside = taken.clone();
                    for binding in &bindings {
                        prop_assert!(range.contains(binding.external));
                        prop_assert!(outside.insert((binding.external, binding.protocol)), "given out twice");
                    }
                    prop_assert!(bindings[0].primary);
                    let inside: TakenPorts = bindings.iter().map(|b| (b.internal, b.protocol)).collect();
                    if !exposed.is_empty() {
                        prop_assert_eq!(inside, exposed.iter().copied().collect::<TakenPorts>());
                    }
                }
                Err(failure) => prop_assert_eq!(failure.code, FailureCode::InsufficientResources),
            }
        }
    }
}
