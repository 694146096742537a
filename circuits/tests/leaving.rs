//! Exit and escape circuits say what core and the executable specification say, of ordinary and degenerate accounts; and a finished proof
//! speaks for its owner, its account and its recipient alone.
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

#[path = "../../rust/core/tests/leaving/cases.rs"]
mod cases;
#[path = "../../rust/core/tests/scene/mod.rs"]
mod scene;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use cases::{EscapeCase, escapes, exits, secret};
use scene::{Dice, QUOTE, Scene, domain, holder_of, key_of};
use tacit_circuits::builder::Builder;
use tacit_circuits::error::VerifyError;
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keys::{self, ProvingKey};
use tacit_circuits::proof::{self, Blinding, Options, Proof};
use tacit_circuits::settlement::SettlementError;
use tacit_circuits::statement::{EscapePrivate, EscapePublic, ExitPrivate};
use tacit_circuits::{escape, exit};
use tacit_core::account::{Holder, Leaf};
use tacit_core::batch::State;
use tacit_core::eddsa;
use tacit_core::escape::{Escape, message};
use tacit_core::exit::ExitRequest;
use tacit_core::field::F;
use tacit_core::params::Params;
use tacit_core::risk::RiskTable;
use tacit_core::units::PRICE_END;

/// The account of a scene, leaving to `recipient`.
fn leaving(scene: &Scene, index: u32, recipient: [u8; 20]) -> Escape {
    let state: State = scene.state();
    Escape {
        domain: domain(),
        index,
        recipient,
        holder: holder_of(index),
        signature: key_of(index).sign(message(domain(), index, &recipient)),
        leaf: scene.leaves[&index].clone(),
        path: state.path(index).unwrap(),
        risk: RiskTable { rows: scene.risk.values().cloned().collect() },
        settled: scene.settled.clone(),
    }
}

/// A random account among others: any number of positions, each listed or settled, long or short, of any size.
fn random(params: Params, seed: u64) -> Escape {
    let mut dice = Dice(seed);
    let mut s = Scene::new(params);
    let mut held = Vec::new();
    let wanted = dice.below(params.positions as u64 + 1);
    for i in 0..wanted as u32 {
        let id = 1 + 7 * i + dice.below(7) as u32;
        let value = dice.pick(&[0, 1, 1_000_000, PRICE_END - 1]);
        let listed = s.risk.len() < params.rows && dice.once_in(2);
        if listed {
            s.row(id, value).values.fill(0);
        } else {
            s.settle(id, value);
        }
        let lots = 1 + dice.below(dice.clone().pick(&[10, 50_000, (1 << 35) - 1])) as i64;
        held.push((id, if dice.once_in(2) { lots } else { -lots }));
    }
    let index = dice.pick(&[0, 1, 77, params.capacity() - 1]);
    let cash = dice.pick(&[-(1 << 91), -1, 0, 1, QUOTE, (1 << 91) - 1]);
    s.account(index, cash, &held).bitmap = dice.roll();
    for neighbour in [index ^ 1, index ^ 8] {
        s.account(neighbour, 0, &[]);
    }
    leaving(&s, index, [dice.below(256) as u8; 20])
}

/// What the circuit derives of an escape, which must be what core states of it.
fn assert_agrees(name: &str, p: &Params, escape: &Escape) -> Vec<F> {
    let (public, private) = escape::witness(p, escape).unwrap_or_else(|error| panic!("{name}: {error}"));
    let wires = escape::assignment(p, &public, &private).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(wires[1..=public.to_vec().len()], public.to_vec(), "{name}");
    public.to_vec()
}

#[test]
fn requests_of_the_specification_are_what_the_circuit_proves() {
    for case in exits() {
        let public = exit::statement(&case.request, case.holder.owner());
        assert_eq!(public.to_array().to_vec(), case.inputs, "{}", case.name);
        let private = ExitPrivate { holder: case.holder, signature: case.signature };
        let wires = exit::assignment(&public, &private).unwrap();
        assert_eq!(wires[1..=6], case.inputs, "{}", case.name);
    }
}

#[test]
fn escapes_of_the_specification_are_what_the_circuit_proves() {
    for EscapeCase { name, params, escape, inputs, .. } in escapes() {
        assert_eq!(assert_agrees(&name, &params, &escape), inputs, "{name}");
    }
}

