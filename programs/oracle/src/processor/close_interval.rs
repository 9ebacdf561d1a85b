//! Writes down a zone's totals as they stand, over every slot of its one slab: nobody chooses which meters count.
use crate::{
    error::{arguments, require},
    generated::{
        close_interval_accounts as at, CloseIntervalArgs, IntervalClosed,
        OracleError::{AlreadyClosed, StillOpen},
        CLOSE_GRACE_S, ZONE_TOTALS_LEN,
    },
    processor::{end_s, now_s},
    state::{MeterSlab, ZoneTotal, ZoneTotals},
};
use campusgrid_sdk::{
    account::{load, load_mut, require_address},
    event, math,
    state::MeterStatus,
    Ctx, Fault, Outcome,
};

#[inline(never)]
pub fn close_interval(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(CloseIntervalArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [slab, totals] = ctx.take::<{ at::COUNT }>()?;
    let mut totals = load_mut::<ZoneTotals>(totals, program_id)?;
    require_address(slab, &totals.slab)?;
    let slab = load::<MeterSlab>(slab, program_id)?;
    let interval = args.interval;
    require(interval > totals.last_interval, AlreadyClosed)?;

    let now_s = now_s()?;
    let closed_at = u32::try_from(now_s).map_err(|_| Fault::OVERFLOW)?;
    let total = total_of(&slab, interval, closed_at)?;
    let is_complete = total.reported == total.active && now_s >= end_s(interval);
    require(is_complete || now_s >= end_s(interval) + CLOSE_GRACE_S, StillOpen)?;
    let place = totals.entries.get_mut((interval % ZONE_TOTALS_LEN as u32) as usize).ok_or(Fault::OVERFLOW)?;
    *place = total;
    totals.last_interval = interval;
    totals.closed_count = totals.closed_count.wrapping_add(1);

    let mut bytes = [0; IntervalClosed::SIZE];
    IntervalClosed {
        zone: slab.zone,
        interval,
        active: total.active,
        reported: total.reported,
        attested: total.attested,
        faulted: total.faulted,
        acc_import_wh: total.acc_import_wh,
        acc_export_wh: total.acc_export_wh,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}

/// Errors: `OVERFLOW`.
#[inline(always)]
fn total_of(slab: &MeterSlab, interval: u32, closed_at: u32) -> Outcome<ZoneTotal> {
    let mut total = ZoneTotal {
        interval,
        active: 0,
        reported: 0,
        attested: 0,
        faulted: 0,
        closed_at,
        acc_import_wh: 0,
        acc_export_wh: 0,
    };
    for entry in slab.entries.iter() {
        if entry.meter_number == 0 {
            continue;
        }
        // Whatever its status: what was credited stays credited.
        total.acc_import_wh = math::add(total.acc_import_wh, entry.acc_import_wh)?;
        total.acc_export_wh = math::add(total.acc_export_wh, entry.acc_export_wh)?;
        total.faulted += entry.is_faulted() as u16;
        if entry.status != MeterStatus::Active as u8 {
            continue;
        }
        total.active += 1;
        // Before its opening a meter's watermark says only from when on it may speak.
        if entry.is_opened() && entry.last_interval >= interval {
            total.reported += 1;
        } else if entry.attested_interval >= interval {
            total.attested += 1;
        }
    }
    Ok(total)
}
