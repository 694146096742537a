//! Uniqueness to first order: which wires a satisfied system leaves free when the chosen ones are held.
//!
//! At a satisfying assignment z each row `a·b = c` is linearised: `⟨b,z⟩⟨a,δ⟩ + ⟨a,z⟩⟨b,δ⟩ − ⟨c,δ⟩ = 0`. A wire is determined if δ = 0 there in every
//! solution. A missing constraint nearly always shows as a wire that is not. Wires that only hashes bind (a Merkle sibling under its
//! root) count as chosen, since collision resistance is nothing linear.

use std::collections::BTreeMap;

use tacit_circuits::matrices::Matrices;
use tacit_core::field::F;

type Row = BTreeMap<u32, F>;

/// The wires that the rows leave free at `z`, given that the wires of `chosen` do not move.
pub fn free_wires(matrices: &Matrices, z: &[F], chosen: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut determined: Vec<bool> = (0..z.len()).map(|wire| wire == 0 || chosen(wire)).collect();
    let mut rows: Vec<Row> = (0..matrices.rows()).map(|row| tangent(matrices, z, row)).collect();
    peel(&mut rows, &mut determined);
    let pivots = eliminate(rows);
    for (pivot, row) in &pivots {
        determined[*pivot as usize] = row.len() == 1;
    }
    (0..z.len()).filter(|wire| !determined[*wire]).collect()
}

fn tangent(matrices: &Matrices, z: &[F], row: usize) -> Row {
    let (left, right) = (matrices.a.dot(row, z), matrices.b.dot(row, z));
    let mut sum = Row::new();
    let mut add = |terms: &mut dyn Iterator<Item = (F, u32)>, factor: F| {
        terms.for_each(|(k, wire)| *sum.entry(wire).or_default() += k * factor);
    };
    add(&mut matrices.a.row(row), right);
    add(&mut matrices.b.row(row), left);
    add(&mut matrices.c.row(row), -F::from(1u8));
    sum.retain(|_, k| *k != F::default());
    sum
}

/// Rows with one unknown determine it; what they leave is short.
fn peel(rows: &mut Vec<Row>, determined: &mut [bool]) {
    loop {
        let mut found = false;
        for row in rows.iter_mut() {
            row.retain(|wire, _| !determined[*wire as usize]);
            if row.len() == 1 {
                let wire = *row.keys().next().unwrap();
                determined[wire as usize] = true;
                found = true;
            }
        }
        rows.retain(|row| row.len() > 1);
        if !found {
            return;
        }
    }
}

/// Reduced row echelon form of the rest: each pivot's row holds beside it only wires that are no pivots.
fn eliminate(rows: Vec<Row>) -> BTreeMap<u32, Row> {
    let mut pivots: BTreeMap<u32, Row> = BTreeMap::new();
    for mut row in rows {
        let present: Vec<u32> = row.keys().copied().filter(|wire| pivots.contains_key(wire)).collect();
        present.iter().for_each(|pivot| subtract(&mut row, *pivot, &pivots[pivot]));
        let Some((&pivot, &factor)) = row.iter().next() else { continue };
        let inverse = F::from(1u8) / factor;
        row.values_mut().for_each(|k| *k *= inverse);
        for other in pivots.values_mut().filter(|other| other.contains_key(&pivot)) {
            subtract(other, pivot, &row);
        }
        pivots.insert(pivot, row);
    }
    pivots
}

/// Removes `pivot` from `row` by the row that has 1 there.
fn subtract(row: &mut Row, pivot: u32, by: &Row) {
    let Some(factor) = row.get(&pivot).copied() else { return };
    for (wire, k) in by {
        *row.entry(*wire).or_default() -= factor * k;
    }
    row.retain(|_, k| *k != F::default());
}

mod tests {
    use tacit_circuits::builder::{Builder, Lc};
    use tacit_circuits::gadgets::eddsa::{PreparedKey, R8, verify};
    use tacit_circuits::gadgets::transcript::Transcript;
    use tacit_circuits::gadgets::{lookup, merkle, pad, range};
    use tacit_core::eddsa::SigningKey;
    use tacit_core::field::F;
    use tacit_core::poseidon;

    use super::free_wires;
    use crate::some;

    const GIVEN: &str = "given";

    fn given(b: &mut Builder, n: u64) -> Vec<Lc> {
        (0..n).map(|i| b.witness(GIVEN, some(i))).collect()
    }

