"""Both clients against a running relayer on a real chain: what they do, what they refuse, and that they do the same."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from prover.orders import Order
from relayer.api.forms import at_second
from relayer.client import (
    Client,
    ClientError,
    Conflict,
    ContradictionError,
    Distrusted,
    Event,
    InsufficientMargin,
    NonceUsed,
    Nonsense,
    NotFound,
    Standing,
    Unauthenticated,
    UnknownAccount,
    UnknownInstrument,
    Unreachable,
    onchain,
    problems,
)
from relayer.client.book import Book
from relayer.client.steps import Steps
from relayer.errors import ReceiptError, RpcError
from relayer.history import History
from relayer.hpke import PrivateKey, PublicKey
from relayer.ledger import read_ledger
from relayer.receipts import Receipt, SignedReceipt, chain_start
from relayer.receipts_cli import SAID
from relayer.records import OpeningExpired
from relayer.signing import Signer
from relayer.vault import Vault
from relayer.vouching import KeyInTime
from tests.relayer.client.both import FLAVOURS, Liar, at, client
from tests.relayer.client.relayer import PATIENCE, Relayer, relayer

Make = Callable[..., Any]
ORDERS = "/v1/orders"


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relayer]:
    """A relayer with batch 1 open; before that, two orders of each early trader waited."""
    with relayer(tmp_path_factory.mktemp("client")) as running:
        seeds = [running.funded(f"early {flavour}") for flavour in FLAVOURS]
        for name in ("alice", "bob", *(f"liar {flavour}" for flavour in FLAVOURS)):
            running.funded(name)
        running.known(*(f"early {flavour}" for flavour in FLAVOURS))
        running.early = {flavour: early(running, flavour, seed) for flavour, seed in zip(FLAVOURS, seeds, strict=True)}
        running.opened()
        yield running
        for own, _, _ in running.early.values():
            own.close()


def early(running: Relayer, flavour: str, seed: Any) -> tuple[Any, Any, Any]:  # noqa: ANN401
    """An order that waits, and one that was cancelled while it did."""
    made = client(flavour, running.url, seed, rpc=running.rpc, book=running.folder / f"early {flavour}")
    waits = made.send(made.trade(3, "buy", 1, 90))
    other = made.send(made.trade(3, "buy", 1, 91))
    cancelled = made.cancel(other.id)
    return made, waits, cancelled


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make(venue: Relayer, flavour: str) -> Iterator[Make]:
    """Makes clients of the flavour: of a name, with the chain's endpoint unless ``rpc`` says otherwise."""
    made: list[Any] = []

    def one(name: str, **settings: Any) -> Any:  # noqa: ANN401
        settings = {"rpc": venue.rpc, **settings}
        made.append(client(flavour, venue.url, venue.seed(name), **settings))
        return made[-1]

    yield one
    for each in made:
        each.close()


# ---- what it does


def test_an_order_gets_a_receipt_that_binds_the_operator(venue: Relayer, make: Make, flavour: str) -> None:
    own = make("alice" if flavour == "blocking" else "bob")
    order = own.trade(3, "buy" if flavour == "blocking" else "sell", "1.5", "100")
    placed = own.send(order)
    assert (placed.state, placed.batch) == ("receipted", 1)
    receipt = placed.receipt.receipt
    assert receipt.order == order.hash(venue.vault_domain).to_bytes(32, "big")
    assert receipt.account == order.account == own.account().account
    found = own.order(placed.id)
    assert (found.state, found.content.quantity, found.content.limit) == ("receipted", "15000", "100000000")
    assert [each.id for each in own.orders("receipted")] == [placed.id]
    assert own.orders("waiting") == []


def test_the_same_order_again_is_the_same_order(make: Make, flavour: str) -> None:
    own = make(f"early {flavour}")
    order = own.trade(7, "buy", 1, 40)
    first = own.send(order)
    again = make(f"early {flavour}").send(order)
    assert again == first


def test_registering_again_changes_nothing(make: Make) -> None:
    own = make("alice")
    assert own.register() == own.register()
    assert own.register().account == own.account().account


