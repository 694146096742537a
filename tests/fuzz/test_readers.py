"""Everything in the package that reads what others wrote: it reads it, or says with one of its own errors why not.

No other exception comes out, least of all a panic; what is read writes back as it was; readers in Rust and Python
agree; and no message repeats a value, which may be an order or a key.
"""

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from typer.testing import CliRunner

from prover import Expected, Keys, RiskTable, SealedBatch, Settlement, State, _native, eddsa
from prover.batch import read_touch, risk_text
from prover.cli import app
from prover.eddsa import PointLike
from prover.errors import (
    BatchError,
    ChainError,
    FieldError,
    FileError,
    KeyFileError,
    ParamsError,
    PointError,
    ReadingError,
    RiskTableError,
    SettlementError,
    StateError,
    TacitError,
    VerificationError,
)
from prover.explain import Account, Epoch, explain
from prover.hashing import FIELD_ORDER, poseidon, sponge
from prover.keys import Manifest
from prover.proof import _Folder
from prover.settlement import LockedDeposit, public_inputs, verify
from tests.fuzz.depth import depth
from tests.fuzz.documents import CANARY, changed, numbers, text_of, texts
from tests.prover.material import ROOT, Case, Proven

commands = depth(12, 150, 60)
few = depth(40, 400, 150)
some = depth(100, 2_000, 400)

Errors = type[TacitError] | tuple[type[TacitError], ...]
T = TypeVar("T")
SHORTEST = 10
"""Characters of a message that says why."""


def read(reader: Callable[[], T], errors: Errors, *, public: bool = False) -> T | None:
    """What a reader makes of something, None if it refuses it as it may; of what is public it may quote values."""
    try:
        return reader()
    except errors as error:
        refusal = error
    message = f"{refusal} {dict(refusal.values)}"
    # The name of a parameter set that there is not may be quoted: it is no part of an order.
    name = str(refusal.values.get("name", ""))
    said = message.replace(repr(name), "").replace(f"`{name}`", "")
    quoted = not public and CANARY in said.replace(repr(CANARY), "").replace(f"`{CANARY}`", "")
    if quoted or len(str(refusal)) < SHORTEST:
        pytest.fail(f"a refusal that says nothing, or too much: {message}")
    return None


def same(one: str, other: str) -> bool:
    return bool(json.loads(one) == json.loads(other))


# --- files of the package -------------------------------------------------------------------------


@some
@given(data=st.data())
def test_batches(case: Case, data: DataObject) -> None:
    text = data.draw(text_of(json.loads(case.batch.to_json())))
    batch = read(lambda: SealedBatch.from_json(text), (BatchError, ParamsError, RiskTableError))
    if batch is None:
        return
    assert same(batch.to_json(), text)
    assert SealedBatch.from_json(batch.to_json()) == batch
    cleared = read(lambda: case.state.clear(batch), (BatchError, RiskTableError, StateError))
    assert cleared is None or cleared.start_root == case.state.root


@some
@given(data=st.data())
def test_settlements(proven: Proven, keys: Keys, data: DataObject) -> None:
    text = data.draw(text_of(json.loads(proven.settlement.to_json())))
    settlement = read(lambda: Settlement.from_json(text), SettlementError)
    if settlement is None:
        return
    assert same(settlement.to_json(), text)
    assert Settlement.from_json(settlement.to_json()) == settlement
    errors = (SettlementError, VerificationError, ParamsError, FieldError, BatchError)
    root = read(lambda: verify(settlement, keys, proven.expected), errors)
    assert (root is not None) == (settlement == proven.settlement)
    read(lambda: public_inputs(settlement), errors)
    claimed = read(lambda: Expected.claimed_by(settlement), errors)
    if claimed is not None:
        root = read(lambda: verify(settlement, keys, claimed), errors)
        assert (root is not None) == (settlement == proven.settlement)


@some
@given(data=st.data())
def test_what_is_expected(proven: Proven, keys: Keys, data: DataObject) -> None:
    stated = replace(proven.expected, deposits={3: LockedDeposit(5, 6)}, exits={4: 7}, settled={8: 9})
    text = data.draw(text_of(json.loads(stated.to_json())))
    expected = read(lambda: Expected.from_json(text), SettlementError)
    if expected is not None:
        assert Expected.from_json(expected.to_json()) == expected
        assert same(expected.to_json(), text)
        read(lambda: verify(proven.settlement, keys, expected), (SettlementError, VerificationError))


