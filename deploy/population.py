"""Brings people and meters onto a fresh box: registry users, device keys with proof of possession, slots, ledger rows, market seats, CREDIT
and gateway accounts. Each step looks first, so a second start changes nothing."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import paho.mqtt.client as mqtt
from solders.instruction import AccountMeta, Instruction

from deploy.contact.chain import Chain, token_account_instruction
from deploy.contact.council import ISSUE_CREDIT, Council, Decision
from deploy.contact.local import council_keys
from deploy.site import HOST, Site
from firmware_sim.fleet import FleetMeter
from gateway.custody import Custody
from gateway.store import open_store
from gateway.users import add_user
from gridkit import enrolment, keys, topics
from gridkit.chain import accounts, idl
from gridkit.chain.deployment import SYSTEM_PROGRAM, TOKEN_PROGRAM, Deployment, associated_token_account
from gridkit.chain.rpc import Rpc
from gridkit.chain.tx import Signer, instruction, pubkey
from gridkit.clock import open_clock
from gridkit.durable import write_durably
from gridkit.interval import interval_at

Say = Callable[[str], None]
_Part = tuple[str, list[Instruction], list[Signer]]
"""What a transaction does in words, its instructions, and who signs beside the payer."""
CREDIT_UCREDIT = 1_000 * 1_000_000
_NS = 1_000_000_000
_KIND = {"consumer": 0, "producer": 1, "prosumer": 2}
_ROLE = {"student": 0, "faculty": 1, "external_partner": 2, "facilities": 3, "operator": 4, "auditor": 5, "admin": 6}
_ACTIVE = 1

# People without a meter: a buyer, and two who may look at everything. Owners of meters are faculty.
PEOPLE = {"student": "student", "facilities": "facilities", "auditor": "auditor"}


class Person(msgspec.Struct, frozen=True):
    """Somebody with a wallet on this box; `zones` are those in which a ledger row is opened."""

    name: str
    role: str
    zones: tuple[int, ...]
    trades: bool


class Enrolled(msgspec.Struct, frozen=True):
    """What the registry says about one meter of the fleet."""

    meter: FleetMeter
    number: int
    zone: int
    slot: int
    key_epoch: int
    first_interval: int
    register_epoch: int


def people_of(site: Site) -> list[Person]:
    """Return everybody on this box: the owners of the fleet's meters, and those without one."""
    owned: dict[str, set[int]] = {}
    for meter in site.fleet:
        owned.setdefault(meter.owner, set()).add(meter.zone)
    people = [Person(name, "faculty", tuple(sorted(zones)), True) for name, zones in owned.items()]
    first_zone = min(meter.zone for meter in site.fleet)
    for name, role in PEOPLE.items():
        trades = role in ("student", "facilities")
        people.append(Person(name, role, (first_zone,) if trades else (), trades))
    return people


def enrol_all(chain: Chain, site: Site, deployment: Deployment, say: Say) -> list[Enrolled]:
    """Enrol everybody and every meter that is not yet; return the meters as the registry has them."""
    people = people_of(site)
    work = Enroller(chain, site, deployment)
    work.users(people)
    say(f"{len(people)} people registered")
    work.rows_and_seats(people)
    enrolled = work.meters()
    say(f"{len(enrolled)} meters enrolled, each key proven by its device")
    issued = work.credit(people)
    if issued:
        say(f"the council issued 1,000 CREDIT to each of {issued} people")
    return enrolled


def enrolled_meters(chain: Chain, site: Site, deployment: Deployment) -> list[Enrolled]:
    """Return the meters of a box as the registry has them now."""
    return Enroller(chain, site, deployment).meters()


def enrolments(site: Site) -> Path:
    """Return the folder with the enrolment file of every meter of a home; it says which agent reads which."""
    return site.home / "enrolments"


