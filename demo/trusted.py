"""What a settlement is checked against by whoever believes the chain and nobody else: the vault's storage while the batch is sealed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demo.chain import Contract
from prover.batch import Context, SettledRow, State
from prover.orders import Touch
from prover.settlement import Expected, LockedDeposit


def settled_rows(state: State, touches: Sequence[Touch], values: Mapping[int, int]) -> tuple[SettledRow, ...]:
    """Of the settled instruments, by id with their values, those that the touched accounts hold."""
    leaves = [state.leaf(touch.index) for touch in touches]
    held = {position.instrument for leaf in leaves if leaf for position in leaf.positions}
    return tuple(SettledRow(number, values[number]) for number in sorted(held & values.keys()))


def sealed_context(contract: Contract) -> Context:
    """The context of the sealed batch: the vault's seal, under its terms."""
    _, batch, _, _, _, _, last_void, _, time = contract.call("currentSeal")
    fee_rate, num, den = contract.call("terms")
    return Context(
        domain=contract.call("domain"),
        batch=batch,
        last_void=last_void,
        time=time,
        fee_rate=fee_rate,
        num=num,
        den=den,
    )


def trusted(contract: Contract, settled: Mapping[int, int]) -> Expected:
    """What a settlement of the sealed batch is checked against: the vault's storage, all of it.

    ``settled`` names the instruments whose settlement values are looked up.
    """
    root, _, _, orders, deposit_end, exit_end, _, epoch, _ = contract.call("currentSeal")
    deposits: dict[int, LockedDeposit] = {}
    for entry in range(contract.call("depositQueue")[0], deposit_end):
        _, amount, index, _ = contract.call("deposits", entry)
        if not amount:
            continue
        before = deposits[index].amount if index in deposits else 0
        deposits[index] = LockedDeposit(before + amount, contract.call("ownerOf", index))
    exits = [contract.call("exits", entry) for entry in range(contract.call("exitQueue")[0], exit_end)]
    return Expected(
        context=sealed_context(contract),
        start_root=contract.call("root"),
        seal_root=root,
        active_orders=orders,
        deposit_end=deposit_end,
        exit_end=exit_end,
        risk_root=contract.call("epochs", epoch)[0],
        deposits=deposits,
        exits={index: amount for _, amount, index, _ in exits},
        settled={number: contract.call("settlementValue", number)[0] for number in settled},
    )
