//! Sealed batches, states and what clearing makes of one with the other.
//!
//! Records cross as the JSON of `docs/formats.md`, which the core reads and writes; results cross as tuples and dictionaries.

use numpy::{IntoPyArray, PyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::de::DeserializeOwned;

use tacit_core::account::{Holder, Leaf};
use tacit_core::batch::{self, AuctionRow, ClearedBatch, ClearedOrder, ClearedTouch, Context, Outcome};
use tacit_core::error::CoreError;
use tacit_core::field::F;
use tacit_core::json;
use tacit_core::margin::{self, Portfolio, Scenario, TradeRisk};
use tacit_core::netting;
use tacit_core::order::{Kind, Order};
use tacit_core::params::Params;
use tacit_core::risk::Table;
use tacit_core::seal;
use tacit_core::state;

use crate::error::{BatchError, Failure, RiskTableError, raise};
use crate::field::Field;
use crate::interrupt;

/// A record of a documented format. Its content is not repeated in the message: it may be an order or a viewing key.
pub(crate) fn record<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Failure> {
    let malformed = |_| {
        raise::<BatchError>(
            format!("{what} is not of its format: docs/formats.md describes it"),
            vec![("what", what.into())],
        )
    };
    serde_json::from_str(text).map_err(malformed)
}

fn written(record: &impl serde::Serialize) -> String {
    serde_json::to_string(record).expect("strings, numbers and lists are JSON")
}

/// The numbers of a parameter set: depth, touches, orders, positions, scenarios, rows, settled rows, words of a touch.
#[pyfunction]
pub fn params(name: &str) -> Result<[usize; 8], Failure> {
    let Params { depth, touches, orders, positions, scenarios, rows, settled, .. } = Params::by_name(name)?;
    let words = Params::by_name(name)?.words_per_touch();
    Ok([depth, touches, orders, positions, scenarios, rows, settled, words])
}

/// The domain of a contract on a chain.
#[pyfunction]
pub fn domain(chain_id: u64, contract: [u8; 20]) -> Field {
    Field(seal::domain(chain_id, &contract))
}

/// The owner word of a holder.
#[pyfunction]
pub fn holder_owner(holder: &str) -> Result<Field, Failure> {
    Ok(Field(record::<Holder>("the holder", holder)?.owner()))
}

/// What the owner of an order signs. Other threads go on meanwhile.
#[pyfunction]
pub fn order_hash(py: Python<'_>, order: &str, domain: Field) -> Result<Field, Failure> {
    let order: Order = record("the order", order)?;
    checked(&order)?;
    Ok(Field(py.detach(|| order.hash(domain.0))))
}

fn checked(order: &Order) -> Result<(), Failure> {
    let malformed = |what: &'static str| {
        raise::<BatchError>(format!("the order is malformed: {what}"), vec![("what", what.into())])
    };
    order.check().map_err(malformed)
}

/// Root of a risk table in its file form.
#[pyfunction]
pub fn risk_root(table: &str) -> Result<Field, Failure> {
    let (params, table) = json::read_risk(table)?;
    Ok(Field(table.root(&params)))
}

/// The canonical file of a sealed batch's file; anything malformed is refused.
#[pyfunction]
pub fn canonical_batch(text: &str) -> Result<String, Failure> {
    let (params, sealed) = json::read_batch(text)?;
    Ok(json::write_batch(&params, &sealed))
}

/// What an owner reads of a touch's data words: the leaf after, and (fill, reason) of each order place.
#[pyfunction]
pub fn read_touch(
    params: &str,
    words: Vec<Field>,
    holder: &str,
    domain: Field,
    index: u32,
) -> Result<(String, Vec<(u32, u8)>), Failure> {
    let words: Vec<F> = words.into_iter().map(|word| word.0).collect();
    let holder = record("the holder", holder)?;
    let (leaf, outcomes) = seal::decrypt_touch(&words, &holder, &Params::by_name(params)?, domain.0, index)?;
    Ok((written(&leaf), outcomes.into_iter().map(outcome).collect()))
}

fn outcome(outcome: Outcome) -> (u32, u8) {
    (outcome.fill, outcome.reason.code())
}

/// All accounts under one root. Never changes: clearing gives a new one.
#[pyclass(frozen, module = "prover._native")]
pub struct State(state::State);

