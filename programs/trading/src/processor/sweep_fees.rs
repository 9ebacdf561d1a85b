//! Pays the fee bucket out to its recipients; anyone may call it, and it decides nothing itself.
use crate::{
    error::arguments,
    generated::{FeesSwept, SweepFeesArgs, TradingError, FEE_RECIPIENTS},
    processor::AUTHORITY,
    state::Market,
    units::share_ucredit,
};
use campusgrid_sdk::{
    account::require_address,
    cpi::{token_transfer, SignerSeed, SignerSeeds, TokenMove},
    event, load_mut, math, Ctx, Outcome,
};

#[inline(never)]
pub fn sweep_fees(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(SweepFeesArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [market, authority, vault, token_program, recipients @ ..] = ctx.take::<{ 4 + FEE_RECIPIENTS as usize }>()?;
    let mut amounts = [0; FEE_RECIPIENTS as usize];
    let (bump, count) = {
        let mut market = load_mut::<Market>(market, program_id)?;
        let market = &mut *market;
        require_address(authority, &market.authority)?;
        require_address(vault, &market.credit_vault)?;
        let count = usize::from(market.fee_recipient_count);
        let total = math::sub(market.fee_ucredit, market.rebates_due_ucredit)?;
        if total == 0 || count == 0 {
            return Err(TradingError::NothingToSweep.into());
        }
        let mut left = total;
        for index in 0..count {
            let recipient = &market.fee_recipients[index];
            require_address(&recipients[index], &recipient.token_account)?;
            let share = share_ucredit(total, u64::from(recipient.share_bps));
            amounts[index] = if index + 1 == count { left } else { share };
            left = math::sub(left, amounts[index])?;
        }

        market.fee_ucredit = market.rebates_due_ucredit;
        market.credit_ucredit = math::sub(market.credit_ucredit, total)?;
        let mut bytes = [0u8; FeesSwept::SIZE];
        FeesSwept { seq: market.next_event(), amounts_ucredit: amounts }.encode(&mut bytes);
        event::emit(&bytes);
        ([market.bump], count)
    };
    let seeds = [SignerSeed::from(AUTHORITY), SignerSeed::from(&bump)];
    for index in 0..count {
        if amounts[index] != 0 {
            let to = &recipients[index];
            token_transfer(
                &TokenMove { from: vault, to, authority, token_program },
                amounts[index],
                &[SignerSeeds::from(&seeds)],
            )?;
        }
    }
    Ok(())
}
