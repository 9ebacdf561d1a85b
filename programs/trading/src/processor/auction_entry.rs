//! What an order must be to enter the running auction, whoever brings it; binding its funds is the caller's part.
use super::interval_at;
use crate::{
    book::ASKS,
    generated::{AuctionOrderPlaced, TradingError, AUCTION_LISTED, SEAT_SOLD_IN_AUCTION},
    entering::PARAM_MIN_ORDER_LOTS,
    state::{AuctionOrder, Auctions, Market},
};
use campusgrid_sdk::{
    event,
    state::{load_council, Pause},
    sysvar, AccountView, Outcome,
};

/// An order on its way into an auction.
pub struct Entry {
    pub interval: u32,
    pub seat: u16,
    pub side: usize,
    pub tick: u16,
    pub lots: u32,
    pub client_id: u64,
    pub is_listed: bool,
}

impl Entry {
    /// Check the order against council, market and clock, and let it stand.
    ///
    /// # Errors
    /// `Paused`, `BadLots`, `BadTick`, `AuctionClosed`, `AuctionNotSettled`, `AuctionOrderExists`, `SelfTrade`, `AuctionFull`.
    #[inline(always)]
    pub fn enter(&self, market: &mut Market, auctions: &mut Auctions, council: &AccountView) -> Outcome {
        {
            let council = load_council(council, &market.council, &market.governance_program)?;
            council.require_running(Pause::Auction, TradingError::Paused.into())?;
            if self.lots == 0 || u64::from(self.lots) < council.param(PARAM_MIN_ORDER_LOTS) {
                return Err(TradingError::BadLots.into());
            }
        }
        if !market.has_tick(self.tick) {
            return Err(TradingError::BadTick.into());
        }
        let now_s = sysvar::now_s()?;
        if interval_at(now_s) != self.interval {
            return Err(TradingError::AuctionClosed.into());
        }
        let mut auction = auctions.place(self.interval);
        auction.begin(self.interval)?;
        let order = AuctionOrder {
            client_id: self.client_id,
            lots: self.lots,
            interval: self.interval,
            filled_lots: 0,
            tick: self.tick,
            flags: if self.is_listed { AUCTION_LISTED } else { 0 },
        };
        auction.enter(self.seat, self.side, self.tick - market.min_tick, order)?;

        let seat = &mut market.seats[usize::from(self.seat)];
        if seat.auction_interval != self.interval {
            seat.auction_interval = self.interval;
            seat.auction_flags = 0;
        }
        if self.side == ASKS {
            seat.auction_flags |= SEAT_SOLD_IN_AUCTION;
        }
        let mut bytes = [0u8; AuctionOrderPlaced::SIZE];
        AuctionOrderPlaced {
            seq: market.next_event(),
            interval: self.interval,
            seat: self.seat,
            side: self.side as u8,
            listed: self.is_listed,
            tick: self.tick,
            lots: self.lots,
            client_id: self.client_id,
            campus_time: now_s,
        }
        .encode(&mut bytes);
        event::emit(&bytes);
        Ok(())
    }
}
