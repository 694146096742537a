"""Replicas seen from outside: an operator collects their signatures for a settlement, an owner fetches ciphertext from one.

Nothing that a replica answers is believed: signatures are recovered, hashes and values compared with what the words give,
words with the hash asked for.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

from prover.data import SegmentData, attestation
from prover.hashing import keccak256
from prover.wire import Json, read_bytes
from relayer.errors import ReplicaError
from relayer.header import Header
from relayer.replica import Request
from relayer.replica_http import write_request
from relayer.signing import Signer, signer_of
from relayer.vault import Vault

TIMEOUT: Final = 30.0
LARGEST_ANSWER: Final = 2**20
OK: Final = 200
NOT_FOUND: Final = 404
SIGNATURE_BYTES: Final = 65


class ReplicaClient:
    """One replica by its URL."""

    def __init__(self, url: str, timeout: float = TIMEOUT) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ReplicaError(f"a replica is http://HOST:PORT or https://HOST, not {url[:80]!r}", {"url": url[:80]})
        self._parts, self._timeout = parts, timeout
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
        kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
        link = kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout)
        try:
            body = None if document is None else json.dumps(document).encode()
            link.request(method, self._parts.path.rstrip("/") + path, body, {"Content-Type": "application/json"})
            response = link.getresponse()
            answer = json.loads(response.read(LARGEST_ANSWER))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ReplicaError(f"replica {self.name} does not answer: {error}", {"replica": self.name}) from error
        finally:
            link.close()
        if response.status == NOT_FOUND:
            return None
        if response.status != OK or not isinstance(answer, dict):
            detail = str(answer.get("detail", answer) if isinstance(answer, dict) else answer)[:300]
            raise ReplicaError(
                f"replica {self.name} refuses: {detail}", {"replica": self.name, "status": response.status}
            )
        return answer


def one_of(clients: Sequence[ReplicaClient]) -> Callable[[bytes], bytes | None]:
    """Gives words by their hash from the first replica that has them; None if none has, :class:`ReplicaError` if none has and
    some failed.
    """

    def ask(digest: bytes) -> bytes | None:
        failed: list[str] = []
        for client in clients:
            try:
                words = client.words(digest)
            except ReplicaError as error:
                failed.append(str(error))
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

    All are asked at once, those first in the order of addresses are taken. :class:`ReplicaError` names those that failed if too few sign.
    """
    request = Request(header, first, tuple(_encrypted(each) for each in segments))
    signature = operator.sign(request.digest(vault.separator))
    digest = attestation(vault.separator, header.r1, first, segments)
    addresses, threshold = vault.replicas
    signed: dict[str, bytes] = {}
    failed: list[str] = []

    def ask(client: ReplicaClient) -> bytes | ReplicaError:
        try:
            return client.store(request, signature)
        except ReplicaError as error:
            return error

    with ThreadPoolExecutor(max(1, len(clients))) as pool:
        for client, answer in zip(clients, pool.map(ask, clients), strict=True):
            made = None if isinstance(answer, ReplicaError) else signer_of(digest, answer)
            if isinstance(answer, ReplicaError):
                failed.append(str(answer))
            elif made in addresses:
                signed[str(made)] = answer
            else:
                failed.append(f"replica {client.name} signed something else, or with a key that is no replica's")
    if len(signed) < threshold:
        what = (
            f"{len(signed)} of the {threshold} replicas needed have signed: {'; '.join(failed) or 'name more of them'}"
        )
        raise ReplicaError(what, {"signed": len(signed), "needed": threshold})
    return b"".join(signed[address] for address in sorted(signed, key=lambda text: int(text, 16))[:threshold])


def _encrypted(segment: SegmentData) -> bytes:
    return b"".join(word.to_bytes(32, "big") for word in segment.encrypted)
