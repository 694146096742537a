"""A vault on anvil whose owners have nothing but seeds, and what is left of it when its operator is gone.

Owners' keys follow from seeds and the vault's domain, the fund's too, so the domain is foreseen before the vault is deployed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from demo.chain import LocalChain, created_address
from demo.vault import ETHER, Plan
from demo.vault import Vault as DeployedVault
from prover.batch import Cleared, RiskRow, SettledRow, State
from prover.hashing import keccak256
from prover.keys import Keys
from prover.orders import Holder, SealedOrder, Touch
from prover.orders import domain as domain_of
from prover.settlement import Settlement
from relayer.chain import Chain
from relayer.seed import Seed
from relayer.vault import Vault
from tests.contracts.venue import Trader, Venue

DOLLAR: Final = 10**6
CONTRACT: Final = 10**4
BEFORE_THE_VAULT: Final = 5
"""Contracts that are deployed before the vault, by the same account."""
OPERATOR_KEY: Final = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Anvil's first account, known to everybody."""
GAS_PAYER: Final = 9


SettleIn = Callable[["SeedVenue", Settlement], None]
"""Another way to settle than in one transaction."""


@dataclass(frozen=True)
class Owner(Trader):
    """Somebody with a seed, whose keys in a vault follow from it."""

    domain: int = 0

    @property
    def secret(self) -> Seed:
        """All that the owner keeps."""
        return Seed(keccak256(self.name.encode()))

    @property
    def seed(self) -> bytes:
        """The signing key."""
        return self.secret.signing_key

    @property
    def holder(self) -> Holder:
        """Keys of the account in this vault."""
        return self.secret.holder(self.domain)

    @property
    def address(self) -> str:
        """Where the owner is paid."""
        return "0x" + keccak256(b"address of " + self.name.encode())[12:].hex()


class SeedVenue(Venue):
    """A venue whose fund and traders are owners of seeds."""

    def __init__(self, chain: LocalChain, keys: Keys, plan: Plan) -> None:
        operator = chain.accounts[0]
        self.chain, self.keys = chain, keys
        self.foreseen = domain_of(chain.chain_id, created_address(operator, chain.nonce(operator) + BEFORE_THE_VAULT))
        self.fund = self.owner("fund")
        self.rows, self.batch, self._sequence = (), 0, 0
        self.vault = DeployedVault.deploy(chain, keys, self._genesis_root, self.fund.holder.owner, plan)
        assert self.vault.domain == self.foreseen
        self.vault.fund_bonds(100 * ETHER)
        self.vault.mint(self.payer, 2**60)
        self.state = State.genesis(keys.params, self.fund.holder, self.domain)

    def owner(self, name: str) -> Owner:
        """Somebody in this vault, without an account yet."""
        return Owner(name, domain=self.foreseen)

    @property
    def url(self) -> str:
        """Endpoint of the chain."""
        return f"http://127.0.0.1:{self.chain._port}"

    @contextmanager
    def reading(self) -> Iterator[Vault]:
        """The vault as everybody sees it."""
        with Chain(self.url) as chain:
            yield Vault(chain, self.vault.address)


def risk_row(instrument: int, mark: int) -> RiskRow:
    """An option that loses or gains a tenth in the scenarios."""
    values = (mark * 9 // 10, mark * 95 // 100, mark * 105 // 100, mark * 11 // 10)
    return RiskRow(instrument, mark, mark // 10, 0, values)


@dataclass
class Abandoned:
    """A vault with accounts of every kind, after its last settled batch."""

    venue: SeedVenue
    owners: dict[str, Owner]
    batches: list[Cleared]

    def worth(self, name: str, marks: dict[int, int]) -> int:
        """What an account is worth in whole token units, by its leaf in the operator's state and these values, at least 0."""
        leaf = self.venue.state.leaf(self.owners[name].index)
        if leaf is None:
            return 0
        total = leaf.cash + sum(10**4 * held.quantity * marks[held.instrument] for held in leaf.positions)
        return max(0, total // 10**8)


def trade(venue: SeedVenue, owners: dict[str, Owner], amount: int) -> list[Touch]:
    """Alice buys 3 and 7, bob sells 3, dave sells 7, carol holds cash; each has deposited `amount`."""

    def order(name: str, instrument: int, buy: bool, contracts: int, price: int, slot: int = 0) -> SealedOrder:
        return venue.order(
            owners[name],
            instrument=instrument,
            buy=buy,
            quantity=contracts * CONTRACT,
            limit=price * DOLLAR,
            slot=slot,
        )

    orders: dict[str, tuple[SealedOrder, ...]] = {
        "alice": (order("alice", 3, True, 20, 101), order("alice", 7, True, 3, 41, 1)),
        "bob": (order("bob", 3, False, 20, 99),),
        "dave": (order("dave", 7, False, 3, 39),),
        "carol": (),
    }
    touches = [Touch(owners[n].index, owners[n].holder, amount, None, given) for n, given in orders.items()]
    return sorted(touches, key=lambda touch: touch.index)


def live(venue: SeedVenue, mark: int, settle: SettleIn | None = None, amount: int = 10_000 * DOLLAR) -> Abandoned:
    """Two batches: trades, then a fund's touch under an epoch in which 3 is marked at `mark` and 7 has its value."""
    rows = (risk_row(3, 100 * DOLLAR), risk_row(7, 40 * DOLLAR))
    venue.post_epoch(rows)
    owners: dict[str, Owner] = {"fund": venue.owner("fund")}
    for name in ("alice", "bob", "carol", "dave"):
        made = venue.deposit(venue.owner(name), amount)
        assert isinstance(made, Owner)
        owners[name] = made
    first = run(venue, trade(venue, owners, amount), settle)
    venue.post_epoch((risk_row(3, mark),), [SettledRow(7, 55 * DOLLAR)])
    second = run(venue, [], settle)
    return Abandoned(venue, owners, [first, second])


def run(venue: SeedVenue, touches: Sequence[Touch], settle: SettleIn | None) -> Cleared:
    """A batch from its opening to its settlement."""
    cleared = venue.clear(venue.seal(touches))
    settlement = venue.prove(cleared)
    if settle is None:
        venue.settle(settlement, cleared)
    else:
        settle(venue, settlement)
        venue.state = cleared.state
    return cleared
