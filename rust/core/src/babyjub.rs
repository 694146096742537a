//! Baby Jubjub, the curve over the BN254 scalar field that traders' keys live on, in the form of EIP-2494.
//!
//! The curve is `168700 x² + y² = 1 + 168696 x² y²`, of order 8·l with l prime. 168700 is a square and 168696 is not, so the
//! addition law holds for every pair of points of the curve. Results for coordinates off the curve mean nothing: whoever takes a
//! point from outside checks it first ([`Point::new`], [`Point::is_on_curve`], [`Point::unpack`]).
//! Nothing here runs in constant time; keys that matter sign in the client.

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, BigInt, Field, MontFp, PrimeField};

use crate::error::CoreError;
use crate::field::{self, F, Integer};
use crate::keccak::keccak256_of;

/// The factor a of x² in the curve equation.
pub const A: F = MontFp!("168700");
/// The factor d of x²y² in the curve equation.
pub const D: F = MontFp!("168696");
/// The factor of u² in the Montgomery form `v² = u³ + 168698 u² + u`.
pub const MONTGOMERY_A: F = MontFp!("168698");
/// The order l of the prime subgroup,
/// 2736030358979909402780800718157159386076813972158567259200215660948447373041.
pub const SUBGROUP_ORDER: Integer = <ark_ed_on_bn254::Fr as PrimeField>::MODULUS;
/// The base point of the prime subgroup: eight times the generator of EIP-2494.
pub const BASE8: Point = Point {
    x: MontFp!("5299619240641551281634865583518297030282874472190772894086521144482721001553"),
    y: MontFp!("16950150798460657717958625567821834550301663161624707787222815936182638968203"),
};
/// The generator of the whole curve, of order 8·l.
pub const GENERATOR: Point = Point {
    x: MontFp!("995203441582195749578291179787384436505546430278305826713579947235728471134"),
    y: MontFp!("5472060717959818805561601436314318772137091100104008585924551046643952123905"),
};

/// Scalars are cut into digits of this many bits.
const WINDOW_BITS: usize = 4;
const WINDOWS: usize = 256 / WINDOW_BITS;
const SIGN_BIT: u8 = 0x80;

/// A pair of coordinates: a point of the curve where [`Point::is_on_curve`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point {
    /// First coordinate.
    pub x: F,
    /// Second coordinate.
    pub y: F,
}

/// A point in the Montgomery form of the curve, `v² = u³ + 168698 u² + u`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MontgomeryPoint {
    /// First coordinate.
    pub u: F,
    /// Second coordinate.
    pub v: F,
}

/// A point in extended coordinates: the affine one is (X/Z, Y/Z), and T = XY/Z.
#[derive(Clone, Copy, Debug)]
pub struct Projective {
    x: F,
    y: F,
    t: F,
    z: F,
}

impl Point {
    /// The neutral element (0, 1).
    pub const IDENTITY: Self = Self { x: F::ZERO, y: F::ONE };

    /// The point of two coordinates.
    ///
    /// # Errors
    /// [`CoreError::PointNotOnCurve`] where they do not satisfy the curve equation.
    pub fn new(x: F, y: F) -> Result<Self, CoreError> {
        let point = Self { x, y };
        let refused = || CoreError::PointNotOnCurve { x: field::to_decimal(&x), y: field::to_decimal(&y) };
        if point.is_on_curve() { Ok(point) } else { Err(refused()) }
    }

    /// Whether the coordinates satisfy the curve equation.
    #[must_use]
    pub fn is_on_curve(&self) -> bool {
        let (xx, yy) = (self.x.square(), self.y.square());
        A * xx + yy == F::ONE + D * xx * yy
    }

    /// Whether the point is one of the subgroup of prime order l, the neutral element included.
    #[must_use]
    pub fn is_in_subgroup(&self) -> bool {
        self.is_on_curve() && self.projective().times(&SUBGROUP_ORDER).is_identity()
    }

    /// Whether eight times the point is the neutral element.
    #[must_use]
    pub fn is_of_low_order(&self) -> bool {
        self.projective().times_cofactor().is_identity()
    }

