//! Sets who shares the fee bucket, by decision of the council.
use crate::{
    error::arguments,
    generated::{FeeRecipientsSet, SetFeeRecipientsArgs, TradingError, FEE_RECIPIENTS},
    processor::require_council,
    state::{FeeRecipient, Market},
    units::BPS,
};
use campusgrid_sdk::{account::same, event, load_mut, state::TokenAccount, Address, Ctx, Outcome};

const NOBODY: FeeRecipient = FeeRecipient { token_account: Address::new_from_array([0; 32]), share_bps: 0, reserved: [0; 6] };

#[inline(never)]
pub fn set_fee_recipients(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetFeeRecipientsArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, market, accounts @ ..] = ctx.take::<{ 2 + FEE_RECIPIENTS as usize }>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    require_council(council, market)?;
    let mut recipients = [NOBODY; FEE_RECIPIENTS as usize];
    let (mut count, mut sum, mut is_gap) = (0, 0, false);
    for (index, account) in accounts.iter().enumerate() {
        let share_bps = args.shares_bps[index];
        // An absent account is the program's own address; those behind it must be absent too.
        let is_absent = same(account.address(), program_id);
        if is_absent != (share_bps == 0) || (is_gap && !is_absent) || same(account.address(), &market.credit_vault) {
            return Err(TradingError::BadShares.into());
        }
        is_gap = is_absent;
        if is_absent {
            continue;
        }
        if !same(&TokenAccount::read(account)?.mint, &market.credit_mint) {
            return Err(TradingError::NotYourTokenAccount.into());
        }
        recipients[index] = FeeRecipient { token_account: *account.address(), share_bps, reserved: [0; 6] };
        count += 1;
        sum += u64::from(share_bps);
    }
    if sum != BPS {
        return Err(TradingError::BadShares.into());
    }

    market.fee_recipients = recipients;
    market.fee_recipient_count = count;
    let [first, second, third, fourth] = &recipients;
    let mut bytes = [0u8; FeeRecipientsSet::SIZE];
    FeeRecipientsSet {
        seq: market.next_event(),
        first_recipient: first.token_account.as_array(),
        second_recipient: second.token_account.as_array(),
        third_recipient: third.token_account.as_array(),
        fourth_recipient: fourth.token_account.as_array(),
        shares_bps: args.shares_bps,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
