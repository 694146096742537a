"""A fund that reads its margin by scenario with numpy. `python examples/fund_margin.py RELAYER RPC VAULT SEED_FILE`

The account is decrypted from chain data and valued by the risk table in force; what the relayer says of it is only compared.
"""

import sys
from pathlib import Path

import numpy as np

from relayer.client import Client, Seed

relayer, rpc, vault, seed_file = sys.argv[1:5]
with Client(relayer, Seed.load(Path(seed_file)), rpc=rpc, vault=vault) as client:
    reading, risk, told = client.read(), client.risk(), client.account()
if reading is None:
    raise SystemExit("no batch has touched the account yet")

# Integers of any size: lots of 10⁻⁴ contract times price units of 10⁻⁶, cash in 10⁻¹⁴ of the quote currency.
held = {position.instrument: position.quantity for position in reading.leaf.positions}
lots = np.array([held.get(row.instrument, 0) for row in risk.rows], dtype=object)
values = np.array([[int(value) for value in row.values] for row in risk.rows], dtype=object)
marks = np.array([int(row.mark) for row in risk.rows], dtype=object)
worth = reading.leaf.cash + 10**4 * (lots @ values)
at_mark = reading.leaf.cash + 10**4 * (lots @ marks)

print(f"after batch {reading.batch}: worth {at_mark / 10**14:,.2f} at the marks")
for scenario, value in zip(risk.scenarios, worth, strict=True):
    print(f"  {scenario.label:<28}{(value - at_mark) / 10**14:>+14,.2f}")
worst = int(np.argmin(worth))
print(f"worst: {risk.scenarios[worst].label}, {(worth[worst] - at_mark) / 10**14:+,.2f}")
for each in told.margin:
    print(f"  excess margin, {each.label:<20}{int(each.excess) / 10**14:>14,.2f}")
if told.batch == reading.batch and int(told.equity or 0) != at_mark:
    raise SystemExit("the relayer values the account otherwise than the chain's data do")
