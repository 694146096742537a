"""What the routes need, handed to the applications by whoever starts them.

The engine that takes orders, the chain as the watcher stored it and what is measured are protocols here, so that an application is made
the same way by the service, by tests and by who writes the OpenAPI documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final, Protocol

from prover.batch import Params, State
from relayer.chain import Address
from relayer.history import History
from relayer.intake.refusal import Unready
from relayer.vault import Vault

if TYPE_CHECKING:
    from prover.keys import Keys
    from relayer.store.crypt import Sealer
    from relayer.store.database import Database

Network = IPv4Network | IPv6Network
KIB: Final = 1024


class Acknowledged(Protocol):
    """An order that is stored: a receipt, or none while it waits (:class:`relayer.intake.engine`)."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def hash(self) -> bytes: ...  # noqa: D102
    @property
    def state(self) -> str: ...  # noqa: D102
    @property
    def batch(self) -> int | None: ...  # noqa: D102
    @property
    def sequence(self) -> int | None: ...  # noqa: D102
    @property
    def receipt(self) -> Any: ...  # noqa: ANN401, D102 - a SignedReceipt or None


class Registered(Protocol):
    """Who is registered."""

    @property
    def owner(self) -> bytes: ...  # noqa: D102
    @property
    def account(self) -> int | None: ...  # noqa: D102


class Issue(Protocol):
    """Something for which an order would be refused."""

    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def detail(self) -> str: ...  # noqa: D102
    @property
    def values(self) -> Mapping[str, object]: ...  # noqa: D102
    @property
    def private(self) -> Mapping[str, object]: ...  # noqa: D102


class Looked(Protocol):
    """What stands against an order now; its hash and owner if it is one whose signature holds."""

    @property
    def issues(self) -> Sequence[Issue]: ...  # noqa: D102
    @property
    def hash(self) -> bytes | None: ...  # noqa: D102
    @property
    def owner(self) -> int | None: ...  # noqa: D102


class Engine(Protocol):
    """Takes orders (:class:`relayer.intake.engine.Engine`). What it refuses is a :class:`prover.errors.TacitError` with a wire code."""

    @property
    def full(self) -> bool:
        """Whether the next request is told to come again."""
        ...

    async def submit(self, envelope: Any, idempotency_key: str | None) -> Acknowledged:  # noqa: ANN401
        """Waits until the order is on disk."""
        ...

    async def register(self, envelope: Any) -> Registered:  # noqa: ANN401
        """Makes a holder known."""
        ...

    async def cancel(self, order_id: str, owner: bytes, signature: bytes) -> None:
        """Cancels a waiting order."""
        ...

    async def look(self, envelope: Any) -> Looked:  # noqa: ANN401
        """What stands against an order."""
        ...


class Reading(Protocol):
    """The chain as the watcher stored it."""

    def history(self) -> History:
        """What has happened in the vault."""
        ...

    def state(self) -> tuple[int, State] | None:
        """The last settled batch (0: genesis) and the accounts after it; None while the service does not have them."""
        ...

    def block(self) -> int | None:
        """The last block that was followed."""
        ...


class Watching(Protocol):
    """What is measured and told of the service (:mod:`relayer.watching`)."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; ``route`` is its template."""
        ...

    def connected(self, change: int) -> None:
        """A WebSocket began (1) or ended (-1)."""
        ...

    def exposition(self) -> tuple[bytes, str]:
        """Everything measured, and its media type."""
        ...

    def reasons(self) -> Sequence[Unready]:
        """Why the service is not ready; nothing if it is."""
        ...

    def status(self) -> Mapping[str, Any]:
        """What an operator asks first."""
        ...


@dataclass(frozen=True, slots=True)
class Venue:
    """The vault that is served: what of it never changes. ``open_time``: how long an opening can be sealed (s; None: for ever);
    ``opening_depth``: blocks over it before it gives receipts (None: it is final), the one thing here that the operator chooses.
    """

    chain_id: int
    vault: Address
    domain: int
    params: str
    validium: bool
    receipt_signer: Address
    operator: Address
    bonds: Address
    token: Address
    fee_rate: int
    num: int
    den: int
    epoch_age: int
    separator: bytes
    fingerprints: Mapping[str, str]
    open_time: int | None = None
    opening_depth: int | None = 0

    @property
    def sizes(self) -> Params:
        """Sizes of its parameter set."""
        return Params.named(self.params)

    @classmethod
    def of(cls, vault: Vault, opening_depth: int | None = 0) -> Venue:
        """The facts of a vault, read from the chain once."""
        sizes, accounts = vault.parameters, vault.account_verifier.call("parameters")
        delays = vault.contract.call("delays")
        return cls(
            chain_id=vault.chain_id,
            vault=vault.address,
            domain=vault.domain,
            params=vault.params,
            validium=vault.validium,
            receipt_signer=str(vault.roles.receiptSigner).lower(),
            operator=str(vault.roles.operator).lower(),
            bonds=vault.bonds.address.lower(),
            token=vault.token.address.lower(),
            fee_rate=int(vault.terms.feeRate),
            num=int(vault.terms.num),
            den=int(vault.terms.den),
            epoch_age=int(delays.epochAge),
            open_time=int(delays.openTime),
            opening_depth=opening_depth,
            separator=vault.separator,
            fingerprints={
                "segment": "0x" + sizes.segmentFingerprint.hex(),
                "closing": "0x" + sizes.closingFingerprint.hex(),
                "exit": "0x" + accounts.exitFingerprint.hex(),
                "escape": "0x" + accounts.escapeFingerprint.hex(),
            },
        )


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: ``burst`` at once, ``per_second`` for good."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Limits and choices of the interface; what is not named here is not configurable."""

    body_bytes: int = 64 * KIB
    risk_bytes: int = 4096 * KIB
    body_seconds: float = 10.0
    address_rate: Rate = Rate(50.0, 200)
    owner_rate: Rate = Rate(20.0, 100)
    session_seconds: int = 12 * 3600
    challenge_seconds: int = 120
    most_requests: int = 256
    most_requests_an_address: int = 64
    most_sending: int = 2_048
    most_sending_an_address: int = 512
    most_connections: int = 1_000
    most_connections_an_address: int = 10
    page: int = 100
    trusted_proxies: tuple[Network, ...] = ()
    cors_origins: tuple[str, ...] = ()
    admin_tokens: str = field(default="", repr=False)
    outgoing_allowed: tuple[Network, ...] = ()
    web: bool = True


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that routes work with. ``keys`` gives the verifying keys, None where there are none."""

    database: Database
    sealer: Sealer
    engine: Engine
    reading: Reading
    venue: Venue
    watching: Watching
    settings: ApiSettings = field(default_factory=ApiSettings)
    keys: Callable[[], Keys | None] = lambda: None
