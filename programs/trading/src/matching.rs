//! Decides which resting orders a new order trades with, and settles each fill at once: price first, then time, at the
//! maker's price. What happens to the rest of the new order is left to `entering`.
use crate::{
    book::{ASKS, BIDS},
    generated::{
        Filled, OrderChanged, OrderOut, PackedFill, TradingError, FILLS_PER_EVENT, FILL_RING, INTERVAL_RING, MM_ACTIVE,
        OUTCOME_COMPLETE, OUTCOME_MATCH_LIMIT, OUTCOME_SELF_TRADE, OUTCOME_WOULD_CROSS, OUT_EXPIRED, OUT_SELF_TRADE,
        SELF_TRADE_CANCEL_MAKER, SELF_TRADE_CANCEL_TAKER, SELF_TRADE_DECREMENT, SIDE_BUY, SIDE_SELL,
    },
    processor::day_of,
    state::{FillRecord, Market, Order},
    units::{rebate_ucredit, value_ucredit},
};
use campusgrid_sdk::{event, math, Outcome};

const EVENT_SIZE: usize = Filled::HEAD + FILLS_PER_EVENT as usize * Filled::ITEM;

/// A new order on its way through the book.
pub struct Taker {
    /// Its id; it may never rest.
    pub order_id: u64,
    /// Campus time, UTC seconds.
    pub now_s: i64,
    /// Interval of that time.
    pub interval: u32,
    /// Lots still wanted.
    pub lots: u32,
    /// Lots taken off without a trade, because own orders stood in the way.
    pub decremented_lots: u32,
    /// Value of its fills so far, ucredit.
    pub value_ucredit: u64,
    /// Resting orders it may still touch.
    pub touches_left: u32,
    /// Limit price.
    pub tick: u16,
    /// Seat number.
    pub seat: u16,
    /// What to do on meeting an own order.
    pub self_trade: u8,
    /// Whether meeting any order ends it.
    pub post_only: bool,
    /// What a market maker gets of a fill's value, basis points: never more than the taker fee.
    pub rebate_bps: u64,
    /// Rebates that its makers have earned so far, ucredit.
    rebates_ucredit: u64,
    /// Why matching ended: OUTCOME_COMPLETE when nothing in reach is left or nothing more is wanted, else
    /// OUTCOME_MATCH_LIMIT, OUTCOME_SELF_TRADE or OUTCOME_WOULD_CROSS.
    pub stopped: u8,
    /// Fills made and not yet emitted, and the trade number of the first of them.
    pending: usize,
    first_pending: u64,
    event: [u8; EVENT_SIZE],
}

impl Taker {
    /// A taker that has not met anybody yet.
    #[inline(always)]
    pub fn new(order_id: u64, now_s: i64, interval: u32) -> Taker {
        Taker {
            order_id,
            now_s,
            interval,
            lots: 0,
            decremented_lots: 0,
            value_ucredit: 0,
            touches_left: 0,
            tick: 0,
            seat: 0,
            self_trade: 0,
            post_only: false,
            rebate_bps: 0,
            rebates_ucredit: 0,
            stopped: OUTCOME_COMPLETE,
            pending: 0,
            first_pending: 0,
            event: [0; EVENT_SIZE],
        }
    }

