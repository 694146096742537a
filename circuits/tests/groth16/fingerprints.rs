//! The identity of a circuit.

use ark_bn254::Fr;
use ark_ff::{One, UniformRand, Zero};
use tacit_circuits::error::KeyError;
use tacit_circuits::fingerprint::{Fingerprint, Pin, Pins};
use tacit_circuits::matrices::Matrices;

use crate::{power_circuit, rng};

#[test]
fn the_fingerprint_changes_with_every_coefficient_wire_count_and_row_order() {
    let good = Fingerprint::of(&power_circuit());
    assert_eq!(good, Fingerprint::of(&power_circuit()));
    let mut others = vec![good];
    let one = Fr::one();
    let rows = |k: Fr, wire: u32| [vec![(k, wire)], vec![(one, 2)]];
    for (inputs, witness, a) in [
        (1, 2, rows(one, 2)),
        (2, 1, rows(one, 2)),
        (1, 3, rows(one, 2)),
        (1, 2, rows(one, 3)),
        (1, 2, rows(Fr::from(2u64), 2)),
        (1, 2, {
            let [first, second] = rows(one, 3);
            [second, first]
        }),
    ] {
        let b = rows(one, 0);
        others.push(Fingerprint::of(&Matrices::from_rows(inputs, witness, &a, &b, &b)));
        others.push(Fingerprint::of(&Matrices::from_rows(inputs, witness, &b, &a, &b)));
    }
    let count = others.len();
    others.sort();
    others.dedup();
    assert_eq!(others.len(), count);
}

#[test]
fn rows_that_say_the_same_have_one_fingerprint() {
    let (one, two) = (Fr::one(), Fr::from(2u64));
    let of = |row: Vec<(Fr, u32)>| {
        let rows = [row];
        Fingerprint::of(&Matrices::from_rows(1, 2, &rows, &rows, &rows))
    };
    let plain = of(vec![(two, 1), (one, 3)]);
    assert_eq!(of(vec![(one, 3), (two, 1)]), plain);
    assert_eq!(of(vec![(one, 1), (one, 3), (one, 1)]), plain);
    assert_eq!(of(vec![(two, 1), (Fr::zero(), 2), (one, 3)]), plain);
}

#[test]
fn matrices_survive_their_encoding_and_truncated_bytes_do_not() {
    let mut rng = rng();
    let mut matrices = power_circuit();
    for _ in 0..50 {
        let row: Vec<(Fr, u32)> = (0..8).map(|wire| (Fr::rand(&mut rng), wire)).collect();
        matrices.push_row(&row[..3], &row[2..7], &row[1..2]);
    }
    let mut bytes = Vec::new();
    matrices.encode(&mut |part| bytes.extend_from_slice(part));
    let decode = |bytes: &[u8]| {
        let mut rest = bytes;
        Matrices::decode(&mut |part: &mut [u8]| {
            let (head, tail) = rest
                .split_at_checked(part.len())
                .ok_or(KeyError::Malformed { part: "matrices", reason: "the end is missing".to_owned() })?;
            part.copy_from_slice(head);
            rest = tail;
            Ok(())
        })
    };
    assert_eq!(decode(&bytes).map(|found| Fingerprint::of(&found)), Ok(Fingerprint::of(&matrices)));
    for len in (0..bytes.len()).step_by(37) {
        assert!(decode(&bytes[..len]).is_err());
    }
}

#[test]
fn a_pin_names_what_differs() {
    let found = Pin::of(&power_circuit());
    let text = Pins([("segment".to_owned(), found.clone())].into()).to_json();
    let mut pins = Pins::parse(&text).expect("what to_json writes");
    assert_eq!(pins.compare("segment", &found), Ok(()));
    pins.0.get_mut("segment").expect("just there").wires += 1;
    let difference = "wires: pinned 9, found 8".to_owned();
    assert_eq!(pins.compare("segment", &found), Err(KeyError::NotPinned { circuit: "segment".to_owned(), difference }));
    assert!(pins.compare("closing", &found).is_err());
    assert!(Pins::parse(&text.replace("wires", "wire")).is_err());
    assert!(Pins::parse(&text.replace(&found.fingerprint.to_string(), "0x12")).is_err());
}
