"""What is told of a step that failed, and whether it is worth while to try again as it is.

Messages of the core may repeat what stands in an order, so of errors that are not the relayer's own only the kind is told.
"""

from __future__ import annotations

from typing import Final

from prover.errors import FileError, TacitError
from relayer.errors import (
    ExecutorError,
    LeaseLost,
    LedgerError,
    RebuildError,
    ReplicaError,
    RevertedError,
    RpcError,
    SealingError,
    StoreError,
    TransactionError,
)

TRANSIENT: Final = (RpcError, ReplicaError, LedgerError, StoreError, LeaseLost, RebuildError, ExecutorError, FileError)
"""Endpoints, replicas, databases, other processes, and files (a full disk, a folder that is not mounted or that another run works in): the
batch is not at fault, and the step is taken again.
"""
OWN: Final = (*TRANSIENT, SealingError, RevertedError, TransactionError)


def plainly(error: TacitError) -> str:
    """An error without anything that an order says."""
    return str(error) if isinstance(error, OWN) else f"{type(error).__name__} ({error.code})"
