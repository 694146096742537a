//! Alternatives of the builder's own steps and of the gadgets but signatures, each in a circuit of the gadget alone.
//! What a caller of the gadget adds (a root that must match, a value that is bound elsewhere) stands in these
//! circuits under a name of its own.

use ark_ff::{BigInteger, Field, PrimeField};
use num_bigint::BigUint;
use tacit_circuits::builder::{Builder, INVERSE, Lc, MATERIALIZED, PRODUCT};
use tacit_circuits::gadgets::range::{BIT, PREFIX};
use tacit_circuits::gadgets::transcript::Transcript;
use tacit_circuits::gadgets::{lookup, merkle, pad, poseidon, range};
use tacit_core::field::{F, Integer, from_i128, from_u64, pow2};
use tacit_core::poseidon as plain;

use crate::support::record;
use crate::{Alternative, Kind, Witness};

pub const ONE: F = F::ONE;

/// A field element that looks random, different for each `seed`.
pub fn some(seed: u64) -> F {
    plain::hash(&[from_u64(seed)])
}

pub fn n(value: i128) -> F {
    from_i128(value)
}

/// An alternative in a circuit of its own.
pub fn part(
    what: (Kind, &'static str, &'static str),
    refused_by: &[(&'static str, usize)],
    build: impl Fn(&mut Builder, bool) + 'static,
) -> Alternative {
    Alternative::new(what, refused_by, Witness::Part(Box::new(build)))
}

pub fn table() -> Vec<Alternative> {
    let lists = [builder(), ranges(), selectors(), lookups(), hashes(), transcripts(), pads(), paths()];
    lists.into_iter().flatten().collect()
}

/// A label's occurrence becomes `value`, where the prover lies.
fn set(b: &mut Builder, lies: bool, label: &'static str, occurrence: usize, value: F) {
    if lies {
        b.override_witness(label, occurrence, move |_| value);
    }
}

fn given<const N: usize>(b: &mut Builder, values: [F; N]) -> [Lc; N] {
    values.map(|value| b.witness("given", value))
}

fn builder() -> Vec<Alternative> {
    vec![
        part((Kind::NotABit, "builder", "a flag that is 2"), &[("flag", 1)], |b, lies| {
            set(b, lies, "flag", 0, n(2));
            b.boolean("flag", true);
        }),
        part((Kind::NotABit, "builder", "a selection of 2x − y by a bit of 2"), &[("flag", 1)], |b, lies| {
            set(b, lies, "flag", 0, n(2));
            let bit = b.boolean("flag", true);
            let [x, y] = given(b, [n(10), n(7)]);
            let chosen = b.select(&bit, &x, &y);
            assert_eq!(chosen.value(), n(if lies { 13 } else { 10 }));
        }),
        part(
            (Kind::OtherInput, "builder", "a selection of the value that the bit leaves"),
            &[(PRODUCT, 1)],
            |b, lies| {
                set(b, lies, PRODUCT, 0, n(0));
                let bit = b.boolean("flag", true);
                let [x, y] = given(b, [n(10), n(7)]);
                let chosen = b.select(&bit, &x, &y);
                assert_eq!(chosen.value(), n(if lies { 7 } else { 10 }));
            },
        ),
        part((Kind::OtherInput, "builder", "a product of other factors"), &[(PRODUCT, 1)], |b, lies| {
            set(b, lies, PRODUCT, 0, n(42));
            let [x, y] = given(b, [n(6), n(8)]);
            b.mul(&x, &y);
        }),
        part(
            (Kind::OtherInput, "builder", "a combination that is said to be another"),
            &[(MATERIALIZED, 1)],
            |b, lies| {
                set(b, lies, MATERIALIZED, 0, n(1));
                let [x, y] = given(b, [n(6), n(8)]);
                b.materialize(&(&x + &y));
            },
        ),
        part((Kind::ZeroTest, "builder", "0 that is not 0"), &[("is none", 1)], |b, lies| {
            set(b, lies, "is none", 0, n(0));
            let [x] = given(b, [n(0)]);
            b.is_zero("is none", &x);
        }),
        part((Kind::ZeroTest, "builder", "0 that is not 0, under another inverse"), &[("is none", 1)], |b, lies| {
            set(b, lies, "is none", 0, n(0));
            set(b, lies, INVERSE, 0, some(1));
            let [x] = given(b, [n(0)]);
            b.is_zero("is none", &x);
        }),
        part((Kind::ZeroTest, "builder", "5 that is 0, its inverse 0"), &[("is none", 1)], |b, lies| {
            set(b, lies, "is none", 0, n(1));
            set(b, lies, INVERSE, 0, n(0));
            let [x] = given(b, [n(5)]);
            b.is_zero("is none", &x);
        }),
        part(
            (Kind::ZeroTest, "builder", "5 that is half 0, under half of its inverse"),
            &[("is none", 1)],
            |b, lies| {
                let half = n(2).inverse().unwrap();
                set(b, lies, "is none", 0, half);
                set(b, lies, INVERSE, 0, (n(10)).inverse().unwrap());
                let [x] = given(b, [n(5)]);
                b.is_zero("is none", &x);
            },
        ),
        part((Kind::Remainder, "builder", "a quotient one too high"), &[("quotient", 1)], |b, lies| {
            set(b, lies, "quotient", 0, n(4));
            let [x, y] = given(b, [n(12), n(4)]);
            b.divide("quotient", &x, &y);
        }),
        part((Kind::ZeroDenominator, "builder", "1 divided by 0"), &[("quotient", 1)], |b, lies| {
            let [x, y] = given(b, [n(i128::from(lies)), n(0)]);
            b.divide("quotient", &x, &y);
        }),
    ]
}

/// The bits of a number that may be larger than the field.
fn override_bits(b: &mut Builder, lies: bool, number: &BigUint, count: usize) {
    for i in 0..count {
        set(b, lies, BIT, i, F::from(u64::from(number.bit(i as u64))));
    }
}

fn modulus() -> BigUint {
    F::MODULUS.into()
}

/// A number of 127 base-4 digits that is to be at most p − 1, and that is `x` modulo p.
fn number_below_p(b: &mut Builder, lies: bool, x: u64) {
    let number: BigUint = BigUint::from(x) + if lies { modulus() } else { BigUint::from(0u8) };
    let digits: Vec<Lc> = (0..127)
        .map(|i| {
            let digit = (&number >> (2 * i)) & BigUint::from(3u8);
            let label = "digit";
            let (digit, _) = range::new_bits(b, label, F::from(digit), 2);
            digit
        })
        .collect();
    let [x] = given(b, [from_u64(x)]);
    b.equal("the number", &Lc::pack(&digits, 2), &x);
    let mut largest = F::MODULUS;
    largest.sub_with_borrow(&Integer::from(1u8));
    range::digits_at_most(b, "below p", &digits, 2, 16, &largest);
}

fn ranges() -> Vec<Alternative> {
    const CHECK: &[(&str, usize)] = &[("in range", 1)];
    let ranged = |label, honest: i128, alternative: F, bits: u32| {
        move |b: &mut Builder, lies: bool| {
            set(b, lies, label, 0, alternative);
            range::ranged(b, label, n(honest), bits);
        }
    };
    // The comparison answered by `claim`: what the top bit takes the next lower one gives back.
    let compared = |x: i128, bits: u32| {
        move |b: &mut Builder, lies: bool| {
            let honest = x >= 0;
            let by = if honest { pow2(bits - 1) } else { -pow2(bits - 1) };
            if lies {
                b.override_witness(BIT, 0, move |bit| bit + by);
            }
            let [given] = given(b, [n(x)]);
            let answer = range::is_non_negative(b, "in range", &given, bits);
            assert_eq!(answer.value(), F::from(honest != lies), "the answer is the contrary");
        }
    };
    let mut list = vec![
        part((Kind::PlusModulus, "range", "the 253 bits of 5 + p, the topmost 3"), CHECK, |b, lies| {
            override_bits(b, lies, &(modulus() + 5u8), 252);
            let [x] = given(b, [n(5)]);
            let bits = range::bits(b, "in range", &x, 253);
            assert_eq!(bits[252].value(), n(if lies { 3 } else { 0 }));
        }),
        part((Kind::PlusModulus, "range", "the 253 bits of 5 + p, the topmost cut off"), CHECK, |b, lies| {
            override_bits(b, lies, &(modulus() + 5u8), 253);
            let [x] = given(b, [n(5)]);
            range::bits_full(b, "in range", &x, 253);
        }),
        part((Kind::PlusModulus, "range", "127 digits that are 7 + p"), &[("below p", 1)], |b, lies| {
            number_below_p(b, lies, 7);
        }),
        part((Kind::PlusModulus, "range", "127 digits that are p, for 0"), &[("below p", 1)], |b, lies| {
            number_below_p(b, lies, 0);
        }),
        part((Kind::NotABit, "range", "7 + p below p, by an equal prefix of −1/7"), &[("below p", 1)], |b, lies| {
            // It exceeds the bound by 8: −1/7 − 1 + 8/7 is 0.
            set(b, lies, PREFIX, 6, -n(7).inverse().unwrap());
            number_below_p(b, lies, 7);
        }),
        part((Kind::Wrap, "range", "5 + 2⁸ in 8 bits"), CHECK, ranged("in range", 5, n(261), 8)),
        part((Kind::Wrap, "range", "2⁸ in 8 bits"), CHECK, ranged("in range", 0, n(256), 8)),
        part((Kind::Wrap, "range", "−1 in 8 bits"), CHECK, ranged("in range", 255, n(-1), 8)),
        part((Kind::Wrap, "range", "5 − 2⁸ in 8 bits"), CHECK, ranged("in range", 5, n(-251), 8)),
        part((Kind::Wrap, "range", "−1 in 253 bits, the widest"), CHECK, ranged("in range", 1, n(-1), 253)),
        part((Kind::Wrap, "range", "2²⁵³ in 253 bits"), CHECK, ranged("in range", 1, pow2(253), 253)),
        part((Kind::Wrap, "range", "a fraction, whose top bit is one"), CHECK, |b, lies| {
            set(b, lies, "in range", 0, n(2).inverse().unwrap());
            range::ranged(b, "in range", n(1), 8);
        }),
        part((Kind::SignFlipped, "range", "|x| for a negative x"), &[("is that number", 1)], |b, lies| {
            set(b, lies, "in range", 0, n(7));
            let (x, sign) = range::ranged_signed_bits(b, "in range", n(-7), 8);
            assert_eq!(sign.value(), F::from(lies));
            let [given] = given(b, [n(-7)]);
            b.equal("is that number", &x, &given);
        }),
        part(
            (Kind::SignFlipped, "range", "the complement −x − 1, as if signs were flipped bits"),
            &[("is that number", 1)],
            {
                |b, lies| {
                    set(b, lies, "in range", 0, n(6));
                    let (x, _) = range::ranged_signed_bits(b, "in range", n(-7), 8);
                    let [given] = given(b, [n(-7)]);
                    b.equal("is that number", &x, &given);
                }
            },
        ),
    ];
    for (x, means) in [
        (0, "0 < 0"),
        (-1, "−1 ≥ 0"),
        (1, "1 < 0"),
        (127, "the largest number is negative"),
        (-128, "the least number is not negative"),
    ] {
        list.push(part((Kind::Boundary, "range", means), CHECK, compared(x, 8)));
    }
    list
}

/// Eight values, of which the 3 bits of `index` select one; `tamper` prepares lies.
fn selected(b: &mut Builder, index: u64) -> (Vec<F>, F) {
    let (_, bits) = range::new_bits(b, "index", from_u64(index), 3);
    let hot = range::one_hot(b, &bits);
    let values: Vec<Lc> = (0..8).map(|i| b.witness("given", n(100 + i))).collect();
    let parts: Vec<Lc> = hot.iter().zip(&values).map(|(selector, value)| b.mul(selector, value)).collect();
    (hot.iter().map(Lc::value).collect(), Lc::sum(&parts).value())
}

fn selectors() -> Vec<Alternative> {
    let nonzero = |hot: &[F]| hot.iter().filter(|selector| **selector != n(0)).copied().collect::<Vec<_>>();
    vec![
        part(
            (Kind::SelectorsAtOdds, "range", "2 at one place, −1 at its neighbour"),
            &[("index", 1)],
            move |b, lies| {
                set(b, lies, BIT, 0, n(2));
                let (hot, _) = selected(b, 5);
                assert_eq!(nonzero(&hot), if lies { vec![-ONE, n(2)] } else { vec![ONE] });
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "range", "half of one place and half of another"),
            &[("index", 1)],
            move |b, lies| {
                let half = n(2).inverse().unwrap();
                set(b, lies, BIT, 0, half);
                let (hot, _) = selected(b, 5);
                assert_eq!(nonzero(&hot), if lies { vec![half, half] } else { vec![ONE] });
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "range", "two places, and a third taken back"),
            &[(PRODUCT, 1)],
            move |b, lies| {
                // The product of the two low bits, both 1.
                set(b, lies, PRODUCT, 0, n(0));
                let (hot, _) = selected(b, 3);
                assert_eq!(nonzero(&hot), if lies { vec![-ONE, ONE, ONE] } else { vec![ONE] });
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "range", "no place: what the selector takes is left out"),
            &[(PRODUCT, 1)],
            |b, lies| {
                set(b, lies, PRODUCT, 4 + 5, n(0));
                let (_, value) = selected(b, 5);
                assert_eq!(value, n(if lies { 0 } else { 105 }));
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "range", "a place that the bits do not name, beside theirs"),
            &[(PRODUCT, 1)],
            |b, lies| {
                set(b, lies, PRODUCT, 4 + 6, n(106));
                let (_, value) = selected(b, 5);
                assert_eq!(value, n(if lies { 211 } else { 105 }));
            },
        ),
    ]
}

fn lookups() -> Vec<Alternative> {
    /// Two fractions on one side, two on the other.
    fn sums(b: &mut Builder, left: [(i128, i128); 2], right: [(i128, i128); 2]) {
        let beta = Lc::constant(some(77));
        let mut total = Lc::zero();
        for (side, sign) in [(left, ONE), (right, -ONE)] {
            for (numerator, key) in side {
                let [numerator, key] = given(b, [n(numerator), n(key)]);
                total += lookup::term(b, "term", &numerator, &beta, &key).scale(sign);
            }
        }
        b.zero("both sides are equal", &total);
    }
    const SUM: &[(&str, usize)] = &[("both sides are equal", 1)];
    vec![
        part((Kind::ZeroDenominator, "lookup", "a term of any value under the key β"), &[("term", 1)], |b, lies| {
            let beta = some(77);
            let key = if lies { beta } else { some(5) };
            if lies {
                b.override_witness("term", 0, |_| some(9));
            }
            let [one, beta, key] = given(b, [ONE, beta, key]);
            lookup::term(b, "term", &one, &beta, &key);
        }),
        part((Kind::OtherInput, "lookup", "the fraction of another key"), &[("term", 1)], |b, lies| {
            let beta = some(77);
            set(b, lies, "term", 0, (beta - n(6)).inverse().unwrap());
            let [one, beta, key] = given(b, [ONE, beta, n(5)]);
            lookup::term(b, "term", &one, &beta, &key);
        }),
        part((Kind::MovedNumerator, "lookup", "3 and 4 exchanged between two keys"), SUM, |b, lies| {
            sums(b, if lies { [(4, 10), (3, 20)] } else { [(3, 10), (4, 20)] }, [(3, 10), (4, 20)]);
        }),
        part((Kind::MovedNumerator, "lookup", "one key for another"), SUM, |b, lies| {
            sums(b, if lies { [(3, 10), (4, 21)] } else { [(3, 10), (4, 20)] }, [(3, 10), (4, 20)]);
        }),
        part((Kind::MovedNumerator, "lookup", "two keys whose sum is the same"), SUM, |b, lies| {
            sums(b, if lies { [(1, 11), (1, 19)] } else { [(1, 10), (1, 20)] }, [(1, 10), (1, 20)]);
        }),
        part((Kind::KeyOverflow, "lookup", "id + 2³² and no flag for id and a flag"), &[("id", 1)], |b, lies| {
            let beta = Lc::constant(some(77));
            let (id, flag) = if lies { (n(5) + pow2(32), false) } else { (n(5), true) };
            let id = range::ranged(b, "id", id, 27);
            let flag = b.boolean("flag", flag);
            let key = Lc::word([(&id, 0), (&flag, 32)]);
            let [one, expected] = given(b, [ONE, n(5) + pow2(32)]);
            let term = lookup::term(b, "term", &one, &beta, &key);
            let row = lookup::term(b, "row", &one, &beta, &expected);
            b.equal("both sides are equal", &term, &row);
        }),
        part((Kind::KeyOverflow, "lookup", "id − 2³² under a flag for id without one"), &[("id", 1)], |b, lies| {
            let beta = Lc::constant(some(77));
            let (id, flag) = if lies { (n(5) - pow2(32), true) } else { (n(5), false) };
            let id = range::ranged(b, "id", id, 27);
            let flag = b.boolean("flag", flag);
            let key = Lc::word([(&id, 0), (&flag, 32)]);
            let [one, expected] = given(b, [ONE, n(5)]);
            let term = lookup::term(b, "term", &one, &beta, &key);
            let row = lookup::term(b, "row", &one, &beta, &expected);
            b.equal("both sides are equal", &term, &row);
        }),
    ]
}

/// The products that a circuit writes down.
fn products(build: impl Fn(&mut Builder)) -> Vec<F> {
    let mut b = Builder::rows();
    build(&mut b);
    let wires = 1..b.values().len();
    wires.filter(|wire| b.label(*wire).unwrap().0 == PRODUCT).map(|wire| b.values()[wire]).collect()
}

/// The products of another circuit of the same shape in the place of the honest ones, from the `skip`-th on.
fn products_of(b: &mut Builder, lies: bool, skip: usize, other: impl Fn(&mut Builder)) {
    for (at, value) in products(other).into_iter().enumerate().skip(skip) {
        set(b, lies, PRODUCT, at, value);
    }
}

/// The sponge of given elements and, behind them, of zeros that are constants.
fn sponge(b: &mut Builder, tag: u64, elements: &[F], zeros: usize) -> F {
    let mut inputs: Vec<Lc> = elements.iter().map(|element| b.witness("given", *element)).collect();
    inputs.resize(elements.len() + zeros, Lc::zero());
    poseidon::sponge(b, tag, &inputs).value()
}

fn hash(b: &mut Builder, elements: &[F]) -> F {
    let inputs: Vec<Lc> = elements.iter().map(|element| b.witness("given", *element)).collect();
    poseidon::hash(b, &inputs).value()
}

/// The last product of a hash of `inputs` so that its digest becomes `digest`.
fn last_product(inputs: &[F], digest: F) -> (usize, F) {
    let width = inputs.len() + 1;
    let all = products(|b| {
        hash(b, inputs);
    });
    let by = (digest - plain::hash(inputs)) * plain::template(width).mds[0][width - 1].inverse().unwrap();
    (all.len() - 1, all[all.len() - 1] + by)
}

fn hashes() -> Vec<Alternative> {
    vec![
        part((Kind::OtherInput, "poseidon", "the hash of other inputs"), &[(PRODUCT, 4)], |b, lies| {
            // First and last product of the first s-box of each input.
            let other = [some(3), some(4)];
            products_of(b, lies, 0, move |b| {
                hash(b, &other);
            });
            let digest = hash(b, &[some(1), some(2)]);
            assert!(!lies || digest == plain::hash(&other));
        }),
        part((Kind::Exchanged, "poseidon", "H(b, a) for H(a, b)"), &[(PRODUCT, 4)], |b, lies| {
            products_of(b, lies, 0, |b| {
                hash(b, &[some(2), some(1)]);
            });
            let digest = hash(b, &[some(1), some(2)]);
            assert!(!lies || digest == plain::hash(&[some(2), some(1)]));
        }),
        part((Kind::Length, "poseidon", "H(a) for H(a, 0)"), &[(PRODUCT, 1)], |b, lies| {
            let inputs = [some(1), n(0)];
            let shorter = plain::hash(&inputs[..1]);
            assert_ne!(shorter, plain::hash(&inputs));
            let (at, value) = last_product(&inputs, shorter);
            set(b, lies, PRODUCT, at, value);
            assert_eq!(hash(b, &inputs) == shorter, lies);
        }),
        part((Kind::Length, "poseidon", "S(a, 0) for S(a)"), &[(PRODUCT, 18)], |b, lies| {
            // The capacity differs: first and last product of the second round's nine s-boxes.
            products_of(b, lies, 0, |b| {
                sponge(b, 9, &[some(1)], 1);
            });
            let digest = sponge(b, 9, &[some(1)], 0);
            assert!(!lies || digest == plain::sponge(9, &[some(1), n(0)]));
        }),
        part((Kind::Length, "poseidon", "S() for S(0)"), &[("digest", 1)], |b, lies| {
            // Constants take no rows; the digest is the caller's to compare.
            let digest = Lc::constant(sponge(b, 9, &[], usize::from(!lies)));
            let [claimed] = given(b, [plain::sponge(9, &[n(0)])]);
            b.equal("digest", &digest, &claimed);
        }),
        part(
            (Kind::SplitElement, "poseidon", "(x + 2⁵⁰, y − 1) for (x, y), which pack alike"),
            &[(PRODUCT, 4)],
            |b, lies| {
                let (x, y) = (n(5), n(9));
                products_of(b, lies, 0, move |b| {
                    sponge(b, 9, &[x + pow2(50), y - ONE], 0);
                });
                let digest = sponge(b, 9, &[x, y], 0);
                assert!(!lies || digest == plain::sponge(9, &[x + pow2(50), y - ONE]));
            },
        ),
        part(
            (Kind::SplitElement, "poseidon", "one element x + 2⁵⁰·y for the two of which it is packed"),
            &[("digest", 1)],
            {
                |b, lies| {
                    let (x, y) = (n(5), n(9));
                    let elements = if lies { vec![x + y * pow2(50)] } else { vec![x, y] };
                    let digest = sponge(b, 9, &elements, 0);
                    let bound = b.witness("bound", digest);
                    let [claimed] = given(b, [plain::sponge(9, &[x, y])]);
                    b.equal("digest", &bound, &claimed);
                }
            },
        ),
        part((Kind::OtherTag, "poseidon", "the seal's salt for the pad: tag 4 for 6"), &[(PRODUCT, 18)], |b, lies| {
            products_of(b, lies, 0, |b| {
                sponge(b, 4, &[some(1), some(2)], 0);
            });
            let digest = sponge(b, 6, &[some(1), some(2)], 0);
            assert!(!lies || digest == plain::sponge(4, &[some(1), some(2)]));
        }),
        part(
            (Kind::ShiftedPath, "poseidon", "a leaf's words hashed as a node's children"),
            &[(PRODUCT, 18)],
            |b, lies| {
                let words: Vec<F> = (0..8).map(some).collect();
                let other = words.clone();
                products_of(b, lies, 0, move |b| {
                    hash(b, &other);
                });
                sponge(b, 1, &words, 0);
            },
        ),
    ]
}

fn transcript(b: &mut Builder, tag: u64, elements: &[F], zeros: usize) -> F {
    let mut transcript = Transcript::new(tag, elements.len() + zeros);
    for element in elements {
        let element = b.witness("given", *element);
        transcript.absorb(b, &element);
    }
    (0..zeros).for_each(|_| transcript.absorb(b, &Lc::zero()));
    transcript.digest(b).value()
}

fn transcripts() -> Vec<Alternative> {
    let elements = |count: u64| (0..count).map(some).collect::<Vec<F>>();
    /// Products of a permutation in the middle of a transcript: nine s-boxes in each full round, one in each partial
    /// one.
    fn of_another(
        what: (Kind, &'static str, &'static str),
        rows: usize,
        honest: (u64, Vec<F>),
        other: (u64, Vec<F>, usize),
    ) -> Alternative {
        part(what, &[(PRODUCT, rows)], move |b, lies| {
            let (tag, elements, zeros) = other.clone();
            products_of(b, lies, 0, move |b| {
                transcript(b, tag, &elements, zeros);
            });
            let digest = transcript(b, honest.0, &honest.1, 0);
            let full: Vec<F> = [other.1.as_slice(), &vec![n(0); other.2]].concat();
            assert!(!lies || digest == plain::sponge(other.0, &full));
            assert!(lies || digest == plain::sponge(honest.0, &honest.1));
        })
    }
    let exchanged = {
        let mut other = elements(9);
        other.swap(2, 8);
        other
    };
    let moved = {
        let mut other = elements(9);
        (other[0], other[1]) = (other[0] + pow2(84), other[1] - ONE);
        other
    };
    vec![
        of_another(
            (Kind::OtherTag, "transcript", "a segment's digest for the closing circuit's"),
            18,
            (10, elements(5)),
            (9, elements(5), 0),
        ),
        of_another(
            (Kind::Length, "transcript", "ten elements, the last 0, for nine"),
            18,
            (9, elements(9)),
            (9, elements(9), 1),
        ),
        of_another(
            (Kind::Exchanged, "transcript", "two elements of different blocks exchanged"),
            4,
            (9, elements(9)),
            (9, exchanged, 0),
        ),
        of_another(
            (Kind::SplitElement, "transcript", "a claim's carry moved to the next element"),
            4,
            (9, elements(9)),
            (9, moved, 0),
        ),
        part(
            (Kind::OtherInput, "transcript", "a second block over a state that forgot the first"),
            &[(PRODUCT, 18)],
            {
                // Every s-box of the second block's first round sees another state.
                |b, lies| {
                    let other: Vec<F> = (0..9).map(|i| if i < 8 { some(100 + i) } else { some(i) }).collect();
                    let first = products(|b| {
                        transcript(b, 9, &(0..9).map(some).collect::<Vec<F>>(), 0);
                    });
                    let block = first.len() / 2 - 1;
                    products_of(b, lies, block, move |b| {
                        transcript(b, 9, &other, 0);
                    });
                    transcript(b, 9, &(0..9).map(some).collect::<Vec<F>>(), 0);
                }
            },
        ),
    ]
}

fn pads() -> Vec<Alternative> {
    fn stream(b: &mut Builder, [k, domain, index, v]: [F; 4]) -> Vec<F> {
        let given = given(b, [k, domain, index, v]);
        pad::stream(b, &given[0], &given[1], &given[2], &given[3], 2).iter().map(Lc::value).collect()
    }
    let honest = [some(1), some(2), n(5), some(4)];
    let other = move |means, at: usize, by: F| {
        part((Kind::OtherPad, "pad", means), &[(PRODUCT, 4)], move |b, lies| {
            let mut inputs = honest;
            inputs[at] += by;
            products_of(b, lies, 0, move |b| {
                stream(b, inputs);
            });
            let pads = stream(b, honest);
            let [k, domain, index, v] = inputs;
            assert!(!lies || pads == pad::stream_plain(k, domain, index, v, 2));
        })
    };
    vec![
        // Two blocks, first and last product of the changed input's s-box in each.
        other("the pad of another account", 2, ONE),
        other("the pad under another viewing key", 0, some(9)),
        other("the pad of another batch's v", 3, some(9)),
        other("the pad one block on", 3, ONE),
        part((Kind::OtherPad, "pad", "the first block's pad used twice"), &[(PRODUCT, 2)], move |b, lies| {
            let all = products(|b| {
                stream(b, honest);
            });
            let block = all.len() / 2;
            (0..block).for_each(|at| set(b, lies, PRODUCT, block + at, all[at]));
            let pads = stream(b, honest);
            assert_eq!(pads[..8] == pads[8..], lies);
        }),
    ]
}

const DEPTH: usize = 3;
const ROOT: &str = "the tree's root";

/// The children on the way to `index` in a tree of random siblings (or of empty ones) that holds `leaf` there.
fn path(index: u64, leaf: F, depth: usize, empty: bool) -> Vec<[F; 8]> {
    let mut node = leaf;
    let mut sibling = n(0);
    (0..depth)
        .map(|level| {
            let mut children = [sibling; 8];
            if !empty {
                (0..8).for_each(|i| children[i] = some(1_000 + 8 * level as u64 + i as u64));
            }
            children[(index >> (3 * level) & 7) as usize] = node;
            node = plain::hash(&children);
            sibling = plain::hash(&[sibling; 8]);
            children
        })
        .collect()
}

/// A path of three levels under a root that the caller compares.
fn update(b: &mut Builder, index: u64, path: &[[F; 8]], leaf: F, root: F) -> (F, F) {
    let (_, bits) = range::new_bits(b, "index", from_u64(index), 3 * DEPTH as u32);
    let [old, new, root] = given(b, [leaf, some(2), root]);
    let (before, after) = merkle::update(b, &bits, path, &old, &new);
    b.equal(ROOT, &before, &root);
    (before.value(), after.value())
}

fn paths() -> Vec<Alternative> {
    const INDEX: u64 = 0o52;
    let honest = || path(INDEX, some(1), DEPTH, false);
    let root = move || plain::hash(&honest()[DEPTH - 1]);
    // The empty tree, in which all children of a node on the way are equal.
    let beyond = |means, by: F| {
        part((Kind::BeyondTheTree, "merkle", means), &[("index", 1)], move |b, lies| {
            let empty = path(7, n(0), DEPTH, true);
            set(b, lies, BIT, 3 * DEPTH - 1, by);
            update(b, 7, &empty, n(0), plain::hash(&empty[DEPTH - 1]));
        })
    };
    vec![
        part(
            (Kind::OtherPosition, "merkle", "the leaf at another place of its node"),
            &[(merkle::CHILD, 1)],
            move |b, lies| {
                update(b, if lies { INDEX ^ 1 } else { INDEX }, &honest(), some(1), root());
            },
        ),
        part(
            (Kind::OtherPosition, "merkle", "the node at another place of its parent"),
            &[(merkle::CHILD, 1)],
            move |b, lies| {
                update(b, if lies { INDEX ^ 8 } else { INDEX }, &honest(), some(1), root());
            },
        ),
        part(
            (Kind::OtherPosition, "merkle", "a sibling's leaf opened as one's own"),
            &[(merkle::CHILD, 1)],
            move |b, lies| {
                let leaf = if lies { honest()[0][3] } else { some(1) };
                update(b, INDEX, &honest(), leaf, root());
            },
        ),
        part((Kind::SwappedSiblings, "merkle", "two siblings in each other's place"), &[(ROOT, 1)], move |b, lies| {
            let mut swapped = honest();
            if lies {
                swapped[0].swap(3, 6);
                swapped[1][5] = plain::hash(&swapped[0]);
                swapped[2][0] = plain::hash(&swapped[1]);
            }
            update(b, INDEX, &swapped, some(1), root());
        }),
        part(
            (Kind::SwappedSiblings, "merkle", "the leaf moved in place of a sibling, the index with it"),
            &[(ROOT, 1)],
            {
                move |b, lies| {
                    let mut swapped = honest();
                    if lies {
                        swapped[0].swap(2, 3);
                        swapped[1][5] = plain::hash(&swapped[0]);
                        swapped[2][0] = plain::hash(&swapped[1]);
                    }
                    update(b, if lies { INDEX + 1 } else { INDEX }, &swapped, some(1), root());
                }
            },
        ),
        beyond("index + 8³: a new leaf beyond the tree", n(2)),
        beyond("index − 8³: a new leaf before the tree", n(-2)),
        part(
            (Kind::ShiftedPath, "merkle", "a node opened as a leaf, its path one level short"),
            &[(ROOT, 1)],
            move |b, lies| {
                let honest = honest();
                if lies {
                    let node = plain::hash(&honest[0]);
                    let mut above = [n(0); 8];
                    above[0] = root();
                    update(b, INDEX >> 3, &[honest[1], honest[2], above], node, root());
                } else {
                    update(b, INDEX, &honest, some(1), root());
                }
            },
        ),
        part(
            (Kind::ShiftedPath, "merkle", "a word of a leaf opened as a leaf, below it"),
            &[(merkle::CHILD, 1)],
            move |b, lies| {
                // A tree of two levels over the leaf's words: S(1; words) is no H_8(words).
                let words: [F; 8] = std::array::from_fn(|i| some(500 + i as u64));
                let leaf = if lies { plain::sponge(1, &words) } else { plain::hash(&words) };
                let above = path(0o52 >> 3, leaf, 2, false);
                update(b, 0o52, &[words, above[0], above[1]], words[2], plain::hash(&above[1]));
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "merkle", "the change written to two leaves, in halves"),
            &[(PRODUCT, 1)],
            move |b, lies| {
                // Seven selections of the old child, of which six are products, then the first split of the change.
                if lies {
                    b.override_witness(PRODUCT, 6, |_| (some(2) - some(1)) * n(2).inverse().unwrap());
                }
                let (_, after) = update(b, INDEX, &honest(), some(1), root());
                let mut path = honest();
                path[0][2] = some(2);
                path[1][5] = plain::hash(&path[0]);
                path[2][0] = plain::hash(&path[1]);
                assert_eq!(after == plain::hash(&path[2]), !lies);
            },
        ),
        part(
            (Kind::SelectorsAtOdds, "merkle", "the change written nowhere it is read from"),
            &[(PRODUCT, 1)],
            move |b, lies| {
                if lies {
                    b.override_witness(PRODUCT, 6, |split| if split == n(0) { some(2) - some(1) } else { n(0) });
                }
                update(b, INDEX, &honest(), some(1), root());
            },
        ),
    ]
}

#[test]
fn no_claim_about_equal_prefixes_makes_a_number_plus_p_pass() {
    for claims in 0u8..1 << 7 {
        let mut b = Builder::rows();
        (0..7).for_each(|chunk| set(&mut b, true, PREFIX, chunk, F::from(claims >> chunk & 1)));
        number_below_p(&mut b, true, 7);
        record::refusal(&record::units("gadget", b.violations()), &std::collections::BTreeSet::new());
        assert_eq!(b.violated_checks(), std::collections::BTreeSet::from(["below p"]), "claims {claims:07b}");
    }
}

#[test]
fn a_term_is_free_only_where_nothing_over_nothing_is_divided() {
    // What the module of look-ups allows: numerator 0 under the key β. That a key is β has probability (terms)/p; no
    // row excludes it.
    for (numerator, key_is_beta, free) in [(0, true, true), (0, false, false), (1, true, false), (1, false, false)] {
        let mut b = Builder::rows();
        b.override_witness("term", 0, |_| some(9));
        let beta = some(77);
        let given = given(&mut b, [n(numerator), beta, if key_is_beta { beta } else { some(5) }]);
        lookup::term(&mut b, "term", &given[0], &given[1], &given[2]);
        assert_eq!(b.violations().is_empty(), free);
    }
}
