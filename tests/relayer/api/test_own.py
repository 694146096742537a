"""What is one owner's is answered to another exactly as if it did not exist; nobody is asked who is not known."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from prover.hashing import FIELD_ORDER
from relayer.api.app import create_app
from relayer.api.challenges import Challenges
from relayer.api.known import token_hash
from relayer.api.services import Rate
from relayer.auth import sign_challenge
from relayer.store import sessions
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.models import AuthChallenge, Session
from tests.relayer.api.house import House, opened, served, settings_of
from tests.relayer.intake.scene import DOMAIN, Trader, trader

ALICE, BOB = trader(1), trader(2)
NOTHING = "0x" + "0" * 63 + "9"


@pytest.fixture(scope="module")
def order(house: House) -> dict[str, Any]:
    return house.send(ALICE)


def owner(who: Trader) -> str:
    return "0x" + who.owner.hex()


def objects(order: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Everything of Alice's that has a name, and a name of the same form that nobody has."""
    alice, missing = owner(ALICE), "A" * len(order["id"])
    return [
        ("GET", f"/v1/orders/{order['id']}", f"/v1/orders/{missing}"),
        ("DELETE", f"/v1/orders/{order['id']}", f"/v1/orders/{missing}"),
        ("GET", f"/v1/accounts/{alice}", f"/v1/accounts/{NOTHING}"),
        ("GET", f"/v1/accounts/{alice}/orders", f"/v1/accounts/{NOTHING}/orders"),
        ("GET", f"/v1/accounts/{alice}/fills", f"/v1/accounts/{NOTHING}/fills"),
        ("GET", f"/v1/accounts/{alice}/fills?format=csv", f"/v1/accounts/{NOTHING}/fills?format=csv"),
        ("GET", f"/v1/batches/2/inclusion/{order['id']}", f"/v1/batches/2/inclusion/{missing}"),
    ]


