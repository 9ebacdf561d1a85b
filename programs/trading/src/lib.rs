//! The market for GRID against CREDIT: turns bytes into one instruction. What each one does is in `processor/`.
#![no_std]

mod book;
mod clearing;
mod entering;
mod error;
#[allow(dead_code)]
mod generated;
mod matching;
mod processor;
mod settling;
mod state;
mod units;
mod waiting;

use campusgrid_sdk::{entry, fault::code, Ctx, Fault};
use generated::ix;

entry!(route, 16);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    // The two that run all day are compared first; a match would look for them in a tree of all.
    if ctx.discriminator == ix::PLACE_ORDER {
        return code(processor::place_order(ctx));
    }
    if ctx.discriminator == ix::CANCEL_ORDER {
        return code(processor::cancel_order(ctx));
    }
    code(match ctx.discriminator {
        ix::CANCEL_ALL => processor::cancel_all(ctx),
        ix::REDUCE_ORDER => processor::reduce_order(ctx),
        ix::AMEND_ORDER => processor::amend_order(ctx),
        ix::PLACE_STOP => processor::place_stop(ctx),
        ix::TRIGGER_STOPS => processor::trigger_stops(ctx),
        ix::SCHEDULE_ORDER => processor::schedule_order(ctx),
        ix::ACTIVATE_ORDER => processor::activate_order(ctx),
        ix::PRUNE_EXPIRED => processor::prune_expired(ctx),
        ix::SAMPLE_MARKET_MAKER => processor::sample_market_maker(ctx),
        ix::SWEEP_FEES => processor::sweep_fees(ctx),
        ix::SET_MARKET_MAKER => processor::set_market_maker(ctx),
        ix::SET_MAKER_PROGRAMME => processor::set_maker_programme(ctx),
        ix::SET_FEE_RECIPIENTS => processor::set_fee_recipients(ctx),
        ix::CREDIT_GRID => processor::credit_grid(ctx),
        ix::WITHDRAW_GRID => processor::withdraw_grid(ctx),
        ix::DEPOSIT_CREDIT => processor::deposit_credit(ctx),
        ix::WITHDRAW_CREDIT => processor::withdraw_credit(ctx),
        ix::OPEN_SEAT => processor::open_seat(ctx),
        ix::SYNC_SEAT => processor::sync_seat(ctx),
        ix::SUBMIT_AUCTION => processor::submit_auction(ctx),
        ix::SETTLE_AUCTION => processor::settle_auction(ctx),
        ix::LIST_SELL => processor::list_sell(ctx),
        ix::CANCEL_AUCTION_ORDER => processor::cancel_auction_order(ctx),
        ix::CLEAR_AUCTION => processor::clear_auction(ctx),
        ix::CREATE_AUCTIONS => processor::create_auctions(ctx),
        ix::CREATE_MARKET => processor::create_market(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Err(Fault::UNKNOWN_INSTRUCTION),
    })
}
