"""``relayer serve``: the service on this machine, and ``--role`` for one process of it alone.

Everything that can be found wrong before the first order is found before the first process is started: settings, secrets, the database's
revision, ports. Then one line says where everything is. The processes are in :mod:`relayer.roles`.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final, get_args

import typer

from prover.errors import FileError
from relayer.config import Role, Settings
from relayer.config_cli import ConfigOption
from relayer.roles import api, prover, worker
from relayer.roles.api import Sockets
from relayer.roles.common import process
from relayer.store.database import Database
from relayer.supervisor import Child, Supervisor, until_alone, until_told
from relayer.telling import AsJson, told
from relayer.watching import logs

ROLES: Final[tuple[str, ...]] = get_args(Role)
COMMAND: Sequence[str] = (sys.executable, "-m", "relayer")
"""What starts this program again, for the processes of the service."""


def serve_command(
    config: ConfigOption = None,
    role: Annotated[str | None, typer.Option("--role", help="One process alone: api, worker or prover.")] = None,
    instance: Annotated[str | None, typer.Option(hidden=True)] = None,
    descriptors: Annotated[str | None, typer.Option(hidden=True)] = None,
    as_json: AsJson = False,
) -> None:
    """Runs the service until it is told to stop: takes orders, seals, proves and settles."""
    if role is not None and role not in ROLES:
        raise typer.BadParameter(f"{role[:20]!r} is none of {', '.join(ROLES)}", param_hint="--role")
    with told(as_json):
        settings = Settings.load(config)
        if role is None:
            supervise(settings, config, as_json=as_json)
        else:
            alone(settings, role, instance or name(settings, role), descriptors)


def name(settings: Settings, role: str) -> str:
    """A name that no process has had before: the machine's, the role, and something random."""
    return f"{settings.leases.holder}/{role}/{secrets.token_hex(4)}"


def alone(settings: Settings, role: str, instance: str, descriptors: str | None) -> None:
    """Runs one process in this one."""
    stop = threading.Event()
    until_told(stop)
    if descriptors is not None:
        until_alone()
    with process(settings, role, instance, stop) as made:
        if role == "api":
            sockets = api.bound(settings) if not descriptors else api.inherited(*map(int, descriptors.split(",")))
            try:
                api.run(made, sockets)
            finally:
                sockets.close()
        elif role == "worker":
            worker.run(made)
        else:
            prover.run(made)


def supervise(settings: Settings, config: Path | None, *, as_json: bool) -> None:
    """Runs all processes below this one."""
    logs.configure("supervisor", settings.logs.level)
    check(settings)
    sockets = api.bound(settings)
    try:
        found = Supervisor([_child(settings, config, role, sockets) for role in ROLES])
        until_told(found.stopping)
        found.run(lambda: typer.echo(_started(settings, sockets, found, as_json=as_json)))
    finally:
        sockets.close()


def check(settings: Settings) -> None:
    """Finds what is wrong before anything runs: secrets, folders, the database and its revision."""
    settings.operator(), settings.receipt_signer(), settings.fund_seed(), settings.sealing_key()
    try:
        settings.proving.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"proving.directory {settings.proving.directory}: {error.strerror}") from None
    Database.open(settings.database.url).close()


def _child(settings: Settings, config: Path | None, role: str, sockets: Sockets) -> Child:
    descriptors = (sockets.public.fileno(), sockets.admin.fileno()) if role == "api" else ()
    given = ["--config", str(config)] if config is not None else []
    own = ["--role", role, "--instance", name(settings, role), "--descriptors", ",".join(map(str, descriptors))]
    return Child(role, [*COMMAND, "serve", *given, *own], descriptors)


def _started(settings: Settings, sockets: Sockets, found: Supervisor, *, as_json: bool) -> str:
    """Where everything is, in one line."""
    database = Database.connect(settings.database.url)
    document: dict[str, Any] = {
        "vault": settings.chain.vault,
        "public": _url(sockets.public.getsockname()),
        "admin": _url(sockets.admin.getsockname()),
        "database": database.name,
        "proofs": str(settings.proving.directory),
        "processes": dict(found.pids),
    }
    database.close()
    if as_json:
        return json.dumps(document)
    pids = ", ".join(f"{role} {pid}" for role, pid in document["processes"].items())
    where = f"orders at {document['public']}, operator at {document['admin']}, database {document['database']}"
    return f"serving vault {document['vault']}: {where}, proofs in {document['proofs']}, processes {pids}"


def _url(address: tuple[Any, ...]) -> str:
    host, port = address[0], address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
