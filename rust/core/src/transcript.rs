//! The plain twin of what the challenges are drawn from, and of the sums they are used in.
//!
//! Section 7 of `docs/protocol.md`: elements of both transcripts, auction root, closing words, challenges, the running sums of segments
//! and what the closing proof compares them with. Circuits are tested against these functions. Public data is [`crate::data`]'s.

use ark_ff::{AdditiveGroup, Field, PrimeField};

use crate::account::packed;
use crate::auction::count_of;
use crate::batch::{AuctionRow, ClearedBatch, ClearedOrder};
use crate::field::{F, from_i128, from_u64, pow2, to_be_bytes};
use crate::keccak::{keccak256, keccak256_of};
use crate::order::{Kind, Order, Side};
use crate::params::Params;
use crate::poseidon;
use crate::risk::{LookupRow, RiskTable, SettledRow, weighted_values};
use crate::seal::outcome_words;
use crate::units::{CASH_A_VALUE, CLAIM_BOUND, TOP};
use crate::witness::{Segment, SegmentTouch};

/// Tag of the auction root.
pub const TAG_AUCTION: u64 = 8;
/// Tag of a segment's transcript.
pub const TAG_SEGMENT: u64 = 9;
/// Tag of the closing transcript.
pub const TAG_CLOSING: u64 = 10;

const SETTLEMENT_LABEL: &[u8] = b"tacit.settlement.1";
const EXPIRED_OFFSET: u32 = 162;
const CLAIM_BITS: u32 = 84;
const WEIGHT_BITS: u32 = 50;

/// Bits that tell keys of one identity apart: short and expired positions, counts and volumes of trades.
const KEY_SHORT: u32 = 32;
const KEY_EXPIRED: u32 = 33;
const KEY_COUNT: u32 = 34;
const KEY_VOLUME: u32 = 35;

// ---- rows ---------------------------------------------------------------------------------------------------------------

/// What an order learns of the row it is looked up in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRow {
    /// Id of the row, 0 of the sentinel.
    pub id: u32,
    /// The least id above it, `TOP` if there is none.
    pub next: u32,
    /// p*.
    pub price: u64,
    /// Cut.
    pub cut: u32,
    /// Whether the cut is on the buyers' side.
    pub cut_buys: bool,
    /// Whether the row is a settled one.
    pub settled: bool,
    /// Whether p* is above the mark.
    pub above_mark: bool,
    /// Short minimum.
    pub minimum: u64,
    /// W_0 … W_{S−1}, W_mark.
    pub weighted: Vec<i128>,
}

impl OrderRow {
    /// The row's word.
    #[must_use]
    pub fn word(&self) -> F {
        let parts = [
            (u64::from(self.id), 0),
            (u64::from(self.next), 36),
            (self.price, 72),
            (u64::from(self.cut), 118),
            (u64::from(self.cut_buys), 154),
            (u64::from(self.settled), 155),
            (u64::from(self.above_mark), 156),
            (self.minimum, 157),
        ];
        parts.into_iter().map(|(part, offset)| from_u64(part) * pow2(offset)).sum()
    }

    /// The W words: five values a word, negative ones borrowing.
    #[must_use]
    pub fn weighted_words(&self) -> Vec<F> {
        self.weighted.chunks(5).map(|chunk| packed(chunk.iter().copied().map(from_i128), WEIGHT_BITS)).collect()
    }

    /// The key of the look-up: `Σ_s W_s y^s + W_mark y^S + word·y^{S+1}`.
    #[must_use]
    pub fn key(&self, y: F) -> F {
        let values = self.weighted.iter().copied().map(from_i128).chain([self.word()]);
        evaluate(values, y)
    }
}

impl ClearedBatch {
    /// A row as orders look it up.
    #[must_use]
    pub fn order_row(&self, row: LookupRow) -> OrderRow {
        let table = self.table();
        let blank = OrderRow {
            id: table.id(row),
            next: table.next(row),
            price: 0,
            cut: 0,
            cut_buys: false,
            settled: matches!(row, LookupRow::Settled(_)),
            above_mark: false,
            minimum: 0,
            weighted: vec![0; self.params.scenarios + 1],
        };
        let LookupRow::Risk(at) = row else { return blank };
        let (risk, auction) = (&self.sealed.risk.rows[at], &self.auctions[at]);
        OrderRow {
            price: auction.price,
            cut: auction.cut,
            cut_buys: auction.cut_side.is_buy(),
            above_mark: auction.price > risk.mark,
            minimum: risk.short_minimum,
            weighted: weighted_values(risk, &self.context),
            ..blank
        }
    }

