//! The escape circuit: the owner of an account leaves a frozen vault, by itself.
//!
//! It opens the account's leaf under the state root, checks the owner's signature, and values each position exactly once: by a row of the
//! risk table, opened under its root, or by a settlement value, which it publishes at the position's place for the contract to
//! compare. Out comes what the account is worth. All that is read of the leaf is ranged, so its words have one reading; that ids
//! increase and quantities are not 0 follows from the root and is not needed here (docs/protocol.md, section 13).

use ark_ff::AdditiveGroup;
use tacit_core::account::{Holder, Leaf, Position};
use tacit_core::babyjub;
use tacit_core::eddsa::Signature;
use tacit_core::escape::{Escape, SETTLED_A_WORD, SETTLED_BITS, Source, Statement, TAG_ESCAPE, Valuation};
use tacit_core::exit::{OwnerError, address};
use tacit_core::field::{F, from_i128, from_u64, from_u128, pow2, to_u128};
use tacit_core::params::Params;
use tacit_core::poseidon as plain;
use tacit_core::risk::{RiskRow, TAG_RISK_ROW};
use tacit_core::tree::empty_node;
use tacit_core::units::CASH_A_TOKEN;

use crate::account::{CASH_BITS, ID_BITS, QUANTITY_BITS, TAG_LEAF, packed_positions, position_value};
use crate::builder::{Builder, Lc};
use crate::exit::ADDRESS_BITS;
use crate::gadgets::{merkle, poseidon, range};
use crate::order::PRICE_BITS;
use crate::owner;
use crate::settlement::{SettlementError, finished};
use crate::statement::{EscapePrivate, EscapePublic, PlaceWitness};

/// Bits of nonce epoch and bitmap together, which nothing here tells apart.
const NONCE_BITS: u32 = 96;
/// Bits of what an account is worth, cash units, signed: `2⁹¹ + 10⁴·P·2⁷⁷ < 2⁹⁵` for P up to 24.
const WORTH_BITS: u32 = 96;
const MOST_POSITIONS: usize = 24;
/// Bits of what it is worth in whole token units: `2⁹⁵ / 10⁸ < 2⁶⁹`.
const TOKEN_BITS: u32 = 69;
/// Bits of the equity that is public; whoever is worth more is worth that.
const EQUITY_BITS: u32 = 64;
/// Bits of what is left of a token unit.
const REST_BITS: u32 = 27;

/// One position of the leaf.
struct Held {
    id: Lc,
    quantity: Lc,
}

/// What the circuit reads of the leaf.
struct LeafVars {
    cash: Lc,
    positions: Vec<Held>,
    hash: Lc,
}

/// Writes the circuit. Root, equity and settled positions are derived from the witness; read them back with `public`.
///
/// # Panics
/// If the parameter set has more than 24 positions.
pub fn synthesize(b: &mut Builder, p: &Params, public: &EscapePublic, private: &EscapePrivate) {
    assert!(p.positions <= MOST_POSITIONS, "the worth of {} positions is out of range", p.positions);
    let names = EscapePublic::names(p);
    let inputs: Vec<Lc> = names.iter().zip(public.to_vec()).map(|(name, value)| b.input(name, value)).collect();
    let [domain, risk_root, index, recipient] = [&inputs[0], &inputs[2], &inputs[3], &inputs[4]];
    let place = b.scoped("request", |b| {
        range::bits(b, "recipient", recipient, ADDRESS_BITS);
        range::bits_full(b, "index", index, 3 * p.depth as u32)
    });
    let message = [domain, index, recipient].map(Lc::clone);
    let message = b.scoped("message", |b| poseidon::sponge(b, TAG_ESCAPE, &message));
    let owner = b.scoped("owner and key", |b| owner::signed(b, &private.holder, &message, &private.signature));
    let leaf = b.scoped("leaf", |b| open_leaf(b, p, &owner, &private.leaf));
    let root = b.scoped("state tree", |b| merkle::open(b, merkle::CHILD, &place, &private.path, &leaf.hash));
    b.output("root", 1, &root);
    let valued: Vec<Valued> =
        leaf.positions.iter().zip(&private.places).map(|(held, w)| value(b, p, held, w, risk_root)).collect();
    for (j, places) in valued.chunks(SETTLED_A_WORD).enumerate() {
        let words: Vec<Lc> = places.iter().map(|place| place.settled.clone()).collect();
        b.output("settled positions", 6 + j, &Lc::pack(&words, SETTLED_BITS));
    }
    let equity = b.scoped("equity", |b| equity(b, &leaf.cash, &valued));
    b.output("equity", 5, &equity);
}

