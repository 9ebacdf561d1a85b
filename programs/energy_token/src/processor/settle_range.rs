//! Turns verified energy into GRID: the one place where GRID comes into being, and the amount is the growth of the
//! oracle's accumulators since the last settlement, so nobody can name it and a repeated call finds none.
use crate::{
    error::{arguments, require},
    generated::{
        settle_range_accounts as at,
        EnergyTokenError::{Paused, RangeOutOfBounds, WrongSlab},
        Settled, SettledSlot, SettleRangeArgs, ATOMS_PER_WH, MAX_GROWTH_WH, MAX_SETTLE_COUNT, METER_SLOTS,
    },
    state::{as_authority, Config, Ledger, LedgerMeter, LedgerRow, MeterSlab, SlabEntry},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address, same},
    cpi::{self, TokenMove},
    event, math,
    state::Pause,
    Atoms, Ctx, Outcome,
};

/// What the meters of one range add up to. 128 meters of at most (2³² − 1) x 1,000 atoms stay below 2⁵⁰, but old debt
/// may be larger, so the sums are checked.
#[derive(Default)]
struct Totals {
    minted: u64,
    burned: u64,
    debt_added: u64,
    debt_paid: u64,
}

#[inline(never)]
pub fn settle_range(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SettleRangeArgs::parse(ctx.data))?;
    require(args.count >= 1 && args.count <= MAX_SETTLE_COUNT, RangeOutOfBounds)?;
    require(args.from_slot < METER_SLOTS && args.from_slot + args.count <= METER_SLOTS, RangeOutOfBounds)?;
    let program_id = ctx.program_id;
    let (head, items) = ctx.scratch.split_at_mut(Settled::HEAD);
    let [council, config, slab, ledger, mint, vault, authority, token_program] =
        ctx.accounts.first_chunk_mut::<{ at::COUNT }>().ok_or(campusgrid_sdk::Fault::NOT_ENOUGH_ACCOUNTS)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.council(council)?.require_running(Pause::MintSettle, Paused.into())?;
    require_address(mint, &config.mint)?;
    config.require_vault_and_authority(vault, authority)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    require(same(slab.address(), &ledger.slab), WrongSlab)?;
    let slab = load::<MeterSlab>(slab, &config.oracle_program)?;

    let mut totals = Totals::default();
    let mut items = items.chunks_exact_mut(SettledSlot::SIZE);
    let mut changed = 0u32;
    let Ledger { meters, rows, .. } = &mut *ledger;
    let range = args.from_slot as usize..(args.from_slot + args.count) as usize;
    for ((slot, meter), seen) in meters.iter_mut().enumerate().zip(slab.entries.iter()).take(range.end).skip(range.start) {
        if meter.meter_number == 0 || meter.meter_number != seen.meter_number {
            continue;
        }
        let Some(row) = rows.get_mut(meter.row as usize) else { continue };
        if !settle_meter(meter, seen, row, &mut totals)? {
            continue;
        }
        changed += 1;
        if let Some(item) = items.next().and_then(|item| item.first_chunk_mut::<{ SettledSlot::SIZE }>()) {
            SettledSlot {
                slot: slot as u8,
                row: meter.row,
                settled_import_wh: meter.settled_import_wh,
                settled_export_wh: meter.settled_export_wh,
                balance_atoms: row.balance_atoms,
                debt_atoms: row.debt_atoms,
            }
            .write(item);
        }
    }
    if changed == 0 {
        return Ok(());
    }

    ledger.minted_atoms = math::add(ledger.minted_atoms, totals.minted)?;
    ledger.burned_atoms = math::add(ledger.burned_atoms, totals.burned)?;
    ledger.balance_atoms = math::sub(math::add(ledger.balance_atoms, totals.minted)?, totals.burned)?;
    ledger.debt_atoms = math::sub(math::add(ledger.debt_atoms, totals.debt_added)?, totals.debt_paid)?;
    config.gain(Atoms(totals.minted))?;
    config.lose(Atoms(totals.burned))?;
    let event_head = Settled {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        from_slot: args.from_slot,
        count: args.count,
        minted_atoms: totals.minted,
        burned_atoms: totals.burned,
        debt_added_atoms: totals.debt_added,
        debt_paid_atoms: totals.debt_paid,
    };
    // The writer counts what it appends; the items stand behind the head already, so the count is put in here.
    let _ = event_head.begin(head);
    head[Settled::HEAD - 4..].copy_from_slice(&changed.to_le_bytes());

    as_authority(config.authority_bump, |signer| {
        if totals.minted != 0 {
            cpi::token_mint_to(&TokenMove { from: mint, to: vault, authority, token_program }, totals.minted, signer)?;
        }
        if totals.burned != 0 {
            cpi::token_burn(&TokenMove { from: vault, to: mint, authority, token_program }, totals.burned, signer)?;
        }
        Ok(())
    })?;
    config.require_backed(vault)?;
    event::emit(&ctx.scratch[..Settled::HEAD + changed as usize * SettledSlot::SIZE]);
    Ok(())
}

/// Mint the export growth into the row, pay its old debt, burn the import growth and write down the rest as debt.
/// Returns whether anything changed. An accumulator below what was settled (the oracle never lets one fall) counts as no
/// growth, so that one bad slot does not hold up the others.
///
/// # Errors
/// `OVERFLOW`.
#[inline(always)]
fn settle_meter(meter: &mut LedgerMeter, seen: &SlabEntry, row: &mut LedgerRow, totals: &mut Totals) -> Outcome<bool> {
    let export_wh = growth_wh(seen.acc_export_wh, meter.settled_export_wh);
    let import_wh = growth_wh(seen.acc_import_wh, meter.settled_import_wh);
    let pays_debt = row.debt_atoms != 0 && row.balance_atoms != 0;
    if export_wh == 0 && import_wh == 0 && !pays_debt {
        return Ok(false);
    }
    // Both factors are below 2³², so the products fit.
    let minted = export_wh.wrapping_mul(ATOMS_PER_WH);
    let owed = import_wh.wrapping_mul(ATOMS_PER_WH);

    let available = math::add(row.balance_atoms, minted)?;
    let debt_paid = least(available, row.debt_atoms);
    let covered = least(available - debt_paid, owed);
    let burned = debt_paid + covered; // At most `available`.
    let debt_added = owed - covered;

    meter.settled_export_wh = math::add(meter.settled_export_wh, export_wh)?;
    meter.settled_import_wh = math::add(meter.settled_import_wh, import_wh)?;
    row.balance_atoms = available - burned;
    row.debt_atoms = math::add(row.debt_atoms - debt_paid, debt_added)?;
    row.minted_atoms = math::add(row.minted_atoms, minted)?;
    row.burned_atoms = math::add(row.burned_atoms, burned)?;
    totals.minted += minted;
    totals.burned = math::add(totals.burned, burned)?;
    totals.debt_added += debt_added;
    totals.debt_paid = math::add(totals.debt_paid, debt_paid)?;
    Ok(true)
}

#[inline(always)]
fn growth_wh(accumulated: u64, settled: u64) -> u64 {
    if accumulated <= settled {
        return 0;
    }
    least(accumulated - settled, MAX_GROWTH_WH)
}

#[inline(always)]
fn least(left: u64, right: u64) -> u64 {
    if left < right {
        left
    } else {
        right
    }
}
