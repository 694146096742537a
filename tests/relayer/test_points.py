"""Named places cost nothing in service, and tests can act at them."""

from relayer import points


def test_a_hook_is_called_with_the_place_until_it_is_taken_away() -> None:
    seen: list[str] = []
    points.install(seen.append)
    points.reached("seal.before-queue")
    points.install(None)
    points.reached("seal.after-queue")
    assert seen == ["seal.before-queue"]
