// A campus as a stranger meets it: a URL, the published addresses, keypair files, and one meter of one's own.
// Decides where accounts are and what a meter signs; which calls are made is left to path.ts.

import { createHash, generateKeyPairSync, KeyObject, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Keypair, PublicKey, TransactionInstruction } from "@solana/web3.js";

export const PROGRAMS = ["governance", "registry", "oracle", "energy_token", "trading"] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** The web3.js on which a client is built; keys of two copies of it are not alike. */
export type Web3 = typeof import("@solana/web3.js");

const ASSOCIATED_TOKEN = "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL";

/** What pytest hands over, all addresses in base58. */
interface Described {
  rpc_url: string;
  idl_folder: string;
  keys: string;
  network_tag: string;
  zone: number;
  programs: Record<ProgramName, string>;
  market: string;
  slab: string;
  roots: string;
  ledger: string;
}

/** Little-endian bytes of an unsigned whole number. */
export function bytesOf(value: bigint | number, size: number): Buffer {
  const made = Buffer.alloc(size);
  for (let i = 0, rest = BigInt(value); i < size; i++, rest >>= 8n) made[i] = Number(rest & 0xffn);
  return made;
}

/** One deployed campus. */
export class Campus {
  private readonly is: Described;
  readonly market: PublicKey;
  readonly slab: PublicKey;
  readonly roots: PublicKey;
  readonly ledger: PublicKey;
  readonly system: PublicKey;
  readonly token: PublicKey;
  readonly clock: PublicKey;
  readonly networkTag: Buffer;

  constructor(private readonly web3: Web3, path: string) {
    this.is = JSON.parse(readFileSync(path, "utf8")) as Described;
    this.market = this.key(this.is.market);
    this.slab = this.key(this.is.slab);
    this.roots = this.key(this.is.roots);
    this.ledger = this.key(this.is.ledger);
    this.system = web3.SystemProgram.programId;
    this.token = this.key("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");
    this.clock = web3.SYSVAR_CLOCK_PUBKEY;
    this.networkTag = Buffer.from(this.is.network_tag, "hex");
  }

  private key(address: string): PublicKey {
    return new this.web3.PublicKey(address);
  }

  get rpcUrl(): string {
    return this.is.rpc_url;
  }

  /** An IDL file; `form` is "" for spec 0.1.0 and ".legacy" for Anchor 0.29. */
  idl(program: ProgramName, form: "" | ".legacy"): unknown {
    return JSON.parse(readFileSync(join(this.is.idl_folder, `${program}${form}.json`), "utf8"));
  }

  program(name: ProgramName): PublicKey {
    return this.key(this.is.programs[name]);
  }

  /** The key in a keypair file, a JSON list of 64 numbers. */
  keypair(name: string): Keypair {
    const numbers = JSON.parse(readFileSync(join(this.is.keys, `${name}.json`), "utf8")) as number[];
    return this.web3.Keypair.fromSecretKey(Uint8Array.from(numbers));
  }

  pda(program: ProgramName, ...seeds: (string | Buffer)[]): PublicKey {
    const bytes = seeds.map((seed) => Buffer.from(seed));
    return this.web3.PublicKey.findProgramAddressSync(bytes, this.program(program))[0];
  }

  user(wallet: PublicKey): PublicKey {
    return this.pda("registry", "user", wallet.toBuffer());
  }

  registryZone(): PublicKey {
    return this.pda("registry", "zone", bytesOf(this.is.zone, 2));
  }

  row(wallet: PublicKey): PublicKey {
    return this.pda("energy_token", "row", bytesOf(this.is.zone, 2), wallet.toBuffer());
  }

  seatIndex(wallet: PublicKey): PublicKey {
    return this.pda("trading", "seat", wallet.toBuffer());
  }

  proposal(id: bigint): PublicKey {
    return this.pda("governance", "proposal", bytesOf(id, 8));
  }

  config(program: ProgramName): PublicKey {
    return this.pda(program, "config");
  }

  get council(): PublicKey {
    return this.pda("governance", "council");
  }

  get creditMint(): PublicKey {
    return this.pda("governance", "credit");
  }

  get gridMint(): PublicKey {
    return this.pda("energy_token", "mint");
  }

  /** A wallet's associated token account for CREDIT. */
  creditAccount(wallet: PublicKey): PublicKey {
    const seeds = [wallet.toBuffer(), this.token.toBuffer(), this.creditMint.toBuffer()];
    return this.web3.PublicKey.findProgramAddressSync(seeds, this.key(ASSOCIATED_TOKEN))[0];
  }

  /** Makes that account unless it exists. */
  createCreditAccount(payer: PublicKey, wallet: PublicKey): TransactionInstruction {
    const keys = [
      { pubkey: payer, isSigner: true, isWritable: true },
      { pubkey: this.creditAccount(wallet), isSigner: false, isWritable: true },
      ...[wallet, this.creditMint, this.system, this.token].map((pubkey) => ({ pubkey, isSigner: false, isWritable: false })),
    ];
    return new this.web3.TransactionInstruction({ programId: this.key(ASSOCIATED_TOKEN), keys, data: Buffer.from([1]) });
  }
}

/** A meter with a key of its own, which signs real readings. */
export class Device {
  readonly meterId: Buffer;
  readonly publicKey: Buffer;
  private readonly secret: KeyObject;

  constructor(private readonly campus: Campus, label: string) {
    this.meterId = Buffer.alloc(16);
    this.meterId.write(label, "ascii");
    const made = generateKeyPairSync("ed25519");
    this.secret = made.privateKey;
    this.publicKey = Buffer.from(made.publicKey.export({ format: "jwk" }).x!, "base64url");
  }

  get account(): PublicKey {
    return this.campus.pda("registry", "meter", this.meterId);
  }

  /** The proof that this device holds its key, 64 bytes. */
  proof(owner: PublicKey): Buffer {
    const parts = [Buffer.from("CGP1"), this.campus.networkTag, owner.toBuffer(), this.meterId, this.publicKey];
    return sign(null, Buffer.concat(parts), this.secret);
  }

  /** One signed reading as post_verified takes it, both registers (Wh) with all their bytes. */
  posted(at: { meterNumber: number; slot: number; base: number; interval: number; importWh: number; exportWh: number }): Buffer {
    const detailHash = createHash("sha256").update("no detail").digest().subarray(0, 8);
    const core = Buffer.concat([
      Buffer.from("CG\x01", "latin1"),
      this.campus.networkTag,
      bytesOf(at.meterNumber, 4),
      bytesOf(0, 2), // key epoch
      bytesOf(0, 2), // register epoch
      bytesOf(at.interval, 4),
      bytesOf(at.importWh, 8),
      bytesOf(at.exportWh, 8),
      bytesOf(0, 2), // quality: nothing against it
      bytesOf(0, 2), // clock error, ms
      detailHash,
    ]);
    const absoluteWithOffset = 3 | (3 << 2) | 0x80;
    return Buffer.concat([
      Buffer.from([at.slot, absoluteWithOffset]),
      bytesOf(at.interval - at.base, 2),
      bytesOf(at.importWh, 8),
      bytesOf(at.exportWh, 8),
      detailHash,
      sign(null, core, this.secret),
    ]);
  }
}
