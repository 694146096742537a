//! The closing circuit: one a batch.
//!
//! It holds the risk table under its root, the settled rows, clearing prices and cuts under the auction root, and shows that the sums
//! of all segments are what these rows make of them: instruments clear, prices follow the rule, claims about positions are true,
//! every look-up met a row, fees arrived at leaf 0 (docs/protocol.md, sections 5 to 8).

use tacit_core::field::{F, pow2};
use tacit_core::params::Params;

use crate::account::ID_BITS;
use crate::auction::{COUNT_KEY, VOLUME_KEY};
use crate::builder::{Builder, Lc};
use crate::context::{self, ChallengeVars};
use crate::gadgets::transcript::Transcript;
use crate::gadgets::{lookup, poseidon, range};
use crate::order::{PRICE_BITS, RowWord, row_word};
use crate::statement::{CLOSING_INPUTS, ClosingPrivate, ClosingPublic, RiskRowWitness, SettledRowWitness};

/// Poseidon tags of this module.
const TAG_RISK_ROW: u64 = 7;
const TAG_AUCTION: u64 = 8;
const TAG_CLOSING: u64 = 10;
/// Scenario values in a hashed word.
const VALUES_A_WORD: usize = 6;

/// Number of elements that the closing circuit absorbs, ρ included.
pub fn transcript_length(p: &Params) -> usize {
    1 + 4 * p.rows + 2 * p.settled + 1 + p.rows + p.settled
}

/// What the rows are multiplied with, once a circuit.
struct Factors {
    /// `num`.
    num: Lc,
    /// `den·y^S − (num − den)·Σ_{s<S} y^s`: what the mark adds to a row's key.
    mark: Lc,
}

/// Totals over all rows.
#[derive(Default)]
struct Totals {
    margin: Vec<Lc>,
    groups: Vec<Lc>,
    net: Vec<Lc>,
    lookups: Vec<Lc>,
    chain: Vec<Lc>,
    multiplicities: Vec<Lc>,
    words: Vec<Lc>,
    leaves: Vec<Lc>,
    auction: Vec<Lc>,
    settled: Vec<Lc>,
}

/// Writes the circuit. Roots, τ, data value, sums and product are derived from the witness; read them back with `public`.
pub fn synthesize(b: &mut Builder, p: &Params, public: &ClosingPublic, private: &ClosingPrivate) {
    let inputs: Vec<Lc> =
        CLOSING_INPUTS.iter().zip(public.to_array()).map(|(name, value)| b.input(name, value)).collect();
    let context = b.scoped("context", |b| context::open(b, &inputs[1], &private.context));
    let ch = context::challenges(
        b,
        p.scenarios,
        [&inputs[5], &inputs[6], &inputs[7], &inputs[8], &inputs[9]].map(Lc::clone),
    );
    let at_mark = b.mul(&context.den, &ch.y_powers[p.scenarios]);
    let off_mark = b.mul(&(&context.num - &context.den), &ch.y_sum);
    let factors = Factors { num: context.num.clone(), mark: b.materialize(&(&at_mark - &off_mark)) };
    let mut transcript = Transcript::new(TAG_CLOSING, transcript_length(p));
    let rho = b.witness("rho", private.rho);
    transcript.absorb(b, &rho);
    let mut totals = Totals::default();
    let first = sentinel(b, private, &ch, &mut totals);
    for slot in 0..p.rows {
        risk_row(b, p, private.risk.get(slot), &ch, &factors, &mut transcript, &mut totals);
    }
    for slot in 0..p.settled {
        settled_row(b, p, private.settled.get(slot), &ch, &mut transcript, &mut totals);
    }
    for multiplicity in &totals.multiplicities {
        transcript.absorb(b, multiplicity);
    }
    b.scoped("next ids", |b| close_chain(b, &ch, &first, &mut totals));
    let risk_root = b.scoped("risk root", |b| tree_root(b, p, &totals.leaves));
    b.output("risk root", 2, &risk_root);
    let auction_root = b.scoped("auction root", |b| auction_root(b, private, &first, &totals));
    b.output("auction root", 3, &auction_root);
    b.scoped("identities", |b| identities(b, private, &factors, &totals));
    let tau = transcript.digest(b);
    b.output("tau", 4, &tau);
    let data = b.scoped("public words", |b| horner(b, &totals.words, &ch.z));
    b.output("data value", 10, &data);
}

