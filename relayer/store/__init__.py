"""What the relayer keeps: one database, the only place with SQL.

:mod:`.models` says what is kept, :mod:`.database` opens it, :mod:`.crypt` hides content, :mod:`.leases` shares work between processes;
one module a subject holds its queries.
"""
