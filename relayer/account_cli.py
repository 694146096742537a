"""``relayer account``: a trader's own commands. What they send, they prove and sign here; the seed goes nowhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from prover.keys import Keys
from prover.trusted import at_least, contract_address
from prover.wire import hexadecimal
from relayer.chain import Chain
from relayer.compiled import missing_words
from relayer.errors import ExitError, SeedError
from relayer.escape import Standing, WayOut
from relayer.keyfiles import PassphraseOption, asked, load_seed, write_key
from relayer.keystore import Secret
from relayer.reading import CipherSource
from relayer.replicas import ReplicaClient, one_of
from relayer.seed import Seed
from relayer.sender import UnlockedSender
from relayer.telling import AsJson, KeysOption, RpcOption, VaultOption, cash, command_group, say, tell, tokens, told
from relayer.trader_options import SeedOption, SenderKeyOption, SenderOption, SubaccountOption, paying
from relayer.vault import Vault

app = command_group("A trader's account: keys, state, and the way out.")

ReplicaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--replica",
        help="Replica of a vault that keeps ciphertext off the chain; more than one: the first that has it.",
    ),
]


@app.command("new")
def new_command(
    seed_file: SeedOption,
    passphrase_file: PassphraseOption = None,
    plain: Annotated[bool, typer.Option("--plain", help="Write 64 hexadecimal digits, under no passphrase.")] = False,
    as_json: AsJson = False,
) -> None:
    """Draws a new seed into a keystore that only you can read: keep a copy where nobody else looks, and the passphrase apart."""
    with told(as_json):
        if seed_file.exists():
            raise SeedError(f"{seed_file} exists: a seed is never overwritten", {"path": str(seed_file)})
        if plain:
            Seed.random().save(seed_file)
        else:
            passphrase = asked(passphrase_file).get(str(seed_file), new=True)
            write_key(seed_file, Secret("seed", Seed.random().raw), passphrase)
        document = {"seed_file": str(seed_file), "form": "plain" if plain else "keystore"}
        tell(as_json, document, f"seed written to {seed_file}: whoever can open it has the account")


@app.command("owner")
def owner_command(
    rpc: RpcOption,
    vault: VaultOption,
    seed_file: SeedOption,
    subaccount: SubaccountOption = 0,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """The owner word that deposits to this account name."""
    with told(as_json), Chain(rpc) as chain:
        found = Vault(chain, vault)
        owner = load_seed(seed_file, asked(passphrase_file)).holder(found.domain, subaccount).owner
        tell(as_json, {"vault": found.address, "subaccount": subaccount, "owner": f"0x{owner:064x}"}, f"0x{owner:064x}")


@app.command("show")
def show_command(
    rpc: RpcOption,
    vault: VaultOption,
    seed_file: SeedOption,
    subaccount: SubaccountOption = 0,
    replica: ReplicaOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """The account after the last settled batch, decrypted from chain data."""
    with told(as_json), Chain(rpc) as chain:
        found = Vault(chain, vault)
        # Looking sends nothing and pays nobody.
        way = WayOut(
            found,
            load_seed(seed_file, asked(passphrase_file)),
            _NOBODY,
            UnlockedSender(_NOBODY),
            _no_keys,
            subaccount,
            cipher_source(replica),
            say,
        )
        tell(as_json, _account(way), *_account_lines(way))


@app.command("exit")
def exit_command(
    rpc: RpcOption,
    vault: VaultOption,
    seed_file: SeedOption,
    recipient: Annotated[str, typer.Option("--recipient", parser=contract_address, help="Address to be paid.")],
    keys: KeysOption = None,
    subaccount: SubaccountOption = 0,
    sender_key_file: SenderKeyOption = None,
    sender: SenderOption = None,
    amount: Annotated[
        int | None, typer.Option("--cash", callback=at_least(1), help="Ask for free cash: at most so many token units.")
    ] = None,
    freeze: Annotated[bool, typer.Option("--freeze", help="Freeze the vault, if a request is late.")] = False,
    replica: ReplicaOption = None,
    passphrase_file: PassphraseOption = None,
    as_json: AsJson = False,
) -> None:
    """Leaves the vault as far as it can be left now: run it again for what comes next.

    A frozen vault: queued deposits are returned, what the account is worth is proven and registered, its share is credited
    when the window is over, and claimed. A running vault: says what can be done; --cash asks for free cash, --freeze freezes
    it if a request is late.
    """
    with told(as_json), Chain(rpc) as chain:
        sending, found = paying(sender_key_file, sender), Vault(chain, vault)
        way = WayOut(
            found,
            load_seed(seed_file, asked(passphrase_file)),
            recipient,
            sending,
            _keys(keys, found),
            subaccount,
            cipher_source(replica),
            say,
        )
        _go(way, amount, freeze)
        standing = way.standing()
        tell(as_json, _report(way, standing), *_lines(way, standing))


_NOBODY = "0x" + 40 * "0"


def _go(way: WayOut, amount: int | None, freeze: bool) -> None:
    """The steps that were asked for, and those that are open."""
    if freeze and not way.standing().frozen_at:
        way.freeze()
    if way.standing().frozen_at:
        if amount is not None:
            way.tell("the vault is frozen: the account leaves whole, not by cash")
        way.leave()
    elif amount is not None:
        way.request_cash(amount)


def _keys(directory: Path | None, vault: Vault) -> Callable[[], Keys]:
    """The keys of the vault's parameter set, loaded when a proof is made."""

    def load() -> Keys:
        keys = Keys.load(directory, vault.params)
        code = vault.chain.code(vault.account_verifier.address)
        missing = missing_words(keys.account_solidity(), code)
        if missing:
            what = f"the vault's verifier lacks words of the keys in {keys.folder}: get the keys that the vault was made with"
            raise ExitError(what, {"keys": str(keys.folder), "missing": len(missing)})
        return keys

    return load


