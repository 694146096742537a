//! States and trees as they lie on disk: accepted exactly if they are what would have been written.
//!
//! A root over hashed leaves would stop nearly every mutation at the door, so a second mode writes the right root into the bytes first: then
//! only the order and the ranges of the content are left to refuse them.

use tacit_core::account::{Leaf, Position};
use tacit_core::batch::State;
use tacit_core::field::{self, F};
use tacit_core::params::Params;
use tacit_core::tree::StateTree;

use super::{says_why, seed};
use crate::input::Input;
use crate::material::full_scene;

const STATE_ROOT: std::ops::Range<usize> = 15..47;
const TREE_ROOT: std::ops::Range<usize> = 14..46;
const TREE_ENTRY: usize = 36;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.below(8);
    let params = Params::ALL[choice % 3];
    let mut stored = input.rest().to_vec();
    match choice {
        0..3 => state(&params, &stored),
        3..6 => {
            write_state_root(&params, &mut stored);
            state(&params, &stored);
        }
        6 => tree(&stored),
        _ => {
            write_tree_root(&mut stored);
            tree(&stored);
        }
    }
}

fn state(params: &Params, stored: &[u8]) {
    match State::from_bytes(params, stored) {
        Ok(state) => {
            assert_eq!(state.to_bytes(), stored, "a state has two stored forms");
            assert!(state.leaves().all(|(index, leaf)| leaf.check(index, params).is_ok() && index < params.capacity()));
            let text = tacit_core::json::write_state(&state);
            assert_eq!(tacit_core::json::read_state(&text).as_ref(), Ok(&state), "JSON and bytes are two states");
        }
        Err(error) => says_why(&error),
    }
}

fn tree(stored: &[u8]) {
    match StateTree::from_bytes(stored) {
        Ok(tree) => assert_eq!(tree.to_bytes(), stored, "a tree has two stored forms"),
        Err(error) => says_why(&error),
    }
}

/// Reads the leaves as docs/formats.md lays them out, and writes the root of the state that holds them.
fn write_state_root(params: &Params, stored: &mut [u8]) {
    let Some(leaves) = stored.get(STATE_ROOT.end..).and_then(leaves) else { return };
    let Ok(state) = State::from_leaves(params, leaves) else { return };
    stored[STATE_ROOT].copy_from_slice(&field::to_be_bytes(&state.root()));
}

fn leaves(mut bytes: &[u8]) -> Option<Vec<(u32, Leaf)>> {
    let mut leaves = Vec::new();
    while !bytes.is_empty() {
        leaves.push(leaf(&mut bytes)?);
    }
    Some(leaves)
}

fn leaf(bytes: &mut &[u8]) -> Option<(u32, Leaf)> {
    let index = u32::from_be_bytes(take(bytes)?);
    let owner = field::from_be_bytes(&take(bytes)?).ok()?;
    let cash = i128::from_be_bytes(take(bytes)?);
    let epoch = u32::from_be_bytes(take(bytes)?);
    let bitmap = u64::from_be_bytes(take(bytes)?);
    let updates = u32::from_be_bytes(take(bytes)?);
    let salt = field::from_be_bytes(&take(bytes)?).ok()?;
    let [places] = take(bytes)?;
    let mut position = || {
        let instrument = u32::from_be_bytes(take(bytes)?);
        Some(Position { instrument, quantity: i64::from_be_bytes(take(bytes)?) })
    };
    let positions = (0..places).map(|_| position()).collect::<Option<_>>()?;
    Some((index, Leaf { owner, cash, epoch, bitmap, updates, salt, positions }))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = bytes.split_first_chunk()?;
    *bytes = tail;
    Some(*head)
}

/// Writes the root of the tree that holds the leaves listed.
fn write_tree_root(stored: &mut [u8]) {
    let (Some(depth), Some(entries)) = (stored.get(9), stored.get(TREE_ROOT.end..)) else { return };
    let Ok(mut tree) = StateTree::new(*depth) else { return };
    for entry in entries.chunks_exact(TREE_ENTRY) {
        let (index, value) = entry.split_at(4);
        let index = u32::from_be_bytes(index.try_into().expect("four bytes"));
        let Ok(value) = field::from_be_bytes(value.try_into().expect("32 bytes")) else { return };
        if tree.set(index, value).is_err() {
            return;
        }
    }
    stored[TREE_ROOT].copy_from_slice(&field::to_be_bytes(&tree.root()));
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let scene = full_scene();
    let dev = scene.state();
    let standard = State::from_leaves(&Params::STANDARD, scene.leaves.clone()).expect("the leaves fit every set");
    let empty = State::from_leaves(&Params::LARGE, []).expect("no leaves are leaves");
    let mut tree = StateTree::new(3).expect("three levels");
    for (index, value) in [(0, 5u64), (7, 6), (511, 7)] {
        tree.set(index, F::from(value)).expect("below 512");
    }
    let mut swapped = tree.to_bytes();
    swapped[TREE_ROOT.end..].rotate_left(TREE_ENTRY);
    let mut bare = scene.leaves.clone();
    bare.values_mut().for_each(|leaf| leaf.positions.clear());
    let bare = State::from_leaves(&Params::DEV, bare).expect("leaves in range").to_bytes();
    let mut rotated = bare.clone();
    rotated[STATE_ROOT.end..].rotate_left((bare.len() - STATE_ROOT.end) / scene.leaves.len());
    vec![
        seed("state of dev", 0, &dev.to_bytes()),
        seed("state of standard", 1, &standard.to_bytes()),
        seed("empty state of large", 2, &empty.to_bytes()),
        seed("state of dev, root written", 3, &dev.to_bytes()),
        seed("leaves out of order, root written", 3, &rotated),
        seed("state of standard, root written", 4, &standard.to_bytes()),
        seed("state of another set", 1, &dev.to_bytes()),
        seed("state cut short", 0, &dev.to_bytes()[..100]),
        seed("many leaves announced", 2, &[&empty.to_bytes()[..11], &[0xff; 4], &[0; 32]].concat()),
        seed("tree", 6, &tree.to_bytes()),
        seed("tree, root written", 7, &tree.to_bytes()),
        seed("tree out of order, root written", 7, &swapped),
        seed("many tree leaves announced", 6, &[&tree.to_bytes()[..10], &[0xff; 36]].concat()),
    ]
}
