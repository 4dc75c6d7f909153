//! Running other programs, and what becomes of their exit codes.

use std::fmt;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::environment;

/// A program ended with a failure. It has already said why on the terminal.
#[derive(Debug)]
pub(crate) struct CommandFailed {
    /// The program and its arguments.
    line: String,
    /// Its exit code; none if a signal ended it.
    code: Option<i32>,
}

impl fmt::Display for CommandFailed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(formatter, "`{}` failed with exit code {code}", self.line),
            None => write!(formatter, "`{}` was ended by a signal", self.line),
        }
    }
}

impl std::error::Error for CommandFailed {}

/// The exit code this program ends with because of `error`: that of the program that failed, else 1.
pub(crate) fn exit_code(error: &anyhow::Error) -> ExitCode {
    let of_the_program = error.downcast_ref::<CommandFailed>().and_then(|failed| failed.code);
    let code = of_the_program.and_then(|code| u8::try_from(code).ok()).filter(|code| *code != 0);
    ExitCode::from(code.unwrap_or(1))
}

/// Runs a program to its end, its output shown as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line_of(command);
    println!("    $ {line}");
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot run `{line}`"))?;
    if status.success() { Ok(()) } else { Err(CommandFailed { line, code: status.code() }.into()) }
}

/// Whether a program runs and succeeds; its output is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// Runs a program to its end and gives what it wrote to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<Vec<u8>> {
    let line = line_of(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{line}`"))?;
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(CommandFailed { line, code: output.status.code() }.into());
    }
    Ok(output.stdout)
}

/// The cargo that runs us, so that one toolchain builds everything.
pub(crate) fn cargo() -> Command {
    let cargo = environment::variable("CARGO").unwrap_or_else(|| "cargo".to_owned());
    let mut command = Command::new(cargo);
    for name in environment::variables_of_our_package() {
        command.env_remove(name);
    }
    command
}

fn line_of(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failing_with(code: u8) -> anyhow::Error {
        run(Command::new("sh").args(["-c", &format!("exit {code}")])).expect_err("the shell fails")
    }

    #[test]
    fn the_exit_code_of_the_failed_program_is_kept_through_context() {
        let error = failing_with(101).context("step `tests` failed");
        assert_eq!(exit_code(&error), ExitCode::from(101));
    }

    #[test]
    fn any_other_failure_is_exit_code_one() {
        assert_eq!(exit_code(&anyhow::anyhow!("no engine")), ExitCode::from(1));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = run(&mut Command::new("no-such-program-here")).expect_err("it is not there");
        assert!(format!("{error:#}").contains("no-such-program-here"), "{error:#}");
    }
}
