//! `sample-image --socket SOCKET --tag NAME`: makes the sample game server's image in an engine, unless it has it
//! already. For `cargo xtask`, which is to be small and so does not link this crate.

#![allow(clippy::print_stderr, reason = "a program that tells its user why it failed")]

use std::path::PathBuf;
use std::process::ExitCode;

use cap_testkit::image::build_sample_image_blocking;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [socket_flag, socket, tag_flag, tag] = arguments.as_slice() else { return usage() };
    if socket_flag != "--socket" || tag_flag != "--tag" {
        return usage();
    }
    match build_sample_image_blocking(&PathBuf::from(socket), tag) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sample-image: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: sample-image --socket SOCKET --tag NAME");
    ExitCode::from(64)
}
