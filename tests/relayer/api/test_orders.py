"""Orders over HTTP: taken with a receipt, refused with a code, shown to their owner alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prover.hashing import FIELD_ORDER
from relayer.api.services import Rate
from relayer.auth import sign_cancel
from relayer.receipts import SignedReceipt
from tests.relayer.api.house import VENUE, House, opened, settings_of
from tests.relayer.intake.scene import DOMAIN, SIGNER, TERMS, UNIT, UNKNOWN_INSTRUMENT, envelope, trader

NONE: dict[str, Any] = {}
ALICE, BOB = trader(1), trader(2)


def test_an_order_is_answered_with_a_receipt_that_binds_the_operator(house: House) -> None:
    order = ALICE.order()
    envelope = house.envelope(ALICE, salt=order.salt)
    answer = house.client.post("/v1/orders", json=envelope)
    assert answer.status_code == 201
    document = answer.json()
    receipt = SignedReceipt.from_wire(document["receipt"])
    receipt.check(
        SIGNER.address,
        TERMS.separator,
        domain=DOMAIN,
        order=int(document["hash"], 16),
        account=1,
        batch=document["batch"],
    )
    assert int(document["hash"], 16) == order.hash(DOMAIN)
    assert document["state"] == "receipted"
    assert document["sequence"] == receipt.receipt.sequence


def test_the_same_order_again_has_the_same_answer(house: House) -> None:
    envelope = house.envelope(trader(7), slot=1)
    first, second = (house.client.post("/v1/orders", json=envelope) for _ in range(2))
    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()


def test_an_idempotency_key_belongs_to_one_request(house: House) -> None:
    headers = {"Idempotency-Key": "one"}
    first = house.client.post("/v1/orders", json=house.envelope(BOB, slot=0), headers=headers)
    other = house.client.post("/v1/orders", json=house.envelope(BOB, slot=1), headers=headers)
    assert (first.status_code, other.status_code) == (201, 409)
    assert other.json()["code"] == "IDEMPOTENCY_MISMATCH"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"instrument": UNKNOWN_INSTRUMENT}, 422, "UNKNOWN_INSTRUMENT"),
        ({"first_batch": 1, "last_batch": 1}, 422, "EXPIRED"),
        ({"quantity": 2**32 - 1, "limit": 2**41}, 422, "INSUFFICIENT_MARGIN"),
        ({"account": 4}, 422, "UNKNOWN_ACCOUNT"),
        ({"max_fee_rate": 0}, 422, "INVALID_ORDER"),
    ],
)
def test_what_is_refused_is_a_problem_with_its_code(
    house: House, changes: dict[str, Any], status: int, code: str
) -> None:
    answer = house.client.post("/v1/orders", json=house.envelope(trader(3), **changes))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert set(answer.json()) == {"type", "title", "status", "detail", "code", "values"}


def test_a_broken_envelope_is_one_error_whatever_is_broken(house: House) -> None:
    good = house.envelope(ALICE, slot=2)
    flipped = good | {"ciphertext": good["ciphertext"][:-1] + ("0" if good["ciphertext"][-1] != "0" else "1")}
    moved = good | {"last_batch": 99}
    short = good | {"ciphertext": good["ciphertext"][:-2]}
    elsewhere = good | {"encapsulated": "0x" + 64 * "0"}
    answers = [house.client.post("/v1/orders", json=each) for each in (flipped, moved, short, elsewhere)]
    assert {(each.status_code, each.json()["code"], each.json()["detail"]) for each in answers} == {
        (400, "DECRYPTION_FAILED", answers[0].json()["detail"])
    }


def test_why_margin_is_short_is_told_to_the_owner_alone(house: House) -> None:
    asked = house.envelope(trader(5), quantity=2**32 - 1, limit=2**40)
    plain = house.client.post("/v1/orders", json=asked)
    own = house.client.post("/v1/orders", json=asked, headers=house.known(trader(5)))
    others = house.client.post("/v1/orders", json=asked, headers=house.known(BOB))
    assert [each.json()["code"] for each in (plain, own, others)] == ["INSUFFICIENT_MARGIN"] * 3
    assert "shortfall" in own.json()["values"]
    assert "shortfall" not in plain.text + others.text


def test_a_check_tells_what_is_missing_to_the_owner_alone(house: House) -> None:
    asked = house.envelope(trader(5), quantity=2**32 - 1, limit=2**40)
    own = house.client.post("/v1/orders/check", json=asked, headers=house.known(trader(5)))
    others = house.client.post("/v1/orders/check", json=asked, headers=house.known(BOB))
    assert "shortfall" in own.json()["issues"][0]["values"]
    assert "shortfall" not in others.text


def test_an_owner_that_sends_too_many_orders_is_told_when_to_come_again(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(owner_rate=Rate(0.01, 2))) as house:
        answers = [house.client.post("/v1/orders", json=house.envelope(ALICE, slot=slot)) for slot in range(3)]
        assert [each.status_code for each in answers] == [201, 201, 429]
        assert answers[2].json()["code"] == "RATE_LIMITED"
        assert int(answers[2].headers["retry-after"]) > 50
        assert house.client.post("/v1/orders", json=house.envelope(BOB)).status_code == 201


def test_several_orders_at_once_are_taken_and_refused_each_by_itself(house: House) -> None:
    who, wrong = trader(4), {"instrument": UNKNOWN_INSTRUMENT}
    asked = [house.envelope(who, slot=slot, **changes) for slot, changes in enumerate((NONE, wrong, NONE))]
    results = house.client.post("/v1/orders/bulk", json={"orders": asked}).json()["results"]
    assert [each["status"] for each in results] == [201, 422, 201]
    assert results[1]["problem"]["code"] == "UNKNOWN_INSTRUMENT"
    assert results[0]["order"]["receipt"]["sequence"] < results[2]["order"]["receipt"]["sequence"]


def test_a_check_says_what_stands_against_an_order_and_stores_nothing(house: House) -> None:
    who = trader(5)
    before = house.client.get(f"/v1/accounts/0x{who.owner.hex()}/orders", headers=house.known(who)).json()
    wrong = who.order(instrument=UNKNOWN_INSTRUMENT)
    told = house.client.post("/v1/orders/check", json=house.sealed(envelope(house.keys, who.signed(wrong)))).json()
    assert [each["code"] for each in told["issues"]] == ["UNKNOWN_INSTRUMENT"]
    assert (int(told["hash"], 16), int(told["domain"], 16)) == (wrong.hash(DOMAIN), DOMAIN)
    assert house.client.post("/v1/orders/check", json=house.envelope(who)).json()["issues"] == []
    closed = house.client.post("/v1/orders/check", json=house.envelope(who) | {"last_batch": 9}).json()
    assert ([each["code"] for each in closed["issues"]], closed["hash"]) == (["DECRYPTION_FAILED"], None)
    assert house.client.get(f"/v1/accounts/0x{who.owner.hex()}/orders", headers=house.known(who)).json() == before


def test_an_order_is_shown_to_its_owner_with_what_it_says(house: House) -> None:
    who = trader(6)
    sent = house.send(who, slot=3, quantity=12_345, limit=987 * UNIT)
    shown = house.client.get(f"/v1/orders/{sent['id']}", headers=house.known(who)).json()
    assert shown["receipt"] == sent["receipt"]
    assert (shown["content"]["quantity"], shown["content"]["limit"]) == ("12345", str(987 * UNIT))
    assert shown["content"]["side"] == "buy"
    assert "salt" not in shown["content"]
    assert shown["result"] is None


def test_a_waiting_order_is_cancelled_by_its_owners_signature(empty_house: House) -> None:
    house = empty_house
    house.stage.close()
    who = trader(1)
    sent = house.send(who)
    assert sent["state"] == "waiting"
    path, known = f"/v1/orders/{sent['id']}", house.known(who)
    signature = "0x" + sign_cancel(who.seed, DOMAIN, int(sent["hash"], 16)).hex()
    wrong = "0x" + sign_cancel(trader(2).seed, DOMAIN, int(sent["hash"], 16)).hex()
    refused = house.client.request("DELETE", path, json={"signature": wrong}, headers=known)
    assert (refused.status_code, refused.json()["code"]) == (422, "INVALID_SIGNATURE")
    assert house.client.delete(path, headers=known).json()["code"] == "INVALID_REQUEST"
    done = house.client.delete(path, headers=known | {"Tacit-Signature": signature})
    assert (done.status_code, done.json()["state"]) == (200, "cancelled")


def test_an_order_with_a_receipt_cannot_be_cancelled(house: House) -> None:
    who = trader(5)
    sent = house.send(who, slot=9)
    signature = "0x" + sign_cancel(who.seed, DOMAIN, int(sent["hash"], 16)).hex()
    answer = house.client.request(
        "DELETE", f"/v1/orders/{sent['id']}", json={"signature": signature}, headers=house.known(who)
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


def test_a_hash_in_an_answer_is_below_the_fields_order(house: House) -> None:
    assert int(house.send(BOB, slot=7)["hash"], 16) < FIELD_ORDER
    assert VENUE.domain == DOMAIN
