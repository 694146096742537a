//! EdDSA-Poseidon on Baby Jubjub, as circomlib and zk-kit compute it.

use pyo3::prelude::*;

use tacit_core::babyjub::Point;
use tacit_core::eddsa::{self, Signature};

use crate::error::Failure;
use crate::field::{Field, Number};

type Coordinates = (Field, Field);

/// The public key of a 32-byte seed: affine coordinates.
#[pyfunction]
pub fn eddsa_public_key(seed: [u8; 32]) -> Coordinates {
    coordinates(&eddsa::public_key(&seed))
}

/// R8 and S of a message under a 32-byte seed.
#[pyfunction]
pub fn eddsa_sign(seed: [u8; 32], message: Field) -> (Coordinates, Number) {
    let signature = eddsa::sign(&seed, message.0);
    (coordinates(&signature.r8), Number(signature.s))
}

/// Whether a signature holds. Points off the curve, keys of low order and S ≥ l make it false. Other threads go on meanwhile.
#[pyfunction]
pub fn eddsa_verify(py: Python<'_>, key: Coordinates, message: Field, r8: Coordinates, s: Number) -> bool {
    py.detach(|| eddsa::verify(&point(key), message.0, &Signature { r8: point(r8), s: s.0 }))
}

/// The 32 bytes of a point of the curve.
#[pyfunction]
pub fn point_pack(at: Coordinates) -> Result<[u8; 32], Failure> {
    Ok(Point::new(at.0.0, at.1.0)?.pack())
}

/// The point of 32 bytes.
#[pyfunction]
pub fn point_unpack(packed: [u8; 32]) -> Result<Coordinates, Failure> {
    Ok(coordinates(&Point::unpack(&packed)?))
}

fn coordinates(point: &Point) -> Coordinates {
    (Field(point.x), Field(point.y))
}

const fn point((x, y): Coordinates) -> Point {
    Point { x: x.0, y: y.0 }
}
