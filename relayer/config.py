"""The settings of the service: one TOML file, every value also from the environment, secrets from files or the environment alone.

``[section] name = value`` may be given as ``TACIT_SECTION_NAME``, which counts before the file (lists as JSON, or separated by commas).
A secret never stands in the file: there is ``name_file`` for it, a path to a file that its owner alone can read, and
``TACIT_SECTION_NAME`` or ``TACIT_SECTION_NAME_FILE``. Addresses of endpoints may hold a key too, so those have ``_file`` as well, and one
that looks as if it held a key is refused in the file. A name that does not exist is refused with the nearest one that does.
Relative paths are relative to the file. What the values do is said where they are used.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from prover.wire import read_text
from relayer.errors import ConfigError, SeedError
from relayer.keystore import is_keystore, open_keystore
from relayer.passphrase import Passphrase
from relayer.seed import OTHERS, Seed
from relayer.signing import Signer

PREFIX: Final = "TACIT_"
FILE_SUFFIX: Final = "_file"
KEY_BYTES: Final = 32
WORLD: Final = 0o007
KEYLIKE: Final = re.compile(r"[0-9A-Za-z_-]{20,}")
"""Part of an address that is long enough to be the key of a paid service."""

Port = Annotated[int, Field(ge=0, le=65_535)]
Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Role = Literal["api", "worker", "prover"]


def _listed(value: object) -> object:
    """A list as the environment has it: JSON, or separated by commas or lines."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return json.loads(value)
    return [part.strip() for part in re.split(r"[,\n]", value) if part.strip()]


Texts = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class Endpoint:
    """Marks a setting that holds addresses, which may hold keys: it has a ``_file`` too."""


class Section(BaseModel):
    """Settings of one subject."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)


class ChainSettings(Section):
    """The chain, and the vault that is served."""

    rpc: Annotated[Texts, Endpoint()] = Field(
        default=("http://127.0.0.1:8545",), repr=False, description="JSON-RPC endpoints; several are compared"
    )
    vault: str = Field(
        default="", pattern="^(0x[0-9a-fA-F]{40})?$", description="address of the vault; needed to serve"
    )
    poll_seconds: Seconds = Field(default=2.0, description="between looks at the chain")
    timeout_seconds: Seconds = Field(default=10.0, description="that an endpoint has to answer")
    behind_blocks: Count = Field(default=5, description="that an endpoint may be behind the others and still be asked")
    replicas: Annotated[Texts, Endpoint()] = Field(
        default=(), repr=False, description="replicas of a validium vault, which store and sign its ciphertexts"
    )
    compare_depth: Annotated[int, Field(ge=0, le=64)] = Field(
        default=3, description="blocks below the newest at which endpoints must have the same hashes"
    )
    quorum: Annotated[int, Field(ge=1, le=16)] = Field(
        default=1, description="endpoints that must answer and agree before anything is sent"
    )


class DatabaseSettings(Section):
    """Where everything is kept."""

    url: Annotated[str, Endpoint()] = Field(
        default="sqlite:///tacit.sqlite",
        repr=False,
        description="sqlite:///PATH, or postgresql+psycopg://USER@HOST/NAME",
    )
    key: SecretStr | None = Field(default=None, description="32 bytes in hex that encrypt orders at rest")
    backups: Path | None = Field(default=None, description="folder that relayer db backup writes to by default")
    maximum_bytes: Count = Field(default=20 * 2**30, description="the alert database_full rises at nine tenths of this")


class KeySettings(Section):
    """Keys of the operator, and the proving keys."""

    operator: SecretStr | None = Field(
        default=None, description="a keystore, or 32 bytes in hex: the vault's operator, who sends transactions"
    )
    receipts: SecretStr | None = Field(
        default=None,
        description="a keystore, or 32 bytes in hex: the vault's signer of receipts, never the operator's",
    )
    fund_seed: SecretStr | None = Field(
        default=None, description="a keystore, or 32 bytes in hex: seed of account 0, the operator's fund"
    )
    searcher: SecretStr | None = Field(
        default=None, description="32 bytes in hex that sign bundles for private endpoints; it owns nothing"
    )
    proving: Path | None = Field(default=None, description="folder of proving keys; else TACIT_KEYS, else ./keys")


class ApiSettings(Section):
    """The public interface."""

    host: str = Field(default="127.0.0.1", description="address to listen at; put TLS in front")
    port: Port = Field(default=8640, description="0 takes any free port")
    public_url: str = Field(default="", description="how traders reach it, as the page and the documents show it")
    trusted_proxies: Texts = Field(default=(), description="addresses whose X-Forwarded-For is believed")


class AdminSettings(Section):
    """The operator's interface: its own port, never open to the world."""

    host: str = Field(default="127.0.0.1", description="address to listen at")
    port: Port = Field(default=8641, description="0 takes any free port")
    tokens: SecretStr | None = Field(
        default=None, description="a line for each token: name, scopes separated by commas, SHA-256 of the token in hex"
    )


