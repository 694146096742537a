//! The circuits by which an owner acts alone, about to be lied to: an exit request, and an account that escapes.
//!
//! The owner's key is `SECRET·B8`, so that attacks can sign what no honest signer would. Outputs are derived from the lie, as in every
//! circuit: what still refuses is the check that the lie meets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use num_bigint::BigUint;
use tacit_circuits::builder::{Builder, INVERSE, PRODUCT};
use tacit_circuits::gadgets::eddsa::{CHALLENGE_DIGIT, EQUATION, KEY_ON_CURVE, KEY_ORDER, SCALAR_DIGIT, SUM_U, SUM_V};
use tacit_circuits::gadgets::range::{BIT, PREFIX};
use tacit_circuits::statement::{EscapePrivate, EscapePublic, ExitPrivate, ExitPublic};
use tacit_circuits::{escape, exit};
use tacit_core::account::Holder;
use tacit_core::babyjub::{BASE8, Point, SUBGROUP_ORDER};
use tacit_core::batch::State;
use tacit_core::eddsa::{self, Signature};
use tacit_core::escape::{Escape, message};
use tacit_core::exit::ExitRequest;
use tacit_core::field::{F, Integer, from_i128, from_u64};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::risk::RiskTable;

use super::{Rows, bits_of, scene};

type Replace = Box<dyn Fn(F) -> F + Send>;

/// The scalar of the key of who acts here.
const SECRET: u64 = 0x5eed;
/// The same of a thief.
const THIEF: u64 = 0xbad;
/// Prefixes of a challenge, which come before those of its scalar: it is compared in eight chunks.
const CHALLENGE_PREFIXES: usize = 7;
/// Account of the escape.
pub const INDEX: u32 = 5;

/// Which circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Exit,
    Escape,
}

impl Which {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Exit, Self::Escape];

    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exit => "exit",
            Self::Escape => "escape",
        }
    }

    /// The circuit of `dev` in rows mode.
    pub fn shape(self) -> Builder {
        match self {
            Self::Exit => exit::shape(),
            Self::Escape => escape::shape(&Params::DEV),
        }
    }

    /// Its rows.
    pub fn rows(self) -> &'static Rows {
        static ROWS: [OnceLock<Rows>; 2] = [OnceLock::new(), OnceLock::new()];
        ROWS[self as usize].get_or_init(|| Rows::of(self.name(), &self.shape()))
    }

    /// Bits of its checks, as [`bits_of`].
    fn bits(self) -> &'static BTreeMap<&'static str, Vec<usize>> {
        static BITS: [OnceLock<BTreeMap<&'static str, Vec<usize>>>; 2] = [OnceLock::new(), OnceLock::new()];
        BITS[self as usize].get_or_init(|| bits_of(&self.shape()))
    }
}

/// Who acts.
pub fn holder() -> Holder {
    Holder { key: BASE8.times(&Integer::from(SECRET)), viewing_key: from_u64(77), subaccount: 3 }
}

/// `number` modulo l.
fn scalar(number: BigUint) -> Integer {
    Integer::try_from(number % BigUint::from(SUBGROUP_ORDER)).unwrap()
}

/// `nonce + 8·(h + extra)·secret`, h the challenge of a nonce point, a key and a message: the S that the equation asks for where R8 is
/// `nonce·B8`, the key `secret·B8` and the challenge is read `extra` higher than it is.
fn answer(secret: &BigUint, nonce: &BigUint, r8: &Point, message: F, extra: &BigUint) -> Integer {
    let h = BigUint::from(eddsa::challenge(r8, &holder().key, message)) + extra;
    scalar(nonce + 8u8 * h * secret)
}

/// A signature by the key `secret·B8` under the owner's name.
fn signed(secret: &BigUint, nonce: u64, message: F, extra: &BigUint) -> Signature {
    let r8 = BASE8.times(&Integer::from(nonce));
    Signature { r8, s: answer(secret, &nonce.into(), &r8, message, extra) }
}

/// The owner's signature of a message.
pub fn signature(message: F) -> Signature {
    signed(&SECRET.into(), 1_234_567, message, &BigUint::ZERO)
}

