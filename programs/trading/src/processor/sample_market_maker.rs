//! Looks at a market maker's quote once an interval and closes its day; anyone may call it, and it decides nothing itself.
use crate::{
    error::arguments,
    generated::{
        MakerDayClosed, MakerSampled, SampleMarketMakerArgs, TradingError, MM_ACTIVE, MM_REST_S, SEAT_SUSPENDED, SIDE_BUY,
    },
    processor::{day_of, interval_at},
    state::{Market, Seat},
};
use campusgrid_sdk::{event, load_mut, math, sysvar, Ctx, Outcome};

#[inline(never)]
pub fn sample_market_maker(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SampleMarketMakerArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [market] = ctx.take::<1>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    if args.seat >= market.seat_count {
        return Err(TradingError::WrongSeat.into());
    }
    let now_s = sysvar::now_s()?;
    let interval = interval_at(now_s);
    let seat = &market.seats[usize::from(args.seat)];
    let is_maker = seat.mm_flags & MM_ACTIVE != 0;
    let closes_day = seat.mm_day != day_of(interval) && seat.mm_day != 0;
    if !is_maker && !closes_day {
        return Err(TradingError::NotMarketMaker.into());
    }
    if is_maker && seat.mm_sampled_interval == interval {
        return Err(TradingError::AlreadySampled.into());
    }

    if closes_day {
        close_day(market, args.seat)?;
    }
    if !is_maker {
        return Ok(());
    }
    let seat = &market.seats[usize::from(args.seat)];
    let quote = Quote::of(market, seat, now_s - MM_REST_S, interval);
    let is_met = quote.is_duty(seat);
    let own = &mut market.seats[usize::from(args.seat)];
    own.mm_day = day_of(interval);
    own.mm_sampled_interval = interval;
    own.mm_met += u16::from(is_met);
    let met = own.mm_met;
    let mut bytes = [0u8; MakerSampled::SIZE];
    MakerSampled {
        seq: market.next_event(),
        seat: args.seat,
        interval,
        bid_tick: quote.bid_tick,
        ask_tick: quote.ask_tick,
        bid_lots: quote.bid_lots,
        ask_lots: quote.ask_lots,
        is_met,
        met,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// Pay the rebate of the seat's day if the duty was met in enough of it; else it stays in the bucket for everybody.
#[inline(never)]
fn close_day(market: &mut Market, number: u16) -> Outcome {
    let target = market.mm_target_intervals;
    let seat = &mut market.seats[usize::from(number)];
    let earned = seat.mm_rebate_ucredit;
    let (day, met) = (seat.mm_day, seat.mm_met);
    let paid = if target != 0 && met >= target { earned } else { 0 };
    seat.mm_rebate_ucredit = 0;
    seat.mm_met = 0;
    seat.mm_day = 0;
    seat.credit_free_ucredit = math::add(seat.credit_free_ucredit, paid)?;
    market.fee_ucredit = math::sub(market.fee_ucredit, paid)?;
    market.rebates_due_ucredit = math::sub(market.rebates_due_ucredit, earned)?;
    market.rebates_total_ucredit = math::add(market.rebates_total_ucredit, paid)?;
    let mut bytes = [0u8; MakerDayClosed::SIZE];
    MakerDayClosed {
        seq: market.next_event(),
        seat: number,
        day,
        met,
        paid_ucredit: paid,
        forfeited_ucredit: earned - paid,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// What a seat quotes: its best bid and its best ask, and its lots at each.
struct Quote {
    bid_tick: u16,
    ask_tick: u16,
    bid_lots: u64,
    ask_lots: u64,
}

impl Quote {
    /// The seat's orders that can trade now and came until then.
    #[inline(always)]
    fn of(market: &Market, seat: &Seat, came_until_s: i64, interval: u32) -> Quote {
        let mut quote = Quote { bid_tick: 0, ask_tick: 0, bid_lots: 0, ask_lots: 0 };
        let mut link = seat.first_order;
        while link != 0 {
            let order = &market.orders[usize::from(link) - 1];
            link = order.seat_next;
            let is_new = i64::from(order.active_from_s) > came_until_s;
            if order.is_waiting() || order.has_expired(interval) || is_new {
                continue;
            }
            let (tick, lots, is_better) = if order.side == SIDE_BUY {
                let is_better = order.tick > quote.bid_tick;
                (&mut quote.bid_tick, &mut quote.bid_lots, is_better)
            } else {
                let is_better = quote.ask_tick == 0 || order.tick < quote.ask_tick;
                (&mut quote.ask_tick, &mut quote.ask_lots, is_better)
            };
            if is_better {
                *tick = order.tick;
                *lots = 0;
            }
            if order.tick == *tick {
                *lots += u64::from(order.lots);
            }
        }
        quote
    }

    /// Whether that is the seat's duty. A bid and an ask of one seat never cross: the book would not hold them.
    #[inline(always)]
    fn is_duty(&self, seat: &Seat) -> bool {
        let size = u64::from(seat.mm_size_lots);
        self.bid_lots >= size
            && self.ask_lots >= size
            && self.bid_tick != 0
            && self.ask_tick != 0
            && self.ask_tick.saturating_sub(self.bid_tick) <= seat.mm_spread_ticks
            && seat.flags & SEAT_SUSPENDED == 0
    }
}
