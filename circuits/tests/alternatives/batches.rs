//! Alternatives that no circuit sees alone: each segment is satisfied, and what refuses is the sum of all, or the
//! contract.

use ark_ff::Field;
use tacit_core::account::Position;
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::units::TOP;

use crate::parts::{ONE, n};
use crate::support::Circuit::{Closing, Segment};
use crate::support::scene::{QUOTE, Scene, order};
use crate::support::{Attack, market};
use crate::{Alternative, Kind, Witness};

fn batch(
    what: (Kind, &'static str, &'static str),
    refused_by: &[&'static str],
    attack: impl Fn() -> Attack + 'static,
) -> Alternative {
    let names: Vec<(&'static str, usize)> = refused_by.iter().map(|name| (*name, 0)).collect();
    Alternative::new(what, &names, Witness::Batch(Box::new(attack)))
}

/// Account 1 buys 1,000 of instrument 10 at up to 1.05; 2 and 3 sell 1,000 each from 1.02, in this order. Segments
/// hold (0, 1), (2, 3).
fn tie() -> Scene {
    let mut s = Scene::new(Params::DEV);
    s.context.fee_rate = 0;
    s.row(10, 1_000_000);
    for index in 1..=3 {
        s.account(index, 1_000 * QUOTE, &[]);
    }
    s.order(order(1, 10, Side::Buy, 1_000, 1_050_000));
    for seller in [2, 3] {
        // Both sign the same but for account and key.
        s.order(Order { salt: from_u64(9), ..order(seller, 10, Side::Sell, 1_000, 1_020_000) });
    }
    s
}

/// The fills of the two sellers exchanged.
fn exchanged(attack: Attack) -> Attack {
    let sold = |lots: u32| {
        move |t: &mut tacit_circuits::statement::TouchWitness| {
            t.orders[0].fill = lots;
            let left = Position { instrument: 10, quantity: -i64::from(lots) };
            t.new.as_mut().unwrap().positions = if lots == 0 { Vec::new() } else { vec![left] };
        }
    };
    attack.touch(2, sold(0)).touch(3, sold(1_000))
}

pub fn table() -> Vec<Alternative> {
    let mut list = ties();
    list.extend(moved());
    list.extend(keys());
    list
}

fn ties() -> Vec<Alternative> {
    let touch = "touch";
    vec![
        batch((Kind::SwappedTie, "auction", "the later of two equal orders filled"), &["filled in full"], || {
            exchanged(Attack::on(&tie()))
        }),
        batch((Kind::SwappedTie, touch, "two equal orders under each other's sequence number"), &["contract"], || {
            let told = Attack::on(&tie()).touch(2, |t| t.orders[0].sealed.sequence = 3);
            exchanged(told.touch(3, |t| t.orders[0].sealed.sequence = 2))
        }),
        batch(
            (Kind::SwappedTie, touch, "both under the earlier number, so that none is later"),
            &["sequence product", "contract", "filled in full"],
            || {
                Attack::on(&tie()).touch(3, |t| {
                    t.orders[0].sealed.sequence = 2;
                    t.orders[0].fill = 0;
                })
            },
        )
        .because("the seal names each order's number, all of them are 1 … n, and what is before the cut is filled"),
    ]
}

fn moved() -> Vec<Alternative> {
    vec![
        batch((Kind::Exchanged, "margin", "two accounts' values at the mark exchanged"), &["margin identity"], || {
            let mut attack = Attack::on(&market());
            let [one, two] = [1, 2].map(|at| {
                let (segment, touch) = (at / 2, at % 2);
                attack.segments[segment].touches[touch].mark_value
            });
            assert_ne!(one, two);
            attack = attack.touch(1, move |t| t.mark_value = two);
            attack.touch(2, move |t| t.mark_value = one)
        }),
        batch(
            (Kind::Exchanged, "margin", "what a short requires, charged to another account"),
            &["margin identity"],
            || {
                let attack = Attack::on(&market());
                let owed = attack.segments[0].touches[1].short_requirement;
                assert_ne!(owed, 0);
                attack.touch(1, |t| t.short_requirement = 0).touch(2, move |t| t.short_requirement += owed)
            },
        ),
        batch((Kind::MovedNumerator, "auction", "a fill moved to another instrument"), &["net fill identity"], || {
            // Each leaf and each order is consistent; what is bought of one is sold of another. Account 2 sells 40 of
            // what it holds.
            let mut s = tie();
            s.row(20, 1_000_000);
            s.order(Order { slot: 1, ..order(1, 20, Side::Buy, 5, 1_000_000) });
            s.order(Order { slot: 1, ..order(2, 20, Side::Sell, 5, 1_000_000) });
            let attack = Attack::on(&s);
            // Orders at the price of 20, both the whole of their side, and only the buy is a cut.
            attack
                .touch(1, |t| {
                    t.orders[1].fill = 4;
                    (t.orders[1].row.cut, t.orders[1].row.cut_buys) = (4, true);
                    let held = &mut t.new.as_mut().unwrap().positions;
                    held.iter_mut().find(|x| x.instrument == 20).unwrap().quantity = 4;
                })
                .touch(2, |t| (t.orders[1].row.cut, t.orders[1].row.cut_buys) = (4, true))
                .closing(|c| (c.risk[1].cut, c.risk[1].cut_is_buy) = (4, true))
        }),
        batch(
            (Kind::MovedNumerator, "closing", "open positions counted as settled ones"),
            &["group-by identity", "margin identity"],
            || {
                let shifted = Attack::on(&market()).lie(Closing, "group long", 0, |x| x - ONE);
                // Sums of settled rows stand after those of the risk rows.
                shifted.lie(Closing, "group long", Params::DEV.rows, |x| x + ONE)
            },
        )
        .because("each row prices what is counted under it: no sum of positions moves without its value"),
    ]
}

/// Keys that would be others', and denominators that would be zero.
fn keys() -> Vec<Alternative> {
    vec![
        batch(
            (Kind::KeyOverflow, "account", "an open position under a settled one's key: id + 2³³ for id and a flag"),
            &["old position id", "group-by identity", "positions net"],
            || {
                // Account 1 of the market: 500 lots of 15, settled, third of its four places. 2³³ is 64·2²⁷: a carry
                // of 64 lots.
                let told = Attack::on(&market()).lie(Segment(0), "expired", 6, |_| F::from(0u8));
                told.lie(Segment(0), "old position id", 6, |id| id + pow2(33)).lie(
                    Segment(0),
                    "old position quantity",
                    6,
                    |lots| lots - n(64),
                )
            },
        )
        .because("64 lots are missing under the key, and the leaf does not let a position go that is not expired"),
        batch(
            (Kind::ZeroDenominator, "lookup", "a new position under the id β, chosen last"),
            {
                &[
                    "root out",
                    "tau",
                    "open value",
                    "encrypted value",
                    "ids strictly increasing",
                    "largest id in range",
                    "no id without quantity",
                ]
            },
            || Attack::on(&market()).late_lie(Segment(3), "new position id", 3, |_, c| c.beta),
        )
        .because("the leaf is bound before β, ids are small numbers, and the place is empty"),
        batch((Kind::ZeroDenominator, "closing", "an unused row whose look-up key would be β"), &["cut"], || {
            // The gate leaves its key 0 whatever stands in it; nothing can be looked up there.
            let unused = 3;
            Attack::on(&market()).late_lie(Closing, "cut", unused, |_, c| {
                c.beta * (pow2(118) * c.y.pow([Params::DEV.scenarios as u64 + 1])).inverse().unwrap()
            })
        }),
        batch(
            (Kind::OtherPosition, "closing", "an instrument left out of the chain"),
            &["ids form one increasing chain"],
            || {
                Attack::on(&market()).closing(|c| {
                    assert_eq!(c.risk[2].next, 40);
                    c.risk[2].next = TOP;
                })
            },
        ),
    ]
}