/// The leaf with every word in ranges that give it one reading; of `updates` and the salt nothing is read.
fn open_leaf(b: &mut Builder, p: &Params, owner: &Lc, leaf: &Leaf) -> LeafVars {
    let cash = range::ranged_signed(b, "cash", from_i128(leaf.cash), CASH_BITS);
    let nonces = from_u64(leaf.epoch.into()) + from_u64(leaf.bitmap) * pow2(32);
    let nonces = range::ranged(b, "nonces", nonces, NONCE_BITS);
    let updates = b.witness("updates", from_u64(leaf.updates.into()));
    let salt = b.witness("salt", leaf.salt);
    let positions: Vec<Held> = (0..p.positions).map(|slot| open_position(b, p, leaf, slot)).collect();
    let [ids, quantities] = [|x: &Held| x.id.clone(), |x: &Held| x.quantity.clone()]
        .map(|part: fn(&Held) -> Lc| positions.iter().map(part).collect::<Vec<_>>());
    let offset_cash = cash.add_constant(pow2(CASH_BITS - 1));
    let state = Lc::word([(&offset_cash, 0), (&nonces, CASH_BITS)]);
    let mut words = vec![owner.clone(), state, updates, salt];
    words.extend(packed_positions(&ids, &quantities));
    let hash = poseidon::sponge(b, TAG_LEAF, &words);
    LeafVars { cash, positions, hash }
}

fn open_position(b: &mut Builder, p: &Params, leaf: &Leaf, slot: usize) -> Held {
    let (id, quantity) = position_value(Some(leaf), slot, p.positions);
    let id = range::ranged(b, "position id", F::from(id), ID_BITS);
    let quantity = range::ranged_signed(b, "position quantity", from_i128(quantity.into()), QUANTITY_BITS);
    Held { id, quantity }
}

/// What a place of the leaf adds.
struct Valued {
    /// Lots times value, price units times lots.
    worth: Lc,
    /// What is published of it.
    settled: Lc,
}

/// Values one place: by a row under the risk root, or by a published value; an empty place by nothing.
fn value(b: &mut Builder, p: &Params, held: &Held, w: &PlaceWitness, risk_root: &Lc) -> Valued {
    let zero = Lc::zero();
    b.scoped("positions", |b| {
        let empty = b.is_zero("no position", &held.id);
        let listed = b.boolean("listed", w.listed);
        b.enforce("no row for an empty place", &empty, &listed, &zero);
        let value = range::ranged(b, "position value", F::from(w.row.mark), PRICE_BITS);
        b.enforce("no value in an empty place", &empty, &value, &zero);
        let root = b.scoped("risk row", |b| row_root(b, p, &held.id, &value, w));
        b.enforce("row under the risk root", &listed, &(root - risk_root), &zero);
        // One of three: empty, listed, settled.
        let settled = empty.not() - listed;
        let settled = b.mul(&settled, &Lc::word([(&held.id, 0), (&value, ID_BITS)]));
        Valued { worth: b.mul(&held.quantity, &value), settled }
    })
}

/// The root over the row of this id and mark. Its other prices are ranged for one reading of the first word; of the rest nothing is read.
fn row_root(b: &mut Builder, p: &Params, id: &Lc, mark: &Lc, w: &PlaceWitness) -> Lc {
    let minimum = range::ranged(b, "short minimum", F::from(w.row.short_minimum), PRICE_BITS);
    let mut words = vec![Lc::word([(id, 0), (mark, 27), (&minimum, 69)]), b.witness("greeks", w.row.greeks)];
    // After the first word and the Greeks.
    words.extend(w.row.words(p).split_off(2).into_iter().map(|word| b.witness("scenario values", word)));
    let leaf = poseidon::sponge(b, TAG_RISK_ROW, &words);
    let (_, place) = range::new_bits(b, "row place", from_u64(w.place as u64), 3 * p.risk_levels() as u32);
    merkle::open(b, "row at its place", &place, &w.path, &leaf)
}

