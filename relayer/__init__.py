"""The relayer of tacit: what a vault's users, its operator and its auditors do with a chain.

So far: the ledger of a vault from chain data alone (:mod:`relayer.ledger`), its tree rebuilt (:mod:`relayer.rebuild`), an
owner's keys and account (:mod:`relayer.seed`, :mod:`relayer.reading`), the way out of a vault (:mod:`relayer.escape`),
replicas of public data (:mod:`relayer.replica`, :mod:`relayer.replicas`) and an auditor's replay (:mod:`relayer.audit`).
Imports go from :mod:`prover` to here, never back.
"""