/// An account of a scene, leaving to `recipient`.
pub fn leaving(scene: &scene::Scene, index: u32, recipient: [u8; 20]) -> Escape {
    let state: State = scene.state();
    let domain = scene.context.domain;
    Escape {
        domain,
        index,
        recipient,
        holder: holder(),
        signature: signature(message(domain, index, &recipient)),
        leaf: scene.leaves[&index].clone(),
        path: state.path(index).unwrap(),
        risk: RiskTable { rows: scene.risk.values().cloned().collect() },
        settled: scene.settled.clone(),
    }
}

/// An account of `dev` among others: of its four places the first is empty, then 10 is held long and listed, 20 short and settled, 30
/// short and listed. It is worth some 200 quote and a rest of 99,999,995 cash units.
pub fn account() -> Escape {
    let mut s = scene::Scene::new(Params::DEV);
    for (id, mark) in [(5, 9_000_000), (10, 1_000_000), (30, 3_000_000)] {
        s.row(id, mark).short_minimum = 10_000;
    }
    s.settle(20, 2_000_000);
    s.account(4, scene::QUOTE, &[]);
    let leaf = s.account(INDEX, 200 * scene::QUOTE - 5, &[(10, 1_000), (20, -300), (30, -100)]);
    (leaf.owner, leaf.epoch, leaf.bitmap, leaf.updates) = (holder().owner(), 6, 5, 4);
    leaving(&s, INDEX, [9; 20])
}

/// A request of an account.
pub fn request() -> ExitRequest {
    ExitRequest { domain: scene::domain(), index: 77, recipient: [9; 20], amount: 1_000_000, number: 2 }
}

/// A statement with its witness.
#[derive(Clone)]
pub struct Told {
    pub exit: (ExitPublic, ExitPrivate),
    pub escape: (EscapePublic, EscapePrivate),
}

impl Told {
    /// Both honest.
    pub fn honest() -> Self {
        let private = ExitPrivate { holder: holder(), signature: signature(request().message()) };
        let exit = (exit::statement(&request(), holder().owner()), private);
        Self { exit, escape: escape::witness(&Params::DEV, &account()).unwrap() }
    }

    /// What the circuit's owner has to sign.
    fn message(&self, which: Which) -> F {
        let (e, l) = (&self.exit.0, &self.escape.0);
        match which {
            Which::Exit => poseidon::sponge(13, &[e.domain, e.index, e.recipient, e.amount, e.number]),
            Which::Escape => poseidon::sponge(14, &[l.domain, l.index, l.recipient]),
        }
    }

    fn owner(&mut self, which: Which) -> (&mut Holder, &mut Signature) {
        match which {
            Which::Exit => (&mut self.exit.1.holder, &mut self.exit.1.signature),
            Which::Escape => (&mut self.escape.1.holder, &mut self.escape.1.signature),
        }
    }

    /// Signs what the public inputs say.
    pub fn sign(&mut self, which: Which) {
        let signature = signature(self.message(which));
        *self.owner(which).1 = signature;
    }

    /// A path for the leaf as it is told, in a state of nobody else; the root is derived.
    pub fn settle_path(&mut self) {
        self.follow(|children, child, node| {
            *children = [F::ZERO; 8];
            children[child] = node;
        });
    }

    /// A path for the leaf as it is told, in a state where it stands at every index: where it stands does not matter.
    pub fn stand_everywhere(&mut self) {
        self.follow(|children, _, node| *children = [node; 8]);
    }

    fn follow(&mut self, fill: impl Fn(&mut [F; 8], usize, F)) {
        let private = &mut self.escape.1;
        private.leaf.owner = private.holder.owner();
        let mut node = private.leaf.hash(&Params::DEV);
        for (level, children) in private.path.iter_mut().enumerate() {
            fill(children, (INDEX >> (3 * level) & 7) as usize, node);
            node = poseidon::hash(children);
        }
    }
}

