//! The machine this runs on: environment variables, user, distribution, programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where system programs are on every Debian, also when the shell's `PATH` leaves the last two out.
const SYSTEM_FOLDERS: [&str; 5] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// An environment variable; none if it is unset, empty or not UTF-8.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that reads the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// What `cargo run` tells this program about its own package. Passed on to another cargo, it looks to build scripts (that
/// of ring is one) like a change, and half of the dependencies are built again each time.
pub(crate) fn variables_of_our_package() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    })
}

/// Whether this runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether this is Debian, Ubuntu, or another system of that family with `apt-get`.
pub(crate) fn is_debian_family() -> bool {
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    names_debian(&os_release) && program("apt-get").is_some()
}

fn names_debian(os_release: &str) -> bool {
    let identities = os_release.lines().filter_map(|line| {
        let (key, value) = line.split_once('=')?;
        matches!(key, "ID" | "ID_LIKE").then(|| value.trim_matches('"'))
    });
    identities.flat_map(str::split_whitespace).any(|word| matches!(word, "debian" | "ubuntu"))
}

/// Whether systemd runs this machine.
pub(crate) fn has_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// `PATH` with the system folders added that it lacks: dockerd looks for iptables and containerd there.
pub(crate) fn search_path() -> String {
    let mut folders: Vec<String> = variable("PATH")
        .unwrap_or_default()
        .split(':')
        .filter(|folder| !folder.is_empty())
        .map(str::to_owned)
        .collect();
    for folder in SYSTEM_FOLDERS {
        if !folders.iter().any(|known| known == folder) {
            folders.push(folder.to_owned());
        }
    }
    folders.join(":")
}

/// Where a program is, in the order of [`search_path`].
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    search_path().split(':').map(|folder| Path::new(folder).join(name)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debian_family_is_recognised_by_its_own_words() {
        assert!(names_debian("NAME=x\nID=debian\n"));
        assert!(names_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(names_debian("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!names_debian("ID=fedora\nPRETTY_NAME=\"not debian\"\n"));
        assert!(!names_debian(""));
    }

    #[test]
    fn system_folders_are_searched_whatever_the_path_says() {
        let path = search_path();
        assert!(path.split(':').any(|folder| folder == "/usr/sbin"), "{path}");
        assert!(program("sh").is_some());
        assert!(program("no-such-program-here").is_none());
    }
}
