//! What would be noticed if a line of a circuit were missing: the inventory of all rows by check and place.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use support::record;
use tacit_circuits::settlement::shapes;
use tacit_core::params::Params;

#[test]
fn every_row_has_a_check_and_a_place() {
    let (segment, closing) = shapes(&Params::DEV);
    for (name, b) in [("segment", &segment), ("closing", &closing)] {
        record::inventory(name, b);
        let units = record::units_of(name, b);
        assert_eq!(units.iter().map(|(_, rows)| rows.len()).sum::<usize>(), b.n_rows());
    }
}