class LimitSettings(Section):
    """What one caller may ask of the service."""

    requests_per_minute: Count = Field(default=600, description="of one address")
    orders_per_minute: Count = Field(default=120, description="of one owner")
    burst: Count = Field(default=60, description="requests at once before the rate counts")
    body_bytes: Count = Field(default=65_536, description="the largest body")
    page_size: Count = Field(default=100, description="the largest page of a list")
    websockets: Count = Field(default=1_000, description="open at a time")
    websockets_per_address: Count = Field(default=10, description="open at a time from one address")


class IntakeSettings(Section):
    """From an envelope to a receipt."""

    queue: Count = Field(default=1_024, description="requests that wait before the next is told 503")
    group: Count = Field(default=256, description="orders stored in one commit")
    forecast: bool = Field(default=True, description="refuse orders whose account alone fails margin on the last state")
    opening_confirmations: Annotated[int, Field(ge=0, le=64)] | Literal["final"] = Field(
        default=2, description="blocks over a batch's opening before it gives receipts, or final"
    )
    key_seconds: Count = Field(default=86_400, description="that an encryption key is in force")
    key_overlap_seconds: Count = Field(default=3_600, description="that the one before is still accepted")


class BatchSettings(Section):
    """When a batch opens and closes, and what is done about money that waits."""

    close_seconds: Seconds = Field(default=300.0, description="after its opening, if it holds anything")
    close_orders: Count = Field(default=500, description="orders in it")
    capacity: Count = Field(default=1_000, description="orders a batch takes; the next wait for the one after")
    eager: bool = Field(default=True, description="open a batch before anything waits for it")
    open_margin_seconds: Seconds = Field(default=300.0, description="before its opening runs out that it closes")
    confirmations: Annotated[int, Field(ge=0, le=64)] = Field(
        default=2,
        description="blocks over a deposit or exit request before a batch takes it, over a first deposit before orders get receipts",
    )
    unknown_deposit_grace_seconds: Seconds = Field(
        default=3_600.0, description="after which a deposit to an owner who has not registered is sent back"
    )
    exit_margin_seconds: Seconds = Field(default=3_600.0, description="before an exit's deadline that its batch closes")
    beneficiary: str = Field(
        default="", pattern="^(0x[0-9a-fA-F]{40})?$", description="who is paid for settling; else the operator"
    )
    settle_bytes: Annotated[int, Field(ge=20_000)] = Field(
        default=120_000, description="of calldata in one transaction of a settlement"
    )
    settle_gas: Annotated[int, Field(ge=1_000_000)] = Field(
        default=15_000_000, description="of gas in one transaction of a settlement"
    )
    attempts: Count = Field(default=3, description="at a step that failed, before the operator must look")
    void_failed_after_seconds: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="after its seal that a batch that cannot be settled is given up; 0: at the vault's limit",
    )
    bond_floor_ether: Annotated[float, Field(ge=0)] = Field(
        default=0.0, description="free bond below which it is filled up; 0: never"
    )
    bond_target_ether: Annotated[float, Field(ge=0)] = Field(default=0.0, description="free bond after filling up")


