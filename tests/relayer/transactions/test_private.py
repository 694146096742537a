"""What is private is in no mempool before its block; relays that drop, delay or refuse are seen through; policy alone lets anything out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from demo.chain import LocalChain
from prover.hashing import keccak256
from relayer.signing import Signer
from relayer.store import transactions
from relayer.transactions.policy import GWEI, LOCAL_CHAINS, FeePolicy, Policy
from relayer.transactions.private import Relay, Relays, signature
from tests.relayer.private_relay import PrivateRelay, mempool_watch, private_relay, searcher_of
from tests.relayer.slow_hosts import DRIBBLES, PATIENCE, SHORT, dribbling, speaking
from tests.relayer.transactions.scene import Scene

SEARCHER = Signer(keccak256(b"searcher"))
Make = Callable[..., Scene]


@pytest.fixture
def relay(chain: LocalChain) -> Iterator[PrivateRelay]:
    with private_relay(chain) as made:
        yield made


@pytest.fixture(params=["transaction", "bundle"])
def scene(make_scene: Make, relay: PrivateRelay, request: pytest.FixtureRequest) -> Scene:
    """One that speaks to a relay, in either way."""
    return make_scene(relays=Relays.open([relay.url], request.param, SEARCHER))


def turn(scene: Scene, relay: PrivateRelay, count: int = 1) -> None:
    """Blocks of the relay's builder, and a step after each."""
    for _ in range(count):
        relay.build()
        scene.step()


def hashes(scene: Scene, purpose: str) -> set[str]:
    return {"0x" + each.hash.hex() for each in scene.attempts(purpose)}


def test_a_private_transaction_is_in_no_mempool_before_its_block(
    scene: Scene, relay: PrivateRelay, chain: LocalChain
) -> None:
    relay.delay = 2
    with mempool_watch(chain, relay) as watch:
        scene.queue("settle:1", private=True)
        scene.queue("other", to="0x" + "77" * 20)
        scene.step()
        turn(scene, relay, 4)
    assert (scene.state("settle:1"), scene.state("other"), scene.count()) == ("mined", "mined", 1)
    assert watch.samples > 3
    assert not hashes(scene, "settle:1") & watch.seen.keys()
    # The other one is public: the watch sees what there is to see.
    assert hashes(scene, "other") & watch.seen.keys()


def test_every_request_is_signed_by_the_searcher(scene: Scene, relay: PrivateRelay) -> None:
    scene.queue("settle:1", private=True)
    scene.step()
    assert {each.searcher for each in relay.seen} == {SEARCHER.address}


def test_the_signature_is_of_the_body_and_of_nobody_else() -> None:
    header = signature(SEARCHER, b'{"id":1}')
    assert searcher_of(header, b'{"id":1}') == SEARCHER.address
    with pytest.raises(Exception, match="not that of the searcher"):
        searcher_of(header, b'{"id":2}')


def test_the_signature_is_what_relays_document() -> None:
    """Of eth-account's own EIP-191, over the hexadecimal hash of the body."""
    from eth_account.messages import encode_defunct

    from relayer.wallet import Account

    body = b'{"jsonrpc":"2.0","id":1,"method":"eth_sendBundle","params":[]}'
    named, _, made = signature(SEARCHER, body).partition(":")
    message = encode_defunct(text="0x" + keccak256(body).hex())
    assert Account.recover_message(message, signature=made) == named
    assert made == "0x" + bytes(Account.sign_message(message, SEARCHER.key).signature).hex()


