"""The tree of a vault, from chain data alone: every published leaf put in its place, the root compared after every batch.

The fund's first leaf is known by its hash in the root only, until the first batch touches it; every batch does, so from the
first one on the tree is whole. A :class:`Rebuilt` tree can be saved and gone on with; a saved one is used only if its block
is still in the chain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prover.errors import StateError
from prover.tree import Tree
from prover.wire import Reader, dump, element, hexadecimal, read_text, write_whole
from relayer.chain import Tag
from relayer.errors import RebuildError
from relayer.ledger import read_ledger, whole_from
from relayer.records import BatchSettled, Genesis
from relayer.vault import Layout, Vault

FORMAT: Final = "tacit.tree.1"
INDEX_BITS: Final = 21
LIVE: Final = 1 << INDEX_BITS
LEAF_WORD: Final = 2


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The tree after a batch (0: before the first, when ``tree`` is empty and the root is the one of genesis), and the block
    of its settlement.
    """

    params: str
    batch: int
    root: int
    tree: Tree
    block: int
    block_hash: bytes

    @classmethod
    def at_genesis(cls, params: str, genesis: Genesis) -> Rebuilt:
        """Before the first batch."""
        return cls(params, 0, genesis.root, Tree.empty(params), genesis.at.block, genesis.at.block_hash)

    def after(self, settlement: BatchSettled, layout: Layout) -> Rebuilt:
        """With the leaves of the next settled batch; :class:`RebuildError` if they do not lead to its root."""
        if settlement.root_before != self.root:
            what = f"batch {settlement.batch} starts at root {settlement.root_before:#x}, the tree rebuilt so far has {self.root:#x}"
            raise RebuildError(what, _roots(settlement.batch, self.root, settlement.root_before))
        try:
            tree = self.tree.updated(published_leaves(settlement, layout))
        except StateError as error:
            raise RebuildError(f"batch {settlement.batch}: {error}", {"batch": settlement.batch}) from error
        if tree.root != settlement.root_after:
            what = (
                f"batch {settlement.batch}: its published leaves give root {tree.root:#x}, the vault has {settlement.root_after:#x};"
                " ask another endpoint before concluding anything"
            )
            raise RebuildError(what, _roots(settlement.batch, tree.root, settlement.root_after))
        at = settlement.at
        return Rebuilt(self.params, settlement.batch, tree.root, tree, at.block, at.block_hash)

    def after_all(self, settlements: Iterable[BatchSettled], layout: Layout) -> Rebuilt:
        """With the leaves of all later batches of these."""
        rebuilt = self
        for settlement in settlements:
            if settlement.batch > rebuilt.batch:
                rebuilt = rebuilt.after(settlement, layout)
        return rebuilt

    # ---- on disk

    def save(self, path: Path, vault: Vault) -> None:
        """Writes the file ``tacit.tree.1`` (docs/formats.md)."""
        document = {
            "format": FORMAT,
            "chain_id": vault.chain_id,
            "vault": vault.address,
            "params": self.params,
            "batch": self.batch,
            "root": element(self.root),
            "block": self.block,
            "block_hash": hexadecimal(self.block_hash),
            "leaves": {str(index): element(leaf) for index, leaf in self.tree.leaves().items()},
        }
        write_whole(path, dump(document))

    @classmethod
    def load(cls, path: Path, vault: Vault) -> Rebuilt:
        """What :meth:`save` wrote for this vault, its leaves hashed again (:class:`RebuildError` for anything else)."""
        reader = Reader.parse(read_text(path), str(path), RebuildError)
        reader.format(FORMAT)
        if (reader.integer("chain_id", 64), reader.text("vault")) != (vault.chain_id, vault.address):
            reader.refuse("it is of another vault")
        params, batch, root = reader.text("params"), reader.integer("batch", 32), reader.element("root")
        block, block_hash = reader.integer("block", 64), reader.bytes("block_hash", 32)
        leaves = reader.object("leaves").elements()
        reader.end()
        if not all(index.isascii() and index.isdigit() for index in leaves):
            reader.refuse("a leaf is named by the decimal index of its account")
        tree = Tree.empty(params).updated({int(index): leaf for index, leaf in leaves.items()})
        if params != vault.params or (batch > 0 and tree.root != root):
            reader.refuse("its leaves do not hash to its root")
        return cls(params, batch, root, tree, block, block_hash)


def published_leaves(settlement: BatchSettled, layout: Layout) -> dict[int, int]:
    """The new leaf hash of every account that a batch touched, by index."""
    touches = (segment.open_touch(place) for segment in settlement.segments for place in range(layout.touches))
    return {words[0] % LIVE: words[LEAF_WORD] for words in touches if words[0] & LIVE}


def rebuild(vault: Vault, tag: Tag = "latest", path: Path | None = None) -> Rebuilt:
    """The tree of a vault up to a block, going on from what ``path`` holds, which is written anew."""
    saved = _saved(vault, path)
    first = None if saved is None else _first(vault, saved)
    records = read_ledger(vault, tag, first)
    if saved is None or first is None:
        genesis = next((record for record in records if isinstance(record, Genesis)), None)
        if genesis is None:
            raise RebuildError(f"there is no vault at {vault.address} up to the {tag} block", {"vault": vault.address})
        saved = Rebuilt.at_genesis(vault.params, genesis)
    rebuilt = saved.after_all((record for record in records if isinstance(record, BatchSettled)), vault.layout)
    if path is not None:
        rebuilt.save(path, vault)
    return rebuilt


def _saved(vault: Vault, path: Path | None) -> Rebuilt | None:
    """The tree of a file, if its block is still in the chain."""
    if path is None or not path.is_file():
        return None
    saved = Rebuilt.load(path, vault)
    block = vault.chain.block(saved.block)
    return saved if block is not None and block.hash == saved.block_hash else None


def _first(vault: Vault, saved: Rebuilt) -> int | None:
    """The block to read from to go on from a tree; None where its settlement is not found, and all is read."""
    return saved.block if saved.batch == 0 else whole_from(vault, saved.batch, saved.block)


def _roots(batch: int, computed: int, published: int) -> dict[str, object]:
    return {"batch": batch, "computed": hex(computed), "published": hex(published)}
