"""Metrics show every process and the database, and no label can hold what an order says."""

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from relayer.config import Settings
from relayer.store import overview
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.watching import measures, metrics
from relayer.watching.status import Observed, keep_observed
from tests.relayer.watching.conftest import UNIQUE

SETTINGS = Settings()


def samples(database: Database) -> list[Sample]:
    text = metrics.exposition(database, SETTINGS, "me").decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(found: list[Sample], name: str, **labels: str) -> float:
    (sample,) = [s for s in found if s.name == name and labels.items() <= s.labels.items()]
    return sample.value


def test_metrics_hold_the_figures_of_the_database(filled: Database) -> None:
    with filled.write() as session:
        keep_observed(
            session, Observed(now_ms(), 100, now_ms() // 1000, [0], balance=3 * 10**18, bond=10**18, per_order=10**16)
        )
    found = samples(filled)
    assert value(found, "tacit_orders", state="final") == 2
    assert value(found, "tacit_batches", state="proving") == 1
    assert value(found, "tacit_transactions", state="sent") == 1
    assert value(found, "tacit_gas_per_order") == 500_000
    assert value(found, "tacit_operator_ether") == 3
    assert value(found, "tacit_bond_orders") == 100
    assert (value(found, "tacit_batch_orders"), value(found, "tacit_batch_covered")) == (0, 50)
    assert value(found, "tacit_alert", alert="batch_late") == 1
    assert value(found, "tacit_alert", alert="balance_low") == 0
    assert value(found, "tacit_batch_age_seconds", state="proving") >= 7_200
    assert 86_000 < value(found, "tacit_encryption_key_seconds") <= 86_400


def test_measures_of_every_process_that_lives_are_shown_and_told_apart(database: Database) -> None:
    def sign(instance: str, role: str, age: int, count: int) -> overview.Sign:
        head = "# HELP tacit_proofs_total Proofs made\n# TYPE tacit_proofs_total counter\n"
        text = f'{head}tacit_proofs_total{{circuit="segment"}} {count}\n'
        return overview.Sign(instance, role, 1, 0, now_ms() - age, text)

    with database.write() as session:
        for each in (
            sign("a", "prover", 0, 5),
            sign("b", "prover", 0, 7),
            sign("c", "prover", 120_000, 11),
            sign("me", "api", 0, 13),
        ):
            overview.leave_sign(session, each, 0)
    found = [s for s in samples(database) if s.name == "tacit_proofs_total" and s.labels.get("circuit") == "segment"]
    assert {(s.labels["process"], s.value) for s in found if s.labels["process"] != "api"} == {
        ("prover", 5),
        ("prover-2", 7),
    }
    assert 13 not in {s.value for s in found}


def test_a_label_is_never_a_figure_a_key_or_a_path_with_an_id() -> None:
    for text in (str(UNIQUE), hex(UNIQUE), "/v1/orders/918273645546", "0x" + "ab" * 32, "a b", ""):
        assert measures.short(text) == "other"
    assert measures.short("/v1/orders/{id}") == "/v1/orders/{id}"
    assert measures.short("INSUFFICIENT_MARGIN") == "INSUFFICIENT_MARGIN"
    assert measures.short(429) == "429"


def test_metrics_hold_nothing_of_an_order(filled: Database) -> None:
    measures.refused(str(UNIQUE))
    measures.answered(f"/v1/orders/{UNIQUE}", "GET", 404, 0.01)
    assert str(UNIQUE) not in metrics.exposition(filled, SETTINGS, "me").decode()


def test_proving_is_counted_by_phase_and_circuit(database: Database) -> None:
    before = samples(database)
    measures.proved("witness", 1.5, "segment-0001")
    measures.proved("done", 0.0, "closing")
    measures.proved("stored", 0.0, "segment-0002")
    after = samples(database)

    def of(found: list[Sample], name: str, **labels: str) -> float:
        return sum(s.value for s in found if s.name == name and labels.items() <= s.labels.items())

    assert (
        of(after, "tacit_proving_seconds_total", phase="witness")
        - of(before, "tacit_proving_seconds_total", phase="witness")
        == 1.5
    )
    assert of(after, "tacit_proofs_total", circuit="closing") - of(before, "tacit_proofs_total", circuit="closing") == 1
    assert of(after, "tacit_proofs_total", circuit="segment") == of(before, "tacit_proofs_total", circuit="segment")
