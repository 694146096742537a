"""``relayer order``: orders from making to what became of them. An order is signed and encrypted here; its receipt is checked and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from prover.orders import Order
from prover.trusted import at_least
from prover.wire import dump, element, read_text, write_whole
from relayer.api import schemas
from relayer.client import Client, ClientError, Placed, Terms, Unreachable
from relayer.envelope import read_order
from relayer.keyfiles import PassphraseOption
from relayer.telling import AsJson, command_group, decimal, tell, tokens
from relayer.trader_options import (
    BookOption,
    ChainOption,
    MeantVaultOption,
    RelayerOption,
    SeedOption,
    SubaccountOption,
    trading,
)

app = command_group("A trader's orders at a relayer.")

FORMAT: Final = "tacit.order.1"
LOTS: Final = 10**4
FILE: Final = "File of the order, private to you."


@app.callback()
def group() -> None:
    """A trader's orders at a relayer."""


@app.command("new")
def new_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    instrument: Annotated[str, typer.Option("--instrument", help="Name, as BTC-27DEC24-60000-C, or number.")],
    side: Annotated[str, typer.Option("--side", help="buy or sell.")],
    quantity: Annotated[str, typer.Option("--quantity", help="Contracts, as a decimal number.")],
    limit: Annotated[str, typer.Option("--limit", help="Worst price a contract, in the quote currency.")],
    batches: Annotated[int, typer.Option("--batches", callback=at_least(1), help="Valid for so many batches.")] = 2,
    out: Annotated[Path | None, typer.Option("--out", dir_okay=False, help=FILE)] = None,
    send: Annotated[bool, typer.Option("--send", help="Send it at once.")] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="With --send: though an order that was sent before has no answer yet.")
    ] = False,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Makes an order, shows what it would be refused for, and writes it to a file or, with --send, sends it."""
    if send == (out is not None):
        raise typer.BadParameter("say --out FILE to look at it first, or --send")
    if side not in ("buy", "sell"):
        raise typer.BadParameter("--side is buy or sell")
    with trading(
        as_json,
        relayer,
        seed_file,
        rpc=rpc,
        vault=vault,
        subaccount=subaccount,
        passphrase_file=passphrase_file,
        book=book,
    ) as client:
        named = int(instrument) if instrument.isdigit() else instrument
        if send and not anew:
            _refuse_a_second(client)
        order = client.trade(named, "buy" if side == "buy" else "sell", quantity, limit, batches=batches)
        shown = _shown(order, instrument)
        if out is None:
            _tell_placed(as_json, _sent(client, order), *shown)
            return
        issues, terms = client.check(order), client.terms()
        write_whole(out, dump(_file(order, terms)), private=True)
        document = {
            "file": str(out),
            "hash": element(order.hash(terms.domain)),
            "issues": [i.model_dump() for i in issues],
        }
        tell(as_json, document, f"written to {out}", *shown, *(f"would be refused: {i.detail}" for i in issues))


@app.command("send")
def send_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    file: Annotated[Path | None, typer.Option("--order", dir_okay=False, help=FILE)] = None,
    kept: Annotated[
        str | None, typer.Option("--kept", metavar="HASH", help="Or an order that was sent before, by its hash.")
    ] = None,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Sends an order from a file, or once more from the book; sent again, it is the same order."""
    if (file is None) == (kept is None):
        raise typer.BadParameter(
            "which order? name its file with --order, or with --kept the hash of one that was sent"
        )
    again = 0 if kept is None else _hash(kept)
    with trading(
        as_json,
        relayer,
        seed_file,
        rpc=rpc,
        vault=vault,
        subaccount=subaccount,
        passphrase_file=passphrase_file,
        book=book,
    ) as client:
        order = client.kept(again) if file is None else _read(file, client.terms())
        _tell_placed(as_json, _sent(client, order))


