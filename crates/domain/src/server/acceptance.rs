//! Whether a request is taken, judged in order of arrival: a pure answer from the situation, nothing is changed here.

use std::collections::VecDeque;
use std::mem::discriminant;

use super::{Request, RequestKind};
use crate::failure::{Failure, FailureCode};
use crate::ids::OperationId;
use crate::phase::Phase;

/// The most operations that wait for one server (P-30). The next one is refused with `SERVER_BUSY`; kill, delete and
/// stop never wait, so they are never refused by it.
pub const MOST_WAITING: usize = 32;

/// What acceptance looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Situation<'a> {
    /// The last known phase.
    pub(super) phase: Phase,
    /// Whether the engine can be asked; if not, nothing "holds".
    pub(super) engine_answers: bool,
    /// Whether a process is there, or may come from a start that is not over.
    pub(super) process: bool,
    /// Whether the agent is about to end.
    pub(super) shutting_down: bool,
    /// The operation under way.
    pub(super) under_way: Option<(&'a OperationId, &'a RequestKind)>,
    /// Those that wait. Only install, start and restart ever do.
    pub(super) waiting: &'a VecDeque<Request>,
}

/// What the new request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PreEmption {
    /// Nothing.
    Nothing,
    /// All that wait; what is under way goes on.
    Waiting,
    /// All that wait and the one under way.
    Everything,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// No.
    Refuse(Failure),
    /// Nothing to do (P-23).
    Holds,
    /// It shares the end of this operation (P-22).
    Join(OperationId, PreEmption),
    /// It becomes an operation.
    Accept(PreEmption),
}

impl Situation<'_> {
    /// Judges a request.
    ///
    /// Beyond the plain table of the contract: a stop that meets a kill, and a stop or kill that meets a delete, join
    /// it, because its end satisfies them and a half-deleted server cannot be brought back by pre-empting it.
    pub(super) fn decide(&self, kind: &RequestKind) -> Decision {
        if self.shutting_down {
            return refuse(FailureCode::ShuttingDown, "the agent is shutting down");
        }
        if self.phase == Phase::Deleted {
            return match kind {
                RequestKind::Delete { .. } => Decision::Holds,
                _ => refuse(FailureCode::ServerNotFound, "the server has been deleted"),
            };
        }
        match kind {
            RequestKind::Delete { .. } => self.decide_delete(),
            RequestKind::Kill => self.decide_kill(),
            RequestKind::Stop(_) => self.decide_stop(),
            RequestKind::Start | RequestKind::Restart(_) => self.decide_start(kind),
            RequestKind::Install => self.decide_install(),
        }
    }

    fn decide_delete(&self) -> Decision {
        match self.under_way {
            Some((id, RequestKind::Delete { .. })) => Decision::Join(id.clone(), PreEmption::Waiting),
            _ => Decision::Accept(PreEmption::Everything),
        }
    }

    fn decide_kill(&self) -> Decision {
        match self.under_way {
            Some((id, RequestKind::Kill | RequestKind::Delete { .. })) => {
                Decision::Join(id.clone(), PreEmption::Waiting)
            }
            None if self.nothing_to_end() => Decision::Holds,
            _ => Decision::Accept(PreEmption::Everything),
        }
    }

    fn decide_stop(&self) -> Decision {
        if self.install_in_line() {
            return busy_installing();
        }
        match self.under_way {
            Some((id, RequestKind::Stop(_) | RequestKind::Kill | RequestKind::Delete { .. })) => {
                Decision::Join(id.clone(), PreEmption::Waiting)
            }
            None if self.nothing_to_end() => Decision::Holds,
            _ => Decision::Accept(PreEmption::Everything),
        }
    }

    fn decide_start(&self, kind: &RequestKind) -> Decision {
        if self.install_in_line() {
            return busy_installing();
        }
        match self.phase {
            Phase::Suspended => return refuse(FailureCode::ServerSuspended, "the server is suspended"),
            Phase::InstallFailed => {
                return refuse(FailureCode::InstallFailed, "install failed; create it again");
            }
            _ => {}
        }
        if let Some(id) = self.last_in_line_if_same(kind) {
            return Decision::Join(id.clone(), PreEmption::Nothing);
        }
        let runs = self.engine_answers && self.phase == Phase::Running;
        if matches!(kind, RequestKind::Start) && self.under_way.is_none() && runs {
            return Decision::Holds;
        }
        self.accept_if_room()
    }

    /// An installed server keeps its container when it is created again (P-151), so there is nothing to install.
    fn decide_install(&self) -> Decision {
        if let Some(id) = self.last_in_line_if_same(&RequestKind::Install) {
            return Decision::Join(id.clone(), PreEmption::Nothing);
        }
        let being_deleted = matches!(self.under_way, Some((_, RequestKind::Delete { .. })));
        if !matches!(self.phase, Phase::Installing | Phase::InstallFailed) && !being_deleted {
            return Decision::Holds;
        }
        self.accept_if_room()
    }

    fn accept_if_room(&self) -> Decision {
        if self.waiting.len() >= MOST_WAITING {
            return refuse(FailureCode::ServerBusy, "too many operations wait for this server");
        }
        Decision::Accept(PreEmption::Nothing)
    }

    /// The last operation in line, if it is the same: with nothing after it, running it twice would change nothing.
    fn last_in_line_if_same(&self, kind: &RequestKind) -> Option<&OperationId> {
        let (id, last) = match self.waiting.back() {
            Some(request) => (&request.operation, &request.kind),
            None => self.under_way?,
        };
        (discriminant(last) == discriminant(kind)).then_some(id)
    }

    /// Whether an install is under way or waits (P-25), or is about to be asked for by the owner of a new server.
    fn install_in_line(&self) -> bool {
        self.phase == Phase::Installing
            || matches!(self.under_way, Some((_, RequestKind::Install)))
            || self.waiting.iter().any(|request| request.kind == RequestKind::Install)
    }

    fn nothing_to_end(&self) -> bool {
        self.engine_answers && !self.process && self.phase != Phase::Installing
    }
}

fn refuse(code: FailureCode, message: &str) -> Decision {
    Decision::Refuse(Failure::new(code, message))
}

fn busy_installing() -> Decision {
    refuse(FailureCode::ServerBusy, "the server is being installed")
}
