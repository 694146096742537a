//! From a sealed batch to a cleared one: check, open accounts, admit, auction, settle, seal the new leaves, update the tree.
//!
//! Everything that can fail is computed before the state is touched. Work on touches runs in parallel; results, errors included, are those
//! of doing it one after the other.

use std::collections::BTreeSet;

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::account::{Leaf, Position};
use crate::admission::{Account, Admission, admit, admit_exit};
use crate::auction::{AuctionOrder, Clearing, Mark, clear_orders};
use crate::batch::{
    AuctionRow, BatchError, ClearedBatch, ClearedOrder, ClearedTouch, Context, Outcome, SealedBatch, State, Touch,
};
use crate::eddsa;
use crate::error::CoreError;
use crate::field::F;
use crate::margin::Portfolio;
use crate::netting::{expire, net};
use crate::order::{Kind, Order};
use crate::params::Params;
use crate::risk::{LookupRow, Table, validate_settled};
use crate::seal::{TouchNumbers, outcome_words, seal_leaf, seal_root, seal_touch, touch_hash};
use crate::transcript::closing_words;
use crate::units::{CASH_A_TOKEN, CASH_A_VALUE, InstrumentId, Price, Quantity, Sequence, is_cash};

/// Clears a sealed batch and applies it to the state.
///
/// # Errors
/// [`BatchError`] (inside [`CoreError::Batch`]) if the batch is statically wrong or a number of an account would leave its range. The state is
/// then what it was.
pub fn clear(params: &Params, state: &mut State, batch: &SealedBatch) -> Result<ClearedBatch, CoreError> {
    check_batch(params, state, batch)?;
    let table = batch.table();
    let run = Run { params, context: &batch.context, table: &table, batch };
    let openings = in_order(batch.touches.par_iter().map(|touch| run.open(state, touch)))?;
    let pairs = batch.touches.par_iter().zip(&openings);
    let admissions = in_order(pairs.map(|(touch, opening)| run.admit(touch, opening)))?;
    let clearing = run.auction(&admissions)?;
    let fills = Fills::new(batch, &admissions, clearing.fills);

    let fees = run.total_fees(&fills, &clearing.rows);
    let jobs = batch.touches.par_iter().zip(openings).zip(admissions).enumerate();
    let settled = in_order(jobs.map(|(at, ((touch, opening), admission))| {
        let fee_credit = if at == 0 { fees } else { 0 };
        run.settle(touch, opening, admission, fills.of(at), &clearing.rows, fee_credit)
    }))?;
    run.apply(state, settled, clearing.rows)
}

/// The results in the order of the touches, or the error of the first touch that has one.
fn in_order<T: Send, E: Send>(results: impl ParallelIterator<Item = Result<T, E>>) -> Result<Vec<T>, E> {
    results.collect::<Vec<_>>().into_iter().collect()
}

// ---- what is statically wrong -------------------------------------------------------------------------------------------

fn check_batch(params: &Params, state: &State, batch: &SealedBatch) -> Result<(), BatchError> {
    if state.params() != params {
        return Err(malformed(format!("the state is of parameter set {}, not {}", state.params().name, params.name)));
    }
    batch.context.check()?;
    batch.risk.validate(params)?;
    validate_settled(&batch.settled, &batch.risk, params)?;
    check_indices(params, batch)?;
    check_sequence(batch)?;
    let checks = batch.touches.par_iter().enumerate();
    in_order(checks.map(|(at, touch)| check_touch(params, state, &batch.context, at, touch))).map(|_| ())
}

fn malformed(what: impl Into<String>) -> BatchError {
    BatchError::Malformed { what: what.into() }
}

fn check_indices(params: &Params, batch: &SealedBatch) -> Result<(), BatchError> {
    let indices: Vec<u32> = batch.touches.iter().map(|touch| touch.index).collect();
    if indices.first() != Some(&0) {
        return Err(malformed("its first touch is not that of account 0"));
    }
    let wrong = |at: usize, what| BatchError::Touch { touch: at, index: indices[at], what };
    if let Some(at) = indices.iter().position(|index| *index >= params.capacity()) {
        return Err(wrong(at, "its index is outside the state tree"));
    }
    let unordered = indices.windows(2).position(|pair| pair[0] >= pair[1]);
    unordered.map_or(Ok(()), |at| Err(wrong(at + 1, "its index is not above its predecessor's")))
}

