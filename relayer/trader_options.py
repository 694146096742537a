"""Options that a trader's commands share: whose seed, and who pays for gas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from prover.trusted import at_least, contract_address
from relayer.keyfiles import load_signer
from relayer.passphrase import Passphrase
from relayer.sender import KeySender, Sender, UnlockedSender

SeedOption = Annotated[
    Path, typer.Option("--seed-file", dir_okay=False, envvar="TACIT_SEED_FILE", help="The seed, private to you.")
]
SubaccountOption = Annotated[int, typer.Option("--subaccount", callback=at_least(0), help="Subaccount of the seed.")]
SenderKeyOption = Annotated[
    Path | None,
    typer.Option("--sender-key-file", dir_okay=False, help="Key of the account that pays: a keystore, or plain."),
]
SenderOption = Annotated[
    str | None, typer.Option("--sender", parser=contract_address, help="Or an account that the endpoint has unlocked.")
]
SENDER_PASSPHRASE: Final = Passphrase(ask=True, variable="TACIT_SENDER_PASSPHRASE")


def paying(key_file: Path | None, address: str | None) -> Sender:
    """Who pays for gas: a key, or an unlocked account; one of them must be named."""
    if (key_file is None) == (address is None):
        raise typer.BadParameter("who pays for gas? give --sender-key-file FILE, or on a local chain --sender ADDRESS")
    return (
        KeySender(load_signer(key_file, SENDER_PASSPHRASE)) if key_file is not None else UnlockedSender(address or "")
    )
