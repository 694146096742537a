"""What a vault is to be, in one TOML file, every number checked and explained before anything is sent.

Nothing of a vault can be changed once it is made, so each parameter is held against the bounds that the contracts have (docs/vault.md;
`contracts/src/libraries/Bounds.sol`, `Bonds.sol`), and told with its unit and what it means. Amounts of the chain's own coin are wei.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from prover.keys import PARAMETER_SETS
from prover.wire import ADDRESS_BYTES, read_bytes, read_text
from relayer.chain import Address
from relayer.errors import DeployError

MINUTE, HOUR, DAY = 60, 3_600, 86_400
MOST_WEI: Final = 2**96 - 1
NOBODY: Final = "0x" + 40 * "0"


class Parameter(NamedTuple):
    """A number of a plan: its bounds, unit, and what it means."""

    least: int
    most: int
    unit: str
    meaning: str


TERMS: Final = {
    "fee_rate": Parameter(0, 9_999, "basis points", "of the premium of every fill, to the fund"),
    "num": Parameter(1, 5, "", "numerator of the initial margin ratio"),
    "den": Parameter(1, 4, "", "its denominator"),
}
DELAYS: Final = {
    "epoch_age": Parameter(MINUTE, DAY, "s", "oldest risk table that a batch may be opened with"),
    "open_time": Parameter(MINUTE, DAY, "s", "an opened batch is sealed within this time"),
    "settle_time": Parameter(MINUTE, DAY, "s", "a sealed batch is settled within this time or void"),
    "reward_start": Parameter(1, DAY - 1, "s", "from then on whoever settles earns a part of the bond"),
    "deposit_time": Parameter(2 * MINUTE, 30 * DAY, "s", "after it anyone may return a waiting deposit"),
    "exit_time": Parameter(2 * MINUTE, 14 * DAY, "s", "an exit request is answered within this time"),
    "claim_window": Parameter(DAY, 90 * DAY, "s", "escapes registered by then share alike"),
    "notice": Parameter(7 * DAY, 180 * DAY, "s", "between announcement and end"),
}
LIMITS: Final = {
    "min_deposit": Parameter(1, 2**60, "token units", "least deposit"),
    "deposit_cap": Parameter(1, 2**60, "token units", "most that may be inside"),
    "exits_per_period": Parameter(4, 96, "", "exit requests that must be answered every exit_time"),
    "exit_fee": Parameter(0, 2 * 10**16, "wei", "price of an exit request"),
}
BONDS: Final = {
    "base": Parameter(1, MOST_WEI, "wei", "locked when a batch is opened"),
    "per_order": Parameter(0, MOST_WEI, "wei", "locked in addition for each order that is sealed"),
    "stake": Parameter(1, MOST_WEI, "wei", "price of a challenge until it is decided"),
    "challenge_time": Parameter(HOUR, 90 * DAY, "s", "how long after its end a batch can be challenged"),
    "answer_time": Parameter(HOUR, 30 * DAY, "s", "how long the operator has to answer"),
}
NUMBERS: Final = {"terms": TERMS, "delays": DELAYS, "limits": LIMITS, "bonds": BONDS}
ROLES: Final = ("operator", "receipt_signer", "epoch_signers", "epoch_threshold")
REPLICAS: Final = ("addresses", "threshold")
MOST_SIGNERS: Final = 16


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A vault to be. Numbers by section and name, in the order of the contracts' structs."""

    params: str
    token: Address | None
    operator: Address
    receipt_signer: Address
    epoch_signers: tuple[Address, ...]
    epoch_threshold: int
    replicas: tuple[Address, ...] = ()
    replica_threshold: int = 0
    numbers: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Plan:
        """The plan of a file; :class:`DeployError` names the first thing that is wrong, its value and its bounds."""
        try:
            document = tomllib.loads(read_text(path))
        except tomllib.TOMLDecodeError as error:
            raise DeployError(f"{path} is not TOML: {error}", {"path": str(path)}) from None
        return cls.of(document)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Plan:
        """The plan of a document."""
        _names("the plan", document, {"params", "token", "roles", *NUMBERS}, optional={"token", "replicas"})
        roles, replicas = _table(document, "roles"), _table(document, "replicas")
        _names("[roles]", roles, set(ROLES))
        _names("[replicas]", replicas, set(), optional=set(REPLICAS))
        plan = cls(
            params=str(document["params"]),
            token=_address("token", document["token"]) if "token" in document else None,
            operator=_address("roles.operator", roles["operator"]),
            receipt_signer=_address("roles.receipt_signer", roles["receipt_signer"]),
            epoch_signers=_addresses("roles.epoch_signers", roles["epoch_signers"]),
            epoch_threshold=_integer("roles.epoch_threshold", roles["epoch_threshold"]),
            replicas=_addresses("replicas.addresses", replicas.get("addresses", [])),
            replica_threshold=_integer("replicas.threshold", replicas.get("threshold", 0)),
            numbers={section: _numbers(section, _table(document, section)) for section in NUMBERS},
        )
        plan.check()
        return plan

    def __getitem__(self, name: str) -> int:
        section, _, own = name.partition(".")
        return self.numbers[section][own]

    def struct(self, section: str) -> tuple[int, ...]:
        """The numbers of a section as the contract takes them."""
        return tuple(self.numbers[section].values())

    @property
    def digest(self) -> str:
        """Hash of the plan: a deployment goes on with the same plan only."""
        parts: list[object] = [self.params, self.token, self.operator, self.receipt_signer, self.epoch_signers]
        parts += [self.epoch_threshold]
        parts += [self.replicas, self.replica_threshold, {name: dict(each) for name, each in self.numbers.items()}]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def explained(self) -> list[str]:
        """A line for every number: value, bounds, meaning."""
        lines = []
        for section, parameters in NUMBERS.items():
            for name, known in parameters.items():
                least, most = self.bounds(section, name)
                value = f"{self.numbers[section][name]} {known.unit}".rstrip()
                lines.append(f"{section}.{name} = {value} ({least} … {most}): {known.meaning}")
        return lines

    def bounds(self, section: str, name: str) -> tuple[int, int]:
        """Least and most that a number may be, beside the others."""
        known = NUMBERS[section][name]
        rounds = self["delays.open_time"] + self["delays.settle_time"]
        narrower = {
            "terms.num": (self["terms.den"], known.most),
            "delays.reward_start": (known.least, self["delays.settle_time"] - 1),
            "delays.deposit_time": (rounds, known.most),
            "delays.exit_time": (rounds, known.most),
            "delays.notice": (max(known.least, self["delays.exit_time"]), known.most),
            "limits.min_deposit": (known.least, self["limits.deposit_cap"]),
        }
        return narrower.get(f"{section}.{name}", (known.least, known.most))

    # ---- what the contracts would refuse

    def check(self) -> None:
        """Refuses (:class:`DeployError`) what the contracts would, by name."""
        if self.params not in PARAMETER_SETS:
            raise DeployError(
                f"params = {self.params!r} is none of {', '.join(PARAMETER_SETS)}", {"params": self.params}
            )
        numbers = [(section, name) for section, parameters in NUMBERS.items() for name in parameters]
        for section, name in numbers:
            known = NUMBERS[section][name]
            _within(f"{section}.{name}", self.numbers[section][name], known.least, known.most)
        for section, name in numbers:
            _within(f"{section}.{name}", self.numbers[section][name], *self.bounds(section, name))
        self._check_roles()
        count = len(self.replicas)
        _within("replicas.threshold", self.replica_threshold, min(count, 1), count)

    def _check_roles(self) -> None:
        count = len(self.epoch_signers)
        _within("the number of roles.epoch_signers", count, 1, MOST_SIGNERS)
        _within("roles.epoch_threshold", self.epoch_threshold, count // 2 + 1, count)
        roles = [self.operator, self.receipt_signer, *self.epoch_signers]
        for role in roles:
            if roles.count(role) > 1 or role == NOBODY:
                raise DeployError(f"{role} has two roles, or is nobody: every role is another address", {"role": role})
        for name, listed in (("epoch_signers", self.epoch_signers), ("replicas", self.replicas)):
            if list(listed) != sorted(set(listed), key=lambda each: int(each, 16)) or NOBODY in listed:
                raise DeployError(f"{name} are listed by increasing address, each once", {"name": name})


def _within(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        what = f"{name} = {value} is not within {least} … {most}: the vault could not be made"
        raise DeployError(what, {"parameter": name, "value": str(value), "least": str(least), "most": str(most)})


def _names(where: str, given: Mapping[str, Any], needed: set[str], optional: Set[str] = frozenset()) -> None:
    """Refuses names that are missing or unknown."""
    missing, unknown = sorted(needed - given.keys() - optional), sorted(given.keys() - needed - optional)
    if missing or unknown:
        wrong = f"lacks {', '.join(missing)}" if missing else f"has {', '.join(unknown)}, which nobody knows"
        raise DeployError(f"{where} {wrong}", {"missing": missing, "unknown": unknown})


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise DeployError(f"{name} is a section: write [{name}]", {"section": name})
    return found


def _numbers(section: str, given: Mapping[str, Any]) -> dict[str, int]:
    _names(f"[{section}]", given, set(NUMBERS[section]))
    return {name: _integer(f"{section}.{name}", given[name]) for name in NUMBERS[section]}


def _integer(name: str, value: object) -> int:
    """A whole number, or a text of one: wei outgrow what some writers of TOML can."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if type(value) is not int:
        raise DeployError(f"{name} = {value!r} is no whole number", {"parameter": name})
    return value


def _address(name: str, value: object) -> Address:
    raw = read_bytes(value.lower(), ADDRESS_BYTES) if isinstance(value, str) else None
    if raw is None:
        raise DeployError(f"{name} = {value!r} is no address: 0x and 40 digits", {"parameter": name})
    return "0x" + raw.hex()


def _addresses(name: str, value: object) -> tuple[Address, ...]:
    if not isinstance(value, list):
        raise DeployError(f"{name} is a list of addresses", {"parameter": name})
    return tuple(_address(name, each) for each in value)
