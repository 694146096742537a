//! Runs a target on files, without an engine: `cargo run --release -p tacit-fuzz --example replay TARGET FILE …`.

use std::process::ExitCode;

use tacit_fuzz::target;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(target) = arguments.next().and_then(|name| target(&name)) else {
        eprintln!("name a target and files of inputs");
        return ExitCode::FAILURE;
    };
    for path in arguments {
        match std::fs::read(&path) {
            Ok(bytes) => (target.body)(&bytes),
            Err(error) => {
                eprintln!("{path}: {error}");
                return ExitCode::FAILURE;
            }
        }
        println!("{path}: every promise held");
    }
    ExitCode::SUCCESS
}
