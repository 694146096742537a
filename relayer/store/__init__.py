"""What the relayer keeps: one database, the only place with SQL.

:mod:`.models` says what is kept, :mod:`.database` opens it, :mod:`.migrate` makes its tables, :mod:`.crypt` hides content, :mod:`.leases`
shares work between processes, :mod:`.events` holds what subscribers are told, :mod:`.clock` the time; one module
a subject holds its queries.
"""