def test_an_order_that_waits_gets_a_receipt_or_is_cancelled(venue: Relayer, flavour: str) -> None:
    own, waits, cancelled = venue.early[flavour]
    assert (waits.state, waits.receipt) == ("waiting", None)
    assert cancelled.state == "cancelled"
    found = own.wait(waits.id, "receipted", seconds=10, every=0.05)
    kept = own.rules._book.by_id(waits.id)
    assert kept.receipt == SignedReceipt.from_wire(found.receipt.model_dump())
    with pytest.raises(Conflict):
        own.cancel(waits.id)


def test_what_the_relayer_refuses_is_an_exception_of_its_code(venue: Relayer, make: Make, flavour: str) -> None:
    own = make(f"liar {flavour}")
    order = own.trade(3, "buy", 1, 90)
    with pytest.raises(InsufficientMargin) as short:
        own.send(replace(order, quantity=2**31))
    assert {"scenario", "shortfall"} <= short.value.values.keys()
    with pytest.raises(UnknownInstrument):
        own.send(replace(order, instrument=12345))
    with pytest.raises(UnknownInstrument):
        own.trade("BTC-27DEC24-60000-C", "buy", 1, 90)
    used = venue.early[flavour][1].order
    with pytest.raises(NonceUsed):
        make(f"early {flavour}").send(replace(used, salt=5))
    assert [each.code for each in own.check(replace(order, instrument=12345))] == ["UNKNOWN_INSTRUMENT"]
    assert own.check(order) == []


def test_another_owners_order_does_not_exist(venue: Relayer, make: Make, flavour: str) -> None:
    with pytest.raises(NotFound):
        make("alice").order(venue.early[flavour][1].id)


def test_a_session_that_is_over_is_begun_again(make: Make) -> None:
    own = make("alice")
    own.rules.requests.token = "nobody's"  # noqa: S105 - it is none
    assert own.account().account is not None


def test_who_has_no_account_is_told_so(make: Make) -> None:
    nobody = make("nobody")
    with pytest.raises(UnknownAccount):
        nobody.trade(3, "buy", 1, 90)
    with pytest.raises(Unauthenticated):
        nobody.account()


def test_a_quote_says_what_legs_do_to_margin(make: Make) -> None:
    quote = make("alice").quote((3, "buy", "2", "100"), (7, "sell", 1))
    assert [leg.quantity for leg in quote.legs] == ["20000", "10000"]
    assert quote.legs[0].premium == str(10**4 * 20_000 * 100_000_000)
    assert len(quote.margin) == 5


def test_events_come_in_order_and_are_gone_on_with(make: Make, venue: Relayer, flavour: str) -> None:
    own, _, _ = venue.early[flavour]
    with closing(own.subscribe("orders", since={"orders": 0})) as stream:
        events = list(itertools.islice(stream, 4))
    assert [each.seq for each in events] == [1, 2, 3, 4]
    assert all(isinstance(each, Event) and each.channel == "orders" for each in events)
    assert [each.data["state"] for each in events[:3]] == ["waiting", "waiting", "cancelled"]
    with closing(make(f"early {flavour}").subscribe("orders", since={"orders": 2})) as stream:
        assert next(stream) == events[2]
    with closing(own.subscribe("batches", since={"batches": 0})) as stream:
        assert next(stream).channel == "batches"


def test_a_nonce_is_not_given_twice_by_one_client(make: Make) -> None:
    own = make("alice")
    orders = [own.trade(3, "buy", 1, 90) for _ in range(3)]
    assert len({(each.epoch, each.slot) for each in orders}) == 3


FAR = 2**32 - 1
TOLD_EPOCHS: dict[str, Callable[[Any, int], Any]] = {
    "as the account's": lambda told, epoch: told | {"nonce": {"epoch": epoch, "bitmap": "0", "free_slot": 0}},
    "as a living order's": lambda told, epoch: (
        told | {"items": [each | {"content": each["content"] | {"epoch": epoch}} for each in told["items"]]}
    ),
}


