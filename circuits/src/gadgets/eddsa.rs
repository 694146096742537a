//! EdDSA-Poseidon signatures on Baby Jubjub, exactly circomlib's relation: `S·B8 = R8 + 8·h·A` with
//! `h = H_5(R8.x, R8.y, A.x, A.y, M)` as an integer below p, S < l, A on the curve and not of low order.
//!
//! **Shape.** One key serves all signatures of a touch, so what depends on the key alone is done once
//! ([`PreparedKey`]): with Q = −4A, the points `4ⁱ·Q` and `3·4ⁱ·Q` for the 127 base-4 digits of h. A signature
//! ([`verify`]) then only adds. Digits are odd and signed (±1, ±3 for h; ±1 … ±7 for S): `h = Σ (dᵢ + 3)/2 · 4ⁱ`, so
//! `Σ dᵢ 4ⁱ = 2h − (4¹²⁷ − 1)`, and the point looked up for −d is that for d with the sign of v changed. Hence u
//! depends on d² alone and v/d too, and a digit needs no bits: `(d² − 1)(d² − 9) = 0`. The constant parts `(4¹²⁷ −
//! 1)·Q` and `(8⁸⁴ − 1)·B8/2` are put into the starting point and the last step. No parity is corrected.
//!
//! **Incomplete addition.** Sums are taken in the Montgomery form, three rows each, by slopes; a slope is
//! undetermined or missing only where both points have the same u. Multiples of Q: 8A ≠ 0 (else a doubling has no
//! witness), so Q has order l or 2l and `4ⁱQ`, `2·4ⁱQ`, `3·4ⁱQ` have different u (and so have 4¹²⁷Q and −Q, for this
//! l). Everything else is added to a running sum that starts at a point H obtained by hashing to the curve, so that
//! it is H + xA + yB8 with known x, y, while the point added is a known multiple of A or of B8. Equal u would be a
//! relation between H, A and B8 that nobody can find who knows how A was made: a discrete logarithm. (Whoever makes A
//! out of H cannot sign for it, since its discrete logarithm is unknown, and gains nothing over a key of its own.) So
//! neither can a prover choose a slope freely, nor can a trader make a valid signature that the circuit cannot take.
//! The last step removes H by the complete Edwards law and so also reaches R8 = (0, 1), which a trader may choose.
//!
//! **R8** needs no check of its own: it is computed from points of the curve by the group law, so an R8 off the curve
//! equals no result.
//!
//! **Unused slots.** With `live = 0` the row "h is the hash" is switched off and nothing else: h = S = 0 and R8 the
//! neutral element satisfy the rest for every key and message. A key with `live = 0` is replaced by B8 before anything
//! is asked of it. So a key that is off the curve or made out of H never blocks a touch in which it signs nothing; callers pass
//! as a key's `live` that one of its signatures is.

use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use tacit_core::babyjub::{A, BASE8, D, MONTGOMERY_A, MontgomeryPoint, Point, SUBGROUP_ORDER, hash_to_curve};
use tacit_core::eddsa::Signature;
use tacit_core::field::{F, Integer, pow2};

use crate::builder::{Builder, Lc};
use crate::gadgets::{poseidon, range};

/// Check: the key has a Montgomery form (it is not the neutral element); also the label of its coordinates.
pub const KEY_FORM: &str = "key in Montgomery form";
/// Check: the key is a point of the curve.
pub const KEY_ON_CURVE: &str = "key on the curve";
/// Check: eight times the key is not the neutral element; the slope of a doubling.
pub const KEY_ORDER: &str = "key not of low order";
/// Check: sums of points; also the label of slopes.
pub const ADDITION: &str = "point addition";
/// Label of the first coordinate of a sum.
pub const SUM_U: &str = "sum u";
/// Label of the second coordinate of a sum.
pub const SUM_V: &str = "sum v";
/// Check and label: base-4 digits of the challenge.
pub const CHALLENGE_DIGIT: &str = "challenge digit";
/// Check: the digits are those of the hash; off in unused slots.
pub const CHALLENGE_IS_HASH: &str = "challenge is the hash";
/// Check: the digits' number is below p.
pub const CHALLENGE_BELOW_P: &str = "challenge below p";
/// Check and label: base-8 digits of S.
pub const SCALAR_DIGIT: &str = "scalar digit";
/// Check: S < l.
pub const SCALAR_BELOW_L: &str = "scalar below l";
/// Check: R8 is what the equation says.
pub const EQUATION: &str = "signature equation";
/// Labels of the coordinates of R8.
pub const R8: [&str; 2] = ["R8.x", "R8.y"];
/// Labels of the last running sum in Edwards form.
pub const LAST_SUM: [&str; 2] = ["last sum x", "last sum y"];

