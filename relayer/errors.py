"""What the package refuses, in the tree of :mod:`prover.errors`: a message that says what to do, the offending values, a stable code.

A URL of an endpoint often holds the key of a paid service, so messages name its host only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

from prover.errors import TacitError


class RpcError(TacitError):
    """An endpoint that is silent, answers nonsense or refuses a request."""

    code: ClassVar[str] = "RPC"


class UnsettledError(RpcError):
    """Endpoints that disagree so that nobody can say who is right, or too few that answer."""

    code: ClassVar[str] = "UNSETTLED"


class RevertedError(TacitError):
    """A call or transaction that a contract refused: ``name`` of its custom error ("" if it gave none), ``arguments`` of it in order."""

    code: ClassVar[str] = "REVERTED"

    def __init__(
        self,
        message: str,
        name: str,
        arguments: tuple[object, ...] = (),
        values: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        super().__init__(message, {"error": name, **values})
        self.name = name
        self.arguments = arguments


class TransactionError(TacitError):
    """A transaction that was not sent, or is not in the chain."""

    code: ClassVar[str] = "TRANSACTION"


class LedgerError(TacitError):
    """Chain data that contradicts itself or cannot be read, so that nothing may be concluded from it."""

    code: ClassVar[str] = "LEDGER"


class RebuildError(TacitError):
    """A tree that does not come out at the root that the chain has."""

    code: ClassVar[str] = "REBUILD"


class AuditError(TacitError):
    """A settlement, epoch or contract that does not hold against what this program computes."""

    code: ClassVar[str] = "AUDIT"


class SeedError(TacitError):
    """A seed that cannot be used."""

    code: ClassVar[str] = "SEED"


class KeystoreError(TacitError):
    """A keystore that does not open, or a passphrase that is not there."""

    code: ClassVar[str] = "KEYSTORE"


class ExitError(TacitError):
    """A step out of a vault that cannot be taken now."""

    code: ClassVar[str] = "EXIT"


class ReplicaError(TacitError):
    """Words that a replica refuses or does not have, or replicas that do not sign."""

    code: ClassVar[str] = "REPLICA"


class ReceiptError(TacitError):
    """What is no receipt, or does not bind the operator to what was sent."""

    code: ClassVar[str] = "RECEIPT"


class AnswerError(TacitError):
    """A challenge that the sealed batch does not answer."""

    code: ClassVar[str] = "ANSWER"


class ConfigError(TacitError):
    """A setting that does not exist, is missing, or cannot be what it is."""

    code: ClassVar[str] = "CONFIG"


class StoreError(TacitError):
    """A database that cannot be used as it is, or does not answer."""

    code: ClassVar[str] = "STORE"


class LeaseLost(TacitError):  # noqa: N818 - the word that says what happened
    """Somebody else does this work now: what was being written must not be."""

    code: ClassVar[str] = "LEASE_LOST"


class EncryptionKeyError(TacitError):
    """A key of the operator's that orders cannot be encrypted to."""

    code: ClassVar[str] = "ENCRYPTION_KEY"


class DecryptionError(TacitError):
    """An envelope that does not open. One message for every reason, so that an answer tells nothing about a key."""

    code: ClassVar[str] = "DECRYPTION_FAILED"

    def __init__(self) -> None:
        super().__init__("the envelope does not open under the key that it names: encrypt again, to the key in force")


class EnvelopeError(TacitError):
    """What is no envelope: a part is missing, has another length or is not hexadecimal."""

    code: ClassVar[str] = "INVALID_REQUEST"


class OrderError(TacitError):
    """An envelope that opened and holds no order or registration as docs/formats.md describes it. Its content is not repeated."""

    code: ClassVar[str] = "INVALID_ORDER"


class SealingError(TacitError):
    """A batch that cannot be put together, or is not what the chain has the seal of."""

    code: ClassVar[str] = "SEALING"


class OutgoingError(TacitError):
    """An address that this service does not send anything to."""

    code: ClassVar[str] = "OUTGOING"


class ExecutorError(TacitError):
    """Machines that do not prove what they are given: a cluster that cannot be joined, tasks that keep failing."""

    code: ClassVar[str] = "EXECUTOR"


class DeployError(TacitError):
    """A vault that cannot be made as planned, or is not what was planned."""

    code: ClassVar[str] = "DEPLOY"
