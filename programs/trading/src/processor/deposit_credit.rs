//! Moves CREDIT from a token account of the trader into the seat.
use crate::{
    error::arguments,
    generated::{DepositCreditArgs, TradingError},
    processor::emit_deposited,
    state::Market,
};
use campusgrid_sdk::{
    account::require_address,
    cpi::{token_transfer, TokenMove},
    load_mut, math, require_signer,
    state::{load_council, Pause, TokenAccount},
    Ctx, Outcome,
};

#[inline(never)]
pub fn deposit_credit(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(DepositCreditArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, council, market, source, vault, token_program] = ctx.take::<6>()?;
    require_signer(wallet)?;
    let owed_ucredit = {
        let mut market = load_mut::<Market>(market, program_id)?;
        load_council(council, &market.council, &market.governance_program)?
            .require_running(Pause::Deposits, TradingError::Paused.into())?;
        require_address(vault, &market.credit_vault)?;
        if args.amount_ucredit == 0 {
            return Err(TradingError::BadAmount.into());
        }
        let total = math::add(market.credit_ucredit, args.amount_ucredit)?;
        let seat = market.seat_of(args.seat, wallet.address())?;
        seat.require_not_suspended()?;

        seat.credit_free_ucredit = math::add(seat.credit_free_ucredit, args.amount_ucredit)?;
        market.credit_ucredit = total;
        emit_deposited(&mut market, args.seat, 0, args.amount_ucredit);
        total
    };
    token_transfer(&TokenMove { from: source, to: vault, authority: wallet, token_program }, args.amount_ucredit, &[])?;
    if TokenAccount::read(vault)?.amount < owed_ucredit {
        return Err(TradingError::VaultShort.into());
    }
    Ok(())
}