    /// The rows that the O places of a touch look up, inactive places the sentinel.
    #[must_use]
    pub fn order_rows(&self, orders: &[ClearedOrder]) -> Vec<OrderRow> {
        let active = orders.iter().map(|order| order.row);
        let places = active.chain(std::iter::repeat(LookupRow::Sentinel)).take(self.params.orders);
        places.map(|row| self.order_row(row)).collect()
    }

    /// `a_0`: the least id of both kinds of rows, `TOP` if there are none.
    #[must_use]
    pub fn least_id(&self) -> u32 {
        self.table().next(LookupRow::Sentinel)
    }
}

/// The inputs of the auction root without its salt: `a_0`, a word for two risk rows, a word for two settled rows.
#[must_use]
pub fn auction_words(cleared: &ClearedBatch) -> Vec<F> {
    let table = cleared.table();
    let open = cleared.auctions.iter().enumerate().map(|(at, auction)| {
        let parts = [
            (auction.price, 0),
            (u64::from(auction.cut), 42),
            (auction.cut_side.bit(), 75),
            (u64::from(table.next(LookupRow::Risk(at))), 76),
        ];
        parts.into_iter().map(|(part, offset)| from_u64(part) * pow2(offset)).sum::<F>()
    });
    let closed = cleared.sealed.settled.iter().enumerate().map(|(at, row)| {
        let next = from_u64(u64::from(table.next(LookupRow::Settled(at))));
        from_u64(u64::from(row.instrument)) + from_u64(row.value) * pow2(27) + next * pow2(69)
    });
    let mut words = vec![from_u64(u64::from(cleared.least_id()))];
    words.extend(in_pairs(open.collect(), cleared.params.rows, 104));
    words.extend(in_pairs(closed.collect(), cleared.params.settled, 97));
    words
}

fn in_pairs(mut words: Vec<F>, places: usize, shift: u32) -> Vec<F> {
    words.resize(places, F::ZERO);
    words.chunks(2).map(|pair| packed(pair.iter().copied(), shift)).collect()
}

/// The auction root: the sponge over [`auction_words`] and a salt.
#[must_use]
pub fn auction_root(cleared: &ClearedBatch, salt: F) -> F {
    let mut inputs = auction_words(cleared);
    inputs.push(salt);
    poseidon::sponge(TAG_AUCTION, &inputs)
}

/// The public words of the closing proof: a risk row, then a settled row at a time; 0 where unused.
#[must_use]
pub fn closing_words(risk: &RiskTable, settled: &[SettledRow], auctions: &[AuctionRow], params: &Params) -> Vec<F> {
    let open = risk.rows.iter().zip(auctions).map(|(row, auction)| {
        let traded = u64::from(auction.volume > 0);
        from_u64(u64::from(row.instrument)) + from_u64(traded * auction.price) * pow2(27) + from_u64(traded) * pow2(69)
    });
    let closed = settled.iter().map(|row| from_u64(u64::from(row.instrument)) + from_u64(row.value) * pow2(27));
    let mut words: Vec<F> = open.collect();
    words.resize(params.rows, F::ZERO);
    words.extend(closed);
    words.resize(params.closing_words(), F::ZERO);
    words
}

// ---- transcripts --------------------------------------------------------------------------------------------------------

/// The elements of a segment's transcript, in order, without the random first one.
#[must_use]
pub fn segment_elements(cleared: &ClearedBatch, segment: &Segment) -> Vec<F> {
    segment.touches.iter().flat_map(|touch| touch_elements(cleared, touch)).collect()
}

fn touch_elements(cleared: &ClearedBatch, touch: &SegmentTouch) -> Vec<F> {
    let result = &touch.cleared;
    let mut elements = Vec::new();
    for row in cleared.order_rows(&result.orders) {
        elements.push(row.word());
        elements.extend(row.weighted_words());
    }
    let expired = result.expired.iter().enumerate().map(|(i, expired)| u64::from(*expired) << i).sum();
    elements.push(result.words[0] + from_u64(expired) * pow2(EXPIRED_OFFSET));
    elements.extend([result.words[1], result.words[2], result.words[4]]);
    let outcomes: Vec<_> = result.orders.iter().map(ClearedOrder::outcome).collect();
    elements.extend(outcome_words(&outcomes, &cleared.params));
    elements.extend([result.x_mark, result.expiry_value, result.short_requirement].map(from_i128));
    let claims = result.claims.chunks(3);
    elements.extend(claims.map(|chunk| packed(chunk.iter().map(|claim| from_i128(claim + CLAIM_BOUND)), CLAIM_BITS)));
    elements
}