/// Base-4 digits of h: 4¹²⁷ = 2²⁵⁴ > p.
const CHALLENGE_DIGITS: usize = 127;
/// Base-8 digits of S: 8⁸⁴ = 2²⁵² > l.
const SCALAR_DIGITS: usize = 84;
/// Digits compared at once, chosen for the fewest rows.
const CHALLENGE_CHUNK: usize = 16;
const SCALAR_CHUNK: usize = 10;
/// Label of the hash that H is made from.
const START_LABEL: &str = "tacit.eddsa.start";

/// A point in Montgomery form.
#[derive(Clone, Debug)]
struct Sum {
    u: Lc,
    v: Lc,
}

/// A base-4 digit's choice: `P = 4ⁱ·Q` and what to add to its coordinates (v divided by the digit) to get those of 3P.
#[derive(Clone, Debug)]
struct Window {
    point: Sum,
    to_triple: Sum,
}

/// A public key with the multiples that its signatures are made of: 1,164 rows.
#[derive(Clone, Debug)]
pub struct PreparedKey {
    /// First coordinate, that of B8 if not live.
    pub x: Lc,
    /// Second coordinate, that of B8 if not live.
    pub y: Lc,
    windows: Vec<Window>,
    start: Sum,
}

impl PreparedKey {
    /// Checks the key (x, y) and computes its multiples; B8 takes its place where `live` (a bit) is 0.
    pub fn new(b: &mut Builder, x: &Lc, y: &Lc, live: &Lc) -> Self {
        b.scoped("key", |b| {
            let x = b.select(live, x, &Lc::constant(BASE8.x));
            let y = b.select(live, y, &Lc::constant(BASE8.y));
            let key = to_montgomery(b, &x, &y);
            let double = doubled(b, &key);
            let fourfold = doubled(b, &double);
            let base = Sum { u: fourfold.u, v: -fourfold.v };
            let (windows, above) = windows(b, &base);
            let minus_base = Sum { u: base.u, v: -base.v };
            let offset = added(b, &above, &minus_base);
            let start = added(b, &constants().start, &offset);
            Self { x, y, windows, start }
        })
    }
}

/// The point in Montgomery form, and that it is on the curve.
///
/// `u (1 − y) = 1 + y` has no solution at (0, 1). At (0, −1) it gives u = 0 and leaves v to the curve equation, v =
/// 0, where doubling fails. Elsewhere (u, v) is determined, and on the Montgomery curve exactly where (x, y) is on
/// the Edwards one.
fn to_montgomery(b: &mut Builder, x: &Lc, y: &Lc) -> Sum {
    let u = b.divide(KEY_FORM, &y.add_constant(F::ONE), &y.not());
    let v = b.divide(KEY_FORM, &u, x);
    let (uu, vv) = (b.mul(&u, &u), b.mul(&v, &v));
    let cubic = uu.add_scaled(&u, MONTGOMERY_A).add_constant(F::ONE);
    b.enforce(KEY_ON_CURVE, &cubic, &u, &vv);
    Sum { u, v }
}

/// P and 3P for each base-4 digit, and the point after the last.
fn windows(b: &mut Builder, base: &Sum) -> (Vec<Window>, Sum) {
    let third = F::from(3u8).inverse().expect("3 is not 0");
    let mut point = base.clone();
    let windows = (0..CHALLENGE_DIGITS)
        .map(|_| {
            let triple = tripled(b, &point);
            let next = added(b, &triple, &point);
            let to_triple = Sum { u: &triple.u - &point.u, v: triple.v.scale(third) - &point.v };
            Window { point: std::mem::replace(&mut point, next), to_triple }
        })
        .collect();
    (windows, point)
}

/// The slope of the tangent at p: two rows. There is none where v = 0, at the point of order 2.
fn tangent(b: &mut Builder, p: &Sum) -> Lc {
    let uu = b.mul(&p.u, &p.u);
    let numerator = uu.scale(F::from(3u8)).add_scaled(&p.u, MONTGOMERY_A.double()).add_constant(F::ONE);
    b.divide(KEY_ORDER, &numerator, &p.v.double())
}

