"""Other proofs of what a Groth16 proof proves: e(A, B) is e(-A, -B) and e(kA, B/k). Plain arithmetic on BN254, affine.

A coordinate of G1 is an integer modulo q; one of G2 a pair (real, imaginary) with i^2 = -1.
"""

from __future__ import annotations

from dataclasses import dataclass

from prover.hashing import FIELD_ORDER
from prover.settlement import Proof

Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""Order of the field that coordinates are of."""
FACTOR = 0x7AC17


@dataclass(frozen=True)
class Fq2:
    """a + b·i; an element of the base field has b = 0."""

    a: int
    b: int = 0

    def __add__(self, other: Fq2) -> Fq2:
        return Fq2((self.a + other.a) % Q, (self.b + other.b) % Q)

    def __sub__(self, other: Fq2) -> Fq2:
        return Fq2((self.a - other.a) % Q, (self.b - other.b) % Q)

    def __mul__(self, other: Fq2) -> Fq2:
        return Fq2((self.a * other.a - self.b * other.b) % Q, (self.a * other.b + self.b * other.a) % Q)

    def inverse(self) -> Fq2:
        norm = pow(self.a * self.a + self.b * self.b, -1, Q)
        return Fq2(self.a * norm % Q, -self.b * norm % Q)


Point = tuple[Fq2, Fq2]


def _add(left: Point, right: Point) -> Point:
    """The sum of two points that are not each other's negatives: none in a multiple below the order."""
    (x, y), (u, v) = left, right
    slope = Fq2(3) * x * x * (y + y).inverse() if left == right else (v - y) * (u - x).inverse()
    third = slope * slope - x - u
    return third, slope * (x - third) - y


def _times(factor: int, point: Point) -> Point:
    """A multiple, from the highest bit down."""
    total = point
    for bit in bin(factor)[3:]:
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


def _negative(y: int) -> int:
    return (Q - y) % Q


def negated(proof: Proof) -> Proof:
    """-A, -B, C."""
    ax, ay, bx1, bx0, by1, by0, cx, cy = proof
    return (ax, _negative(ay), bx1, bx0, _negative(by1), _negative(by0), cx, cy)


def scaled(proof: Proof) -> Proof:
    """kA, B/k, C."""
    ax, ay, bx1, bx0, by1, by0, cx, cy = proof
    a = _times(FACTOR, (Fq2(ax), Fq2(ay)))
    b = _times(pow(FACTOR, -1, FIELD_ORDER), (Fq2(bx0, bx1), Fq2(by0, by1)))
    return (a[0].a, a[1].a, b[0].b, b[0].a, b[1].b, b[1].a, cx, cy)
