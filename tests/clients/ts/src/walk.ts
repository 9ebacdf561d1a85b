// Walks a described path (../client_path.py) with one TypeScript client, and writes down what the client saw.
// Resolves values and keeps what later steps need; how a call is built, sent and understood is each client's own.

import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Data, Device, packed, ProgramEvent, Value } from "./bytes.js";

export const ASSOCIATED_TOKEN = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";
export const TOKEN = "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA";
export const SYSTEM = "11111111111111111111111111111111";
const CLOCK = "SysvarC1ock11111111111111111111111111111111";

/** A described path; see client_path.py. */
export interface PathFile {
  rpc_url: string;
  ws_url: string;
  programs: Record<string, string>;
  idls: Record<string, { legacy: any; new: any }>;
  network_tag: string;
  keys: Record<string, number[]>;
  device: { seed: string; meter_id: string };
  steps: any[];
}

/** One instruction with its values resolved; addresses in base58, null for an optional account that is absent. */
export interface Call {
  program: string;
  instruction: string;
  args: [name: string, kind: string, value: Value][];
  accounts: [name: string, address: string | null, marks: string][];
  signers: string[];
  /** Before it, in the same transaction: further instructions, or [payer, wallet, mint] of a token account to be made. */
  first: (Call | [string, string, string])[];
  versioned: boolean;
  preflight: boolean;
}

/** A field of an account: by names and positions, and by offset and type. */
export interface Field {
  name: string;
  path: (string | number)[];
  at: number;
  kind: string;
}

export interface Landed {
  logs: string[];
  units: number;
  slot: number;
  failed: boolean;
}

/** What was pushed since `listen`, in the order in which it came; events and log lines by signature. */
export interface Heard {
  placed: Map<string, ProgramEvent>;
  balances: bigint[];
  logs: Map<string, readonly string[]>;
  stop(): Promise<void>;
}

export interface Refusal {
  code: number;
  msg?: string;
  program?: string;
}

/** What a client of this chain must be able to do. */
export interface Client {
  address(key: Uint8Array): string;
  bytes(address: string): Uint8Array;
  pda(program: string, seeds: Uint8Array[]): Promise<string>;
  airdrop(to: string, lamports: number): Promise<void>;
  /** Sends and waits until it is confirmed; rejects with the client's own error. */
  send(call: Call): Promise<string>;
  simulate(call: Call): Promise<readonly string[]>;
  refusal(call: Call, error: unknown): Refusal;
  events(logs: readonly string[]): ProgramEvent[];
  read(program: string, account: string, address: string, fields: Field[]): Promise<Data>;
  account(address: string): Promise<Uint8Array>;
  transaction(signature: string): Promise<Landed>;
  newest(address: string): Promise<{ signature: string; failed: boolean }>;
  balance(account: string): Promise<string>;
  supply(mint: string): Promise<string>;
  /**
   * A validator answers a subscription before it has taken it up, and takes them up in turn: after these come slots, and it is listening
   * when it tells of the first.
   */
  listen(program: string, event: string, logs: string, account: string): Promise<Heard>;
}

/** Walks with a client; arguments: the path's file, and where to write what was seen. */
export async function run(make: (path: PathFile) => Promise<Client> | Client, [pathFile, seenFile]: string[]): Promise<void> {
  try {
    const path = JSON.parse(readFileSync(pathFile!, "utf8")) as PathFile;
    const seen = await new Walk(path, await make(path)).walk();
    writeFileSync(seenFile!, JSON.stringify(seen, (_, value) => (typeof value === "bigint" ? value.toString() : value)));
    process.exit(0);
  } catch (error) {
    console.error(error);
    process.exit(1);
  }
}

function hasPlaced(step: Data): boolean {
  return ((step.events ?? []) as ProgramEvent[]).some(({ name }) => name === "OrderPlaced");
}

class Walk {
  private readonly kept: Record<string, unknown> = {};
  private readonly seen: Data[] = [];
  private heard: Heard | null = null;
  private held = 0n;

