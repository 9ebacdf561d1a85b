//! Interface of the trading program.
//! Written by programs/tools/generate.py from interface.toml; do not edit.
#![allow(dead_code, clippy::all)]

/// First `N` bytes at `at`. The callers' offsets are constants below the array's length, so the check folds away.
#[inline(always)]
fn part<const N: usize>(bytes: &[u8], at: usize) -> &[u8; N] {
    match bytes[at..].first_chunk::<N>() {
        Some(chunk) => chunk,
        None => unreachable!(),
    }
}

/// Reads Borsh bytes front to back; what is left over is an error, so one value has one encoding.
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline(always)]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next `N` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (head, rest) = self.left.split_first_chunk::<N>()?;
        self.left = rest;
        Some(head)
    }

    /// The next `len` bytes, or None when fewer are left.
    #[inline(always)]
    pub fn slice(&mut self, len: usize) -> Option<&'a [u8]> {
        if len > self.left.len() {
            return None;
        }
        let (head, rest) = self.left.split_at(len);
        self.left = rest;
        Some(head)
    }

    /// Bytes after a u32 length.
    #[inline(always)]
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = u32::from_le_bytes(*self.take::<4>()?) as usize;
        self.slice(len)
    }

    /// `vec<T>` of elements that take `SIZE` bytes each, after a u32 count.
    #[inline(always)]
    pub fn list<const SIZE: usize>(&mut self) -> Option<List<'a, SIZE>> {
        let count = u32::from_le_bytes(*self.take::<4>()?) as usize;
        if count > self.left.len() / SIZE {
            return None;
        }
        Some(List { bytes: self.slice(count * SIZE)? })
    }

    /// A bool: exactly 0 or 1.
    #[inline(always)]
    pub fn flag(&mut self) -> Option<bool> {
        match *self.take::<1>()? {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    pub fn is_done(&self) -> bool {
        self.left.is_empty()
    }
}

/// Elements of `SIZE` bytes each, in place in the instruction's data.
#[derive(Clone, Copy)]
pub struct List<'a, const SIZE: usize> {
    pub bytes: &'a [u8],
}

impl<'a, const SIZE: usize> List<'a, SIZE> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.bytes.len() / SIZE
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Element `index`, or None beyond the end.
    #[inline(always)]
    pub fn at(&self, index: usize) -> Option<&'a [u8; SIZE]> {
        self.bytes.get(index.checked_mul(SIZE)?..)?.first_chunk::<SIZE>()
    }
}

/// Size of the Market account, bytes.
pub const MARKET_SIZE: u32 = 464000;
/// Price levels on each side; level l stands for the price min_tick + l ticks.
pub const TICK_COUNT: u16 = 512;
/// Highest price a market may reach, ticks (100 credit/kWh): keeps lots x ticks x 10 x basis points inside 64 bits.
pub const MAX_TICK: u16 = 10000;
/// Seats in the market.
pub const SEAT_CAPACITY: u16 = 1024;
/// Orders resting at once, both sides together; the low 12 bits of an order id are its slot.
pub const ORDER_CAPACITY: u16 = 4096;
/// Stop orders kept at once.
pub const STOP_CAPACITY: u16 = 256;
/// Interval totals kept; interval i stands at entry i % 128.
pub const INTERVAL_RING: u16 = 128;
/// Fills kept; trade n (counted from 1) stands at entry (n - 1) % 2048.
pub const FILL_RING: u16 = 2048;
/// Most resting orders one place_order may touch (fills, and expired or own orders taken out).
pub const MAX_FILLS: u8 = 128;
/// Most fills in one Filled event.
pub const FILLS_PER_EVENT: u8 = 32;
/// Value of one lot at one tick, ucredit.
pub const UCREDIT_PER_LOT_TICK: u64 = 10;
/// GRID atoms in one lot (1 Wh).
pub const ATOMS_PER_LOT: u64 = 1000;
/// Bit of the council's pause mask that stops place_order.
pub const PAUSE_ORDERS: u8 = 4;
/// Bit of the council's pause mask that stops open_seat and deposit_credit.
pub const PAUSE_DEPOSITS: u8 = 16;
/// A bid: pays CREDIT, receives GRID.
pub const SIDE_BUY: u8 = 0;
/// An ask: pays GRID, receives CREDIT.
pub const SIDE_SELL: u8 = 1;
/// Matches what crosses, the rest rests.
pub const KIND_LIMIT: u8 = 0;
/// Immediate or cancel: matches what crosses, the rest is given back.
pub const KIND_IOC: u8 = 1;
/// Fill or kill: matches in full within max_fills or fails with FillOrKill.
pub const KIND_FOK: u8 = 2;
/// Rests without matching or fails with WouldCross.
pub const KIND_POST_ONLY: u8 = 3;
/// Meeting an own order fails the instruction with SelfTrade.
pub const SELF_TRADE_REFUSE: u8 = 0;
/// Meeting an own order stops the new order there: fills so far stand, the rest is given back.
pub const SELF_TRADE_CANCEL_TAKER: u8 = 1;
/// Own resting orders in the way are taken out (OrderOut, reason self_trade) and matching goes on.
pub const SELF_TRADE_CANCEL_MAKER: u8 = 2;
/// OrderPlaced.outcome: filled in full.
pub const OUTCOME_COMPLETE: u8 = 0;
/// OrderPlaced.outcome: what was not filled rests in the book.
pub const OUTCOME_RESTING: u8 = 1;
/// OrderPlaced.outcome: the rest of an IOC order was given back.
pub const OUTCOME_IOC_REST: u8 = 2;
/// OrderPlaced.outcome: max_fills was reached while the book still crossed; the rest was given back.
pub const OUTCOME_MATCH_LIMIT: u8 = 3;
/// OrderPlaced.outcome: an own order stood in the way (cancel taker); the rest was given back.
pub const OUTCOME_SELF_TRADE: u8 = 4;
/// OrderOut.reason: cancelled by its owner.
pub const OUT_CANCELLED: u8 = 0;
/// OrderOut.reason: its last interval had passed when matching met it.
pub const OUT_EXPIRED: u8 = 1;
/// OrderOut.reason: taken out by its owner's own new order (cancel maker).
pub const OUT_SELF_TRADE: u8 = 2;
/// Seat.flags bit: the registry user is not active; no new orders or deposits, cancel and withdraw work.
pub const SEAT_SUSPENDED: u16 = 1;
/// Matches up to its protection tick at whatever the makers ask, the rest is given back. Covered by what its fills cost, not by its limit.
pub const KIND_MARKET: u8 = 4;
/// Meeting an own order takes the smaller of the two sizes off both, without a trade; the smaller order is out, and matching goes on.
pub const SELF_TRADE_DECREMENT: u8 = 3;
/// OrderPlaced.outcome: nothing (more) stood within the protection tick of a market order; the rest was given back.
pub const OUTCOME_PROTECTED: u8 = 5;
/// OrderPlaced.outcome: resting_lots wait outside the book, for their interval, their trigger, or the next call to go on with matching.
pub const OUTCOME_WAITING: u8 = 6;
/// OrderPlaced.outcome: a scheduled post-only order would have matched when its interval came; it was given back.
pub const OUTCOME_WOULD_CROSS: u8 = 7;
/// OrderPlaced.outcome: the taker fee has risen since the order began to wait and the seat cannot cover it; it was given back.
pub const OUTCOME_UNFUNDED: u8 = 8;
/// OrderOut.reason: the book was full and an order with a better price took the place of the worst one of its side.
pub const OUT_EVICTED: u8 = 3;
/// OrderOut.reason: it was woken while its seat was suspended.
pub const OUT_SUSPENDED: u8 = 4;
/// Order.flags bit: scheduled or a stop; it stands in no level.
pub const ORDER_WAITING: u16 = 1;
/// Most stop orders of one seat.
pub const SEAT_STOPS: u8 = 8;
/// Most stop orders that one trigger_stops wakes.
pub const MAX_WOKEN: u8 = 8;
/// Most orders that one cancel_all or prune_expired takes out.
pub const MAX_OUT: u8 = 128;
/// OrderWoken.reason: its interval has come.
pub const WOKEN_BY_TIME: u8 = 0;
/// OrderWoken.reason: a trade reached its trigger.
pub const WOKEN_BY_PRICE: u8 = 1;
/// OrderWoken.reason: amended; it goes to the end of the queue at its price.
pub const WOKEN_BY_OWNER: u8 = 2;
/// Seat.mm_flags bit: the seat is a market maker.
pub const MM_ACTIVE: u16 = 1;
/// An order counts as a quote when it has been in the book for this long, campus seconds.
pub const MM_REST_S: i64 = 60;
/// Last interval for which an order can be scheduled, in 2106: the second at which it starts must fit 32 bits.
pub const LAST_SCHEDULED: u32 = 4772184;
/// Intervals of a UTC day, over which a market maker's duty is counted.
pub const INTERVALS_PER_DAY: u32 = 96;
/// Most recipients of the fee bucket.
pub const FEE_RECIPIENTS: u8 = 4;
/// Size of the Auctions account, bytes.
pub const AUCTIONS_SIZE: u32 = 107328;
/// Orders an auction can hold: slot 2 x seat for the seat's buy, 2 x seat + 1 for its sell.
pub const AUCTION_SLOTS: u16 = 2048;
/// Bit 62, set in the order ids of auction fills: id = bit 62 | auction << 11 | slot. No order of the book has it.
pub const AUCTION_ORDER_BIT: u64 = 4611686018427387904;
/// AuctionHead.state: takes orders in its interval, and cancels until it is cleared.
pub const AUCTION_OPEN: u8 = 0;
/// AuctionHead.state: the price is fixed, orders wait for settle_auction.
pub const AUCTION_CLEARED: u8 = 1;
/// AuctionHead.state: every order is settled; the place is free for the auction two intervals later.
pub const AUCTION_SETTLED: u8 = 2;
/// AuctionOrder.flags bit: listed by energy_token under its owner's rule.
pub const AUCTION_LISTED: u16 = 1;
/// Seat.auction_flags bit: a sell of this seat stands or stood in auction auction_interval, so nothing more is listed for it there.
pub const SEAT_SOLD_IN_AUCTION: u32 = 2;
/// Most steps of one settle_auction; a step settles at least one order.
pub const MAX_AUCTION_STEPS: u16 = 128;
/// Bit of the council's pause mask that stops submit_auction, list_sell and clear_auction.
pub const PAUSE_AUCTION: u8 = 8;

/// Instruction discriminators: the first 8 bytes of the data, read as a little-endian u64.
pub mod ix {
    pub const INITIALIZE: u64 = 0xed9b980d1f6dafaf;
    pub const CREATE_MARKET: u64 = 0xfefbbcc8eb61e267;
    pub const OPEN_SEAT: u64 = 0xd97e0f30b86f7e9a;
    pub const SYNC_SEAT: u64 = 0x9d4d50dbb419e416;
    pub const CREDIT_GRID: u64 = 0x6cddbe05b26d9948;
    pub const WITHDRAW_GRID: u64 = 0x66ecb3d58d2cb8e9;
    pub const DEPOSIT_CREDIT: u64 = 0x41016ddd48baf629;
    pub const WITHDRAW_CREDIT: u64 = 0x1e86ff288186ad08;
    pub const PLACE_ORDER: u64 = 0x6a60826daf9bc233;
    pub const CANCEL_ORDER: u64 = 0x84df3108f0ed815f;
    pub const CANCEL_ALL: u64 = 0xed472873dc4bbf62;
    pub const REDUCE_ORDER: u64 = 0xecc349254a188f8a;
    pub const AMEND_ORDER: u64 = 0xb4e0f5c78e9dd89f;
    pub const SCHEDULE_ORDER: u64 = 0xd7458211be7fedcd;
    pub const ACTIVATE_ORDER: u64 = 0x4758033072aa19cb;
    pub const PLACE_STOP: u64 = 0x4612fe51b868eeb9;
    pub const TRIGGER_STOPS: u64 = 0xe6314ebbf35214f8;
    pub const PRUNE_EXPIRED: u64 = 0xb12050617007b347;
    pub const SET_MARKET_MAKER: u64 = 0xd6ab5b66222a6d37;
    pub const SET_MAKER_PROGRAMME: u64 = 0xad9d143a5c3bdd11;
    pub const SAMPLE_MARKET_MAKER: u64 = 0x4b58364b3a21a699;
    pub const SET_FEE_RECIPIENTS: u64 = 0x7bd5286dc0c39531;
    pub const SWEEP_FEES: u64 = 0x942242764762e1af;
    pub const CREATE_AUCTIONS: u64 = 0xf1cc48edb47783fc;
    pub const SUBMIT_AUCTION: u64 = 0x7f5efb8484ef23d4;
    pub const LIST_SELL: u64 = 0x94abc03ba17a1764;
    pub const CANCEL_AUCTION_ORDER: u64 = 0x4c2b88317902d922;
    pub const CLEAR_AUCTION: u64 = 0x20ea8f3352ace086;
    pub const SETTLE_AUCTION: u64 = 0x852e8bde62b7c4f6;
}

/// Split instruction data into its discriminator and its arguments; None below 8 bytes.
#[inline(always)]
pub fn split_data(data: &[u8]) -> Option<(u64, &[u8])> {
    let (head, rest) = data.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*head), rest))
}

/// Accounts of `initialize`. An optional account that is not given holds the program's own id.
pub mod initialize_accounts {
    /// signer; signer. Upgrade authority of this program.
    pub const UPGRADE_AUTHORITY: usize = 0;
    /// signer; signer, writable. Pays the rent; may be the upgrade authority.
    pub const PAYER: usize = 1;
    /// programdata. ProgramData of this program (upgradeable loader).
    pub const PROGRAM_DATA: usize = 2;
    /// new; writable. New Config PDA.
    pub const CONFIG: usize = 3;
    /// state:governance.Council. PDA ["council"] of the governance program; names the CREDIT mint.
    pub const COUNCIL: usize = 4;
    /// any. PDA ["authority"] of energy_token.
    pub const ENERGY_TOKEN_AUTHORITY: usize = 5;
    /// token_account. PDA ["vault"] of energy_token.
    pub const ENERGY_TOKEN_VAULT: usize = 6;
    /// mint. PDA ["mint"] of energy_token.
    pub const GRID_MINT: usize = 7;
    /// mint. The council's CREDIT mint.
    pub const CREDIT_MINT: usize = 8;
    /// pda:authority. Authority PDA of this program.
    pub const AUTHORITY: usize = 9;
    /// new; writable. New GRID vault, PDA ["grid_vault"].
    pub const GRID_VAULT: usize = 10;
    /// new; writable. New CREDIT vault, PDA ["credit_vault"].
    pub const CREDIT_VAULT: usize = 11;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 12;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 13;
    pub const COUNT: usize = 14;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 14;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b110000001010;
}

