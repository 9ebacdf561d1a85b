//! Decides how an order comes into the market: what it must cover, what becomes of it when it meets the book, and how it
//! waits until it may. Which orders it trades with is decided in `matching`.
use crate::{
    book::{side_of, ASKS, BIDS, SLOT_BITS, SLOT_MASK},
    generated::{
        OrderPlaced, OrderWaits, OrderWoken, PlaceOrderArgs, TradingError, KIND_FOK, KIND_IOC, KIND_MARKET, KIND_POST_ONLY,
        MAX_FILLS, ORDER_WAITING, OUTCOME_COMPLETE, OUTCOME_IOC_REST, OUTCOME_MATCH_LIMIT, OUTCOME_PROTECTED,
        OUTCOME_RESTING, OUTCOME_UNFUNDED, OUTCOME_WAITING, OUTCOME_WOULD_CROSS, OUT_EVICTED, OUT_EXPIRED, OUT_SUSPENDED,
        SEAT_SUSPENDED, SELF_TRADE_CANCEL_TAKER, SELF_TRADE_DECREMENT, SELF_TRADE_REFUSE, SIDE_BUY, SIDE_SELL, WOKEN_BY_OWNER,
    },
    matching::{emit_order_out, Taker},
    processor::interval_at,
    state::{Market, Order},
    units::{fee_ucredit, value_ucredit, BPS},
};
use campusgrid_sdk::{
    event, math,
    state::{load_council, Council, Pause},
    sysvar, AccountView, Outcome,
};

/// Council parameters that orders obey.
const PARAM_TAKER_FEE_BPS: usize = 1;
pub const PARAM_MIN_ORDER_LOTS: usize = 3;
const PARAM_MAX_OPEN_ORDERS: usize = 4;

/// Bits of `Order.flags` that hold the self-trade mode of a waiting order.
const SELF_TRADE_SHIFT: u32 = 1;
const SELF_TRADE_MASK: u16 = 3;

const _: () = assert!(SELF_TRADE_DECREMENT as u16 <= SELF_TRADE_MASK);

/// What the council sets for orders, as read at the start of the instruction.
pub struct Rules {
    pub fee_bps: u64,
    pub max_open_orders: u64,
}

impl Rules {
    /// The rules for an order of `lots`. Errors: `Paused`, `BadLots`, `FeeOutOfRange` and those of `load_council`.
    #[inline(always)]
    pub fn for_order(council: &AccountView, market: &Market, lots: u32) -> Outcome<Rules> {
        let council = load_council(council, &market.council, &market.governance_program)?;
        council.require_running(Pause::Orders, TradingError::Paused.into())?;
        if lots == 0 || u64::from(lots) < council.param(PARAM_MIN_ORDER_LOTS) {
            return Err(TradingError::BadLots.into());
        }
        Rules::of(&council)
    }

    /// The rules for orders that were there before. Errors: `Paused`, `FeeOutOfRange` and those of `load_council`.
    #[inline(always)]
    pub fn for_waiting(council: &AccountView, market: &Market) -> Outcome<Rules> {
        let council = load_council(council, &market.council, &market.governance_program)?;
        council.require_running(Pause::Orders, TradingError::Paused.into())?;
        Rules::of(&council)
    }

    #[inline(always)]
    fn of(council: &Council) -> Outcome<Rules> {
        let fee_bps = council.param(PARAM_TAKER_FEE_BPS);
        if fee_bps > BPS {
            return Err(TradingError::FeeOutOfRange.into());
        }
        Ok(Rules { fee_bps, max_open_orders: council.param(PARAM_MAX_OPEN_ORDERS) })
    }
}

/// An order that was there before and comes (again), and what became of it.
pub struct Known {
    pub order_id: u64,
    pub placed_lots: u32,
    /// Whether its owner asked for it just now, so that a refusal undoes everything; else what cannot be is given back.
    pub is_strict: bool,
    /// Resting orders it may touch; afterwards those it did not.
    pub touches: u32,
    /// The taker fee that what waits on binds, basis points.
    pub rest_fee_bps: u64,
    /// Lots that neither traded nor rest.
    pub lots_left: u32,
    pub outcome: u8,
}