/// 2p: four rows.
fn doubled(b: &mut Builder, p: &Sum) -> Sum {
    let slope = tangent(b, p);
    let u = sum_u(b, &slope, &p.u, &p.u);
    let v = sum_v(b, &slope, p, &u);
    Sum { u, v }
}

/// 3p as 2p + p: six rows. The v of 2p is not needed: the second slope is `2v/(u − u₂) − tangent`.
fn tripled(b: &mut Builder, p: &Sum) -> Sum {
    let tangent = tangent(b, p);
    let double_u = sum_u(b, &tangent, &p.u, &p.u);
    let slopes = b.divide(ADDITION, &p.v.double(), &(&p.u - &double_u));
    let slope = slopes - tangent;
    let u = sum_u(b, &slope, &p.u, &double_u);
    let v = sum_v(b, &slope, p, &u);
    Sum { u, v }
}

/// p + q for points of different u: three rows.
fn added(b: &mut Builder, p: &Sum, q: &Sum) -> Sum {
    let slope = b.divide(ADDITION, &(&q.v - &p.v), &(&q.u - &p.u));
    let u = sum_u(b, &slope, &p.u, &q.u);
    let v = sum_v(b, &slope, p, &u);
    Sum { u, v }
}

/// `slope² = u + p + q + A`: the third intersection of a line with the curve.
fn sum_u(b: &mut Builder, slope: &Lc, p: &Lc, q: &Lc) -> Lc {
    let others = (p + q).add_constant(MONTGOMERY_A);
    let u = b.witness(SUM_U, slope.value().square() - others.value());
    b.enforce(ADDITION, slope, slope, &(&u + others));
    u
}

fn sum_v(b: &mut Builder, slope: &Lc, p: &Sum, u: &Lc) -> Lc {
    let run = &p.u - u;
    let v = b.witness(SUM_V, slope.value() * run.value() - p.v.value());
    b.enforce(ADDITION, slope, &run, &(&v + &p.v));
    v
}

/// The signature of `message` (the value that was hashed to, one field element) holds under the key, or `live` (a
/// bit) is 0. 2,122 rows. Plain twin: `tacit_core::eddsa::verify`.
pub fn verify(b: &mut Builder, key: &PreparedKey, message: &Lc, signature: &Signature, live: &Lc) {
    let unused = Signature { r8: Point::IDENTITY, s: Integer::from(0u8) };
    let signature = if live.value() == F::ZERO { &unused } else { signature };
    b.scoped("signature", |b| {
        let r8 = Point { x: signature.r8.x, y: signature.r8.y };
        let r8 = [b.witness(R8[0], r8.x), b.witness(R8[1], r8.y)];
        let [r8x, r8y] = r8.clone();
        let inputs = [r8x, r8y, key.x.clone(), key.y.clone(), message.clone()];
        let hash = b.scoped("hash", |b| poseidon::hash(b, &inputs));
        let digits = b.scoped("challenge", |b| challenge_digits(b, &hash, live));
        let sum = b.scoped("key multiples", |b| {
            digits.iter().zip(&key.windows).fold(key.start.clone(), |sum, (digit, window)| {
                let point = key_multiple(b, digit, window);
                added(b, &sum, &point)
            })
        });
        let digits = b.scoped("scalar", |b| scalar_digits(b, &signature.s));
        let sum = b.scoped("base multiples", |b| {
            digits.iter().zip(&constants().windows).fold(sum, |sum, (digit, window)| {
                let point = base_multiple(b, digit, window);
                added(b, &sum, &point)
            })
        });
        b.scoped("equation", |b| require_r8(b, &sum, &r8));
    });
}

/// A digit of the challenge and its square.
struct ChallengeDigit {
    digit: Lc,
    square: Lc,
}

/// The digits of the hash, of 0 if not live: two rows each, and that their number is below p.
fn challenge_digits(b: &mut Builder, hash: &Lc, live: &Lc) -> Vec<ChallengeDigit> {
    let honest = (hash.value() * live.value()).into_bigint();
    let digits: Vec<ChallengeDigit> =
        odd_digits(&honest, 2, CHALLENGE_DIGITS).into_iter().map(|digit| challenge_digit(b, digit)).collect();
    let plain: Vec<Lc> = digits.iter().map(|digit| unsigned(&digit.digit, 2)).collect();
    b.enforce(CHALLENGE_IS_HASH, &(Lc::pack(&plain, 2) - hash), live, &Lc::zero());
    let largest = (-F::ONE).into_bigint();
    range::digits_at_most(b, CHALLENGE_BELOW_P, &plain, 2, CHALLENGE_CHUNK, &largest);
    digits
}

