//! The program `ctrl-alt-play-agent`.

use std::io::Write;
use std::process::ExitCode;

use cap_agent::cli::{Cli, Command, ConfigArgs, EXIT_USAGE};
use cap_agent::config::{self, Environment, InvalidConfiguration, Loaded};
use cap_agent::store::StoreError;
use cap_agent::{app, logging};
use clap::Parser;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are "errors" of the parser, too, and go to standard output.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(EXIT_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match cli.command {
        Command::Run(args) => run(args),
        Command::CheckConfig(args) => check_config(args),
        Command::ExampleConfig => print(&config::example_file()),
        Command::ConfigReference => print(&config::reference_page()),
    }
}

fn run(args: ConfigArgs) -> ExitCode {
    let Some(Loaded { config, warnings, .. }) = load(args.clone()) else { return ExitCode::from(EXIT_USAGE) };
    if let Err(error) = logging::init(&config.log) {
        say(&format!("error: {error}\n"));
        return ExitCode::FAILURE;
    }
    for warning in warnings {
        log::warn!("configuration: {warning}");
    }
    match actix_rt::System::new().block_on(app::run(config, move || load_and_check(args.clone()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("{error:#}");
            let store_error = error.chain().find_map(|cause| cause.downcast_ref::<StoreError>());
            store_error.map_or(ExitCode::FAILURE, |cause| ExitCode::from(cause.exit_code()))
        }
    }
}

fn check_config(args: ConfigArgs) -> ExitCode {
    let Some(loaded) = load(args) else { return ExitCode::from(EXIT_USAGE) };
    for warning in &loaded.warnings {
        say(&format!("warning: {warning}\n"));
    }
    print(&loaded.effective())
}

/// Loads the configuration, or says everything that is wrong with it.
fn load(args: ConfigArgs) -> Option<Loaded> {
    match load_and_check(args) {
        Ok(loaded) => Some(loaded),
        Err(invalid) => {
            say(&format!("{invalid}\n"));
            None
        }
    }
}

fn load_and_check(args: ConfigArgs) -> Result<Loaded, InvalidConfiguration> {
    config::load(&args.into_inputs(Environment::of_this_process())).and_then(app::checked)
}

/// Writes to standard output. A reader that goes away early, such as `head`, is no failure worth a word.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Writes to standard error, before there is a logger.
fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
