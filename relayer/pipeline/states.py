"""The accounts that a batch is cleared on: a sealed snapshot of the last settled batch, or, where there is none, the chain's own data.

Whatever is missing can be had again: every account's ciphertext is in the chain's data (or at replicas), its owner's viewing key in the
database. A snapshot counts only with the root that the chain has. Settlements are read from the database one at a time: a history does
not hold the words of final ones.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy.orm import Session

from prover.batch import Leaf, State
from prover.orders import Holder
from prover.tree import Tree
from prover.wire import element
from relayer.errors import RebuildError
from relayer.history import History
from relayer.pipeline.desk import Desk
from relayer.reading import live_touches, read_touched
from relayer.rebuild import Rebuilt, published_leaves
from relayer.records import BatchSettled
from relayer.replicas import one_of
from relayer.store import batches
from relayer.store.chain import whole
from relayer.store.models import Holder as HolderRow

STATE_FORMAT = "tacit.state.1"


def last_settled(history: History) -> tuple[int, int]:
    """The last settled batch (0: none) and the root that the vault has with it."""
    if history.settlements:
        return history.settlements[-1].batch, history.settlements[-1].root_after
    if history.genesis is None:
        raise RebuildError("the vault's first event is not stored yet: the watcher has not read it")
    return batches.GENESIS, history.genesis.root


def current_state(desk: Desk, session: Session, history: History) -> State:
    """The accounts after the last settled batch (:class:`RebuildError` where neither snapshot nor chain gives them)."""
    number, root = last_settled(history)
    if number == batches.GENESIS:
        return _genesis(desk, root)
    known = desk.states.get(root)
    if known is None:
        known = batches.open_state(session, desk.sealer, number, desk.vault.params, root)
        known = known if known is not None else rebuilt_state(desk, session, history)
        desk.states.clear()
        desk.states[root] = known
    return known


def rebuilt_state(desk: Desk, session: Session, history: History) -> State:
    """The same, from chain data and the owners' viewing keys alone."""
    tree, newest = _tree(desk, session, history)
    leaves = [index for index, leaf in sorted(tree.leaves().items()) if leaf]
    owners = {index: _owner(history, index) for index in leaves}
    registered = batches.holders(session, owners.values())
    own = {
        index: desk.fund if index == 0 else _holder(desk, registered, owner, index) for index, owner in owners.items()
    }
    read = _leaves(desk, session, own, newest)
    document = {
        "format": STATE_FORMAT,
        "params": desk.vault.params,
        "root": element(tree.root),
        "leaves": [{"index": index, "leaf": json.loads(read[index].to_json())} for index in leaves],
    }
    return State.from_json(json.dumps(document))


def _tree(desk: Desk, session: Session, history: History) -> tuple[Tree, dict[int, BatchSettled]]:
    """The tree after the last settled batch, and the settlement that touched an account last, as the history holds it, by index."""
    if history.genesis is None:
        raise RebuildError("the vault's first event is not stored yet: the watcher has not read it")
    rebuilt, layout = Rebuilt.at_genesis(desk.vault.params, history.genesis), desk.vault.layout
    newest: dict[int, BatchSettled] = {}
    for settlement in history.settlements:
        read = whole(session, settlement)
        rebuilt = rebuilt.after(read, layout)
        newest |= dict.fromkeys(published_leaves(read, layout), settlement)
    return rebuilt.tree, newest


def _leaves(
    desk: Desk, session: Session, own: Mapping[int, Holder], newest: Mapping[int, BatchSettled]
) -> dict[int, Leaf]:
    """The accounts of owners, each read in the settlement that touched it last; one settlement after another."""
    source = one_of(desk.replicas) if desk.replicas else None
    found: dict[int, Leaf] = {}
    for batch, settlement in sorted({newest[index].batch: newest[index] for index in own}.items()):
        for index, touched in live_touches(whole(session, settlement), desk.vault.layout.touches):
            if index in own and newest[index].batch == batch:
                found[index] = read_touched(desk.vault, touched, own[index], index, source).leaf
    return found


def _genesis(desk: Desk, root: int) -> State:
    state = State.genesis(desk.vault.params, desk.fund, desk.vault.domain)
    if state.root != root:
        what = "the fund's seed is not that of this vault's account 0: its empty account hashes to another root"
        raise RebuildError(what, {"computed": hex(state.root), "published": hex(root)})
    return state


def _owner(history: History, index: int) -> int:
    if index not in history.owners:
        what = f"account {index} has a leaf, and the records that are stored of the chain do not say whose it is"
        raise RebuildError(what, {"account": index})
    return history.owners[index]


def _holder(desk: Desk, registered: dict[int, HolderRow], owner: int, index: int) -> Holder:
    if owner not in registered:
        what = f"account {index} cannot be read: its owner's keys are not in the database; restore a backup"
        raise RebuildError(what, {"account": index})
    return batches.open_holder(desk.sealer, registered[owner])