/// Accounts of `create_market`. An optional account that is not given holds the program's own id.
pub mod create_market_accounts {
    /// signer; signer. Wallet of the admin.
    pub const ADMIN: usize = 0;
    /// state:registry.User. The admin's registry user.
    pub const ADMIN_USER: usize = 1;
    /// state:trading.Config; writable. Config PDA.
    pub const CONFIG: usize = 2;
    /// state:trading.Market; writable. Account of 464,000 zero bytes owned by this program.
    pub const MARKET: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1100;
}

/// Accounts of `open_seat`. An optional account that is not given holds the program's own id.
pub mod open_seat_accounts {
    /// signer; signer, writable. Pays the rent of the seat index; may be the wallet.
    pub const PAYER: usize = 0;
    /// wallet; signer. Owner of the seat.
    pub const WALLET: usize = 1;
    /// state:governance.Council. Pause bit 16.
    pub const COUNCIL: usize = 2;
    /// state:registry.User. The wallet's registry user; must be active.
    pub const USER: usize = 3;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 4;
    /// pda:seat,wallet; writable. New SeatIndex PDA.
    pub const SEAT_INDEX: usize = 5;
    /// program:system. System program.
    pub const SYSTEM_PROGRAM: usize = 6;
    pub const COUNT: usize = 7;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 7;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b11;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b110001;
}

/// Accounts of `sync_seat`. An optional account that is not given holds the program's own id.
pub mod sync_seat_accounts {
    /// state:registry.User. Registry user of the seat's wallet.
    pub const USER: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `credit_grid`. An optional account that is not given holds the program's own id.
pub mod credit_grid_accounts {
    /// signer; signer. PDA ["authority"] of energy_token.
    pub const ENERGY_TOKEN_AUTHORITY: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// token_account. The GRID vault, after the transfer.
    pub const GRID_VAULT: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `withdraw_grid`. An optional account that is not given holds the program's own id.
pub mod withdraw_grid_accounts {
    /// signer; signer. Owner of the seat and of the ledger row.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// pda:authority. Authority PDA of this program.
    pub const AUTHORITY: usize = 2;
    /// token_account; writable. The GRID vault.
    pub const GRID_VAULT: usize = 3;
    /// token_account; writable. energy_token's vault.
    pub const ENERGY_TOKEN_VAULT: usize = 4;
    /// state:energy_token.Config; writable. energy_token's Config; energy_token checks it.
    pub const ENERGY_TOKEN_CONFIG: usize = 5;
    /// state:energy_token.Ledger; writable. Ledger of the zone of the row; energy_token checks it.
    pub const LEDGER: usize = 6;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 7;
    /// program:energy_token. energy_token.
    pub const ENERGY_TOKEN_PROGRAM: usize = 8;
    pub const COUNT: usize = 9;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 9;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1111010;
}

/// Accounts of `deposit_credit`. An optional account that is not given holds the program's own id.
pub mod deposit_credit_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 16.
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    /// token_account; writable. CREDIT token account of the wallet.
    pub const SOURCE: usize = 3;
    /// token_account; writable. The CREDIT vault.
    pub const CREDIT_VAULT: usize = 4;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11100;
}

/// Accounts of `withdraw_credit`. An optional account that is not given holds the program's own id.
pub mod withdraw_credit_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// pda:authority. Authority PDA of this program.
    pub const AUTHORITY: usize = 2;
    /// token_account; writable. The CREDIT vault.
    pub const CREDIT_VAULT: usize = 3;
    /// token_account; writable. CREDIT token account whose owner is the wallet.
    pub const DESTINATION: usize = 4;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 6;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11010;
}

/// Accounts of `place_order`. An optional account that is not given holds the program's own id.
pub mod place_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 4; parameters 1 (taker fee), 3 (least lots), 4 (orders a seat).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `cancel_order`. An optional account that is not given holds the program's own id.
pub mod cancel_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `cancel_all`. An optional account that is not given holds the program's own id.
pub mod cancel_all_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `reduce_order`. An optional account that is not given holds the program's own id.
pub mod reduce_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `amend_order`. An optional account that is not given holds the program's own id.
pub mod amend_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 4; parameters 1 (taker fee), 3 (least lots).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `schedule_order`. An optional account that is not given holds the program's own id.
pub mod schedule_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 4; parameters 1 (taker fee), 3 (least lots), 4 (orders a seat).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `activate_order`. An optional account that is not given holds the program's own id.
pub mod activate_order_accounts {
    /// state:governance.Council. Pause bit 4; parameter 1 (taker fee).
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `place_stop`. An optional account that is not given holds the program's own id.
pub mod place_stop_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 4; parameters 1 (taker fee), 3 (least lots), 4 (orders a seat).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b100;
}

