"""Revisions of the relayer's tables, run by :mod:`relayer.store.migrate`."""
