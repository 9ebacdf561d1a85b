//! Settles a cleared auction: who gets what, who trades with whom, and the funds of each step. Buys and sells are each
//! walked by seat number; a step closes an order that gets nothing, or pairs a buy with a sell and closes at least one.
use crate::{
    book::{ASKS, BIDS},
    generated::{
        AuctionFill, AuctionFilled, AuctionResult, AuctionSettled, AUCTION_SETTLED, MAX_AUCTION_STEPS, SIDE_BUY,
        TICK_COUNT,
    },
    matching::add_to_interval,
    state::{Auction, AuctionOrder, FillRecord, Market, Seat},
    units::value_ucredit,
};
use campusgrid_sdk::{entry::SCRATCH_BYTES, event, math, Fault, Outcome};

const STEPS: usize = MAX_AUCTION_STEPS as usize;
/// Where the results begin in the scratch memory; the fills stand before.
const RESULTS_AT: usize = 4_096;
const _: () = assert!(AuctionFilled::HEAD + STEPS * AuctionFilled::ITEM <= RESULTS_AT);
// What one call logs at most, within the 6 kB that an instruction may.
const _: () = assert!(
    AuctionFilled::HEAD + STEPS * AuctionFilled::ITEM + AuctionSettled::HEAD + 2 * STEPS * AuctionSettled::ITEM < 6_000
);

/// When the call came.
pub struct Moment {
    /// Campus time, UTC seconds.
    pub now_s: i64,
    /// Interval of that time.
    pub interval: u32,
}

/// Where a side stands.
enum Reached {
    /// The seat's order trades.
    Trading(u16),
    /// An order that gets nothing was closed.
    Closed,
    /// No order is left.
    End,
}

/// A call of settle_auction on its way through the orders.
pub struct Settling<'a, 'b> {
    market: &'a mut Market,
    auction: Auction<'b>,
    moment: Moment,
    fills: usize,
    results: usize,
    value_ucredit: u64,
    lots: u64,
    scratch: &'a mut [u8; SCRATCH_BYTES],
}

impl<'a, 'b> Settling<'a, 'b> {
    #[inline(always)]
    pub fn new(
        market: &'a mut Market,
        auction: Auction<'b>,
        moment: Moment,
        scratch: &'a mut [u8; SCRATCH_BYTES],
    ) -> Settling<'a, 'b> {
        Settling { market, auction, moment, fills: 0, results: 0, value_ucredit: 0, lots: 0, scratch }
    }

    /// Do `steps` steps, or what is left, and tell what was done.
    #[inline(always)]
    pub fn run(mut self, steps: usize) -> Outcome {
        let mut fills_hash = self.market.fills_hash;
        let first_trade = self.market.trade_seq + 1;
        for _ in 0..steps {
            let buy = self.reach::<BIDS>()?;
            if matches!(buy, Reached::Closed) {
                continue;
            }
            match (buy, self.reach::<ASKS>()?) {
                (_, Reached::Closed) => {}
                (Reached::Trading(buy), Reached::Trading(sell)) => self.trade(buy, sell, &mut fills_hash)?,
                (Reached::End, Reached::End) => break,
                // Both sides trade the same sum, so neither can end before the other.
                _ => return Err(Fault::OVERFLOW),
            }
        }
        if self.fills != 0 {
            self.market.fills_hash = fills_hash;
            self.market.last_interval = self.moment.interval;
            self.market.traded_lots = math::add(self.market.traded_lots, self.lots)?;
            self.market.traded_ucredit = math::add(self.market.traded_ucredit, self.value_ucredit)?;
            add_to_interval(self.market, self.moment.interval, self.lots, self.value_ucredit, self.fills as u64)?;
            self.tell_fills(first_trade);
        }
        let head = &mut *self.auction.head;
        head.settled_orders += self.results as u32;
        head.settled_lots += self.lots as u32;
        self.market.auction_cursor = head.settled_orders;
        self.market.auction_lots = math::sub(self.market.auction_lots, self.lots)?;
        if head.orders_standing == 0 {
            head.state = AUCTION_SETTLED;
            self.market.auction_state = AUCTION_SETTLED;
        }
        self.tell_results();
        Ok(())
    }