/// Accounts of `trigger_stops`. An optional account that is not given holds the program's own id.
pub mod trigger_stops_accounts {
    /// state:governance.Council. Pause bit 4; parameter 1 (taker fee).
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `prune_expired`. An optional account that is not given holds the program's own id.
pub mod prune_expired_accounts {
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 0;
    pub const COUNT: usize = 1;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 1;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1;
}

/// Accounts of `set_market_maker`. An optional account that is not given holds the program's own id.
pub mod set_market_maker_accounts {
    /// signer; signer. The council's PDA; signs through governance.
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `set_maker_programme`. An optional account that is not given holds the program's own id.
pub mod set_maker_programme_accounts {
    /// signer; signer. The council's PDA; signs through governance.
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `sample_market_maker`. An optional account that is not given holds the program's own id.
pub mod sample_market_maker_accounts {
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 0;
    pub const COUNT: usize = 1;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 1;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1;
}

/// Accounts of `set_fee_recipients`. An optional account that is not given holds the program's own id.
pub mod set_fee_recipients_accounts {
    /// signer; signer. The council's PDA; signs through governance.
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// token_account. CREDIT token account.
    pub const FIRST_RECIPIENT: usize = 2;
    /// token_account; optional. CREDIT token account.
    pub const SECOND_RECIPIENT: usize = 3;
    /// token_account; optional. CREDIT token account.
    pub const THIRD_RECIPIENT: usize = 4;
    /// token_account; optional. CREDIT token account.
    pub const FOURTH_RECIPIENT: usize = 5;
    pub const COUNT: usize = 6;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b10;
}

/// Accounts of `sweep_fees`. An optional account that is not given holds the program's own id.
pub mod sweep_fees_accounts {
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 0;
    /// pda:authority. Authority PDA of this program.
    pub const AUTHORITY: usize = 1;
    /// token_account; writable. The CREDIT vault.
    pub const CREDIT_VAULT: usize = 2;
    /// program:token. SPL Token.
    pub const TOKEN_PROGRAM: usize = 3;
    /// token_account; writable. First recipient.
    pub const FIRST_RECIPIENT: usize = 4;
    /// token_account; writable, optional. Second recipient, if there is one.
    pub const SECOND_RECIPIENT: usize = 5;
    /// token_account; writable, optional. Third recipient, if there is one.
    pub const THIRD_RECIPIENT: usize = 6;
    /// token_account; writable, optional. Fourth recipient, if there is one.
    pub const FOURTH_RECIPIENT: usize = 7;
    pub const COUNT: usize = 8;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 5;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11110101;
}

/// Accounts of `create_auctions`. An optional account that is not given holds the program's own id.
pub mod create_auctions_accounts {
    /// signer; signer. Wallet of the admin.
    pub const ADMIN: usize = 0;
    /// state:registry.User. The admin's registry user.
    pub const ADMIN_USER: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    /// state:trading.Auctions; writable. Account of 107,328 zero bytes owned by this program.
    pub const AUCTIONS: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1100;
}

/// Accounts of `submit_auction`. An optional account that is not given holds the program's own id.
pub mod submit_auction_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:governance.Council. Pause bit 8; parameter 3 (least lots).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    /// state:trading.Auctions; writable. The market's auctions.
    pub const AUCTIONS: usize = 3;
    pub const COUNT: usize = 4;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 4;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1100;
}

/// Accounts of `list_sell`. An optional account that is not given holds the program's own id.
pub mod list_sell_accounts {
    /// signer; signer. PDA ["authority"] of energy_token.
    pub const ENERGY_TOKEN_AUTHORITY: usize = 0;
    /// state:governance.Council. Pause bit 8; parameter 3 (least lots).
    pub const COUNCIL: usize = 1;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 2;
    /// state:trading.Auctions; writable. The market's auctions.
    pub const AUCTIONS: usize = 3;
    /// token_account. The GRID vault, after the transfer.
    pub const GRID_VAULT: usize = 4;
    pub const COUNT: usize = 5;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 5;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b1100;
}

/// Accounts of `cancel_auction_order`. An optional account that is not given holds the program's own id.
pub mod cancel_auction_order_accounts {
    /// signer; signer. Owner of the seat.
    pub const WALLET: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// state:trading.Auctions; writable. The market's auctions.
    pub const AUCTIONS: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b1;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b110;
}

/// Accounts of `clear_auction`. An optional account that is not given holds the program's own id.
pub mod clear_auction_accounts {
    /// state:governance.Council. Pause bit 8.
    pub const COUNCIL: usize = 0;
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 1;
    /// state:trading.Auctions; writable. The market's auctions.
    pub const AUCTIONS: usize = 2;
    pub const COUNT: usize = 3;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 3;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b110;
}

/// Accounts of `settle_auction`. An optional account that is not given holds the program's own id.
pub mod settle_auction_accounts {
    /// state:trading.Market; writable. The market.
    pub const MARKET: usize = 0;
    /// state:trading.Auctions; writable. The market's auctions.
    pub const AUCTIONS: usize = 1;
    pub const COUNT: usize = 2;
    /// Accounts before the trailing optional ones.
    pub const REQUIRED: usize = 2;
    /// Bit i: account i signs.
    pub const SIGNERS: u64 = 0b0;
    /// Bit i: account i is written.
    pub const WRITABLE: u64 = 0b11;
}

/// Byte offsets of Config. Addresses this deployment is bound to, written once by initialize; create_market adds the market.
pub mod config_layout {
    pub const SIZE: usize = 512;
    pub const DISC: [u8; 8] = [0x9b, 0x0c, 0xaa, 0xe0, 0x1e, 0xfa, 0xcc, 0x82];
    pub const DISC_U64: u64 = 0x82ccfa1ee0aa0c9b;
    /// [u8;8]: SHA-256("account:Config")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of this PDA.
    pub const AT_BUMP: usize = 9;
    /// u8: Bump of the authority PDA.
    pub const AT_AUTHORITY_BUMP: usize = 10;
    /// u8: Bump of the GRID vault PDA.
    pub const AT_GRID_VAULT_BUMP: usize = 11;
    /// u8: Bump of the CREDIT vault PDA.
    pub const AT_CREDIT_VAULT_BUMP: usize = 12;
    /// [u8;3]: Zero.
    pub const AT_RESERVED0: usize = 13;
    /// pubkey: Program that owns the council.
    pub const AT_GOVERNANCE_PROGRAM: usize = 16;
    /// pubkey: governance.Council: pause mask and parameters.
    pub const AT_COUNCIL: usize = 48;
    /// pubkey: Program that owns the users.
    pub const AT_REGISTRY_PROGRAM: usize = 80;
    /// pubkey: Program of the GRID ledger.
    pub const AT_ENERGY_TOKEN_PROGRAM: usize = 112;
    /// pubkey: Its PDA ["authority"], the only signer of credit_grid.
    pub const AT_ENERGY_TOKEN_AUTHORITY: usize = 144;
    /// pubkey: GRID mint, 6 decimals.
    pub const AT_GRID_MINT: usize = 176;
    /// pubkey: CREDIT mint, 6 decimals.
    pub const AT_CREDIT_MINT: usize = 208;
    /// pubkey: The Market account; zero before create_market.
    pub const AT_MARKET: usize = 240;
    /// pubkey: energy_token's GRID vault, where withdraw_grid sends.
    pub const AT_ENERGY_TOKEN_VAULT: usize = 272;
    /// pubkey: PDA ["authority"] of this program: owner of both vaults.
    pub const AT_AUTHORITY: usize = 304;
    /// pubkey: PDA ["grid_vault"]: GRID of all seats.
    pub const AT_GRID_VAULT: usize = 336;
    /// pubkey: PDA ["credit_vault"]: CREDIT of all seats and the fee bucket.
    pub const AT_CREDIT_VAULT: usize = 368;
    /// [u8;112]: Zero.
    pub const AT_RESERVED1: usize = 400;
}

/// Byte offsets of SeatIndex. Which seat a wallet has. Its existence is what makes a second seat for the wallet impossible.
pub mod seat_index_layout {
    pub const SIZE: usize = 64;
    pub const DISC: [u8; 8] = [0x35, 0x28, 0xea, 0xf1, 0x84, 0x7a, 0x70, 0x9c];
    pub const DISC_U64: u64 = 0x9c707a84f1ea2835;
    /// [u8;8]: SHA-256("account:SeatIndex")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of this PDA.
    pub const AT_BUMP: usize = 9;
    /// u16: Seat number, from 0.
    pub const AT_SEAT: usize = 10;
    /// u32: The registry's number of the user.
    pub const AT_USER_NUMBER: usize = 12;
    /// pubkey: Owner of the seat.
    pub const AT_WALLET: usize = 16;
    /// i64: Clock sysvar, UTC seconds.
    pub const AT_OPENED_AT: usize = 48;
    /// [u8;8]: Zero.
    pub const AT_RESERVED: usize = 56;
}

/// Byte offsets of Market. The whole market, 464,000 bytes, made by the client with create_account_with_seed (seed "market") and initialised once by
/// create_market. All links are slot + 1 and 0 is none, so a zeroed account is an empty book.
pub mod market_layout {
    pub const SIZE: usize = 464000;
    pub const DISC: [u8; 8] = [0xdb, 0xbe, 0xd5, 0x37, 0x00, 0xe3, 0xc6, 0x9a];
    pub const DISC_U64: u64 = 0x9ac6e30037d5bedb;
    /// [u8;8]: SHA-256("account:Market")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Bump of the authority PDA.
    pub const AT_AUTHORITY_BUMP: usize = 9;
    /// u16: Reserved.
    pub const AT_FLAGS: usize = 10;
    /// u16: 512.
    pub const AT_TICK_COUNT: usize = 12;
    /// u16: Price of level 0, ticks; at least 1.
    pub const AT_MIN_TICK: usize = 14;
    /// pubkey: Config PDA.
    pub const AT_CONFIG: usize = 16;
    /// pubkey: governance.Council.
    pub const AT_COUNCIL: usize = 48;
    /// pubkey: Owner of the users.
    pub const AT_REGISTRY_PROGRAM: usize = 80;
    /// pubkey: Program of the GRID ledger.
    pub const AT_ENERGY_TOKEN_PROGRAM: usize = 112;
    /// pubkey: The only signer of credit_grid.
    pub const AT_ENERGY_TOKEN_AUTHORITY: usize = 144;
    /// pubkey: Where withdraw_grid sends GRID.
    pub const AT_ENERGY_TOKEN_VAULT: usize = 176;
    /// pubkey: GRID mint.
    pub const AT_GRID_MINT: usize = 208;
    /// pubkey: CREDIT mint.
    pub const AT_CREDIT_MINT: usize = 240;
    /// pubkey: Authority PDA, owner of both vaults.
    pub const AT_AUTHORITY: usize = 272;
    /// pubkey: GRID vault PDA.
    pub const AT_GRID_VAULT: usize = 304;
    /// pubkey: CREDIT vault PDA.
    pub const AT_CREDIT_VAULT: usize = 336;
    /// u64: Number of the last order accepted.
    pub const AT_ORDER_SEQ: usize = 368;
    /// u64: Number of the last event; every event of the market carries the next one.
    pub const AT_EVENT_SEQ: usize = 376;
    /// u64: Number of the last trade.
    pub const AT_TRADE_SEQ: usize = 384;
    /// u16: Highest bid, ticks; 0 = no bid.
    pub const AT_BEST_BID_TICK: usize = 392;
    /// u16: Lowest ask, ticks; 0 = no ask.
    pub const AT_BEST_ASK_TICK: usize = 394;
    /// u16: Price of the last trade or auction, ticks; 0 = none yet.
    pub const AT_LAST_TICK: usize = 396;
    /// u16: Seats opened; seat numbers below it are in use.
    pub const AT_SEAT_COUNT: usize = 398;
    /// u16: Link of the first free order slot below orders_high.
    pub const AT_FREE_ORDER: usize = 400;
    /// u16: Order slots used at least once.
    pub const AT_ORDERS_HIGH: usize = 402;
    /// u16: Orders resting and waiting.
    pub const AT_OPEN_ORDERS: usize = 404;
    /// u16: Reserved.
    pub const AT_FREE_SEAT: usize = 406;
    /// u16: Link of the first free Stop below stops_high.
    pub const AT_FREE_STOP: usize = 408;
    /// u16: Stops used at least once.
    pub const AT_STOPS_HIGH: usize = 410;
    /// u32: Interval of the last trade.
    pub const AT_LAST_INTERVAL: usize = 412;
    /// u64: Lots resting on the bid side.
    pub const AT_BID_LOTS: usize = 416;
    /// u64: Lots resting on the ask side.
    pub const AT_ASK_LOTS: usize = 424;
    /// u64: GRID of all seats, free and locked, lots.
    pub const AT_GRID_LOTS: usize = 432;
    /// u64: CREDIT of all seats, free and locked, with the fee bucket, ucredit.
    pub const AT_CREDIT_UCREDIT: usize = 440;
    /// u64: Fee bucket, ucredit.
    pub const AT_FEE_UCREDIT: usize = 448;
    /// u64: Fees ever taken, ucredit.
    pub const AT_FEES_TOTAL_UCREDIT: usize = 456;
    /// u64: Lots ever traded.
    pub const AT_TRADED_LOTS: usize = 464;
    /// u64: Value ever traded, ucredit.
    pub const AT_TRADED_UCREDIT: usize = 472;
    /// [u8;32]: Running hash over all fills.
    pub const AT_FILLS_HASH: usize = 480;
    /// i64: Clock sysvar at create_market, UTC seconds.
    pub const AT_CREATED_AT: usize = 512;
    /// [FeeRecipient;4]: Shares of the fee bucket.
    pub const AT_FEE_RECIPIENTS: usize = 520;
    /// u8: Recipients in use, from the first on.
    pub const AT_FEE_RECIPIENT_COUNT: usize = 680;
    /// u8: Zero.
    pub const AT_RESERVED0: usize = 681;
    /// u16: Market makers: rebate on the value of their fills as makers, basis points; never more than the taker fee of the fill.
    pub const AT_MAKER_REBATE_BPS: usize = 682;
    /// u16: Reserved.
    pub const AT_WHEELING_UCREDIT_PER_LOT: usize = 684;
    /// u16: Reserved.
    pub const AT_LOSS_UCREDIT_PER_LOT: usize = 686;
    /// u16: Market makers: intervals of a day in which the duty must be met, 1 to 96; 0 before the council has set it: no rebate.
    pub const AT_MM_TARGET_INTERVALS: usize = 688;
    /// u16: Link of the buy stop with the lowest trigger.
    pub const AT_FIRST_BUY_STOP: usize = 690;
    /// u16: Link of the sell stop with the highest trigger.
    pub const AT_FIRST_SELL_STOP: usize = 692;
    /// u16: Link of the stop that wakes next.
    pub const AT_FIRST_DUE_STOP: usize = 694;
    /// u64: Market makers: rebates in the fee bucket whose day is not closed; a sweep leaves them.
    pub const AT_REBATES_DUE_UCREDIT: usize = 696;
    /// u64: Rebates ever paid, ucredit.
    pub const AT_REBATES_TOTAL_UCREDIT: usize = 704;
    /// u16: Link of the stop that wakes last of the due ones.
    pub const AT_LAST_DUE_STOP: usize = 712;
    /// u16: Highest trade since the stops were last looked through, ticks; 0 = none. Kept while a stop is open.
    pub const AT_HIGH_TICK: usize = 714;
    /// u16: Lowest trade since then, ticks; 0 = none.
    pub const AT_LOW_TICK: usize = 716;
    /// u16: Stops in use.
    pub const AT_OPEN_STOPS: usize = 718;
    /// pubkey: The Auctions account; zero before create_auctions.
    pub const AT_AUCTION: usize = 720;
    /// u32: Auction cleared last.
    pub const AT_AUCTION_INTERVAL: usize = 752;
    /// u8: Its state: 0 none yet, 1 cleared, 2 settled.
    pub const AT_AUCTION_STATE: usize = 756;
    /// [u8;3]: Zero.
    pub const AT_RESERVED1: usize = 757;
    /// u32: Orders of it settled so far.
    pub const AT_AUCTION_CURSOR: usize = 760;
    /// u16: Price of the last auction in which something traded, ticks.
    pub const AT_AUCTION_TICK: usize = 764;
    /// u16: Zero.
    pub const AT_RESERVED2: usize = 766;
    /// u64: Lots cleared and not yet settled.
    pub const AT_AUCTION_LOTS: usize = 768;
    /// pubkey: Owner of the council.
    pub const AT_GOVERNANCE_PROGRAM: usize = 776;
    /// [u8;216]: Zero.
    pub const AT_RESERVED3: usize = 808;
    /// [u64;8]: Bit l of word l/64 is set when bid level l holds an order.
    pub const AT_BID_BITMAP: usize = 1024;
    /// [u64;8]: The same for asks.
    pub const AT_ASK_BITMAP: usize = 1088;
    /// [Level;512]: Bid levels; level l has the price min_tick + l.
    pub const AT_BID_LEVELS: usize = 1152;
    /// [Level;512]: Ask levels.
    pub const AT_ASK_LEVELS: usize = 9344;
    /// [Seat;1024]: Seats by number.
    pub const AT_SEATS: usize = 17536;
    /// [Order;4096]: Order slots.
    pub const AT_ORDERS: usize = 148608;
    /// [Stop;256]: When stop orders wake.
    pub const AT_STOPS: usize = 345216;
    /// [IntervalTotals;128]: Totals of interval i at entry i % 128.
    pub const AT_INTERVALS: usize = 357504;
    /// [FillRecord;2048]: Trade n at entry (n - 1) % 2048.
    pub const AT_FILLS: usize = 365696;
}

/// Byte offsets of Auctions. The call auctions, made by the client with create_account_with_seed (seed "auctions") and initialised once by create_auctions.
/// Auction k has place k % 2: while one takes orders, the one before clears and settles.
pub mod auctions_layout {
    pub const SIZE: usize = 107328;
    pub const DISC: [u8; 8] = [0x46, 0x63, 0x24, 0x0c, 0x6a, 0xc3, 0xe1, 0xa5];
    pub const DISC_U64: u64 = 0xa5e1c36a0c246346;
    /// [u8;8]: SHA-256("account:Auctions")[:8].
    pub const AT_DISCRIMINATOR: usize = 0;
    /// u8: 1.
    pub const AT_VERSION: usize = 8;
    /// u8: Zero: the address is not a PDA.
    pub const AT_BUMP: usize = 9;
    /// [u8;6]: Zero.
    pub const AT_RESERVED0: usize = 10;
    /// pubkey: The market whose seats trade here.
    pub const AT_MARKET: usize = 16;
    /// [u8;16]: Zero.
    pub const AT_RESERVED1: usize = 48;
    /// [AuctionHead;2]: Head of auction k at k % 2.
    pub const AT_HEADS: usize = 64;
    /// [u64;64]: Four bitmaps of 1,024 bits, for auction k at 2 (k % 2): seats with a buy standing, then seats with a sell.
    pub const AT_SEATS: usize = 320;
    /// [u32;2048]: Four lists of 512, for auction k at 2 (k % 2): lots of the buys standing at min_tick + l, then of the sells.
    pub const AT_LEVELS: usize = 832;
    /// [AuctionOrder;4096]: Order of slot s (2 x seat + side) of auction k at 2,048 (k % 2) + s.
    pub const AT_ORDERS: usize = 9024;
}

/// Custom errors of the program; the code is 6000 + position and is never renumbered.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum TradingError {
    /// The signer's registry user does not have the role admin
    NotAdmin = 6000,
    /// The registry user belongs to another wallet
    NotYourUser = 6001,
    /// Only energy_token may book GRID into a seat
    NotEnergyToken = 6002,
    /// The token account belongs to another wallet or holds another mint
    NotYourTokenAccount = 6003,
    /// The sibling program ids are not different programs
    SiblingsNotDistinct = 6004,
    /// The council has paused this
    Paused = 6005,
    /// The registry user is not active
    UserInactive = 6006,
    /// This deployment has its market already
    MarketExists = 6007,
    /// The wallet has a seat already
    SeatExists = 6008,
    /// All 1,024 seats are taken
    SeatsFull = 6009,
    /// The seat does not belong to this wallet
    WrongSeat = 6010,
    /// The seat is suspended; cancel and withdraw work
    SeatSuspended = 6011,
    /// The price lies outside the market's ticks
    BadTick = 6012,
    /// The size is zero or below the least order size
    BadLots = 6013,
    /// Unknown side, kind or self-trade mode, or too many fills
    BadOrder = 6014,
    /// The order's last interval has passed
    Expired = 6015,
    /// The seat has not enough free GRID
    InsufficientGrid = 6016,
    /// The seat has not enough free CREDIT
    InsufficientCredit = 6017,
    /// A post-only order would match
    WouldCross = 6018,
    /// The order cannot be filled in full
    FillOrKill = 6019,
    /// The order would match an order of the same seat
    SelfTrade = 6020,
    /// All 4,096 order slots are taken
    BookFull = 6021,
    /// The seat has as many open orders as the council allows
    SeatOrderLimit = 6022,
    /// No such order rests in the book
    UnknownOrder = 6023,
    /// The amount is zero or too large
    BadAmount = 6024,
    /// The vault does not cover what the seats would hold
    VaultShort = 6025,
    /// The council's taker fee is above 10,000 basis points
    FeeOutOfRange = 6026,
    /// The order waits outside the book; reduce or cancel it
    OrderWaits = 6027,
    /// The first interval is not after the present one, or is after the last one
    BadSchedule = 6028,
    /// The order's first interval has not come, or it waits for a trigger or for nothing
    NotYetActive = 6029,
    /// The last trade has reached the trigger already
    TriggerReached = 6030,
    /// All 256 stops are taken, or the seat has 8
    StopsFull = 6031,
    /// No trade has reached a stop
    NothingToTrigger = 6032,
    /// A market maker's spread, size or flags, the rebate or the target is out of range
    BadTerms = 6033,
    /// The seat is no market maker and has no day to close
    NotMarketMaker = 6034,
    /// The market maker was sampled in this interval
    AlreadySampled = 6035,
    /// The shares do not sum to 10,000, leave a gap, or name an absent account or the vault
    BadShares = 6036,
    /// The fee bucket is empty but for rebates, or has no recipients
    NothingToSweep = 6037,
    /// This market has its auctions already
    AuctionsExist = 6038,
    /// An auction takes orders in its own interval alone
    AuctionClosed = 6039,
    /// The auction still takes orders
    AuctionOpen = 6040,
    /// The auction is cleared; settle_auction frees what is not filled
    AuctionCleared = 6041,
    /// The auction, or one before it, is not cleared
    AuctionNotCleared = 6042,
    /// An earlier auction is not settled; anyone may clear and settle it
    AuctionNotSettled = 6043,
    /// No order waits in this auction
    NoSuchAuction = 6044,
    /// The seat has an order on this side of the auction
    AuctionOrderExists = 6045,
    /// The side of the auction would exceed 2^32 - 1 lots
    AuctionFull = 6046,
    /// The seat has sold or listed in this auction
    AlreadyListed = 6047,
}

impl TradingError {
    /// The value an entrypoint returns for this error.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self as u32 as u64
    }
}

impl From<TradingError> for u32 {
    #[inline(always)]
    fn from(error: TradingError) -> u32 {
        error as u32
    }
}

