//! The actions of the contract: canonical names, aliases, and what kind of answer each has.

mod table;
#[cfg(test)]
mod tests;

use table::TABLE;

/// Every action of section 9 of the contract, by its canonical name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the contract's action of that name")]
pub enum Action {
    CreateServer,
    StartServer,
    StopServer,
    RestartServer,
    KillServer,
    ServerPower,
    UpdateServer,
    DeleteServer,
    SuspendServer,
    UnsuspendServer,
    ReinstallServer,
    GetServerStatus,
    GetServerMetrics,
    GetSystemMetrics,
    ListServers,
    GetOperation,
    BindAlias,
    ConsoleStatus,
    ConsoleConnect,
    ConsoleDisconnect,
    ConsoleCommand,
    ConsoleInput,
    ConsoleInterrupt,
    ConsoleClear,
    ConsoleHistory,
    ConsoleDownload,
    ConsoleSettingsGet,
    ConsoleSettingsUpdate,
    ConsoleSubscribe,
    ConsoleUnsubscribe,
    GetConsoleHistory,
    GetServerLogs,
    ListFiles,
    SearchFiles,
    ReadFile,
    WriteFile,
    CreateDirectory,
    DeleteFile,
    RenameFile,
    DownloadFile,
    UploadFile,
    GetFileInfo,
    GetFilePermissions,
    SetFilePermissions,
    CreateArchive,
    ExtractArchive,
    CopyFile,
    MoveFile,
    InstallMod,
    UninstallMod,
    ListMods,
    SystemPing,
    SystemStatus,
    DockerList,
    DockerStart,
    DockerStop,
    DockerRemove,
    DockerInspect,
}

/// How an action is answered (P-17, P-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An operation: answered with its outcome, or at the deadline with this in-progress word.
    Operation {
        /// Such as `stopping`.
        word: &'static str,
    },
    /// `server_power` alone: whatever the action is that its parameters name (P-89).
    AsPowerTarget,
    /// A query: its data is the answer; there is no in-progress answer.
    Query,
}

/// Longest name that is looked up. The longest one there is has 24 characters; a name from outside may have any length.
const MAX_NAME: usize = 64;

impl Action {
    /// All of them, in the order of the contract.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|entry| entry.action)
    }

    /// Looks a name up, folded as P-175 says, among the canonical names and the aliases of P-177.
    pub fn from_name(name: &str) -> Option<Self> {
        let trimmed = name.trim();
        if trimmed.len() > MAX_NAME {
            return None;
        }
        let folded = fold(trimmed);
        let entry = TABLE.iter().find(|entry| fold(entry.name) == folded || entry.aliases.contains(&folded.as_str()));
        entry.map(|entry| entry.action)
    }

    /// The canonical name, as it stands in answers and events.
    pub fn name(self) -> &'static str {
        TABLE[self as usize].name
    }

    /// How it is answered.
    pub fn kind(self) -> Kind {
        TABLE[self as usize].kind
    }

    /// Whether it is about one server and must name it; actions of the node ignore a `serverId`.
    pub fn needs_server(self) -> bool {
        TABLE[self as usize].needs_server
    }
}

/// Lower case, and every separator an underscore (P-175).
fn fold(name: &str) -> String {
    let separators = |character: char| matches!(character, ':' | '.' | '-' | '/') || character.is_whitespace();
    name.chars().map(|character| if separators(character) { '_' } else { character.to_ascii_lowercase() }).collect()
}
