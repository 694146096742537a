"""No log line, metric, trace, error, delivery or proof holds a number of an order, and no page of the database once it is deleted.

The real command, with traces and all that the log can say, is sent orders of every fate whose limits, quantities and salts stand nowhere
else; they are proven and settled, and deleted. Then each of these numbers is looked for in whatever the service has said or keeps. What
an order's owner is answered with a session is not looked at: there they are found, as a public price is in public answers and a number
that was planted is in the log.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import text

from demo.vault import HOUR, BondTerms
from relayer.api import tokens
from relayer.auth import sign_cancel, sign_challenge
from relayer.store import chain
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Base, Batch, BatchState, OrderState
from relayer.store.models import Order as OrderRow
from relayer.store.retention import LEASE, Retention
from tests.postgres import Cluster
from tests.relayer.leaks.command import MODULE, VARIABLE
from tests.relayer.leaks.fates import DEPOSIT, MARK, ROWS, Fates, Numbers, Sent
from tests.relayer.leaks.listener import Listener, listener
from tests.relayer.leaks.needles import Search
from tests.relayer.service.venue import FINAL_BLOCKS, PLAN
from tests.relayer.serving.relayer import DOLLAR, Relayer, relayer
from tests.relayer.venue import Owner

FULL = bool(os.environ.get("TACIT_FULL"))
ORDERS: Final = 1_000 if FULL else 60
BULK: Final = 20
PLANTED: Final = 271_828_182_845
SHORTEST: Final = 16
"""Bytes of what is stored encrypted, by which it is known."""
YEAR_MS: Final = 365 * 24 * HOUR * 1000
DEBUG: Final = """\
[logs]
level = "debug"
[tracing]
endpoint = "{listener}/v1/traces"
ratio = 1.0
[webhooks]
private_addresses = true
[retention]
after_final_seconds = 0
every_seconds = 1
[proving]
directory = "proofs"
"""
PUBLIC: Final = ("/healthz", "/readyz", "/v1/instruments", "/v1/risk", "/v1/state", "/v1/keys", "/v1/batches")
ADMIN: Final = ("/v1/relayer/status", "/v1/transactions", "/v1/webhooks", "/metrics", "/healthz", "/readyz")
OVER: Final = (OrderState.FINAL, OrderState.CANCELLED, OrderState.LAPSED)


@dataclass
class Said:
    """All that came out, by where it came from."""

    parts: dict[str, bytes] = field(default_factory=dict)

    def add(self, where: str, content: bytes) -> None:
        """Keeps it."""
        self.parts[where] = self.parts.get(where, b"") + b"\n" + content

    def answer(self, where: str, answer: httpx.Response) -> httpx.Response:
        """Keeps an answer, heads and all."""
        self.add(where, repr(answer.headers.raw).encode() + answer.content)
        return answer


@dataclass
class Observed:
    """A service that is observed from outside."""

    relayer: Relayer
    listener: Listener
    client: httpx.Client
    admin: dict[str, str]
    said: Said = field(default_factory=Said)
    numbers: Numbers = field(default_factory=lambda: Numbers(random.Random(5)))
    owners: dict[str, bytes] = field(default_factory=dict)
    """Answers to owners' sessions."""
    fills: list[dict[str, Any]] = field(default_factory=list)
    """What owners were told is filled."""
    stored: set[bytes] = field(default_factory=set)
    """Beginnings of what was stored encrypted of orders that are over now."""
    sent: int = 0
    cancelled: int = 0
    sessions: dict[str, dict[str, str]] = field(default_factory=dict)

    # ---- orders

    def send(self, sent: Sent) -> dict[str, Any]:
        """Sends an order without a session; its answer."""
        self.sent += 1
        url = self.relayer.started["public"] + "/v1/orders"
        answer = self.said.answer("answers", self.client.post(url, json=sent.body, headers=sent.headers))
        told: dict[str, Any] = answer.json()
        assert told.get("code", "") == sent.code, f"{sent.code or 'taken'} is answered {answer.text}"
        return told

    def refuse(self, refused: list[Sent]) -> None:
        """Sends what is refused by itself, to be checked, and several at once."""
        url = self.relayer.started["public"] + "/v1/orders"
        for each in refused:
            self.send(each)
            self.said.answer("answers", self.client.post(f"{url}/check", json=each.body))
            self.said.answer("answers", self.client.post(f"{url}/bulk", json={"orders": [each.body, {}]}))
        # One that is refused for its idempotency key alone would be taken here, and one that is no envelope has all refused.
        bodies = [each.body for each in refused if each.code != "INVALID_REQUEST" and not each.headers]
        for at in range(0, len(bodies), BULK):
            several = {"orders": bodies[at : at + BULK]}
            results = self.said.answer("answers", self.client.post(f"{url}/bulk", json=several)).json()
            assert all(each["problem"] for each in results["results"]), results

    def misplace(self) -> None:
        """Numbers of orders where none belong."""
        url, numbers = self.relayer.started["public"], self.numbers
        for _ in range(3):
            quantity, salt = numbers.quantity(), numbers.salt()
            for path in (f"/v1/orders/{quantity}", f"/v1/orders/{salt:x}", f"/v1/batches/{quantity}", f"/{salt}"):
                self.said.answer("answers", self.client.get(url + path, params={"limit": str(quantity)}))
            self.said.answer("answers", self.client.get(f"{url}/v1/batches?cursor={salt}&quantity={quantity}"))
            head = {"Authorization": f"Bearer {salt}"}
            self.said.answer("answers", self.client.get(f"{url}/v1/orders/{'A' * 32}", headers=head))
            self.said.answer("answers", self.client.put(f"{url}/v1/orders", content=f'{{"limit": {quantity}'))

    def session(self, owner: Owner) -> dict[str, str]:
        """A session's header."""
        if owner.name not in self.sessions:
            url, word = self.relayer.started["public"] + "/v1/auth", f"0x{owner.holder.owner:064x}"
            challenge = self.client.post(f"{url}/challenges", json={"owner": word}).json()["challenge"]
            signature = sign_challenge(owner.seed, self.relayer.venue.vault.domain, int(challenge, 16))
            body = {"owner": word, "challenge": challenge, "signature": "0x" + signature.hex()}
            self.sessions[owner.name] = {
                "Authorization": "Bearer " + self.client.post(f"{url}/sessions", json=body).json()["token"]
            }
        return self.sessions[owner.name]

    def cancel(self, owner: Owner, other: Owner, order: dict[str, Any]) -> None:
        """Its owner cancels it, after another has tried to, unless it has its receipt meanwhile."""
        domain, url = self.relayer.venue.vault.domain, f"{self.relayer.started['public']}/v1/orders/{order['id']}"
        signature = "0x" + sign_cancel(owner.seed, domain, int(order["hash"], 16)).hex()
        head = {"Tacit-Signature": signature}
        foreign = self.client.delete(url, headers=self.session(other) | head)
        assert self.said.answer("answers", foreign).status_code == 404
        answer = self.client.delete(url, headers=self.session(owner) | head)
        if answer.status_code == 409:
            assert self.said.answer("answers", answer).json()["code"] == "CONFLICT"
            return
        assert answer.json()["state"] == "cancelled", answer.text
        self.cancelled += 1
        self.owners[owner.name] = self.owners.get(owner.name, b"") + answer.content

    # ---- the operator

    def ask(self, method: str, path: str, **body: object) -> httpx.Response:
        """Asks the operator's interface."""
        url = self.relayer.started["admin"] + path
        return self.said.answer("admin", self.client.request(method, url, headers=self.admin, json=body or None))

    def paused(self, order: Sent) -> None:
        """One is refused because orders are not taken."""
        assert self.ask("PATCH", "/v1/relayer/policies", intake_paused=True).status_code == 200
        url = self.relayer.started["public"] + "/v1/orders/check"

        def refused() -> bool:
            answer = self.said.answer("answers", self.client.post(url, json=order.body))
            return any(each["code"] == "PAUSED" for each in answer.json()["issues"])

        self.relayer.until(refused)
        self.send(replace(order, code="PAUSED"))
        assert self.ask("PATCH", "/v1/relayer/policies", intake_paused=False).status_code == 200

    def look(self) -> None:
        """Asks for everything that anybody, and the operator, can be told."""
        for path in PUBLIC:
            self.said.answer("public", self.client.get(self.relayer.started["public"] + path))
        for number in self.relayer.states():
            for part in ("", "/proof"):
                url = f"{self.relayer.started['public']}/v1/batches/{number}{part}"
                self.said.answer("public", self.client.get(url))
        self.said.answer("public", self.client.get(self.relayer.started["public"] + "/metrics"))
        for path in ADMIN:
            # On a machine that is busy a process may be late with its sign of life for a moment.
            self.relayer.until(lambda path=path: self.ask("GET", path).status_code == 200)  # type: ignore[misc]
        for each in self.ask("GET", "/v1/transactions").json()["items"]:
            self.ask("GET", f"/v1/transactions/{each['id']}")

    def keep_stored(self) -> None:
        """Remembers what stands encrypted in the database, and takes in the folder of proofs."""
        with self.relayer.looking() as session:
            contents = [part for row in session.query(OrderRow) for part in (row.content_sealed, row.result_sealed)]
            contents += [row.batch_sealed for row in session.query(Batch)]
        self.stored |= {content[:SHORTEST] for content in contents if content}
        self.said.add("proofs", files(self.relayer.folder / "proofs"))

    def round(self, fates: Fates) -> None:
        """Orders of every fate, until those that have a receipt are settled."""
        self.relayer.until(lambda: BatchState.OPEN in self.relayer.states().values())
        fates.begin()
        taken = [(each, self.send(each)) for each in [*fates.filled(), *fates.others(), *fates.others()]]
        self.refuse(list(fates.refused()))
        for place, (each, told) in enumerate(taken):
            if told["state"] == "waiting" and place % 2:
                self.cancel(each.owner, fates.rich[(fates.rich.index(each.owner) + 1) % 4], told)
        number = max(told["batch"] for _, told in taken if "batch" in told)
        assert self.ask("POST", "/v1/batches").status_code == 202
        self.relayer.until(lambda: self.relayer.states()[number] in (BatchState.MINED, BatchState.FINAL))
        self.keep_stored()
        for owner in fates.rich:
            url = f"{self.relayer.started['public']}/v1/accounts/0x{owner.holder.owner:064x}/fills"
            self.fills += self.client.get(url, headers=self.session(owner)).json()["items"]


