"""Names what occurred in a cleared batch, so that random testing can show what it has covered."""

from collections import Counter
from collections.abc import Iterator

from .admission import Reason
from .batch import ClearedTouch, Result
from .order import Kind, Side
from .params import PRICE_BITS, QUANTITY_BITS
from .risk import RowKind
from .transcript import segments


def order_features(result: Result, touch: ClearedTouch) -> Iterator[str]:
    for cleared in touch.orders:
        order = cleared.order
        if cleared.reason != Reason.NONE:
            yield f"reason {cleared.reason.value}: {cleared.reason.name.lower()}"
        if order.kind == Kind.CANCEL and cleared.reason == Reason.NONE:
            yield "cancel"
        if order.kind == Kind.WITHDRAW and cleared.admitted:
            yield "withdrawal"
        if cleared.admitted and order.first_batch <= result.batch.context.last_void:
            yield "order that survived a void"
        if order.kind == Kind.TRADE and cleared.row.kind == RowKind.SENTINEL:
            yield "trade below every row"
        if order.kind == Kind.TRADE and cleared.admitted:
            yield f"{order.side.name.lower()} admitted"
            yield "trade filled in full" if cleared.fill == order.quantity else "trade not filled in full"
            if order.quantity == 2**QUANTITY_BITS - 1:
                yield "largest quantity"
            if order.limit == 2**PRICE_BITS - 1:
                yield "highest limit"
            if order.limit == 0:
                yield "limit of zero"
            if cleared.fill and cleared.fee == 0 and result.batch.context.fee_rate:
                yield "fill at a price of zero"


def margin_features(touch: ClearedTouch) -> Iterator[str]:
    margin = touch.admission.margin
    tested = [claim for claim, d in zip(margin.claims, margin.differences, strict=True) if d != 0]
    if tested and min(tested) == 0:
        yield "margin exactly met"
    if any(touch.admission.survived) and margin.holds() and min(margin.claims) < 0:
        yield "admitted below margin, since no scenario gets worse"


def account_features(touch: ClearedTouch) -> Iterator[str]:
    if touch.new is None:
        yield "touch of an empty leaf"
        return
    old_epoch = touch.old.epoch if touch.old else 0
    if touch.new.epoch > old_epoch:
        yield "epoch raised"
    if touch.touch.deposit:
        yield "account opened" if touch.opens else "deposit into an account"
    if touch.cash < 0:
        yield "negative cash"
    if touch.fee_credit:
        yield "fees credited"
    if not touch.orders and not touch.touch.deposit and touch.touch.exit is None:
        yield "touch that holds nothing"
    before = {position.instrument: position.quantity for position in touch.expiry.held}
    after = {position.instrument: position.quantity for position in touch.new.positions}
    if any(instrument not in after for instrument in before):
        yield "position netted to nothing"
    if any(before[instrument] * quantity < 0 for instrument, quantity in after.items() if instrument in before):
        yield "position turned round"
    if any(instrument not in before for instrument in after):
        yield "position opened"
    if len(after) == len(touch.expiry.flags):
        yield "leaf full of positions"


def touch_features(touch: ClearedTouch) -> Iterator[str]:
    if touch.old:
        held = {position.instrument for position in touch.expiry.held}
        for position in touch.old.positions:
            if position.instrument not in held:
                yield "expiry of a long position" if position.quantity > 0 else "expiry of a short position"
    if touch.touch.exit is not None:
        yield "exit paid" if touch.paid else "exit that pays nothing"
        if 0 < touch.paid < touch.touch.exit:
            yield "exit of less than requested"
    traded = [cleared.order for cleared in touch.orders if cleared.admitted and cleared.order.kind == Kind.TRADE]
    if len({order.instrument for order in traded}) < len(traded):
        yield "several orders of an account in an instrument"
    filled = {(cleared.order.instrument, cleared.order.side) for cleared in touch.orders if cleared.fill}
    if any((instrument, Side.SELL) in filled for instrument, side in filled if side == Side.BUY):
        yield "trade with oneself"


def auction_features(result: Result) -> Iterator[str]:
    trades = [
        cleared
        for touch in result.touches
        for cleared in touch.orders
        if cleared.admitted and cleared.order.kind == Kind.TRADE
    ]
    for row, auction in zip(result.batch.risk, result.auctions, strict=True):
        book = [cleared for cleared in trades if cleared.order.instrument == row.instrument]
        sides = {cleared.order.side for cleared in book}
        at_price = [cleared for cleared in book if cleared.order.limit == auction.price]
        cut = next((cleared for cleared in book if cleared.sequence == auction.cut), None)
        if not book:
            yield "empty book"
        if len(sides) == 1:
            yield "one-sided book"
        if len(sides) == 2 and not auction.volume:
            yield "book that does not cross"
        if auction.volume and not cut:
            yield "balanced book"
        if cut:
            yield "partial fill at the cut" if cut.fill else "cut filled in no part"
        if any(sum(cleared.order.side == side for cleared in at_price) > 1 for side in sides):
            yield "tie at the price"
        if auction.volume:
            yield f"price {'above' if auction.price > row.mark else 'below' if auction.price < row.mark else 'at'} the mark"


def features(result: Result) -> Counter[str]:
    """How often each feature occurs in a batch."""
    found: Counter[str] = Counter()
    for touch in result.touches:
        for source in (
            order_features(result, touch),
            margin_features(touch),
            account_features(touch),
            touch_features(touch),
        ):
            found.update(source)
    found.update(auction_features(result))
    found["padding touch"] += sum(touch is None for segment in segments(result) for touch in segment)
    found["several segments"] += len(segments(result)) > 1
    found["batch without an active order"] += result.active == 0
    refused = [cleared.reason != Reason.NONE for touch in result.touches for cleared in touch.orders]
    found["batch of refused orders only"] += bool(refused) and all(refused)
    return +found


REASONS = tuple(f"reason {reason.value}: {reason.name.lower()}" for reason in Reason if reason != Reason.NONE)
WANTED = (
    *REASONS,
    "partial fill at the cut",
    "tie at the price",
    "expiry of a long position",
    "expiry of a short position",
    "withdrawal",
    "exit paid",
    "exit that pays nothing",
    "account opened",
    "deposit into an account",
    "cancel",
    "epoch raised",
    "several orders of an account in an instrument",
    "order that survived a void",
    "position netted to nothing",
    "trade with oneself",
    "padding touch",
    "several segments",
    "price above the mark",
    "price below the mark",
)
"""What two hundred random batches must show at least ten times each."""