impl From<TradingError> for u64 {
    #[inline(always)]
    fn from(error: TradingError) -> u64 {
        error as u32 as u64
    }
}

/// 40 bytes. One share of the fee bucket; all zero where there is none.
#[derive(Clone, Copy)]
pub struct FeeRecipient<'a> {
    /// CREDIT token account that receives the share.
    pub token_account: &'a [u8; 32],
    /// Share of the bucket, basis points.
    pub share_bps: u16,
    /// Zero.
    pub reserved: &'a [u8; 6],
}

impl<'a> FeeRecipient<'a> {
    pub const SIZE: usize = 40;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 40]) -> Self {
        Self {
            token_account: part::<32>(bytes, 0),
            share_bps: u16::from_le_bytes(*part::<2>(bytes, 32)),
            reserved: part::<6>(bytes, 34),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 40]) {
        out[0..32].copy_from_slice(self.token_account);
        out[32..34].copy_from_slice(&self.share_bps.to_le_bytes());
        out[34..40].copy_from_slice(self.reserved);
    }
}

/// 16 bytes. One price level: a first-in first-out list of orders. Links are slot + 1; 0 is none.
#[derive(Clone, Copy)]
pub struct Level {
    /// Link of the oldest order.
    pub head: u16,
    /// Link of the newest order.
    pub tail: u16,
    /// Orders at this price.
    pub count: u16,
    /// Zero.
    pub reserved: u16,
    /// Sum of the remaining lots of these orders.
    pub lots: u64,
}

impl Level {
    pub const SIZE: usize = 16;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 16]) -> Self {
        Self {
            head: u16::from_le_bytes(*part::<2>(bytes, 0)),
            tail: u16::from_le_bytes(*part::<2>(bytes, 2)),
            count: u16::from_le_bytes(*part::<2>(bytes, 4)),
            reserved: u16::from_le_bytes(*part::<2>(bytes, 6)),
            lots: u64::from_le_bytes(*part::<8>(bytes, 8)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 16]) {
        out[0..2].copy_from_slice(&self.head.to_le_bytes());
        out[2..4].copy_from_slice(&self.tail.to_le_bytes());
        out[4..6].copy_from_slice(&self.count.to_le_bytes());
        out[6..8].copy_from_slice(&self.reserved.to_le_bytes());
        out[8..16].copy_from_slice(&self.lots.to_le_bytes());
    }
}

/// 128 bytes. One trader's balances in the market. The Seat PDA of the wallet holds its number.
#[derive(Clone, Copy)]
pub struct Seat<'a> {
    /// Owner; signs orders, cancels and withdrawals.
    pub wallet: &'a [u8; 32],
    /// GRID not bound by an order, lots.
    pub grid_free_lots: u64,
    /// GRID bound by resting asks and auction sells, lots.
    pub grid_locked_lots: u64,
    /// CREDIT not bound by an order, ucredit.
    pub credit_free_ucredit: u64,
    /// CREDIT bound by resting bids and auction buys at their own price, ucredit.
    pub credit_locked_ucredit: u64,
    /// Orders of this seat, resting and waiting.
    pub open_orders: u16,
    /// Bit 0 suspended (SEAT_SUSPENDED); the others are reserved.
    pub flags: u16,
    /// The registry's number of the user.
    pub user_number: u32,
    /// Link (slot + 1) of the newest order of this seat, resting or waiting; 0 is none.
    pub first_order: u16,
    /// The registry's role of the user when last synced.
    pub role: u8,
    /// Stop orders of this seat.
    pub open_stops: u8,
    /// Interval in which the seat was opened.
    pub opened_interval: u32,
    /// Lots bought and sold since the seat was opened.
    pub traded_lots: u64,
    /// Value of these trades, ucredit.
    pub traded_ucredit: u64,
    /// Market maker: widest quoted spread, ticks.
    pub mm_spread_ticks: u16,
    /// Bit 0 market maker (MM_ACTIVE).
    pub mm_flags: u16,
    /// Market maker: least quoted size on each side, lots.
    pub mm_size_lots: u32,
    /// Market maker: last sampled interval.
    pub mm_sampled_interval: u32,
    /// Market maker: intervals of mm_day in which the duty was met.
    pub mm_met: u16,
    /// Market maker: the day that is counted, its number since 1970 modulo 65,536; 0 before the first sample.
    pub mm_day: u16,
    /// Last auction in which the seat placed an order.
    pub auction_interval: u32,
    /// Bit 1 (SEAT_SOLD_IN_AUCTION): a sell stands or stood there.
    pub auction_flags: u32,
    /// Market maker: rebate of mm_day so far; paid when the day is closed if the duty was met, else forfeited.
    pub mm_rebate_ucredit: u64,
}

impl<'a> Seat<'a> {
    pub const SIZE: usize = 128;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 128]) -> Self {
        Self {
            wallet: part::<32>(bytes, 0),
            grid_free_lots: u64::from_le_bytes(*part::<8>(bytes, 32)),
            grid_locked_lots: u64::from_le_bytes(*part::<8>(bytes, 40)),
            credit_free_ucredit: u64::from_le_bytes(*part::<8>(bytes, 48)),
            credit_locked_ucredit: u64::from_le_bytes(*part::<8>(bytes, 56)),
            open_orders: u16::from_le_bytes(*part::<2>(bytes, 64)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 66)),
            user_number: u32::from_le_bytes(*part::<4>(bytes, 68)),
            first_order: u16::from_le_bytes(*part::<2>(bytes, 72)),
            role: u8::from_le_bytes(*part::<1>(bytes, 74)),
            open_stops: u8::from_le_bytes(*part::<1>(bytes, 75)),
            opened_interval: u32::from_le_bytes(*part::<4>(bytes, 76)),
            traded_lots: u64::from_le_bytes(*part::<8>(bytes, 80)),
            traded_ucredit: u64::from_le_bytes(*part::<8>(bytes, 88)),
            mm_spread_ticks: u16::from_le_bytes(*part::<2>(bytes, 96)),
            mm_flags: u16::from_le_bytes(*part::<2>(bytes, 98)),
            mm_size_lots: u32::from_le_bytes(*part::<4>(bytes, 100)),
            mm_sampled_interval: u32::from_le_bytes(*part::<4>(bytes, 104)),
            mm_met: u16::from_le_bytes(*part::<2>(bytes, 108)),
            mm_day: u16::from_le_bytes(*part::<2>(bytes, 110)),
            auction_interval: u32::from_le_bytes(*part::<4>(bytes, 112)),
            auction_flags: u32::from_le_bytes(*part::<4>(bytes, 116)),
            mm_rebate_ucredit: u64::from_le_bytes(*part::<8>(bytes, 120)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 128]) {
        out[0..32].copy_from_slice(self.wallet);
        out[32..40].copy_from_slice(&self.grid_free_lots.to_le_bytes());
        out[40..48].copy_from_slice(&self.grid_locked_lots.to_le_bytes());
        out[48..56].copy_from_slice(&self.credit_free_ucredit.to_le_bytes());
        out[56..64].copy_from_slice(&self.credit_locked_ucredit.to_le_bytes());
        out[64..66].copy_from_slice(&self.open_orders.to_le_bytes());
        out[66..68].copy_from_slice(&self.flags.to_le_bytes());
        out[68..72].copy_from_slice(&self.user_number.to_le_bytes());
        out[72..74].copy_from_slice(&self.first_order.to_le_bytes());
        out[74] = self.role as u8;
        out[75] = self.open_stops as u8;
        out[76..80].copy_from_slice(&self.opened_interval.to_le_bytes());
        out[80..88].copy_from_slice(&self.traded_lots.to_le_bytes());
        out[88..96].copy_from_slice(&self.traded_ucredit.to_le_bytes());
        out[96..98].copy_from_slice(&self.mm_spread_ticks.to_le_bytes());
        out[98..100].copy_from_slice(&self.mm_flags.to_le_bytes());
        out[100..104].copy_from_slice(&self.mm_size_lots.to_le_bytes());
        out[104..108].copy_from_slice(&self.mm_sampled_interval.to_le_bytes());
        out[108..110].copy_from_slice(&self.mm_met.to_le_bytes());
        out[110..112].copy_from_slice(&self.mm_day.to_le_bytes());
        out[112..116].copy_from_slice(&self.auction_interval.to_le_bytes());
        out[116..120].copy_from_slice(&self.auction_flags.to_le_bytes());
        out[120..128].copy_from_slice(&self.mm_rebate_ucredit.to_le_bytes());
    }
}

/// 48 bytes. One order, or a free slot (order_id 0, next = link of the next free slot). A waiting order (flags bit 0) stands in no
/// level and binds its value and the taker fee of the day it was placed; time priority counts from when it enters the book.
#[derive(Clone, Copy)]
pub struct Order {
    /// Order sequence number << 12 | slot; 0 in a free slot. Kept when the order wakes or is amended: the queue of a level is what says who is first.
    pub order_id: u64,
    /// The trader's own number, not interpreted.
    pub client_id: u64,
    /// Remaining lots.
    pub lots: u32,
    /// Lots asked for, less what was taken off without a trade.
    pub placed_lots: u32,
    /// Last interval in which it may trade; 0 = until cancelled.
    pub expires_interval: u32,
    /// Campus time from which it may trade, UTC s: in the book, when it came there; of a scheduled order, when its first interval starts; 0 for a stop.
    pub active_from_s: u32,
    /// Seat number.
    pub seat: u16,
    /// Limit price, ticks.
    pub tick: u16,
    /// Link of the older order at this price. While it waits: link of its Stop, 0 for a scheduled order.
    pub prev: u16,
    /// Link of the newer order at this price. While it waits: the taker fee it binds, basis points.
    pub next: u16,
    /// Link of the newer order of this seat.
    pub seat_prev: u16,
    /// Link of the older order of this seat.
    pub seat_next: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Kind it was placed as.
    pub kind: u8,
    /// Bit 0 waiting (ORDER_WAITING); bits 1 and 2 its self-trade mode while it waits.
    pub flags: u16,
}

impl Order {
    pub const SIZE: usize = 48;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 48]) -> Self {
        Self {
            order_id: u64::from_le_bytes(*part::<8>(bytes, 0)),
            client_id: u64::from_le_bytes(*part::<8>(bytes, 8)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 16)),
            placed_lots: u32::from_le_bytes(*part::<4>(bytes, 20)),
            expires_interval: u32::from_le_bytes(*part::<4>(bytes, 24)),
            active_from_s: u32::from_le_bytes(*part::<4>(bytes, 28)),
            seat: u16::from_le_bytes(*part::<2>(bytes, 32)),
            tick: u16::from_le_bytes(*part::<2>(bytes, 34)),
            prev: u16::from_le_bytes(*part::<2>(bytes, 36)),
            next: u16::from_le_bytes(*part::<2>(bytes, 38)),
            seat_prev: u16::from_le_bytes(*part::<2>(bytes, 40)),
            seat_next: u16::from_le_bytes(*part::<2>(bytes, 42)),
            side: u8::from_le_bytes(*part::<1>(bytes, 44)),
            kind: u8::from_le_bytes(*part::<1>(bytes, 45)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 46)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 48]) {
        out[0..8].copy_from_slice(&self.order_id.to_le_bytes());
        out[8..16].copy_from_slice(&self.client_id.to_le_bytes());
        out[16..20].copy_from_slice(&self.lots.to_le_bytes());
        out[20..24].copy_from_slice(&self.placed_lots.to_le_bytes());
        out[24..28].copy_from_slice(&self.expires_interval.to_le_bytes());
        out[28..32].copy_from_slice(&self.active_from_s.to_le_bytes());
        out[32..34].copy_from_slice(&self.seat.to_le_bytes());
        out[34..36].copy_from_slice(&self.tick.to_le_bytes());
        out[36..38].copy_from_slice(&self.prev.to_le_bytes());
        out[38..40].copy_from_slice(&self.next.to_le_bytes());
        out[40..42].copy_from_slice(&self.seat_prev.to_le_bytes());
        out[42..44].copy_from_slice(&self.seat_next.to_le_bytes());
        out[44] = self.side as u8;
        out[45] = self.kind as u8;
        out[46..48].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// 48 bytes. When a stop order wakes; the order itself has an order slot. A free entry has order_id 0 and next = link of the next free one. Links are entry + 1.
#[derive(Clone, Copy)]
pub struct Stop<'a> {
    /// The waiting order; 0 in a free entry.
    pub order_id: u64,
    /// A buy wakes when a trade is at or above it, a sell when one is at or below it.
    pub trigger_tick: u16,
    /// 0 buys (lowest trigger first), 1 sells (highest first), 2 due (first come, first woken).
    pub list: u8,
    /// Zero.
    pub reserved0: u8,
    /// Link of the entry before it in its list.
    pub prev: u16,
    /// Link of the entry behind it in its list.
    pub next: u16,
    /// Zero.
    pub reserved1: &'a [u8; 32],
}

impl<'a> Stop<'a> {
    pub const SIZE: usize = 48;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 48]) -> Self {
        Self {
            order_id: u64::from_le_bytes(*part::<8>(bytes, 0)),
            trigger_tick: u16::from_le_bytes(*part::<2>(bytes, 8)),
            list: u8::from_le_bytes(*part::<1>(bytes, 10)),
            reserved0: u8::from_le_bytes(*part::<1>(bytes, 11)),
            prev: u16::from_le_bytes(*part::<2>(bytes, 12)),
            next: u16::from_le_bytes(*part::<2>(bytes, 14)),
            reserved1: part::<32>(bytes, 16),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 48]) {
        out[0..8].copy_from_slice(&self.order_id.to_le_bytes());
        out[8..10].copy_from_slice(&self.trigger_tick.to_le_bytes());
        out[10] = self.list as u8;
        out[11] = self.reserved0 as u8;
        out[12..14].copy_from_slice(&self.prev.to_le_bytes());
        out[14..16].copy_from_slice(&self.next.to_le_bytes());
        out[16..48].copy_from_slice(self.reserved1);
    }
}

