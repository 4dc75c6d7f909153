//! Empties the trash: what was deleted stays for a while, so that a slip can be undone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::unix_ms;
use crate::data_dirs::{DataDirs, deleted_at};

/// How often the trash is looked through when nothing was deleted meanwhile.
const ROUND: Duration = Duration::from_secs(60);

/// Removes what has been in the trash for `retention`, for ever; looks at once when `deleted` is poked.
pub async fn keep_emptying(data: DataDirs, retention: Duration, deleted: Arc<Notify>) {
    let kept_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
    loop {
        let data = data.clone();
        let round = tokio::task::spawn_blocking(move || empty_older(&data, unix_ms().saturating_sub(kept_ms)));
        if let Ok(Err(error)) = round.await {
            log::warn!("the trash cannot be emptied: {error}");
        }
        // A deletion that is not to be undone is carried out at once.
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = deleted.notified() => {}
        }
    }
}

fn empty_older(data: &DataDirs, before_unix_ms: i64) -> std::io::Result<()> {
    for name in data.trash_names()? {
        // What is not of ours is not ours to remove.
        if deleted_at(&name).is_some_and(|deleted| deleted <= before_unix_ms) {
            match data.empty(&name) {
                Ok(()) => log::info!("trash emptied: {name}"),
                Err(error) => log::warn!("trash entry {name} cannot be removed: {error}"),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cap_domain::ids::ServerId;

    #[test]
    fn only_what_is_old_enough_and_ours_is_removed() {
        let root = tempfile::tempdir().unwrap();
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let data = DataDirs::new(root.path(), owner);
        data.prepare().unwrap();
        for (server, deleted) in [("old", 100), ("young", 300)] {
            let server = ServerId::parse(server).unwrap();
            data.make(&server).unwrap();
            data.discard(&server, &crate::data_dirs::trash_name(&server, deleted)).unwrap();
        }
        std::fs::create_dir(root.path().join("trash/not ours")).unwrap();
        empty_older(&data, 200).unwrap();
        let mut names = data.trash_names().unwrap();
        names.sort();
        assert_eq!(names, ["300.young", "not ours"]);
    }
}