def files(folder: Path) -> bytes:
    """All files of a folder, one after another."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            found.append(path.read_bytes() if path.is_file() else b"")
        except FileNotFoundError:
            continue  # deleted meanwhile
    return b"\n".join(found)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"] if FULL else ["sqlite"])
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture(scope="module")
def observed(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A service that has had its orders, has deleted them, and has stopped."""
    folder = tmp_path_factory.mktemp("said")
    url = f"sqlite:///{folder / 'tacit.sqlite'}"
    if kind == "postgresql":
        url = request.getfixturevalue("postgres").empty()
    plan = replace(PLAN, bonds=BondTerms(challenge_time=HOUR, answer_time=HOUR))
    with ExitStack() as held:
        at = held.enter_context(listener())
        running = held.enter_context(relayer(folder, url, plan, ROWS))
        made = Observed(running, at, held.enter_context(httpx.Client(timeout=60)), settings(running, at))
        running.start((sys.executable, "-m", MODULE), **{VARIABLE: str(PLANTED)})
        live(made)
        assert running.stop() == 0
        later(running)
        finished(made, request, kind)
        yield made


def settings(running: Relayer, at: Listener) -> dict[str, str]:
    """Completes the settings; the header of the operator's token."""
    token, kept = tokens.make("test", frozenset(tokens.SCOPES))
    (running.folder / "admin-tokens").write_text(kept.line + "\n")
    given = running.config.read_text().replace("close_seconds = 5", "close_seconds = 3600")
    running.config.write_text(given + DEBUG.format(listener=at.url))
    return {"Authorization": f"Bearer {token}"}