    /// Labels of the wires that stay free when those labelled [`GIVEN`] or as in `chosen` are held.
    fn free(chosen: &[&str], build: impl Fn(&mut Builder)) -> Vec<&'static str> {
        let mut b = Builder::rows();
        build(&mut b);
        assert_eq!(b.violations(), []);
        let labels: Vec<&'static str> = (0..b.values().len()).map(|wire| b.label(wire).map_or("", |l| l.0)).collect();
        let (matrices, z) = b.into_parts();
        let held = |wire: usize| labels[wire] == GIVEN || chosen.contains(&labels[wire]);
        free_wires(&matrices, &z, held).into_iter().map(|wire| labels[wire]).collect()
    }

    #[test]
    fn a_wire_that_nothing_binds_is_found() {
        let free = free(&[], |b| {
            let x = given(b, 1);
            let (loose, bound) = (b.witness("loose", some(7)), b.witness("bound", some(0)));
            b.mul(&loose, &x[0]);
            b.equal("bound", &bound, &x[0]);
        });
        assert_eq!(free, ["loose", "product"]);
    }

    #[test]
    fn two_wires_of_which_only_the_sum_is_bound_are_found() {
        let free = free(&[], |b| {
            let x = given(b, 1);
            let (left, right) = (b.witness("left", some(0) - some(1)), b.witness("right", some(1)));
            b.equal("sum", &(left + right), &x[0]);
        });
        assert_eq!(free, ["left", "right"]);
    }

    #[test]
    fn ranges_comparisons_and_selections_leave_nothing_free() {
        let free = free(&[], |b| {
            let x = b.witness(GIVEN, F::from(0b1010_1101u64));
            let bits = range::bits(b, "range", &x, 9);
            range::bits_full(b, "range", &x, 8);
            range::is_non_negative(b, "sign", &(&x - Lc::constant(F::from(300u64))), 10);
            range::one_hot(b, &bits[..3]);
            range::digits_at_most(b, "at most", &bits, 1, 3, &179u64.into());
            b.is_zero("zero", &x);
            b.select(&bits[0], &x, &bits[1]);
            lookup::term(b, "term", &x, &bits[2].add_constant(some(1)), &x);
        });
        assert_eq!(free, [] as [&str; 0]);
    }

    #[test]
    fn the_inverse_of_zero_is_free_and_nothing_else() {
        let free = free(&[], |b| {
            let x = given(b, 1);
            b.is_zero("zero", &(&x[0] - &x[0]));
        });
        assert_eq!(free, [tacit_circuits::builder::INVERSE]);
    }

    #[test]
    fn hashes_leave_nothing_free() {
        let free = free(&[], |b| {
            let x = given(b, 11);
            let mut transcript = Transcript::new(9, 11);
            x.iter().for_each(|element| transcript.absorb(b, element));
            let _ = transcript.digest(b);
            pad::stream(b, &x[0], &x[1], &x[2], &x[3], 1);
        });
        assert_eq!(free, [] as [&str; 0]);
    }

    #[test]
    fn a_path_leaves_nothing_free_beside_the_siblings() {
        let mut children = [0u64; 8].map(F::from);
        children[5] = some(0);
        let above: [F; 8] =
            std::array::from_fn(|i| if i == 2 { poseidon::hash(&children) } else { some(50 + i as u64) });
        let free = free(&[merkle::CHILDREN], |b| {
            let x = given(b, 2);
            let (_, index) = range::new_bits(b, "index", F::from(2u64 << 3 | 5), 6);
            merkle::update(b, &index, &[children, above], &x[0], &x[1]);
        });
        assert_eq!(free, [] as [&str; 0]);
    }

    #[test]
    fn a_signature_leaves_nothing_free() {
        let signing = SigningKey::from_seed(&[3; 32]);
        let (key, signature) = (signing.public_key(), signing.sign(some(0)));
        for live in [true, false] {
            // R8 is the signer's choice; everything else follows from it.
            let free = free(&R8, |b| {
                let message = b.witness(GIVEN, some(0));
                let (x, y) = (b.witness(GIVEN, key.x), b.witness(GIVEN, key.y));
                let live = b.witness(GIVEN, F::from(live));
                let key = PreparedKey::new(b, &x, &y, &live);
                verify(b, &key, &message, &signature, &live);
            });
            assert_eq!(free, [] as [&str; 0], "live: {live}");
        }
    }
}
