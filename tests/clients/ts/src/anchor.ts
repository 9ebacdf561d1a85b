// Anchor's TypeScript client in any of its generations: calls, accounts and events by the names of the IDL.

import type { Commitment, Connection, Keypair, PublicKey, TransactionInstruction } from "@solana/web3.js";
import type { Data, ProgramEvent, Value } from "./bytes.js";
import type { Call, Field, PathFile, Refusal } from "./walk.js";
import { Web3, Web3Client } from "./web3.js";

interface Builder {
  accountsStrict(accounts: Record<string, PublicKey | null>): Builder;
  signers(signers: Keypair[]): Builder;
  preInstructions(instructions: TransactionInstruction[]): Builder;
  rpc(options?: { skipPreflight?: boolean; commitment?: Commitment; preflightCommitment?: Commitment }): Promise<string>;
  instruction(): Promise<TransactionInstruction>;
  simulate(): Promise<{ raw: readonly string[] }>;
}

/** What the generations of `anchor.Program` have in common, as far as it is used here. */
export interface AnchorProgram {
  readonly methods: Record<string, (...args: unknown[]) => Builder>;
  readonly account: Record<string, { fetch(address: PublicKey): Promise<any> }>;
  addEventListener(name: string, heard: (event: any, slot: number, signature: string) => void): number;
  removeEventListener(listener: number): Promise<void>;
}

/** One generation of the client. */
export interface Generation {
  readonly web3: Web3;
  /** Events are named as in the legacy IDL, with a capital letter. */
  readonly capitals: boolean;
  connect(url: string): Connection;
  big(value: bigint): unknown;
  program(path: PathFile, name: string, connection: Connection, payer: Keypair): AnchorProgram;
  parse(program: AnchorProgram, logs: string[]): { name: string; data: any }[];
  /** The client's own ProgramError; null for any other error. */
  translated(error: unknown): { code: number; msg: string } | null;
}

export class AnchorClient extends Web3Client {
  private readonly programs: Record<string, AnchorProgram>;

  constructor(private readonly generation: Generation, path: PathFile) {
    super(generation.web3, generation.connect(path.rpc_url), path);
    const made = (name: string) => generation.program(path, name, this.connection, this.signers.buyer!);
    this.programs = Object.fromEntries(Object.keys(path.programs).map((name) => [name, made(name)]));
  }

  async send(call: Call): Promise<string> {
    const first = await Promise.all(call.first.map((one) => this.instruction(one)));
    const options = { skipPreflight: !call.preflight, commitment: "confirmed", preflightCommitment: "confirmed" } as const;
    return this.built(call).preInstructions(first).rpc(options);
  }

  async simulate(call: Call): Promise<readonly string[]> {
    return (await this.built(call).simulate()).raw;
  }

  refusal(_call: Call, error: unknown): Refusal {
    const found = this.generation.translated(error);
    if (found === null) throw error;
    return { code: found.code, msg: found.msg };
  }

  events(logs: readonly string[]): ProgramEvent[] {
    return Object.entries(this.programs).flatMap(([program, known]) =>
      this.generation.parse(known, [...logs]).map(({ name, data }) => ({ program, name: capital(name), data: plain(data) as Data })),
    );
  }

  async read(program: string, account: string, address: string, fields: Field[]): Promise<Data> {
    const found = await this.programs[program]!.account[account[0]!.toLowerCase() + account.slice(1)]!.fetch(this.key(address));
    const pick = (field: Field) => field.path.reduce((value, part) => value[typeof part === "string" ? camel(part) : part], found);
    return Object.fromEntries(fields.map((field) => [field.name, plain(pick(field))]));
  }

  protected override onEvent(event: string, heard: (event: ProgramEvent, signature: string) => void): () => Promise<void> {
    const trading = this.programs.trading!;
    const name = this.generation.capitals ? event : event[0]!.toLowerCase() + event.slice(1);
    const listener = trading.addEventListener(name, (data, _slot, signature) =>
      heard({ program: "trading", name: event, data: plain(data) as Data }, signature),
    );
    return () => trading.removeEventListener(listener);
  }

  private instruction(first: Call | [string, string, string]): Promise<TransactionInstruction> {
    return Array.isArray(first) ? Promise.resolve(this.createTokenAccount(...first)) : this.built(first).instruction();
  }

  private built(call: Call): Builder {
    const accounts = call.accounts.map(([name, at]) => [camel(name), at === null ? null : this.key(at)]);
    const args = call.args.map(([, kind, value]) => this.argument(kind, value));
    const signers = call.signers.filter((name) => name !== "buyer").map((name) => this.signers[name]!);
    return this.programs[call.program]!.methods[camel(call.instruction)]!(...args)
      .accountsStrict(Object.fromEntries(accounts))
      .signers(signers);
  }

  private argument(kind: string, value: Value): unknown {
    if (kind === "u64" || kind === "i64") return this.generation.big(value as bigint);
    if (kind === "fixed") return [...(value as Uint8Array)];
    if (kind === "bytes") return Buffer.from(value as Uint8Array);
    return Number(value);
  }
}

function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function capital(name: string): string {
  return name[0]!.toUpperCase() + name.slice(1);
}

/** A decoded value with the IDL's names, addresses in base58 and 64-bit numbers as bigint. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    if ("toBase58" in value) return (value as PublicKey).toBase58();
    if (value.constructor?.name === "BN") return BigInt(String(value));
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [snake(name), plain(one)]));
  }
  return value;
}
