//! Writes the pinned fingerprints of both circuits for every parameter set: run it when a circuit was changed on purpose.

use std::error::Error;
use std::path::Path;

use tacit_circuits::fingerprint::{Pin, Pins};
use tacit_circuits::settlement::matrices;
use tacit_core::params::Params;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fingerprints");
    for params in Params::ALL {
        let (segment, closing) = matrices(&params);
        let pins = Pins([("segment".into(), Pin::of(&segment)), ("closing".into(), Pin::of(&closing))].into());
        std::fs::write(folder.join(format!("{}.json", params.name)), pins.to_json())?;
        println!("{}: segment {} rows, closing {} rows", params.name, segment.rows(), closing.rows());
    }
    Ok(())
}