class Enroller:
    """What it takes to bring people and meters onto a chain, as transactions."""

    def __init__(self, chain: Chain, site: Site, deployment: Deployment) -> None:
        self._chain, self._site, self._on = chain, site, deployment
        self._admin = chain.payer
        self._operator = site.signer("operator")

    def _signer(self, person: str) -> Signer:
        return self._site.signer(f"user-{person}")

    def _instruction(self, program: str, name: str, named: dict[str, str], **args: object) -> Instruction:
        common = {
            "payer": self._admin.address,
            "council": self._on.council,
            "config": self._on.config(program),
            "system_program": SYSTEM_PROGRAM,
            "token_program": TOKEN_PROGRAM,
        } | named
        wanted = {m.name: common[m.name] for m in idl.interface(program).instruction(name).metas if m.name in common}
        return instruction(program, self._on.programs[program], name, wanted, (), **args)

    def _missing(self, addresses: Sequence[str]) -> list[bool]:
        return [account is None for account in self._chain.rpc.accounts(addresses, offset=0, length=0)]

    def users(self, people: Sequence[Person]) -> None:
        """Register everybody in the registry, the operator first."""
        wallets = [(self._operator.address, "operator")]
        wallets += [(self._signer(person.name).address, person.role) for person in people]
        missing = self._missing([self._on.user(wallet) for wallet, _ in wallets])
        for (wallet, role), absent in zip(wallets, missing, strict=True):
            if absent:
                named = {
                    "authority": self._admin.address,
                    "authority_user": self._on.user(self._admin.address),
                    "wallet": wallet,
                    "user": self._on.user(wallet),
                }
                salted = hashlib.sha256(secrets.token_bytes(16) + wallet.encode()).digest()
                made = self._instruction(
                    "registry", "register_user", named, role=_ROLE[role], status=_ACTIVE, personal_hash=salted
                )
                self._chain.send(f"register {role} {wallet}", [made])

    def rows_and_seats(self, people: Sequence[Person]) -> None:
        """Open ledger rows, CREDIT accounts and market seats of those who trade."""
        for person in people:
            if not person.trades:
                continue
            signer = self._signer(person.name)
            credit = associated_token_account(signer.address, self._on.credit_mint)
            rows = [self._on.row(zone, signer.address) for zone in person.zones]
            seat_missing, credit_missing, *rows_missing = self._missing(
                [self._on.seat_index(signer.address), credit, *rows]
            )
            made: list[Instruction] = []
            for zone, row, absent in zip(person.zones, rows, rows_missing, strict=True):
                if absent:
                    ledger = self._on.zones[str(zone)].ledger
                    named = {"user": self._on.user(signer.address), "ledger": ledger, "row_account": row}
                    opening = self._instruction("energy_token", "open_account", named)
                    # The second half of a zone's rows is opened with their owner's signature only.
                    owner = AccountMeta(pubkey(signer.address), is_signer=True, is_writable=False)
                    made.append(Instruction(opening.program_id, bytes(opening.data), [*opening.accounts, owner]))
            if credit_missing:
                made.append(token_account_instruction(self._admin, signer.address, self._on.credit_mint, credit))
            if seat_missing:
                named = {
                    "wallet": signer.address,
                    "user": self._on.user(signer.address),
                    "market": self._on.market,
                    "seat_index": self._on.seat_index(signer.address),
                }
                made.append(self._instruction("trading", "open_seat", named))
            if made:
                self._chain.send(f"open accounts of {person.name}", made, [signer])

    def meters(self) -> list[Enrolled]:
        """Make device keys, prove their possession, register, activate, enrol and attach every meter."""
        ids = [self._on.meter(self._site.meter_id(meter)) for meter in self._site.fleet]
        missing = [meter for meter, absent in zip(self._site.fleet, self._missing(ids), strict=True) if absent]
        self._chain.send_all([self._registration(meter) for meter in missing])
        enrolled: list[Enrolled] = []
        attachments: list[_Part] = []
        for meter, account in zip(self._site.fleet, self._chain.rpc.accounts(ids), strict=True):
            assert account is not None, "a meter that was just registered"
            known = accounts.decode_meter(account.data)
            attachments += self._attachment(meter, known.zone, known.slot)
            enrolled.append(
                Enrolled(
                    meter,
                    number=known.meter_number,
                    zone=known.zone,
                    slot=known.slot,
                    key_epoch=known.key_epoch,
                    first_interval=known.keys[0].first_interval,
                    register_epoch=known.register_epoch,
                )
            )
        self._chain.send_all(attachments)
        return enrolled

    def _registration(self, meter: FleetMeter) -> _Part:
        site, on = self._site, self._on
        owner = self._signer(meter.owner)
        key_path = site.device_key_file(meter)
        key_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = enrolment.make_enrolment(
            keys.load_or_create(key_path),
            network_tag=bytes.fromhex(on.network_tag),
            owner=bytes(owner.pubkey),
            meter_id=site.meter_id(meter),
            serial=meter.settings.serial,
            agent=site.agent_name(meter.agent),
            profile=meter.settings.profile,
        )
        enrolment.write_enrolment(enrolments(site) / f"{file.meter_id}.json", file)
        return self.registration(
            file,
            self._operator,
            owner,
            zone=meter.zone,
            kind=meter.settings.kind,
            capacity_w=meter.capacity_w,
            max_wh_interval=meter.max_wh_interval,
            place=meter.label,
        )

    def registration(
        self,
        file: enrolment.Enrolment,
        operator: Signer,
        owner: Signer,
        *,
        zone: int,
        kind: str,
        capacity_w: int,
        max_wh_interval: int,
        place: str,
    ) -> _Part:
        """Return what registers and activates the meter of an enrolment file, whose proof has been checked.

        Args:
            file: Whose serial's hash the registry keeps.
            operator, owner: Both sign.
            zone: Of the campus.
            kind: consumer, producer or prosumer.
            capacity_w: What the connection can carry either way, W.
            max_wh_interval: Most energy of one quarter hour, Wh.
            place: Where it is; the registry keeps a salted hash.
        """
        on = self._on
        authority = {"authority": operator.address, "authority_user": on.user(operator.address)}
        common = authority | {
            "owner": owner.address,
            "owner_user": on.user(owner.address),
            "zone": on.zone_pda("registry", zone),
            "meter": on.meter(file.meter_id_bytes),
            "key_record": on.pda("registry", b"key", file.public_key_bytes),
        }
        register = self._instruction(
            "registry",
            "register_meter",
            common,
            meter_id=file.meter_id_bytes,
            kind=_KIND[kind],
            capacity_w=capacity_w,
            max_wh_interval=max_wh_interval,
            first_interval=interval_at(open_clock(self._site.clock).now_ns() // _NS),
            device_key=file.public_key_bytes,
            proof=file.proof_bytes,
            location_hash=hashlib.sha256(secrets.token_bytes(16) + place.encode()).digest(),
            serial_hash=hashlib.sha256(file.serial.encode()).digest(),
        )
        activate = self._instruction("registry", "activate_meter", common)
        return f"register meter {place}", [register, activate], [operator, owner]

    def _attachment(self, meter: FleetMeter, zone: int, slot: int) -> list[_Part]:
        return self.attachment(self._site.meter_id(meter), self._signer(meter.owner).address, zone, slot, meter.label)

    def attachment(self, meter_id: bytes, owner: str, zone: int, slot: int, place: str) -> list[_Part]:
        """Return what is still to do until oracle and ledger know a registered meter; the owner's row in the zone is open."""
        on, addresses = self._on, self._on.zones[str(zone)]
        entry = self._chain.rpc.account(addresses.slab, offset=160 + 144 * slot, length=144)
        ledger_entry = self._chain.rpc.account(addresses.ledger, offset=256 + 24 * slot, length=24)
        assert entry is not None, "a zone's slab is made before its meters"
        assert ledger_entry is not None, "a zone's ledger is made before its meters"
        address = on.meter(meter_id)
        made: list[Instruction] = []
        if int.from_bytes(entry.data[112:116], "little") == 0:
            made.append(self._instruction("oracle", "enroll_meter", {"slab": addresses.slab, "meter": address}))
        if int.from_bytes(ledger_entry.data[16:20], "little") == 0:
            row_account = self._chain.rpc.account(on.row(zone, owner))
            assert row_account is not None, "the owner's row was opened before"
            row = int.from_bytes(row_account.data[12:14], "little")
            named = {"slab": addresses.slab, "meter": address, "ledger": addresses.ledger}
            made.append(self._instruction("energy_token", "attach_meter", named, row=row))
        return [(f"attach meter {place}", made, [])] if made else []

    def opening(self, owner: str, role: str, zone: int) -> list[_Part]:
        """Return what is still to do until an owner is registered and has a ledger row in the zone."""
        on, row = self._on, self._on.row(zone, owner)
        user_missing, row_missing = self._missing([on.user(owner), row])
        made: list[Instruction] = []
        if user_missing:
            named = {
                "authority": self._admin.address,
                "authority_user": on.user(self._admin.address),
                "wallet": owner,
                "user": on.user(owner),
            }
            salted = hashlib.sha256(secrets.token_bytes(16) + owner.encode()).digest()
            made.append(
                self._instruction(
                    "registry", "register_user", named, role=_ROLE[role], status=_ACTIVE, personal_hash=salted
                )
            )
        if row_missing:
            named = {"user": on.user(owner), "ledger": on.zones[str(zone)].ledger, "row_account": row}
            made.append(self._instruction("energy_token", "open_account", named))
        return [(f"open the account of {owner}", made, [])] if made else []

    def credit(self, people: Sequence[Person]) -> int:
        """Issue 1,000 CREDIT to everybody who trades and never got any, by council proposals; return to how many."""
        done_path = self._site.home / "credit-issued.json"
        done = set(json.loads(done_path.read_text())) if done_path.exists() else set()
        wanted = [person for person in people if person.trades and person.name not in done]
        if not wanted:
            return 0
        Council(self._chain, self._on.programs["governance"], council_keys(self._site)).decide(
            [self._credit_of(person) for person in wanted]
        )
        done_path.write_text(json.dumps(sorted(done | {person.name for person in wanted})))
        return len(wanted)

    def _credit_of(self, person: Person) -> Decision:
        account = associated_token_account(self._signer(person.name).address, self._on.credit_mint)
        accounts = {
            "credit_mint": self._on.credit_mint,
            "credit_account": account,
            "treasury": self._on.pda("governance", b"treasury"),
            "token_program": TOKEN_PROGRAM,
        }
        payload = bytes(pubkey(account)) + CREDIT_UCREDIT.to_bytes(8, "little")
        return Decision(f"1,000 CREDIT for {person.name}", ISSUE_CREDIT, payload, accounts=accounts)


def publish_configurations(site: Site, deployment: Deployment, enrolled: Sequence[Enrolled]) -> None:
    """Sign and publish each agent's configuration, retained, all with one version that is higher than any before."""
    version = _next_version(site.home / "config-version")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"campusgrid-operator-{os.getpid()}")
    client.connect(HOST, site.ports.broker)
    client.loop_start()
    try:
        rows: dict[str, list[enrolment.ConfiguredMeter]] = {site.agent_name(agent): [] for agent in site.agents()}
        for e in enrolled:
            row = enrolment.ConfiguredMeter(
                meter_id=site.meter_id(e.meter),
                number=e.number,
                zone=e.zone,
                key_epoch=e.key_epoch,
                first_interval=e.first_interval,
                register_epoch=e.register_epoch,
            )
            rows[site.agent_name(e.meter.agent)].append(row)
        for agent, row in _of_files(site, deployment, {site.meter_id(e.meter) for e in enrolled}):
            rows.setdefault(agent, []).append(row)
        for agent, meters in rows.items():
            config = enrolment.AgentConfig(bytes.fromhex(deployment.network_tag), version, tuple(meters))
            signed = enrolment.encode_config(config, site.key("operator"))
            sent = client.publish(topics.agent_config_topic(agent), signed, qos=1, retain=True)
            sent.wait_for_publish(10)
    finally:
        client.loop_stop()
        client.disconnect()


