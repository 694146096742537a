"""Section 7: what a settlement says, and the identities that make it true.

Everything a proof binds is evaluated here in plain field arithmetic: transcript elements and their
digests, the challenges, data values, the partial sums that run through the segments, the right
sides that the closing circuit computes, and the public inputs of both circuits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .account import leaf_hash
from .batch import ClearedOrder, ClearedTouch, Result, context_word
from .data import Segment, SegmentData, closing_hash, segment_data
from .field import MODULUS, Word, horner, inverse, label, word
from .keccak import keccak
from .margin import Ratio, order_weights
from .order import Kind, Side, signed_quantity
from .params import CLAIM_OFFSET, TAG_AUCTION, TAG_CLOSING, TAG_SEGMENT, TOP
from .poseidon import poseidon, sponge
from .risk import SENTINEL, RowKind, RowRef, next_id, row_id


@dataclass(frozen=True)
class Blinding:
    """The prover's fresh randomness: ρ and the salt of the sums a segment, ρ_G, the salt of the auction root."""

    segments: tuple[int, ...]
    sums: tuple[int, ...]
    closing: int
    auction: int


@dataclass(frozen=True)
class Header:
    """What the settlement contract adds to r₁: queue ends and the beneficiary of the reward."""

    deposit_end: int
    exit_end: int
    beneficiary: int


@dataclass(frozen=True)
class Challenges:
    """Section 7; the data point is z."""

    y: int
    theta: int
    gamma: int
    z: int
    beta: int = 0


@dataclass(frozen=True)
class Sums:
    """The left sides of the identities so far, and the sequence product."""

    margin: int = 0
    positions: int = 0
    netting: int = 0
    lookups: int = 0
    fees: int = 0
    product: int = 1


@dataclass(frozen=True)
class RowTotals:
    """What the closing circuit holds of a row: G of long and short keys, count, buy volume, multiplicity."""

    long: int = 0
    short: int = 0
    count: int = 0
    volume: int = 0
    multiplicity: int = 0


@dataclass(frozen=True)
class Closing:
    """Totals of the sentinel row, the M risk rows and the K settled rows; unused rows are all 0."""

    sentinel: RowTotals
    risk: tuple[RowTotals, ...]
    settled: tuple[RowTotals, ...]


@dataclass(frozen=True)
class SegmentInputs:
    """Section 7, "Public inputs of a segment, in order"."""

    domain: int
    context: int
    root_in: int
    root_out: int
    theta_in: int
    theta_out: int
    next_in: int
    next_out: int
    sums_in: int
    sums_out: int
    tau: int
    y: int
    theta: int
    gamma: int
    beta: int
    z: int
    open: int
    encrypted: int


@dataclass(frozen=True)
class ClosingInputs:
    """Section 7, public inputs "Of the closing circuit", in order."""

    domain: int
    context: int
    risk_root: int
    auction_root: int
    tau: int
    y: int
    theta: int
    gamma: int
    beta: int
    z: int
    data: int
    sums: int
    product: int


@dataclass(frozen=True)
class Settlement:
    """The whole of what goes to the contract beside the proofs, and what leads to it."""

    segments: tuple[SegmentInputs, ...]
    closing: ClosingInputs
    challenges: Challenges
    sums: tuple[Sums, ...]
    totals: Closing
    data: tuple[SegmentData, ...]
    closing_hash: Word
    r1: Word
    r2: Word


def segments(result: Result) -> list[Segment]:
    """Section 7: "A batch is N segments (T touches each, the last filled with padding touches)"."""
    size = result.params.touches
    chunks = [result.touches[i : i + size] for i in range(0, len(result.touches), size)]
    return [tuple(chunk) + (None,) * (size - len(chunk)) for chunk in chunks]


def ratio_of(result: Result) -> Ratio:
    context = result.batch.context
    return Ratio(context.num, context.den, context.fee_rate)


