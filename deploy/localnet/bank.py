"""Decides what a transaction does: the SVM, and round it the rules of a cluster that LiteSVM leaves out.

A bank is a state machine without disk or clock: `execute` and `advance` are its only steps, and the same steps from the
same state give the same accounts, results and logs in every process. The ledger keeps the steps; clients ask through
`methods`.

LiteSVM does: execution, fees and priority fees, rent state, lock conflicts, lookup tables. Done here: the 151-blockhash
window, durable nonces, the 64-lock limit, no signature twice, undoing a failed preflight, and surviving its panics.
"""

from __future__ import annotations

import hashlib
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

from solders.account import Account
from solders.clock import Clock
from solders.epoch_schedule import EpochSchedule
from solders.hash import Hash
from solders.litesvm import LiteSVM
from solders.pubkey import Pubkey
from solders.signature import Signature
from solders.transaction_metadata import FailedTransactionMetadata, SimulatedTransactionInfo, TransactionMetadata

from deploy.localnet.compute_budget import DATA_SIZE, budget_of
from deploy.localnet.errors import BankPanickedError
from deploy.localnet.failures import Failure, failure_of
from deploy.localnet.genesis import Genesis
from deploy.localnet.genesis_accounts import SYSTEM, TOKEN, genesis_accounts
from deploy.localnet.wire import MAX_ACCOUNT_LOCKS, Wire

TOKEN_2022 = Pubkey.from_string("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb")
LOOKUP_TABLE = Pubkey.from_string("AddressLookupTab1e1111111111111111111111111")
LOADER_V3 = Pubkey.from_string("BPFLoaderUpgradeab1e11111111111111111111111")
INSTRUCTIONS = Pubkey.from_string("Sysvar1nstructions1111111111111111111111111")

BLOCKHASH_WINDOW = 151
"""A blockhash may be used up to 150 slots after its own. Source: MAX_PROCESSING_AGE 150, BlockhashQueue."""

SLOT_HASHES = 512
"""Entries of the SlotHashes sysvar. Source: solana-slot-hashes MAX_ENTRIES."""

SLOTS_PER_EPOCH = 432_000
LAMPORTS_PER_SIGNATURE = 5_000
LOOKUP_TABLE_HEADER = 56
ACCOUNT_BASE_BYTES, LOOKUP_TABLE_BYTES = 64, 8_248
"""What an account, and a lookup table, count beside the data. Source: SIMD-0186."""

TOKEN_ACCOUNT_SIZE = 165
MINT_SIZE = 82
MULTISIG_SIZE = 355

FEATURE = Pubkey.from_string("Feature111111111111111111111111111111111111")

_ACTIVE_FROM_GENESIS = b"\x01" + bytes(8)
"""What a feature's account holds, Option<slot>: `solana feature status` and deploy tools look at it."""

_FEE_ONLY = ("ProgramAccountNotFound", "InvalidProgramForExecution", "MaxLoadedAccountsDataSizeExceeded")
"""What lands without having run, for its fee. Source: SIMD-0082, FeesOnlyTransaction of solana-svm."""

_TOO_LARGE = "MaxLoadedAccountsDataSizeExceeded"
_NO_SIGNATURE = Signature.default()
_BARE_META = '{"signature":"%s","logs":[],"inner_instructions":[],"compute_units_consumed":0,"return_data":%s,"fee":%d}'
_ADVANCE_NONCE = struct.pack("<I", 4)


class TokenKind:
    """What a token account is: mint ‖ owner (`holder`, 64 B), its token program (32 B), the mint's decimals.

    `atoms` is its balance after the last transaction that named it: only transactions change it, so it need not be read
    before the next one.
    """

    __slots__ = ("atoms", "decimals", "holder", "program")

    def __init__(self, holder: bytes, program: bytes, decimals: int) -> None:
        self.holder, self.program, self.decimals = holder, program, decimals
        self.atoms = 0


class TokenBalance:
    """A token account as a transaction saw it, atoms; `pre` or `post` is None where it did not exist."""

    __slots__ = ("index", "kind", "post", "pre")

    def __init__(self, index: int, kind: TokenKind, pre: int | None, post: int | None) -> None:
        self.index, self.kind, self.pre, self.post = index, kind, pre, post


