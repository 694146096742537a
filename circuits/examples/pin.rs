//! Writes the pinned fingerprints of all circuits for every parameter set: run it when a circuit was changed on purpose.

use std::error::Error;
use std::path::Path;

use tacit_circuits::fingerprint::{Pin, Pins};
use tacit_circuits::settlement::matrices;
use tacit_circuits::{escape, exit};
use tacit_core::params::Params;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fingerprints");
    for params in Params::ALL {
        let (segment, closing) = matrices(&params);
        let [exit, escape] = [exit::shape(), escape::shape(&params)].map(|shape| shape.into_parts().0);
        let circuits = [("segment", segment), ("closing", closing), ("exit", exit), ("escape", escape)];
        let pins = circuits.iter().map(|(name, matrices)| ((*name).to_owned(), Pin::of(matrices)));
        std::fs::write(folder.join(format!("{}.json", params.name)), Pins(pins.collect()).to_json())?;
        for (name, matrices) in &circuits {
            println!("{}: {name} {} rows", params.name, matrices.rows());
        }
    }
    Ok(())
}