/// τ_j: the digest of a segment's transcript.
#[must_use]
pub fn segment_digest(rho: F, elements: &[F]) -> F {
    digest(TAG_SEGMENT, rho, elements)
}

/// τ_G: the digest of the closing transcript.
#[must_use]
pub fn closing_digest(rho: F, elements: &[F]) -> F {
    digest(TAG_CLOSING, rho, elements)
}

fn digest(tag: u64, rho: F, elements: &[F]) -> F {
    let inputs: Vec<F> = [rho].into_iter().chain(elements.iter().copied()).collect();
    poseidon::sponge(tag, &inputs)
}

/// What the closing transcript holds, by row. Unused rows hold zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingParts {
    /// `(G_long, G_short)` of the M risk rows.
    pub open: Vec<(F, F)>,
    /// `(G_long, G_short)` of the K settled rows.
    pub settled: Vec<(F, F)>,
    /// `(count, buy volume)` of the M risk rows.
    pub auctions: Vec<(u64, u64)>,
    /// Places that look up the sentinel.
    pub sentinel_multiplicity: u64,
    /// Places that look up each of the M risk rows.
    pub open_multiplicities: Vec<u64>,
    /// Places that look up each of the K settled rows.
    pub settled_multiplicities: Vec<u64>,
}

impl ClosingParts {
    /// The parts of a cleared batch under θ.
    #[must_use]
    pub fn new(cleared: &ClearedBatch, theta: F) -> Self {
        let params = &cleared.params;
        let mut parts = Self {
            open: vec![(F::ZERO, F::ZERO); params.rows],
            settled: vec![(F::ZERO, F::ZERO); params.settled],
            auctions: vec![(0, 0); params.rows],
            sentinel_multiplicity: 0,
            open_multiplicities: vec![0; params.rows],
            settled_multiplicities: vec![0; params.settled],
        };
        parts.sum_positions(cleared, theta);
        parts.count_lookups(cleared);
        for (part, auction) in parts.auctions.iter_mut().zip(&cleared.auctions) {
            *part = (auction.count, auction.volume);
        }
        parts
    }

    fn sum_positions(&mut self, cleared: &ClearedBatch, theta: F) {
        let table = cleared.table();
        let mut power = F::ONE;
        for touch in &cleared.touches {
            for position in touch.old.iter().flat_map(|leaf| &leaf.positions) {
                let sums = match table.look_up(position.instrument) {
                    LookupRow::Risk(at) => &mut self.open[at],
                    LookupRow::Settled(at) => &mut self.settled[at],
                    LookupRow::Sentinel => continue,
                };
                let sum = if position.quantity < 0 { &mut sums.1 } else { &mut sums.0 };
                *sum += power * from_i128(i128::from(position.quantity));
            }
            power *= theta;
        }
    }

    fn count_lookups(&mut self, cleared: &ClearedBatch) {
        let places = cleared.segments() * cleared.params.touches * cleared.params.orders;
        let active = cleared.touches.iter().flat_map(|touch| &touch.orders);
        self.sentinel_multiplicity = places as u64;
        for order in active {
            match order.row {
                LookupRow::Sentinel => continue,
                LookupRow::Risk(at) => self.open_multiplicities[at] += 1,
                LookupRow::Settled(at) => self.settled_multiplicities[at] += 1,
            }
            self.sentinel_multiplicity -= 1;
        }
    }

    /// The elements of the closing transcript, in order, without the random first one.
    #[must_use]
    pub fn elements(&self) -> Vec<F> {
        let open = self.open.iter().zip(&self.auctions);
        let open = open.flat_map(|(sums, auction)| [sums.0, sums.1, from_u64(auction.0), from_u64(auction.1)]);
        let settled = self.settled.iter().flat_map(|sums| [sums.0, sums.1]);
        let counted = self.open_multiplicities.iter().chain(&self.settled_multiplicities);
        let multiplicities = [self.sentinel_multiplicity].into_iter().chain(counted.copied());
        open.chain(settled).chain(multiplicities.map(from_u64)).collect()
    }
}

