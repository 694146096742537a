//! Alternatives of signatures: what would let somebody else's key, message or nonce point pass.
//!
//! Where a cheat lies inside the computation the slot is an unused one: its R8 is free, so it is carried through to
//! R8 and only the check that holds the promise is left to refuse it. Challenges of one's own choice are told by
//! their digits.

use ark_ff::Field;
use num_bigint::BigUint;
use tacit_circuits::builder::Builder;
use tacit_circuits::gadgets::eddsa::{
    ADDITION, CHALLENGE_BELOW_P, CHALLENGE_DIGIT, CHALLENGE_IS_HASH, EQUATION, KEY_FORM, KEY_ON_CURVE, KEY_ORDER,
    LAST_SUM, PreparedKey, R8, SCALAR_BELOW_L, SCALAR_DIGIT, verify,
};
use tacit_core::babyjub::{A, BASE8, GENERATOR, Point, SUBGROUP_ORDER, hash_to_curve};
use tacit_core::eddsa::{Signature, SigningKey, challenge};
use tacit_core::field::{F, Integer};

use crate::parts::{ONE, n, part, some};
use crate::{Alternative, Kind};

pub fn table() -> Vec<Alternative> {
    let lists = [scalars(), challenges(), nonce_points(), keys(), keys_of_low_order(), torsion(), free_slopes()];
    lists.into_iter().flatten().collect()
}

const PART: &str = "eddsa";

/// A key, a message, what claims to be a signature, and whether the slot is in use.
#[derive(Clone, Copy)]
struct Claim {
    key: Point,
    message: F,
    signature: Signature,
    used: bool,
}

impl Claim {
    fn honest(seed: u8) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]);
        Self { key: key.public_key(), message: some(1), signature: key.sign(some(1)), used: true }
    }

    fn r8(self, r8: Point) -> Self {
        Self { signature: Signature { r8, ..self.signature }, ..self }
    }

    fn s(self, s: &BigUint) -> Self {
        Self { signature: Signature { s: integer(s), ..self.signature }, ..self }
    }

    /// The challenge that is hashed.
    fn h(&self) -> BigUint {
        challenge(&self.signature.r8, &self.key, self.message).into()
    }

    fn build(&self, b: &mut Builder) {
        let [key_used, used] = [true, self.used].map(|used| b.boolean("used", used));
        let (x, y) = (b.witness("x", self.key.x), b.witness("y", self.key.y));
        let message = b.witness("message", self.message);
        let key = PreparedKey::new(b, &x, &y, &key_used);
        verify(b, &key, &message, &self.signature, &used);
    }

    /// The slot is unused and R8 what its equation then says.
    fn build_with_matching_r8(mut self, b: &mut Builder, tamper: impl Fn(&mut Builder)) {
        self.used = false;
        // An honest unused slot has R8 = (0, 1): the law's constant end is the inverse of its last sum.
        let mut honest = Self::honest(1);
        honest.used = false;
        let end = last_sum(&honest, |_| ()).negated();
        let r8 = last_sum(&self, &tamper).add(&end);
        tamper(b);
        b.override_witness(R8[0], 0, move |_| r8.x);
        b.override_witness(R8[1], 0, move |_| r8.y);
        self.build(b);
    }
}

fn last_sum(claim: &Claim, tamper: impl Fn(&mut Builder)) -> Point {
    let mut b = Builder::rows();
    tamper(&mut b);
    claim.build(&mut b);
    let at = |label| (1..b.values().len()).find(|wire| b.label(*wire).unwrap().0 == label).unwrap();
    let [x, y] = LAST_SUM.map(|label| b.values()[at(label)]);
    Point { x, y }
}

fn order() -> BigUint {
    SUBGROUP_ORDER.into()
}

fn integer(number: &BigUint) -> Integer {
    number.clone().try_into().unwrap()
}

fn secret() -> BigUint {
    BigUint::from(123_456_789u32)
}

fn nonce() -> BigUint {
    BigUint::from(987_654_321u32)
}

/// `(nonce + 8·h·secret) mod l`.
fn answer(h: &BigUint) -> BigUint {
    (nonce() + BigUint::from(8u8) * h * secret()) % order()
}

/// The digits of another number in the place of the challenge's.
fn tell_challenge(b: &mut Builder, h: &BigUint) {
    for i in 0..127 {
        let digit = (h >> (2 * i)) & BigUint::from(3u8);
        let odd = F::from(BigUint::from(2u8) * digit) - n(3);
        b.override_witness(CHALLENGE_DIGIT, i, move |_| odd);
    }
}

/// A point of the torsion subgroup: `k` eighths of a turn.
fn torsion_point(k: u64) -> Point {
    GENERATOR.times(&SUBGROUP_ORDER).times(&Integer::from(k))
}

