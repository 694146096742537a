//! Attacks carried through to proofs: an operator whose prover does not mind broken rows makes a proof of every circuit under the honest
//! keys, and what the verifier says is what the table says. One of each kind: a row of a segment, an identity, a public input, the contract.

use std::sync::OnceLock;

use ark_ff::Field;
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::keys::{ProvingKey, setup};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::{self, Blinding, Options, Proof};
use tacit_circuits::settlement::{Settlement, SettlementError, VerifyingKeys, matrices, verify};
use tacit_circuits::statement::SEGMENT_INPUTS;
use tacit_core::field::F;
use tacit_core::params::Params;

use crate::pretence::{Valid, held_by_contract};
use crate::support::scene::Dice;
use crate::support::{Attack, Verdict};
use crate::{Kind, SUBJECTS, batches};

struct Keys {
    segment: ProvingKey,
    closing: ProvingKey,
    verifying: VerifyingKeys,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut rng = StdRng::seed_from_u64(1);
        let (segment, closing) = matrices(&Params::DEV);
        let (segment, segment_key) = setup(segment, &mut rng).unwrap();
        let (closing, closing_key) = setup(closing, &mut rng).unwrap();
        let verifying = VerifyingKeys { params: Params::DEV, segment: segment_key, closing: closing_key };
        Keys { segment, closing, verifying }
    })
}

/// A proof of wires that need not satisfy the circuit: rows that they break are replaced, for the prover alone, by ones that they do not.
/// Nothing else of an honest key changes.
fn forced(key: &ProvingKey, wires: &[F]) -> Proof {
    let m = &key.matrices;
    let row = |part: &tacit_circuits::matrices::SparseMatrix, row: usize| part.row(row).collect::<Vec<_>>();
    let (a, b): (Vec<_>, Vec<_>) = (0..m.rows()).map(|at| (row(&m.a, at), row(&m.b, at))).unzip();
    let holds = |at: usize, product: F| m.c.dot(at, wires) == product;
    let c = (0..m.rows()).map(|at| match m.a.dot(at, wires) * m.b.dot(at, wires) {
        product if holds(at, product) => row(&m.c, at),
        product => vec![(product, 0)],
    });
    let mut forged = key.clone();
    forged.matrices = Matrices::from_rows(m.n_inputs, m.n_witness, &a, &b, &c.collect::<Vec<_>>());
    let blinding = Blinding::draw(&mut StdRng::seed_from_u64(2));
    proof::prove(&forged, wires, blinding, Options { skip_check: true, ..Options::default() }).unwrap()
}

/// The verdict on an attack with all its wires, and the settlement with a proof of each circuit.
fn proven(mut attack: Attack) -> (Verdict, Settlement) {
    attack.proving = true;
    let verdict = attack.run();
    let mut settlement = verdict.settlement.clone();
    let (closing, segments) = verdict.wires.split_last().unwrap();
    for (part, wires) in settlement.segments.iter_mut().zip(segments) {
        part.proof = Some(forced(&keys().segment, wires));
    }
    settlement.closing.proof = Some(forced(&keys().closing, closing));
    (verdict, settlement)
}

/// The attack of a number and letter on a small batch that gives it occasion.
fn attack(number: u8, letter: char) -> (Attack, std::sync::Arc<Valid>) {
    let all = SUBJECTS.iter().flat_map(|(_, mutators)| mutators.iter());
    let mutator = all.into_iter().find(|m| (m.number, m.letter) == (number, letter)).unwrap();
    let Kind::Tried(make) = mutator.kind else { panic!("{} is not tried", mutator.label()) };
    let small = (0..batches::MOST).map(batches::valid).filter(|valid| valid.cleared.segments() <= 2);
    let mut made = small.filter_map(|valid| Some((make(&valid, &mut Dice(1))?, valid)));
    made.next().unwrap()
}

#[test]
fn the_prover_that_minds_nothing_proves_what_is_true() {
    let (verdict, settlement) = proven(attack(4, 'a').1.attacked());
    verdict.accepted();
    assert!(verify(&settlement, &keys().verifying, &verdict.trusted).is_ok());
}

#[test]
fn a_broken_row_of_a_segment_makes_its_proof_worthless() {
    let (verdict, settlement) = proven(attack(4, 'a').0);
    verdict.refused_by(&["fill within quantity"]);
    assert_eq!(verify(&settlement, &keys().verifying, &verdict.trusted), Err(SettlementError::Proof));
    // It is that segment's proof alone.
    for ((wires, part), broken) in verdict.wires.iter().zip(&settlement.segments).zip(&verdict.segments) {
        let holds =
            proof::verify(&keys().verifying.segment, &wires[1..=SEGMENT_INPUTS.len()], &part.proof.unwrap()).is_ok();
        assert_eq!(holds, broken.is_empty());
    }
    let closing = &verdict.wires.last().unwrap()[1..14];
    assert!(proof::verify(&keys().verifying.closing, closing, &settlement.closing.proof.unwrap()).is_ok());
}

#[test]
fn a_broken_identity_makes_the_closing_proof_worthless() {
    let (verdict, settlement) = proven(attack(12, 'a').0);
    verdict.refused_by(&["net fill identity"]);
    assert_eq!(verify(&settlement, &keys().verifying, &verdict.trusted), Err(SettlementError::Proof));
    let closing = &verdict.wires.last().unwrap()[1..14];
    assert!(proof::verify(&keys().verifying.closing, closing, &settlement.closing.proof.unwrap()).is_err());
}

#[test]
fn proofs_for_other_public_inputs_than_the_contracts_are_worthless() {
    let (verdict, settlement) = proven(attack(14, 'a').0);
    verdict.refused_by(&["risk root"]);
    assert_eq!(verify(&settlement, &keys().verifying, &verdict.trusted), Err(SettlementError::Proof));
    // Each is a proof, of what the operator would like the inputs to be.
    let closing = &verdict.wires.last().unwrap()[1..14];
    assert!(proof::verify(&keys().verifying.closing, closing, &settlement.closing.proof.unwrap()).is_ok());
    let mut other = closing.to_vec();
    other[2] += F::ONE;
    assert!(proof::verify(&keys().verifying.closing, &other, &settlement.closing.proof.unwrap()).is_err());
}

#[test]
fn proofs_that_hold_do_not_move_a_contract_that_knows_better() {
    let (attack, valid) = attack(22, 'a');
    let (verdict, settlement) = proven(attack);
    verdict.refused_by(&["contract"]);
    let refused = verify(&settlement, &keys().verifying, &verdict.trusted);
    assert!(matches!(refused, Err(SettlementError::Malformed(_))), "{refused:?}");
    // All proofs hold: a contract that took the settlement values from the operator would settle.
    let mut gullible = held_by_contract(&valid.scene);
    let params = &valid.cleared.params;
    let value = |word: &F| (valid.scene.settled.iter()).find_map(|(id, value)| settles(*word, *id, *value));
    gullible.settled = settlement.closing_words()[params.rows..].iter().filter_map(value).collect();
    assert!(verify(&settlement, &keys().verifying, &gullible).is_ok());
}

/// Id and value of a settled row's word, if it is that of the id with a value not far above the true one.
fn settles(word: F, id: u32, value: u64) -> Option<(u32, u64)> {
    let of = |value: u64| F::from(id) + F::from(value) * tacit_core::field::pow2(27);
    (value..value + 1_001).find(|value| of(*value) == word).map(|value| (id, value))
}
