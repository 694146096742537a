"""``relayer replica``: the service that keeps a vault's ciphertexts and signs for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from relayer.chain import Chain
from relayer.errors import ReplicaError
from relayer.keyfiles import load_signer
from relayer.passphrase import Passphrase
from relayer.replica import Replica
from relayer.replica_http import application
from relayer.replica_store import Store
from relayer.replicas import ReplicaClient, one_of
from relayer.telling import RpcOption, VaultOption, command_group, say, told
from relayer.vault import Vault

app = command_group("A replica of a vault whose ciphertexts are not in calldata.")


@app.callback()
def group() -> None:
    """A replica of a vault whose ciphertexts are not in calldata."""


@app.command("serve")
def serve_command(
    rpc: RpcOption,
    vault: VaultOption,
    key_file: Annotated[Path, typer.Option("--key-file", dir_okay=False, help="The replica's key, private to it.")],
    store: Annotated[Path, typer.Option("--store", file_okay=False, help="Folder of what it keeps.")],
    listen: Annotated[
        str, typer.Option("--listen", help="HOST:PORT; put TLS and rate limits in front.")
    ] = "127.0.0.1:8645",
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="Replica to ask for words that are missing here.")
    ] = None,
) -> None:
    """Stores what the operator sends, signs for it, follows the chain and serves owners, until it is told to stop."""
    host, port = _address(listen)
    with told(as_json=False), Chain(rpc) as chain:
        found = Vault(chain, vault)
        kept = Store(store, found.chain_id, found.address)
        replica = Replica(found, load_signer(key_file, Passphrase()), kept)
        say(f"replica {replica.signer.address} of vault {found.address} on http://{host}:{port}")
        serving = application(replica, _filler(peers or ()))
        try:
            uvicorn.run(serving, host=host, port=port, log_level="warning")
        finally:
            kept.close()


def _filler(urls: Sequence[str]) -> Callable[[bytes], bytes | None]:
    """Asks other replicas for words; that none answers now is no reason to stop."""
    source = one_of([ReplicaClient(url) for url in urls])

    def ask(digest: bytes) -> bytes | None:
        try:
            return source(digest)
        except ReplicaError:
            return None

    return ask


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise typer.BadParameter(f"{listen[:60]!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