@pytest.mark.parametrize("how", TOLD_EPOCHS)
@pytest.mark.parametrize("seen", ["with an endpoint", "without one"])
def test_nothing_is_signed_for_a_nonce_epoch_that_only_the_relayer_knows(
    venue: Relayer, make: Make, flavour: str, how: str, seen: str
) -> None:
    own = make(f"early {flavour}")
    path = f"/v1/accounts/{own.owner()}" + ("/orders" if "order" in how else "")
    rpc = venue.rpc if seen == "with an endpoint" else None

    def told(epoch: int) -> Any:  # noqa: ANN401
        return make(f"early {flavour}", rpc=rpc, transport=at(path, lambda found: TOLD_EPOCHS[how](found, epoch)))

    asks: list[Callable[[Any], object]] = [lambda own: own.trade(7, "buy", 1, 40), lambda own: own.cancel_order()]
    for ask in asks:
        with pytest.raises(Distrusted, match=f"nonce epoch {FAR}"):
            ask(told(FAR))
        with pytest.raises(Distrusted, match="nonce epoch 65"):
            ask(told(65))
    if rpc is None:
        assert told(64).trade(7, "buy", 1, 40).epoch == 64
    else:
        with pytest.raises(Distrusted, match="nonce epoch 1,"):
            told(1).trade(7, "buy", 1, 40)
    assert told(64).cancel_order().epoch == 65


def epochs(own: Any, told: int) -> Liar:  # noqa: ANN401 - either client
    """A relayer that names this nonce epoch as the account's."""
    return at(f"/v1/accounts/{own.owner()}", lambda found: TOLD_EPOCHS["as the account's"](found, told))


def test_an_epoch_that_the_own_book_or_the_chain_knows_is_signed_for(venue: Relayer, make: Make, flavour: str) -> None:
    own = make(f"early {flavour}")
    knowing = make(f"early {flavour}", transport=epochs(own, 1_000))
    book = _book(knowing)
    with pytest.raises(Distrusted, match="none above 0"):
        knowing.trade(7, "buy", 1, 40)
    cancel = replace(own.cancel_order(), epoch=1_000)
    book.sending(cancel, cancel.hash(venue.vault_domain), 1)
    assert knowing.trade(7, "buy", 1, 40).epoch == 1_000
    book.orders.clear()
    knowing.rules._made.clear()

    def settled(_rules: object) -> Steps[int]:
        yield from ()
        return at_chain

    knowing.rules.settled_epoch = settled.__get__(knowing.rules)
    at_chain = 999
    with pytest.raises(Distrusted, match="none above 999"):
        knowing.trade(7, "buy", 1, 40)
    at_chain = 1_000
    assert knowing.trade(7, "buy", 1, 40).epoch == 1_000


