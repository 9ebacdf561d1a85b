//! Decides the number a refused instruction returns; what a program's own numbers mean is left to its interface.
use core::num::NonZeroU64;

/// Why an instruction was refused: the value the entrypoint returns to the runtime, never 0.
///
/// A value below 2³² is a custom error. The checks of this crate use the numbers of the Anchor framework (below 6000),
/// which its clients already know by name; a program's own errors start at 6000. A value with the low 32 bits clear
/// is one of the runtime's builtin errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Fault(NonZeroU64);

/// What a check or a handler returns.
pub type Outcome<T = ()> = Result<T, Fault>;

impl Fault {
    /// The first eight bytes name no instruction of this program.
    pub const UNKNOWN_INSTRUCTION: Fault = Fault::custom(101);
    /// The arguments are too short, too long, or hold a value their type does not have.
    pub const BAD_ARGUMENTS: Fault = Fault::custom(102);
    /// An account that the instruction changes was passed read-only.
    pub const NOT_WRITABLE: Fault = Fault::custom(2000);
    /// An account is not the one another account's record names.
    pub const WRONG_RELATION: Fault = Fault::custom(2001);
    /// An account that a client made holds fewer lamports than its size needs to live for ever.
    pub const NOT_RENT_EXEMPT: Fault = Fault::custom(2005);
    /// An account is not at the address derived from its seeds.
    pub const WRONG_SEEDS: Fault = Fault::custom(2006);
    /// A given account is not the one account that may stand here.
    pub const WRONG_ADDRESS: Fault = Fault::custom(2012);
    /// A token account or mint is not of the mint, owner or authority that is wanted here.
    pub const WRONG_TOKEN_ACCOUNT: Fault = Fault::custom(2015);
    /// An account that was to be created exists already.
    pub const ALREADY_INITIALIZED: Fault = Fault::custom(3000);
    /// An account holds a record of another type or version.
    pub const WRONG_ACCOUNT_TYPE: Fault = Fault::custom(3002);
    /// An account is smaller or larger than its record.
    pub const WRONG_ACCOUNT_SIZE: Fault = Fault::custom(3003);
    /// Fewer accounts than the instruction names.
    pub const NOT_ENOUGH_ACCOUNTS: Fault = Fault::custom(3005);
    /// An account belongs to another program.
    pub const WRONG_OWNER: Fault = Fault::custom(3007);
    /// A program account is not the program that is to be called.
    pub const WRONG_PROGRAM: Fault = Fault::custom(3008);
    /// A signature is missing.
    pub const NOT_SIGNER: Fault = Fault::custom(3010);
    /// The signer is not the upgrade authority of this program.
    pub const NOT_UPGRADE_AUTHORITY: Fault = Fault::custom(3014);
    /// Builtin: the same account stands in two slots of which one is changed.
    pub const ACCOUNT_BORROWED: Fault = Fault::builtin(12);
    /// Builtin: a system call or a called program refused.
    pub const INVALID_ARGUMENT: Fault = Fault::builtin(2);
    /// Builtin: a sum, difference or product left its range.
    pub const OVERFLOW: Fault = Fault::builtin(24);

    /// A custom error, `number` in 1..2³².
    pub const fn custom(number: u32) -> Fault {
        match NonZeroU64::new(number as u64) {
            Some(value) => Fault(value),
            // The runtime reserves 0 for success and has this number for "custom zero".
            None => Fault::builtin(1),
        }
    }

    /// A builtin error of the runtime by its index (`ProgramError` of the Solana SDK: InvalidArgument is 2).
    pub const fn builtin(index: u32) -> Fault {
        match NonZeroU64::new((index as u64) << 32) {
            Some(value) => Fault(value),
            None => Fault(NonZeroU64::MAX),
        }
    }

    /// What the entrypoint returns.
    #[inline(always)]
    pub const fn code(self) -> u64 {
        self.0.get()
    }
}

impl From<pinocchio::error::ProgramError> for Fault {
    #[inline(always)]
    fn from(error: pinocchio::error::ProgramError) -> Fault {
        match NonZeroU64::new(u64::from(error)) {
            Some(value) => Fault(value),
            None => Fault::INVALID_ARGUMENT,
        }
    }
}

/// The entrypoint's return value of an outcome: 0 is success.
#[inline(always)]
pub fn code(outcome: Outcome) -> u64 {
    match outcome {
        Ok(()) => 0,
        Err(fault) => fault.code(),
    }
}
