//! Control groups, which dockerd needs and minimal machines (virtual machines without systemd, containers) have not
//! always mounted.
//!
//! What is mounted is left as it is. Only where nothing is, the unified hierarchy (v2) is mounted, or the single
//! controllers (v1) if this kernel has bound them there or lacks them in v2.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command;

const ROOT: &str = "/sys/fs/cgroup";

/// The controllers dockerd cannot do without in v2.
const NEEDED_IN_V2: [&str; 3] = ["cpu", "memory", "pids"];

/// The controllers dockerd cannot do without in v1, or limits nothing without.
const NEEDED_IN_V1: [&str; 8] = ["cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids"];

/// Makes sure that control groups are mounted in a way dockerd can use.
pub(super) fn ensure() -> Result<()> {
    let mounts = fs::read_to_string("/proc/mounts").context("cannot read /proc/mounts")?;
    match layout(&mounts) {
        Layout::V2 => {
            hand_controllers_down();
            Ok(())
        }
        Layout::V1 => mount_controllers(&mounts),
        Layout::None => mount_some(&mounts),
    }
}

/// What is mounted.
#[derive(Debug, PartialEq, Eq)]
enum Layout {
    /// The unified hierarchy at [`ROOT`].
    V2,
    /// At least one single controller.
    V1,
    /// Neither.
    None,
}

fn layout(mounts: &str) -> Layout {
    let mut kinds = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    // A v2 mount below the root (`unified`, for systemd's own use) serves dockerd nothing: single controllers decide.
    let has_v1 = kinds.clone().any(|(_, kind)| kind == "cgroup");
    if has_v1 {
        return Layout::V1;
    }
    if kinds.any(|(place, kind)| place == ROOT && kind == "cgroup2") { Layout::V2 } else { Layout::None }
}

fn mount_some(mounts: &str) -> Result<()> {
    println!("    control groups are not mounted: mounting them at {ROOT}");
    fs::create_dir_all(ROOT).with_context(|| format!("cannot make {ROOT}"))?;
    if command::succeeds(Command::new("mount").args(["-t", "cgroup2", "cgroup2", ROOT])) {
        let has = fs::read_to_string(Path::new(ROOT).join("cgroup.controllers")).unwrap_or_default();
        if NEEDED_IN_V2.iter().all(|needed| has.split_whitespace().any(|controller| controller == *needed)) {
            hand_controllers_down();
            return Ok(());
        }
        command::run(Command::new("umount").arg(ROOT))?;
    }
    command::run(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755", "cgroup", ROOT]))?;
    mount_controllers(mounts)
}

/// Mounts each needed v1 controller the kernel has and nobody has mounted. One that refuses is left out: dockerd says what it
/// misses.
fn mount_controllers(mounts: &str) -> Result<()> {
    let known = fs::read_to_string("/proc/cgroups").context("cannot read /proc/cgroups")?;
    for controller in missing_controllers(&known, mounts) {
        let place = Path::new(ROOT).join(controller);
        if fs::create_dir_all(&place).is_err() {
            continue;
        }
        let mut mount = Command::new("mount");
        mount.args(["-t", "cgroup", "-o", controller, "cgroup"]).arg(&place);
        if command::succeeds(&mut mount) {
            println!("    mounted the {controller} control group");
        } else {
            let _ = fs::remove_dir(&place);
        }
    }
    Ok(())
}

fn missing_controllers<'a>(known: &'a str, mounts: &str) -> Vec<&'a str> {
    // Name, hierarchy, number of groups, enabled.
    let enabled = known.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        let name = fields.next()?;
        (fields.nth(2)? == "1").then_some(name)
    });
    enabled.filter(|name| NEEDED_IN_V1.contains(name) && !is_mounted(mounts, name)).collect()
}

fn is_mounted(mounts: &str, controller: &str) -> bool {
    mounts.lines().any(|line| {
        let fields: Vec<&str> = line.split(' ').collect();
        fields.get(2) == Some(&"cgroup")
            && fields.get(3).is_some_and(|options| options.split(',').any(|option| option == controller))
    })
}

/// Lets child groups have the controllers. In a container the processes must leave the root group first, because a group
/// with processes may not hand controllers down; on a whole machine the root group is the exception, and nothing moves.
fn hand_controllers_down() {
    let root = Path::new(ROOT);
    let has = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
    let wanted: Vec<String> = has.split_whitespace().map(|controller| format!("+{controller}")).collect();
    let wanted = wanted.join(" ");
    let subtree = root.join("cgroup.subtree_control");
    if fs::write(&subtree, &wanted).is_ok() {
        return;
    }
    let leaf = root.join("init");
    let moved = fs::create_dir_all(&leaf).is_ok();
    let processes = fs::read_to_string(root.join("cgroup.procs")).unwrap_or_default();
    for process in processes.lines().filter(|_| moved) {
        // Kernel threads and processes that have just ended cannot be moved, and need not be.
        let _ = fs::write(leaf.join("cgroup.procs"), process);
    }
    if let Err(error) = fs::write(&subtree, &wanted) {
        println!("    control groups: cannot hand the controllers down ({error}); limits of containers may not hold");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
        cgroup /sys/fs/cgroup/cpu cgroup rw,relatime,cpu 0 0\n\
        cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n\
        cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";

    #[test]
    fn the_layout_is_told_by_the_mounts() {
        assert_eq!(layout(HYBRID), Layout::V1);
        assert_eq!(layout("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"), Layout::V2);
        assert_eq!(layout("cgroup2 /elsewhere cgroup2 rw 0 0\n"), Layout::None);
        assert_eq!(layout("proc /proc proc rw 0 0\n"), Layout::None);
    }

    #[test]
    fn only_controllers_that_are_needed_and_enabled_and_not_mounted_are_mounted() {
        let known = "#subsys_name\thierarchy\tnum_cgroups\tenabled\n\
            cpu\t1\t4\t1\npids\t0\t1\t1\nfreezer\t0\t1\t0\nnet_cls\t0\t1\t1\n";
        assert_eq!(missing_controllers(known, HYBRID), ["pids"]);
    }
}
