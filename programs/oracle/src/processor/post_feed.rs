//! Gives a feed its next value, if it lies within the feed's bounds and is neither stale nor from the future.
use crate::{
    error::{arguments, require},
    generated::{
        post_feed_accounts as at, FeedPosted,
        OracleError::{FeedOutOfBounds, FeedOutOfSequence, FeedOutOfTime, Paused},
        PostFeedArgs, TOLERANCE_PARAM,
    },
    state::{Config, Feed},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address},
    event,
    state::Pause,
    sysvar, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn post_feed(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(PostFeedArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let (named, others) = ctx.accounts.split_first_chunk_mut::<{ at::COUNT }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let [poster, council, config, feed] = named;
    let mut feed = load_mut::<Feed>(feed, program_id)?;
    require_address(config, &feed.config)?;
    let config = load::<Config>(config, program_id)?;
    let signers = config.agreed(poster, others)?;
    let council = config.council(council)?;
    council.require_running(Pause::Readings, Paused.into())?;

    let is_value_in = args.value >= feed.min_value && args.value <= feed.max_value;
    require(is_value_in && args.confidence <= feed.max_confidence, FeedOutOfBounds)?;
    require(args.sequence > feed.sequence && args.publish_time >= feed.publish_time, FeedOutOfSequence)?;
    let now_s = sysvar::now_s()?;
    let tolerance_s = i64::try_from(council.param(TOLERANCE_PARAM)).map_err(|_| Fault::OVERFLOW)?;
    let latest_s = now_s.checked_add(tolerance_s).ok_or(Fault::OVERFLOW)?;
    let oldest_s = now_s - feed.max_age_s as i64; // The clock is far above i64's least.
    require(args.publish_time > 0 && args.publish_time >= oldest_s && args.publish_time <= latest_s, FeedOutOfTime)?;

    feed.value = args.value;
    feed.confidence = args.confidence;
    feed.publish_time = args.publish_time;
    feed.posted_at = now_s;
    feed.interval = args.interval;
    feed.sequence = args.sequence;
    let mut bytes = [0; FeedPosted::SIZE];
    FeedPosted {
        kind: feed.kind,
        series: feed.series,
        zone: feed.zone,
        value: args.value,
        confidence: args.confidence,
        publish_time: args.publish_time,
        interval: args.interval,
        sequence: args.sequence,
        signers,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
