//! Bytes as choices: numbers taken from the front, and scripts that edit something valid.
//!
//! Bytes that have run out read as zero, so every input means something and shorter ones are simpler.

/// What is left of an input.
#[derive(Clone, Debug)]
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// The choices that some bytes stand for.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }

    /// The next `N` bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let there = N.min(self.0.len());
        let (head, tail) = self.0.split_at(there);
        taken[..there].copy_from_slice(head);
        self.0 = tail;
        taken
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.bytes::<1>()[0]
    }

    /// A number of 16 bits.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    /// A number of 32 bits.
    pub fn word(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    /// A number of 64 bits.
    pub fn long(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A number below `end`, of one byte: `end` is at most 256.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// One of the choices, of one byte.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// True for one byte value in `n`, and not for zero.
    pub fn once_in(&mut self, n: u8) -> bool {
        self.byte() % n == n - 1
    }
}

/// Edits bytes as a script says: bytes changed, blocks copied over others (so that a point moves whole), cut, inserted, swapped.
///
/// Blocks are 32, 64 or 128 bytes at multiples of four, the units of key files.
#[must_use]
pub fn edited(original: &[u8], script: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = original.to_vec();
    while !script.is_empty() && !bytes.is_empty() {
        edit(&mut bytes, script);
    }
    bytes
}

fn edit(bytes: &mut Vec<u8>, script: &mut Input<'_>) {
    let kind = script.below(8);
    let at = usize::from(script.short()) % bytes.len();
    match kind {
        0 => bytes[at] = script.byte(),
        1 => bytes[at] ^= 1 << script.below(8),
        2 => bytes.truncate(at),
        3 => bytes.extend_from_slice(&script.bytes::<4>()),
        4 => write(bytes, at / 4 * 4, &script.bytes::<8>()),
        5 => {
            let block = block(bytes, script);
            write(bytes, at / 4 * 4, &block);
        }
        6 => {
            let block = block(bytes, script);
            bytes.splice(at..at, block);
        }
        _ => {
            let end = (at + script.pick(&[1, 4, 8, 32, 64, 128])).min(bytes.len());
            bytes.drain(at..end);
        }
    }
}

fn block(bytes: &[u8], script: &mut Input<'_>) -> Vec<u8> {
    let from = usize::from(script.short()) % bytes.len() / 4 * 4;
    let end = (from + script.pick(&[4, 8, 32, 64, 128])).min(bytes.len());
    bytes[from..end].to_vec()
}

fn write(bytes: &mut [u8], at: usize, block: &[u8]) {
    bytes[at..].iter_mut().zip(block).for_each(|(old, new)| *old = *new);
}
