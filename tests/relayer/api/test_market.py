"""What everybody may know of market, batches and service, and what an owner may know of the own account; quotes are the core's margin."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from prover.batch import Context, RiskRow, SealedBatch, risk_root, risk_rows
from prover.eddsa import Signature
from prover.orders import SealedOrder, Touch
from prover.risk import RiskTable
from relayer.api.app import create_app
from relayer.receipts import chained, separator
from relayer.records import EpochPosted
from relayer.store import risk
from relayer.store.batches import keep_batch
from relayer.store.clock import now_ms
from relayer.store.models import Batch, BatchState, BatchStep, Order, OrderState
from relayer.vouching import KeyInTime
from tests.relayer.api.house import PLACE, VENUE, House, served
from tests.relayer.intake.scene import (
    DOMAIN,
    FEE_RATE,
    MONEY,
    ROWS,
    SEALER,
    SETTLED_INSTRUMENT,
    SETTLED_VALUE,
    SIGNER,
    UNIT,
    Trader,
    cleared_alone,
    trader,
    view_of,
)

ROW = ROWS[0]
BATCHES = 30


def pages(house: House, path: str, **options: Any) -> list[Any]:  # noqa: ANN401 - of the client
    """All entries of a list, page by page."""
    found: list[Any] = []
    cursor, seen = None, 0
    while cursor is not None or not seen:
        asked = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        answer = house.client.get(path, params=asked, **options)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= 4
        found, cursor, seen = found + page["items"], page["next_cursor"], seen + 1
    return found


# ---- lists


@pytest.fixture(scope="module")
def batches(house: House) -> int:
    with house.services.database.write() as session:
        for number in range(3, BATCHES + 1):
            session.add(
                Batch(number=number, state=BatchState.FINAL, epoch=1, proofs_done=0, created_at=1, updated_at=1)
            )
        session.flush()
        session.add(BatchStep(batch=7, state=BatchState.OPEN, at=1_000))
        session.add(BatchStep(batch=7, state=BatchState.FINAL, at=2_500))
    return BATCHES


def test_a_list_is_whole_page_by_page_also_while_it_grows(house: House, batches: int) -> None:
    assert [each["number"] for each in pages(house, "/v1/batches")] == list(range(batches, 1, -1))
    first = house.client.get("/v1/batches", params={"limit": 5}).json()
    with house.services.database.write() as session:
        session.add(
            Batch(number=batches + 1, state=BatchState.FINAL, epoch=1, proofs_done=0, created_at=1, updated_at=1)
        )
    second = house.client.get("/v1/batches", params={"limit": 5, "cursor": first["next_cursor"]}).json()
    numbers = [each["number"] for each in first["items"] + second["items"]]
    assert numbers == list(range(batches, batches - 10, -1))


@pytest.mark.parametrize("cursor", ["x", "AAAA", "bAAAAAAAAAA", 64 * "A", "b"])
def test_a_cursor_that_was_not_given_is_refused(house: House, cursor: str) -> None:
    answer = house.client.get("/v1/batches", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_a_cursor_of_one_list_is_none_of_another(house: House, batches: int) -> None:
    assert batches
    cursor = house.client.get("/v1/batches", params={"limit": 1}).json()["next_cursor"]
    assert house.client.get("/v1/instruments", params={"cursor": cursor}).status_code == 400


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1e3"])
def test_a_page_has_a_size(house: House, limit: str) -> None:
    assert house.client.get("/v1/batches", params={"limit": limit}).status_code == 400


def test_a_batch_tells_its_way(house: House, batches: int) -> None:
    assert batches
    shown = house.client.get("/v1/batches/7").json()
    assert [(each["state"], each["at"]) for each in shown["steps"]] == [
        ("open", "1970-01-01T00:00:01.000Z"),
        ("final", "1970-01-01T00:00:02.500Z"),
    ]
    assert house.client.get("/v1/batches/4000").status_code == 404


def test_how_many_orders_a_batch_has_is_told_from_the_seal_on(house: House) -> None:
    house.send(trader(9))
    assert house.client.get("/v1/batches/2").json()["orders"] is None


def test_nobody_sees_in_the_open_batch_that_somebodys_order_is_receipted(empty_house: House) -> None:
    def shown() -> list[bytes]:
        paths = ("/v1/batches/2", "/v1/batches", "/v1/state")
        return [empty_house.client.get(path).content for path in paths]

    before = shown()
    time.sleep(0.005)
    assert empty_house.send(trader(9))["state"] == "receipted"
    with empty_house.services.database.read() as session:
        assert session.get_one(Batch, 2).orders == 1
    assert shown() == before


def test_a_proof_is_shown_once_it_is_in_the_chain(house: House) -> None:
    text = b'{"format": "tacit.settlement.1"}'
    for number, state in ((101, BatchState.PROVED), (102, BatchState.SUBMITTED), (103, BatchState.MINED)):
        with house.services.database.write() as session:
            row = Batch(number=number, state=state, epoch=1, proofs_done=0, created_at=1, updated_at=1, settlement=text)
            session.add(row)
    answers = [house.client.get(f"/v1/batches/{number}/proof") for number in (101, 102, 103, 104)]
    assert [each.status_code for each in answers] == [404, 404, 200, 404]
    assert answers[2].content == text


# ---- inclusion


def test_an_owner_is_shown_an_order_in_its_seal(empty_house: House) -> None:
    house, who = empty_house, trader(1)
    sent = house.send(who)
    known = house.known(who)
    path = f"/v1/batches/2/inclusion/{sent['id']}"
    answer = house.client.get(path, headers=known)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    sealed = _sealed(house, sent["id"])
    with house.services.database.write() as session:
        row = session.get_one(Batch, 2)
        row.state = BatchState.SEALED
        keep_batch(SEALER, row, sealed)
    shown = house.client.get(path, headers=known).json()
    assert shown["hash"] == sent["hash"]
    assert int(shown["hash"], 16) in [int(each, 16) for each in shown["hashes"]]
    assert (
        shown["receipts_hash"]
        == "0x" + chained(bytes.fromhex(shown["previous"][2:]), bytes.fromhex(sent["hash"][2:])).hex()
    )
    assert shown["account"] == 1
    other = house.client.get(f"/v1/batches/3/inclusion/{sent['id']}", headers=known)
    assert other.status_code == 404


def _sealed(house: House, order_id: str) -> SealedBatch:
    """The batch that holds one stored order."""
    with house.services.database.read() as session:
        row = session.get_one(Order, order_id)
        assert row.content_sealed is not None
        wire = json.loads(SEALER.open(f"orders.content:{order_id}", row.content_sealed))
    from prover import eddsa
    from prover.orders import Order as Content

    signature: Signature = eddsa.unpack_signature(wire["signature"])
    order = SealedOrder(Content.from_wire(wire["order"]), signature, 1)
    context = Context(domain=DOMAIN, batch=2, last_void=0, time=1, fee_rate=FEE_RATE, num=5, den=4)
    touches = (Touch(0, trader(0).holder), Touch(1, trader(1).holder, orders=(order,)))
    return SealedBatch("dev", context, ROWS, touches)


# ---- market


def named_table() -> RiskTable:
    """A table with the numbers of the stage's first row under a Deribit name."""
    row = {
        "id": 1,
        "name": "BTC-27DEC24-60000-C",
        "type": "C",
        "expiry": 1_735_286_400,
        "strike": 60_000 * UNIT,
        "mark": 1_000 * UNIT,
        "delta": 0,
        "gamma": 0,
        "vega": 0,
        "short_minimum": 100 * UNIT,
        "values": [800 * UNIT, 900 * UNIT, 1_000 * UNIT, 1_100 * UNIT],
    }
    rule = {
        "volatility_up": 5000,
        "volatility_down": 3000,
        "volatility_floor": 4000,
        "reference_days": 30,
        "shortest_days": 1,
        "short_power": 3000,
        "long_power": 1300,
        "short_minimum": 100,
    }
    moves = [{"price": price, "volatility": "up", "damping": 100_000} for price in (-900, -450, 450, 900)]
    table = {
        "format": "tacit-risk-table-1",
        "index": 60_000 * UNIT,
        "last_id": 1,
        "rows": [row],
        "rule": rule,
        "scenarios": moves,
        "valuation": 1,
    }
    return RiskTable.from_json(json.dumps(table))


