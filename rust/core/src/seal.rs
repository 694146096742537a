//! What a seal commits to, and what an account's owner can read again: touch hashes, the seal's root, ciphertexts, data words.
//!
//! Sections 3, 4 and 8 of `docs/protocol.md`. [`seal_touch`] makes the public words of a touch of an existing account and the salt of its
//! new leaf; [`decrypt_touch`] is its inverse for who holds the viewing key. Salts and pads are derived, never chosen.

use ark_ff::{AdditiveGroup, PrimeField};

use crate::account::{Holder, Leaf, Position, bit_reader, packed, read_position_word, read_state_word};
use crate::batch::{BatchError, Outcome, Reason, Touch};
use crate::field::{self, F, from_u64, from_u128, pow2};
use crate::keccak::{keccak256, keccak256_of};
use crate::params::{OUTCOMES_A_WORD, PLAIN_TOUCH_WORDS, Params};
use crate::poseidon;

/// Tag of a touch's hash.
pub const TAG_TOUCH: u64 = 3;
/// Tag of the salt in a touch's hash.
pub const TAG_SEAL: u64 = 4;
/// Tag of the value `v` that pads are derived from.
pub const TAG_IV: u64 = 5;
/// Tag of the pads.
pub const TAG_PAD: u64 = 6;

/// The label of the domain, right-padded to 32 bytes in the preimage.
const DOMAIN_LABEL: &[u8] = b"tacit.domain.1";

/// The domain that orders, salts and pads of one contract on one chain belong to.
#[must_use]
pub fn domain(chain_id: u64, contract: &[u8; 20]) -> F {
    let mut preimage = [0; 96];
    preimage[..DOMAIN_LABEL.len()].copy_from_slice(DOMAIN_LABEL);
    preimage[56..64].copy_from_slice(&chain_id.to_be_bytes());
    preimage[76..].copy_from_slice(contract);
    F::from_be_bytes_mod_order(&keccak256(&preimage))
}

/// `L` of a touch: its orders in their places, hidden by a salt of the viewing key.
#[must_use]
pub fn touch_hash(touch: &Touch, params: &Params, domain: F, batch: u32) -> F {
    let hashes: Vec<F> = touch.orders.iter().map(|sealed| sealed.order.hash(domain)).collect();
    let sequences: Vec<u32> = touch.orders.iter().map(|sealed| sealed.sequence).collect();
    touch_hash_of(&touch.holder, touch.index, &hashes, &sequences, params, domain, batch)
}

fn touch_hash_of(
    holder: &Holder,
    index: u32,
    hashes: &[F],
    sequences: &[u32],
    params: &Params,
    domain: F,
    batch: u32,
) -> F {
    let mut inputs = hashes.to_vec();
    inputs.resize(params.orders, F::ZERO);
    let mut numbers = sequences.to_vec();
    numbers.resize(params.orders, 0);
    let number = |sequence: &u32| from_u64(u64::from(*sequence));
    inputs.extend(numbers.chunks(OUTCOMES_A_WORD).map(|chunk| packed(chunk.iter().map(number), 32)));
    inputs.push(seal_salt(holder, index, domain, batch));
    poseidon::sponge(TAG_TOUCH, &inputs)
}

/// The salt of a touch's hash: `S(4; k, domain, index, batch)`.
#[must_use]
pub fn seal_salt(holder: &Holder, index: u32, domain: F, batch: u32) -> F {
    let numbers = [holder.viewing_key, domain, from_u64(u64::from(index)), from_u64(u64::from(batch))];
    poseidon::sponge(TAG_SEAL, &numbers)
}

/// A leaf of the seal's tree: `keccak(0x00 ‖ index ‖ L)`.
#[must_use]
pub fn seal_leaf(index: u32, touch_hash: F) -> [u8; 32] {
    let mut word = [0; 32];
    word[28..].copy_from_slice(&index.to_be_bytes());
    keccak256_of(&[&[0], &word, &field::to_be_bytes(&touch_hash)])
}

/// The root of the seal's keccak tree over leaves in order; the zero word for no leaves.
#[must_use]
pub fn seal_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    let mut level = leaves.to_vec();
    level.resize(leaves.len().next_power_of_two(), [0; 32]);
    while level.len() > 1 {
        level = level.chunks(2).map(|pair| keccak256_of(&[&[1], &pair[0], &pair[1]])).collect();
    }
    level[0]
}

/// The words `u_j` of a touch's outcomes.
#[must_use]
pub fn outcome_words(outcomes: &[Outcome], params: &Params) -> Vec<F> {
    let mut words: Vec<u64> = outcomes.iter().map(|o| u64::from(o.fill) + ((o.reason as u64) << 32)).collect();
    words.resize(params.orders, 0);
    words.chunks(OUTCOMES_A_WORD).map(|chunk| packed(chunk.iter().copied().map(from_u64), 36)).collect()
}

/// Ciphertexts of a touch, with what they and the new leaf's salt are derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedReading {
    /// `v`.
    pub iv: F,
    /// `c_0 …`.
    pub cipher: Vec<F>,
    /// The salt of the new leaf.
    pub salt: F,
}

/// Encrypts the new leaf (its salt does not matter here) and the outcomes under the account's viewing key.
#[must_use]
pub fn seal_touch(
    holder: &Holder,
    index: u32,
    leaf: &Leaf,
    outcomes: &[F],
    params: &Params,
    domain: F,
) -> SealedReading {
    let plain = plain_words(index, leaf, outcomes, params);
    let iv = iv(holder, domain, &plain);
    let pads = pads(holder, index, domain, iv, params);
    let cipher = plain.iter().zip(&pads).map(|(word, pad)| *word + pad).collect();
    SealedReading { iv, cipher, salt: pads[pads.len() - 1] }
}