  constructor(private readonly path: PathFile, private readonly client: Client) {}

  async walk(): Promise<Data> {
    for (const step of this.path.steps) {
      const facts = await this.step(step);
      if (step.name) this.seen.push({ name: step.name, ...facts });
    }
    return { wallets: { buyer: this.key("buyer"), seller: this.key("seller") }, steps: this.seen };
  }

  private step(step: any): Promise<Data | void> {
    const steps: Record<string, (step: any) => Promise<Data | void>> = {
      airdrop: ({ to, lamports }) => this.client.airdrop(this.key(to), lamports),
      call: (one) => this.call(one),
      simulate: async (one) => ({ events: this.client.events(await this.client.simulate(await this.callOf(one))) }),
      read: (one) => this.read(one),
      wait: ({ until }) => this.wait(until),
      device: () => this.device(),
      sign: (one) => this.sign(one),
      listen: (one) => this.listen(one),
      heard: (one) => this.hear(one),
      balance: async ({ account }) => ({ amount: await this.client.balance((await this.address(account))!) }),
      supply: async ({ mint }) => ({ amount: await this.client.supply((await this.address(mint))!) }),
      newest: ({ wallet }) => this.newest(wallet),
    };
    return steps[step.do]!(step);
  }

  // Values

  private key(name: string): string {
    return this.client.address(Uint8Array.from(this.path.keys[name]!.slice(32)));
  }

  private async address(value: any): Promise<string | null> {
    if (value === null || typeof value === "string") return value;
    if ("key" in value) return this.key(value.key);
    if ("program" in value) return this.path.programs[value.program]!;
    if ("ata" in value) {
      const [wallet, mint] = await Promise.all(value.ata.map((one: any) => this.address(one)));
      return this.client.pda(ASSOCIATED_TOKEN, [wallet, TOKEN, mint].map((one) => this.client.bytes(one)));
    }
    const [program, ...seeds] = value.pda;
    return this.client.pda(this.path.programs[program]!, await Promise.all(seeds.map((seed: any) => this.seed(seed))));
  }

  private async seed([kind, value]: [string, any]): Promise<Uint8Array> {
    if (kind === "text") return Buffer.from(value, "ascii");
    if (kind === "key") return this.client.bytes(this.key(value));
    const found = await this.value(value);
    return kind === "hex" ? (found as Uint8Array) : packed(kind, found);
  }

  /** A whole number, bytes, or an address as 32 bytes. */
  private async value(value: any): Promise<Value> {
    if (typeof value === "number") return BigInt(value);
    if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
    if (typeof value === "object" && "var" in value) {
      const kept = this.kept[value.var];
      return "and" in value ? BigInt(kept as bigint) & BigInt(value.and) : (kept as Value);
    }
    if (typeof value === "object" && "hex" in value) return Buffer.from(value.hex, "hex");
    if (typeof value === "object" && "pack" in value) {
      const parts = value.pack.map(async ([kind, one]: [string, any]) => packed(kind, await this.value(one)));
      return Buffer.concat(await Promise.all(parts));
    }
    return this.client.bytes((await this.address(value))!);
  }

  private async callOf(step: any): Promise<Call> {
    const first = (step.first ?? []).map(async (one: any) =>
      "create_ata" in one ? Promise.all(one.create_ata.map((part: any) => this.address(part))) : this.callOf(one),
    );
    return {
      program: step.program,
      instruction: step.instruction,
      args: await Promise.all(step.args.map(async ([name, kind, value]: any) => [name, kind, await this.value(value)])),
      accounts: await Promise.all(step.accounts.map(async ([name, at, marks]: any) => [name, await this.address(at), marks])),
      signers: step.signers ?? [],
      first: await Promise.all(first),
      versioned: step.versioned ?? false,
      preflight: step.preflight ?? true,
    };
  }

  // Steps

