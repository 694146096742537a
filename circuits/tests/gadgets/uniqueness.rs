//! Uniqueness to first order: which wires a satisfied system leaves free when the chosen ones are held.
//!
//! At a satisfying assignment z each row `a·b = c` is linearised: `⟨b,z⟩⟨a,δ⟩ + ⟨a,z⟩⟨b,δ⟩ − ⟨c,δ⟩ = 0`. A wire is
//! determined if δ = 0 there in every solution. A missing constraint nearly always shows as a wire that is not. Wires
//! that only hashes bind (a Merkle sibling under its root) count as chosen, since collision resistance is nothing
//! linear.

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