/// A digit in {−3, −1, 1, 3}.
fn challenge_digit(b: &mut Builder, value: F) -> ChallengeDigit {
    let digit = b.witness(CHALLENGE_DIGIT, value);
    let square = b.mul(&digit, &digit);
    let [one, nine] = [1u8, 9].map(|root| square.add_constant(-F::from(root)));
    b.enforce(CHALLENGE_DIGIT, &one, &nine, &Lc::zero());
    ChallengeDigit { digit, square }
}

/// `digit · P`: three rows. With m = (digit² − 1)/8, which is 0 or 1, u and v/digit move linearly from P to 3P.
fn key_multiple(b: &mut Builder, digit: &ChallengeDigit, window: &Window) -> Sum {
    let eighth = F::from(8u8).inverse().expect("8 is not 0");
    let tripled = digit.square.add_constant(-F::ONE).scale(eighth);
    let u = &window.point.u + b.mul(&window.to_triple.u, &tripled);
    let ratio = &window.point.v + b.mul(&window.to_triple.v, &tripled);
    let v = b.mul(&ratio, &digit.digit);
    Sum { u, v }
}

/// A digit of S with the powers of its square.
struct ScalarDigit {
    digit: Lc,
    /// digit⁰, digit², digit⁴, digit⁶.
    powers: [Lc; 4],
}

/// The digits of S: four rows each, and that their number is below l.
fn scalar_digits(b: &mut Builder, s: &Integer) -> Vec<ScalarDigit> {
    let digits: Vec<ScalarDigit> =
        odd_digits(s, 3, SCALAR_DIGITS).into_iter().map(|digit| scalar_digit(b, digit)).collect();
    let plain: Vec<Lc> = digits.iter().map(|digit| unsigned(&digit.digit, 3)).collect();
    let mut largest = SUBGROUP_ORDER;
    largest.sub_with_borrow(&Integer::from(1u8));
    range::digits_at_most(b, SCALAR_BELOW_L, &plain, 3, SCALAR_CHUNK, &largest);
    digits
}

/// A digit in {±1, ±3, ±5, ±7}: its square w solves `((w − 1)(w − 49)) · ((w − 9)(w − 25)) = 0`.
fn scalar_digit(b: &mut Builder, value: F) -> ScalarDigit {
    let digit = b.witness(SCALAR_DIGIT, value);
    let square = b.mul(&digit, &digit);
    let fourth = b.mul(&square, &square);
    let [outer, inner] = [(1u64, 49u64), (9, 25)]
        .map(|(low, high)| fourth.add_scaled(&square, -F::from(low + high)).add_constant(F::from(low * high)));
    b.enforce(SCALAR_DIGIT, &outer, &inner, &Lc::zero());
    let sixth = b.mul(&square, &fourth);
    ScalarDigit { digit, powers: [Lc::one(), square, fourth, sixth] }
}

/// `digit · 8ʲ · B8/2`: one row. u and v/digit are polynomials in the digit's square.
fn base_multiple(b: &mut Builder, digit: &ScalarDigit, window: &BaseWindow) -> Sum {
    let at_digit = |polynomial: &[F; 4]| Lc::linear(digit.powers.iter().zip(polynomial.iter().copied()));
    let v = b.mul(&at_digit(&window.v_over_digit), &digit.digit);
    Sum { u: at_digit(&window.u), v }
}

/// `R8 = sum + end` by the complete Edwards law: five rows.
///
/// The running sum is not of order 1 or 2 (it contains H), so v ≠ 0, and u ≠ −1 on the whole curve, since 168696 is no
/// square: both divisions are determined. Denominators of the law are never 0 on the curve.
fn require_r8(b: &mut Builder, sum: &Sum, r8: &[Lc; 2]) {
    let end = constants().end;
    let x = quotient(b, LAST_SUM[0], &sum.u, &sum.v);
    let y = quotient(b, LAST_SUM[1], &sum.u.add_constant(-F::ONE), &sum.u.add_constant(F::ONE));
    let bent = b.mul(&x, &y).scale(D * end.x * end.y);
    let x_numerator = x.scale(end.y).add_scaled(&y, end.x);
    let y_numerator = y.scale(end.y).add_scaled(&x, -A * end.x);
    b.enforce(EQUATION, &bent.add_constant(F::ONE), &r8[0], &x_numerator);
    b.enforce(EQUATION, &bent.not(), &r8[1], &y_numerator);
}

