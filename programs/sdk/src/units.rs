//! The four quantities of the ledger as types that refuse to mix, and the exact conversions between them.
use crate::{math, Outcome};

macro_rules! quantity {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
        #[repr(transparent)]
        pub struct $name(pub u64);

        impl $name {
            /// None of it.
            pub const ZERO: $name = $name(0);

            /// The sum. Errors: `OVERFLOW`.
            #[inline(always)]
            pub fn plus(self, other: $name) -> Outcome<$name> {
                math::add(self.0, other.0).map($name)
            }

            /// The difference. Errors: `OVERFLOW` if `other` is larger.
            #[inline(always)]
            pub fn minus(self, other: $name) -> Outcome<$name> {
                math::sub(self.0, other.0).map($name)
            }

            /// The smaller of the two.
            #[inline(always)]
            pub fn least(self, other: $name) -> $name {
                if self.0 < other.0 { self } else { other }
            }

            /// Whether there is none.
            #[inline(always)]
            pub fn is_zero(self) -> bool {
                self.0 == 0
            }
        }
    };
}

quantity! {
    /// Energy in watt-hours, as a register counts it.
    Wh
}
quantity! {
    /// GRID in its smallest unit: 1 GRID = 1 kWh = 10⁶ atoms, so 1 Wh is 1,000.
    Atoms
}
quantity! {
    /// Energy in the market: 1 lot = 1 Wh.
    Lots
}
quantity! {
    /// A price: 1 tick = 0.01 credit a kWh.
    Ticks
}

/// GRID atoms of one Wh, and so of one lot.
pub const ATOMS_PER_WH: u64 = 1_000;
/// µcredit of one lot at one tick: 0.01 credit/kWh × 0.001 kWh = 10⁻⁵ credit.
pub const UCREDIT_PER_LOT_TICK: u64 = 10;

impl Wh {
    /// The GRID this energy is worth. Errors: `OVERFLOW`.
    #[inline(always)]
    pub fn atoms(self) -> Outcome<Atoms> {
        math::mul(self.0, ATOMS_PER_WH).map(Atoms)
    }
}

impl Lots {
    /// The GRID these lots are. Errors: `OVERFLOW`.
    #[inline(always)]
    pub fn atoms(self) -> Outcome<Atoms> {
        math::mul(self.0, ATOMS_PER_WH).map(Atoms)
    }

    /// What these lots cost at `price`, µcredit: always a whole number. Errors: `OVERFLOW`.
    #[inline(always)]
    pub fn value_ucredit(self, price: Ticks) -> Outcome<u64> {
        math::mul(math::mul(self.0, price.0)?, UCREDIT_PER_LOT_TICK)
    }
}
