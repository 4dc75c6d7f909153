//! Images made from nothing but a static program, without a Dockerfile and without a registry.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use anyhow::{Context, bail};
use bollard::query_parameters::{CreateImageOptionsBuilder, RemoveImageOptions};
use bollard::{API_DEFAULT_VERSION, Docker, body_full};
use bytes::Bytes;
use futures_util::TryStreamExt;

use crate::static_binary::static_binary;

/// The name of the sample server's image. It is made on the spot and is in no registry.
pub const SAMPLE_IMAGE: &str = "cap-sample:latest";

/// The label with the digest of what an image was made from.
const CONTENT_LABEL: &str = "cap-sample.content";

/// What the image is beside its files. The user is what game servers are to run as; /data is theirs.
const CONFIGURATION: &str = r#"ENTRYPOINT ["/sample-server"]
USER 1000:1000
WORKDIR /data
EXPOSE 25565/tcp
"#;

/// How long one request to the engine may take, in seconds; importing some MB takes less than one.
const REQUEST_TIMEOUT: u64 = 60;

/// Makes the sample server's image under the name `tag` (`name:tag`), unless the engine has the same one already.
pub async fn build_sample_image(socket: &Path, tag: &str) -> anyhow::Result<()> {
    let binary = tokio::task::spawn_blocking(static_binary).await??;
    // One at a time, over all processes: imports that overlap would leave nameless images behind.
    let (program, _turn) = tokio::task::spawn_blocking(move || {
        let program = File::open(&binary)?;
        program.lock()?;
        Ok::<_, std::io::Error>((std::fs::read(&binary)?, program))
    })
    .await?
    .context("no sample server")?;
    build_image(socket, tag, &program).await
}

/// [`build_sample_image`] for programs without an async runtime.
pub fn build_sample_image_blocking(socket: &Path, tag: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(build_sample_image(socket, tag))
}

async fn build_image(socket: &Path, tag: &str, program: &[u8]) -> anyhow::Result<()> {
    let socket = socket.to_str().context("a socket path that is no text")?;
    let docker = Docker::connect_with_unix(socket, REQUEST_TIMEOUT, API_DEFAULT_VERSION)?;
    let content = digest(program);
    let old = docker.inspect_image(tag).await.ok();
    let old_content = old.as_ref().and_then(|image| image.config.as_ref()?.labels.as_ref()?.get(CONTENT_LABEL));
    if old_content == Some(&content) {
        return Ok(());
    }
    let (repository, version) = tag.rsplit_once(':').unwrap_or((tag, "latest"));
    let options = CreateImageOptionsBuilder::default()
        .from_src("-")
        .repo(repository)
        .tag(version)
        // One text with many lines: the engine joins them with newlines anyway.
        .changes(vec![format!("{CONFIGURATION}LABEL {CONTENT_LABEL}={content}")])
        .build();
    let root = Bytes::from(root_file_system(program)?);
    let answers: Vec<_> = docker
        .create_image(Some(options), Some(body_full(root)), None)
        .try_collect()
        .await
        .context("the engine did not take the sample image")?;
    if let Some(error) = answers.into_iter().find_map(|answer| answer.error_detail) {
        bail!("the engine did not take the sample image: {}", error.message.unwrap_or_default());
    }
    if let Some(old_id) = old.and_then(|image| image.id) {
        // Refused while a container uses it, and then somebody else cleans up.
        let _in_use = docker.remove_image(&old_id, None::<RemoveImageOptions>, None).await;
    }
    Ok(())
}

/// Tells contents apart, also those of the configuration; no protection against anybody.
fn digest(program: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    (program, CONFIGURATION).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A tar of the whole root: the program, a place for data and one for temporary files.
fn root_file_system(program: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, owner, mode) in [("data/", 1000, 0o755), ("tmp/", 0, 0o1777)] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_uid(owner);
        header.set_gid(owner);
        header.set_mode(mode);
        header.set_size(0);
        archive.append_data(&mut header, path, std::io::empty())?;
    }
    let mut header = tar::Header::new_ustar();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(program.len() as u64);
    archive.append_data(&mut header, "sample-server", program)?;
    Ok(archive.into_inner()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::docker_socket;

    #[tokio::test]
    async fn the_sample_image_runs_as_a_plain_user_and_is_made_once() {
        let socket = docker_socket();
        let docker = Docker::connect_with_unix(socket.to_str().unwrap(), REQUEST_TIMEOUT, API_DEFAULT_VERSION).unwrap();
        let tag = format!("cap-testkit-image:{}", std::process::id());
        build_image(&socket, &tag, b"first").await.unwrap();
        let first = docker.inspect_image(&tag).await.unwrap();
        let config = first.config.unwrap();
        assert_eq!(config.user.as_deref(), Some("1000:1000"));
        assert_eq!(config.entrypoint, Some(vec!["/sample-server".to_owned()]));
        assert!(config.exposed_ports.unwrap().contains(&"25565/tcp".to_owned()));

        build_image(&socket, &tag, b"first").await.unwrap();
        assert_eq!(docker.inspect_image(&tag).await.unwrap().id, first.id);
        build_image(&socket, &tag, b"second").await.unwrap();
        assert_ne!(docker.inspect_image(&tag).await.unwrap().id, first.id);
        docker.remove_image(&tag, None::<RemoveImageOptions>, None).await.unwrap();
    }
}
