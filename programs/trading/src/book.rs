//! Decides where an order stands in the book and how it leaves it: levels, bitmaps, links, free slots and the funds an
//! order binds. When an order trades is decided in `matching`, where it stands before it may trade in `waiting`.
use crate::{
    generated::{TradingError, ORDER_CAPACITY, SIDE_BUY, SIDE_SELL, TICK_COUNT},
    state::{Market, Order, Seat},
};
use campusgrid_sdk::{math, Outcome};

/// Index of bids in the market's arrays of two.
pub const BIDS: usize = SIDE_BUY as usize;
/// Index of asks in the market's arrays of two.
pub const ASKS: usize = SIDE_SELL as usize;
/// Bits of an order id that name its slot.
pub const SLOT_BITS: u32 = 12;
/// The slot part of an order id.
pub const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

const _: () = assert!(ORDER_CAPACITY as u64 == SLOT_MASK + 1);

impl Market {
    /// Whether a maker order of side `MAKERS` at `best` (0 = none) trades with a taker whose limit is `limit`.
    #[inline(always)]
    pub fn reaches<const MAKERS: usize>(best: u16, limit: u16) -> bool {
        if MAKERS == ASKS {
            best != 0 && best <= limit
        } else {
            best >= limit
        }
    }

    /// Whether `tick` is a price of this market.
    #[inline(always)]
    pub fn has_tick(&self, tick: u16) -> bool {
        tick >= self.min_tick && tick - self.min_tick < TICK_COUNT
    }

    /// Reserve an order slot, or None when all are taken. The slot's order_id stays 0 until an order rests in it.
    #[inline(always)]
    pub fn reserve_slot(&mut self) -> Option<u16> {
        let link = self.free_order;
        if link != 0 {
            self.free_order = self.orders[usize::from(link) - 1].next;
            return Some(link - 1);
        }
        let slot = self.orders_high;
        if slot >= ORDER_CAPACITY {
            return None;
        }
        self.orders_high = slot + 1;
        Some(slot)
    }

    /// The slot of an order that is there. Errors: `UnknownOrder`.
    #[inline(always)]
    pub fn slot_of(&self, order_id: u64) -> Outcome<u16> {
        let slot = (order_id & SLOT_MASK) as u16;
        // Id 0 would be equal to that of a free slot 0.
        if self.orders[usize::from(slot)].order_id != order_id || order_id == 0 {
            return Err(TradingError::UnknownOrder.into());
        }
        Ok(slot)
    }

    /// The slot of the newest order at the worst price of side `OWN`, if `tick` is a better price.
    #[inline(always)]
    pub fn worse_than<const OWN: usize>(&self, tick: u16) -> Option<u16> {
        let bitmap = &self.bitmaps[OWN];
        let index = if OWN == BIDS { lowest_from(bitmap, 0) } else { highest_up_to(bitmap, TICK_COUNT - 1) }?;
        let worst = self.min_tick + index;
        let is_better = if OWN == BIDS { tick > worst } else { tick < worst };
        is_better.then(|| self.levels[OWN][usize::from(index)].tail - 1)
    }

    /// The slot of the order of side `SIDE` that trades first; there must be one.
    #[inline(always)]
    pub fn first_slot<const SIDE: usize>(&self) -> u16 {
        let index = self.best_tick[SIDE] - self.min_tick;
        self.levels[SIDE][usize::from(index)].head - 1
    }

    /// Take `slot` out of the list of free slots: for a full book, where those are the few that this instruction has freed.
    /// Errors: `BookFull` if it is not free.
    #[inline(never)]
    pub fn claim_slot(&mut self, slot: u16) -> Outcome {
        let wanted = slot + 1;
        let mut link = self.free_order;
        if link == wanted {
            self.free_order = self.orders[usize::from(slot)].next;
            return Ok(());
        }
        while link != 0 {
            let free = usize::from(link) - 1;
            link = self.orders[free].next;
            if link == wanted {
                self.orders[free].next = self.orders[usize::from(slot)].next;
                return Ok(());
            }
        }
        Err(TradingError::BookFull.into())
    }

