"""What fuzzing found in the package's readers, one test each."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from prover import Expected, Settlement, _native, eddsa
from prover.batch import risk_text
from prover.errors import BatchError, FieldError, PointError, ReadingError, RiskTableError, SettlementError
from prover.explain import Account, Epoch, explain
from prover.settlement import LockedDeposit, public_inputs
from tests.prover.material import Case, Proven


@pytest.fixture
def account(case: Case) -> Account:
    touch = next(touch for touch in case.batch.touches if len(touch.orders) == 2)
    return Account(touch.index, touch.holder, tuple(sealed.order for sealed in touch.orders))


@pytest.mark.parametrize("words", [0, 1, 3, 10])
def test_a_settlement_cut_within_a_touch_claims_what_is_whole(proven: Proven, words: int) -> None:
    cut = replace(proven.settlement, words=proven.settlement.words[:words])
    claimed = Expected.claimed_by(cut)
    assert len(cut.live_touches) == words // 9
    assert claimed.start_root == cut.start_root
    with pytest.raises(SettlementError, match="data words"):
        public_inputs(cut)


@pytest.mark.parametrize(("num", "den"), [(0, 0), (5, 0), (1, 2), (7, 7)])
def test_a_settlement_with_an_impossible_margin_ratio_is_not_explained(
    proven: Proven, case: Case, account: Account, num: int, den: int
) -> None:
    told = replace(proven.settlement, context=replace(proven.settlement.context, num=num, den=den))
    with pytest.raises(BatchError, match="initial margin ratio"):
        explain(told, account, Epoch(case.batch.risk, {}, ()))


def test_margin_of_a_leaf_out_of_range_is_refused(case: Case, account: Account) -> None:
    touch = next(touch for touch in case.cleared.touches if touch.new is not None)
    assert touch.new is not None
    table, context = risk_text("dev", case.batch.risk), json.dumps(case.batch.context.to_wire())
    with pytest.raises(Exception, match="cash is outside"):
        _native.account_margin(replace(touch.new, cash=2**126).to_json(), table, context, [])
    order = json.dumps(replace(account.orders[0], limit=2**63).to_wire())
    with pytest.raises(BatchError, match="limit"):
        _native.account_margin(touch.new.to_json(), table, context, [order])


@pytest.mark.parametrize("change", [{"quantity": 12}, {"limit": "٣"}, {"side": "bye"}, {"slot": 64}, {"more": 1}])
def test_an_account_holds_orders_of_the_documented_format_only(account: Account, change: dict[str, object]) -> None:
    document = json.loads(account.to_json())
    document["orders"][0] |= change
    with pytest.raises(ReadingError, match="an order is not of its format"):
        Account.from_json(json.dumps(document))


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", '{"rows": [1]}', '{"rows": "\ud7ff"}'])
def test_a_file_that_is_no_risk_table_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "risk.json").write_text(text, encoding="utf-8")
    with pytest.raises(RiskTableError, match="no risk table"):
        Epoch.load(tmp_path / "risk.json")


@pytest.mark.parametrize("s", ["s", "007", "0x", "1_0", "-1", -1, 2**256, "9" * 79])
def test_only_numbers_of_32_bytes_are_packed(s: int | str) -> None:
    point = eddsa.public_key(bytes(32))
    with pytest.raises(FieldError, match="S "):
        eddsa.pack_signature((point, s))
    assert eddsa.pack_signature((point, "0x10")) == eddsa.pack_signature((point, 16))


def test_a_packed_signature_has_one_form() -> None:
    point, s = eddsa.sign(bytes(32), 5)
    packed = eddsa.pack_signature((point, s))
    assert eddsa.unpack_signature(packed) == (point, s)
    with pytest.raises(PointError, match="not below the order"):
        eddsa.unpack_signature(eddsa.pack_signature((point, s + eddsa.SUBGROUP_ORDER)))


def test_a_recipient_with_a_checksum_is_written_in_small_digits(account: Account) -> None:
    order = replace(account.orders[0], kind="withdraw", instrument=0, buy=True, recipient="0x" + 20 * "Ab")
    assert order.to_wire()["recipient"] == "0x" + 20 * "ab"
    assert order.hash(5) == replace(order, recipient="0x" + 20 * "ab").hash(5)


def test_a_settlement_in_capital_digits_is_refused(proven: Proven) -> None:
    text = proven.settlement.to_json().replace("0x0", "0X0", 1)
    with pytest.raises(SettlementError):
        Settlement.from_json(text)


@pytest.mark.parametrize("name", ["deposits", "exits", "settled"])
def test_what_is_expected_says_nothing_twice(proven: Proven, name: str) -> None:
    stated = replace(proven.expected, deposits={3: LockedDeposit(5, 6)}, exits={4: 7}, settled={8: 9})
    document = json.loads(stated.to_json())
    document[name] *= 2
    with pytest.raises(SettlementError, match=f"{name}: (3 follows 3|4 follows 4|8 follows 8)"):
        Expected.from_json(json.dumps(document))