class Landed:
    """A transaction that is part of the chain, failed ones included.

    Attributes:
        sequence: Its number on this chain, from 1.
        slot, unix_s: Where and when, campus epoch seconds.
        wire: What was sent.
        failure: None, or the error as JSON.
        meta: Logs, inner instructions, return data, units, fee.
        keys: All its accounts: static, then loaded writable, then loaded read-only.
        loaded: How many of the last ones were (writable, read-only) by lookup table.
        pre, post: Lamports of each before and after.
        tokens: Token accounts among them.
        writable: Accounts it may have changed.
    """

    __slots__ = (
        "failure",
        "keys",
        "loaded",
        "meta",
        "post",
        "pre",
        "sequence",
        "slot",
        "tokens",
        "unix_s",
        "wire",
        "writable",
    )

    def __init__(
        self,
        wire: Wire,
        failure: Failure | None,
        meta: TransactionMetadata,
        keys: list[Pubkey],
        writable: list[Pubkey],
        loaded: tuple[int, int],
    ) -> None:
        self.wire, self.failure, self.meta = wire, failure, meta
        self.keys, self.writable, self.loaded = keys, writable, loaded
        self.sequence = self.slot = self.unix_s = 0
        self.pre: list[int] = []
        self.post: list[int] = []
        self.tokens: list[TokenBalance] = []


class Refused:
    """A transaction that left no trace. `meta` has logs and units where it got as far as running."""

    __slots__ = ("failure", "meta")

    def __init__(self, failure: Failure, meta: TransactionMetadata | None = None) -> None:
        self.failure, self.meta = failure, meta


class Simulated:
    """What a transaction would do; `accounts` is each written account as it would be afterwards.

    `pre`, `post` and `tokens` as in `Landed`; None where it could not even be loaded.
    """

    __slots__ = ("accounts", "failure", "meta", "post", "pre", "tokens")

    def __init__(self, failure: Failure | None, meta: TransactionMetadata | None = None) -> None:
        self.failure, self.meta = failure, meta
        self.accounts: dict[Pubkey, Account] = {}
        self.pre: list[int] | None = None
        self.post: list[int] | None = None
        self.tokens: list[TokenBalance] | None = None


class Resolved:
    """All accounts of a transaction, lookup tables followed."""

    __slots__ = ("keys", "loaded", "writable")

    def __init__(self, keys: list[Pubkey], writable: list[Pubkey], loaded: tuple[int, int]) -> None:
        self.keys, self.writable, self.loaded = keys, writable, loaded


