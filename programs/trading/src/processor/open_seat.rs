//! Gives a wallet its seat. The SeatIndex PDA of the wallet makes a second one impossible.
use crate::{
    error::arguments,
    generated::{OpenSeatArgs, SeatOpened, TradingError, SEAT_CAPACITY},
    processor::interval_at,
    state::{Market, SeatIndex},
};
use campusgrid_sdk::{
    account::{init, same},
    cpi::{create, Create, SignerSeed},
    event, load_mut, pda, require_signer,
    state::{load_council, Pause, User},
    sysvar, Ctx, Outcome,
};

const SEAT: &[u8] = b"seat";

#[inline(never)]
pub fn open_seat(ctx: &mut Ctx<'_>) -> Outcome {
    arguments(OpenSeatArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [payer, wallet, council, user, market, seat_index, system] = ctx.take::<7>()?;
    require_signer(payer)?;
    require_signer(wallet)?;
    let now_s = sysvar::now_s()?;
    let (seat, user_number) = {
        let mut market = load_mut::<Market>(market, program_id)?;
        let market = &mut *market;
        load_council(council, &market.council, &market.governance_program)?
            .require_running(Pause::Deposits, TradingError::Paused.into())?;
        let user = campusgrid_sdk::load::<User>(user, &market.registry_program)?;
        if !same(&user.wallet, wallet.address()) {
            return Err(TradingError::NotYourUser.into());
        }
        if !user.is_active() {
            return Err(TradingError::UserInactive.into());
        }
        if !seat_index.is_data_empty() {
            return Err(TradingError::SeatExists.into());
        }
        let number = market.seat_count;
        if number >= SEAT_CAPACITY {
            return Err(TradingError::SeatsFull.into());
        }

        market.seat_count = number + 1;
        let seat = &mut market.seats[usize::from(number)];
        seat.wallet = *wallet.address();
        seat.user_number = user.user_number;
        seat.role = user.role;
        seat.opened_interval = interval_at(now_s);
        let mut bytes = [0u8; SeatOpened::SIZE];
        SeatOpened {
            seq: market.next_event(),
            seat: number,
            user_number: user.user_number,
            wallet: wallet.address().as_array(),
        }
        .encode(&mut bytes);
        event::emit(&bytes);
        (number, user.user_number)
    };
    let bump = [pda::require_canonical(seat_index, &[SEAT, wallet.address().as_array()], program_id)?];
    create(&Create {
        payer,
        target: seat_index,
        system,
        owner: program_id,
        size: core::mem::size_of::<SeatIndex>() as u64,
        seeds: &[SignerSeed::from(SEAT), SignerSeed::from(wallet.address().as_array()), SignerSeed::from(&bump)],
    })?;
    let mut index = init::<SeatIndex>(seat_index, program_id, bump[0])?;
    index.seat = seat;
    index.user_number = user_number;
    index.wallet = *wallet.address();
    index.opened_at = now_s;
    Ok(())
}
