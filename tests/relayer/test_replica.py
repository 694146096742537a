"""A replica keeps what it signs for, signs only what it holds, follows the chain, and serves owners over HTTP; nobody fills
its disk but the operator.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prover.data import OPEN_WORDS, SegmentData, attestation, data_point, domain_separator, read_words
from prover.hashing import FIELD_ORDER, keccak256
from relayer.errors import ReplicaError, RpcError
from relayer.header import Header, SegmentHead
from relayer.history import History
from relayer.ledger import read_ledger
from relayer.reading import read_account
from relayer.replica import Replica, Request
from relayer.replica_http import application, body_limit, read_request
from relayer.replica_store import Store
from relayer.replicas import ReplicaClient, collect, one_of
from relayer.signing import Signer, signer_of
from tests.relayer.scene import ADDRESSES, CHAIN_ID, DOLLAR, OPERATOR_KEY, PARAMS, Scene, risk_row, segment_words

NAMES = ("header", "first", "segments", "signature")
TEXT = st.text('0x9af"{é', max_size=9)
ANYTHING = (
    st.none() | st.integers() | TEXT | st.lists(TEXT, max_size=3) | st.sampled_from(["0x", "0x" + 32 * "00", "0xzz"])
)
KEYS = sorted((Signer(bytes([number]) * 32) for number in (1, 2, 3)), key=lambda signer: signer.address)
OPERATOR = Signer(OPERATOR_KEY)
SEPARATOR = domain_separator(CHAIN_ID, bytes.fromhex(ADDRESSES["vault"][2:]))


@pytest.fixture
def scene() -> Scene:
    made = Scene(validium=True)
    made.chain.answers["SettlementRules", "replicas"] = ([key.address for key in KEYS], 2)
    made.chain.answers["Vault", "separator"] = SEPARATOR
    made.chain.answers["Vault", "roles"] = (OPERATOR.address, OPERATOR.address, [], 0)
    made.post_epoch((risk_row(7, 40 * DOLLAR),))
    return made


@pytest.fixture
def replica(scene: Scene, tmp_path: Path) -> Replica:
    return made_replica(scene, tmp_path, 0)


def made_replica(scene: Scene, folder: Path, number: int) -> Replica:
    return Replica(scene.vault, KEYS[number], Store(folder / str(number), CHAIN_ID, scene.vault.address))


def header(scene: Scene, batch: int, segments: int, auction: int = 0) -> Header:
    head = SegmentHead(1, 2, 3, bytes(32))
    return Header(
        domain=scene.vault.domain,
        context=batch + (5 << 118),
        orders=0,
        seal_root=bytes(32),
        deposit_end=0,
        exit_end=0,
        start_root=0,
        segments=(head,) * segments,
        risk_root=0,
        auction_root=auction,
        closing_hash=bytes(32),
        beneficiary=OPERATOR.address,
    )


def sent(scene: Scene, batch: int, words: list[bytes], auction: int = 0) -> tuple[Request, bytes]:
    request = Request(header(scene, batch, len(words), auction), 0, tuple(words))
    return request, OPERATOR.sign(request.digest(SEPARATOR))


def ciphertext(scene: Scene, batch: int) -> list[bytes]:
    return [cipher for _, cipher in segment_words(scene.cleared[batch - 1])]


def settle_two(scene: Scene, parts: int = 0) -> None:
    for index in (1, 2):
        scene.run([(scene.open_account(index), 1_000 * DOLLAR, ())], parts)


@contextmanager
def serving(replica: Replica) -> Iterator[str]:
    """The replica behind HTTP on a free port."""
    server = uvicorn.Server(uvicorn.Config(application(replica), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


# ---- what it signs


def test_it_signs_hashes_and_values_of_what_it_stores(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    words = ciphertext(scene, 1)
    request, signature = sent(scene, 3, words)
    made = replica.keep(request, signature)
    data = [SegmentData((0,) * OPEN_WORDS * 2, read_words(each)) for each in words]
    assert signer_of(attestation(SEPARATOR, request.header.r1, 0, data), made.signature) == KEYS[0].address
    assert made.hashes == tuple(keccak256(each) for each in words)
    assert made.values == tuple(each.encrypted_value(data_point(request.header.r1)) for each in data)
    assert [replica.store.words(digest) for digest in made.hashes] == words


def test_the_same_request_again_is_signed_the_same(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    request, signature = sent(scene, 3, ciphertext(scene, 1))
    assert replica.keep(request, signature) == replica.keep(request, signature)


def test_only_the_operator_can_store(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    request, signature = sent(scene, 3, ciphertext(scene, 1))
    stranger = KEYS[1].sign(request.digest(SEPARATOR))
    elsewhere = OPERATOR.sign(request.digest(domain_separator(1, bytes(20))))
    for wrong in (stranger, elsewhere, signature[:-1], bytes(65)):
        with pytest.raises(ReplicaError, match="not signed by the vault's operator"):
            replica.keep(request, wrong)
    assert replica.store.count() == 0


def test_a_signature_has_one_form() -> None:
    digest = keccak256(b"x")
    signature = OPERATOR.sign(digest)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = order - int.from_bytes(signature[32:64], "big")
    flipped = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    assert signer_of(digest, signature) == OPERATOR.address
    assert signer_of(digest, flipped) is None
    assert signer_of(digest, signature[:-1] + bytes([signature[-1] - 27])) is None


def malformed(request: Request) -> dict[str, Request]:
    words = request.segments[0]
    large = FIELD_ORDER.to_bytes(32, "big") + words[32:]
    return {
        "bytes of ciphertext": replace(request, segments=(words[:-32],)),
        "is no field element": replace(request, segments=(large,)),
        "segments 0 … 1 of a settlement of 1": replace(request, segments=(words, words)),
        "segments 1 … 1 of a settlement of 1": replace(request, first=1),
        "segments 0 … -1": replace(request, segments=()),
        "of another vault": replace(request, header=replace(request.header, domain=7)),
    }


def test_what_is_malformed_is_refused_and_not_kept(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    request, _ = sent(scene, 3, ciphertext(scene, 1)[:1])
    for message, wrong in malformed(request).items():
        with pytest.raises(ReplicaError, match=message):
            replica.keep(wrong, OPERATOR.sign(wrong.digest(SEPARATOR)))
    assert replica.store.count() == 0


def test_a_disk_is_not_filled_by_attempts_without_end(
    scene: Scene, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayer.replica.MOST_ATTEMPTS", 1)
    monkeypatch.setattr("relayer.replica.MOST_SEGMENTS", 2)
    monkeypatch.setattr("relayer.replica.MOST_BATCHES", 2)
    settle_two(scene)
    words = ciphertext(scene, 1)[:1]
    for auction in (1, 2):
        replica.keep(*sent(scene, 3, words, auction))
    with pytest.raises(ReplicaError, match="no more attempts"):
        replica.keep(*sent(scene, 3, words, 3))
    replica.keep(*sent(scene, 4, words))
    with pytest.raises(ReplicaError, match="wait here to be settled"):
        replica.keep(*sent(scene, 5, words))


def junk(words: list[bytes], byte: int = 1) -> list[bytes]:
    """Well-formed words that are not those of the batch."""
    return [bytes(31) + bytes([byte]) + each[32:] for each in words]


def test_words_that_were_signed_for_outlast_others_under_the_same_settlement(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    scene.chain.final = len(scene.chain.blocks) - 1
    words = junk(ciphertext(scene, 1), 9)
    replica.keep(*sent(scene, 3, words))
    replica.keep(*sent(scene, 3, junk(words)))
    replica.advance()
    assert [replica.store.words(keccak256(each)) for each in words] == words


def test_true_words_are_taken_after_others_under_the_same_settlement(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    scene.chain.final = len(scene.chain.blocks) - 1
    words = junk(ciphertext(scene, 1), 9)
    replica.keep(*sent(scene, 3, junk(words)))
    assert replica.keep(*sent(scene, 3, words)).hashes == tuple(keccak256(each) for each in words)
    replica.advance()
    assert [replica.store.words(keccak256(each)) for each in words] == words


def test_a_disk_is_not_filled_by_other_words_for_one_settlement(
    scene: Scene, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relayer.replica.MOST_ATTEMPTS", 1)
    monkeypatch.setattr("relayer.replica.MOST_SEGMENTS", 2)
    settle_two(scene)
    words = ciphertext(scene, 1)[:1]
    replica.keep(*sent(scene, 3, words))
    replica.keep(*sent(scene, 3, junk(words, 1)))
    with pytest.raises(ReplicaError, match="batch 3 has 2 segments here already"):
        replica.keep(*sent(scene, 3, junk(words, 2)))
    assert replica.store.count() == 2
    assert replica.keep(*sent(scene, 3, words)).hashes == (keccak256(words[0]),)


FIRST_ATTESTED = """
DROP TABLE signed;
DELETE FROM identity WHERE name = 'format';
CREATE TABLE attested (
    r1 BLOB NOT NULL, segment INTEGER NOT NULL, batch INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (r1, segment)
) STRICT, WITHOUT ROWID;
"""
"""Makes a store one of the first format, which knew one hash of a segment of a settlement."""


def test_a_store_of_the_first_format_is_taken_over_with_all_that_was_signed_for(scene: Scene, tmp_path: Path) -> None:
    settle_two(scene)
    scene.chain.final = len(scene.chain.blocks) - 1
    words = junk(ciphertext(scene, 1), 9)
    earlier = made_replica(scene, tmp_path, 0)
    earlier.store.close()
    request, signature = sent(scene, 3, words)
    with sqlite3.connect(tmp_path / "0" / "replica.sqlite") as base:
        base.executescript(FIRST_ATTESTED)
        base.execute("INSERT INTO words VALUES (?, ?)", (keccak256(words[0]), words[0]))
        base.execute("INSERT INTO attested VALUES (?, 0, 3, ?)", (request.header.r1, keccak256(words[0])))
    base.close()
    replica = made_replica(scene, tmp_path, 0)
    replica.keep(*sent(scene, 3, junk(words)))
    replica.advance()
    assert replica.store.words(keccak256(words[0])) == words[0]
    assert replica.keep(request, signature).hashes == tuple(keccak256(each) for each in words)
    replica.store.close()
    made_replica(scene, tmp_path, 0).store.close()


def test_a_store_of_a_later_format_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, 1, ADDRESSES["vault"]).close()
    with sqlite3.connect(tmp_path / "replica.sqlite") as base:
        base.execute("UPDATE identity SET value = '3' WHERE name = 'format'")
    base.close()
    with pytest.raises(ReplicaError, match=r"has format 3, .* use the program that wrote it"):
        Store(tmp_path, 1, ADDRESSES["vault"])


# ---- following the chain


def test_it_keeps_what_was_settled_and_forgets_what_no_longer_can_be(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    first, second = ciphertext(scene, 1), ciphertext(scene, 2)
    other = [bytes(31) + b"\1" + words[32:] for words in second]
    replica.keep(*sent(scene, 1, first))
    replica.keep(*sent(scene, 2, second))
    replica.keep(*sent(scene, 2, other, auction=1))
    assert replica.store.count() == 3
    scene.chain.final = len(scene.chain.blocks) - 1
    replica.advance()
    assert replica.store.count() == 2
    assert replica.store.missing() == []
    assert replica.store.words(keccak256(other[0])) is None
    with pytest.raises(ReplicaError, match="can no longer be settled: 2 is"):
        replica.keep(*sent(scene, 1, first))


def test_a_settlement_taken_back_takes_no_words_with_it(
    scene: Scene, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_two(scene)
    head = replica.vault.chain.block(1)
    monkeypatch.setattr(
        scene.chain, "head", lambda tag="latest": head if tag == "finalized" else scene.chain.block(tag)
    )
    replica.keep(*sent(scene, 2, ciphertext(scene, 2)))
    replica.advance()
    assert replica.store.newest_settled() is not None
    taken = scene.chain.blocks[-1].mined
    scene.chain.take_back(1)
    scene.chain.mine([])
    replica.advance()
    assert replica.store.places(2, None, 9) == []
    assert replica.store.words(keccak256(ciphertext(scene, 2)[0])) is not None
    scene.chain.mine(taken)
    replica.advance()
    assert [place.batch for place in replica.store.places(2, None, 9)] == [2]


@pytest.mark.parametrize("parts", [0, 1], ids=["whole", "in parts"])
@pytest.mark.parametrize("final", [False, True], ids=["from the beginning", "from a final settlement"])
def test_a_replica_that_was_off_catches_up_and_fills_what_it_missed(
    scene: Scene, tmp_path: Path, parts: int, final: bool
) -> None:
    settle_two(scene, parts)
    scene.chain.final = final * (len(scene.chain.blocks) - 1)
    replica = made_replica(scene, tmp_path, 0)
    replica.keep(*sent(scene, 1, ciphertext(scene, 1)))
    replica.advance()
    replica.store.close()
    scene.run([(scene.open_account(3), 1_000 * DOLLAR, ())], parts)
    again = made_replica(scene, tmp_path, 0)
    again.advance()
    missing = {keccak256(words): words for batch in (2, 3) for words in ciphertext(scene, batch)}
    assert set(again.store.missing()) == set(missing)
    stop = threading.Event()

    def fill(digest: bytes) -> bytes:
        stop.set()
        return missing[digest]

    again.follow(stop, fill)
    assert again.store.missing() == []
    assert again.trouble is None


def test_a_settlement_taken_back_while_the_replica_was_off_is_settled_no_more(scene: Scene, tmp_path: Path) -> None:
    settle_two(scene)
    replica = made_replica(scene, tmp_path, 0)
    for batch in (1, 2):
        replica.keep(*sent(scene, batch, ciphertext(scene, batch)))
    replica.advance()
    replica.store.close()
    scene.chain.take_back(1)
    scene.happen(scene.log("BatchVoided", batch=2))
    scene.chain.final = len(scene.chain.blocks) - 1
    again = made_replica(scene, tmp_path, 0)
    again.advance()
    assert [place.batch for place in again.store.places(0, None, 9)] == [1]
    again.keep(*sent(scene, 2, ciphertext(scene, 2)))
    assert again.store.missing() == []


def test_words_of_a_settled_batch_outlast_an_endpoint_that_is_behind(scene: Scene, tmp_path: Path) -> None:
    settle_two(scene)
    replica = made_replica(scene, tmp_path, 0)
    for batch in (1, 2):
        replica.keep(*sent(scene, batch, ciphertext(scene, batch)))
    scene.chain.final = len(scene.chain.blocks) - 1
    replica.advance()
    replica.store.close()
    ahead = scene.chain.blocks[-2:]
    del scene.chain.blocks[-2:]
    scene.chain.final = len(scene.chain.blocks) - 1
    again = made_replica(scene, tmp_path, 0)
    again.advance()
    scene.chain.blocks += ahead
    scene.chain.final = len(scene.chain.blocks) - 1
    again.advance()
    assert again.store.newest_settled() == (2, scene.chain.final)
    assert again.store.missing() == []


def test_a_write_that_fails_once_loses_no_settlement_and_no_words(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    scene.chain.final = len(scene.chain.blocks) - 1
    for batch in (1, 2):
        replica.keep(*sent(scene, batch, ciphertext(scene, batch)))
    full = "CREATE TEMP TRIGGER full BEFORE INSERT ON settled WHEN NEW.batch = 2 BEGIN SELECT RAISE(ABORT, 'full'); END"
    replica.store._base.execute(full)
    with pytest.raises(sqlite3.Error, match="full"):
        replica.advance()
    assert replica.store.newest_settled() is None
    replica.store._base.execute("DROP TRIGGER full")
    scene.run([(scene.open_account(3), 1_000 * DOLLAR, ())])
    scene.chain.final = len(scene.chain.blocks) - 1
    replica.advance()
    assert [place.batch for place in replica.store.places(0, None, 9)] == [3, 2, 1]
    kept = [words for batch in (1, 2) for words in ciphertext(scene, batch)]
    assert [replica.store.words(keccak256(words)) for words in kept] == kept


def test_a_write_that_fails_at_its_end_does_not_bar_the_next(replica: Replica) -> None:
    replica.store._base.execute("CREATE TABLE later (of INTEGER REFERENCES owner DEFERRABLE INITIALLY DEFERRED)")
    replica.store._base.execute("CREATE TABLE owner (id INTEGER PRIMARY KEY)")
    replica.store._base.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(sqlite3.Error, match="FOREIGN KEY"), replica.store.changing() as base:
        base.execute("INSERT INTO later VALUES (1)")
    replica.store.fill(bytes(32), b"words")
    assert replica.store.words(bytes(32)) == b"words"


def test_a_follower_that_ends_says_so(replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise SystemExit("told to")

    stop = threading.Event()
    monkeypatch.setattr(replica, "advance", fail)
    with pytest.raises(SystemExit, match="told to"):
        replica.follow(stop)
    assert "no longer followed" in str(replica.trouble)


def test_a_follower_outlives_whatever_a_look_raises_and_tells_its_class_only(
    scene: Scene, replica: Replica, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settle_two(scene)
    words = {keccak256(each): each for batch in (1, 2) for each in ciphertext(scene, batch)}
    stop, asked_for, told = threading.Event(), [], []

    def fill(digest: bytes) -> bytes | None:
        asked_for.append(digest)
        if len(asked_for) == 1:
            json.loads("[" * 2**20)  # what a peer that lies may answer
        told.append(replica.trouble)
        return words[digest]

    def wait(_: float) -> bool:
        told.append(replica.trouble)
        if not replica.store.missing():
            stop.set()
        return True

    monkeypatch.setattr(stop, "wait", wait)
    replica.follow(stop, fill)
    assert len(asked_for) == len(words) + 1
    assert any(trouble is not None and "RecursionError" in trouble for trouble in told)
    assert replica.trouble is None
    assert "RecursionError" in caplog.text
    assert "maximum recursion" not in caplog.text + "".join(map(str, told))


def test_an_endpoint_in_trouble_is_told_and_followed_on(
    scene: Scene, replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle_two(scene)
    stop, original = threading.Event(), replica.advance
    failed: list[bool] = []

    def advance() -> None:
        if failed:
            original()
            stop.set()
            return
        failed.append(True)
        raise RpcError("silent")

    monkeypatch.setattr("relayer.replica.FOLLOW_PAUSE", 0.0)
    monkeypatch.setattr(replica, "advance", advance)
    replica.follow(stop)
    assert replica.trouble is None
    assert replica.store.newest_settled() is not None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    body=st.binary(max_size=200)
    | st.builds(lambda d: json.dumps(d).encode(), st.dictionaries(st.sampled_from(NAMES), ANYTHING))
)
def test_a_request_that_is_none_is_refused_whatever_it_is(body: bytes) -> None:
    with pytest.raises(ReplicaError):
        read_request(body)


def test_words_that_are_not_those_of_the_chain_are_not_taken(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    stop = threading.Event()

    def lie(_: bytes) -> bytes:
        stop.set()
        return ciphertext(scene, 1)[0][:-1] + b"\0"

    replica.follow(stop, lie)
    assert replica.store.count() == 0


def test_a_store_of_another_vault_is_refused(tmp_path: Path) -> None:
    Store(tmp_path, 1, ADDRESSES["vault"]).close()
    with pytest.raises(ReplicaError, match="another folder"):
        Store(tmp_path, 2, ADDRESSES["vault"])


def test_a_vault_with_all_data_in_calldata_has_no_replicas(tmp_path: Path) -> None:
    with pytest.raises(ReplicaError, match="needs no replica"):
        Replica(Scene().vault, KEYS[0], Store(tmp_path, CHAIN_ID, ADDRESSES["vault"]))


def test_a_key_that_is_no_replicas_is_refused(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(ReplicaError, match="none of the vault's replicas"):
        Replica(scene.vault, OPERATOR, Store(tmp_path, CHAIN_ID, ADDRESSES["vault"]))


# ---- over HTTP


def test_an_owner_reads_its_account_through_a_replica(scene: Scene, replica: Replica) -> None:
    settle_two(scene)
    scene.run([(scene.person(1), 0, ())])
    for batch in (1, 2, 3):
        replica.keep(*sent(scene, batch, ciphertext(scene, batch)))
    settlements = History.of(read_ledger(scene.vault)).settlements
    with serving(replica) as url:
        wait_well(url, 3)
        client = ReplicaClient(url)
        for index in (0, 1, 2):
            read = read_account(scene.vault, settlements, scene.person(index).holder, index, client.words)
            assert read is not None
            assert read.leaf == scene.state.leaf(index)
        newest, places = asked(client, "/v1/accounts/1"), asked(client, "/v1/accounts/1/batches")["batches"]
        assert [place["batch"] for place in places] == [3, 1]
        assert newest == places[0] | {"words": "0x" + ciphertext(scene, 3)[0].hex()}
        assert asked(client, "/v1/accounts/1/batches?before=3")["batches"] == places[1:]
        assert asked(client, "/v1/accounts/9") is None


def test_a_replica_that_lies_to_an_owner_is_found_out(scene: Scene) -> None:
    settle_two(scene)
    settlements = History.of(read_ledger(scene.vault)).settlements
    wrong = ciphertext(scene, 1)[0]
    with pytest.raises(ReplicaError, match="are not those on chain"):
        read_account(scene.vault, settlements, scene.person(2).holder, 2, lambda _: wrong)
    with pytest.raises(ReplicaError, match="name one with --replica"):
        read_account(scene.vault, settlements, scene.person(2).holder, 2)


def test_words_come_from_the_first_replica_that_has_them(scene: Scene, tmp_path: Path) -> None:
    settle_two(scene)
    empty, full = made_replica(scene, tmp_path, 0), made_replica(scene, tmp_path, 1)
    words = ciphertext(scene, 1)
    full.keep(*sent(scene, 1, words))
    silent = ReplicaClient("http://127.0.0.1:9")
    with serving(empty) as first, serving(full) as second:
        clients = [silent, ReplicaClient(first), ReplicaClient(second)]
        assert one_of(clients)(keccak256(words[0])) == words[0]
        assert one_of(clients[1:])(bytes(32)) is None
        with pytest.raises(ReplicaError, match="does not answer"):
            one_of(clients)(bytes(32))


def test_an_operator_collects_exactly_the_threshold_by_increasing_address(scene: Scene, tmp_path: Path) -> None:
    settle_two(scene)
    replicas = [made_replica(scene, tmp_path, number) for number in range(3)]
    data = [SegmentData((0,) * OPEN_WORDS * 2, read_words(words)) for words in ciphertext(scene, 1)]
    head = header(scene, 3, len(data))
    digest = attestation(SEPARATOR, head.r1, 0, data)
    with serving(replicas[2]) as last, serving(replicas[0]) as first, serving(replicas[1]) as middle:
        clients = [ReplicaClient(url) for url in (last, first, middle)]

        def signers(clients: list[ReplicaClient]) -> list[str | None]:
            signatures = collect(scene.vault, clients, OPERATOR, head, 0, data)
            return [signer_of(digest, signatures[at : at + 65]) for at in range(0, len(signatures), 65)]

        # Of three, those that answer first.
        pairs: list[list[str | None]] = [[KEYS[a].address, KEYS[b].address] for a, b in ((0, 1), (0, 2), (1, 2))]
        assert signers(clients) in pairs
        assert signers(clients[1:]) == [KEYS[0].address, KEYS[1].address]
        assert signers(clients[:2]) == [KEYS[0].address, KEYS[2].address]
        silent = ReplicaClient("http://127.0.0.1:9")
        with pytest.raises(ReplicaError, match=r"1 of the 2 replicas needed have signed: .*does not answer"):
            collect(scene.vault, [clients[0], silent], OPERATOR, head, 0, data)
        with pytest.raises(ReplicaError, match="1 of the 2 replicas"):
            collect(scene.vault, [clients[0], clients[0]], OPERATOR, head, 0, data)
        with pytest.raises(ReplicaError, match="not signed by the vault's operator"):
            collect(scene.vault, clients, KEYS[0], head, 0, data)


def test_a_body_too_long_is_refused_before_it_is_read(scene: Scene, replica: Replica) -> None:
    limit = body_limit(scene.vault.layout)
    with serving(replica) as url:
        client = ReplicaClient(url)
        with pytest.raises(ReplicaError, match=f"at most {limit} bytes"):
            client._ask("POST", "/v1/segments", {"header": "0" * limit})
        with pytest.raises(ReplicaError, match="unknown name"):
            client._ask(
                "POST", "/v1/segments", {"header": "0x", "first": 0, "segments": [], "signature": "0x", "more": 1}
            )


def wait_up(url: str) -> None:
    """Waits until a replica answers."""
    for _ in range(600):
        try:
            asked(ReplicaClient(url), "/v1/replica")
        except ReplicaError:
            threading.Event().wait(0.1)
        else:
            return
    raise AssertionError


def wait_well(url: str, batch: int) -> None:
    """Waits until the replica knows a batch to be settled and misses nothing."""
    for _ in range(600):
        try:
            if asked(ReplicaClient(url), "/healthz")["batch"] == batch:
                return
        except ReplicaError:
            threading.Event().wait(0.05)
    raise AssertionError


def asked(client: ReplicaClient, path: str) -> Any:  # noqa: ANN401 - JSON
    return client._ask("GET", path)


def test_the_preimage_of_r1_is_read_back_and_nothing_else_is(scene: Scene) -> None:
    made = header(scene, 9, 3)
    assert Header.decode(made.encoded) == made
    assert (made.batch, made.r1) == (9, keccak256(made.encoded))
    for wrong in (b"", made.encoded[:-32], made.encoded + bytes(32), b"\1" + made.encoded[1:], json.dumps({}).encode()):
        with pytest.raises(ReplicaError, match="not what r₁ is hashed of"):
            Header.decode(wrong)


def test_parameters_of_the_scene_are_a_set_this_program_knows(scene: Scene) -> None:
    assert scene.vault.params == PARAMS