def test_a_receipt_of_a_batch_that_ran_out_is_told_from_one_that_is_still_to_be_sealed(
    venue: Relayer, make: Make, flavour: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, batch = f"liar {flavour}", 1
    order = replace(make(name).trade(3, "buy", 1, 90), first_batch=batch, last_batch=batch)
    own = make(name, book=tmp_path / "book")
    own.orders()
    book = own.rules._book or _book(own)
    book.sending(order, order.hash(venue.vault_domain), batch)
    book.receipted(order.hash(venue.vault_domain), fabricated(venue, order, sequence=2, batch=batch))
    assert [each.standing for each in own.verify_receipts()] == [Standing.UNSEALED]

    def ran_out(vault: Vault) -> History:
        records = read_ledger(vault)
        return History.of([*records, OpeningExpired(records[-1].at, batch)])

    monkeypatch.setattr(onchain, "_history", ran_out)
    assert [each.standing for each in own.verify_receipts()] == [Standing.EXPIRED]
    assert set(SAID) == set(Standing)


def told_key(venue: Relayer, key: PublicKey, signer: Signer | None = None, begins: int = -60, ends: int = 3_600) -> Any:  # noqa: ANN401
    """A key as ``GET /v1/keys`` tells one, signed for these seconds from now on by the vault's receipt key unless told otherwise."""
    now = int(datetime.now(UTC).timestamp())
    own = KeyInTime(key.raw, now + begins, now + ends)
    signature = (signer or venue.receipt_key).sign(own.digest(venue.service.vault.separator))
    times = {"not_before": at_second(own.not_before), "not_after": at_second(own.not_after)}
    return {"id": key.id.hex(), "public": "0x" + key.raw.hex(), **times, "signature": "0x" + signature.hex()}


def test_an_order_for_a_key_that_is_gone_is_encrypted_again_to_the_one_in_force(
    venue: Relayer, make: Make, flavour: str
) -> None:
    gone = PrivateKey.generate().public
    stale = [told_key(venue, gone)]
    transport = at("/v1/keys", lambda d: d | {"keys": [d["keys"][0] | (stale.pop() if stale else {})]})
    own = make(f"liar {flavour}", transport=transport)
    own.register()
    order = own.trade(3, "buy", 1, 90)
    assert own.check(order) == []
    own.rules._key = (gone, datetime.max.replace(tzinfo=UTC))
    assert own.check(order) == []
    used = [path for _, path, _ in transport.seen if path in ("/v1/keys", "/v1/accounts", "/v1/orders/check")]
    again, check = ["/v1/keys", "/v1/accounts"], "/v1/orders/check"
    assert used == [*again, *again, check, check, "/v1/keys", check]


# ---- what it refuses


def fabricated(venue: Relayer, order: Order, /, *, key: Signer | None = None, **changes: Any) -> SignedReceipt:  # noqa: ANN401
    """A receipt for an order in batch 1, signed by the vault's receipt key unless told otherwise."""
    values = {"sequence": 40, "account": order.account, "batch": 1, "previous": bytes(32)}
    digest = order.hash(venue.vault_domain).to_bytes(32, "big")
    receipt = Receipt(**{"order": digest, **values, **changes})
    return receipt.signed(key or venue.receipt_key, venue.service.vault.separator)


def answering(order: Order, venue: Relayer, *receipts: SignedReceipt) -> Liar:
    """Acknowledges with these receipts, one request after the other; the relayer itself hears nothing of them."""
    left = iter(receipts)

    class Fake(Liar):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if (request.method, request.url.path) != ("POST", ORDERS):
                return super().handle_request(request)
            signed = next(left)
            own = signed.receipt
            document = {
                "id": f"made-up-{own.sequence}",
                "hash": "0x" + hashes.pop(0).hex(),
                "state": "receipted",
                "batch": own.batch,
                "sequence": own.sequence,
                "receipt": signed.to_wire(),
            }
            return httpx.Response(201, json=document)

    fake = Fake(lambda _, status, document: (status, document))
    hashes = [order.hash(venue.vault_domain).to_bytes(32, "big")] * len(receipts)
    fake.hashes = hashes  # type: ignore[attr-defined]
    return fake


BAD_RECEIPTS: dict[str, tuple[dict[str, Any], str]] = {
    "another signer": ({"key": Signer(b"\x01" * 32)}, "signed by"),
    "another order": ({"order": b"\x02" * 32}, "another order"),
    "another account": ({"account": 77}, "another account"),
    "a batch not opened yet": ({"batch": 2}, "did not have open"),
    "a batch outside the window": ({"batch": 9}, "outside of the order's window"),
    "number 0": ({"sequence": 0}, "starts from nothing"),
    "a first one from elsewhere": ({"sequence": 1}, "starts from nothing"),
}


@pytest.mark.parametrize("how", BAD_RECEIPTS)
def test_a_receipt_that_does_not_bind_the_operator_is_none(
    how: str, venue: Relayer, make: Make, flavour: str, tmp_path: Path
) -> None:
    changes, message = BAD_RECEIPTS[how]
    order = make(f"liar {flavour}").trade(3, "buy", 1, 90)
    lying = make(
        f"liar {flavour}",
        book=tmp_path / "book",
        transport=answering(order, venue, fabricated(venue, order, **changes)),
    )
    with pytest.raises((Distrusted, ContradictionError), match=message):
        lying.send(order)
    assert not lying.rules._book.receipts


def test_a_first_receipt_from_h_0_is_taken(venue: Relayer, make: Make, flavour: str) -> None:
    order = make(f"liar {flavour}").trade(3, "buy", 1, 90)
    good = fabricated(venue, order, sequence=1, previous=chain_start(venue.vault_domain, 1))
    assert make(f"liar {flavour}", transport=answering(order, venue, good)).send(order).receipt == good


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"sequence": 40}, "two receipts of one sequence number"),
        ({"sequence": 41, "previous": b"\x05" * 32}, "does not chain to the one before"),
        ({"sequence": 39, "previous": b"\x05" * 32}, "the next does not chain"),
    ],
    ids=["one number twice", "after", "before"],
)
@pytest.mark.parametrize("restarted", [False, True], ids=["at once", "after a restart"])
def test_contradicting_receipts_are_told_loudly_and_kept_as_evidence(
    second: dict[str, Any], message: str, restarted: bool, venue: Relayer, make: Make, flavour: str, tmp_path: Path
) -> None:
    book, name = tmp_path / "book", f"liar {flavour}"
    order = make(name).trade(3, "buy", 1, 90)
    other = replace(order, slot=order.slot + 1)
    first, lie = fabricated(venue, order), fabricated(venue, other, **second)
    transport = answering(order, venue, first, lie)
    transport.hashes[1:] = [other.hash(venue.vault_domain).to_bytes(32, "big")]  # type: ignore[attr-defined]
    own = make(name, book=book, transport=transport)
    own.send(order)
    own = make(name, book=book, transport=transport) if restarted else own
    with pytest.raises(ContradictionError, match=message) as loud:
        own.send(other)
    kept = Path(str(loud.value.values["evidence"]))
    assert kept.stat().st_mode & 0o777 == 0o600
    shown = json.loads(kept.read_text())
    assert shown == loud.value.evidence
    told = {SignedReceipt.from_wire(shown[name]) for name in ("first", "second")}
    assert told == {first, lie}