@some
@given(data=st.data())
def test_states(case: Case, data: DataObject) -> None:
    text = data.draw(text_of(json.loads(case.state.to_json())))
    state = read(lambda: State.from_json(text), (BatchError, StateError, ParamsError))
    if state is not None:
        assert same(state.to_json(), text)
        assert State.from_bytes(state.params, state.to_bytes()).root == state.root


@some
@given(data=st.data())
def test_stored_states(case: Case, data: DataObject) -> None:
    raw = bytearray(case.state.to_bytes())
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    params = data.draw(st.sampled_from(["dev", "standard", "none"]))
    state = read(lambda: State.from_bytes(params, bytes(raw)), (StateError, ParamsError))
    assert state is None or state.to_bytes() == bytes(raw)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state"
        path.write_bytes(data.draw(st.sampled_from([bytes(raw), b"{" + bytes(raw), b" \xff"])))
        read(lambda: State.load(path, params), (StateError, BatchError, ParamsError))


def account_of(case: Case) -> Account:
    touch = next(touch for touch in case.batch.touches if len(touch.orders) == 2)
    return Account(touch.index, touch.holder, tuple(sealed.order for sealed in touch.orders))


@some
@given(data=st.data())
def test_accounts_in_python_and_rust(case: Case, data: DataObject) -> None:
    document = data.draw(changed(json.loads(account_of(case).to_json())))
    text = json.dumps(document)
    account = read(lambda: Account.from_json(text), ReadingError)
    if account is not None:
        assert same(account.to_json(), text)
        assert Account.from_json(account.to_json()) == account
        account.holder.owner  # noqa: B018 - Rust reads what Python read
        assert all(order.hash(5) for order in account.orders)


@some
@given(data=st.data())
def test_holders_in_python_and_rust(case: Case, data: DataObject) -> None:
    holder = data.draw(changed(account_of(case).holder.to_wire()))
    document = {"format": "tacit.account.1", "index": 1, "holder": holder, "orders": []}
    ours = read(lambda: Account.from_json(json.dumps(document)), ReadingError)
    theirs = read(lambda: _native.holder_owner(json.dumps(holder)), (BatchError, FieldError))
    assert (ours is None) == (theirs is None)
    assert ours is None or ours.holder.owner == theirs


@some
@given(data=st.data())
def test_orders_in_python_and_rust(case: Case, data: DataObject) -> None:
    order = data.draw(changed(account_of(case).orders[0].to_wire()))
    holder = account_of(case).holder.to_wire()
    document = {"format": "tacit.account.1", "index": 1, "holder": holder, "orders": [order]}
    ours = read(lambda: Account.from_json(json.dumps(document)), ReadingError)
    theirs = read(lambda: _native.order_hash(json.dumps(order), 5), BatchError)
    assert (ours is None) == (theirs is None)
    assert ours is None or ours.orders[0].hash(5) == theirs


@some
@given(data=st.data())
def test_contexts_in_python_and_rust(proven: Proven, data: DataObject) -> None:
    """What a settlement says and Rust cannot hold is refused where it is read."""
    context = data.draw(changed(proven.settlement.context.to_wire()))
    document = json.loads(proven.settlement.to_json()) | {"context": context}
    settlement = read(lambda: Settlement.from_json(json.dumps(document)), SettlementError)
    if settlement is not None:
        assert len(public_inputs(settlement)) == len(settlement.segments) + 1


@some
@given(data=st.data())
def test_risk_tables(case: Case, data: DataObject) -> None:
    text = data.draw(text_of(json.loads(risk_text("dev", case.batch.risk))))
    root = read(lambda: _native.risk_root(text), (BatchError, RiskTableError, ParamsError))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "risk.json"
        path.write_text(text, encoding="utf-8", errors="replace")
        epoch = read(lambda: Epoch.load(path), (RiskTableError, FileError))
    if root is not None:
        assert epoch is not None
        assert _native.risk_root(risk_text(json.loads(text)["params"], epoch.rows)) == root


@pytest.fixture(scope="session")
def table() -> RiskTable:
    return RiskTable.from_chain(ROOT / "data" / "chains" / "btc_2025-12-05.csv", max_rows=2, scenarios="dev")


@some
@given(data=st.data())
def test_tables_of_chains(table: RiskTable, data: DataObject) -> None:
    text = data.draw(text_of(json.loads(table.to_json())))
    read_again = read(lambda: RiskTable.from_json(text), RiskTableError, public=True)
    if read_again is not None:
        assert RiskTable.from_json(read_again.to_json()) == read_again


