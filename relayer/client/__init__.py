"""The trader's client, blocking and for asyncio: keys from one seed, orders signed and encrypted here, receipts checked before they count.

The rules are :class:`.trader.Trader` and what builds on it, written once as steps (:mod:`.steps`); :class:`Client` and
:class:`AsyncClient` carry them out. What a relayer refuses is a :class:`Problem` of its code's class; what it signed and cannot keep is a
:class:`ContradictionError` with the evidence.
"""

from relayer.client.awaiting import AsyncClient
from relayer.client.blocking import Client
from relayer.client.book import Book
from relayer.client.onchain import Deposited, Standing, Verdict
from relayer.client.problems import (
    BatchFull,
    Busy,
    ClientError,
    Conflict,
    ContradictionError,
    DecryptionFailed,
    Distrusted,
    Expired,
    FalseReceipt,
    Forbidden,
    IdempotencyMismatch,
    InsufficientMargin,
    InvalidOrder,
    InvalidRequest,
    InvalidSignature,
    NonceUsed,
    NoNonce,
    Nonsense,
    NotFound,
    NotLeader,
    NotReady,
    Paused,
    Problem,
    RateLimited,
    StaleRisk,
    TooLarge,
    Unauthenticated,
    UnknownAccount,
    UnknownInstrument,
    UnknownKey,
    Unreachable,
)
from relayer.client.requests import Patience
from relayer.client.stream import Event, Missed
from relayer.client.terms import Terms
from relayer.client.trader import Placed
from relayer.seed import Seed
from relayer.sender import KeySender, UnlockedSender
from relayer.signing import Signer

__all__ = [
    "AsyncClient",
    "BatchFull",
    "Book",
    "Busy",
    "Client",
    "ClientError",
    "Conflict",
    "ContradictionError",
    "DecryptionFailed",
    "Deposited",
    "Distrusted",
    "Event",
    "Expired",
    "FalseReceipt",
    "Forbidden",
    "IdempotencyMismatch",
    "InsufficientMargin",
    "InvalidOrder",
    "InvalidRequest",
    "InvalidSignature",
    "KeySender",
    "Missed",
    "NoNonce",
    "NonceUsed",
    "Nonsense",
    "NotFound",
    "NotLeader",
    "NotReady",
    "Patience",
    "Paused",
    "Placed",
    "Problem",
    "RateLimited",
    "Seed",
    "Signer",
    "StaleRisk",
    "Standing",
    "Terms",
    "TooLarge",
    "Unauthenticated",
    "UnknownAccount",
    "UnknownInstrument",
    "UnknownKey",
    "UnlockedSender",
    "Unreachable",
    "Verdict",
]
