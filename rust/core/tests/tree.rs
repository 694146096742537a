//! The state tree against a full recomputation in the plainest way, and what it promises about failure, history and disk.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tacit_core::error::CoreError;
use tacit_core::field::F;
use tacit_core::poseidon;
use tacit_core::tree::{MAX_DEPTH, StateTree, empty_node, root_of_path};

/// The leaves that are not empty.
type Leaves = BTreeMap<u32, u64>;

/// The root by hashing every node of every level.
fn full_root(depth: u8, leaves: &Leaves) -> F {
    let leaf = |index| F::from(leaves.get(&index).copied().unwrap_or(0));
    let mut level: Vec<F> = (0..8_u32.pow(depth.into())).map(leaf).collect();
    while level.len() > 1 {
        level = level.chunks(8).map(poseidon::hash).collect();
    }
    level[0]
}

fn tree_of(depth: u8, leaves: &Leaves) -> StateTree {
    let mut tree = StateTree::new(depth).expect("a depth of the tests");
    let changes: Vec<(u32, F)> = leaves.iter().map(|(index, leaf)| (*index, F::from(*leaf))).collect();
    tree.update(&changes).expect("indices of the tree");
    tree
}

/// Distinct leaves of a tree of a depth, some of them empty.
fn some_leaves(depth: u8) -> impl Strategy<Value = Leaves> {
    prop::collection::btree_map(0..8_u32.pow(depth.into()), 0..4_u64, 0..40)
}

/// A depth that a full recomputation can afford, with several rounds of changes.
fn some_history() -> impl Strategy<Value = (u8, Vec<Leaves>)> {
    (1..=3_u8).prop_flat_map(|depth| (Just(depth), prop::collection::vec(some_leaves(depth), 1..4)))
}

fn apply(model: &mut Leaves, changes: &Leaves) {
    model.extend(changes);
    model.retain(|_, leaf| *leaf != 0);
}

fn apply_to_tree(tree: &mut StateTree, changes: &Leaves) {
    let changes: Vec<(u32, F)> = changes.iter().rev().map(|(index, leaf)| (*index, F::from(*leaf))).collect();
    tree.update(&changes).expect("indices of the tree");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn root_leaves_and_paths_equal_a_full_recomputation((depth, history) in some_history()) {
        let (mut tree, mut model) = (StateTree::new(depth).expect("a depth"), Leaves::new());
        for changes in &history {
            apply_to_tree(&mut tree, changes);
            apply(&mut model, changes);
            prop_assert_eq!(tree.root(), full_root(depth, &model));
        }
        let expected: Vec<(u32, F)> = model.iter().map(|(index, leaf)| (*index, F::from(*leaf))).collect();
        prop_assert_eq!(tree.leaves(), expected);
        for index in 0..tree.capacity() {
            let leaf = tree.get(index).expect("an index of the tree");
            prop_assert_eq!(leaf, F::from(model.get(&index).copied().unwrap_or(0)));
            let path = tree.path(index).expect("an index of the tree");
            prop_assert_eq!(path.len(), usize::from(depth));
        }
        for (index, leaf) in tree.leaves() {
            let path = tree.path(index).expect("an index of the tree");
            prop_assert_eq!(root_of_path(index, leaf, &path), Some(tree.root()));
            prop_assert_eq!(root_of_path(index, leaf + F::from(1_u64), &path), None);
        }
    }

    #[test]
    fn one_by_one_and_batched_updates_agree((depth, history) in some_history()) {
        let mut batched = StateTree::new(depth).expect("a depth");
        let mut single = batched.clone();
        for changes in &history {
            apply_to_tree(&mut batched, changes);
            for (index, leaf) in changes {
                single.set(*index, F::from(*leaf)).expect("an index of the tree");
            }
            prop_assert_eq!(&single, &batched);
            prop_assert_eq!(single.to_bytes(), batched.to_bytes());
        }
    }

    #[test]
    fn a_rollback_leaves_no_trace((depth, history) in some_history(), lost in some_leaves(1)) {
        let mut tree = StateTree::new(depth).expect("a depth");
        for changes in &history {
            let before = tree.to_bytes();
            let snapshot = tree.snapshot();
            apply_to_tree(&mut tree, &lost);
            let failed: Result<(), CoreError> = tree.attempt(|tree| {
                apply_to_tree(tree, changes);
                tree.set(tree.capacity(), F::from(1_u64))
            });
            prop_assert!(failed.is_err());
            tree.rollback(&snapshot);
            prop_assert_eq!(tree.to_bytes(), before);
            prop_assert_eq!(tree.root(), full_root(depth, &tree_leaves(&tree)));
            apply_to_tree(&mut tree, changes);
        }
    }

    #[test]
    fn a_snapshot_stays_what_it_was((depth, history) in some_history()) {
        let mut tree = StateTree::new(depth).expect("a depth");
        let mut versions = Vec::new();
        for changes in &history {
            apply_to_tree(&mut tree, changes);
            versions.push((tree.snapshot(), tree.to_bytes()));
        }
        for (snapshot, bytes) in versions.iter().rev() {
            prop_assert_eq!(&snapshot.tree().to_bytes(), bytes);
            tree.rollback(snapshot);
            prop_assert_eq!(&tree.to_bytes(), bytes);
        }
    }

    #[test]
    fn disk_form_is_read_back((depth, history) in some_history()) {
        let mut model = Leaves::new();
        history.iter().for_each(|changes| apply(&mut model, changes));
        let tree = tree_of(depth, &model);
        let restored = StateTree::from_bytes(&tree.to_bytes()).expect("its own bytes");
        prop_assert_eq!(restored.leaves(), tree.leaves());
        prop_assert_eq!(restored.to_bytes(), tree.to_bytes());
    }

    #[test]
    fn arbitrary_bytes_never_panic(tail in prop::collection::vec(any::<u8>(), 0..200), begins_well in any::<bool>()) {
        let bytes = if begins_well { [b"TACITREE\x01\x02".as_slice(), &tail].concat() } else { tail };
        prop_assert!(StateTree::from_bytes(&bytes).is_err());
    }

    #[test]
    fn a_changed_or_missing_byte_is_refused(leaves in some_leaves(2), place in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let bytes = tree_of(2, &leaves).to_bytes();
        let mut changed = bytes.clone();
        changed[place.index(bytes.len())] ^= change;
        prop_assert!(StateTree::from_bytes(&changed).is_err());
        prop_assert!(StateTree::from_bytes(&bytes[..place.index(bytes.len())]).is_err());
        prop_assert!(StateTree::from_bytes(&[bytes, vec![change]].concat()).is_err());
    }
}

