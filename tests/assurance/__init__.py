"""Assurance: what the attacks of the test suite met, as tables and a score.

While the tests run with `TACIT_RECORDS` set, every dishonest witness is written down with the rows that refused it, and every table of
attacks with its lines. Out of these records, the promises of section 12 of `docs/protocol.md` and the names in the sources come the tables
of `docs/assurance.md` and the deletion score. So a promise without an attack, a check that nobody noticed missing and a table that is out
of date each fail `make test`.
"""
