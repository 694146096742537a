//! One path in a tree (arity 8, `H_8` a node): to read a leaf, or for the old and the new leaf at once.
//!
//! A touch replaces one leaf: the same siblings lead from the old leaf to the old root and from the new leaf to the
//! new root. Guarantees: if the old root returned is the tree's root then, `H_8` being collision resistant, the tree
//! holds `old` at the index, and the new root is that of the tree with `new` there and nothing else changed. The
//! index is ranged by its bits: 3 a level.

use tacit_core::field::F;
use tacit_core::poseidon;

use crate::builder::{Builder, Lc};
use crate::gadgets::poseidon as rows;

/// Name of the row by which the child at the index is the node below, and of the children's wires.
pub const CHILD: &str = "child at the index";
/// Label of the eight children of each node.
pub const CHILDREN: &str = "children";

/// The root of the path that holds `leaf` at the place that the bits name: [`update`] for a leaf that only is read. 409 rows a level, the
/// comparison of the child named `check`. Plain twin: `tacit_core::tree::root_of_path`.
///
/// # Panics
/// If there are not three bits a level.
pub fn open(b: &mut Builder, check: &'static str, place: &[Lc], path: &[[F; 8]], leaf: &Lc) -> Lc {
    assert_eq!(place.len(), 3 * path.len(), "three bits a level");
    let mut node = leaf.clone();
    for (bits, children) in place.chunks(3).zip(path) {
        let children: Vec<Lc> = children.iter().map(|child| b.witness(CHILDREN, *child)).collect();
        require_child(b, check, bits, &children, &node);
        node = rows::hash(b, &children);
    }
    node
}

/// Old and new root of the path. `index` holds three boolean bits a level, least significant first; `path` the eight
/// children of each node, leaf level first. 14 rows a level beyond the two hashes.
///
/// # Panics
/// If there are not three bits a level.
pub fn update(b: &mut Builder, index: &[Lc], path: &[[F; 8]], old: &Lc, new: &Lc) -> (Lc, Lc) {
    assert_eq!(index.len(), 3 * path.len(), "three index bits a level");
    let (mut old, mut new) = (old.clone(), new.clone());
    for (bits, children) in index.chunks(3).zip(path) {
        let children: Vec<Lc> = children.iter().map(|child| b.witness(CHILDREN, *child)).collect();
        require_child(b, CHILD, bits, &children, &old);
        let changes = spread(b, bits, &(&new - &old));
        let changed: Vec<Lc> = children.iter().zip(&changes).map(|(child, change)| child + change).collect();
        old = rows::hash(b, &children);
        new = rows::hash(b, &changed);
    }
    (old, new)
}

/// The child at the place that the bits name is `node`: a tree of selections, seven rows.
fn require_child(b: &mut Builder, check: &'static str, bits: &[Lc], children: &[Lc], node: &Lc) {
    let mut left: Vec<Lc> = children.to_vec();
    for bit in &bits[..2] {
        left = left.chunks(2).map(|pair| b.select(bit, &pair[1], &pair[0])).collect();
    }
    b.enforce(check, &(&left[1] - &left[0]), &bits[2], &(node - &left[0]));
}

/// `change` at the place that the bits name, 0 elsewhere: seven rows.
fn spread(b: &mut Builder, bits: &[Lc], change: &Lc) -> Vec<Lc> {
    let mut places = vec![change.clone()];
    for bit in bits.iter().rev() {
        places = places
            .iter()
            .flat_map(|whole| {
                let high = b.mul(whole, bit);
                [whole - &high, high]
            })
            .collect();
    }
    places
}

/// Plain twin: old and new root of a path whose children at the index may be anything; `None` where a child is not
/// the node below.
#[must_use]
pub fn update_plain(index: u64, path: &[[F; 8]], old: F, new: F) -> Option<(F, F)> {
    let (mut old, mut new) = (old, new);
    for (level, children) in path.iter().enumerate() {
        let place = (index >> (3 * level) & 7) as usize;
        if children[place] != old {
            return None;
        }
        let mut changed = *children;
        changed[place] = new;
        old = poseidon::hash(children);
        new = poseidon::hash(&changed);
    }
    Some((old, new))
}
