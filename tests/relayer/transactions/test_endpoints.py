"""Endpoints that are silent, lying, behind, or of another chain: each ends in the right state, and never in two transactions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.chain import LocalChain
from relayer.chain import Contract
from relayer.errors import RpcError, UnsettledError
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.health import Standing
from tests.relayer.transactions.proxy import Proxy, proxies
from tests.relayer.transactions.scene import Scene

GOOD = Standing.GOOD
Make = Callable[..., Scene]


@pytest.fixture
def three(chain: LocalChain) -> Iterator[list[Proxy]]:
    with proxies(chain, 3) as made:
        yield made


@pytest.fixture
def scene(make_scene: Make, three: list[Proxy]) -> Scene:
    """One that asks three endpoints."""
    return make_scene(urls=[each.url for each in three], timeout=1.0)


def settle(scene: Scene) -> None:
    """A transaction gets through, once, and nothing is left open."""
    scene.queue("settle:1")
    scene.step()
    scene.turn(1)
    assert (scene.state("settle:1"), scene.count(), scene.used()) == ("mined", 1, 1)


def standings(scene: Scene) -> list[Standing]:
    return list(scene.endpoints.check(force=True).standings)


def test_endpoints_that_agree_are_all_believed_and_all_sent_to(scene: Scene, three: list[Proxy]) -> None:
    settle(scene)
    assert standings(scene) == [GOOD] * 3
    assert all("eth_sendRawTransaction" in each.methods() for each in three)
    assert scene.alarms() == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_silent_endpoint_is_put_aside_and_taken_back(scene: Scene, three: list[Proxy], place: int) -> None:
    scene.endpoints._every = 60.0
    three[place].silent.set()
    assert standings(scene)[place] is Standing.SILENT
    settle(scene)
    assert scene.alarms() == ["endpoint_aside"]
    three[place].honest()
    assert standings(scene) == [GOOD] * 3
    scene.step()
    assert scene.told()[-1]["state"] == "cleared"


def test_an_endpoint_that_falls_silent_in_the_middle_is_replaced_by_another(scene: Scene, three: list[Proxy]) -> None:
    best = scene.endpoints.check(force=True).best
    assert best is not None
    scene.endpoints._every = 60.0
    three[best].silent.set()
    assert scene.endpoints.balance(scene.signer.address) == 1000 * 10**18


def test_nothing_is_sent_while_all_are_silent_and_it_goes_on_by_itself(scene: Scene, three: list[Proxy]) -> None:
    scene.queue("settle:1")
    for each in three:
        each.silent.set()
    scene.step()
    assert (scene.state("settle:1"), scene.attempts("settle:1")) == ("queued", [])
    assert "endpoints_unsettled" in scene.alarms()
    for each in three:
        each.honest()
    scene.step(2)
    scene.turn(1)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)
    assert {each["state"] for each in scene.told()[-4:]} == {"cleared"}


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_endpoint_with_other_blocks_is_outvoted(scene: Scene, three: list[Proxy], place: int) -> None:
    three[place].other_hashes()
    settle(scene)
    assert standings(scene)[place] is Standing.DISAGREES
    assert scene.alarms() == ["endpoint_aside"]


def test_two_endpoints_that_disagree_stop_everything_until_they_agree(make_scene: Make, three: list[Proxy]) -> None:
    scene = make_scene(urls=[three[0].url, three[1].url])
    scene.queue("settle:1")
    three[1].other_hashes()
    scene.step(2)
    assert scene.state("settle:1") == "queued"
    assert standings(scene) == [Standing.UNSETTLED] * 2
    assert sorted(set(scene.alarms())) == ["endpoint_aside", "endpoints_unsettled"]
    with pytest.raises(UnsettledError, match="disagree"):
        scene.endpoints.head()
    three[1].honest()
    scene.step()
    scene.turn(1)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_an_endpoint_of_another_chain_is_put_aside(scene: Scene, three: list[Proxy]) -> None:
    three[0].answer("eth_chainId", "0x1")
    settle(scene)
    assert standings(scene)[0] is Standing.OTHER_CHAIN


def test_a_single_endpoint_that_turns_to_another_chain_is_believed_no_longer(
    make_scene: Make, three: list[Proxy]
) -> None:
    scene = make_scene(urls=[three[0].url])
    scene.step()
    three[0].answer("eth_chainId", "0x1")
    scene.queue("settle:1")
    scene.step()
    assert scene.state("settle:1") == "queued"
    assert "endpoints_unsettled" in scene.alarms()


def test_an_endpoint_that_is_behind_is_not_read_from(scene: Scene, three: list[Proxy]) -> None:
    height = scene.endpoints.head().number
    three[0].stand_still(height)
    three[1].stand_still(height)
    scene.mine(8)
    three[1].honest()
    assert standings(scene) == [Standing.BEHIND, GOOD, GOOD]
    settle(scene)
    assert scene.endpoints.head().number == height + 9


def test_of_two_the_one_that_is_behind_is_put_aside(make_scene: Make, three: list[Proxy]) -> None:
    scene = make_scene(urls=[three[0].url, three[1].url])
    three[0].stand_still(scene.endpoints.head().number)
    scene.mine(8)
    assert standings(scene) == [Standing.BEHIND, GOOD]
    settle(scene)


def test_an_endpoint_that_is_behind_with_another_history_disagrees(scene: Scene, three: list[Proxy]) -> None:
    height = scene.endpoints.head().number
    scene.mine(8)
    found = scene.block(height)

    def block(params: list[Any], true: dict[str, Any]) -> dict[str, Any]:
        return (found if params[0] == "latest" else true) | {"hash": "0x" + "13" * 32}

    three[0].answer("eth_getBlockByNumber", block)
    assert standings(scene) == [Standing.DISAGREES, GOOD, GOOD]


def test_an_endpoint_that_makes_up_blocks_to_come_is_not_believed(scene: Scene, three: list[Proxy]) -> None:
    def block(params: list[Any], true: dict[str, Any]) -> dict[str, Any]:
        return true | {"number": hex(10**6)} if params[0] == "latest" else true

    three[0].answer("eth_getBlockByNumber", block)
    assert standings(scene) == [Standing.AHEAD, GOOD, GOOD]
    settle(scene)


def test_what_cannot_be_undone_rests_on_most_of_all_and_not_of_those_that_answer(
    scene: Scene, three: list[Proxy]
) -> None:
    def asked(*, of_all: bool) -> int:
        scene.endpoints.check(force=True)
        return scene.endpoints.agreed(lambda chain: chain.chain_id(), "the chain", of_all=of_all)

    three[0].silent.set()
    assert asked(of_all=True) == scene.chain.chain_id
    three[1].silent.set()
    assert asked(of_all=False) == scene.chain.chain_id
    with pytest.raises(UnsettledError, match="the chain"):
        asked(of_all=True)


def test_a_quorum_that_is_not_there_stops_sending(make_scene: Make, three: list[Proxy]) -> None:
    scene = make_scene(urls=[each.url for each in three], timeout=1.0, quorum=3)
    three[2].silent.set()
    scene.queue("settle:1")
    scene.step()
    assert scene.state("settle:1") == "queued"
    three[2].honest()
    scene.step(2)
    assert scene.state("settle:1") == "sent"


# ---- lies about transactions


def lie_about_receipts(proxy: Proxy, status: str) -> None:
    """Has every transaction mined, in the newest block."""

    def receipt(params: list[Any], _true: object) -> dict[str, Any]:
        head = proxy.chain.rpc("eth_getBlockByNumber", "latest", False)
        return {
            "transactionHash": params[0],
            "blockNumber": head["number"],
            "blockHash": head["hash"],
            "status": status,
            "gasUsed": "0x5208",
            "effectiveGasPrice": "0x1",
        }

    proxy.answer("eth_getTransactionReceipt", receipt)


@pytest.mark.parametrize("status", ["0x0", "0x1"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_made_up_receipt_is_outvoted(scene: Scene, three: list[Proxy], status: str, place: int) -> None:
    scene.queue("settle:1")
    scene.step()
    lie_about_receipts(three[place], status)
    scene.step(3)
    assert scene.state("settle:1") == "sent"
    scene.turn(1)
    row = scene.row("settle:1")
    assert (row.state.value, scene.count()) == ("mined", 1)
    assert row.gas_used != 21_000


def test_a_receipt_that_one_of_two_denies_is_told_and_concludes_nothing(make_scene: Make, three: list[Proxy]) -> None:
    scene = make_scene(urls=[three[0].url, three[1].url])
    scene.queue("settle:1")
    scene.step()
    three[1].answer("eth_getTransactionReceipt", None)
    scene.turn(1)
    assert (scene.state("settle:1"), scene.alarms()) == ("sent", [])
    scene.turn(3)
    assert (scene.state("settle:1"), scene.alarms()) == ("sent", ["receipt_disputed"])
    three[1].honest()
    scene.step()
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_refusal_that_one_endpoint_makes_up_gives_nothing_up(scene: Scene, three: list[Proxy], place: int) -> None:
    def refuse(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] not in ("eth_call", "eth_estimateGas"):
            return answer
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "execution reverted", "data": "0x"}}

    scene.queue("settle:1")
    three[place].twist = refuse
    scene.turn(6)
    three[place].honest()
    scene.turn(2)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_what_no_block_has_the_gas_for_is_given_up_and_told_and_holds_up_nothing_behind_it(
    make_scene: Make, three: list[Proxy]
) -> None:
    def refuse(request: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if request["method"] != "eth_estimateGas" or request["params"][0]["data"] != "0x0101":
            return answer
        said = "gas required exceeds allowance (16777216)"
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": said}}

    scene = make_scene(urls=[three[0].url])
    three[0].twist = refuse
    scene.queue("settle:1:1", b"\x01\x01")
    scene.queue("answer:1", b"\x02")
    scene.turn(8)
    assert (scene.state("settle:1:1"), scene.alarms()) == ("failed", ["transaction_failed"])
    assert "gas required exceeds" in (scene.row("settle:1:1").error or "")
    assert (scene.state("answer:1"), scene.count()) == ("mined", 1)


def test_a_nonce_that_one_endpoint_makes_up_leaves_no_gap(scene: Scene, three: list[Proxy]) -> None:
    three[0].answer("eth_getTransactionCount", "0x9")
    settle(scene)


def test_an_endpoint_that_swallows_transactions_harms_nothing(scene: Scene, three: list[Proxy]) -> None:
    three[0].answer("eth_sendRawTransaction", "0x" + "00" * 32)
    three[1].answer("eth_sendRawTransaction", "0x" + "00" * 32)
    settle(scene)


def test_finality_is_what_most_say(scene: Scene, three: list[Proxy]) -> None:
    def block(params: list[Any], true: dict[str, Any]) -> dict[str, Any]:
        if params[0] != "finalized":
            return true
        found: dict[str, Any] = three[0].chain.rpc("eth_getBlockByNumber", "latest", False)
        return found

    three[0].answer("eth_getBlockByNumber", block)
    settle(scene)
    scene.turn(6)
    assert scene.state("settle:1") == "mined"
    scene.turn(3)
    assert scene.state("settle:1") == "final"


# ---- its face


def test_it_stands_where_a_chain_stands(scene: Scene) -> None:
    assert Contract(scene.endpoints, scene.target, "Vault").chain.chain_id() == scene.chain.chain_id
    with scene.reader() as plain:
        assert scene.endpoints.head() == plain.head()
        assert scene.endpoints.block(3) == plain.block(3)
        assert list(scene.endpoints.logs(scene.target, 0, 5)) == list(plain.logs(scene.target, 0, 5))


def test_an_endpoint_named_twice_is_refused() -> None:
    with pytest.raises(RpcError, match="named twice"):
        Endpoints.open(["http://127.0.0.1:1", "http://127.0.0.1:1"])