/// The row below all ids: its look-ups are those of inactive slots and of orders that are no trades. Returns the least id.
fn sentinel(b: &mut Builder, private: &ClosingPrivate, ch: &ChallengeVars, totals: &mut Totals) -> Lc {
    let zero = Lc::zero();
    let first = b.witness("first id", F::from(private.first));
    // Not 0, and so by the chain no id is.
    range::bits(b, "first id", &first.add_constant(-F::from(1u64)), ID_BITS + 1);
    let word = row_word(&RowWord {
        id: &zero,
        next: &first,
        price: &zero,
        cut: &zero,
        cut_side: &zero,
        settled: &zero,
        direction: &zero,
        minimum: &zero,
    });
    let last_power = ch.y_powers.len() - 2;
    let key = b.mul(&word, &ch.y_powers[last_power]);
    let multiplicity = b.witness("sentinel multiplicity", F::from(private.sentinel_multiplicity));
    totals.lookups.push(lookup::term(b, "sentinel look-ups", &multiplicity, &ch.beta, &key));
    totals.multiplicities.push(multiplicity);
    first
}

/// Id, next id and use of a row: an unused row is all zero in what it adds.
struct Place {
    used: Lc,
    id: Lc,
    next: Lc,
}

fn place(b: &mut Builder, id: Option<u32>, next: u32) -> Place {
    let used = b.boolean("row used", id.is_some());
    let id = range::ranged(b, "row id", F::from(id.unwrap_or(0)), ID_BITS);
    let next = b.witness("row next id", F::from(next));
    b.enforce("unused row has no id", &used.not(), &id, &Lc::zero());
    range::bits(b, "next id above id", &(&(&next - &id) - &used), ID_BITS);
    Place { used, id, next }
}

/// Both ends of the linked list of ids (section 7, `next`).
fn chain(b: &mut Builder, ch: &ChallengeVars, x: &Place, totals: &mut Totals) {
    let out = lookup::term(b, "row points at its next id", &x.used, &ch.beta, &x.next);
    let here = lookup::term(b, "row is pointed at", &x.used, &ch.beta, &x.id);
    totals.chain.push(&out - &here);
}

fn close_chain(b: &mut Builder, ch: &ChallengeVars, first: &Lc, totals: &mut Totals) {
    let one = Lc::one();
    let start = lookup::term(b, "sentinel points at the first id", &one, &ch.beta, first);
    let end = lookup::term(b, "top is pointed at", &one, &ch.beta, &Lc::constant(pow2(ID_BITS)));
    totals.chain.push(&start - &end);
    b.zero("ids form one increasing chain", &Lc::sum(&totals.chain));
}

/// A number that must be 0 in an unused row.
fn gated(b: &mut Builder, label: &'static str, used: &Lc, value: F) -> Lc {
    let x = b.witness(label, value);
    b.enforce("unused row adds nothing", &used.not(), &x, &Lc::zero());
    x
}

/// Prices of a risk row.
struct Prices {
    mark: Lc,
    minimum: Lc,
    values: Vec<Lc>,
}

