//! Mistakes as circuits have had them, planted on purpose: in tacit's own circuits by leaving out rows, in small gadgets where that does
//! not express them. Each names what finds it, and is found by that:
//!
//! * `Tangent`: a wire is free to first order;
//! * `Binding`: nothing is free, but a choice that "a hash binds" is bound by nothing;
//! * `Propagation`: nothing is free and every choice bound, but a wire has another value a step away; that witness is given too;
//! * `Alternative`: all three see nothing, but there is a witness that means something else and satisfies the mistaken rows;
//! * `Twin`: the mistaken rows have one witness, and it is the wrong one: only comparing with the plain function finds it.
//!
//! Without the mistake nothing is free, every choice is bound and the other witness is refused.

use std::collections::{BTreeMap, BTreeSet};

use ark_ff::{Field, PrimeField};
use num_bigint::BigUint;
use tacit_circuits::builder::{Builder, INVERSE, Lc, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::eddsa::{CHALLENGE_BELOW_P, CHALLENGE_DIGIT, PreparedKey, SCALAR_BELOW_L, verify};
use tacit_circuits::gadgets::{lookup, merkle, poseidon, range};
use tacit_circuits::settlement::Plan;
use tacit_circuits::{closing, segment};
use tacit_core::babyjub::{BASE8, Point, SUBGROUP_ORDER};
use tacit_core::eddsa::{Signature, SigningKey, challenge};
use tacit_core::field::{F, pow2};
use tacit_core::params::Params;

use crate::circuits::{Circuit, Kind, Witness};
use crate::support::{self, market, record};
use crate::uniqueness::{Tangent, broken_row, exact};

/// What finds a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Tangent,
    Binding,
    Propagation,
    Alternative,
    Twin,
}

impl Found {
    /// In words.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tangent => "tangent: a free wire",
            Self::Binding => "tangent: a choice that nothing binds",
            Self::Propagation => "propagation: a wire with another value",
            Self::Alternative => "another witness",
            Self::Twin => "the plain twin",
        }
    }
}

/// A planted mistake.
pub struct Planted {
    /// The mistake.
    pub name: &'static str,
    /// The circuit or gadget.
    pub place: &'static str,
    /// What was done.
    pub planted: &'static str,
    /// What finds it.
    pub found_by: Found,
    case: Case,
}

enum Case {
    /// Rows of a circuit left out; and what its prover may tell then.
    Rows(Kind, fn(&Row<'_>) -> bool, Option<fn(&mut Builder, &Plan)>),
    /// A gadget, right or mistaken, honest or not; and checks whose rows the mistaken one lacks.
    Gadget(fn(&mut Builder, Variant), &'static [&'static str]),
}

/// A row of a circuit: check, scope, and how many rows of that check in that scope come before it.
struct Row<'a> {
    check: &'a str,
    scope: &'a str,
    nth: usize,
}

#[derive(Clone, Copy)]
struct Variant {
    mistaken: bool,
    lie: bool,
}

/// Labels in gadgets: inputs; choices that a row is to bind; what the gadget is for.
const GIVEN: &str = "given";
const CHOSEN: &str = "chosen";
const RESULT: &str = "result";