#[test]
fn random_accounts_leave_with_what_core_says_they_are_worth() {
    for seed in 0..40 {
        assert_agrees(&format!("dev {seed}"), &Params::DEV, &random(Params::DEV, seed));
    }
    for seed in 0..6 {
        assert_agrees(&format!("standard {seed}"), &Params::STANDARD, &random(Params::STANDARD, seed));
    }
}

#[test]
fn a_risk_table_of_every_size_values_a_position_in_its_last_place() {
    for p in [Params::DEV, Params::STANDARD, Params::LARGE] {
        let mut s = Scene::new(p);
        (1..=p.rows as u32).for_each(|id| drop(s.row(id, u64::from(id) * 1_000).clone()));
        s.account(3, QUOTE, &[(1, 4), (p.rows as u32, -9)]);
        assert_agrees(p.name, &p, &leaving(&s, 3, [3; 20]));
    }
}

#[test]
fn the_rows_do_not_depend_on_who_asks_or_leaves() {
    let pin = |b: Builder| Fingerprint::of(&b.into_parts().0);
    for case in exits() {
        let mut b = Builder::rows();
        let public = exit::statement(&case.request, case.holder.owner());
        exit::synthesize(&mut b, &public, &ExitPrivate { holder: case.holder, signature: case.signature });
        assert_eq!(pin(b), pin(exit::shape()), "{}", case.name);
    }
    for EscapeCase { name, params, escape, .. } in escapes() {
        let (public, private) = escape::witness(&params, &escape).unwrap();
        let mut b = Builder::rows();
        escape::synthesize(&mut b, &params, &public, &private);
        assert_eq!(pin(b), pin(escape::shape(&params)), "{name}");
    }
}

/// Keys of both circuits of `dev`.
fn keys() -> &'static (ProvingKey, ProvingKey) {
    static KEYS: OnceLock<(ProvingKey, ProvingKey)> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut rng = StdRng::seed_from_u64(5);
        let [exit, escape] = [exit::shape(), escape::shape(&Params::DEV)]
            .map(|shape| keys::setup(shape.into_parts().0, &mut rng).unwrap().0);
        (exit, escape)
    })
}

fn prove(key: &ProvingKey, wires: &[F]) -> Proof {
    proof::prove(key, wires, Blinding::draw(&mut StdRng::seed_from_u64(9)), Options::default()).unwrap()
}

/// Every public input changed alone, by one and to nothing.
fn altered(inputs: &[F]) -> impl Iterator<Item = Vec<F>> + '_ {
    (0..inputs.len()).flat_map(move |at| {
        [inputs[at] + F::from(1u8), F::from(0u8)].into_iter().filter_map(move |other| {
            let mut inputs = inputs.to_vec();
            (inputs[at] != other).then(|| {
                inputs[at] = other;
                inputs
            })
        })
    })
}

#[test]
fn a_proof_of_a_request_serves_no_other_request() {
    let case = &exits()[2];
    let public = exit::statement(&case.request, case.holder.owner());
    let private = ExitPrivate { holder: case.holder.clone(), signature: case.signature };
    let key = &keys().0;
    let proof = prove(key, &exit::assignment(&public, &private).unwrap());
    assert_eq!(proof::verify(&key.vk, &case.inputs, &proof), Ok(()));
    for inputs in altered(&case.inputs) {
        assert_eq!(proof::verify(&key.vk, &inputs, &proof), Err(VerifyError::Rejected));
    }
}

#[test]
fn a_proof_of_an_escape_serves_no_other_account_recipient_state_or_amount() {
    let case = escapes().into_iter().find(|case| case.name == "dev, mixed, long and short").unwrap();
    let (public, private) = escape::witness(&case.params, &case.escape).unwrap();
    let key = &keys().1;
    let proof = prove(key, &escape::assignment(&case.params, &public, &private).unwrap());
    assert_eq!(proof::verify(&key.vk, &case.inputs, &proof), Ok(()));
    for inputs in altered(&case.inputs) {
        assert_eq!(proof::verify(&key.vk, &inputs, &proof), Err(VerifyError::Rejected));
    }
    assert!(proof::verify(&keys().0.vk, &case.inputs[..6], &proof).is_err(), "an escape is no exit request");
}

