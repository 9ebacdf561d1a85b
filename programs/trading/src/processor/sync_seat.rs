//! Copies status and role of the registry user into the seat; anyone may call it, and it decides nothing itself.
use crate::{
    error::arguments,
    generated::{SeatSynced, SyncSeatArgs, SEAT_SUSPENDED},
    state::Market,
};
use campusgrid_sdk::{event, load, load_mut, state::User, Ctx, Outcome};

#[inline(never)]
pub fn sync_seat(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SyncSeatArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [user, market] = ctx.take::<2>()?;
    let mut market = load_mut::<Market>(market, program_id)?;
    let market = &mut *market;
    let user = load::<User>(user, &market.registry_program)?;
    let seat = market.seat_of(args.seat, &user.wallet)?;

    seat.flags = if user.is_active() { seat.flags & !SEAT_SUSPENDED } else { seat.flags | SEAT_SUSPENDED };
    seat.role = user.role;
    let (flags, role) = (seat.flags, seat.role);
    let mut bytes = [0u8; SeatSynced::SIZE];
    SeatSynced { seq: market.next_event(), seat: args.seat, flags, role }.encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
