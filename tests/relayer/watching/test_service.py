"""However many ask whether the service is ready, it is looked at once a second."""

import threading
import time

from relayer.intake.refusal import Unready
from relayer.watching.service import FRESH_SECONDS, STALE_SECONDS, Glance

BEHIND = [Unready("rpc_behind", "by 40 blocks")]


def test_what_ready_says_is_looked_up_once_a_second() -> None:
    times, looks = [0.0], []

    def look() -> list[Unready]:
        looks.append(times[0])
        return BEHIND if len(looks) > 1 else []

    glance = Glance(look, lambda: times[0])
    assert [list(glance()) for _ in range(100)] == [[]] * 100
    times[0] = FRESH_SECONDS
    assert [list(glance()) for _ in range(100)] == [BEHIND] * 100
    assert looks == [0.0, FRESH_SECONDS]


def test_who_asks_during_a_look_hears_the_last_one_and_waits_for_none_but_a_stale_one() -> None:
    times, begun, go = [0.0], threading.Event(), threading.Event()
    answers: list[list[Unready]] = []

    def look() -> list[Unready]:
        if times[0]:
            begun.set()
            assert go.wait(20)
            return BEHIND
        return []

    glance = Glance(look, lambda: times[0])
    assert list(glance()) == []
    times[0] = FRESH_SECONDS
    first = threading.Thread(target=lambda: answers.append(list(glance())))
    first.start()
    assert begun.wait(20)
    assert list(glance()) == [], "the look that is under way is another's"
    times[0] = FRESH_SECONDS + STALE_SECONDS
    second = threading.Thread(target=lambda: answers.append(list(glance())))
    second.start()
    time.sleep(0.05)
    assert answers == [], "what is too old is not told"
    go.set()
    first.join(20)
    second.join(20)
    assert answers == [BEHIND, BEHIND]
