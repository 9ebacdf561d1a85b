//! Places an order: matches what crosses, settles it, and lets the rest rest or gives it back.
use crate::{
    book::{ASKS, BIDS, SLOT_BITS, SLOT_MASK},
    error::arguments,
    generated::{
        OrderPlaced, PlaceOrderArgs, TradingError, KIND_FOK, KIND_IOC, KIND_POST_ONLY, MAX_FILLS, OUTCOME_COMPLETE,
        OUTCOME_IOC_REST, OUTCOME_RESTING, SELF_TRADE_CANCEL_MAKER, SIDE_BUY, SIDE_SELL,
    },
    matching::Taker,
    processor::interval_at,
    state::{Market, Order},
    units::{fee_ucredit, value_ucredit, BPS},
};
use campusgrid_sdk::{
    event, load_mut, math, require_signer,
    state::{load_council, Pause},
    sysvar, Ctx, Outcome,
};

/// Council parameters this instruction obeys.
const PARAM_TAKER_FEE_BPS: usize = 1;
const PARAM_MIN_ORDER_LOTS: usize = 3;
const PARAM_MAX_OPEN_ORDERS: usize = 4;

/// What the council sets for orders, as read at the start of the instruction.
struct Rules {
    fee_bps: u64,
    max_open_orders: u64,
}

#[inline(never)]
pub fn place_order(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PlaceOrderArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market] = ctx.take::<3>()?;
    require_signer(wallet)?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;

    let rules = {
        let council = load_council(council, &market.council, &market.governance_program)?;
        council.require_running(Pause::Orders, TradingError::Paused.into())?;
        if args.lots == 0 || u64::from(args.lots) < council.param(PARAM_MIN_ORDER_LOTS) {
            return Err(TradingError::BadLots.into());
        }
        let fee_bps = council.param(PARAM_TAKER_FEE_BPS);
        if fee_bps > BPS {
            return Err(TradingError::FeeOutOfRange.into());
        }
        Rules { fee_bps, max_open_orders: council.param(PARAM_MAX_OPEN_ORDERS) }
    };
    market.seat_of(args.seat, wallet.address())?.require_not_suspended()?;
    if args.kind > KIND_POST_ONLY || args.self_trade > SELF_TRADE_CANCEL_MAKER || args.max_fills > MAX_FILLS {
        return Err(TradingError::BadOrder.into());
    }
    if !market.has_tick(args.tick) {
        return Err(TradingError::BadTick.into());
    }
    match args.side {
        SIDE_BUY => place::<BIDS, ASKS>(market, &args, &rules),
        SIDE_SELL => place::<ASKS, BIDS>(market, &args, &rules),
        _ => Err(TradingError::BadOrder.into()),
    }
}

