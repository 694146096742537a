"""The tree of leaf hashes alone: what everybody can keep of a vault from its published words, without knowing an account.

A :class:`Tree` never changes: :meth:`Tree.updated` gives a new one that shares what is equal, so keeping old ones costs little. Whoever has
the accounts themselves has a :class:`prover.batch.State`, whose tree this is.
"""

from __future__ import annotations

from collections.abc import Mapping

from prover import _native


class Tree:
    """Leaf hashes under one root (docs/protocol.md section 3); an empty leaf is 0."""

    def __init__(self, native: _native.Tree) -> None:
        self._native = native

    @classmethod
    def empty(cls, params: str) -> Tree:
        """The tree of a parameter set in which no account exists."""
        return cls(_native.Tree.empty(params))

    @classmethod
    def from_bytes(cls, raw: bytes) -> Tree:
        """The tree of :meth:`to_bytes`, hashed again and compared (:class:`prover.errors.StateError`)."""
        return cls(_native.Tree.from_bytes(raw))

    def to_bytes(self) -> bytes:
        """The form on disk: every leaf and the root."""
        return self._native.to_bytes()

    @property
    def depth(self) -> int:
        """Levels of eight children each."""
        return self._native.depth

    @property
    def root(self) -> int:
        """The root."""
        return self._native.root

    def updated(self, leaves: Mapping[int, int]) -> Tree:
        """The tree with these leaves by account index (:class:`prover.errors.StateError` for an index outside it)."""
        return Tree(self._native.updated(list(leaves.items())))

    def leaf(self, index: int) -> int:
        """The leaf hash of an account, 0 if it does not exist."""
        return self._native.leaf(index)

    def leaves(self) -> dict[int, int]:
        """The leaf hashes of all accounts, by increasing index."""
        return dict(self._native.leaves())

    def path(self, index: int) -> list[list[int]]:
        """The eight children of every node on the way from a leaf to the root, the leaf's own level first."""
        return self._native.path(index)