const fn rows(
    name: &'static str,
    place: &'static str,
    planted: &'static str,
    found_by: Found,
    kind: Kind,
    dropped: fn(&Row<'_>) -> bool,
) -> Planted {
    Planted { name, place, planted, found_by, case: Case::Rows(kind, dropped, None) }
}

const fn lie(
    name: &'static str,
    place: &'static str,
    planted: &'static str,
    found_by: Found,
    kind: Kind,
    dropped: fn(&Row<'_>) -> bool,
    told: fn(&mut Builder, &Plan),
) -> Planted {
    Planted { name, place, planted, found_by, case: Case::Rows(kind, dropped, Some(told)) }
}

const fn gadget(
    name: &'static str,
    place: &'static str,
    planted: &'static str,
    found_by: Found,
    build: fn(&mut Builder, Variant),
    dropped: &'static [&'static str],
) -> Planted {
    Planted { name, place, planted, found_by, case: Case::Gadget(build, dropped) }
}

/// All of them.
pub const PLANTED: &[Planted] = &[
    // ---- rows left out of the segment and closing circuits
    rows(
        "bits that need not be bits",
        "segment, order fields",
        "the rows by which the bits of a quantity are 0 or 1, but for the last",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "quantity" && row.nth % 32 != 31,
    ),
    rows(
        "a number that need not be what its bits say",
        "segment, order rows",
        "the last row of each range of a short minimum, which ties the number to its bits",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "row minimum" && row.nth % 42 == 41,
    ),
    rows(
        "a value witnessed again",
        "segment, owner and key",
        "the row by which the owner is the hash of the keys",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == MATERIALIZED && row.scope == "owner and key",
    ),
    rows(
        "a product replaced by a free wire",
        "segment, fills",
        "the rows of products",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == PRODUCT && row.scope == "fills",
    ),
    rows(
        "a hash whose rounds miss a row",
        "segment, leaf hashes",
        "one product of one s-box",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == PRODUCT && row.scope.ends_with("leaf hashes") && row.nth == 16,
    ),
    rows(
        "a dropped place in a path",
        "segment, state tree",
        "the rows that say which child the node below is",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "child at the index",
    ),
    rows(
        "a dropped selector",
        "segment, state tree",
        "the last of the products that put the change at its place",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == PRODUCT && row.scope == "state tree" && row.nth % 13 == 12,
    ),
    rows(
        "a path to nowhere",
        "segment, state tree",
        "the row that compares the path's end with the root",
        Found::Binding,
        Kind::Segment,
        |row| row.check == "old leaf under the root",
    ),
    rows(
        "[x = 0] without the row that forces 0",
        "segment, fills",
        "the second row of \"order is the cut\"",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "order is the cut" && row.nth % 2 == 1,
    ),
    rows(
        "[x = 0] without the row that forces 1",
        "segment, fills",
        "the first row of \"limit at the clearing price\": free only where an order's limit is the price",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "limit at the clearing price" && row.nth % 2 == 0,
    ),
    rows(
        "a term of a log-derivative that is not the quotient",
        "segment, identities",
        "the rows of \"position by key\"",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "position by key",
    ),
    rows(
        "a sum of points that need not be the sum",
        "segment, signatures",
        "one row of one addition",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "point addition" && row.scope.ends_with("key multiples") && row.nth == 100,
    ),
    rows(
        "a public input that is tied to nothing",
        "segment",
        "the row by which τ is the digest",
        Found::Tangent,
        Kind::Segment,
        |row| row.check == "tau",
    ),
    rows(
        "a selection by what is no bit",
        "closing, auction rows",
        "the row by which the cut's side is 0 or 1",
        Found::Tangent,
        Kind::Closing,
        |row| row.check == "cut side",
    ),
    rows(
        "an identity that compares nothing",
        "closing, identities",
        "the row of the margin identity",
        Found::Tangent,
        Kind::Closing,
        |row| row.check == "margin identity",
    ),
    lie(
        "a remainder without its bound",
        "segment, funds",
        "the rows of \"cash remainder below 10⁴\": (q − 1, r + 10⁴)",
        Found::Propagation,
        Kind::Segment,
        |row| row.check == "cash remainder below 10⁴",
        |b, _| {
            b.override_witness("cash remainder", 1, |r| r + F::from(10_000u64));
            b.override_witness("cash floor", 1, |q| q - F::from(1u8));
        },
    ),
    lie(
        "a quotient without its bound",
        "segment, scenario losses",
        "the last row of each range of a fee reserve: it becomes a fraction, and W with it",
        Found::Propagation,
        Kind::Segment,
        |row| row.check == "fee reserve" && row.nth % 44 == 43,
        |b, _| {
            let fraction = F::from(10_000u64).inverse().expect("10⁴ is not 0");
            b.override_witness("fee reserve", 2, move |reserve| reserve + fraction);
            (10..15).for_each(|at| b.override_witness("row W", at, move |w| w + fraction));
        },
    ),
    lie(
        "a total that nobody compares",
        "segment, netting",
        "the row of \"positions net\": a lot from nowhere",
        Found::Alternative,
        Kind::Segment,
        |row| row.check == "positions net",
        |b, _| b.override_witness("new position quantity", 7, |lots| lots + F::from(1u8)),
    ),
    lie(
        "an order that may be passed over",
        "segment, fills",
        "the rows of \"filled in full\"",
        Found::Propagation,
        Kind::Segment,
        |row| row.check == "filled in full",
        |b, _| {
            b.override_witness("fill", 2, |_| F::from(0u8));
            b.override_witness("new position quantity", 6, |lots| lots - F::from(1_000u64));
        },
    ),
    lie(
        "a claim that is not compared with what was computed",
        "segment, margin claims",
        "the rows of \"claim at the mark\"",
        Found::Propagation,
        Kind::Segment,
        |row| row.check == "claim at the mark",
        |b, _| b.override_witness("margin claim", 9, |claim| claim + F::from(1u8)),
    ),
    lie(
        "an inverse that need not exist",
        "closing, auction rows",
        "the rows of \"price rule\": a price away from the mark where no order stands",
        Found::Alternative,
        Kind::Closing,
        |row| row.check == "price rule",
        |b, _| b.override_witness("clearing price", 2, |price| price + F::from(1u8)),
    ),
    lie(
        "rows of a log-derivative that no flag gates",
        "closing",
        "the rows of \"unused row adds nothing\": positions of no instrument",
        Found::Tangent,
        Kind::Closing,
        |row| row.check == "unused row adds nothing",
        |b, plan| {
            let term = plan.closing.0.beta.inverse().expect("a challenge is not 0");
            b.override_witness("group long", 3, |_| F::from(1u8));
            b.override_witness("sum", 1, move |groups| groups + term);
        },
    ),
    // ---- gadgets
    gadget(
        "an unranged split, both parts",
        "a number in two 32-bit parts",
        "neither part is ranged",
        Found::Tangent,
        |b, v| split(b, v, [true, true]),
        &[],
    ),
    gadget(
        "an unranged split, the upper part",
        "a number in two 32-bit parts",
        "the upper part is not ranged: it becomes a fraction",
        Found::Propagation,
        |b, v| split(b, v, [false, true]),
        &[],
    ),
    gadget(
        "an unranged split, the lower part",
        "a number in two 32-bit parts",
        "the lower part is not ranged: it keeps the carry",
        Found::Propagation,
        |b, v| split(b, v, [true, false]),
        &[],
    ),
    gadget(
        "bits of x + p",
        "254 bits of a number",
        "nothing says that the bits' number is below p",
        Found::Alternative,
        bits_of_a_field_element,
        &[],
    ),
    gadget(
        "a challenge of h + p",
        "signature",
        "the rows of \"challenge below p\": a signature that circomlib refuses",
        Found::Alternative,
        challenge_above_p,
        &[CHALLENGE_BELOW_P],
    ),
    gadget(
        "S + l",
        "signature",
        "the rows of \"scalar below l\": a second signature of the same order",
        Found::Alternative,
        scalar_above_l,
        &[SCALAR_BELOW_L],
    ),
    gadget(
        "a point witnessed again",
        "signature",
        "the key that signs is a new witness with the key's value, and no row holds them together: anybody's key",
        Found::Alternative,
        key_witnessed_again,
        &[],
    ),
    gadget(
        "a flag that nothing ties to its meaning",
        "absolute value",
        "the sign is a boolean of the prover's: −x for |x|",
        Found::Propagation,
        absolute_value,
        &[],
    ),
    gadget(
        "no selector",
        "a value chosen by an index",
        "nothing says that one selector is 1: index 0 without any",
        Found::Propagation,
        |b, v| selected(b, v, 0, &[false, false, false, false]),
        &["one selector"],
    ),
    gadget(
        "two selectors",
        "a value chosen by an index",
        "nothing says that one selector is 1: 1 and 2 for 3",
        Found::Alternative,
        |b, v| selected(b, v, 3, &[false, true, true, false]),
        &["one selector"],
    ),
    gadget(
        "digits of an index that are no bits",
        "a value chosen by two bits",
        "the rows by which they are 0 or 1",
        Found::Tangent,
        selected_by_bits,
        &["digit"],
    ),
    gadget(
        "an index past the tree",
        "path",
        "the index has more bits than the path has places: one leaf, several indices",
        Found::Alternative,
        index_past_the_tree,
        &[],
    ),
    gadget(
        "a quotient by what may be 0",
        "division",
        "0/0 is not excluded: seen where the divisor is 0",
        Found::Tangent,
        quotient_by_zero,
        &[],
    ),
    gadget(
        "a key of an unused row that may be β",
        "log-derivative",
        "the key is not multiplied by the row's flag",
        Found::Alternative,
        ungated_key,
        &[],
    ),
    gadget(
        "a field outside the hash",
        "order",
        "the recipient is not hashed",
        Found::Binding,
        recipient_outside_the_hash,
        &[],
    ),
    gadget("a wrong sign", "cash after a trade", "a buy is paid to the buyer", Found::Twin, paid_to_the_buyer, &[]),
];

fn given(b: &mut Builder, value: F) -> Lc {
    b.witness(GIVEN, value)
}

fn result(b: &mut Builder, x: &Lc) {
    let result = b.witness(RESULT, x.value());
    b.equal("result", &result, x);
}

/// x in two parts of 32 bits; a mistaken split lacks the ranges of the parts that `unranged` says (upper, lower).
fn split(b: &mut Builder, v: Variant, unranged: [bool; 2]) {
    let x = given(b, F::from((7u64 << 32) + 5));
    let (mut upper, mut lower) = (F::from(7u8), F::from(5u8));
    if v.lie && unranged == [false, true] {
        (upper, lower) = (upper - F::from(1u8), lower + pow2(32));
    } else if v.lie {
        (upper, lower) = (upper - pow2(32).inverse().expect("not 0"), lower + F::from(1u8));
    }
    let parts = [(upper, unranged[0]), (lower, unranged[1])].map(|(value, unranged)| {
        let part = b.witness("part", value);
        if !(v.mistaken && unranged) {
            range::bits(b, "part", &part, 32);
        }
        part
    });
    b.equal("split", &Lc::word([(&parts[0], 32), (&parts[1], 0)]), &x);
    result(b, &parts[1]);
}

fn bits_of_a_field_element(b: &mut Builder, v: Variant) {
    let x = given(b, F::from(5u8));
    let number = BigUint::from(5u8) + if v.lie { BigUint::from(F::MODULUS) } else { BigUint::from(0u8) };
    let bits: Vec<Lc> = (0..254).map(|i| b.boolean("bit of x", number.bit(i))).collect();
    b.equal("bits of x", &Lc::from_bits(&bits), &x);
    if !v.mistaken {
        range::digits_at_most(b, "below p", &bits, 1, 32, &(-F::from(1u8)).into_bigint());
    }
    result(b, &bits[0]);
}

const MESSAGE: u64 = 4_711;

/// A signed message under a key, or under what is witnessed in its place.
fn signed_message(b: &mut Builder, key: &Point, again: Option<&Point>, signature: &Signature) {
    let (message, live) = (given(b, F::from(MESSAGE)), given(b, F::from(1u8)));
    let (mut x, mut y) = (given(b, key.x), given(b, key.y));
    if let Some(again) = again {
        (x, y) = (b.witness("key again", again.x), b.witness("key again", again.y));
    }
    let key = PreparedKey::new(b, &x, &y, &live);
    verify(b, &key, &message, signature, &live);
}

fn honest_signature() -> (Point, Signature) {
    let signing = SigningKey::from_seed(&[3; 32]);
    (signing.public_key(), signing.sign(F::from(MESSAGE)))
}

fn key_witnessed_again(b: &mut Builder, v: Variant) {
    let (key, signature) = honest_signature();
    let (signer, signature) = if v.lie {
        let other = SigningKey::from_seed(&[4; 32]);
        (other.public_key(), other.sign(F::from(MESSAGE)))
    } else {
        (key, signature)
    };
    signed_message(b, &key, v.mistaken.then_some(&signer), &signature);
}

fn scalar_above_l(b: &mut Builder, v: Variant) {
    let (key, mut signature) = honest_signature();
    if v.lie {
        let s = BigUint::from(signature.s) + BigUint::from(SUBGROUP_ORDER);
        signature.s = s.try_into().expect("l is far below 2²⁵⁶");
    }
    signed_message(b, &key, None, &signature);
}

fn challenge_above_p(b: &mut Builder, v: Variant) {
    let (order, secret) = (BigUint::from(SUBGROUP_ORDER), BigUint::from(12_345u32));
    let times = |k: &BigUint| BASE8.times(&(k % &order).try_into().expect("below l"));
    let (key, modulus) = (times(&secret), BigUint::from(F::MODULUS));
    // A nonce whose challenge h leaves room for h + p in 254 bits.
    let (nonce, r8, h) = (1u32..)
        .map(|nonce| (BigUint::from(nonce), times(&BigUint::from(nonce))))
        .map(|(nonce, r8)| (nonce, r8, BigUint::from(challenge(&r8, &key, F::from(MESSAGE)))))
        .find(|(_, _, h)| (h + &modulus).bits() <= 254)
        .expect("one nonce in three");
    let h = if v.lie { h + modulus } else { h };
    let s = (nonce + BigUint::from(8u8) * &h * secret) % &order;
    for i in 0..127 {
        let digit: BigUint = (&h >> (2 * i)) & BigUint::from(3u8);
        let odd = F::from(BigUint::from(2u8) * digit) - F::from(3u8);
        b.override_witness(CHALLENGE_DIGIT, i, move |_| odd);
    }
    signed_message(b, &key, None, &Signature { r8, s: s.try_into().expect("below l") });
}

fn absolute_value(b: &mut Builder, v: Variant) {
    let x = given(b, F::from(5u8));
    if v.lie {
        // What the right gadget would need: a lower bit that carries the sign.
        b.override_witness(range::BIT, 0, |bit| bit + pow2(7));
    }
    let negative =
        if v.mistaken { b.boolean("negative", v.lie) } else { range::is_non_negative(b, "negative", &x, 8).not() };
    let absolute = b.mul(&x, &negative.scale(F::from(2u8)).not());
    result(b, &absolute);
}

/// The value at `index`, by selectors of which a liar sets the given ones.
fn selected(b: &mut Builder, v: Variant, index: usize, lying: &[bool; 4]) {
    let place = given(b, F::from(index as u64));
    let values = [11u64, 22, 33, 44].map(|value| given(b, F::from(value)));
    let selectors: Vec<Lc> = (0..4).map(|i| b.boolean("selector", if v.lie { lying[i] } else { i == index })).collect();
    let chosen = Lc::linear(selectors.iter().enumerate().map(|(i, selector)| (selector, F::from(i as u64))));
    b.equal("selected index", &chosen, &place);
    b.equal("one selector", &Lc::sum(&selectors), &Lc::one());
    let parts: Vec<Lc> = selectors.iter().zip(&values).map(|(selector, value)| b.mul(selector, value)).collect();
    result(b, &Lc::sum(&parts));
}

fn selected_by_bits(b: &mut Builder, _: Variant) {
    let place = given(b, F::from(2u8));
    let digits = [false, true].map(|bit| b.boolean("digit", bit));
    b.equal("index", &Lc::from_bits(&digits), &place);
    let values = [11u64, 22, 33, 44].map(|value| given(b, F::from(value)));
    let pairs = [0, 2].map(|at| b.select(&digits[0], &values[at + 1], &values[at]));
    let chosen = b.select(&digits[1], &pairs[1], &pairs[0]);
    result(b, &chosen);
}

fn index_past_the_tree(b: &mut Builder, v: Variant) {
    let (place, leaf) = (0b010_101u64, F::from(9u8));
    let mut below = [0u64; 8].map(F::from);
    below[5] = leaf;
    let mut above = [1u64; 8].map(F::from);
    above[2] = tacit_core::poseidon::hash(&below);
    let old = given(b, leaf);
    let index = b.witness("index", F::from(place + if v.lie { 64 } else { 0 }));
    let bits = range::bits(b, "index", &index, if v.mistaken { 9 } else { 6 });
    let (root, _) = merkle::update(b, &bits[..6], &[below, above], &old, &old);
    result(b, &root);
    result(b, &index);
}

fn quotient_by_zero(b: &mut Builder, v: Variant) {
    let (dividend, divisor) = (given(b, F::from(0u8)), given(b, F::from(0u8)));
    let none = b.is_zero("no divisor", &divisor);
    let divisor = if v.mistaken { divisor } else { &divisor + &none };
    let quotient = b.divide("quotient", &dividend, &divisor);
    result(b, &quotient);
}

fn ungated_key(b: &mut Builder, v: Variant) {
    let beta = given(b, F::from(12_345u64));
    let used = given(b, F::from(0u8));
    // Ranged, but bound by no root where the row is unused.
    let value = range::ranged(b, "value", if v.lie { beta.value() } else { F::from(3u8) }, 42);
    let key = if v.mistaken { value } else { b.mul(&used, &value) };
    if v.lie {
        b.override_witness("term", 0, |_| F::from(1_000_000u64));
    }
    let term = lookup::term(b, "term", &used, &beta, &key);
    result(b, &term);
}

fn recipient_outside_the_hash(b: &mut Builder, v: Variant) {
    let fields = given(b, F::from(77u8));
    let (recipient, salt) = (b.witness(CHOSEN, F::from(0xbeefu64)), b.witness(CHOSEN, F::from(1u8)));
    let hash =
        if v.mistaken { poseidon::hash(b, &[fields, salt]) } else { poseidon::hash(b, &[fields, recipient, salt]) };
    result(b, &hash);
}

fn paid_to_the_buyer(b: &mut Builder, v: Variant) {
    let [cash, lots, price] = [1_000u64, 3, 20].map(|value| given(b, F::from(value)));
    let premium = b.mul(&lots, &price);
    let after = b.witness(RESULT, F::from(if v.lie { 1_060u64 } else { 940 }));
    let paid = if v.mistaken { -premium } else { premium };
    b.equal("cash after", &after, &(&cash - &paid));
}

// ---- the trial of each

/// A circuit with its witnesses of a batch, linearised.
struct Target<'c, 'p> {
    circuit: &'c Circuit,
    at: Vec<(Witness<'p>, Tangent<'c>)>,
}

impl<'c, 'p> Target<'c, 'p> {
    /// Insists that without a mistake nothing is free and every choice bound.
    fn of(circuit: &'c Circuit, plan: &'p Plan) -> Self {
        let linearised = |witness: Witness<'p>| {
            let tangent = Tangent::at(&circuit.matrices, &witness.wires);
            (witness, tangent)
        };
        let target = Self { circuit, at: circuit.witnesses(plan, "market").into_iter().map(linearised).collect() };
        assert_eq!(target.seen(|_| true), (BTreeSet::new(), BTreeSet::new()), "with all rows");
        assert_eq!(circuit.undetermined(&target.at[0].0, |_| true), BTreeSet::new(), "with all rows");
        target
    }

    /// What is free, and which choices are bound by nothing, in one witness or another.
    fn seen(&self, keep: impl Fn(usize) -> bool) -> (BTreeSet<String>, BTreeSet<String>) {
        let free = self.at.iter().flat_map(|(witness, tangent)| self.circuit.free(tangent, witness, &keep)).collect();
        let unbound = self.at.iter().flat_map(|(witness, tangent)| self.circuit.unbound(tangent, witness, &keep));
        (free, unbound.collect())
    }
}

