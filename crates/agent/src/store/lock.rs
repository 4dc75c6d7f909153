//! One agent per storage root: the lock file `<root>/agent.lock`.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::StoreError;

/// Held as long as this lives. The kernel lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct RootLock {
    /// Never read again; the open file is the lock.
    _file: File,
}

impl RootLock {
    /// Takes the lock and writes this process's id into the file.
    ///
    /// # Errors
    /// [`StoreError::Locked`] if another agent holds it, [`StoreError::Directory`] if the file cannot be made.
    pub fn take(root: &Path) -> Result<Self, StoreError> {
        let path = root.join("agent.lock");
        let failed = |doing| {
            let path = path.clone();
            move |source| StoreError::Directory { doing, path, source }
        };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("open"))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => {
                let mut text = String::new();
                // What cannot be read is not named; that it is locked is enough.
                let _ = file.take(32).read_to_string(&mut text);
                return Err(StoreError::Locked { directory: root.to_owned(), holder: text.trim().parse().ok() });
            }
            Err(error) => return Err(failed("lock")(error.into())),
        }
        file.set_len(0).map_err(failed("write"))?;
        file.rewind().map_err(failed("write"))?;
        writeln!(file, "{}", std::process::id()).map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}
