"""From receipted orders to a settled batch, and the operator's other duties: a state machine in the database.

:mod:`.batching` says what is due (pure rules), :mod:`.sealing`, :mod:`.clearing`, :mod:`.proving` and :mod:`.settling` do it, one
step each, :mod:`.duties` is what an operator owes beside batches, :mod:`.worker` is the loop. Every step may be repeated after a kill
at any place. What the chain says is written by :mod:`relayer.watcher`; transactions are queued here and sent by
:mod:`relayer.transactions`; receipts are given by :mod:`relayer.intake`.
"""