#[pymethods]
impl State {
    /// The state before the first batch.
    #[staticmethod]
    fn genesis(params: &str, fund: &str, domain: Field) -> Result<Self, Failure> {
        let fund = record("the fund's holder", fund)?;
        Ok(Self(state::State::genesis(&Params::by_name(params)?, &fund, domain.0)?))
    }

    /// The state of `to_bytes`.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, params: &str, raw: Vec<u8>) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        interrupt::run(py, None, None, move |_| state::State::from_bytes(&params, &raw).map(Self))
    }

    /// The state of `to_json`.
    #[staticmethod]
    fn from_json(py: Python<'_>, text: String) -> Result<Self, Failure> {
        interrupt::run(py, None, None, move |_| json::read_state(&text).map(Self))
    }

    /// The form on disk.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.0.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// The form that other programs read.
    fn to_json(&self, py: Python<'_>) -> String {
        py.detach(|| json::write_state(&self.0))
    }

    /// Name of the parameter set.
    #[getter]
    fn params(&self) -> &'static str {
        self.0.params().name
    }

    /// Root of the tree.
    #[getter]
    fn root(&self) -> Field {
        Field(self.0.root())
    }

    /// Number of accounts.
    #[getter]
    fn accounts(&self) -> usize {
        self.0.accounts()
    }

    /// Indices of the accounts.
    fn indices(&self) -> Vec<u32> {
        self.0.leaves().map(|(index, _)| index).collect()
    }

    /// The leaf of an account, if it exists.
    fn leaf(&self, index: u32) -> Option<String> {
        self.0.leaf(index).map(|leaf: &Leaf| written(leaf))
    }

    /// Clears a sealed batch in its file form. This state stays as it is.
    fn clear(&self, py: Python<'_>, batch: String) -> Result<Cleared, Failure> {
        let mut state = self.0.clone();
        interrupt::run(py, None, None, move |_| {
            let cleared = clear(&mut state, &batch)?;
            Ok::<_, CoreError>(Cleared { batch: cleared, after: state })
        })
    }
}

fn clear(state: &mut state::State, batch: &str) -> Result<ClearedBatch, CoreError> {
    let (params, sealed) = json::read_batch(batch)?;
    if params != *state.params() {
        let what = format!("it is of parameter set {}, the state is of {}", params.name, state.params().name);
        return Err(batch::BatchError::Malformed { what }.into());
    }
    batch::clear(&params, state, &sealed)
}

/// A cleared batch.
#[pyclass(frozen, module = "prover._native")]
pub struct Cleared {
    /// What clearing made of it.
    pub batch: ClearedBatch,
    after: state::State,
}

#[pymethods]
impl Cleared {
    /// Numbers of the batch.
    #[getter]
    fn summary(&self) -> Summary {
        let batch = &self.batch;
        Summary {
            start_root: Field(batch.start_root),
            end_root: Field(batch.end_root),
            risk_root: Field(batch.risk_root),
            seal_root: batch.seal_root,
            active_orders: batch.active_orders,
            segments: batch.segments(),
        }
    }

    /// Columns of the auctions, one a risk row: price, cut, whether the cut's side is buy, volume, count.
    #[getter]
    fn auctions<'py>(&self, py: Python<'py>) -> AuctionColumns<'py> {
        let rows = &self.batch.auctions;
        let (prices, volumes) = (column(rows, |row| row.price), column(rows, |row| row.volume));
        let (cuts, counts) = (column(rows, |row| row.cut), column(rows, |row| row.count));
        let sides = column(rows, |row| row.cut_side.is_buy()).into_pyarray(py);
        (prices.into_pyarray(py), cuts.into_pyarray(py), sides, volumes.into_pyarray(py), counts.into_pyarray(py))
    }

    /// The touches, in order.
    #[getter]
    fn touches(&self) -> Vec<TouchResult> {
        let (touches, context) = (&self.batch.touches, &self.batch.context);
        let pairs = touches.iter().zip(&self.batch.sealed.touches);
        pairs.map(|(touch, sealed)| TouchResult::new(touch, sealed.index, context)).collect()
    }

    /// The state after the batch.
    #[getter]
    fn state(&self) -> State {
        State(self.after.clone())
    }
}

type Array<'py, T> = Bound<'py, PyArray1<T>>;
type AuctionColumns<'py> = (Array<'py, u64>, Array<'py, u32>, Array<'py, bool>, Array<'py, u64>, Array<'py, u64>);

