"""A market maker where nobody else trades: both sides of two options, a little around their marks, for whoever sends an order."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from demo.vault import Vault
from prover.risk import RiskTable
from relayer.client import Client, KeySender, Seed
from relayer.client.requests import Patience
from relayer.signing import Signer

QUOTED: Final = ("BTC-26DEC25-95000-C", "BTC-26DEC25-90000-P")
HALF_SPREAD: Final = 0.01
CONTRACTS: Final = "2"
CASH: Final = 1_000_000


class Maker:
    """Joins when it is entered."""

    def __init__(self, url: str, vault: Vault, payer: Signer, table: RiskTable) -> None:
        # A crowd of one: it has time, and a relayer that is busy with others is no reason to leave.
        patience = Patience(seconds=120.0)
        self._client = Client(url, Seed.random(), rpc=vault.chain.url, vault=vault.address, patience=patience)
        self._payer = payer
        self._marks = {name: int(table.row(name)["mark"]) / 10**6 for name in QUOTED}

    @property
    def owner(self) -> bytes:
        """Its owner word."""
        return bytes.fromhex(self._client.owner().removeprefix("0x"))

    def __enter__(self) -> Self:
        self._client.register()
        self._client.deposit(CASH, KeySender(self._payer))
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._client.close()

    def quote(self) -> None:
        """Quotes both sides in the open batch. :class:`relayer.client.ClientError` says what was refused."""
        for name, mark in self._marks.items():
            bid, ask = f"{mark * (1 - HALF_SPREAD):.2f}", f"{mark * (1 + HALF_SPREAD):.2f}"
            self._client.send(self._client.trade(name, "buy", CONTRACTS, bid, batches=1))
            self._client.send(self._client.trade(name, "sell", CONTRACTS, ask, batches=1))