fn scalars() -> Vec<Alternative> {
    let mut list: Vec<Alternative> = [(1u8, "S + l"), (2, "S + 2l")]
        .into_iter()
        .map(|(k, means)| {
            part((Kind::PlusOrder, PART, means), &[(SCALAR_BELOW_L, 1)], move |b, lies| {
                // The largest S + k·l that 252 bits hold decides what fits: of l there are two and a half in 2²⁵².
                let fits = |claim: &Claim| (BigUint::from(claim.signature.s) + order() * k).bits() <= 252;
                let claim = (1..).map(Claim::honest).find(fits).unwrap();
                let s = BigUint::from(claim.signature.s) + if lies { order() * k } else { BigUint::from(0u8) };
                claim.s(&s).build(b);
            })
        })
        .collect();
    list.push(part(
        (Kind::PlusOrder, PART, "S = l for 0: no scalar, and any key"),
        &[(SCALAR_BELOW_L, 1)],
        |b, lies| {
            // In an unused slot, whose challenge is 0 and whose R8 is what the equation says.
            let claim = Claim { used: false, ..Claim::honest(1) };
            if lies {
                for i in 0..84 {
                    let digit = (order() >> (3 * i)) & BigUint::from(7u8);
                    let odd = F::from(BigUint::from(2u8) * digit) - n(7);
                    b.override_witness(SCALAR_DIGIT, i, move |_| odd);
                }
            }
            claim.build(b);
        },
    ));
    list.push(part(
        (Kind::Carry, PART, "a digit 8 too large under one that is 1 too small"),
        &[(SCALAR_DIGIT, 2)],
        |b, lies| {
            Claim::honest(1).build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(SCALAR_DIGIT, 5, |digit| digit + n(16));
                    b.override_witness(SCALAR_DIGIT, 6, |digit| digit - n(2));
                }
            });
        },
    ));
    list
}

fn challenges() -> Vec<Alternative> {
    let forged = |means, h: u32| {
        part((Kind::ChosenChallenge, PART, means), &[(CHALLENGE_IS_HASH, 1)], move |b, lies| {
            let honest = Claim::honest(1);
            if lies {
                // R8 = S·B8 − 8·h·A, the digits those of h: a signature without the key's secret.
                let (h, s) = (BigUint::from(h), BigUint::from(42u8));
                let eightfold = honest.key.times_cofactor().times(&integer(&h));
                let r8 = BASE8.times(&integer(&s)).add(&eightfold.negated());
                tell_challenge(b, &h);
                honest.r8(r8).s(&s).build(b);
            } else {
                honest.build(b);
            }
        })
    };
    vec![
        forged("a nonce point made for a challenge that was chosen before", 0xdead_beef),
        forged("a challenge of 0: all digits zero, R8 = S·B8", 0),
        part((Kind::ChosenChallenge, PART, "S = 0, R8 = −8·h·A"), &[(CHALLENGE_IS_HASH, 1)], |b, lies| {
            let honest = Claim::honest(1);
            if lies {
                let h = BigUint::from(5u8);
                let r8 = honest.key.times_cofactor().times(&integer(&h)).negated();
                tell_challenge(b, &h);
                honest.r8(r8).s(&BigUint::from(0u8)).build(b);
            } else {
                honest.build(b);
            }
        }),
        part((Kind::OtherInput, PART, "an old signature for another message"), &[(CHALLENGE_IS_HASH, 1)], |b, lies| {
            let honest = Claim::honest(1);
            if lies {
                tell_challenge(b, &honest.h());
                Claim { message: some(2), ..honest }.build(b);
            } else {
                honest.build(b);
            }
        }),
        part((Kind::PlusModulus, PART, "the challenge plus p"), &[(CHALLENGE_BELOW_P, 1)], |b, lies| {
            let p: BigUint = BigUint::from(-ONE) + 1u8;
            let key = BASE8.times(&integer(&secret()));
            let r8 = BASE8.times(&integer(&nonce()));
            let claim = Claim { key, ..Claim::honest(1) }.r8(r8);
            // About every fourth hash leaves room for p below 2²⁵⁴.
            let messages = (0..).map(|seed| Claim { message: some(seed), ..claim });
            let claim = messages.into_iter().find(|claim| (claim.h() + &p).bits() <= 254).unwrap();
            let h = claim.h() + if lies { p } else { BigUint::from(0u8) };
            tell_challenge(b, &h);
            claim.s(&answer(&h)).build(b);
        }),
        part(
            (Kind::Carry, PART, "a digit 4 too large under one that is 1 too small"),
            &[(CHALLENGE_DIGIT, 2)],
            |b, lies| {
                Claim::honest(1).build_with_matching_r8(b, move |b| {
                    if lies {
                        b.override_witness(CHALLENGE_DIGIT, 5, |digit| digit + n(8));
                        b.override_witness(CHALLENGE_DIGIT, 6, |digit| digit - n(2));
                    }
                });
            },
        ),
    ]
}