/// Let a new order meet the book. The arguments are checked, but not against the clock and the seat's funds.
#[inline(always)]
pub fn enter_new(market: &mut Market, args: &PlaceOrderArgs, rules: &Rules) -> Outcome {
    match args.side {
        SIDE_BUY => enter::<BIDS, ASKS, true>(market, args, rules, None),
        SIDE_SELL => enter::<ASKS, BIDS, true>(market, args, rules, None),
        _ => Err(TradingError::BadOrder.into()),
    }
}

/// Let an order that was taken out just now meet the book under its old id.
#[inline(always)]
pub fn enter_again(market: &mut Market, args: &PlaceOrderArgs, rules: &Rules, known: &mut Known) -> Outcome {
    match args.side {
        SIDE_BUY => enter::<BIDS, ASKS, false>(market, args, rules, Some(known)),
        _ => enter::<ASKS, BIDS, false>(market, args, rules, Some(known)),
    }
}

/// `OWN` is the side the order would rest on, `OTHERS` the side it trades with. A new order (`known` is None) gets its id here.
#[inline(never)]
fn enter<const OWN: usize, const OTHERS: usize, const IS_NEW: bool>(
    market: &mut Market,
    args: &PlaceOrderArgs,
    rules: &Rules,
    known: Option<&mut Known>,
) -> Outcome {
    let mut known = if IS_NEW { None } else { known };
    let is_strict = known.as_ref().is_none_or(|known| known.is_strict);
    let now_s = sysvar::now_s()?;
    let interval = interval_at(now_s);
    if args.expires_interval != 0 && args.expires_interval < interval {
        return Err(TradingError::Expired.into());
    }
    let crosses = Market::reaches::<OTHERS>(market.best_tick[OTHERS], args.tick);
    let mut result = Matched { lots_left: args.lots, filled_lots: 0, value_ucredit: 0, stopped: OUTCOME_COMPLETE };
    match require_funds::<OWN, IS_NEW>(market, args, if crosses { rules.fee_bps } else { 0 }) {
        Err(_) if !is_strict => result.stopped = OUTCOME_UNFUNDED,
        funds => funds?,
    }

    // In a full book the slot is that of the order that will have made room: the first that it meets, which is gone when
    // anything of this one is left to rest; or the one to evict, which is on the own side, so matching does not touch it.
    let mut takes_over = false;
    let mut slot = market.reserve_slot();
    let order_id = if let Some(known) = &known {
        known.order_id
    } else {
        if slot.is_none() && args.kind != KIND_MARKET && args.kind != KIND_IOC && args.kind != KIND_FOK {
            slot = if crosses { Some(market.first_slot::<OTHERS>()) } else { market.worse_than::<OWN>(args.tick) };
            takes_over = true;
        }
        market.order_seq += 1;
        market.order_seq << SLOT_BITS | slot.map_or(SLOT_MASK, u64::from)
    };
    let mut fee = 0;
    if crosses && result.stopped == OUTCOME_COMPLETE {
        let most = if args.max_fills == 0 { MAX_FILLS } else { args.max_fills };
        let touches = known.as_ref().map_or(u32::from(most), |known| known.touches);
        let rebate_bps = u64::from(market.maker_rebate_bps).min(rules.fee_bps);
        let mut arrival = Arrival { order_id, now_s, interval, touches, rebate_bps };
        match_book::<OTHERS>(market, args, &mut arrival, &mut result)?;
        if let Some(known) = known.as_mut() {
            known.touches = arrival.touches;
        }
        fee = fee_ucredit(result.value_ucredit, rules.fee_bps);
    }

    let (rests, outcome) = if args.kind == KIND_FOK && result.filled_lots != args.lots {
        return Err(TradingError::FillOrKill.into());
    } else if result.stopped != OUTCOME_COMPLETE || result.lots_left == 0 {
        if result.stopped == OUTCOME_WOULD_CROSS && is_strict {
            return Err(TradingError::WouldCross.into());
        }
        (false, result.stopped)
    } else if args.kind == KIND_IOC {
        (false, OUTCOME_IOC_REST)
    } else if args.kind == KIND_MARKET {
        (false, OUTCOME_PROTECTED)
    } else {
        (true, OUTCOME_RESTING)
    };
    let resting_lots = if rests { result.lots_left } else { 0 };
    // What the match limit cut short goes on waiting, unless its owner is here to place it anew.
    let waits = !is_strict && outcome == OUTCOME_MATCH_LIMIT;
    if let (BIDS, true, Some(known)) = (OWN, waits, &known) {
        // The fees on two parts, both rounded up, may be 1 ucredit more than the fee on the whole that was bound. The rest
        // keeps what it binds: a call that wakes it must not fail by it.
        let rest = value_ucredit(result.lots_left, args.tick);
        let kept = result.value_ucredit + rest + fee_ucredit(rest, known.rest_fee_bps);
        fee = fee.min(math::sub(market.seats[usize::from(args.seat)].credit_free_ucredit, kept)?);
    }
    settle_taker::<OWN>(market, args, &result, fee, resting_lots)?;
    if rests {
        let slot = slot.ok_or(TradingError::BookFull)?;
        if IS_NEW {
            if u64::from(market.seats[usize::from(args.seat)].open_orders) >= rules.max_open_orders {
                return Err(TradingError::SeatOrderLimit.into());
            }
            if takes_over {
                make_room(market, slot)?;
            }
        }
        let placed_lots = known.as_ref().map_or(args.lots, |known| known.placed_lots);
        market.rest(slot, OWN, resting_order(args, order_id, placed_lots, resting_lots, now_s))?;
    } else if let Some(slot) = slot {
        if !takes_over {
            market.free_slot(slot);
        }
    }

    let outcome = if waits { OUTCOME_WAITING } else { outcome };
    if let Some(known) = known {
        known.outcome = outcome;
        known.lots_left = result.lots_left - resting_lots;
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
        filled_lots: result.filled_lots,
        resting_lots: if waits { result.lots_left } else { resting_lots },
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

/// An order is covered at its limit price before it meets anybody; a buy that can trade also covers the fee on that. Only a
/// new market order to buy is not: what its fills cost is what it must pay. One that waited has bound its limit, and a call
/// that wakes it must not fail by it.
#[inline(always)]
fn require_funds<const OWN: usize, const IS_NEW: bool>(market: &Market, args: &PlaceOrderArgs, fee_bps: u64) -> Outcome {
    let seat = &market.seats[usize::from(args.seat)];
    if OWN == BIDS {
        let value = value_ucredit(args.lots, args.tick);
        let is_covered_later = IS_NEW && args.kind == KIND_MARKET;
        if seat.credit_free_ucredit < value + fee_ucredit(value, fee_bps) && !is_covered_later {
            return Err(TradingError::InsufficientCredit.into());
        }
    } else if seat.grid_free_lots < u64::from(args.lots) {
        return Err(TradingError::InsufficientGrid.into());
    }
    Ok(())
}

/// Give a new order the slot that is to be its in a full book: the one that an order it met has left, or that of an order with
/// a worse price, which has to leave now.
#[inline(never)]
fn make_room(market: &mut Market, slot: u16) -> Outcome {
    if market.orders[usize::from(slot)].order_id == 0 {
        return market.claim_slot(slot);
    }
    let order = market.take_out(slot)?;
    emit_order_out(market, &order, OUT_EVICTED);
    market.free_order = market.orders[usize::from(slot)].next; // It was the first free one.
    Ok(())
}

/// When the order came, under which id, how many resting orders it may (still) touch, and what market makers get.
struct Arrival {
    order_id: u64,
    now_s: i64,
    interval: u32,
    touches: u32,
    rebate_bps: u64,
}

/// What matching left of the order.
struct Matched {
    lots_left: u32,
    filled_lots: u32,
    value_ucredit: u64,
    stopped: u8,
}

/// In a frame of its own, so that an order that only rests pays nothing for the buffer of fills.
#[inline(never)]
fn match_book<const OTHERS: usize>(
    market: &mut Market,
    args: &PlaceOrderArgs,
    arrival: &mut Arrival,
    result: &mut Matched,
) -> Outcome {
    let mut taker = Taker::new(arrival.order_id, arrival.now_s, arrival.interval);
    taker.lots = args.lots;
    taker.tick = args.tick;
    taker.seat = args.seat;
    taker.self_trade = args.self_trade;
    taker.post_only = args.kind == KIND_POST_ONLY;
    taker.touches_left = arrival.touches;
    taker.rebate_bps = arrival.rebate_bps;
    taker.cross::<OTHERS>(market)?;
    arrival.touches = taker.touches_left;
    result.lots_left = taker.lots;
    result.filled_lots = args.lots - taker.lots - taker.decremented_lots;
    result.value_ucredit = taker.value_ucredit;
    result.stopped = taker.stopped;
    Ok(())
}

/// Move the taker's side of all its fills, its fee, and what its rest binds. A buy gets the difference between its limit
/// and the makers' prices back by never having paid it. Errors: `InsufficientCredit` for a market order.
#[inline(always)]
fn settle_taker<const OWN: usize>(
    market: &mut Market,
    args: &PlaceOrderArgs,
    result: &Matched,
    fee: u64,
    resting_lots: u32,
) -> Outcome {
    let filled = u64::from(result.filled_lots);
    let resting = u64::from(resting_lots);
    let seat = &mut market.seats[usize::from(args.seat)];
    if OWN == BIDS {
        let bound = value_ucredit(resting_lots, args.tick);
        let spent = math::add(math::add(result.value_ucredit, fee)?, bound)?;
        seat.credit_free_ucredit = seat.credit_free_ucredit.checked_sub(spent).ok_or(TradingError::InsufficientCredit)?;
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
fn resting_order(args: &PlaceOrderArgs, order_id: u64, placed_lots: u32, lots: u32, now_s: i64) -> Order {
    Order {
        order_id,
        client_id: args.client_id,
        lots,
        placed_lots,
        expires_interval: args.expires_interval,
        active_from_s: now_s as u32,
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

/// What an order waits for.
pub struct Wish {
    /// First interval; 0 for a stop.
    pub not_before_interval: u32,
    /// Campus time at which it starts, s.
    pub active_from_s: u32,
    /// Trigger; 0 for a scheduled order.
    pub trigger_tick: u16,
}

/// Bind the funds of a new order that waits. Its arguments are checked, but not against the seat.
///
/// # Errors
/// `InsufficientGrid`, `InsufficientCredit`, `BookFull`, `SeatOrderLimit`, `StopsFull`.
#[inline(always)]
pub fn wait(market: &mut Market, args: &PlaceOrderArgs, rules: &Rules, wish: &Wish, now_s: i64) -> Outcome {
    if u64::from(market.seats[usize::from(args.seat)].open_orders) >= rules.max_open_orders {
        return Err(TradingError::SeatOrderLimit.into());
    }
    let slot = market.reserve_slot().ok_or(TradingError::BookFull)?;
    market.order_seq += 1;
    let order_id = market.order_seq << SLOT_BITS | u64::from(slot);
    let mut order = resting_order(args, order_id, args.lots, args.lots, now_s);
    order.active_from_s = wish.active_from_s;
    order.flags = waiting_flags(args.self_trade);
    order.next = rules.fee_bps as u16;
    if wish.trigger_tick != 0 {
        order.prev = market.add_stop(order_id, side_of(&order), wish.trigger_tick)?;
        market.seats[usize::from(args.seat)].open_stops += 1;
    }
    bind(market, &order)?;
    market.join_seat(slot, order);

    let mut bytes = [0u8; OrderWaits::SIZE];
    OrderWaits {
        seq: market.next_event(),
        order_id,
        not_before_interval: wish.not_before_interval,
        trigger_tick: wish.trigger_tick,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
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
        filled_lots: 0,
        resting_lots: args.lots,
        value_ucredit: 0,
        fee_ucredit: 0,
        expires_interval: args.expires_interval,
        campus_time: now_s,
        outcome: OUTCOME_WAITING,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// Why orders are woken, and how many resting orders they may still touch together.
pub struct Waking {
    pub reason: u8,
    pub touches: u32,
}

/// Let the waiting order in `slot` meet the book. What is cut short waits on with the funds that are left for it, a stop as the next one to wake.
#[inline(never)]
pub fn wake(market: &mut Market, slot: u16, rules: &Rules, waking: &mut Waking) -> Outcome {
    let interval = interval_at(sysvar::now_s()?);
    let order = market.orders[usize::from(slot)];
    let trigger_tick = if order.prev == 0 { 0 } else { market.stops[usize::from(order.prev) - 1].trigger_tick };
    let is_suspended = market.seats[usize::from(order.seat)].flags & SEAT_SUSPENDED != 0;
    market.take_out(slot)?;
    if is_suspended || order.has_expired(interval) {
        emit_order_out(market, &order, if is_suspended { OUT_SUSPENDED } else { OUT_EXPIRED });
        waking.touches -= 1;
        return Ok(());
    }
    emit_woken(market, order.order_id, waking.reason);
    let args = arguments_of(&order, order.lots);
    let mut known = Known {
        order_id: order.order_id,
        placed_lots: order.placed_lots,
        is_strict: false,
        touches: waking.touches,
        rest_fee_bps: u64::from(order.next),
        lots_left: 0,
        outcome: 0,
    };
    enter_again(market, &args, rules, &mut known)?;
    if known.outcome == OUTCOME_WAITING {
        market.reserve_slot().ok_or(TradingError::BookFull)?;
        let mut order = order;
        order.lots = known.lots_left;
        if trigger_tick != 0 {
            order.prev = market.put_first_due(order.order_id, trigger_tick)?;
            market.seats[usize::from(order.seat)].open_stops += 1;
        }
        bind(market, &order)?;
        market.join_seat(slot, order);
    }
    waking.touches = known.touches;
    Ok(())
}

/// Tell that an order that was there before meets the book.
#[inline(never)]
pub fn emit_woken(market: &mut Market, order_id: u64, reason: u8) {
    let mut bytes = [0u8; OrderWoken::SIZE];
    OrderWoken { seq: market.next_event(), order_id, reason }.encode(&mut bytes);
    event::emit(&bytes);
}

/// Give a resting order other terms: `args` with `lots` as those that are left, `placed_lots` in all. It is taken out and
/// enters anew.
#[inline(never)]
pub fn replace(market: &mut Market, slot: u16, args: &PlaceOrderArgs, placed_lots: u32, rules: &Rules) -> Outcome {
    let order = market.take_out(slot)?;
    emit_woken(market, order.order_id, WOKEN_BY_OWNER);
    let mut known = Known {
        order_id: order.order_id,
        placed_lots,
        is_strict: true,
        touches: u32::from(if args.max_fills == 0 { MAX_FILLS } else { args.max_fills }),
        rest_fee_bps: 0,
        lots_left: 0,
        outcome: 0,
    };
    enter_again(market, args, rules, &mut known)
}

/// What was asked for when `order` was placed, for `lots` of it.
#[inline(always)]
pub fn arguments_of(order: &Order, lots: u32) -> PlaceOrderArgs {
    let self_trade = (order.flags >> SELF_TRADE_SHIFT & SELF_TRADE_MASK) as u8;
    PlaceOrderArgs {
        seat: order.seat,
        side: order.side,
        kind: order.kind,
        tick: order.tick,
        lots,
        client_id: order.client_id,
        expires_interval: order.expires_interval,
        self_trade,
        max_fills: 0,
    }
}

/// Flags of a waiting order. Nobody is there to be refused when it wakes, so refusing means cancelling the taker.
#[inline(always)]
fn waiting_flags(self_trade: u8) -> u16 {
    let mode = if self_trade == SELF_TRADE_REFUSE { SELF_TRADE_CANCEL_TAKER } else { self_trade };
    ORDER_WAITING | u16::from(mode) << SELF_TRADE_SHIFT
}

/// Bind what `order` binds. Errors: `InsufficientGrid`, `InsufficientCredit`.
#[inline(always)]
fn bind(market: &mut Market, order: &Order) -> Outcome {
    let (ucredit, lots) = order.bound(order.lots);
    let seat = &mut market.seats[usize::from(order.seat)];
    seat.credit_free_ucredit = seat.credit_free_ucredit.checked_sub(ucredit).ok_or(TradingError::InsufficientCredit)?;
    seat.credit_locked_ucredit = math::add(seat.credit_locked_ucredit, ucredit)?;
    seat.grid_free_lots = seat.grid_free_lots.checked_sub(lots).ok_or(TradingError::InsufficientGrid)?;
    seat.grid_locked_lots = math::add(seat.grid_locked_lots, lots)?;
    Ok(())
}
