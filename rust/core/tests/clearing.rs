//! The auction on its own: the price rule and the fill rules of section 5, by brute force on small books.

use proptest::prelude::*;
use tacit_core::auction::{AuctionOrder, AuctionRow, Clearing, Mark, clear_orders};
use tacit_core::batch::BatchError;
use tacit_core::order::Side;
use tacit_core::units::{InstrumentId, Price, Quantity, Sequence};

const HIGHEST: u64 = (1 << 42) - 1;

fn an_order(instrument: u32, side: Side, quantity: u32, limit: u64, sequence: u32) -> AuctionOrder {
    AuctionOrder {
        instrument: InstrumentId::new(instrument).expect("an id"),
        side,
        quantity: Quantity::new(quantity).expect("lots"),
        limit: Price::new(limit).expect("a price"),
        sequence: Sequence::new(sequence).expect("a place"),
    }
}

fn a_mark(instrument: u32, price: u64) -> Mark {
    Mark { instrument: InstrumentId::new(instrument).expect("an id"), price: Price::new(price).expect("a price") }
}

/// A book of instrument 1 at a mark, orders `(side, quantity, limit)` in sequence.
fn clear_book(mark: u64, book: &[(Side, u32, u64)]) -> (AuctionRow, Vec<u32>) {
    let orders: Vec<_> = (1..).zip(book).map(|(s, &(side, lots, limit))| an_order(1, side, lots, limit, s)).collect();
    let n = u32::try_from(book.len()).expect("a small book");
    let Clearing { rows, fills } = clear_orders(&[a_mark(1, mark)], &orders, n).expect("a sound book");
    (rows[0], fills)
}

fn demand(book: &[(Side, u32, u64)], price: i64) -> u64 {
    let buys = book.iter().filter(|order| order.0 == Side::Buy && i128::from(order.2) >= i128::from(price));
    buys.map(|order| u64::from(order.1)).sum()
}

fn supply(book: &[(Side, u32, u64)], price: i64) -> u64 {
    let sells = book.iter().filter(|order| order.0 == Side::Sell && i128::from(order.2) <= i128::from(price));
    sells.map(|order| u64::from(order.1)).sum()
}

/// The definition, price by price over a range that holds every limit and the mark.
fn brute_price(mark: u64, book: &[(Side, u32, u64)], highest: i64) -> u64 {
    let feasible = |p: &i64| demand(book, p + 1) <= supply(book, *p) && supply(book, p - 1) <= demand(book, *p);
    let prices = (0..=highest).filter(feasible);
    prices.map(|p| p as u64).min_by_key(|p| p.abs_diff(mark)).expect("never empty")
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Buy), Just(Side::Sell)]
}

