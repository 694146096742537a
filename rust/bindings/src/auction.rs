//! The call auction on columns of numpy arrays.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use tacit_core::auction::{AuctionOrder, AuctionRow, Clearing, Mark, clear_orders};
use tacit_core::batch::BatchError as CoreBatchError;
use tacit_core::order::Side;
use tacit_core::units::{InstrumentId, Price, Quantity, Sequence};

use crate::error::Failure;

type Column<'py, T> = PyReadonlyArray1<'py, T>;
type Array<'py, T> = Bound<'py, PyArray1<T>>;

/// Columns of orders: instrument, buy, quantity, limit, sequence.
#[derive(FromPyObject)]
pub struct OrderColumns<'py>(Column<'py, u32>, Column<'py, bool>, Column<'py, u32>, Column<'py, u64>, Column<'py, u32>);

/// Columns of marks: instrument, price.
#[derive(FromPyObject)]
pub struct MarkColumns<'py>(Column<'py, u32>, Column<'py, u64>);

/// Columns of auctions: price, cut, cut's side is buy, volume, count; then the fill of each order.
type Cleared<'py> =
    (Array<'py, u64>, Array<'py, u32>, Array<'py, bool>, Array<'py, u64>, Array<'py, u64>, Array<'py, u32>);

/// Clears all instruments at once; `active_orders` is n of section 5.
#[pyfunction]
pub fn clear_columns<'py>(
    py: Python<'py>,
    orders: OrderColumns<'py>,
    marks: MarkColumns<'py>,
    active_orders: u32,
) -> Result<Cleared<'py>, Failure> {
    let (orders, marks) = (orders.read()?, marks.read()?);
    let clearing = py.detach(|| clear_orders(&marks, &orders, active_orders))?;
    Ok(columns(py, &clearing))
}

impl OrderColumns<'_> {
    fn read(&self) -> Result<Vec<AuctionOrder>, Failure> {
        let (instruments, buys, quantities) = (self.0.as_array(), self.1.as_array(), self.2.as_array());
        let (limits, sequences) = (self.3.as_array(), self.4.as_array());
        let order = |at| order(instruments[at], buys[at], quantities[at], limits[at], sequences[at]);
        Ok((0..instruments.len()).map(order).collect::<Result<_, _>>()?)
    }
}

impl MarkColumns<'_> {
    fn read(&self) -> Result<Vec<Mark>, Failure> {
        let (instruments, prices) = (self.0.as_array(), self.1.as_array());
        let mark = |at| Ok(Mark { instrument: InstrumentId::new(instruments[at])?, price: Price::new(prices[at])? });
        Ok((0..instruments.len()).map(mark).collect::<Result<_, CoreBatchError>>()?)
    }
}

fn order(instrument: u32, buy: bool, quantity: u32, limit: u64, sequence: u32) -> Result<AuctionOrder, CoreBatchError> {
    Ok(AuctionOrder {
        instrument: InstrumentId::new(instrument)?,
        side: if buy { Side::Buy } else { Side::Sell },
        quantity: Quantity::new(quantity)?,
        limit: Price::new(limit)?,
        sequence: Sequence::new(sequence)?,
    })
}

fn columns<'py>(py: Python<'py>, clearing: &Clearing) -> Cleared<'py> {
    let rows = &clearing.rows;
    let (prices, volumes) = (column(rows, |row| row.price), column(rows, |row| row.volume));
    let (cuts, counts) = (column(rows, |row| row.cut), column(rows, |row| row.count));
    let sides = column(rows, |row| row.cut_side.is_buy()).into_pyarray(py);
    let fills = clearing.fills.clone().into_pyarray(py);
    (prices.into_pyarray(py), cuts.into_pyarray(py), sides, volumes.into_pyarray(py), counts.into_pyarray(py), fills)
}

fn column<T>(rows: &[AuctionRow], of: impl Fn(&AuctionRow) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