    /// Go to the order of a side that is being settled, or on to the next one.
    #[inline(always)]
    fn reach<const SIDE: usize>(&mut self) -> Outcome<Reached> {
        if self.auction.head.due_lots[SIDE] != 0 {
            return Ok(Reached::Trading(self.auction.head.cursor[SIDE]));
        }
        let Some(seat) = self.auction.next_seat(SIDE, self.auction.head.cursor[SIDE]) else {
            return Ok(Reached::End);
        };
        self.auction.head.cursor[SIDE] = seat;
        let order = self.auction.orders[usize::from(seat)][SIDE];
        let due = self.due::<SIDE>(&order);
        if due == 0 {
            self.close::<SIDE>(seat)?;
            return Ok(Reached::Closed);
        }
        self.auction.head.due_lots[SIDE] = due;
        Ok(Reached::Trading(seat))
    }

    /// Lots an order gets. Asked once for each order, by seat number, so the shares of the marginal ones add up exactly.
    #[inline(always)]
    fn due<const SIDE: usize>(&mut self, order: &AuctionOrder) -> u32 {
        let head = &mut *self.auction.head;
        let is_long = head.long_side as usize == SIDE;
        let worst = if is_long { head.marginal_tick } else { head.tick };
        if head.tick == 0 || (if SIDE == BIDS { order.tick < worst } else { order.tick > worst }) {
            return 0;
        }
        if !(is_long && order.tick == worst) {
            return order.lots;
        }
        // F and c are below 2³², so the products fit; Q is at least the lots of this order.
        let (fill, all) = (u64::from(head.marginal_fill_lots), u64::from(head.marginal_lots));
        let before = u64::from(head.marginal_run_lots);
        let run = before + u64::from(order.lots);
        head.marginal_run_lots = run as u32;
        (fill * run / all - fill * before / all) as u32
    }

    /// Let a buy and a sell trade what both are still due, at the auction's price.
    #[inline(always)]
    fn trade(&mut self, buy: u16, sell: u16, fills_hash: &mut [u8; 32]) -> Outcome {
        let due = self.auction.head.due_lots;
        let lots = if due[BIDS] < due[ASKS] { due[BIDS] } else { due[ASKS] };
        let tick = self.auction.head.tick;
        let value = value_ucredit(lots, tick);

        let order = &mut self.auction.orders[usize::from(buy)][BIDS];
        order.filled_lots += lots;
        let bound = value_ucredit(lots, order.tick);
        let buyer = &mut self.market.seats[usize::from(buy)];
        buyer.credit_locked_ucredit = math::sub(buyer.credit_locked_ucredit, bound)?;
        buyer.credit_free_ucredit = math::add(buyer.credit_free_ucredit, math::sub(bound, value)?)?;
        buyer.grid_free_lots = math::add(buyer.grid_free_lots, u64::from(lots))?;
        count(buyer, lots, value)?;

        self.auction.orders[usize::from(sell)][ASKS].filled_lots += lots;
        let seller = &mut self.market.seats[usize::from(sell)];
        seller.grid_locked_lots = math::sub(seller.grid_locked_lots, u64::from(lots))?;
        seller.credit_free_ucredit = math::add(seller.credit_free_ucredit, value)?;
        count(seller, lots, value)?;

        let trade = self.market.trade_seq + 1;
        self.market.trade_seq = trade;
        let fill = FillRecord {
            trade,
            maker_order: self.auction.order_id(sell, ASKS),
            taker_order: self.auction.order_id(buy, BIDS),
            interval: self.moment.interval,
            lots,
            tick,
            maker_seat: sell,
            taker_seat: buy,
            taker_side: SIDE_BUY,
            reserved: 0,
            campus_time: self.moment.now_s,
        };
        fill.keep(self.market, fills_hash);
        let at = AuctionFilled::HEAD + self.fills * AuctionFilled::ITEM;
        if let Some(room) = self.scratch.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            AuctionFill { buy_seat: buy, sell_seat: sell, lots }.write(room);
        }
        self.fills += 1;
        self.lots += u64::from(lots);
        self.value_ucredit = math::add(self.value_ucredit, value)?;

