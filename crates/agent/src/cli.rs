//! The command line.

use std::fmt;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::{Environment, Inputs};

/// Exit code for a command line or configuration that cannot be used (`EX_USAGE` of sysexits.h).
pub const EXIT_USAGE: u8 = 64;

/// Runs game servers in Docker containers for a Ctrl-Alt-Play panel.
#[derive(Clone, Debug, Parser)]
#[command(name = "ctrl-alt-play-agent", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the agent until SIGTERM or SIGINT
    Run(ConfigArgs),
    /// Print the configuration in force, with secrets redacted and where each value came from
    CheckConfig(ConfigArgs),
    /// Print an example configuration file with every key
    ExampleConfig,
    /// Print the reference of all keys as Markdown
    ConfigReference,
}

/// Where the configuration comes from.
#[derive(Clone, Args)]
pub struct ConfigArgs {
    /// Configuration file (TOML); without it, environment and flags must do
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Set one key, over file and environment; may be repeated
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
    /// Short for --set log.level=LEVEL
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
}

/// A secret may have been set by a flag; flags are counted, not shown.
impl fmt::Debug for ConfigArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigArgs").field("config", &self.config).field("set", &self.set.len()).finish_non_exhaustive()
    }
}

impl ConfigArgs {
    /// The same, as the configuration takes it.
    pub fn into_inputs(self, environment: Environment) -> Inputs {
        let mut flags = self.set;
        flags.extend(self.log_level.map(|level| format!("log.level={level}")));
        Inputs { file: self.config, environment, flags }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_inputs_in_their_order_with_the_log_level_last() {
        let args =
            ["agent", "run", "--config", "a.toml", "--set", "node.id=a", "--log-level", "debug", "--set", "node.id=b"];
        let Command::Run(args) = Cli::try_parse_from(args).unwrap().command else { panic!("not run") };
        let inputs = args.into_inputs(Environment::default());
        assert_eq!(inputs.file, Some(PathBuf::from("a.toml")));
        assert_eq!(inputs.flags, ["node.id=a", "node.id=b", "log.level=debug"]);
    }
}