    /// The sum of two points.
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        self.projective().add(&other.projective()).affine()
    }

    /// Twice the point.
    #[must_use]
    pub fn double(&self) -> Self {
        self.projective().double().affine()
    }

    /// The inverse of the point.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { x: -self.x, y: self.y }
    }

    /// The multiple of the point by an integer below 2²⁵⁶, not reduced.
    #[must_use]
    pub fn times(&self, scalar: &Integer) -> Self {
        self.projective().times(scalar).affine()
    }

    /// Eight times the point, which lies in the prime subgroup.
    #[must_use]
    pub fn times_cofactor(&self) -> Self {
        self.projective().times_cofactor().affine()
    }

    /// The point in extended coordinates.
    #[must_use]
    pub fn projective(&self) -> Projective {
        Projective { x: self.x, y: self.y, t: self.x * self.y, z: F::ONE }
    }

    /// circomlib's 32 bytes of a point: y least significant byte first, the highest bit set where x > (p − 1)/2.
    #[must_use]
    pub fn pack(&self) -> [u8; 32] {
        let mut packed = field::to_le_bytes(&self.y);
        if is_negative(&self.x) {
            packed[31] |= SIGN_BIT;
        }
        packed
    }

    /// The point of circomlib's 32 bytes; exactly one encoding a point is accepted.
    ///
    /// # Errors
    /// [`CoreError::PointEncoding`] where y is not below p, no point has that y, or x = 0 bears a sign.
    pub fn unpack(packed: &[u8; 32]) -> Result<Self, CoreError> {
        let refused = |reason| CoreError::PointEncoding { packed: field::hex(packed), reason };
        let mut y_bytes = *packed;
        y_bytes[31] &= !SIGN_BIT;
        let sign = packed[31] & SIGN_BIT != 0;
        let y = field::from_le_bytes(&y_bytes).map_err(|_| refused("y is not below the order of the field"))?;
        let x = x_of(&y).ok_or_else(|| refused("no point of the curve has this y"))?;
        if sign && x == F::ZERO {
            return Err(refused("x = 0 has no sign"));
        }
        Ok(Self { x: if is_negative(&x) == sign { x } else { -x }, y })
    }

    /// The point in Montgomery form, `((1 + y)/(1 − y), (1 + y)/((1 − y)x))`; none for the two points with x = 0.
    #[must_use]
    pub fn to_montgomery(&self) -> Option<MontgomeryPoint> {
        let u = (F::ONE + self.y) * (F::ONE - self.y).inverse()?;
        Some(MontgomeryPoint { u, v: u * self.x.inverse()? })
    }
}

impl MontgomeryPoint {
    /// The point in the form of EIP-2494, `(u/v, (u − 1)/(u + 1))`; none where v = 0 or u = −1.
    #[must_use]
    pub fn to_edwards(&self) -> Option<Point> {
        let x = self.u * self.v.inverse()?;
        Some(Point { x, y: (self.u - F::ONE) * (self.u + F::ONE).inverse()? })
    }

    /// Whether the coordinates satisfy the Montgomery equation.
    #[must_use]
    pub fn is_on_curve(&self) -> bool {
        self.v.square() == (self.u.square() + MONTGOMERY_A * self.u + F::ONE) * self.u
    }
}

/// The x of the curve equation for a y, either of the two.
fn x_of(y: &F) -> Option<F> {
    let yy = y.square();
    // a − d y² is never 0: a is a square and d is not.
    let square = (F::ONE - yy) * (A - D * yy).inverse()?;
    square.sqrt()
}

/// circomlib's sign: the upper half of the field counts as negative.
fn is_negative(x: &F) -> bool {
    x.into_bigint() > F::MODULUS_MINUS_ONE_DIV_TWO
}

impl Projective {
    /// The neutral element.
    pub const IDENTITY: Self = Self { x: F::ZERO, y: F::ONE, t: F::ZERO, z: F::ONE };

