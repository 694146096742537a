"""A trader's first order, from keys to a fill. As it is, it runs beside `make local`; elsewhere addresses and payer differ."""

from pathlib import Path

from relayer.client import Client, KeySender, Seed, Signer

relayer, chain, own = "http://127.0.0.1:8640", "http://127.0.0.1:8545", Path("local")
seed_file = own / "trader.seed"
if not seed_file.exists():
    Seed.random().save(seed_file)  # whoever has it has the account
vault = (own / "vault").read_text().strip()  # from who deployed it: a relayer could name a contract of its own

with Client(relayer, Seed.load(seed_file), rpc=chain, vault=vault, book=own / "trader.book") as client:
    client.register()  # the operator may read this account, nobody else
    client.deposit("10000", KeySender(Signer.load(own / "payer.key")))
    lost = client.unanswered()  # sent when this ran before, and no answer came: once more it is the same order
    order = lost[0] if lost else client.trade("BTC-26DEC25-95000-C", "buy", "1.5", limit="3100")
    placed = client.send(order)  # signed and encrypted here
    print(f"order {placed.id}: {placed.state}, number {placed.sequence} of batch {placed.batch}")  # by a signed receipt
    done = client.wait(placed.id, "settled", "final", "lapsed")
    print(f"filled {int(done.result.fill) / 10**4:g} contracts" if done.result else f"it is {done.state}")
    if account := client.read():  # decrypted from chain data, with no word of the relayer's
        print(f"cash {account.leaf.cash / 10**14:.2f}, positions {[tuple(each) for each in account.leaf.positions]}")
    print(*client.verify_receipts(), sep="\n")
