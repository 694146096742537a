//! BLAKE-512, the SHA-3 finalist, which circomlib expands EdDSA keys with. It is not BLAKE2b.
//!
//! Written from "SHA-3 proposal BLAKE" version 1.3 (Aumasson, Henzen, Meier, Phan), sections 2.2 and 3.2, without salt.
//! It has no table look-ups and no branches that depend on the message; it serves inputs of a few hundred bytes.

/// The first 1024 bits of the fraction of π.
const PI: [u64; 16] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
    0xc0ac_29b7_c97c_50dd,
    0x3f84_d5b5_b547_0917,
    0x9216_d5d9_8979_fb1b,
    0xd131_0ba6_98df_b5ac,
    0x2ffd_72db_d01a_dfb7,
    0xb8e1_afed_6a26_7e96,
    0xba7c_9045_f12c_7f99,
    0x24a1_9947_b391_6cf7,
    0x0801_f2e2_858e_fc16,
    0x6369_20d8_7157_4e69,
];

/// The initial values of SHA-512.
const INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

/// The ten message permutations; round r uses the one of r mod 10.
const SIGMA: [[usize; 16]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
    [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
    [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
    [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
    [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
    [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
    [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
    [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];

/// The state words of the eight applications of G in a round: four columns, then four diagonals.
const MIXES: [[usize; 4]; 8] = [
    [0, 4, 8, 12],
    [1, 5, 9, 13],
    [2, 6, 10, 14],
    [3, 7, 11, 15],
    [0, 5, 10, 15],
    [1, 6, 11, 12],
    [2, 7, 8, 13],
    [3, 4, 9, 14],
];

const ROUNDS: usize = 16;
const BLOCK_BYTES: usize = 128;

/// BLAKE-512 of the message.
pub(crate) fn blake512(message: &[u8]) -> [u8; 64] {
    let mut state = INITIAL;
    for (index, block) in padded(message).chunks_exact(BLOCK_BYTES).enumerate() {
        compress(&mut state, block, bits_hashed(index, message.len()));
    }
    let mut digest = [0; 64];
    for (bytes, word) in digest.chunks_exact_mut(8).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

/// The message, a bit 1, zeros, a bit 1 and the length in bits as 128-bit number, filling whole blocks.
fn padded(message: &[u8]) -> Vec<u8> {
    let mut padded = message.to_vec();
    padded.push(0x80);
    while padded.len() % BLOCK_BYTES != BLOCK_BYTES - 16 {
        padded.push(0);
    }
    let last = padded.len() - 1;
    padded[last] |= 1;
    padded.extend_from_slice(&(message.len() as u128 * 8).to_be_bytes());
    padded
}

/// Message bits up to the end of a block; 0 for a block that holds padding only.
fn bits_hashed(block: usize, message_bytes: usize) -> u128 {
    if block * BLOCK_BYTES >= message_bytes && block > 0 {
        return 0;
    }
    message_bytes.min((block + 1) * BLOCK_BYTES) as u128 * 8
}

fn compress(state: &mut [u64; 8], block: &[u8], counter: u128) {
    let mut message = [0_u64; 16];
    for (word, bytes) in message.iter_mut().zip(block.chunks_exact(8)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    }
    let (low, high) = (counter as u64, (counter >> 64) as u64);
    let mut v = [0; 16];
    v[..8].copy_from_slice(state);
    v[8..].copy_from_slice(&PI[..8]);
    for (word, counter) in v[12..].iter_mut().zip([low, low, high, high]) {
        *word ^= counter;
    }
    for round in 0..ROUNDS {
        for (pair, words) in SIGMA[round % 10].chunks_exact(2).zip(MIXES) {
            mix(&mut v, words, message[pair[0]] ^ PI[pair[1]], message[pair[1]] ^ PI[pair[0]]);
        }
    }
    for (i, word) in state.iter_mut().enumerate() {
        *word ^= v[i] ^ v[i + 8];
    }
}

/// The function G on four words of the state.
fn mix(v: &mut [u64; 16], [a, b, c, d]: [usize; 4], first: u64, second: u64) {
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(first);
    v[d] = (v[d] ^ v[a]).rotate_right(32);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(25);
    v[a] = v[a].wrapping_add(v[b]).wrapping_add(second);
    v[d] = (v[d] ^ v[a]).rotate_right(16);
    v[c] = v[c].wrapping_add(v[d]);
    v[b] = (v[b] ^ v[c]).rotate_right(11);
}

#[cfg(test)]
mod tests {
    use super::blake512;
    use crate::field::hex;

    /// The two examples of the SHA-3 proposal, section 2.2.4 (one byte, and a message whose padding fills a second block).
    #[test]
    fn agrees_with_the_examples_of_the_proposal() {
        assert_eq!(
            hex(&blake512(&[0])),
            "97961587f6d970faba6d2478045de6d1fabd09b61ae50932054d52bc29d31be4\
             ff9102b9f69e2bbdb83be13d4b9c06091e5fa0b48bd081b634058be0ec49beb3"
        );
        assert_eq!(
            hex(&blake512(&[0; 144])),
            "313717d608e9cf758dcb1eb0f0c3cf9fc150b2d500fb33f51c52afc99d358a2f\
             1374b8a38bba7974e7f6ef79cab16f22ce1e649d6e01ad9589c213045d545dde"
        );
    }

    /// Known answer of the submission's short-message file: the empty message.
    #[test]
    fn agrees_with_the_known_answer_of_the_empty_message() {
        assert_eq!(
            hex(&blake512(&[])),
            "a8cfbbd73726062df0c6864dda65defe58ef0cc52a5625090fa17601e1eecd1b\
             628e94f396ae402a00acc9eab77b4d4c2e852aaaa25a636d80af3fc7913ef5b8"
        );
    }
}
