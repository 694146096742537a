//! One test for each hole that an earlier draft of the protocol had: the attack, carried through to the end, and what refuses it.

mod support;

use support::{Attack, market};

#[test]
fn the_honest_market_is_accepted() {
    Attack::on(&market()).run().accepted();
}
#[test]
fn print() {
    let cleared = market().clear();
    for t in &cleared.touches { eprintln!("{:?}", t.orders); }
    eprintln!("{:?}", cleared.auctions);
    let (s, c) = tacit_circuits::settlement::shapes(&tacit_core::params::Params::DEV);
    for (k, v) in s.checks() { eprintln!("S {v:6} {k}"); }
    for (k, v) in c.checks() { eprintln!("C {v:6} {k}"); }
}
