//! Settlements with real keys and proofs: what is honest verifies, and nothing in it can be changed, by its sender or in transit.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

mod support;

use std::sync::OnceLock;

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use support::{QUEUES, SEED, expected, market};
use tacit_circuits::keys::{self, ProvingKey};
use tacit_circuits::proof::{self, Blinding, Options, Proof};
use tacit_circuits::settlement::{
    Expected, LockedDeposit, Plan, Settlement, SettlementError, VerifyingKeys, matrices, verify,
};
use tacit_circuits::statement::{CLOSING_INPUTS, SEGMENT_INPUTS};
use tacit_core::field::{F, from_u64};
use tacit_core::params::Params;

/// Keys of `dev`, the market's settlement, what a contract holds that sealed it, and the root it ends in.
struct Fixture {
    keys: VerifyingKeys,
    segment: ProvingKey,
    closing: ProvingKey,
    settlement: Settlement,
    expected: Expected,
    end_root: F,
}

fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let mut rng = StdRng::seed_from_u64(1);
        let (segment, closing) = matrices(&Params::DEV);
        let (segment, segment_key) = keys::setup(segment, &mut rng).unwrap();
        let (closing, closing_key) = keys::setup(closing, &mut rng).unwrap();
        let cleared = market().clear();
        let settlement = proven(&Plan::new(&cleared, QUEUES, [9; 20], SEED), &segment, &closing);
        let keys = VerifyingKeys { params: Params::DEV, segment: segment_key, closing: closing_key };
        Fixture { keys, segment, closing, settlement, expected: expected(&cleared), end_root: cleared.end_root }
    })
}

fn proven(plan: &Plan, segment: &ProvingKey, closing: &ProvingKey) -> Settlement {
    let mut rng = StdRng::seed_from_u64(2);
    let mut prove = |key: &ProvingKey, wires: Vec<F>| {
        proof::prove(key, &wires, Blinding::draw(&mut rng), Options::default()).unwrap()
    };
    let mut settlement = plan.settlement.clone();
    for j in 0..plan.segments.len() {
        settlement.segments[j].proof = Some(prove(segment, plan.segment_assignment(j).unwrap()));
    }
    settlement.closing.proof = Some(prove(closing, plan.closing_assignment().unwrap()));
    settlement
}

/// The verdict on the settlement once it and what is trusted were changed.
fn after(change: impl FnOnce(&mut Settlement, &mut Expected)) -> Result<F, SettlementError> {
    let f = fixture();
    let (mut settlement, mut expected) = (f.settlement.clone(), f.expected.clone());
    change(&mut settlement, &mut expected);
    verify(&settlement, &f.keys, &expected)
}

fn mismatch(verdict: Result<F, SettlementError>) -> &'static str {
    match verdict {
        Err(SettlementError::Mismatch { what, .. }) => what,
        other => panic!("expected a mismatch, not {other:?}"),
    }
}

#[test]
fn an_honest_settlement_is_accepted() {
    assert_eq!(after(|_, _| ()), Ok(fixture().end_root));
}

#[test]
fn every_data_word_is_bound() {
    let words = fixture().settlement.words.len();
    for at in 0..words {
        let verdict = after(|s, _| s.words[at] += F::from(1u8));
        assert!(verdict.is_err(), "word {at}: {verdict:?}");
    }
}

#[test]
fn words_that_the_contract_does_not_know_are_bound_by_the_proofs() {
    // Ciphertexts, new leaves, v; prices; the same of padding.
    let size = Params::DEV.words_per_touch();
    let closing = 4 * Params::DEV.words_per_segment();
    let touch = |at: usize| at * size..(at + 1) * size;
    let unknown = [2, 5, 6, 7, 8].into_iter().flat_map(|word| [touch(0).start + word, touch(6).start + word]);
    for at in unknown.chain(touch(7).skip(1)).chain([closing, closing + 1, closing + 7]) {
        assert_eq!(after(|s, _| s.words[at] += F::from(1u8)), Err(SettlementError::Proof), "word {at}");
    }
}

#[test]
fn words_swapped_between_touches_or_segments_are_refused() {
    let (size, segment) = (Params::DEV.words_per_touch(), Params::DEV.words_per_segment());
    for (a, b) in [(5, size + 5), (5, segment + 5), (2, 2 * segment + 2)] {
        assert_eq!(after(|s, _| s.words.swap(a, b)), Err(SettlementError::Proof), "words {a} and {b}");
    }
}

