"""Batches and states: the reference's batches come out the same, files are read back, and a refused batch leaves no trace."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import prover
from prover import Holder, Leaf, Order, Reason, RiskTable, SealedBatch, State, Touch
from prover.eddsa import Point
from prover.errors import BatchError, FileError, ParamsError, ReadingError, StateError, TacitError
from prover.hashing import sponge
from tests.prover.material import ROOT, Case
from tests.reference import risk as reference
from tests.reference.params import DEV, STANDARD

ENCODINGS: dict[str, Any] = json.loads((ROOT / "tests" / "vectors" / "encodings.json").read_text())
SEED = bytes(range(32))


def number(text: str) -> int:
    return int(text, 16)


def names() -> list[str]:
    files = ("batches_dev.json", "batches_standard.json")
    documents = [json.loads((ROOT / "tests" / "vectors" / name).read_text()) for name in files]
    return [case["name"] for document in documents for case in document["cases"]]


@pytest.fixture(params=names())
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    return cases[request.param]


def test_roots_and_seal_are_the_references(case: Case) -> None:
    cleared, expected = case.cleared, case.expected
    assert cleared.start_root == case.state.root == number(expected["start_root"])
    assert cleared.end_root == cleared.state.root == number(expected["end_root"])
    assert cleared.risk_root == number(expected["risk_root"])
    assert cleared.seal_root.hex() == expected["seal_root"][2:]
    assert cleared.active_orders == expected["active_orders"]


def test_touches_are_the_references(case: Case) -> None:
    for touch, expected in zip(case.cleared.touches, case.expected["touches"], strict=True):
        assert touch.index == expected["index"]
        assert touch.words == [number(word) for word in expected["words"]]
        assert [str(claim) for claim in touch.claims] == expected["claims"]
        assert (str(touch.paid), str(touch.fee_credit)) == (expected["paid"], expected["fee_credit"])
        assert [(order.fill, int(order.reason)) for order in touch.orders] == [
            (int(order["fill"]), order["reason"]) for order in expected["orders"]
        ]
        assert touch.new == (expected["new"] and Leaf.from_json(json.dumps(expected["new"])))


def test_auctions_are_the_references(case: Case) -> None:
    auctions = case.cleared.auctions
    for auction, expected in zip(auctions, case.expected["auctions"], strict=True):
        assert str(auction["price"]) == expected["price"]
        assert (auction["cut"], str(auction["volume"])) == (expected["cut"], expected["volume"])


def test_files_are_read_back(case: Case, tmp_path: Path) -> None:
    case.write(tmp_path)
    assert SealedBatch.load(tmp_path / "batch.json") == case.batch
    assert State.load(tmp_path / "state.bin", case.batch.params).root == case.state.root
    assert State.from_json(case.state.to_json()).to_bytes() == case.state.to_bytes()


def test_every_owner_reads_their_touch_from_the_public_words(case: Case) -> None:
    domain, params = case.batch.context.domain, case.batch.params
    for sealed, touch in zip(case.batch.touches, case.cleared.touches, strict=True):
        if touch.new is None:
            continue
        reading = prover.read_touch(params, touch.words, sealed.holder, domain, touch.index)
        assert reading.leaf == touch.new
        assert reading.outcomes[: len(touch.orders)] == tuple((order.fill, order.reason) for order in touch.orders)


def test_another_key_reads_nothing(cases: dict[str, Case]) -> None:
    case = cases["dev batch 494"]
    touch, domain = case.cleared.touches[1], case.batch.context.domain
    stranger = replace(case.batch.touches[1].holder, viewing_key=1)
    with pytest.raises(ReadingError, match="key"):
        prover.read_touch("dev", touch.words, stranger, domain, touch.index)


@pytest.mark.parametrize("entry", ENCODINGS["orders"])
def test_orders_hash_and_sign_as_the_reference(entry: dict[str, Any]) -> None:
    order, domain = Order.from_wire(entry["order"]), number(ENCODINGS["domain"]["domain"])
    assert order.to_wire() == entry["order"]
    assert order.hash(domain) == number(entry["hash"])


def test_domain_and_owner_are_the_references() -> None:
    domain, owner = ENCODINGS["domain"], ENCODINGS["owner"]
    assert prover.domain(domain["chain_id"], domain["contract"]) == number(domain["domain"])
    assert Holder.from_wire(owner["holder"]).owner == number(owner["owner"])


def test_a_batch_built_by_hand_trades(cases: dict[str, Case]) -> None:
    """Two strangers deposit, then trade with each other; the next batch starts where this one ends."""
    domain, rows = prover.domain(31337, "0x" + 40 * "1"), cases["dev batch 494"].batch.risk[:1]
    fund, alice, bob = (Holder.from_seed(bytes([at]) * 32, 100 + at) for at in range(3))
    state = State.genesis("dev", fund, domain)
    context = replace(cases["dev batch 494"].batch.context, domain=domain, batch=1, last_void=0)
    opening = (Touch(0, fund), Touch(1, alice, deposit=10**12), Touch(2, bob, deposit=10**12))
    first = state.clear(SealedBatch("dev", context, rows, opening))
    instrument, mark = rows[0].instrument, rows[0].mark

    def order(account: int, buy: bool) -> Order:
        return Order(account=account, instrument=instrument, buy=buy, quantity=3, limit=mark, max_fee_rate=9_999)

    touches = (
        Touch(0, fund),
        Touch(1, alice, orders=(order(1, True).sealed(bytes([1]) * 32, domain, 1),)),
        Touch(2, bob, orders=(order(2, False).sealed(bytes([2]) * 32, domain, 2),)),
    )
    second = first.state.clear(SealedBatch("dev", replace(context, batch=2), rows, touches))
    assert second.start_root == first.end_root
    assert [touch.orders[0].fill for touch in second.touches[1:]] == [3, 3]
    assert [touch.new and touch.new.positions for touch in second.touches[1:]] == [
        ((instrument, 3),),
        ((instrument, -3),),
    ]


def test_a_refused_batch_leaves_the_state_as_it_was(cases: dict[str, Case]) -> None:
    case = cases["dev batch 494"]
    before = case.state.to_bytes()
    forged = replace(case.batch.touches[-1], index=case.batch.touches[-1].index + 1)
    with pytest.raises(TacitError):
        case.state.clear(replace(case.batch, touches=(*case.batch.touches[:-1], forged)))
    assert case.state.to_bytes() == before


def test_a_forged_signature_is_refused_without_the_order_in_the_message(cases: dict[str, Case]) -> None:
    case = cases["position turned round"]
    touch = next(touch for touch in case.batch.touches if touch.orders)
    sealed = touch.orders[0]
    forged = replace(sealed, order=replace(sealed.order, quantity=123_456_789))
    touches = tuple(replace(each, orders=(forged,)) if each is touch else each for each in case.batch.touches)
    with pytest.raises(BatchError, match=f"account {touch.index}") as refusal:
        case.state.clear(replace(case.batch, touches=touches))
    assert "123456789" not in str(refusal.value) + str(dict(refusal.value.values))


def test_a_batch_of_other_accounts_than_the_states_is_refused(cases: dict[str, Case]) -> None:
    case, other = cases["dev batch 494"], cases["standard batch 364"]
    with pytest.raises(BatchError, match="standard"):
        case.state.clear(other.batch)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "tacit.batch.2"}', '{"format": 1e400}', "\ufeff{}", "[" * 100_000]
)
def test_what_is_no_batch_is_refused(text: str) -> None:
    with pytest.raises(BatchError, match=r"docs/formats\.md"):
        SealedBatch.from_json(text)


def test_a_number_that_does_not_fit_is_refused(cases: dict[str, Case]) -> None:
    case = cases["nothing at all"]
    with pytest.raises(BatchError):
        replace(case.batch, context=replace(case.batch.context, batch=2**32)).to_json()
    with pytest.raises(BatchError, match="docs/formats"):
        Order(account=1, quantity=2**32).hash(1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-1],
        lambda raw: raw + b"\0",
        lambda raw: b"X" + raw[1:],
        lambda raw: raw[:60] + bytes(8) + raw[68:],
    ],
)
def test_a_damaged_state_is_refused(damage: Callable[[bytes], bytes], cases: dict[str, Case], tmp_path: Path) -> None:
    path = tmp_path / "state.bin"
    path.write_bytes(damage(cases["dev batch 494"].state.to_bytes()))
    with pytest.raises(StateError, match="stored state"):
        State.load(path, "dev")


def test_a_state_of_another_parameter_set_is_refused(cases: dict[str, Case], tmp_path: Path) -> None:
    cases["dev batch 494"].state.save(tmp_path / "state.bin")
    with pytest.raises(StateError, match="standard"):
        State.load(tmp_path / "state.bin", "standard")


def test_a_missing_state_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"nowhere\.bin"):
        State.load(tmp_path / "nowhere.bin", "dev")


def test_an_unknown_parameter_set_is_named() -> None:
    with pytest.raises(ParamsError, match="huge"):
        prover.Params.named("huge")


def test_a_table_the_set_has_no_room_for_is_refused() -> None:
    table = RiskTable.from_chain(ROOT / "data" / "chains" / "btc_2025-12-05.csv", max_rows=9, scenarios="dev")
    with pytest.raises(BatchError, match="9"):
        prover.risk_root("dev", table)


def test_secrets_stay_out_of_representations() -> None:
    holder = Holder(Point(1, 2), 987654321)
    assert "987654321" not in repr(holder)
    assert "salt" not in repr(Order(account=1))


def test_reasons_have_words() -> None:
    assert all(reason.text for reason in Reason if reason is not Reason.NONE)


def test_a_risk_row_has_the_words_that_its_hash_is_of(cases: dict[str, Case]) -> None:
    """Section 6; these words are posted with an epoch, so that whoever leaves can value an account."""
    seen = 0
    for case in cases.values():
        for row in case.batch.risk:
            theirs = reference.RiskRow(row.instrument, row.mark, row.short_minimum, row.greeks, row.values)
            sizes = DEV if case.batch.params == DEV.name else STANDARD
            assert sponge(7, row.words) == reference.row_hash(sizes, theirs)
            seen += 1
    assert seen > 10