# The auction root


def auction_root(result: Result, salt: int) -> int:
    """Section 7: "S(8; a_0 …, salt)": "a word a risk row p* + 2⁴²·cut + 2⁷⁵·side + 2⁷⁶·next, two a field element (second shifted by 2¹⁰⁴)",

    "a word a settled row id + 2²⁷·value + 2⁶⁹·next, two a field element (second shifted by 2⁹⁷)"; "An unused row's word is 0"."""
    params, risk, settled = result.params, result.batch.risk, result.batch.settled
    open_words = [
        auction.price + 2**42 * auction.cut + 2**75 * auction.cut_side + 2**76 * next_id(risk, settled, row.instrument)
        for row, auction in zip(risk, result.auctions, strict=True)
    ]
    settled_words = [
        row.instrument + 2**27 * row.value + 2**69 * next_id(risk, settled, row.instrument) for row in settled
    ]
    open_words += [0] * (params.rows - len(open_words))
    settled_words += [0] * (params.settled - len(settled_words))
    packed = [open_words[i] + 2**104 * open_words[i + 1] for i in range(0, params.rows, 2)]
    packed += [settled_words[i] + 2**97 * settled_words[i + 1] for i in range(0, params.settled, 2)]
    return sponge(TAG_AUCTION, next_id(risk, settled, 0), *packed, salt)


# Transcript elements


def row_word(result: Result, ref: RowRef) -> int:
    """Section 7: "id 36, next 36, p* 46, cut 36, side 1, settled 1, direction [p* > mark] 1, minimum 46: offsets 0, 36, 72, 118…"."""
    risk, settled = result.batch.risk, result.batch.settled
    instrument = row_id(risk, settled, ref)
    value: int = instrument + 2**36 * next_id(risk, settled, instrument)
    if ref.kind == RowKind.SETTLED:
        return value + 2**155
    if ref.kind == RowKind.RISK:
        auction, row = result.auctions[ref.index], risk[ref.index]
        value += 2**72 * auction.price + 2**118 * auction.cut + 2**154 * auction.cut_side
        value += 2**156 * (auction.price > row.mark) + 2**157 * row.short_minimum
    return value


def row_weights(result: Result, ref: RowRef) -> list[int]:
    """Section 7: W_0 … W_{S−1}, W_mark of a row; "the sentinel (… W = 0), every risk row, every settled row (… W = 0)"."""
    if ref.kind == RowKind.RISK:
        return order_weights(result.batch.risk[ref.index], ratio_of(result))
    return [0] * (result.params.scenarios + 1)


def packed(values: Sequence[int], count: int, bits: int) -> list[int]:
    """`count` values a word in slots of `bits`; "signed (negative parts borrow)"."""
    words = [
        sum(2 ** (bits * i) * value for i, value in enumerate(values[j : j + count]))
        for j in range(0, len(values), count)
    ]
    return [value % MODULUS for value in words]


def slot_rows(result: Result, touch: ClearedTouch | None) -> list[RowRef]:
    """The row each of the O slots looks up: "kinds other than trade and inactive slots the sentinel"."""
    rows = [] if touch is None else [order.row for order in touch.orders]
    return rows + [SENTINEL] * (result.params.orders - len(rows))


def touch_word(touch: ClearedTouch) -> int:
    """Section 7: "data word 0 (section 8; 162 bits) + 2¹⁶²·Σ 2^i·expired_i"."""
    return touch.words[0] + 2**162 * sum(flag << i for i, flag in enumerate(touch.expiry.flags))