#[allow(clippy::too_many_arguments)] // one argument a thing that the row reads or adds to
fn risk_row(
    b: &mut Builder,
    p: &Params,
    w: Option<&RiskRowWitness>,
    ch: &ChallengeVars,
    factors: &Factors,
    transcript: &mut Transcript,
    totals: &mut Totals,
) {
    let x = b.scoped("next ids", |b| {
        let x = place(b, w.map(|w| w.row.instrument), w.map_or(0, |w| w.next));
        chain(b, ch, &x, totals);
        x
    });
    let prices = b.scoped("risk rows", |b| risk_values(b, p, w, &x, totals));
    let (price, cut, side, direction, apart) =
        b.scoped("auction rows", |b| auction_row(b, w, &x, &prices.mark, totals));
    let number = |value: Option<u64>| F::from(value.unwrap_or(0));
    let zero = F::from(0u64);
    let long = gated(b, "group long", &x.used, w.map_or(zero, |w| w.group_long));
    let short = gated(b, "group short", &x.used, w.map_or(zero, |w| w.group_short));
    let count = gated(b, "at-price count", &x.used, number(w.map(|w| w.count)));
    let volume = gated(b, "buy volume", &x.used, number(w.map(|w| w.volume)));
    let multiplicity = gated(b, "multiplicity", &x.used, number(w.map(|w| w.multiplicity)));
    for element in [&long, &short, &count, &volume] {
        transcript.absorb(b, element);
    }
    b.scoped("auction rows", |b| price_rule(b, &count, &apart));
    b.scoped("identities", |b| {
        let value = horner_up(b, &prices.values, &ch.y_powers[1]);
        let key = LookupKey { x: &x, price: &price, cut: &cut, side: &side, direction: &direction };
        look_up_key(b, p, ch, factors, &key, &prices, &value, &multiplicity, totals);
        margin_terms(b, p, ch, &prices, &value, &long, &short, totals);
        groups(b, ch, &x.id, &long, &short, totals);
        let key = x.id.add_constant(pow2(COUNT_KEY));
        totals.net.push(lookup::term(b, "counts of the row", &count, &ch.beta, &key));
        let key = x.id.add_constant(pow2(VOLUME_KEY));
        totals.net.push(lookup::term(b, "volume of the row", &volume, &ch.beta, &key));
    });
    let word = b.scoped("public words", |b| {
        let traded = b.is_zero("traded", &volume).not();
        let shown = b.mul(&traded, &price);
        Lc::word([(&x.id, 0), (&shown, 27), (&traded, 69)])
    });
    totals.words.push(word);
    totals.multiplicities.push(multiplicity);
}

/// Ranges and hash of the epoch's row; the leaf is 0 if unused.
fn risk_values(b: &mut Builder, p: &Params, w: Option<&RiskRowWitness>, x: &Place, totals: &mut Totals) -> Prices {
    let row = w.map(|w| &w.row);
    let mark = range::ranged(b, "mark", F::from(row.map_or(0, |r| r.mark)), PRICE_BITS);
    let minimum = range::ranged(b, "short minimum", F::from(row.map_or(0, |r| r.short_minimum)), PRICE_BITS);
    let greeks = b.witness("greeks", row.map_or(F::from(0u64), |r| r.greeks));
    let values: Vec<Lc> = (0..p.scenarios)
        .map(|s| range::ranged(b, "scenario value", F::from(row.map_or(0, |r| r.values[s])), PRICE_BITS))
        .collect();
    let mut words = vec![Lc::word([(&x.id, 0), (&mark, 27), (&minimum, 69)]), greeks];
    words.extend(values.chunks(VALUES_A_WORD).map(|six| Lc::pack(six, PRICE_BITS)));
    let hash = poseidon::sponge(b, TAG_RISK_ROW, &words);
    let leaf = b.mul(&x.used, &hash);
    totals.leaves.push(leaf);
    Prices { mark, minimum, values }
}

/// Clearing price, cut and side of the row; whether the price is above the mark, and whether it differs from it.
fn auction_row(
    b: &mut Builder,
    w: Option<&RiskRowWitness>,
    x: &Place,
    mark: &Lc,
    totals: &mut Totals,
) -> (Lc, Lc, Lc, Lc, Lc) {
    let price = range::ranged(b, "clearing price", F::from(w.map_or(0, |w| w.price)), PRICE_BITS);
    let cut = range::ranged(b, "cut", F::from(w.map_or(0, |w| w.cut)), 33);
    let side = b.boolean("cut side", w.is_some_and(|w| w.cut_is_buy));
    let distance = &price - mark;
    let at_mark = b.is_zero("price at the mark", &distance);
    let not_below = range::is_non_negative(b, "price against the mark", &distance, PRICE_BITS + 1);
    let direction = &not_below - &at_mark;
    let word = Lc::word([(&price, 0), (&cut, 42), (&side, 75), (&x.next, 76)]);
    totals.auction.push(b.mul(&x.used, &word));
    (price, cut, side, direction, at_mark.not())
}

