"""Nothing is concluded from one moment, and nothing waits for ever where a chain stands still."""

from relayer.chain import Block
from relayer.transactions.memory import QUIET_SECONDS, Memory


def block(number: int) -> Block:
    return Block(number, number.to_bytes(32, "big"), bytes(32), 0)


def test_a_refusal_counts_once_a_block() -> None:
    memory = Memory(lambda: 0.0)
    assert [memory.refused("a", block(n)) for n in (1, 1, 2, 2, 3)] == [1, 1, 2, 2, 3]
    memory.accepted("a")
    assert memory.refused("a", block(4)) == 1


def test_on_a_chain_that_stands_still_a_refusal_counts_after_a_while() -> None:
    now = [0.0]
    memory = Memory(lambda: now[0])
    counts = []
    for _ in range(4):
        counts.append(memory.refused("a", block(1)))
        now[0] += QUIET_SECONDS / 2
    assert counts == [1, 1, 2, 2]


def test_a_transaction_is_seen_to_once_a_block_and_again_after_a_while() -> None:
    now = [0.0]
    memory = Memory(lambda: now[0])
    assert [memory.seen_to("a", block(1)), memory.seen_to("a", block(1))] == [False, True]
    assert not memory.seen_to("a", block(2))
    now[0] += QUIET_SECONDS
    assert not memory.seen_to("a", block(2))
    memory.look_again()
    assert not memory.seen_to("a", block(2))


def test_a_dispute_is_counted_in_blocks_until_it_ends() -> None:
    memory = Memory(lambda: 0.0)
    assert [memory.disputed("a", block(n)) for n in (5, 6, 8)] == [0, 1, 3]
    assert (memory.is_disputed("a"), memory.is_disputed("b")) == (True, False)
    memory.undisputed("a")
    assert memory.disputed("a", block(9)) == 0
