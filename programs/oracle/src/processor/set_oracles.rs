//! Replaces the oracle keys and their threshold by decision of the council.
use crate::{
    error::arguments,
    generated::{set_oracles_accounts as at, OraclesChanged, SetOraclesArgs, INTERVAL_S, MAX_ORACLE_KEYS},
    processor::now_s,
    state::Config,
};
use campusgrid_sdk::{account::load_mut, event, Ctx, Fault, Outcome};

#[inline(never)]
pub fn set_oracles(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetOraclesArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, config] = ctx.take::<{ at::COUNT }>()?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.require_decided(council)?;
    config.set_oracles(args.threshold, &args.oracle_keys)?;
    // A reading runs ahead of the clock by less than an interval, so what was attested before is of an interval below this.
    config.keys_since_interval = u32::try_from(now_s()? / INTERVAL_S + 1).map_err(|_| Fault::OVERFLOW)?;

    let mut bytes = [0; OraclesChanged::HEAD + MAX_ORACLE_KEYS as usize * OraclesChanged::ITEM];
    let head = OraclesChanged { threshold: args.threshold, keys_since_interval: config.keys_since_interval };
    if let Some(mut writer) = head.begin(&mut bytes) {
        for place in 0..args.oracle_keys.len() {
            if let (Some(room), Some(key)) = (writer.next(), args.oracle_keys.at(place)) {
                *room = *key;
            }
        }
        event::emit(writer.finish());
    }
    Ok(())
}
