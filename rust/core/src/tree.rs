//! The state tree: account leaf hashes under one root, a sparse Poseidon Merkle tree of arity 8.
//!
//! An empty leaf is 0, a node is `H_8` of its children in order, and a leaf's place at each level is a base-8 digit of its
//! index, the least significant at the leaf level. Nodes are shared between versions and copied where they change: a
//! snapshot costs nothing, stays readable while the tree moves on, and a failed batch leaves no trace. A subtree without
//! leaves is never stored, so trees of equal content are equal in root and in bytes, whatever their history.

use std::sync::{Arc, OnceLock};

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::error::CoreError;
use crate::field::{self, F};
use crate::poseidon;

/// Children of a node.
pub const ARITY: usize = 8;
/// Greatest number of levels.
pub const MAX_DEPTH: u8 = 10;

const DIGIT_BITS: u32 = 3;
/// Below this many changes a subtree is updated on the thread that met it; a node costs tens of microseconds.
const PARALLEL_CHANGES: usize = 16;

const MAGIC: &[u8; 8] = b"TACITREE";
const FORMAT_VERSION: u8 = 1;
const HEADER_BYTES: usize = 8 + 1 + 1 + 4 + 32;
const ENTRY_BYTES: usize = 4 + 32;

/// The children of one node of the path to a leaf.
pub type Children = [F; ARITY];

type Link = Option<Arc<Node>>;

/// A node that has at least one leaf below it.
#[derive(Clone, Debug)]
struct Node {
    /// Hashes of the children; at height 1 the leaves themselves.
    hashes: Children,
    /// The children that have leaves below them; none at height 1.
    children: [Link; ARITY],
}

/// A tree of `8^depth` leaves. Copying one is cheap: copies share what is equal in them.
#[derive(Clone, Debug)]
pub struct StateTree {
    depth: u8,
    root: F,
    top: Link,
}

/// A version of a tree to return to. It stays valid whatever happens to the tree.
#[derive(Clone, Debug)]
pub struct Snapshot(StateTree);

impl Snapshot {
    /// The version as a tree of its own.
    #[must_use]
    pub fn tree(&self) -> &StateTree {
        &self.0
    }
}

impl PartialEq for StateTree {
    /// Equal depth and root, hence equal leaves.
    fn eq(&self, other: &Self) -> bool {
        (self.depth, self.root) == (other.depth, other.root)
    }
}

impl Eq for StateTree {}

impl StateTree {
    /// The tree of `8^depth` empty leaves.
    ///
    /// # Errors
    /// [`CoreError::TreeDepth`] where the depth is not between 1 and [`MAX_DEPTH`].
    pub fn new(depth: u8) -> Result<Self, CoreError> {
        if (1..=MAX_DEPTH).contains(&depth) {
            Ok(Self { depth, root: empty_node(depth), top: None })
        } else {
            Err(CoreError::TreeDepth { depth, max: MAX_DEPTH })
        }
    }

