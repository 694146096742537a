//! Each check of the segment circuit refuses what it is there for: for every name a witness that breaks it and nothing else.
//!
//! One check falls with a second of necessity (`off_the_curve`). A check that is added without an entry here fails the test that
//! compares names.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::collections::BTreeSet;

use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field};
use support::{QUEUES, SEED, dev_rows, market, segment_bits};
use tacit_circuits::builder::{Builder, INVERSE, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::eddsa::{EQUATION, KEY_ON_CURVE, LAST_SUM};
use tacit_circuits::gadgets::range::{BIT, PREFIX};
use tacit_circuits::segment;
use tacit_circuits::settlement::{Plan, shapes};
use tacit_circuits::statement::{SegmentPrivate, SegmentPublic};
use tacit_core::babyjub::{A, BASE8, D, Point, SUBGROUP_ORDER};
use tacit_core::batch::clear;
use tacit_core::eddsa;
use tacit_core::field::{F, from_i128, pow2};
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::poseidon;

type Replace = Box<dyn Fn(F) -> F + Send>;
type Edit = Box<dyn Fn(&mut SegmentPublic, &mut SegmentPrivate)>;

/// One segment about to be lied to.
struct Case {
    scene: support::scene::Scene,
    segment: usize,
    lies: Vec<(&'static str, usize, Replace)>,
    edits: Vec<Edit>,
}

/// A case on a segment of the market.
fn on(segment: usize) -> Case {
    Case { scene: market(), segment, lies: Vec::new(), edits: Vec::new() }
}

impl Case {
    fn scene(mut self, edit: impl FnOnce(&mut support::scene::Scene)) -> Self {
        edit(&mut self.scene);
        self
    }

    /// The value under a label becomes another.
    fn set(self, label: &'static str, occurrence: usize, value: F) -> Self {
        self.lie(label, occurrence, move |_| value)
    }

    fn lie(mut self, label: &'static str, occurrence: usize, replace: impl Fn(F) -> F + Send + 'static) -> Self {
        self.lies.push((label, occurrence, Box::new(replace)));
        self
    }

    fn edit(mut self, edit: impl Fn(&mut SegmentPublic, &mut SegmentPrivate) + 'static) -> Self {
        self.edits.push(Box::new(edit));
        self
    }

    /// Padding in the place of the second touch, whose path would have to follow a new leaf of the first.
    fn alone(self) -> Self {
        let cleared = self.scene.clear();
        let padding = Plan::new(&cleared, QUEUES, [9; 20], SEED).segments[3].1.touches[1].clone();
        self.edit(move |_, private| private.touches[1] = padding.clone())
    }

    /// The `at`-th bit of a check's decompositions is moved.
    fn bit(self, check: &'static str, at: usize, by: F) -> Self {
        let ordinal = segment_bits()[check][at];
        self.lie(BIT, ordinal, move |honest| honest + by)
    }

    /// The `group`-th comparison of `n` bits under a check is answered `claim`, though the contrary is true.
    fn claim(self, check: &'static str, group: usize, n: u32, claim: bool) -> Self {
        let by = if claim { -pow2(n - 1) } else { pow2(n - 1) };
        self.bit(check, group * (n as usize - 1), by)
    }

    /// The `at`-th test for zero under a check says "zero" of a number that is not: with inverse 0 the first of its two rows holds.
    fn claim_zero(self, check: &'static str, at: usize) -> Self {
        self.set(check, at, ONE).set(INVERSE, inverse_of(check, at), F::ZERO)
    }

    /// The segment with all lies told.
    fn built(self, mut b: Builder) -> Builder {
        let cleared = self.scene.clear();
        let plan = Plan::new(&cleared, QUEUES, [9; 20], SEED);
        let (mut public, mut private) = plan.segments[self.segment].clone();
        self.edits.iter().for_each(|edit| edit(&mut public, &mut private));
        let told: Vec<(&'static str, usize)> = self.lies.iter().map(|(label, at, _)| (*label, *at)).collect();
        for (label, at, replace) in self.lies {
            b.override_witness(label, at, replace);
        }
        segment::synthesize(&mut b, &cleared.params, &public, &private);
        for (label, at) in told {
            assert!(b.occurrences(label) > at, "there is no `{label}` number {at}");
        }
        b
    }

    fn violated(self) -> BTreeSet<&'static str> {
        let b = self.built(Builder::assignment());
        let violated = b.violated_checks();
        assert_eq!(
            violated,
            dev_rows().0.broken(b.values()),
            "what the rows say when they are evaluated without the builder"
        );
        violated
    }
}

/// Which of all inverses the `at`-th test for zero under a check guesses: the wire before its bit.
fn inverse_of(check: &str, at: usize) -> usize {
    let shape = shapes(&Params::DEV).0;
    let is = |label: &'static str| move |b: &Builder, wire: usize| b.label(wire).is_some_and(|named| named.0 == label);
    let wires = 1 + shape.n_inputs()..shape.values().len();
    let bit = wires.clone().filter(|wire| shape.label(*wire).unwrap().0 == check).nth(at).unwrap();
    assert!(is(INVERSE)(&shape, bit - 1), "{check} is a test for zero");
    wires.filter(|wire| *wire < bit - 1 && is(INVERSE)(&shape, *wire)).count()
}

fn n(value: i128) -> F {
    from_i128(value)
}

const ONE: F = F::ONE;

/// Checks of fields, flags and comparisons of an order. Slots 0 and 1 of account 0 (segment 0) hold no order, slot 2 of segment 2 one of
/// an account that does not exist.
fn order_cases() -> Vec<(&'static str, Case)> {
    let two = n(2);
    vec![
        ("active", on(2).set("active", 2, two).set("sequence", 2, F::ZERO)),
        ("active slots first", {
            let moved = on(2).set("active", 2, F::ZERO).set("sequence", 2, F::ZERO);
            moved.set("active", 3, ONE).set("withdraw", 3, ONE).set("sequence", 3, n(7))
        }),
        ("cancel", on(0).set("cancel", 0, two)),
        ("withdraw", on(0).set("withdraw", 0, two).set("withdraw", 1, -ONE)),
        ("side", on(0).set("side", 0, two)),
        ("survives", on(0).set("survives", 0, two)),
        ("first batch", on(0).set("first batch", 0, pow2(32))),
        ("last batch", on(0).set("last batch", 0, pow2(32))),
        ("highest fee rate", on(0).set("highest fee rate", 0, pow2(14))),
        ("limit", on(0).set("limit", 0, pow2(42))),
        ("quantity", on(0).bit("quantity", 0, two)),
        ("order epoch", on(0).set("order epoch", 0, pow2(32))),
        ("sequence", on(2).set("sequence", 2, pow2(32))),
        ("instrument", on(0).set("instrument", 0, pow2(27)).set("row next", 0, pow2(27) + ONE)),
        ("nonce slot", on(0).bit("nonce slot", 0, two)),
        ("one kind", on(0).set("withdraw", 0, ONE).set("cancel", 0, ONE)),
        ("one withdrawal", on(0).set("withdraw", 0, ONE).set("withdraw", 1, ONE)),
        ("instrument only in trades", on(2).set("withdraw", 2, ONE)),
        ("no instrument", on(0).set("no instrument", 0, F::ZERO)),
        ("no sequence number in an inactive slot", on(0).set("sequence", 0, n(5))),
        ("sequence numbers increase", on(0).set("sequence", 2, n(2)).set("sequence", 3, ONE)),
        ("no orders in padding", on(3).set("active", 2, ONE).set("withdraw", 2, ONE)),
        ("no orders beside an exit", on(2).set("exit", 1, ONE)),
        ("first ≤ batch", on(0).claim("first ≤ batch", 0, 33, false)),
        ("batch ≤ last", on(0).claim("batch ≤ last", 0, 33, true)),
        ("first > last void", on(0).claim("first > last void", 0, 33, true)),
        ("bitmap byte", on(0).claim("bitmap byte", 0, 8, true)),
        ("fee rate accepted", on(0).claim("fee rate accepted", 0, 15, true)),
        ("order epoch current", on(0).lie("order epoch current", 0, |bit| ONE - bit)),
        ("instrument held", on(0).lie("instrument held", 0, |bit| ONE - bit)),
        ("positions full", on(0).set("positions full", 0, ONE)),
        ("row id at or below the instrument", on(0).set("row id", 0, ONE)),
        ("row next above the instrument", on(0).set("row next", 0, F::ZERO)),
        ("row known", on(0).set("row known", 0, F::ZERO)),
        ("row cut side", on(0).set("row cut side", 0, two)),
        ("row settled", on(0).set("row settled", 0, two)),
        ("row direction", on(0).set("row direction", 0, two)),
        ("row minimum", on(0).set("row minimum", 0, pow2(42))),
        ("row is in the table", on(0).lie("row is in the table", 0, |term| term + ONE)),
        ("scenario value against the limit", on(0).claim("scenario value against the limit", 0, 47, false)),
        // A reserve of one lot that is rounded down, with a remainder below 0; and one unit too high.
        ("fee remainder", on(0).set("limit", 0, ONE).set("fee reserve", 0, F::ZERO)),
        ("fee remainder below 10⁴", on(0).set("fee reserve", 0, ONE)),
        ("fee reserve", fractional_reserve()),
    ]
}

/// A reserve of a quarter of a unit in an inactive slot, with values W that stand in whole distance from it: what would give the
/// packed words of W a second reading, to be chosen after the challenges.
fn fractional_reserve() -> Case {
    let quarter = F::from(4u64).inverse().expect("4 is not 0");
    let values = Params::DEV.scenarios + 1;
    (0..values).fold(on(0).set("fee reserve", 0, quarter), |case, s| case.set("row W", s, -quarter))
}

/// Checks of the auction's fill rules. Segment 1 holds the cut (account 2, which sold 1,000 of 1,200) and an order behind it (account 3).
fn fill_cases() -> Vec<(&'static str, Case)> {
    vec![
        ("limit at the clearing price", on(0).set("limit at the clearing price", 0, F::ZERO)),
        ("limit no worse than the clearing price", on(0).claim("limit no worse than the clearing price", 0, 44, false)),
        ("order is the cut", on(0).set("order is the cut", 0, F::ZERO)),
        ("sequence against the cut", on(0).claim("sequence against the cut", 0, 34, false)),
        // The cut is free to be filled in part; positions follow. Selling −1 lots buys one.
        ("fill", on(1).alone().set("fill", 0, -ONE).set("new position quantity", 2, ONE)),
        ("fill within quantity", on(1).alone().set("fill", 0, n(1_201)).set("new position quantity", 2, n(-1_201))),
        ("filled in full", on(0).set("fill", 2, n(999)).set("new position quantity", 6, n(1_099))),
        ("not filled", {
            let filled = on(1).set("fill", 2, ONE);
            filled.set("new position id", 6, n(10)).set("new position quantity", 6, -ONE)
        }),
        ("unfilled", on(0).alone().set("unfilled", 0, F::ZERO)),
        ("net fill", on(0).lie("net fill", 2, |x| x + ONE).lie("net fill", 3, |x| x - ONE)),
        ("at-price count", on(0).lie("at-price count", 0, |x| x + ONE)),
        ("buy volume", on(0).lie("buy volume", 0, |x| x + ONE)),
    ]
}

/// Checks of a touch's head, funds, payout and margin.
fn touch_cases() -> Vec<(&'static str, Case)> {
    let exits = |amount: u64| move |s: &mut support::scene::Scene| s.plans.get_mut(&4).unwrap().exit = Some(amount);
    let indebted = |s: &mut support::scene::Scene| s.leaves.get_mut(&4).unwrap().cash = -support::scene::QUOTE;
    vec![
        ("exit", on(0).set("exit", 0, n(2))),
        ("deposit or request", on(0).alone().set("deposit or request", 0, pow2(64))),
        ("no deposit", on(0).set("no deposit", 0, F::ZERO)),
        ("padding has no account and no exit", on(3).set("exit", 1, ONE)),
        ("padding has no amount", on(3).set("deposit or request", 1, n(5))),
        // All children of padding's path are equal, so that the place among them does not matter.
        ("index", on(3).bit("index", 9, n(2))),
        ("indices strictly increasing", on(0).edit(|public, _| public.index_in = ONE)),
        ("fees to an open leaf only", on(3).set("fee credit", 1, n(5))),
        ("fees to leaf 0 only", on(0).set("fee credit", 1, n(5))),
        // A credit takes back what the claimed expiry brings in, so that only the floor is out of range.
        ("cash floor", on(0).set("expiry value", 0, pow2(78)).lie("fee credit", 0, |x| x - n(10_000) * pow2(78))),
        ("cash = 10⁴·floor + remainder", on(0).lie("cash floor", 0, |x| x + ONE)),
        ("cash remainder", on(1).set("cash remainder", 0, n(-5_000)).lie("cash floor", 0, |x| x + ONE)),
        ("cash remainder below 10⁴", on(0).set("cash remainder", 0, n(10_000)).lie("cash floor", 0, |x| x - ONE)),
        ("position expired or empty", on(0).set("position expired or empty", 0, F::ZERO)),
        ("balances in range", on(0).claim("balances in range", 0, 84, false)),
        ("withdrawal covered", on(0).claim("withdrawal covered", 0, 103, false)),
        // Paying out −1 token unit creates one.
        ("exit amount", on(0).alone().set("exit amount", 0, -ONE)),
        ("exit pays at most what was asked", on(0).set("exit amount", 0, ONE)),
        ("exit paid in full", on(0).set("exit paid in full", 0, F::ZERO)),
        ("exit pays all cash or all asked", on(2).alone().set("exit amount", 0, n(6_000_000))),
        (
            "exit pays at most cash",
            on(2).scene(exits(1_000_000_000_000)).alone().set("exit amount", 0, n(1_000_000_000_000)),
        ),
        ("exit pays nothing from negative cash", on(2).scene(indebted).set("exit amount", 0, n(7_000_000))),
        ("exit remainder", on(0).set("exit remainder", 0, -ONE)),
        ("exit remainder below 10⁸", on(0).set("exit remainder", 0, n(100_000_000))),
        ("margin claim", on(0).set("margin claim", 0, pow2(82))),
        ("claim at the mark", on(0).lie("margin claim", 4, |x| x + ONE)),
        ("no loss in the scenario", on(0).set("no loss in the scenario", 0, F::ZERO)),
        ("margin holds", on(0).set("margin holds", 0, F::ZERO)),
        ("context", on(0).edit(|_, private| private.context.time += 1)),
        // The time takes 2⁴⁰ from the fee rate, in a segment where nobody pays fees.
        ("context part", on(2).lie("context part", 2, |x| x + pow2(40)).lie("context part", 3, |x| x - ONE)),
    ]
}

/// Checks of the old and the new leaf and of the nonces.
fn leaf_cases() -> Vec<(&'static str, Case)> {
    let aged = |s: &mut support::scene::Scene| s.leaves.get_mut(&6).unwrap().epoch = 7;
    let used = |s: &mut support::scene::Scene| {
        let leaf = s.leaves.get_mut(&4).unwrap();
        (leaf.epoch, leaf.bitmap) = (3, 1);
    };
    let no_expiry = -pow2(92) * n(10_000).inverse().unwrap();
    vec![
        ("empty leaf has no state", on(2).set("old cash", 1, ONE)),
        ("empty leaf has no updates", on(2).set("old updates", 1, ONE)),
        ("empty leaf has no positions", on(2).set("old position id", 7, ONE)),
        ("expired", on(0).set("expired", 0, n(2))),
        // Each field of a packed word, made to carry into the next: the word stays, and with it the leaf.
        ("old cash", {
            let carried = on(3).scene(aged).lie("old cash", 0, |x| x + pow2(92)).set("old epoch", 0, n(6));
            carried.set("touch epoch", 0, n(6)).set("expiry value", 0, no_expiry)
        }),
        ("old epoch", {
            let carried = on(2).scene(used).lie("old epoch", 0, |x| x + pow2(32)).bit("old bitmap", 0, -ONE);
            carried.lie("touch epoch", 0, |x| x + pow2(32))
        }),
        ("old bitmap", on(0).bit("old bitmap", 0, n(2)).bit("old bitmap", 1, -ONE)),
        ("old updates", on(0).bit("old updates", 0, n(2))),
        ("old position id", {
            let carried =
                on(1).alone().lie("old position id", 3, |x| x + pow2(27)).lie("old position quantity", 3, |x| x - ONE);
            let dropped =
                carried.set("expired", 3, ONE).set("new position id", 2, F::ZERO).set("new position id", 3, n(10));
            dropped.set("new position quantity", 2, F::ZERO).set("new position quantity", 3, n(-1_000))
        }),
        ("old position quantity", {
            let carried =
                on(0).lie("old position quantity", 5, |x| x + pow2(36)).lie("old position id", 6, |x| x - ONE);
            carried.set("expired", 5, ONE).set("new position quantity", 6, n(1_000))
        }),
        ("epoch does not fall", on(3).scene(aged).set("touch epoch", 0, n(4))),
        ("epoch unchanged", on(0).set("epoch unchanged", 0, F::ZERO)),
        ("epoch at least each live order's", on(3).set("touch epoch", 0, F::ZERO)),
        ("epoch attained", on(3).set("touch epoch", 0, n(9))),
        ("old position", on(0).lie("old position", 0, |x| x + ONE).lie("old position", 1, |x| x - ONE)),
        ("new position", on(0).lie("new position", 0, |x| x + ONE).lie("new position", 1, |x| x - ONE)),
        ("position by key", on(0).lie("position by key", 0, |x| x + ONE)),
        ("positions net", on(0).set("new position quantity", 7, n(-499))),
        ("new position quantity", on(0).bit("new position quantity", 0, n(2))),
        ("new position empty", on(0).alone().set("new position id", 3, ONE).set("new position empty", 3, F::ZERO)),
        ("no id without quantity", on(0).alone().set("new position id", 3, ONE)),
        ("ids strictly increasing", {
            let swapped = on(0).set("new position id", 6, n(20)).set("new position quantity", 6, n(-500));
            swapped.set("new position id", 7, n(10)).set("new position quantity", 7, n(1_100))
        }),
        // No old position and no order has an id that large, so that at an honest β a new one cannot net. The account does not exist:
        // no leaf binds its positions.
        ("largest id in range", {
            let two = [10, 1 << 27].map(F::from);
            let at = (two[0] + two[1]) * n(2).inverse().unwrap();
            let held = (0..2).fold(on(2), |case, i| {
                case.set("new position id", 6 + i, two[i]).set("new position quantity", 6 + i, ONE)
            });
            held.edit(move |public, _| public.beta = at)
        }),
        ("new cash in range", on(0).alone().set("fee credit", 0, pow2(92))),
        ("old leaf under the root", on(0).edit(|_, private| private.touches[0].path[2][7] += ONE)),
        ("child at the index", on(3).edit(|_, private| private.touches[1].path[0][0] += ONE)),
        // Rows of shared gadgets: one each.
        (PRODUCT, on(0).lie(PRODUCT, 0, |x| x + ONE)),
        (MATERIALIZED, on(0).lie(MATERIALIZED, 0, |x| x + ONE)),
    ]
}

/// A padding touch that claims flags other than bits, made consistent with all else.
fn flag_cases() -> Vec<(&'static str, Case)> {
    let path_of_no_leaf = || {
        let s = market();
        let mut state = s.state();
        clear(&s.params, &mut state, &s.batch()).unwrap();
        state.path(7).unwrap()
    };
    vec![
        ("live", {
            let path = path_of_no_leaf();
            on(3)
                .set("live", 1, n(2))
                .set("index", 1, n(7))
                .edit(move |_, private| private.touches[1].path = path.clone())
        }),
        (
            "empty",
            on(3).set("empty", 1, n(2)).set("exit", 1, ONE).edit(|_, private| {
                let touch = &mut private.touches[1];
                let blank = tacit_core::account::Leaf {
                    owner: touch.holder.owner(),
                    cash: 0,
                    epoch: 0,
                    bitmap: 0,
                    updates: 0,
                    salt: F::ZERO,
                    positions: Vec::new(),
                };
                let mut node = -blank.hash(&Params::DEV);
                for children in &mut touch.path {
                    children[0] = node;
                    node = poseidon::hash(children);
                }
            }),
        ),
    ]
}

/// Tests for zero that say "zero" of what is not, and so grant what the rows after them would refuse.
fn zero_cases() -> Vec<(&'static str, Case)> {
    // Account 6 has 3 to its name and offers half a billion of instrument 30 above its price: refused, and not filled if admitted.
    let only = |s: &mut support::scene::Scene, order: Order| {
        let orders = std::mem::take(&mut s.plans.get_mut(&6).unwrap().orders);
        s.sequence -= orders.len() as u32;
        s.order(support::scene_slot(order, 1));
    };
    let poor = |s: &mut support::scene::Scene| only(s, support::scene::order(6, 30, Side::Sell, 500_000, 9_000_000));
    // It orders in an instrument that is in no row.
    let unknown = |s: &mut support::scene::Scene| only(s, support::scene::order(6, 25, Side::Sell, 1, 9_000_000));
    // All its positions are taken, none of them by instrument 60.
    let full = |s: &mut support::scene::Scene| {
        s.row(50, 1_000_000);
        s.row(60, 1_000_000);
        s.account(6, 9_000 * support::scene::QUOTE, &[(10, 1), (20, 1), (30, 1), (50, 1)]);
        only(s, support::scene::order(6, 60, Side::Sell, 1, 9_000_000));
    };
    vec![
        ("margin holds", on(3).scene(poor).claim_zero("margin holds", 0)),
        ("row known", on(3).scene(unknown).claim_zero("row known", 0)),
        ("positions full", on(3).scene(full).set("positions full", 0, F::ZERO)),
        // An order of epoch 4 in epoch 7.
        ("order epoch current", {
            let aged = |s: &mut support::scene::Scene| s.leaves.get_mut(&6).unwrap().epoch = 7;
            on(3).scene(aged).claim_zero("order epoch current", 1)
        }),
        // The used nonces of an older epoch stay.
        ("epoch unchanged", on(3).claim_zero("epoch unchanged", 0)),
        // One token unit is held back.
        ("exit paid in full", on(2).alone().set("exit amount", 0, n(6_999_999)).claim_zero("exit paid in full", 0)),
        ("no instrument", on(0).set("instrument", 0, n(5)).claim_zero("no instrument", 0)),
        // Two entries without an id, long and short: a second encoding of an empty leaf.
        ("new position empty", {
            let pair = on(0).alone().set("new position quantity", 0, n(5)).set("new position quantity", 1, n(-5));
            pair.claim_zero("new position empty", 0).claim_zero("new position empty", 1)
        }),
        // A deposit that opens no account.
        ("no deposit", {
            let depositor = |s: &mut support::scene::Scene| s.plans.entry(7).or_default().deposit = 1_000_000;
            on(3).scene(depositor).claim_zero("no deposit", 1)
        }),
    ]
}

/// Other multiples in the slots of an account whose orders count for nothing, where no signature asks for them: another point than the
/// key, and numbers above the bounds of challenge and scalar, R8 following. Where a slot is active these would be other signatures.
fn multiple_cases() -> Vec<(&'static str, Case)> {
    let quiet = || on(2);
    let two = n(2);
    vec![
        // −P, and with −y for y the point of order 2 added, in the place of P.
        ("key in Montgomery form", quiet().lie("key in Montgomery form", 3, |v| -v)),
        ("key in Montgomery form", quiet().lie("key in Montgomery form", 2, |u| u.inverse().unwrap())),
        (PRODUCT, quiet().lie(PRODUCT, key_product(1, 0), move |chosen| chosen - two * BASE8.x)),
        (PRODUCT, quiet().lie(PRODUCT, key_product(1, 1), move |chosen| chosen - two * BASE8.y)),
        // A chunk that exceeds the bound's is called equal; once it is not, a later one, which is, decides anew.
        ("challenge below p", challenge_above(quiet(), 0)),
        ("challenge below p", challenge_above(quiet(), 1)),
        ("scalar below l", scalar_above(quiet(), 0)),
        ("scalar below l", scalar_above(quiet(), 1)),
    ]
}

/// Which of all products is the `nth` of a touch's key preparation: the first two choose its coordinates.
fn key_product(touch: usize, nth: usize) -> usize {
    let shape = shapes(&Params::DEV).0;
    let products = (1..shape.values().len()).filter(|wire| shape.label(*wire).unwrap().0 == PRODUCT);
    let key = |(_, wire): &(usize, usize)| shape.label(*wire).unwrap().1.ends_with("/key");
    let places: Vec<usize> = products.enumerate().filter(key).map(|(at, _)| at).collect();
    places[touch * places.len() / Params::DEV.touches + nth]
}

/// Slot 0's challenge becomes a number above p, compared 32 bits at a time: the highest chunk exceeds p's by one, `equal` chunks are p's.
fn challenge_above(case: Case, equal: usize) -> Case {
    let number = above(&<F as ark_ff::PrimeField>::MODULUS, 32, equal);
    // Without an order the rest of the equation is 0 = R8 + 8·number·B8.
    let r8 = BASE8.times_cofactor().times(&number).negated();
    with_challenge(case, 0, &number).set("R8.x", 0, r8.x).set("R8.y", 0, r8.y).set(PREFIX, equal, ONE)
}

/// The same of its scalar and l, 30 bits at a time; the slot's first seven prefixes are the challenge's.
fn scalar_above(mut case: Case, equal: usize) -> Case {
    let number = above(&SUBGROUP_ORDER, 30, equal);
    let r8 = BASE8.times(&number);
    let bits = number.to_bits_le();
    for i in 0..84 {
        let digit = (0..3).map(|k| i128::from(bits[3 * i + k]) << k).sum::<i128>();
        case = case.set("scalar digit", i, n(2 * digit - 7));
    }
    case.set("R8.x", 0, r8.x).set("R8.y", 0, r8.y).set(PREFIX, 7 + equal, ONE)
}

/// A number of which the highest chunk of `width` bits exceeds the bound's by one, `equal` chunks are the bound's and the rest 0.
fn above(bound: &BigInt<4>, width: usize, equal: usize) -> BigInt<4> {
    let bits = bound.to_bits_le();
    let top = (bound.num_bits() as usize - 1) / width * width;
    let mut highest = BigInt::<4>::from_bits_le(&bits[top..]);
    assert!(!highest.add_with_carry(&BigInt::from(1u8)));
    let low = top - equal * width;
    BigInt::from_bits_le(&[&vec![false; low], &bits[low..top], &highest.to_bits_le()[..256 - top]].concat())
}

fn table() -> Vec<(&'static str, Case)> {
    let mut all = order_cases();
    all.extend(fill_cases());
    all.extend(touch_cases());
    all.extend(leaf_cases());
    all.extend(flag_cases());
    all.extend(signature_cases());
    all.extend(zero_cases());
    all.extend(multiple_cases());
    all
}

/// Checks of keys and signatures, but the one of [`off_the_curve`].
fn signature_cases() -> Vec<(&'static str, Case)> {
    let other = BASE8.double().to_montgomery().unwrap();
    vec![
        ("scalar below l", {
            // S + l gives the same point.
            on(0).edit(|_, private| {
                let s = &mut private.touches[1].orders[1].sealed.signature.s;
                assert!(!s.add_with_carry(&SUBGROUP_ORDER));
                assert!(s.num_bits() <= 252, "the scene's signature must leave room for l");
            })
        }),
        ("signature equation", on(0).lie("R8.x", 0, |x| x + ONE)),
        ("challenge is the hash", other_order_under_an_old_signature()),
        ("challenge below p", challenge_plus_p()),
        ("challenge digit", ending_in_r8(|| on(0).set("challenge digit", 0, n(5)))),
        // The digits' number stays.
        (
            "scalar digit",
            ending_in_r8(|| on(0).lie("scalar digit", 0, |x| x + n(16)).lie("scalar digit", 1, |x| x - n(2))),
        ),
        ("point addition", ending_in_r8(|| on(0).lie("last sum x", 0, |x| x + ONE))),
        ("key not of low order", ending_in_r8(|| on(0).lie("key not of low order", 0, |x| x + ONE))),
        // Another key's multiples under this key's name.
        (
            "key in Montgomery form",
            ending_in_r8(move || {
                on(0).set("key in Montgomery form", 0, other.u).set("key in Montgomery form", 1, other.v)
            }),
        ),
    ]
}

/// Lies about the sums of account 0's slots, which hold no order: no message binds R8 there, so it follows where they lead.
fn ending_in_r8(case: impl Fn() -> Case) -> Case {
    let (honest, told) = (last_sums(on(0)), last_sums(case()));
    honest.into_iter().zip(told).enumerate().fold(case(), |case, (slot, (honest, told))| {
        // An honest slot without an order has the neutral element for R8, so what is added last is the negative of its sum. The
        // points of a lie may be none: the rows of the Edwards law are all that R8 has to satisfy.
        let end = honest.negated();
        let bent = D * end.x * end.y * told.x * told.y;
        let x = (told.x * end.y + told.y * end.x) * (ONE + bent).inverse().unwrap();
        let y = (told.y * end.y - A * told.x * end.x) * (ONE - bent).inverse().unwrap();
        case.set("R8.x", slot, x).set("R8.y", slot, y)
    })
}

/// The last running sums of account 0's slots.
fn last_sums(case: Case) -> Vec<Point> {
    let b = case.built(Builder::rows());
    let under = |name: &str| -> Vec<F> {
        let wires = (1..b.values().len()).filter(|wire| b.label(*wire).is_some_and(|(label, _)| label == name));
        wires.map(|wire| b.values()[wire]).take(Params::DEV.orders).collect()
    };
    let [x, y] = LAST_SUM.map(under);
    x.into_iter().zip(y).map(|(x, y)| Point { x, y }).collect()
}

/// A key that is no point of the curve, of an account that signs. Its multiples are no points either, so that the sum misses R8 of
/// necessity: R8 stands in the hash that the challenge is.
fn off_the_curve() -> Case {
    on(1).edit(|_, private| private.touches[1].holder.key.x += ONE)
}

/// Account 1's first order with another salt, under the digits of the challenge that its owner answered.
fn other_order_under_an_old_signature() -> Case {
    let s = market();
    let sealed = &s.batch().touches[1].orders[0];
    let key = support::scene::holder_of(1).key;
    let h = eddsa::challenge(&sealed.signature.r8, &key, sealed.order.hash(s.context.domain));
    with_challenge(on(0).lie("order salt", 2, |x| x + ONE), 2, &ark_ff::PrimeField::into_bigint(h))
}

/// The digits of another number in the place of a slot's challenge.
fn with_challenge(mut case: Case, slot: usize, number: &BigInt<4>) -> Case {
    let bits = number.to_bits_le();
    for i in 0..127 {
        let c = i128::from(bits[2 * i]) + 2 * i128::from(bits[2 * i + 1]);
        case = case.set("challenge digit", 127 * slot + i, n(2 * c - 3));
    }
    case
}

/// A slot without an order whose challenge is read as p: 0 modulo p, and with R8 moved by as much.
fn challenge_plus_p() -> Case {
    let p = <F as ark_ff::PrimeField>::MODULUS;
    let r8 = {
        // 0·B8 = R8 + 8·p·B8: the key of a slot that is not checked is B8.
        let eight_p = BASE8.times_cofactor().times(&p);
        eight_p.negated()
    };
    with_challenge(on(0), 0, &p).set("R8.x", 0, r8.x).set("R8.y", 0, r8.y)
}

/// Public inputs that the circuit computes: the row that ties each.
const OUTPUTS: [(&str, usize); 8] = [
    ("root out", 3),
    ("theta out", 5),
    ("index out", 7),
    ("sums in", 8),
    ("sums out", 9),
    ("tau", 10),
    ("open value", 16),
    ("encrypted value", 17),
];

#[test]
fn every_check_of_the_segment_has_a_case() {
    let named: BTreeSet<&str> = shapes(&Params::DEV).0.checks().into_keys().collect();
    let mut covered: BTreeSet<&str> = table().iter().map(|(name, _)| *name).collect();
    covered.insert(KEY_ON_CURVE);
    covered.extend(OUTPUTS.iter().map(|(name, _)| *name));
    assert_eq!(named, covered);
}

#[test]
fn honest_segments_violate_nothing() {
    for segment in 0..4 {
        assert!(on(segment).violated().is_empty());
    }
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
fn a_key_off_the_curve_is_refused_with_the_equation_it_breaks() {
    assert_eq!(off_the_curve().violated(), BTreeSet::from([KEY_ON_CURVE, EQUATION]));
}

#[test]
fn a_test_for_zero_is_not_fooled_by_another_inverse() {
    // With bit 1 and inverse 0 the first of its two rows holds for any number.
    let mut b = Builder::assignment();
    b.override_witness("none", 0, |_| F::ONE);
    b.override_witness(INVERSE, 0, |_| F::ZERO);
    let number = b.witness("number", n(5));
    b.is_zero("none", &number);
    assert_eq!(b.violated_checks(), BTreeSet::from(["none"]));
}

#[test]
fn computed_inputs_are_tied_to_what_was_computed() {
    let cleared = market().clear();
    let plan = Plan::new(&cleared, QUEUES, [9; 20], SEED);
    let (public, private) = &plan.segments[0];
    let mut b = Builder::assignment();
    segment::synthesize(&mut b, &cleared.params, public, private);
    for (name, input) in OUTPUTS {
        assert_eq!(dev_rows().0.broken_by_input(&b, input), BTreeSet::from([name]));
    }
}
