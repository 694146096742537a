//! Which orders of a touch take part in the auctions, and for what reason the others do not.
//!
//! Section 4 of `docs/protocol.md`: ten tests in a fixed order, one function each; a test sees only the survivors of those before. The result is
//! a function of the sealed data and the account: no price, no other account enters.

use std::collections::BTreeSet;

use crate::batch::{BatchError, Context, Reason};
use crate::margin::{Assessment, Portfolio, TradeRisk, assess};
use crate::order::{Kind, Order, SealedOrder};
use crate::params::Params;
use crate::risk::{LookupRow, Table};
use crate::units::{CASH_A_TOKEN, CASH_A_VALUE, CLAIM_BOUND};

/// Weight of a lot in the test of range, and what the weighted sum must stay below.
const RANGE_A_LOT: i128 = 1 << 43;
const RANGE_END: i128 = 1 << 77;

/// An account as admission sees it: after this batch's expiry and deposit.
#[derive(Clone, Debug)]
pub struct Account<'a> {
    /// Account index.
    pub index: u32,
    /// Whether it exists: the leaf is not empty, or the touch's deposit opens it.
    pub exists: bool,
    /// Nonce epoch before the touch.
    pub epoch: u32,
    /// Used slots before the touch.
    pub bitmap: u64,
    /// Cash and unexpired positions.
    pub portfolio: Portfolio<'a>,
}

/// What admission decides for a touch.
#[derive(Clone, Debug)]
pub struct Admission {
    /// First reason of each order.
    pub reasons: Vec<Reason>,
    /// Which orders (trades and withdrawals) passed the tests 1 to 9.
    pub survived: Vec<bool>,
    /// The leaf's epoch after the touch.
    pub epoch: u32,
    /// The leaf's used slots, cleared where the epoch rose, without this touch's.
    pub bitmap: u64,
    /// Token units margin was tested with.
    pub withdrawal: u128,
    /// Margin.
    pub assessment: Assessment,
    /// Whether margin holds.
    pub admitted: bool,
}

/// Runs all tests on the orders of a touch.
///
/// # Errors
/// [`BatchError::Leaf`] if the account is beyond the range that margin is computed in.
pub fn admit(
    account: &Account<'_>,
    orders: &[SealedOrder],
    table: &Table<'_>,
    context: &Context,
    params: &Params,
) -> Result<Admission, BatchError> {
    let orders: Vec<&Order> = orders.iter().map(|sealed| &sealed.order).collect();
    let mut tests = Tests { account, orders: &orders, table, context, reasons: vec![Reason::None; orders.len()] };
    tests.existence();
    tests.window();
    let (epoch, bitmap) = tests.raised_epoch();
    tests.nonce(epoch, bitmap);
    tests.known_instrument();
    tests.open_instrument();
    tests.fee_rate();
    tests.position_count(params.positions);
    tests.range();
    tests.coverage();
    let survived: Vec<bool> = (0..orders.len()).map(|at| tests.alive(at) && orders[at].kind != Kind::Cancel).collect();
    let withdrawal = tests.withdrawal();
    let assessment = assess(&account.portfolio, &tests.trade_risks(), withdrawal, context, params.scenarios);
    let admitted = checked(account, &assessment)?;
    tests.margin(admitted, &survived);
    Ok(Admission { reasons: tests.reasons, survived, epoch, bitmap, withdrawal, assessment, admitted })
}

/// Margin of an exit of `request` token units: what is tested, and whether it holds.
///
/// # Errors
/// [`BatchError::Leaf`] if the account is beyond the range that margin is computed in.
pub fn admit_exit(
    account: &Account<'_>,
    request: u64,
    context: &Context,
    params: &Params,
) -> Result<Admission, BatchError> {
    let whole_tokens = account.portfolio.cash.div_euclid(CASH_A_TOKEN).max(0);
    let withdrawal = u128::from(request).min(whole_tokens.unsigned_abs());
    let assessment = assess(&account.portfolio, &[], withdrawal, context, params.scenarios);
    let admitted = checked(account, &assessment)?;
    let (reasons, survived) = (Vec::new(), Vec::new());
    Ok(Admission { reasons, survived, epoch: account.epoch, bitmap: account.bitmap, withdrawal, assessment, admitted })
}

/// Whether margin holds, once all claims are known to be in range.
fn checked(account: &Account<'_>, assessment: &Assessment) -> Result<bool, BatchError> {
    let in_range = assessment.claims.iter().all(|claim| (-CLAIM_BOUND..CLAIM_BOUND).contains(claim));
    let refused = BatchError::Leaf { index: account.index, what: "its margin is outside −2^82 … 2^82 − 1" };
    if in_range { Ok(assessment.holds()) } else { Err(refused) }
}

/// The tests under way: an order is alive while its reason is none.
struct Tests<'a> {
    account: &'a Account<'a>,
    orders: &'a [&'a Order],
    table: &'a Table<'a>,
    context: &'a Context,
    reasons: Vec<Reason>,
}

impl<'a> Tests<'a> {
    fn alive(&self, at: usize) -> bool {
        self.reasons[at] == Reason::None
    }