/// Tries every mistake; returns their number.
pub fn try_all() -> usize {
    let circuits = Circuit::both(Params::DEV);
    let plan = Plan::new(&market().clear(), support::QUEUES, [9; 20], support::SEED);
    let targets = circuits.each_ref().map(|circuit| Target::of(circuit, &plan));
    for planted in PLANTED {
        match planted.case {
            Case::Rows(kind, dropped, told) => {
                let target =
                    targets.iter().find(|target| target.circuit.kind == kind).expect("both circuits are there");
                try_rows(planted, target, &plan, dropped, told);
            }
            Case::Gadget(build, dropped) => try_gadget(planted, build, dropped),
        }
        record::line("planted", &[planted.name, planted.place, planted.planted, planted.found_by.name()]);
    }
    PLANTED.len()
}

/// Insists that what was found is what the list says: wires that are free, choices that are unbound, wires with another value.
fn insist(planted: &Planted, [free, unbound, other]: [&BTreeSet<String>; 3]) {
    let found = match [free, unbound, other].map(BTreeSet::is_empty) {
        [false, ..] => Found::Tangent,
        [true, false, _] => Found::Binding,
        [true, true, false] => Found::Propagation,
        _ if planted.found_by == Found::Twin => Found::Twin,
        _ => Found::Alternative,
    };
    let Planted { name, place, found_by, .. } = planted;
    assert_eq!(found, *found_by, "{place}, {name}: free {free:?}, unbound {unbound:?}, with another value {other:?}");
}

