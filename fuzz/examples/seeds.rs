//! Writes the seeds of every target into its corpus, anew: `cargo run --release -p tacit-fuzz --example seeds`. Finds stay.

use std::fs;
use std::io;
use std::path::Path;

use tacit_fuzz::TARGETS;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in TARGETS {
        let folder = corpus.join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in (target.seeds)() {
            let plain: String =
                name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '-' }).collect();
            fs::write(folder.join(format!("seed-{}", plain.replace("--", "-"))), bytes)?;
        }
    }
    Ok(())
}