def _no_keys() -> Keys:
    raise ExitError("nothing is proven here")


def cipher_source(replicas: list[str] | None) -> CipherSource | None:
    """Where ciphertext comes from that is not on chain: the first of these replicas that has it."""
    return one_of([ReplicaClient(url) for url in replicas]) if replicas else None


# ---- telling


def _report(way: WayOut, standing: Standing) -> dict[str, Any]:
    escape = standing.escape
    return {
        **_account(way),
        "frozen": bool(standing.frozen_at),
        "payable_from": standing.window_end or None,
        "escape": None
        if escape is None
        else {"recipient": escape.recipient, "equity": str(escape.equity), "paid": escape.paid},
        "claimable": {payee: str(each) for payee, each in standing.claimable.items()},
        "steps": [{"step": step.name, "transaction": hexadecimal(step.transaction)} for step in way.steps],
        "next": next_step(way, standing),
    }


def _lines(way: WayOut, standing: Standing) -> list[str]:
    lines = [f"{step.name}: {hexadecimal(step.transaction)}" for step in way.steps]
    lines += _account_lines(way)
    if standing.escape is not None:
        state = "paid" if standing.escape.paid else f"payable after {_time(standing.window_end)}"
        lines.append(
            f"registered: worth {tokens(standing.escape.equity)} tokens, to {standing.escape.recipient}, {state}"
        )
    lines += [f"claimable by {payee}: {tokens(each)} tokens" for payee, each in standing.claimable.items() if each]
    return [*lines, f"next: {next_step(way, standing)}"]


def next_step(way: WayOut, standing: Standing) -> str:
    """What the owner can do next, in words."""
    if not standing.frozen_at:
        return _next_in_running(way, standing)
    if standing.escape is not None and not standing.escape.paid:
        return f"run this again after {_time(standing.window_end)} to be paid"
    if any(standing.claimable.values()):
        return "the vault holds less than is claimable: run this again later for the rest"
    return "nothing: all that the account was owed has been paid"


def _next_in_running(way: WayOut, standing: Standing) -> str:
    waiting = way.history.waiting_exits(standing.index)
    if not waiting:
        return "the vault runs: ask for free cash with --cash AMOUNT; positions leave only when a request is late and the vault is frozen"
    deadline = waiting[-1].deadline
    if standing.now > deadline:
        return "your request is late: freeze the vault with --freeze, then everything leaves"
    return f"your request must be answered until {_time(deadline)}; after that, freeze the vault with --freeze"


def _account(way: WayOut) -> dict[str, Any]:
    account = way.account
    document: dict[str, Any] = {"vault": way.vault.address, "index": way.index, "batch": None}
    if account is None:
        return document
    statement = way.statement()
    return document | {
        "batch": account.batch,
        "cash": str(account.leaf.cash),
        "positions": [
            {"instrument": p.instrument, "quantity": str(p.quantity), "value": str(p.value), "settled": p.settled}
            for p in way.valued()
        ],
        "equity": str(statement.equity),
    }


def _account_lines(way: WayOut) -> list[str]:
    if way.account is None:
        return [f"account {way.index}: no batch has touched it yet"]
    lines = [f"account {way.index} after batch {way.account.batch}", f"{'cash':<24}{cash(way.account.leaf.cash):>24}"]
    for each in way.valued():
        kind = "settled at" if each.settled else "marked at"
        worth = cash(10**4 * each.quantity * each.value)
        lines.append(
            f"{f'instrument {each.instrument}':<24}{worth:>24}  {each.quantity} lots {kind} {tokens(each.value)}"
        )
    return [*lines, f"{'worth':<24}{tokens(way.statement().equity):>24}  in whole token units, nothing if negative"]


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