def touch_elements(result: Result, touch: ClearedTouch | None) -> list[int]:
    """Section 7, the table: "first the orders' elements slot by slot, then the touch's"; phase r₁."""
    params, elements = result.params, []
    for ref in slot_rows(result, touch):
        elements += [row_word(result, ref), *packed(row_weights(result, ref), 5, 50)]
    claims = [0] * (params.scenarios + 1) if touch is None else list(touch.admission.margin.claims)
    claim_words = packed([claim + CLAIM_OFFSET for claim in claims], 3, 84)
    if touch is None:
        return elements + [0] * (4 + params.outcome_words + 3) + claim_words
    margin = touch.admission.margin
    elements += [touch_word(touch), touch.touch_hash, leaf_hash(params, touch.new), touch.recipient, *touch.outcomes]
    elements += [margin.net_mark % MODULUS, touch.expiry.value % MODULUS, margin.short_requirement]
    return elements + claim_words


def segment_elements(result: Result, segment: Segment) -> list[int]:
    return [element for touch in segment for element in touch_elements(result, touch)]


def segment_digest(result: Result, segment: Segment, rho: int) -> int:
    """Section 7: "τ_j = S(9; ρ, e …) with ρ fresh and random"."""
    return sponge(TAG_SEGMENT, rho, *segment_elements(result, segment))


# Challenges


def challenge(seed: Word, number: int) -> int:
    """Section 7: "keccak(r₁, i) mod p"."""
    return int.from_bytes(keccak(seed + word(number)), "big") % MODULUS


def first_hash(
    result: Result,
    header: Header,
    taus: Sequence[int],
    roots: Sequence[int],
    nexts: Sequence[int],
    data: Sequence[SegmentData],
    auctions: int,
) -> Word:
    """Section 7: "r₁ = keccak("tacit.settlement.1" as bytes32, domain, context, N, n, seal root, deposit end, exit end, root_0,

    (root_j, next index_j, τ_j, h_j) for j = 1 … N, risk root, auction root, closingHash, beneficiary)"."""
    context = result.batch.context
    parts = [
        label("tacit.settlement.1"),
        word(context.domain),
        word(context_word(context)),
        word(len(taus)),
        word(result.active),
    ]
    parts += [result.seal_root, word(header.deposit_end), word(header.exit_end), word(result.start_root)]
    for root, following, tau, words in zip(roots, nexts, taus, data, strict=True):
        parts += [word(root), word(following), word(tau), words.hash]
    parts += [word(result.risk_root), word(auctions), closing_hash(result), word(header.beneficiary)]
    return keccak(b"".join(parts))


def first_challenges(r1: Word) -> Challenges:
    """Section 7: "y, θ, γ, z = keccak(r₁, i) mod p for i = 1, 2, 3, 4"."""
    return Challenges(challenge(r1, 1), challenge(r1, 2), challenge(r1, 3), challenge(r1, 4))


# Left sides: what the segments sum up


def polynomial(coefficients: Sequence[int], y: int) -> int:
    """Σ coefficient_i y^i."""
    return sum(coefficient * pow(y, i, MODULUS) for i, coefficient in enumerate(coefficients)) % MODULUS


def position_key(instrument: int, quantity: int, expired: bool) -> int:
    """Section 7: "id + 2³²·[q < 0] + 2³³·[expired]"."""
    return instrument + 2**32 * (quantity < 0) + 2**33 * expired


def account_terms(touch: ClearedTouch) -> list[int]:
    """x_0 … x_{S−1}, xm, E, R: the coefficients of y^0 … y^{S+2} in identity F."""
    margin = touch.admission.margin
    return [*margin.net_values, margin.net_mark, touch.expiry.value, margin.short_requirement]


def old_positions(touch: ClearedTouch) -> list[tuple[int, int, bool]]:
    """(id, q, expired) of the old leaf."""
    if touch.old is None:
        return []
    held = {position.instrument for position in touch.expiry.held}
    return [
        (position.instrument, position.quantity, position.instrument not in held) for position in touch.old.positions
    ]


