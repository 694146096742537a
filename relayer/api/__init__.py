"""The relayer over HTTP and WebSocket: what traders and everybody may ask (:mod:`.app`), and what its operator may (:mod:`.admin`).

The two are applications of their own on ports of their own; the public one knows no route of the other. Rules of orders are left to
:mod:`relayer.intake`, batches to :mod:`relayer.pipeline`, and all SQL to :mod:`relayer.store`.
"""
