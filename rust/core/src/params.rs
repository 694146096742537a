//! The parameter sets: how much one segment and one closing proof hold.
//!
//! A set fixes the shape of every circuit, word count and encoding; nothing else in the crate has a size of its own. Section 2 of
//! `docs/protocol.md` lists the three sets.

use crate::batch::BatchError;

/// Children of a node, in the state tree and in the tree of risk rows.
pub const ARITY: usize = 8;

/// Words of a touch that are not ciphertext: index word, L, new leaf, owner, recipient, v.
pub const PLAIN_TOUCH_WORDS: usize = 6;

/// Outcomes packed into one word.
pub const OUTCOMES_A_WORD: usize = 7;

/// Positions packed into one word of a leaf.
pub const POSITIONS_A_WORD: usize = 4;

/// Scenario values packed into one word of a risk row.
pub const VALUES_A_WORD: usize = 6;

/// The numbers of one parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// What commands and files call the set.
    pub name: &'static str,
    /// Levels of the state tree.
    pub depth: usize,
    /// T: touches of a segment.
    pub touches: usize,
    /// O: orders of a touch.
    pub orders: usize,
    /// P: positions of an account, a multiple of 4.
    pub positions: usize,
    /// S: scenarios of a risk row.
    pub scenarios: usize,
    /// M: rows of the risk table, even.
    pub rows: usize,
    /// K: settled rows, even.
    pub settled: usize,
}

impl Params {
    /// Seconds to set up and prove; for tests.
    pub const DEV: Self =
        Self { name: "dev", depth: 3, touches: 2, orders: 2, positions: 4, scenarios: 4, rows: 8, settled: 4 };
    /// Segments of about 2¹⁸ rows.
    pub const STANDARD: Self =
        Self { name: "standard", depth: 7, touches: 7, orders: 4, positions: 16, scenarios: 24, rows: 64, settled: 16 };
    /// Segments of about 2²⁰ rows.
    pub const LARGE: Self =
        Self { name: "large", depth: 7, touches: 28, orders: 4, positions: 16, scenarios: 24, rows: 256, settled: 64 };
    /// All sets.
    pub const ALL: [Self; 3] = [Self::DEV, Self::STANDARD, Self::LARGE];

    /// The set of a name.
    ///
    /// # Errors
    /// [`BatchError::UnknownParams`] where no set has it.
    pub fn by_name(name: &str) -> Result<Self, BatchError> {
        let found = Self::ALL.into_iter().find(|params| params.name == name);
        found.ok_or_else(|| BatchError::UnknownParams { name: name.chars().take(40).collect() })
    }

    /// U: words that hold the outcomes of a touch's orders.
    #[must_use]
    pub const fn outcome_words(&self) -> usize {
        self.orders.div_ceil(OUTCOMES_A_WORD)
    }

    /// Words of a leaf that hold positions.
    #[must_use]
    pub const fn position_words(&self) -> usize {
        self.positions / POSITIONS_A_WORD
    }

    /// n_x: words of a touch that are published encrypted.
    #[must_use]
    pub const fn plain_words(&self) -> usize {
        1 + self.position_words() + self.outcome_words()
    }

    /// B: blocks of eight pads that a touch needs, its salt included.
    #[must_use]
    pub const fn pad_blocks(&self) -> usize {
        (self.plain_words() + 1).div_ceil(8)
    }

    /// Words of public data of a touch.
    #[must_use]
    pub const fn words_per_touch(&self) -> usize {
        PLAIN_TOUCH_WORDS + self.plain_words()
    }

    /// Words of public data of a segment.
    #[must_use]
    pub const fn words_per_segment(&self) -> usize {
        self.touches * self.words_per_touch()
    }

    /// Words of public data of the closing proof.
    #[must_use]
    pub const fn closing_words(&self) -> usize {
        self.rows + self.settled
    }

    /// Leaves of the state tree.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        1 << (3 * self.depth)
    }

    /// Levels of the tree of risk rows: ⌈log₈ M⌉.
    #[must_use]
    pub const fn risk_levels(&self) -> usize {
        let mut levels = 0;
        let mut leaves = 1;
        while leaves < self.rows {
            leaves *= ARITY;
            levels += 1;
        }
        levels
    }

    /// Segments that a batch of `touches` live touches takes.
    #[must_use]
    pub const fn segments(&self, touches: usize) -> usize {
        touches.div_ceil(self.touches)
    }
}