def count_part(result: Result, cleared: ClearedOrder) -> int:
    """Section 7: "A count part is 0 but for an admitted trade with limit p*"; section 5: "side = [p* > mark] ? quantity − fill : fill"."""
    order = cleared.order
    if not cleared.admitted or order.kind != Kind.TRADE:
        return 0
    auction, row = result.auctions[cleared.row.index], result.batch.risk[cleared.row.index]
    if order.limit != auction.price:
        return 0
    direction = Side.BUY if auction.price > row.mark else Side.SELL
    return order.quantity - cleared.fill if order.side == direction else cleared.fill


def row_key(result: Result, ref: RowRef, y: int) -> int:
    """Section 7, order row: "Σ_s W_s y^s + W_mark y^S + word·y^{S+1}"."""
    return polynomial([*row_weights(result, ref), row_word(result, ref)], y)


def add_touch(result: Result, sums: Sums, touch: ClearedTouch | None, power: int, at: Challenges) -> Sums:
    """One touch's part of the left sides of F, G, N, L, fees and product; `power` is θ^a."""
    beta = at.beta
    lookups = sums.lookups + sum(inverse(beta - row_key(result, ref, at.y)) for ref in slot_rows(result, touch))
    if touch is None:
        return Sums(sums.margin, sums.positions, sums.netting, lookups % MODULUS, sums.fees, sums.product)
    margin = sums.margin + power * result.batch.context.num * polynomial(account_terms(touch), at.y)
    positions, netting, fees, product = sums.positions, sums.netting, sums.fees - touch.fee_credit, sums.product
    for instrument, quantity, expired in old_positions(touch):
        positions += power * quantity * inverse(beta - position_key(instrument, quantity, expired))
    for cleared in touch.orders:
        order = cleared.order
        netting += signed_quantity(order, cleared.fill) * inverse(beta - order.instrument)
        netting += count_part(result, cleared) * inverse(beta - order.instrument - 2**34)
        netting += (cleared.fill if order.side == Side.BUY else 0) * inverse(beta - order.instrument - 2**35)
        fees += cleared.fee
        product = product * (at.gamma - cleared.sequence) % MODULUS
    return Sums(margin % MODULUS, positions % MODULUS, netting % MODULUS, lookups % MODULUS, fees % MODULUS, product)


def partial_sums(result: Result, at: Challenges) -> list[Sums]:
    """The sums after each segment. Section 7: "a counts touches from 0, padding included"."""
    sums, power, after = Sums(), 1, []
    for segment in segments(result):
        for touch in segment:
            sums = add_touch(result, sums, touch, power, at)
            power = power * at.theta % MODULUS
        after.append(sums)
    return after


def sums_commitment(sums: Sums, salt: int) -> int:
    """Section 7: "sums = H_7(F, G, N, L, fees, product, salt); the first segment's is H_7(0, 0, 0, 0, 0, 1, 0)"."""
    return poseidon(sums.margin, sums.positions, sums.netting, sums.lookups, sums.fees, sums.product, salt)


def netting_sides(touch: ClearedTouch, beta: int) -> tuple[int, int]:
    """Section 7, netting: "Σ q_old(1 − expired)/(β − id) + Σ ±fill/(β − id) = Σ q_new/(β − id')"."""
    left = sum(q * inverse(beta - instrument) for instrument, q, expired in old_positions(touch) if not expired)
    left += sum(
        signed_quantity(order.order, order.fill) * inverse(beta - order.order.instrument) for order in touch.orders
    )
    positions = touch.new.positions if touch.new else ()
    right = sum(position.quantity * inverse(beta - position.instrument) for position in positions)
    return left % MODULUS, right % MODULUS


# Right sides: what the closing circuit holds