/// The elements of the closing transcript under θ, in order, without the random first one.
#[must_use]
pub fn closing_elements(cleared: &ClearedBatch, theta: F) -> Vec<F> {
    ClosingParts::new(cleared, theta).elements()
}

// ---- challenges ---------------------------------------------------------------------------------------------------------

/// What a segment puts into the first hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentDigest {
    /// Root after the segment.
    pub root: F,
    /// Next index after the segment.
    pub next_index: u32,
    /// τ_j.
    pub transcript: F,
    /// h_j, see [`crate::data::SegmentData::hash`].
    pub data_hash: [u8; 32],
}

/// What the first hash is taken of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Domain.
    pub domain: F,
    /// The context's word.
    pub context: F,
    /// n.
    pub active_orders: u32,
    /// Root of the seal's tree.
    pub seal_root: [u8; 32],
    /// End of the deposit queue.
    pub deposit_end: u64,
    /// End of the exit queue.
    pub exit_end: u64,
    /// root_0.
    pub start_root: F,
    /// The segments, N of them.
    pub segments: Vec<SegmentDigest>,
    /// Risk root.
    pub risk_root: F,
    /// Auction root.
    pub auction_root: F,
    /// keccak of the closing words.
    pub closing_hash: [u8; 32],
    /// Who receives the reward.
    pub beneficiary: [u8; 20],
}

impl Header {
    /// r₁.
    #[must_use]
    pub fn first_hash(&self) -> [u8; 32] {
        let mut label = [0; 32];
        label[..SETTLEMENT_LABEL.len()].copy_from_slice(SETTLEMENT_LABEL);
        let mut words =
            vec![label, to_be_bytes(&self.domain), to_be_bytes(&self.context), word(self.segments.len() as u64)];
        words.extend([
            word(u64::from(self.active_orders)),
            self.seal_root,
            word(self.deposit_end),
            word(self.exit_end),
        ]);
        words.push(to_be_bytes(&self.start_root));
        for segment in &self.segments {
            words.extend([
                to_be_bytes(&segment.root),
                word(u64::from(segment.next_index)),
                to_be_bytes(&segment.transcript),
                segment.data_hash,
            ]);
        }
        let mut beneficiary = [0; 32];
        beneficiary[12..].copy_from_slice(&self.beneficiary);
        words.extend([to_be_bytes(&self.risk_root), to_be_bytes(&self.auction_root), self.closing_hash, beneficiary]);
        keccak256(words.as_flattened())
    }

    /// dataHash: one name for all public data of the batch.
    #[must_use]
    pub fn data_hash(&self) -> [u8; 32] {
        let hashes: Vec<[u8; 32]> = self.segments.iter().map(|segment| segment.data_hash).collect();
        keccak256_of(&[hashes.as_flattened(), &self.closing_hash])
    }
}

/// r₂.
#[must_use]
pub fn second_hash(first_hash: &[u8; 32], closing_transcript: F) -> [u8; 32] {
    keccak256_of(&[first_hash, &to_be_bytes(&closing_transcript)])
}

/// The challenges of a batch. β is known after the second hash only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenges {
    /// Joins scenarios.
    pub y: F,
    /// Joins touches.
    pub theta: F,
    /// Of the product over sequence numbers.
    pub gamma: F,
    /// Where data words are evaluated.
    pub z: F,
    /// Of the sums of fractions.
    pub beta: F,
}

impl Challenges {
    /// y, θ, γ and z of the first hash; β of the second is still 0.
    #[must_use]
    pub fn of_first_hash(first_hash: &[u8; 32]) -> Self {
        let draw = |i| challenge(first_hash, i);
        Self { y: draw(1), theta: draw(2), gamma: draw(3), z: draw(4), beta: F::ZERO }
    }

    /// The same with β of the second hash.
    #[must_use]
    pub fn with_second_hash(self, second_hash: &[u8; 32]) -> Self {
        Self { beta: challenge(second_hash, 5), ..self }
    }
}

fn challenge(hash: &[u8; 32], number: u64) -> F {
    F::from_be_bytes_mod_order(&keccak256_of(&[hash, &word(number)]))
}

fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

// ---- sums ---------------------------------------------------------------------------------------------------------------

