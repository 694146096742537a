"""What a client is made of, part by part: nonces, numbers, the book, subscriptions, inclusion judged as the contract judges it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import FileError
from prover.hashing import FIELD_ORDER
from prover.orders import Order
from relayer.client import (
    ClientError,
    ContradictionError,
    Event,
    Missed,
    NonceUsed,
    NoNonce,
    Nonsense,
    Patience,
    Seed,
    Terms,
    Unreachable,
    identity,
)
from relayer.client.book import Book
from relayer.client.making import lots, price, token_units
from relayer.client.nonces import free_nonce
from relayer.client.problems import BY_CODE, Forbidden, Problem, problem
from relayer.client.setup import trader
from relayer.client.stream import Subscription, socket_url
from relayer.errors import SeedError
from relayer.inclusion import shows, touch_of_receipts
from relayer.receipts import Answer, Evidence, Intake, separator, touch_hash
from relayer.signing import Signer
from tests.relayer.test_receipts import DOMAIN as SEALED_DOMAIN
from tests.relayer.test_receipts import SLOTS, asked, drawn, handed_out

VAULT = "0x" + "5a" * 20
DOMAIN = 12345
TERMS = Terms(1, VAULT, DOMAIN, separator(1, VAULT), "0x" + "1" * 40, "0x" + "2" * 40, 30, "dev")
SIGNER = Signer(b"\x51" * 32)

# ---- nonces


@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63)))
def test_a_nonce_is_one_that_the_account_would_take(bitmap: int, slots: set[int]) -> None:
    living = {(5, slot) for slot in slots}
    try:
        epoch, slot = free_nonce(5, bitmap, living)
    except NoNonce:
        assert all(bitmap >> each & 1 or each in slots for each in range(64))
        assert living
        return
    assert epoch == 5 or not living
    assert epoch == 6 or (not bitmap >> slot & 1 and slot not in slots)


def test_a_new_epoch_is_taken_only_when_it_ends_no_order() -> None:
    used = 2**40 - 1
    assert free_nonce(5, used, []) == (6, 0)
    assert free_nonce(5, used, [(5, 50)]) == (5, 40)
    # Orders of an epoch that no batch has seen yet.
    assert free_nonce(5, used, [(6, 0)]) == (6, 1)
    with pytest.raises(NoNonce):
        free_nonce(5, 2**64 - 1, [(5, 3)])
    # An order of an epoch that is over is ended already.
    assert free_nonce(5, used, [(4, 50)]) == (6, 0)


def test_a_sent_order_keeps_its_nonce_until_its_window_is_over() -> None:
    book = Book(TERMS)
    own = [replace(order(slot), epoch=2, last_batch=7 + slot) for slot in range(3)]
    for number, each in enumerate([*own, replace(order(9), kind="cancel", epoch=4), replace(order(8), account=2)]):
        book.sending(each, number, 4)
    assert book.living(1, 7) == {(2, 0), (2, 1), (2, 2)}
    assert book.living(1, 8) == {(2, 1), (2, 2)}
    assert book.living(1, 10) == set()
    assert (book.epoch(1), book.epoch(2), book.epoch(3)) == (4, 0, 0)


# ---- numbers


def test_numbers_are_taken_as_they_were_typed() -> None:
    assert lots("1.5") == 15_000
    assert price(Decimal("0.000001")) == 1
    assert token_units(7) == 7_000_000


@pytest.mark.parametrize(
    "wrong", [1.5, True, "1.00001", "-1", "1e99", "1e999999999", "1e-999999999", "nan", "inf", "one", "429497"]
)
def test_a_number_that_is_no_quantity_is_refused(wrong: Any) -> None:  # noqa: ANN401
    with pytest.raises(ClientError):
        lots(wrong)


# ---- the book


def order(slot: int = 0) -> Order:
    return Order(account=1, instrument=3, slot=slot, salt=9 + slot)


def test_a_book_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    path, given_ = tmp_path / "book", Intake(DOMAIN, 4, TERMS.separator, SIGNER)
    book = Book(TERMS, path)
    for slot in range(3):
        digest = order(slot).hash(DOMAIN)
        book.sending(order(slot), digest, 4)
        book.acknowledged(digest, f"id{slot}")
        book.receipted(digest, given_.take(digest, 1))
    for _ in range(2):
        book.naming("BTC", 3)
    assert path.read_text().count("BTC") == 1
    assert path.stat().st_mode & 0o777 == 0o600
    again = Book(TERMS, path)
    assert (again.orders, again.receipts, again.names) == (book.orders, book.receipts, {"BTC": 3})
    assert again.by_id("id1") == book.orders[order(1).hash(DOMAIN)]


def test_a_line_that_a_crash_cut_off_is_gone_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    whole = path.read_text()
    path.write_text(whole + whole[:30])
    assert list(Book(TERMS, path).orders) == [1]
    assert path.read_text() == whole
    Book(TERMS, path).sending(order(1), 2, 4)
    assert list(Book(TERMS, path).orders) == [1, 2]


def test_two_processes_with_one_book_see_what_the_other_wrote(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    one, other = Book(TERMS, path), Book(TERMS, path)
    one.sending(order(1), 2, 4)
    other.acknowledged(2, "second")
    other.sending(order(2), 3, 4)
    one.refresh()
    assert one.orders == other.orders == Book(TERMS, path).orders
    assert list(one.orders) == [1, 2, 3]
    with pytest.raises(NonceUsed, match="same nonce"):
        one.sending(replace(order(2), salt=99), 4, 4)
    assert list(Book(TERMS, path).orders) == [1, 2, 3]


def test_a_nonce_is_given_again_after_a_refusal_or_after_a_window(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(replace(order(), last_batch=8), 1, 4)
    book = Book(TERMS, path)
    with pytest.raises(NonceUsed):
        book.sending(replace(order(), first_batch=8), 2, 4)
    book.sending(replace(order(), first_batch=9), 3, 4)
    book.sending(replace(order(), kind="cancel"), 4, 4)
    book.sending(order(7), 5, 4)
    assert book.unanswered(1, 8) == [book.orders[number].order for number in (1, 3, 5)]
    book.refused(5)
    again = Book(TERMS, path)
    again.sending(replace(order(7), quantity=2), 6, 4)
    book.refresh()
    assert again.orders == book.orders
    assert again.unanswered(1, 9) == [book.orders[number].order for number in (3, 6)]
    with pytest.raises(NonceUsed):
        book.sending(order(7), 5, 4)
    again.acknowledged(6, "sixth")
    again.refused(6)
    assert not again.orders[6].refused


@pytest.mark.parametrize("loaded", [True, False], ids=["when it is loaded", "while it is open"])
def test_receipts_of_two_processes_that_contradict_each_other_are_evidence(loaded: bool, tmp_path: Path) -> None:
    path = tmp_path / "book"
    first, second = (Intake(DOMAIN, 4, TERMS.separator, SIGNER).take(number, 1) for number in (1, 2))
    assert (first.receipt.sequence, second.receipt.sequence) == (1, 1)
    old = Book(TERMS, path)
    old.receipted(1, first)
    # As two processes wrote without knowing of each other, before the file had a lock.
    line = {"vault": VAULT, "chain_id": 1, "receipt": second.to_wire(), "hash": "0x2"}
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(ContradictionError, match="two receipts of one sequence number") as loud:
        Book(TERMS, path) if loaded else old.refresh()
    kept = json.loads(Path(str(loud.value.values["evidence"])).read_text())
    assert (kept["first"], kept["second"]) == (first.to_wire(), second.to_wire())
    # The evidence is there: orders and cancels go on, with the receipt that came first.
    again = Book(TERMS, path)
    assert list(again.receipts.values()) == [first]
    assert [each.evidence for each in again.contradictions] == [loud.value.evidence]
    assert len(list(tmp_path.glob("evidence-*"))) == 1


def test_a_process_that_is_given_a_number_which_another_was_given_has_evidence(tmp_path: Path) -> None:
    path = tmp_path / "book"
    first, second = (Intake(DOMAIN, 4, TERMS.separator, SIGNER).take(number, 1) for number in (1, 2))
    one, other = Book(TERMS, path), Book(TERMS, path)
    one.receipted(1, first)
    with pytest.raises(ContradictionError, match="two receipts of one sequence number"):
        other.receipted(2, second)


def test_a_line_that_another_process_is_still_writing_is_not_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    written = path.read_bytes()
    half = written[:40]
    with path.open("ab") as writing:
        fcntl.flock(writing, fcntl.LOCK_EX)
        writing.write(half)
        writing.flush()
        loading = threading.Thread(target=lambda: Book(TERMS, path))
        loading.start()
        loading.join(0.3)
        assert loading.is_alive()
        writing.write(written[40:])
        writing.flush()
    loading.join(60)
    assert path.read_bytes() == written + written


@pytest.mark.parametrize("then", ["short", "full"])
def test_a_line_that_the_disk_has_no_room_for_is_not_half_there(
    then: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "book"
    book = Book(TERMS, path)
    book.sending(order(), 1, 4)
    before, real, room = path.read_bytes(), os.write, [30, 1_000 if then == "short" else -1]

    def write(handle: int, data: Any) -> int:  # noqa: ANN401 - bytes of either kind
        left = room.pop(0) if room else 1_000
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, bytes(data[:left]))

    monkeypatch.setattr(os, "write", write)
    if then == "full":
        with pytest.raises(FileError, match="No space left"):
            book.sending(order(1), 2, 4)
        assert path.read_bytes() == before
        assert list(book.orders) == [1]
        room[:] = []
    book.sending(order(1), 2, 4)
    assert list(Book(TERMS, path).orders) == [1, 2]


def test_a_book_is_strange_to_a_vault_that_none_of_its_lines_names(tmp_path: Path) -> None:
    path, other = tmp_path / "book", replace(TERMS, vault="0x" + "6b" * 20)
    assert not Book(TERMS, path).strange
    Book(TERMS, path).sending(order(), 1, 4)
    strange = [Book(terms, path).strange for terms in (TERMS, other, replace(TERMS, chain_id=2))]
    assert strange == [False, True, True]
    Book(other, path).sending(order(1), 2, 4)
    strange = [Book(terms, path).strange for terms in (TERMS, other, replace(TERMS, chain_id=2))]
    assert strange == [False, False, True]


def test_a_book_is_made_once_by_all_who_ask_for_it_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Book] = []

    def slow(*given_: Any) -> Book:  # noqa: ANN401
        made.append(Book(*given_))
        time.sleep(0.05)
        return made[-1]

    monkeypatch.setattr(identity, "Book", slow)
    own = trader(Seed(b"\x07" * 32), book=tmp_path / "book")
    with ThreadPoolExecutor(8) as pool:
        books = list(pool.map(lambda _: own._opened(TERMS), range(8)))
    assert len(made) == 1
    assert all(each is made[0] for each in books)


def test_a_book_of_another_vault_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    assert not Book(replace(TERMS, vault="0x" + "6b" * 20), path).orders


UNREADABLE = json.dumps({"vault": VAULT, "chain_id": 1, "sent": {}, "hash": "0x1"})


@pytest.mark.parametrize("line", ["{}", "nonsense", UNREADABLE])
def test_a_damaged_book_is_refused_by_its_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    with path.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ClientError, match="line 2"):
        Book(TERMS, path)


def test_a_book_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "book"
    Book(TERMS, path).sending(order(), 1, 4)
    path.chmod(0o644)
    with pytest.raises(SeedError, match="chmod 600"):
        Book(TERMS, path)


# ---- problems


def test_every_code_of_the_interface_has_its_class() -> None:
    from relayer.api.problems import KINDS

    ours = {
        code for code in KINDS if code not in ("METHOD_NOT_ALLOWED", "TIMEOUT", "OUTGOING", "RISK_TABLE", "INTERNAL")
    }
    assert ours == set(BY_CODE)


def test_a_code_that_is_not_known_is_a_problem_all_the_same() -> None:
    found = problem(418, {"code": "TEAPOT", "detail": "short and stout", "values": {"a": 1}}, 2.0)
    assert type(found) is Problem
    assert (found.problem, found.status, found.values["a"], found.retry_after) == ("TEAPOT", 418, 1, 2.0)


# ---- subscriptions


def event(seq: int, channel: str = "orders") -> str:
    return json.dumps({"type": "event", "channel": channel, "seq": seq, "at": "2026-01-01T00:00:00.000Z", "data": {}})


def test_events_are_given_once_and_in_order() -> None:
    own = Subscription(["orders"], {"orders": 4}, Patience())
    assert json.loads(own.opening("token")) == {"subscribe": {"orders": 4}, "token": "token"}
    told = [own.take(event(seq)) for seq in (4, 5, 5, 6)]
    assert [each.seq if isinstance(each, Event) else None for each in told] == [None, 5, None, 6]
    assert own.reached == {"orders": 6}
    with pytest.raises(Nonsense, match="missing"):
        own.take(event(8))


def test_a_subscription_from_now_on_begins_where_it_is_told() -> None:
    own = Subscription(["batches"], {}, Patience())
    assert own.opening(None) == '{"subscribe": {"batches": null}}'
    assert own.take('{"type": "subscribed", "channel": "batches", "seq": 9}') is None
    with pytest.raises(Nonsense):
        own.take(event(11, "batches"))


def test_what_is_not_kept_any_more_is_told() -> None:
    own = Subscription(["orders"], {"orders": 4}, Patience())
    assert own.take('{"type": "reset", "channel": "orders", "seq": 20}') == Missed("orders", 20)
    assert isinstance(own.take(event(21)), Event)


def test_how_a_connection_ended_says_what_to_do() -> None:
    own = Subscription(["orders"], {}, Patience(seconds=1.0, first=0.3, longest=0.6))
    waits, stale = [], []
    for code in (4413, 4401):
        waits.append(own.ended(code))
        stale.append(own.stale_token)
    assert 0 < waits[0] <= 0.3
    assert stale == [False, True]
    with pytest.raises(Forbidden):
        own.ended(4403)
    with pytest.raises(Unreachable):
        [own.ended(None) for _ in range(10)]


ENDLESS = '{"type": "event", "channel": "orders", "seq": 1e999, "at": "", "data": {}}'


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", ENDLESS, '{"type": "event", "channel": "others", "seq": 1}', "[" * 100_000]
)
def test_a_message_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Nonsense):
        Subscription(["orders"], {}, Patience()).take(text)


def test_a_socket_is_as_safe_as_the_relayers_url() -> None:
    assert socket_url("https://relayer.example/") == "wss://relayer.example/v1/ws"
    assert socket_url("http://127.0.0.1:1") == "ws://127.0.0.1:1/v1/ws"


# ---- inclusion


SEALED = drawn(random.Random("inclusion"), "standard", 9)
RECEIPTS = handed_out(SEALED)
EVIDENCE = Evidence(SEALED)


def judged(at: int, answer: Answer, orders: int | None = None) -> bool:
    """Whether an answer keeps the receipt of number ``at + 1``."""
    found = len(RECEIPTS) if orders is None else orders
    return shows(RECEIPTS[at], answer, orders=found, slots=SLOTS["standard"], domain=SEALED_DOMAIN)


def shown(at: int) -> Answer:
    return EVIDENCE.answer(asked(RECEIPTS[at].receipt))


def test_every_receipt_of_a_sealed_batch_is_shown_in_it() -> None:
    assert len(RECEIPTS) > 4
    assert all(judged(at, shown(at)) for at in range(len(RECEIPTS)))


def test_nothing_but_the_orders_own_place_shows_it() -> None:
    answer, last = shown(2), len(RECEIPTS) - 1
    wrong = [
        shown(3),
        answer._replace(account=answer.account + 3),
        answer._replace(position=answer.position ^ 1),
        answer._replace(position=answer.position + 2 ** len(answer.path)),
        answer._replace(path=[*answer.path[:-1], bytes(32)]),
        answer._replace(path=answer.path[:-1]),
        answer._replace(salt=answer.salt + 1),
        answer._replace(previous=bytes(32)),
        answer._replace(slot=answer.slot ^ 1),
        answer._replace(slot=-1),
        answer._replace(slot=99),
        answer._replace(hashes=[*answer.hashes, 0]),
        answer._replace(hashes=answer.hashes[:-1], sequences=[answer.hashes[-1], *answer.sequences]),
        answer._replace(hashes=[each + FIELD_ORDER for each in answer.hashes]),
        answer._replace(sequences=[each + (1 << 32 * answer.slot) for each in answer.sequences]),
        answer._replace(seal_root=bytes(32)),
    ]
    assert not any(judged(2, each) for each in wrong)
    assert not judged(last, shown(last)._replace(receipts_hash=bytes(32)))
    assert not judged(last, shown(last), orders=last)


def test_an_owner_recomputes_its_touch_from_its_receipts() -> None:
    for at, touch in enumerate(SEALED.touches):
        own = [each for each in RECEIPTS if each.receipt.account == touch.index]
        key, place = touch.holder.viewing_key, (SEALED_DOMAIN, touch.index, SEALED.context.batch)
        hashes, numbers, salt = EVIDENCE._openings[at]
        expected = touch_hash((hashes, numbers, salt))
        assert touch_of_receipts(own, SLOTS["standard"], key, *place) == expected
        if own:
            assert touch_of_receipts(own[1:], SLOTS["standard"], key, *place) != expected
    assert touch_of_receipts(RECEIPTS, 2, 1, *place) is None