class Bank:
    """The state of one chain.

    Attributes:
        slot: The slot now open; height and slot are the same, none is skipped.
        unix_s: What the Clock sysvar says, campus epoch seconds.
        blockhashes: 32-byte hash → its slot, oldest first, at most 151.
        transaction_count: Landed transactions since genesis.
        touched: Every account that was ever written; what a snapshot has to hold.
        recent: Signature → (slot, sequence, failure) of what landed while its blockhash can still be valid.
    """

    def __init__(self, genesis: Genesis) -> None:
        self._genesis = genesis
        self._svm = _new_svm()
        self._raw = self._svm._inner  # the wrapper costs a call for each account read
        self.slot = 0
        self.unix_s = genesis.created_unix_s
        self.blockhashes: dict[bytes, int] = {bytes(genesis.hash): 0}
        self.latest_blockhash = bytes(genesis.hash)
        self.slot_hashes: deque[tuple[int, Hash]] = deque([(0, genesis.hash)], maxlen=SLOT_HASHES)
        self.transaction_count = 0
        self.touched: set[Pubkey] = set()
        self.recent: dict[bytes, tuple[int, int, Failure | None]] = {}
        self._recent_by_slot: deque[tuple[int, list[bytes]]] = deque([(0, [])])
        self._kinds: dict[Pubkey, TokenKind | Literal[False]] = {}
        self._decimals: dict[bytes, int] = {}
        self._saving: tuple[set[Pubkey], list[tuple[Pubkey, Account | None]]] | None = None
        for address, account in genesis_accounts(genesis.identity, genesis.faucet):
            self._raw.set_account(address, account)
            self.touched.add(address)
        self._set_sysvars()

    # Steps

    def advance(self, slot: int, unix_s: int, blockhash: bytes) -> None:
        """Open the next slot.

        Args:
            slot: The slot now open; greater than the last.
            unix_s: Campus epoch seconds for the Clock; never less than before.
            blockhash: 32 bytes: the hash of the block just closed, valid from now.
        """
        self.slot, self.unix_s = slot, max(unix_s, self.unix_s)
        self.blockhashes[blockhash] = slot
        self.latest_blockhash = blockhash
        while len(self.blockhashes) > BLOCKHASH_WINDOW:
            del self.blockhashes[next(iter(self.blockhashes))]
        self.slot_hashes.appendleft((slot - 1, Hash.from_bytes(blockhash)))
        self._recent_by_slot.append((slot, []))
        # One slot more than the window: whatever names a hash that is still valid landed after it.
        while self._recent_by_slot[0][0] < slot - BLOCKHASH_WINDOW:
            for signature in self._recent_by_slot.popleft()[1]:
                self.recent.pop(signature, None)
        self._set_sysvars()

    def execute(
        self, wire: Wire, *, keep_failure: bool, verified: bool = False, limits_data: bool = True
    ) -> Landed | Refused:
        """Run a transaction that `check` has let pass.

        Args:
            wire: The transaction.
            keep_failure: Whether a failure lands (its payer pays and it is history), as without preflight, or leaves no
                trace. Running once and undoing the fee costs half of simulating first.
            verified: Its signatures were checked already, or it is replayed from our own log.
            limits_data: Whether its own limit on loaded data holds; not for what a log says has run.

        Raises:
            BankPanickedError: The SVM panicked and this state can no longer be trusted.
        """
        resolved = self.resolve(wire)
        if not isinstance(resolved, Resolved):
            return Refused(resolved)
        keys, writable = resolved.keys, resolved.writable
        raw, payer = self._raw, keys[0]
        if self._saving is not None:
            self._save(writable)
        payer_before = None if keep_failure else raw.get_account(payer)
        guarded = [(key, raw.get_account(key)) for key in writable] if LOADER_V3 in keys else None
        balance = raw.get_balance
        pre = [balance(key) or 0 for key in keys]
        tokens = self._tokens_before(keys, pre)
        if verified:
            raw.set_sigverify(False)
        too_large = limits_data and self._is_too_large(wire, resolved)
        try:
            result = raw.simulate_transaction(wire.tx) if too_large else raw.send_transaction(wire.tx)
        except BaseException as panic:  # pyo3's PanicException is no Exception
            return self._survive(panic, guarded)
        finally:
            if verified:
                raw.set_sigverify(True)
        failure: Failure | None = None
        if isinstance(result, TransactionMetadata):
            meta = result
        else:
            meta, failure = self._outcome(result, wire, keys, too_large=too_large)
            never_ran = meta.signature() == _NO_SIGNATURE
            if never_ran and not (keep_failure and failure in _FEE_ONLY and self._take_fee(payer, meta.fee())):
                return Refused(failure, meta)
            if not keep_failure:
                if payer_before is not None:
                    raw.set_account(payer, payer_before)
                return Refused(failure, meta)
            self._advance_failed_nonce(wire)
        if guarded is not None and failure is None:
            self._forget_closed_programs(writable)
        landed = Landed(wire, failure, meta, keys, writable, resolved.loaded)
        landed.pre, landed.post = pre, [balance(key) or 0 for key in keys]
        if failure is None:
            landed.tokens = self._tokens_after(keys, pre, landed.post, tokens)
        else:
            landed.tokens = [TokenBalance(one.index, one.kind, one.pre, one.pre) for one in tokens]
        self.transaction_count += 1
        landed.sequence, landed.slot, landed.unix_s = self.transaction_count, self.slot, self.unix_s
        self.touched.update(writable)
        self.recent[wire.signature] = (self.slot, landed.sequence, failure)
        self._recent_by_slot[-1][1].append(wire.signature)
        return landed

    # Questions

    @property
    def landed_in_slot(self) -> int:
        """Number of transactions in the open slot."""
        return len(self._recent_by_slot[-1][1])

    def check(self, wire: Wire) -> Failure | None:
        """Return why a transaction may not run at all, or None. Signatures are `execute`'s."""
        if len(wire.static) > MAX_ACCOUNT_LOCKS:
            return "TooManyAccountLocks"
        if wire.signature in self.recent:
            return "AlreadyProcessed"
        if wire.blockhash not in self.blockhashes and not self.uses_valid_nonce(wire):
            return "BlockhashNotFound"
        return None

    def uses_valid_nonce(self, wire: Wire) -> bool:
        """Return whether the first instruction advances a nonce account that holds the transaction's blockhash."""
        nonce = self._nonce_account(wire)
        if nonce is None:
            return False
        account = self._raw.get_account(nonce)
        if account is None or account.owner != SYSTEM:
            return False
        data = account.data
        # version u32, state u32 (1 = initialised), authority 32, durable nonce 32, fee 8
        return len(data) == 80 and data[4] == 1 and data[40:72] == wire.blockhash

    def resolve(self, wire: Wire) -> Resolved | Failure:
        """Return all accounts of a transaction, or why its lookup tables do not give them."""
        writable = wire.writable()
        lookups = wire.message.address_table_lookups if wire.is_v0 else ()  # type: ignore[union-attr]
        if not lookups:
            return Resolved(wire.static, writable, (0, 0))
        to_write: list[Pubkey] = []
        to_read: list[Pubkey] = []
        for lookup in lookups:
            table = self._raw.get_account(lookup.account_key)
            if table is None:
                return "AddressLookupTableNotFound"
            if table.owner != LOOKUP_TABLE:
                return "InvalidAddressLookupTableOwner"
            data = table.data
            count = (len(data) - LOOKUP_TABLE_HEADER) // 32
            for indexes, found in ((lookup.writable_indexes, to_write), (lookup.readonly_indexes, to_read)):
                for index in bytes(indexes):
                    if index >= count:
                        return "InvalidAddressLookupTableIndex"
                    at = LOOKUP_TABLE_HEADER + 32 * index
                    found.append(Pubkey.from_bytes(data[at : at + 32]))
        keys = wire.static + to_write + to_read
        if len(keys) > MAX_ACCOUNT_LOCKS:
            return "TooManyAccountLocks"
        return Resolved(keys, writable + to_write, (len(to_write), len(to_read)))

    def unmoved(self, wire: Wire, failure: Failure) -> Simulated:
        """Return what is known of a transaction that is refused before it runs: its accounts' balances stay what they are."""
        simulated, resolved = Simulated(failure), self.resolve(wire)
        if isinstance(resolved, Resolved):
            simulated.pre = [self.balance(key) for key in resolved.keys]
            simulated.post = list(simulated.pre)
            simulated.tokens = self._tokens_before(resolved.keys, simulated.pre)
            for token in simulated.tokens:
                token.post = token.pre
        return simulated

    def simulate(self, wire: Wire) -> Simulated:
        """Return what a transaction would do, its signatures aside; nothing changes."""
        resolved = self.resolve(wire)
        if not isinstance(resolved, Resolved):
            return Simulated(resolved)
        self._raw.set_sigverify(False)
        try:
            result = self._raw.simulate_transaction(wire.tx)
        except BaseException as panic:  # pyo3's PanicException is no Exception
            if not _is_panic(panic):
                raise
            return Simulated({"InstructionError": [0, "InvalidAccountData"]})
        finally:
            self._raw.set_sigverify(True)
        too_large = self._is_too_large(wire, resolved)
        failed = too_large or isinstance(result, FailedTransactionMetadata)
        keys = resolved.keys
        if failed:
            meta, failure = self._outcome(result, wire, keys, too_large=too_large)
            if not was_processed(meta, failure):
                simulated = self.unmoved(wire, failure)
                simulated.meta = meta
                return simulated
        else:
            meta, failure = result.meta(), None
        simulated = Simulated(failure, meta)
        simulated.pre = [self.balance(key) for key in keys]
        simulated.tokens = self._tokens_before(keys, simulated.pre)
        if failed:
            simulated.post = [simulated.pre[0] - meta.fee(), *simulated.pre[1:]]
            for token in simulated.tokens:
                token.post = token.pre
            return simulated
        simulated.accounts = dict(result.post_accounts())
        known = {token.index: token for token in simulated.tokens}
        simulated.post = list(simulated.pre)
        for index, key in enumerate(keys):
            account = simulated.accounts.get(key)
            if account is None:
                if index in known:
                    known[index].post = known[index].pre
                continue
            simulated.post[index] = account.lamports
            kind = self._kind_of(account) if account.lamports else None
            if kind is None:
                continue
            if index not in known:
                simulated.tokens.append(TokenBalance(index, kind, None, kind.atoms))
            else:
                known[index].post = kind.atoms
        simulated.tokens.sort(key=lambda token: token.index)
        return simulated

    def keys(self, wire: Wire) -> list[Pubkey]:
        """Return all accounts of a transaction, or the static ones where its lookup tables give none."""
        resolved = self.resolve(wire)
        return resolved.keys if isinstance(resolved, Resolved) else wire.static

    def loaded_bytes(self, wire: Wire, resolved: Resolved) -> int:
        """Return what a transaction counts as loaded: its accounts, their programs' data, its tables; bytes, as of now.

        Source: account_loader.rs of solana-svm (SIMD-0186).
        """
        size = LOOKUP_TABLE_BYTES * len(wire.message.address_table_lookups if wire.is_v0 else ())  # type: ignore[union-attr]
        counted = set(resolved.keys)
        for key in resolved.keys:
            account = self._raw.get_account(key)
            if account is None or key == INSTRUCTIONS:
                continue
            data = account.data
            size += ACCOUNT_BASE_BYTES + len(data)
            if account.owner != LOADER_V3 or len(data) < 36 or data[:4] != b"\x02\0\0\0":
                continue
            code_at = Pubkey.from_bytes(data[4:36])
            if code_at not in counted and (code := self._raw.get_account(code_at)) is not None:
                counted.add(code_at)
                size += ACCOUNT_BASE_BYTES + len(code.data)
        return size

    def account(self, address: Pubkey) -> Account | None:
        """Return an account, or None where no lamports are. Copies its data: not for hot paths."""
        found: Account | None = self._raw.get_account(address)
        return found

    def balance(self, address: Pubkey) -> int:
        """Return lamports; 0 where no account is."""
        return self._raw.get_balance(address) or 0

    def program_accounts(self, program: Pubkey) -> list[tuple[Pubkey, Account]]:
        """Return every account that `program` owns, by address."""
        found: list[tuple[Pubkey, Account]] = self._raw.get_program_accounts(program)
        found.sort(key=lambda pair: bytes(pair[0]))
        return found

    def rent_exempt_lamports(self, size: int) -> int:
        """Return what an account with `size` bytes of data must hold."""
        return int(self._raw.minimum_balance_for_rent_exemption(size))

    def digest(self) -> str:
        """Return SHA-256 over all touched accounts by address and the transaction count: equal for equal states."""
        digest = hashlib.sha256(struct.pack("<Q", self.transaction_count))
        for address in sorted(self.touched, key=bytes):
            account = self._raw.get_account(address)
            if account is not None:
                digest.update(pack_account(address, account))
        return digest.hexdigest()

    # Keeping and restoring

    def start_saving(self) -> Iterator[tuple[Pubkey, Account | None]]:
        """Return every account as it is now, one by one, while the bank goes on.

        An account that a transaction is about to write is copied first, so the whole is one instant. One at a time.
        """
        pending = set(self.touched)
        copied: list[tuple[Pubkey, Account | None]] = []
        self._saving = (pending, copied)

        def accounts() -> Iterator[tuple[Pubkey, Account | None]]:
            try:
                while pending or copied:
                    if copied:
                        yield copied.pop()
                    else:
                        address = pending.pop()
                        yield address, self._raw.get_account(address)
            finally:
                self._saving = None

        return accounts()

    def restore(
        self,
        *,
        slot: int,
        unix_s: int,
        blockhashes: Iterable[tuple[bytes, int]],
        slot_hashes: Iterable[tuple[int, bytes]],
        transaction_count: int,
        recent: Iterable[tuple[bytes, int, int, Failure | None]],
        accounts: Iterable[tuple[Pubkey, Account | None]],
    ) -> None:
        """Take over a saved state; the bank must be new."""
        self.slot, self.unix_s, self.transaction_count = slot, unix_s, transaction_count
        self.blockhashes = dict(blockhashes)
        self.latest_blockhash = list(self.blockhashes)[-1]
        self.slot_hashes = deque(
            ((number, Hash.from_bytes(value)) for number, value in slot_hashes), maxlen=SLOT_HASHES
        )
        self._set_sysvars()
        programs: list[tuple[Pubkey, Account]] = []
        for address, account in accounts:
            if account is None:
                if address in self.touched:  # there at genesis, and gone since
                    self._raw.set_account(address, Account(0, b"", SYSTEM))
                self.touched.add(address)
                continue
            self.touched.add(address)
            # LiteSVM compiles a program as it is set, and needs its program data to be there before.
            if account.executable:
                programs.append((address, account))
            else:
                self._raw.set_account(address, account)
        for address, account in programs:
            self._raw.set_account(address, account)
        by_slot: dict[int, list[bytes]] = {}
        for signature, at_slot, sequence, failure in recent:
            self.recent[signature] = (at_slot, sequence, failure)
            by_slot.setdefault(at_slot, []).append(signature)
        by_slot.setdefault(slot, [])
        self._recent_by_slot = deque(sorted(by_slot.items()))

    # Inside

    def _set_sysvars(self) -> None:
        epoch = self.slot // SLOTS_PER_EPOCH
        self._svm.set_clock(Clock(self.slot, self._genesis.created_unix_s, epoch, epoch + 1, self.unix_s))
        self._svm.set_slot_hashes(list(self.slot_hashes))

    def _save(self, writable: list[Pubkey]) -> None:
        if self._saving is None:
            return
        pending, copied = self._saving
        for key in writable:
            if key in pending:
                pending.discard(key)
                copied.append((key, self._raw.get_account(key)))

    def _is_too_large(self, wire: Wire, resolved: Resolved) -> bool:
        """Return whether a transaction loads more than it allows itself. What it does not say is not looked at: the most
        that there can be, 64 MiB, is seven of the largest accounts."""
        limit = budget_of(wire).asked.get(DATA_SIZE, 0)
        return 0 < limit < self.loaded_bytes(wire, resolved)

    def _outcome(
        self,
        result: FailedTransactionMetadata | SimulatedTransactionInfo,
        wire: Wire,
        keys: list[Pubkey],
        *,
        too_large: bool,
    ) -> tuple[TransactionMetadata, Failure]:
        """Return metadata and error of what failed, or was only simulated to learn its fee because it loads too much."""
        meta = result.meta()
        if isinstance(result, FailedTransactionMetadata):
            failure = self._failure(result, wire, keys)
            if not too_large or not was_processed(meta, failure):
                return meta, failure
        nothing = '{"program_id":%s,"data":[]}' % ([0] * 32)
        return TransactionMetadata.from_json(_BARE_META % (_NO_SIGNATURE, nothing, meta.fee())), _TOO_LARGE

    def _failure(self, failed: FailedTransactionMetadata, wire: Wire, keys: list[Pubkey]) -> Failure:
        """Return the error of a failed run; a program that is not there has a name of its own on a cluster."""
        failure = failure_of(failed)
        if failure != "InvalidProgramForExecution":
            return failure
        programs = {keys[instruction.program_id_index] for instruction in wire.message.instructions}
        return failure if all(map(self._raw.get_account, programs)) else "ProgramAccountNotFound"

    def _take_fee(self, payer: Pubkey, fee: int) -> bool:
        """Take the fee for a transaction that could not be loaded, if its payer can be left with the rest."""
        account = self._raw.get_account(payer)
        if account is None or account.owner != SYSTEM or account.lamports < fee:
            return False
        rest = account.lamports - fee
        if rest and rest < self.rent_exempt_lamports(len(account.data)):
            return False
        self._raw.set_account(payer, Account(rest, account.data, SYSTEM, False, account.rent_epoch))
        return True

    def _survive(self, panic: BaseException, guarded: list[tuple[Pubkey, Account | None]] | None) -> Refused:
        if not _is_panic(panic):
            raise panic
        if guarded is None:
            raise BankPanickedError(str(panic)) from panic
        # The SVM gave up while it stored the outcome of a deployment: put back what it had stored so far.
        for key, account in sorted(guarded, key=lambda pair: pair[1] is not None and pair[1].executable):
            self._raw.set_account(key, account or Account(0, b"", SYSTEM))
        return Refused({"InstructionError": [0, "InvalidAccountData"]})

    def _forget_closed_programs(self, keys: list[Pubkey]) -> None:
        """See to it that what was closed runs no more: LiteSVM keeps the code of a program that lost its data."""
        for key in keys:
            account = self._raw.get_account(key)
            if account is None or not account.executable or account.owner != LOADER_V3:
                continue
            if self._raw.get_account(Pubkey.from_bytes(account.data[4:36])) is None:
                self._raw.set_account(key, account)

    def _nonce_account(self, wire: Wire) -> Pubkey | None:
        first = wire.message.instructions[0] if wire.message.instructions else None
        if first is None or bytes(first.data) != _ADVANCE_NONCE or not first.accounts:
            return None
        program, account = first.program_id_index, bytes(first.accounts)[0]
        if program >= len(wire.static) or wire.static[program] != SYSTEM or account >= len(wire.static):
            return None
        return wire.static[account] if wire.is_writable(account) else None

    def _advance_failed_nonce(self, wire: Wire) -> None:
        """Use up the nonce of a failed transaction, or it could be replayed for its fee; LiteSVM takes it back."""
        if wire.blockhash in self.blockhashes or not self.uses_valid_nonce(wire):
            return
        address = self._nonce_account(wire)
        if address is None or (account := self._raw.get_account(address)) is None:
            return
        following = hashlib.sha256(b"DURABLE_NONCE" + wire.blockhash).digest()
        data = account.data[:40] + following + account.data[72:]
        self._raw.set_account(address, Account(account.lamports, data, SYSTEM, False, account.rent_epoch))

    # Token balances are part of a transaction's history. What an account is gets remembered, so that a large account of
    # a program is copied once, not each time, to learn that it is no token account.

    def _tokens_before(self, keys: list[Pubkey], pre: list[int]) -> list[TokenBalance]:
        found: list[TokenBalance] = []
        for index, key in enumerate(keys):
            if not pre[index]:
                continue
            known = self._kinds.get(key)
            if known is None:
                known = self._look(key)
            if known:
                found.append(TokenBalance(index, known, known.atoms, None))
        return found

    def _tokens_after(
        self, keys: list[Pubkey], pre: list[int], post: list[int], before: list[TokenBalance]
    ) -> list[TokenBalance]:
        """Complete what `_tokens_before` found, after a transaction that succeeded."""
        made: list[TokenBalance] = []
        for balance in before:
            known = self._look(keys[balance.index]) if post[balance.index] else None
            if known:
                balance.post = known.atoms
        for index, key in enumerate(keys):
            if not post[index]:
                self._kinds.pop(key, None)
            elif (not pre[index] or key not in self._kinds) and (known := self._look(key)):
                made.append(TokenBalance(index, known, None, known.atoms))
        return sorted(before + made, key=lambda balance: balance.index) if made else before

    def _look(self, key: Pubkey) -> TokenKind | Literal[False] | None:
        """Read an account and remember what it is: a token account with its atoms, False for anything else of a
        program, None (not remembered) for a wallet, which may still become anything."""
        account = self._raw.get_account(key)
        if account is None or account.owner == SYSTEM:
            self._kinds.pop(key, None)
            return None
        known = self._kind_of(account, self._kinds.get(key)) or False
        self._kinds[key] = known
        return known

    def _kind_of(self, account: Account, known: TokenKind | Literal[False] | None = None) -> TokenKind | None:
        """Return what a token account is, with its atoms; None for any other account.

        Args:
            account: As read.
            known: What it was before, used again if it still is.
        """
        program = account.owner
        if program not in (TOKEN, TOKEN_2022) or not is_token_account(data := account.data):
            return None
        if not known or data[:64] != known.holder:
            known = TokenKind(data[:64], bytes(program), self.decimals(data[:32]))
        known.atoms = int.from_bytes(data[64:72], "little")
        return known

    def decimals(self, mint: bytes) -> int:
        """Return a mint's decimals; they never change, so the first look is kept."""
        known = self._decimals.get(mint)
        if known is None:
            account = self._raw.get_account(Pubkey.from_bytes(mint))
            if account is None or len(account.data) < MINT_SIZE:
                return 0
            known = self._decimals[mint] = account.data[44]
        return known