def row_totals(result: Result, theta: int) -> Closing:
    """G of each key, "Σ_a θ^a q over positions with that key", counts, buy volumes and multiplicities."""
    params, risk, settled = result.params, result.batch.risk, result.batch.settled
    totals: dict[int, int] = {}
    uses: dict[RowRef, int] = {}
    power = 1
    for segment in segments(result):
        for touch in segment:
            for ref in slot_rows(result, touch):
                uses[ref] = uses.get(ref, 0) + 1
            for instrument, quantity, expired in old_positions(touch) if touch else []:
                key = position_key(instrument, quantity, expired)
                totals[key] = (totals.get(key, 0) + power * quantity) % MODULUS
            power = power * theta % MODULUS

    def total(instrument: int, quantity: int, expired: bool) -> int:
        return totals.get(position_key(instrument, quantity, expired), 0)

    open_rows = [
        RowTotals(
            total(row.instrument, 1, False),
            total(row.instrument, -1, False),
            auction.count,
            auction.volume,
            uses.get(RowRef(RowKind.RISK, i), 0),
        )
        for i, (row, auction) in enumerate(zip(risk, result.auctions, strict=True))
    ]
    settled_rows = [
        RowTotals(
            total(row.instrument, 1, True),
            total(row.instrument, -1, True),
            multiplicity=uses.get(RowRef(RowKind.SETTLED, i), 0),
        )
        for i, row in enumerate(settled)
    ]
    open_rows += [RowTotals()] * (params.rows - len(open_rows))
    settled_rows += [RowTotals()] * (params.settled - len(settled_rows))
    return Closing(RowTotals(multiplicity=uses.get(SENTINEL, 0)), tuple(open_rows), tuple(settled_rows))


def closing_elements(totals: Closing) -> list[int]:
    """Section 7: "a risk row at a time G_long, G_short, count, buy volume, then a settled row at a time G_long, G_short, then

    multiplicities of the sentinel row, the risk rows, the settled rows; one element each"."""
    elements = [value for row in totals.risk for value in (row.long, row.short, row.count, row.volume)]
    elements += [value for row in totals.settled for value in (row.long, row.short)]
    return elements + [row.multiplicity for row in (totals.sentinel, *totals.risk, *totals.settled)]


def closing_digest(totals: Closing, rho: int) -> int:
    """Section 7: "τ_G = S(10; ρ_G, …)"."""
    return sponge(TAG_CLOSING, rho, *closing_elements(totals))


def right_sides(result: Result, totals: Closing, at: Challenges) -> Sums:
    """What the last sums must equal: identities F, G, N, L, fees = 0, and the product over 1 … n."""
    scenarios, beta, num = result.params.scenarios, at.beta, result.batch.context.num
    margin = positions = netting = 0
    lookups = totals.sentinel.multiplicity * inverse(beta - row_key(result, SENTINEL, at.y))
    for i, row in enumerate(result.batch.risk):
        total = totals.risk[i]
        values = polynomial([*row.values, row.mark], at.y)
        margin += num * (
            values * (total.long + total.short) - row.short_minimum * pow(at.y, scenarios + 2, MODULUS) * total.short
        )
        positions += total.long * inverse(beta - row.instrument) + total.short * inverse(beta - row.instrument - 2**32)
        netting += total.count * inverse(beta - row.instrument - 2**34) + total.volume * inverse(
            beta - row.instrument - 2**35
        )
        lookups += total.multiplicity * inverse(beta - row_key(result, RowRef(RowKind.RISK, i), at.y))
    for i, line in enumerate(result.batch.settled):
        total, key = totals.settled[i], line.instrument + 2**33
        margin += num * line.value * pow(at.y, scenarios + 1, MODULUS) * (total.long + total.short)
        positions += total.long * inverse(beta - key) + total.short * inverse(beta - key - 2**32)
        lookups += total.multiplicity * inverse(beta - row_key(result, RowRef(RowKind.SETTLED, i), at.y))
    product = sequence_product(result.active, at.gamma)
    return Sums(margin % MODULUS, positions % MODULUS, netting % MODULUS, lookups % MODULUS, 0, product)


