"""The accounts that a batch is cleared on: a sealed snapshot of the last settled batch, or, where there is none, the chain's own data.

Whatever is missing can be had again: every account's ciphertext is in the chain's data (or at replicas), its owner's viewing key in the
database. A snapshot counts only with the root that the chain has.
"""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from prover.batch import Leaf, State
from prover.orders import Holder
from prover.wire import element
from relayer.errors import RebuildError
from relayer.history import History
from relayer.pipeline.desk import Desk
from relayer.reading import read_account
from relayer.rebuild import Rebuilt
from relayer.replicas import one_of
from relayer.store import batches
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
    if history.genesis is None:
        raise RebuildError("the vault's first event is not stored yet: the watcher has not read it")
    tree = Rebuilt.at_genesis(desk.vault.params, history.genesis).after_all(history.settlements, desk.vault.layout)
    leaves = [index for index, leaf in sorted(tree.tree.leaves().items()) if leaf]
    owners = {index: _owner(history, index) for index in leaves}
    registered = batches.holders(session, owners.values())
    own = {
        index: desk.fund if index == 0 else _holder(desk, registered, owner, index) for index, owner in owners.items()
    }
    read = {index: _leaf(desk, history, holder, index) for index, holder in own.items()}
    document = {
        "format": STATE_FORMAT,
        "params": desk.vault.params,
        "root": element(tree.root),
        "leaves": [{"index": index, "leaf": json.loads(leaf.to_json())} for index, leaf in read.items()],
    }
    return State.from_json(json.dumps(document))


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


def _leaf(desk: Desk, history: History, holder: Holder, index: int) -> Leaf:
    source = one_of(desk.replicas) if desk.replicas else None
    found = read_account(desk.vault, history.settlements, holder, index, source)
    if found is None:
        raise RebuildError(f"account {index} is in the tree, and no batch has touched it", {"account": index})
    return found.leaf