def live(made: Observed) -> None:
    """The whole life of the service."""
    running = made.relayer
    running.until(running.ready)
    hook = {"url": made.listener.url + "/hook", "channels": ["batches", "transactions", "alerts"]}
    assert made.ask("POST", "/v1/webhooks", **hook).status_code == 201
    rich, poor = [joined(running, f"rich{n}", DEPOSIT) for n in range(4)], joined(running, "poor", 100 * DOLLAR)
    fates = Fates(running, rich, poor, made.numbers)
    known(made, fates)
    while made.sent < ORDERS:
        made.round(fates)
        made.look()
    assert made.cancelled > 0
    made.paused(fates.plain(rich[0]))
    made.misplace()
    running.venue.chain.rpc("anvil_mine", hex(FINAL_BLOCKS))
    running.until(lambda: deleted(running))
    made.look()


def joined(running: Relayer, name: str, amount: int) -> Owner:
    owner = running.venue.owner(name)
    assert running.register(owner).status_code == 201
    made = running.venue.deposit(owner, amount)
    assert isinstance(made, Owner)
    return made


def known(made: Observed, fates: Fates) -> None:
    """Waits until the service has seen the deposits, and takes orders of their accounts."""

    def unknown(owner: Owner) -> bool:
        url = made.relayer.started["public"] + "/v1/orders/check"
        answer = made.said.answer("answers", made.client.post(url, json=fates.plain(owner).body))
        return any(each["code"] == "UNKNOWN_ACCOUNT" for each in answer.json()["issues"])

    fates.begin()
    for owner in (*fates.rich, fates.poor):
        made.relayer.until(lambda owner=owner: not unknown(owner))  # type: ignore[misc]


