"""``relayer account register``, ``deposit`` and ``withdraw``: how money gets to a relayer's batches and back."""

from __future__ import annotations

from typing import Annotated

import typer

from prover.trusted import contract_address
from prover.wire import element, hexadecimal
from relayer.keyfiles import PassphraseOption
from relayer.telling import AsJson, tell, tokens
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

TokensOption = Annotated[str, typer.Option("--tokens", help="Tokens, as a decimal number.")]


def register_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Makes your keys known to the operator, encrypted: before the first deposit, or right after it."""
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
        made = client.register()
        account = "none before the first deposit" if made.account is None else str(made.account)
        tell(as_json, made.model_dump(), f"registered {made.owner}", f"account {account}")


def deposit_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    amount: TokensOption,
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    sender_key_file: SenderKeyOption = None,
    sender: SenderOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Registers if need be, and deposits tokens of the sender in the vault that is named; the next batch that is sealed credits them."""
    if vault is None:
        raise typer.BadParameter(
            "which vault? give --vault ADDRESS or TACIT_VAULT, from elsewhere than the relayer: it could name a contract of its own"
        )
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
        payer = paying(sender_key_file, sender)
        client.register()
        made = client.deposit(amount, payer)
        document = {"account": made.account, "amount": str(made.amount), "transaction": hexadecimal(made.transaction)}
        tell(as_json, document, f"{tokens(made.amount)} tokens wait for the next batch of account {made.account}")


def withdraw_command(
    relayer: RelayerOption,
    seed_file: SeedOption,
    amount: TokensOption,
    recipient: Annotated[
        str, typer.Option("--recipient", parser=contract_address, help="Address that may claim them.")
    ],
    rpc: ChainOption = None,
    vault: MeantVaultOption = None,
    subaccount: SubaccountOption = 0,
    book: BookOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Sends a signed order that takes tokens out in the next batch, if cash and margin allow it."""
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
        placed = client.send(client.withdrawal(amount, recipient))
        document = {"id": placed.id, "hash": element(placed.hash), "state": placed.state, "batch": placed.batch}
        tell(as_json, document, f"{placed.id}: {placed.state}", f"claimable by {recipient} once its batch has settled")
