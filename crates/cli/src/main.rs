//! The `equipoise` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(equipoise_cli::main_with(std::env::args_os()))
}
