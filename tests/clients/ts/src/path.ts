// The whole path through one Anchor client: register, open, issue, deposit, bid, meter, mint, sell, cancel, withdraw; and be refused.
// Decides which calls are made and writes down what the client saw; what it ought to have seen is judged by pytest.

import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, Keypair, PublicKey, TransactionInstruction } from "@solana/web3.js";
import { bytesOf, Campus, Device, ProgramName, PROGRAMS } from "./campus.js";
import type { AnchorEvent, AnchorProgram, Big, Builder, Flavour } from "./flavour.js";

type Accounts = Record<string, PublicKey | null>;

const STUDENT = 0;
const FACULTY = 1;
const ACTIVE = 1;
const PRODUCER = 1;
const ISSUE_CREDIT = 3;
const BUY = 0;
const SELL = 1;
const LIMIT = 0;
const INTERVAL_S = 900;
const AIRDROP_LAMPORTS = 10_000_000_000;

/** Terms of the trade, which pytest hands over: amounts in ucredit, prices in ticks, sizes in lots, energy in Wh. */
interface Terms {
  issued: number;
  deposited: number;
  bid_tick: number;
  bid_lots: number;
  ask_tick: number;
  ask_lots: number;
  export_wh: number;
}

/** Runs the path; arguments: the campus description, the terms, and where to write what was seen. */
export async function run(flavour: Flavour, [campusPath, terms, seenPath]: string[]): Promise<void> {
  try {
    const path = new Path(flavour, new Campus(flavour.web3, campusPath!), JSON.parse(terms!) as Terms);
    writeFileSync(seenPath!, JSON.stringify(plain(await path.walk())));
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

class Path {
  private readonly connection: Connection;
  private readonly buyer: Keypair;
  private readonly seller: Keypair;
  private readonly programs: Record<ProgramName, AnchorProgram>;
  private readonly seen: Record<string, unknown> = {};

  constructor(private readonly flavour: Flavour, private readonly campus: Campus, private readonly terms: Terms) {
    this.connection = new flavour.web3.Connection(campus.rpcUrl, "confirmed");
    this.buyer = flavour.web3.Keypair.generate();
    this.seller = flavour.web3.Keypair.generate();
    const made = PROGRAMS.map((name) => [name, flavour.program(campus, name, this.connection, this.buyer)]);
    this.programs = Object.fromEntries(made) as Record<ProgramName, AnchorProgram>;
  }

  async walk(): Promise<Record<string, unknown>> {
    const { buyer, seller } = this;
    this.seen.buyer = buyer.publicKey;
    this.seen.seller = seller.publicKey;
    this.seen.program_ids = Object.fromEntries(PROGRAMS.map((name) => [name, this.programs[name].programId]));
    for (const wallet of [buyer, seller]) {
      const airdrop = await this.connection.requestAirdrop(wallet.publicKey, AIRDROP_LAMPORTS);
      const latest = await this.connection.getLatestBlockhash();
      await this.connection.confirmTransaction({ signature: airdrop, ...latest }, "confirmed");
    }
    this.seen.join = await this.join(buyer, STUDENT);
    await this.join(seller, FACULTY);
    this.seen.issue = await this.issueCredit();
    await this.trade();
    this.seen.refused = await this.fail();
    this.seen.landed = await this.landed();
    return this.seen;
  }

  /** Sends one instruction through the client, waits, and returns the program's events as the client decodes them. */
  private async call(
    name: ProgramName,
    instruction: string,
    args: unknown[],
    accounts: Accounts,
    signers: Keypair[] = [],
    before: TransactionInstruction[] = [],
  ): Promise<AnchorEvent[]> {
    const signature = await this.built(name, instruction, args, accounts, signers).preInstructions(before).rpc();
    return this.flavour.parse(this.programs[name], await this.logs(signature));
  }

  private built(name: ProgramName, instruction: string, args: unknown[], accounts: Accounts, signers: Keypair[] = []): Builder {
    return this.programs[name].methods[instruction]!(...args).accountsStrict(accounts).signers(signers);
  }

  private async logs(signature: string): Promise<string[]> {
    const found = await this.connection.getTransaction(signature, { commitment: "confirmed", maxSupportedTransactionVersion: 0 });
    return found!.meta!.logMessages!;
  }

  private fetch(name: ProgramName, account: string, address: PublicKey): Promise<any> {
    return this.programs[name].account[account]!.fetch(address);
  }

  private big(value: number | bigint): Big {
    return this.flavour.big(BigInt(value));
  }

  private async campusTime(): Promise<number> {
    const account = await this.connection.getAccountInfo(this.campus.clock);
    return Number(account!.data.readBigInt64LE(32));
  }

  private async join(wallet: Keypair, role: number): Promise<AnchorEvent[]> {
    const { campus } = this;
    const key = wallet.publicKey;
    const admin = campus.keypair("deployer");
    const payer = this.buyer.publicKey;
    const shared = { payer, user: campus.user(key), systemProgram: campus.system };
    const registered = await this.call(
      "registry",
      "registerUser",
      [role, ACTIVE, [...Buffer.alloc(32)]],
      {
        ...shared,
        authority: admin.publicKey,
        authorityUser: campus.user(admin.publicKey),
        config: campus.config("registry"),
        wallet: key,
      },
      [admin],
    );
    const opened = await this.call("energy_token", "openAccount", [], {
      ...shared,
      config: campus.config("energy_token"),
      ledger: campus.ledger,
      rowAccount: campus.row(key),
    });
    const seated = await this.call(
      "trading",
      "openSeat",
      [],
      { ...shared, wallet: key, council: campus.council, market: campus.market, seatIndex: campus.seatIndex(key) },
      [wallet],
      [campus.createCreditAccount(payer, key)],
    );
    return [...registered, ...opened, ...seated];
  }

  private async issueCredit(): Promise<AnchorEvent[]> {
    const { campus, terms } = this;
    const [first, second] = [campus.keypair("council-1"), campus.keypair("council-2")];
    const account = campus.creditAccount(this.buyer.publicKey);
    const { proposalCount } = await this.fetch("governance", "council", campus.council);
    const proposal = campus.proposal(BigInt(proposalCount.toString()));
    const named = { council: campus.council, proposal };
    const proposed = await this.call(
      "governance",
      "propose",
      [ISSUE_CREDIT, Buffer.concat([account.toBuffer(), bytesOf(terms.issued, 8)])],
      { ...named, proposer: first.publicKey, payer: this.buyer.publicKey, systemProgram: campus.system },
      [first],
    );
    const approved = await this.call("governance", "approve", [], { ...named, member: second.publicKey }, [second]);
    const { eta } = await this.fetch("governance", "proposal", proposal);
    while ((await this.campusTime()) < eta.toNumber()) await sleep(100);
    const executed = await this.call(
      "governance",
      "execute",
      [],
      {
        ...named,
        executor: second.publicKey,
        creditMint: campus.creditMint,
        creditAccount: account,
        treasury: campus.pda("governance", "treasury"),
        tokenProgram: campus.token,
      },
      [second],
    );
    return [...proposed, ...approved, ...executed];
  }

  /** Deposits, bids, sells metered energy into the bid, cancels what is left and withdraws, listening all the while. */
  private async trade(): Promise<void> {
    const { campus, buyer, seller, seen, terms, flavour } = this;
    const mine: number = (await this.fetch("trading", "seatIndex", campus.seatIndex(buyer.publicKey))).seat;
    const theirs: number = (await this.fetch("trading", "seatIndex", campus.seatIndex(seller.publicKey))).seat;
    const order = { wallet: buyer.publicKey, council: campus.council, market: campus.market };
    const heard: unknown[] = [];
    const balances: string[] = [];
    const raw: string[][] = [];
    const trading = this.programs.trading;
    const credit = campus.creditAccount(buyer.publicKey);
    const listener = trading.addEventListener(flavour.orderPlaced, (event, _slot, signature) => heard.push([event, signature]));
    const accounts = this.connection.onAccountChange(credit, ({ data }) => balances.push(data.readBigUInt64LE(64).toString()));
    const logs = this.connection.onLogs(campus.market, (found) => raw.push(found.logs), "confirmed");
    await this.subscribed();

    seen.deposit = await this.call("trading", "depositCredit", [mine, this.big(terms.deposited)], {
      ...order,
      ...this.funds("source"),
    });
    const bid = this.order(mine, BUY, terms.bid_tick, terms.bid_lots, 2n ** 63n + 5n);
    const before = await this.fetch("trading", "market", campus.market);
    const simulation = await this.built("trading", "placeOrder", bid, order).simulate();
    const after = await this.fetch("trading", "market", campus.market);
    seen.simulated = { events: simulation.events, before: before.orderSeq, after: after.orderSeq };
    const placed = await this.call("trading", "placeOrder", bid, order);
    seen.bid = placed;
    await this.meterAndMint(theirs);
    const ask = this.order(theirs, SELL, terms.ask_tick, terms.ask_lots, 6n);
    seen.ask = await this.call("trading", "placeOrder", ask, { ...order, wallet: seller.publicKey }, [seller]);
    const market = await this.fetch("trading", "market", campus.market);
    const orderId = placed[0]!.data.orderId as Big;
    seen.book_order = market.orders[Number(BigInt(orderId.toString()) & 0xfffn)];
    seen.seller_seat = market.seats[theirs];
    const wallet = { wallet: buyer.publicKey, market: campus.market };
    seen.cancel = await this.call("trading", "cancelOrder", [orderId], wallet);
    const rest = terms.deposited - terms.ask_lots * terms.bid_tick * 10;
    seen.withdraw = await this.call("trading", "withdrawCredit", [mine, this.big(rest)], {
      ...wallet,
      ...this.funds("destination"),
      authority: campus.pda("trading", "authority"),
    });

    for (const end = Date.now() + 5_000; Date.now() < end && (heard.length < 2 || balances.length < 2 || raw.length < 6); ) {
      await sleep(20);
    }
    await trading.removeEventListener(listener);
    await this.connection.removeAccountChangeListener(accounts);
    await this.connection.removeOnLogsListener(logs);
    const pushed = raw.flatMap((lines) => flavour.parse(trading, lines).map((event) => event.name));
    seen.pushed = { heard, balances, events: pushed };
    seen.credit = (await this.connection.getTokenAccountBalance(credit)).value.amount;
  }

  /** Waits until the node has answered every subscription: web3.js gives no promise of it, but has a state for each. */
  private async subscribed(): Promise<void> {
    const held = this.connection as unknown as { _subscriptionsByHash: Record<string, { state: string }> };
    const waiting = () => Object.values(held._subscriptionsByHash).some(({ state }) => state !== "subscribed");
    for (const end = Date.now() + 5_000; waiting(); ) {
      if (Date.now() > end) throw new Error("the node did not answer a subscription within 5 s");
      await sleep(10);
    }
  }

  private order(seat: number, side: number, tick: number, lots: number, clientId: bigint): unknown[] {
    return [seat, side, LIMIT, tick, lots, this.big(clientId), 0, 0, 0];
  }

  private funds(role: "source" | "destination"): Accounts {
    const creditVault = this.campus.pda("trading", "credit_vault");
    return { [role]: this.campus.creditAccount(this.buyer.publicKey), creditVault, tokenProgram: this.campus.token };
  }

  /** Enrols a meter, posts two readings that it signs, settles them to GRID and moves that to the market. */
  private async meterAndMint(seat: number): Promise<void> {
    const { campus, seller, seen, terms } = this;
    const [admin, poster] = [campus.keypair("deployer"), campus.keypair("poster")];
    const owner = seller.publicKey;
    const device = new Device(campus, `ts-${this.flavour.orderPlaced}`);
    const present = Math.floor((await this.campusTime()) / INTERVAL_S);
    const authority = {
      authority: admin.publicKey,
      authorityUser: campus.user(admin.publicKey),
      ownerUser: campus.user(owner),
      council: campus.council,
      config: campus.config("registry"),
      meter: device.account,
    };
    const zeros = [...Buffer.alloc(32)];
    await this.call(
      "registry",
      "registerMeter",
      [
        [...device.meterId],
        PRODUCER,
        10_000,
        5_000,
        present - 10,
        [...device.publicKey],
        [...device.proof(owner)],
        zeros,
        zeros,
      ],
      { ...authority, owner, payer: this.buyer.publicKey, zone: campus.registryZone(), systemProgram: campus.system },
      [admin, seller],
    );
    await this.call("registry", "activateMeter", [], authority, [admin]);
    const meter = await this.fetch("registry", "meter", device.account);
    await this.call("oracle", "enrollMeter", [], { slab: campus.slab, meter: device.account });
    const { row } = await this.fetch("energy_token", "row", campus.row(owner));
    const config = campus.config("energy_token");
    await this.call("energy_token", "attachMeter", [row], {
      config,
      meter: device.account,
      slab: campus.slab,
      ledger: campus.ledger,
    });
    const base = present - 3;
    const at = { meterNumber: meter.meterNumber as number, slot: meter.slot as number, base, importWh: 0 };
    const readings = Buffer.concat([
      device.posted({ ...at, interval: base, exportWh: 100 }),
      device.posted({ ...at, interval: base + 1, exportWh: 100 + terms.export_wh }),
    ]);
    seen.post = await this.call(
      "oracle",
      "postVerified",
      [base, readings],
      {
        poster: poster.publicKey,
        council: campus.council,
        config: campus.config("oracle"),
        slab: campus.slab,
        roots: campus.roots,
        meter: null,
      },
      [poster],
    );
    const ledger = {
      council: campus.council,
      config,
      ledger: campus.ledger,
      vault: campus.pda("energy_token", "vault"),
      authority: campus.pda("energy_token", "authority"),
      tokenProgram: campus.token,
    };
    seen.settle = await this.call("energy_token", "settleRange", [meter.slot, 1], {
      ...ledger,
      slab: campus.slab,
      mint: campus.gridMint,
    });
    const move = {
      ...ledger,
      owner,
      market: campus.market,
      marketGridVault: campus.pda("trading", "grid_vault"),
      tradingProgram: campus.program("trading"),
    };
    seen.move = await this.call("energy_token", "moveToMarket", [row, seat, this.big(terms.ask_lots)], move, [seller]);
  }

  /** Breaks rules, before the block and in it, and returns what the client made of each refusal. */
  private async fail(): Promise<Record<string, unknown>> {
    const { campus, buyer } = this;
    const mine: number = (await this.fetch("trading", "seatIndex", campus.seatIndex(buyer.publicKey))).seat;
    const wallet = { wallet: buyer.publicKey, market: campus.market };
    const { proposalCount } = await this.fetch("governance", "council", campus.council);
    const tooMuch = this.built("trading", "withdrawCredit", [mine, this.big(10n ** 15n)], {
      ...wallet,
      ...this.funds("destination"),
      authority: campus.pda("trading", "authority"),
    });
    const { trading, governance } = this.programs;
    const wrong: Record<string, [AnchorProgram, () => Promise<unknown>]> = {
      InsufficientCredit: [trading, () => tooMuch.rpc()],
      UnknownOrder: [trading, () => this.built("trading", "cancelOrder", [this.big(2n ** 40n)], wallet).rpc()],
      NotMember: [
        governance,
        () =>
          this.built("governance", "propose", [ISSUE_CREDIT, Buffer.alloc(40)], {
          proposer: buyer.publicKey,
          payer: buyer.publicKey,
          council: campus.council,
          proposal: campus.proposal(BigInt(proposalCount.toString())),
          systemProgram: campus.system,
        }).rpc(),
      ],
      "foreign account": [
        trading,
        () => this.built("trading", "cancelOrder", [this.big(1n)], { ...wallet, market: campus.council }).rpc(),
      ],
    };
    const refused: Record<string, unknown> = {};
    for (const [name, [program, attempt]] of Object.entries(wrong)) {
      refused[name] = await attempt().then(
        () => "was not refused",
        (error: unknown) => this.flavour.refusal(program, error) ?? `not translated: ${String(error)}`,
      );
    }
    return refused;
  }

  /** Fails in a block, without preflight, and returns what the node tells of it afterwards. */
  private async landed(): Promise<unknown> {
    const { campus, buyer } = this;
    const unknown = this.built("trading", "cancelOrder", [this.big(2n ** 41n)], {
      wallet: buyer.publicKey,
      market: campus.market,
    });
    const translated = await unknown.rpc({ skipPreflight: true, commitment: "confirmed" }).then(
      () => "was not refused",
      (error: unknown) => this.flavour.refusal(this.programs.trading, error),
    );
    const [newest] = await this.connection.getSignaturesForAddress(buyer.publicKey, { limit: 1 });
    return { translated, err: newest!.err, logs: await this.logs(newest!.signature) };
  }
}

/** Returns a value as JSON can hold it: keys in base58, 64-bit numbers as decimal text. */
function plain(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    if ("toBase58" in value) return (value as PublicKey).toBase58();
    if (value.constructor?.name === "BN") return String(value);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
  }
  return value;
}
