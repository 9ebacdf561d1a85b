//! Makes a feed: what it is about, within which bounds its values lie, and how old one may be.
use crate::{
    error::{arguments, require},
    generated::{create_feed_accounts as at, CreateFeedArgs, FeedCreated, OracleError::InvalidFeed, FEED_KINDS},
    processor::{create, require_admin, Part},
    state::{Config, Feed},
};
use campusgrid_sdk::{
    account::{self, load},
    event, Ctx, Outcome,
};

const MAX_EXPONENT: u8 = 18;

#[inline(never)]
pub fn create_feed(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CreateFeedArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, admin, admin_user, config, feed, system] = ctx.take::<{ at::COUNT }>()?;
    {
        let config = load::<Config>(config, program_id)?;
        require_admin(admin, admin_user, &config)?;
    }
    let is_known = args.kind < FEED_KINDS && args.exponent.unsigned_abs() <= MAX_EXPONENT;
    require(is_known && args.max_age_s > 0 && args.min_value <= args.max_value, InvalidFeed)?;
    let [low, high] = args.zone.to_le_bytes();
    let key = [args.kind, args.series, low, high];
    let size = core::mem::size_of::<Feed>() as u64;
    let bump = create(&Part { payer, system, program_id, name: b"feed", key: &key, size }, feed)?;
    let address = *feed.address();
    let mut record = account::init::<Feed>(feed, program_id, bump)?;
    record.kind = args.kind;
    record.series = args.series;
    record.zone = args.zone;
    record.exponent = args.exponent as u8;
    record.max_age_s = args.max_age_s;
    record.min_value = args.min_value;
    record.max_value = args.max_value;
    record.max_confidence = args.max_confidence;
    record.config = *config.address();

    let mut bytes = [0; FeedCreated::SIZE];
    FeedCreated {
        feed: address.as_array(),
        kind: args.kind,
        series: args.series,
        zone: args.zone,
        exponent: args.exponent,
        max_age_s: args.max_age_s,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