class TransactionSettings(Section):
    """From a queued transaction to a final one."""

    private: Annotated[Texts, Endpoint()] = Field(default=(), repr=False, description="endpoints of private submission")
    private_method: Literal["transaction", "bundle"] = Field(
        default="transaction", description="eth_sendPrivateTransaction or eth_sendBundle"
    )
    public_fallback: bool = Field(default=False, description="send publicly what private endpoints keep dropping")
    replace_after_blocks: Count = Field(default=3, description="unmined, then sent again with higher fees")
    replace_percent: Annotated[float, Field(ge=12.5, le=100)] = Field(
        default=12.5, description="by which both fees are then raised; nodes take no less"
    )
    dropped_after_blocks: Count = Field(default=25, description="unmined, then a private endpoint has dropped it")
    refused_after_blocks: Count = Field(default=3, description="refused by simulation, then given up")
    maximum_fee_gwei: Annotated[float, Field(gt=0, le=1e6)] = Field(
        default=500.0, description="of a unit of gas; then an alert"
    )
    maximum_priority_fee_gwei: Annotated[float, Field(gt=0, le=1e6)] = Field(
        default=50.0, description="part of it that is a tip"
    )
    minimum_priority_fee_gwei: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=0.01, description="tip offered where others give less"
    )
    gas_margin_percent: Annotated[int, Field(ge=0, le=200)] = Field(default=20, description="above the estimate")
    maximum_gas: Annotated[int, Field(ge=21_000, le=10**9)] = Field(
        default=30_000_000, description="of one transaction; one that needs more is given up"
    )
    in_flight: Annotated[int, Field(ge=1, le=64)] = Field(default=16, description="unmined transactions at a time")


class ProvingSettings(Section):
    """Where batches are proven."""

    executor: Literal["local", "ray"] = Field(default="local", description="this machine, or a Ray cluster")
    workers: Count = Field(default=1, description="proofs at a time")
    directory: Path = Field(default=Path("proofs"), description="folder of proofs that a killed run goes on from")
    ray_address: str = Field(default="", description="HOST:PORT of the cluster's head; empty starts one here")
    ray_own_address: str = Field(
        default="", description="where the cluster reaches this machine, if Ray is not to find out"
    )
    task_cpus: Count = Field(default=1, description="cores that a segment has on a Ray node")
    task_retries: Count = Field(default=3, description="times that a segment is tried again when its node dies")


class WebhookSettings(Section):
    """Addresses that are told events."""

    timeout_seconds: Seconds = Field(default=5.0, description="that an address has to answer")
    private_addresses: bool = Field(default=False, description="allow loopback and private networks; only for tests")


class RetentionSettings(Section):
    """When what orders say is deleted."""

    after_final_seconds: Annotated[float, Field(ge=0)] = Field(default=604_800.0, description="after a batch is final")
    every_seconds: Seconds = Field(default=60.0, description="between looks")


class LeaseSettings(Section):
    """Who acts when several processes could."""

    holder: str = Field(
        default_factory=socket.gethostname, max_length=64, description="name of this machine among the others"
    )
    seconds: Seconds = Field(default=15.0, description="after which a standby takes over")
    renew_seconds: Seconds = Field(default=5.0, description="between renewals")


