//! Creates the council and the CREDIT mint.
use crate::{
    council,
    generated::{
        CouncilCreated, GovernanceError, InitializeArgs, List, ParamEntry, CREDIT_DECIMALS, MAX_STOP_LENGTH_S, MAX_TIMELOCK_S,
        PARAM_COUNT,
    },
};
use campusgrid_sdk::{
    account,
    cpi::{self, Create, SignerSeed},
    event, fault, loader, pda,
    state::{Council, Param},
    Ctx, Fault, Outcome,
};
use core::mem::size_of;

#[inline(never)]
pub fn initialize(ctx: &mut Ctx<'_>) -> u64 {
    fault::code(process(ctx))
}

#[inline(always)]
fn process(ctx: &mut Ctx<'_>) -> Outcome {
    let program_id = ctx.program_id;
    let args = InitializeArgs::parse(ctx.data).ok_or(Fault::BAD_ARGUMENTS)?;
    let [upgrade_authority, payer, program_data, council_view, credit_mint, treasury, token_program, system] = ctx.take()?;
    loader::require_upgrade_authority(program_id, program_data, upgrade_authority)?;
    let bump = pda::require_canonical(council_view, &[b"council"], program_id)?;
    let credit_bump = pda::require_canonical(credit_mint, &[b"credit"], program_id)?;
    let treasury_bump = pda::require_canonical(treasury, &[b"treasury"], program_id)?;
    council::check_members(&args.members, args.threshold)?;
    council::check_guardians(&args.guardians)?;
    check_timing(&args)?;

    let seeds = [SignerSeed::from(b"council"), SignerSeed::from(core::slice::from_ref(&bump))];
    cpi::create(&Create {
        payer,
        target: council_view,
        system,
        owner: program_id,
        size: size_of::<Council>() as u64,
        seeds: &seeds,
    })?;
    let mut council = account::init::<Council>(council_view, program_id, bump)?;
    council.treasury_bump = treasury_bump;
    council.credit_bump = credit_bump;
    council.council_epoch = 1;
    council.stop_length_s = args.stop_length_s;
    council.proposal_ttl_s = args.proposal_ttl_s;
    council.timelock_s = args.timelock_s;
    council.credit_mint = *credit_mint.address();
    council::put_members(&mut council, &args.members, args.threshold);
    council::put_guardians(&mut council, &args.guardians);
    put_params(&mut council.params, &args.params)?;
    drop(council);

    let seeds = [SignerSeed::from(b"credit"), SignerSeed::from(core::slice::from_ref(&credit_bump))];
    cpi::create(&Create {
        payer,
        target: credit_mint,
        system,
        owner: &cpi::TOKEN,
        size: cpi::MINT_SIZE,
        seeds: &seeds,
    })?;
    cpi::token_init_mint(credit_mint, token_program, CREDIT_DECIMALS, (treasury.address(), None))?;

    let mut bytes = [0; CouncilCreated::SIZE];
    CouncilCreated {
        council: council_view.address().as_array(),
        credit_mint: credit_mint.address().as_array(),
        member_count: args.members.len() as u8,
        threshold: args.threshold,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// A proposal must live longer than the longest timelock, or nothing of that class could ever be executed.
#[inline(always)]
fn check_timing(args: &InitializeArgs<'_>) -> Outcome {
    let mut longest_s = 0;
    for wait_s in args.timelock_s {
        if wait_s > longest_s {
            longest_s = wait_s;
        }
    }
    let stop_is_good = args.stop_length_s > 0 && args.stop_length_s <= MAX_STOP_LENGTH_S;
    if !stop_is_good || longest_s > MAX_TIMELOCK_S || args.proposal_ttl_s <= longest_s {
        return Err(GovernanceError::BadTiming.into());
    }
    Ok(())
}

#[inline(always)]
fn put_params(params: &mut [Param; PARAM_COUNT], entries: &List<'_, { ParamEntry::SIZE }>) -> Outcome {
    let mut seen = 0u32;
    let mut i = 0;
    while let Some(bytes) = entries.at(i) {
        let entry = ParamEntry::read(bytes);
        let param = params.get_mut(entry.id as usize).ok_or(GovernanceError::BadParam)?;
        let bit = 1u32 << entry.id;
        if seen & bit != 0 || entry.value < entry.min || entry.value > entry.max {
            return Err(GovernanceError::BadParam.into());
        }
        seen |= bit;
        *param = Param { value: entry.value, min: entry.min, max: entry.max, step: entry.step };
        i += 1;
    }
    Ok(())
}
