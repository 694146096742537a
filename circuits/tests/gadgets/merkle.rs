//! The path of a touch: old and new root over the same siblings.

use std::collections::BTreeSet;

use tacit_circuits::builder::{Builder, Lc};
use tacit_circuits::gadgets::merkle::{CHILD, CHILDREN, update, update_plain};
use tacit_circuits::gadgets::range::new_bits;
use tacit_core::field::F;
use tacit_core::poseidon;

use crate::{checked, rows_of, some, violated, witnesses};

const DEPTH: usize = 3;

/// A path at `index` whose leaf is `leaf`, siblings arbitrary.
fn path(index: u64, leaf: F) -> Vec<[F; 8]> {
    let mut node = leaf;
    (0..DEPTH)
        .map(|level| {
            let mut children = [F::from(0u8); 8];
            for (i, child) in children.iter_mut().enumerate() {
                *child = some(1_000 + 8 * level as u64 + i as u64);
            }
            children[(index >> (3 * level) & 7) as usize] = node;
            node = poseidon::hash(&children);
            children
        })
        .collect()
}

fn build(b: &mut Builder, index: u64, path: &[[F; 8]], old: F, new: F) -> (Lc, Lc) {
    let (_, bits) = new_bits(b, "index", F::from(index), 3 * DEPTH as u32);
    let given = witnesses(b, &[old, new]);
    update(b, &bits, path, &given[0], &given[1])
}

#[test]
fn both_roots_are_those_of_the_plain_tree() {
    for index in [0, 1, 7, 8, 0o123, 0o777] {
        let (old, new) = (some(1), some(2));
        let path = path(index, old);
        let ((old_root, new_root), refused) = checked(|b| build(b, index, &path, old, new));
        assert!(refused.is_empty());
        assert_eq!(update_plain(index, &path, old, new), Some((old_root.value(), new_root.value())));
        assert_eq!(poseidon::hash(&path[DEPTH - 1]), old_root.value());
    }
}

#[test]
fn an_unchanged_leaf_keeps_the_root() {
    let path = path(5, some(1));
    let ((old_root, new_root), _) = checked(|b| build(b, 5, &path, some(1), some(1)));
    assert_eq!(old_root.value(), new_root.value());
}

#[test]
fn another_old_leaf_is_refused() {
    let path = path(0o52, some(1));
    assert_eq!(violated(|b| build(b, 0o52, &path, some(3), some(2))), BTreeSet::from([CHILD]));
    assert_eq!(update_plain(0o52, &path, some(3), some(2)), None);
}

#[test]
fn the_leaf_stands_at_no_other_index() {
    let path = path(0o52, some(1));
    for index in (0..512).filter(|index| *index != 0o52) {
        assert_eq!(violated(|b| build(b, index, &path, some(1), some(2))), BTreeSet::from([CHILD]), "index {index}");
    }
}

#[test]
fn a_sibling_cannot_change_between_the_roots() {
    // Replacing any child but the one below changes both roots: the old one no longer is the tree's.
    let (old, new) = (some(1), some(2));
    let path = path(0o52, old);
    let (honest, _) = update_plain(0o52, &path, old, new).unwrap();
    for child in 0..8 * DEPTH {
        let ((root, _), refused) = checked(|b| {
            b.override_witness(CHILDREN, child, |honest| honest + F::from(1u8));
            build(b, 0o52, &path, old, new)
        });
        assert!(refused == BTreeSet::from([CHILD]) || (refused.is_empty() && root.value() != honest), "child {child}");
    }
}

#[test]
fn a_level_costs_fourteen_rows_beyond_two_hashes() {
    let path = path(0, some(1));
    let rows = rows_of(|b| build(b, 0, &path, some(1), some(2)));
    assert_eq!(rows, 3 * DEPTH + DEPTH * (14 + 2 * 402));
}