/// A circuit and what it is told.
pub struct Case {
    pub which: Which,
    pub told: Told,
    lies: Vec<(&'static str, usize, Replace)>,
}

/// An honest case.
pub fn on(which: Which) -> Case {
    Case { which, told: Told::honest(), lies: Vec::new() }
}

impl Case {
    /// The value under a label becomes another.
    pub fn set(self, label: &'static str, occurrence: usize, value: F) -> Self {
        self.lie(label, occurrence, move |_| value)
    }

    /// The same, from the honest one.
    pub fn lie(mut self, label: &'static str, occurrence: usize, replace: impl Fn(F) -> F + Send + 'static) -> Self {
        self.lies.push((label, occurrence, Box::new(replace)));
        self
    }

    /// Another statement or witness.
    pub fn edit(mut self, edit: impl FnOnce(&mut Told)) -> Self {
        edit(&mut self.told);
        self
    }

    /// Another statement, signed by the owner.
    pub fn stating(self, edit: impl FnOnce(&mut Told)) -> Self {
        let which = self.which;
        self.edit(|told| {
            edit(told);
            told.sign(which);
        })
    }

    /// The `at`-th bit of a check's decompositions is moved.
    pub fn bit(self, check: &'static str, at: usize, by: F) -> Self {
        let ordinal = self.which.bits()[check][at];
        self.lie(BIT, ordinal, move |honest| honest + by)
    }

    /// The `at`-th test for zero under a check says "zero" of a number that is not: with inverse 0 the first of its two rows holds.
    pub fn claim_zero(self, check: &'static str, at: usize) -> Self {
        let inverse = inverse_of(&self.which.shape(), check, at);
        self.set(check, at, F::from(1u8)).set(INVERSE, inverse, F::ZERO)
    }