/// Another R8, under the challenge that is hashed of it.
fn with_r8(kind: Kind, means: &'static str, other: impl Fn(Point) -> Point + 'static) -> Alternative {
    part((kind, PART, means), &[(EQUATION, 2)], move |b, lies| {
        let honest = Claim::honest(1);
        let r8 = honest.signature.r8;
        honest.r8(if lies { other(r8) } else { r8 }).build(b);
    })
}

fn nonce_points() -> Vec<Alternative> {
    vec![
        with_r8(Kind::OtherRoot, "−R8, the other root in x", |r8| r8.negated()),
        with_r8(Kind::OtherRoot, "R8 with −y", |r8| Point { y: -r8.y, ..r8 }),
        with_r8(Kind::OffTheCurve, "R8 off the curve", |r8| Point { x: r8.x + ONE, ..r8 }),
        with_r8(Kind::OffTheCurve, "R8 = (0, 0)", |_| Point { x: n(0), y: n(0) }),
        with_r8(Kind::OtherForm, "R8 in the form with a = 1", |r8| Point { x: r8.x * A.sqrt().unwrap(), ..r8 }),
        part((Kind::OtherRoot, PART, "the signature of −A for A"), &[(EQUATION, 2)], |b, lies| {
            let honest = Claim::honest(1);
            if lies {
                Claim { key: honest.key.negated(), ..honest }.build(b);
            } else {
                honest.build(b);
            }
        }),
        part((Kind::OtherRoot, PART, "a sum's x in the last conversion negated"), &[(ADDITION, 1)], |b, lies| {
            Claim::honest(1).build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(LAST_SUM[0], 0, |x| -x);
                }
            });
        }),
    ]
}

/// Keys that are none, each in a slot that does not sign, so that nothing but the key is refused.
fn key(kind: Kind, means: &'static str, refused_by: (&'static str, usize), other: Point) -> Alternative {
    part((kind, PART, means), &[refused_by], move |b, lies| {
        let honest = Claim::honest(1);
        let claim = if lies { Claim { key: other, ..honest } } else { honest };
        claim.build_with_matching_r8(b, |_| ());
    })
}

fn keys() -> Vec<Alternative> {
    let honest = Claim::honest(1).key;
    let another = Claim::honest(2).key;
    vec![
        key(Kind::OffTheCurve, "a key off the curve", (KEY_ON_CURVE, 1), Point { x: honest.x + ONE, ..honest }),
        key(Kind::OffTheCurve, "a key on the curve's twist", (KEY_ON_CURVE, 1), Point { x: some(5), y: some(6) }),
        key(Kind::Exchanged, "the key's coordinates exchanged", (KEY_ON_CURVE, 1), Point { x: honest.y, y: honest.x }),
        key(Kind::OtherForm, "the key in the form with a = 1", (KEY_ON_CURVE, 1), {
            Point { x: honest.x * A.sqrt().unwrap(), ..honest }
        }),
        part((Kind::OtherForm, PART, "the Montgomery form of another key"), &[(KEY_FORM, 2)], move |b, lies| {
            let other = another.to_montgomery().unwrap();
            Claim::honest(1).build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(KEY_FORM, 0, move |_| other.u);
                    b.override_witness(KEY_FORM, 1, move |_| other.v);
                }
            });
        }),
        part((Kind::OtherRoot, PART, "the Montgomery form of −A"), &[(KEY_FORM, 1)], move |b, lies| {
            Claim::honest(1).build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(KEY_FORM, 1, |v| -v);
                }
            });
        }),
    ]
}

fn keys_of_low_order() -> Vec<Alternative> {
    let other = Claim::honest(2).key.to_montgomery().unwrap();
    let identity = part((Kind::LowOrder, PART, "the neutral element, in another key's form"), &[(KEY_FORM, 2)], {
        move |b, lies| {
            let honest = Claim::honest(1);
            let claim = if lies { Claim { key: Point::IDENTITY, ..honest } } else { honest };
            claim.build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(KEY_FORM, 0, move |_| other.u);
                    b.override_witness(KEY_FORM, 1, move |_| other.v);
                }
            });
        }
    });
    // Where the point of order 2 is doubled no tangent exists; the prover takes a slope that lets all later steps go
    // through.
    let names = ["", "A = ζ", "A = 2ζ", "A = 3ζ", "A = 4ζ", "A = 5ζ", "A = 6ζ", "A = 7ζ"];
    let others = (1..8usize).map(|k| {
        let doubling = 2 - k.trailing_zeros() as usize;
        part((Kind::LowOrder, PART, names[k]), &[(KEY_ORDER, 1)], move |b, lies| {
            let honest = Claim::honest(1);
            let claim = if lies { Claim { key: torsion_point(k as u64), ..honest } } else { honest };
            claim.build_with_matching_r8(b, move |b| {
                if lies {
                    b.override_witness(KEY_ORDER, doubling, |_| some(9));
                    if doubling == 2 {
                        // Three times the point of order 2 is itself: the sum of both has a free slope.
                        b.override_witness(ADDITION, 1, |_| some(11));
                    }
                }
            });
        })
    });
    others.chain([identity]).collect()
}

