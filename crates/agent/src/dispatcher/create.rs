//! Create: from what a caller asks for to a spec this node allows (P-149 to P-166, invariant 11).

use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use cap_domain::command::{Answer, Command, CreateServer, Verb};
use cap_domain::failure::{Failure, FailureCode};
use cap_domain::identity::Replace;
use cap_domain::ids::ServerId;
use cap_domain::ports::{self, TakenPorts};
use cap_domain::server::RequestKind;
use cap_domain::spec::{Origin, PortBinding, PortProtocol, ServerSpec};

use super::admission::done;
use super::operations::AnswerShape;
use super::{Dispatcher, NodePolicy, Pending};
use crate::reply::Reply;
use crate::server::{ReplaceSpec, Replaced};

/// The largest configuration of one server, in bytes of JSON.
const MAX_SPEC_BYTES: usize = 2 << 20;

impl Dispatcher {
    pub(super) fn create(
        &mut self,
        command: Command,
        pending: Pending,
        ctx: &mut Context<Self>,
    ) -> Result<(), Box<(Failure, Pending)>> {
        let Verb::Create(wish) = &command.verb else { return Ok(()) };
        let (server, existing) = match self.whom_to_create(&command) {
            Ok(found) => found,
            Err(failure) => return Err(Box::new((failure, pending))),
        };
        let spec = match self.spec_for(&server, wish, existing) {
            Ok(spec) => spec,
            Err(failure) => return Err(Box::new((failure, pending))),
        };
        let shape = AnswerShape::Created { existing, warnings: wish.warnings.clone() };
        let operation = self.new_operation(&server, &command, shape);
        if existing {
            self.replace_spec(spec, operation, pending, ctx);
        } else {
            self.add_server(spec, &wish.aliases, ctx);
            self.begin_operation(operation, RequestKind::Install, pending, ctx);
        }
        Ok(())
    }