    /// The circuit with all lies told.
    pub fn built(self, mut b: Builder) -> Builder {
        let told: Vec<(&'static str, usize)> = self.lies.iter().map(|(label, at, _)| (*label, *at)).collect();
        for (label, at, replace) in self.lies {
            b.override_witness(label, at, replace);
        }
        match self.which {
            Which::Exit => exit::synthesize(&mut b, &self.told.exit.0, &self.told.exit.1),
            Which::Escape => escape::synthesize(&mut b, &Params::DEV, &self.told.escape.0, &self.told.escape.1),
        }
        for (label, at) in told {
            assert!(b.occurrences(label) > at, "there is no `{label}` number {at}");
        }
        b
    }

    /// Names of the checks that refuse.
    pub fn violated(self) -> BTreeSet<&'static str> {
        let which = self.which;
        let b = self.built(Builder::assignment());
        let violated = b.violated_checks();
        let broken = which.rows().broken(b.values());
        assert_eq!(violated, broken, "what the rows say when they are evaluated without the builder");
        violated
    }
}

/// Which of all inverses the `at`-th test for zero under a check guesses: the wire before its bit.
fn inverse_of(shape: &Builder, check: &str, at: usize) -> usize {
    let is = |label: &'static str| move |wire: &usize| shape.label(*wire).is_some_and(|named| named.0 == label);
    let wires = 1 + shape.n_inputs()..shape.values().len();
    let bit = wires.clone().filter(|wire| shape.label(*wire).unwrap().0 == check).nth(at).unwrap();
    assert!(is(INVERSE)(&(bit - 1)), "{check} is a test for zero");
    wires.filter(|wire| *wire < bit - 1 && is(INVERSE)(wire)).count()
}

/// Lies about the signature that one check alone refuses: each is a forgery, or a second form of the owner's own.
pub fn signature_cases(which: Which) -> Vec<(&'static str, Case)> {
    let products = labelled(&which.shape(), PRODUCT);
    vec![
        ("signature equation", on(which).lie("R8.x", 0, |x| x + F::from(1u8))),
        ("challenge is the hash", chosen_challenge(which)),
        ("challenge below p", challenge_plus_p(which)),
        ("scalar below l", scalar_plus_l(which)),
        ("point addition", last_sum_chosen(which)),
        ("key in Montgomery form", multiples_of_another_key(which)),
        // −A and, with −y for y the point of order 2 added, for A: eight times both is −8A.
        ("key in Montgomery form", signed_by_the_negative(which).lie("key in Montgomery form", 1, |v| -v)),
        (
            "key in Montgomery form",
            signed_by_the_negative(which).lie("key in Montgomery form", 0, |u| u.inverse().unwrap()),
        ),
        ("signature equation", other_coordinate(which, true)),
        ("signature equation", other_coordinate(which, false)),
        // The highest chunk exceeds the bound's and is called equal, so that the next decides.
        ("challenge below p", challenge_plus_p(which).set(PREFIX, 0, F::from(1u8))),
        ("scalar below l", scalar_plus_l(which).set(PREFIX, CHALLENGE_PREFIXES, F::from(1u8))),
        ("scalar below l", negative_prefix(which)),
        (PRODUCT, on(which).lie(PRODUCT, products - 1, |x| x + F::from(1u8))),
    ]
}

/// Lies that make points of what is none, so that the sum misses R8 of necessity: R8 stands in the hash that the challenge is.
pub fn with_the_equation(which: Which) -> Vec<(&'static str, Case)> {
    let (two, sixteen) = (F::from(2u8), F::from(16u8));
    vec![
        (KEY_ON_CURVE, {
            on(which).edit(|told| {
                told.owner(which).0.key.x += F::from(1u8);
                told.settle_path();
            })
        }),
        (KEY_ORDER, on(which).lie(KEY_ORDER, 0, |x| x + F::from(1u8))),
        // The numbers of the digits stay.
        (
            CHALLENGE_DIGIT,
            on(which).lie(CHALLENGE_DIGIT, 0, move |x| x + sixteen / two).lie(CHALLENGE_DIGIT, 1, move |x| x - two),
        ),
        (SCALAR_DIGIT, on(which).lie(SCALAR_DIGIT, 0, move |x| x + sixteen).lie(SCALAR_DIGIT, 1, move |x| x - two)),
    ]
}

/// Insists on [`with_the_equation`].
pub fn assert_with_the_equation(which: Which) {
    for (name, case) in with_the_equation(which) {
        assert_eq!(case.violated(), BTreeSet::from([name, EQUATION]), "{name}");
    }
}

/// How many wires have a label.
fn labelled(shape: &Builder, label: &str) -> usize {
    (1..shape.values().len()).filter(|wire| shape.label(*wire).unwrap().0 == label).count()
}

/// Anybody's signature: S and the challenge first, R8 what they give.
fn chosen_challenge(which: Which) -> Case {
    let (s, h) = (Integer::from(99u8), Integer::from(1_000_003u64));
    let key8 = holder().key.times_cofactor();
    let r8 = BASE8.times(&s).add(&key8.times(&h).negated());
    with_challenge(on(which), &h).edit(|told| *told.owner(which).1 = Signature { r8, s })
}

/// The owner's own, its challenge read as h + p: another S under the same R8. Its second chunk of 32 bits is so far below p's that it
/// would outweigh the first.
fn challenge_plus_p(which: Which) -> Case {
    let p = BigUint::from(F::MODULUS);
    let message = Told::honest().message(which);
    let read = |nonce: u64| {
        let r8 = BASE8.times(&Integer::from(nonce));
        BigUint::from(eddsa::challenge(&r8, &holder().key, message)) + &p
    };
    let fits = |nonce: &u64| read(*nonce).bits() <= 254 && outweighs(&read(*nonce), &p, 32, 224);
    let nonce = (1u64..).find(fits).unwrap();
    let signature = signed(&SECRET.into(), nonce, message, &p);
    with_challenge(on(which), &Integer::try_from(read(nonce)).unwrap()).edit(|told| *told.owner(which).1 = signature)
}

/// S + l gives the same point; here too the second chunk, of 30 bits, would outweigh the first.
fn scalar_plus_l(which: Which) -> Case {
    let l = BigUint::from(SUBGROUP_ORDER);
    let message = Told::honest().message(which);
    let moved = |nonce: u64| BigUint::from(signed(&SECRET.into(), nonce, message, &BigUint::ZERO).s) + &l;
    let nonce = (1u64..).find(|nonce| outweighs(&moved(*nonce), &l, 30, 240)).unwrap();
    let s = Integer::try_from(moved(nonce)).unwrap();
    assert!(s.num_bits() <= 252, "the signature must leave room for l");
    on(which).edit(|told| *told.owner(which).1 = Signature { r8: BASE8.times(&Integer::from(nonce)), s })
}

/// A small S plus l, whose highest chunk is l's and its second above l's: counted −1 times, that is below.
fn negative_prefix(which: Which) -> Case {
    let l = BigUint::from(SUBGROUP_ORDER);
    let message = Told::honest().message(which);
    let moved = |nonce: u64| BigUint::from(signed(&SECRET.into(), nonce, message, &BigUint::ZERO).s) + &l;
    let above = |number: BigUint| &number >> 240u8 == &l >> 240u8 && number >> 210u8 > &l >> 210u8;
    let nonce = (1u64..).find(|nonce| above(moved(*nonce))).unwrap();
    let s = Integer::try_from(moved(nonce)).unwrap();
    let case = on(which).edit(|told| *told.owner(which).1 = Signature { r8: BASE8.times(&Integer::from(nonce)), s });
    case.set(PREFIX, CHALLENGE_PREFIXES, -F::from(1u8))
}

/// Whether the chunk of `width` bits below bit `top` falls short of the bound's by more than what is above `top` exceeds it.
fn outweighs(number: &BigUint, bound: &BigUint, width: u32, top: u32) -> bool {
    let chunks = |x: &BigUint| [x >> top, (x >> (top - width)) % (BigUint::from(1u8) << width)];
    let ([high, low], [high_bound, low_bound]) = (chunks(number), chunks(bound));
    high > high_bound && low + high < low_bound + high_bound
}

/// The owner's scalar negated, under the owner's name.
fn signed_by_the_negative(which: Which) -> Case {
    let message = Told::honest().message(which);
    let negative = BigUint::from(SUBGROUP_ORDER) - SECRET;
    on(which).edit(|told| *told.owner(which).1 = signed(&negative, 7, message, &BigUint::ZERO))
}

/// R8 with −x for x, or −y for y: one of the two rows of the equation holds.
fn other_coordinate(which: Which, first: bool) -> Case {
    let message = Told::honest().message(which);
    let nonce = BigUint::from(7u8);
    let reached = BASE8.times(&Integer::from(7u8));
    let (x, y) = if first { (-reached.x, reached.y) } else { (reached.x, -reached.y) };
    let r8 = Point { x, y };
    let s = answer(&SECRET.into(), &nonce, &r8, message, &BigUint::ZERO);
    on(which).edit(|told| *told.owner(which).1 = Signature { r8, s })
}

/// The last sum is said to be the one that R8 asks for, of a signature that is of something else.
fn last_sum_chosen(which: Which) -> Case {
    let shape = which.shape();
    let honest = on(which).built(Builder::rows());
    let last = |label: &str| {
        let wire = (1..shape.values().len()).rfind(|wire| shape.label(*wire).unwrap().0 == label).unwrap();
        (labelled(&shape, label) - 1, honest.values()[wire])
    };
    let ((at_u, u), (at_v, v)) = (last(SUM_U), last(SUM_V));
    let other = on(which).edit(|told| (told.exit.0.recipient, told.escape.0.recipient) = (F::from(5u8), F::from(5u8)));
    other.set(SUM_U, at_u, u).set(SUM_V, at_v, v)
}

/// A thief's key under the owner's name.
fn multiples_of_another_key(which: Which) -> Case {
    let message = Told::honest().message(which);
    let theft = signed(&THIEF.into(), 7, message, &BigUint::ZERO);
    let thief = BASE8.times(&Integer::from(THIEF)).to_montgomery().unwrap();
    let case = on(which).set("key in Montgomery form", 0, thief.u).set("key in Montgomery form", 1, thief.v);
    case.edit(|told| *told.owner(which).1 = theft)
}

/// The digits of another number in the place of the challenge.
fn with_challenge(mut case: Case, number: &Integer) -> Case {
    let bits = number.to_bits_le();
    for i in 0..127 {
        let c = i128::from(bits[2 * i]) + 2 * i128::from(bits[2 * i + 1]);
        case = case.set(CHALLENGE_DIGIT, i, from_i128(2 * c - 3));
    }
    case
}
