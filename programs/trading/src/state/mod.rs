//! The records of this program, one a file. Offsets are those of `interface.toml`, asserted at compile time.
mod auctions;
mod config;
mod fee_recipient;
mod fill;
mod interval_totals;
mod level;
mod market;
mod order;
mod seat;
mod seat_index;
mod stop;

pub use auctions::{Auction, AuctionOrder, Auctions};
pub use config::Config;
pub use fee_recipient::FeeRecipient;
pub use fill::FillRecord;
pub use interval_totals::IntervalTotals;
pub use level::Level;
pub use market::Market;
pub use order::Order;
pub use seat::Seat;
pub use seat_index::SeatIndex;
pub use stop::Stop;