fn torsion() -> Vec<Alternative> {
    let keys = (1..8).map(|k| {
        let means = ["", "A + ζ for A", "A + 2ζ", "A + 3ζ", "A + 4ζ", "A + 5ζ", "A + 6ζ", "A + 7ζ"][k];
        part((Kind::Torsion, PART, means), &[(CHALLENGE_IS_HASH, 1)], move |b, lies| {
            // Eight times the key is the same, and so the equation holds for the digits of the old challenge.
            let honest = Claim::honest(1);
            if lies {
                tell_challenge(b, &honest.h());
                Claim { key: honest.key.add(&torsion_point(k as u64)), ..honest }.build(b);
            } else {
                honest.build(b);
            }
        })
    });
    let nonces = (1..8).map(|k| {
        let means = ["", "R8 = ζ", "R8 = 2ζ", "R8 = 3ζ", "R8 = 4ζ", "R8 = 5ζ", "R8 = 6ζ", "R8 = 7ζ"][k];
        // An R8 of low order that answers its own challenge: S = 8·h·a, as if the equation were multiplied by 8.
        let torsion = torsion_point(k as u64);
        let rows = if torsion.x == n(0) { 1 } else { 2 };
        part((Kind::LowOrder, PART, means), &[(EQUATION, rows)], move |b, lies| {
            let key = BASE8.times(&integer(&secret()));
            let r8 = if lies { torsion } else { Point::IDENTITY };
            let claim = Claim { key, ..Claim::honest(1) }.r8(r8);
            claim.s(&((BigUint::from(8u8) * claim.h() * secret()) % order())).build(b);
        })
    });
    let added = (1..8).map(|k| {
        let means = ["", "R8 + ζ", "R8 + 2ζ", "R8 + 3ζ", "R8 + 4ζ", "R8 + 5ζ", "R8 + 6ζ", "R8 + 7ζ"][k];
        part((Kind::Torsion, PART, means), &[(EQUATION, 2)], move |b, lies| {
            let key = BASE8.times(&integer(&secret()));
            let r8 = BASE8.times(&integer(&nonce()));
            let r8 = if lies { r8.add(&torsion_point(k as u64)) } else { r8 };
            let claim = Claim { key, ..Claim::honest(1) }.r8(r8);
            claim.s(&answer(&claim.h())).build(b);
        })
    });
    keys.chain(nonces).chain(added).collect()
}

/// A key for which the start of its signatures' sums is H + H: `H/(4·(4¹²⁷ − 1))` of the other sign.
fn key_made_of_h(negated: bool) -> Point {
    let factor = BigUint::from(4u8) * (BigUint::from(4u8).pow(127) - 1u8) % order();
    let inverse = factor.modpow(&(order() - 2u8), &order());
    let key = hash_to_curve("tacit.eddsa.start", 0).times(&integer(&inverse));
    if negated { key.negated() } else { key }
}

fn free_slopes() -> Vec<Alternative> {
    // Slopes of the key's multiples and then the start's: two an addition of a window, one of the part above, one of
    // the start.
    const START: usize = 2 * 127 + 1;
    vec![part(
        (Kind::FreeSlope, PART, "a key made of H, whose sums start where one likes"),
        &[(CHALLENGE_IS_HASH, 1)],
        |b, lies| {
            if lies {
                // With a slope of one's own and a challenge that was chosen, R8 is whatever comes out; its hash is
                // not that challenge.
                let claim = Claim { key: key_made_of_h(true), ..Claim::honest(1) };
                let tamper = |b: &mut Builder| {
                    b.override_witness(ADDITION, START, |_| some(9));
                    tell_challenge(b, &BigUint::from(5u8));
                };
                let mut honest = Claim::honest(1);
                honest.used = false;
                let end = last_sum(&honest, |_| ()).negated();
                let r8 = last_sum(&claim, tamper).add(&end);
                tamper(b);
                claim.r8(r8).build(b);
            } else {
                Claim::honest(1).build(b);
            }
        },
    )]
}
