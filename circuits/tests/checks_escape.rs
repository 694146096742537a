//! Each check of the escape circuit refuses what it is there for: for every name an account that breaks it and nothing else.
//!
//! As `checks_exit`. Root, equity and settled words are derived from the lie; so a row falls only where the lie meets a check, and not
//! because the outcome is another.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::BTreeSet;

use ark_ff::{AdditiveGroup, Field};
use support::owners::{Case, Told, Which, account, assert_with_the_equation, on, signature_cases, with_the_equation};
use tacit_circuits::builder::{Builder, MATERIALIZED};
use tacit_circuits::escape::nowhere;
use tacit_circuits::statement::PlaceWitness;
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::params::Params;
use tacit_core::risk::{RiskRow, RiskTable};

const ESCAPE: Which = Which::Escape;
const P: Params = Params::DEV;
const ONE: F = F::ONE;
/// Places of the account: nothing, then 10, 20 (settled, short) and 30.
const EMPTY: usize = 0;
const LISTED: usize = 1;
const SETTLED: usize = 2;

fn inverse(x: F) -> F {
    x.inverse().unwrap()
}

/// The account with more in it than its leaf says.
fn edit(change: impl FnOnce(&mut Told)) -> Case {
    on(ESCAPE).edit(change)
}

/// What the account is told of a place becomes another.
fn place(at: usize, witness: PlaceWitness) -> Case {
    edit(|told| told.escape.1.places[at] = witness)
}

/// A row of a table, opened.
fn opened(table: &RiskTable, at: usize) -> PlaceWitness {
    PlaceWitness { listed: true, row: table.rows[at].clone(), place: at, path: table.path(at, &P) }
}

/// The row that values the place at 10, at another mark.
fn remarked(mark: u64) -> RiskRow {
    RiskRow { mark, ..account().risk.rows[1].clone() }
}

/// Each field of a packed word, made to carry into the next: the word stays, and with it the leaf or the row.
fn reading_cases() -> Vec<(&'static str, Case)> {
    vec![
        ("cash", on(ESCAPE).lie("cash", 0, |x| x + pow2(92)).lie("nonces", 0, |x| x - ONE)),
        ("nonces", on(ESCAPE).lie("cash", 0, |x| x + ONE).lie("nonces", 0, |x| x - inverse(pow2(92)))),
        ("position id", {
            let carried = on(ESCAPE).lie("position id", LISTED, |x| x + pow2(27));
            // And the row's id with it.
            carried.lie("position quantity", LISTED, |x| x - ONE).lie("position value", LISTED, |x| x - ONE)
        }),
        ("position quantity", {
            let carried = on(ESCAPE).lie("position quantity", LISTED, |x| x + pow2(36));
            carried.edit(|told| told.escape.1.places[SETTLED] = nowhere(&P, 19, 2_000_000)).lie(
                "position id",
                SETTLED,
                |x| x - ONE,
            )
        }),
        ("position value", {
            on(ESCAPE).lie("position value", LISTED, |x| x + pow2(42)).lie("short minimum", LISTED, |x| x - ONE)
        }),
        ("short minimum", {
            let higher = on(ESCAPE).lie("position value", LISTED, |x| x + ONE);
            higher.lie("short minimum", LISTED, |x| x - inverse(pow2(42)))
        }),
        ("child at the index", edit(|told| told.escape.1.leaf.cash += 1)),
    ]
}

/// A position valued otherwise than by its row or a published value.
fn value_cases() -> Vec<(&'static str, Case)> {
    let unlisted = |id| nowhere(&P, id, 0);
    let own = RiskTable { rows: vec![remarked(9_000_000)] };
    let honest = account().risk;
    // A table with a row of no instrument: no closing proof is made of one.
    let with_zero =
        RiskTable { rows: [vec![RiskRow { instrument: 0, mark: 0, ..remarked(0) }], honest.rows.clone()].concat() };
    vec![
        // A debt left out: neither valued nor published.
        ("no position", place(SETTLED, unlisted(20)).set("no position", SETTLED, ONE)),
        ("no position", place(SETTLED, unlisted(20)).claim_zero("no position", SETTLED)),
        ("listed", on(ESCAPE).set("listed", LISTED, F::from(2u8))),
        ("no row for an empty place", {
            let table = with_zero.clone();
            edit(move |told| {
                told.escape.0.risk_root = table.root(&P);
                told.escape.1.places[EMPTY] = opened(&table, 0);
                told.escape.1.places[LISTED] = opened(&table, 2);
                told.escape.1.places[3] = opened(&table, 3);
            })
        }),
        ("no value in an empty place", place(EMPTY, nowhere(&P, 0, 5))),
        // The path of the real table over another row; and a whole table of one's own.
        ("row at its place", place(LISTED, PlaceWitness { row: remarked(9_000_000), ..opened(&honest, 1) })),
        ("row under the risk root", place(LISTED, opened(&own, 0))),
        // Two digits that are none, (1 − 2)² = 1.
        ("row place", on(ESCAPE).bit("row place", 0, F::from(2u8)).bit("row place", 1, F::from(2u8))),
    ]
}