    /// Number of levels below the root.
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.depth
    }

    /// Number of leaves, empty ones included.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        1 << (DIGIT_BITS * u32::from(self.depth))
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> F {
        self.root
    }

    /// The leaf at an index, 0 where it is empty.
    ///
    /// # Errors
    /// [`CoreError::LeafIndex`] where the index is outside the tree.
    pub fn get(&self, index: u32) -> Result<F, CoreError> {
        self.check_index(index)?;
        let mut node = &self.top;
        for height in (2..=self.depth).rev() {
            let Some(inner) = node else {
                return Ok(F::ZERO);
            };
            node = &inner.children[digit(index, height)];
        }
        Ok(node.as_ref().map_or(F::ZERO, |node| node.hashes[digit(index, 1)]))
    }

    /// Gives one leaf a new value; 0 empties it.
    ///
    /// # Errors
    /// [`CoreError::LeafIndex`] where the index is outside the tree.
    pub fn set(&mut self, index: u32, leaf: F) -> Result<(), CoreError> {
        self.update(&[(index, leaf)])
    }

    /// Gives many leaves, in any order, new values; each node above them is hashed once. On an error nothing has changed.
    ///
    /// # Errors
    /// [`CoreError::LeafIndex`] where an index is outside the tree, [`CoreError::DuplicateLeaf`] where it stands twice.
    pub fn update(&mut self, changes: &[(u32, F)]) -> Result<(), CoreError> {
        let mut changes = changes.to_vec();
        changes.sort_unstable_by_key(|(index, _)| *index);
        for (index, _) in &changes {
            self.check_index(*index)?;
        }
        if let Some(pair) = changes.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(CoreError::DuplicateLeaf { index: pair[0].0 });
        }
        if !changes.is_empty() {
            (self.top, self.root) = updated(self.top.take(), self.depth, &changes);
        }
        Ok(())
    }

    /// The children of every node on the way from the leaf to the root, the leaf and its seven neighbours first.
    ///
    /// # Errors
    /// [`CoreError::LeafIndex`] where the index is outside the tree.
    pub fn path(&self, index: u32) -> Result<Vec<Children>, CoreError> {
        self.check_index(index)?;
        let mut node = self.top.as_deref();
        let mut path = Vec::with_capacity(usize::from(self.depth));
        for height in (1..=self.depth).rev() {
            path.push(node.map_or([empty_node(height - 1); ARITY], |node| node.hashes));
            node = node.and_then(|node| node.children[digit(index, height)].as_deref());
        }
        path.reverse();
        Ok(path)
    }

    /// The leaves that are not empty, by increasing index.
    #[must_use]
    pub fn leaves(&self) -> Vec<(u32, F)> {
        let mut leaves = Vec::new();
        if let Some(node) = &self.top {
            node.collect_leaves(self.depth, 0, &mut leaves);
        }
        leaves
    }

    /// This version of the tree, to return to.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.clone())
    }

    /// Makes the tree again what it was when the snapshot was taken.
    pub fn rollback(&mut self, snapshot: &Snapshot) {
        self.clone_from(&snapshot.0);
    }

    /// Runs a change of the tree that may fail; if it does, the tree is as it was before.
    ///
    /// # Errors
    /// What the change returns.
    pub fn attempt<T, E>(&mut self, change: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<T, E> {
        let before = self.snapshot();
        change(self).inspect_err(|_| self.rollback(&before))
    }

    /// The canonical form on disk: `"TACITREE"`, version 1, depth (a byte each), number of leaves that are not empty (4
    /// bytes), root (32), then index (4) and value (32) of each by increasing index; all numbers most significant byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let leaves = self.leaves();
        let count = u32::try_from(leaves.len()).expect("a tree has at most 2³⁰ leaves");
        let mut bytes = Vec::with_capacity(HEADER_BYTES + leaves.len() * ENTRY_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&[FORMAT_VERSION, self.depth]);
        bytes.extend_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(&field::to_be_bytes(&self.root));
        for (index, leaf) in leaves {
            bytes.extend_from_slice(&index.to_be_bytes());
            bytes.extend_from_slice(&field::to_be_bytes(&leaf));
        }
        bytes
    }

    /// The tree of [`StateTree::to_bytes`]; the root is computed again from the leaves and must be the stored one.
    ///
    /// # Errors
    /// [`CoreError::TreeEncoding`] for all other bytes, with what is wrong in them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CoreError> {
        let stored = Stored::parse(bytes)?;
        let refused = |error: CoreError| unusable(error.to_string());
        let mut tree = Self::new(stored.depth).map_err(refused)?;
        tree.update(&stored.leaves).map_err(refused)?;
        if tree.root == stored.root { Ok(tree) } else { Err(unusable("its leaves do not hash to its root".into())) }
    }

    fn check_index(&self, index: u32) -> Result<(), CoreError> {
        let capacity = self.capacity();
        if index < capacity { Ok(()) } else { Err(CoreError::LeafIndex { index, capacity }) }
    }
}

/// The root of a subtree without leaves, `height` levels high; 0 for a leaf.
///
/// # Panics
/// Where the height is above [`MAX_DEPTH`].
#[must_use]
pub fn empty_node(height: u8) -> F {
    static EMPTY: OnceLock<[F; MAX_DEPTH as usize + 1]> = OnceLock::new();
    let empty = EMPTY.get_or_init(|| {
        let mut nodes = [F::ZERO; MAX_DEPTH as usize + 1];
        for height in 1..nodes.len() {
            nodes[height] = poseidon::hash(&[nodes[height - 1]; ARITY]);
        }
        nodes
    });
    empty[usize::from(height)]
}

/// The root that a path gives a leaf at an index; `None` where the leaf or a node does not stand at its place in the path, or
/// the index needs more levels.
#[must_use]
pub fn root_of_path(index: u32, leaf: F, path: &[Children]) -> Option<F> {
    let mut rest = index;
    let mut node = leaf;
    for children in path {
        if children[rest as usize % ARITY] != node {
            return None;
        }
        node = poseidon::hash(children);
        rest /= ARITY as u32;
    }
    (rest == 0).then_some(node)
}