  private async call(step: any): Promise<Data> {
    const call = await this.callOf(step);
    if (step.refused || !call.preflight) {
      return this.client.send(call).then(
        (signature) => ({ refused: null, signature }),
        (error: unknown) => ({ refused: this.client.refusal(call, error) }),
      );
    }
    const signature = await this.client.send(call);
    const { failed: _, ...landed } = await this.client.transaction(signature);
    const events = this.client.events(landed.logs);
    for (const [variable, [event, field]] of Object.entries<[string, string]>(step.keep ?? {})) {
      const data = events.find(({ name }) => name === event)!.data;
      this.kept[variable] = BigInt(data[field] as bigint);
    }
    return { events, ...landed, signature };
  }

  private async read({ program, account, address, fields }: any): Promise<Data> {
    const wanted = fields.map(async ([name, path, at, kind, each, index]: any): Promise<Field> => {
      const parts = path.map(async (part: any) => (typeof part === "string" ? part : Number(await this.value(part))));
      const beyond = each === undefined ? 0 : each * Number(await this.value(index));
      return { name, path: await Promise.all(parts), at: at + beyond, kind };
    });
    const found = await this.client.read(program, account, (await this.address(address))!, await Promise.all(wanted));
    for (const [name, value] of Object.entries(found)) this.kept[name] = typeof value === "string" && !/^\d+$/.test(value) ? value : BigInt(value as bigint);
    return { fields: found };
  }

  /** Waits until the chain's clock has come so far. */
  private async wait(until: any): Promise<void> {
    const target = BigInt((await this.value(until)) as bigint);
    for (;;) {
      const clock = Buffer.from(await this.client.account(CLOCK));
      if (clock.readBigInt64LE(32) >= target) return;
      await sleep(100);
    }
  }

  private async device(): Promise<void> {
    const device = new Device(this.path);
    Object.assign(this.kept, {
      meter_id: device.meterId,
      device_key: device.publicKey,
      proof: device.proof(this.client.bytes(this.key("seller"))),
    });
  }

  private async sign({ keep, base, registers, spoilt }: any): Promise<void> {
    const device = new Device(this.path);
    const at = { meterNumber: this.kept.meter_number as bigint, slot: this.kept.slot as bigint, base: base as number };
    const posted = registers.map(([offset, exportWh]: [number, number]) => device.posted({ ...at, offset, exportWh }));
    const readings = Buffer.concat(posted);
    if (spoilt) readings.set([readings.at(-1)! ^ 1], readings.length - 1);
    this.kept[keep] = readings;
  }

  private async listen({ program, event, logs, account }: any): Promise<void> {
    const address = (await this.address(account))!;
    this.heard = await this.client.listen(program, event, logs, address);
    this.held = BigInt(await this.client.balance(address));
  }

  /**
   * A validator may push first what the account held already, so a notice counts when it tells something new; and the logs of
   * simulations too, so only what was sent counts.
   */
  private async hear({ calls, balances }: any): Promise<Data> {
    const heard = this.heard!;
    const wanted = this.seen.filter(({ name }) => calls.includes(name)).map(({ signature }) => signature as string);
    const placed = wanted.filter((signature) => this.seen.some((step) => step.signature === signature && hasPlaced(step)));
    const told = () => heard.balances.filter((amount, at) => amount !== (heard.balances[at - 1] ?? this.held));
    const waiting = () =>
      told().length < balances ||
      wanted.some((signature) => !heard.logs.has(signature)) ||
      placed.some((signature) => !heard.placed.has(signature));
    for (const end = Date.now() + 30_000; waiting() && Date.now() < end; ) await sleep(20);
    await heard.stop();
    const found = wanted.flatMap((signature) => this.client.events(heard.logs.get(signature) ?? []));
    const names = found.filter(({ program }) => program === "trading").map(({ name }) => name);
    return { placed: placed.flatMap((signature) => heard.placed.get(signature) ?? []), balances: told(), events: names };
  }

  private async newest(wallet: string): Promise<Data> {
    const { signature, failed } = await this.client.newest(this.key(wallet));
    const { logs, units } = await this.client.transaction(signature);
    return { failed, logs, units };
  }
}
