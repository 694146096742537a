"""One replica that is slow without end, or answers with what breaks readers, holds up nobody: signatures come from the others, words
from the next, each request is over at its time, and no thread that still waits keeps a process from its end.
"""

from __future__ import annotations

import datetime
import json
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from prover.batch import Params
from prover.data import OPEN_WORDS, SegmentData, attestation
from prover.hashing import keccak256
from relayer.errors import ReplicaError
from relayer.header import Header, SegmentHead
from relayer.replicas import LARGEST_ANSWER, ReplicaClient, collect, one_of
from relayer.signing import Signer, signer_of
from tests.relayer.slow_hosts import (
    DRIBBLES,
    HEAD,
    PATIENCE,
    SHORT,
    Script,
    answering,
    dribbling,
    silent,
    sipping,
    speaking,
)

SIZES: Final = Params.named("dev")
KEYS: Final = sorted((Signer(bytes([number]) * 32) for number in (1, 2, 3)), key=lambda signer: signer.address)
OPERATOR: Final = Signer(b"\x0b" * 32)
VAULT: Final[Any] = SimpleNamespace(separator=bytes(32), replicas=(tuple(key.address for key in KEYS), 2))
HEADER: Final = Header(
    domain=1,
    context=1,
    orders=0,
    seal_root=bytes(32),
    deposit_end=0,
    exit_end=0,
    start_root=0,
    segments=(SegmentHead(1, 2, 3, bytes(32)),),
    risk_root=0,
    auction_root=0,
    closing_hash=bytes(32),
    beneficiary=OPERATOR.address,
)
DATA: Final = [SegmentData((0,) * OPEN_WORDS * SIZES.touches, (0,) * (SIZES.words - OPEN_WORDS) * SIZES.touches)]
DIGEST: Final = attestation(VAULT.separator, HEADER.r1, 0, DATA)
WORDS: Final = b"\5" * 96
LONG: Final = 300.0
"""Seconds that nobody here would wait for."""
NESTED: Final = b"[" * 200_000


def signing(key: Signer) -> Script:
    """An honest replica."""
    return answering(json.dumps({"signature": "0x" + key.sign(DIGEST).hex()}).encode())


@pytest.mark.parametrize("part", DRIBBLES)
def test_a_request_is_over_at_its_time_however_slowly_it_is_answered(part: str) -> None:
    with speaking(dribbling(*DRIBBLES[part])) as url:
        began = time.monotonic()
        with pytest.raises(ReplicaError, match="does not answer"):
            ReplicaClient(url, SHORT).words(bytes(32))
        assert SHORT <= time.monotonic() - began < PATIENCE


def test_a_request_is_over_at_its_time_however_slowly_it_is_taken() -> None:
    with speaking(sipping) as url, pytest.raises(ReplicaError, match="does not answer"):
        ReplicaClient(url, SHORT)._ask("POST", "/v1/segments", {"segments": "0" * 2**25})


@pytest.mark.parametrize(
    ("body", "head"),
    {
        "nested": (NESTED, b""),
        "nested objects": (b'{"a":' * 100_000, b""),
        "too long": (b"[" + b"1," * LARGEST_ANSWER, b""),
        "no JSON": (b"\xff\xfe", b""),
        "a chunk of less than nothing": (b"-1\r\n" + b"{" * 3 * LARGEST_ANSWER, b"Transfer-Encoding: chunked\r\n"),
    }.values(),
)
def test_an_answer_that_breaks_readers_is_a_replicas_fault_and_the_next_is_asked(body: bytes, head: bytes) -> None:
    good = answering(json.dumps({"words": "0x" + WORDS.hex()}).encode())
    with speaking(answering(body, head)) as bad, speaking(good) as url:
        clients = [ReplicaClient(bad, PATIENCE), ReplicaClient(url, PATIENCE)]
        with pytest.raises(ReplicaError, match="does not answer"):
            clients[0].words(bytes(32))
        assert one_of(clients)(keccak256(WORDS)) == WORDS


def test_a_replica_that_failed_is_asked_after_the_others_from_then_on() -> None:
    began: list[str] = []

    def noted(name: str, script: Script) -> Script:
        def noting(link: socket.socket, over: threading.Event) -> None:
            began.append(name)
            script(link, over)

        return noting

    good = noted("good", answering(json.dumps({"words": "0x" + WORDS.hex()}).encode()))
    with speaking(noted("bad", silent)) as bad, speaking(good) as url:
        source = one_of([ReplicaClient(bad, SHORT), ReplicaClient(url, PATIENCE)])
        assert [source(keccak256(WORDS)) for _ in range(3)] == [WORDS] * 3
        assert began == ["bad", "good", "good", "good"]
        with pytest.raises(ReplicaError, match=r"other words .*; .*does not answer"):
            source(bytes(32))


