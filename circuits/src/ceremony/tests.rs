//! What only who can choose the secrets can test: that the key is that of a set-up with the same secrets, and that
//! participants who forge what they are able to forge are found out.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{Field, One, UniformRand, Zero};
use ark_poly::EvaluationDomain;
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;

use crate::ceremony::contribution::{Accumulated, Link, Record, Secrets, Source};
use crate::ceremony::error::CeremonyError;
use crate::ceremony::parts::Parts;
use crate::ceremony::ptau::Powers;
use crate::ceremony::queries::{domain_of, shift_of};
use crate::ceremony::transcript::Transcript;
use crate::ceremony::watch::Watch;
use crate::ceremony::{beacon, begin, contribute, end};
use crate::error::Error;
use crate::keys::setup;
use crate::matrices::Matrices;

const BEACON: &[u8] = b"the hash of a block to come";
const EXPONENT: u8 = 10;

/// Rows x · x = y and (y + 3) · (x − b) = 5 z with inputs y, z; the wire c is in no row, b on the right only.
fn circuit() -> Matrices {
    let one = Fr::one();
    let (three, five) = (Fr::from(3u64), Fr::from(5u64));
    let a = [vec![(one, 3)], vec![(one, 1), (three, 0)]];
    let b = [vec![(one, 3)], vec![(one, 3), (-one, 4)]];
    let c = [vec![(one, 1)], vec![(five, 2)]];
    Matrices::from_rows(2, 3, &a, &b, &c)
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(11)
}

struct Drawn {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    tau: Fr,
}

/// In the order of a set-up.
fn drawn() -> Drawn {
    let mut rng = rng();
    let [alpha, beta, gamma, delta, tau] = [(); 5].map(|()| Fr::rand(&mut rng));
    Drawn { alpha, beta, gamma, delta, tau }
}

fn powers(secrets: &Drawn, size: usize) -> Powers {
    let power = |first: Fr, at: usize| first * secrets.tau.pow([at as u64]);
    let g1 = |first: Fr, count: usize| -> Vec<G1Affine> {
        (0..count).map(|at| (G1Projective::generator() * power(first, at)).into_affine()).collect()
    };
    let g2 = |at: usize| (G2Projective::generator() * power(Fr::one(), at)).into_affine();
    Powers {
        hash: [9; 32],
        tau_g1: g1(Fr::one(), 2 * size - 1),
        tau_g2: (0..size).map(g2).collect(),
        alpha_g1: g1(secrets.alpha, size),
        beta_g1: g1(secrets.beta, size),
        beta_g2: (G2Projective::generator() * secrets.beta).into_affine(),
    }
}

fn begun() -> (Transcript, Powers) {
    let powers = powers(&drawn(), circuit().domain_size());
    let transcript = begin(("dev", "toy"), &circuit(), &powers, &Parts::none(), &mut rng(), &Watch::none())
        .expect("a small circuit");
    (transcript, powers)
}

/// Two participants and the beacon.
fn over() -> (Transcript, Powers) {
    let (mut transcript, powers) = begun();
    for name in ["alice", "bob"] {
        contribute(&mut transcript, name, &Secrets::of_participant(&[7; 32], name.as_bytes())).expect("honest");
    }
    end(&mut transcript, BEACON, EXPONENT).expect("a good beacon");
    (transcript, powers)
}