    /// Trade with the orders of side `MAKERS` in reach. The makers' seats, the rings and the totals are final after this;
    /// the taker's seat is the caller's part, by `value_ucredit` and by how far `lots` fell.
    ///
    /// # Errors
    /// `SelfTrade`.
    #[inline(always)]
    pub fn cross<const MAKERS: usize>(&mut self, market: &mut Market) -> Outcome {
        let wanted = self.lots;
        let first_trade = market.trade_seq;
        let mut fills_hash = market.fills_hash;
        loop {
            let tick = market.best_tick[MAKERS];
            if self.lots == 0 || !Market::reaches::<MAKERS>(tick, self.tick) {
                break;
            }
            if self.touches_left == 0 {
                self.stopped = OUTCOME_MATCH_LIMIT;
                break;
            }
            self.touches_left -= 1;
            let link = market.levels[MAKERS][usize::from(tick - market.min_tick)].head;
            let slot = link - 1;
            let maker = market.orders[usize::from(slot)];
            if maker.has_expired(self.interval) {
                Taker::take_out(market, slot, OUT_EXPIRED)?;
                continue;
            }
            if maker.seat == self.seat {
                match self.self_trade {
                    SELF_TRADE_CANCEL_MAKER => {
                        Taker::take_out(market, slot, OUT_SELF_TRADE)?;
                        continue;
                    }
                    SELF_TRADE_CANCEL_TAKER => {
                        self.stopped = OUTCOME_SELF_TRADE;
                        break;
                    }
                    SELF_TRADE_DECREMENT => {
                        self.decrement(market, slot, maker.lots)?;
                        continue;
                    }
                    _ => return Err(TradingError::SelfTrade.into()),
                }
            }
            if self.post_only {
                self.stopped = OUTCOME_WOULD_CROSS;
                break;
            }
            let lots = if maker.lots < self.lots { maker.lots } else { self.lots };
            let value = self.settle_maker::<MAKERS>(market, &maker, lots)?;
            self.lots -= lots;
            self.value_ucredit += value;
            if lots == maker.lots {
                market.unlink(slot, MAKERS, &maker)?;
            } else {
                market.orders[usize::from(slot)].lots = maker.lots - lots;
                let level = &mut market.levels[MAKERS][usize::from(tick - market.min_tick)];
                level.lots = math::sub(level.lots, u64::from(lots))?;
                market.side_lots[MAKERS] = math::sub(market.side_lots[MAKERS], u64::from(lots))?;
            }
            self.record::<MAKERS>(market, &maker, lots, &mut fills_hash);
        }
        self.flush(market, taker_side::<MAKERS>());
        if market.trade_seq != first_trade {
            market.fills_hash = fills_hash;
            market.last_interval = self.interval;
            // Prices only get worse for the taker, so the first and the last are the extremes.
            let first_tick = market.fills[first_trade as usize % FILL_RING as usize].tick;
            let last_tick = market.last_tick;
            let (low, high) = if MAKERS == ASKS { (first_tick, last_tick) } else { (last_tick, first_tick) };
            market.note_trades(low, high);
            let filled = u64::from(wanted - self.lots - self.decremented_lots);
            market.traded_lots = math::add(market.traded_lots, filled)?;
            market.traded_ucredit = math::add(market.traded_ucredit, self.value_ucredit)?;
            market.rebates_due_ucredit = math::add(market.rebates_due_ucredit, self.rebates_ucredit)?;
            add_to_interval(market, self.interval, filled, self.value_ucredit, market.trade_seq - first_trade)?;
        }
        Ok(())
    }

    /// Move the maker's side of a fill; returns its value, ucredit. A bid's funds are bound at its own price, which is the
    /// price of the fill, so nothing is left over. A market maker on duty today earns its rebate, rounded down.
    #[inline(always)]
    fn settle_maker<const MAKERS: usize>(&mut self, market: &mut Market, maker: &Order, lots: u32) -> Outcome<u64> {
        let value = value_ucredit(lots, maker.tick);
        let seat = &mut market.seats[usize::from(maker.seat)];
        if MAKERS == BIDS {
            seat.credit_locked_ucredit = math::sub(seat.credit_locked_ucredit, value)?;
            seat.grid_free_lots = math::add(seat.grid_free_lots, u64::from(lots))?;
        } else {
            seat.grid_locked_lots = math::sub(seat.grid_locked_lots, u64::from(lots))?;
            seat.credit_free_ucredit = math::add(seat.credit_free_ucredit, value)?;
        }
        seat.traded_lots = math::add(seat.traded_lots, u64::from(lots))?;
        seat.traded_ucredit = math::add(seat.traded_ucredit, value)?;
        if seat.mm_flags & MM_ACTIVE != 0 && seat.mm_day == day_of(self.interval) {
            let rebate = rebate_ucredit(value, self.rebate_bps);
            seat.mm_rebate_ucredit = math::add(seat.mm_rebate_ucredit, rebate)?;
            self.rebates_ucredit += rebate;
        }
        Ok(value)
    }

