//! Moves free CREDIT from the seat to a token account of the same wallet. It looks at no pause.
use crate::{
    error::arguments,
    generated::{TradingError, WithdrawCreditArgs},
    processor::{emit_withdrawn, AUTHORITY},
    state::Market,
};
use campusgrid_sdk::{
    account::{require_address, same},
    cpi::{token_transfer, SignerSeed, SignerSeeds, TokenMove},
    load_mut, math, require_signer,
    state::TokenAccount,
    Ctx, Outcome,
};

#[inline(never)]
pub fn withdraw_credit(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(WithdrawCreditArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market, authority, vault, destination, token_program] = ctx.take::<6>()?;
    require_signer(wallet)?;
    let bump = {
        let mut market = load_mut::<Market>(market, program_id)?;
        require_address(authority, &market.authority)?;
        require_address(vault, &market.credit_vault)?;
        if args.amount_ucredit == 0 {
            return Err(TradingError::BadAmount.into());
        }
        let target = TokenAccount::read(destination)?;
        if !same(&target.mint, &market.credit_mint) || !same(&target.owner, wallet.address()) {
            return Err(TradingError::NotYourTokenAccount.into());
        }
        let seat = market.seat_of(args.seat, wallet.address())?;
        let left = seat.credit_free_ucredit.checked_sub(args.amount_ucredit).ok_or(TradingError::InsufficientCredit)?;

        seat.credit_free_ucredit = left;
        market.credit_ucredit = math::sub(market.credit_ucredit, args.amount_ucredit)?;
        emit_withdrawn(&mut market, args.seat, 0, args.amount_ucredit);
        [market.bump]
    };
    let seeds = [SignerSeed::from(AUTHORITY), SignerSeed::from(&bump)];
    token_transfer(
        &TokenMove { from: vault, to: destination, authority, token_program },
        args.amount_ucredit,
        &[SignerSeeds::from(&seeds)],
    )
}