fn check_sequence(batch: &SealedBatch) -> Result<(), BatchError> {
    let sequences = batch.touches.iter().flat_map(|touch| &touch.orders).map(|order| order.sequence);
    let distinct: BTreeSet<u32> = sequences.collect();
    let orders = batch.active_orders();
    let complete = distinct.len() == orders && distinct.first().is_none_or(|first| *first == 1);
    let last = distinct.last().map_or(0, |last| *last as usize);
    if complete && last == orders && last < u32::MAX as usize {
        Ok(())
    } else {
        Err(malformed(format!("the sequence numbers of its {orders} active orders are not 1 … {orders}, each once")))
    }
}

fn check_touch(params: &Params, state: &State, context: &Context, at: usize, touch: &Touch) -> Result<(), BatchError> {
    let wrong = |what| Err(BatchError::Touch { touch: at, index: touch.index, what });
    if touch.exit.is_some() && (touch.deposit > 0 || !touch.orders.is_empty()) {
        return wrong("an exit stands beside a deposit or orders");
    }
    if touch.orders.len() > params.orders {
        return wrong("it holds more orders than a touch has places for");
    }
    if touch.orders.windows(2).any(|pair| pair[0].sequence >= pair[1].sequence) {
        return wrong("its sequence numbers do not increase");
    }
    if touch.orders.iter().filter(|sealed| sealed.order.kind == Kind::Withdraw).count() > 1 {
        return wrong("it holds two withdrawals");
    }
    if state.leaf(touch.index).is_some_and(|leaf| leaf.owner != touch.holder.owner()) {
        return wrong("the holder is not the owner of the leaf");
    }
    check_orders(state, context, at, touch)
}

fn check_orders(state: &State, context: &Context, at: usize, touch: &Touch) -> Result<(), BatchError> {
    let exists = state.leaf(touch.index).is_some() || touch.deposit > 0;
    for (slot, sealed) in touch.orders.iter().enumerate() {
        let wrong = |what| BatchError::Order { touch: at, index: touch.index, slot, what };
        sealed.order.check().map_err(wrong)?;
        if sealed.order.account != touch.index {
            return Err(wrong("its account is not the touch's"));
        }
        if exists && !eddsa::verify(&touch.holder.key, sealed.order.hash(context.domain), &sealed.signature) {
            return Err(wrong("its signature does not verify"));
        }
    }
    Ok(())
}

// ---- the stages ---------------------------------------------------------------------------------------------------------

/// A batch being cleared.
struct Run<'a> {
    params: &'a Params,
    context: &'a Context,
    table: &'a Table<'a>,
    batch: &'a SealedBatch,
}

/// An account opened for a touch: after expiry and deposit, before its orders.
struct Opening<'a> {
    old: Option<Leaf>,
    account: Account<'a>,
    expired: Vec<bool>,
    expiry_value: i128,
}

