//! Moves whole lots from the owner's row to the owner's seat: tokens to the market's vault, then the booking by trading.
use crate::{
    error::{arguments, require},
    generated::{
        move_to_market_accounts as at,
        EnergyTokenError::{Paused, ZeroAmount},
        MoveToMarketArgs, MovedToMarket,
    },
    state::{as_authority, Config, Ledger},
};
use campusgrid_sdk::{
    account::{load_mut, require_address, require_program},
    cpi::{self, TokenMove},
    event, require_signer,
    state::Pause,
    AccountView, Address, Ctx, Lots, Outcome,
};


/// First eight bytes of SHA-256(`global:credit_grid`), trading's instruction.
const CREDIT_GRID: [u8; 8] = [72, 153, 109, 178, 5, 190, 221, 108];

#[inline(never)]
pub fn move_to_market(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(MoveToMarketArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, council, config, ledger, vault, market_grid_vault, authority, market, trading_program, token_program] =
        ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.council(council)?.require_running(Pause::Deposits, Paused.into())?;
    config.require_vault_and_authority(vault, authority)?;
    require_address(market_grid_vault, &config.trading_grid_vault)?;
    require_program(trading_program, &config.trading_program)?;
    require(args.lots != 0, ZeroAmount)?;
    let amount = Lots(args.lots).atoms()?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;

    let balance_atoms = ledger.debit(args.row, owner.address(), amount)?;
    config.lose(amount)?;
    let seat = Seat { number: args.seat, wallet: owner.address(), lots: args.lots };
    as_authority(config.authority_bump, |signer| {
        let tokens = TokenMove { from: vault, to: market_grid_vault, authority, token_program };
        cpi::token_transfer(&tokens, amount.0, signer)?;
        credit_grid(&config.trading_program, &seat, (authority, market, market_grid_vault), signer)
    })?;
    config.require_backed(vault)?;

    let mut bytes = [0; MovedToMarket::SIZE];
    MovedToMarket {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        wallet: owner.address().as_array(),
        lots: args.lots,
        balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

struct Seat<'a> {
    number: u16,
    wallet: &'a Address,
    lots: u64,
}

/// Ask trading to book the lots into the wallet's seat. The wallet's signature is not passed on.
#[inline(always)]
fn credit_grid(
    trading: &Address,
    seat: &Seat<'_>,
    accounts: (&AccountView, &AccountView, &AccountView),
    signer: &[cpi::SignerSeeds<'_, '_>],
) -> Outcome {
    let (authority, market, grid_vault) = accounts;
    let mut data = [0; 50];
    data[..8].copy_from_slice(&CREDIT_GRID);
    data[8..10].copy_from_slice(&seat.number.to_le_bytes());
    data[10..42].copy_from_slice(seat.wallet.as_array());
    data[42..50].copy_from_slice(&seat.lots.to_le_bytes());
    let metas = [
        cpi::CallAccount::readonly_signer(authority.address()),
        cpi::CallAccount::writable(market.address()),
        cpi::CallAccount::readonly(grid_vault.address()),
    ];
    cpi::call(trading, &metas, &[authority, market, grid_vault], &data, signer)
}
