//! Writes down what of a row its owner wants listed in the auctions; lists nothing itself.
use crate::{
    error::arguments,
    generated::{set_listing_rule_accounts as at, ListingRuleSet, SetListingRuleArgs, LISTING_ON},
    state::Ledger,
};
use campusgrid_sdk::{account::load_mut, event, require_signer, Ctx, Outcome};

#[inline(never)]
pub fn set_listing_rule(ctx: &mut Ctx<'_>) -> Outcome {
    let args = arguments(SetListingRuleArgs::parse(ctx.data))?;
    let program_id = ctx.program_id;
    let [owner, ledger] = ctx.take::<{ at::COUNT }>()?;
    require_signer(owner)?;
    let mut ledger = load_mut::<Ledger>(ledger, program_id)?;
    let row = ledger.row_of(args.row, owner.address())?;

    row.flags = if args.enabled { row.flags | LISTING_ON } else { row.flags & !LISTING_ON };
    row.keep_atoms = args.keep_atoms;
    row.reserve_ticks = args.reserve_ticks;
    let mut bytes = [0; ListingRuleSet::SIZE];
    ListingRuleSet {
        zone: ledger.zone,
        seq: ledger.next_seq(),
        row: args.row,
        enabled: args.enabled,
        keep_atoms: args.keep_atoms,
        reserve_ticks: args.reserve_ticks,
    }
    .encode(&mut bytes);
    event::emit(&bytes);
    Ok(())
}