#[test]
fn every_element_of_every_proof_is_bound() {
    let count = fixture().settlement.segments.len() + 1;
    type Edit = fn(&mut Proof);
    let edits: [Edit; 8] = [
        |p| p.a = -p.a,
        |p| p.b = -p.b,
        |p| p.c = -p.c,
        |p| p.a = G1Affine::generator(),
        |p| p.b = G2Affine::generator(),
        |p| p.c = G1Affine::generator(),
        |p| p.c = G1Affine::identity(),
        |p| std::mem::swap(&mut p.a, &mut p.c),
    ];
    for at in 0..count {
        for edit in edits {
            let verdict = after(|s, _| edit(proof_mut(s, at)));
            assert_eq!(verdict, Err(SettlementError::Proof), "proof {at}");
        }
    }
}

fn proof_mut(s: &mut Settlement, at: usize) -> &mut Proof {
    match s.segments.get_mut(at) {
        Some(part) => part.proof.as_mut().unwrap(),
        None => s.closing.proof.as_mut().unwrap(),
    }
}

#[test]
fn a_missing_proof_is_refused() {
    assert!(matches!(after(|s, _| s.segments[1].proof = None), Err(SettlementError::Malformed(_))));
    assert!(matches!(after(|s, _| s.closing.proof = None), Err(SettlementError::Malformed(_))));
}

#[test]
fn segments_swapped_or_proofs_swapped_are_refused() {
    assert_eq!(after(|s, _| s.segments.swap(0, 1)), Err(SettlementError::Proof));
    let proofs = after(|s, _| {
        let first = s.segments[0].proof;
        s.segments[0].proof = s.segments[1].proof;
        s.segments[1].proof = first;
    });
    assert_eq!(proofs, Err(SettlementError::Proof));
    // With their words, so that the touches too change places.
    let size = Params::DEV.words_per_segment();
    let whole = after(|s, _| {
        s.segments.swap(0, 1);
        (0..size).for_each(|i| s.words.swap(i, size + i));
    });
    assert!(whole.is_err());
}

#[test]
fn a_segment_dropped_or_repeated_is_refused() {
    let size = Params::DEV.words_per_segment();
    let dropped = after(|s, _| {
        s.segments.pop();
        let end = s.segments.len() * size;
        s.words.drain(end..end + size);
    });
    assert!(matches!(dropped, Err(SettlementError::Mismatch { .. })), "{dropped:?}");
    let repeated = after(|s, _| {
        let (part, words) = (s.segments[0].clone(), s.words[..size].to_vec());
        s.segments.insert(0, part);
        s.words.splice(0..0, words);
    });
    assert!(repeated.is_err());
    assert!(matches!(after(|s, _| s.words.pop().map_or((), drop)), Err(SettlementError::Malformed(_))));
}

#[test]
fn every_link_is_bound() {
    let one = F::from(1u8);
    for j in 0..fixture().settlement.segments.len() {
        assert_eq!(after(|s, _| s.segments[j].root += one), Err(SettlementError::Proof), "root {j}");
        assert_eq!(after(|s, _| s.segments[j].sums += one), Err(SettlementError::Proof), "sums {j}");
        assert_eq!(after(|s, _| s.segments[j].tau += one), Err(SettlementError::Proof), "τ {j}");
    }
    assert_eq!(after(|s, _| s.closing.auction_root += one), Err(SettlementError::Proof));
    assert_eq!(after(|s, _| s.closing.tau += one), Err(SettlementError::Proof));
    assert_eq!(after(|s, _| s.beneficiary = [8; 20]), Err(SettlementError::Proof));
}

#[test]
fn what_the_contract_knows_must_agree() {
    let one = F::from(1u8);
    assert_eq!(mismatch(after(|s, _| s.start_root += one)), "start root");
    assert_eq!(mismatch(after(|s, _| s.seal_root[0] ^= 1)), "seal root");
    assert_eq!(mismatch(after(|s, _| s.risk_root += one)), "risk root");
    assert_eq!(mismatch(after(|s, _| s.active_orders += 1)), "number of orders");
    assert!(mismatch(after(|s, _| s.queues.exit_end += 1)).contains("queue"));
    assert_eq!(mismatch(after(|s, _| s.context.domain += one)), "domain");
    assert_eq!(mismatch(after(|s, _| s.context.batch += 1)), "batch number");
    type Edit = fn(&mut tacit_core::batch::Context);
    let edits: [Edit; 5] = [|c| c.last_void += 1, |c| c.time += 1, |c| c.fee_rate += 1, |c| c.num -= 1, |c| c.den -= 1];
    for edit in edits {
        mismatch(after(|s, _| edit(&mut s.context)));
    }
}

