"""Tests of tacit; a package, so that `tests.reference` has one name for every tool."""