/// 64 bytes. What traded in one interval. An interval without a trade has no entry (the entry names another interval).
#[derive(Clone, Copy)]
pub struct IntervalTotals<'a> {
    /// Interval of these totals; 0 = never used.
    pub interval: u32,
    /// Fills in the interval.
    pub trades: u32,
    /// Traded lots.
    pub lots: u64,
    /// Traded value, ucredit.
    pub value_ucredit: u64,
    /// The market's running hash after the interval's last fill.
    pub fills_hash: &'a [u8; 32],
    /// Number of the interval's last trade.
    pub last_trade: u64,
}

impl<'a> IntervalTotals<'a> {
    pub const SIZE: usize = 64;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 64]) -> Self {
        Self {
            interval: u32::from_le_bytes(*part::<4>(bytes, 0)),
            trades: u32::from_le_bytes(*part::<4>(bytes, 4)),
            lots: u64::from_le_bytes(*part::<8>(bytes, 8)),
            value_ucredit: u64::from_le_bytes(*part::<8>(bytes, 16)),
            fills_hash: part::<32>(bytes, 24),
            last_trade: u64::from_le_bytes(*part::<8>(bytes, 56)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 64]) {
        out[0..4].copy_from_slice(&self.interval.to_le_bytes());
        out[4..8].copy_from_slice(&self.trades.to_le_bytes());
        out[8..16].copy_from_slice(&self.lots.to_le_bytes());
        out[16..24].copy_from_slice(&self.value_ucredit.to_le_bytes());
        out[24..56].copy_from_slice(self.fills_hash);
        out[56..64].copy_from_slice(&self.last_trade.to_le_bytes());
    }
}

/// 48 bytes. One fill, and the unit of the running hash: H' = SHA-256(H || these 48 bytes), H = 32 zero bytes before trade 1.
#[derive(Clone, Copy)]
pub struct FillRecord {
    /// Trade number, counted from 1 without gaps.
    pub trade: u64,
    /// Order id that rested.
    pub maker_order: u64,
    /// Order id that arrived.
    pub taker_order: u64,
    /// Interval of the fill.
    pub interval: u32,
    /// Lots that changed hands.
    pub lots: u32,
    /// Price, ticks: the maker's.
    pub tick: u16,
    /// Seat of the resting order.
    pub maker_seat: u16,
    /// Seat of the arriving order.
    pub taker_seat: u16,
    /// 0 the taker bought, 1 the taker sold.
    pub taker_side: u8,
    /// Zero.
    pub reserved: u8,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
}

impl FillRecord {
    pub const SIZE: usize = 48;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 48]) -> Self {
        Self {
            trade: u64::from_le_bytes(*part::<8>(bytes, 0)),
            maker_order: u64::from_le_bytes(*part::<8>(bytes, 8)),
            taker_order: u64::from_le_bytes(*part::<8>(bytes, 16)),
            interval: u32::from_le_bytes(*part::<4>(bytes, 24)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 28)),
            tick: u16::from_le_bytes(*part::<2>(bytes, 32)),
            maker_seat: u16::from_le_bytes(*part::<2>(bytes, 34)),
            taker_seat: u16::from_le_bytes(*part::<2>(bytes, 36)),
            taker_side: u8::from_le_bytes(*part::<1>(bytes, 38)),
            reserved: u8::from_le_bytes(*part::<1>(bytes, 39)),
            campus_time: i64::from_le_bytes(*part::<8>(bytes, 40)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 48]) {
        out[0..8].copy_from_slice(&self.trade.to_le_bytes());
        out[8..16].copy_from_slice(&self.maker_order.to_le_bytes());
        out[16..24].copy_from_slice(&self.taker_order.to_le_bytes());
        out[24..28].copy_from_slice(&self.interval.to_le_bytes());
        out[28..32].copy_from_slice(&self.lots.to_le_bytes());
        out[32..34].copy_from_slice(&self.tick.to_le_bytes());
        out[34..36].copy_from_slice(&self.maker_seat.to_le_bytes());
        out[36..38].copy_from_slice(&self.taker_seat.to_le_bytes());
        out[38] = self.taker_side as u8;
        out[39] = self.reserved as u8;
        out[40..48].copy_from_slice(&self.campus_time.to_le_bytes());
    }
}

/// 16 bytes. One fill as the Filled event carries it; the n-th of an event has the trade number first_trade + n.
#[derive(Clone, Copy)]
pub struct PackedFill {
    /// Order id that rested.
    pub maker_order: u64,
    /// Lots that changed hands.
    pub lots: u32,
    /// Price, ticks.
    pub tick: u16,
    /// Seat of the resting order.
    pub maker_seat: u16,
}

impl PackedFill {
    pub const SIZE: usize = 16;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 16]) -> Self {
        Self {
            maker_order: u64::from_le_bytes(*part::<8>(bytes, 0)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 8)),
            tick: u16::from_le_bytes(*part::<2>(bytes, 12)),
            maker_seat: u16::from_le_bytes(*part::<2>(bytes, 14)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 16]) {
        out[0..8].copy_from_slice(&self.maker_order.to_le_bytes());
        out[8..12].copy_from_slice(&self.lots.to_le_bytes());
        out[12..14].copy_from_slice(&self.tick.to_le_bytes());
        out[14..16].copy_from_slice(&self.maker_seat.to_le_bytes());
    }
}

/// 24 bytes. The order of one seat and side. It stands while its bit in the auction's bitmap is set; after that the bytes tell what became of it until the place is used again.
#[derive(Clone, Copy)]
pub struct AuctionOrder {
    /// The trader's own number, not interpreted.
    pub client_id: u64,
    /// Lots asked for; 0 after a cancel.
    pub lots: u32,
    /// Auction it was placed in: an order of another generation means nothing here.
    pub interval: u32,
    /// Lots settled so far.
    pub filled_lots: u32,
    /// Limit price, ticks.
    pub tick: u16,
    /// Bit 0 listed (AUCTION_LISTED).
    pub flags: u16,
}

impl AuctionOrder {
    pub const SIZE: usize = 24;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 24]) -> Self {
        Self {
            client_id: u64::from_le_bytes(*part::<8>(bytes, 0)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 8)),
            interval: u32::from_le_bytes(*part::<4>(bytes, 12)),
            filled_lots: u32::from_le_bytes(*part::<4>(bytes, 16)),
            tick: u16::from_le_bytes(*part::<2>(bytes, 20)),
            flags: u16::from_le_bytes(*part::<2>(bytes, 22)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 24]) {
        out[0..8].copy_from_slice(&self.client_id.to_le_bytes());
        out[8..12].copy_from_slice(&self.lots.to_le_bytes());
        out[12..16].copy_from_slice(&self.interval.to_le_bytes());
        out[16..20].copy_from_slice(&self.filled_lots.to_le_bytes());
        out[20..22].copy_from_slice(&self.tick.to_le_bytes());
        out[22..24].copy_from_slice(&self.flags.to_le_bytes());
    }
}

/// 128 bytes. What one auction is and how far it has come.
#[derive(Clone, Copy)]
pub struct AuctionHead<'a> {
    /// Its number k: it takes orders while campus time is in [900 k, 900 (k + 1)).
    pub interval: u32,
    /// Orders neither cancelled nor settled; 0 means that the place may be used again.
    pub orders_standing: u32,
    /// 0 open, 1 cleared, 2 settled.
    pub state: u8,
    /// Side with more lots at the price: 0 buy, 1 sell; its orders at marginal_tick share. 2 = neither.
    pub long_side: u8,
    /// The price of every fill, ticks; 0 = nothing traded.
    pub tick: u16,
    /// Worst price of the long side that gets a share, ticks.
    pub marginal_tick: u16,
    /// Zero.
    pub reserved0: u16,
    /// Lots that trade.
    pub lots: u32,
    /// Lots traded so far.
    pub settled_lots: u32,
    /// F: lots that the marginal orders get together.
    pub marginal_fill_lots: u32,
    /// Q: lots that they asked for.
    pub marginal_lots: u32,
    /// c: lots of the marginal orders reached so far, by seat number. Order i gets floor(F c_i / Q) - floor(F c_(i-1) / Q).
    pub marginal_run_lots: u32,
    /// Orders settled so far.
    pub settled_orders: u32,
    /// Lots of all buys standing.
    pub bid_lots: u32,
    /// Lots of all sells standing.
    pub ask_lots: u32,
    /// Seat at which settling the buys goes on.
    pub bid_cursor: u16,
    /// Seat at which settling the sells goes on.
    pub ask_cursor: u16,
    /// Lots that the buy at the cursor still gets.
    pub bid_due_lots: u32,
    /// Lots that the sell at the cursor still gives.
    pub ask_due_lots: u32,
    /// Zero.
    pub reserved1: u32,
    /// Clock sysvar, UTC seconds; 0 before clearing.
    pub cleared_at: i64,
    /// Zero.
    pub reserved2: &'a [u8; 56],
}

impl<'a> AuctionHead<'a> {
    pub const SIZE: usize = 128;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &'a [u8; 128]) -> Self {
        Self {
            interval: u32::from_le_bytes(*part::<4>(bytes, 0)),
            orders_standing: u32::from_le_bytes(*part::<4>(bytes, 4)),
            state: u8::from_le_bytes(*part::<1>(bytes, 8)),
            long_side: u8::from_le_bytes(*part::<1>(bytes, 9)),
            tick: u16::from_le_bytes(*part::<2>(bytes, 10)),
            marginal_tick: u16::from_le_bytes(*part::<2>(bytes, 12)),
            reserved0: u16::from_le_bytes(*part::<2>(bytes, 14)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 16)),
            settled_lots: u32::from_le_bytes(*part::<4>(bytes, 20)),
            marginal_fill_lots: u32::from_le_bytes(*part::<4>(bytes, 24)),
            marginal_lots: u32::from_le_bytes(*part::<4>(bytes, 28)),
            marginal_run_lots: u32::from_le_bytes(*part::<4>(bytes, 32)),
            settled_orders: u32::from_le_bytes(*part::<4>(bytes, 36)),
            bid_lots: u32::from_le_bytes(*part::<4>(bytes, 40)),
            ask_lots: u32::from_le_bytes(*part::<4>(bytes, 44)),
            bid_cursor: u16::from_le_bytes(*part::<2>(bytes, 48)),
            ask_cursor: u16::from_le_bytes(*part::<2>(bytes, 50)),
            bid_due_lots: u32::from_le_bytes(*part::<4>(bytes, 52)),
            ask_due_lots: u32::from_le_bytes(*part::<4>(bytes, 56)),
            reserved1: u32::from_le_bytes(*part::<4>(bytes, 60)),
            cleared_at: i64::from_le_bytes(*part::<8>(bytes, 64)),
            reserved2: part::<56>(bytes, 72),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 128]) {
        out[0..4].copy_from_slice(&self.interval.to_le_bytes());
        out[4..8].copy_from_slice(&self.orders_standing.to_le_bytes());
        out[8] = self.state as u8;
        out[9] = self.long_side as u8;
        out[10..12].copy_from_slice(&self.tick.to_le_bytes());
        out[12..14].copy_from_slice(&self.marginal_tick.to_le_bytes());
        out[14..16].copy_from_slice(&self.reserved0.to_le_bytes());
        out[16..20].copy_from_slice(&self.lots.to_le_bytes());
        out[20..24].copy_from_slice(&self.settled_lots.to_le_bytes());
        out[24..28].copy_from_slice(&self.marginal_fill_lots.to_le_bytes());
        out[28..32].copy_from_slice(&self.marginal_lots.to_le_bytes());
        out[32..36].copy_from_slice(&self.marginal_run_lots.to_le_bytes());
        out[36..40].copy_from_slice(&self.settled_orders.to_le_bytes());
        out[40..44].copy_from_slice(&self.bid_lots.to_le_bytes());
        out[44..48].copy_from_slice(&self.ask_lots.to_le_bytes());
        out[48..50].copy_from_slice(&self.bid_cursor.to_le_bytes());
        out[50..52].copy_from_slice(&self.ask_cursor.to_le_bytes());
        out[52..56].copy_from_slice(&self.bid_due_lots.to_le_bytes());
        out[56..60].copy_from_slice(&self.ask_due_lots.to_le_bytes());
        out[60..64].copy_from_slice(&self.reserved1.to_le_bytes());
        out[64..72].copy_from_slice(&self.cleared_at.to_le_bytes());
        out[72..128].copy_from_slice(self.reserved2);
    }
}

/// 8 bytes. One fill of an auction as AuctionFilled carries it; the n-th of an event has the trade number first_trade + n. In the fill ring the seller stands as maker and the buyer as taker; both order ids have bit 62.
#[derive(Clone, Copy)]
pub struct AuctionFill {
    /// Seat that received GRID.
    pub buy_seat: u16,
    /// Seat that received CREDIT.
    pub sell_seat: u16,
    /// Lots that changed hands.
    pub lots: u32,
}

impl AuctionFill {
    pub const SIZE: usize = 8;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 8]) -> Self {
        Self {
            buy_seat: u16::from_le_bytes(*part::<2>(bytes, 0)),
            sell_seat: u16::from_le_bytes(*part::<2>(bytes, 2)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 4)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 8]) {
        out[0..2].copy_from_slice(&self.buy_seat.to_le_bytes());
        out[2..4].copy_from_slice(&self.sell_seat.to_le_bytes());
        out[4..8].copy_from_slice(&self.lots.to_le_bytes());
    }
}

/// 10 bytes. What became of one auction order; what was not filled is free again.
#[derive(Clone, Copy)]
pub struct AuctionResult {
    /// 2 x seat + side.
    pub slot: u16,
    /// Lots asked for.
    pub lots: u32,
    /// Lots filled.
    pub filled_lots: u32,
}

impl AuctionResult {
    pub const SIZE: usize = 10;

    /// Read one from its bytes, for instance from `List::at`.
    #[inline(always)]
    pub fn read(bytes: &[u8; 10]) -> Self {
        Self {
            slot: u16::from_le_bytes(*part::<2>(bytes, 0)),
            lots: u32::from_le_bytes(*part::<4>(bytes, 2)),
            filled_lots: u32::from_le_bytes(*part::<4>(bytes, 6)),
        }
    }

    /// Write it as Borsh does.
    #[inline(always)]
    pub fn write(&self, out: &mut [u8; 10]) {
        out[0..2].copy_from_slice(&self.slot.to_le_bytes());
        out[2..6].copy_from_slice(&self.lots.to_le_bytes());
        out[6..10].copy_from_slice(&self.filled_lots.to_le_bytes());
    }
}

