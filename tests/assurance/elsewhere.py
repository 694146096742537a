"""Promises that no row of a circuit holds: identities of the contract, keys, builds, readers. Each names the tests that attack it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from tests.assurance.protocol import ROOT


class Held(NamedTuple):
    """A promise, what holds it, and the attacks on it as `path::name` of tests."""

    promise: str
    by: str
    attacks: tuple[str, ...]


HELD: Final = (
    Held(
        "what is settled is what was proven: every word, link and public input",
        "inputs that the contract derives itself, < p",
        (
            "circuits/tests/settlement.rs::every_data_word_is_bound",
            "circuits/tests/settlement.rs::every_link_is_bound",
            "circuits/tests/settlement.rs::every_public_input_is_bound_even_one_that_no_row_reads",
            "tests/contracts/test_settlement.py::test_each_number_of_a_segment_is_bound_and_has_one_form",
            "contracts/test/libraries/Groth16.t.sol::test_an_input_plus_a_multiple_of_the_order_is_refused",
        ),
    ),
    Held(
        "in validium too, what is credited and paid is what was proven, whatever replicas sign",
        "a value of the open words, computed by the contract in both modes",
        (
            "circuits/tests/places.rs::each_word_moves_the_value_of_its_kind_and_no_other",
            "contracts/test/integration/rules/Replicas.t.sol::test_no_signed_value_makes_room_for_open_words_that_were_not_proven",
            "contracts/test/integration/rules/Replicas.t.sol::test_a_signed_value_can_hide_encrypted_words_and_changes_nothing_else",
        ),
    ),
    Held(
        "a batch is settled once, on the state, at the time, under the terms and in the contract it was sealed for",
        "context, start root, seal and domain of the contract",
        (
            "tests/contracts/test_settlement.py::test_a_settled_batch_does_not_settle_again",
            "tests/contracts/test_settlement.py::test_the_same_batch_on_another_state_is_refused",
            "tests/contracts/test_settlement.py::test_the_same_batch_at_another_time_is_refused",
            "contracts/test/vault/Settlements.t.sol::test_the_rules_are_asked_about_the_seal_the_root_and_its_epoch",
        ),
    ),
    Held(
        "who seals chooses neither fee rate nor margin ratio",
        "terms fixed when the contract is made",
        (
            "contracts/test/vault/Parameters.t.sol::test_a_vault_says_what_it_was_made_with",
            "contracts/test/vault/Parameters.t.sol::test_terms_are_those_that_the_circuits_range",
            "contracts/test/vault/Batches.t.sol::test_a_seal_fixes_everything_of_a_batch",
        ),
    ),
    Held(
        "an owner asks for cash, and leaves, with a proof of the vault's own account, root, table and values, once",
        "public inputs that the vault fills in, below p; a number a request; a record an escape",
        (
            "circuits/tests/leaving.rs::a_proof_of_a_request_serves_no_other_request",
            "circuits/tests/leaving.rs::a_proof_of_an_escape_serves_no_other_account_recipient_state_or_amount",
            "circuits/tests/leaving.rs::nobody_but_the_owner_can_leave_with_an_account",
            "tests/contracts/test_owner_verifier.py::test_no_input_has_a_second_form",
            "tests/contracts/test_owner_verifier.py::test_another_owner_cannot_ask_for_this_account",
            "contracts/test/vault/Exits.t.sol::test_only_what_the_owner_signed_is_accepted",
            "contracts/test/vault/Exits.t.sol::test_an_answered_request_cannot_be_repeated_with_its_proof",
            "contracts/test/vault/Escapes.t.sol::test_only_what_the_owner_proved_is_registered",
            "contracts/test/vault/Escapes.t.sol::test_settled_positions_are_valued_by_the_vault",
            "contracts/test/vault/Escapes.t.sol::test_an_escape_is_registered_once_an_account",
        ),
    ),
    Held(
        "segments are all there, in order, each once",
        "links, count of touches, sequence product",
        (
            "circuits/tests/settlement.rs::segments_swapped_or_proofs_swapped_are_refused",
            "circuits/tests/settlement.rs::a_segment_dropped_or_repeated_is_refused",
            "tests/contracts/test_settlement.py::test_a_batch_without_one_of_its_orders_is_refused",
        ),
    ),
    Held(
        "deposits, exits, owners and settlement values are the contract's",
        "queues and records of the contract",
        (
            "circuits/tests/settlement.rs::deposits_exits_and_owners_must_be_those_of_the_queues",
            "circuits/tests/settlement.rs::settled_values_must_be_the_trusted_ones",
            "tests/contracts/test_settlement.py::test_a_batch_that_ignores_an_exit_request_is_refused",
        ),
    ),
    Held(
        "every proof of a settlement holds, not their sum",
        "weights hashed from every proof and input",
        (
            "contracts/test/libraries/Groth16.t.sol::test_errors_that_cancel_without_weights_are_refused",
            "circuits/tests/groth16/proofs.rs::weights_that_leave_a_proof_unchecked_are_refused",
            "circuits/tests/groth16/proofs.rs::a_product_of_proofs_of_two_keys_holds_and_fails_with_any_one_of_them",
        ),
    ),
    Held(
        "a key proves nothing that is false: no generator, no identity, no two points alike, points valid, the contract's constants",
        "key lint at every door",
        (
            "circuits/tests/groth16/keys.rs::what_the_lint_refuses_would_prove_anything",
            "circuits/tests/groth16/keys.rs::each_rule_alone_refuses_a_key_at_every_door",
            "circuits/tests/groth16/keys.rs::the_constants_of_the_contract_are_the_key_they_were_generated_from",
            "tests/prover/test_key_lint.py::test_a_key_that_proves_anything_is_not_read",
        ),
    ),
    Held(
        "a key belongs to the circuit that is reviewed",
        "fingerprint of the matrices, pinned and hashed with the key",
        (
            "circuits/tests/fingerprints.rs::standard_circuits_are_as_pinned",
            "circuits/tests/groth16/fingerprints.rs::the_fingerprint_changes_with_every_coefficient_wire_count_and_row_order",
            "circuits/tests/groth16/keyfiles.rs::a_key_of_another_circuit_is_refused_with_both_fingerprints",
        ),
    ),
    Held(
        "a circuit has the same rows in set-up and for every witness",
        "folding by a flag, never by a value",
        (
            "circuits/tests/fingerprints.rs::dev_rows_do_not_depend_on_the_witness",
            "circuits/tests/fingerprints.rs::standard_rows_do_not_depend_on_the_witness",
            "circuits/tests/fingerprints.rs::rows_do_not_depend_on_a_witness_that_nothing_holds_of",
        ),
    ),
    Held(
        "calls that are sound in general and dangerous here do not come in unseen",
        "`make check`",
        (
            "tests/test_banned_calls.py::test_a_planted_use_is_found",
            "tests/test_banned_calls.py::test_another_line_in_the_place_of_an_allowed_one_is_refused",
        ),
    ),
    Held(
        "specification, core and circuits say the same of every batch",
        "an executable reference that shares no code",
        (
            "tests/test_agreement.py::test_random_batches_agree_and_show_every_feature",
            "tests/test_agreement.py::test_degenerate_batches_agree",
        ),
    ),
    Held(
        "whatever core clears can be proven",
        "ranges wide enough for every state that can be reached",
        (
            "circuits/tests/sealer/combinations.rs::whatever_clears_can_be_proven",
            "circuits/tests/batches.rs::all_slots_of_all_touches_refused",
            "circuits/tests/batches.rs::cash_at_both_ends_of_its_range",
        ),
    ),
    Held(
        "what cannot be proven is refused before a seal",
        "`clear` and the duties of section 11",
        (
            "circuits/tests/sealer/unsealable.rs::what_is_statically_wrong_is_refused_before_a_seal_and_cannot_be_proven_after_one",
            "tests/contracts/test_sealer.py::test_a_seal_of_what_must_not_be_sealed_costs_a_void_and_nothing_else",
        ),
    ),
    Held(
        "one price, one set of fills: the rules leave a prover no choice",
        "the rules of section 5, solved exhaustively over small books",
        (
            "tests/test_brute_force.py::test_the_rules_of_the_auction_leave_one_price_with_one_set_of_fills",
            "tests/test_brute_force.py::test_without_any_one_rule_a_prover_could_choose",
        ),
    ),
    Held(
        "no part of what was admitted leaves an account short where it makes it worse",
        "section 6, every partial execution tried",
        (
            "tests/test_brute_force.py::test_no_part_of_what_was_admitted_leaves_an_account_short_where_it_makes_it_worse",
            "tests/test_brute_force.py::test_an_admission_that_leaves_something_out_leaves_accounts_short",
        ),
    ),
    Held(
        "whoever reads what others wrote refuses it by name or gives it back as it was, in bounded memory",
        "readers at the edge; `make fuzz`",
        (
            "fuzz/tests/corpus.rs::the_corpora_hold_every_promise_within_bounded_memory",
            "tests/fuzz/test_readers.py::test_settlements",
            "tests/fuzz/test_readers.py::test_manifests_and_keys",
            "rust/core/tests/readers.rs::words_that_their_leaf_and_outcomes_do_not_account_for_are_not_read",
        ),
    ),
    Held(
        "reference and core agree on batches drawn by hypothesis, core and circuits on those that coverage leads to",
        "differential fuzzing",
        (
            "tests/fuzz/test_batches.py::test_reference_and_core_agree_on_drawn_batches",
            "tests/fuzz/test_batches.py::test_reference_and_core_refuse_the_same_batches",
            "circuits/tests/extremes.rs::batches_of_extremes_that_core_clears_satisfy_both_circuits_and_the_contract",
        ),
    ),
)


def rows() -> list[tuple[str, ...]]:
    """The lines of the table."""
    return [(held.promise, held.by, ", ".join(f"`{name}`" for name in held.attacks), "refused") for held in HELD]


def faults() -> list[str]:
    """Attacks that are named here and do not exist."""
    named = [name for held in HELD for name in held.attacks]
    return [f"there is no test {name}" for name in named if not _exists(*name.split("::"))]


def _exists(path: str, name: str) -> bool:
    return re.search(rf"\b(?:fn|def|function)\s+{re.escape(name)}\b", _source(path)) is not None


@cache
def _source(path: str) -> str:
    file = Path(ROOT, path)
    return file.read_text(encoding="utf-8") if file.is_file() else ""
