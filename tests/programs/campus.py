"""Sets up governance, registry, zones, users and meters on a test chain by their own instructions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from nacl.signing import SigningKey
from program_harness import LOADER_V3, TOKEN, Chain, Outcome, expect_ok, keypair, pda, program_data, program_id
from solders.instruction import AccountMeta, Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from gridkit.programs import public_seed

GENESIS = bytes(range(32))
STUDENT, FACULTY, PARTNER, FACILITIES, OPERATOR, AUDITOR, ADMIN = range(7)
PENDING, ACTIVE, SUSPENDED, CLOSED = range(4)
RETIRED = 3
CONSUMER, PRODUCER, PROSUMER = range(3)
READINGS, MINT_SETTLE, ORDERS, AUCTION, DEPOSITS = 1, 2, 4, 8, 16
SET_PARAM, SET_MEMBERS, SET_GUARDIANS, ISSUE_CREDIT, RESUME, ADD_VALIDATOR, REMOVE_VALIDATOR, APPROVE_UPGRADE, CALL = (
    range(9)
)
CALL_WRITABLE, CALL_SIGNER = 1, 2

COUNCIL = pda("governance", b"council")
CREDIT_MINT = pda("governance", b"credit")
TREASURY = pda("governance", b"treasury")
UPGRADE_AUTHORITY = pda("governance", b"upgrade")
REGISTRY_CONFIG = pda("registry", b"config")

STOP_LENGTH_S = 3_600
PROPOSAL_TTL_S = 7 * 86_400
# By class: parameters, members, treasury, upgrade.
TIMELOCK_S = [600, 1_200, 60, 3_600]
# id, value, min, max, step: transfer mode, taker fee, reading tolerance, least lots, open orders a seat.
PARAMS = [(0, 0, 0, 1, 1), (1, 25, 0, 100, 10), (2, 60, 0, 300, 60), (3, 1, 1, 1_000, 100), (4, 64, 1, 256, 64)]


def user_address(wallet: Pubkey | Keypair) -> Pubkey:
    """Return the registry User of a wallet."""
    return pda("registry", b"user", bytes(_key(wallet)))


def zone_address(zone: int) -> Pubkey:
    """Return the registry Zone."""
    return pda("registry", b"zone", zone.to_bytes(2, "little"))


def meter_id(name: str) -> bytes:
    """Return the 16-byte id of the meter called `name`."""
    return public_seed("test meter id", name)[:16]


def meter_address(name: str) -> Pubkey:
    """Return the registry Meter called `name`."""
    return pda("registry", b"meter", meter_id(name))


def device_key(name: str) -> SigningKey:
    """Return the device key called `name`."""
    return SigningKey(public_seed("test device", name))


def key_record_address(key: bytes) -> Pubkey:
    """Return the registry KeyRecord of a device key."""
    return pda("registry", b"key", key)


def network_tag() -> bytes:
    """Return the network tag of the test chain."""
    return hashlib.sha256(b"campusgrid" + GENESIS + bytes(program_id("oracle"))).digest()[:4]


def possession_proof(device: SigningKey, owner: Pubkey, meter: bytes, *, tag: bytes | None = None) -> bytes:
    """Return a device's signature over CGP1 ‖ network tag ‖ owner ‖ meter id ‖ key."""
    tag = tag if tag is not None else network_tag()
    return device.sign(b"CGP1" + tag + bytes(owner) + meter + bytes(device.verify_key)).signature


def proposal_address(number: int) -> Pubkey:
    """Return the Proposal with that id."""
    return pda("governance", b"proposal", number.to_bytes(8, "little"))


def payload_set_param(param: int, value: int) -> bytes:
    """Return the payload of SET_PARAM."""
    return bytes([param]) + value.to_bytes(8, "little")


def payload_set_members(threshold: int, members: list[Pubkey]) -> bytes:
    """Return the payload of SET_MEMBERS."""
    return bytes([threshold]) + payload_set_guardians(members)


def payload_set_guardians(guardians: list[Pubkey]) -> bytes:
    """Return the payload of SET_GUARDIANS."""
    return len(guardians).to_bytes(4, "little") + b"".join(map(bytes, guardians))


def payload_issue_credit(token_account: Pubkey, amount_ucredit: int) -> bytes:
    """Return the payload of ISSUE_CREDIT."""
    return bytes(token_account) + amount_ucredit.to_bytes(8, "little")


def payload_upgrade(program: Pubkey, buffer: Pubkey, spill: Pubkey, code: bytes) -> bytes:
    """Return the payload of APPROVE_UPGRADE for that code."""
    return bytes(program) + bytes(buffer) + bytes(spill) + hashlib.sha256(code).digest()


