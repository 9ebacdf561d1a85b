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
    Atoms, Ctx, Fault, Outcome,
};

/// Lines of the event, in the scratch memory behind its head.
type Lines = [[u8; SettledSlot::SIZE]; MAX_SETTLE_COUNT as usize];

/// What the meters of one range add up to, and where the next one writes its line of the event.
struct Tally<'a> {
    export_wh: u64,
    import_wh: u64,
    /// Import that balances covered, atoms.
    covered: u64,
    /// Old debt that balances paid, atoms.
    debt_paid: u64,
    changed: usize,
    lines: &'a mut Lines,
}

#[inline(never)]
pub fn settle_range(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SettleRangeArgs::parse(ctx.data))?;
    require(args.count >= 1 && args.count <= MAX_SETTLE_COUNT, RangeOutOfBounds)?;
    require(args.from_slot < METER_SLOTS && args.from_slot + args.count <= METER_SLOTS, RangeOutOfBounds)?;
    let program_id = ctx.program_id;
    let (head, rest) = ctx.scratch.split_at_mut(Settled::HEAD);
    let (lines, _) = rest.as_chunks_mut::<{ SettledSlot::SIZE }>();
    let lines: &mut Lines = lines.first_chunk_mut().ok_or(RangeOutOfBounds)?;
    let [council, config, slab, ledger, mint, vault, authority, token_program] =
        ctx.accounts.first_chunk_mut::<{ at::COUNT }>().ok_or(Fault::NOT_ENOUGH_ACCOUNTS)?;
    let mut config = load_mut::<Config>(config, program_id)?;
    config.council(council)?.require_running(Pause::MintSettle, Paused.into())?;
    require_address(mint, &config.mint)?;
    config.require_vault_and_authority(vault, authority)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    require(same(slab.address(), &ledger.slab), WrongSlab)?;
    let slab = load::<MeterSlab>(slab, &config.oracle_program)?;

    let mut tally = Tally { export_wh: 0, import_wh: 0, covered: 0, debt_paid: 0, changed: 0, lines };
    let Ledger { meters, rows, .. } = &mut *ledger;
    let range = args.from_slot as usize..(args.from_slot + args.count) as usize;
    let entries = slab.entries.get(range.clone()).ok_or(RangeOutOfBounds)?;
    let meters = meters.get_mut(range).ok_or(RangeOutOfBounds)?;
    let mut slot = args.from_slot as u8;
    for (meter, seen) in meters.iter_mut().zip(entries) {
        // A slot to which no meter is attached has number 0 and no row.
        if meter.meter_number == seen.meter_number {
            if let Some(row) = rows.get_mut(meter.row as usize) {
                settle_meter(meter, seen, row, slot, &mut tally);
            }
        }
        slot = slot.wrapping_add(1);
    }
    let Tally { export_wh, import_wh, covered, debt_paid, changed, .. } = tally;
    if changed == 0 {
        return Ok(());
    }

    // At most 128 x (2³² − 1) Wh each, so the products fit. A row's balance, debt and counters are parts of the ledger's,
    // so these checked sums refuse whatever could have overflowed in a row.
    let minted = export_wh.wrapping_mul(ATOMS_PER_WH);
    let burned = math::add(covered, debt_paid)?;
    let debt_added = math::sub(import_wh.wrapping_mul(ATOMS_PER_WH), covered)?;
    ledger.minted_atoms = math::add(ledger.minted_atoms, minted)?;
    ledger.burned_atoms = math::add(ledger.burned_atoms, burned)?;
    ledger.balance_atoms = math::sub(math::add(ledger.balance_atoms, minted)?, burned)?;
    ledger.debt_atoms = math::sub(math::add(ledger.debt_atoms, debt_added)?, debt_paid)?;
    config.gain(Atoms(minted))?;
    config.lose(Atoms(burned))?;
    let event_head = Settled {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        from_slot: args.from_slot,
        count: args.count,
        minted_atoms: minted,
        burned_atoms: burned,
        debt_added_atoms: debt_added,
        debt_paid_atoms: debt_paid,
    };
    // The generated writer counts lines it appends; these stand behind the head already, so the count is put in here.
    let _ = event_head.begin(head);
    head[Settled::HEAD - 4..].copy_from_slice(&(changed as u32).to_le_bytes());

    as_authority(config.authority_bump, |signer| {
        if minted != 0 {
            cpi::token_mint_to(&TokenMove { from: mint, to: vault, authority, token_program }, minted, signer)?;
        }
        if burned != 0 {
            cpi::token_burn(&TokenMove { from: vault, to: mint, authority, token_program }, burned, signer)?;
        }
        Ok(())
    })?;
    config.require_backed(vault)?;
    event::emit(&ctx.scratch[..Settled::HEAD + changed * SettledSlot::SIZE]);
    Ok(())
}