def ask(house: House, method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    body = {"signature": "0x" + 128 * "1"} if method == "DELETE" else None
    return house.client.request(method, path, headers=headers, json=body)


@pytest.mark.parametrize("number", range(7))
def test_anothers_object_is_answered_like_none(house: House, order: dict[str, Any], number: int) -> None:
    method, path, missing = objects(order)[number]
    known = house.known(BOB)
    found, none = ask(house, method, path, known), ask(house, method, missing, known)
    assert found.status_code == none.status_code == 404
    assert found.content == none.content
    # A request's number is random; nothing of what was asked for is in it.
    told, told_of_none = (
        {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
        for answer in (found, none)
    )
    assert told == told_of_none
    numbers = [answer.headers["x-request-id"] for answer in (found, none)]
    assert len(set(numbers)) == 2
    assert all(len(bytes.fromhex(number)) == 8 for number in numbers)


@pytest.mark.parametrize("number", range(7))
def test_nothing_of_an_owner_is_answered_without_a_session(house: House, order: dict[str, Any], number: int) -> None:
    method, path, _ = objects(order)[number]
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": f"Basic {house.session(ALICE)}"}):
        answer = ask(house, method, path, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHENTICATED")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_quote_on_anothers_account_is_answered_like_one_on_none(house: House) -> None:
    legs = [{"instrument": 1, "side": "buy", "quantity": "1"}]
    asked = ({"legs": legs, "owner": owner(ALICE)}, {"legs": legs, "owner": NOTHING})
    found, none = (house.client.post("/v1/quotes", json=each, headers=house.known(BOB)) for each in asked)
    assert found.status_code == none.status_code == 404
    assert found.content == none.content
    assert house.client.post("/v1/quotes", json=asked[0]).status_code == 401


def test_anothers_object_takes_as_long_as_none(house: House, order: dict[str, Any]) -> None:
    known = house.known(BOB)
    took: dict[str, list[float]] = {order["id"]: [], "A" * len(order["id"]): []}
    for _ in range(60):
        for each, times in took.items():
            began = time.perf_counter()
            house.client.get(f"/v1/orders/{each}", headers=known)
            times.append(time.perf_counter() - began)
    first, second = (statistics.median(times) for times in took.values())
    assert 0.5 < first / second < 2


# ---- becoming known


def challenge(house: House, name: str) -> Any:  # noqa: ANN401 - JSON
    return house.client.post("/v1/auth/challenges", json={"owner": name}).json()["challenge"]


def answered(house: House, name: str, made: str, signature: bytes) -> httpx.Response:
    asked = {"owner": name, "challenge": made, "signature": "0x" + signature.hex()}
    return house.client.post("/v1/auth/sessions", json=asked)


def test_a_challenge_is_given_for_every_word_alike(house: House) -> None:
    known, unknown = (
        house.client.post("/v1/auth/challenges", json={"owner": each}) for each in (owner(ALICE), NOTHING)
    )
    assert known.status_code == unknown.status_code == 201
    assert known.json().keys() == unknown.json().keys()


def test_who_did_not_sign_gets_one_answer_whatever_is_wrong(house: House) -> None:
    good = challenge(house, owner(ALICE))
    signed = sign_challenge(ALICE.seed, DOMAIN, int(good, 16))
    answers = [
        answered(house, owner(ALICE), challenge(house, owner(ALICE)), signed),
        answered(house, owner(BOB), good, sign_challenge(BOB.seed, DOMAIN, int(good, 16))),
        answered(house, NOTHING, challenge(house, NOTHING), signed),
        answered(house, owner(ALICE), NOTHING, sign_challenge(ALICE.seed, DOMAIN, 9)),
        answered(house, owner(ALICE), "0x" + 64 * "f", signed),
        answered(house, owner(ALICE), challenge(house, owner(ALICE)), bytes(64)),
        answered(house, owner(ALICE), challenge(house, owner(ALICE)), 64 * b"\xff"),
    ]
    assert {each.status_code for each in answers} == {401}
    assert len({each.content for each in answers}) == 1


def test_a_challenge_is_used_once(house: House) -> None:
    made = challenge(house, owner(ALICE))
    signed = sign_challenge(ALICE.seed, DOMAIN, int(made, 16))
    assert answered(house, owner(ALICE), made, signed).status_code == 201
    assert answered(house, owner(ALICE), made, signed).status_code == 401


def test_a_challenge_of_another_vault_is_not_signed_for_this_one(house: House) -> None:
    made = challenge(house, owner(ALICE))
    assert answered(house, owner(ALICE), made, sign_challenge(ALICE.seed, DOMAIN + 1, int(made, 16))).status_code == 401


def test_a_challenge_ends(house: House) -> None:
    earlier = Challenges(house.services.sealer, 120, clock=lambda: now_ms() - 120_000)
    given, _ = earlier.give(ALICE.owner)
    made = "0x" + given.hex()
    assert answered(house, owner(ALICE), made, sign_challenge(ALICE.seed, DOMAIN, int(made, 16))).status_code == 401


def test_a_challenge_is_of_this_service_as_it_was_given(house: House) -> None:
    given, _ = Challenges(Sealer(bytes(32)), 120).give(ALICE.owner)
    mine = bytes.fromhex(challenge(house, owner(ALICE))[2:])
    longer = mine[:6] + bytes([mine[6] ^ 1]) + mine[7:]
    for each in (given, longer, bytes([1]) + mine[1:], mine[:31] + bytes([mine[31] ^ 1])):
        signed = sign_challenge(ALICE.seed, DOMAIN, int.from_bytes(each, "big") % FIELD_ORDER)
        assert answered(house, owner(ALICE), "0x" + each.hex(), signed).status_code == 401
    signed = sign_challenge(ALICE.seed, DOMAIN, int.from_bytes(mine, "big"))
    assert answered(house, owner(ALICE), "0x" + mine.hex(), signed).status_code == 201


def test_a_challenge_that_one_process_gave_is_answered_at_another_and_still_once(house: House) -> None:
    with served(create_app(house.services)) as url, httpx.Client(base_url=url) as other:
        made = other.post("/v1/auth/challenges", json={"owner": owner(ALICE)}).json()["challenge"]
        signed = sign_challenge(ALICE.seed, DOMAIN, int(made, 16))
        assert answered(house, owner(ALICE), made, signed).status_code == 201
        asked = {"owner": owner(ALICE), "challenge": made, "signature": "0x" + signed.hex()}
        assert other.post("/v1/auth/sessions", json=asked).status_code == 401


def test_of_two_answers_at_once_one_makes_a_session(house: House) -> None:
    made = challenge(house, owner(ALICE))
    signed = sign_challenge(ALICE.seed, DOMAIN, int(made, 16))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: answered(house, owner(ALICE), made, signed).status_code, range(8)))
    assert sorted(answers) == [201] + 7 * [401]


def test_a_wrong_answer_does_not_take_a_challenge_from_its_owner(house: House) -> None:
    made = challenge(house, owner(ALICE))
    assert answered(house, owner(ALICE), made, bytes(64)).status_code == 401
    signed = sign_challenge(ALICE.seed, DOMAIN, int(made, 16))
    assert answered(house, owner(ALICE), made, signed).status_code == 201


def test_a_session_ends_when_it_is_ended_and_when_it_is_over(house: House) -> None:
    first, second = house.known(ALICE), house.known(ALICE)
    path = f"/v1/accounts/{owner(ALICE)}"
    assert house.client.delete("/v1/auth/sessions", headers=first).status_code == 204
    assert house.client.get(path, headers=first).status_code == 401
    assert house.client.get(path, headers=second).status_code == 200
    with house.services.database.write() as session:
        session.query(Session).update({Session.expires_at: now_ms() - 1})
    assert house.client.get(path, headers=second).status_code == 401


def test_of_a_token_only_the_hash_is_kept(house: House) -> None:
    token = house.session(ALICE)
    with house.services.database.read() as session:
        kept = [row.token_hash for row in session.query(Session)]
    assert token.encode() not in kept
    assert all(token.encode() not in each for each in kept)


def test_whoever_asks_for_challenges_keeps_nobody_else_from_logging_in(tmp_path: Path) -> None:
    settings = settings_of(address_rate=Rate(0.01, 100), trusted_proxies=(ip_network("127.0.0.1/32"),))
    with opened(tmp_path, settings) as house:
        flood = {"X-Forwarded-For": "203.0.113.7"}
        codes = [
            house.client.post("/v1/auth/challenges", json={"owner": owner(ALICE)}, headers=flood).status_code
            for _ in range(600)
        ]
        assert codes == 50 * [201] + 550 * [429]
        house.client.headers["X-Forwarded-For"] = "203.0.113.8"
        assert house.session(ALICE)
        with house.services.database.read() as session:
            assert session.query(AuthChallenge).count() == 1


def test_nothing_is_written_for_who_does_not_sign(empty_house: House) -> None:
    house = empty_house
    for name in (owner(ALICE), NOTHING):
        for _ in range(5):
            answered(house, name, challenge(house, name), bytes(64))
    with house.services.database.read() as session:
        assert session.query(AuthChallenge).count() == session.query(Session).count() == 0


def test_an_owner_begins_no_more_sessions_than_its_rate_and_keeps_the_newest(tmp_path: Path) -> None:
    with opened(tmp_path, settings_of(owner_rate=Rate(0.01, 3))) as house:
        first = [house.session(ALICE) for _ in range(3)]
        made = challenge(house, owner(ALICE))
        refused = answered(house, owner(ALICE), made, sign_challenge(ALICE.seed, DOMAIN, int(made, 16)))
        assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
        assert house.session(BOB)
        now = now_ms()
        with house.services.database.write() as session:
            for number in range(sessions.MOST_SESSIONS - 1):
                sessions.add_session(session, b"%032d" % number, ALICE.owner, now, now + 10**9 + number)
        with house.services.database.read() as session:
            rows = [row for row in session.query(Session) if row.owner == ALICE.owner]
            assert len(rows) == sessions.MOST_SESSIONS
            assert sum(sessions.find_session(session, token_hash(each), now) is not None for each in first) == 1