/// Which child of a node of the given height leads to a leaf.
fn digit(index: u32, height: u8) -> usize {
    (index >> (DIGIT_BITS * u32::from(height - 1))) as usize % ARITY
}

/// A subtree after changes (sorted, distinct, all below it), with its hash. Nodes that a snapshot holds are copied.
fn updated(link: Link, height: u8, changes: &[(u32, F)]) -> (Link, F) {
    let mut node = link.unwrap_or_else(|| Arc::new(Node::empty(height)));
    let inner = Arc::make_mut(&mut node);
    if height == 1 {
        changes.iter().for_each(|(index, leaf)| inner.hashes[digit(*index, 1)] = *leaf);
    } else {
        inner.update_children(height, changes);
    }
    if inner.hashes == [empty_node(height - 1); ARITY] {
        return (None, empty_node(height));
    }
    let hash = poseidon::hash(&inner.hashes);
    (Some(node), hash)
}

impl Node {
    fn empty(height: u8) -> Self {
        Self { hashes: [empty_node(height - 1); ARITY], children: Default::default() }
    }

    fn update_children(&mut self, height: u8, changes: &[(u32, F)]) {
        let child_of = |change: &(u32, F)| digit(change.0, height);
        let parts = changes.chunk_by(|a, b| child_of(a) == child_of(b));
        let jobs: Vec<_> =
            parts.map(|part| (child_of(&part[0]), self.children[child_of(&part[0])].take(), part)).collect();
        let run = |(child, link, part)| (child, updated(link, height - 1, part));
        let results: Vec<_> = if changes.len() < PARALLEL_CHANGES {
            jobs.into_iter().map(run).collect()
        } else {
            jobs.into_par_iter().map(run).collect()
        };
        for (child, (link, hash)) in results {
            self.children[child] = link;
            self.hashes[child] = hash;
        }
    }

    fn collect_leaves(&self, height: u8, first_index: u32, leaves: &mut Vec<(u32, F)>) {
        for (child, (hash, link)) in (0..).zip(self.hashes.iter().zip(&self.children)) {
            let first_below = first_index + (child << (DIGIT_BITS * u32::from(height - 1)));
            match link {
                Some(node) => node.collect_leaves(height - 1, first_below, leaves),
                None if height == 1 && *hash != F::ZERO => leaves.push((first_below, *hash)),
                None => {}
            }
        }
    }
}

fn unusable(reason: String) -> CoreError {
    CoreError::TreeEncoding { reason }
}

/// The stored form, with everything checked but the depth, the range of the indices and the root.
struct Stored {
    depth: u8,
    root: F,
    leaves: Vec<(u32, F)>,
}

impl Stored {
    fn parse(bytes: &[u8]) -> Result<Self, CoreError> {
        let mut reader = Reader(bytes);
        if reader.take::<8>()? != *MAGIC {
            return Err(unusable("it does not begin with TACITREE".into()));
        }
        let [version, depth] = reader.take()?;
        if version != FORMAT_VERSION {
            return Err(unusable(format!("its format version is {version}, this program reads {FORMAT_VERSION}")));
        }
        let count = u32::from_be_bytes(reader.take()?) as usize;
        let root = reader.element()?;
        let size = reader.0.len();
        if count.checked_mul(ENTRY_BYTES) != Some(size) {
            return Err(unusable(format!(
                "{size} bytes follow a header that announces {count} leaves of {ENTRY_BYTES} bytes"
            )));
        }
        let leaves = (0..count).map(|_| reader.entry()).collect::<Result<Vec<_>, _>>()?;
        match leaves.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            Some(pair) => Err(unusable(format!("leaf index {} follows {}", pair[1].0, pair[0].0))),
            None => Ok(Self { depth, root, leaves }),
        }
    }
}

/// What is left to read of a stored tree.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], CoreError> {
        let cut = || unusable(format!("it ends {} bytes early", N - self.0.len()));
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn element(&mut self) -> Result<F, CoreError> {
        field::from_be_bytes(&self.take()?).map_err(|error| unusable(error.to_string()))
    }

    fn entry(&mut self) -> Result<(u32, F), CoreError> {
        let index = u32::from_be_bytes(self.take()?);
        let leaf = self.element()?;
        if leaf == F::ZERO {
            return Err(unusable(format!("leaf {index} is stored as empty")));
        }
        Ok((index, leaf))
    }
}