/// `OWN` is the side the order would rest on, `OTHERS` the side it trades with.
#[inline(never)]
fn place<const OWN: usize, const OTHERS: usize>(market: &mut Market, args: &PlaceOrderArgs, rules: &Rules) -> Outcome {
    let now_s = sysvar::now_s()?;
    let interval = interval_at(now_s);
    if args.expires_interval != 0 && args.expires_interval < interval {
        return Err(TradingError::Expired.into());
    }
    let crosses = Market::reaches::<OTHERS>(market.best_tick[OTHERS], args.tick);
    require_funds::<OWN>(market, args, if crosses { rules.fee_bps } else { 0 })?;

    market.order_seq += 1;
    let slot = market.reserve_slot();
    let order_id = market.order_seq << SLOT_BITS | slot.map_or(SLOT_MASK, u64::from);
    let mut result = Matched { lots_left: args.lots, value_ucredit: 0, stopped: OUTCOME_COMPLETE };
    if crosses {
        match_book::<OTHERS>(market, args, &Arrival { order_id, now_s, interval }, &mut result)?;
    }
    let fee = fee_ucredit(result.value_ucredit, rules.fee_bps);

    let (rests, outcome) = if result.lots_left == 0 {
        (false, OUTCOME_COMPLETE)
    } else if args.kind == KIND_FOK {
        return Err(TradingError::FillOrKill.into());
    } else if result.stopped != OUTCOME_COMPLETE {
        (false, result.stopped)
    } else if args.kind == KIND_IOC {
        (false, OUTCOME_IOC_REST)
    } else {
        (true, OUTCOME_RESTING)
    };
    let resting_lots = if rests { result.lots_left } else { 0 };
    settle_taker::<OWN>(market, args, &result, fee, resting_lots)?;
    if rests {
        let slot = slot.ok_or(TradingError::BookFull)?;
        if u64::from(market.seats[usize::from(args.seat)].open_orders) >= rules.max_open_orders {
            return Err(TradingError::SeatOrderLimit.into());
        }
        market.rest(slot, OWN, resting_order(args, order_id, resting_lots))?;
    } else if let Some(slot) = slot {
        market.free_slot(slot);
    }

    let mut bytes = [0u8; OrderPlaced::SIZE];
    OrderPlaced {
        seq: market.next_event(),
        order_id,
        client_id: args.client_id,
        seat: args.seat,
        side: args.side,
        kind: args.kind,
        tick: args.tick,
        lots: args.lots,
        filled_lots: args.lots - result.lots_left,
        resting_lots,
        value_ucredit: result.value_ucredit,
        fee_ucredit: fee,
        expires_interval: args.expires_interval,
        campus_time: now_s,
        outcome,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// An order is covered at its limit price before it meets anybody; a buy that can trade also covers the fee on that.
#[inline(always)]
fn require_funds<const OWN: usize>(market: &Market, args: &PlaceOrderArgs, fee_bps: u64) -> Outcome {
    let seat = &market.seats[usize::from(args.seat)];
    if OWN == BIDS {
        let value = value_ucredit(args.lots, args.tick);
        if seat.credit_free_ucredit < value + fee_ucredit(value, fee_bps) {
            return Err(TradingError::InsufficientCredit.into());
        }
    } else if seat.grid_free_lots < u64::from(args.lots) {
        return Err(TradingError::InsufficientGrid.into());
    }
    Ok(())
}

/// When the order came and under which id.
struct Arrival {
    order_id: u64,
    now_s: i64,
    interval: u32,
}

/// What matching left of the order.
struct Matched {
    lots_left: u32,
    value_ucredit: u64,
    stopped: u8,
}

/// In a frame of its own, so that an order that only rests pays nothing for the buffer of fills.
#[inline(never)]
fn match_book<const OTHERS: usize>(
    market: &mut Market,
    args: &PlaceOrderArgs,
    arrival: &Arrival,
    result: &mut Matched,
) -> Outcome {
    let mut taker = Taker::new(arrival.order_id, arrival.now_s, arrival.interval);
    taker.lots = args.lots;
    taker.tick = args.tick;
    taker.seat = args.seat;
    taker.self_trade = args.self_trade;
    taker.post_only = args.kind == KIND_POST_ONLY;
    taker.touches_left = u32::from(if args.max_fills == 0 { MAX_FILLS } else { args.max_fills });
    taker.cross::<OTHERS>(market)?;
    result.lots_left = taker.lots;
    result.value_ucredit = taker.value_ucredit;
    result.stopped = taker.stopped;
    Ok(())
}

/// Move the taker's side of all its fills, its fee, and what its rest binds. A buy gets the difference between its limit
/// and the makers' prices back by never having paid it.
#[inline(always)]
fn settle_taker<const OWN: usize>(
    market: &mut Market,
    args: &PlaceOrderArgs,
    result: &Matched,
    fee: u64,
    resting_lots: u32,
) -> Outcome {
    let filled = u64::from(args.lots - result.lots_left);
    let resting = u64::from(resting_lots);
    let seat = &mut market.seats[usize::from(args.seat)];
    if OWN == BIDS {
        let bound = value_ucredit(resting_lots, args.tick);
        let spent = math::add(math::add(result.value_ucredit, fee)?, bound)?;
        seat.credit_free_ucredit = math::sub(seat.credit_free_ucredit, spent)?;
        seat.credit_locked_ucredit = math::add(seat.credit_locked_ucredit, bound)?;
        seat.grid_free_lots = math::add(seat.grid_free_lots, filled)?;
    } else {
        seat.grid_free_lots = math::sub(seat.grid_free_lots, filled + resting)?;
        seat.grid_locked_lots = math::add(seat.grid_locked_lots, resting)?;
        seat.credit_free_ucredit = math::add(seat.credit_free_ucredit, math::sub(result.value_ucredit, fee)?)?;
    }
    if filled != 0 {
        seat.traded_lots = math::add(seat.traded_lots, filled)?;
        seat.traded_ucredit = math::add(seat.traded_ucredit, result.value_ucredit)?;
        market.fee_ucredit = math::add(market.fee_ucredit, fee)?;
        market.fees_total_ucredit = math::add(market.fees_total_ucredit, fee)?;
    }
    Ok(())
}

/// The order as it rests; the book sets its links.
#[inline(always)]
fn resting_order(args: &PlaceOrderArgs, order_id: u64, lots: u32) -> Order {
    Order {
        order_id,
        client_id: args.client_id,
        lots,
        placed_lots: args.lots,
        expires_interval: args.expires_interval,
        not_before_interval: 0,
        seat: args.seat,
        tick: args.tick,
        prev: 0,
        next: 0,
        seat_prev: 0,
        seat_next: 0,
        side: args.side,
        kind: args.kind,
        flags: 0,
    }
}