/// `min(2⁶⁴ − 1, max(0, ⌊(cash + 10⁴·Σ lots·value) / 10⁸⌋))`.
fn equity(b: &mut Builder, cash: &Lc, valued: &[Valued]) -> Lc {
    let held = Lc::sum(valued.iter().map(|place| &place.worth));
    let worth = b.materialize(&cash.add_scaled(&held, F::from(10_000u64)));
    let positive = range::is_non_negative(b, "worth against 0", &worth, WORTH_BITS);
    let credit = b.mul(&positive, &worth);
    let token = CASH_A_TOKEN.cast_unsigned();
    let whole = to_u128(&credit.value()).unwrap_or(0) / token;
    let (whole, bits) = range::new_bits(b, "whole token units", from_u128(whole), TOKEN_BITS);
    let rest = credit.add_scaled(&whole, -from_u128(token));
    range::bits(b, "rest of a token unit", &rest, REST_BITS);
    range::bits(
        b,
        "rest below a token unit",
        &rest.scale(-F::from(1u64)).add_constant(from_u128(token - 1)),
        REST_BITS,
    );
    let (low, high) = bits.split_at(EQUITY_BITS as usize);
    let fits = b.is_zero("fits 64 bits", &Lc::from_bits(high));
    b.select(&fits, &Lc::from_bits(low), &Lc::constant(pow2(EQUITY_BITS) - F::from(1u64)))
}

/// The public inputs of a circuit built by `synthesize`, outputs derived.
pub fn public(b: &Builder) -> EscapePublic {
    EscapePublic::from_slice(&b.values()[1..=b.n_inputs()])
}

/// Statement and witness of an escape, checked in plain code first.
///
/// # Errors
/// As [`Escape::statement`].
pub fn witness(p: &Params, escape: &Escape) -> Result<(EscapePublic, EscapePrivate), OwnerError> {
    let public = statement(&escape.statement(p)?);
    let places = escape.valuations(p)?.iter().map(|place| place_witness(p, escape, place)).collect();
    let private = EscapePrivate {
        holder: escape.holder.clone(),
        signature: escape.signature,
        leaf: escape.leaf.clone(),
        path: escape.path.clone(),
        places,
    };
    Ok((public, private))
}

/// The public inputs of a statement.
#[must_use]
pub fn statement(s: &Statement) -> EscapePublic {
    EscapePublic {
        domain: s.domain,
        root: s.root,
        risk_root: s.risk_root,
        index: from_u64(s.index.into()),
        recipient: address(&s.recipient),
        equity: from_u64(s.equity),
        settled: s.settled.clone(),
    }
}

fn place_witness(p: &Params, escape: &Escape, valued: &Valuation) -> PlaceWitness {
    match valued.source {
        Source::Listed(place) => {
            let (row, path) = (escape.risk.rows[place].clone(), escape.risk.path(place, p));
            PlaceWitness { listed: true, row, place, path }
        }
        Source::Empty | Source::Settled => nowhere(p, valued.position.instrument, valued.value),
    }
}

/// What stands in for a row where none values the place: it has a path of its own, to a root that nobody asks for.
#[must_use]
pub fn nowhere(p: &Params, instrument: u32, value: u64) -> PlaceWitness {
    let row = RiskRow { instrument, mark: value, short_minimum: 0, greeks: F::ZERO, values: vec![0; p.scenarios] };
    let mut node = row.hash(p);
    let path = (0..p.risk_levels()).map(|level| {
        let mut children = [empty_node(level as u8); 8];
        children[0] = std::mem::replace(&mut node, F::ZERO);
        node = plain::hash(&children);
        children
    });
    PlaceWitness { listed: false, path: path.collect(), row, place: 0 }
}

/// The assignment to prove.
///
/// # Errors
/// `Unsatisfied`, `Derived`: see there.
pub fn assignment(p: &Params, public: &EscapePublic, private: &EscapePrivate) -> Result<Vec<F>, SettlementError> {
    let mut b = Builder::assignment();
    synthesize(&mut b, p, public, private);
    let derived = self::public(&b).to_vec();
    finished(b, "the escape circuit", &derived, &public.to_vec(), &EscapePublic::names(p))
}

/// The circuit in rows mode with a blank witness: for set-up, counting and fingerprints.
#[must_use]
pub fn shape(p: &Params) -> Builder {
    let mut b = Builder::rows();
    let inputs = vec![F::ZERO; EscapePublic::names(p).len()];
    synthesize(&mut b, p, &EscapePublic::from_slice(&inputs), &blank(p));
    b
}

/// A witness of nobody, without positions.
fn blank(p: &Params) -> EscapePrivate {
    let holder = Holder { key: babyjub::BASE8, viewing_key: F::ZERO, subaccount: 0 };
    let positions: Vec<Position> = Vec::new();
    let leaf = Leaf { owner: holder.owner(), cash: 0, epoch: 0, bitmap: 0, updates: 0, salt: F::ZERO, positions };
    EscapePrivate {
        holder,
        signature: Signature { r8: babyjub::BASE8, s: 0u64.into() },
        leaf,
        path: (0..p.depth).map(|level| [empty_node(level as u8); 8]).collect(),
        places: (0..p.positions).map(|_| nowhere(p, 0, 0)).collect(),
    }
}
