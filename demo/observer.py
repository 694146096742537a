"""Somebody who sees everything that is public, keeps all of it, and looks for what traders did not want to be known.

While the demo runs, every transaction that waits to be mined is kept as the mempool shows it. At the end come all blocks with their
calldata, all logs, what the relayer tells anybody who asks, and the envelopes as they went over the wire. A number is looked for as
decimal digits, as hexadecimal digits, as the end of a word, and, where it is long enough that chance would not bring it about, packed
among other bits at any place.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import httpx

from demo.chain import ChainError, LocalChain
from demo.errors import NotShown

GLANCE: Final = 0.1
HEX: Final = re.compile(r"0x([0-9a-f]+)")
BITS: Final = 8
PACKED_FROM: Final = 40
"""Bits from which a number is looked for at any place among others: in some millions of bytes, a shorter one would turn up by chance."""
WHOLE: Final = 5
"""Bytes that are looked for at least, for the same reason: a shorter number with zeros before it, as it stands in a word of its own."""
ROUTES: Final = ("/v1/state", "/v1/instruments", "/v1/risk", "/v1/keys", "/v1/batches")
OF_A_BATCH: Final = ("/v1/batches/{}", "/v1/batches/{}/proof")


class Mempool:
    """Keeps every transaction that waits to be mined while the context lasts."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self._filter = chain.rpc("eth_newPendingTransactionFilter")
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="mempool", daemon=True)
        self._lost: ChainError | None = None
        self.seen: dict[str, str] = {}

    def _run(self) -> None:
        try:
            while not self._stop.wait(GLANCE):
                self.look()
        except ChainError as error:
            self._lost = error  # raised by the next look, where somebody waits for it

    def look(self) -> None:
        """Keeps what has come since the last look. Raises :class:`ChainError` if this or an earlier look found no chain."""
        if self._lost is not None:
            raise self._lost
        with self._looking:
            for digest in self._chain.rpc("eth_getFilterChanges", self._filter):
                self.seen[digest] = json.dumps(self._chain.rpc("eth_getTransactionByHash", digest))
            for pending in self._chain.rpc("txpool_content")["pending"].values():
                self.seen |= {each["hash"]: json.dumps(each) for each in pending.values()}

    def __enter__(self) -> Mempool:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@dataclass(frozen=True)
class Number:
    """Something to look for: what it is, its value, and how many bits its place in a packed word has."""

    what: str
    value: int
    bits: int


@dataclass(frozen=True)
class Public:
    """Everything that is public, by where it was seen."""

    texts: dict[str, list[str]]

    @cached_property
    def plain(self) -> dict[str, bytes]:
        """Of each place, its text and behind it all that stands in it as hexadecimal digits."""
        return {place: _plain(texts) for place, texts in self.texts.items()}

    @cached_property
    def _shifted(self) -> dict[str, list[bytes]]:
        """The same, moved by 0 to 7 bits, so that what begins anywhere begins at a byte."""
        return {place: [_moved(plain, by) for by in range(BITS)] for place, plain in self.plain.items()}

    def places(self, number: Number) -> list[str]:
        """Where a number stands, in any form."""
        digits = f"{number.value:x}"
        forms = [str(number.value).encode(), f'"0x{digits}"'.encode()]
        forms.append(number.value.to_bytes(max(WHOLE, -(-number.value.bit_length() // BITS)), "big"))
        if len(digits) >= 2 * WHOLE:
            forms.append(digits.encode())
        found = {place for place, plain in self.plain.items() if any(form in plain for form in forms)}
        if number.bits >= PACKED_FROM:
            # Its last bits as whole bytes: what is before them in the first byte may belong to another number.
            count = number.bits // BITS
            packed = (number.value % 2 ** (BITS * count)).to_bytes(count, "big")
            found |= {place for place, moved in self._shifted.items() if any(packed in each for each in moved)}
        return sorted(found)


@dataclass(frozen=True)
class Observed:
    """What an observer has: bytes by place; of the numbers searched for, how many were found; and numbers that are public, with the places
    where the same search finds them.
    """

    sizes: dict[str, int]
    transactions: int
    pending: int
    searched: dict[str, int]
    controls: dict[str, list[str]]


def gather(
    chain: LocalChain, mempool: Mempool, url: str, batches: int, told: Iterable[Any], envelopes: Sequence[str]
) -> Public:
    """All that is public: of the chain, of the mempool, of the relayer."""
    mempool.look()
    blocks = [chain.rpc("eth_getBlockByNumber", hex(n), True) for n in range(chain.block() + 1)]
    logs = chain.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    return Public(
        {
            "calldata": [json.dumps(sent) for block in blocks for sent in block["transactions"]],
            "logs": [json.dumps(logs)],
            "mempool": list(mempool.seen.values()),
            "interface": [*_answers(url, batches), *(json.dumps(each) for each in told)],
            "envelopes": list(envelopes),
        }
    )


def observe(public: Public, mempool: Mempool, secret: Sequence[Number], known: Sequence[Number]) -> Observed:
    """Looks for all numbers. Raises :class:`NotShown` where a secret one is found, or a public one is not."""
    for number in secret:
        if places := public.places(number):
            raise NotShown(f"{number.what} stays unknown, and stands in {', '.join(places)}")
    controls = {number.what: public.places(number) for number in known}
    for what, found in controls.items():
        if not found:
            raise NotShown(f"{what} is public, and the search finds it")
    sent = public.texts["calldata"]
    if missing := len(sent) - sum(text_hash(each) in mempool.seen for each in sent):
        raise NotShown(f"all transactions were seen before they were mined; {missing} were not")
    searched: dict[str, int] = {}
    for number in secret:
        kind = number.what.split(" of ")[0]
        searched[kind] = searched.get(kind, 0) + 1
    sizes = {place: len(plain) for place, plain in public.plain.items()}
    return Observed(sizes, len(sent), len(mempool.seen), searched, controls)


def text_hash(transaction: str) -> str:
    """A transaction's hash."""
    return str(json.loads(transaction)["hash"])


def _answers(url: str, batches: int) -> list[str]:
    paths = [*ROUTES, *(path.format(number) for number in range(1, batches + 1) for path in OF_A_BATCH)]
    with httpx.Client(base_url=url, timeout=60) as http:
        return [http.get(path).raise_for_status().text for path in paths]


def _plain(texts: Iterable[str]) -> bytes:
    whole = "\n".join(texts).lower()
    return whole.encode() + b"\n" + b"\n".join(bytes.fromhex(_even(digits)) for digits in HEX.findall(whole))


def _even(digits: str) -> str:
    return digits if len(digits) % 2 == 0 else "0" + digits


def _moved(plain: bytes, by: int) -> bytes:
    return (int.from_bytes(plain, "big") << by).to_bytes(len(plain) + 1, "big")