/// The running sums of the segments, or what the closing proof compares them with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// F: of margin.
    pub margin: F,
    /// G: of positions.
    pub positions: F,
    /// N: of fills, counts and volumes.
    pub trades: F,
    /// L: of look-ups.
    pub lookups: F,
    /// Fees of orders less the credit to leaf 0.
    pub fees: F,
    /// Product over active orders of γ − s.
    pub product: F,
}

impl Sums {
    /// What the first segment starts from.
    pub const START: Self =
        Self { margin: F::ZERO, positions: F::ZERO, trades: F::ZERO, lookups: F::ZERO, fees: F::ZERO, product: F::ONE };

    /// The commitment that links segments. The first segment's has salt 0.
    #[must_use]
    pub fn commitment(&self, salt: F) -> F {
        let Self { margin, positions, trades, lookups, fees, product } = *self;
        poseidon::hash(&[margin, positions, trades, lookups, fees, product, salt])
    }

    /// The sums after a segment, from those before it.
    #[must_use]
    pub fn after(mut self, cleared: &ClearedBatch, segment: &Segment, challenges: &Challenges) -> Self {
        let mut power = theta_power(segment.first_touch, challenges.theta);
        for touch in &segment.touches {
            self.margin += power * margin_term(cleared, touch, challenges.y);
            self.positions += power * positions_term(cleared, touch, challenges.beta);
            self.add_orders(cleared, touch, challenges);
            self.fees -= from_i128(touch.cleared.fee_credit);
            power *= challenges.theta;
        }
        self
    }

    fn add_orders(&mut self, cleared: &ClearedBatch, touch: &SegmentTouch, challenges: &Challenges) {
        for row in cleared.order_rows(&touch.cleared.orders) {
            self.lookups += fraction(F::ONE, row.key(challenges.y), challenges.beta);
        }
        for (sealed, result) in touch.touch.orders.iter().zip(&touch.cleared.orders) {
            self.product *= challenges.gamma - from_u64(u64::from(sealed.sequence));
            if sealed.order.kind == Kind::Trade && result.admitted {
                let row = cleared.order_row(result.row);
                self.trades += trade_term(&sealed.order, result.fill, &row, challenges.beta);
                let fee = i128::from(cleared.context.fee_rate) * i128::from(result.fill) * i128::from(row.price);
                self.fees += from_i128(fee);
            }
        }
    }
}

/// θ-power of the first touch of a segment: `θ^a`.
#[must_use]
pub fn theta_power(first_touch: usize, theta: F) -> F {
    theta.pow([first_touch as u64])
}

/// `num·(Σ_s x_s y^s + xm y^S + E y^{S+1} + R y^{S+2})`, x_s being C_s solved for it.
fn margin_term(cleared: &ClearedBatch, touch: &SegmentTouch, y: F) -> F {
    let (num, den) = (i128::from(cleared.context.num), i128::from(cleared.context.den));
    let result = &touch.cleared;
    let cash = result.cash.div_euclid(CASH_A_VALUE);
    let x_mark = cash + result.x_mark;
    let scenarios = result.claims.iter().zip(&result.losses).take(cleared.params.scenarios);
    let scaled = scenarios.map(|(c, d)| c - d - num * cash + (num - den) * x_mark + den * result.short_requirement);
    let others = [result.x_mark, result.expiry_value, result.short_requirement].map(|value| num * value);
    evaluate(scaled.chain(others).map(from_i128), y)
}

/// `Σ q/(β − key)` over the positions before the touch.
fn positions_term(cleared: &ClearedBatch, touch: &SegmentTouch, beta: F) -> F {
    let slots = touch.cleared.old.iter().flat_map(|leaf| leaf.slots(&cleared.params));
    let terms = slots.zip(&touch.cleared.expired).map(|(position, expired)| {
        let key = position_key(position.instrument, position.quantity < 0, *expired);
        fraction(from_i128(i128::from(position.quantity)), key, beta)
    });
    terms.sum()
}

fn position_key(instrument: u32, short: bool, expired: bool) -> F {
    let number = u64::from(instrument) + (u64::from(short) << KEY_SHORT) + (u64::from(expired) << KEY_EXPIRED);
    from_u64(number)
}