def test_a_relay_that_drops_without_a_word_is_told_after_25_blocks_and_it_is_sent_again_privately(
    scene: Scene, relay: PrivateRelay, chain: LocalChain
) -> None:
    relay.dropping = True
    with mempool_watch(chain, relay) as watch:
        scene.queue("settle:1", private=True)
        scene.step()
        turn(scene, relay, 24)
        assert "private_transaction_dropped" not in scene.alarms()
        turn(scene, relay)
        assert "private_transaction_dropped" in scene.alarms()
        assert scene.state("settle:1") == "sent"
        relay.dropping, asked = False, len(relay.seen)
        turn(scene, relay, 4)
    assert len(relay.seen) > asked
    assert (scene.state("settle:1"), scene.count(), scene.used()) == ("mined", 1, 1)
    assert not watch.seen
    assert {each.channel for each in scene.attempts("settle:1")} == {"private"}


def test_at_the_cap_the_same_is_left_with_the_relay_again_when_it_was_dropped(
    make_scene: Make, relay: PrivateRelay
) -> None:
    scene = make_scene(relays=Relays.open([relay.url], "transaction", SEARCHER))
    scene.policy = Policy(drop_after=5, fees=FeePolicy(max_fee=20 * GWEI, max_tip=GWEI, min_tip=GWEI))
    relay.dropping = True
    scene.queue("settle:1", private=True)
    scene.step()
    turn(scene, relay, 4)
    assert len(relay.seen) == 1
    relay.dropping = False
    turn(scene, relay)
    assert len(relay.seen) == 2
    assert relay.seen[0].params["tx"] == relay.seen[1].params["tx"]
    turn(scene, relay)
    assert (scene.state("settle:1"), scene.count(), len(scene.attempts("settle:1"))) == ("mined", 1, 1)


def test_what_is_dropped_goes_public_only_if_the_policy_says_so_and_says_so(scene: Scene, relay: PrivateRelay) -> None:
    scene.policy = Policy(public_fallback=True, drop_after=5)
    relay.dropping = True
    scene.queue("settle:1", private=True)
    scene.step()
    turn(scene, relay, 4)
    assert scene.waiting() == []
    turn(scene, relay)
    assert scene.waiting()
    assert scene.alarms()[-1] == "private_transaction_public"
    turn(scene, relay)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_a_relay_that_refuses_is_told_and_tried_again(scene: Scene, relay: PrivateRelay) -> None:
    relay.refusing = "rate limited"
    scene.queue("settle:1", private=True)
    scene.step()
    assert (scene.state("settle:1"), scene.waiting()) == ("sent", [])
    assert "private_endpoint_refuses" in scene.alarms()
    assert "rate limited" in str(scene.attempts("settle:1")[0].error)
    relay.refusing = None
    turn(scene, relay, 5)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_one_relay_that_answers_is_enough(make_scene: Make, relay: PrivateRelay) -> None:
    nobody = Relay("http://127.0.0.1:9", SEARCHER)
    scene = make_scene(relays=Relays([nobody, Relay(relay.url, SEARCHER)]))
    scene.queue("settle:1", private=True)
    scene.step()
    turn(scene, relay)
    assert scene.state("settle:1") == "mined"
    assert scene.alarms() == ["private_endpoint_refuses"]


def test_a_relay_that_answers_a_little_at_a_time_holds_up_no_other(make_scene: Make, relay: PrivateRelay) -> None:
    with speaking(dribbling(*DRIBBLES["body"])) as slow:
        scene = make_scene(relays=Relays([Relay(slow, SEARCHER, SHORT), Relay(relay.url, SEARCHER)]))
        scene.queue("settle:1", private=True)
        began = time.monotonic()
        scene.step()
        assert time.monotonic() - began < PATIENCE
        turn(scene, relay)
    assert scene.state("settle:1") == "mined"
    assert scene.alarms() == ["private_endpoint_refuses"]


def test_a_private_transaction_is_replaced_privately_when_fees_rise(
    scene: Scene, relay: PrivateRelay, chain: LocalChain
) -> None:
    with mempool_watch(chain, relay) as watch:
        scene.queue("settle:1", private=True)
        scene.step()
        for _ in range(4):
            scene.base_fee(50 * 10**9)
            turn(scene, relay)
    assert (scene.state("settle:1"), scene.count(), len(scene.attempts("settle:1"))) == ("mined", 1, 2)
    assert not watch.seen


