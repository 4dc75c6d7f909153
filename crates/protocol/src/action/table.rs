//! The table behind [`Action`]: one row per action, in the order of the enum.

use super::{Action, Kind};

/// One action.
pub(super) struct Entry {
    pub(super) action: Action,
    /// Canonical.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) needs_server: bool,
    /// Other names (P-177), folded.
    pub(super) aliases: &'static [&'static str],
}

const fn server(action: Action, name: &'static str, kind: Kind, aliases: &'static [&'static str]) -> Entry {
    Entry { action, name, kind, needs_server: true, aliases }
}

const fn node(action: Action, name: &'static str, kind: Kind, aliases: &'static [&'static str]) -> Entry {
    Entry { action, name, kind, needs_server: false, aliases }
}

/// Row `n` is the action whose discriminant is `n`; a test holds this together.
pub(super) static TABLE: [Entry; 58] = [
    server(Action::CreateServer, "create_server", Kind::Operation { word: "creating" }, &["server_create", "create"]),
    server(Action::StartServer, "start_server", Kind::Operation { word: "starting" }, &["server_start", "start"]),
    server(Action::StopServer, "stop_server", Kind::Operation { word: "stopping" }, &["server_stop", "stop"]),
    server(
        Action::RestartServer,
        "restart_server",
        Kind::Operation { word: "restarting" },
        &["server_restart", "restart", "reboot_server"],
    ),
    server(Action::KillServer, "kill_server", Kind::Operation { word: "stopping" }, &["server_kill", "kill"]),
    server(Action::ServerPower, "server_power", Kind::AsPowerTarget, &["power", "power_action"]),
    server(Action::UpdateServer, "update_server", Kind::Operation { word: "updating" }, &["server_update", "update"]),
    server(
        Action::DeleteServer,
        "delete_server",
        Kind::Operation { word: "deleting" },
        &["server_delete", "delete", "remove_server"],
    ),
    server(
        Action::SuspendServer,
        "suspend_server",
        Kind::Operation { word: "suspending" },
        &["server_suspend", "suspend"],
    ),
    server(
        Action::UnsuspendServer,
        "unsuspend_server",
        Kind::Operation { word: "unsuspending" },
        &["server_unsuspend", "unsuspend"],
    ),
    server(
        Action::ReinstallServer,
        "reinstall_server",
        Kind::Operation { word: "reinstalling" },
        &["server_reinstall", "reinstall"],
    ),
    server(Action::GetServerStatus, "get_server_status", Kind::Query, &["get_status", "server_status", "status"]),
    server(Action::GetServerMetrics, "get_server_metrics", Kind::Query, &["server_metrics", "get_metrics"]),
    node(Action::GetSystemMetrics, "get_system_metrics", Kind::Query, &["system_metrics"]),
    node(Action::ListServers, "list_servers", Kind::Query, &["server_list"]),
    node(Action::GetOperation, "get_operation", Kind::Query, &["operation_get"]),
    server(Action::BindAlias, "bind_alias", Kind::Query, &["alias_bind"]),
    server(Action::ConsoleStatus, "console:status", Kind::Query, &[]),
    server(Action::ConsoleConnect, "console:connect", Kind::Query, &[]),
    server(Action::ConsoleDisconnect, "console:disconnect", Kind::Query, &[]),
    server(
        Action::ConsoleCommand,
        "console:command",
        Kind::Query,
        &["server_command", "send_server_command", "send_command", "send_console_command"],
    ),
    server(Action::ConsoleInput, "console:input", Kind::Query, &[]),
    server(Action::ConsoleInterrupt, "console:interrupt", Kind::Query, &[]),
    server(Action::ConsoleClear, "console:clear", Kind::Query, &[]),
    server(Action::ConsoleHistory, "console:history", Kind::Query, &[]),
    server(Action::ConsoleDownload, "console:download", Kind::Query, &[]),
    server(Action::ConsoleSettingsGet, "console:settings:get", Kind::Query, &[]),
    server(Action::ConsoleSettingsUpdate, "console:settings:update", Kind::Query, &[]),
    server(Action::ConsoleSubscribe, "console:subscribe", Kind::Query, &[]),
    server(Action::ConsoleUnsubscribe, "console:unsubscribe", Kind::Query, &[]),
    server(Action::GetConsoleHistory, "get_console_history", Kind::Query, &["console_page"]),
    server(Action::GetServerLogs, "get_server_logs", Kind::Query, &["server_logs", "get_logs"]),
    server(Action::ListFiles, "list_files", Kind::Query, &["file_list", "files_list"]),
    server(Action::SearchFiles, "search_files", Kind::Query, &["file_search"]),
    server(Action::ReadFile, "read_file", Kind::Query, &["file_read", "get_file"]),
    server(Action::WriteFile, "write_file", Kind::Query, &["file_write", "put_file"]),
    server(Action::CreateDirectory, "create_directory", Kind::Query, &["mkdir", "file_mkdir"]),
    server(Action::DeleteFile, "delete_file", Kind::Operation { word: "deleting" }, &["file_delete", "remove_file"]),
    server(Action::RenameFile, "rename_file", Kind::Query, &["file_rename"]),
    server(Action::DownloadFile, "download_file", Kind::Query, &["file_download"]),
    server(Action::UploadFile, "upload_file", Kind::Query, &["file_upload"]),
    server(Action::GetFileInfo, "get_file_info", Kind::Query, &["file_info", "stat_file"]),
    server(Action::GetFilePermissions, "get_file_permissions", Kind::Query, &["file_permissions"]),
    server(Action::SetFilePermissions, "set_file_permissions", Kind::Query, &["chmod", "chmod_file", "file_chmod"]),
    server(
        Action::CreateArchive,
        "create_archive",
        Kind::Operation { word: "archiving" },
        &["archive", "compress_files"],
    ),
    server(
        Action::ExtractArchive,
        "extract_archive",
        Kind::Operation { word: "extracting" },
        &["extract", "decompress_file"],
    ),
    server(Action::CopyFile, "copy_file", Kind::Operation { word: "copying" }, &["file_copy"]),
    server(Action::MoveFile, "move_file", Kind::Query, &["file_move"]),
    server(Action::InstallMod, "install_mod", Kind::Operation { word: "installing" }, &["mod_install"]),
    server(
        Action::UninstallMod,
        "uninstall_mod",
        Kind::Operation { word: "removing" },
        &["mod_uninstall", "remove_mod"],
    ),
    server(Action::ListMods, "list_mods", Kind::Query, &["mod_list"]),
    node(Action::SystemPing, "system.ping", Kind::Query, &[]),
    node(Action::SystemStatus, "system.status", Kind::Query, &[]),
    node(Action::DockerList, "docker.list", Kind::Query, &[]),
    node(Action::DockerStart, "docker.start", Kind::Query, &[]),
    node(Action::DockerStop, "docker.stop", Kind::Query, &[]),
    node(Action::DockerRemove, "docker.remove", Kind::Query, &[]),
    node(Action::DockerInspect, "docker.inspect", Kind::Query, &[]),
];