fn try_rows(
    planted: &Planted,
    target: &Target<'_, '_>,
    plan: &Plan,
    dropped: fn(&Row<'_>) -> bool,
    told: Option<fn(&mut Builder, &Plan)>,
) {
    let (name, circuit) = (planted.name, target.circuit);
    let mut seen = BTreeMap::new();
    let mut is_dropped = |(check, scope): &(&'static str, String)| {
        let count = seen.entry((*check, scope.clone())).or_insert(0);
        *count += 1;
        dropped(&Row { check, scope, nth: *count - 1 })
    };
    let is_dropped: Vec<bool> = circuit.rows.iter().map(&mut is_dropped).collect();
    assert!(is_dropped.contains(&true), "{name}: there is no such row");
    let keep = |row: usize| !is_dropped[row];
    let (free, unbound) = target.seen(keep);
    let other = if free.is_empty() && unbound.is_empty() {
        // In the first segment, where the lies are told.
        circuit.undetermined(&target.at[0].0, keep)
    } else {
        BTreeSet::new()
    };
    insist(planted, [&free, &unbound, &other]);
    assert!(told.is_some() || !other.is_empty() || !free.is_empty() || !unbound.is_empty(), "{name}: nothing finds it");
    if let Some(told) = told {
        let wires = told_wires(circuit.kind, plan, told);
        assert_eq!(broken_row(&circuit.matrices, &wires, keep).map(|row| &circuit.rows[row]), None, "{name}");
        assert!(broken_row(&circuit.matrices, &wires, |_| true).is_some(), "{name}: refused with all rows");
    }
}

/// The wires of the first segment, or of the closing circuit, as a liar has them.
fn told_wires(kind: Kind, plan: &Plan, told: fn(&mut Builder, &Plan)) -> Vec<F> {
    let mut b = Builder::assignment();
    told(&mut b, plan);
    match kind {
        Kind::Segment => segment::synthesize(&mut b, &plan.params, &plan.segments[0].0, &plan.segments[0].1),
        Kind::Closing => closing::synthesize(&mut b, &plan.params, &plan.closing.0, &plan.closing.1),
    }
    b.into_assignment()
}

/// A gadget that was built: what refuses it, what is free, which choice is unbound, what it was given and its wires.
struct Built {
    refused: BTreeSet<&'static str>,
    free: BTreeSet<String>,
    unbound: BTreeSet<String>,
    other: BTreeSet<String>,
    given: Vec<F>,
    wires: Vec<F>,
}

impl Built {
    fn of(build: fn(&mut Builder, Variant), dropped: &[&str], variant: Variant) -> Self {
        let mut b = Builder::rows();
        build(&mut b, variant);
        let is_dropped = |check: &str| variant.mistaken && dropped.contains(&check);
        let refused =
            b.violations().iter().map(|violation| violation.check).filter(|check| !is_dropped(check)).collect();
        let kept: Vec<bool> =
            (0..b.n_rows()).map(|row| b.row_name(row).is_some_and(|name| !is_dropped(name.0))).collect();
        let labels: Vec<&'static str> = (0..b.values().len()).map(|wire| b.label(wire).map_or("", |l| l.0)).collect();
        let (matrices, wires) = b.into_parts();
        let chosen = |wire: usize| labels[wire] == CHOSEN;
        let given = |wire: usize| labels[wire] == GIVEN;
        // Held too: siblings of a path, and what a comparison whose rows are left out leaves behind.
        let idle =
            |wire: usize| labels[wire] == merkle::CHILDREN || !dropped.is_empty() && labels[wire] == range::PREFIX;
        let tangent = Tangent::at(&matrices, &wires);
        let held = |wire: usize| given(wire) || idle(wire) || chosen(wire);
        let free = tangent.free(held, |row| kept[row]);
        let other = exact::undetermined(&matrices, &wires, held, |row| kept[row]);
        let unbound =
            tangent.unbound(|wire| given(wire) || idle(wire), chosen, |wire| labels[wire] == RESULT, |row| kept[row]);
        let text = |wires: Vec<usize>| {
            let labels = wires.into_iter().map(|wire| labels[wire]).filter(|label| *label != INVERSE);
            labels.map(str::to_owned).collect()
        };
        let given = (0..wires.len()).filter(|wire| given(*wire)).map(|wire| wires[wire]).collect();
        Self { refused, free: text(free), unbound: text(unbound), other: text(other), given, wires }
    }
}

fn try_gadget(planted: &Planted, build: fn(&mut Builder, Variant), dropped: &[&str]) {
    let name = planted.name;
    let none = BTreeSet::new();
    let right = Built::of(build, dropped, Variant { mistaken: false, lie: false });
    assert_eq!((&right.refused, &right.free, &right.unbound), (&BTreeSet::new(), &none, &none), "{name}: without it");
    // Of a wrong sign the mistaken rows have no other witness than the wrong one.
    let wrong = planted.found_by == Found::Twin;
    let mistaken = Built::of(build, dropped, Variant { mistaken: true, lie: wrong });
    assert_eq!(mistaken.refused, BTreeSet::new(), "{name}: satisfied");
    // Propagation finds a mistake only where it finds none without it.
    let other = if right.other.is_empty() { &mistaken.other } else { &none };
    insist(planted, [&mistaken.free, &mistaken.unbound, other]);
    if wrong {
        let honest = Built::of(build, dropped, Variant { mistaken: true, lie: false });
        assert!(!honest.refused.is_empty(), "{name}: what the twin says is refused");
    }
    if matches!(planted.found_by, Found::Propagation | Found::Alternative | Found::Twin) {
        let accepted = Built::of(build, dropped, Variant { mistaken: true, lie: true });
        assert_eq!(accepted.refused, BTreeSet::new(), "{name}: the other witness satisfies");
        assert!(accepted.given == right.given && accepted.wires != right.wires, "{name}: it is another");
        let refused = Built::of(build, dropped, Variant { mistaken: false, lie: true });
        assert!(!refused.refused.is_empty(), "{name}: the right rows refuse it");
    }
}
