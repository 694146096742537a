//! What a key must be to be used: each rule of the lint by a key that breaks it alone, refused at every door, and the false statement that
//! such a key would prove.

use std::fs;
use std::path::Path;

use ark_bn254::{Fq2, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{Field, One, UniformRand};
use tacit_circuits::error::{Error, KeyError, VerifyError};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keyfile::{
    Origin, load_proving_key, load_verifying_key, parse_proving_key, parse_verifying_key, proving_key_bytes, save,
    verifying_key_bytes,
};
use tacit_circuits::keys::{ProvingKey, Secrets, VerifyingKey, setup, setup_from};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::{Proof, verify};
use tacit_circuits::solidity::{CLOSING_INPUTS, SEGMENT_INPUTS, verifier_solidity};
use tacit_core::params::Params;

use crate::{power_circuit, power_keys, power_wires, proof_of, rng};

/// Keys of a small circuit with as many inputs as the circuit they stand for.
fn keys_with(inputs: usize) -> (ProvingKey, VerifyingKey) {
    let wire = |at: usize| vec![vec![(Fr::one(), at as u32)]];
    let matrices = Matrices::from_rows(inputs, 1, &wire(inputs + 1), &wire(inputs + 1), &wire(1));
    setup(matrices, &mut rng()).expect("a small circuit has a domain")
}

#[test]
fn circuits_may_have_the_first_phase_in_common_and_no_key_takes_the_others_proofs() {
    let mut rng = rng();
    let secrets = Secrets::draw(&mut rng);
    let (one, one_vk) = setup_from(power_circuit(), &secrets).expect("a small circuit has a domain");
    let (_, other_vk) = setup_from(power_circuit(), &secrets.renewed(&mut rng)).expect("a small circuit has a domain");
    assert_eq!((one_vk.alpha, one_vk.beta), (other_vk.alpha, other_vk.beta));
    assert!(one_vk.gamma != other_vk.gamma && one_vk.delta != other_vk.delta);
    for key in [&one_vk, &other_vk] {
        key.lint().expect("a key that may be used");
    }
    let wires = power_wires(3, true);
    let proof = proof_of(&one, &wires);
    assert!(verify(&one_vk, &wires[1..3], &proof).is_ok());
    assert!(verify(&other_vk, &wires[1..3], &proof).is_err());
}

/// A point of the twist outside its subgroup.
fn outside() -> G2Affine {
    (1u64..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(Fq2::from(x), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points of the twist are outside")
}

type Break = fn(&mut VerifyingKey);

/// Every rule of the lint, by a change that breaks it alone.
fn rules() -> Vec<(Break, KeyError)> {
    let trivial = |part, index| KeyError::TrivialPoint { part, index };
    let bad = |part, index| KeyError::BadPoint { part, index };
    let same = |first, second| KeyError::SamePoint { first, second };
    let inputs = |first, second| KeyError::InputsNotIndependent { first, second };
    vec![
        (|vk| vk.alpha = G1Affine::identity(), trivial("alpha", 0)),
        (|vk| vk.alpha = G1Affine::generator(), trivial("alpha", 0)),
        (|vk| vk.alpha = -G1Affine::generator(), trivial("alpha", 0)),
        (|vk| vk.alpha.y = vk.alpha.x, bad("alpha", 0)),
        (|vk| vk.beta = G2Affine::identity(), trivial("beta", 0)),
        (|vk| vk.beta = G2Affine::generator(), trivial("beta", 0)),
        (|vk| vk.beta = -G2Affine::generator(), trivial("beta", 0)),
        (|vk| vk.beta.y = vk.beta.x, bad("beta", 0)),
        (|vk| vk.beta = outside(), bad("beta", 0)),
        (|vk| vk.gamma = G2Affine::identity(), trivial("gamma", 0)),
        (|vk| vk.gamma = G2Affine::generator(), trivial("gamma", 0)),
        (|vk| vk.gamma = -G2Affine::generator(), trivial("gamma", 0)),
        (|vk| vk.gamma.y = vk.gamma.x, bad("gamma", 0)),
        (|vk| vk.gamma = outside(), bad("gamma", 0)),
        (|vk| vk.delta = G2Affine::identity(), trivial("delta", 0)),
        (|vk| vk.delta = G2Affine::generator(), trivial("delta", 0)),
        (|vk| vk.delta = -G2Affine::generator(), trivial("delta", 0)),
        (|vk| vk.delta.y = vk.delta.x, bad("delta", 0)),
        (|vk| vk.delta = outside(), bad("delta", 0)),
        (|vk| vk.gamma = vk.delta, same("gamma", "delta")),
        (|vk| vk.gamma = -vk.delta, same("gamma", "delta")),
        (|vk| vk.gamma = vk.beta, same("beta", "gamma")),
        (|vk| vk.gamma = -vk.beta, same("beta", "gamma")),
        (|vk| vk.delta = vk.beta, same("beta", "delta")),
        (|vk| vk.delta = -vk.beta, same("beta", "delta")),
        (|vk| vk.ic[0] = G1Affine::identity(), trivial("ic", 0)),
        (|vk| vk.ic[0] = G1Affine::generator(), trivial("ic", 0)),
        (|vk| vk.ic[2] = G1Affine::identity(), trivial("ic", 2)),
        (|vk| vk.ic[2] = -G1Affine::generator(), trivial("ic", 2)),
        (|vk| vk.ic[2].y = vk.ic[2].x, bad("ic", 2)),
        (|vk| vk.ic[2] = vk.ic[1], inputs(1, 2)),
        (|vk| vk.ic[2] = -vk.ic[1], inputs(1, 2)),
    ]
}

#[test]
fn each_rule_alone_refuses_a_key_at_every_door() {
    let (segment, closing) = (keys_with(SEGMENT_INPUTS), keys_with(CLOSING_INPUTS));
    let solidity = |segment: &VerifyingKey, closing: &VerifyingKey| {
        verifier_solidity(&Params::DEV, segment, closing, true).map(drop)
    };
    assert_eq!(segment.1.lint(), Ok(()));
    assert_eq!(solidity(&segment.1, &closing.1), Ok(()));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint");
    for (change, error) in rules() {
        let broken = |(pk, vk): &(ProvingKey, VerifyingKey)| {
            let (mut pk, mut vk) = (pk.clone(), vk.clone());
            change(&mut vk);
            pk.vk = vk.clone();
            (pk, vk)
        };
        let ((pk, vk), (_, other)) = (broken(&segment), broken(&closing));
        assert_eq!(vk.lint(), Err(error.clone()));
        assert_eq!(pk.lint(), Err(error.clone()));
        assert_eq!(solidity(&vk, &closing.1), Err(error.clone()));
        assert_eq!(solidity(&segment.1, &other), Err(error.clone()));
        // In a file the identity is no point at all, and what is wrong with a point is told before what it is like.
        let told = |found: KeyError| match (&found, &error) {
            (KeyError::BadPoint { part, index }, KeyError::TrivialPoint { part: of, index: at }) => {
                assert_eq!((part, index), (of, at));
            }
            _ => assert_eq!(found, error),
        };
        told(parse_verifying_key(&verifying_key_bytes(&vk)).expect_err("a verifying key"));
        told(parse_proving_key(&proving_key_bytes(&pk)).expect_err("a proving key"));
        save(&dir, "segment", "dev", &pk, Origin::Development).expect("a writable folder");
        let key_error = |error| if let Error::Key(found) = error { found } else { panic!("{error}") };
        told(key_error(load_verifying_key(&dir, "segment", None).expect_err("a verifying key's file")));
        told(key_error(load_proving_key(&dir, "segment", None).expect_err("a proving key's file")));
    }
    fs::remove_dir_all(dir).expect("just written");
}

#[test]
fn a_key_without_a_point_for_the_constant_is_refused() {
    let (_, mut vk) = power_keys();
    vk.ic.clear();
    let none = |error: KeyError| matches!(error, KeyError::Malformed { part: "ic", .. });
    assert!(vk.lint().is_err_and(none));
    assert!(parse_verifying_key(&verifying_key_bytes(&vk)).is_err_and(none));
}

#[test]
fn set_up_keys_pass() {
    for inputs in [1, CLOSING_INPUTS, SEGMENT_INPUTS] {
        let (pk, vk) = keys_with(inputs);
        assert_eq!((pk.lint(), vk.lint()), (Ok(()), Ok(())));
    }
}

// ---- the false statements -------------------------------------------------------------------------------------------------

/// A key with all its logarithms.
struct Toy {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    ic: Vec<Fr>,
}

impl Toy {
    fn draw() -> Self {
        let mut rng = rng();
        let mut draw = || Fr::rand(&mut rng);
        Self { alpha: draw(), beta: draw(), gamma: draw(), delta: draw(), ic: (0..3).map(|_| draw()).collect() }
    }

    fn key(&self) -> VerifyingKey {
        let (g1, g2) = (
            |log: Fr| (G1Projective::generator() * log).into_affine(),
            |log: Fr| (G2Projective::generator() * log).into_affine(),
        );
        VerifyingKey {
            alpha: g1(self.alpha),
            beta: g2(self.beta),
            gamma: g2(self.gamma),
            delta: g2(self.delta),
            ic: self.ic.iter().map(|log| g1(*log)).collect(),
            fingerprint: Fingerprint([0; 32]),
        }
    }

    /// Logarithm of the inputs' sum.
    fn sum(&self, inputs: &[Fr; 2]) -> Fr {
        self.ic[0] + self.ic[1] * inputs[0] + self.ic[2] * inputs[1]
    }

    /// What an honest prover of these inputs would send, made with the trapdoor.
    fn honest(&self, inputs: &[Fr; 2]) -> Proof {
        let (a, b) = (Fr::from(77u64), Fr::from(78u64));
        let c = (a * b - self.alpha * self.beta - self.sum(inputs) * self.gamma) * self.delta.inverse().expect("not 0");
        Proof {
            a: (G1Projective::generator() * a).into_affine(),
            b: (G2Projective::generator() * b).into_affine(),
            c: (G1Projective::generator() * c).into_affine(),
        }
    }
}

/// The inputs' sum: public.
fn sum(vk: &VerifyingKey, inputs: &[Fr; 2]) -> G1Affine {
    (vk.ic[0] + vk.ic[1] * inputs[0] + vk.ic[2] * inputs[1]).into_affine()
}

fn plus<P: AffineRepr>(a: P, b: P) -> P {
    (a.into_group() + b).into_affine()
}

const NOTHING: fn() -> G1Affine = G1Affine::identity;

/// A forger knows the key and what the set-up published, no secret and no witness.
type Forge = fn(&VerifyingKey, &[Fr; 2]) -> Proof;

/// Changes of a key with known logarithms that break a rule, and the proof of anything that each allows.
fn forgeries() -> Vec<(&'static str, Break, Forge)> {
    vec![
        ("gamma = delta", |vk| vk.gamma = vk.delta, |vk, x| Proof { a: vk.alpha, b: vk.beta, c: -sum(vk, x) }),
        ("gamma = −delta", |vk| vk.gamma = -vk.delta, |vk, x| Proof { a: vk.alpha, b: vk.beta, c: sum(vk, x) }),
        (
            "beta = gamma",
            |vk| vk.gamma = vk.beta,
            |vk, x| Proof { a: plus(vk.alpha, sum(vk, x)), b: vk.beta, c: NOTHING() },
        ),
        (
            "beta = −gamma",
            |vk| vk.gamma = -vk.beta,
            |vk, x| Proof { a: plus(vk.alpha, -sum(vk, x)), b: vk.beta, c: NOTHING() },
        ),
        (
            "alpha is the identity",
            |vk| vk.alpha = G1Affine::identity(),
            |vk, x| Proof { a: sum(vk, x), b: vk.gamma, c: NOTHING() },
        ),
        (
            "beta is the identity",
            |vk| vk.beta = G2Affine::identity(),
            |vk, x| Proof { a: sum(vk, x), b: vk.gamma, c: NOTHING() },
        ),
        (
            "gamma is the identity",
            |vk| vk.gamma = G2Affine::identity(),
            |vk, _| Proof { a: vk.alpha, b: vk.beta, c: NOTHING() },
        ),
        (
            "beta and gamma have known logarithms",
            |vk| (vk.beta, vk.gamma) = (G2Affine::generator(), -G2Affine::generator()),
            |vk, x| Proof { a: plus(vk.alpha, -sum(vk, x)), b: G2Affine::generator(), c: NOTHING() },
        ),
        (
            "gamma and delta have known logarithms",
            |vk| (vk.gamma, vk.delta) = (G2Affine::generator(), plus(G2Affine::generator(), G2Affine::generator())),
            |vk, x| {
                let half = Fr::from(2u64).inverse().expect("not 0");
                Proof { a: vk.alpha, b: vk.beta, c: (-sum(vk, x) * half).into_affine() }
            },
        ),
        (
            "alpha and the inputs have known logarithms",
            |vk| (vk.alpha, vk.ic) = (G1Affine::generator(), vec![G1Affine::generator(); 3]),
            |vk, x| Proof {
                a: G1Affine::generator(),
                b: plus(vk.beta, (vk.gamma * (Fr::one() + x[0] + x[1])).into_affine()),
                c: NOTHING(),
            },
        ),
    ]
}

#[test]
fn what_the_lint_refuses_would_prove_anything() {
    let inputs = [Fr::from(123u64), Fr::from(456u64)];
    let good = Toy::draw().key();
    assert_eq!(good.lint(), Ok(()));
    for (what, change, forge) in forgeries() {
        assert_eq!(verify(&good, &inputs, &forge(&good, &inputs)), Err(VerifyError::Rejected), "{what}: a good key");
        let mut bad = good.clone();
        change(&mut bad);
        for inputs in [inputs, [Fr::from(0u64), -Fr::one()]] {
            assert_eq!(verify(&bad, &inputs, &forge(&bad, &inputs)), Ok(()), "{what}");
        }
        assert!(bad.lint().is_err(), "{what}");
    }
}

/// The first phase of a set-up publishes `β uᵢ + α vᵢ + wᵢ` of every wire in G1 to whoever combines its powers, that is, γ times the
/// inputs' points. With a delta of known logarithm these cancel the inputs.
#[test]
fn a_delta_that_is_the_generator_proves_anything_to_who_knows_the_first_phase() {
    for (delta, negated) in [(Fr::one(), true), (-Fr::one(), false)] {
        let toy = Toy { delta, ..Toy::draw() };
        let vk = toy.key();
        let inputs = [Fr::from(123u64), Fr::from(456u64)];
        let first_phase = (G1Projective::generator() * (toy.sum(&inputs) * toy.gamma)).into_affine();
        let c = if negated { -first_phase } else { first_phase };
        assert_eq!(verify(&vk, &inputs, &Proof { a: vk.alpha, b: vk.beta, c }), Ok(()));
        assert_eq!(vk.lint(), Err(KeyError::TrivialPoint { part: "delta", index: 0 }));
    }
}

#[test]
fn inputs_that_share_a_point_or_have_none_can_be_traded() {
    let inputs = [Fr::from(123u64), Fr::from(456u64)];
    let shared = |toy: &mut Toy| toy.ic[2] = toy.ic[1];
    let opposite = |toy: &mut Toy| toy.ic[2] = -toy.ic[1];
    let none = |toy: &mut Toy| toy.ic[2] = Fr::from(0u64);
    let one = Fr::one();
    type Case<'a> = (&'a dyn Fn(&mut Toy), [Fr; 2]);
    let cases: [Case<'_>; 3] = [
        (&shared, [inputs[1], inputs[0]]),
        (&opposite, [inputs[0] + one, inputs[1] + one]),
        (&none, [inputs[0], inputs[1] + one]),
    ];
    for (change, others) in cases {
        let good = Toy::draw();
        assert_eq!(verify(&good.key(), &inputs, &good.honest(&inputs)), Ok(()));
        assert_eq!(verify(&good.key(), &others, &good.honest(&inputs)), Err(VerifyError::Rejected));
        let mut bad = Toy::draw();
        change(&mut bad);
        assert_eq!(verify(&bad.key(), &others, &bad.honest(&inputs)), Ok(()));
        assert!(bad.key().lint().is_err());
    }
}

#[test]
fn halves_of_different_keys_do_not_pass_as_one() {
    let (mut pk, _) = power_keys();
    assert_eq!(pk.lint(), Ok(()));
    pk.delta_g1 = pk.beta_g1;
    assert_eq!(pk.lint(), Err(KeyError::Inconsistent { part: "delta" }));
}

// ---- the contract's constants ---------------------------------------------------------------------------------------------

/// The words that a function of the generated contract gives as its key, in the order of the source.
fn words_of(source: &str, function: &str) -> Vec<String> {
    let body = source.split_once(&format!("function {function}()")).expect("the function is there").1;
    let body = body.split_once("    }\n").expect("it ends").0;
    let literals = body.split("hex\"").skip(1).map(|rest| rest.split_once('"').expect("a literal ends").0);
    let digits: String = literals.collect();
    (0..digits.len()).step_by(64).map(|at| digits[at..at + 64].to_owned()).collect()
}

/// The key that the words make, read like a proof's points: below the modulus, on the curve, in the subgroup.
fn key_of(words: &[String], fingerprint: Fingerprint) -> VerifyingKey {
    let word = |at: usize| tacit_circuits::fingerprint::from_hex(&words[at]).expect("32 bytes");
    let g1 = |at: usize| tacit_circuits::evm::g1_point(&[word(at), word(at + 1)]).expect("a point");
    let g2 = |at: usize| {
        tacit_circuits::evm::g2_point(&[word(at), word(at + 1), word(at + 2), word(at + 3)]).expect("a point")
    };
    let ic = (14..words.len()).step_by(2).map(g1).collect();
    VerifyingKey { alpha: g1(0), beta: g2(2), gamma: g2(6), delta: g2(10), ic, fingerprint }
}

#[test]
fn the_constants_of_the_contract_are_the_key_they_were_generated_from() {
    let (segment, closing) = (keys_with(SEGMENT_INPUTS).1, keys_with(CLOSING_INPUTS).1);
    let source = verifier_solidity(&Params::DEV, &segment, &closing, true).expect("good keys");
    for (function, key) in [("_segmentKey", &segment), ("_closingKey", &closing)] {
        assert_eq!(key_of(&words_of(&source, function), key.fingerprint), *key, "{function}");
    }
    for (name, key) in [("segment", &segment), ("closing", &closing)] {
        assert!(source.contains(&format!("{name}Fingerprint: 0x{}", key.fingerprint)), "{name}");
    }
    // Where `key_of` reads each part, in words, is where the contract reads it, in bytes.
    let contract = include_str!("../../../contracts/src/libraries/Groth16.sol");
    for (part, word) in [("BETA", 2), ("GAMMA", 6), ("DELTA", 10), ("IC", 14)] {
        assert!(contract.contains(&format!(" {part} = {:#x};", 32 * word)), "{part}");
    }
}
