//! From a server's spec and the node's policy to everything its container is made from.
//!
//! What a panel cannot ask for has no field here: no privileges, devices, host namespaces or mounts beside the one data
//! directory (invariant 11, S-30).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use cap_domain::failure::Failure;
use cap_domain::ids::NodeId;
use cap_domain::readiness::ReadinessDetector;
use cap_domain::spec::ServerSpec;
use cap_domain::startup;
use cap_engine::port::ContainerPlan;
use sha2::{Digest, Sha256};

/// The longest line read back from the log driver, in bytes; it splits its own at 16 KiB.
pub(super) const LOG_LINE_MAX: usize = 64 * 1024;

/// The node's part of every container plan.
#[derive(Clone, Debug)]
pub struct Planner {
    /// Goes into a label.
    pub node: NodeId,
    /// Docker network to join.
    pub network: String,
    /// DNS servers; empty = the engine's.
    pub dns: Vec<String>,
    /// `uid:gid` of the game's process.
    pub user: String,
    /// Most processes and threads.
    pub pids_limit: i64,
    /// Capabilities left after all are dropped.
    pub capabilities: Vec<String>,
    /// Root file system read-only.
    pub read_only_root: bool,
    /// Size of the tmpfs on /tmp, bytes.
    pub tmpfs_bytes: u64,
    /// Where the data directory shows inside.
    pub data_target: PathBuf,
    /// Bytes in one file of the log driver.
    pub log_max_bytes: u64,
    /// Files of the log driver.
    pub log_max_files: u32,
    /// The node's time zone, such as `Europe/Berlin`.
    pub timezone: String,
}

impl Planner {
    /// What can be told of a spec before anything is made: whether its start line and readiness texts can be read.
    pub fn check(&self, spec: &ServerSpec) -> Result<(), Failure> {
        startup::plan(spec, &self.timezone)?;
        ReadinessDetector::new(&spec.startup_done)?;
        Ok(())
    }

    /// The plan, and what was odd on the way.
    pub fn plan(&self, spec: &ServerSpec, data_source: PathBuf) -> Result<(ContainerPlan, Vec<String>), Failure> {
        let start = startup::plan(spec, &self.timezone)?;
        let mut plan = ContainerPlan {
            server: spec.id.clone(),
            node: self.node.clone(),
            fingerprint: String::new(),
            image: spec.image.clone(),
            command: start.command.unwrap_or_default(),
            environment: start.environment,
            data_source,
            data_target: self.data_target.clone(),
            ports: spec.ports.clone(),
            limits: spec.limits.clone(),
            user: self.user.clone(),
            tty: spec.tty,
            oom_killer: spec.oom_killer,
            pids_limit: self.pids_limit,
            capabilities: self.capabilities.clone(),
            read_only_root: self.read_only_root,
            tmpfs_bytes: self.tmpfs_bytes,
            log_max_bytes: self.log_max_bytes,
            log_max_files: self.log_max_files,
            network: self.network.clone(),
            dns: self.dns.clone(),
            labels: BTreeMap::new(),
        };
        plan.fingerprint = fingerprint(&plan);
        Ok((plan, start.warnings))
    }
}

/// Equal for equal plans. A new version of the agent may give others: then a container is made anew at its next start.
fn fingerprint(plan: &ContainerPlan) -> String {
    let digest = Sha256::digest(format!("{plan:?}"));
    digest.iter().take(16).fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
