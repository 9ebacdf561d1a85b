//! Decides the price of an auction: pure arithmetic on the lots at each price. Who gets what is left to `settling`.
use crate::{
    book::{ASKS, BIDS},
    generated::{SIDE_BUY, SIDE_SELL, TICK_COUNT},
};

const LEVELS: usize = TICK_COUNT as usize;
/// `Clearing::long_side` when demand and supply are equal at the price.
pub const NEITHER: u8 = 2;

/// What trades, and at which level (tick less the market's lowest).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clearing {
    /// The price of every fill.
    pub level: u16,
    /// Lots that trade, above 0.
    pub lots: u32,
    /// The side with more lots at the price, SIDE_BUY or SIDE_SELL, or NEITHER.
    pub long_side: u8,
    /// The worst price of the long side that gets a share; its better ones are filled in full, as the short side is.
    pub marginal_level: u16,
    /// Lots that the orders there get together.
    pub marginal_fill: u32,
}

/// Find the price at which most lots trade, of those the one with the least difference of demand and supply, of those the
/// middle one, the lower of two. None when nothing trades. `levels` are [buys, sells], `buy_lots` the sum of the buys.
///
/// Demand D falls and supply S rises with the price, so both extremes lie where they cross: at the first level `high` with
/// S ≥ D, where D lots trade, and at the one below, where S lots do. Levels with the same demand and supply as one of them
/// are joined to it; none further away trades as much with as little left over.
#[inline(always)]
pub fn clear(levels: &[[u32; LEVELS]; 2], buy_lots: u32) -> Option<Clearing> {
    let (bids, asks) = (&levels[BIDS], &levels[ASKS]);
    let mut high = LEVELS;
    // At the level looked at: D, and S of the level below.
    let mut demand = u64::from(buy_lots);
    let mut supply_below = 0u64;
    let mut supply = 0u64;
    // The lowest level with the demand and the supply of the one below, and the bids of that.
    let mut flat_from = 0;
    let mut bid_below = 0u32;
    for (level, (ask, bid)) in asks.iter().zip(bids.iter()).enumerate() {
        supply = supply_below + u64::from(*ask);
        if supply >= demand {
            high = level;
            break;
        }
        if *ask | bid_below != 0 {
            flat_from = level;
        }
        bid_below = *bid;
        supply_below = supply;
        demand -= u64::from(bid_below);
    }
    let lots = if demand > supply_below { demand } else { supply_below };
    if lots == 0 {
        return None;
    }
    let mut takes_high = demand == lots;
    let mut takes_low = supply_below == lots;
    if takes_high && takes_low {
        let left_high = supply - demand;
        let left_low = demand + u64::from(bid_below) - supply_below;
        takes_high = left_high <= left_low;
        takes_low = left_low <= left_high;
    }
    let first = if takes_low { flat_from } else { high };
    let last = if takes_high { flat_up_from(bids, asks, high) } else { high - 1 };
    let level = (first + last) >> 1;
    let (long_side, marginal, before) = if level < high {
        (SIDE_BUY, high - 1, demand)
    } else if supply == demand {
        (NEITHER, level, lots)
    } else {
        (SIDE_SELL, high, supply_below)
    };
    Some(Clearing {
        level: level as u16,
        lots: lots as u32,
        long_side,
        marginal_level: marginal as u16,
        marginal_fill: (lots - before) as u32,
    })
}

/// The highest level with the demand and the supply of `level`: a step up loses the bids of the level left and gains the asks
/// of the level reached.
#[inline(always)]
fn flat_up_from(bids: &[u32; LEVELS], asks: &[u32; LEVELS], mut level: usize) -> usize {
    while level + 1 < LEVELS && bids[level] == 0 && asks[level + 1] == 0 {
        level += 1;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same decision, by looking at every level.
    fn by_search(levels: &[[u32; LEVELS]; 2]) -> Option<(u16, u32)> {
        let at = |level: usize| {
            let demand: u64 = levels[BIDS][level..].iter().map(|lots| u64::from(*lots)).sum();
            let supply: u64 = levels[ASKS][..=level].iter().map(|lots| u64::from(*lots)).sum();
            (demand.min(supply), demand.abs_diff(supply))
        };
        let all: [(u64, u64); LEVELS] = core::array::from_fn(at);
        let most = all.iter().map(|found| found.0).max()?;
        let least = all.iter().filter(|found| found.0 == most).map(|found| found.1).min()?;
        let mut ties = (0..LEVELS).filter(|level| all[*level] == (most, least));
        let (count, first) = (ties.clone().count(), ties.next()?);
        let last = ties.last().unwrap_or(first);
        assert_eq!(count, last - first + 1, "the levels that tie lie side by side");
        (most > 0).then_some((((first + last) / 2) as u16, most as u32))
    }

    #[test]
    fn price_is_the_one_a_search_of_all_levels_finds() {
        let mut state = 1u64;
        let mut dice = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for round in 0..600u64 {
            let mut levels = [[0u32; LEVELS]; 2];
            let span = if round % 3 == 0 { 6 } else { LEVELS as u64 };
            for _ in 0..dice(12) {
                let side = dice(2) as usize;
                levels[side][dice(span) as usize] += 1 + dice(4) as u32;
            }
            let buy_lots = levels[BIDS].iter().sum();
            let found = clear(&levels, buy_lots);
            assert_eq!(found.map(|found| (found.level, found.lots)), by_search(&levels));
            let Some(found) = found else { continue };
            let better: u32 = match found.long_side {
                SIDE_BUY => levels[BIDS][usize::from(found.marginal_level) + 1..].iter().sum(),
                SIDE_SELL => levels[ASKS][..usize::from(found.marginal_level)].iter().sum(),
                _ => found.lots,
            };
            assert_eq!(better + found.marginal_fill, found.lots);
            if found.long_side != NEITHER {
                let there = levels[usize::from(found.long_side)][usize::from(found.marginal_level)];
                assert!(found.marginal_fill < there);
            }
        }
    }
}