def _of_files(site: Site, deployment: Deployment, known: set[bytes]) -> list[tuple[str, enrolment.ConfiguredMeter]]:
    """Return (agent, row) of every enrolled meter that is none of the fleet's, from its file and the registry."""
    found: list[tuple[str, enrolment.ConfiguredMeter]] = []
    for path in sorted(enrolments(site).glob("*.json")):
        file = enrolment.read_enrolment(path)
        account = None
        if file.meter_id_bytes not in known:
            account = Rpc(site.rpc_url).account(deployment.meter(file.meter_id_bytes))
        if account is None:
            continue
        meter = accounts.decode_meter(account.data)
        row = enrolment.ConfiguredMeter(
            meter_id=file.meter_id_bytes,
            number=meter.meter_number,
            zone=meter.zone,
            key_epoch=meter.key_epoch,
            first_interval=meter.keys[0].first_interval,
            register_epoch=meter.register_epoch,
        )
        found.append((file.agent, row))
    return found


def _next_version(path: Path) -> int:
    """Return the wall clock's second, or one more than the last version where that is not later; on disk before it is used.

    Agents ignore what is not newer: two changes within a second, or after the clock was set back, must both reach them.
    """
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        last = int(path.read_text()) if path.exists() else 0
        version = max(int(time.time()), last + 1)
        write_durably(path, f"{version}\n".encode())
    return version


def make_accounts(site: Site) -> None:
    """Make a gateway account for everybody, with a random password that is kept in `<home>/accounts.json`, mode 0600."""
    path = site.home / "accounts.json"
    passwords: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    people = people_of(site)
    for person in people:
        passwords.setdefault(person.name, secrets.token_urlsafe(12))
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(passwords, file, indent=2)
    home = site.home / "gateway"
    home.mkdir(parents=True, exist_ok=True)
    store, custody = open_store(f"sqlite:///{home / 'gateway.db'}"), Custody(home / "seal.key")
    for person in people:
        seed = bytes(site.key(f"user-{person.name}"))
        add_user(store, custody, username=person.name, password=passwords[person.name], role=person.role, seed=seed)
    store.dispose()