/// Who tries: another key's signature, another's viewing key, the right key over another message.
fn others(honest: &Holder, signed: F) -> Vec<(&'static str, Holder, eddsa::Signature)> {
    let other = [77; 32];
    let stolen = Holder { key: eddsa::public_key(&other), ..honest.clone() };
    let own = eddsa::sign(&secret(), signed);
    let foreign = eddsa::sign(&other, signed);
    vec![
        ("another key", stolen, foreign),
        ("the right key, signed by another", honest.clone(), foreign),
        ("another viewing key", Holder { viewing_key: honest.viewing_key + F::from(1u8), ..honest.clone() }, own),
        ("another subaccount", Holder { subaccount: honest.subaccount ^ 1, ..honest.clone() }, own),
        ("another message", honest.clone(), eddsa::sign(&secret(), signed + F::from(1u8))),
    ]
}

#[test]
fn nobody_but_the_owner_can_make_a_request() {
    let case = &exits()[2];
    let public = exit::statement(&case.request, case.holder.owner());
    for (who, holder, signature) in others(&case.holder, case.message) {
        let refused = exit::assignment(&public, &ExitPrivate { holder, signature });
        assert!(refused.is_err(), "{who}");
    }
}

#[test]
fn nobody_but_the_owner_can_leave_with_an_account() {
    let case = escapes().into_iter().find(|case| case.name == "dev, mixed, long and short").unwrap();
    let (public, honest) = escape::witness(&case.params, &case.escape).unwrap();
    for (who, holder, signature) in others(&case.escape.holder, case.message) {
        let private = EscapePrivate { holder, signature, ..honest.clone() };
        assert!(escape::assignment(&case.params, &public, &private).is_err(), "{who}");
    }
}

#[test]
fn a_signature_to_leave_is_none_of_a_request_and_none_of_another_account_or_vault() {
    let case = escapes().into_iter().find(|case| case.name == "dev, mixed, long and short").unwrap();
    let Escape { domain, index, recipient, ref holder, signature, .. } = case.escape;
    let request = ExitRequest { domain, index, recipient, amount: 0, number: 0 };
    let private = ExitPrivate { holder: holder.clone(), signature };
    assert!(exit::assignment(&exit::statement(&request, holder.owner()), &private).is_err());
    let (public, private) = escape::witness(&case.params, &case.escape).unwrap();
    for (at, other) in [(0, domain + F::from(1u8)), (3, F::from(index + 8)), (4, F::from(5u8))] {
        let mut inputs = public.to_vec();
        inputs[at] = other;
        let refused = escape::assignment(&case.params, &EscapePublic::from_slice(&inputs), &private);
        assert!(matches!(refused, Err(SettlementError::Unsatisfied { .. })), "input {at}");
    }
}

#[test]
fn an_empty_leaf_cannot_leave() {
    // Its value is 0, which no words are known to hash to: a leaf of nothing with an owner is another one.
    let s = Scene::new(Params::DEV);
    let mut nobody = leaving(&s, 0, [1; 20]);
    nobody.index = 5;
    nobody.holder = holder_of(5);
    nobody.leaf = Leaf { owner: holder_of(5).owner(), ..nobody.leaf };
    nobody.signature = key_of(5).sign(message(domain(), 5, &[1; 20]));
    nobody.path = s.state().path(5).unwrap();
    assert!(nobody.statement(&Params::DEV).is_err());
    let honest = escape::witness(&Params::DEV, &leaving(&s, 0, [1; 20])).unwrap();
    let public = EscapePublic { index: F::from(5u8), ..honest.0 };
    let private = EscapePrivate {
        holder: nobody.holder,
        signature: nobody.signature,
        leaf: nobody.leaf,
        path: nobody.path,
        ..honest.1
    };
    let refused = escape::assignment(&Params::DEV, &public, &private);
    assert!(matches!(refused, Err(SettlementError::Unsatisfied { check: "child at the index", .. })));
}

#[test]
fn an_instrument_that_no_account_holds_does_not_matter() {
    let mut escape = random(Params::DEV, 3);
    let before = escape.statement(&Params::DEV).unwrap();
    escape.settled.extend(BTreeMap::from([(1_000_000, 5), (2_000_000, 7)]));
    assert_eq!(escape.statement(&Params::DEV).unwrap(), before);
}
