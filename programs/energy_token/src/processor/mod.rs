//! One instruction a file: take the accounts, check them, compute, write. Accounts and arguments of each are described
//! in `interface.toml`.
mod attach_meter;
mod create_zone;
mod credit_from_market;
mod deposit;
mod initialize;
mod list_surplus;
mod move_to_market;
mod open_account;
mod retire;
mod set_listing_rule;
mod settle_range;
mod sync_freeze;
mod transfer;
mod wallet_account;
mod withdraw;

pub use attach_meter::attach_meter;
pub use create_zone::create_zone;
pub use credit_from_market::credit_from_market;
pub use deposit::deposit;
pub use initialize::initialize;
pub use list_surplus::list_surplus;
pub use move_to_market::move_to_market;
pub use open_account::open_account;
pub use retire::retire;
pub use set_listing_rule::set_listing_rule;
pub use settle_range::settle_range;
pub use sync_freeze::sync_freeze;
pub use transfer::transfer;
pub use withdraw::withdraw;
