"""The sections ``[transactions]``, ``[endpoints]`` and ``[private]`` of the configuration: what may be spent, which endpoints are
asked, and whether anything may be shown to the public mempool. Values out of bounds are refused by name.

Addresses of endpoints and relays often hold the key of a paid service: they are secrets, shown by nothing here.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

GWEI: Final = 10**9
ETHER: Final = 10**18
LEAST_BUMP: Final = 12.5
"""Per cent by which nodes want both fees of a replacement raised."""

Gwei = Annotated[Decimal, Field(ge=0, le=1_000_000)]


class Section(BaseModel):
    """A section of the configuration: unknown names are refused, values do not change, secrets are not shown in errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class FeePolicy(Section):
    """What is offered for gas."""

    max_fee_gwei: Gwei = Decimal(300)
    """Most a unit of gas may cost in all."""
    max_tip_gwei: Gwei = Decimal(20)
    min_tip_gwei: Gwei = Decimal("0.01")
    tip_percentile: Annotated[float, Field(gt=0, lt=100)] = 50.0
    history_blocks: Annotated[int, Field(ge=1, le=1024)] = 20
    base_fee_room: Annotated[int, Field(ge=1, le=10)] = 2
    """Base fees that the first offer leaves room for."""
    replace_percent: Annotated[float, Field(ge=LEAST_BUMP, le=100)] = LEAST_BUMP

    @property
    def max_fee(self) -> int:
        """In wei."""
        return int(self.max_fee_gwei * GWEI)

    @property
    def max_tip(self) -> int:
        """In wei."""
        return int(self.max_tip_gwei * GWEI)

    @property
    def min_tip(self) -> int:
        """In wei."""
        return int(self.min_tip_gwei * GWEI)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.min_tip_gwei <= self.max_tip_gwei <= self.max_fee_gwei:
            raise ValueError("min_tip_gwei, max_tip_gwei and max_fee_gwei must not decrease in this order")
        return self


class TransactionPolicy(Section):
    """How transactions are moved on."""

    fees: FeePolicy = FeePolicy()
    replace_after: Annotated[int, Field(ge=1, le=1000)] = 3
    """Blocks that an attempt has to be mined before it is replaced."""
    resend_after: Annotated[int, Field(ge=1, le=1000)] = 1
    """Blocks after which an attempt is sent again to endpoints that do not know it."""
    gas_margin_percent: Annotated[int, Field(ge=0, le=200)] = 20
    max_gas: Annotated[int, Field(ge=21_000, le=10**9)] = 30_000_000
    revert_blocks: Annotated[int, Field(ge=1, le=1000)] = 3
    """Blocks in which a transaction must be refused by simulation before it is given up."""
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = 16
    """Nonces of a sender that may be out at once."""
    low_balance_ether: Annotated[Decimal, Field(ge=0, le=10**6)] = Decimal("0.5")


class EndpointPolicy(Section):
    """JSON-RPC endpoints of the chain, all asked, the best one believed."""

    urls: Annotated[tuple[SecretStr, ...], Field(min_length=1, max_length=16)]
    chain_id: Annotated[int, Field(ge=1)] | None = None
    """The chain that it must be; None: what most endpoints say."""
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    check_seconds: Annotated[float, Field(ge=0, le=600)] = 3.0
    max_lag: Annotated[int, Field(ge=0, le=10_000)] = 5
    """Blocks that an endpoint may be behind, or ahead, of what most have."""
    compare_depth: Annotated[int, Field(ge=0, le=64)] = 3
    """Blocks below the head at which hashes must be the same everywhere."""
    quorum: Annotated[int, Field(ge=1, le=16)] = 1
    """Endpoints that must answer and agree before anything is sent."""
    allow_local: bool = False
    """Whether an endpoint may have an address inside the operator's own network."""

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.quorum > len(self.urls):
            raise ValueError(f"quorum is {self.quorum} and there are only {len(self.urls)} endpoints")
        if len({url.get_secret_value() for url in self.urls}) != len(self.urls):
            raise ValueError("an endpoint is named twice: it would count as two")
        return self


class Submission(StrEnum):
    """Where a private transaction may go. ``REQUIRED``: relays only; ``PREFERRED``: the public mempool once relays dropped it;
    ``OFF``: the public mempool at once, for chains that have none to fear.
    """

    REQUIRED = "required"
    PREFERRED = "preferred"
    OFF = "off"


class RelayMethod(StrEnum):
    """How a relay is spoken to."""

    TRANSACTION = "transaction"
    BUNDLE = "bundle"


class RelayPolicy(Section):
    """One private relay."""

    url: SecretStr
    method: RelayMethod = RelayMethod.TRANSACTION


class PrivatePolicy(Section):
    """Private submission."""

    submission: Submission = Submission.OFF
    relays: Annotated[tuple[RelayPolicy, ...], Field(max_length=16)] = ()
    drop_after: Annotated[int, Field(ge=1, le=1000)] = 25
    """Blocks after which a transaction that no relay brought in counts as dropped without a word."""
    timeout_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
    allow_local: bool = False

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.submission is not Submission.OFF and not self.relays:
            raise ValueError(f"submission is {self.submission.value} and no relay is named: nothing could be sent")
        return self