/// Price rule: away from the mark, something at the price stands on the side that holds it there.
fn price_rule(b: &mut Builder, count: &Lc, apart: &Lc) {
    let inverse =
        b.witness("count inverse", ark_ff::Field::inverse(&count.value()).unwrap_or_default() * apart.value());
    b.enforce("price rule", count, &inverse, apart);
}

/// Parts of a row's look-up key beside its values.
struct LookupKey<'a> {
    x: &'a Place,
    price: &'a Lc,
    cut: &'a Lc,
    side: &'a Lc,
    direction: &'a Lc,
}

#[allow(clippy::too_many_arguments)] // one argument a part of the key
fn look_up_key(
    b: &mut Builder,
    p: &Params,
    ch: &ChallengeVars,
    factors: &Factors,
    k: &LookupKey<'_>,
    prices: &Prices,
    value: &Lc,
    multiplicity: &Lc,
    totals: &mut Totals,
) {
    let zero = Lc::zero();
    let word = row_word(&RowWord {
        id: &k.x.id,
        next: &k.x.next,
        price: k.price,
        cut: k.cut,
        cut_side: k.side,
        settled: &zero,
        direction: k.direction,
        minimum: &prices.minimum,
    });
    let values = b.mul(&factors.num, value);
    let mark = b.mul(&prices.mark, &factors.mark);
    let word = b.mul(&word, &ch.y_powers[p.scenarios + 1]);
    // Nothing binds the values of an unused row before β: without the gate they could be chosen to make the key β.
    let key = b.mul(&k.x.used, &Lc::sum([&values, &mark, &word]));
    totals.lookups.push(lookup::term(b, "look-ups of the row", multiplicity, &ch.beta, &key));
}

/// The row's part of the right side of the margin identity (without num).
#[allow(clippy::too_many_arguments)] // one argument a factor
fn margin_terms(
    b: &mut Builder,
    p: &Params,
    ch: &ChallengeVars,
    prices: &Prices,
    value: &Lc,
    long: &Lc,
    short: &Lc,
    totals: &mut Totals,
) {
    let mark = b.mul(&prices.mark, &ch.y_powers[p.scenarios]);
    let minimum = b.mul(&prices.minimum, &ch.y_powers[p.scenarios + 2]);
    let held = value + &mark;
    totals.margin.push(b.mul(&held, long));
    totals.margin.push(b.mul(&(&held - &minimum), short));
}

/// Positions by key: long under the key, short under key + 2³².
fn groups(b: &mut Builder, ch: &ChallengeVars, key: &Lc, long: &Lc, short: &Lc, totals: &mut Totals) {
    totals.groups.push(lookup::term(b, "long positions of the row", long, &ch.beta, key));
    totals.groups.push(lookup::term(b, "short positions of the row", short, &ch.beta, &key.add_constant(pow2(32))));
}

