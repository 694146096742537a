"""An auditor's replay of a vault from chain data alone.

Nothing is taken from the operator, and of the contract only what its events and calldata say: each epoch's rows are hashed to
its root and its instruments followed, each settlement is put together from calldata and verified as ``prover verify`` does
(challenges, data values, seal root, links, deposits, exits, settlement values derived anew, every proof checked), the tree is
rebuilt, and the deployed verifiers are matched to the keys. In a vault whose ciphertexts are at replicas their words are part
of what is proven; so a replica must be named, and that it holds them is part of the audit.

What is not checked: the vault's own code. Whoever audits that compiles it and compares.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from prover.batch import Context, risk_root
from prover.errors import TacitError
from prover.keys import Keys
from prover.settlement import ClosingPart, Expected, SegmentPart, Settlement, verify
from relayer.compiled import compiled_runtime, missing_words
from relayer.errors import AuditError, ReplicaError
from relayer.header import Header, context_word
from relayer.history import History
from relayer.ledger import read_ledger
from relayer.reading import CipherSource, ciphertext
from relayer.rebuild import Rebuilt
from relayer.records import BatchSettled, numbers
from relayer.vault import WORD, Vault

Tell = Callable[[str], object]


@dataclass
class Audit:
    """What was replayed. ``verifiers``: how each deployed verifier was matched to the keys."""

    vault: str
    params: str
    root: int = 0
    batches: int = 0
    segments: int = 0
    epochs: int = 0
    accounts: int = 0
    verifiers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Auditor:
    """Who replays a vault, with verifying keys of its own; ``contracts``: folder ``contracts`` of a checkout, to compile the verifiers."""

    vault: Vault
    keys: Keys
    source: CipherSource | None = None
    contracts: Path | None = None
    tell: Tell = lambda _: None

    def run(self) -> Audit:
        """Replays everything (:class:`AuditError` names the first thing that does not hold)."""
        audit = Audit(self.vault.address, self.vault.params)
        audit.verifiers = self._verifiers()
        self.tell("reading the vault's events and calldata")
        history = History.of(read_ledger(self.vault))
        if history.genesis is None:
            raise AuditError(
                "the vault's first event is missing from what the endpoint gave", {"vault": self.vault.address}
            )
        audit.epochs = self._epochs(history)
        rebuilt = Rebuilt.at_genesis(self.vault.params, history.genesis)
        for settlement in history.settlements:
            self.tell(f"batch {settlement.batch}: {len(settlement.segments)} segments")
            self._settlement(history, settlement, rebuilt.root)
            rebuilt = rebuilt.after(settlement, self.vault.layout)
            audit.batches, audit.segments = audit.batches + 1, audit.segments + len(settlement.segments)
        self._root(rebuilt.root)
        audit.root, audit.accounts = rebuilt.root, sum(1 for leaf in rebuilt.tree.leaves().values() if leaf)
        return audit

    # ---- epochs

    def _epochs(self, history: History) -> int:
        """Rows hash to their root; instruments leave with a value, never to return."""
        for number, epoch in sorted(history.epochs.items()):
            if risk_root(self.vault.params, epoch.rows) != epoch.risk_root:
                raise AuditError(f"epoch {number}: its rows do not hash to its root", {"epoch": number})
            if tuple(row.instrument for row in epoch.rows) != epoch.instruments:
                raise AuditError(f"epoch {number}: its rows are of other instruments than it names", {"epoch": number})
        for before, after in pairwise(each for _, each in sorted(history.epochs.items())):
            left = sorted(set(before.instruments) - set(after.instruments))
            if [row.instrument for row in after.settled] != left:
                raise AuditError(
                    f"epoch {after.epoch}: instruments {left} left and others got values", {"epoch": after.epoch}
                )
        for number, again in _returned(history):
            raise AuditError(f"epoch {number}: instrument {again} is open although it has a value", {"epoch": number})
        return len(history.epochs)

    # ---- settlements

    def _settlement(self, history: History, settled: BatchSettled, root: int) -> None:
        batch, sealed, epoch = settled.batch, history.seal_of(settled.batch), history.epoch_of(settled.batch)
        context = self._context(history, batch)
        header = Header.of(self.vault.domain, context_word(context), sealed, epoch.risk_root, settled.claim)
        if header.r1 != settled.r1:
            what = f"batch {batch}: its seal, epoch and claim hash to r₁ {header.r1.hex()}, the vault settled {settled.r1.hex()}"
            raise AuditError(what, {"batch": batch})
        expected = Expected(
            context=context,
            start_root=root,
            seal_root=sealed.seal.root,
            active_orders=sealed.seal.orders,
            deposit_end=sealed.seal.deposit_end,
            exit_end=sealed.seal.exit_end,
            risk_root=epoch.risk_root,
            deposits=history.locked(batch),
            exits=history.requested(batch),
            settled=dict(history.settled_values(epoch.epoch)),
        )
        try:
            verify(self._assembled(settled, expected), self.keys, expected)
        except ReplicaError:
            raise
        except TacitError as error:
            raise AuditError(f"batch {batch}: {error}", {"batch": batch}) from error

    def _context(self, history: History, batch: int) -> Context:
        sealed, terms = history.seal_of(batch).seal, self.vault.terms
        before = [number for number in history.voided if number < batch]
        if sealed.last_void != max(before, default=0):
            raise AuditError(
                f"batch {batch}: its seal names {sealed.last_void} as the last void batch", {"batch": batch}
            )
        return Context(
            domain=self.vault.domain,
            batch=batch,
            last_void=sealed.last_void,
            time=sealed.time,
            fee_rate=terms.feeRate,
            num=terms.num,
            den=terms.den,
        )

    def _assembled(self, settled: BatchSettled, expected: Expected) -> Settlement:
        """The settlement as its prover had it."""
        claim, layout = settled.claim, self.vault.layout
        words: list[int] = []
        for segment in settled.segments:
            cipher = ciphertext(settled.batch, segment, self.source)
            for place in range(layout.touches):
                words += segment.touch(place, layout, cipher)
        words += numbers(settled.closing_words, 0, len(settled.closing_words) // WORD)
        parts = zip(claim.segments, settled.segments, strict=True)
        return Settlement(
            params=self.vault.params,
            context=expected.context,
            start_root=expected.start_root,
            seal_root=expected.seal_root,
            active_orders=expected.active_orders,
            deposit_end=expected.deposit_end,
            exit_end=expected.exit_end,
            risk_root=expected.risk_root,
            segments=tuple(SegmentPart(said.root, said.sums, said.transcript, data.proof) for said, data in parts),
            closing=ClosingPart(claim.auction_root, claim.closing_transcript, settled.closing_proof),
            words=tuple(words),
            beneficiary=bytes.fromhex(claim.beneficiary[2:]),
        )

    def _root(self, root: int) -> None:
        found = int(self.vault.contract.call("root"))
        if found != root:
            raise AuditError(
                f"the vault's root is {found:#x}, its batches end at {root:#x}",
                {"computed": hex(root), "found": hex(found)},
            )

    # ---- verifiers

    def _verifiers(self) -> dict[str, str]:
        """Fingerprints first, then the code."""
        batches, accounts = self.vault.verifier, self.vault.account_verifier
        said = batches.call("parameters"), accounts.call("parameters")
        told = {
            "segment": said[0].segmentFingerprint,
            "closing": said[0].closingFingerprint,
            "exit": said[1].exitFingerprint,
            "escape": said[1].escapeFingerprint,
        }
        manifests = self.keys.manifests | self.keys.account_manifests
        for name, fingerprint in told.items():
            ours = manifests[name].fingerprint.removeprefix("0x")
            if fingerprint.hex() != ours:
                what = f"the vault's {name} circuit has fingerprint {fingerprint.hex()}, these keys are of {ours}"
                raise AuditError(what, {"circuit": name})
        if not (self.keys.fits() and self.keys.account_fits()):
            raise AuditError(
                f"the keys in {self.keys.folder} are not of this program's circuits", {"keys": str(self.keys.folder)}
            )
        sources = {"Verifier": self.keys.solidity(), "AccountVerifier": self.keys.account_solidity()}
        code = {
            "Verifier": self.vault.chain.code(batches.address),
            "AccountVerifier": self.vault.chain.code(accounts.address),
        }
        return self._match(sources, code)

    def _match(self, sources: dict[str, str], code: dict[str, bytes]) -> dict[str, str]:
        if self.contracts is not None:
            self.tell("compiling the generated verifiers")
            compiled = compiled_runtime(self.contracts, sources)
            for name in sources:
                if code[name] != compiled[name]:
                    sizes = f"{len(code[name])} bytes, its keys' source compiles to {len(compiled[name])}"
                    what = f"the code of {name} on chain is another than that of these keys: {sizes}"
                    raise AuditError(what, {"contract": name})
            return dict.fromkeys(sources, "its code is what these keys' source compiles to")
        for name, source in sources.items():
            missing = missing_words(source, code[name])
            if missing:
                what = f"the code of {name} on chain lacks {len(missing)} words of these keys, 0x{missing[0]} first"
                raise AuditError(what, {"contract": name, "missing": len(missing)})
        return dict.fromkeys(
            sources, "it holds every word of these keys; what it does with them was not compared (--contracts)"
        )


def _returned(history: History) -> Iterator[tuple[int, int]]:
    """(epoch, instrument) of what is open in an epoch after it got its value."""
    for number, epoch in sorted(history.epochs.items()):
        for instrument in epoch.instruments:
            _, since = history.values.get(instrument, (0, number + 1))
            if since <= number:
                yield number, instrument