class LogSettings(Section):
    """Logs: a JSON object a line, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least that is said")


class TracingSettings(Section):
    """Traces by OTLP over HTTP."""

    endpoint: Annotated[str, Endpoint()] = Field(default="", repr=False, description="collector; empty: no traces")
    ratio: Annotated[float, Field(ge=0, le=1)] = Field(default=0.1, description="of traces that are kept")


class AlertSettings(Section):
    """When an operator is told."""

    balance_ether: Annotated[float, Field(ge=0)] = Field(default=0.5, description="of the operator's account, at least")
    bond_ether: Annotated[float, Field(ge=0)] = Field(default=1.0, description="free in the bond contract, at least")
    batch_seconds: Seconds = Field(default=3_600.0, description="from seal to settlement, at most")
    exit_seconds: Seconds = Field(default=7_200.0, description="to an exit's deadline, at least")
    rpc_seconds: Seconds = Field(default=120.0, description="since the newest block, at most")
    key_seconds: Seconds = Field(default=3_600.0, description="to the end of the encryption key, at least")
    free_bytes: Count = Field(default=2 * 2**30, description="free on the database's disk, at least")


class Settings(Section):
    """All settings."""

    chain: ChainSettings = ChainSettings()
    database: DatabaseSettings = DatabaseSettings()
    keys: KeySettings = KeySettings()
    api: ApiSettings = ApiSettings()
    admin: AdminSettings = AdminSettings()
    limits: LimitSettings = LimitSettings()
    intake: IntakeSettings = IntakeSettings()
    batches: BatchSettings = BatchSettings()
    transactions: TransactionSettings = TransactionSettings()
    proving: ProvingSettings = ProvingSettings()
    webhooks: WebhookSettings = WebhookSettings()
    retention: RetentionSettings = RetentionSettings()
    leases: LeaseSettings = LeaseSettings()
    logs: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
    alerts: AlertSettings = AlertSettings()

    @model_validator(mode="after")
    def _lease_is_renewed_in_time(self) -> Self:
        if self.leases.renew_seconds * 2 > self.leases.seconds:
            raise ValueError(
                "leases.renew_seconds is more than half of leases.seconds: one slow renewal loses the lease"
            )
        return self

    @classmethod
    def load(cls, path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
        """The settings of a file (none: defaults) and of the environment (:class:`ConfigError`, which repeats no value)."""
        given = _from_file(path) if path is not None else {}
        base = path.absolute().parent if path is not None else Path.cwd()
        _from_environment(given, os.environ if environment is None else environment)
        _read_files(given, base)
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            raise _refusal(error) from None
        return _rooted(settings, base)

    def sealing_key(self) -> bytes:
        """The key of :class:`relayer.store.crypt.Sealer`."""
        return _key("database.key", self.database.key)

    def operator(self) -> Signer:
        """The vault's operator."""
        return Signer(_key("keys.operator", self.keys.operator))

    def receipt_signer(self) -> Signer:
        """Who signs receipts."""
        if self.keys.receipts is None:
            what = "keys.receipts names no key: receipts are signed by another key than the operator's, which no vault takes for both"
            raise ConfigError(what, {"setting": "keys.receipts"})
        return Signer(_key("keys.receipts", self.keys.receipts))

    def searcher(self) -> Signer | None:
        """Who signs bundles; None if nobody does."""
        return None if self.keys.searcher is None else Signer(_key("keys.searcher", self.keys.searcher))

    def fund_seed(self) -> Seed:
        """The seed of account 0."""
        return Seed(_key("keys.fund_seed", self.keys.fund_seed))


SECTIONS: Final[dict[str, type[Section]]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}


def is_secret(section: type[Section], name: str) -> bool:
    """Whether a setting is a secret, which never stands in the file."""
    return section.model_fields[name].annotation == SecretStr | None


def has_file(section: type[Section], name: str) -> bool:
    """Whether a setting can be read from a file of its own."""
    field = section.model_fields[name]
    return is_secret(section, name) or any(isinstance(mark, Endpoint) for mark in field.metadata)


def variable(section: str, name: str) -> str:
    """The environment's name of a setting."""
    return f"{PREFIX}{section}_{name}".upper()


def names(section: type[Section]) -> list[str]:
    """Every name that a section of the file may have, ``_file`` forms too."""
    return [*section.model_fields, *(n + FILE_SUFFIX for n in section.model_fields if has_file(section, n))]


def _from_file(path: Path) -> dict[str, dict[str, Any]]:
    try:
        document = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", {"path": str(path)}) from None
    for section, values in document.items():
        if section not in SECTIONS:
            raise _unknown(f"[{section}] in {path}", section, list(SECTIONS))
        if not isinstance(values, dict):
            raise ConfigError(f"{section} in {path} is a section: write [{section}]", {"section": section})
        for name, value in values.items():
            _check_in_file(path, section, name, value)
    return document


def _check_in_file(path: Path, section: str, name: str, value: object) -> None:
    model = SECTIONS[section]
    if name not in names(model):
        raise _unknown(f"{section}.{name} in {path}", name, names(model))
    if name in model.model_fields and is_secret(model, name):
        what = f"{section}.{name} is a secret and stands in {path}: write it to a file of its own (chmod 600), say {name}_file"
        raise ConfigError(f"{what}, and think of it as known", {"setting": f"{section}.{name}"})
    texts = value if isinstance(value, list) else [value]
    if name in model.model_fields and has_file(model, name) and any(_holds_key(str(text)) for text in texts):
        what = f"{section}.{name} in {path} looks as if it held a password or key: write it to a file (chmod 600), say {name}_file"
        raise ConfigError(what, {"setting": f"{section}.{name}"})


