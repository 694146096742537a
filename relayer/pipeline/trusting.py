"""What a settlement is checked against before it is sent: the vault's storage, read from it and not from what the operator believes."""

from __future__ import annotations

from typing import Final

from prover.batch import Context, Params
from prover.settlement import Expected, LockedDeposit, Settlement
from relayer.interface import Struct
from relayer.vault import Vault

INSTRUMENT: Final = 2**27


def expected(vault: Vault, settlement: Settlement) -> Expected | None:
    """What the vault holds of the batch of a settlement; None if its seal is not in force, or not with this time and root."""
    contract = vault.contract
    seal = contract.call("currentSeal")
    own = settlement.context
    if not seal.touches or (seal.batch, seal.time, seal.sealRoot) != (own.batch, own.time, settlement.seal_root):
        return None
    root = contract.call("root")
    if root != settlement.start_root:
        return None
    return Expected(
        context=_context(vault, seal),
        start_root=root,
        seal_root=bytes(seal.sealRoot),
        active_orders=seal.orders,
        deposit_end=seal.depositEnd,
        exit_end=seal.exitEnd,
        risk_root=contract.call("epochs", seal.epoch).riskRoot,
        deposits=_locked(vault, seal.depositEnd),
        exits=_requested(vault, seal.exitEnd),
        settled=_values(vault, settlement, seal.epoch),
    )


def _context(vault: Vault, seal: Struct) -> Context:
    terms = vault.contract.call("terms")
    return Context(
        domain=vault.contract.call("domain"),
        batch=seal.batch,
        last_void=seal.lastVoid,
        time=seal.time,
        fee_rate=terms.feeRate,
        num=terms.num,
        den=terms.den,
    )


def _locked(vault: Vault, end: int) -> dict[int, LockedDeposit]:
    found: dict[int, LockedDeposit] = {}
    for entry in range(vault.contract.call("depositQueue").head, end):
        deposit = vault.contract.call("deposits", entry)
        if deposit.amount:
            before = found.get(deposit.index)
            owner = vault.contract.call("ownerOf", deposit.index) if before is None else before.owner
            found[deposit.index] = LockedDeposit(deposit.amount + (0 if before is None else before.amount), owner)
    return found


def _requested(vault: Vault, end: int) -> dict[int, int]:
    requests = (vault.contract.call("exits", entry) for entry in range(vault.contract.call("exitQueue").head, end))
    return {each.index: each.amount for each in requests}


def _values(vault: Vault, settlement: Settlement, epoch: int) -> dict[int, int]:
    """The vault's values of the instruments that the settlement settles."""
    rows = settlement.closing_words[Params.named(settlement.params).rows :]
    named = {word % INSTRUMENT for word in rows if word}
    found = {number: vault.contract.call("settlementValue", number) for number in sorted(named)}
    return {number: each.value for number, each in found.items() if 0 < each.epoch <= epoch}
