//! The records of this program, one a file, and what it reads of its siblings.
mod config;
mod fault;
mod feed;
mod registry_config;
mod roots;
mod slab;
mod totals;
mod trading;
mod zone;

pub use config::Config;
pub use fault::Fault as FaultRecord;
pub use feed::Feed;
pub use registry_config::RegistryConfig;
pub use roots::{RootEntry, RootRing};
pub use slab::{MeterSlab, SlabEntry};
pub use totals::{TradeTotal, TradeTotals, ZoneTotal, ZoneTotals};
pub use trading::{Market, TradingConfig, MARKET_INTERVALS};
pub use zone::Zone;
