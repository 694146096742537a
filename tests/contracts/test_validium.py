"""A vault whose encrypted words are at replicas: real proofs and signatures settle it, and nothing that they did not sign."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from demo.chain import Reverted, local_chain
from demo.vault import Signers, sign
from prover.batch import Cleared, Params, read_touch
from prover.data import SegmentData, attestation, data_point, read_words
from prover.hashing import FIELD_ORDER
from prover.keys import setup
from prover.orders import Touch
from prover.posting import Part, Posting, joined_signatures
from prover.settlement import Settlement
from tests.contracts.market import CONTRACT, DOLLAR, ROWS
from tests.contracts.venue import PLAN, Trader, Venue

PARAMS = "dev"


@dataclass
class Sealed:
    """A sealed and proven batch of two segments, and its traders."""

    venue: Venue
    traders: list[Trader]
    cleared: Cleared
    settlement: Settlement

    @property
    def posting(self) -> Posting:
        return Posting(self.settlement)


@pytest.fixture(scope="module")
def kept() -> Iterator[Sealed]:
    with local_chain() as chain:
        venue = Venue(chain, setup(PARAMS), replace(PLAN, replicas=3, replica_threshold=2))
        venue.post_epoch(ROWS)
        alice, bob, carol = traders = [
            venue.deposit(Trader(name), 1_000 * DOLLAR) for name in ("alice", "bob", "carol")
        ]
        venue.open()
        buy = venue.order(alice, instrument=9, buy=True, quantity=CONTRACT, limit=6 * DOLLAR)
        sell = venue.order(bob, instrument=9, buy=False, quantity=CONTRACT, limit=4 * DOLLAR)
        touches = [
            Touch(alice.index, alice.holder, 1_000 * DOLLAR, None, (buy,)),
            Touch(bob.index, bob.holder, 1_000 * DOLLAR, None, (sell,)),
            Touch(carol.index, carol.holder, 1_000 * DOLLAR),
        ]
        cleared = venue.clear(venue.seal(touches))
        yield Sealed(venue, traders, cleared, venue.prove(cleared))


@pytest.fixture
def sealed(kept: Sealed) -> Iterator[Sealed]:
    with kept.venue.forgotten():
        yield kept


def refused(sealed: Sealed, name: str, part: Part) -> None:
    """The vault refuses the honest settlement with another part."""
    posting = sealed.posting
    with pytest.raises(Reverted) as refusal:
        sealed.venue.contract.call("settle", posting.claim, part, posting.closing_proof, posting.closing_words)
    assert refusal.value.name == name, refusal.value


def test_a_batch_settles_with_the_signatures_of_its_replicas(sealed: Sealed) -> None:
    vault = sealed.venue.contract
    receipt = sealed.venue.settle(sealed.settlement, sealed.cleared)
    assert vault.call("root") == sealed.cleared.end_root
    assert vault.event(receipt, "BatchSettled")["r1"] == sealed.posting.digest.r1


def test_encrypted_words_are_not_in_calldata_and_open_words_are(sealed: Sealed) -> None:
    receipt = sealed.venue.settle(sealed.settlement, sealed.cleared)
    calldata = sealed.venue.chain.calldata(receipt.transaction)
    for data in sealed.posting.data:
        assert data.validium in calldata
        assert not any(word.to_bytes(32, "big") in calldata for word in data.encrypted if word)


def test_an_owner_reads_its_account_from_calldata_and_what_a_replica_holds(sealed: Sealed) -> None:
    venue, sizes = sealed.venue, Params.named(PARAMS)
    held = {data.encrypted_hash: data.encrypted for data in sealed.posting.data}
    calldata = venue.chain.calldata(venue.settle(sealed.settlement, sealed.cleared).transaction)
    words, size = venue.contract.decoded("settle", calldata)[1][1], 32 * (5 * sizes.touches + 1)
    found: dict[int, tuple[int, ...]] = {}
    for at in range(0, len(words), size):
        opened, digest = words[at : at + size - 32], words[at + size - 32 : at + size]
        found |= {touch[0] % 2**21: touch for touch in SegmentData(read_words(opened), held[digest]).touches}
    for trader in sealed.traders:
        reading = read_touch(PARAMS, list(found[trader.index]), trader.holder, venue.domain, trader.index)
        assert reading.leaf == venue.state.leaf(trader.index)


def test_a_batch_settles_in_parts_each_with_signatures_of_its_own(sealed: Sealed) -> None:
    sealed.venue.vault.settle_in_parts(sealed.posting)
    assert sealed.venue.contract.call("root") == sealed.cleared.end_root


def test_replicas_sign_what_the_rules_say(sealed: Sealed) -> None:
    vault, posting, z = sealed.venue.vault, sealed.posting, data_point(sealed.posting.digest.r1)
    hashes = [data.encrypted_hash for data in posting.data]
    values = [data.encrypted_value(z) for data in posting.data]
    said = vault.rules.call("attestation", vault.separator, posting.digest.r1, 0, hashes, values)
    assert said == attestation(vault.separator, posting.digest.r1, 0, posting.data)
    assert vault.rules.call("replicas") == (tuple(each.lower() for each in vault.replicas.addresses), 2)


def test_signatures_are_of_replicas_in_order_and_as_many_as_must_sign(sealed: Sealed) -> None:
    vault, posting = sealed.venue.vault, sealed.posting
    digest, part = attestation(vault.separator, posting.digest.r1, 0, posting.data), vault.part(posting)
    signed = [sign(key, digest) for key in vault.replicas.keys]
    stranger = Signers.named("stranger", 1, 1).sign(digest)
    for name, signatures in (
        ("WrongSignatures", signed[:1]),
        ("WrongSignatures", signed),
        ("WrongSignatures", []),
        ("NotAReplica", [signed[1], signed[0]]),
        ("NotAReplica", [signed[2], signed[2]]),
        ("NotAReplica", [signed[0], stranger]),
    ):
        refused(sealed, name, part._replace(signatures=b"".join(signatures)))
    for pair in ((0, 1), (0, 2), (1, 2)):
        keys = [(vault.replicas.keys[at].address, signed[at]) for at in pair]
        vault.contract.call(
            "settle", posting.claim, part._replace(signatures=joined_signatures(keys)), *closing(posting)
        )


def closing(posting: Posting) -> tuple[object, ...]:
    return posting.closing_proof, posting.closing_words


def test_what_replicas_signed_for_another_settlement_vault_or_place_is_refused(sealed: Sealed) -> None:
    vault, posting, part = sealed.venue.vault, sealed.posting, sealed.venue.vault.part(sealed.posting)
    for digest in (
        attestation(bytes(32), posting.digest.r1, 0, posting.data),
        attestation(vault.separator, bytes(32), 0, posting.data),
        attestation(vault.separator, posting.digest.r1, 1, posting.data),
        attestation(vault.separator, posting.digest.r1, 0, posting.data[::-1]),
    ):
        refused(sealed, "NotAReplica", part._replace(signatures=vault.replicas.sign(digest)))


def test_values_are_those_that_replicas_signed_and_proofs_bind(sealed: Sealed) -> None:
    vault, posting, part = sealed.venue.vault, sealed.posting, sealed.venue.vault.part(sealed.posting)
    first, *others = part.values
    for name, values in (
        ("NotAReplica", (first ^ 1, *others)),
        ("ValueNotReduced", (first + FIELD_ORDER, *others)),
        ("WrongValues", others),
        ("WrongValues", (*part.values, 0)),
    ):
        refused(sealed, name, part._replace(values=tuple(values)))
    lying = SegmentData(posting.data[0].open, (posting.data[0].encrypted[0] ^ 1, *posting.data[0].encrypted[1:]))
    data = (lying, *posting.data[1:])
    signatures = vault.replicas.sign(attestation(vault.separator, posting.digest.r1, 0, data))
    words = b"".join(each.validium for each in data)
    values = (lying.encrypted_value(data_point(posting.digest.r1)), *others)
    refused(sealed, "WrongDataHash", Part(part.proofs, words, values, signatures))


def test_calldata_of_the_other_mode_is_refused(sealed: Sealed) -> None:
    whole = sealed.posting.rollup()
    refused(sealed, "WrongDataLength", whole)
    part = sealed.venue.vault.part(sealed.posting)
    refused(sealed, "WrongDataHash", part._replace(words=part.words[:-1] + bytes([part.words[-1] ^ 1])))