        self.auction.head.due_lots = [due[BIDS] - lots, due[ASKS] - lots];
        if due[BIDS] == lots {
            self.close::<BIDS>(buy)?;
        }
        if due[ASKS] == lots {
            self.close::<ASKS>(sell)?;
        }
        Ok(())
    }

    /// Free what the order did not need and let it stand no longer.
    #[inline(always)]
    fn close<const SIDE: usize>(&mut self, seat: u16) -> Outcome {
        let order = self.auction.orders[usize::from(seat)][SIDE];
        unbind::<SIDE>(&mut self.market.seats[usize::from(seat)], order.lots - order.filled_lots, order.tick)?;
        self.auction.leave(seat, SIDE, (order.tick - self.market.min_tick) & (TICK_COUNT - 1));
        let at = RESULTS_AT + AuctionSettled::HEAD + self.results * AuctionSettled::ITEM;
        if let Some(room) = self.scratch.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            AuctionResult { slot: seat << 1 | SIDE as u16, lots: order.lots, filled_lots: order.filled_lots }.write(room);
        }
        self.results += 1;
        Ok(())
    }

    /// Emit the fills; they stand in the scratch memory, so head and count alone are written here.
    #[inline(always)]
    fn tell_fills(&mut self, first_trade: u64) {
        let head = AuctionFilled {
            seq: self.market.next_event(),
            auction: self.auction.head.interval,
            first_trade,
            campus_time: self.moment.now_s,
            interval: self.moment.interval,
            tick: self.auction.head.tick,
        };
        let end = AuctionFilled::HEAD + self.fills * AuctionFilled::ITEM;
        let bytes = &mut self.scratch[..end];
        let _ = head.begin(bytes);
        bytes[AuctionFilled::HEAD - 4..AuctionFilled::HEAD].copy_from_slice(&(self.fills as u32).to_le_bytes());
        event::emit(bytes);
    }

    /// Emit what became of the orders, likewise.
    #[inline(always)]
    fn tell_results(&mut self) {
        let head = AuctionSettled {
            seq: self.market.next_event(),
            interval: self.auction.head.interval,
            orders_left: self.auction.head.orders_standing,
        };
        let end = RESULTS_AT + AuctionSettled::HEAD + self.results * AuctionSettled::ITEM;
        let bytes = &mut self.scratch[RESULTS_AT..end];
        let _ = head.begin(bytes);
        bytes[AuctionSettled::HEAD - 4..AuctionSettled::HEAD].copy_from_slice(&(self.results as u32).to_le_bytes());
        event::emit(bytes);
    }
}

/// Make the funds free again that `lots` of an auction order bind: a buy its lots at its own limit, a sell its lots.
#[inline(always)]
pub fn unbind<const SIDE: usize>(seat: &mut Seat, lots: u32, tick: u16) -> Outcome {
    if SIDE == BIDS {
        let value = value_ucredit(lots, tick);
        seat.credit_locked_ucredit = math::sub(seat.credit_locked_ucredit, value)?;
        seat.credit_free_ucredit = math::add(seat.credit_free_ucredit, value)?;
    } else {
        seat.grid_locked_lots = math::sub(seat.grid_locked_lots, u64::from(lots))?;
        seat.grid_free_lots = math::add(seat.grid_free_lots, u64::from(lots))?;
    }
    Ok(())
}

/// Count a trade of the seat.
#[inline(always)]
fn count(seat: &mut Seat, lots: u32, value_ucredit: u64) -> Outcome {
    seat.traded_lots = math::add(seat.traded_lots, u64::from(lots))?;
    seat.traded_ucredit = math::add(seat.traded_ucredit, value_ucredit)?;
    Ok(())
}