    /// Give a slot back that was reserved or whose order was unlinked.
    #[inline(always)]
    pub fn free_slot(&mut self, slot: u16) {
        let order = &mut self.orders[usize::from(slot)];
        order.order_id = 0;
        order.lots = 0;
        order.next = self.free_order;
        self.free_order = slot + 1;
    }

    /// Put `order` at the end of its price level and at the front of its seat's list. The four links of `order` are
    /// set here. Binding the funds is the caller's part, because it settles its fills in the same stroke.
    #[inline(always)]
    pub fn rest(&mut self, slot: u16, side: usize, mut order: Order) -> Outcome {
        let link = slot + 1;
        let index = order.tick - self.min_tick;
        let level = &mut self.levels[side][usize::from(index)];
        let older = level.tail;
        level.tail = link;
        level.count += 1;
        level.lots = math::add(level.lots, u64::from(order.lots))?;
        if older == 0 {
            level.head = link;
            self.bitmaps[side][usize::from(index >> 6)] |= 1u64 << (index & 63);
            let best = self.best_tick[side];
            let is_better = if side == BIDS { order.tick > best } else { order.tick < best };
            if best == 0 || is_better {
                self.best_tick[side] = order.tick;
            }
        } else {
            self.orders[usize::from(older) - 1].next = link;
        }
        self.side_lots[side] = math::add(self.side_lots[side], u64::from(order.lots))?;
        order.prev = older;
        order.next = 0;
        self.join_seat(slot, order);
        Ok(())
    }

    /// Write `order` into its slot and put it at the front of its seat's list.
    #[inline(always)]
    pub fn join_seat(&mut self, slot: u16, mut order: Order) {
        let seat = &mut self.seats[usize::from(order.seat)];
        let newest = seat.first_order;
        seat.first_order = slot + 1;
        seat.open_orders += 1;
        if newest != 0 {
            self.orders[usize::from(newest) - 1].seat_prev = slot + 1;
        }
        self.open_orders += 1;
        order.seat_prev = 0;
        order.seat_next = newest;
        self.orders[usize::from(slot)] = order;
    }

    /// Take the order in `slot` out of its seat's list and free the slot.
    #[inline(always)]
    fn leave_seat(&mut self, slot: u16, order: &Order) {
        if order.seat_next != 0 {
            self.orders[usize::from(order.seat_next) - 1].seat_prev = order.seat_prev;
        }
        let seat = &mut self.seats[usize::from(order.seat)];
        seat.open_orders -= 1;
        if order.seat_prev == 0 {
            seat.first_order = order.seat_next;
        } else {
            self.orders[usize::from(order.seat_prev) - 1].seat_next = order.seat_next;
        }
        self.open_orders -= 1;
        self.free_slot(slot);
    }

    /// Take the order in `slot` out of its level, its seat's list and the totals, and free the slot. `order` is a copy of
    /// it; `order.lots` are the lots its level still counts. The funds it binds are the caller's part.
    #[inline(always)]
    pub fn unlink(&mut self, slot: u16, side: usize, order: &Order) -> Outcome {
        let index = usize::from(order.tick - self.min_tick);
        if order.prev != 0 {
            self.orders[usize::from(order.prev) - 1].next = order.next;
        }
        if order.next != 0 {
            self.orders[usize::from(order.next) - 1].prev = order.prev;
        }
        let level = &mut self.levels[side][index];
        if order.prev == 0 {
            level.head = order.next;
        }
        if order.next == 0 {
            level.tail = order.prev;
        }
        level.count -= 1;
        level.lots = math::sub(level.lots, u64::from(order.lots))?;
        if level.head == 0 {
            self.level_emptied(side, order.tick);
        }
        self.side_lots[side] = math::sub(self.side_lots[side], u64::from(order.lots))?;
        self.leave_seat(slot, order);
        Ok(())
    }

