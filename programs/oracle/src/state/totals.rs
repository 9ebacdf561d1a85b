//! Totals by interval: of a zone's meters, as they stood when it was closed, and of what was traded.
use crate::generated::{
    trade_totals_layout, zone_totals_layout, TradeTotal as DescribedTrades, ZoneTotal as DescribedZone, TRADE_TOTALS_LEN,
    ZONE_TOTALS_LEN,
};
use campusgrid_sdk::Address;

campusgrid_sdk::record! {
    /// A zone when an interval was closed.
    pub struct ZoneTotal[32] {
        0 => interval: u32,
        4 => active: u16,
        6 => reported: u16,
        8 => attested: u16,
        10 => faulted: u16,
        12 => closed_at: u32,
        16 => acc_import_wh: u64,
        24 => acc_export_wh: u64,
    }
}
const _: () = assert!(DescribedZone::SIZE == core::mem::size_of::<ZoneTotal>());

campusgrid_sdk::account_record! {
    /// PDA ["totals", zone].
    pub struct ZoneTotals[9_664], zone_totals_layout::DISC_U64, {
        10 => zone: u16,
        12 => last_interval: u32,
        16 => slab: Address,
        48 => closed_count: u64,
        56 => reserved: [u8; 8],
        64 => entries: [ZoneTotal; 300],
    }
}
const _: () = assert!(ZONE_TOTALS_LEN == 300);

campusgrid_sdk::record! {
    /// What traded in an interval; the same 64 bytes as in the market.
    pub struct TradeTotal[64] {
        0 => interval: u32,
        4 => trades: u32,
        8 => lots: u64,
        16 => value_ucredit: u64,
        24 => fills_hash: [u8; 32],
        56 => last_trade: u64,
    }
}
const _: () = assert!(DescribedTrades::SIZE == core::mem::size_of::<TradeTotal>());

campusgrid_sdk::account_record! {
    /// PDA ["trades"].
    pub struct TradeTotals[9_664], trade_totals_layout::DISC_U64, {
        10 => pad: [u8; 6],
        16 => config: Address,
        48 => reserved: [u8; 16],
        64 => entries: [TradeTotal; 150],
    }
}
const _: () = assert!(TRADE_TOTALS_LEN == 150);