    /// The id a create is for: a server that exists, by id or uuid or explicit alias, or a new one.
    fn whom_to_create(&self, command: &Command) -> Result<(ServerId, bool), Failure> {
        let Some(target) = command.target.as_deref() else {
            return Err(Failure::new(FailureCode::InvalidRequest, "serverId is missing"));
        };
        for other in &command.other_targets {
            self.registry.agree(target, other)?;
        }
        match self.registry.resolve_for_removal(target) {
            Ok(server) => Ok((server, true)),
            Err(failure) if failure.code == FailureCode::ServerNotFound => {
                let server = ServerId::parse(target)
                    .map_err(|error| Failure::new(FailureCode::InvalidServerId, error.to_string()))?;
                Ok((server, false))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Everything that can be checked without Docker is checked here: an error creates nothing (P-150).
    fn spec_for(&self, server: &ServerId, wish: &CreateServer, existing: bool) -> Result<ServerSpec, Failure> {
        check_policy(&self.policy, wish)?;
        if !existing && self.policy.max_servers.is_some_and(|most| self.servers.len() >= most) {
            return Err(Failure::new(FailureCode::PolicyDenied, "this node takes no more servers"));
        }
        let mut spec = ServerSpec {
            id: server.clone(),
            name: wish.name.clone().unwrap_or_else(|| server.to_string()),
            image: wish.image.clone(),
            startup: wish.startup.clone(),
            environment: wish.environment.clone(),
            limits: wish.limits.clone(),
            ports: Vec::new(),
            stop: wish.stop.clone(),
            startup_done: wish.startup_done.clone(),
            tty: wish.tty.unwrap_or(self.policy.tty),
            oom_killer: wish.oom_killer,
            origin: self.servers.get(server).map_or(Origin::Created, |entry| entry.spec.origin.created_over()),
            kept: wish.kept.clone(),
        };
        check_size(&spec)?;
        // A start line that cannot be split, or a readiness text that is no expression, is told now and not at the start.
        self.shared.planner.check(&spec)?;
        if !wish.ports.is_empty() {
            let taken = self.taken_but_by(server, &wish.ports.iter().map(|port| port.external).collect::<Vec<_>>());
            spec.ports = ports::allocate(
                &wish.ports,
                &spec.environment,
                &[],
                &taken,
                self.policy.port_range,
                self.policy.port_ip,
            )?;
        } else if let Some(entry) = self.servers.get(server) {
            // Ports once given stay, so that players find the server where it was.
            spec.ports.clone_from(&entry.spec.ports);
        }
        Ok(spec)
    }

    fn replace_spec(
        &mut self,
        spec: ServerSpec,
        operation: super::operations::Operation,
        pending: Pending,
        ctx: &mut Context<Self>,
    ) {
        let server = spec.id.clone();
        let Some(entry) = self.servers.get(&server) else { return };
        let actor = entry.actor.clone();
        let unchanged = same_configuration(&entry.spec, &spec);
        // The actor has it before any command that comes after this one: a start behind it starts the new one (P-26).
        let replaced = actor.send(ReplaceSpec { spec: spec.clone(), unchanged });
        // Spoken for until the actor has answered, so that no other server is given them meanwhile.
        self.promised_ports.insert(operation.id.clone(), (server.clone(), spec.ports.clone()));
        let then = replaced.into_actor(self).map(move |replaced, this, ctx| {
            this.promised_ports.remove(&operation.id);
            match replaced {
                Ok(Replaced::Taken(status)) => {
                    let ports = this.take_spec(spec);
                    let warnings = match operation.shape {
                        AnswerShape::Created { warnings, .. } => warnings,
                        _ => Vec::new(),
                    };
                    this.answer(
                        pending,
                        done(Some(server), Reply::Created { status, existing: true, ports, warnings }),
                    );
                }
                Ok(Replaced::ToInstall) => {
                    this.take_spec(spec);
                    this.begin_operation(operation, RequestKind::Install, pending, ctx);
                }
                Ok(Replaced::Refused(failure)) => this.refuse_for_now(pending, failure),
                Err(_) => {
                    let failure = Failure::new(FailureCode::Interrupted, "the server's supervisor is being restarted");
                    this.answer(pending, Answer::Failed { failure });
                }
            }
        });
        ctx.spawn(then);
    }

    /// Keeps and stores a spec that its server has taken; gives the ports the server has now.
    fn take_spec(&mut self, mut spec: ServerSpec) -> Vec<PortBinding> {
        let Some(entry) = self.servers.get_mut(&spec.id) else { return Vec::new() };
        if spec.ports.is_empty() {
            spec.ports.clone_from(&entry.spec.ports);
        }
        entry.spec = spec.clone();
        self.store_spec(&spec);
        spec.ports
    }

    /// Binds the names a create gave (P-166). One that cannot be bound is a warning in the log, never a failed create.
    pub(super) fn bind_given_aliases(&mut self, server: &ServerId, aliases: &[String]) {
        for alias in aliases {
            match self.registry.bind(alias, server, Replace::Refuse) {
                Ok(Some(binding)) => self.store_alias(binding),
                Ok(None) => {}
                Err(failure) => log::warn!("alias not bound: server_id={server} error={}", failure.message),
            }
        }
    }

    /// Ports for a server that named none, now that its image can say what it exposes (P-164).
    pub(super) fn allocate_for(
        &mut self,
        server: &ServerId,
        exposed: &[(u16, PortProtocol)],
    ) -> Result<Vec<PortBinding>, Failure> {
        let entry = self.entry(server)?;
        if !entry.spec.ports.is_empty() {
            return Ok(entry.spec.ports.clone());
        }
        let mut taken = self.taken_but_by(server, &[]);
        let environment = entry.spec.environment.clone();
        let (range, ip) = (self.policy.port_range, self.policy.port_ip);
        // Other programs of the host use ports, too: what cannot be bound now is passed over.
        let ports = loop {
            let ports = ports::allocate(&[], &environment, exposed, &taken, range, ip)?;
            let in_use: Vec<&PortBinding> = ports.iter().filter(|port| !can_bind(port)).collect();
            if in_use.is_empty() {
                break ports;
            }
            for port in in_use {
                taken.insert((port.external, port.protocol));
            }
        };
        if let Some(entry) = self.servers.get_mut(server) {
            entry.spec.ports.clone_from(&ports);
            let spec = entry.spec.clone();
            self.store_spec(&spec);
        }
        Ok(ports)
    }

    /// What other servers have, and of the wished ports those that other programs use.
    fn taken_but_by(&self, server: &ServerId, wished: &[u16]) -> TakenPorts {
        let mut taken = TakenPorts::default();
        let given = self.servers.iter().map(|(id, entry)| (id, &entry.spec.ports));
        let promised = self.promised_ports.values().map(|(id, ports)| (id, ports));
        for (_, ports) in given.chain(promised).filter(|(id, _)| *id != server) {
            taken.extend(ports.iter().map(|port| (port.external, port.protocol)));
        }
        let own: Vec<u16> = self
            .servers
            .get(server)
            .map(|entry| entry.spec.ports.iter().map(|port| port.external).collect())
            .unwrap_or_default();
        for external in wished.iter().filter(|external| !own.contains(external)) {
            for protocol in [PortProtocol::Tcp, PortProtocol::Udp] {
                let ip = self.policy.port_ip;
                let port = PortBinding { ip, internal: *external, external: *external, protocol, primary: false };
                if !can_bind(&port) {
                    taken.insert((port.external, port.protocol));
                }
            }
        }
        taken
    }
}

/// Local policy: what a panel may not decide (S-33).
fn check_policy(policy: &NodePolicy, wish: &CreateServer) -> Result<(), Failure> {
    let denied = |message: String| Err(Failure::new(FailureCode::PolicyDenied, message));
    if !policy.allowed_images.allows(&wish.image) {
        return denied(format!("image {} is not allowed on this node", wish.image));
    }
    if let Some(most) = policy.max_memory_bytes
        && wish.limits.memory_bytes.is_none_or(|asked| asked > most)
    {
        return denied(format!("limits.memory is above this node's ceiling of {} M", most >> 20));
    }
    if let Some(most) = policy.max_cpu_millis
        && wish.limits.cpu_millis.is_none_or(|asked| asked > most)
    {
        return denied(format!("limits.cpu is above this node's ceiling of {} %", most / 10));
    }
    Ok(())
}

/// A spec is kept in memory and in the store for as long as its server, and the kernel takes no larger environment.
fn check_size(spec: &ServerSpec) -> Result<(), Failure> {
    // Plain data: it always has a JSON form.
    let bytes = serde_json::to_vec(spec).map_or(usize::MAX, |json| json.len());
    if bytes <= MAX_SPEC_BYTES {
        return Ok(());
    }
    let message = format!("the configuration is larger than {} K", MAX_SPEC_BYTES >> 10);
    Err(Failure::new(FailureCode::ConfigInvalid, message))
}

fn same_configuration(one: &ServerSpec, other: &ServerSpec) -> bool {
    let without_ports = |spec: &ServerSpec| ServerSpec { ports: Vec::new(), ..spec.clone() };
    without_ports(one) == without_ports(other)
}

/// Whether nobody on the host listens there. A moment later somebody may: then the start says so.
fn can_bind(port: &PortBinding) -> bool {
    let ip = if port.ip.is_unspecified() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { port.ip };
    match port.protocol {
        PortProtocol::Tcp => TcpListener::bind((ip, port.external)).is_ok(),
        PortProtocol::Udp => UdpSocket::bind((ip, port.external)).is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_somebody_listens_on_cannot_be_bound() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let external = listener.local_addr().unwrap().port();
        let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let port = PortBinding { ip, internal: 1, external, protocol: PortProtocol::Tcp, primary: true };
        assert!(!can_bind(&port));
        drop(listener);
        assert!(can_bind(&port));
    }
}