fn verdict(transcript: &Transcript, powers: &Powers) -> Result<(), CeremonyError> {
    match transcript.verify(&circuit(), powers, &mut rng(), &Watch::none()) {
        Ok(()) => Ok(()),
        Err(Error::Ceremony(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn chosen(delta: Fr, gamma: Fr) -> Secrets {
    Secrets { delta, gamma, delta_blinding: Fr::from(77u64), gamma_blinding: Fr::from(78u64) }
}

fn participant() -> Source {
    Source::Participant { name: "mallory".to_owned() }
}

#[test]
fn the_same_secrets_give_the_key_of_a_set_up() {
    let secrets = drawn();
    let (mut transcript, powers) = begun();
    let of_beacon = beacon::secrets(BEACON, EXPONENT);
    let rest = |all: Fr, factor: Fr| all * factor.inverse().expect("not zero");
    let factors = chosen(rest(secrets.delta, of_beacon.delta), rest(secrets.gamma, of_beacon.gamma));
    contribute(&mut transcript, "alice", &factors).expect("honest");
    end(&mut transcript, BEACON, EXPONENT).expect("a good beacon");
    assert_eq!(verdict(&transcript, &powers), Ok(()));
    let key = transcript.keys(circuit()).expect("the ceremony is over");
    let (expected, vk) = setup(circuit(), &mut rng()).expect("a small circuit");
    assert_eq!(key.vk, vk);
    assert_eq!((key.beta_g1, key.delta_g1), (expected.beta_g1, expected.delta_g1));
    assert_eq!((&key.a, &key.b_g1, &key.b_g2, &key.l), (&expected.a, &expected.b_g1, &expected.b_g2, &expected.l));
    // The points of the quotient lack τ²ⁿ⁻¹, whose coefficient in any numerator is zero.
    let domain = domain_of(&circuit()).expect("a small circuit");
    let size = domain.size();
    let last = secrets.tau.pow([2 * size as u64 - 1])
        * rest(Fr::from(2 * size as u64).inverse().expect("not zero"), secrets.delta);
    for (at, (found, expected)) in key.h.iter().zip(&expected.h).enumerate() {
        let point = shift_of(&domain) * domain.element(at);
        let lacking = G1Projective::generator() * (last * point);
        assert_eq!(*found + lacking, *expected, "point {at}");
    }
}

#[test]
fn an_honest_ceremony_passes_at_every_step() {
    let (mut transcript, powers) = begun();
    assert_eq!(verdict(&transcript, &powers), Ok(()));
    contribute(&mut transcript, "alice", &Secrets::of_participant(&[7; 32], b"")).expect("honest");
    assert_eq!(verdict(&transcript, &powers), Ok(()));
    end(&mut transcript, BEACON, EXPONENT).expect("a good beacon");
    assert_eq!(verdict(&transcript, &powers), Ok(()));
}

#[test]
fn a_factor_of_zero_one_or_minus_one_is_no_contribution() {
    for (delta, gamma, secret) in [
        (Fr::one(), Fr::from(5u64), "delta"),
        (-Fr::one(), Fr::from(5u64), "delta"),
        (Fr::zero(), Fr::from(5u64), "delta"),
        (Fr::from(5u64), Fr::one(), "gamma"),
        (Fr::from(5u64), -Fr::one(), "gamma"),
    ] {
        let (mut transcript, powers) = begun();
        let factors = chosen(delta, gamma);
        assert!(contribute(&mut transcript, "alice", &factors).is_err(), "by one's own program");
        let chain = transcript.chains()[0];
        transcript.records.push(Record::make(participant(), &factors, &chain, &Accumulated::start()));
        let found = verdict(&transcript, &powers).expect_err("by another program");
        let zero = CeremonyError::NotProven { contribution: 1, secret };
        let trivial = CeremonyError::TrivialContribution { contribution: 1, secret };
        assert_eq!(found, if delta.is_zero() { zero } else { trivial });
    }
}

/// A contribution by who knows its own factor and puts something else in the place of a part, with proofs made to fit as far as they can.
fn forged(change: impl Fn(&mut Link)) -> Result<(), CeremonyError> {
    let (mut transcript, powers) = begun();
    let factors = chosen(Fr::from(5u64), Fr::from(6u64));
    let (chain, start) = (transcript.chains()[0], Accumulated::start());
    let mut record = Record::make(participant(), &factors, &chain, &start);
    change(&mut record.delta);
    record.delta.xr = (record.delta.challenge("delta", &record.source, &chain) * factors.delta).into_affine();
    transcript.points.scale_by_inverses(&factors);
    transcript.records.push(record);
    verdict(&transcript, &powers)
}

#[test]
fn a_forged_contribution_is_refused_by_what_it_lacks() {
    let (contribution, secret) = (1, "delta");
    assert_eq!(forged(|_| ()), Ok(()));
    let double = |point: G1Affine| (point + point).into_affine();
    let another = forged(|link| link.g1 = double(link.g1));
    assert_eq!(another, Err(CeremonyError::NotContinued { contribution, secret }));
    let halves = forged(|link| link.g2 = (link.g2 + link.g2).into_affine());
    assert_eq!(halves, Err(CeremonyError::GroupsDiffer { contribution, secret }));
    for change in [|link: &mut Link| link.sx = link.s, |link: &mut Link| link.s = G1Affine::identity()] {
        assert_eq!(forged(change), Err(CeremonyError::NotProven { contribution, secret }));
    }
}

#[test]
fn a_value_of_unknown_factor_cannot_be_put_in() {
    // Somebody else's δ, or one without any known logarithm: its author cannot make x · R, and makes it of what it knows.
    let (mut transcript, powers) = begun();
    let chain = transcript.chains()[0];
    let mut record =
        Record::make(participant(), &chosen(Fr::from(5u64), Fr::from(6u64)), &chain, &Accumulated::start());
    let unknown = Fr::rand(&mut rng());
    record.delta.g1 = (G1Affine::generator() * unknown).into_affine();
    record.delta.g2 = (G2Affine::generator() * unknown).into_affine();
    transcript.records.push(record);
    let refused = CeremonyError::NotProven { contribution: 1, secret: "delta" };
    assert_eq!(verdict(&transcript, &powers), Err(refused));
}

#[test]
fn a_beacon_of_somebodys_own_secrets_is_refused() {
    let (mut transcript, powers) = begun();
    contribute(&mut transcript, "alice", &Secrets::of_participant(&[7; 32], b"")).expect("honest");
    let source = Source::Beacon { value: BEACON.to_vec(), exponent: EXPONENT };
    transcript.contribute(source, &chosen(Fr::from(5u64), Fr::from(6u64))).expect("not looked at here");
    assert_eq!(verdict(&transcript, &powers), Err(CeremonyError::WrongBeacon { contribution: 2 }));
}

#[test]
fn nothing_follows_the_beacon() {
    let (mut transcript, powers) = over();
    let factors = chosen(Fr::from(5u64), Fr::from(6u64));
    assert_eq!(contribute(&mut transcript, "carol", &factors), Err(CeremonyError::AfterBeacon { contribution: 4 }));
    let (chain, before) = (transcript.chains()[3], transcript.accumulated());
    transcript.records.push(Record::make(participant(), &factors, &chain, &before));
    transcript.points.scale_by_inverses(&factors);
    assert_eq!(verdict(&transcript, &powers), Err(CeremonyError::AfterBeacon { contribution: 4 }));
}

#[test]
fn points_divided_by_another_factor_than_the_proven_one_are_refused() {
    for (delta, gamma, query) in [(5, 1, "l"), (1, 5, "ic")] {
        let (mut transcript, powers) = over();
        transcript.points.scale_by_inverses(&chosen(Fr::from(delta as u64), Fr::from(gamma as u64)));
        assert_eq!(verdict(&transcript, &powers), Err(CeremonyError::WrongQuery { query }));
    }
}

#[test]
fn the_same_delta_and_gamma_give_no_keys() {
    let (mut transcript, powers) = begun();
    let of_beacon = beacon::secrets(BEACON, EXPONENT);
    contribute(&mut transcript, "alice", &chosen(of_beacon.gamma, of_beacon.delta)).expect("it proves what it knows");
    end(&mut transcript, BEACON, EXPONENT).expect("a good beacon");
    assert_eq!(verdict(&transcript, &powers), Ok(()));
    let refused = transcript.keys(circuit()).expect_err("false statements could be proven");
    assert_eq!(refused.name(), "KEY");
    assert!(refused.to_string().contains("gamma and delta"), "{refused}");
}
