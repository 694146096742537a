"""Options that a trader's commands share: whose seed, which relayer and vault, and who pays for gas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from prover.trusted import at_least, contract_address
from relayer.client import Client
from relayer.keyfiles import asked, load_seed, load_signer
from relayer.passphrase import Passphrase
from relayer.sender import KeySender, Sender, UnlockedSender
from relayer.telling import told

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


RelayerOption = Annotated[
    str, typer.Option("--relayer", envvar="TACIT_RELAYER", help="The relayer: https://HOST, or http://HOST:PORT here.")
]
ChainOption = Annotated[
    str | None,
    typer.Option(
        "--rpc", envvar="TACIT_RPC", help="Endpoint of the chain: then what the relayer says is held against the vault."
    ),
]
MeantVaultOption = Annotated[
    str | None,
    typer.Option(
        "--vault",
        envvar="TACIT_VAULT",
        parser=contract_address,
        help="The vault that is meant, by an address from elsewhere than the relayer; else the relayer's, if your book knows no other.",
    ),
]
BookOption = Annotated[
    Path | None,
    typer.Option("--book", dir_okay=False, help="Your orders and receipts, private to you; else SEED_FILE.book."),
]


@contextmanager
def trading(
    as_json: bool,
    relayer: str,
    seed_file: Path,
    *,
    rpc: str | None,
    vault: str | None,
    subaccount: int,
    passphrase_file: Path | None,
    book: Path | None,
) -> Iterator[Client]:
    """A client for one command; a refusal becomes a message and an exit code."""
    with told(as_json):
        seed = load_seed(seed_file, asked(passphrase_file))
        kept = book or seed_file.with_name(seed_file.name + ".book")
        with Client(relayer, seed, rpc=rpc, vault=vault, subaccount=subaccount, book=kept) as client:
            yield client
