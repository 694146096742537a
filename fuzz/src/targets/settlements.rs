//! Settlements: whatever is changed in one that holds, it holds no more.
//!
//! The settlement is that of a real batch; its proofs are made with toy keys, whose pairing equation is the real one.

use tacit_circuits::proof::Proof;
use tacit_circuits::settlement::{Expected, SegmentPart, Settlement, verify};
use tacit_core::batch::Context;
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::params::Params;

use super::{says_why, seed};
use crate::input::{Input, edited};
use crate::material::{element, honest, verifying_keys};

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let (honest, trusted) = honest();
    let (mut settlement, mut expected) = (honest.clone(), trusted.clone());
    // A change of both is a settlement of another batch than was sealed, under the contract of that other batch.
    let both = input.once_in(4);
    for _ in 0..8 {
        if input.is_empty() {
            break;
        }
        edit(&mut settlement, &mut expected, both, &mut input);
    }
    let result = verify(&settlement, &verifying_keys(), &expected);
    match &result {
        Ok(root) => assert_eq!(*root, honest.end_root()),
        Err(error) => says_why(error),
    }
    assert_eq!(result.is_ok(), settlement == *honest && expected == *trusted, "{result:?} of an edited settlement");
}

fn edit(settlement: &mut Settlement, expected: &mut Expected, both: bool, input: &mut Input<'_>) {
    match input.below(10) {
        0 => word(settlement, input),
        1 => segment(settlement, input),
        2 => shape(settlement, input),
        3 => proofs(settlement, input),
        4 => roots(settlement, input),
        5 => settlement.params = Params::ALL[input.below(3)],
        6 => {
            context(&mut settlement.context, input);
            if both {
                expected.context = settlement.context;
            }
        }
        7 => {
            numbers(settlement, input);
            if both {
                (expected.active_orders, expected.queues) = (settlement.active_orders, settlement.queues);
            }
        }
        8 => {
            seals(settlement, input);
            if both {
                (expected.seal_root, expected.start_root) = (settlement.seal_root, settlement.start_root);
                expected.risk_root = settlement.risk_root;
            }
        }
        _ => locked(expected, input),
    }
}

/// Another value for an element: near the old one, or any.
fn change(value: &mut F, input: &mut Input<'_>) {
    match input.below(3) {
        0 => *value += pow2(u32::from(input.byte())),
        1 => *value -= pow2(u32::from(input.byte())),
        _ => *value = element(input.bytes()),
    }
}

fn word(settlement: &mut Settlement, input: &mut Input<'_>) {
    let count = settlement.words.len();
    if count == 0 {
        return;
    }
    let at = usize::from(input.short()) % count;
    if input.once_in(4) {
        settlement.words.swap(at, usize::from(input.byte()) % count);
    } else {
        change(&mut settlement.words[at], input);
    }
}

fn segment(settlement: &mut Settlement, input: &mut Input<'_>) {
    if settlement.segments.is_empty() {
        return;
    }
    let at = input.below(settlement.segments.len());
    let SegmentPart { root, sums, tau, .. } = &mut settlement.segments[at];
    change([root, sums, tau][input.below(3)], input);
}

fn shape(settlement: &mut Settlement, input: &mut Input<'_>) {
    let size = settlement.params.words_per_segment();
    match input.below(5) {
        0 => settlement.segments.truncate(settlement.segments.len().saturating_sub(1)),
        1 => settlement.segments.extend(settlement.segments.last().cloned()),
        2 => settlement.words.truncate(settlement.words.len().saturating_sub(input.below(64))),
        3 => settlement.words.extend(std::iter::repeat_n(F::from(0u64), input.below(64))),
        _ => {
            settlement.segments.pop();
            settlement.words.drain(..size.min(settlement.words.len()));
        }
    }
}