    /// Survivors so far of which `concerns` holds, in sequence.
    fn survivors(&self, concerns: impl Fn(&Order) -> bool) -> Vec<usize> {
        (0..self.orders.len()).filter(|&at| self.alive(at) && concerns(self.orders[at])).collect()
    }

    fn trades(&self) -> Vec<usize> {
        self.survivors(|order| order.kind == Kind::Trade)
    }

    /// Refuses those of `concerned` that `refused` says, one after the other.
    fn refuse(&mut self, reason: Reason, concerned: Vec<usize>, mut refused: impl FnMut(&Order) -> bool) {
        for at in concerned {
            if refused(self.orders[at]) {
                self.reasons[at] = reason;
            }
        }
    }

    /// Test 1.
    fn existence(&mut self) {
        let exists = self.account.exists;
        self.refuse(Reason::NoAccount, self.survivors(|_| true), |_| !exists);
    }

    /// Test 2.
    fn window(&mut self) {
        let Context { batch, last_void, .. } = *self.context;
        self.refuse(Reason::Window, self.survivors(|_| true), |order| {
            let inside = order.first_batch <= batch && batch <= order.last_batch;
            let voided = !order.survives_void && order.first_batch <= last_void;
            !inside || voided
        });
    }

    /// Epoch and used slots after every order that passed test 2 raised the epoch to its own.
    fn raised_epoch(&self) -> (u32, u64) {
        let before = self.account.epoch;
        let epochs = self.survivors(|_| true).into_iter().map(|at| self.orders[at].epoch);
        let epoch = epochs.fold(before, u32::max);
        (epoch, if epoch > before { 0 } else { self.account.bitmap })
    }

    /// Test 3. Cancels, whose work is done, are not concerned by it or any later test.
    fn nonce(&mut self, epoch: u32, bitmap: u64) {
        let mut taken = bitmap;
        self.refuse(Reason::Nonce, self.survivors(|order| order.kind != Kind::Cancel), |order| {
            let slot = 1 << order.slot;
            let refused = order.epoch < epoch || taken & slot != 0;
            if !refused {
                taken |= slot;
            }
            refused
        });
    }

    /// Test 4.
    fn known_instrument(&mut self) {
        let table = self.table;
        self.refuse(Reason::UnknownInstrument, self.trades(), |order| table.valuation(order.instrument).is_none());
    }

    /// Test 5.
    fn open_instrument(&mut self) {
        let table = self.table;
        let settled = |order: &Order| matches!(table.look_up(order.instrument), LookupRow::Settled(_));
        self.refuse(Reason::SettledInstrument, self.trades(), settled);
    }

    /// Test 6.
    fn fee_rate(&mut self) {
        let rate = self.context.fee_rate;
        self.refuse(Reason::FeeRate, self.trades(), |order| order.max_fee_rate < rate);
    }

    /// Test 7.
    fn position_count(&mut self, places: usize) {
        let held = self.account.portfolio.positions.iter().map(|open| open.position.instrument);
        let mut counted: BTreeSet<u32> = held.collect();
        self.refuse(Reason::TooManyPositions, self.trades(), |order| {
            let refused = !counted.contains(&order.instrument) && counted.len() >= places;
            if !refused {
                counted.insert(order.instrument);
            }
            refused
        });
    }

    /// Test 8.
    fn range(&mut self) {
        let portfolio = &self.account.portfolio;
        let ordered: i128 = self.trades().into_iter().map(|at| i128::from(self.orders[at].quantity)).sum();
        let size = portfolio.cash_value().abs() + RANGE_A_LOT * (portfolio.gross_lots() + ordered);
        let concerned = self.survivors(|order| order.kind != Kind::Cancel);
        self.refuse(Reason::OutOfRange, concerned, |_| size >= RANGE_END);
    }

    /// Test 9.
    fn coverage(&mut self) {
        let buys = self.trades().into_iter().map(|at| self.orders[at]).filter(|order| order.side.is_buy());
        let premium: i128 = buys.map(|order| i128::from(order.quantity) * i128::from(order.limit)).sum();
        let left = self.account.portfolio.cash - (CASH_A_VALUE + i128::from(self.context.fee_rate)) * premium;
        let concerned = self.survivors(|order| order.kind == Kind::Withdraw);
        self.refuse(Reason::NotCovered, concerned, |order| {
            left < CASH_A_TOKEN * order.withdrawal_amount().cast_signed()
        });
    }

    /// Test 10.
    fn margin(&mut self, admitted: bool, survived: &[bool]) {
        let concerned = (0..self.orders.len()).filter(|&at| survived[at]).collect();
        self.refuse(Reason::Margin, concerned, |_| !admitted);
    }

    fn withdrawal(&self) -> u128 {
        let surviving = self.survivors(|order| order.kind == Kind::Withdraw);
        surviving.into_iter().map(|at| self.orders[at].withdrawal_amount()).sum()
    }

    fn trade_risks(&self) -> Vec<TradeRisk<'a>> {
        let risk = |at: usize| {
            let order = self.orders[at];
            let row = self.table.open_row(order.instrument)?;
            Some(TradeRisk { side: order.side, quantity: order.quantity, limit: order.limit, row })
        };
        self.trades().into_iter().filter_map(risk).collect()
    }
}