/// Mint the export growth into the row, pay its old debt, burn the import growth and write down the rest as debt; if
/// any of that changes something, write the line of the event. Sums wrap here and are checked by the caller's totals.
#[inline(never)]
fn settle_meter(meter: &mut LedgerMeter, seen: &SlabEntry, row: &mut LedgerRow, slot: u8, tally: &mut Tally<'_>) {
    let export_wh = growth_wh(seen.acc_export_wh, meter.settled_export_wh);
    let import_wh = growth_wh(seen.acc_import_wh, meter.settled_import_wh);
    let old_debt = row.debt_atoms;
    if export_wh | import_wh == 0 && (old_debt == 0 || row.balance_atoms == 0) {
        return;
    }
    // Both factors of each product are below 2³², so the products fit.
    let minted = export_wh.wrapping_mul(ATOMS_PER_WH);
    let owed = import_wh.wrapping_mul(ATOMS_PER_WH);
    let mut available = row.balance_atoms.wrapping_add(minted);
    let mut debt = owed;
    let mut burned = 0;
    if old_debt != 0 {
        let paid = least(available, old_debt);
        available = available.wrapping_sub(paid);
        debt = debt.wrapping_add(old_debt.wrapping_sub(paid));
        burned = paid;
        tally.debt_paid = tally.debt_paid.wrapping_add(paid);
    }
    let covered = least(available, owed);
    row.balance_atoms = available.wrapping_sub(covered);
    row.debt_atoms = debt.wrapping_sub(covered);
    row.minted_atoms = row.minted_atoms.wrapping_add(minted);
    row.burned_atoms = row.burned_atoms.wrapping_add(burned.wrapping_add(covered));
    meter.settled_export_wh = meter.settled_export_wh.wrapping_add(export_wh);
    meter.settled_import_wh = meter.settled_import_wh.wrapping_add(import_wh);
    tally.export_wh = tally.export_wh.wrapping_add(export_wh);
    tally.import_wh = tally.import_wh.wrapping_add(import_wh);
    tally.covered = tally.covered.wrapping_add(covered);
    if let Some(line) = tally.lines.get_mut(tally.changed) {
        SettledSlot {
            slot,
            row: meter.row,
            settled_import_wh: meter.settled_import_wh,
            settled_export_wh: meter.settled_export_wh,
            balance_atoms: row.balance_atoms,
            debt_atoms: row.debt_atoms,
        }
        .write(line);
    }
    tally.changed += 1;
}

/// Growth since the last settlement, at most `MAX_GROWTH_WH`. An accumulator below what was settled (the oracle never
/// lets one fall) counts as no growth, so that one bad slot does not hold up the others.
#[inline(always)]
fn growth_wh(accumulated: u64, settled: u64) -> u64 {
    if accumulated <= settled {
        return 0;
    }
    least(accumulated.wrapping_sub(settled), MAX_GROWTH_WH)
}

#[inline(always)]
fn least(left: u64, right: u64) -> u64 {
    if left < right {
        left
    } else {
        right
    }
}
