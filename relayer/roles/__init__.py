"""The processes of the service: ``api`` takes orders, ``worker`` moves batches and transactions, ``prover`` proves.

Each can run alone, on any machine that reaches the database, and die at any moment. What they do is in the packages that they put
together here; what keeps them running is :mod:`relayer.supervisor`.
"""
