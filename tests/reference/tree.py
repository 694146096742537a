"""Section 3, Tree: "Poseidon Merkle tree of arity 8, H_8 a node, depth levels".

A tree is a mapping from position to leaf value; what is absent is 0, and a subtree of zeros has
the hash its zeros give it. Node hashes are cached by `poseidon`, so a change costs one path.
"""

from collections.abc import Mapping
from functools import cache

from .poseidon import poseidon

ARITY = 8


@cache
def zero_node(level: int) -> int:
    """The root of `level` levels above leaves that are all 0."""
    return 0 if level == 0 else poseidon(*[zero_node(level - 1)] * ARITY)


def levels(leaves: Mapping[int, int], depth: int) -> list[dict[int, int]]:
    """All nodes that differ from a tree of zeros, leaf level first, root level last."""
    result = [{position: value for position, value in leaves.items() if value != 0}]
    for level in range(depth):
        below, zero = result[-1], zero_node(level)
        parents = sorted({position // ARITY for position in below})
        result.append(
            {parent: poseidon(*[below.get(ARITY * parent + i, zero) for i in range(ARITY)]) for parent in parents}
        )
    return result


def root(leaves: Mapping[int, int], depth: int) -> int:
    return levels(leaves, depth)[depth].get(0, zero_node(depth))


def path(leaves: Mapping[int, int], depth: int, index: int) -> list[list[int]]:
    """The eight children of every node above `index`, leaf level first ("least significant digit at the leaf level")."""
    nodes, result = levels(leaves, depth), []
    for level in range(depth):
        first = index // ARITY * ARITY
        result.append([nodes[level].get(first + i, zero_node(level)) for i in range(ARITY)])
        index //= ARITY
    return result