fn column<T>(rows: &[AuctionRow], of: impl Fn(&AuctionRow) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

/// Numbers of a cleared batch.
#[derive(IntoPyObject)]
pub struct Summary {
    start_root: Field,
    end_root: Field,
    risk_root: Field,
    seal_root: [u8; 32],
    active_orders: u32,
    segments: usize,
}

/// What became of a touch. Leaves are JSON; amounts are in the units of the core.
#[derive(IntoPyObject)]
pub struct TouchResult {
    index: u32,
    old: Option<String>,
    new: Option<String>,
    cash: i128,
    claims: Vec<i128>,
    losses: Vec<i128>,
    failure: Option<FailureParts>,
    withdrawal: u128,
    paid: u128,
    admitted: bool,
    fee_credit: i128,
    expiry_value: i128,
    orders: Vec<(u32, u8, bool, bool)>,
    words: Vec<Field>,
}

impl TouchResult {
    #[rustfmt::skip] // one line a field
    fn new(touch: &ClearedTouch, index: u32, context: &Context) -> Self {
        let ClearedTouch { cash, withdrawal, paid, admitted, fee_credit, expiry_value, .. } = *touch;
        let (old, new) = (touch.old.as_ref().map(written), touch.new.as_ref().map(written));
        let (claims, losses) = (touch.claims.clone(), touch.losses.clone());
        let orders = touch.orders.iter().map(order_result).collect();
        let words = touch.words.iter().copied().map(Field).collect();
        let failure = margin::first_failure(&claims, &losses, context).map(failure);
        Self { index, old, new, cash, claims, losses, failure, withdrawal, paid, admitted, fee_credit, expiry_value, orders, words }
    }
}

/// Fill, reason, whether it survived tests 1 to 9, whether it was admitted.
fn order_result(order: &ClearedOrder) -> (u32, u8, bool, bool) {
    (order.fill, order.reason.code(), order.survived, order.admitted)
}

/// Scenario (none: the mark), shortfall and worst loss in cash units.
const fn failure(failure: margin::Failure) -> FailureParts {
    let scenario = match failure.scenario {
        Scenario::Number(number) => Some(number),
        Scenario::Mark => None,
    };
    (scenario, failure.shortfall, failure.worst_loss)
}

type FailureParts = (Option<usize>, i128, i128);

/// Claims and losses of an account with orders that were tested by margin, and the failure if it fails.
type Margin = (Vec<i128>, Vec<i128>, Option<FailureParts>);

/// Margin of a leaf under a risk table, with orders (JSON of each) as test 10 sees them.
#[pyfunction]
pub fn account_margin(leaf: &str, risk: &str, context: &str, orders: Vec<String>) -> Result<Margin, Failure> {
    let (leaf, context): (Leaf, Context) = (record("the leaf", leaf)?, record("the context", context)?);
    let (params, table) = json::read_risk(risk)?;
    let orders = orders.iter().map(|order| record("the order", order)).collect::<Result<Vec<Order>, _>>()?;
    // None of the three need belong to a batch that was cleared: out of their ranges margin means nothing.
    context.check()?;
    leaf.check(0, &params)?;
    orders.iter().try_for_each(checked)?;
    let view = Table::new(&table, &[]);
    let portfolio = Portfolio { cash: leaf.cash, positions: netting::expire(0, &leaf.positions, &view)?.open };
    let withdrawal = orders.iter().filter(|order| order.kind == Kind::Withdraw).map(Order::withdrawal_amount).sum();
    let margin = margin::assess(&portfolio, &trades(&orders, &view)?, withdrawal, &context, params.scenarios);
    let failure = margin.first_failure(&context).map(failure);
    Ok((margin.claims, margin.losses, failure))
}

fn trades<'a>(orders: &[Order], table: &Table<'a>) -> Result<Vec<TradeRisk<'a>>, Failure> {
    orders.iter().filter(|order| order.kind == Kind::Trade).map(|order| trade(order, table)).collect()
}

fn trade<'a>(order: &Order, table: &Table<'a>) -> Result<TradeRisk<'a>, Failure> {
    let Order { side, quantity, limit, instrument, .. } = *order;
    let message = || format!("the table has no instrument {instrument}");
    let unknown = || raise::<RiskTableError>(message(), vec![("instrument", instrument.into())]);
    Ok(TradeRisk { side, quantity, limit, row: table.open_row(instrument).ok_or_else(unknown)? })
}