def come_into_force(house: House, table: RiskTable, epoch: int = 2) -> None:
    """The table is posted on chain."""
    ids, rows = tuple(int(number) for number in table.rows["id"]), risk_rows(table)
    record = EpochPosted(PLACE, epoch, risk_root("dev", table), ids, (), now_ms() // 1000, rows)
    house.services.reading.history().add(record)


def test_instruments_have_their_names_once_the_operator_has_posted_them(empty_house: House) -> None:
    house, table = empty_house, named_table()
    before = house.client.get("/v1/instruments").json()["items"]
    assert [each["id"] for each in before] == [*range(1, 9), SETTLED_INSTRUMENT]
    assert before[0]["name"] is None
    put = house.admin.put("/v1/risk", content=table.to_json())
    assert put.json() == {"risk_root": f"0x{risk_root('dev', table):064x}", "instruments": 1, "epochs": []}
    assert house.client.get("/v1/instruments").json()["items"] == before
    come_into_force(house, table)
    assert house.admin.put("/v1/risk", content=table.to_json()).json()["epochs"] == [2]
    first, *_, settled = house.client.get("/v1/instruments").json()["items"]
    assert (first["name"], first["type"], first["strike"]) == ("BTC-27DEC24-60000-C", "C", str(60_000 * UNIT))
    assert first["expires_at"] == "2024-12-27T08:00:00.000Z"
    assert (settled["state"], settled["settlement"], settled["mark"]) == ("settled", str(SETTLED_VALUE), None)
    legs = [{"instrument": "BTC-27DEC24-60000-C", "side": "sell", "quantity": "10000"}]
    assert house.client.post("/v1/quotes", json={"legs": legs}).json()["legs"][0]["instrument"] == 1


def test_the_table_in_force_hashes_to_its_root(house: House) -> None:
    told = house.client.get("/v1/risk").json()
    rows = tuple(
        RiskRow(
            row["instrument"],
            int(row["mark"]),
            int(row["short_minimum"]),
            int(row["greeks"], 16),
            tuple(int(value) for value in row["values"]),
        )
        for row in told["rows"]
    )
    assert int(told["risk_root"], 16) == risk_root("dev", rows)
    assert told["stale"] is False
    assert len(told["scenarios"]) == 4


def test_state_and_keys_say_what_a_client_binds_its_orders_to(house: House) -> None:
    state, keys = house.client.get("/v1/state").json(), house.client.get("/v1/keys").json()
    assert int(state["domain"], 16) == int(keys["domain"], 16) == DOMAIN
    assert (state["batch"], state["epoch"], state["frozen"]) == (1, 1, False)
    assert keys["keys"][0]["id"] == house.keys.current().id
    assert keys["keys"][0]["public"] == "0x" + house.keys.current().public.hex()


def test_state_tells_of_an_open_batch_as_long_as_intake_gives_receipts_in_it(empty_house: House) -> None:
    services = replace(empty_house.services, venue=replace(VENUE, open_time=600))

    def opened(age: int) -> tuple[int, int | None]:
        with services.database.write() as session:
            row = session.get(Batch, 2)
            assert row is not None
            row.opened_time = now_ms() // 1000 - age
        state = client.get("/v1/state").json()
        return state["next_batch"], state["open_batch"]

    with served(create_app(services)) as url, httpx.Client(base_url=url) as client:
        assert opened(0) == (2, 2)
        assert opened(530) == (2, 2)
        assert opened(541) == (3, None)
        assert opened(700) == (3, None)
        with services.database.write() as session:
            times = {"sealed_time": 1, "created_at": 0, "updated_at": 0}
            session.merge(Batch(number=1, state=BatchState.FAILED, epoch=1, **times))
        assert opened(0) == (2, None), "what is sent now waits for it"


def test_a_batch_is_not_told_as_open_before_its_opening_is_so_deep_that_intake_gives_receipts(
    empty_house: House,
) -> None:
    services = replace(empty_house.services, venue=replace(VENUE, opening_depth=None))
    with served(create_app(services)) as url, httpx.Client(base_url=url) as client:
        state = client.get("/v1/state").json()
    assert (state["next_batch"], state["open_batch"]) == (2, None)


def test_the_key_that_is_told_is_vouched_for_as_it_is_told(house: House) -> None:
    state, told = house.client.get("/v1/state").json(), house.client.get("/v1/keys").json()["keys"][0]
    begin, end = (int(datetime.fromisoformat(told[name]).timestamp()) for name in ("not_before", "not_after"))
    own = KeyInTime(bytes.fromhex(told["public"][2:]), begin, end)
    signature, vault = bytes.fromhex(told["signature"][2:]), separator(state["chain_id"], state["vault"])
    own.check(signature, SIGNER.address, vault, int(time.time()))


# ---- quotes


def test_a_quote_says_premium_and_fee_exactly(house: House) -> None:
    legs = [
        {"instrument": 1, "side": "buy", "quantity": "25000", "limit": str(1_100 * UNIT)},
        {"instrument": 2, "side": "sell", "quantity": "10000"},
    ]
    quote = house.client.post("/v1/quotes", json={"legs": legs}).json()
    assert quote["premium"] == str(10**4 * (25_000 * 1_100 - 10_000 * 1_000) * UNIT)
    assert quote["fee"] == str(FEE_RATE * (25_000 * 1_100 + 10_000 * 1_000) * UNIT)
    assert quote["legs"][1]["price"] == str(1_000 * UNIT)
    assert quote["legs"][0]["delta"] == str(25_000 * ((ROW.greeks & (2**64 - 1)) - 2**40))


def test_a_quote_from_nothing_is_short_of_all_that_it_costs(house: House) -> None:
    legs = [{"instrument": 1, "side": "buy", "quantity": "10000"}]
    quote = house.client.post("/v1/quotes", json={"legs": legs}).json()
    assert quote["admitted"] is False
    assert int(quote["shortfall"]) > 0
    assert all(each["before"] == "0" for each in quote["margin"])


@pytest.mark.parametrize("quantity", [10_000, 500_000, 1_200_000, 4_000_000])
def test_a_quote_on_an_account_admits_what_clearing_admits(house: House, quantity: int) -> None:
    who = trader(10)
    legs = [{"instrument": 1, "side": "sell", "quantity": str(quantity)}]
    asked = {"legs": legs, "owner": "0x" + who.owner.hex()}
    quote = house.client.post("/v1/quotes", json=asked, headers=house.known(who)).json()
    order = who.order(buy=False, quantity=quantity)
    cleared = cleared_alone(view_of(12), who.account, [order])
    assert quote["admitted"] == cleared.orders[0].admitted
    if cleared.failure is not None:
        assert int(quote["shortfall"]) == cleared.failure.shortfall


@pytest.mark.parametrize(
    ("leg", "status", "code"),
    [
        ({"instrument": 77, "side": "buy", "quantity": "1"}, 422, "UNKNOWN_INSTRUMENT"),
        ({"instrument": "BTC-NOTHING", "side": "buy", "quantity": "1"}, 422, "UNKNOWN_INSTRUMENT"),
        ({"instrument": 1, "side": "buy", "quantity": "0"}, 422, "INVALID_ORDER"),
        ({"instrument": 1, "side": "buy", "quantity": str(2**32)}, 422, "INVALID_ORDER"),
        ({"instrument": 1, "side": "buy", "quantity": "1", "limit": str(2**42)}, 422, "INVALID_ORDER"),
        ({"instrument": 1, "side": "both", "quantity": "1"}, 400, "INVALID_REQUEST"),
        ({"instrument": 1, "side": "buy", "quantity": "01"}, 400, "INVALID_REQUEST"),
        ({"instrument": 1, "side": "buy", "quantity": 1}, 400, "INVALID_REQUEST"),
        ({"instrument": True, "side": "buy", "quantity": "1"}, 400, "INVALID_REQUEST"),
    ],
)
def test_a_leg_that_is_none_is_refused(house: House, leg: dict[str, Any], status: int, code: str) -> None:
    answer = house.client.post("/v1/quotes", json={"legs": [leg]})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


# ---- accounts


def test_an_owner_sees_the_account_as_it_is(house: House) -> None:
    who = trader(1)
    shown = house.client.get(f"/v1/accounts/0x{who.owner.hex()}", headers=house.known(who)).json()
    assert (shown["account"], shown["cash"], shown["equity"]) == (1, str(10**8 * MONEY), str(10**8 * MONEY))
    assert [each["excess"] for each in shown["margin"]] == [str(10**8 * MONEY)] * 5
    assert [each["amount"] for each in shown["deposits"]] == ["5000000"]
    other = trader(2)
    shown = house.client.get(f"/v1/accounts/0x{other.owner.hex()}", headers=house.known(other)).json()
    assert [each["amount"] for each in shown["exits"]] == ["7"]


def test_a_free_slot_is_one_that_no_order_has(house: House) -> None:
    who = trader(11)
    path, known = f"/v1/accounts/0x{who.owner.hex()}", house.known(who)
    assert house.client.get(path, headers=known).json()["nonce"]["free_slot"] == 0
    house.send(who, slot=0)
    assert house.client.get(path, headers=known).json()["nonce"]["free_slot"] == 1


def come_to(house: House, order_id: str, state: OrderState, fill: int, price: int | None) -> None:
    """An order whose batch has been cleared, in one of the states after it."""
    sealed = SEALER.seal(f"orders.result:{order_id}", json.dumps({"fill": fill, "reason": 0, "price": price}).encode())
    with house.services.database.write() as session:
        row = session.get_one(Order, order_id)
        row.state, row.result_sealed = state, sealed


def settle(house: House, order_id: str, fill: int, price: int | None) -> None:
    """As the service does once a batch is settled."""
    come_to(house, order_id, OrderState.SETTLED, fill, price)


def told_of(house: House, who: Trader, order_id: str) -> list[Any]:
    """What an owner is told that an order came to, by every route that says it."""
    known, path = house.known(who), f"/v1/accounts/0x{who.owner.hex()}"
    (listed,) = [each for each in pages(house, f"{path}/orders", headers=known) if each["id"] == order_id]
    alone = house.client.get(f"/v1/orders/{order_id}", headers=known).json()
    again = house.client.get(f"{path}/fills", params={"format": "csv"}, headers=known).text.count(order_id)
    return [alone["result"], listed["result"], pages(house, f"{path}/fills", headers=known) or None, again or None]


@pytest.mark.parametrize("state", sorted(set(OrderState) - {OrderState.SETTLED, OrderState.FINAL}))
def test_nobody_is_told_before_the_settlement_what_an_order_comes_to(empty_house: House, state: OrderState) -> None:
    house, who = empty_house, trader(5)
    sent = house.send(who)["id"]
    come_to(house, sent, state, 4_000, 990 * UNIT)
    assert told_of(house, who, sent) == [None] * 4
    for after in (OrderState.SETTLED, OrderState.FINAL):
        come_to(house, sent, after, 4_000, 990 * UNIT)
        assert None not in told_of(house, who, sent)
    come_to(house, sent, state, 4_000, 990 * UNIT)  # the settlement is taken back
    assert told_of(house, who, sent) == [None] * 4


def test_fills_are_what_batches_filled(empty_house: House) -> None:
    house, who = empty_house, trader(5)
    known, path = house.known(who), f"/v1/accounts/0x{who.owner.hex()}"
    first, second = house.send(who, slot=0), house.send(who, slot=1)
    assert house.client.get(f"{path}/fills", headers=known).json() == {"items": [], "next_cursor": None}
    settle(house, first["id"], 4_000, 990 * UNIT)
    settle(house, second["id"], 0, 990 * UNIT)
    (fill,) = pages(house, f"{path}/fills", headers=known)
    assert (fill["order"], fill["quantity"], fill["price"]) == (first["id"], "4000", str(990 * UNIT))
    assert fill["premium"] == str(10**4 * 4_000 * 990 * UNIT)
    assert fill["fee"] == str(FEE_RATE * 4_000 * 990 * UNIT)
    answer = house.client.get(f"{path}/fills", params={"format": "csv"}, headers=known)
    assert answer.headers["content-type"].startswith("text/csv")
    (line,) = csv.DictReader(io.StringIO(answer.text))
    assert {name: value or None for name, value in line.items()} == {
        name: None if value is None else str(value) for name, value in fill.items()
    }
    shown = house.client.get(f"/v1/orders/{first['id']}", headers=known).json()
    assert shown["result"] == {"fill": "4000", "price": str(990 * UNIT), "reason": 0, "why": ""}


def test_orders_are_listed_by_state(empty_house: House) -> None:
    house, who = empty_house, trader(5)
    known, path = house.known(who), f"/v1/accounts/0x{who.owner.hex()}/orders"
    sent = [house.send(who, slot=slot)["id"] for slot in range(2)]
    settle(house, sent[0], 1, 1)
    assert [each["id"] for each in pages(house, path, headers=known)] == sent[::-1]
    settled = house.client.get(path, params={"state": "settled"}, headers=known).json()["items"]
    assert [each["id"] for each in settled] == sent[:1]
    assert house.client.get(path, params={"state": "nothing"}, headers=known).status_code == 400


def test_a_name_stays_known_when_its_table_is_no_longer_in_force(empty_house: House) -> None:
    house = empty_house
    root = risk_root("dev", named_table()).to_bytes(32, "big")
    with house.services.database.write() as session:
        assert risk.put(session, root, named_table().to_json())
        assert not risk.put(session, root, "another")
    come_into_force(house, named_table(), 2)
    house.services.reading.history().epochs[3] = replace(house.services.reading.history().epochs[1], epoch=3)
    assert house.client.get("/v1/risk").json()["epoch"] == 3
    assert house.client.get("/v1/instruments").json()["items"][0]["name"] == "BTC-27DEC24-60000-C"


def among_others(house: House) -> dict[str, str]:
    """Trader 5 and trader 6 send orders in turn; where the lists of trader 5 go on after their first entry."""
    made = [house.send(trader(5 + number % 2), slot=number // 2)["id"] for number in range(4)]
    for order_id in made[::2]:
        settle(house, order_id, 4_000, 990 * UNIT)
    known, path = house.known(trader(5)), f"/v1/accounts/0x{trader(5).owner.hex()}"
    asked = {what: house.client.get(f"{path}/{what}?limit=1", headers=known).json() for what in ("orders", "fills")}
    return {what: page["next_cursor"] for what, page in asked.items()}


def test_an_owners_cursor_does_not_tell_how_much_others_send(empty_house: House) -> None:
    house, who, given = empty_house, trader(5), among_others(empty_house)
    with house.services.database.read() as session:
        places = list(session.scalars(select(Order.position).where(Order.owner == who.owner)))
    assert len(places) == 2
    for text in given.values():
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assert not [place for place in places if place.to_bytes(8, "big") in raw]
    known, path = house.known(who), f"/v1/accounts/0x{who.owner.hex()}"
    for what, cursor in given.items():
        rest = house.client.get(f"{path}/{what}", params={"cursor": cursor}, headers=known).json()
        assert (len(rest["items"]), rest["next_cursor"]) == (1, None)


def test_a_cursor_of_an_owners_list_is_none_of_another_list_or_owner(empty_house: House) -> None:
    house, given = empty_house, among_others(empty_house)
    plain = {what: base64.urlsafe_b64encode(what[:1].encode() + bytes(7) + b"\x09").decode() for what in given}
    for number, what, cursor in (
        (5, "orders", given["fills"]),
        (5, "fills", given["orders"]),
        (6, "orders", given["orders"]),
        (6, "fills", given["fills"]),
        (5, "orders", given["orders"][:-1] + ("B" if given["orders"].endswith("A") else "A")),
        (5, "orders", plain["orders"]),
        (5, "fills", plain["fills"]),
    ):
        path, known = f"/v1/accounts/0x{trader(number).owner.hex()}/{what}", house.known(trader(number))
        answer = house.client.get(path, params={"cursor": cursor}, headers=known)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")
        assert answer.json()["values"] == {"place": "query.cursor"}