def payload_call(built: Instruction) -> bytes:
    """Return the payload of CALL for an instruction."""
    flags = bytes(CALL_WRITABLE * meta.is_writable | CALL_SIGNER * meta.is_signer for meta in built.accounts)
    keys = payload_set_guardians([meta.pubkey for meta in built.accounts])
    data = bytes(built.data)
    return (
        bytes(built.program_id)
        + keys
        + len(flags).to_bytes(4, "little")
        + flags
        + len(data).to_bytes(4, "little")
        + data
    )


def validator_address(identity: Pubkey) -> Pubkey:
    """Return the Validator of a node."""
    return pda("governance", b"validator", bytes(identity))


def _key(value: Pubkey | Keypair) -> Pubkey:
    return value.pubkey() if isinstance(value, Keypair) else value


@dataclass
class Campus:
    """A council of three (threshold two), two guardians, an admin and an operator; zones and users on request."""

    chain: Chain
    members: list[Keypair]
    guardians: list[Keypair]
    admin: Keypair
    operator: Keypair

    @classmethod
    def of(cls, chain: Chain) -> Campus:
        """Return the campus of a chain with nothing set up yet."""
        return cls(
            chain,
            [chain.wallet(f"member {i}") for i in range(3)],
            [chain.wallet(f"guardian {i}") for i in range(2)],
            chain.wallet("admin"),
            chain.wallet("operator"),
        )

    @classmethod
    def build(cls, chain: Chain, zones: int = 1) -> Campus:
        """Return a campus with governance, registry, an operator and zones 1 … `zones` set up."""
        campus = cls.of(chain)
        expect_ok(campus.initialize_governance())
        expect_ok(campus.initialize_registry())
        expect_ok(campus.register_user(campus.operator, OPERATOR))
        for zone in range(1, zones + 1):
            expect_ok(campus.create_zone(zone))
        return campus

    # ------------------------------------------------------------------------------------------------- governance

    def initialize_governance(self, accounts: dict[str, Any] | None = None, **changes: Any) -> Outcome:
        """Send governance.initialize with the values above, changed as asked."""
        args: dict[str, Any] = {
            "threshold": 2,
            "stop_length_s": STOP_LENGTH_S,
            "proposal_ttl_s": PROPOSAL_TTL_S,
            "timelock_s": TIMELOCK_S,
            "members": [bytes(key.pubkey()) for key in self.members],
            "guardians": [bytes(key.pubkey()) for key in self.guardians],
            "params": [dict(zip(("id", "value", "min", "max", "step"), row, strict=True)) for row in PARAMS],
        } | changes
        named = {
            "upgrade_authority": self.chain.upgrade_authority,
            "payer": self.chain.payer,
            "program_data": program_data("governance"),
            "council": COUNCIL,
            "credit_mint": CREDIT_MINT,
            "treasury": TREASURY,
        }
        return self.chain.call("governance", "initialize", named | (accounts or {}), **args)

    def council(self) -> dict[str, Any]:
        """Return the council's fields."""
        return self.chain.read("governance", "Council", COUNCIL)

    def propose(self, kind: int, payload: bytes, member: int = 0) -> Outcome:
        """Let a member propose; the proposal's number is the council's count before."""
        number = self.council()["proposal_count"]
        named = {
            "proposer": self.members[member],
            "payer": self.chain.payer,
            "council": COUNCIL,
            "proposal": proposal_address(number),
        }
        return self.chain.call("governance", "propose", named, kind=kind, payload=payload)

    def vote(self, instruction: str, number: int, member: int | Keypair) -> Outcome:
        """Send approve or revoke for a proposal."""
        key = self.members[member] if isinstance(member, int) else member
        named = {"member": key, "council": COUNCIL, "proposal": proposal_address(number)}
        return self.chain.call("governance", instruction, named)

    def execute(self, number: int, member: int | Keypair = 0, **accounts: Any) -> Outcome:
        """Send execute for a proposal."""
        key = self.members[member] if isinstance(member, int) else member
        named = {"executor": key, "council": COUNCIL, "proposal": proposal_address(number)} | accounts
        return self.chain.call("governance", "execute", named)

    def agree(self, kind: int, payload: bytes) -> int:
        """Bring a proposal to where it can be executed: proposed, approved by two, waited for; return its number."""
        number = self.council()["proposal_count"]
        expect_ok(self.propose(kind, payload))
        expect_ok(self.vote("approve", number, 1))
        self.chain.advance(max(TIMELOCK_S))
        return int(number)

    def decide(self, kind: int, payload: bytes, **accounts: Any) -> Outcome:
        """Carry a proposal through and execute it."""
        return expect_ok(self.execute(self.agree(kind, payload), **accounts))

    def execute_validator(self, number: int, identity: Pubkey, member: int | Keypair = 0) -> Outcome:
        """Send execute_validator for a proposal."""
        named = {
            "executor": self.members[member] if isinstance(member, int) else member,
            "payer": self.chain.payer,
            "council": COUNCIL,
            "proposal": proposal_address(number),
            "validator": validator_address(identity),
        }
        return self.chain.call("governance", "execute_validator", named)

    def execute_upgrade(
        self, number: int, program: Pubkey, buffer: Pubkey, spill: Pubkey, /, **accounts: Any
    ) -> Outcome:
        """Send execute_upgrade for a proposal; `accounts` changes some of them."""
        named = {
            "executor": self.members[0],
            "council": COUNCIL,
            "proposal": proposal_address(number),
            "upgrade_authority": UPGRADE_AUTHORITY,
            "program_data": Pubkey.find_program_address([bytes(program)], LOADER_V3)[0],
            "program": program,
            "buffer": buffer,
            "spill": spill,
        } | accounts
        return self.chain.call("governance", "execute_upgrade", named, limit=1_000_000)

    def execute_call(self, number: int, built: Instruction, member: int | Keypair = 0, **accounts: Any) -> Outcome:
        """Send execute_call for a proposal to call `built`."""
        named = {
            "executor": self.members[member] if isinstance(member, int) else member,
            "council": COUNCIL,
            "proposal": proposal_address(number),
            "program": built.program_id,
        } | accounts
        metas = [AccountMeta(meta.pubkey, is_signer=False, is_writable=meta.is_writable) for meta in built.accounts]
        return self.chain.call("governance", "execute_call", named, remaining=metas)

    def stop(self, mask: int, guardian: int | Keypair = 0) -> Outcome:
        """Send emergency_stop."""
        key = self.guardians[guardian] if isinstance(guardian, int) else guardian
        return self.chain.call("governance", "emergency_stop", {"guardian": key, "council": COUNCIL}, mask=mask)

    def credit_account(self, owner: Keypair | Pubkey, name: str = "credit") -> Pubkey:
        """Return a CREDIT token account of `owner`, empty if it is new."""
        address = keypair(f"{name} of {_key(owner)}").pubkey()
        if not self.chain.data(address):
            self.chain.put_token_account(address, CREDIT_MINT, _key(owner))
        return address

    def issue_credit(self, token_account: Pubkey, amount_ucredit: int) -> Outcome:
        """Let the council mint CREDIT to a token account."""
        return self.decide(
            ISSUE_CREDIT,
            payload_issue_credit(token_account, amount_ucredit),
            credit_mint=CREDIT_MINT,
            credit_account=token_account,
            treasury=TREASURY,
            token_program=TOKEN,
        )

    # --------------------------------------------------------------------------------------------------- registry

    def initialize_registry(self, accounts: dict[str, Any] | None = None, **changes: Any) -> Outcome:
        """Send registry.initialize."""
        args: dict[str, Any] = {
            "governance_program": program_id("governance"),
            "oracle_program": program_id("oracle"),
            "genesis_hash": GENESIS,
            "personal_hash": bytes(32),
        } | changes
        named = {
            "upgrade_authority": self.chain.upgrade_authority,
            "payer": self.chain.payer,
            "program_data": program_data("registry"),
            "config": REGISTRY_CONFIG,
            "council": COUNCIL,
            "admin": self.admin,
            "admin_user": user_address(self.admin),
        }
        return self.chain.call("registry", "initialize", named | (accounts or {}), **args)

    def as_authority(self, authority: Keypair | None) -> dict[str, Any]:
        """Return the two accounts that say who acts; the admin by default."""
        key = authority if authority is not None else self.admin
        return {"authority": key, "authority_user": user_address(key)}

    def create_zone(self, zone: int, capacity: int = 256, authority: Keypair | None = None) -> Outcome:
        """Send create_zone."""
        named = {"payer": self.chain.payer, "config": REGISTRY_CONFIG, "zone": zone_address(zone)}
        accounts = self.as_authority(authority) | named
        return self.chain.call("registry", "create_zone", accounts, zone=zone, capacity=capacity)

    def register_user(
        self,
        wallet: Keypair | Pubkey,
        role: int = STUDENT,
        status: int = ACTIVE,
        authority: Keypair | None = None,
    ) -> Outcome:
        """Send register_user."""
        accounts = self.as_authority(authority) | {
            "payer": self.chain.payer,
            "config": REGISTRY_CONFIG,
            "wallet": _key(wallet),
            "user": user_address(wallet),
        }
        return self.chain.call(
            "registry", "register_user", accounts, role=role, status=status, personal_hash=bytes([7]) * 32
        )

    def user(self, name: str, role: int = STUDENT) -> Keypair:
        """Return the funded wallet of a newly registered active user."""
        wallet = self.chain.wallet(name)
        expect_ok(self.register_user(wallet, role))
        return wallet

    def set_user(self, what: str, wallet: Keypair, value: int, authority: Keypair | None = None) -> Outcome:
        """Send set_role (`what` = "role") or set_user_status (`what` = "status")."""
        accounts = self.as_authority(authority) | {"user": user_address(wallet)}
        name = "set_role" if what == "role" else "set_user_status"
        return self.chain.call("registry", name, accounts, **{what: value})

    def close_user(self, wallet: Keypair, authority: Keypair | None = None) -> Outcome:
        """Send close_user."""
        accounts = self.as_authority(authority) | {"user": user_address(wallet)}
        return self.chain.call("registry", "close_user", accounts)

    def register_meter(
        self,
        name: str,
        owner: Keypair,
        zone: int = 1,
        *,
        authority: Keypair | None = None,
        device: SigningKey | None = None,
        accounts: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Outcome:
        """Send register_meter for a prosumer of 10 kW whose device key is `device_key(name)`."""
        device = device if device is not None else device_key(name)
        args: dict[str, Any] = {
            "meter_id": meter_id(name),
            "kind": PROSUMER,
            "capacity_w": 10_000,
            "max_wh_interval": 3_000,
            "first_interval": self.chain.now_s() // 900 - 200,
            "device_key": bytes(device.verify_key),
            "proof": possession_proof(device, owner.pubkey(), meter_id(name)),
            "location_hash": bytes([1]) * 32,
            "serial_hash": bytes([2]) * 32,
        } | changes
        named = self.as_authority(authority if authority is not None else self.operator) | {
            "owner": owner,
            "owner_user": user_address(owner),
            "payer": self.chain.payer,
            "council": COUNCIL,
            "config": REGISTRY_CONFIG,
            "zone": zone_address(zone),
            "meter": pda("registry", b"meter", args["meter_id"]),
            "key_record": key_record_address(args["device_key"]),
        }
        return self.chain.call("registry", "register_meter", named | (accounts or {}), limit=400_000, **args)

    def activate_meter(self, name: str, owner: Keypair, authority: Keypair | None = None) -> Outcome:
        """Send activate_meter."""
        accounts = self.as_authority(authority if authority is not None else self.operator) | {
            "council": COUNCIL,
            "config": REGISTRY_CONFIG,
            "owner_user": user_address(owner),
            "meter": meter_address(name),
        }
        return self.chain.call("registry", "activate_meter", accounts)

    def suspend_meter(self, name: str, authority: Keypair | None = None) -> Outcome:
        """Send suspend_meter."""
        accounts = self.as_authority(authority if authority is not None else self.operator)
        return self.chain.call("registry", "suspend_meter", accounts | {"meter": meter_address(name)})

    def retire_meter(self, name: str, authority: Keypair | None = None) -> Outcome:
        """Send retire_meter with registers 111 and 222 Wh."""
        accounts = self.as_authority(authority if authority is not None else self.operator)
        return self.chain.call(
            "registry",
            "retire_meter",
            accounts | {"meter": meter_address(name)},
            closing_import_wh=111,
            closing_export_wh=222,
        )

    def rotate_key(self, name: str, owner: Keypair, device: SigningKey, first_interval: int, **changes: Any) -> Outcome:
        """Send rotate_device_key."""
        args = {
            "device_key": bytes(device.verify_key),
            "first_interval": first_interval,
            "compromised": False,
            "proof": possession_proof(device, owner.pubkey(), meter_id(name)),
        } | changes
        accounts = self.as_authority(self.operator) | {
            "owner": owner,
            "payer": self.chain.payer,
            "council": COUNCIL,
            "config": REGISTRY_CONFIG,
            "meter": meter_address(name),
            "key_record": key_record_address(args["device_key"]),
        }
        return self.chain.call("registry", "rotate_device_key", accounts, **args)

    def swap_meter(self, name: str, first: Keypair | None = None, second: Keypair | None = None) -> Outcome:
        """Send swap_meter, approved by the admin and the operator unless said otherwise."""
        first = first if first is not None else self.admin
        second = second if second is not None else self.operator
        accounts = self.as_authority(first) | {
            "second_authority": second,
            "second_authority_user": user_address(second),
            "council": COUNCIL,
            "config": REGISTRY_CONFIG,
            "meter": meter_address(name),
        }
        return self.chain.call(
            "registry",
            "swap_meter",
            accounts,
            serial_hash=bytes([9]) * 32,
            closing_import_wh=1_000,
            closing_export_wh=2_000,
            opening_import_wh=3,
            opening_export_wh=4,
        )

    def meter(self, name: str, owner: Keypair, zone: int = 1, **changes: Any) -> Pubkey:
        """Return the address of a newly registered and activated meter of `owner`."""
        expect_ok(self.register_meter(name, owner, zone, **changes))
        expect_ok(self.activate_meter(name, owner))
        return meter_address(name)
