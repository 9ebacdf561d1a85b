//! The market account: header, bitmaps, levels, seats, orders, and the rings of interval totals and fills.
use super::{FeeRecipient, FillRecord, IntervalTotals, Level, Order, Seat, Stop};
use crate::generated::{market_layout as at, TradingError};
use campusgrid_sdk::{account_record, Address, Outcome};

account_record! {
    /// 464,000 bytes, made by the client and initialised by create_market. Arrays of two are [bids, asks]. All links are
    /// slot + 1 and 0 is none, so a zeroed account is an empty book.
    pub struct Market[at::SIZE], at::DISC_U64, {
        10 => flags: u16,
        12 => tick_count: u16,
        /// Price of level 0; at least 1.
        14 => min_tick: u16,
        16 => config: Address,
        48 => council: Address,
        80 => registry_program: Address,
        112 => energy_token_program: Address,
        144 => energy_token_authority: Address,
        176 => energy_token_vault: Address,
        208 => grid_mint: Address,
        240 => credit_mint: Address,
        272 => authority: Address,
        304 => grid_vault: Address,
        336 => credit_vault: Address,
        368 => order_seq: u64,
        376 => event_seq: u64,
        384 => trade_seq: u64,
        /// Highest bid and lowest ask, ticks; 0 = none.
        392 => best_tick: [u16; 2],
        396 => last_tick: u16,
        398 => seat_count: u16,
        400 => free_order: u16,
        402 => orders_high: u16,
        404 => open_orders: u16,
        406 => free_seat: u16,
        408 => free_stop: u16,
        410 => stops_high: u16,
        412 => last_interval: u32,
        416 => side_lots: [u64; 2],
        432 => grid_lots: u64,
        440 => credit_ucredit: u64,
        448 => fee_ucredit: u64,
        456 => fees_total_ucredit: u64,
        464 => traded_lots: u64,
        472 => traded_ucredit: u64,
        480 => fills_hash: [u8; 32],
        512 => created_at: i64,
        520 => fee_recipients: [FeeRecipient; 4],
        680 => fee_recipient_count: u8,
        681 => reserved0: u8,
        682 => maker_rebate_bps: u16,
        684 => wheeling_ucredit_per_lot: u16,
        686 => loss_ucredit_per_lot: u16,
        688 => mm_target_intervals: u16,
        /// First stop of the buys (lowest trigger) and of the sells (highest trigger).
        690 => first_stop: [u16; 2],
        694 => first_due_stop: u16,
        696 => rebates_due_ucredit: u64,
        704 => rebates_total_ucredit: u64,
        712 => last_due_stop: u16,
        /// Highest and lowest trade since the stops were last looked through; 0 = none.
        714 => high_tick: u16,
        716 => low_tick: u16,
        718 => open_stops: u16,
        720 => auction: Address,
        752 => auction_interval: u32,
        756 => auction_state: u8,
        757 => reserved1: [u8; 3],
        760 => auction_cursor: u32,
        764 => auction_tick: u16,
        766 => reserved2: u16,
        768 => auction_lots: u64,
        776 => governance_program: Address,
        808 => reserved3: [u8; 216],
        1024 => bitmaps: [[u64; 8]; 2],
        1152 => levels: [[Level; 512]; 2],
        17536 => seats: [Seat; 1024],
        148608 => orders: [Order; 4096],
        345216 => stops: [Stop; 256],
        357504 => intervals: [IntervalTotals; 128],
        365696 => fills: [FillRecord; 2048],
    }
}

