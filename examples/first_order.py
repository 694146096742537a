"""A trader's first order: keys, deposit, order, receipt, fill. `python examples/first_order.py RELAYER RPC PAYER`

PAYER is an account with test tokens that the local chain has unlocked; elsewhere a key of your own pays: KeySender(Signer.load(FILE)).
"""

import sys
from pathlib import Path

from relayer.client import Client, Seed, UnlockedSender

relayer, rpc, payer = sys.argv[1:4]
seed_file = Path("trader.seed")
if not seed_file.exists():
    Seed.random().save(seed_file)  # whoever has it has the account: `relayer keys change` puts it under a passphrase

with Client(relayer, Seed.load(seed_file), rpc=rpc, book=Path("trader.book")) as client:
    client.register()  # the operator may read this account, nobody else
    client.deposit("1000", UnlockedSender(payer))
    option = next(each for each in client.instruments() if each.state == "open")
    limit = f"{int(option.mark or 0) * 1.02 / 10**6:.2f}"
    placed = client.send(client.trade(option.id, "buy", "1.5", limit))  # signed and encrypted here
    print(f"order {placed.id}: {placed.state}, number {placed.sequence} of batch {placed.batch}")
    done = client.wait(placed.id, "settled", "final", "lapsed")
    print(f"filled {int(done.result.fill) / 10**4:g} contracts" if done.result else f"it is {done.state}")
    if account := client.read():  # from chain data, with no word of the relayer's
        print(f"cash {account.leaf.cash / 10**14:.2f}, positions {list(account.leaf.positions)}")
    print(*client.verify_receipts(), sep="\n")
