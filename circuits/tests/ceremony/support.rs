//! A small circuit, powers of known secrets written as a `.ptau` file, and a ceremony on them.

use std::fs;
use std::path::{Path, PathBuf};

use ark_bn254::{Fq, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::PrimeGroup;
use ark_ff::{Field, One, PrimeField, UniformRand};
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::ceremony::{self, CeremonyError, Parts, Powers, Secrets, Transcript, Watch};
use tacit_circuits::error::Error;
use tacit_circuits::fixed_base::FixedBase;
use tacit_circuits::matrices::Matrices;

pub const BEACON: &[u8] = b"the hash of a block to come";
pub const EXPONENT: u8 = 10;

pub fn rng(seed: u64) -> StdRng {
    StdRng::seed_from_u64(seed)
}

/// Wires: 0 one, 1 y, 2 y + x, 3 x, 4 b, 5 x², 6 x⁴, 7 x·b, with y = x⁵ + x·b and b boolean.
pub fn power_circuit() -> Matrices {
    let one = Fr::one();
    let wire = |at: u32| vec![(one, at)];
    let a = [wire(4), wire(3), wire(5), wire(3), wire(6), vec![(one, 1), (one, 3)]];
    let b = [vec![(one, 0), (-one, 4)], wire(3), wire(5), wire(4), wire(3), wire(0)];
    let c = [vec![], wire(5), wire(6), wire(7), vec![(one, 1), (-one, 7)], wire(2)];
    Matrices::from_rows(2, 5, &a, &b, &c)
}

pub fn power_wires(x: u64, b: bool) -> Vec<Fr> {
    let (x, b) = (Fr::from(x), Fr::from(b));
    let y = x.pow([5]) + x * b;
    vec![Fr::one(), y, y + x, x, b, x.square(), x.pow([4]), x * b]
}

/// Another circuit of the same size and counts.
pub fn other_circuit() -> Matrices {
    let mut matrices = power_circuit();
    let one = Fr::one();
    matrices.push_row(&[(one, 3)], &[(one, 3)], &[(one, 5)]);
    matrices.finish();
    matrices
}

/// A new, empty folder of this name.
pub fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ceremony").join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).expect("an old test's folder");
    }
    fs::create_dir_all(&dir).expect("a writable folder");
    dir
}

// ---- powers -----------------------------------------------------------------------------------------------------------------------

/// The five lists of a file, to be tampered with before they are written.
#[derive(Clone)]
pub struct Lists {
    pub power: u32,
    pub tau_g1: Vec<G1Affine>,
    pub tau_g2: Vec<G2Affine>,
    pub alpha_g1: Vec<G1Affine>,
    pub beta_g1: Vec<G1Affine>,
    pub beta_g2: Vec<G2Affine>,
}

impl Lists {
    pub fn of(power: u32, tau: Fr, alpha: Fr, beta: Fr) -> Self {
        let size = 1usize << power;
        let (g1, g2) =
            (FixedBase::new(G1Projective::generator(), size), FixedBase::new(G2Projective::generator(), size));
        let scalars = |first: Fr, count: usize| -> Vec<Fr> {
            std::iter::successors(Some(first), |value| Some(*value * tau)).take(count).collect()
        };
        Self {
            power,
            tau_g1: g1.multiples(&scalars(Fr::one(), 2 * size - 1)),
            tau_g2: g2.multiples(&scalars(Fr::one(), size)),
            alpha_g1: g1.multiples(&scalars(alpha, size)),
            beta_g1: g1.multiples(&scalars(beta, size)),
            beta_g2: g2.multiples(&[beta]),
        }
    }

    pub fn drawn(power: u32, seed: u64) -> Self {
        let mut rng = rng(seed);
        Self::of(power, Fr::rand(&mut rng), Fr::rand(&mut rng), Fr::rand(&mut rng))
    }