fn proofs(settlement: &mut Settlement, input: &mut Input<'_>) {
    let count = settlement.segments.len();
    let other = settlement.segments.first().and_then(|part| part.proof);
    let at = input.below(count + 1);
    let proof = settlement.segments.get_mut(at).map_or(&mut settlement.closing.proof, |part| &mut part.proof);
    match input.below(4) {
        0 => *proof = None,
        1 => *proof = other,
        // e(−A, −B) = e(A, B): a second proof of the same statement, which anybody can make. Not with one sign alone.
        2 => *proof = proof.map(|Proof { a, b, c }| Proof { a: -a, b, c: if input.once_in(2) { -c } else { c } }),
        _ => {
            let Some(honest) = proof else { return };
            let bytes = edited(honest.to_words().as_flattened(), input);
            let words: Vec<[u8; 32]> = bytes.chunks_exact(32).map(|word| word.try_into().expect("32 bytes")).collect();
            *proof = words.try_into().ok().and_then(|words| Proof::from_words(&words).ok());
        }
    }
}

fn roots(settlement: &mut Settlement, input: &mut Input<'_>) {
    match input.below(3) {
        0 => change(&mut settlement.closing.auction_root, input),
        1 => change(&mut settlement.closing.tau, input),
        _ => settlement.beneficiary[input.below(20)] = input.byte(),
    }
}

fn context(context: &mut Context, input: &mut Input<'_>) {
    match input.below(7) {
        0 => change(&mut context.domain, input),
        1 => context.batch = input.word(),
        2 => context.last_void = input.word(),
        3 => context.time = input.long(),
        4 => context.fee_rate = input.short(),
        5 => context.num = input.byte(),
        _ => context.den = input.byte(),
    }
}

fn numbers(settlement: &mut Settlement, input: &mut Input<'_>) {
    match input.below(3) {
        0 => settlement.active_orders = input.word(),
        1 => settlement.queues.deposit_end = input.long(),
        _ => settlement.queues.exit_end = input.long(),
    }
}

fn seals(settlement: &mut Settlement, input: &mut Input<'_>) {
    match input.below(3) {
        0 => settlement.seal_root[input.below(32)] ^= input.byte(),
        1 => change(&mut settlement.start_root, input),
        _ => change(&mut settlement.risk_root, input),
    }
}

/// What the contract holds of deposits, exits and settlement values, for what the batch needs of them.
fn locked(expected: &mut Expected, input: &mut Input<'_>) {
    let by = u64::from(input.byte());
    match input.below(4) {
        0 => expected.deposits.values_mut().for_each(|deposit| deposit.amount = deposit.amount.wrapping_add(by)),
        1 => expected.deposits.values_mut().for_each(|deposit| deposit.owner += from_u64(by)),
        2 => expected.exits.values_mut().for_each(|amount| *amount = amount.wrapping_add(by)),
        _ => expected.settled.values_mut().for_each(|value| *value = value.wrapping_add(by)),
    }
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    vec![
        seed("unedited", 0, &[]),
        seed("a word one more", 0, &[0, 9, 0, 0, 0, 0]),
        seed("two words swapped", 0, &[0, 9, 0, 3, 10]),
        seed("another root", 0, &[1, 0, 0, 0, 0]),
        seed("another tau", 0, &[1, 1, 2, 0, 0]),
        seed("a segment less", 0, &[2, 0]),
        seed("a segment less and its words", 0, &[2, 4]),
        seed("no segment", 0, &[2, 0, 2, 0, 2, 0, 2, 2]),
        seed("no proof", 0, &[3, 0, 0]),
        seed("another segment's proof", 0, &[3, 1, 1]),
        seed("a closing proof of another batch", 0, &[3, 3, 3, 5, 192, 0, 0, 0, 3]),
        seed("another beneficiary", 0, &[4, 2, 1, 1]),
        seed("another set", 0, &[5, 1]),
        seed("another batch, trusted", 3, &[6, 1, 11, 0, 0, 0]),
        seed("another fee rate", 0, &[6, 4, 9, 0]),
        seed("more orders than touches hold", 3, &[7, 0, 255, 255, 255, 255]),
        seed("another queue end, trusted", 3, &[7, 1, 8]),
        seed("another start, trusted", 3, &[8, 1, 0, 0]),
        seed("another risk table, trusted", 3, &[8, 2, 0, 0]),
        seed("a deposit that was not locked", 0, &[9, 1, 0]),
        seed("an exit that was not asked for", 0, &[9, 1, 2]),
        seed("another settlement value", 0, &[9, 1, 3]),
    ]
}
