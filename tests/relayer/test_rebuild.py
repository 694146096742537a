"""A tree rebuilt from chain data: compared after every batch, kept, gone on with, and refused where it does not come out."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from prover.tree import Tree
from relayer.errors import RebuildError
from relayer.history import History
from relayer.ledger import read_ledger
from relayer.rebuild import Rebuilt, rebuild
from relayer.records import Genesis
from tests.relayer.scene import DOLLAR, Scene, risk_row


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.post_epoch((risk_row(7, 40 * DOLLAR),))
    for index in (1, 2):
        made.run([(made.open_account(index), 1_000 * DOLLAR, ())])
    return made


def test_a_kept_tree_is_gone_on_with_and_nothing_is_read_twice(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    assert rebuild(scene.vault, path=path).batch == 2
    scene.run([(scene.open_account(3), 1_000 * DOLLAR, ())])
    scene.chain.requests.clear()
    again = rebuild(scene.vault, path=path)
    assert (again.batch, again.root) == (3, scene.state.root)
    assert scene.chain.requests.count("eth_getTransactionByHash") == 2
    assert Rebuilt.load(path, scene.vault).tree.leaves() == rebuild(scene.vault).tree.leaves()


def test_a_kept_tree_whose_batch_was_settled_in_parts_is_gone_on_with(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    for index in (3, 4):
        scene.run([(scene.open_account(index), 1_000 * DOLLAR, ())], parts=1)
        last = scene.chain.blocks[-1].mined
        scene.chain.take_back(1)
        assert rebuild(scene.vault, path=path).batch == index - 1  # with the parts of the next on chain
        scene.chain.mine(last)
        rebuilt = rebuild(scene.vault, path=path)
        assert (rebuilt.batch, rebuilt.root) == (index, scene.state.root)


def test_a_kept_tree_is_gone_on_with_however_long_ago_its_batch_was_sealed(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    scene.open_account(3)
    scene.run([(scene.person(3), 1_000 * DOLLAR, ())], parts=1)
    *_, last = scene.chain.blocks
    scene.chain.take_back(1)
    for _ in range(200):
        scene.chain.mine([])
    scene.chain.mine(last.mined)
    assert rebuild(scene.vault, path=path).batch == 3
    scene.chain.requests.clear()
    assert rebuild(scene.vault, path=path).root == scene.state.root
    assert scene.chain.requests.count("eth_getTransactionByHash") == 2


def test_a_kept_tree_of_a_block_that_left_the_chain_is_not_used(scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "tree.json"
    rebuild(scene.vault, path=path)
    last = scene.chain.blocks[-1].mined
    scene.chain.take_back(1)
    scene.chain.mine(last)
    scene.chain.requests.clear()
    assert rebuild(scene.vault, path=path).root == scene.state.root
    assert scene.chain.requests.count("eth_getTransactionByHash") == 3


@pytest.mark.parametrize("name", ["vault", "root", "params", "leaves"])
def test_a_kept_tree_that_was_changed_is_refused(scene: Scene, tmp_path: Path, name: str) -> None:
    path = tmp_path / "tree.json"
    rebuild(scene.vault, path=path)
    document = json.loads(path.read_text())
    leaves = dict(document["leaves"]) | {"1": document["leaves"]["2"]}
    other = {"vault": "0x" + "ab" * 20, "root": "0x" + "01" * 32, "params": "standard", "leaves": leaves}
    path.write_text(json.dumps(document | {name: other[name]}))
    with pytest.raises(RebuildError, match=str(path)):
        rebuild(scene.vault, path=path)


def test_a_batch_whose_leaves_do_not_give_its_root_is_named_with_both_roots(scene: Scene) -> None:
    records = read_ledger(scene.vault)
    genesis = next(record for record in records if isinstance(record, Genesis))
    first, second = History.of(records).settlements
    lost = replace(second, segments=())
    with pytest.raises(RebuildError, match=f"batch 2: .*{first.root_after:#x}.*{second.root_after:#x}"):
        Rebuilt.at_genesis("dev", genesis).after_all([first, lost], scene.vault.layout)


def test_a_path_leads_from_the_leaf_to_the_root(scene: Scene) -> None:
    tree = rebuild(scene.vault).tree
    path = tree.path(2)
    assert path[0][2] == tree.leaf(2)
    assert len(path) == tree.depth == scene.vault.sizes.depth
    assert Tree.from_bytes(tree.to_bytes()).root == tree.root == scene.state.root