/// What the account is worth, said otherwise.
fn equity_cases() -> Vec<(&'static str, Case)> {
    let cash = |cash: i128| {
        edit(move |told| {
            told.escape.1.leaf.cash = cash;
            told.settle_path();
        })
    };
    vec![
        // A wealthy account is called indebted.
        ("worth against 0", on(ESCAPE).bit("worth against 0", 0, pow2(95))),
        ("whole token units", on(ESCAPE).bit("whole token units", 0, F::from(2u8)).bit("whole token units", 1, -ONE)),
        // Rounded up, and rounded down once too often.
        ("rest of a token unit", on(ESCAPE).lie("whole token units", 0, |x| x + ONE)),
        ("rest below a token unit", cash(20_000_000_000_000_007).lie("whole token units", 0, |x| x - ONE)),
        ("fits 64 bits", on(ESCAPE).set("fits 64 bits", 0, F::ZERO)),
        ("fits 64 bits", cash((1 << 91) - 1).claim_zero("fits 64 bits", 0)),
        (MATERIALIZED, on(ESCAPE).lie(MATERIALIZED, 0, |x| x + ONE)),
    ]
}

/// Statements that no contract takes, signed by the owner.
fn statement_cases() -> Vec<(&'static str, Case)> {
    vec![
        // The bits of the index, and with them the place in the tree, stay.
        ("index", on(ESCAPE).stating(|told| told.escape.0.index += pow2(9))),
        // Digits that are none: they lead anywhere between the children.
        ("index", edit(Told::stand_everywhere).bit("index", 0, F::from(2u8)).bit("index", 1, -ONE)),
        ("recipient", on(ESCAPE).stating(|told| told.escape.0.recipient = pow2(160))),
    ]
}

fn table() -> Vec<(&'static str, Case)> {
    let mut all = reading_cases();
    all.extend(value_cases());
    all.extend(equity_cases());
    all.extend(statement_cases());
    all.extend(signature_cases(ESCAPE));
    all
}

/// Public inputs that the circuit computes: the row that ties each.
const OUTPUTS: [(&str, usize); 4] = [("root", 1), ("equity", 5), ("settled positions", 6), ("settled positions", 7)];

#[test]
fn every_check_of_the_escape_circuit_has_a_case() {
    let named: BTreeSet<&str> = ESCAPE.shape().checks().into_keys().collect();
    let mut covered: BTreeSet<&str> = table().iter().map(|(name, _)| *name).collect();
    covered.extend(with_the_equation(ESCAPE).iter().map(|(name, _)| *name));
    covered.extend(OUTPUTS.iter().map(|(name, _)| *name));
    assert_eq!(named, covered);
}

#[test]
fn the_honest_escape_violates_nothing() {
    assert!(on(ESCAPE).violated().is_empty());
}

#[test]
fn each_check_refuses_alone() {
    let mut wrong = Vec::new();
    for (name, case) in table() {
        let violated = case.violated();
        if violated != BTreeSet::from([name]) {
            wrong.push(format!("{name}: {violated:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_makes_points_of_none_is_refused_with_the_equation_it_breaks() {
    assert_with_the_equation(ESCAPE);
}

#[test]
fn computed_inputs_are_tied_to_what_was_computed() {
    let b = on(ESCAPE).built(Builder::assignment());
    for (name, input) in OUTPUTS {
        assert_eq!(ESCAPE.rows().broken_by_input(&b, input), BTreeSet::from([name]));
    }
}

#[test]
fn a_row_may_stand_at_any_place_but_counts_for_its_own_id_alone() {
    // The same row in two places of one table values one position alike; another id's row values nothing.
    let honest = account().risk;
    let twice = RiskTable { rows: [honest.rows.clone(), vec![honest.rows[1].clone()]].concat() };
    let at = |place: usize| {
        let table = twice.clone();
        let case = edit(move |told| {
            told.escape.0.risk_root = table.root(&P);
            told.escape.1.places[LISTED] = opened(&table, place);
            told.escape.1.places[3] = opened(&table, 2);
        });
        case.built(Builder::assignment())
    };
    assert!(at(1).violations().is_empty() && at(3).violations().is_empty());
    assert_eq!(at(1).values()[6], at(3).values()[6], "the same equity");
    assert_eq!(place(LISTED, opened(&honest, 0)).violated(), BTreeSet::from(["row at its place"]));
}

#[test]
fn an_account_is_worth_what_its_positions_come_to_and_not_one_unit_more() {
    // 200 quote less 5 cash units; 1,000 lots at 1, −300 at 2, −100 at 3 (10⁻⁴ contract each): 0.1 − 0.06 − 0.03 quote.
    let b = on(ESCAPE).built(Builder::assignment());
    assert_eq!(b.values()[6], from_u64(200_000_000 + 10_000 - 1));
}
