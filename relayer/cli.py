"""The command line ``relayer``.

Every command prints its result on stdout, for people or with ``--json`` for programs, and everything else on stderr. Exit codes:
0 done, 1 refused or failed, 2 wrong use, 130 interrupted.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from prover.keys import Keys
from prover.wire import element, hexadecimal
from relayer.account_cli import ReplicaOption, cipher_source
from relayer.account_cli import app as account_app
from relayer.audit import Auditor
from relayer.chain import Chain, Tag
from relayer.config_cli import app as config_app
from relayer.deploy.cli import deploy_command
from relayer.keys_cli import app as keys_app
from relayer.membership_cli import deposit_command, register_command, withdraw_command
from relayer.order_cli import app as order_app
from relayer.rebuild import rebuild
from relayer.receipts_cli import app as receipts_app
from relayer.replica_cli import app as replica_app
from relayer.serve import serve_command
from relayer.service_cli import pause_command, resume_command, status_command
from relayer.store.db_cli import app as db_app
from relayer.telling import AsJson, FollowTag, KeysOption, RpcOption, VaultOption, command_group, say, tell, told
from relayer.token_cli import admin_token_command
from relayer.vault import Vault

app = command_group("What users, operator and auditors of a vault do with a chain.")
app.add_typer(account_app, name="account")
account_app.command("register")(register_command)
account_app.command("deposit")(deposit_command)
account_app.command("withdraw")(withdraw_command)
app.add_typer(keys_app, name="keys")
keys_app.command("admin-token")(admin_token_command)
app.add_typer(order_app, name="order")
app.add_typer(receipts_app, name="receipts")
app.add_typer(db_app, name="db")
app.add_typer(replica_app, name="replica")
app.add_typer(config_app, name="config")
app.command("serve")(serve_command)
app.command("deploy")(deploy_command)
app.command("status")(status_command)
app.command("pause")(pause_command)
app.command("resume")(resume_command)


def main() -> None:
    """Runs the command line."""
    app(prog_name="relayer")


@app.callback()
def group() -> None:
    """What users, operator and auditors of a vault do with a chain."""


@app.command("rebuild")
def rebuild_command(
    rpc: RpcOption,
    vault: VaultOption,
    out: Annotated[
        Path | None, typer.Option("--out", dir_okay=False, help="File of the tree; a later run goes on from it.")
    ] = None,
    at: FollowTag = "latest",
    as_json: AsJson = False,
) -> None:
    """Rebuilds the tree of a vault from chain data alone, and compares the root after every batch."""
    tag = block_tag(at)
    with told(as_json), Chain(rpc) as chain:
        found = Vault(chain, vault)
        rebuilt = rebuild(found, tag, out)
        leaves = sum(1 for leaf in rebuilt.tree.leaves().values() if leaf)
        document = {
            "vault": found.address,
            "params": rebuilt.params,
            "batch": rebuilt.batch,
            "root": element(rebuilt.root),
            "accounts": leaves,
            "block": rebuilt.block,
            "block_hash": hexadecimal(rebuilt.block_hash),
            "out": None if out is None else str(out),
        }
        lines = [f"batch {rebuilt.batch}: {leaves} accounts, root {element(rebuilt.root)}"]
        lines += [f"every root up to block {rebuilt.block} is what the published leaves give"]
        lines += [] if out is None else [f"tree written to {out}"]
        tell(as_json, document, *lines)


@app.command("audit")
def audit_command(
    rpc: RpcOption,
    vault: VaultOption,
    keys: KeysOption = None,
    replica: ReplicaOption = None,
    contracts: Annotated[
        Path | None,
        typer.Option(
            "--contracts", exists=True, file_okay=False, help="Folder contracts of a checkout: compiles the verifiers."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replays a vault from chain data alone: epochs, every proof, the tree, and the deployed verifiers against the keys."""
    with told(as_json), Chain(rpc) as chain:
        found = Vault(chain, vault)
        audit = Auditor(found, Keys.load(keys, found.params), cipher_source(replica), contracts, say).run()
        document = asdict(audit) | {"root": element(audit.root)}
        lines = [f"{name}: {how}" for name, how in audit.verifiers.items()]
        lines.append(f"{audit.epochs} epochs: rows hash to their roots, instruments left with a value")
        lines.append(f"{audit.batches} batches, {audit.segments} segments: every proof holds and is of what was sealed")
        lines.append(f"{audit.accounts} accounts, root {element(audit.root)}: the tree is what was published")
        tell(as_json, document, *lines)


def block_tag(text: str) -> Tag:
    """A tag of the command line."""
    if text not in get_args(Tag):
        raise typer.BadParameter(f"{text[:20]!r} is none of {', '.join(get_args(Tag))}")
    return cast(Tag, text)
