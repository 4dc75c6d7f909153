//! The directories of servers below the storage root, and the trash that deleted ones go to.
//!
//! Nothing here opens a path *inside* a server's directory: what lies there belongs to the game and may be hostile.
//! Every call blocks and runs on the blocking pool.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cap_domain::ids::ServerId;

/// Where the data of servers lies.
#[derive(Clone, Debug)]
pub struct DataDirs {
    servers: PathBuf,
    trash: PathBuf,
    owner: (u32, u32),
}

impl DataDirs {
    /// Directories below this root, owned by this uid and gid (those that game processes run as).
    pub fn new(root: &Path, owner: (u32, u32)) -> Self {
        Self { servers: root.join("servers"), trash: root.join("trash"), owner }
    }

    /// Makes the directories that hold all others, open to nobody but the agent (S-40).
    pub fn prepare(&self) -> io::Result<()> {
        for dir in [&self.servers, &self.trash] {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        }
        Ok(())
    }

    /// The directory of one server.
    pub fn of(&self, server: &ServerId) -> PathBuf {
        self.servers.join(server.as_str())
    }

    /// Makes the directory of one server, if it is not there. What is there stays as it is: no recursive chown.
    pub fn make(&self, server: &ServerId) -> io::Result<PathBuf> {
        let dir = self.of(server);
        match fs::DirBuilder::new().mode(0o750).create(&dir) {
            Ok(()) => {
                std::os::unix::fs::lchown(&dir, Some(self.owner.0), Some(self.owner.1))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        Ok(dir)
    }

    /// Moves a server's directory into the trash under this name; a directory that is not there is success and gives
    /// `false`. One rename: nothing is copied, nothing is followed.
    pub fn discard(&self, server: &ServerId, trash_name: &str) -> io::Result<bool> {
        match fs::rename(self.of(server), self.trash.join(trash_name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes one entry of the trash for good. Links in it are removed, never followed.
    pub fn empty(&self, trash_name: &str) -> io::Result<()> {
        match fs::remove_dir_all(self.trash.join(trash_name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The names in the trash.
    pub fn trash_names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.trash)? {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// The name of a deleted server's directory in the trash: when it was deleted, and whose it was.
pub fn trash_name(server: &ServerId, deleted_unix_ms: i64) -> String {
    format!("{deleted_unix_ms}.{server}")
}

/// When the entry of this name was deleted, in unix milliseconds. A name that is not ours gives none.
pub fn deleted_at(trash_name: &str) -> Option<i64> {
    let (time, server) = trash_name.split_once('.')?;
    ServerId::parse(server).ok()?;
    time.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs() -> (tempfile::TempDir, DataDirs) {
        let root = tempfile::tempdir().unwrap();
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let dirs = DataDirs::new(root.path(), owner);
        dirs.prepare().unwrap();
        (root, dirs)
    }

    #[test]
    fn a_deleted_directory_can_be_put_back_until_the_trash_is_emptied() {
        let (root, dirs) = dirs();
        let server = ServerId::parse("s1").unwrap();
        fs::write(dirs.make(&server).unwrap().join("world"), "blocks").unwrap();
        let name = trash_name(&server, 1_700_000_000_000);
        assert!(dirs.discard(&server, &name).unwrap());
        assert!(!dirs.of(&server).exists());
        assert_eq!(fs::read_to_string(root.path().join("trash").join(&name).join("world")).unwrap(), "blocks");
        assert_eq!(dirs.trash_names().unwrap(), std::slice::from_ref(&name));
        dirs.empty(&name).unwrap();
        assert!(dirs.trash_names().unwrap().is_empty());
    }

    #[test]
    fn emptying_the_trash_never_follows_a_link() {
        let (root, dirs) = dirs();
        let outside = root.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        let server = ServerId::parse("s1").unwrap();
        std::os::unix::fs::symlink(&outside, dirs.make(&server).unwrap().join("link")).unwrap();
        dirs.discard(&server, "1.s1").unwrap();
        dirs.empty("1.s1").unwrap();
        assert!(outside.join("precious").exists());
    }

    #[test]
    fn discarding_what_is_not_there_is_no_error() {
        let (_root, dirs) = dirs();
        assert!(!dirs.discard(&ServerId::parse("nobody").unwrap(), "1.nobody").unwrap());
    }

    #[test]
    fn only_names_of_ours_have_a_time_of_deletion() {
        let server = ServerId::parse("a-b_c").unwrap();
        assert_eq!(deleted_at(&trash_name(&server, 42)), Some(42));
        assert_eq!(deleted_at("lost+found"), None);
        assert_eq!(deleted_at("42.no spaces"), None);
    }

    #[test]
    fn the_directories_are_closed_to_others() {
        let (root, _dirs) = dirs();
        let mode = fs::metadata(root.path().join("servers")).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
    }
}
