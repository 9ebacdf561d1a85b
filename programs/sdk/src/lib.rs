//! What every campusgrid program shares: checked access to accounts, system calls, unit types and the layouts that
//! one program reads of another. What an instruction means is left to the programs.
//!
//! `unsafe` code is allowed in this crate alone; each use names the invariant and who keeps it.
#![no_std]
// The assembler of `sha512` is for the upstream BPF target, which stock rustc still calls experimental.
#![cfg_attr(all(target_arch = "bpf", not(target_os = "solana")), feature(asm_experimental_arch))]
#![allow(unsafe_code)]

pub mod account;
pub mod borsh;
pub mod cpi;
pub mod ed25519;
pub mod entry;
pub mod event;
pub mod fault;
pub mod hash;
pub mod loader;
pub mod math;
pub mod mem;
pub mod pda;
pub mod plain;
pub mod sha512;
pub mod state;
pub mod sysvar;
pub mod units;

pub use account::{load, load_mut, require_address, require_signer, require_writable, State};
pub use borsh::{Reader, Writer};
pub use entry::Ctx;
pub use fault::{Fault, Outcome};
pub use pinocchio::{
    account::{Ref, RefMut},
    AccountView, Address,
};
pub use units::{Atoms, Lots, Ticks, Wh};