fn settled_row(
    b: &mut Builder,
    p: &Params,
    w: Option<&SettledRowWitness>,
    ch: &ChallengeVars,
    transcript: &mut Transcript,
    totals: &mut Totals,
) {
    let x = b.scoped("next ids", |b| {
        let x = place(b, w.map(|w| w.row.instrument), w.map_or(0, |w| w.next));
        chain(b, ch, &x, totals);
        x
    });
    let zero = Lc::zero();
    let value = range::ranged(b, "settlement value", F::from(w.map_or(0, |w| w.row.value)), PRICE_BITS);
    let word = b.mul(&x.used, &Lc::word([(&x.id, 0), (&value, 27)]));
    let long = gated(b, "group long", &x.used, w.map_or(F::from(0u64), |w| w.group_long));
    let short = gated(b, "group short", &x.used, w.map_or(F::from(0u64), |w| w.group_short));
    let multiplicity = gated(b, "multiplicity", &x.used, F::from(w.map_or(0, |w| w.multiplicity)));
    transcript.absorb(b, &long);
    transcript.absorb(b, &short);
    b.scoped("identities", |b| {
        let row = row_word(&RowWord {
            id: &x.id,
            next: &x.next,
            price: &zero,
            cut: &zero,
            cut_side: &zero,
            settled: &Lc::one(),
            direction: &zero,
            minimum: &zero,
        });
        let key = b.mul(&row, &ch.y_powers[p.scenarios + 1]);
        let key = b.mul(&x.used, &key);
        totals.lookups.push(lookup::term(b, "look-ups of the row", &multiplicity, &ch.beta, &key));
        let worth = b.mul(&value, &ch.y_powers[p.scenarios + 1]);
        totals.margin.push(b.mul(&worth, &(&long + &short)));
        groups(b, ch, &x.id.add_constant(pow2(33)), &long, &short, totals);
    });
    let next = b.mul(&x.used, &x.next);
    totals.settled.push(&word + &next.scale(pow2(69)));
    totals.words.push(word);
    totals.multiplicities.push(multiplicity);
}

/// `Σ x_i y^i`.
fn horner_up(b: &mut Builder, values: &[Lc], y: &Lc) -> Lc {
    let mut sum = Lc::zero();
    for value in values.iter().rev() {
        sum = &b.mul(&sum, y) + value;
    }
    b.materialize(&sum)
}

/// `Σ d_i z^{m−1−i}`.
fn horner(b: &mut Builder, words: &[Lc], z: &Lc) -> Lc {
    let mut sum = Lc::zero();
    for word in words {
        sum = &b.mul(&sum, z) + word;
    }
    sum
}

/// Arity-8 root over the rows, unused places 0.
fn tree_root(b: &mut Builder, p: &Params, leaves: &[Lc]) -> Lc {
    let mut level = leaves.to_vec();
    // Empty subtrees are hashed like any other; hashes of constants take no rows.
    level.resize(8usize.pow(p.risk_levels() as u32), Lc::zero());
    for _ in 0..p.risk_levels() {
        level = level.chunks(8).map(|eight| poseidon::hash(b, eight)).collect();
    }
    level.swap_remove(0)
}

/// Salted hash of prices, cuts and settled rows (section 7).
fn auction_root(b: &mut Builder, private: &ClosingPrivate, first: &Lc, totals: &Totals) -> Lc {
    let mut words = vec![first.clone()];
    words.extend(totals.auction.chunks(2).map(|two| Lc::pack(two, 104)));
    words.extend(totals.settled.chunks(2).map(|two| Lc::pack(two, 97)));
    words.push(b.witness("auction salt", private.auction_salt));
    poseidon::sponge(b, TAG_AUCTION, &words)
}

/// Opens the last segment's sums and compares.
fn identities(b: &mut Builder, private: &ClosingPrivate, factors: &Factors, totals: &Totals) {
    let sums = private.sums.to_array().map(|value| b.witness("sum", value));
    let commitment = poseidon::hash(b, &sums);
    b.output("sums", 11, &commitment);
    let [margin, groups, net, lookups, fees, product, _] = &sums;
    let worth = b.mul(&factors.num, &Lc::sum(&totals.margin));
    b.equal("margin identity", margin, &worth);
    b.equal("group-by identity", groups, &Lc::sum(&totals.groups));
    b.equal("net fill identity", net, &Lc::sum(&totals.net));
    b.equal("look-up identity", lookups, &Lc::sum(&totals.lookups));
    b.zero("fees credited", fees);
    b.output("sequence product", 12, product);
}

/// The public inputs of a circuit built by `synthesize`, outputs derived.
pub fn public(b: &Builder) -> ClosingPublic {
    let mut values = [F::from(0u64); 13];
    values.copy_from_slice(&b.values()[1..14]);
    ClosingPublic::from_array(values)
}