@app.command("cancel")
def cancel_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    identity: Annotated[str | None, typer.Option("--id", help="An order that waits.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Send an order of kind cancel: it ends all older ones, receipts or not.")
    ] = False,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Cancels an order that has no receipt yet, or, by an order in a batch, all of them."""
    if (identity is None) != everything:
        raise typer.BadParameter("name one order with --id, or say --all")
    with trading(
        as_json,
        relayer,
        seed_file,
        rpc=rpc,
        vault=vault,
        subaccount=subaccount,
        passphrase_file=passphrase_file,
        book=book,
    ) as client:
        if identity is None:
            _tell_placed(as_json, _sent(client, client.cancel_order()))
        else:
            found = client.cancel(identity)
            tell(as_json, found.model_dump(), f"{found.id}: {found.state}")


@app.command("status")
def status_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    identity: Annotated[str | None, typer.Option("--id", help="One order; else all of them.")] = None,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Where an order is and what a batch made of it; a receipt that it got meanwhile is checked and kept."""
    with trading(
        as_json,
        relayer,
        seed_file,
        rpc=rpc,
        vault=vault,
        subaccount=subaccount,
        passphrase_file=passphrase_file,
        book=book,
    ) as client:
        found = client.orders() if identity is None else [client.order(identity)]
        lines = [line for each in found for line in _lines(each)]
        tell(as_json, {"orders": [each.model_dump() for each in found]}, *(lines or ["no orders"]))


def _hash(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise typer.BadParameter("a hash is 0x and 64 digits, as the commands print it", param_hint="--kept") from None


def _refuse_a_second(client: Client) -> None:
    """Refuses a new order while one that was sent may have arrived: typed again, a command would trade twice."""
    found = client.unanswered()
    if found:
        digest = element(found[0].hash(client.terms().domain))
        what = (
            f"order {digest} was sent, has no answer yet and may have arrived: relayer order send --kept {digest} sends the same again; "
            "--anew makes another order beside it"
        )
        raise ClientError(what, {"hash": digest})


def _sent(client: Client, order: Order) -> Placed:
    try:
        return client.send(order)
    except Unreachable as error:
        if "order" not in error.values:
            raise
        raise Unreachable(f"{error} (relayer order send --kept {error.values['order']})", error.values) from error


def _file(order: Order, terms: Terms) -> dict[str, Any]:
    return {"format": FORMAT, "chain_id": terms.chain_id, "vault": terms.vault, "order": order.to_wire()}


def _read(path: Path, terms: Terms) -> Order:
    try:
        document = json.loads(read_text(path))
        place = document["format"], document["chain_id"], document["vault"]
        wire = document["order"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ClientError(f"{path} is no file of an order", {"path": str(path)}) from None
    if place != (FORMAT, terms.chain_id, terms.vault):
        raise ClientError(f"{path} is for another vault, or no file of an order", {"path": str(path)})
    return read_order(wire)


def _tell_placed(as_json: bool, placed: Placed, *shown: str) -> None:
    receipt = None if placed.receipt is None else placed.receipt.to_wire()
    document = {
        "id": placed.id,
        "hash": element(placed.hash),
        "state": placed.state,
        "batch": placed.batch,
        "sequence": placed.sequence,
        "receipt": receipt,
    }
    where = (
        "it waits for a batch and has no receipt yet"
        if placed.receipt is None
        else f"number {placed.sequence} of batch {placed.batch}; the receipt is checked and kept"
    )
    tell(as_json, document, f"{placed.id}: {placed.state}", where, *shown)


def _shown(order: Order, named: str) -> list[str]:
    if order.kind != "trade":
        return [f"{order.kind}, batches {order.first_batch} to {order.last_batch}"]
    contracts = decimal(order.quantity, LOTS)
    side = "buy" if order.buy else "sell"
    # The id is what is signed: a name is worth what the owner knows of its id.
    what = f"instrument {order.instrument}" + ("" if named.isdigit() else f" ({named})")
    return [
        f"{side} {contracts} of {what} at {tokens(order.limit)} or better",
        f"batches {order.first_batch} to {order.last_batch}, fee rate at most {order.max_fee_rate} basis points",
    ]


def _lines(order: schemas.Order) -> list[str]:
    place = "" if order.batch is None else f", batch {order.batch}"
    lines = [f"{order.id}: {order.state}{place}"]
    if order.content is not None:
        content = order.content
        name = content.name or f"instrument {content.instrument}"
        lines.append(f"  {content.side} {decimal(int(content.quantity), LOTS)} {name} at {tokens(int(content.limit))}")
    if order.result is not None:
        why = f": {order.result.why}" if order.result.why else ""
        at_price = f" at {tokens(int(order.result.price))}" if order.result.price is not None else ""
        lines.append(f"  filled {decimal(int(order.result.fill), LOTS)}{at_price}{why}")
    return lines
