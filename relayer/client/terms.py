"""What a trader believes of a vault: domain, who signs receipts, fee rate, sizes; and which batches it has open.

With an endpoint of the chain all of it is read from the vault, and a relayer that says otherwise is distrusted. Without one the relayer is
believed, but for the domain, which follows from chain id and address; then its receipts bind whoever it says they do. Which vault is
meant no chain can say: whoever answers at a URL could serve one of its own, with its own signer and key. So a trader names it, and
nothing is deposited in one that only the relayer named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prover.orders import domain
from relayer.api import schemas
from relayer.chain import Address, Chain
from relayer.client.problems import ClientError, Distrusted
from relayer.client.requests import Requests
from relayer.client.steps import Steps, work
from relayer.receipts import separator
from relayer.vault import Vault


@dataclass(frozen=True, slots=True)
class Terms:
    """A vault as its trader needs it. ``fee_rate`` in basis points of the premium."""

    chain_id: int
    vault: Address
    domain: int
    separator: bytes
    receipt_signer: Address
    token: Address
    fee_rate: int
    params: str

    @classmethod
    def told(cls, state: schemas.State) -> Terms:
        """As a relayer says."""
        derived = domain(state.chain_id, state.vault)
        if derived != int(state.domain, 16):
            raise Distrusted("the relayer's domain is not that of its chain and vault", {"vault": state.vault})
        own = separator(state.chain_id, state.vault)
        return cls(
            state.chain_id, state.vault, derived, own, state.receipt_signer, state.token, state.fee_rate, state.params
        )

    @classmethod
    def of(cls, vault: Vault) -> Terms:
        """As the vault says."""
        own = separator(vault.chain_id, vault.address)
        return cls(
            vault.chain_id,
            vault.address,
            vault.domain,
            own,
            str(vault.roles.receiptSigner).lower(),
            str(vault.contract.call("token")).lower(),
            int(vault.terms.feeRate),
            vault.params,
        )


@dataclass
class Venue:
    """Where a trader trades: a relayer, and the chain if there is an endpoint. Everything fixed is read once."""

    requests: Requests
    chain: Chain | None = None
    address: Address | None = None
    _terms: Terms | None = None
    _vault: Vault | None = None

    def terms(self) -> Steps[Terms]:
        """The vault's terms, compared with what the relayer says (:class:`Distrusted`)."""
        if self._terms is None:
            state = yield from self.state()
            told = Terms.told(state)
            if self.address is not None and told.vault != self.address.lower():
                what = f"the relayer serves vault {told.vault}, not {self.address.lower()}"
                raise Distrusted(what, {"vault": told.vault})
            self._terms = told if self.chain is None else (yield from self._read(told))
        return self._terms

    def _read(self, told: Terms) -> Steps[Terms]:
        vault = yield from self.vault(told.vault)
        read = yield from work(lambda: Terms.of(vault))
        for name in Terms.__slots__:
            if getattr(read, name) != getattr(told, name):
                what = f"the relayer's {name} is not the vault's"
                raise Distrusted(what, {"name": name, "vault": read.vault})
        return read

    def named(self) -> Address:
        """The vault that the trader has named (:class:`ClientError` if it has named none)."""
        if self.address is None:
            raise ClientError(
                "which vault are the tokens for? name it (vault=, --vault or TACIT_VAULT) by an address that you have from elsewhere "
                "than the relayer, such as the operator's announcement: whoever answers in its place could name a contract of its own"
            )
        return self.address

    def vault(self, address: Address | None = None) -> Steps[Vault]:
        """The vault on its chain (:class:`Distrusted` without an endpoint of it)."""
        if self._vault is None:
            if self.chain is None:
                raise Distrusted("this needs an endpoint of the chain: give rpc")
            chain = self.chain
            named = address or self.address or (yield from self.terms()).vault
            self._vault = Vault(chain, named)
        return self._vault

    def state(self) -> Steps[schemas.State]:
        """What the relayer says of the vault now."""
        return (yield from self.requests.get(schemas.State, "/v1/state"))

    def newest_batch(self) -> Steps[tuple[int, int]]:
        """Number of the newest batch that the vault has opened, and of the one that is open now (0: none)."""
        if self.chain is None:
            state = yield from self.state()
            return (state.open_batch or state.next_batch - 1), state.open_batch or 0
        vault = yield from self.vault()
        return (yield from work(_newest(vault)))


def _newest(vault: Vault) -> Callable[[], tuple[int, int]]:
    def read() -> tuple[int, int]:
        return int(vault.contract.call("batch")), int(vault.contract.call("opening").batch)

    return read
