//! Sets a feed's bounds by decision of the council, and lets its numbers begin anew. What the feed is about, and its last
//! value, stay.
use crate::{
    error::{arguments, require},
    generated::{set_feed_accounts as at, FeedBounded, OracleError::InvalidFeed, SetFeedArgs},
    state::{Config, Feed},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address},
    event, Ctx, Outcome,
};

#[inline(never)]
pub fn set_feed(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetFeedArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, config, feed] = ctx.take::<{ at::COUNT }>()?;
    let mut feed = load_mut::<Feed>(feed, program_id)?;
    require_address(config, &feed.config)?;
    load::<Config>(config, program_id)?.require_decided(council)?;
    require(args.max_age_s > 0 && args.min_value <= args.max_value, InvalidFeed)?;
    feed.max_age_s = args.max_age_s;
    feed.min_value = args.min_value;
    feed.max_value = args.max_value;
    feed.max_confidence = args.max_confidence;
    // Else a value posted under the greatest number would be the last one for ever. The publish time still does not fall.
    feed.sequence = 0;

    let mut bytes = [0; FeedBounded::SIZE];
    FeedBounded {
        kind: feed.kind,
        series: feed.series,
        zone: feed.zone,
        max_age_s: args.max_age_s,
        min_value: args.min_value,
        max_value: args.max_value,
        max_confidence: args.max_confidence,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