def deleted(running: Relayer) -> bool:
    """Whether nothing is left of orders that are over."""
    with running.looking() as session:
        rows = list(session.query(OrderRow))
    return all(row.content_sealed is None for row in rows if row.state in OVER) and all(
        row.state in (*OVER, OrderState.WAITING, OrderState.RECEIPTED) for row in rows
    )


def later(running: Relayer) -> None:
    """Retention a year on, by the chain's time too, when no settled batch can be asked about any more."""
    database = Database.open(running.database_url)
    try:
        with database.write() as session:
            newest = chain.head(session)
            assert newest is not None
            chain.add(session, [], [], replace(newest, time=newest.time + YEAR_MS // 1000))
        leases = Leases(database, "later", clock=lambda: now_ms() + YEAR_MS)
        lease = leases.acquire(LEASE)
        assert lease is not None
        retention = Retention(
            database=database, after_final=0, evidence=lambda: 0, clock=lambda: now_ms() + YEAR_MS, rewrite=0
        )
        while retention.step(lease):
            pass
    finally:
        database.close()


def finished(made: Observed, request: pytest.FixtureRequest, kind: str) -> None:
    """Takes in what is left when it has stopped."""
    running = made.relayer
    made.said.add("log", running.log.encode())
    made.said.add("traces", made.listener.came("/v1/traces"))
    made.said.add("webhook", made.listener.came("/hook"))
    made.said.add("proofs left", files(running.folder / "proofs"))
    for path in running.folder.iterdir():
        if path.is_file() and path.name != "log":
            made.said.add("database" if path.name.startswith("tacit.sqlite") else "files", path.read_bytes())
    with running.looking() as session:
        for table in Base.metadata.tables:
            for row in session.execute(text(f"SELECT * FROM {table}")):  # noqa: S608 - a name of ours
                made.said.add("rows", repr(tuple(row)).encode())
    if kind == "postgresql":
        cluster: Cluster = request.getfixturevalue("postgres")
        cluster.run("CHECKPOINT")
        made.said.add("database", files(cluster.data / "base"))
        made.said.add("log", (cluster.folder / "log").read_bytes())


def test_no_number_of_an_order_stands_anywhere(observed: Observed) -> None:
    assert observed.sent >= ORDERS
    search = Search(observed.numbers.made)
    found = {where: search.found(content) for where, content in observed.said.parts.items()}
    assert {where: each for where, each in found.items() if each} == {}


def test_what_was_stored_of_orders_is_in_no_page_once_they_are_deleted(observed: Observed) -> None:
    with observed.relayer.looking() as session:
        left = {
            part[:SHORTEST]
            for row in session.query(OrderRow)
            for part in (row.content_sealed, row.result_sealed)
            if part
        }
        left |= {row.batch_sealed[:SHORTEST] for row in session.query(Batch) if row.batch_sealed}
    gone = observed.stored - left
    assert len(gone) >= 8
    assert not [each.hex() for each in gone if each in observed.said.parts["database"]]
    assert [each for each in left if each in observed.said.parts["database"]] == list(left)


def test_the_same_search_finds_what_is_said(observed: Observed) -> None:
    """A number planted in the log, a public price, and an owner's own, which were filled at that price."""
    parts = observed.said.parts
    assert (PLANTED, "decimal") in Search([PLANTED]).found(parts["log"])
    assert (MARK, "decimal") in Search([MARK]).found(parts["public"])
    search = Search(observed.numbers.made)
    assert all(search.found(answered) for answered in observed.owners.values())
    assert observed.owners
    assert len(observed.fills) >= 4
    prices = {int(each["price"]) for each in observed.fills}
    quantities = {abs(int(each["quantity"])) for each in observed.fills}
    # At full depth who waits from earlier batches meets somebody: in part, and at other prices. These are public too, but packed into
    # the closing words of a settlement, where this search does not look for anything.
    assert MARK in prices if FULL else prices == {MARK}
    assert quantities & observed.numbers.made if FULL else quantities <= observed.numbers.made


def test_it_was_looked_at_everything_that_is_said(observed: Observed) -> None:
    """Each place holds what it is for."""
    holds = {
        "log": b"relayer.access",
        "traces": b"service.name",
        "webhook": b'"channel":"batches"',
        "admin": b"tacit_",
        "public": b'"mark"',
        "answers": b"INSUFFICIENT_MARGIN",
        "rows": b"tacit.settlement.1",
        "database": b"settle:1",
    }
    assert [where for where, word in holds.items() if word not in observed.said.parts.get(where, b"")] == []
    assert len(observed.said.parts["proofs"]) > 10_000