def test_evidence_convicts_the_operator_on_chain(venue: Relayer, make: Make, flavour: str, tmp_path: Path) -> None:
    """The contract takes what the client stored: a call of the named function is not refused."""
    name = f"liar {flavour}"
    order = make(name).trade(3, "buy", 1, 90)
    other = replace(order, slot=order.slot + 1)
    transport = answering(order, venue, fabricated(venue, order), fabricated(venue, other))
    transport.hashes[1:] = [other.hash(venue.vault_domain).to_bytes(32, "big")]  # type: ignore[attr-defined]
    own = make(name, book=tmp_path / "book", transport=transport)
    own.send(order)
    with pytest.raises(ContradictionError) as loud:
        own.send(other)
    shown = loud.value.evidence
    first, second = (SignedReceipt.from_wire(shown[name]) for name in ("first", "second"))
    arguments = (first.receipt.plain, first.signature, second.receipt.plain, second.signature)
    bonds = venue.service.vault.bonds
    data = bonds.interface.call(shown["function"], *arguments)
    with pytest.raises(Exception, match="contract refuses") as early_:
        bonds.chain.call(bonds.address, data)
    # An open batch has no bond to lose yet (section 14, "When"): that is all that stands against it.
    assert "Contradict" not in str(early_.value)


@pytest.mark.parametrize(
    ("route", "change"),
    [
        ("/v1/state", lambda d: d | {"domain": "0x" + "0" * 64}),
        ("/v1/state", lambda d: d | {"receipt_signer": "0x" + "1" * 40}),
        ("/v1/state", lambda d: d | {"fee_rate": 9}),
        ("/v1/state", lambda d: d | {"chain_id": 1}),
        ("/v1/state", lambda d: d | {"next_batch": 9}),
        ("/v1/keys", lambda d: d | {"keys": [d["keys"][0] | {"public": "0x" + "07" * 32}]}),
    ],
    ids=["domain", "receipt signer", "fee rate", "chain", "next batch", "encryption key"],
)
def test_a_relayer_that_contradicts_the_vault_is_distrusted(
    route: str, change: Callable[[Any], Any], make: Make, flavour: str
) -> None:
    lying = make(f"liar {flavour}", transport=at(route, change))
    with pytest.raises(Distrusted):
        lying.check(lying.trade(3, "buy", 1, 90))


SWAPPED: dict[str, tuple[dict[str, Any], str]] = {
    "signed by who put it there": ({"signer": Signer(b"\x01" * 32)}, "not signed by the vault's receipt signer"),
    "over": ({"begins": -7_200, "ends": -1}, "is this clock right"),
    "of another time": ({"begins": 3_600, "ends": 7_200}, "is this clock right"),
}


