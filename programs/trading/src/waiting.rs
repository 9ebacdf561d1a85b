//! Decides where a stop waits and which stops a trade has reached. How a woken order meets the book is left to `entering`.
//!
//! Stops stand in three lists: buys by rising trigger, sells by falling trigger, and those a trade has reached, in the order
//! in which they wake. So a trade that moves the price through many triggers costs itself nothing but two marks.
use crate::{
    book::BIDS,
    generated::{TradingError, STOP_CAPACITY},
    state::{Market, Order, Stop},
};
use campusgrid_sdk::Outcome;

/// `Stop.list` of the stops that trades have reached.
const DUE: u8 = 2;

impl Market {
    /// Mark the prices of trades for the stops, if there are any.
    #[inline(always)]
    pub fn note_trades(&mut self, low: u16, high: u16) {
        if self.open_stops == 0 {
            return;
        }
        if high > self.high_tick {
            self.high_tick = high;
        }
        if self.low_tick == 0 || low < self.low_tick {
            self.low_tick = low;
        }
    }

    /// Move the stops that the marked trades have reached to the end of the due ones, and forget the marks.
    #[inline(never)]
    pub fn collect_due(&mut self) {
        if self.high_tick == 0 {
            return;
        }
        for side in [BIDS, BIDS + 1] {
            let first = self.first_stop[side];
            let (mut link, mut last) = (first, 0);
            while link != 0 {
                let stop = &mut self.stops[usize::from(link) - 1];
                let reached =
                    if side == BIDS { stop.trigger_tick <= self.high_tick } else { stop.trigger_tick >= self.low_tick };
                if !reached {
                    break;
                }
                stop.list = DUE;
                last = link;
                link = stop.next;
            }
            if last == 0 {
                continue;
            }
            self.first_stop[side] = link;
            if link != 0 {
                self.stops[usize::from(link) - 1].prev = 0;
            }
            self.append_due(first, last);
        }
        self.high_tick = 0;
        self.low_tick = 0;
    }

    /// Put the chain of stops `first` to `last` behind the due ones.
    #[inline(always)]
    fn append_due(&mut self, first: u16, last: u16) {
        let before = self.last_due_stop;
        self.stops[usize::from(first) - 1].prev = before;
        self.stops[usize::from(last) - 1].next = 0;
        if before == 0 {
            self.first_due_stop = first;
        } else {
            self.stops[usize::from(before) - 1].next = first;
        }
        self.last_due_stop = last;
    }

    /// Take an entry for a stop of `order_id`. Errors: `StopsFull`.
    #[inline(always)]
    fn new_stop(&mut self, order_id: u64, trigger_tick: u16, list: u8) -> Outcome<u16> {
        let link = if self.free_stop != 0 {
            let link = self.free_stop;
            self.free_stop = self.stops[usize::from(link) - 1].next;
            link
        } else if self.stops_high < STOP_CAPACITY {
            self.stops_high += 1;
            self.stops_high
        } else {
            return Err(TradingError::StopsFull.into());
        };
        self.open_stops += 1;
        self.stops[usize::from(link) - 1] =
            Stop { order_id, trigger_tick, list, reserved0: 0, prev: 0, next: 0, reserved1: [0; 32] };
        Ok(link)
    }

    /// Put a stop of `side` behind those whose trigger is reached earlier or was the same before. Errors: `StopsFull`.
    #[inline(never)]
    pub fn add_stop(&mut self, order_id: u64, side: usize, trigger_tick: u16) -> Outcome<u16> {
        let link = self.new_stop(order_id, trigger_tick, side as u8)?;
        let (mut before, mut behind) = (0, self.first_stop[side]);
        while behind != 0 {
            let other = &self.stops[usize::from(behind) - 1];
            let is_later =
                if side == BIDS { other.trigger_tick > trigger_tick } else { other.trigger_tick < trigger_tick };
            if is_later {
                break;
            }
            before = behind;
            behind = other.next;
        }
        let stop = &mut self.stops[usize::from(link) - 1];
        stop.prev = before;
        stop.next = behind;
        if before == 0 {
            self.first_stop[side] = link;
        } else {
            self.stops[usize::from(before) - 1].next = link;
        }
        if behind != 0 {
            self.stops[usize::from(behind) - 1].prev = link;
        }
        Ok(link)
    }

    /// Let a woken stop that was cut short be the next one again. Errors: `StopsFull` (never: its entry was freed just now).
    #[inline(never)]
    pub fn put_first_due(&mut self, order_id: u64, trigger_tick: u16) -> Outcome<u16> {
        let link = self.new_stop(order_id, trigger_tick, DUE)?;
        let behind = self.first_due_stop;
        self.stops[usize::from(link) - 1].next = behind;
        if behind == 0 {
            self.last_due_stop = link;
        } else {
            self.stops[usize::from(behind) - 1].prev = link;
        }
        self.first_due_stop = link;
        Ok(link)
    }

    /// Free the stop of a waiting order, if it has one.
    #[inline(never)]
    pub fn drop_stop(&mut self, order: &Order) {
        let link = order.prev;
        if link == 0 {
            return;
        }
        let stop = self.stops[usize::from(link) - 1];
        if stop.prev != 0 {
            self.stops[usize::from(stop.prev) - 1].next = stop.next;
        } else if stop.list == DUE {
            self.first_due_stop = stop.next;
        } else {
            self.first_stop[usize::from(stop.list)] = stop.next;
        }
        if stop.next != 0 {
            self.stops[usize::from(stop.next) - 1].prev = stop.prev;
        } else if stop.list == DUE {
            self.last_due_stop = stop.prev;
        }
        let freed = &mut self.stops[usize::from(link) - 1];
        freed.order_id = 0;
        freed.next = self.free_stop;
        self.free_stop = link;
        self.open_stops -= 1;
        self.seats[usize::from(order.seat)].open_stops -= 1;
    }
}