    /// Write the fill to the ring, take it into the running hash and into the pending event.
    #[inline(always)]
    fn record<const MAKERS: usize>(
        &mut self,
        market: &mut Market,
        maker: &Order,
        lots: u32,
        fills_hash: &mut [u8; 32],
    ) {
        if self.pending == FILLS_PER_EVENT as usize {
            self.flush(market, taker_side::<MAKERS>());
        }
        let trade = market.trade_seq + 1;
        market.trade_seq = trade;
        market.last_tick = maker.tick;
        let fill = FillRecord {
            trade,
            maker_order: maker.order_id,
            taker_order: self.order_id,
            interval: self.interval,
            lots,
            tick: maker.tick,
            maker_seat: maker.seat,
            taker_seat: self.seat,
            taker_side: taker_side::<MAKERS>(),
            reserved: 0,
            campus_time: self.now_s,
        };
        fill.keep(market, fills_hash);
        if self.pending == 0 {
            self.first_pending = trade;
        }
        let at = Filled::HEAD + self.pending * Filled::ITEM;
        if let Some(room) = self.event.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
            PackedFill { maker_order: maker.order_id, lots, tick: maker.tick, maker_seat: maker.seat }.write(room);
        }
        self.pending += 1;
    }

    /// Emit the pending fills as one event.
    #[inline(never)]
    fn flush(&mut self, market: &mut Market, taker_side: u8) {
        if self.pending == 0 {
            return;
        }
        let head = Filled {
            seq: market.next_event(),
            taker_order: self.order_id,
            first_trade: self.first_pending,
            campus_time: self.now_s,
            interval: self.interval,
            taker_seat: self.seat,
            taker_side,
        };
        // The items stand in the buffer already, so only head and count are written here.
        let _ = head.begin(&mut self.event);
        self.event[Filled::HEAD - 4..Filled::HEAD].copy_from_slice(&(self.pending as u32).to_le_bytes());
        event::emit(&self.event[..Filled::HEAD + self.pending * Filled::ITEM]);
        self.pending = 0;
    }

    /// Take the smaller of the taker's and an own order's lots off both.
    #[inline(never)]
    fn decrement(&mut self, market: &mut Market, slot: u16, maker_lots: u32) -> Outcome {
        if maker_lots > self.lots {
            market.shrink(slot, self.lots)?;
            emit_order_changed(market, slot);
            self.decremented_lots += self.lots;
            self.lots = 0;
        } else {
            self.lots -= maker_lots;
            self.decremented_lots += maker_lots;
            Taker::take_out(market, slot, OUT_SELF_TRADE)?;
        }
        if self.lots == 0 {
            self.stopped = OUTCOME_SELF_TRADE;
        }
        Ok(())
    }

    /// Take a resting order out of the taker's way. The pending fills stay pending: emitting them here would let a book
    /// of alternating live and expired orders fill the log beyond what the runtime keeps.
    #[inline(never)]
    fn take_out(market: &mut Market, slot: u16, reason: u8) -> Outcome {
        let order = market.take_out(slot)?;
        emit_order_out(market, &order, reason);
        Ok(())
    }
}

/// Side of a taker that meets makers of side `MAKERS`.
#[inline(always)]
const fn taker_side<const MAKERS: usize>() -> u8 {
    if MAKERS == ASKS {
        SIDE_BUY
    } else {
        SIDE_SELL
    }
}

/// Add trades to the totals of the interval; an entry of an older interval starts anew.
#[inline(always)]
pub fn add_to_interval(market: &mut Market, interval: u32, lots: u64, value_ucredit: u64, trades: u64) -> Outcome {
    let totals = &mut market.intervals[interval as usize % INTERVAL_RING as usize];
    if totals.interval != interval {
        totals.interval = interval;
        totals.trades = 0;
        totals.lots = 0;
        totals.value_ucredit = 0;
    }
    totals.trades += trades as u32;
    totals.lots = math::add(totals.lots, lots)?;
    totals.value_ucredit = math::add(totals.value_ucredit, value_ucredit)?;
    totals.fills_hash = market.fills_hash;
    totals.last_trade = market.trade_seq;
    Ok(())
}

/// Tell that `order` left the book with `order.lots` unfilled.
#[inline(always)]
pub fn emit_order_out(market: &mut Market, order: &Order, reason: u8) {
    let mut bytes = [0u8; OrderOut::SIZE];
    OrderOut {
        seq: market.next_event(),
        order_id: order.order_id,
        lots: order.lots,
        tick: order.tick,
        seat: order.seat,
        side: order.side,
        reason,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
}

/// Tell what the order in `slot` is now, in the place that it kept.
#[inline(always)]
pub fn emit_order_changed(market: &mut Market, slot: u16) {
    let order = market.orders[usize::from(slot)];
    let mut bytes = [0u8; OrderChanged::SIZE];
    OrderChanged {
        seq: market.next_event(),
        order_id: order.order_id,
        lots: order.lots,
        expires_interval: order.expires_interval,
        seat: order.seat,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
}
