//! Sets what market makers get and for how much duty, by decision of the council.
use crate::{
    error::arguments,
    generated::{MakerProgrammeSet, SetMakerProgrammeArgs, TradingError, INTERVALS_PER_DAY},
    processor::require_council,
    state::Market,
    units::BPS,
};
use campusgrid_sdk::{event, load_mut, Ctx, Outcome};

#[inline(never)]
pub fn set_maker_programme(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetMakerProgrammeArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market] = ctx.take::<2>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    require_council(council, &market)?;
    let is_target = args.target_intervals != 0 && u32::from(args.target_intervals) <= INTERVALS_PER_DAY;
    if u64::from(args.rebate_bps) > BPS || !is_target {
        return Err(TradingError::BadTerms.into());
    }

    market.maker_rebate_bps = args.rebate_bps;
    market.mm_target_intervals = args.target_intervals;
    let mut bytes = [0u8; MakerProgrammeSet::SIZE];
    MakerProgrammeSet {
        seq: market.next_event(),
        rebate_bps: args.rebate_bps,
        target_intervals: args.target_intervals,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
