"""A market maker: two sides of an option in every batch, over WebSocket.

`python examples/market_maker.py RELAYER RPC VAULT SEED_FILE BATCHES`

Whenever a batch opens, it quotes a spread around the mark, for that batch alone; what the other side took is told when it settles.
"""

import asyncio
import sys
from pathlib import Path

from relayer.client import AsyncClient, Event, Seed

HALF_SPREAD = 0.01
CONTRACTS = "2"


async def quote(client: AsyncClient) -> list[str]:
    """Sends both sides; their ids."""
    option = next(each for each in await client.instruments() if each.state == "open")
    mark = int(option.mark or 0) / 10**6
    bid = await client.trade(option.id, "buy", CONTRACTS, f"{mark * (1 - HALF_SPREAD):.2f}", batches=1)
    ask = await client.trade(option.id, "sell", CONTRACTS, f"{mark * (1 + HALF_SPREAD):.2f}", batches=1)
    return [(await client.send(order)).id for order in (bid, ask)]


async def main(relayer: str, rpc: str, vault: str, seed_file: str, batches: int) -> None:
    """Quotes in so many batches, and waits until the last has settled."""
    seed, book = Seed.load(Path(seed_file)), Path(f"{seed_file}.book")
    async with AsyncClient(relayer, seed, rpc=rpc, vault=vault, book=book) as client:
        waiting: dict[int, list[str]] = {}
        quoted = 0
        if (number := (await client.state()).open_batch) is not None:
            waiting[number], quoted = await quote(client), 1
        async for event in client.subscribe("batches"):
            if not isinstance(event, Event):
                continue
            number, reached = int(event.data["batch"]), event.data["state"]
            if reached == "open" and number not in waiting and quoted < batches:
                waiting[number], quoted = await quote(client), quoted + 1
                print(f"batch {number}: quoted {CONTRACTS} contracts on both sides")
            if reached in ("mined", "final") and number in waiting:
                for order in [await client.order(identity) for identity in waiting.pop(number)]:
                    filled = order.result.fill if order.result else 0
                    print(f"batch {number}: {order.id} {order.state}, filled {filled} lots")
            if quoted == batches and not waiting:
                return


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