#[test]
fn what_the_contract_knows_is_bound_by_the_proofs_too() {
    // A contract that holds the changed value: another chain, batch, epoch or seal than the one proven for.
    let one = F::from(1u8);
    type Edit = fn(&mut Settlement, &mut Expected);
    let edits: [Edit; 11] = [
        |s, e| (s.context.domain, e.context.domain) = (F::from(9u8), F::from(9u8)),
        |s, e| (s.context.batch, e.context.batch) = (9, 9),
        |s, e| (s.context.last_void, e.context.last_void) = (9, 9),
        |s, e| (s.context.time, e.context.time) = (9, 9),
        |s, e| (s.context.fee_rate, e.context.fee_rate) = (9, 9),
        |s, e| (s.context.num, e.context.num) = (4, 4),
        |s, e| (s.context.den, e.context.den) = (3, 3),
        |s, e| (s.queues.deposit_end, e.queues.deposit_end) = (9, 9),
        |s, e| (s.queues.exit_end, e.queues.exit_end) = (9, 9),
        |s, e| (s.active_orders, e.active_orders) = (8, 8),
        |s, e| (s.risk_root, e.risk_root) = (F::from(9u8), F::from(9u8)),
    ];
    for edit in edits {
        assert_eq!(after(edit), Err(SettlementError::Proof));
    }
    assert_eq!(
        after(|s, e| (s.start_root, e.start_root) = (s.start_root + one, s.start_root + one)),
        Err(SettlementError::Proof)
    );
}

#[test]
fn deposits_exits_and_owners_must_be_those_of_the_queues() {
    let owner = fixture().expected.deposits[&3].owner;
    assert_eq!(mismatch(after(|_, e| e.deposits.get_mut(&3).unwrap().amount += 1)), "deposit of an account");
    assert_eq!(
        mismatch(after(|_, e| e.deposits.get_mut(&3).unwrap().owner += F::from(1u8))),
        "owner of an opened account"
    );
    assert_eq!(mismatch(after(|_, e| e.deposits.clear())), "deposit of an account");
    assert_eq!(mismatch(after(|_, e| e.exits.clear())), "exit request of an account");
    assert_eq!(mismatch(after(|_, e| e.exits.values_mut().for_each(|x| *x += 1))), "exit request of an account");
    assert_eq!(mismatch(after(|_, e| e.exits.insert(1, 5).map_or((), drop))), "exit request of an account");
    // Entries of accounts that no touch answers.
    let unanswered = after(|_, e| e.deposits.insert(100, LockedDeposit { amount: 1, owner }).map_or((), drop));
    assert!(matches!(unanswered, Err(SettlementError::Malformed(_))));
    let unanswered = after(|_, e| e.exits.insert(100, 1).map_or((), drop));
    assert!(matches!(unanswered, Err(SettlementError::Malformed(_))));
}

#[test]
fn settled_values_must_be_the_trusted_ones() {
    for change in [0, 1] {
        let verdict =
            after(
                |_, e| {
                    if change == 0 { e.settled.clear() } else { e.settled.values_mut().for_each(|value| *value += 1) }
                },
            );
        assert!(matches!(verdict, Err(SettlementError::Malformed(_))), "{verdict:?}");
    }
}

#[test]
fn a_settlement_of_another_batch_is_refused() {
    // The same accounts and seal, another salt of the batch: every proof is for its own challenges.
    let f = fixture();
    let other = proven(&Plan::new(&market().clear(), QUEUES, [9; 20], [3; 32]), &f.segment, &f.closing);
    assert!(verify(&other, &f.keys, &f.expected).is_ok());
    for at in 0..=other.segments.len() {
        let verdict = after(|s, _| *proof_mut(s, at) = *proof_mut(&mut other.clone(), at));
        assert_eq!(verdict, Err(SettlementError::Proof), "proof {at}");
    }
}

#[test]
fn keys_of_another_circuit_are_refused() {
    let f = fixture();
    let swapped =
        VerifyingKeys { params: Params::DEV, segment: f.keys.closing.clone(), closing: f.keys.segment.clone() };
    assert!(verify(&f.settlement, &swapped, &f.expected).is_err());
    let larger = VerifyingKeys { params: Params::STANDARD, ..swapped };
    assert!(matches!(verify(&f.settlement, &larger, &f.expected), Err(SettlementError::Malformed(_))));
}

#[test]
fn every_public_input_is_bound_even_one_that_no_row_reads() {
    // The closing circuit does not compute with domain, θ and γ.
    let f = fixture();
    let (challenges, _) = f.settlement.challenges();
    let (segments, closing) = f.settlement.statements(&challenges);
    let segment_proof = f.settlement.segments[2].proof.unwrap();
    let closing_proof = f.settlement.closing.proof.unwrap();
    let cases = [
        (&f.keys.segment, segments[2].to_array().to_vec(), segment_proof, &SEGMENT_INPUTS[..]),
        (&f.keys.closing, closing.to_array().to_vec(), closing_proof, &CLOSING_INPUTS[..]),
    ];
    for (key, inputs, proof, names) in cases {
        assert!(proof::verify(key, &inputs, &proof).is_ok());
        for (at, name) in names.iter().enumerate() {
            let mut changed = inputs.clone();
            changed[at] += from_u64(1);
            assert!(proof::verify(key, &changed, &proof).is_err(), "{name}");
        }
    }
}