/// `±fill/(β − id) + count part/(β − id − 2³⁴) + buy fill/(β − id − 2³⁵)`.
fn trade_term(order: &Order, fill: u32, row: &OrderRow, beta: F) -> F {
    let at_price = order.limit == row.price;
    let count = if at_price { count_of(order.side, order.quantity, fill, row.above_mark) } else { 0 };
    let bought = if order.side == Side::Buy { fill } else { 0 };
    let net = i128::from(order.side.sign()) * i128::from(fill);
    let id = u64::from(order.instrument);
    fraction(from_i128(net), from_u64(id), beta)
        + fraction(from_u64(u64::from(count)), from_u64(id + (1 << KEY_COUNT)), beta)
        + fraction(from_u64(u64::from(bought)), from_u64(id + (1 << KEY_VOLUME)), beta)
}

/// What the closing proof compares the last sums with: the right-hand sides of the identities, fees 0 and the product over 1 … n.
#[must_use]
pub fn closing_sums(cleared: &ClearedBatch, parts: &ClosingParts, challenges: &Challenges) -> Sums {
    let Challenges { y, gamma, beta, .. } = *challenges;
    let mut sums = Sums {
        lookups: lookup_fraction(cleared, LookupRow::Sentinel, parts.sentinel_multiplicity, challenges),
        ..Sums::START
    };
    for (at, row) in cleared.sealed.risk.rows.iter().enumerate() {
        let (long, short) = parts.open[at];
        let id = u64::from(row.instrument);
        let values = row.values.iter().copied().chain([row.mark]).map(from_u64);
        let minimum = from_u64(row.short_minimum) * y.pow([cleared.params.scenarios as u64 + 2]);
        sums.margin += evaluate(values, y) * (long + short) - minimum * short;
        sums.positions += fraction(long, position_key(row.instrument, false, false), beta);
        sums.positions += fraction(short, position_key(row.instrument, true, false), beta);
        let (count, volume) = parts.auctions[at];
        sums.trades += fraction(from_u64(count), from_u64(id + (1 << KEY_COUNT)), beta);
        sums.trades += fraction(from_u64(volume), from_u64(id + (1 << KEY_VOLUME)), beta);
        sums.lookups += lookup_fraction(cleared, LookupRow::Risk(at), parts.open_multiplicities[at], challenges);
    }
    for (at, row) in cleared.sealed.settled.iter().enumerate() {
        let (long, short) = parts.settled[at];
        sums.margin += from_u64(row.value) * y.pow([cleared.params.scenarios as u64 + 1]) * (long + short);
        sums.positions += fraction(long, position_key(row.instrument, false, true), beta);
        sums.positions += fraction(short, position_key(row.instrument, true, true), beta);
        sums.lookups += lookup_fraction(cleared, LookupRow::Settled(at), parts.settled_multiplicities[at], challenges);
    }
    sums.margin *= from_u64(u64::from(cleared.context.num));
    sums.product = sequence_product(cleared.active_orders, gamma);
    sums
}

/// `Π_{s ≤ n} (γ − s)`.
#[must_use]
pub fn sequence_product(active_orders: u32, gamma: F) -> F {
    (1..=active_orders).map(|s| gamma - from_u64(u64::from(s))).product()
}

/// The left and the right side of the identity of successors; equal in every table in order.
#[must_use]
pub fn successor_sums(cleared: &ClearedBatch, beta: F) -> (F, F) {
    let table = cleared.table();
    let open = (0..cleared.sealed.risk.rows.len()).map(LookupRow::Risk);
    let rows = || open.clone().chain((0..cleared.sealed.settled.len()).map(LookupRow::Settled));
    let one = |id: u32| fraction(F::ONE, from_u64(u64::from(id)), beta);
    let left = rows().map(|row| one(table.next(row))).sum::<F>() + one(cleared.least_id());
    let right = rows().map(|row| one(table.id(row))).sum::<F>() + one(TOP);
    (left, right)
}

fn lookup_fraction(cleared: &ClearedBatch, row: LookupRow, multiplicity: u64, challenges: &Challenges) -> F {
    fraction(from_u64(multiplicity), cleared.order_row(row).key(challenges.y), challenges.beta)
}

/// `Σ value_i y^i`.
fn evaluate(values: impl Iterator<Item = F>, y: F) -> F {
    let mut power = F::ONE;
    let mut sum = F::ZERO;
    for value in values {
        sum += value * power;
        power *= y;
    }
    sum
}

/// `numerator / (β − key)`.
fn fraction(numerator: F, key: F, beta: F) -> F {
    let denominator = (beta - key).inverse();
    numerator * denominator.expect("β is the hash of a transcript; it meets a key with a probability below 2^-200")
}
