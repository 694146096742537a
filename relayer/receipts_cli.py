"""``relayer receipts``: what the operator signed, held against what it sealed, and what to do where the two differ."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from prover.trusted import at_least
from prover.wire import element
from relayer.chain import Chain
from relayer.challenging import Ended, challenge, close, convict
from relayer.client import Standing
from relayer.client.book import Book
from relayer.client.terms import Terms
from relayer.errors import ReceiptError
from relayer.keyfiles import PassphraseOption
from relayer.receipts import SignedReceipt
from relayer.telling import AsJson, RpcOption, VaultOption, command_group, tell, told
from relayer.trader_options import (
    BookOption,
    ChainOption,
    MeantVaultOption,
    RelayerOption,
    SeedOption,
    SenderKeyOption,
    SenderOption,
    SubaccountOption,
    paying,
    trading,
)
from relayer.vault import Vault

app = command_group("A trader's receipts.")

SAID = {
    Standing.PROVEN: "kept: the order is in the settled batch, by chain data alone",
    Standing.SHOWN: "kept: the order was shown in the seal",
    Standing.UNSEALED: "its batch is not sealed yet",
    Standing.EXPIRED: "ITS BATCH RAN OUT UNSEALED: challenge it within the bond's window, for half of the base bond",
    Standing.VOID: "its batch is void, and the bond burnt",
    Standing.UNSHOWN: "SEALED AND NOT SHOWN: challenge it before the bond's window is over",
}


@app.callback()
def group() -> None:
    """A trader's receipts."""


@app.command("verify")
def verify_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Holds every receipt that is kept against the chain; ends with 1 and the evidence where the operator broke one."""
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
        verdicts = client.verify_receipts()
        document = {
            "receipts": [
                {
                    "batch": each.batch,
                    "sequence": each.sequence,
                    "order": element(each.order),
                    "id": each.id,
                    "standing": each.standing.value,
                }
                for each in verdicts
            ]
        }
        lines = [f"batch {each.batch}, number {each.sequence}: {SAID[each.standing]}" for each in verdicts]
        tell(as_json, document, *(lines or ["no receipts are kept here"]))


# ---- what to do about a broken one: with the chain alone

KeptSeed = Annotated[
    Path | None,
    typer.Option(
        "--seed-file", dir_okay=False, envvar="TACIT_SEED_FILE", help="Whose book SEED_FILE.book is; not opened."
    ),
]
NumberOption = Annotated[int, typer.Option("--number", callback=at_least(1), help="The challenge's number.")]


@app.command("challenge")
def challenge_command(
    rpc: RpcOption,
    vault: VaultOption,
    batch: Annotated[int, typer.Option("--batch", callback=at_least(1), help="The receipt's batch.")],
    sequence: Annotated[int, typer.Option("--sequence", callback=at_least(1), help="The receipt's number in it.")],
    before: Annotated[
        bool, typer.Option("--before", help="Ask for the order before the receipt's, whoever's it is.")
    ] = False,
    book: BookOption = None,
    seed_file: KeptSeed = None,
    sender_key_file: SenderKeyOption = None,
    sender: SenderOption = None,
    as_json: AsJson = False,
) -> None:
    """Has the operator show the order of a receipt in its sealed batch, for a stake that comes back if it does not."""
    paid_by = paying(sender_key_file, sender)
    if book is None and seed_file is None:
        raise typer.BadParameter("which receipts? name their --book, or the --seed-file beside it")
    with told(as_json), Chain(rpc) as chain:
        found = Vault(chain, vault)
        kept = _receipt(found, book or Path(f"{seed_file}.book"), batch, sequence)
        made = challenge(found, paid_by, kept, before=before)
        until = datetime.fromtimestamp(made.deadline, UTC).isoformat()
        document = {"challenge": made.number, "deadline": until, "stake": str(made.stake), "known": made.known}
        tell(
            as_json,
            document,
            f"challenge {made.number} {'is open already' if made.known else f'opened, with a stake of {made.stake} wei'}",
            f"if it is not answered by {until}: relayer receipts close --number {made.number}",
        )


@app.command("close")
def close_command(
    rpc: RpcOption,
    vault: VaultOption,
    number: NumberOption,
    sender_key_file: SenderKeyOption = None,
    sender: SenderOption = None,
    as_json: AsJson = False,
) -> None:
    """Ends a challenge that was not answered in time: the bond is slashed, stake and reward are paid to the challenger."""
    paid_by = paying(sender_key_file, sender)
    with told(as_json), Chain(rpc) as chain:
        _tell_ended(as_json, close(Vault(chain, vault), paid_by, number))


@app.command("convict")
def convict_command(
    rpc: RpcOption,
    vault: VaultOption,
    evidence: Annotated[
        Path, typer.Option("--evidence", dir_okay=False, help="What the client stored: evidence-….json.")
    ],
    sender_key_file: SenderKeyOption = None,
    sender: SenderOption = None,
    as_json: AsJson = False,
) -> None:
    """Shows the contract two statements of the operator that cannot both be kept: the bond is slashed at once, without a stake."""
    paid_by = paying(sender_key_file, sender)
    with told(as_json), Chain(rpc) as chain:
        _tell_ended(as_json, convict(Vault(chain, vault), paid_by, evidence))


def _receipt(vault: Vault, path: Path, batch: int, sequence: int) -> SignedReceipt:
    if not path.exists():
        raise ReceiptError(f"{path} is not there: name the book that the receipts are kept in", {"path": str(path)})
    kept = Book(Terms.of(vault), path).receipts.get((batch, sequence))
    if kept is None:
        what = f"{path} holds no receipt of batch {batch} with number {sequence} in this vault"
        raise ReceiptError(what, {"path": str(path), "batch": batch, "sequence": sequence})
    return kept


def _tell_ended(as_json: bool, ended: Ended) -> None:
    document = {"slashed": ended.slashed, "paid": str(ended.paid), "to": ended.to}
    what = "the bond is slashed" if ended.slashed else "its bond was lost before; the stake comes back"
    tell(as_json, document, what, f"{ended.paid} wei paid to {ended.to}")
