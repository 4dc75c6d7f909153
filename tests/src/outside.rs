//! Somebody else at the engine: does to containers what an administrator does with the `docker` command, behind the
//! agent's back.

use std::collections::HashMap;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, KillContainerOptionsBuilder,
    RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, RestartContainerOptionsBuilder,
    StopContainerOptionsBuilder,
};
use bollard::{API_DEFAULT_VERSION, Docker};
use tokio::io::AsyncWriteExt;

/// How long one request to the engine may take, in seconds. Generous: other tests keep it busy.
const REQUEST_TIMEOUT: u64 = 60;

/// See the module. Containers are named as Docker knows them; [`container`] gives a server's.
#[derive(Clone, Debug)]
pub struct Outside {
    docker: Docker,
}

/// The name of a server's container (P-174).
pub fn container(server: &str) -> String {
    format!("ctrl-alt-play-{server}")
}

impl Default for Outside {
    fn default() -> Self {
        let socket = cap_testkit::docker::docker_socket();
        let docker = Docker::connect_with_unix(socket.to_str().unwrap(), REQUEST_TIMEOUT, API_DEFAULT_VERSION).unwrap();
        Self { docker }
    }
}

impl Outside {
    /// `docker pause`
    pub async fn pause(&self, name: &str) {
        self.docker.pause_container(name).await.unwrap();
    }

    /// `docker unpause`
    pub async fn unpause(&self, name: &str) {
        self.docker.unpause_container(name).await.unwrap();
    }

    /// `docker stop`
    pub async fn stop(&self, name: &str) {
        self.docker.stop_container(name, Some(StopContainerOptionsBuilder::new().t(10).build())).await.unwrap();
    }

    /// `docker kill`
    pub async fn kill(&self, name: &str) {
        self.docker
            .kill_container(name, Some(KillContainerOptionsBuilder::new().signal("SIGKILL").build()))
            .await
            .unwrap();
    }

    /// `docker start`
    pub async fn start(&self, name: &str) {
        self.docker.start_container(name, None).await.unwrap();
    }

    /// `docker restart`
    pub async fn restart(&self, name: &str) {
        let options = RestartContainerOptionsBuilder::new().t(10).build();
        self.docker.restart_container(name, Some(options)).await.unwrap();
    }

    /// `docker rename`
    pub async fn rename(&self, name: &str, new_name: &str) {
        let options = RenameContainerOptionsBuilder::new().name(new_name).build();
        self.docker.rename_container(name, options).await.unwrap();
    }

    /// `docker rm --force`; one that is gone already is fine.
    pub async fn remove(&self, name: &str) {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        match self.docker.remove_container(name, Some(options)).await {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => {}
            other => other.unwrap(),
        }
    }

    /// `docker create` of the sample server, with these labels and its standard input open.
    pub async fn create(&self, name: &str, labels: &[(&str, &str)]) {
        let labels: HashMap<String, String> =
            labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let body = ContainerCreateBody {
            image: Some(crate::node::IMAGE.to_owned()),
            labels: Some(labels),
            open_stdin: Some(true),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.docker.create_container(Some(options), body).await.unwrap();
    }

    /// `docker inspect`; none if there is no such container.
    pub async fn inspect(&self, name: &str) -> Option<ContainerInspectResponse> {
        match self.docker.inspect_container(name, None).await {
            Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. }) => None,
            other => Some(other.unwrap()),
        }
    }

    /// What tells one run of a container from another: its id, its process and its start.
    pub async fn identity(&self, name: &str) -> (String, i64, String) {
        let inspected = self.inspect(name).await.unwrap_or_else(|| panic!("no container {name}"));
        let state = inspected.state.unwrap();
        (inspected.id.unwrap(), state.pid.unwrap(), state.started_at.unwrap())
    }

    /// Types a line into a container's standard input, as `docker attach` would.
    pub async fn type_line(&self, name: &str, line: &str) {
        let options = AttachContainerOptionsBuilder::new().stdin(true).stream(true).build();
        let mut attached = self.docker.attach_container(name, Some(options)).await.unwrap();
        attached.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        attached.input.flush().await.unwrap();
    }
}
