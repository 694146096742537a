"""Replicas seen from outside: an operator collects their signatures for a settlement, an owner fetches ciphertext from one.

Nothing that a replica answers is believed: signatures are recovered, hashes and values compared with what the words give,
words with the hash asked for. Nor is any replica waited for longer than its time, or once enough others have signed: what one of
them does must hold up neither a settlement nor what its operator or an owner does beside it.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

from prover.data import SegmentData, attestation
from prover.hashing import keccak256
from prover.wire import Json, read_bytes
from relayer.errors import ReplicaError
from relayer.exchange import exchange
from relayer.header import Header
from relayer.replica import Request
from relayer.replica_http import write_request
from relayer.signing import Signer, signer_of
from relayer.vault import Vault

TIMEOUT: Final = 30.0
"""Seconds that a request may take, from the connection to the last byte of the answer."""
RESOLVING: Final = 1.0
"""Seconds over that in which a name that the system does not resolve is waited for."""
LARGEST_ANSWER: Final = 2**20
OK: Final = 200
NOT_FOUND: Final = 404
SIGNATURE_BYTES: Final = 65


class ReplicaClient:
    """One replica by its URL. ``timeout``: seconds that a request may take, however much of the answer has come by then."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ReplicaError(f"a replica is http://HOST:PORT or https://HOST, not {url[:80]!r}", {"url": url[:80]})
        self._parts, self.timeout = parts, timeout
        self.name = parts.netloc.rpartition("@")[2]

    def store(self, request: Request, signature: bytes) -> bytes:
        """Has words stored; the replica's signature, not yet checked."""
        answer = self._ask("POST", "/v1/segments", write_request(request, signature))
        found = read_bytes((answer or {}).get("signature"), SIGNATURE_BYTES)
        if found is None:
            raise ReplicaError(f"replica {self.name} did not answer with a signature", {"replica": self.name})
        return found

    def words(self, digest: bytes) -> bytes | None:
        """The ciphertext words of a hash; None if the replica has none."""
        answer = self._ask("GET", f"/v1/segments/0x{digest.hex()}")
        if answer is None:
            return None
        text = answer.get("words")
        words = read_bytes(text, (len(text) - 2) // 2) if isinstance(text, str) else None
        if words is None or keccak256(words) != digest:
            raise ReplicaError(f"replica {self.name} answered with other words than asked for", {"replica": self.name})
        return words

    def _ask(self, method: str, path: str, document: Json | None = None) -> Json | None:
        body = None if document is None else json.dumps(document).encode()
        try:
            status, raw = exchange(self._parts, method, path, body, seconds=self.timeout, largest=LARGEST_ANSWER)
            answer = json.loads(raw)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
            what = f"replica {self.name} does not answer: {_plain(str(error))}"
            raise ReplicaError(what, {"replica": self.name}) from error
        if status == NOT_FOUND:
            return None
        if status != OK or not isinstance(answer, dict):
            detail = answer.get("detail") if isinstance(answer, dict) else None
            reason = _plain(detail) if isinstance(detail, str) else "it gives no reason"
            raise ReplicaError(f"replica {self.name} refuses: {reason}", {"replica": self.name, "status": status})
        return answer


def one_of(clients: Sequence[ReplicaClient]) -> Callable[[bytes], bytes | None]:
    """Gives words by their hash from the first replica that has them; None if none has, :class:`ReplicaError` if none has and
    some failed. One that failed is asked after the others from then on: it would take its time for every segment.
    """
    order = list(clients)

    def ask(digest: bytes) -> bytes | None:
        failed: list[str] = []
        for client in tuple(order):
            try:
                words = client.words(digest)
            except ReplicaError as error:
                failed.append(str(error))
                order.remove(client)
                order.append(client)
                continue
            if words is not None:
                return words
        if failed:
            raise ReplicaError("; ".join(failed))
        return None

    return ask


def collect(
    vault: Vault,
    clients: Sequence[ReplicaClient],
    operator: Signer,
    header: Header,
    first: int,
    segments: Sequence[SegmentData],
) -> bytes:
    """Signatures of exactly the threshold of replicas on segments ``first`` … of a settlement, as the contract takes them.

    All are asked at once, and those that answer first are taken, in the order of addresses; what the others do is not waited for.
    :class:`ReplicaError` names those that failed if too few sign in their time.
    """
    request = Request(header, first, tuple(_encrypted(each) for each in segments))
    signature = operator.sign(request.digest(vault.separator))
    digest = attestation(vault.separator, header.r1, first, segments)
    addresses, threshold = vault.replicas
    signed: dict[str, bytes] = {}
    failed: list[str] = []
    for client, answer in _as_they_answer(clients, lambda client: client.store(request, signature)):
        made = None if isinstance(answer, str) else signer_of(digest, answer)
        if isinstance(answer, str):
            failed.append(answer)
        elif made in addresses:
            signed[str(made)] = answer
        else:
            failed.append(f"replica {client.name} signed something else, or with a key that is no replica's")
        if len(signed) >= threshold:
            break
    if len(signed) < threshold:
        what = (
            f"{len(signed)} of the {threshold} replicas needed have signed: {'; '.join(failed) or 'name more of them'}"
        )
        raise ReplicaError(what, {"signed": len(signed), "needed": threshold})
    return b"".join(signed[address] for address in sorted(signed, key=lambda text: int(text, 16))[:threshold])


def _as_they_answer(
    clients: Sequence[ReplicaClient], ask: Callable[[ReplicaClient], bytes]
) -> Iterator[tuple[ReplicaClient, bytes | str]]:
    """What each client answers, or why it did not, in the order in which they do; whoever has enough of them takes no more.

    Each is asked in a thread that nobody joins, and that keeps no process from its end.
    """
    answers: SimpleQueue[tuple[int, bytes | str]] = SimpleQueue()

    def run(number: int, client: ReplicaClient) -> None:
        try:
            answers.put((number, ask(client)))
        except ReplicaError as error:
            answers.put((number, str(error)))
        except Exception as error:  # noqa: BLE001 - one of them is not to hold up the others
            answers.put((number, f"replica {client.name} could not be asked ({type(error).__name__})"))

    waiting = dict(enumerate(clients))
    for number, client in waiting.items():
        Thread(target=run, args=(number, client), name=f"replica {client.name}", daemon=True).start()
    end = time.monotonic() + max((client.timeout for client in clients), default=0.0) + RESOLVING
    while waiting:
        try:
            number, answer = answers.get(timeout=max(0.0, end - time.monotonic()))
        except Empty:
            yield from ((client, f"replica {client.name} has not answered in its time") for client in waiting.values())
            return
        yield waiting.pop(number), answer


def _encrypted(segment: SegmentData) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in segment.encrypted)


def _plain(text: str) -> str:
    """What somebody else wrote, fit for a line of a log or a terminal."""
    return "".join(sign if sign.isprintable() else "?" for sign in text[:300])
