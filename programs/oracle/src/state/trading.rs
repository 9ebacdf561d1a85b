//! What this program reads of the trading program: which market is its one, and that market's totals by interval.
use super::TradeTotal;
use crate::generated::config_layout;
use campusgrid_sdk::Address;

campusgrid_sdk::account_record! {
    /// trading.Config, PDA ["config"] there. Same name and discriminator as ours; the owner tells them apart, and the
    /// trading program makes no second one.
    pub struct TradingConfig[512], config_layout::DISC_U64, {
        10 => pad: [u8; 6],
        16 => addresses: [Address; 7],
        /// Zero before there is a market.
        240 => market: Address,
        272 => rest: [u8; 240],
    }
}

campusgrid_sdk::account_record! {
    /// trading.Market. Never copied: it is read in place.
    pub struct Market[464_000], u64::from_le_bytes([219, 190, 213, 55, 0, 227, 198, 154]), {
        10 => pad: [u8; 6],
        16 => config: Address,
        48 => book: [u8; 357_456],
        357_504 => intervals: [TradeTotal; 128],
        365_696 => fills: [u8; 98_304],
    }
}

/// Intervals that the market keeps; interval i stands at i % 128.
pub const MARKET_INTERVALS: u32 = 128;
