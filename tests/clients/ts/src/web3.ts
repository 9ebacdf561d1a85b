// What every client over @solana/web3.js 1.x shares: addresses, reading, listening. Keys of two copies of web3.js are not alike, so the copy is given.

import { setTimeout as sleep } from "node:timers/promises";
import type { AccountMeta, Connection, Keypair, PublicKey, TransactionInstruction } from "@solana/web3.js";
import type { Data, ProgramEvent } from "./bytes.js";
import { confirmed } from "./translating.js";
import { ASSOCIATED_TOKEN, Call, Client, Field, Heard, Landed, PathFile, Refusal, SYSTEM, TOKEN } from "./walk.js";

/**
 * A connection whose confirmTransaction answers every failure in a block alike: web3.js rejects with the bare TransactionError when it reads
 * the failure before it is told of it, which depends on how busy the node is.
 */
export function steady<C extends Connection>(connection: C): C {
  const confirm = connection.confirmTransaction.bind(connection) as (...asked: any[]) => Promise<any>;
  connection.confirmTransaction = async (strategy: any, commitment?: any) => {
    try {
      return await confirm(strategy, commitment);
    } catch (error) {
      if (error instanceof Error) throw error;
      const landed = await confirmed(connection, typeof strategy === "string" ? strategy : strategy.signature);
      return { context: { slot: landed?.slot ?? 0 }, value: { err: error } };
    }
  };
  return connection;
}

export type Web3 = typeof import("@solana/web3.js");

export abstract class Web3Client implements Client {
  protected readonly signers: Record<string, Keypair>;

  constructor(protected readonly web3: Web3, protected readonly connection: Connection, protected readonly path: PathFile) {
    const made = Object.entries(path.keys).map(([name, key]) => [name, web3.Keypair.fromSecretKey(Uint8Array.from(key))]);
    this.signers = Object.fromEntries(made);
  }

  abstract send(call: Call): Promise<string>;
  abstract simulate(call: Call): Promise<readonly string[]>;
  abstract refusal(call: Call, error: unknown): Refusal;
  abstract events(logs: readonly string[]): ProgramEvent[];
  abstract read(program: string, account: string, address: string, fields: Field[]): Promise<Data>;

  protected key(address: string): PublicKey {
    return new this.web3.PublicKey(address);
  }

  address(key: Uint8Array): string {
    return new this.web3.PublicKey(key).toBase58();
  }

  bytes(address: string): Uint8Array {
    return this.key(address).toBuffer();
  }

  async pda(program: string, seeds: Uint8Array[]): Promise<string> {
    return this.web3.PublicKey.findProgramAddressSync(seeds, this.key(program))[0].toBase58();
  }

  async airdrop(to: string, lamports: number): Promise<void> {
    const latest = await this.connection.getLatestBlockhash();
    const signature = await this.connection.requestAirdrop(this.key(to), lamports);
    await this.connection.confirmTransaction({ signature, ...latest }, "confirmed");
  }

  async account(address: string): Promise<Uint8Array> {
    return (await this.connection.getAccountInfo(this.key(address)))!.data;
  }

  async transaction(signature: string): Promise<Landed> {
    const found = await this.connection.getTransaction(signature, { commitment: "confirmed", maxSupportedTransactionVersion: 0 });
    const { logMessages, computeUnitsConsumed, err } = found!.meta!;
    return { logs: logMessages!, units: computeUnitsConsumed!, slot: found!.slot, failed: err !== null };
  }

  async newest(address: string): Promise<{ signature: string; failed: boolean }> {
    const [newest] = await this.connection.getSignaturesForAddress(this.key(address), { limit: 1 });
    return { signature: newest!.signature, failed: newest!.err !== null };
  }

  async balance(account: string): Promise<string> {
    return (await this.connection.getTokenAccountBalance(this.key(account))).value.amount;
  }

  async supply(mint: string): Promise<string> {
    return (await this.connection.getTokenSupply(this.key(mint))).value.amount;
  }

  async listen(_program: string, event: string, logs: string, account: string): Promise<Heard> {
    const heard: Heard = { placed: new Map(), balances: [], logs: new Map(), stop: () => Promise.resolve() };
    const balances = this.connection.onAccountChange(
      this.key(account),
      ({ data }) => heard.balances.push(data.readBigUInt64LE(64)),
      "confirmed",
    );
    const own = this.onEvent(event, (found, signature) => heard.placed.set(signature, found));
    const lines = this.connection.onLogs(
      this.key(logs),
      ({ signature, logs: said }) => {
        heard.logs.set(signature, said);
        if (own !== null) return;
        for (const one of this.events(said)) if (one.name === event) heard.placed.set(signature, one);
      },
      "confirmed",
    );
    await this.subscribed();
    await this.slot();
    heard.stop = async () => {
      await own?.();
      await this.connection.removeAccountChangeListener(balances);
      await this.connection.removeOnLogsListener(lines);
    };
    return heard;
  }

  /** Listens for events of the trading program by the client's own means and returns how to end it; null if it has none. */
  protected onEvent(_event: string, _heard: (event: ProgramEvent, signature: string) => void): (() => Promise<void>) | null {
    return null;
  }

  /** Makes the associated token account of a wallet unless it exists. */
  protected createTokenAccount(payer: string, wallet: string, mint: string): TransactionInstruction {
    const seeds = [wallet, TOKEN, mint].map((one) => this.bytes(one));
    const [account] = this.web3.PublicKey.findProgramAddressSync(seeds, this.key(ASSOCIATED_TOKEN));
    const meta = (pubkey: PublicKey, isSigner: boolean, isWritable: boolean): AccountMeta => ({ pubkey, isSigner, isWritable });
    const keys = [
      meta(this.key(payer), true, true),
      meta(account, false, true),
      ...[wallet, mint, SYSTEM, TOKEN].map((one) => meta(this.key(one), false, false)),
    ];
    return new this.web3.TransactionInstruction({ programId: this.key(ASSOCIATED_TOKEN), keys, data: Buffer.from([1]) });
  }

  /** Waits until the node tells of a slot. */
  private async slot(): Promise<void> {
    let listener: number | null = null;
    await new Promise<void>((resolve) => {
      listener = this.connection.onSlotChange(() => resolve());
    });
    await this.connection.removeSlotChangeListener(listener!);
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
}
