"""From a queued transaction to a final one: nonces, fees, endpoints, private relays, receipts.

:mod:`.policy` says what may be spent and where it may be sent, :mod:`.fees` what is offered, :mod:`.endpoints` reads and sends over
several endpoints, :mod:`.private` over relays that keep it out of the public mempool, and :mod:`.manager` does it, step by step.
What is to be done on chain is decided by whoever queues it (:mod:`relayer.store.transactions`).
"""
