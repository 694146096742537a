//! Exit requests and escapes as the specification has them (section 13 of `docs/protocol.md`), and what core refuses of them.

mod cases;

use cases::{EscapeCase, escapes, exits, secret};
use tacit_core::account::Position;
use tacit_core::eddsa;
use tacit_core::escape::{self, Source, Statement};
use tacit_core::exit::{OwnerError, address};
use tacit_core::field::{F, from_u64};
use tacit_core::tree::root_of_path;

fn inputs(s: &Statement) -> Vec<F> {
    let head = [s.domain, s.root, s.risk_root, from_u64(s.index.into()), address(&s.recipient), from_u64(s.equity)];
    head.into_iter().chain(s.settled.iter().copied()).collect()
}

fn named(part: &str) -> EscapeCase {
    escapes().into_iter().find(|case| case.name == part).expect("a case of this name")
}

#[test]
fn what_an_owner_signs_is_what_the_specification_says() {
    for case in exits() {
        assert_eq!(case.request.message(), case.message, "{}", case.name);
        assert_eq!(eddsa::sign(&secret(), case.message), case.signature, "{}", case.name);
        assert_eq!(case.request.check(case.inputs[1], &case.holder, &case.signature), Ok(()), "{}", case.name);
    }
    for case in escapes() {
        let signed = escape::message(case.escape.domain, case.escape.index, &case.escape.recipient);
        assert_eq!(signed, case.message, "{}", case.name);
    }
}

#[test]
fn every_account_is_worth_and_publishes_what_the_specification_says() {
    for case in escapes() {
        let valued = case.escape.valuations(&case.params).expect("positions with a value");
        assert_eq!(escape::worth(case.escape.leaf.cash, &valued), case.worth, "{}", case.name);
        let statement = case.escape.statement(&case.params).expect("a sound escape");
        assert_eq!(inputs(&statement), case.inputs, "{}", case.name);
    }
}

#[test]
fn equity_is_rounded_down_and_never_below_nothing_or_above_64_bits() {
    let unit = 100_000_000;
    let cases = [(-1, 0), (0, 0), (unit - 1, 0), (unit, 1), (2 * unit - 1, 1), (i128::MAX, u64::MAX)];
    for (worth, equity) in cases {
        assert_eq!(escape::equity(worth), equity, "{worth}");
    }
    assert_eq!(escape::equity(i128::from(u64::MAX) * unit), u64::MAX);
    assert_eq!(escape::equity(i128::from(u64::MAX) * unit - 1), u64::MAX - 1);
}

#[test]
fn a_request_that_another_signed_or_that_says_something_else_is_refused() {
    let case = &exits()[2];
    let owner = case.holder.owner();
    let index = case.request.index;
    let others = [
        tacit_core::exit::ExitRequest { domain: case.request.domain + F::from(1u8), ..case.request },
        tacit_core::exit::ExitRequest { recipient: [9; 20], ..case.request },
        tacit_core::exit::ExitRequest { amount: case.request.amount + 1, ..case.request },
        tacit_core::exit::ExitRequest { number: case.request.number + 1, ..case.request },
    ];
    for request in others {
        let refused = request.check(owner, &case.holder, &case.signature);
        assert_eq!(refused, Err(OwnerError::Signature { index }), "{request:?}");
    }
    let mut holder = case.holder.clone();
    holder.subaccount ^= 1;
    assert_eq!(case.request.check(owner, &holder, &case.signature), Err(OwnerError::NotTheOwner { index }));
    let far = tacit_core::exit::ExitRequest { index: 1 << 21, ..case.request };
    let refused = Err(OwnerError::Index { index: 1 << 21, end: 1 << 21 });
    assert_eq!(far.check(owner, &case.holder, &case.signature), refused);
}

#[test]
fn an_escape_of_what_does_not_belong_together_is_refused() {
    let case = named("dev, mixed, long and short");
    let (p, honest, index) = (&case.params, &case.escape, case.escape.index);
    let with = |change: &dyn Fn(&mut escape::Escape)| {
        let mut escape = honest.clone();
        change(&mut escape);
        escape.statement(p).expect_err("refused")
    };
    let settling = |instrument: u32, value: Option<u64>| {
        let mut escape = honest.clone();
        escape.settled.remove(&instrument);
        escape.settled.extend(value.map(|value| (instrument, value)));
        escape.statement(p).expect_err("refused")
    };
    assert_eq!(with(&|e| e.holder.subaccount ^= 1), OwnerError::NotTheOwner { index });
    assert_eq!(with(&|e| e.recipient = [1; 20]), OwnerError::Signature { index });
    assert_eq!(with(&|e| e.domain += F::from(1u8)), OwnerError::Signature { index });
    assert_eq!(with(&|e| e.leaf.cash += 1), OwnerError::Path { index });
    assert_eq!(with(&|e| e.path[1] = [F::from(1u8); 8]), OwnerError::Path { index });
    assert_eq!(with(&|e| e.path.truncate(2)), OwnerError::Path { index });
    let end = p.capacity();
    assert_eq!(with(&|e| e.index = end), OwnerError::Index { index: end, end });
    let instrument = honest.leaf.positions[1].instrument;
    assert_eq!(settling(instrument, None), OwnerError::Unvalued { index, instrument });
    let listed = honest.leaf.positions[0].instrument;
    assert_eq!(settling(listed, Some(1)), OwnerError::ValuedTwice { index, instrument: listed });
    let value = 1 << 42;
    let refused = OwnerError::SettlementValue { instrument, value };
    assert_eq!(settling(instrument, Some(value)), refused);
    assert!(matches!(with(&|e| e.risk.rows.reverse()), OwnerError::Batch(_)));
    assert!(matches!(with(&|e| e.leaf.positions.reverse()), OwnerError::Batch(_)));
}

#[test]
fn each_place_is_valued_once_and_published_only_if_settled() {
    for case in escapes() {
        let valued = case.escape.valuations(&case.params).expect("positions with a value");
        assert_eq!(valued.len(), case.params.positions);
        for place in &valued {
            let Position { instrument, .. } = place.position;
            let shown = place.settled_word() != F::from(0u64);
            match place.source {
                Source::Empty => assert!(instrument == 0 && place.value == 0 && !shown),
                Source::Listed(at) => assert!(case.escape.risk.rows[at].instrument == instrument && !shown),
                Source::Settled => assert!(case.escape.settled[&instrument] == place.value && shown),
            }
        }
    }
}

#[test]
fn the_path_of_a_risk_row_leads_to_the_root_from_its_place_alone() {
    for case in escapes() {
        let (table, p) = (&case.escape.risk, &case.params);
        for (place, row) in table.rows.iter().enumerate() {
            let (path, at) = (table.path(place, p), u32::try_from(place).expect("a small table"));
            assert_eq!(root_of_path(at, row.hash(p), &path), Some(table.root(p)));
            assert_ne!(root_of_path(at ^ 1, row.hash(p), &path), Some(table.root(p)));
        }
    }
}
