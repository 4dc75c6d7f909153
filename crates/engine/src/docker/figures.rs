//! The engine's own figures for one container.

use serde_json::Value;

use crate::port::EngineFigures;

/// Reads a one-shot answer of the stats call. `container` is its inspect: the stats alone cannot tell "unlimited".
pub(super) fn figures(stats: &Value, container: &Value) -> EngineFigures {
    let memory = &stats["memory_stats"];
    let cache = &memory["stats"];
    // The names of cgroup v2 and of v1: page cache that can go at once.
    let reclaimable = number(&cache["inactive_file"]).max(number(&cache["total_inactive_file"]));
    let networks = || stats["networks"].as_object().into_iter().flatten().map(|(_, network)| network);
    let ceiling = number(&container["HostConfig"]["Memory"]);
    EngineFigures {
        cpu_nanos: number(&stats["cpu_stats"]["cpu_usage"]["total_usage"]),
        memory_bytes: number(&memory["usage"]).saturating_sub(reclaimable),
        memory_limit_bytes: if ceiling == 0 { 0 } else { ceiling.min(number(&memory["limit"]).max(1)) },
        network_received_bytes: networks().map(|network| number(&network["rx_bytes"])).sum(),
        network_sent_bytes: networks().map(|network| number(&network["tx_bytes"])).sum(),
        pids: number(&stats["pids_stats"]["current"]),
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn page_cache_that_can_go_is_not_counted_on_either_cgroup_version() {
        let of = |stats: Value| figures(&stats, &json!({ "HostConfig": { "Memory": 50 } }));
        let v1 = of(json!({ "memory_stats": { "usage": 30, "limit": 50, "stats": { "total_inactive_file": 10 } } }));
        let v2 = of(json!({ "memory_stats": { "usage": 30, "limit": 50, "stats": { "inactive_file": 10 } } }));
        assert_eq!((v1.memory_bytes, v1.memory_limit_bytes), (20, 50));
        assert_eq!(v1, v2);
    }

    #[test]
    fn unlimited_memory_is_zero_whatever_number_the_kernel_gives() {
        let stats = json!({ "memory_stats": { "usage": 30, "limit": 9_223_372_036_854_771_712_u64 } });
        assert_eq!(figures(&stats, &json!({ "HostConfig": { "Memory": 0 } })).memory_limit_bytes, 0);
    }

    #[test]
    fn all_networks_are_added_up() {
        let stats = json!({ "networks": { "eth0": { "rx_bytes": 1, "tx_bytes": 2 }, "eth1": { "rx_bytes": 10 } } });
        let figures = figures(&stats, &Value::Null);
        assert_eq!((figures.network_received_bytes, figures.network_sent_bytes), (11, 2));
    }
}