def test_what_is_withdrawn_is_cancelled_at_the_relay_and_its_nonce_filled(
    make_scene: Make, relay: PrivateRelay
) -> None:
    scene = make_scene(relays=Relays.open([relay.url], "transaction", SEARCHER))
    scene.queue("settle:1", private=True)
    scene.step()
    with scene.database.write() as session:
        transactions.withdraw(session, scene.row("settle:1").id, "no longer wanted")
    scene.step()
    assert "eth_cancelPrivateTransaction" in relay.methods()
    turn(scene, relay)
    assert (scene.state("settle:1"), scene.count(), scene.used()) == ("failed", 0, 1)


def test_a_private_transaction_that_is_refused_at_the_cap_holds_nothing_up_when_relays_have_forgotten_it(
    scene: Scene, relay: PrivateRelay
) -> None:
    relay.dropping = True
    scene.queue("settle:1", private=True)
    scene.queue("other", to="0x" + "77" * 20)
    scene.step()
    scene.policy = Policy(drop_after=5, fees=FeePolicy(max_fee=int(scene.attempts("settle:1")[0].max_fee_wei)))
    scene.refuse()
    turn(scene, relay, 8)
    assert (scene.state("settle:1"), scene.state("other"), scene.used()) == ("failed", "mined", 2)
    assert [(each.channel, each.empty) for each in scene.attempts("settle:1")] == [("private", False), ("public", True)]


@pytest.mark.parametrize("behind", ["out", "queued"])
def test_what_relays_drop_gives_way_to_an_answer_to_a_challenge_and_shows_nothing(
    scene: Scene, relay: PrivateRelay, chain: LocalChain, behind: str
) -> None:
    """A bond hangs on the answer; what was given up is made again by who queued it."""
    scene.policy = Policy(drop_after=5)
    relay.dropping = True
    with mempool_watch(chain, relay) as watch:
        scene.queue("settle:1", private=True)
        scene.step()
        turn(scene, relay, 3)
        if behind == "out":
            scene.queue("answer:1", b"\2")
        turn(scene, relay)
        assert (scene.state("settle:1"), scene.used()) == ("sent", 0)
        if behind == "queued":
            scene.queue("answer:1", b"\2")
        turn(scene, relay, 3)
        assert (scene.state("answer:1"), scene.count(), scene.used()) == ("mined", 1, 2)
    row = scene.row("settle:1")
    assert (row.state.value, row.nonce, scene.row("answer:1").nonce) == ("failed", 0, 1)
    assert "an answer to a challenge waits" in str(row.error)
    assert {"private_transaction_dropped", "transaction_failed"} <= set(scene.alarms())
    *secret, empty = scene.attempts("settle:1")
    assert ({each.channel for each in secret}, empty.channel, empty.empty) == ({"private"}, "public", True)
    assert hashes(scene, "settle:1") & watch.seen.keys() == {"0x" + empty.hash.hex()}


def test_what_relays_drop_is_sent_again_privately_where_the_answer_is_before_it(
    scene: Scene, relay: PrivateRelay
) -> None:
    scene.policy = Policy(drop_after=5)
    relay.dropping = True
    scene.queue("answer:1")
    scene.queue("settle:1", private=True)
    scene.step()
    for _ in range(6):
        scene.drop()
        turn(scene, relay)
    assert (scene.row("answer:1").nonce, scene.row("settle:1").nonce) == (0, 1)
    assert (scene.state("answer:1"), scene.state("settle:1")) == ("sent", "sent")