def sequence_product(active: int, gamma: int) -> int:
    """Section 7: "Π_{s ≤ n} (γ − s)"."""
    product = 1
    for sequence in range(1, active + 1):
        product = product * (gamma - sequence) % MODULUS
    return product


def next_sides(result: Result, beta: int) -> tuple[int, int]:
    """Section 7, next: "1/(β − a_0) + Σ_rows 1/(β − next) = Σ_rows 1/(β − id) + 1/(β − TOP)"."""
    risk, settled = result.batch.risk, result.batch.settled
    ids = [row.instrument for row in risk] + [row.instrument for row in settled]
    left = sum(inverse(beta - next_id(risk, settled, instrument)) for instrument in [0, *ids])
    right = sum(inverse(beta - instrument) for instrument in [*ids, TOP])
    return left % MODULUS, right % MODULUS


def price_rule_holds(result: Result) -> bool:
    """Section 5: "p* ≠ mark ⇒ count > 0", in every row."""
    rows = zip(result.batch.risk, result.auctions, strict=True)
    return all(auction.price == row.mark or auction.count > 0 for row, auction in rows)


# The settlement


def next_indices(result: Result) -> list[int]:
    """The next index after each segment: "A touch at index i sets next index to i + 1"; padding leaves it."""
    following, after = 0, []
    for segment in segments(result):
        for touch in segment:
            following = following if touch is None else touch.touch.index + 1
        after.append(following)
    return after


def root_after(result: Result) -> list[int]:
    """The state root after each segment."""
    return [[touch.root for touch in segment if touch is not None][-1] for segment in segments(result)]


def settle(result: Result, header: Header, blinding: Blinding) -> Settlement:
    """All public inputs of a batch for the prover's randomness."""
    context, parts = result.batch.context, segments(result)
    domain, packed_context = context.domain, context_word(context)
    taus = [segment_digest(result, segment, rho) for segment, rho in zip(parts, blinding.segments, strict=True)]
    roots, nexts = root_after(result), next_indices(result)
    auctions = auction_root(result, blinding.auction)
    data = tuple(segment_data(result, segment) for segment in parts)
    r1 = first_hash(result, header, taus, roots, nexts, data, auctions)
    at = first_challenges(r1)
    totals = row_totals(result, at.theta)
    tau = closing_digest(totals, blinding.closing)
    r2 = keccak(r1 + word(tau))
    at = Challenges(at.y, at.theta, at.gamma, at.z, challenge(r2, 5))
    sums = partial_sums(result, at)
    commitments = [sums_commitment(Sums(), 0)]
    commitments += [sums_commitment(after, salt) for after, salt in zip(sums, blinding.sums, strict=True)]
    powers = [pow(at.theta, result.params.touches * j, MODULUS) for j in range(len(parts) + 1)]
    inputs = [
        SegmentInputs(
            domain=domain,
            context=packed_context,
            root_in=[result.start_root, *roots][j],
            root_out=roots[j],
            theta_in=powers[j],
            theta_out=powers[j + 1],
            next_in=[0, *nexts][j],
            next_out=nexts[j],
            sums_in=commitments[j],
            sums_out=commitments[j + 1],
            tau=taus[j],
            y=at.y,
            theta=at.theta,
            gamma=at.gamma,
            beta=at.beta,
            z=at.z,
            open=data[j].open_value(at.z),
            encrypted=data[j].encrypted_value(at.z),
        )
        for j in range(len(parts))
    ]
    closing = ClosingInputs(
        domain=domain,
        context=packed_context,
        risk_root=result.risk_root,
        auction_root=auctions,
        tau=tau,
        y=at.y,
        theta=at.theta,
        gamma=at.gamma,
        beta=at.beta,
        z=at.z,
        data=horner(list(result.closing_words), at.z),
        sums=commitments[-1],
        product=sequence_product(result.active, at.gamma),
    )
    return Settlement(tuple(inputs), closing, at, tuple(sums), totals, data, closing_hash(result), r1, r2)