@few
@given(data=st.data())
def test_chains(data: DataObject) -> None:
    lines = (ROOT / "data" / "chains" / "btc_2025-12-05.csv").read_text(encoding="utf-8").splitlines()[:6]
    cells = [line.split(",") for line in lines]
    for _ in range(data.draw(st.integers(0, 3))):
        row = data.draw(st.sampled_from(cells))
        if row:
            at = data.draw(st.integers(0, len(row) - 1))
            row[at : at + data.draw(st.integers(0, 1))] = data.draw(st.lists(texts, max_size=2))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chain.csv"
        path.write_text("\n".join(",".join(row) for row in cells), encoding="utf-8", errors="replace")
        read(lambda: RiskTable.from_chain(path, scenarios="dev", unpriced="skip"), (ChainError, FileError), public=True)


# --- keys -----------------------------------------------------------------------------------------


@few
@given(data=st.data())
def test_manifests_and_keys(keys: Keys, data: DataObject) -> None:
    """Keys are public: what is refused may be named."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for circuit in ("segment", "closing"):
            manifest = json.loads((keys.folder / f"{circuit}.json").read_text())
            (folder / f"{circuit}.json").write_text(data.draw(text_of(manifest, 1)), "utf-8", "replace")
            raw = bytearray((keys.folder / f"{circuit}.vk").read_bytes())
            if data.draw(st.booleans()):
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1
            (folder / f"{circuit}.vk").write_bytes(raw)
        read(lambda: Manifest.load(folder, "segment"), (KeyFileError, FileError), public=True)
        loaded = read(lambda: Keys.load(folder, "dev"), (KeyFileError, FileError, ParamsError), public=True)
        if loaded is not None:
            read(lambda: loaded.verifying, (KeyFileError, FileError), public=True)
            read(loaded.solidity, (KeyFileError, FileError), public=True)
            read(lambda: loaded.proving, (KeyFileError, FileError), public=True)


# --- numbers, points, signatures ------------------------------------------------------------------

packed = st.one_of(
    st.binary(max_size=70), st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64), texts
)
field_like = st.one_of(numbers, texts)


@some
@given(packed=packed)
def test_packed_points_and_signatures(packed: bytes | str) -> None:
    point = read(lambda: eddsa.unpack(packed), PointError)
    raw = bytes.fromhex(packed.removeprefix("0x")) if isinstance(packed, str) and point is not None else packed
    assert point is None or eddsa.pack(point) == raw
    signature = read(lambda: eddsa.unpack_signature(packed), (PointError, FieldError))
    if signature is not None:
        raw = bytes.fromhex(packed.removeprefix("0x")) if isinstance(packed, str) else packed
        assert eddsa.pack_signature(signature) == raw


@some
@given(
    key=st.tuples(field_like, field_like) | packed,
    message=field_like,
    r8=st.tuples(field_like, field_like),
    s=field_like,
)
def test_signatures_of_strangers(
    key: PointLike, message: int | str, r8: tuple[int | str, int | str], s: int | str
) -> None:
    assert read(lambda: eddsa.verify(key, message, (r8, s)), (PointError, FieldError)) in (None, False)
    read(lambda: eddsa.pack(key), (PointError, FieldError))
    read(lambda: eddsa.pack_signature((r8, s)), (PointError, FieldError))


@some
@given(inputs=st.lists(field_like, max_size=20))
def test_field_elements(inputs: list[int | str]) -> None:
    result = read(lambda: poseidon(inputs), FieldError)
    in_range = all(isinstance(each, str) or 0 <= each < FIELD_ORDER for each in inputs)
    assert result is None or (in_range and 1 <= len(inputs) <= 16)
    read(lambda: sponge(5, inputs), FieldError)


# --- what an owner reads --------------------------------------------------------------------------


@some
@given(data=st.data())
def test_words_of_a_touch(proven: Proven, case: Case, data: DataObject) -> None:
    account = account_of(case)
    honest = proven.settlement.touch_words(account.index)
    words = data.draw(changed(honest))
    integers = [word for word in words if isinstance(word, int) and not isinstance(word, bool)]
    domain = proven.settlement.context.domain
    reading = read(
        lambda: read_touch("dev", integers, account.holder, domain, account.index), (ReadingError, FieldError)
    )
    told = [0, 2, 5, *range(6, len(honest))]
    assert reading is None or [integers[at] for at in told] == [honest[at] for at in told]


@some
@given(data=st.data())
def test_explanations(proven: Proven, case: Case, data: DataObject) -> None:
    """A settlement that only its maker vouches for: it is explained, or refused."""
    document = json.loads(proven.settlement.to_json())
    parts = {name: data.draw(changed(document[name])) for name in ("context", "words")}
    settlement = read(lambda: Settlement.from_json(json.dumps(document | parts)), SettlementError)
    if settlement is None:
        return
    account = account_of(case)
    if data.draw(st.booleans()):
        account = replace(account, orders=tuple(replace(order, quantity=2**32 - 1) for order in account.orders))
    epoch = Epoch(case.batch.risk, {}, ())
    errors = (ReadingError, RiskTableError, SettlementError, BatchError, FieldError, ParamsError, StateError)
    explanation = read(lambda: explain(settlement, account, epoch), errors)
    assert explanation is None or json.dumps(explanation.to_wire())


@few
@given(data=st.data())
def test_margin_of_any_records(case: Case, data: DataObject) -> None:
    """Leaf, table, context and orders that belong to no batch."""
    touch = next(touch for touch in case.cleared.touches if touch.new is not None and touch.new.positions)
    assert touch.new is not None
    leaf = data.draw(changed(json.loads(touch.new.to_json())))
    context = data.draw(changed(case.batch.context.to_wire()))
    orders = [data.draw(changed(order.to_wire(), 1)) for order in account_of(case).orders]
    table = risk_text("dev", case.batch.risk)
    terms = json.dumps(leaf), table, json.dumps(context), [json.dumps(order) for order in orders]
    read(lambda: _native.account_margin(*terms), (BatchError, StateError, RiskTableError))


# --- folders and commands -------------------------------------------------------------------------


@few
@given(data=st.data())
def test_folders_of_a_killed_run(proven: Proven, data: DataObject) -> None:
    """A stored proof that cannot be read is made again."""
    document = {"format": "tacit.proof.1", "proof": json.loads(proven.settlement.to_json())["closing"]["proof"]}
    with tempfile.TemporaryDirectory() as name:
        folder = _Folder(Path(name))
        (folder.root / "proofs").mkdir()
        (folder.root / "private").mkdir()
        (folder.root / "proofs" / "closing.json").write_bytes(
            data.draw(
                st.one_of(text_of(document).map(lambda text: text.encode("utf-8", "replace")), st.binary(max_size=20))
            )
        )
        (folder.root / "private" / "seed").write_bytes(data.draw(st.binary(max_size=40)))
        proof = read(lambda: folder.proof(None), FileError)
        assert proof is None or len(proof) == 8
        read(folder.seed, FileError)


@commands
@given(data=st.data())
def test_commands(proven: Proven, case: Case, keys: Keys, data: DataObject) -> None:
    """A command that is given damaged files ends with a message and the code of a refusal."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        documents = {
            "settlement.json": proven.settlement.to_json(),
            "expected.json": proven.expected.to_json(),
            "risk.json": risk_text("dev", case.batch.risk),
            "account.json": account_of(case).to_json(),
            "batch.json": case.batch.to_json(),
        }
        damaged = data.draw(st.sampled_from(sorted(documents)))
        for file, text in documents.items():
            content = data.draw(text_of(json.loads(text))) if file == damaged else text
            (folder / file).write_text(content, encoding="utf-8", errors="replace")
        (folder / "state.bin").write_bytes(case.state.to_bytes())
        root = f"{proven.expected.start_root:#x}"
        seal, risk = "0x" + proven.expected.seal_root.hex(), f"{proven.expected.risk_root:#x}"
        trusted = ["--start-root", root, "--seal", seal, "--risk-root", risk]
        run(["verify", str(folder), "--keys", str(keys.folder), "--expected", str(folder / "expected.json"), "--json"])
        run(["verify", str(folder), "--keys", str(keys.folder), *trusted])
        run(["explain", str(folder), "--account", str(folder / "account.json")])
        run(["explain", str(folder), "--account", str(folder / "account.json"), "--json"])
        run(["export", str(folder), "--out", str(folder / "out"), "--keys", str(keys.folder)])
        if damaged == "batch.json":
            run(["prove", str(folder / "batch.json"), "--out", str(folder / "proof"), "--keys", str(folder)])


def run(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), (arguments[0], result.exception)
    assert result.exit_code in (0, 1), result.output
    assert "Traceback" not in result.output
    assert result.exit_code == 0 or "InternalError" not in result.output