def left_without_a_relay(make_scene: Make, relay: PrivateRelay, **options: Policy) -> tuple[Scene, Relays | None]:
    """One whose settlement is out, begun again without the relay that dropped it; and the relays it had."""
    scene = make_scene(relays=Relays.open([relay.url], "transaction", SEARCHER), **options)
    relay.dropping = True
    scene.queue("settle:1", private=True)
    scene.step()
    scene.manager.release()
    scene.relays, before = None, scene.relays
    scene.manager = scene.sender("restarted")
    return scene, before


def test_what_is_out_privately_gives_way_to_an_answer_when_no_relay_is_left(
    make_scene: Make, relay: PrivateRelay
) -> None:
    scene, before = left_without_a_relay(make_scene, relay, policy=Policy(drop_after=5))
    scene.queue("answer:1", b"\2")
    scene.turn(4)
    assert (scene.state("settle:1"), scene.state("answer:1")) == ("sent", "sent")
    scene.turn(3)
    assert (scene.state("settle:1"), scene.state("answer:1"), scene.used()) == ("failed", "mined", 2)
    scene.relays = before


def test_a_private_transaction_that_a_reorganisation_takes_back_is_sent_again_privately(
    scene: Scene, relay: PrivateRelay
) -> None:
    scene.queue("settle:1", private=True)
    scene.step()
    turn(scene, relay)
    assert scene.state("settle:1") == "mined"
    scene.chain.rpc("anvil_reorg", 1, [])
    scene.drop()
    asked = len(relay.seen)
    scene.step()
    assert len(relay.seen) > asked
    turn(scene, relay)
    assert (scene.state("settle:1"), scene.count(), scene.used()) == ("mined", 1, 1)


def test_transactions_of_one_bundle_keep_their_order(make_scene: Make, relay: PrivateRelay) -> None:
    scene = make_scene(relays=Relays.open([relay.url], "bundle", SEARCHER))
    for number in range(3):
        scene.queue(f"settle:1:{number}", bytes([number]), private=True)
    scene.step()
    assert relay.methods() == ["eth_sendBundle"]
    assert len(relay.seen[0].params["txs"]) == 3
    turn(scene, relay)
    assert [scene.row(f"settle:1:{number}").nonce for number in range(3)] == [0, 1, 2]
    assert scene.count() == 3


def test_without_a_relay_nothing_private_is_sent_on_a_chain_that_others_watch(
    make_scene: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene()
    assert scene.chain.chain_id in LOCAL_CHAINS
    monkeypatch.setattr("relayer.transactions.desk.LOCAL_CHAINS", ())
    scene.queue("settle:1", private=True)
    scene.step()
    assert (scene.state("settle:1"), scene.waiting()) == ("queued", [])
    assert scene.alarms() == ["private_endpoint_missing"]
    scene.policy = Policy(public_fallback=True)
    scene.turn(1)
    assert scene.waiting()
    scene.turn(1)
    assert scene.state("settle:1") == "mined"


def test_what_is_out_privately_waits_when_no_relay_is_left(make_scene: Make, relay: PrivateRelay) -> None:
    scene, before = left_without_a_relay(make_scene, relay)
    scene.turn(5)
    assert (scene.state("settle:1"), scene.waiting(), len(scene.attempts("settle:1"))) == ("sent", [], 1)
    assert scene.alarms() == ["private_endpoint_missing"]
    scene.relays, relay.dropping = before, False
    scene.manager.release()
    scene.manager = scene.sender("first")
    turn(scene, relay, 3)
    assert (scene.state("settle:1"), scene.count()) == ("mined", 1)


def test_no_calldata_is_in_what_is_told_of_a_relay(
    scene: Scene, relay: PrivateRelay, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "1234567890abcdef" * 4
    relay.refusing = f"already have 0x02{secret}"
    with caplog.at_level("DEBUG"):
        scene.queue("settle:1", bytes.fromhex(secret), private=True)
        scene.step()
    assert relay.seen
    told = repr((scene.told(), scene.told("transactions"), [each.error for each in scene.attempts("settle:1")]))
    assert secret not in told + caplog.text
