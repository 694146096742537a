//! The state of all accounts: the tree of leaf hashes and the leaves behind it, kept equal.
//!
//! A snapshot costs nothing and a rollback restores both, so that a failed batch leaves no trace. The form on disk holds the leaves; reading
//! it hashes them again and compares the root, so that what is read is what was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::account::{Holder, Leaf, Position};
use crate::batch::BatchError;
use crate::error::CoreError;
use crate::field::{self, F};
use crate::params::{ARITY, Params};
use crate::seal::{outcome_words, seal_touch};
use crate::tree::StateTree;

const MAGIC: &[u8; 8] = b"TACITSTA";
const VERSION: u8 = 1;

/// All accounts under one root.
#[derive(Clone, Debug)]
pub struct State {
    params: Params,
    tree: StateTree,
    leaves: Arc<BTreeMap<u32, Arc<Leaf>>>,
}

/// A version of the state to return to.
#[derive(Clone, Debug)]
pub struct StateSnapshot(State);

impl StateSnapshot {
    /// The root of the version.
    #[must_use]
    pub fn root(&self) -> F {
        self.0.root()
    }

    /// The version as a state of its own.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.0
    }
}

impl State {
    /// The state before the first batch: leaf 0 is the fund's, with an owner and nothing else; all others are empty.
    ///
    /// # Errors
    /// [`CoreError`] if the parameter set's depth is none of a tree.
    pub fn genesis(params: &Params, fund: &Holder, domain: F) -> Result<Self, CoreError> {
        let mut leaf = Leaf {
            owner: fund.owner(),
            cash: 0,
            epoch: 0,
            bitmap: 0,
            updates: 0,
            salt: F::from(0u64),
            positions: Vec::new(),
        };
        leaf.salt = seal_touch(fund, 0, &leaf, &outcome_words(&[], params), params, domain).salt;
        Self::from_leaves(params, [(0, leaf)])
    }

    /// The state that holds exactly these leaves.
    ///
    /// # Errors
    /// [`BatchError::Leaf`] if one is out of range, [`CoreError::LeafIndex`] or [`CoreError::DuplicateLeaf`] if an index is outside the tree
    /// or named twice.
    pub fn from_leaves(params: &Params, leaves: impl IntoIterator<Item = (u32, Leaf)>) -> Result<Self, CoreError> {
        let depth = u8::try_from(params.depth).expect("the depth of a parameter set is a few levels");
        let leaves: Vec<(u32, Leaf)> = leaves.into_iter().collect();
        for (index, leaf) in &leaves {
            leaf.check(*index, params)?;
        }
        let hashes: Vec<(u32, F)> = leaves.par_iter().map(|(index, leaf)| (*index, leaf.hash(params))).collect();
        let mut tree = StateTree::new(depth)?;
        tree.update(&hashes)?;
        let leaves = leaves.into_iter().map(|(index, leaf)| (index, Arc::new(leaf))).collect();
        Ok(Self { params: *params, tree, leaves: Arc::new(leaves) })
    }

    /// The parameter set.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// The root of the state tree.
    #[must_use]
    pub fn root(&self) -> F {
        self.tree.root()
    }

    /// The leaf at an index; none if it is empty.
    #[must_use]
    pub fn leaf(&self, index: u32) -> Option<&Leaf> {
        self.leaves.get(&index).map(Arc::as_ref)
    }

    /// All leaves that exist, by index.
    pub fn leaves(&self) -> impl Iterator<Item = (u32, &Leaf)> {
        self.leaves.iter().map(|(index, leaf)| (*index, leaf.as_ref()))
    }

