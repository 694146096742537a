"""An auditor's replay holds for an honest vault, and names what does not hold: proofs, rows, seals, keys, code, whatever the
endpoint or the operator changed.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from demo.chain import CONTRACTS, local_chain
from demo.vault import Plan
from prover import Keys
from prover.cli import app as prover_app
from prover.keys import setup
from prover.posting import Posting
from prover.settlement import Settlement
from relayer.audit import Auditor
from relayer.chain import Chain, Log, Transaction
from relayer.cli import app
from relayer.errors import AuditError, LedgerError
from relayer.interface import Interface
from relayer.vault import Vault
from tests.contracts.venue import TERMS
from tests.relayer.test_calldata import peculiar
from tests.relayer.venue import DOLLAR, GAS_PAYER, Abandoned, SeedVenue, live

ROOT = Path(__file__).resolve().parents[2]
VAULT = Interface.load("Vault")


def in_parts_first(venue: SeedVenue, settlement: Settlement) -> None:
    """The first batch in several transactions, the second in one whose calldata no encoder would make."""
    if settlement.context.batch == 1:
        venue.vault.settle_in_parts(Posting(settlement), 2)
    else:
        calldata = venue.contract.encoded("settle", *venue.vault.settle_arguments(Posting(settlement)))
        venue.chain.send(venue.chain.accounts[GAS_PAYER], peculiar(calldata), venue.vault.address)


@pytest.fixture(scope="module")
def keys() -> Keys:
    return setup("dev", ROOT / "keys")


@pytest.fixture(scope="module")
def settled(keys: Keys) -> Iterator[Abandoned]:
    with local_chain() as chain:
        yield live(SeedVenue(chain, keys, Plan(terms=TERMS)), 100 * DOLLAR, in_parts_first)


class Endpoint(Chain):
    """An endpoint that changes what it is asked for."""

    @abstractmethod
    def changed_input(self, name: str, calldata: bytes) -> bytes:
        """Calldata of a call, by the function's name."""

    def transaction(self, digest: bytes) -> Transaction:
        found = super().transaction(digest)
        call = VAULT.read_call(found.input)
        return found if call is None else replace(found, input=self.changed_input(call.name, found.input))


def audited(settled: Abandoned, keys: Keys, kind: type[Chain] = Chain, contracts: Path | None = None) -> Auditor:
    return Auditor(Vault(kind(settled.venue.url), settled.venue.vault.address), keys, contracts=contracts)


def refused(auditor: Auditor, message: str) -> None:
    with auditor.vault.chain, pytest.raises((AuditError, LedgerError), match=message):
        auditor.run()


def test_an_honest_vault_holds_to_the_last_proof(settled: Abandoned, keys: Keys) -> None:
    auditor = audited(settled, keys)
    with auditor.vault.chain:
        audit = auditor.run()
    assert (audit.batches, audit.segments, audit.epochs, audit.accounts) == (2, 4, 2, 5)
    assert audit.root == settled.venue.state.root
    assert {"every word of these keys" in how for how in audit.verifiers.values()} == {True}


def test_both_commands_say_the_same(settled: Abandoned, keys: Keys) -> None:
    options = ["audit", "--rpc", settled.venue.url, "--vault", settled.venue.vault.address, "--keys", str(keys.folder)]
    told = [CliRunner().invoke(each, [*options, "--json"]) for each in (app, prover_app)]
    assert [each.exit_code for each in told] == [0, 0], [each.output for each in told]
    assert json.loads(told[0].stdout) == json.loads(told[1].stdout)


def test_the_tree_is_rebuilt_by_command_and_gone_on_with(settled: Abandoned, tmp_path: Path) -> None:
    tree, venue = tmp_path / "tree.json", settled.venue
    options = ["rebuild", "--rpc", venue.url, "--vault", venue.vault.address, "--out", str(tree), "--json"]
    told = [json.loads(CliRunner().invoke(app, options).stdout) for _ in range(2)]
    assert told[0] == told[1]
    assert (int(told[0]["root"], 16), told[0]["accounts"], told[0]["batch"]) == (venue.state.root, 5, 2)
    assert len(json.loads(tree.read_text())["leaves"]) == 5
    wrong = CliRunner().invoke(app, [*options, "--at", "soon"])
    assert (wrong.exit_code, "none of" in wrong.output) == (2, True)