    /// Take the order in `slot` out, from the book or from where it waits, and make the funds it binds free again. Returns
    /// what it was.
    #[inline(always)]
    pub fn take_out(&mut self, slot: u16) -> Outcome<Order> {
        let order = self.orders[usize::from(slot)];
        self.seats[usize::from(order.seat)].free(order.bound(order.lots))?;
        if order.is_waiting() {
            self.drop_stop(&order);
            self.leave_seat(slot, &order);
        } else {
            self.unlink(slot, side_of(&order), &order)?;
        }
        Ok(order)
    }

    /// Take `lots` off the order in `slot`, fewer than it has, and free what they bind; it keeps its place.
    #[inline(always)]
    pub fn shrink(&mut self, slot: u16, lots: u32) -> Outcome {
        let order = &mut self.orders[usize::from(slot)];
        let before = order.bound(order.lots);
        order.lots -= lots;
        order.placed_lots -= lots;
        let after = order.bound(order.lots);
        self.seats[usize::from(order.seat)].free((before.0 - after.0, before.1 - after.1))?;
        if !order.is_waiting() {
            let side = side_of(order);
            let level = &mut self.levels[side][usize::from(order.tick - self.min_tick)];
            level.lots = math::sub(level.lots, u64::from(lots))?;
            self.side_lots[side] = math::sub(self.side_lots[side], u64::from(lots))?;
        }
        Ok(())
    }

    /// Clear the bit of a level without orders and, if it was the best, find the next one.
    #[inline(always)]
    fn level_emptied(&mut self, side: usize, tick: u16) {
        let index = tick - self.min_tick;
        let bitmap = &mut self.bitmaps[side];
        bitmap[usize::from(index >> 6)] &= !(1u64 << (index & 63));
        if self.best_tick[side] != tick {
            return;
        }
        let next = if side == BIDS { highest_up_to(bitmap, index) } else { lowest_from(bitmap, index) };
        self.best_tick[side] = match next {
            Some(found) => self.min_tick + found,
            None => 0,
        };
    }
}

impl Seat {
    /// Free bound funds: (CREDIT, GRID lots).
    #[inline(always)]
    pub fn free(&mut self, (ucredit, lots): (u64, u64)) -> Outcome {
        self.credit_locked_ucredit = math::sub(self.credit_locked_ucredit, ucredit)?;
        self.credit_free_ucredit = math::add(self.credit_free_ucredit, ucredit)?;
        self.grid_locked_lots = math::sub(self.grid_locked_lots, lots)?;
        self.grid_free_lots = math::add(self.grid_free_lots, lots)?;
        Ok(())
    }
}

/// Index of the order's side in the market's arrays of two.
#[inline(always)]
pub fn side_of(order: &Order) -> usize {
    if order.side == SIDE_BUY {
        BIDS
    } else {
        ASKS
    }
}

/// The lowest set bit at or above `index`, in 0..512.
#[inline(always)]
fn lowest_from(bitmap: &[u64; 8], index: u16) -> Option<u16> {
    let mut word = usize::from(index >> 6);
    let mut bits = bitmap[word] & (u64::MAX << (index & 63));
    while bits == 0 {
        word += 1;
        bits = *bitmap.get(word)?;
    }
    Some((word as u16) << 6 | bits.trailing_zeros() as u16)
}

/// The highest set bit at or below `index`, in 0..512.
#[inline(always)]
fn highest_up_to(bitmap: &[u64; 8], index: u16) -> Option<u16> {
    let mut word = usize::from(index >> 6);
    let mut bits = bitmap[word] & (u64::MAX >> (63 - (index & 63)));
    while bits == 0 {
        if word == 0 {
            return None;
        }
        word -= 1;
        bits = bitmap[word];
    }
    Some((word as u16) << 6 | (63 - bits.leading_zeros() as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_bit_is_found_on_both_sides_of_every_word() {
        for set in 0..512u16 {
            let mut bitmap = [0u64; 8];
            bitmap[usize::from(set >> 6)] = 1 << (set & 63);
            for from in 0..512u16 {
                assert_eq!(lowest_from(&bitmap, from), (from <= set).then_some(set));
                assert_eq!(highest_up_to(&bitmap, from), (from >= set).then_some(set));
            }
        }
    }
}
