"""``relayer receipts``: what the operator signed, held against what it sealed."""

from __future__ import annotations

from prover.wire import element
from relayer.client import Standing
from relayer.keyfiles import PassphraseOption
from relayer.telling import AsJson, command_group, tell
from relayer.trader_options import (
    BookOption,
    ChainOption,
    MeantVaultOption,
    RelayerOption,
    SeedOption,
    SubaccountOption,
    trading,
)

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
