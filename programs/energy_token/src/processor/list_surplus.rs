//! Lists a row's surplus in the running auction because its owner asked for it: tokens to the market's vault, then the sell
//! by trading. Whoever calls decides nothing: amount and price are the rule's.
use crate::{
    error::{arguments, require},
    generated::{
        list_surplus_accounts as at,
        EnergyTokenError::{AlreadyListed, ListingOff, NoSuchRow, NothingToList, Paused},
        ListSurplusArgs, SurplusListed, ATOMS_PER_WH, LISTING_ON,
    },
    state::{as_authority, Config, Ledger},
};
use campusgrid_sdk::{
    account::{load_mut, require_address, require_program},
    cpi::{self, TokenMove},
    event,
    state::Pause,
    Address, Ctx, Lots, Outcome, Writer,
};

/// First eight bytes of SHA-256(`global:list_sell`), trading's instruction, little-endian.
const LIST_SELL: u64 = 0x94ab_c03b_a17a_1764;

/// What the rule says is to be sold.
struct Listing {
    wallet: Address,
    lots: u32,
    reserve_ticks: u16,
}

#[inline(never)]
pub fn list_surplus(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(ListSurplusArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [council, config, ledger, vault, market_grid_vault, authority, market, auctions, trading_program, token_program] =
        ctx.take::<{ at::COUNT }>()?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.council(council)?.require_running(Pause::Deposits, Paused.into())?;
    config.require_vault_and_authority(vault, authority)?;
    require_address(market_grid_vault, &config.trading_grid_vault)?;
    require_program(trading_program, &config.trading_program)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    let Listing { wallet, lots, reserve_ticks } = surplus(&mut ledger, args.row, args.interval)?;
    let amount = Lots(u64::from(lots)).atoms()?;

    let balance_atoms = ledger.debit(args.row, &wallet, amount)?;
    config.lose(amount)?;
    as_authority(config.authority_bump, |signer| {
        let tokens = TokenMove { from: vault, to: market_grid_vault, authority, token_program };
        cpi::token_transfer(&tokens, amount.0, signer)?;
        let mut data = Writer::<52>::new(LIST_SELL);
        data.u32(args.interval).u16(args.seat).pubkey(&wallet).u16(reserve_ticks).u32(lots);
        let metas = [
            cpi::CallAccount::readonly_signer(authority.address()),
            cpi::CallAccount::readonly(council.address()),
            cpi::CallAccount::writable(market.address()),
            cpi::CallAccount::writable(auctions.address()),
            cpi::CallAccount::readonly(market_grid_vault.address()),
        ];
        let views = [&*authority, &*council, &*market, &*auctions, &*market_grid_vault];
        cpi::call(&config.trading_program, &metas, &views, data.as_bytes(), signer)
    })?;
    config.require_backed(vault)?;

    let mut bytes = [0; SurplusListed::SIZE];
    SurplusListed {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        wallet: wallet.as_array(),
        seat: args.seat,
        interval: args.interval,
        lots,
        reserve_ticks,
        balance_atoms,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// What is to be listed of a row, which is marked as listed. That it owes nothing is left to [`Ledger::debit`].
/// Errors: `NoSuchRow`, `ListingOff`, `AlreadyListed`, `NothingToList`.
#[inline(always)]
fn surplus(ledger: &mut Ledger, row: u16, interval: u32) -> Outcome<Listing> {
    require(row < ledger.rows_used, NoSuchRow)?;
    let row = ledger.rows.get_mut(usize::from(row)).ok_or(NoSuchRow)?;
    require(row.flags & LISTING_ON != 0, ListingOff)?;
    require(row.listed_interval != interval, AlreadyListed)?;
    let surplus = row.balance_atoms.checked_sub(row.keep_atoms).ok_or(NothingToList)?;
    let lots = surplus / ATOMS_PER_WH;
    require(lots != 0, NothingToList)?;
    row.listed_interval = interval;
    // An auction's side holds no more than that anyway.
    let lots = if lots < u64::from(u32::MAX) { lots as u32 } else { u32::MAX };
    Ok(Listing { wallet: row.wallet, lots, reserve_ticks: row.reserve_ticks })
}