/// Arguments of `initialize`. Binds the program to its siblings, once: writes Config and makes the two vaults. The addresses that the siblings derive
/// (council, energy_token's authority and vault, the GRID mint) are derived here too and compared.
pub struct InitializeArgs<'a> {
    /// Governance program id.
    pub governance_program: &'a [u8; 32],
    /// Registry program id.
    pub registry_program: &'a [u8; 32],
    /// energy_token program id.
    pub energy_token_program: &'a [u8; 32],
}

impl<'a> InitializeArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 96 {
            return None;
        }
        let mut r = Reader::new(data);
        let governance_program = r.take::<32>()?;
        let registry_program = r.take::<32>()?;
        let energy_token_program = r.take::<32>()?;
        Some(Self { governance_program, registry_program, energy_token_program })
    }
}

/// Arguments of `create_market`. Initialises the zeroed, rent-exempt Market account, once, and writes its address into Config.
pub struct CreateMarketArgs {
    /// Price of level 0, ticks, 1 to 9,489.
    pub min_tick: u16,
}

impl CreateMarketArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 2 {
            return None;
        }
        let mut r = Reader::new(data);
        let min_tick = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { min_tick })
    }
}

/// Arguments of `open_seat`. Gives the wallet a seat, once, for the life of the market.
pub struct OpenSeatArgs {
}

impl OpenSeatArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `sync_seat`. Copies the user's status and role from the registry into the seat: a suspended user cannot place orders or deposit. Anyone may call it.
pub struct SyncSeatArgs {
    /// Seat number.
    pub seat: u16,
}

impl SyncSeatArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 2 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { seat })
    }
}

/// Arguments of `credit_grid`. Books GRID that energy_token has just sent to the vault into a seat. Fails unless the vault covers every seat afterwards.
pub struct CreditGridArgs<'a> {
    /// Seat number.
    pub seat: u16,
    /// Owner of the ledger row the GRID came from; must own the seat.
    pub wallet: &'a [u8; 32],
    /// Lots to book.
    pub lots: u64,
}

impl<'a> CreditGridArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 42 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let wallet = r.take::<32>()?;
        let lots = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { seat, wallet, lots })
    }
}

/// Arguments of `withdraw_grid`. Moves free GRID from the seat to a ledger row of the same wallet: the only way GRID leaves the market. No pause reaches it.
pub struct WithdrawGridArgs {
    /// Seat number.
    pub seat: u16,
    /// Ledger row of the same wallet.
    pub row: u16,
    /// Lots to move.
    pub lots: u64,
}

impl WithdrawGridArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 12 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let row = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { seat, row, lots })
    }
}

/// Arguments of `deposit_credit`. Moves CREDIT from a token account that the wallet may spend into its seat.
pub struct DepositCreditArgs {
    /// Seat number.
    pub seat: u16,
    /// Amount, ucredit.
    pub amount_ucredit: u64,
}

impl DepositCreditArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 10 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let amount_ucredit = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { seat, amount_ucredit })
    }
}

/// Arguments of `withdraw_credit`. Moves free CREDIT from the seat to a CREDIT token account of the same wallet. No pause reaches it.
pub struct WithdrawCreditArgs {
    /// Seat number.
    pub seat: u16,
    /// Amount, ucredit.
    pub amount_ucredit: u64,
}

impl WithdrawCreditArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 10 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let amount_ucredit = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { seat, amount_ucredit })
    }
}

/// Arguments of `place_order`. Matches the order against the book at the makers' prices, best price first and oldest first within a price, settles each
/// fill between the two seats at once, and lets the rest rest or gives it back by kind. A buy must be covered at its limit
/// price, with the taker fee on top if the book crosses; it gets the difference to the makers' prices back. The taker fee
/// (council parameter 1, basis points of the traded value of this instruction) is rounded up once and goes to the fee
/// bucket. A market order is covered by what its fills cost. Expired orders that matching meets are taken out and their funds freed.
/// Events: OrderOut as it happens, Filled for every 32 fills and for the last ones, OrderPlaced last with the outcome. Resting
/// never leaves the book crossed. In a full book an order that would rest takes the place of the newest order at the worst
/// price of its side if its own price is better (OrderOut, reason evicted); else BookFull.
pub struct PlaceOrderArgs {
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// 0 limit, 1 IOC, 2 FOK, 3 post-only, 4 market.
    pub kind: u8,
    /// Limit price, for a market order the protection: the worst price it takes. Ticks, min_tick to min_tick + 511.
    pub tick: u16,
    /// Lots, at least 1 and at least council parameter 3.
    pub lots: u32,
    /// The trader's own number, not interpreted.
    pub client_id: u64,
    /// Last interval in which the rest may trade; 0 = until cancelled.
    pub expires_interval: u32,
    /// 0 refuse, 1 cancel taker, 2 cancel maker, 3 decrement and cancel.
    pub self_trade: u8,
    /// Most resting orders to touch, 1 to 128 (0 = 128).
    pub max_fills: u8,
}

impl PlaceOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 24 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        let client_id = u64::from_le_bytes(*r.take::<8>()?);
        let expires_interval = u32::from_le_bytes(*r.take::<4>()?);
        let self_trade = u8::from_le_bytes(*r.take::<1>()?);
        let max_fills = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { seat, side, kind, tick, lots, client_id, expires_interval, self_trade, max_fills })
    }
}

/// Arguments of `cancel_order`. Takes an order out, resting or waiting, and frees its funds. No pause reaches it.
pub struct CancelOrderArgs {
    /// Order id.
    pub order_id: u64,
}

impl CancelOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 8 {
            return None;
        }
        let mut r = Reader::new(data);
        let order_id = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { order_id })
    }
}

/// Arguments of `cancel_all`. Takes orders of a seat out, newest first, resting and waiting, and frees their funds. At most `most` at a time: while
/// Seat.open_orders is not 0, call again. No pause reaches it.
pub struct CancelAllArgs {
    /// Seat number.
    pub seat: u16,
    /// 0 buys, 1 sells, 2 both.
    pub side: u8,
    /// Most orders to take out, 1 to 128 (0 = 128).
    pub most: u8,
}

impl CancelAllArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        let most = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { seat, side, most })
    }
}

/// Arguments of `reduce_order`. Takes lots off an order, resting or waiting, and frees their funds; it keeps its place. Taking off as much as is left takes it out. No pause reaches it.
pub struct ReduceOrderArgs {
    /// Order id.
    pub order_id: u64,
    /// Lots to take off, at least 1.
    pub lots: u32,
}

impl ReduceOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 12 {
            return None;
        }
        let mut r = Reader::new(data);
        let order_id = u64::from_le_bytes(*r.take::<8>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { order_id, lots })
    }
}

/// Arguments of `amend_order`. Gives a resting order another price, size or last interval under the same id. `lots` counts what was filled already, so an order that
/// trades meanwhile never becomes larger than asked for. At the same price and not larger it keeps its place (OrderChanged); else it
/// leaves and enters the book anew, behind the others at its price, and may match like a new order (OrderWoken, Filled, OrderPlaced).
/// If that is refused, nothing has changed. An order past its last interval is refused, so that nobody keeps a place without the risk to trade.
pub struct AmendOrderArgs {
    /// Order id.
    pub order_id: u64,
    /// Limit price, ticks.
    pub tick: u16,
    /// Lots in all, with those filled already; at least council parameter 3.
    pub lots: u32,
    /// Last interval in which the rest may trade; 0 = until cancelled.
    pub expires_interval: u32,
    /// 0 refuse, 1 cancel taker, 2 cancel maker, 3 decrement and cancel.
    pub self_trade: u8,
    /// Most resting orders to touch, 1 to 128 (0 = 128).
    pub max_fills: u8,
}

impl AmendOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 20 {
            return None;
        }
        let mut r = Reader::new(data);
        let order_id = u64::from_le_bytes(*r.take::<8>()?);
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        let expires_interval = u32::from_le_bytes(*r.take::<4>()?);
        let self_trade = u8::from_le_bytes(*r.take::<1>()?);
        let max_fills = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { order_id, tick, lots, expires_interval, self_trade, max_fills })
    }
}

/// Arguments of `schedule_order`. Takes an order that enters the book in a later interval. It waits outside with its funds bound (a buy: its value at the limit and the
/// taker fee of today) until anybody calls activate_order in or after its first interval. Events: OrderWaits, then OrderPlaced with the
/// outcome waiting.
pub struct ScheduleOrderArgs {
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// 0 limit, 1 IOC, 3 post-only, 4 market.
    pub kind: u8,
    /// Limit or protection, ticks.
    pub tick: u16,
    /// Lots, at least 1 and at least council parameter 3.
    pub lots: u32,
    /// The trader's own number, not interpreted.
    pub client_id: u64,
    /// Last interval in which it may trade; 0 = until cancelled.
    pub expires_interval: u32,
    /// 1 cancel taker (0 means the same here), 2 cancel maker, 3 decrement and cancel.
    pub self_trade: u8,
    /// First interval in which it may trade; after the present one.
    pub not_before_interval: u32,
}

impl ScheduleOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 27 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        let client_id = u64::from_le_bytes(*r.take::<8>()?);
        let expires_interval = u32::from_le_bytes(*r.take::<4>()?);
        let self_trade = u8::from_le_bytes(*r.take::<1>()?);
        let not_before_interval = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { seat, side, kind, tick, lots, client_id, expires_interval, self_trade, not_before_interval })
    }
}

/// Arguments of `activate_order`. Lets a scheduled order whose interval has come meet the book: it takes its time priority now. Anyone may call it. It touches at most 128
/// resting orders; what then still crosses waits for the next call. An order past its last interval, or of a suspended seat, is taken out.
pub struct ActivateOrderArgs {
    /// Order id.
    pub order_id: u64,
}

impl ActivateOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 8 {
            return None;
        }
        let mut r = Reader::new(data);
        let order_id = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { order_id })
    }
}

/// Arguments of `place_stop`. Takes a stop order (kind market or IOC: trades up to its protection tick) or a stop-limit order (kind limit: the rest rests). It waits with
/// its funds bound, as a scheduled order does, until a trade is at or above its trigger (a buy) or at or below it (a sell);
/// then trigger_stops wakes it. A trigger that the last trade has reached already is refused. Stops never wake on quotes. Events:
/// OrderWaits, then OrderPlaced with the outcome waiting.
pub struct PlaceStopArgs {
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// 0 limit, 1 IOC, 4 market.
    pub kind: u8,
    /// Limit or protection, ticks.
    pub tick: u16,
    /// Lots, at least 1 and at least council parameter 3.
    pub lots: u32,
    /// The trader's own number, not interpreted.
    pub client_id: u64,
    /// Last interval in which it may trade; 0 = until cancelled.
    pub expires_interval: u32,
    /// 1 cancel taker (0 means the same here), 2 cancel maker, 3 decrement and cancel.
    pub self_trade: u8,
    /// Trigger, ticks of this market.
    pub trigger_tick: u16,
}

impl PlaceStopArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 25 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        let kind = u8::from_le_bytes(*r.take::<1>()?);
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        let client_id = u64::from_le_bytes(*r.take::<8>()?);
        let expires_interval = u32::from_le_bytes(*r.take::<4>()?);
        let self_trade = u8::from_le_bytes(*r.take::<1>()?);
        let trigger_tick = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { seat, side, kind, tick, lots, client_id, expires_interval, self_trade, trigger_tick })
    }
}

/// Arguments of `trigger_stops`. Wakes stops that trades have reached, whatever the price did since: those reached first go first; of those that one look finds, buys by
/// rising trigger, then sells by falling trigger, older ones first at the same trigger. Each meets the book like a new order. Anyone may
/// call it. All of one call together touch at most 128 resting orders, less four for each stop, so that its log is never cut; a stop that
/// is cut short goes on with the next call.
pub struct TriggerStopsArgs {
    /// Most stops to wake, 1 to 8 (0 = 8).
    pub most: u8,
}

impl TriggerStopsArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 1 {
            return None;
        }
        let mut r = Reader::new(data);
        let most = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { most })
    }
}

/// Arguments of `prune_expired`. Takes expired orders, resting and waiting, out of a range of slots and frees their funds, at most 128 at a time. Anyone may call it; no pause reaches it.
pub struct PruneExpiredArgs {
    /// First order slot to look at.
    pub first_slot: u16,
    /// Slots to look at, 1 to 4,096.
    pub slots: u16,
}

impl PruneExpiredArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let first_slot = u16::from_le_bytes(*r.take::<2>()?);
        let slots = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { first_slot, slots })
    }
}

/// Arguments of `set_market_maker`. Makes a seat a market maker, changes its duty, or ends it: to quote both sides, not wider than spread_ticks from its best bid to its best
/// ask, with at least size_lots at each of the two. What it has earned stays until its day is closed.
pub struct SetMarketMakerArgs {
    /// Seat number.
    pub seat: u16,
    /// 1 market maker (MM_ACTIVE), 0 no longer.
    pub flags: u16,
    /// Widest quoted spread, at least 1.
    pub spread_ticks: u16,
    /// Least quoted size on each side, at least 1.
    pub size_lots: u32,
}

impl SetMarketMakerArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 10 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let flags = u16::from_le_bytes(*r.take::<2>()?);
        let spread_ticks = u16::from_le_bytes(*r.take::<2>()?);
        let size_lots = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { seat, flags, spread_ticks, size_lots })
    }
}

/// Arguments of `set_maker_programme`. Sets what market makers get and for how much duty.
pub struct SetMakerProgrammeArgs {
    /// Rebate, basis points of the value of a maker's fills, 0 to 10,000; a fill never earns more than its taker fee rate.
    pub rebate_bps: u16,
    /// Intervals of a day in which the duty must be met, 1 to 96.
    pub target_intervals: u16,
}

impl SetMakerProgrammeArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let rebate_bps = u16::from_le_bytes(*r.take::<2>()?);
        let target_intervals = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { rebate_bps, target_intervals })
    }
}

/// Arguments of `sample_market_maker`. Looks at a market maker's quote, once an interval: its own orders at its best bid and its best ask that have been in the book for more
/// than a minute, so that a quote made for the sample alone counts for nothing. Anyone may call it. The first sample of a day closes
/// the day before: the rebate is paid into the seat if the duty was met in enough intervals, else it stays in the fee bucket; and rebates of
/// the new day are earned from that sample on. No pause reaches it.
pub struct SampleMarketMakerArgs {
    /// Seat number.
    pub seat: u16,
}

