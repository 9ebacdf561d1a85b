"""Puts the five programs on a chain and initialises them, step by step; a step that is done already is left alone, so it can be run again
after a break. What a deployment consists of stands in `deployment.json` at the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from deploy.contact.chain import Chain, create_lookup_table
from gridkit.chain import idl, loader
from gridkit.chain.deployment import (
    SYSTEM_PROGRAM,
    TOKEN_PROGRAM,
    Deployment,
    ZoneAddresses,
    derive,
    save,
)
from gridkit.chain.tx import Signer, instruction, pubkey
from gridkit.log import get_logger
from gridkit.reading import network_tag

log = get_logger("contact")

PROGRAM_ORDER = ("governance", "registry", "oracle", "energy_token", "trading")
Say = Callable[[str], None]


class Param(msgspec.Struct, frozen=True):
    """One bounded council parameter: `step` is the most that one proposal may change it by; 0 = never."""

    id: int
    value: int
    min: int
    max: int
    step: int


DEFAULT_PARAMS = (
    Param(0, 0, 0, 1, 1),  # transfer mode: 0 free, 1 restricted
    Param(1, 0, 0, 200, 50),  # taker fee, basis points
    Param(2, 60, 0, 300, 60),  # how far a reading's interval may end after now, seconds
    Param(3, 1, 1, 1_000_000, 1_000),  # least lots of an order
    Param(4, 256, 1, 1_024, 256),  # most open orders of a seat
)


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment is set up with.

    Attributes:
        members: Council members, base58, at most 16.
        threshold: Approvals that a proposal needs.
        guardians: At most 3, each of whom can stop for a while.
        timelocks_s: Seconds between approval and execution: parameters, members, treasury, upgrades.
        stop_length_s: Length of an emergency stop, seconds.
        proposal_ttl_s: Life of a proposal, seconds.
        oracle_keys: Keys that may post readings.
        zones: Zone numbers; the flag says whether the zone nets export against import within one interval.
        min_tick: Lowest price of the market, ticks.
        params: Council parameters with their bounds.
    """

    members: tuple[str, ...]
    threshold: int
    guardians: tuple[str, ...]
    timelocks_s: tuple[int, int, int, int]
    stop_length_s: int
    proposal_ttl_s: int
    oracle_keys: tuple[str, ...]
    zones: dict[int, bool]
    min_tick: int = 1
    params: tuple[Param, ...] = DEFAULT_PARAMS


