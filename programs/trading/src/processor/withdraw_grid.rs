//! Moves free GRID from the seat to a ledger row of the same wallet. It looks at no pause. Which row and ledger are right
//! is left to energy_token, which refuses a row of another wallet and a vault that did not grow.
use crate::{
    error::arguments,
    generated::{TradingError, WithdrawGridArgs, ATOMS_PER_LOT},
    processor::{emit_withdrawn, AUTHORITY},
    state::Market,
};
use campusgrid_sdk::{
    account::{require_address, require_program},
    cpi::{call, token_transfer, CallAccount, SignerSeed, SignerSeeds, TokenMove},
    load_mut, math, require_signer, Ctx, Outcome, Writer,
};

/// First eight bytes of SHA-256("global:credit_from_market"), little-endian.
const CREDIT_FROM_MARKET: u64 = 0x6088_651b_2fde_6976;

#[inline(never)]
pub fn withdraw_grid(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(WithdrawGridArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [wallet, market, authority, grid_vault, ledger_vault, ledger_config, ledger, token_program, energy_token] =
        ctx.take::<9>()?;
    require_signer(wallet)?;
    let bump = {
        let mut market = load_mut::<Market>(market, program_id)?;
        require_address(authority, &market.authority)?;
        require_address(grid_vault, &market.grid_vault)?;
        require_address(ledger_vault, &market.energy_token_vault)?;
        require_program(energy_token, &market.energy_token_program)?;
        if args.lots == 0 {
            return Err(TradingError::BadAmount.into());
        }
        let seat = market.seat_of(args.seat, wallet.address())?;
        let left = seat.grid_free_lots.checked_sub(args.lots).ok_or(TradingError::InsufficientGrid)?;

        seat.grid_free_lots = left;
        market.grid_lots = math::sub(market.grid_lots, args.lots)?;
        emit_withdrawn(&mut market, args.seat, args.lots, 0);
        [market.bump]
    };
    let seeds = [SignerSeed::from(AUTHORITY), SignerSeed::from(&bump)];
    let signers = [SignerSeeds::from(&seeds)];
    token_transfer(
        &TokenMove { from: grid_vault, to: ledger_vault, authority, token_program },
        math::mul(args.lots, ATOMS_PER_LOT)?,
        &signers,
    )?;
    let mut data = Writer::<50>::new(CREDIT_FROM_MARKET);
    data.u16(args.row).pubkey(wallet.address()).u64(args.lots);
    let metas = [
        CallAccount::readonly_signer(authority.address()),
        CallAccount::writable(ledger_config.address()),
        CallAccount::writable(ledger.address()),
        CallAccount::readonly(ledger_vault.address()),
    ];
    call(energy_token.address(), &metas, &[authority, ledger_config, ledger, ledger_vault], data.as_bytes(), &signers)
}