fn tree_leaves(tree: &StateTree) -> Leaves {
    let number = |leaf: F| (0..4_u64).find(|small| F::from(*small) == leaf).expect("leaves of the tests are below 4");
    tree.leaves().into_iter().map(|(index, leaf)| (index, number(leaf))).collect()
}

#[test]
fn an_empty_tree_hashes_empty_nodes() {
    let mut node = F::from(0_u64);
    for depth in 1..=MAX_DEPTH {
        node = poseidon::hash(&[node; 8]);
        assert_eq!(empty_node(depth), node);
        assert_eq!(StateTree::new(depth).expect("a depth").root(), node);
    }
}

#[test]
fn emptying_every_leaf_gives_the_empty_tree() {
    let mut tree = tree_of(7, &Leaves::from([(0, 1), (9, 2), (2_097_151, 3)]));
    tree.update(&[0, 9, 2_097_151].map(|index| (index, F::from(0_u64)))).expect("indices of the tree");
    assert_eq!(tree, StateTree::new(7).expect("a depth"));
    assert_eq!(tree.to_bytes(), StateTree::new(7).expect("a depth").to_bytes());
}

#[test]
fn deep_trees_hold_their_last_leaf() {
    for depth in [7, MAX_DEPTH] {
        let last = 8_u32.pow(depth.into()) - 1;
        let tree = tree_of(depth, &Leaves::from([(0, 5), (last, 6)]));
        assert_eq!(tree.get(last), Ok(F::from(6_u64)));
        assert_eq!(tree.get(1), Ok(F::from(0_u64)));
        let path = tree.path(last).expect("an index of the tree");
        assert_eq!(root_of_path(last, F::from(6_u64), &path), Some(tree.root()));
        let absent = tree.path(77).expect("an index of the tree");
        assert_eq!(root_of_path(77, F::from(0_u64), &absent), Some(tree.root()));
    }
}

#[test]
fn a_path_proves_no_leaf_at_another_index() {
    let tree = tree_of(2, &Leaves::from([(3, 1), (11, 2)]));
    let path = tree.path(3).expect("an index of the tree");
    assert_eq!(root_of_path(3, F::from(1_u64), &path), Some(tree.root()));
    assert_eq!(root_of_path(11, F::from(1_u64), &path), None);
    assert_eq!(root_of_path(3 + 64, F::from(1_u64), &path), None, "an index outside the tree");
}

#[test]
fn bad_indices_and_depths_are_named_and_change_nothing() {
    let mut tree = tree_of(2, &Leaves::from([(3, 1)]));
    let before = tree.to_bytes();
    let one = F::from(1_u64);
    assert_eq!(tree.set(64, one), Err(CoreError::LeafIndex { index: 64, capacity: 64 }));
    assert_eq!(tree.update(&[(1, one), (64, one)]), Err(CoreError::LeafIndex { index: 64, capacity: 64 }));
    assert_eq!(tree.update(&[(5, one), (2, one), (5, one)]), Err(CoreError::DuplicateLeaf { index: 5 }));
    assert_eq!(tree.get(u32::MAX), Err(CoreError::LeafIndex { index: u32::MAX, capacity: 64 }));
    assert!(tree.path(64).is_err());
    assert_eq!(tree.to_bytes(), before);
    for depth in [0, MAX_DEPTH + 1, 255] {
        assert_eq!(StateTree::new(depth), Err(CoreError::TreeDepth { depth, max: MAX_DEPTH }));
    }
}

#[test]
fn each_damage_of_the_disk_form_is_named() {
    let bytes = tree_of(2, &Leaves::from([(3, 1), (11, 2)])).to_bytes();
    let with = |place: usize, value: &[u8]| {
        let mut changed = bytes.clone();
        changed[place..place + value.len()].copy_from_slice(value);
        changed
    };
    let (entries, entry) = (46, 36);
    let cases: [(Vec<u8>, &str); 10] = [
        (Vec::new(), "ends 8 bytes early"),
        (with(0, b"X"), "TACITREE"),
        (with(8, &[2]), "format version is 2"),
        (with(9, &[11]), "depth 11"),
        (with(9, &[3]), "do not hash to its root"),
        (with(10, &u32::MAX.to_be_bytes()), "announces 4294967295 leaves"),
        (with(14, &[0xff; 32]), "not below the order"),
        (with(entries + entry, &3_u32.to_be_bytes()), "leaf index 3 follows 3"),
        (with(entries + entry, &64_u32.to_be_bytes()), "leaf index 64 is outside"),
        (with(entries + 4, &[0; 32]), "leaf 3 is stored as empty"),
    ];
    for (changed, expected) in cases {
        let error = StateTree::from_bytes(&changed).expect_err("damaged").to_string();
        assert!(error.contains(expected), "`{error}` should say `{expected}`");
    }
}
