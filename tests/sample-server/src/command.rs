//! What can be typed into the console.

use crate::escape::unescape;

/// One line of the console, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Nothing was typed.
    Nothing,
    /// `help`.
    Help,
    /// `say TEXT`: a chat line.
    Say(String),
    /// `list`: who is on.
    List,
    /// `stop`: save and end with 0.
    Stop,
    /// `exit`: end with 0 at once, without saving.
    Exit,
    /// `crash [CODE]`: a stack trace on stderr, and that exit code (1 if none is given).
    Crash(u8),
    /// `flood N`: N numbered lines of 100 bytes, as fast as they go.
    Flood(u64),
    /// `eat MB`: takes and touches so many MiB more.
    Eat(usize),
    /// `hang`: from then on neither signals nor the console are heard.
    Hang,
    /// `stderr TEXT`: a line on stderr.
    Stderr(String),
    /// `raw BYTES`: exactly these bytes, `\xNN`, `\n`, `\r`, `\t`, `\0`, `\e` and `\\` understood, nothing added.
    Raw(Vec<u8>),
    /// `env NAME`: the value of a variable.
    Env(String),
    /// Anything else, or a known word with a bad argument.
    Unknown,
}

impl Command {
    /// Understands one line, with or without the slash that players write in front.
    pub(crate) fn parse(line: &str) -> Self {
        let line = line.trim_start();
        let line = line.strip_prefix('/').unwrap_or(line);
        let (word, rest) = line.split_once(' ').unwrap_or((line.trim_end(), ""));
        let argument = rest.trim();
        match word {
            "" => Self::Nothing,
            "help" => Self::Help,
            "say" => Self::Say(rest.to_owned()),
            "list" => Self::List,
            "stop" => Self::Stop,
            "exit" => Self::Exit,
            "crash" if argument.is_empty() => Self::Crash(1),
            "crash" => argument.parse().map_or(Self::Unknown, Self::Crash),
            "flood" => argument.parse().map_or(Self::Unknown, Self::Flood),
            "eat" => argument.parse().map_or(Self::Unknown, Self::Eat),
            "hang" => Self::Hang,
            "stderr" => Self::Stderr(rest.to_owned()),
            "raw" => unescape(rest).map_or(Self::Unknown, Self::Raw),
            "env" if !argument.is_empty() => Self::Env(argument.to_owned()),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood_as_players_type_them() {
        for (line, command) in [
            ("", Command::Nothing),
            ("  ", Command::Nothing),
            ("list", Command::List),
            ("/stop ", Command::Stop),
            ("say hello  world", Command::Say("hello  world".to_owned())),
            ("say", Command::Say(String::new())),
            ("crash", Command::Crash(1)),
            ("crash 42", Command::Crash(42)),
            ("crash 256", Command::Unknown),
            ("flood 1000", Command::Flood(1000)),
            ("flood", Command::Unknown),
            ("eat 64", Command::Eat(64)),
            ("raw a\\n\\x00", Command::Raw(b"a\n\0".to_vec())),
            ("raw \\xZZ", Command::Unknown),
            ("env SERVER_PORT", Command::Env("SERVER_PORT".to_owned())),
            ("dance", Command::Unknown),
        ] {
            assert_eq!(Command::parse(line), command, "{line:?}");
        }
    }
}