@pytest.mark.parametrize("rpc", [True, False], ids=["signer read from the vault", "signer as the relayer says"])
@pytest.mark.parametrize("how", [*SWAPPED, "with the old signature", "without a signature"])
def test_nothing_is_encrypted_to_a_key_that_the_receipt_signer_does_not_vouch_for(
    how: str, rpc: bool, venue: Relayer, make: Make, flavour: str
) -> None:
    mine = PrivateKey.generate().public
    made, why = SWAPPED.get(how, ({}, "receipt signer"))
    told = told_key(venue, mine, **made)

    def swapped(document: Any) -> Any:  # noqa: ANN401
        own = dict(told)
        if how == "with the old signature":
            own["signature"] = document["keys"][0]["signature"]
        if how == "without a signature":
            own["signature"] = "0x" + "0" * 130
        return document | {"keys": [own]}

    transport = at("/v1/keys", swapped)
    lying = make(f"liar {flavour}", transport=transport, **({} if rpc else {"rpc": None}))
    order = lying.trade(3, "buy", 1, 90)
    with pytest.raises(Distrusted, match=why):
        lying.send(order)
    with pytest.raises(Distrusted, match=why):
        lying.register()
    assert not [path for method, path, _ in transport.seen if method == "POST" and "auth" not in path]


def test_a_relayer_of_another_vault_is_distrusted(make: Make) -> None:
    with pytest.raises(Distrusted, match="serves vault"):
        make("alice", vault="0x" + "1" * 40).terms()


def test_no_token_goes_to_a_vault_that_only_the_relayer_names(venue: Relayer, make: Make) -> None:
    with pytest.raises(ClientError, match="from elsewhere than the relayer"):
        make("alice").deposit(1, venue.payer)
    with pytest.raises(Distrusted, match="serves vault"):
        make("alice", vault="0x" + "1" * 40).deposit(1, venue.payer)
    token, vault = venue.service.vault.token, venue.service.vault.address
    before = token.call("balanceOf", vault)
    assert make("alice", vault=vault).deposit(1, venue.payer).amount == 10**6
    assert token.call("balanceOf", vault) == before + 10**6


def silent(*_: object) -> None:
    raise RpcError("no answer")


