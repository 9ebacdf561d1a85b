//! The oracle: turns bytes into one instruction. What each one does is in `processor/`, what it keeps in `state/`, how a
//! reading is judged in `judge.rs`, how roots are made in `mountains.rs` and
//! proofs against them checked in `proof.rs`.
#![no_std]

mod error;
mod generated;
mod judge;
mod keys;
mod mountains;
mod processor;
mod proof;
mod reading;
mod state;

use campusgrid_sdk::{entry, fault::code, Ctx, Fault};
use generated::ix;

// post_batch takes the most: five accounts and seven further oracle keys.
entry!(route, 12);

fn route(ctx: &mut Ctx<'_>) -> u64 {
    code(match ctx.discriminator {
        ix::POST_VERIFIED => processor::post_verified(ctx),
        ix::POST_BATCH => processor::post_batch(ctx),
        ix::POST_FEED => processor::post_feed(ctx),
        ix::VERIFY_READING => processor::verify_reading(ctx),
        ix::CLOSE_INTERVAL => processor::close_interval(ctx),
        ix::RECORD_TRADES => processor::record_trades(ctx),
        ix::CHALLENGE_READING => processor::challenge_reading(ctx),
        ix::CORRECT => processor::correct(ctx),
        ix::SET_FEED => processor::set_feed(ctx),
        ix::SET_ORACLES => processor::set_oracles(ctx),
        ix::SYNC_KEY => processor::sync_key(ctx),
        ix::ENROLL_METER => processor::enroll_meter(ctx),
        ix::CREATE_FEED => processor::create_feed(ctx),
        ix::OPEN_TOTALS => processor::open_totals(ctx),
        ix::OPEN_TRADES => processor::open_trades(ctx),
        ix::CREATE_ZONE => processor::create_zone(ctx),
        ix::INITIALIZE => processor::initialize(ctx),
        _ => Err(Fault::UNKNOWN_INSTRUCTION),
    })
}