fn quotient(b: &mut Builder, label: &'static str, numerator: &Lc, denominator: &Lc) -> Lc {
    let inverse = denominator.value().inverse().unwrap_or(F::ZERO);
    let quotient = b.witness(label, numerator.value() * inverse);
    b.enforce(ADDITION, denominator, &quotient, numerator);
    quotient
}

/// The odd digits `2·c − (2ʷ − 1)` of the base-2ʷ digits c of a number, least significant first. The last takes what
/// is left of a number that is too large for `count` digits, so that the digit's check refuses it.
fn odd_digits(number: &Integer, width: usize, count: usize) -> Vec<F> {
    let bits = number.to_bits_le();
    let odd = |i: usize| {
        let end = if i + 1 < count { (i + 1) * width } else { bits.len() };
        let c = F::from_bigint(Integer::from_bits_le(&bits[i * width..end])).expect("a digit is small");
        c.double() - (pow2(width as u32) - F::ONE)
    };
    (0..count).map(odd).collect()
}

/// The digit c of an odd digit `2·c − (2ʷ − 1)`.
fn unsigned(odd: &Lc, width: u32) -> Lc {
    let half = F::from(2u8).inverse().expect("2 is not 0");
    odd.add_constant(pow2(width) - F::ONE).scale(half)
}

/// The coordinates of the odd multiples of one base point as polynomials in the digit's square.
struct BaseWindow {
    u: [F; 4],
    v_over_digit: [F; 4],
}

/// What is fixed for all keys.
struct Constants {
    windows: Vec<BaseWindow>,
    /// H.
    start: Sum,
    /// What the last running sum lacks to R8: `(8⁸⁴ − 1)·B8/2 − H`.
    end: Point,
}

fn constants() -> &'static Constants {
    static CONSTANTS: OnceLock<Constants> = OnceLock::new();
    CONSTANTS.get_or_init(Constants::new)
}

impl Constants {
    fn new() -> Self {
        let h = hash_to_curve(START_LABEL, 0);
        // (l + 1)/2 halves a point of order l.
        let mut half = SUBGROUP_ORDER;
        half.add_with_carry(&Integer::from(1u8));
        let base = BASE8.times(&(half >> 1));
        let mut point = base;
        let mut windows = Vec::with_capacity(SCALAR_DIGITS);
        for _ in 0..SCALAR_DIGITS {
            windows.push(BaseWindow::new(&point));
            point = point.times_cofactor();
        }
        let MontgomeryPoint { u, v } = montgomery(&h);
        let start = Sum { u: Lc::constant(u), v: Lc::constant(v) };
        // `point` is 8⁸⁴·B8/2 now.
        let end = point.add(&base.negated()).add(&h.negated());
        Self { windows, start, end }
    }
}

impl BaseWindow {
    fn new(point: &Point) -> Self {
        let digits = [1u64, 3, 5, 7];
        let multiples = digits.map(|digit| montgomery(&point.times(&Integer::from(digit))));
        let squares = digits.map(|digit| F::from(digit * digit));
        let ratio = |i: usize| multiples[i].v * F::from(digits[i]).inverse().expect("an odd digit is not 0");
        Self {
            u: interpolated(&squares, &multiples.map(|multiple| multiple.u)),
            v_over_digit: interpolated(&squares, &[ratio(0), ratio(1), ratio(2), ratio(3)]),
        }
    }
}

fn montgomery(point: &Point) -> MontgomeryPoint {
    point.to_montgomery().expect("a point of prime order has a Montgomery form")
}

/// Coefficients, lowest first, of the cubic through four points (Lagrange).
fn interpolated(at: &[F; 4], values: &[F; 4]) -> [F; 4] {
    let mut sum = [F::ZERO; 4];
    for (i, value) in values.iter().enumerate() {
        let mut basis = vec![*value];
        for (j, other) in at.iter().enumerate().filter(|(j, _)| *j != i) {
            let scale = (at[i] - at[j]).inverse().expect("the points are distinct");
            let shifted = [&[F::ZERO], basis.as_slice()].concat();
            let lowered = basis.iter().map(|c| -*other * c).chain([F::ZERO]);
            basis = shifted.iter().zip(lowered).map(|(high, low)| (*high + low) * scale).collect();
        }
        sum.iter_mut().zip(basis).for_each(|(total, part)| *total += part);
    }
    sum
}