def was_processed(meta: TransactionMetadata, failure: Failure | None) -> bool:
    """Return whether a transaction got so far that its fee is due: it ran, or its accounts could not be loaded."""
    return has_run(meta, failure) or failure in _FEE_ONLY


def has_run(meta: TransactionMetadata, failure: Failure | None) -> bool:
    """Return whether a transaction got so far that its instructions were begun; also for one that nobody has signed."""
    return failure is None or meta.signature() != _NO_SIGNATURE or bool(meta.logs())


def is_token_account(data: bytes) -> bool:
    """Return whether data of a token program is an initialised token account."""
    size = len(data)
    fits = size == TOKEN_ACCOUNT_SIZE or (size > TOKEN_ACCOUNT_SIZE and size != MULTISIG_SIZE and data[165] == 2)
    return fits and data[108] != 0


def is_mint(data: bytes) -> bool:
    """Return whether data of a token program is an initialised mint."""
    fits = len(data) == MINT_SIZE or (len(data) > TOKEN_ACCOUNT_SIZE and len(data) != MULTISIG_SIZE and data[165] == 1)
    return fits and data[45] != 0


def pack_account(address: Pubkey, account: Account) -> bytes:
    """Return an account as snapshots hold it.

    Returns:
        address 32 ‖ owner 32 ‖ lamports u64 ‖ rent epoch u64 ‖ executable u8 ‖ length u32 ‖ data, little-endian.
    """
    data = account.data
    return b"".join(
        (
            bytes(address),
            bytes(account.owner),
            struct.pack("<QQBI", account.lamports, account.rent_epoch, account.executable, len(data)),
            data,
        )
    )