impl<'a> Run<'a> {
    fn open(&self, state: &State, touch: &Touch) -> Result<Opening<'a>, BatchError> {
        let old = state.leaf(touch.index).cloned();
        let held: &[Position] = old.as_ref().map_or(&[], |leaf| &leaf.positions);
        let expiry = expire(touch.index, held, self.table)?;
        let before = old.as_ref().map_or(0, |leaf| leaf.cash);
        let cash = before + CASH_A_VALUE * expiry.value + CASH_A_TOKEN * i128::from(touch.deposit);
        if !is_cash(cash) {
            return Err(BatchError::Leaf {
                index: touch.index,
                what: "cash after expiry and deposit is outside −2^91 … 2^91 − 1",
            });
        }
        let mut expired = vec![false; self.params.positions - expiry.expired.len()];
        expired.extend(expiry.expired);
        let account = Account {
            index: touch.index,
            exists: old.is_some() || touch.deposit > 0,
            epoch: old.as_ref().map_or(0, |leaf| leaf.epoch),
            bitmap: old.as_ref().map_or(0, |leaf| leaf.bitmap),
            portfolio: Portfolio { cash, positions: expiry.open },
        };
        Ok(Opening { old, account, expired, expiry_value: expiry.value })
    }

    fn admit(&self, touch: &Touch, opening: &Opening<'_>) -> Result<Admission, BatchError> {
        match touch.exit {
            Some(request) => admit_exit(&opening.account, request, self.context, self.params),
            None => admit(&opening.account, &touch.orders, self.table, self.context, self.params),
        }
    }

    fn auction(&self, admissions: &[Admission]) -> Result<Clearing, BatchError> {
        let marks = self.batch.risk.rows.iter();
        let marks =
            marks.map(|row| Ok(Mark { instrument: InstrumentId::new(row.instrument)?, price: Price::new(row.mark)? }));
        let orders = admitted_trades(self.batch, admissions).map(|(at, slot)| {
            let sealed = &self.batch.touches[at].orders[slot];
            Ok(AuctionOrder {
                instrument: InstrumentId::new(sealed.order.instrument)?,
                side: sealed.order.side,
                quantity: Quantity::new(sealed.order.quantity)?,
                limit: Price::new(sealed.order.limit)?,
                sequence: Sequence::new(sealed.sequence)?,
            })
        });
        clear_orders(
            &marks.collect::<Result<Vec<_>, _>>()?,
            &orders.collect::<Result<Vec<_>, _>>()?,
            self.active_orders(),
        )
    }

    fn active_orders(&self) -> u32 {
        u32::try_from(self.batch.active_orders()).expect("the check of sequence numbers bounds them")
    }

    /// Price and fee units of a fill: `fill · p*`.
    fn notional(&self, order: &Order, fill: u32, rows: &[AuctionRow]) -> i128 {
        let row = self.batch.risk.find(order.instrument);
        row.map_or(0, |row| i128::from(fill) * i128::from(rows[row].price))
    }

    fn total_fees(&self, fills: &Fills, rows: &[AuctionRow]) -> i128 {
        let fee = |(at, touch): (usize, &Touch)| -> i128 {
            let notionals =
                touch.orders.iter().zip(fills.of(at)).map(|(sealed, fill)| self.notional(&sealed.order, *fill, rows));
            i128::from(self.context.fee_rate) * notionals.sum::<i128>()
        };
        self.batch.touches.iter().enumerate().map(fee).sum()
    }

    /// What a fill changes the account's cash by: the premium, and the fee on top.
    fn cash_change(&self, order: &Order, fill: u32, rows: &[AuctionRow]) -> i128 {
        let notional = self.notional(order, fill, rows);
        -i128::from(order.side.sign()) * CASH_A_VALUE * notional - i128::from(self.context.fee_rate) * notional
    }

    fn settle(
        &self,
        touch: &Touch,
        opening: Opening<'_>,
        admission: Admission,
        fills: &[u32],
        rows: &[AuctionRow],
        fee_credit: i128,
    ) -> Result<ClearedTouch, BatchError> {
        let Opening { old, account, expired, expiry_value } = opening;
        let orders = self.cleared_orders(touch, &admission, fills);
        let withdrawn = touch
            .orders
            .iter()
            .zip(&orders)
            .find(|(sealed, cleared)| sealed.order.kind == Kind::Withdraw && cleared.admitted);
        let pays = withdrawn.is_some() || touch.exit.is_some() && admission.admitted;
        let paid = if pays { admission.withdrawal } else { 0 };

        let filled = || touch.orders.iter().zip(fills).filter(|(_, fill)| **fill > 0);
        let traded: i128 = filled().map(|(sealed, fill)| self.cash_change(&sealed.order, *fill, rows)).sum();
        let cash = account.portfolio.cash + traded - CASH_A_TOKEN * paid.cast_signed() + fee_credit;
        let changes =
            filled().map(|(sealed, fill)| (sealed.order.instrument, sealed.order.side.sign() * i64::from(*fill)));
        let positions = net(account.portfolio.positions.iter().map(|open| open.position), changes);
        let used = filled().map(|(sealed, _)| sealed).chain(withdrawn.map(|(sealed, _)| sealed));
        let bitmap = used.fold(admission.bitmap, |bitmap, sealed| bitmap | 1 << sealed.order.slot);

        let outcomes: Vec<Outcome> = orders.iter().map(ClearedOrder::outcome).collect();
        let updates = old.as_ref().map_or(0, |leaf| leaf.updates).checked_add(1);
        let updates =
            updates.ok_or(BatchError::Leaf { index: touch.index, what: "it was touched 2^32 − 1 times" })?;
        let leaf = Leaf {
            owner: touch.holder.owner(),
            cash,
            epoch: admission.epoch,
            bitmap,
            updates,
            salt: F::ZERO,
            positions,
        };
        let mut cleared = ClearedTouch {
            expired,
            cash: account.portfolio.cash,
            epoch: admission.epoch,
            claims: admission.assessment.claims,
            losses: admission.assessment.losses,
            x_mark: admission.assessment.mark_value,
            expiry_value,
            short_requirement: admission.assessment.short_requirement,
            withdrawal: admission.withdrawal,
            paid,
            admitted: admission.admitted,
            fee_credit,
            recipient: withdrawn.map_or(F::ZERO, |(sealed, _)| sealed.order.recipient_field()),
            orders,
            touch_hash: touch_hash(touch, self.params, self.context.domain, self.context.batch),
            ..ClearedTouch::padding(self.params)
        };
        if account.exists {
            self.close(touch, leaf, &outcomes, &mut cleared)?;
        }
        let opens = account.exists && old.is_none();
        cleared.old = old;
        cleared.words = self.words(touch, &cleared, opens);
        Ok(cleared)
    }

    /// Encrypts the new leaf of an account that exists and gives it its salt.
    fn close(
        &self,
        touch: &Touch,
        mut leaf: Leaf,
        outcomes: &[Outcome],
        cleared: &mut ClearedTouch,
    ) -> Result<(), BatchError> {
        leaf.check(touch.index, self.params)?;
        let outcomes = outcome_words(outcomes, self.params);
        let reading = seal_touch(&touch.holder, touch.index, &leaf, &outcomes, self.params, self.context.domain);
        leaf.salt = reading.salt;
        cleared.iv = reading.iv;
        cleared.cipher = reading.cipher;
        cleared.new = Some(leaf);
        Ok(())
    }

    fn words(&self, touch: &Touch, cleared: &ClearedTouch, opens: bool) -> Vec<F> {
        let amount = touch.exit.unwrap_or(touch.deposit);
        let numbers =
            TouchNumbers { index: touch.index, exit: touch.exit.is_some(), opens, amount, paid: cleared.paid };
        let new = cleared.new.as_ref().map_or(F::ZERO, |leaf| leaf.hash(self.params));
        let owner = if opens { touch.holder.owner() } else { F::ZERO };
        let mut words = vec![numbers.word(), cleared.touch_hash, new, owner, cleared.recipient, cleared.iv];
        words.extend(&cleared.cipher);
        words
    }

    fn cleared_orders(&self, touch: &Touch, admission: &Admission, fills: &[u32]) -> Vec<ClearedOrder> {
        let cleared = |(slot, (order, fill)): (usize, (&Order, &u32))| ClearedOrder {
            row: if order.kind == Kind::Trade { self.table.look_up(order.instrument) } else { LookupRow::Sentinel },
            reason: admission.reasons[slot],
            survived: admission.survived[slot],
            admitted: admission.survived[slot] && admission.admitted,
            fill: *fill,
        };
        let orders = touch.orders.iter().map(|sealed| &sealed.order);
        orders.zip(fills).enumerate().map(cleared).collect()
    }

    /// Takes each touch's path just before its update and applies it.
    fn apply(
        &self,
        state: &mut State,
        mut touches: Vec<ClearedTouch>,
        auctions: Vec<AuctionRow>,
    ) -> Result<ClearedBatch, CoreError> {
        let before = state.snapshot();
        let mut update = || {
            for (touch, cleared) in self.batch.touches.iter().zip(&mut touches) {
                cleared.path = state.path(touch.index)?;
                if let Some(leaf) = &cleared.new {
                    state.set(touch.index, leaf.clone(), cleared.words[2])?;
                }
            }
            Ok(state.root())
        };
        let updated: Result<F, CoreError> = update();
        let end_root = updated.inspect_err(|_| state.rollback(&before))?;
        let leaves =
            self.batch.touches.iter().zip(&touches).map(|(touch, cleared)| seal_leaf(touch.index, cleared.touch_hash));
        let leaves: Vec<[u8; 32]> = leaves.collect();
        Ok(ClearedBatch {
            params: *self.params,
            context: *self.context,
            sealed: self.batch.clone(),
            start_root: before.root(),
            end_root,
            active_orders: self.active_orders(),
            seal_root: seal_root(&leaves),
            risk_root: self.batch.risk.root(self.params),
            closing_words: closing_words(&self.batch.risk, &self.batch.settled, &auctions, self.params),
            touches,
            auctions,
        })
    }
}

/// The places `(touch, order)` of the trades that take part in the auctions.
fn admitted_trades(batch: &SealedBatch, admissions: &[Admission]) -> impl Iterator<Item = (usize, usize)> {
    let places =
        batch.touches.iter().enumerate().flat_map(|(at, touch)| (0..touch.orders.len()).map(move |slot| (at, slot)));
    places.filter(|&(at, slot)| {
        let admission = &admissions[at];
        admission.admitted && admission.survived[slot] && batch.touches[at].orders[slot].order.kind == Kind::Trade
    })
}

/// Lots filled, by touch and order.
struct Fills(Vec<Vec<u32>>);

impl Fills {
    fn new(batch: &SealedBatch, admissions: &[Admission], fills: Vec<u32>) -> Self {
        let mut by_touch: Vec<Vec<u32>> = batch.touches.iter().map(|touch| vec![0; touch.orders.len()]).collect();
        for ((at, slot), fill) in admitted_trades(batch, admissions).zip(fills) {
            by_touch[at][slot] = fill;
        }
        Self(by_touch)
    }

    fn of(&self, at: usize) -> &[u32] {
        &self.0[at]
    }
}
