"""Each condition that an operator must know of rises when it comes, and is told once when it comes and once when it goes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from relayer.config import Settings
from relayer.store import events
from relayer.store.challenges import ChallengeLine
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.overview import BatchLine, Trouble
from relayer.watching import alerts
from relayer.watching.status import Observed, Status, look

SETTINGS = Settings()
ETHER = 10**18


@pytest.fixture
def well(filled: Database) -> Status:
    """A service without a worry."""
    now = now_ms()
    seen = Observed(now, 100, now // 1000, [0, 0], balance=10 * ETHER, bond=10 * ETHER)
    alive = [
        {"instance": role, "role": role, "pid": 1, "started_at": 0, "at": now, "silent": False} for role in alerts.ROLES
    ]
    batches = [BatchLine(2, "proving", now - 1_000, 1, 0, 3)]
    return replace(look(filled), observed=seen, processes=alive, batches=batches, free_bytes=10**12)


def names(status: Status) -> set[str]:
    return {alert.name for alert in alerts.conditions(status, SETTINGS)}


def seeing(**changes: object) -> Callable[[Status], Status]:
    def change(status: Status) -> Status:
        assert status.observed is not None
        return replace(status, observed=replace(status.observed, **changes))  # type: ignore[arg-type]

    return change


WORRIES: dict[str, Callable[[Status], Status]] = {
    "balance_low": seeing(balance=ETHER // 4),
    "bond_low": seeing(bond=0),
    "bond_short": lambda s: replace(s, batches=[BatchLine(3, "closing", s.at, 40, 0, None, covered=37)]),
    "bond_reached": lambda s: replace(s, batches=[BatchLine(3, "open", s.at, 40, 0, None, covered=40)]),
    "batch_late": lambda s: replace(s, batches=[replace(s.batches[0], since=s.at - 2 * 3_600_000)]),
    "batch_failed": lambda s: replace(s, batches=[replace(s.batches[0], state="failed")]),
    "openings_held": lambda s: replace(s, held="3 it has failed"),
    "bond_challenged": lambda s: replace(s, challenges=[ChallengeLine(1, 3, s.at // 1000 + 90_000, "answered")]),
    "challenge_urgent": lambda s: replace(s, challenges=[ChallengeLine(1, 3, s.at // 1000 + 900, "urgent")]),
    "challenge_unanswerable": lambda s: replace(
        s, challenges=[ChallengeLine(1, 3, s.at // 1000 + 900, "unanswerable")]
    ),
    "exit_deadline": lambda s: seeing(exit_deadline=s.at // 1000 + 60)(s),
    "rpc_behind": lambda s: seeing(block_time=s.at // 1000 - 600)(s),
    "rpc_endpoint": seeing(endpoints=[0, None]),
    "rpc_disagreement": seeing(disagreement=True),
    "fee_cap": lambda s: replace(s, sending=["transaction_fee_cap"]),
    "public_fallback": lambda s: replace(s, sending=["private_transaction_public"]),
    "encryption_key": lambda s: replace(s, key_ends=s.at + 60_000),
    "database_full": lambda s: replace(s, database_bytes=19 * 2**30),
    "lease_lost": lambda s: replace(s, leases=[{"name": "pipeline", "holder": "", "expires_at": 0, "held": False}]),
    "process_silent": lambda s: replace(s, processes=s.processes[1:]),
    "step_fails": lambda s: replace(s, troubles=[Trouble("here", "worker", s.at, [s.at], {"seal": s.at - 301_000})]),
    "process_dies": lambda s: replace(
        s, troubles=[Trouble("here", "worker", s.at, [s.at - at * 35_000 for at in range(5)], {})]
    ),
}


def test_a_service_without_a_worry_raises_nothing(well: Status) -> None:
    assert names(well) == set()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", WORRIES)
def test_each_condition_rises_alone(well: Status, name: str) -> None:
    with_it = {"bond_challenged"} if name in ("challenge_urgent", "challenge_unanswerable") else set()
    assert names(WORRIES[name](well)) == {name} | with_it


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_what_passes_is_no_condition(well: Status) -> None:
    """A step that failed for a while, and a process that was started a few times or long ago."""
    now = well.at
    starts = [now - at * 35_000 for at in range(4)] + [now - 1_900_000 - at for at in range(4)]
    assert names(replace(well, troubles=[Trouble("here", "worker", now, starts, {"seal": now - 200_000})])) == set()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_batch_that_fails_again_and_again_is_told_while_it_is_tried_once_more(well: Status) -> None:
    attempts = SETTINGS.batches.attempts
    tried = [replace(well.batches[0], failures=failures) for failures in (attempts - 1, attempts)]
    assert [names(replace(well, batches=[each])) for each in tried] == [set(), {"batch_failed"}]
    assert names(replace(well, batches=[replace(tried[1], state="mined")])) == set()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_of_several_challenges_each_kind_is_told_and_the_first_one_named(well: Status) -> None:
    end = well.at // 1000 + 900
    asked = [ChallengeLine(number, 3, end + number, state) for number, state in enumerate(("open", "unanswerable"), 4)]
    told = {alert.name: alert.message for alert in alerts.conditions(replace(well, challenges=asked), SETTINGS)}
    assert told.keys() == {"bond_challenged", "challenge_unanswerable"}
    assert told["bond_challenged"] == "challenge 4 asks for an order of batch 3: open (and 1 more)"
    assert "challenge 5" in told["challenge_unanswerable"]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_bond_that_is_short_is_told_with_what_covers_the_batch(well: Status) -> None:
    status = seeing(per_order=ETHER // 100)(WORRIES["bond_short"](well))
    (alert,) = alerts.conditions(status, SETTINGS)
    assert alert.message.startswith("batch 3 has 40 orders, and the free bond covers 37")
    assert alert.message.endswith("fund the bonds with 0.03 ether")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_batch_that_is_full_by_the_operators_own_setting_is_no_matter_of_the_bond(well: Status) -> None:
    full = SETTINGS.batches.capacity
    status = replace(well, batches=[BatchLine(3, "open", well.at, full, 0, None, covered=full)])
    assert names(status) == set()


def test_every_condition_is_tried_here() -> None:
    assert set(WORRIES) == set(alerts.names())


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_disk_that_fills_up_is_told_like_a_database(well: Status) -> None:
    assert names(replace(well, free_bytes=10)) == {"database_full"}


def test_a_condition_is_told_when_it_comes_and_when_it_goes_and_not_between(database: Database, well: Status) -> None:
    low = alerts.conditions(WORRIES["balance_low"](well), SETTINGS)
    for at, holding in enumerate([low, low, []]):
        with database.write() as session:
            alerts.take_note(session, holding, at)
    with database.read() as session:
        told = events.since(session, 0, channels=["alerts"])
        assert alerts.since(session) == {}
    assert [(each.payload["name"], each.payload["state"]) for each in told] == [
        ("balance_low", "raised"),
        ("balance_low", "cleared"),
    ]
    assert told[0].payload["severity"] == "critical"


def test_since_when_a_condition_holds_is_kept(database: Database, well: Status) -> None:
    low = alerts.conditions(WORRIES["balance_low"](well), SETTINGS)
    for at in (5, 6):
        with database.write() as session:
            alerts.take_note(session, low, at)
    with database.read() as session:
        assert alerts.since(session) == {"balance_low": 5}