// The layout that clients read is the one this code writes.
const _: () = {
    assert!(core::mem::offset_of!(Market, flags) == at::AT_FLAGS);
    assert!(core::mem::offset_of!(Market, tick_count) == at::AT_TICK_COUNT);
    assert!(core::mem::offset_of!(Market, min_tick) == at::AT_MIN_TICK);
    assert!(core::mem::offset_of!(Market, config) == at::AT_CONFIG);
    assert!(core::mem::offset_of!(Market, council) == at::AT_COUNCIL);
    assert!(core::mem::offset_of!(Market, registry_program) == at::AT_REGISTRY_PROGRAM);
    assert!(core::mem::offset_of!(Market, energy_token_program) == at::AT_ENERGY_TOKEN_PROGRAM);
    assert!(core::mem::offset_of!(Market, energy_token_authority) == at::AT_ENERGY_TOKEN_AUTHORITY);
    assert!(core::mem::offset_of!(Market, energy_token_vault) == at::AT_ENERGY_TOKEN_VAULT);
    assert!(core::mem::offset_of!(Market, grid_mint) == at::AT_GRID_MINT);
    assert!(core::mem::offset_of!(Market, credit_mint) == at::AT_CREDIT_MINT);
    assert!(core::mem::offset_of!(Market, authority) == at::AT_AUTHORITY);
    assert!(core::mem::offset_of!(Market, grid_vault) == at::AT_GRID_VAULT);
    assert!(core::mem::offset_of!(Market, credit_vault) == at::AT_CREDIT_VAULT);
    assert!(core::mem::offset_of!(Market, order_seq) == at::AT_ORDER_SEQ);
    assert!(core::mem::offset_of!(Market, event_seq) == at::AT_EVENT_SEQ);
    assert!(core::mem::offset_of!(Market, trade_seq) == at::AT_TRADE_SEQ);
    assert!(core::mem::offset_of!(Market, best_tick) == at::AT_BEST_BID_TICK);
    assert!(core::mem::offset_of!(Market, last_tick) == at::AT_LAST_TICK);
    assert!(core::mem::offset_of!(Market, seat_count) == at::AT_SEAT_COUNT);
    assert!(core::mem::offset_of!(Market, free_order) == at::AT_FREE_ORDER);
    assert!(core::mem::offset_of!(Market, orders_high) == at::AT_ORDERS_HIGH);
    assert!(core::mem::offset_of!(Market, open_orders) == at::AT_OPEN_ORDERS);
    assert!(core::mem::offset_of!(Market, free_seat) == at::AT_FREE_SEAT);
    assert!(core::mem::offset_of!(Market, free_stop) == at::AT_FREE_STOP);
    assert!(core::mem::offset_of!(Market, stops_high) == at::AT_STOPS_HIGH);
    assert!(core::mem::offset_of!(Market, last_interval) == at::AT_LAST_INTERVAL);
    assert!(core::mem::offset_of!(Market, side_lots) == at::AT_BID_LOTS);
    assert!(core::mem::offset_of!(Market, grid_lots) == at::AT_GRID_LOTS);
    assert!(core::mem::offset_of!(Market, credit_ucredit) == at::AT_CREDIT_UCREDIT);
    assert!(core::mem::offset_of!(Market, fee_ucredit) == at::AT_FEE_UCREDIT);
    assert!(core::mem::offset_of!(Market, fees_total_ucredit) == at::AT_FEES_TOTAL_UCREDIT);
    assert!(core::mem::offset_of!(Market, traded_lots) == at::AT_TRADED_LOTS);
    assert!(core::mem::offset_of!(Market, traded_ucredit) == at::AT_TRADED_UCREDIT);
    assert!(core::mem::offset_of!(Market, fills_hash) == at::AT_FILLS_HASH);
    assert!(core::mem::offset_of!(Market, created_at) == at::AT_CREATED_AT);
    assert!(core::mem::offset_of!(Market, fee_recipients) == at::AT_FEE_RECIPIENTS);
    assert!(core::mem::offset_of!(Market, fee_recipient_count) == at::AT_FEE_RECIPIENT_COUNT);
    assert!(core::mem::offset_of!(Market, reserved0) == at::AT_RESERVED0);
    assert!(core::mem::offset_of!(Market, maker_rebate_bps) == at::AT_MAKER_REBATE_BPS);
    assert!(core::mem::offset_of!(Market, wheeling_ucredit_per_lot) == at::AT_WHEELING_UCREDIT_PER_LOT);
    assert!(core::mem::offset_of!(Market, loss_ucredit_per_lot) == at::AT_LOSS_UCREDIT_PER_LOT);
    assert!(core::mem::offset_of!(Market, mm_target_intervals) == at::AT_MM_TARGET_INTERVALS);
    assert!(core::mem::offset_of!(Market, first_stop) == at::AT_FIRST_BUY_STOP);
    assert!(core::mem::offset_of!(Market, first_due_stop) == at::AT_FIRST_DUE_STOP);
    assert!(core::mem::offset_of!(Market, rebates_due_ucredit) == at::AT_REBATES_DUE_UCREDIT);
    assert!(core::mem::offset_of!(Market, rebates_total_ucredit) == at::AT_REBATES_TOTAL_UCREDIT);
    assert!(core::mem::offset_of!(Market, last_due_stop) == at::AT_LAST_DUE_STOP);
    assert!(core::mem::offset_of!(Market, high_tick) == at::AT_HIGH_TICK);
    assert!(core::mem::offset_of!(Market, low_tick) == at::AT_LOW_TICK);
    assert!(core::mem::offset_of!(Market, open_stops) == at::AT_OPEN_STOPS);
    assert!(core::mem::offset_of!(Market, auction) == at::AT_AUCTION);
    assert!(core::mem::offset_of!(Market, auction_interval) == at::AT_AUCTION_INTERVAL);
    assert!(core::mem::offset_of!(Market, auction_state) == at::AT_AUCTION_STATE);
    assert!(core::mem::offset_of!(Market, reserved1) == at::AT_RESERVED1);
    assert!(core::mem::offset_of!(Market, auction_cursor) == at::AT_AUCTION_CURSOR);
    assert!(core::mem::offset_of!(Market, auction_tick) == at::AT_AUCTION_TICK);
    assert!(core::mem::offset_of!(Market, reserved2) == at::AT_RESERVED2);
    assert!(core::mem::offset_of!(Market, auction_lots) == at::AT_AUCTION_LOTS);
    assert!(core::mem::offset_of!(Market, governance_program) == at::AT_GOVERNANCE_PROGRAM);
    assert!(core::mem::offset_of!(Market, reserved3) == at::AT_RESERVED3);
    assert!(core::mem::offset_of!(Market, bitmaps) == at::AT_BID_BITMAP);
    assert!(core::mem::offset_of!(Market, levels) == at::AT_BID_LEVELS);
    assert!(core::mem::offset_of!(Market, seats) == at::AT_SEATS);
    assert!(core::mem::offset_of!(Market, orders) == at::AT_ORDERS);
    assert!(core::mem::offset_of!(Market, stops) == at::AT_STOPS);
    assert!(core::mem::offset_of!(Market, intervals) == at::AT_INTERVALS);
    assert!(core::mem::offset_of!(Market, fills) == at::AT_FILLS);
};

impl Market {
    /// The number of the next event. Wrapping is out of reach: one a nanosecond lasts 584 years.
    #[inline(always)]
    pub fn next_event(&mut self) -> u64 {
        self.event_seq += 1;
        self.event_seq
    }

    /// The seat that `wallet` owns. Errors: `WrongSeat`, also for a seat never opened.
    #[inline(always)]
    pub fn seat_of(&mut self, seat: u16, wallet: &Address) -> Outcome<&mut Seat> {
        if seat >= self.seat_count {
            return Err(TradingError::WrongSeat.into());
        }
        let seat = &mut self.seats[usize::from(seat)];
        seat.require_wallet(wallet)?;
        Ok(seat)
    }
}