def unpack_accounts(data: bytes) -> Iterator[tuple[Pubkey, Account]]:
    """Yield the accounts of a run of packed ones."""
    at, view = 0, memoryview(data)
    while at < len(view):
        lamports, rent_epoch, executable, size = struct.unpack_from("<QQBI", view, at + 64)
        start = at + 64 + 21
        owner = Pubkey.from_bytes(bytes(view[at + 32 : at + 64]))
        account = Account(lamports, bytes(view[start : start + size]), owner, bool(executable), rent_epoch)
        yield Pubkey.from_bytes(bytes(view[at : at + 32])), account
        at = start + size


def _is_panic(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"


def _new_svm() -> LiteSVM:
    """Return the SVM with mainnet's features: with all of them on, it refuses to deploy the sBPF v0 that we build."""
    svm = LiteSVM.default().with_mainnet_features().with_feature_accounts()
    svm = svm.with_builtins().with_sysvars().with_default_programs()
    svm = svm.with_sigverify(True).with_blockhash_check(False).with_transaction_history(0)
    svm = svm.with_log_bytes_limit(10_000)
    svm._inner.set_precompiles()
    svm.set_epoch_schedule(EpochSchedule.custom(SLOTS_PER_EPOCH, SLOTS_PER_EPOCH, False))
    for address, feature in svm._inner.get_program_accounts(FEATURE):
        svm._inner.set_account(address, Account(feature.lamports, _ACTIVE_FROM_GENESIS, FEATURE))
    return svm