impl SampleMarketMakerArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 2 {
            return None;
        }
        let mut r = Reader::new(data);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { seat })
    }
}

/// Arguments of `set_fee_recipients`. Sets who shares the fee bucket: up to four CREDIT token accounts, from the first on, whose shares sum to 10,000 basis points.
pub struct SetFeeRecipientsArgs {
    /// Shares in the order of the accounts, each at least 1; 0 for an absent one.
    pub shares_bps: [u16; 4],
}

impl SetFeeRecipientsArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 8 {
            return None;
        }
        let mut r = Reader::new(data);
        let shares_bps = { let raw = r.take::<8>()?; [u16::from_le_bytes(*part::<2>(raw, 0)), u16::from_le_bytes(*part::<2>(raw, 2)), u16::from_le_bytes(*part::<2>(raw, 4)), u16::from_le_bytes(*part::<2>(raw, 6))] };
        Some(Self { shares_bps })
    }
}

/// Arguments of `sweep_fees`. Pays the fee bucket out to its recipients by their shares, without the rebates that market makers may still earn. Each share is rounded
/// down; the last recipient gets what is left, so the sum is exact. Anyone may call it.
pub struct SweepFeesArgs {
}

impl SweepFeesArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `create_auctions`. Initialises the zeroed, rent-exempt Auctions account, once, and writes its address into the market.
pub struct CreateAuctionsArgs {
}

impl CreateAuctionsArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 0 {
            return None;
        }
        Some(Self {  })
    }
}

/// Arguments of `submit_auction`. Places the seat's order of one side in the running auction and binds its funds: a sell its lots, a buy its lots at its own
/// limit. One order a seat and side; an order that would meet the seat's own other one is refused. The auction costs no fee.
pub struct SubmitAuctionArgs {
    /// The auction; must be the running interval.
    pub interval: u32,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Limit price, ticks, min_tick to min_tick + 511.
    pub tick: u16,
    /// Lots, at least 1 and at least council parameter 3.
    pub lots: u32,
    /// The trader's own number, not interpreted.
    pub client_id: u64,
}

impl SubmitAuctionArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 21 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        let client_id = u64::from_le_bytes(*r.take::<8>()?);
        Some(Self { interval, seat, side, tick, lots, client_id })
    }
}

/// Arguments of `list_sell`. Books GRID that energy_token has just sent to the vault as a sell of its owner in the running auction. Once a seat and auction,
/// and not after a sell of the owner's own there, cancelled or not.
pub struct ListSellArgs<'a> {
    /// The auction; must be the running interval.
    pub interval: u32,
    /// Seat number.
    pub seat: u16,
    /// Owner of the ledger row the GRID came from; must own the seat.
    pub wallet: &'a [u8; 32],
    /// The owner's reserve, ticks; below the market's lowest price it counts as that.
    pub tick: u16,
    /// Lots to book and to sell.
    pub lots: u32,
}

impl<'a> ListSellArgs<'a> {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        if data.len() != 44 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let wallet = r.take::<32>()?;
        let tick = u16::from_le_bytes(*r.take::<2>()?);
        let lots = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { interval, seat, wallet, tick, lots })
    }
}

/// Arguments of `cancel_auction_order`. Takes the seat's order of one side out of an auction that is not cleared yet and frees its funds. No pause reaches it.
pub struct CancelAuctionOrderArgs {
    /// The auction.
    pub interval: u32,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
}

impl CancelAuctionOrderArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 7 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let seat = u16::from_le_bytes(*r.take::<2>()?);
        let side = u8::from_le_bytes(*r.take::<1>()?);
        Some(Self { interval, seat, side })
    }
}

/// Arguments of `clear_auction`. Fixes the price of an auction whose interval is over, by one pass over demand and supply at the 512 prices: the price at which
/// most lots trade, among those the one with the least difference of demand and supply, among those the middle one (the lower of
/// two). It becomes the market's last price. Nothing moves yet. Anyone may call it. Auctions clear in order, one at a time.
pub struct ClearAuctionArgs {
    /// The auction.
    pub interval: u32,
}

impl ClearAuctionArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 4 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        Some(Self { interval })
    }
}

/// Arguments of `settle_auction`. Settles orders of a cleared auction, buys and sells each by seat number: pairs what each gets, moves GRID and CREDIT between the
/// two seats at the one price, and frees what an order does not need. Orders of the long side at the marginal price share exactly:
/// order i gets floor(F c_i / Q) - floor(F c_(i-1) / Q) of c_i running lots. Each pair is a trade of the interval in which it is
/// settled. Anyone may call it, in steps of any size; no pause reaches it.
pub struct SettleAuctionArgs {
    /// The auction.
    pub interval: u32,
    /// Most steps, 1 to 128 (0 = 128); each settles at least one order.
    pub max_steps: u16,
}

impl SettleAuctionArgs {
    /// Read the bytes after the discriminator. None when they are too short, too long or hold a bad bool.
    #[inline(always)]
    pub fn parse(data: &[u8]) -> Option<Self> {
        if data.len() != 6 {
            return None;
        }
        let mut r = Reader::new(data);
        let interval = u32::from_le_bytes(*r.take::<4>()?);
        let max_steps = u16::from_le_bytes(*r.take::<2>()?);
        Some(Self { interval, max_steps })
    }
}

/// Event. A wallet got its seat.
pub struct SeatOpened<'a> {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// The registry's number of the user.
    pub user_number: u32,
    /// Owner.
    pub wallet: &'a [u8; 32],
}

impl<'a> SeatOpened<'a> {
    pub const DISC: [u8; 8] = [0xe4, 0xad, 0x03, 0x82, 0x69, 0x6a, 0xaa, 0xc1];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 54;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 54]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..22].copy_from_slice(&self.user_number.to_le_bytes());
        out[22..54].copy_from_slice(self.wallet);
    }
}

/// Event. A seat took over status and role of its registry user.
pub struct SeatSynced {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// Seat flags now; bit 0 suspended.
    pub flags: u16,
    /// Role now.
    pub role: u8,
}

impl SeatSynced {
    pub const DISC: [u8; 8] = [0x82, 0x3b, 0x58, 0x14, 0x3e, 0x3e, 0x2e, 0xec];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 21;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 21]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..20].copy_from_slice(&self.flags.to_le_bytes());
        out[20] = self.role as u8;
    }
}

/// Event. GRID or CREDIT came into a seat; the other amount is 0.
pub struct Deposited {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// GRID, lots.
    pub grid_lots: u64,
    /// CREDIT, ucredit.
    pub credit_ucredit: u64,
}

impl Deposited {
    pub const DISC: [u8; 8] = [0x6f, 0x8d, 0x1a, 0x2d, 0xa1, 0x23, 0x64, 0x39];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 34;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 34]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..26].copy_from_slice(&self.grid_lots.to_le_bytes());
        out[26..34].copy_from_slice(&self.credit_ucredit.to_le_bytes());
    }
}

/// Event. GRID or CREDIT left a seat; the other amount is 0.
pub struct Withdrawn {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// GRID, lots.
    pub grid_lots: u64,
    /// CREDIT, ucredit.
    pub credit_ucredit: u64,
}

impl Withdrawn {
    pub const DISC: [u8; 8] = [0x14, 0x59, 0xdf, 0xc6, 0xc2, 0x7c, 0xdb, 0x0d];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 34;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 34]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..26].copy_from_slice(&self.grid_lots.to_le_bytes());
        out[26..34].copy_from_slice(&self.credit_ucredit.to_le_bytes());
    }
}

/// Event. What became of an order that met the book or began to wait: a new one, or after OrderWoken one that was there before; the last event about it in its instruction.
pub struct OrderPlaced {
    /// The market's event number.
    pub seq: u64,
    /// Order id; its slot bits mean nothing if it never rested.
    pub order_id: u64,
    /// The trader's own number.
    pub client_id: u64,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Kind.
    pub kind: u8,
    /// Limit price, ticks.
    pub tick: u16,
    /// Lots asked for; after OrderWoken those that were left.
    pub lots: u32,
    /// Lots filled at once.
    pub filled_lots: u32,
    /// Lots that rest in the book, or wait if that is the outcome; the others were given back.
    pub resting_lots: u32,
    /// Value of the fills at the makers' prices.
    pub value_ucredit: u64,
    /// Taker fee.
    pub fee_ucredit: u64,
    /// Last interval; 0 = until cancelled.
    pub expires_interval: u32,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
    /// 0 complete, 1 resting, 2 IOC rest given back, 3 match limit, 4 self trade, 5 protection, 6 waiting, 7 would cross, 8 unfunded.
    pub outcome: u8,
}

impl OrderPlaced {
    pub const DISC: [u8; 8] = [0x60, 0x82, 0xcc, 0xea, 0xa9, 0xdb, 0xd8, 0xe3];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 79;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 79]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.order_id.to_le_bytes());
        out[24..32].copy_from_slice(&self.client_id.to_le_bytes());
        out[32..34].copy_from_slice(&self.seat.to_le_bytes());
        out[34] = self.side as u8;
        out[35] = self.kind as u8;
        out[36..38].copy_from_slice(&self.tick.to_le_bytes());
        out[38..42].copy_from_slice(&self.lots.to_le_bytes());
        out[42..46].copy_from_slice(&self.filled_lots.to_le_bytes());
        out[46..50].copy_from_slice(&self.resting_lots.to_le_bytes());
        out[50..58].copy_from_slice(&self.value_ucredit.to_le_bytes());
        out[58..66].copy_from_slice(&self.fee_ucredit.to_le_bytes());
        out[66..70].copy_from_slice(&self.expires_interval.to_le_bytes());
        out[70..78].copy_from_slice(&self.campus_time.to_le_bytes());
        out[78] = self.outcome as u8;
    }
}

/// Event. Up to 32 fills of one taker order, in order.
pub struct Filled {
    /// The market's event number.
    pub seq: u64,
    /// Order id that arrived.
    pub taker_order: u64,
    /// Trade number of the first fill here.
    pub first_trade: u64,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
    /// Interval of the fills.
    pub interval: u32,
    /// Seat of the arriving order.
    pub taker_seat: u16,
    /// 0 the taker bought, 1 the taker sold.
    pub taker_side: u8,
}

impl Filled {
    pub const DISC: [u8; 8] = [0x86, 0x04, 0x11, 0x3f, 0xdd, 0x2d, 0xb1, 0xad];
    /// Bytes before the elements of `fills`, the u32 count included.
    pub const HEAD: usize = 51;
    /// Bytes of one element of `fills`.
    pub const ITEM: usize = 16;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<FilledWriter<'b>> {
        if out.len() < 51 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.taker_order.to_le_bytes());
        out[24..32].copy_from_slice(&self.first_trade.to_le_bytes());
        out[32..40].copy_from_slice(&self.campus_time.to_le_bytes());
        out[40..44].copy_from_slice(&self.interval.to_le_bytes());
        out[44..46].copy_from_slice(&self.taker_seat.to_le_bytes());
        out[46] = self.taker_side as u8;
        Some(FilledWriter { out, len: 51, count: 0 })
    }
}

/// Appends to the `fills` of Filled.
pub struct FilledWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> FilledWriter<'b> {
    /// Room for one more element of 16 bytes (PackedFill); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 16]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<16>()?;
        self.len += 16;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &PackedFill) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(47..51) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. An order, resting or waiting, is out, unfilled in part or in whole; its funds are free again.
pub struct OrderOut {
    /// The market's event number.
    pub seq: u64,
    /// Order id.
    pub order_id: u64,
    /// Lots that were left.
    pub lots: u32,
    /// Limit price, ticks.
    pub tick: u16,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// 0 cancelled, 1 expired, 2 self trade, 3 evicted, 4 suspended.
    pub reason: u8,
}

impl OrderOut {
    pub const DISC: [u8; 8] = [0xea, 0x09, 0x82, 0x3b, 0xe1, 0xe1, 0xab, 0x87];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 34;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 34]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.order_id.to_le_bytes());
        out[24..28].copy_from_slice(&self.lots.to_le_bytes());
        out[28..30].copy_from_slice(&self.tick.to_le_bytes());
        out[30..32].copy_from_slice(&self.seat.to_le_bytes());
        out[32] = self.side as u8;
        out[33] = self.reason as u8;
    }
}

/// Event. An order waits outside the book; OrderPlaced with the outcome waiting follows.
pub struct OrderWaits {
    /// The market's event number.
    pub seq: u64,
    /// Order id.
    pub order_id: u64,
    /// First interval in which it may trade; 0 for a stop.
    pub not_before_interval: u32,
    /// Trigger, ticks; 0 for a scheduled order.
    pub trigger_tick: u16,
}

impl OrderWaits {
    pub const DISC: [u8; 8] = [0xdb, 0xb4, 0xf6, 0x72, 0x31, 0xf7, 0x28, 0xe4];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 30;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 30]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.order_id.to_le_bytes());
        out[24..28].copy_from_slice(&self.not_before_interval.to_le_bytes());
        out[28..30].copy_from_slice(&self.trigger_tick.to_le_bytes());
    }
}

/// Event. An order that was there before meets the book; what became of it is in the OrderPlaced that follows.
pub struct OrderWoken {
    /// The market's event number.
    pub seq: u64,
    /// Order id.
    pub order_id: u64,
    /// 0 its interval came, 1 its trigger was reached, 2 amended.
    pub reason: u8,
}

impl OrderWoken {
    pub const DISC: [u8; 8] = [0x8e, 0x04, 0x96, 0x10, 0x6d, 0xc5, 0x4d, 0xbe];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 25;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 25]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.order_id.to_le_bytes());
        out[24] = self.reason as u8;
    }
}

/// Event. An order has fewer lots or another last interval and keeps its place.
pub struct OrderChanged {
    /// The market's event number.
    pub seq: u64,
    /// Order id.
    pub order_id: u64,
    /// Lots that are left.
    pub lots: u32,
    /// Last interval; 0 = until cancelled.
    pub expires_interval: u32,
    /// Seat number.
    pub seat: u16,
}

