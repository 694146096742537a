"""Section 13, Exit: what an owner signs to ask for cash, and what a proof of it says."""

from dataclasses import dataclass

from .account import Holder, owner
from .eddsa import Signature, verify
from .errors import UnprovableError
from .params import AMOUNT_BITS, COUNTER_BITS, INDEX_BITS, TAG_EXIT
from .poseidon import sponge

ADDRESS_BITS = 160


@dataclass(frozen=True)
class ExitRequest:
    """A request for an account's free cash; amount in token units, number counts the account's requests before."""

    domain: int
    index: int
    recipient: int
    amount: int
    number: int


def exit_message(request: ExitRequest) -> int:
    """Section 13: "S(13; domain, index, recipient, amount, number)"."""
    return sponge(TAG_EXIT, request.domain, request.index, request.recipient, request.amount, request.number)


def exit_inputs(request: ExitRequest, holder: Holder, signature: Signature) -> list[int]:
    """Public inputs "in order: domain, owner, index, recipient, amount, number".

    Raises UnprovableError for a number out of its range or a signature that does not hold."""
    ranges = ((request.index, INDEX_BITS), (request.recipient, ADDRESS_BITS), (request.amount, AMOUNT_BITS))
    for value, bits in (*ranges, (request.number, COUNTER_BITS)):
        if not 0 <= value < 2**bits:
            raise UnprovableError(f"{value} does not fit {bits} bits")
    if not verify(holder.key, exit_message(request), signature):
        raise UnprovableError(f"the request of account {request.index} is not signed by its holder")
    return [request.domain, owner(holder), request.index, request.recipient, request.amount, request.number]