fn small_book() -> impl Strategy<Value = Vec<(Side, u32, u64)>> {
    prop::collection::vec((side(), 1u32..6, 0u64..12), 0..9)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn the_price_is_the_feasible_one_nearest_the_mark(mark in 0u64..14, book in small_book()) {
        let (row, _) = clear_book(mark, &book);
        prop_assert_eq!(row.price, brute_price(mark, &book, 15));
    }

    #[test]
    fn volume_is_the_greatest_that_any_price_allows(mark in 0u64..14, book in small_book()) {
        let (row, _) = clear_book(mark, &book);
        let most = (0..=15).map(|p| demand(&book, p).min(supply(&book, p))).max();
        prop_assert_eq!(Some(row.volume), most);
    }

    #[test]
    fn buys_equal_sells_and_no_order_passes_limit_or_quantity(mark in 0u64..14, book in small_book()) {
        let (row, fills) = clear_book(mark, &book);
        let total = |side| -> u64 { book.iter().zip(&fills).filter(|(o, _)| o.0 == side).map(|(_, f)| u64::from(*f)).sum() };
        prop_assert_eq!(total(Side::Buy), row.volume);
        prop_assert_eq!(total(Side::Sell), row.volume);
        for (&(side, quantity, limit), &fill) in book.iter().zip(&fills) {
            prop_assert!(fill <= quantity);
            let accepts = if side == Side::Buy { limit >= row.price } else { limit <= row.price };
            prop_assert!(accepts || fill == 0);
        }
    }

    #[test]
    fn better_limits_fill_first_and_then_smaller_sequence_numbers(mark in 0u64..14, book in small_book()) {
        let (row, fills) = clear_book(mark, &book);
        for (i, a) in book.iter().enumerate() {
            let better = if a.0 == Side::Buy { a.2 > row.price } else { a.2 < row.price };
            prop_assert!(!better || fills[i] == a.1, "a strictly better limit fills in full");
            for (j, b) in book.iter().enumerate().skip(i + 1) {
                let rivals = a.0 == b.0 && a.2 == row.price && b.2 == row.price;
                prop_assert!(!rivals || fills[i] == a.1 || fills[j] == 0, "an earlier order at the price fills first");
            }
        }
    }

    #[test]
    fn side_and_cut_are_canonical(mark in 0u64..14, book in small_book()) {
        let (row, fills) = clear_book(mark, &book);
        let price = row.price as i64;
        let (bought, sold) = (demand(&book, price), supply(&book, price));
        let side = if sold > bought { Side::Sell } else { Side::Buy };
        let open = |(i, o): (usize, &(Side, u32, u64))| (o.0 == side && o.2 == row.price && fills[i] < o.1).then_some(i + 1);
        let first = book.iter().enumerate().find_map(open);
        let cut = if bought == sold { book.len() + 1 } else { first.expect("someone is not filled in full") };
        prop_assert_eq!((row.cut_side, row.cut as usize), (side, cut));
        let partial = book.iter().zip(&fills).filter(|(o, f)| 0 < **f && **f < o.1).count();
        prop_assert!(partial <= 1, "only the order at the cut is filled in part");
    }

    #[test]
    fn a_price_off_the_mark_is_proven_by_its_count(mark in 0u64..14, book in small_book()) {
        let (row, fills) = clear_book(mark, &book);
        let above = row.price > mark;
        let at_price = book.iter().zip(&fills).filter(|(o, _)| o.2 == row.price);
        let part = |o: &(Side, u32, u64), f: u32| u64::from(if (o.0 == Side::Buy) == above { o.1 - f } else { f });
        prop_assert_eq!(row.count, at_price.map(|(o, f)| part(o, *f)).sum::<u64>());
        prop_assert!(row.price == mark || row.count > 0);
    }

    #[test]
    fn instruments_clear_apart_from_one_another(books in prop::collection::vec((0u64..14, small_book()), 1..4)) {
        let marks: Vec<_> = (1..).zip(&books).map(|(id, (mark, _))| a_mark(10 * id, *mark)).collect();
        let all = (1..).zip(&books).flat_map(|(id, (_, book))| book.iter().map(move |order| (10 * id, *order)));
        let orders: Vec<_> = (1..).zip(all).map(|(s, (id, o))| an_order(id, o.0, o.1, o.2, s)).collect();
        let clearing = clear_orders(&marks, &orders, orders.len() as u32).expect("sound books");
        let mut fills = clearing.fills.iter().copied();
        for ((mark, book), row) in books.iter().zip(&clearing.rows) {
            let (alone, alone_fills) = clear_book(*mark, book);
            prop_assert_eq!((row.price, row.volume, row.count), (alone.price, alone.volume, alone.count));
            prop_assert_eq!(fills.by_ref().take(book.len()).collect::<Vec<_>>(), alone_fills);
        }
    }
}

#[test]
fn without_orders_the_price_is_the_mark_and_there_is_no_cut() {
    for mark in [0, 1, 777, HIGHEST] {
        let expected = AuctionRow { price: mark, cut: 1, cut_side: Side::Buy, volume: 0, count: 0 };
        assert_eq!(clear_book(mark, &[]), (expected, vec![]));
    }
}

#[test]
fn one_sided_books_keep_their_orders_out_of_the_money() {
    let (row, fills) = clear_book(100, &[(Side::Buy, 5, 120)]);
    assert_eq!((row.price, row.cut, row.cut_side, row.volume, fills), (120, 1, Side::Buy, 0, vec![0]));
    let (row, fills) = clear_book(100, &[(Side::Sell, 5, 80)]);
    assert_eq!((row.price, row.cut, row.cut_side, row.volume, fills), (80, 1, Side::Sell, 0, vec![0]));
    let (row, _) = clear_book(100, &[(Side::Buy, 5, 90)]);
    assert_eq!((row.price, row.cut), (100, 2));
}

#[test]
fn limits_and_marks_at_the_ends_of_the_range_clear() {
    let (row, fills) = clear_book(5, &[(Side::Buy, 3, HIGHEST), (Side::Sell, 2, 0)]);
    assert_eq!((row.price, row.volume, fills), (HIGHEST, 2, vec![2, 2]));
    let (row, fills) = clear_book(HIGHEST, &[(Side::Buy, 2, HIGHEST), (Side::Sell, 2, 0)]);
    assert_eq!((row.price, row.volume, fills), (HIGHEST, 2, vec![2, 2]));
    let (row, fills) = clear_book(5, &[(Side::Buy, 2, 0), (Side::Sell, 3, 0)]);
    assert_eq!((row.price, row.cut_side, row.cut, fills), (0, Side::Sell, 2, vec![2, 2]));
}

#[test]
fn orders_without_a_mark_and_marks_out_of_order_are_refused() {
    let order = an_order(2, Side::Buy, 1, 1, 1);
    assert!(matches!(clear_orders(&[a_mark(1, 1)], &[order], 1), Err(BatchError::Auction { instrument: 2, .. })));
    let marks = [a_mark(2, 1), a_mark(2, 1)];
    assert!(matches!(clear_orders(&marks, &[], 0), Err(BatchError::Auction { instrument: 2, .. })));
    assert!(matches!(clear_orders(&[a_mark(2, 1)], &[order], 0), Err(BatchError::Range { .. })));
    assert!(matches!(clear_orders(&[], &[], u32::MAX), Err(BatchError::Range { .. })));
}
