//! Calls, and the trouble that can be made for them.

use std::time::Duration;

/// The calls of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names are those of the port")]
pub enum Call {
    Info,
    List,
    Look,
    Inspect,
    Image,
    Pull,
    Create,
    Attach,
    Start,
    Signal,
    Unpause,
    Remove,
    Logs,
    Events,
    Figures,
}

impl Call {
    /// The name that errors carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::List => "list",
            Self::Look => "look",
            Self::Inspect => "inspect",
            Self::Image => "image",
            Self::Pull => "pull",
            Self::Create => "create",
            Self::Attach => "attach",
            Self::Start => "start",
            Self::Signal => "signal",
            Self::Unpause => "unpause",
            Self::Remove => "remove",
            Self::Logs => "logs",
            Self::Events => "events",
            Self::Figures => "figures",
        }
    }

    /// Whether it changes something, and so has the longer deadline.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Start | Self::Signal | Self::Unpause | Self::Remove)
    }
}

/// What goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is done, and no answer comes until the trouble is healed or the deadline is over.
    Hangs,
    /// It is done, and the answer is lost: the call ends at its deadline.
    DoneWithoutAnswer,
    /// It is done after so long, even if nobody waits for it any more.
    Slow(Duration),
    /// The engine fails with these words.
    Fails(String),
    /// The engine refuses with these words, as it does with a name that is taken.
    Refuses(String),
    /// The call panics: for what must outlive a mistake in its caller.
    Panics,
    /// The engine says that this port is taken.
    PortTaken(u16),
}