def test_nobody_proves_with_keys_that_are_not_the_vaults(settled: Abandoned, tmp_path: Path) -> None:
    owner, venue = settled.owners["carol"], settled.venue
    owner.secret.save(tmp_path / "seed")
    other = setup("dev", tmp_path / "keys")
    where = ["--rpc", venue.url, "--vault", venue.vault.address, "--seed-file", str(tmp_path / "seed")]
    paid = ["--recipient", owner.address, "--sender", venue.payer, "--keys", str(other.folder), "--cash", "1"]
    done = CliRunner().invoke(app, ["account", "exit", *where, *paid])
    assert (done.exit_code, "get the keys that the vault was made with" in done.output) == (1, True)
    shown = CliRunner().invoke(app, ["account", "show", *where])
    assert (shown.exit_code, "10000" in shown.output) == (0, True), shown.output


def test_the_verifiers_on_chain_are_what_the_keys_source_compiles_to(
    settled: Abandoned, keys: Keys, tmp_path: Path
) -> None:
    auditor = audited(settled, keys, contracts=CONTRACTS)
    with auditor.vault.chain:
        told = auditor._verifiers()
        assert set(told.values()) == {"its code is what these keys' source compiles to"}
        other = replace(auditor, keys=setup("dev", tmp_path))
        with pytest.raises(AuditError, match=r"code of Verifier on chain is another"):
            other._verifiers()
        with pytest.raises(AuditError, match=r"lacks \d+ words of these keys"):
            replace(other, contracts=None)._verifiers()


@pytest.mark.parametrize("function", ["settle", "advanceSettlement", "finishSettlement"])
def test_a_proof_that_is_not_the_batchs_is_found(settled: Abandoned, keys: Keys, function: str) -> None:
    class Other(Endpoint):
        def changed_input(self, name: str, calldata: bytes) -> bytes:
            call = VAULT.read_call(calldata)
            if name != function or call is None:
                return calldata
            proof = call.values.part.proofs[0] if "part" in call.values else call.values.closingProof
            word = proof[0].to_bytes(32, "big")
            return calldata.replace(word, proof[6].to_bytes(32, "big"), 1)

    refused(audited(settled, keys, Other), r"batch [12]: .*")


def test_rows_that_are_not_the_epochs_are_found(settled: Abandoned, keys: Keys) -> None:
    class Other(Endpoint):
        def changed_input(self, name: str, calldata: bytes) -> bytes:
            mark = ((100 * DOLLAR << 27) + 3 + (10 * DOLLAR << 69)).to_bytes(32, "big")
            other = ((101 * DOLLAR << 27) + 3 + (10 * DOLLAR << 69)).to_bytes(32, "big")
            assert name != "postEpoch" or mark in calldata
            return calldata.replace(mark, other) if name == "postEpoch" else calldata

    refused(audited(settled, keys, Other), "epoch 1: its rows do not hash to its root")


def telling(change: Callable[[str, Log], Log | None]) -> type[Chain]:
    """An endpoint that changes or leaves out events, by their names."""
    names = {bytes.fromhex(topic[2:]): name for name, topic in VAULT.topics.items()}

    class Other(Chain):
        def logs(
            self, address: str, first: int, last: int, topics: Sequence[Sequence[str]] = ()
        ) -> Iterator[list[Log]]:
            for logs in super().logs(address, first, last, topics):
                told = (change(names[log.topics[0]], log) for log in logs)
                yield [log for log in told if log is not None]

    return Other


def with_word(log: Log, place: int, word: int) -> Log:
    """The log with another word in its data."""
    return replace(log, data=log.data[: 32 * place] + word.to_bytes(32, "big") + log.data[32 * place + 32 :])


def test_a_seal_told_otherwise_is_found(settled: Abandoned, keys: Keys) -> None:
    def earlier(name: str, log: Log) -> Log:
        words = len(log.data) // 32
        return with_word(log, words - 2, 9) if name == "BatchSealed" else log  # the time of the seal

    refused(audited(settled, keys, telling(earlier)), "batch 1: its seal, epoch and claim hash to r₁")


def test_a_deposit_told_otherwise_is_found(settled: Abandoned, keys: Keys) -> None:
    def smaller(name: str, log: Log) -> Log:
        return with_word(log, 0, 1) if name == "DepositQueued" else log

    refused(audited(settled, keys, telling(smaller)), "batch 1: .*deposit")


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("DepositQueued", "lack deposit 0"),
        ("BatchSealed", "lack the seal of batch 1"),
        ("EpochPosted", "lack epoch 1"),
        ("AccountAssigned", "lack account 1"),
        ("Genesis", "first event is missing"),
        ("SegmentsChecked", "3 segments, 0 stand in calldata"),
    ],
)
def test_an_event_that_is_kept_back_is_missed(settled: Abandoned, keys: Keys, event: str, message: str) -> None:
    refused(audited(settled, keys, telling(lambda name, log: None if name == event else log)), message)
