//! Gives a user the next free row of a zone. The row's own address is what a second call would collide with.
use crate::{
    error::{arguments, require},
    generated::{
        open_account_accounts as at, AccountOpened,
        EnergyTokenError::{AccountExists, LedgerFull, OwnerMustSign, UserInactive},
        OpenAccountArgs, ROWS_FOR_ANYONE, ROW_CAPACITY,
    },
    state::{Config, Ledger, Row},
};
use campusgrid_sdk::{
    account::{self, load, load_mut, same},
    cpi::{self, Create, SignerSeed},
    event, pda,
    state::{User, UserStatus},
    AccountView, Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn open_account(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(OpenAccountArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let (named, others) = ctx.accounts.split_first_chunk_mut::<{ at::COUNT }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let [payer, config, user, ledger, row_account, system] = named;
    let config = load::<Config>(config, program_id)?;
    let user = load::<User>(user, &config.registry_program)?;
    // Also for one who was suspended or closed since: GRID of theirs on the market has no other way out.
    require(user.status != UserStatus::Pending as u8, UserInactive)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    let zone = ledger.zone.to_le_bytes();
    let bump = pda::require_canonical(row_account, &[b"row", &zone, user.wallet.as_array()], program_id)?;
    require(row_account.is_data_empty(), AccountExists)?;
    let row = ledger.rows_used;
    if row >= ROWS_FOR_ANYONE {
        require(row < ROW_CAPACITY, LedgerFull)?;
        let is_own = |view: &AccountView| view.is_signer() && same(view.address(), &user.wallet);
        require(is_own(&*payer) || others.first().is_some_and(is_own), OwnerMustSign)?;
    }

    let bump_seed = [bump];
    let seeds = [
        SignerSeed::from(b"row"),
        SignerSeed::from(&zone),
        SignerSeed::from(user.wallet.as_array()),
        SignerSeed::from(&bump_seed),
    ];
    let size = core::mem::size_of::<Row>() as u64;
    cpi::create(&Create { payer, target: row_account, system, owner: program_id, size, seeds: &seeds })?;
    let mut record = account::init::<Row>(row_account, program_id, bump)?;
    record.zone = ledger.zone;
    record.row = row;
    record.wallet = user.wallet;

    ledger.rows_used = row + 1;
    if let Some(opened) = ledger.rows.get_mut(row as usize) {
        opened.wallet = user.wallet;
        opened.user_number = user.user_number;
    }
    let mut bytes = [0; AccountOpened::SIZE];
    AccountOpened {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row,
        wallet: user.wallet.as_array(),
        user_number: user.user_number,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