impl OrderChanged {
    pub const DISC: [u8; 8] = [0x9f, 0xc0, 0xd1, 0xd0, 0xd3, 0xe5, 0x93, 0xc7];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 34;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 34]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.order_id.to_le_bytes());
        out[24..28].copy_from_slice(&self.lots.to_le_bytes());
        out[28..32].copy_from_slice(&self.expires_interval.to_le_bytes());
        out[32..34].copy_from_slice(&self.seat.to_le_bytes());
    }
}

/// Event. The council set a market maker's duty, or ended it.
pub struct MarketMakerSet {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// 1 market maker, 0 no longer.
    pub flags: u16,
    /// Widest quoted spread.
    pub spread_ticks: u16,
    /// Least quoted size on each side.
    pub size_lots: u32,
}

impl MarketMakerSet {
    pub const DISC: [u8; 8] = [0x9d, 0x49, 0x28, 0x10, 0xe1, 0x77, 0xb0, 0xcb];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 26;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 26]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..20].copy_from_slice(&self.flags.to_le_bytes());
        out[20..22].copy_from_slice(&self.spread_ticks.to_le_bytes());
        out[22..26].copy_from_slice(&self.size_lots.to_le_bytes());
    }
}

/// Event. The council set rebate and target of all market makers.
pub struct MakerProgrammeSet {
    /// The market's event number.
    pub seq: u64,
    /// Rebate, basis points.
    pub rebate_bps: u16,
    /// Intervals of a day.
    pub target_intervals: u16,
}

impl MakerProgrammeSet {
    pub const DISC: [u8; 8] = [0x07, 0x5d, 0x21, 0x46, 0x41, 0x2d, 0x3d, 0xf9];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 20;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 20]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.rebate_bps.to_le_bytes());
        out[18..20].copy_from_slice(&self.target_intervals.to_le_bytes());
    }
}

/// Event. What a market maker quoted.
pub struct MakerSampled {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// Interval.
    pub interval: u32,
    /// Best own bid, ticks; 0 = none.
    pub bid_tick: u16,
    /// Best own ask, ticks; 0 = none.
    pub ask_tick: u16,
    /// Own lots at that bid.
    pub bid_lots: u64,
    /// Own lots at that ask.
    pub ask_lots: u64,
    /// Whether that is the duty.
    pub is_met: bool,
    /// Intervals of this day in which it was.
    pub met: u16,
}

impl MakerSampled {
    pub const DISC: [u8; 8] = [0xd2, 0xa5, 0x59, 0xed, 0x25, 0xcf, 0x7d, 0x1d];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 45;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 45]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..22].copy_from_slice(&self.interval.to_le_bytes());
        out[22..24].copy_from_slice(&self.bid_tick.to_le_bytes());
        out[24..26].copy_from_slice(&self.ask_tick.to_le_bytes());
        out[26..34].copy_from_slice(&self.bid_lots.to_le_bytes());
        out[34..42].copy_from_slice(&self.ask_lots.to_le_bytes());
        out[42] = self.is_met as u8;
        out[43..45].copy_from_slice(&self.met.to_le_bytes());
    }
}

/// Event. A market maker's day is over.
pub struct MakerDayClosed {
    /// The market's event number.
    pub seq: u64,
    /// Seat number.
    pub seat: u16,
    /// The day, modulo 65,536.
    pub day: u16,
    /// Intervals in which the duty was met.
    pub met: u16,
    /// Rebate paid into the seat.
    pub paid_ucredit: u64,
    /// Rebate that stays in the fee bucket.
    pub forfeited_ucredit: u64,
}

impl MakerDayClosed {
    pub const DISC: [u8; 8] = [0xd7, 0x84, 0x9c, 0xa0, 0x9a, 0x84, 0xd6, 0x94];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 38;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 38]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..18].copy_from_slice(&self.seat.to_le_bytes());
        out[18..20].copy_from_slice(&self.day.to_le_bytes());
        out[20..22].copy_from_slice(&self.met.to_le_bytes());
        out[22..30].copy_from_slice(&self.paid_ucredit.to_le_bytes());
        out[30..38].copy_from_slice(&self.forfeited_ucredit.to_le_bytes());
    }
}

/// Event. The council set who shares the fee bucket; unused entries are zero.
pub struct FeeRecipientsSet<'a> {
    /// The market's event number.
    pub seq: u64,
    /// CREDIT token account.
    pub first_recipient: &'a [u8; 32],
    /// CREDIT token account.
    pub second_recipient: &'a [u8; 32],
    /// CREDIT token account.
    pub third_recipient: &'a [u8; 32],
    /// CREDIT token account.
    pub fourth_recipient: &'a [u8; 32],
    /// Shares, basis points.
    pub shares_bps: [u16; 4],
}

impl<'a> FeeRecipientsSet<'a> {
    pub const DISC: [u8; 8] = [0x63, 0xac, 0xa5, 0xa0, 0xff, 0x76, 0xff, 0x53];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 152;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 152]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..48].copy_from_slice(self.first_recipient);
        out[48..80].copy_from_slice(self.second_recipient);
        out[80..112].copy_from_slice(self.third_recipient);
        out[112..144].copy_from_slice(self.fourth_recipient);
        out[144..146].copy_from_slice(&self.shares_bps[0].to_le_bytes());
        out[146..148].copy_from_slice(&self.shares_bps[1].to_le_bytes());
        out[148..150].copy_from_slice(&self.shares_bps[2].to_le_bytes());
        out[150..152].copy_from_slice(&self.shares_bps[3].to_le_bytes());
    }
}

/// Event. The fee bucket was paid out.
pub struct FeesSwept {
    /// The market's event number.
    pub seq: u64,
    /// What each recipient got, ucredit.
    pub amounts_ucredit: [u64; 4],
}

impl FeesSwept {
    pub const DISC: [u8; 8] = [0x60, 0xda, 0x73, 0x88, 0x4a, 0xaa, 0xca, 0xac];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 48;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 48]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..24].copy_from_slice(&self.amounts_ucredit[0].to_le_bytes());
        out[24..32].copy_from_slice(&self.amounts_ucredit[1].to_le_bytes());
        out[32..40].copy_from_slice(&self.amounts_ucredit[2].to_le_bytes());
        out[40..48].copy_from_slice(&self.amounts_ucredit[3].to_le_bytes());
    }
}

/// Event. An order stands in an auction.
pub struct AuctionOrderPlaced {
    /// The market's event number.
    pub seq: u64,
    /// The auction.
    pub interval: u32,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Whether energy_token listed it under its owner's rule.
    pub listed: bool,
    /// Limit price, ticks.
    pub tick: u16,
    /// Lots.
    pub lots: u32,
    /// The trader's own number.
    pub client_id: u64,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
}

impl AuctionOrderPlaced {
    pub const DISC: [u8; 8] = [0x4d, 0x7b, 0x1c, 0x3d, 0x68, 0xf2, 0xa5, 0x49];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 46;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 46]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..20].copy_from_slice(&self.interval.to_le_bytes());
        out[20..22].copy_from_slice(&self.seat.to_le_bytes());
        out[22] = self.side as u8;
        out[23] = self.listed as u8;
        out[24..26].copy_from_slice(&self.tick.to_le_bytes());
        out[26..30].copy_from_slice(&self.lots.to_le_bytes());
        out[30..38].copy_from_slice(&self.client_id.to_le_bytes());
        out[38..46].copy_from_slice(&self.campus_time.to_le_bytes());
    }
}

/// Event. An order was cancelled before its auction was cleared; its funds are free again.
pub struct AuctionOrderOut {
    /// The market's event number.
    pub seq: u64,
    /// The auction.
    pub interval: u32,
    /// Seat number.
    pub seat: u16,
    /// 0 buy, 1 sell.
    pub side: u8,
    /// Limit price, ticks.
    pub tick: u16,
    /// Lots.
    pub lots: u32,
}

impl AuctionOrderOut {
    pub const DISC: [u8; 8] = [0xa0, 0x91, 0x3d, 0xf5, 0x8c, 0x66, 0xdc, 0x41];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 29;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 29]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..20].copy_from_slice(&self.interval.to_le_bytes());
        out[20..22].copy_from_slice(&self.seat.to_le_bytes());
        out[22] = self.side as u8;
        out[23..25].copy_from_slice(&self.tick.to_le_bytes());
        out[25..29].copy_from_slice(&self.lots.to_le_bytes());
    }
}

/// Event. The price of an auction is fixed.
pub struct AuctionCleared {
    /// The market's event number.
    pub seq: u64,
    /// The auction.
    pub interval: u32,
    /// Price, ticks; 0 = nothing trades.
    pub tick: u16,
    /// Lots that trade.
    pub lots: u32,
    /// Lots of all buys.
    pub bid_lots: u32,
    /// Lots of all sells.
    pub ask_lots: u32,
    /// Orders that wait to be settled.
    pub orders: u32,
    /// Side that shares at marginal_tick; 2 = neither.
    pub long_side: u8,
    /// Price at which it shares, ticks.
    pub marginal_tick: u16,
    /// F: lots that the marginal orders get together.
    pub marginal_fill_lots: u32,
    /// Q: lots that they asked for.
    pub marginal_lots: u32,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
}

impl AuctionCleared {
    pub const DISC: [u8; 8] = [0x0e, 0xa2, 0x69, 0xd2, 0xdb, 0x24, 0x8e, 0xa0];
    /// Bytes of the whole event, discriminator included: give all of them to sol_log_data as one field.
    pub const SIZE: usize = 57;

    #[inline(always)]
    pub fn encode(&self, out: &mut [u8; 57]) {
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..20].copy_from_slice(&self.interval.to_le_bytes());
        out[20..22].copy_from_slice(&self.tick.to_le_bytes());
        out[22..26].copy_from_slice(&self.lots.to_le_bytes());
        out[26..30].copy_from_slice(&self.bid_lots.to_le_bytes());
        out[30..34].copy_from_slice(&self.ask_lots.to_le_bytes());
        out[34..38].copy_from_slice(&self.orders.to_le_bytes());
        out[38] = self.long_side as u8;
        out[39..41].copy_from_slice(&self.marginal_tick.to_le_bytes());
        out[41..45].copy_from_slice(&self.marginal_fill_lots.to_le_bytes());
        out[45..49].copy_from_slice(&self.marginal_lots.to_le_bytes());
        out[49..57].copy_from_slice(&self.campus_time.to_le_bytes());
    }
}

/// Event. Fills of an auction, in order.
pub struct AuctionFilled {
    /// The market's event number.
    pub seq: u64,
    /// The auction.
    pub auction: u32,
    /// Trade number of the first fill here.
    pub first_trade: u64,
    /// Clock sysvar, UTC seconds.
    pub campus_time: i64,
    /// Interval in which they were settled and to which they count.
    pub interval: u32,
    /// Price, ticks.
    pub tick: u16,
}

impl AuctionFilled {
    pub const DISC: [u8; 8] = [0xb3, 0xc2, 0xe4, 0x63, 0x6c, 0xf5, 0xa5, 0x6e];
    /// Bytes before the elements of `fills`, the u32 count included.
    pub const HEAD: usize = 46;
    /// Bytes of one element of `fills`.
    pub const ITEM: usize = 8;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<AuctionFilledWriter<'b>> {
        if out.len() < 46 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..20].copy_from_slice(&self.auction.to_le_bytes());
        out[20..28].copy_from_slice(&self.first_trade.to_le_bytes());
        out[28..36].copy_from_slice(&self.campus_time.to_le_bytes());
        out[36..40].copy_from_slice(&self.interval.to_le_bytes());
        out[40..42].copy_from_slice(&self.tick.to_le_bytes());
        Some(AuctionFilledWriter { out, len: 46, count: 0 })
    }
}

/// Appends to the `fills` of AuctionFilled.
pub struct AuctionFilledWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> AuctionFilledWriter<'b> {
    /// Room for one more element of 8 bytes (AuctionFill); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 8]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<8>()?;
        self.len += 8;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &AuctionFill) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(42..46) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}

/// Event. Orders of an auction were settled.
pub struct AuctionSettled {
    /// The market's event number.
    pub seq: u64,
    /// The auction.
    pub interval: u32,
    /// Orders that still wait; 0 = the auction is settled.
    pub orders_left: u32,
}

impl AuctionSettled {
    pub const DISC: [u8; 8] = [0x3d, 0x97, 0x83, 0xaa, 0x5f, 0xcb, 0xdb, 0x93];
    /// Bytes before the elements of `orders`, the u32 count included.
    pub const HEAD: usize = 28;
    /// Bytes of one element of `orders`.
    pub const ITEM: usize = 10;

    /// Begin the event in `out`; None when it is shorter than HEAD. Then `push` and `finish`.
    #[inline(always)]
    pub fn begin<'b>(&self, out: &'b mut [u8]) -> Option<AuctionSettledWriter<'b>> {
        if out.len() < 28 {
            return None;
        }
        out[0..8].copy_from_slice(&Self::DISC);
        out[8..16].copy_from_slice(&self.seq.to_le_bytes());
        out[16..20].copy_from_slice(&self.interval.to_le_bytes());
        out[20..24].copy_from_slice(&self.orders_left.to_le_bytes());
        Some(AuctionSettledWriter { out, len: 28, count: 0 })
    }
}

/// Appends to the `orders` of AuctionSettled.
pub struct AuctionSettledWriter<'b> {
    out: &'b mut [u8],
    len: usize,
    count: u32,
}

impl<'b> AuctionSettledWriter<'b> {
    /// Room for one more element of 10 bytes (AuctionResult); None when the buffer is full.
    #[inline(always)]
    pub fn next(&mut self) -> Option<&mut [u8; 10]> {
        let room = self.out.get_mut(self.len..)?.first_chunk_mut::<10>()?;
        self.len += 10;
        self.count += 1;
        Some(room)
    }

    /// Append one element; false when the buffer is full.
    #[inline(always)]
    pub fn push(&mut self, item: &AuctionResult) -> bool {
        match self.next() {
            Some(room) => {
                item.write(room);
                true
            }
            None => false,
        }
    }

    /// Write the count and return the event's bytes, for sol_log_data as one field.
    #[inline(always)]
    pub fn finish(self) -> &'b [u8] {
        if let Some(room) = self.out.get_mut(24..28) {
            room.copy_from_slice(&self.count.to_le_bytes());
        }
        match self.out.get(..self.len) {
            Some(bytes) => bytes,
            None => &[],
        }
    }
}
