"""A vault is made as its plan says, is gone on with after a kill, and nothing is sent that could not work or would be a danger."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from demo.chain import LocalChain, compile_contracts, local_chain
from prover.keys import Keys, setup
from relayer import points
from relayer.audit import Auditor
from relayer.chain import Chain
from relayer.deploy.code import DOLLAR, WANTED, creation_code
from relayer.deploy.plan import NUMBERS, Plan
from relayer.deploy.steps import Deployment, Record
from relayer.errors import DeployError
from relayer.seed import Seed
from relayer.signing import Signer
from tests.relayer.venue import OPERATOR_KEY

ROOT: Final = Path(__file__).resolve().parents[3]
PLAN: Final = """
params = "dev"

[roles]
operator = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
receipt_signer = "0x00000000000000000000000000000000000000a1"
epoch_signers = ["0x00000000000000000000000000000000000000b1", "0x00000000000000000000000000000000000000b2"]
epoch_threshold = 2

[terms]
fee_rate = 30
num = 5
den = 4

[delays]
epoch_age = 86400
open_time = 3600
settle_time = 43200
reward_start = 3600
deposit_time = 172800
exit_time = 604800
claim_window = 604800
notice = 1209600

[limits]
min_deposit = 1000000
deposit_cap = 1000000000000
exits_per_period = 64
exit_fee = "1000000000000000"

[bonds]
base = "1000000000000000000"
per_order = "10000000000000000"
stake = "100000000000000000"
challenge_time = 604800
answer_time = 86400
"""


def document(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - what TOML carries
    """The plan with some numbers changed: section and name joined by two underscores."""
    found = tomllib.loads(PLAN)
    for name, value in changes.items():
        section, _, own = name.rpartition("__")
        (found[section] if section else found)[own] = value
    return found


@pytest.fixture(scope="module")
def keys() -> Keys:
    return setup("dev", ROOT / "keys")


@pytest.fixture(scope="module")
def anvil() -> Iterator[LocalChain]:
    with local_chain() as chain:
        yield chain


@pytest.fixture
def deployment(anvil: LocalChain, keys: Keys, tmp_path: Path) -> Iterator[Deployment]:
    artifacts = compile_contracts(Verifier=keys.solidity(), AccountVerifier=keys.account_solidity())
    with Chain(f"http://127.0.0.1:{anvil._port}") as chain:
        plan = Plan.of(document())
        yield Deployment(
            chain=chain,
            plan=plan,
            keys=keys,
            code={name: artifact.bytecode for name, artifact in artifacts.items()},
            deployer=Signer(OPERATOR_KEY),
            fund=Seed(b"f" * 32),
            record=Record.open(tmp_path / "deployment.json", chain.chain_id(), plan),
        )


@pytest.mark.parametrize(("section", "name"), [(s, n) for s, known in NUMBERS.items() for n in known])
def test_a_number_outside_its_bounds_is_refused_by_name_with_its_bounds(section: str, name: str) -> None:
    least, most = Plan.of(document()).bounds(section, name)
    for wrong in (least - 1, most + 1):
        if wrong >= 0:
            with pytest.raises(DeployError) as refused:
                Plan.of(document(**{f"{section}__{name}": wrong}))
            assert refused.value.values["value"] == str(wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"roles__receipt_signer": "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"}, "two roles"),
        ({"roles__epoch_signers": ["0x" + "b2" * 20, "0x" + "b1" * 20]}, "by increasing address"),
        ({"roles__epoch_threshold": 1}, "epoch_threshold = 1"),
        ({"roles__operator": "0x1234"}, "no address"),
        ({"terms__fee_rate": 1.5}, "no whole number"),
        ({"terms__fees": 3}, "nobody knows"),
        ({"params": "tiny"}, "none of"),
        ({"replicas": {"addresses": ["0x" + "c1" * 20], "threshold": 2}}, "replicas.threshold = 2"),
    ],
)
def test_a_plan_that_no_vault_can_be_made_of_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DeployError, match=message):
        Plan.of(document(**changes))


def test_every_number_is_explained_with_its_bounds() -> None:
    lines = Plan.of(document()).explained()
    assert len(lines) == sum(map(len, NUMBERS.values()))
    assert "limits.exit_fee = 1000000000000000 wei (0 … 20000000000000000): price of an exit request" in lines


def test_the_vault_is_what_was_planned_and_an_auditor_finds_its_keys(deployment: Deployment, keys: Keys) -> None:
    vault = deployment.run()
    assert str(vault.roles.operator).lower() == deployment.plan.operator
    assert vault.params == "dev"
    assert not vault.validium
    audit = Auditor(vault, keys).run()
    assert (audit.batches, audit.epochs) == (0, 0)


def test_a_run_that_is_killed_at_any_place_is_gone_on_with_and_makes_nothing_twice(deployment: Deployment) -> None:
    class Killed(Exception):  # noqa: N818
        """As a kill."""

    before = deployment.chain.nonce(deployment.deployer.address)
    kills, passed = 0, 0
    while True:
        passed = 0

        def die(_: str, at: int = kills) -> None:
            nonlocal passed
            passed += 1
            if passed > at % 3:
                raise Killed

        points.install(die)
        record = Record.open(deployment.record.path, deployment.chain.chain_id(), deployment.plan)
        try:
            vault = replace(deployment, record=record).run()
            break
        except Killed:
            kills += 1
        finally:
            points.install(None)
    assert kills > 6
    assert deployment.chain.nonce(deployment.deployer.address) - before == len(record.contracts) == 6
    assert vault.contract.call("batch") == 0


def test_a_deployment_is_gone_on_with_on_its_own_chain_and_plan_only(deployment: Deployment) -> None:
    deployment.record.save()
    other = Plan.of(document(terms__fee_rate=31))
    with pytest.raises(DeployError, match="another chain or plan"):
        Record.open(deployment.record.path, deployment.chain.chain_id(), other)
    with pytest.raises(DeployError, match="another chain or plan"):
        Record.open(deployment.record.path, 1, deployment.plan)


def test_development_keys_are_refused_off_a_local_chain(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment.chain, "chain_id", lambda: 1)
    with pytest.raises(DeployError, match="can forge proofs"):
        deployment.run()
    assert not deployment.record.contracts


def test_a_token_that_is_none_or_has_other_decimals_is_refused(deployment: Deployment) -> None:
    wanted = replace(deployment.plan, token="0x" + "de" * 20)
    with pytest.raises(DeployError, match="there is no token"):
        replace(deployment, plan=wanted).check()


def test_what_is_compiled_here_is_what_the_tests_deploy(keys: Keys) -> None:
    names = (*WANTED, DOLLAR) if os.environ.get("TACIT_FULL") else (DOLLAR,)
    artifacts = compile_contracts(Verifier=keys.solidity(), AccountVerifier=keys.account_solidity())
    assert creation_code(ROOT / "contracts", keys, names) == {name: artifacts[name].bytecode for name in names}
