"""Baby Jubjub in the form of EIP-2494: 168700 x² + y² = 1 + 168696 x² y² over F.

`a` is a square and `d` is not, so the addition law is complete: it has no exceptional pairs.
"""

from dataclasses import dataclass

from .field import MODULUS, inverse

A = 168700
D = 168696
SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
COFACTOR = 8


@dataclass(frozen=True)
class Point:
    """An affine point; coordinates in F."""

    x: int
    y: int


IDENTITY = Point(0, 1)
BASE8 = Point(
    5299619240641551281634865583518297030282874472190772894086521144482721001553,
    16950150798460657717958625567821834550301663161624707787222815936182638968203,
)

Projective = tuple[int, int, int]


def on_curve(point: Point) -> bool:
    """The curve equation, for coordinates that are elements of F."""
    if not (0 <= point.x < MODULUS and 0 <= point.y < MODULUS):
        return False
    xx, yy = point.x * point.x, point.y * point.y
    return (A * xx + yy - 1 - D * xx * yy) % MODULUS == 0


def add_projective(left: Projective, right: Projective) -> Projective:
    x1, y1, z1 = left
    x2, y2, z2 = right
    a = z1 * z2 % MODULUS
    b = a * a % MODULUS
    c, d = x1 * x2 % MODULUS, y1 * y2 % MODULUS
    e = D * c * d % MODULUS
    f, g = b - e, b + e
    x = a * f % MODULUS * (((x1 + y1) * (x2 + y2) - c - d) % MODULUS) % MODULUS
    y = a * g % MODULUS * ((d - A * c) % MODULUS) % MODULUS
    return x, y, f * g % MODULUS


def affine(point: Projective) -> Point:
    z = inverse(point[2])
    return Point(point[0] * z % MODULUS, point[1] * z % MODULUS)


def add(left: Point, right: Point) -> Point:
    return affine(add_projective((left.x, left.y, 1), (right.x, right.y, 1)))


def multiply(scalar: int, point: Point) -> Point:
    """scalar · point for scalar ≥ 0, by doubling and adding."""
    total: Projective = (0, 1, 1)
    for bit in format(scalar, "b"):
        total = add_projective(total, total)
        if bit == "1":
            total = add_projective(total, (point.x, point.y, 1))
    return affine(total)


def low_order(point: Point) -> bool:
    """Whether 8 · point is the identity."""
    return multiply(COFACTOR, point) == IDENTITY