def test_a_replica_behind_tls_is_asked_and_held_to_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certified(tmp_path)
    trusting = ssl.create_default_context(cafile=files)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(files)

    def secure(script: Script) -> Script:
        def secured(link: socket.socket, over: threading.Event) -> None:
            with serving.wrap_socket(link, server_side=True) as wrapped:
                script(wrapped, over)

        return secured

    good = secure(answering(json.dumps({"words": "0x" + WORDS.hex()}).encode()))
    slow = secure(dribbling(HEAD + b"\r\n", b"["))
    with speaking(good) as url, speaking(slow) as slowly, speaking(silent) as shaking_no_hands:
        late = [ReplicaClient(each.replace("http:", "https:"), SHORT) for each in (slowly, shaking_no_hands)]
        known = ReplicaClient(url.replace("http:", "https:"), PATIENCE)
        with pytest.raises(ReplicaError, match="certificate verify failed"):
            known.words(keccak256(WORDS))
        monkeypatch.setattr(ssl, "create_default_context", lambda: trusting)
        assert known.words(keccak256(WORDS)) == WORDS
        for client in late:
            with pytest.raises(ReplicaError, match="does not answer"):
                client.words(keccak256(WORDS))


def certified(folder: Path) -> Path:
    """A file with a key and a certificate of this machine's by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "replica")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path, form = folder / "replica.pem", serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    text = key.private_bytes(form, serialization.PrivateFormat.PKCS8, plain) + made.public_bytes(form)
    path.write_bytes(text)
    return path


def test_a_reason_that_a_replica_gives_is_one_line_that_can_be_shown() -> None:
    said = json.dumps({"detail": "no\n\x1b[2Jroom \ud800" + "!" * 10_000}).encode()
    with speaking(answering(said, status=b"422 No")) as url, pytest.raises(ReplicaError) as raised:
        ReplicaClient(url, PATIENCE).words(bytes(32))
    message = str(raised.value)
    assert "refuses: no??[2Jroom ?!" in message
    assert (message.isprintable(), len(message) < 400) == (True, True)


@pytest.mark.parametrize("bad", [silent, dribbling(HEAD + b"\r\n", b"["), answering(NESTED)])
def test_signatures_are_those_that_come_first_and_nobody_else_is_waited_for(bad: Script) -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(speaking(each)) for each in (bad, signing(KEYS[2]), signing(KEYS[0]))]
        before, began = set(threading.enumerate()), time.monotonic()
        signatures = collect(VAULT, [ReplicaClient(url, LONG) for url in urls], OPERATOR, HEADER, 0, DATA)
        assert time.monotonic() - began < PATIENCE
        left = [each for each in threading.enumerate() if each not in before and each.name.startswith("replica")]
        assert all(each.daemon for each in left), "a thread that still waits would keep the process from its end"
    assert [signer_of(DIGEST, signatures[at : at + 65]) for at in (0, 65)] == [KEYS[0].address, KEYS[2].address]


def test_too_few_signatures_are_told_at_the_end_of_a_requests_time() -> None:
    with ExitStack() as stack:
        urls = [stack.enter_context(speaking(each)) for each in (silent, signing(KEYS[1]), answering(NESTED))]
        with pytest.raises(ReplicaError, match="1 of the 2 replicas needed have signed") as raised:
            collect(VAULT, [ReplicaClient(url, SHORT) for url in urls], OPERATOR, HEADER, 0, DATA)
    for url in (urls[0], urls[2]):
        assert f"replica {url.removeprefix('http://')} does not answer" in str(raised.value)


def test_a_name_that_does_not_resolve_in_time_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    over, resolve = threading.Event(), socket.getaddrinfo

    def slow(host: str, *rest: Any, **named: Any) -> Any:  # noqa: ANN401 - as the function it stands for
        return over.wait(LONG) if host == "replica.invalid" else resolve(host, *rest, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with speaking(signing(KEYS[1])) as url:
            clients = [ReplicaClient("http://replica.invalid", SHORT), ReplicaClient(url, SHORT)]
            with pytest.raises(ReplicaError, match=r"replica replica\.invalid has not answered in its time"):
                collect(VAULT, clients, OPERATOR, HEADER, 0, DATA)
    finally:
        over.set()