    /// Sections as the file has them, a section of contributions with none among them.
    pub fn sections(&self) -> Vec<(u32, Vec<u8>)> {
        vec![
            (1, header(self.power)),
            (2, self.tau_g1.iter().flat_map(g1_bytes).collect()),
            (3, self.tau_g2.iter().flat_map(g2_bytes).collect()),
            (4, self.alpha_g1.iter().flat_map(g1_bytes).collect()),
            (5, self.beta_g1.iter().flat_map(g1_bytes).collect()),
            (6, self.beta_g2.iter().flat_map(g2_bytes).collect()),
            (7, vec![0; 4]),
        ]
    }

    pub fn file(&self) -> Vec<u8> {
        file_of(&self.sections())
    }
}

pub fn file_of(sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"ptau".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend((sections.len() as u32).to_le_bytes());
    for (kind, content) in sections {
        bytes.extend(kind.to_le_bytes());
        bytes.extend((content.len() as u64).to_le_bytes());
        bytes.extend(content);
    }
    bytes
}

pub fn header(power: u32) -> Vec<u8> {
    let mut bytes = 32u32.to_le_bytes().to_vec();
    Fq::MODULUS.0.iter().for_each(|limb| bytes.extend(limb.to_le_bytes()));
    bytes.extend(power.to_le_bytes());
    bytes.extend(power.to_le_bytes());
    bytes
}

pub fn g1_bytes(point: &G1Affine) -> Vec<u8> {
    [point.x, point.y].iter().flat_map(coordinate).collect()
}

pub fn g2_bytes(point: &G2Affine) -> Vec<u8> {
    [point.x.c0, point.x.c1, point.y.c0, point.y.c1].iter().flat_map(coordinate).collect()
}

/// Montgomery form, little-endian.
fn coordinate(value: &Fq) -> Vec<u8> {
    let montgomery = *value * Fq::from(2u64).pow([256]);
    montgomery.into_bigint().0.iter().flat_map(|limb| limb.to_le_bytes()).collect()
}

/// Reads a file of these bytes for a domain of `size` points.
pub fn read(name: &str, bytes: &[u8], size: usize) -> Result<Powers, CeremonyError> {
    let path = folder(name).join("powers.ptau");
    fs::write(&path, bytes).expect("a writable folder");
    fault(Powers::read(&path, size, &mut rng(1), &Watch::none()))
}

pub fn fault<T>(result: Result<T, Error>) -> Result<T, CeremonyError> {
    match result {
        Ok(value) => Ok(value),
        Err(Error::Ceremony(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

// ---- ceremonies -------------------------------------------------------------------------------------------------------------------

pub fn powers(name: &str, seed: u64) -> Powers {
    read(&format!("powers of {name}"), &Lists::drawn(4, seed).file(), 16).expect("good powers")
}

pub fn begun(matrices: &Matrices, powers: &Powers) -> Transcript {
    begun_with(matrices, powers, &Parts::none()).expect("a small circuit")
}

pub fn begun_with(matrices: &Matrices, powers: &Powers, parts: &Parts) -> Result<Transcript, CeremonyError> {
    fault(ceremony::begin(("dev", "power"), matrices, powers, parts, &mut rng(6), &Watch::none()))
}

pub fn contributed(transcript: &mut Transcript, name: &str) -> [u8; 32] {
    let secrets = Secrets::of_participant(&[5; 32], name.as_bytes());
    ceremony::contribute(transcript, name, &secrets).expect("honest")
}

/// Three participants and the beacon.
pub fn over(matrices: &Matrices, powers: &Powers) -> Transcript {
    let mut transcript = begun(matrices, powers);
    for name in ["alice", "bob", "carol"] {
        contributed(&mut transcript, name);
    }
    ceremony::end(&mut transcript, BEACON, EXPONENT).expect("a good beacon");
    transcript
}

/// The verdict on a transcript as a file, on the small circuit.
pub fn verdict(bytes: &[u8], powers: &Powers) -> Result<(), CeremonyError> {
    fault(Transcript::decode(bytes)?.verify(&power_circuit(), powers, &mut rng(2), &Watch::none()))
}