    /// Number of leaves that exist.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.leaves.len()
    }

    /// The children on the way from a leaf to the root, the leaf's own level first.
    ///
    /// # Errors
    /// [`CoreError::LeafIndex`] if the index is outside the tree.
    pub fn path(&self, index: u32) -> Result<Vec<[F; ARITY]>, CoreError> {
        self.tree.path(index)
    }

    /// Gives a leaf new contents, whose hash the caller has.
    pub(crate) fn set(&mut self, index: u32, leaf: Leaf, hash: F) -> Result<(), CoreError> {
        self.tree.set(index, hash)?;
        Arc::make_mut(&mut self.leaves).insert(index, Arc::new(leaf));
        Ok(())
    }

    /// This version, to return to.
    #[must_use]
    pub fn snapshot(&self) -> StateSnapshot {
        StateSnapshot(self.clone())
    }

    /// Makes the state again what it was when the snapshot was taken.
    pub fn rollback(&mut self, snapshot: &StateSnapshot) {
        self.clone_from(&snapshot.0);
    }

    /// The canonical form on disk: `"TACITSTA"`, version 1, depth, places of a leaf (a byte each), number of leaves (4 bytes), root (32); then by
    /// increasing index: index (4), owner (32), cash (16, two's complement), epoch (4), bitmap (8), updates (4), salt (32), number of positions
    /// (1), and of each position id (4) and lots (8, two's complement). Most significant byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64 + 128 * self.leaves.len());
        bytes.extend(MAGIC);
        bytes.push(VERSION);
        bytes.extend([self.params.depth, self.params.positions].map(|number| u8::try_from(number).expect("small")));
        bytes.extend(u32::try_from(self.leaves.len()).expect("at most 2^21 leaves").to_be_bytes());
        bytes.extend(field::to_be_bytes(&self.root()));
        for (index, leaf) in self.leaves() {
            write_leaf(&mut bytes, index, leaf);
        }
        bytes
    }

    /// The state of [`State::to_bytes`] under the parameter set it was written with.
    ///
    /// # Errors
    /// [`BatchError::StoredState`] for all other bytes, with what is wrong in them.
    pub fn from_bytes(params: &Params, bytes: &[u8]) -> Result<Self, CoreError> {
        let mut reader = Reader(bytes);
        if reader.take::<8>()? != *MAGIC {
            return Err(unusable("it does not begin with TACITSTA"));
        }
        let [version, depth, positions] = reader.take()?;
        if version != VERSION {
            return Err(unusable(format!("its version is {version}, this program reads {VERSION}")));
        }
        if (usize::from(depth), usize::from(positions)) != (params.depth, params.positions) {
            return Err(unusable(format!(
                "it is not of parameter set {}: depth {depth}, {positions} positions",
                params.name
            )));
        }
        let count = u32::from_be_bytes(reader.take()?);
        let root = reader.element()?;
        let leaves = (0..count).map(|_| reader.leaf()).collect::<Result<Vec<_>, _>>()?;
        if !reader.0.is_empty() {
            return Err(unusable(format!("{} bytes follow the last leaf", reader.0.len())));
        }
        if let Some(pair) = leaves.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(unusable(format!("account {} follows account {}", pair[1].0, pair[0].0)));
        }
        let state = Self::from_leaves(params, leaves).map_err(|error| unusable(error.to_string()))?;
        if state.root() == root { Ok(state) } else { Err(unusable("its leaves do not hash to its root")) }
    }
}

impl PartialEq for State {
    /// Equal parameter set and root, hence equal leaves.
    fn eq(&self, other: &Self) -> bool {
        (self.params, self.root()) == (other.params, other.root())
    }
}

impl Eq for State {}

fn write_leaf(bytes: &mut Vec<u8>, index: u32, leaf: &Leaf) {
    bytes.extend(index.to_be_bytes());
    bytes.extend(field::to_be_bytes(&leaf.owner));
    bytes.extend(leaf.cash.to_be_bytes());
    bytes.extend(leaf.epoch.to_be_bytes());
    bytes.extend(leaf.bitmap.to_be_bytes());
    bytes.extend(leaf.updates.to_be_bytes());
    bytes.extend(field::to_be_bytes(&leaf.salt));
    bytes.push(u8::try_from(leaf.positions.len()).expect("a leaf has few places"));
    for position in &leaf.positions {
        bytes.extend(position.instrument.to_be_bytes());
        bytes.extend(position.quantity.to_be_bytes());
    }
}

fn unusable(what: impl Into<String>) -> CoreError {
    BatchError::StoredState { what: what.into() }.into()
}

/// What is left to read of a stored state.
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

    fn leaf(&mut self) -> Result<(u32, Leaf), CoreError> {
        let index = u32::from_be_bytes(self.take()?);
        let owner = self.element()?;
        let cash = i128::from_be_bytes(self.take()?);
        let epoch = u32::from_be_bytes(self.take()?);
        let bitmap = u64::from_be_bytes(self.take()?);
        let updates = u32::from_be_bytes(self.take()?);
        let salt = self.element()?;
        let [places] = self.take()?;
        let positions = (0..places).map(|_| self.position()).collect::<Result<_, _>>()?;
        Ok((index, Leaf { owner, cash, epoch, bitmap, updates, salt, positions }))
    }

    fn position(&mut self) -> Result<Position, CoreError> {
        let instrument = u32::from_be_bytes(self.take()?);
        Ok(Position { instrument, quantity: i64::from_be_bytes(self.take()?) })
    }
}