/// What is published encrypted: `state*`, the positions, the outcomes.
fn plain_words(index: u32, leaf: &Leaf, outcomes: &[F], params: &Params) -> Vec<F> {
    let mut plain = vec![leaf.state_word(index)];
    plain.extend(leaf.position_words(params));
    plain.extend(outcomes);
    plain
}

/// `v = S(5; k, domain, words …)`.
fn iv(holder: &Holder, domain: F, plain: &[F]) -> F {
    let inputs: Vec<F> = [holder.viewing_key, domain].into_iter().chain(plain.iter().copied()).collect();
    poseidon::sponge(TAG_IV, &inputs)
}

/// All 8·B pads; the last is the salt.
fn pads(holder: &Holder, index: u32, domain: F, iv: F, params: &Params) -> Vec<F> {
    let block = |b: u64| {
        let inputs = [holder.viewing_key, domain, from_u64(u64::from(index)), iv + from_u64(b)];
        poseidon::sponge_squeeze(TAG_PAD, &inputs)
    };
    (0..params.pad_blocks() as u64).flat_map(block).collect()
}

/// The numbers of data word 0 of a live touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TouchNumbers {
    /// Account index.
    pub index: u32,
    /// Whether the touch is an exit.
    pub exit: bool,
    /// Whether it opens the account.
    pub opens: bool,
    /// The deposit, or the exit's request, in token units.
    pub amount: u64,
    /// Token units paid out.
    pub paid: u128,
}

impl TouchNumbers {
    /// Data word 0, the live bit set.
    #[must_use]
    pub fn word(&self) -> F {
        let low = u128::from(self.index) + (1 << 21) + (u128::from(self.exit) << 22) + (u128::from(self.opens) << 23);
        from_u128(low + (u128::from(self.amount) << 24)) + from_u128(self.paid) * pow2(88)
    }

    /// The numbers of a word 0, or `None` if the word is none of a live touch.
    #[must_use]
    pub fn read(word: F) -> Option<Self> {
        let part = bit_reader(word, 162)?;
        (part(21, 1) == 1).then_some(())?;
        Some(Self {
            index: u32::try_from(part(0, 21)).ok()?,
            exit: part(22, 1) == 1,
            opens: part(23, 1) == 1,
            amount: u64::try_from(part(24, 64)).ok()?,
            paid: part(88, 74),
        })
    }
}

/// Reads a touch of chain data with the account's own key: the leaf as the touch left it and what became of each of the O order places.
///
/// `words` are the data words of the touch, `index` the account the holder expects. The result is checked against the published `v` and leaf
/// hash, so it is what the proof was about or nothing.
///
/// # Errors
/// [`BatchError::Reading`] if the words are no live touch of this account, or the key does not open them.
pub fn decrypt_touch(
    words: &[F],
    holder: &Holder,
    params: &Params,
    domain: F,
    index: u32,
) -> Result<(Leaf, Vec<Outcome>), BatchError> {
    let refused = |what| BatchError::Reading { index, what };
    if words.len() != params.words_per_touch() {
        return Err(refused("the number of words is not that of a touch under this parameter set"));
    }
    let numbers = TouchNumbers::read(words[0]).ok_or_else(|| refused("the words belong to no live touch"))?;
    if numbers.index != index {
        return Err(refused("the words belong to another account"));
    }
    if words[2] == F::ZERO {
        return Err(refused("the account did not exist"));
    }
    let pads = pads(holder, index, domain, words[5], params);
    let plain: Vec<F> = words[PLAIN_TOUCH_WORDS..].iter().zip(&pads).map(|(word, pad)| *word - pad).collect();
    if iv(holder, domain, &plain) != words[5] {
        return Err(refused("the key does not open the words"));
    }
    let opened = open_words(&plain, holder, pads[pads.len() - 1], params);
    let (leaf, outcomes) = opened.ok_or_else(|| refused("the words decrypt to no leaf"))?;
    // Words have one reading: bits that no part of the leaf or of an outcome accounts for are nobody's to choose.
    let again = plain_words(index, &leaf, &outcome_words(&outcomes, params), params);
    if leaf.check(index, params).is_err() || again != plain {
        return Err(refused("the words decrypt to no leaf"));
    }
    if leaf.hash(params) != words[2] {
        return Err(refused("the leaf read is not the one published"));
    }
    Ok((leaf, outcomes))
}

fn open_words(plain: &[F], holder: &Holder, salt: F, params: &Params) -> Option<(Leaf, Vec<Outcome>)> {
    let state = read_state_word(plain[0])?;
    let (position_words, outcome_words) = plain[1..].split_at(params.position_words());
    let places: Vec<Vec<Position>> =
        position_words.iter().map(|word| read_position_word(*word)).collect::<Option<_>>()?;
    let positions = places.into_iter().flatten().filter(|position| position.instrument != 0).collect();
    let outcomes: Vec<Vec<Outcome>> = outcome_words.iter().map(|word| read_outcomes(*word)).collect::<Option<_>>()?;
    let leaf = Leaf {
        owner: holder.owner(),
        cash: state.cash,
        epoch: state.epoch,
        bitmap: state.bitmap,
        updates: state.updates,
        salt,
        positions,
    };
    Some((leaf, outcomes.into_iter().flatten().take(params.orders).collect()))
}

fn read_outcomes(word: F) -> Option<Vec<Outcome>> {
    let part = bit_reader(word, 36 * 7)?;
    let outcome = |i: u32| {
        let fill = u32::try_from(part(36 * i, 32)).ok()?;
        Some(Outcome { fill, reason: Reason::from_code(u8::try_from(part(36 * i + 32, 4)).ok()?)? })
    };
    (0..7).map(outcome).collect()
}
