//! From a normalised request of the wire's to a command of the domain's.

use std::collections::BTreeMap;

use cap_domain::command::{Caller, Command, CreateServer, PortWish, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::ids::{CommandId, OperationId};
use cap_domain::spec::{Limits, PortProtocol, Signal, StopMethod, StopRequest, Swap};
use cap_protocol::action::Action;
use cap_protocol::create::{CreateRequest, InstallScript, LimitsRequest, PortSpec, Protocol, StopSetting, SwapLimit};
use cap_protocol::params::{
    BindAliasParams, ConsoleCommandParams, DeleteParams, GetOperationParams, HistoryParams, Invalid, ListServersParams,
    LogsParams, PowerParams, SignalName, StopParams,
};
use cap_protocol::request::{Request, RequestId};

use super::failure_of;

/// The command a request means.
pub fn command(request: &Request, caller: Caller) -> Result<Command, Failure> {
    Ok(Command {
        caller,
        id: command_id(&request.id),
        target: request.server_id.clone(),
        other_targets: request.other_server_ids.clone(),
        verb: verb(request)?,
    })
}

/// The id under which a command is remembered.
pub fn command_id(id: &RequestId) -> Option<CommandId> {
    match id {
        RequestId::Absent | RequestId::Null => None,
        RequestId::Text(text) => Some(CommandId::Text(text.clone())),
        RequestId::Number(number) => Some(CommandId::Number(*number)),
    }
}

fn verb(request: &Request) -> Result<Verb, Failure> {
    let params = &request.params;
    let verb = match request.action {
        Action::CreateServer => Verb::Create(Box::new(create(CreateRequest::from_map(params).map_err(invalid)?))),
        Action::StartServer => Verb::Start,
        Action::StopServer => stop(StopParams::from_map(params)),
        Action::RestartServer => Verb::Restart(stop_request(&StopParams::from_map(params))),
        Action::KillServer => Verb::Kill,
        Action::ServerPower => match PowerParams::from_map(params).map_err(invalid)?.power.action() {
            Action::StartServer => Verb::Start,
            Action::RestartServer => Verb::Restart(StopRequest::default()),
            Action::KillServer => Verb::Kill,
            _ => Verb::Stop(StopRequest::default()),
        },
        Action::DeleteServer => {
            Verb::Delete { keep_files: DeleteParams::from_map(params).map_err(invalid)?.keep_files }
        }
        Action::GetServerStatus => Verb::ServerStatus,
        Action::GetServerMetrics => Verb::ServerMetrics,
        Action::GetSystemMetrics => Verb::NodeMetrics,
        Action::ListServers => {
            let status = ListServersParams::from_map(params).map_err(invalid)?.status;
            Verb::ListServers { status: status.map(|word| word.as_str().to_owned()) }
        }
        Action::GetOperation => {
            let id = GetOperationParams::from_map(params).map_err(invalid)?.operation_id;
            Verb::GetOperation { operation: OperationId::new(id) }
        }
        Action::BindAlias => {
            let wish = BindAliasParams::from_map(params).map_err(invalid)?;
            Verb::BindAlias { alias: wish.alias, replace: wish.replace, remove: wish.remove }
        }
        Action::ConsoleStatus | Action::ConsoleConnect | Action::ConsoleDisconnect => Verb::ConsoleStatus,
        Action::ConsoleCommand => {
            Verb::ConsoleCommand { line: ConsoleCommandParams::from_map(params).map_err(invalid)?.line }
        }
        Action::ConsoleHistory => {
            Verb::ConsoleHistory { lines: HistoryParams::from_map(params).map_err(invalid)?.lines }
        }
        Action::GetServerLogs => Verb::ConsoleHistory { lines: LogsParams::from_map(params).map_err(invalid)?.lines },
        Action::SystemPing => Verb::Ping,
        Action::SystemStatus => Verb::AgentStatus,
        // Off unless configured, and then an unknown name like any other (P-133).
        Action::DockerList
        | Action::DockerStart
        | Action::DockerStop
        | Action::DockerRemove
        | Action::DockerInspect => {
            return Err(Failure::new(FailureCode::UnknownAction, format!("Unknown action: {}", request.action.name())));
        }
        other => {
            let message = format!("{} is not supported by this version of the agent", other.name());
            return Err(Failure::new(FailureCode::NotSupported, message));
        }
    };
    Ok(verb)
}

fn invalid(invalid: Invalid) -> Failure {
    failure_of(invalid.code, invalid.message)
}

fn stop(params: StopParams) -> Verb {
    for warning in &params.warnings {
        log::warn!("stop: {warning}");
    }
    if params.is_kill() { Verb::Kill } else { Verb::Stop(stop_request(&params)) }
}

fn stop_request(params: &StopParams) -> StopRequest {
    // SIGTERM is the default: it stands for the server's own way to stop, if it has one (P-183).
    let signal = match params.signal {
        SignalName::Term => None,
        other => Some(signal(other)),
    };
    StopRequest { signal, grace_seconds: params.grace_seconds }
}

fn signal(name: SignalName) -> Signal {
    match name {
        SignalName::Hup => Signal::Hup,
        SignalName::Int => Signal::Int,
        SignalName::Quit => Signal::Quit,
        SignalName::Abrt => Signal::Abrt,
        SignalName::Kill => Signal::Kill,
        SignalName::Usr1 => Signal::Usr1,
        SignalName::Usr2 => Signal::Usr2,
        SignalName::Term => Signal::Term,
    }
}

fn create(request: CreateRequest) -> CreateServer {
    let mut warnings = request.warnings;
    let mut kept = BTreeMap::new();
    if let Some(InstallScript { script, container, entrypoint }) = request.install {
        if !request.skip_scripts {
            warnings.push("the install script is kept, but this version of the agent does not run it".to_owned());
        }
        kept.insert("install_script".to_owned(), script);
        kept.extend(container.map(|container| ("install_container".to_owned(), container)));
        kept.extend(entrypoint.map(|entrypoint| ("install_entrypoint".to_owned(), entrypoint)));
    }
    for (name, value) in [("config_files", request.config_files), ("config_logs", request.config_logs)] {
        if let Some(value) = value {
            kept.insert(name.to_owned(), serde_json::Value::Object(value).to_string());
        }
    }
    if !request.file_denylist.is_empty() {
        kept.insert("file_denylist".to_owned(), serde_json::json!(request.file_denylist).to_string());
    }
    if request.skip_scripts {
        kept.insert("skip_scripts".to_owned(), "true".to_owned());
    }
    CreateServer {
        name: request.name,
        image: request.image,
        startup: request.startup,
        environment: request.environment,
        limits: limits(request.limits),
        ports: request.ports.into_iter().map(port).collect(),
        stop: match request.stop {
            None => StopMethod::Terminate,
            Some(StopSetting::Command(line)) => StopMethod::Command(line),
            Some(StopSetting::Signal(name)) => StopMethod::Signal(signal(name)),
        },
        startup_done: request.startup_done,
        tty: request.tty,
        oom_killer: request.oom_killer,
        aliases: request.aliases,
        kept,
        warnings,
    }
}

fn limits(limits: LimitsRequest) -> Limits {
    Limits {
        memory_bytes: limits.memory_bytes,
        swap: match limits.swap {
            SwapLimit::None => Swap::None,
            SwapLimit::Unlimited => Swap::Unlimited,
            SwapLimit::Bytes(bytes) => Swap::Bytes(bytes),
        },
        disk_bytes: limits.disk_bytes,
        cpu_millis: limits.cpu_millis,
        io_weight: limits.io_weight,
        threads: limits.threads,
    }
}

fn port(port: PortSpec) -> PortWish {
    PortWish {
        ip: port.ip,
        internal: Some(port.internal),
        external: port.external,
        protocol: Some(match port.protocol {
            Protocol::Tcp => PortProtocol::Tcp,
            Protocol::Udp => PortProtocol::Udp,
        }),
        primary: port.primary,
    }
}