class Setup:
    """One run of the steps.

    Args:
        chain: Node and deployer; the deployer is the programs' upgrade authority and the first admin.
        program_keys: Keypair of each program, by name; it fixes the program id.
        images: Built program files, by name.
        terms: What to set up.
        say: Told each step as it is done.
    """

    def __init__(
        self, chain: Chain, program_keys: dict[str, Signer], images: dict[str, Path], terms: Terms, say: Say
    ) -> None:
        self._chain, self._keys, self._images, self._terms, self._say = chain, program_keys, images, terms, say
        self.ids = {name: signer.address for name, signer in program_keys.items()}
        self._admin = chain.payer

    def run(self, path: Path) -> Deployment:
        """Do what is missing, write the deployment file and return what it says."""
        genesis = str(self._chain.rpc.call("getGenesisHash"))
        for name in PROGRAM_ORDER:
            self._deploy(name)
        self._governance()
        self._registry(genesis)
        self._oracle()
        self._energy_token()
        market, auctions = self._trading()
        zones = {str(zone): self._zone(zone, netting) for zone, netting in sorted(self._terms.zones.items())}
        tag = network_tag(bytes(pubkey(genesis)), bytes(pubkey(self.ids["oracle"])))
        shared = [self._pda("governance", b"council"), self._pda("oracle", b"config")]
        table = create_lookup_table(self._chain, shared + [a for z in zones.values() for a in (z.slab, z.roots)])
        deployment = Deployment(
            genesis_hash=genesis,
            network_tag=tag.hex(),
            programs=self.ids,
            market=market,
            auctions=auctions,
            zones=zones,
            grid_mint=self._pda("energy_token", b"mint"),
            credit_mint=self._pda("governance", b"credit"),
            lookup_table=table,
        )
        save(path, deployment)
        return deployment

    # Steps

    def _deploy(self, name: str) -> None:
        image = self._images[name].read_bytes()
        if self._chain.exists(self.ids[name]):
            return
        loader.deploy(self._chain.rpc, self._admin.key, self._keys[name].key, image)
        self._say(f"program {name} deployed at {self.ids[name]} ({len(image):,} bytes)")

    def _governance(self) -> None:
        terms = self._terms
        accounts = {
            "council": self._pda("governance", b"council"),
            "treasury": self._pda("governance", b"treasury"),
            "credit_mint": self._pda("governance", b"credit"),
        }
        args = {
            "members": [bytes(pubkey(m)) for m in terms.members],
            "threshold": terms.threshold,
            "guardians": [bytes(pubkey(g)) for g in terms.guardians],
            "timelock_s": list(terms.timelocks_s),
            "stop_length_s": terms.stop_length_s,
            "proposal_ttl_s": terms.proposal_ttl_s,
            "params": [msgspec.structs.asdict(param) for param in terms.params],
        }
        self._initialize("governance", accounts["council"], accounts, args)

    def _registry(self, genesis: str) -> None:
        accounts = {
            "config": self._pda("registry", b"config"),
            "council": self._pda("governance", b"council"),
            "admin": self._admin.address,
            "admin_user": self._user(self._admin.address),
        }
        args = {
            "genesis_hash": bytes(pubkey(genesis)),
            "governance_program": bytes(pubkey(self.ids["governance"])),
            "oracle_program": bytes(pubkey(self.ids["oracle"])),
            "personal_hash": bytes(32),
        }
        self._initialize("registry", accounts["config"], accounts, args)

    def _oracle(self) -> None:
        accounts = {
            "config": self._pda("oracle", b"config"),
            "council": self._pda("governance", b"council"),
            "registry_config": self._pda("registry", b"config"),
        }
        args = {
            "trading_program": bytes(pubkey(self.ids["trading"])),
            "energy_token_program": bytes(pubkey(self.ids["energy_token"])),
            "threshold": 1,
            "oracle_keys": [bytes(pubkey(k)) for k in self._terms.oracle_keys],
        }
        self._initialize("oracle", accounts["config"], accounts, args)

    def _energy_token(self) -> None:
        accounts = {
            "config": self._pda("energy_token", b"config"),
            "council": self._pda("governance", b"council"),
            "mint": self._pda("energy_token", b"mint"),
            "vault": self._pda("energy_token", b"vault"),
            "authority": self._pda("energy_token", b"authority"),
            "trading_authority": self._pda("trading", b"authority"),
            "market_grid_vault": self._pda("trading", b"grid_vault"),
        }
        siblings = ("governance", "registry", "oracle", "trading")
        args = {f"{name}_program": bytes(pubkey(self.ids[name])) for name in siblings}
        self._initialize("energy_token", accounts["config"], accounts, args)

    def _trading(self) -> tuple[str, str]:
        accounts = {
            "config": self._pda("trading", b"config"),
            "council": self._pda("governance", b"council"),
            "energy_token_authority": self._pda("energy_token", b"authority"),
            "energy_token_vault": self._pda("energy_token", b"vault"),
            "grid_mint": self._pda("energy_token", b"mint"),
            "credit_mint": self._pda("governance", b"credit"),
            "authority": self._pda("trading", b"authority"),
            "grid_vault": self._pda("trading", b"grid_vault"),
            "credit_vault": self._pda("trading", b"credit_vault"),
        }
        siblings = ("governance", "registry", "energy_token")
        args = {f"{name}_program": bytes(pubkey(self.ids[name])) for name in siblings}
        self._initialize("trading", accounts["config"], accounts, args)
        admin = {"admin": self._admin.address, "admin_user": self._user(self._admin.address)}
        market, create = self._chain.create_with_seed("market", _size("trading", "Market"), self.ids["trading"])
        if create is not None:
            named = admin | {"config": accounts["config"], "market": market}
            made = self._instruction("trading", "create_market", named, {"min_tick": self._terms.min_tick})
            self._chain.send("create the market", [create, made])
            self._say(f"market created at {market}")
        auctions, create = self._chain.create_with_seed("auctions", _size("trading", "Auctions"), self.ids["trading"])
        if create is not None:
            named = admin | {"market": market, "auctions": auctions}
            self._chain.send(
                "create the auctions", [create, self._instruction("trading", "create_auctions", named, {})]
            )
            self._say(f"auctions created at {auctions}")
        return market, auctions

    def _zone(self, zone: int, netting: bool) -> ZoneAddresses:
        seed = zone.to_bytes(2, "little")
        if not self._chain.exists(self._pda("registry", b"zone", seed)):
            registry_zone = {"zone": self._pda("registry", b"zone", seed), "authority": self._admin.address}
            self._send_zone("registry", registry_zone, {"zone": zone, "capacity": 256})
        slab, create = self._chain.create_with_seed(f"slab:{zone}", _size("oracle", "MeterSlab"), self.ids["oracle"])
        roots = self._pda("oracle", b"roots", seed)
        if create is not None:
            named = {"slab": slab, "zone": self._pda("oracle", b"zone", seed), "roots": roots}
            self._send_zone("oracle", named, {"zone": zone, "net_mode": int(netting)}, create)
        size = _size("energy_token", "Ledger")
        ledger, create = self._chain.create_with_seed(f"ledger:{zone}", size, self.ids["energy_token"])
        if create is not None:
            named = {
                "oracle_zone": self._pda("oracle", b"zone", seed),
                "slab": slab,
                "ledger": ledger,
                "zone_account": self._pda("energy_token", b"zone", seed),
            }
            self._send_zone("energy_token", named, {"zone": zone}, create)
            self._say(f"zone {zone} created ({'net' if netting else 'gross'})")
        return ZoneAddresses(slab=slab, roots=roots, ledger=ledger)

    # Building

    def _send_zone(self, program: str, accounts: dict[str, str], args: dict[str, int], create: object = None) -> None:
        named = accounts | {
            "admin": self._admin.address,
            "payer": self._admin.address,
            "admin_user": self._user(self._admin.address),
            "authority_user": self._user(self._admin.address),
            "config": self._pda(program, b"config"),
        }
        made = self._instruction(program, "create_zone", named, args)
        first = [create] if create is not None else []
        self._chain.send(f"create the zone in {program}", [*first, made])  # type: ignore[list-item]

    def _initialize(self, program: str, marker: str, accounts: dict[str, str], args: dict[str, object]) -> None:
        if self._chain.exists(marker):
            return
        program_data = loader.program_data_address(self.ids[program])
        named = accounts | {
            "payer": self._admin.address,
            "authority": accounts.get("authority", self._admin.address),
            "upgrade_authority": self._admin.address,
            "program_data": program_data,
            "programdata": program_data,
        }
        self._chain.send(f"initialize {program}", [self._instruction(program, "initialize", named, args)])
        self._say(f"{program} initialised")

    def _instruction(self, program: str, name: str, accounts: dict[str, str], args: dict[str, object] | dict[str, int]):  # type: ignore[no-untyped-def]
        described = idl.interface(program).instruction(name)
        fixed = {"system_program": SYSTEM_PROGRAM, "token_program": TOKEN_PROGRAM}
        offered = fixed | accounts
        named = {meta.name: offered[meta.name] for meta in described.metas if meta.name in offered}
        wanted = {arg: args[arg] for arg, _ in described.args if arg in args}
        return instruction(program, self.ids[program], name, named, (), **wanted)

    def _pda(self, program: str, *seeds: bytes) -> str:
        return derive(self.ids[program], *seeds)

    def _user(self, wallet: str) -> str:
        return self._pda("registry", b"user", bytes(pubkey(wallet)))


def _size(program: str, account: str) -> int:
    return idl.interface(program).layout(account).size
