// What a client without Anchor packs and unpacks itself: arguments, fields of accounts, events; and a meter that signs readings.

import { createHash, createPrivateKey, createPublicKey, KeyObject, sign } from "node:crypto";

export type Value = bigint | string | Uint8Array;
export type Data = Record<string, unknown>;

/** An event of one of the five programs, 64-bit numbers as bigint. */
export interface ProgramEvent {
  program: string;
  name: string;
  data: Data;
}

const SIZES: Record<string, number> = { u8: 1, u16: 2, u32: 4, u64: 8, i64: 8, pubkey: 32 };

/** Little-endian bytes of a whole number. */
export function bytesOf(value: bigint | number, size: number): Buffer {
  const made = Buffer.alloc(size);
  for (let i = 0, rest = BigInt(value); i < size; i++, rest >>= 8n) made[i] = Number(rest & 0xffn);
  return made;
}

/** Whole number from little-endian bytes. */
export function numberOf(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

/** Borsh bytes of an argument; addresses come as 32 bytes. */
export function packed(kind: string, value: Value): Buffer {
  if (kind === "bytes") return Buffer.concat([bytesOf((value as Uint8Array).length, 4), value as Uint8Array]);
  if (kind === "fixed" || kind === "pubkey") return Buffer.from(value as Uint8Array);
  return bytesOf(value as bigint, SIZES[kind]!);
}

/** First 8 bytes by Anchor's rule. */
export function discriminator(kind: string, name: string): Buffer {
  return createHash("sha256").update(`${kind}:${name}`).digest().subarray(0, 8);
}

type Shape = string | { defined: { name: string } } | { vec: Shape } | { array: [Shape, number] };

/** Reads numbers, addresses and the Borsh types of an IDL of spec 0.1.0. */
export class Reader {
  private readonly types = new Map<string, { name: string; type: Shape }[]>();
  private readonly events = new Map<string, string>();

  constructor(idl: any, private readonly base58: (key: Uint8Array) => string) {
    for (const { name, type } of idl.types) this.types.set(name, type.fields);
    for (const { name, discriminator } of idl.events ?? []) this.events.set(Buffer.from(discriminator).toString("hex"), name);
  }

  /** An event's name and fields; every byte must be accounted for. */
  event(data: Buffer): { name: string; data: Data } {
    const name = this.events.get(data.subarray(0, 8).toString("hex"))!;
    const [value, end] = this.read({ defined: { name } }, data, 8);
    if (end !== data.length) throw new Error(`${name}: ${data.length - end} bytes left`);
    return { name, data: value as Data };
  }

  /** A number or an address at an offset. */
  at(kind: string, data: Uint8Array, at: number): unknown {
    const piece = data.subarray(at, at + SIZES[kind]!);
    if (kind === "pubkey") return this.base58(piece);
    return kind === "i64" ? BigInt.asIntN(64, numberOf(piece)) : numberOf(piece);
  }

  private read(shape: Shape, data: Buffer, at: number): [unknown, number] {
    if (shape === "bool") return [data[at] !== 0, at + 1];
    if (shape === "bytes") {
      const size = data.readUInt32LE(at);
      return [[...data.subarray(at + 4, at + 4 + size)], at + 4 + size];
    }
    if (typeof shape === "string") return [this.at(shape, data, at), at + SIZES[shape]!];
    if ("defined" in shape) {
      const fields: Data = {};
      for (const { name, type } of this.types.get(shape.defined.name)!) [fields[name], at] = this.read(type, data, at);
      return [fields, at];
    }
    const [of, count] = "vec" in shape ? [shape.vec, data.readUInt32LE(at)] : shape.array;
    if ("vec" in shape) at += 4;
    const values: unknown[] = [];
    for (let i = 0; i < count; i++) {
      const [value, end] = this.read(of, data, at);
      values.push(value);
      at = end;
    }
    return [values, at];
  }
}

/** Decodes the events of several programs; a `Program data` line belongs to the program that is running. */
export function eventsIn(logs: readonly string[], programs: Map<string, { name: string; reader: Reader }>): ProgramEvent[] {
  const running: string[] = [];
  const found: ProgramEvent[] = [];
  for (const line of logs) {
    const [first, id, what] = line.split(" ");
    if (first === "Program" && what === "invoke") running.push(id!);
    else if (first === "Program" && (what === "success" || what === "failed:")) running.pop();
    else if (line.startsWith("Program data: ")) {
      const known = programs.get(running.at(-1)!);
      if (known) found.push({ program: known.name, ...known.reader.event(Buffer.from(line.slice(14), "base64")) });
    }
  }
  return found;
}

/** The innermost program that failed, and its error number, from log lines. */
export function failure(logs: readonly string[]): { program: string; code: number } | null {
  for (const line of logs) {
    const found = /^Program (\w+) failed: custom program error: 0x([0-9a-f]+)$/.exec(line);
    if (found) return { program: found[1]!, code: parseInt(found[2]!, 16) };
  }
  return null;
}

const PKCS8 = Buffer.from("302e020100300506032b657004220420", "hex"); // Ed25519 secret key of 32 bytes follows, RFC 8410

/** A meter with a key of its own. */
export class Device {
  readonly meterId: Buffer;
  readonly publicKey: Buffer;
  private readonly secret: KeyObject;
  private readonly tag: Buffer;

  constructor(path: { network_tag: string; device: { seed: string; meter_id: string } }) {
    this.meterId = Buffer.from(path.device.meter_id, "hex");
    this.tag = Buffer.from(path.network_tag, "hex");
    const der = Buffer.concat([PKCS8, Buffer.from(path.device.seed, "hex")]);
    this.secret = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    this.publicKey = Buffer.from(createPublicKey(this.secret).export({ format: "jwk" }).x!, "base64url");
  }

  /** The proof that this device holds its key, 64 bytes. */
  proof(owner: Uint8Array): Buffer {
    return sign(null, Buffer.concat([Buffer.from("CGP1"), this.tag, owner, this.meterId, this.publicKey]), this.secret);
  }

  /** One signed reading as post_verified takes it, both registers (Wh) with all their bytes, import 0. */
  posted(at: { meterNumber: bigint; slot: bigint; base: number; offset: number; exportWh: number }): Buffer {
    const detailHash = createHash("sha256").update("no detail").digest().subarray(0, 8);
    const core = Buffer.concat([
      Buffer.from("CG\x01", "latin1"),
      this.tag,
      bytesOf(at.meterNumber, 4),
      bytesOf(0, 2), // key epoch
      bytesOf(0, 2), // register epoch
      bytesOf(at.base + at.offset, 4),
      bytesOf(0, 8), // import register
      bytesOf(at.exportWh, 8),
      bytesOf(0, 2), // quality: nothing against it
      bytesOf(0, 2), // clock error, ms
      detailHash,
    ]);
    const absoluteWithOffset = 3 | (3 << 2) | 0x80;
    const head = [Buffer.from([Number(at.slot), absoluteWithOffset]), bytesOf(at.offset, 2), bytesOf(0, 8), bytesOf(at.exportWh, 8)];
    return Buffer.concat([...head, detailHash, sign(null, core, this.secret)]);
  }
}
