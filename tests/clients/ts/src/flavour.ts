// What two generations of the Anchor client have in common, as far as path.ts uses it.

import type { Connection, Keypair, PublicKey, TransactionInstruction } from "@solana/web3.js";
import type { Campus, ProgramName, Web3 } from "./campus.js";

/** A 64-bit number as both clients take and give it (bn.js). */
export interface Big {
  toString(): string;
}

/** An event as the client's own parser decodes it. */
export interface AnchorEvent {
  name: string;
  data: Record<string, unknown>;
}

export interface Builder {
  accountsStrict(accounts: Record<string, PublicKey | null>): Builder;
  signers(signers: Keypair[]): Builder;
  preInstructions(instructions: TransactionInstruction[]): Builder;
  rpc(options?: { skipPreflight?: boolean; commitment?: "confirmed" }): Promise<string>;
  simulate(): Promise<{ events?: readonly AnchorEvent[]; raw: readonly string[] }>;
}

export interface AnchorProgram {
  readonly programId: PublicKey;
  readonly methods: Record<string, (...args: unknown[]) => Builder>;
  readonly account: Record<string, { fetch(address: PublicKey): Promise<any>; all(): Promise<{ publicKey: PublicKey; account: any }[]> }>;
  addEventListener(name: string, heard: (event: any, slot: number, signature: string) => void): number;
  removeEventListener(listener: number): Promise<void>;
}

/** One generation of the client. */
export interface Flavour {
  readonly web3: Web3;
  /** The name under which this generation knows the event OrderPlaced. */
  readonly orderPlaced: string;
  /** A 64-bit number. */
  big(value: bigint): Big;
  program(campus: Campus, name: ProgramName, connection: Connection, payer: Keypair): AnchorProgram;
  parse(program: AnchorProgram, logs: string[]): AnchorEvent[];
  /** Code and words that the client finds for an error of a program; null if it finds none. */
  refusal(program: AnchorProgram, error: unknown): { code: number; msg: string } | null;
}