def test_a_deposit_that_may_have_gone_out_is_not_to_be_made_again_unseen(
    venue: Relayer, make: Make, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make(f"liar {flavour}", vault=venue.vault)
    with monkeypatch.context() as patched:
        patched.setattr(onchain, "concluded", silent)
        with pytest.raises(ClientError, match="Look it up before you deposit again") as refused:
            own.deposit(1, venue.payer)
    sent = bytes.fromhex(str(refused.value.values["transaction"])[2:])
    assert venue.service.vault.chain.mined(sent, PATIENCE).succeeded
    monkeypatch.setattr(onchain, "submitted", silent)
    with pytest.raises(ClientError, match="not known whether the deposit was sent"):
        own.deposit(1, venue.payer)


ASKS: dict[str, Callable[[Any], object]] = {
    "register": lambda own: own.register(),
    "make an order": lambda own: own.trade(3, "buy", 1, 90),
    "check one": lambda own: own.check(Order(account=1, instrument=3, first_batch=1)),
    "send one": lambda own: own.send(Order(account=1, instrument=3, first_batch=1)),
    "begin a session": lambda own: own.account(),
}


@pytest.mark.parametrize("what", ASKS)
def test_who_has_a_book_of_another_vault_tells_a_relayer_nothing_until_its_vault_is_named(
    what: str, venue: Relayer, make: Make, flavour: str, tmp_path: Path
) -> None:
    book, transport = tmp_path / "book", Liar(lambda _, status, document: (status, document))
    Book(replace(make("alice").terms(), vault="0x" + "6b" * 20), book).sending(Order(account=1, instrument=3), 1, 4)
    stranger = make(f"liar {flavour}", book=book, transport=transport)
    for _ in range(2):
        with pytest.raises(Distrusted, match="knows another alone"):
            ASKS[what](stranger)
    assert {path for _, path, _ in transport.seen} == {"/v1/state"}
    named = make(f"liar {flavour}", book=book, vault=venue.vault)
    named.rules._book = None
    assert named.terms().vault == venue.vault.lower()
    assert not _book(named).orders


def test_without_an_endpoint_receipts_are_held_against_what_the_relayer_says(
    venue: Relayer, make: Make, flavour: str
) -> None:
    name = f"liar {flavour}"
    order = make(name).trade(3, "buy", 1, 90)
    wrong = fabricated(venue, order, key=Signer(b"\x01" * 32))
    with pytest.raises(ReceiptError, match="signed by"):
        make(name, rpc=None, transport=answering(order, venue, wrong)).send(order)
    with pytest.raises(Distrusted, match="give rpc"):
        make(name, rpc=None).read()


def test_an_answer_that_is_none_of_the_interfaces_is_refused_without_its_content(make: Make) -> None:
    odd = make("alice", transport=at("/v1/risk", lambda d: d | {"rows": "secret rows"}))
    with pytest.raises(Nonsense, match="rows") as refused:
        odd.risk()
    assert "secret rows" not in str(refused.value)


@pytest.mark.parametrize("url", ["http://relayer.example", "ftp://127.0.0.1", "relayer.example"])
def test_orders_do_not_go_where_somebody_could_be_in_between(url: str, venue: Relayer) -> None:
    with pytest.raises(ClientError):
        Client(url, venue.seed("alice"))


# ---- names


def naming(**names: int) -> Liar:
    """A relayer that lists these names, each as an instrument."""
    by_id = {number: name for name, number in names.items()}
    change = lambda told: told | {"items": [each | {"name": by_id.get(each["id"])} for each in told["items"]]}  # noqa: E731
    return at("/v1/instruments", change)


@pytest.mark.parametrize("now", [{"CALL": 7}, {"PUT": 3}, {"PUT": 3, "CALL": 7}], ids=["the name", "the id", "both"])
def test_a_name_means_the_instrument_that_it_meant_at_first_use(
    now: dict[str, int], make: Make, flavour: str, tmp_path: Path
) -> None:
    name, book = f"liar {flavour}", tmp_path / "book"
    assert make(name, book=book, transport=naming(CALL=3)).trade("CALL", "buy", 1, 90).instrument == 3
    assert make(name, book=book, transport=naming(CALL=3, PUT=7)).trade("PUT", "buy", 1, 40).instrument == 7
    lying = make(name, book=book, transport=naming(**now))
    for asked in ("CALL", "PUT"):
        with pytest.raises(Distrusted, match="never used again"):
            lying.trade(asked, "buy", 1, 90)
    assert make(name, book=book, transport=naming(**now)).trade(3, "buy", 1, 90).instrument == 3


def test_who_has_own_names_is_told_none_by_the_relayer(make: Make, flavour: str) -> None:
    transport = naming(CALL=7)
    own = make(f"liar {flavour}", instruments={"CALL": 3}, transport=transport)
    assert own.trade("CALL", "buy", 1, 90).instrument == 3
    with pytest.raises(UnknownInstrument, match="your own"):
        own.trade("PUT", "buy", 1, 90)
    assert "/v1/instruments" not in {path for _, path, _ in transport.seen}


# ---- patience


def failing(times: int, *, status: int | None, code: str = "BUSY") -> Liar:
    """Lets orders through and loses or changes the first answers."""
    left = itertools.count(times, -1)

    def alter(request: httpx.Request, found: int, document: Any) -> tuple[int, Any] | None:  # noqa: ANN401
        if (request.method, request.url.path) != ("POST", ORDERS) or next(left) <= 0:
            return found, document
        return None if status is None else (status, {"code": code, "detail": "later"})

    return Liar(alter)


@pytest.mark.parametrize("status", [None, 503, 429, 502], ids=["lost", "busy", "rate", "gateway"])
def test_an_order_whose_answer_was_lost_is_asked_for_again_and_is_one_order(
    status: int | None, venue: Relayer, make: Make, flavour: str
) -> None:
    code = {429: "RATE_LIMITED", 502: "BUSY"}.get(status or 0, "BUSY")
    transport = failing(2, status=status, code=code)
    own = make(f"early {flavour}", transport=transport)
    order = venue.again.setdefault(flavour, None) or own.trade(7, "buy", 1, 39, batches=20)
    venue.again[flavour] = order
    before = len(own.orders())
    first = own.send(order)
    keys = {
        headers["idempotency-key"] for method, path, headers in transport.seen if (method, path) == ("POST", ORDERS)
    }
    assert len([1 for method, path, _ in transport.seen if (method, path) == ("POST", ORDERS)]) == 3
    assert len(keys) == 1
    after = own.orders()
    assert [each.id for each in after].count(first.id) == 1
    assert len(after) in (before, before + 1)


def test_patience_ends(make: Make) -> None:
    own = make("alice", transport=failing(10**6, status=None))
    with pytest.raises(Unreachable):
        own.send(own.trade(3, "buy", 1, 90))


def test_what_will_not_pass_is_not_tried_again(make: Make) -> None:
    transport = failing(10**6, status=503, code="PAUSED")
    own = make("alice", transport=transport)
    with pytest.raises(problems.Paused):
        own.send(own.trade(3, "buy", 1, 90))
    assert len([1 for method, path, _ in transport.seen if (method, path) == ("POST", ORDERS)]) == 1


# ---- after a settlement: last, because it moves everything on


@pytest.fixture(scope="module")
def settled(venue: Relayer) -> int:
    return venue.settle()


def test_fills_and_the_account_from_chain_data_are_what_the_relayer_says(
    settled: int, make: Make, flavour: str
) -> None:
    own = make("alice" if flavour == "blocking" else "bob")
    (fill,) = own.fills()
    assert (fill.batch, fill.quantity, fill.price) == (settled, "15000", "100000000")
    told, read = own.account(), own.read()
    assert (told.batch, told.cash) == (read.batch, str(read.leaf.cash))
    assert [(p.instrument, p.quantity) for p in told.positions] == [
        (p.instrument, str(p.quantity)) for p in read.leaf.positions
    ]
    assert read.reading.outcomes[0][0] == 15_000


def test_a_kept_receipt_is_proven_by_chain_data(venue: Relayer, settled: int, flavour: str) -> None:
    waits = venue.early[flavour][1]
    again = client(
        flavour, venue.url, venue.seed(f"early {flavour}"), rpc=venue.rpc, book=venue.folder / f"early {flavour}"
    )
    by_id = {each.id: each for each in again.verify_receipts()}
    # The other order of its touch is in no book here, so chain data alone does not show it; the relayer does, and is checked.
    assert by_id[waits.id].standing in (Standing.PROVEN, Standing.SHOWN)
    assert by_id[waits.id].batch == settled
    again.close()


def test_a_receipt_that_the_seal_breaks_is_evidence(
    venue: Relayer, settled: int, make: Make, flavour: str, tmp_path: Path
) -> None:
    name = f"liar {flavour}"
    order = make(name).trade(3, "buy", 1, 90)
    order = replace(order, first_batch=1)
    broken = fabricated(venue, order, sequence=900, batch=settled)
    own = make(name, book=tmp_path / "book")
    own.terms()
    book = own.rules._book or _book(own)
    book.sending(order, order.hash(venue.vault_domain), settled)
    book.receipted(order.hash(venue.vault_domain), broken)
    with pytest.raises(ContradictionError, match="above those it sealed") as loud:
        own.verify_receipts()
    assert loud.value.evidence["function"] == "contradictSeal"


def test_a_receipt_that_nobody_shows_is_told(
    venue: Relayer, settled: int, make: Make, flavour: str, tmp_path: Path
) -> None:
    name = f"liar {flavour}"
    order = make(name).trade(3, "buy", 1, 90)
    own = make(name, book=tmp_path / "book")
    own.orders()
    book = own.rules._book or _book(own)
    book.sending(order, order.hash(venue.vault_domain), settled)
    book.receipted(order.hash(venue.vault_domain), fabricated(venue, order, sequence=2, batch=settled))
    (verdict,) = own.verify_receipts()
    assert verdict.standing is Standing.UNSHOWN


def _book(own: Any) -> Any:  # noqa: ANN401
    """The client's book, made as the client makes it."""
    with pytest.raises(NotFound):
        own.order("none")
    own.rules._book = Book(own.terms(), own.rules._book_path)
    return own.rules._book


@pytest.mark.usefixtures("settled")
def test_a_withdrawal_is_credited_to_its_recipient(venue: Relayer) -> None:
    venue.opened()
    both = [
        client(each, venue.url, venue.seed(name), rpc=venue.rpc)
        for each, name in zip(FLAVOURS, ("alice", "bob"), strict=True)
    ]
    recipients = ["0x" + "ab" * 20, "0x" + "cd" * 20]
    placed = [own.send(own.withdrawal("12.5", to)) for own, to in zip(both, recipients, strict=True)]
    for own, order, to in zip(both, placed, recipients, strict=True):
        for _ in range(3):
            if (found := own.order(order.id)).state == "final":
                break
            venue.settle()
        assert (found.state, found.result.why) == ("final", "")
        assert venue.service.vault.contract.call("claimable", to) == 12_500_000
        own.close()