    /// Whether this is the neutral element.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.x == F::ZERO && self.y == self.z
    }

    /// Whether this is the given point.
    #[must_use]
    pub fn is_point(&self, point: &Point) -> bool {
        self.x == point.x * self.z && self.y == point.y * self.z
    }

    /// The sum (Hisil, Wong, Carter, Dawson 2008, section 3.1).
    #[must_use]
    pub fn add(&self, other: &Self) -> Self {
        let a = self.x * other.x;
        let b = self.y * other.y;
        let c = D * self.t * other.t;
        let d = self.z * other.z;
        let e = (self.x + self.y) * (other.x + other.y) - a - b;
        Self::of_factors(e, d - c, d + c, b - A * a)
    }

    /// Twice the point (the same, section 3.3).
    #[must_use]
    pub fn double(&self) -> Self {
        let a = self.x.square();
        let b = self.y.square();
        let d = A * a;
        let e = (self.x + self.y).square() - a - b;
        let g = d + b;
        Self::of_factors(e, g - self.z.square().double(), g, d - b)
    }

    fn of_factors(e: F, f: F, g: F, h: F) -> Self {
        Self { x: e * f, y: g * h, t: e * h, z: f * g }
    }

    /// The inverse.
    #[must_use]
    pub fn negated(&self) -> Self {
        Self { x: -self.x, t: -self.t, ..*self }
    }

    /// Eight times the point.
    #[must_use]
    pub fn times_cofactor(&self) -> Self {
        self.double().double().double()
    }

    /// The multiple by an integer below 2²⁵⁶, not reduced.
    #[must_use]
    pub fn times(&self, scalar: &Integer) -> Self {
        let multiples = small_multiples(self);
        (0..WINDOWS).rev().fold(Self::IDENTITY, |sum, window| {
            let shifted = (0..WINDOW_BITS).fold(sum, |point, _| point.double());
            match digit(scalar, window) {
                0 => shifted,
                digit => shifted.add(&multiples[digit - 1]),
            }
        })
    }

    /// The affine point.
    #[must_use]
    pub fn affine(&self) -> Point {
        let inverse = self.z.inverse().expect("the addition law is complete, so Z is not 0 for points of the curve");
        Point { x: self.x * inverse, y: self.y * inverse }
    }
}

/// The multiple of [`BASE8`] by an integer below 2²⁵⁶, from a table of its multiples.
#[must_use]
pub fn base8_times(scalar: &Integer) -> Projective {
    static TABLE: OnceLock<Vec<[Projective; 15]>> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        let mut unit = BASE8.projective();
        (0..WINDOWS)
            .map(|_| {
                let multiples = small_multiples(&unit);
                unit = multiples[14].add(&unit);
                multiples
            })
            .collect()
    });
    let digits = table.iter().enumerate().map(|(window, multiples)| (digit(scalar, window), multiples));
    digits
        .filter(|(digit, _)| *digit > 0)
        .fold(Projective::IDENTITY, |sum, (digit, multiples)| sum.add(&multiples[digit - 1]))
}

/// The multiples by 1 … 15.
fn small_multiples(point: &Projective) -> [Projective; 15] {
    let mut multiples = [*point; 15];
    for i in 1..multiples.len() {
        multiples[i] = multiples[i - 1].add(point);
    }
    multiples
}

/// The window's four bits of the scalar, window 0 the least significant.
fn digit(scalar: &Integer, window: usize) -> usize {
    let BigInt(limbs) = scalar;
    let bit = window * WINDOW_BITS;
    (limbs[bit / 64] >> (bit % 64)) as usize & 15
}

/// A point of the prime subgroup that nobody knows a discrete logarithm of, never the neutral element.
///
/// For counter = 0, 1, …: `b = keccak256(label ‖ index ‖ counter)`, label in UTF-8, index and counter as four bytes, most
/// significant first. Where `b` is the packed form of a point P ([`Point::unpack`]) and 8·P is not neutral, the result is 8·P;
/// else the counter goes on. About one counter in five succeeds.
#[must_use]
pub fn hash_to_curve(label: &str, index: u32) -> Point {
    let candidate = |counter: u32| {
        let digest = keccak256_of(&[label.as_bytes(), &index.to_be_bytes(), &counter.to_be_bytes()]);
        Point::unpack(&digest).ok().map(|point| point.times_cofactor())
    };
    let mut points = (0..=u32::MAX).filter_map(candidate).filter(|point| *point != Point::IDENTITY);
    points.next().expect("2³² hashes, of which one in five is a point")
}