def _holds_key(address: str) -> bool:
    parts = urlsplit(address)
    local = parts.scheme.startswith("sqlite")
    return bool(parts.password) or (not local and bool(KEYLIKE.search(parts.path + "?" + parts.query)))


def _from_environment(given: dict[str, dict[str, Any]], environment: Mapping[str, str]) -> None:
    known = {variable(section, name): (section, name) for section, model in SECTIONS.items() for name in names(model)}
    openings = tuple(f"{PREFIX}{section.upper()}_" for section in SECTIONS)
    for name, value in environment.items():
        if name not in known:
            if name.startswith(openings):
                raise _unknown(name, name, list(known))
            continue
        section, setting = known[name]
        values = given.setdefault(section, {})
        bare = setting.removesuffix(FILE_SUFFIX)
        if setting not in SECTIONS[section].model_fields:
            values.pop(bare, None)
        else:
            values.pop(setting + FILE_SUFFIX, None)
        values[setting] = value


def _read_files(given: dict[str, dict[str, Any]], base: Path) -> None:
    """Puts the content of ``name_file`` in the place of ``name``."""
    for section, values in given.items():
        model = SECTIONS[section]
        for name in [n for n in values if n not in model.model_fields]:
            bare, path = name.removesuffix(FILE_SUFFIX), base / str(values.pop(name))
            if bare in values:
                what = f"{section}.{bare} and {section}.{name} are both given: keep one"
                raise ConfigError(what, {"setting": f"{section}.{bare}"})
            values[bare] = _content(path)


def _content(path: Path) -> str:
    text = read_text(path).strip()
    mode, handed = path.stat().st_mode, os.environ.get("CREDENTIALS_DIRECTORY")
    # systemd keeps credentials where their unit alone comes, and may grant it by an access list, which shows as the group's mode.
    if mode & (WORLD if handed and path.is_relative_to(handed) else OTHERS):
        what = f"{path} can be read by others (mode {mode & 0o777:o}): chmod 600 {path}, and think of it as known"
        raise SeedError(what, {"path": str(path)})
    return text


def _key(name: str, secret: SecretStr | None) -> bytes:
    if secret is None:
        what = f"{name} is not set: give {name}_file, or {variable(*name.split('.'))} in the environment"
        raise ConfigError(what, {"setting": name})
    text = secret.get_secret_value().strip()
    if is_keystore(text):
        found, wanted = open_keystore(text, lambda: Passphrase().get(name)), "seed" if "seed" in name else "ethereum"
        if found.kind != wanted:
            raise ConfigError(
                f"{name} is a keystore of another kind of key: {found.kind}, not {wanted}", {"setting": name}
            )
        return found.raw
    try:
        raw = bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ConfigError(f"{name} is not {2 * KEY_BYTES} hexadecimal digits", {"setting": name})
    return raw


def _rooted(settings: Settings, base: Path) -> Settings:
    """The settings with every path and the path of an SQLite database made absolute."""
    changed: dict[str, Section] = {}
    for section in SECTIONS:
        values = getattr(settings, section)
        paths = {n: base / v for n in type(values).model_fields if isinstance(v := getattr(values, n), Path)}
        changed[section] = values.model_copy(update=paths)
    database, scheme = settings.database, "sqlite:///"
    if database.url.startswith(scheme):
        path = base / database.url.removeprefix(scheme)
        changed["database"] = changed["database"].model_copy(update={"url": f"{scheme}{path}"})
    return settings.model_copy(update=changed)


def _unknown(what: str, name: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(name, known, 1, 0.4)
    hint = f": did you mean {near[0]}?" if near else f": there are {', '.join(sorted(known))}"
    return ConfigError(f"there is no setting {what}{hint}", {"setting": name[:80]})


def _refusal(error: ValidationError) -> ConfigError:
    """The first thing that is wrong, without the value: it may be a secret."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "settings"
    return ConfigError(f"{where}: {first['msg'].removeprefix('Value error, ')}", {"setting": where})
