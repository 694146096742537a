//! A hostile operator: he holds the prover, and tries each way by which the protocol's promises could be broken, on batches that are
//! valid but for his mutation. Everything that follows from it he recomputes honestly, so that one check stands against him, and the
//! table says which: exactly the rows of this name, or the contract, refuse. Without them the batch would pass.
//!
//! Numbers are those of the list of attacks that the project was planned with, letters the ways to go about them. Where two checks fall
//! of necessity the table says why. What proofs cannot refuse, and what there is no circuit for yet, stands in it too.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod accounts;
mod batches;
mod cash;
mod fills;
mod pretence;
mod prices;
mod proofs;
mod published;
mod signatures;
mod state;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeSet;

use pretence::Valid;
use support::scene::Dice;
use support::{Attack, record};

/// Makes the attack of a valid batch, or none where the batch gives no occasion.
type Make = fn(&Valid, &mut Dice) -> Option<Attack>;

/// What becomes of an attack.
enum Kind {
    /// It is tried on many batches.
    Tried(Make),
    /// There is no circuit for it yet: where it will come.
    Later(&'static str),
    /// No proof can refuse it: why, and what stands against it.
    Inexpressible(&'static str),
}

/// One way to cheat.
struct Mutator {
    /// Number of the attack.
    number: u8,
    /// Which way.
    letter: char,
    /// What the operator does.
    name: &'static str,
    /// What refuses it, all of it: names of checks, of public inputs, "contract".
    by: &'static [&'static str],
    /// Why more than one check falls; empty where one does.
    why: &'static str,
    kind: Kind,
}

const fn tried(number: u8, letter: char, name: &'static str, by: &'static [&'static str], make: Make) -> Mutator {
    Mutator { number, letter, name, by, why: "", kind: Kind::Tried(make) }
}

const fn later(number: u8, letter: char, name: &'static str, place: &'static str) -> Mutator {
    Mutator { number, letter, name, by: &[], why: "", kind: Kind::Later(place) }
}

const fn inexpressible(number: u8, letter: char, name: &'static str, reason: &'static str) -> Mutator {
    Mutator { number, letter, name, by: &[], why: "", kind: Kind::Inexpressible(reason) }
}

impl Mutator {
    const fn because(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }

    fn label(&self) -> String {
        format!("{}{}", self.number, self.letter)
    }

    /// Tries it on as many batches as asked for; what did not hold.
    fn tried(&self) -> Vec<String> {
        let Kind::Tried(make) = self.kind else { return Vec::new() };
        let (wanted, mut met, mut seed) = (batches::wanted(), 0, 0);
        let mut wrong = Vec::new();
        while met < wanted && seed < batches::MOST {
            if let Some(attack) = make(&batches::valid(seed), &mut Dice(seed ^ u64::from(self.number) << 32)) {
                wrong.extend(self.wrong(attack, seed));
                met += 1;
            }
            seed += 1;
        }
        if met < wanted {
            wrong.push(format!("{} ({}): occasion in {met} of {seed} batches only", self.label(), self.name));
        }
        wrong
    }

    /// What is not as the table says about an attack.
    fn wrong(&self, attack: Attack, seed: u64) -> Option<String> {
        let verdict = attack.run();
        let (reasons, expected) = (verdict.reasons(), self.by.iter().copied().collect::<BTreeSet<_>>());
        let said = format!("{} ({}), batch {seed}: ", self.label(), self.name);
        let contract = &verdict.contract;
        (reasons != expected)
            .then(|| said + &format!("refused by {reasons:?}, not {expected:?}; contract: {contract:?}"))
    }

    /// A line for the document that is made of the suite.
    fn record(&self) {
        let by = self.by.join(", ");
        let (by, remark) = match self.kind {
            Kind::Tried(_) => (by.as_str(), self.why),
            Kind::Later(place) => ("later", place),
            Kind::Inexpressible(reason) => ("not provable", reason),
        };
        record::line("operator", &[&self.label(), self.name, by, remark]);
    }
}

/// All attacks, by subject.
const SUBJECTS: [(&str, &[Mutator]); 7] = [
    ("signatures", signatures::MUTATORS),
    ("fills", fills::MUTATORS),
    ("prices", prices::MUTATORS),
    ("accounts", accounts::MUTATORS),
    ("cash", cash::MUTATORS),
    ("state", state::MUTATORS),
    ("published", published::MUTATORS),
];

fn hold_all(mutators: &[Mutator]) {
    let wrong: Vec<String> = mutators.iter().flat_map(Mutator::tried).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    mutators.iter().for_each(Mutator::record);
}

#[test]
fn signatures_nonces_and_windows_cannot_be_got_around() {
    hold_all(signatures::MUTATORS);
}

#[test]
fn fills_cannot_be_other_than_the_auction_gives() {
    hold_all(fills::MUTATORS);
}

#[test]
fn prices_and_tables_cannot_be_chosen() {
    hold_all(prices::MUTATORS);
}

#[test]
fn accounts_positions_and_margin_cannot_be_misstated() {
    hold_all(accounts::MUTATORS);
}

#[test]
fn cash_appears_nowhere_and_leaves_only_if_it_is_free() {
    hold_all(cash::MUTATORS);
}

#[test]
fn state_and_padding_cannot_be_forged() {
    hold_all(state::MUTATORS);
}

#[test]
fn what_is_published_is_what_was_proven() {
    hold_all(published::MUTATORS);
}

#[test]
fn the_batches_are_accepted_before_they_are_attacked() {
    for seed in 0..batches::wanted() {
        batches::valid(seed).attacked().run().accepted();
    }
}

#[test]
fn every_attack_of_the_list_has_its_place() {
    let all: Vec<&Mutator> = SUBJECTS.iter().flat_map(|(_, mutators)| mutators.iter()).collect();
    let numbers: BTreeSet<u8> = all.iter().map(|m| m.number).collect();
    assert_eq!(numbers, (1..=25).collect());
    let labels: BTreeSet<String> = all.iter().map(|m| m.label()).collect();
    assert_eq!(labels.len(), all.len(), "a number and letter stand for one attack");
    for mutator in all {
        let tried = matches!(mutator.kind, Kind::Tried(_));
        assert_eq!(tried, !mutator.by.is_empty(), "{}: what is tried is refused by something", mutator.label());
        assert_eq!(mutator.by.len() > 1, !mutator.why.is_empty(), "{}: two checks need a reason", mutator.label());
    }
}
