"""``relayer status``, ``pause`` and ``resume``: an operator's look at the service and hold on it, by its database.

They work beside a running service, and while it is down. The operator's interface shows and changes the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from relayer.config import Settings
from relayer.config_cli import ConfigOption
from relayer.pipeline.covering import EVERY
from relayer.store import policies
from relayer.store.database import Database
from relayer.telling import AsJson, tell, told
from relayer.watching.alerts import UNSEALED
from relayer.watching.service import overall

What = Annotated[
    list[str] | None,
    typer.Argument(help="intake, proving, sending or all; intake if nothing is said.", show_default=False),
]
PARTS: Final = ("intake", "proving", "sending")
ETHER: Final = 10**18


def status_command(config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Shows the service: batches as they move, orders, transactions, costs, processes, and what needs looking after."""
    with told(as_json), _opened(config) as (settings, database):
        document = overall(database, settings)
        tell(as_json, document, *table(document))


def pause_command(what: What = None, config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Holds a part of the service: orders are refused, batches are not proven, transactions are not sent, until it is resumed."""
    _set(what, True, config, as_json)


def resume_command(what: What = None, config: ConfigOption = None, as_json: AsJson = False) -> None:
    """Lets a paused part go on."""
    _set(what, False, config, as_json)


def _set(what: list[str] | None, paused: bool, config: Any, as_json: bool) -> None:  # noqa: ANN401 - the option's type
    parts = PARTS if what == ["all"] else tuple(what or ["intake"])
    unknown = [part for part in parts if part not in PARTS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0][:20]!r} is none of {', '.join(PARTS)}, all")
    with told(as_json), _opened(config) as (_, database):
        with database.write() as session:
            now = policies.change(session, **{f"{part}_paused": paused for part in parts})
        state = {part: getattr(now, f"{part}_paused") for part in PARTS}
        tell(
            as_json, {"paused": state}, *(f"{part}: {'paused' if held else 'goes on'}" for part, held in state.items())
        )


@contextmanager
def _opened(config: Any) -> Iterator[tuple[Settings, Database]]:  # noqa: ANN401 - the option's type
    settings = Settings.load(config)
    database = Database.open(settings.database.url)
    try:
        yield settings, database
    finally:
        database.close()


def table(document: dict[str, Any]) -> list[str]:
    """The status for people."""
    lines = [f"{_time(document['at'])}  version {document['version']}"]
    lines += [f"ALERT {alert['severity']}: {alert['name']}: {alert['message']}" for alert in document["alerts"]]
    paused = [
        name.removesuffix("_paused")
        for name, held in document["policies"].items()
        if held is True and name.endswith("_paused")
    ]
    lines += [f"paused: {', '.join(paused)}"] if paused else []
    for process in document["processes"]:
        since = (document["at"] - process["at"]) // 1000
        lines.append(f"{process['role']:<8} {process['instance']}  pid {process['pid']}  last sign {since} s ago")
    held = [f"{lease['name']} ({lease['holder'] or 'nobody'})" for lease in document["leases"] if lease["held"]]
    lines.append(f"leases   {', '.join(held) or 'none'}")
    for batch in document["batches"]:
        done = f"  proofs {batch['proofs_done']}/{batch['proofs_total']}" if batch["proofs_total"] else ""
        age = (document["at"] - batch["since"]) // 1000
        limited = batch["state"] in UNSEALED and batch["covered"] < EVERY
        bond = f"  bond covers {batch['covered']}" if limited else ""
        lines.append(f"batch {batch['number']}  {batch['state']} for {age} s  {batch['orders']} orders{bond}{done}")
    for asked in document["challenges"]:
        until = _time(asked["deadline"] * 1000) if asked["deadline"] else "over"
        lines.append(f"challenge {asked['number']}  of batch {asked['batch']}  {asked['state']}  until {until}")
    lines.append(f"settled  batch {document['last_settled']}")
    for kind in ("orders", "transactions"):
        found = [f"{count} {state}" for state, count in document["counts"][kind].items() if count]
        lines.append(f"{kind:<8} {', '.join(found) or 'none'}")
    cost = document["cost"]
    if cost["gas_per_order"] is not None:
        ether = int(cost["wei_per_order"]) / ETHER
        lines.append(f"cost     {cost['gas_per_order']} gas, {ether:.9f} ether an order ({cost['batches']} batches)")
    chain = document["chain"]
    if chain is not None:
        behind = ["silent" if lag is None else f"{lag} behind" for lag in chain["endpoints"]]
        lines.append(
            f"chain    block {chain['block']} of {_time(chain['block_time'] * 1000)}  endpoints {', '.join(behind)}"
        )
        amounts = [
            f"{name} {int(chain[name]) / ETHER:.4f} ether" for name in ("balance", "bond") if chain[name] is not None
        ]
        enough = "" if chain["bond_orders"] is None else f" (free, enough for {chain['bond_orders']} orders)"
        lines.append(f"money    {', '.join(amounts)}{enough}")
    free = "" if document["free_bytes"] is None else f", {document['free_bytes'] // 2**20} MiB free on its disk"
    lines.append(f"database {document['database_bytes'] // 2**20} MiB{free}")
    return lines


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
