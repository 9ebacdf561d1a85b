// @solana/kit: instructions and accounts are packed and unpacked by hand, from the published tables; everything else is kit's own.

import * as kit from "@solana/kit";
import { Data, discriminator, eventsIn, failure, numberOf, packed, ProgramEvent, Reader } from "./bytes.js";
import { ASSOCIATED_TOKEN, Call, Client, Field, Heard, Landed, PathFile, Refusal, run, SYSTEM, TOKEN } from "./walk.js";

const ROLES = [kit.AccountRole.READONLY, kit.AccountRole.WRITABLE, kit.AccountRole.READONLY_SIGNER, kit.AccountRole.WRITABLE_SIGNER];
const confirmed = { commitment: "confirmed" } as const;

class Kit implements Client {
  private readonly rpc;
  private readonly subscriptions;
  private readonly confirm;
  private readonly known = new Map<string, { name: string; reader: Reader }>();

  private constructor(private readonly path: PathFile, private readonly signers: Record<string, kit.KeyPairSigner>) {
    this.rpc = kit.createSolanaRpc(path.rpc_url);
    this.subscriptions = kit.createSolanaRpcSubscriptions(path.ws_url);
    this.confirm = kit.sendAndConfirmTransactionFactory({ rpc: this.rpc, rpcSubscriptions: this.subscriptions } as never);
    for (const [name, id] of Object.entries(path.programs)) {
      this.known.set(id, { name, reader: new Reader(path.idls[name]!.new, (key) => this.address(key)) });
    }
  }

  static async on(path: PathFile): Promise<Kit> {
    const made = Object.entries(path.keys).map(async ([name, key]) => {
      return [name, await kit.createKeyPairSignerFromBytes(Uint8Array.from(key))] as const;
    });
    return new Kit(path, Object.fromEntries(await Promise.all(made)));
  }

  address(key: Uint8Array): kit.Address {
    return kit.getAddressDecoder().decode(key);
  }

  bytes(address: string): Uint8Array {
    return kit.getAddressEncoder().encode(kit.address(address)) as Uint8Array;
  }

  async pda(program: string, seeds: Uint8Array[]): Promise<string> {
    return (await kit.getProgramDerivedAddress({ programAddress: kit.address(program), seeds }))[0];
  }

  async airdrop(to: string, lamports: number): Promise<void> {
    const drop = kit.airdropFactory({ rpc: this.rpc, rpcSubscriptions: this.subscriptions } as never);
    await drop({ recipientAddress: kit.address(to), lamports: kit.lamports(BigInt(lamports)), commitment: "confirmed" });
  }

  async send(call: Call): Promise<string> {
    const transaction = await this.signed(call);
    await this.confirm(transaction, { ...confirmed, skipPreflight: !call.preflight, maxRetries: 0n, preflightCommitment: "confirmed" });
    return kit.getSignatureFromTransaction(transaction);
  }

  async simulate(call: Call): Promise<readonly string[]> {
    const wire = kit.getBase64EncodedWireTransaction(await this.signed(call));
    const { value } = await this.rpc.simulateTransaction(wire, { ...confirmed, encoding: "base64", sigVerify: true }).send();
    if (value.err) throw new Error(JSON.stringify(value.err));
    return value.logs!;
  }

  /** kit gives a typed error with the node's own data; `isProgramError` knows the number, the logs name the program. */
  refusal(call: Call, error: unknown): Refusal {
    if (kit.isSolanaError(error, kit.SOLANA_ERROR__JSON_RPC__SERVER_ERROR_SEND_TRANSACTION_PREFLIGHT_FAILURE)) {
      const found = failure((error.context as { logs?: string[] }).logs ?? [])!;
      const cause = error.cause as { context?: { code?: number } };
      if (Number(cause.context?.code) !== found.code) throw new Error(`kit says ${cause.context?.code}, the logs ${found.code}`);
      return { program: this.known.get(found.program)!.name, code: found.code };
    }
    if (kit.isSolanaError(error, kit.SOLANA_ERROR__INSTRUCTION_ERROR__CUSTOM)) {
      return { program: call.program, code: Number(error.context.code) };
    }
    throw error;
  }

  events(logs: readonly string[]): ProgramEvent[] {
    return eventsIn(logs, this.known);
  }

  async read(program: string, account: string, address: string, fields: Field[]): Promise<Data> {
    const data = await this.account(address);
    if (!discriminator("account", account).equals(data.subarray(0, 8))) throw new Error(`${address} is no ${account}`);
    const { reader } = this.known.get(this.path.programs[program]!)!;
    return Object.fromEntries(fields.map(({ name, at, kind }) => [name, reader.at(kind, data, at)]));
  }

  async account(address: string): Promise<Uint8Array> {
    const found = await kit.fetchEncodedAccount(this.rpc, kit.address(address), confirmed);
    kit.assertAccountExists(found);
    return found.data as Uint8Array;
  }

  async transaction(signature: string): Promise<Landed> {
    const options = { ...confirmed, encoding: "json", maxSupportedTransactionVersion: 0 } as const;
    const found = (await this.rpc.getTransaction(kit.signature(signature), options).send())!;
    const { logMessages, computeUnitsConsumed, err } = found.meta!;
    return { logs: [...logMessages!], units: Number(computeUnitsConsumed), slot: Number(found.slot), failed: err !== null };
  }

  async newest(address: string): Promise<{ signature: string; failed: boolean }> {
    const [newest] = await this.rpc.getSignaturesForAddress(kit.address(address), { ...confirmed, limit: 1 }).send();
    return { signature: newest!.signature, failed: newest!.err !== null };
  }

  async balance(account: string): Promise<string> {
    return (await this.rpc.getTokenAccountBalance(kit.address(account), confirmed).send()).value.amount;
  }

  async supply(mint: string): Promise<string> {
    return (await this.rpc.getTokenSupply(kit.address(mint), confirmed).send()).value.amount;
  }

  async listen(_program: string, event: string, logs: string, account: string): Promise<Heard> {
    const ends = new AbortController();
    const heard: Heard = { placed: new Map(), balances: [], logs: new Map(), stop: async () => ends.abort() };
    const abort = { abortSignal: ends.signal };
    const lines = await this.subscriptions.logsNotifications({ mentions: [kit.address(logs)] }, confirmed).subscribe(abort);
    const options = { ...confirmed, encoding: "base64" } as const;
    const balances = await this.subscriptions.accountNotifications(kit.address(account), options).subscribe(abort);
    const listening = [
      each(lines, ({ value }) => {
        heard.logs.set(value.signature, value.logs!);
        for (const one of this.events(value.logs!)) if (one.name === event) heard.placed.set(value.signature, one);
      }),
      each(balances, ({ value }) => heard.balances.push(numberOf(Buffer.from(value.data[0], "base64").subarray(64, 72)))),
    ];
    Promise.all(listening).catch((error) => {
      if (!ends.signal.aborted) throw error;
    });
    for await (const _ of await this.subscriptions.slotNotifications().subscribe(abort)) break;
    return heard;
  }

  private async signed(call: Call) {
    const { value: latest } = await this.rpc.getLatestBlockhash(confirmed).send();
    const signers = call.signers.map((name) => this.signers[name]!);
    const instructions = await Promise.all([...call.first, call].map((one) => this.instruction(one)));
    const message = kit.pipe(
      kit.createTransactionMessage({ version: call.versioned ? 0 : "legacy" }),
      (made) => kit.setTransactionMessageFeePayerSigner(signers[0]!, made),
      (made) => kit.setTransactionMessageLifetimeUsingBlockhash(latest, made),
      (made) => kit.appendTransactionMessageInstructions(instructions, made),
    );
    const transaction = await kit.signTransactionMessageWithSigners(kit.addSignersToTransactionMessage(signers, message));
    kit.assertIsTransactionWithBlockhashLifetime(transaction);
    kit.assertIsTransactionWithinSizeLimit(transaction);
    return transaction;
  }

  private async instruction(call: Call | [string, string, string]): Promise<kit.Instruction> {
    if (Array.isArray(call)) return this.createTokenAccount(...call);
    const programAddress = kit.address(this.path.programs[call.program]!);
    const accounts = call.accounts.map(([, at, marks]) => ({
      address: at === null ? programAddress : kit.address(at),
      role: ROLES[Number(marks.includes("s")) * 2 + Number(marks.includes("w"))]!,
    }));
    const args = call.args.map(([, kind, value]) => packed(kind, value));
    return { programAddress, accounts, data: Buffer.concat([discriminator("global", call.instruction), ...args]) };
  }

  private async createTokenAccount(payer: string, wallet: string, mint: string): Promise<kit.Instruction> {
    const account = await this.pda(ASSOCIATED_TOKEN, [wallet, TOKEN, mint].map((one) => this.bytes(one)));
    return {
      programAddress: kit.address(ASSOCIATED_TOKEN),
      accounts: [
        { address: kit.address(payer), role: kit.AccountRole.WRITABLE_SIGNER },
        { address: kit.address(account), role: kit.AccountRole.WRITABLE },
        ...[wallet, mint, SYSTEM, TOKEN].map((one) => ({ address: kit.address(one), role: kit.AccountRole.READONLY })),
      ],
      data: Uint8Array.of(1),
    };
  }
}

async function each<T>(notifications: AsyncIterable<T>, take: (one: T) => void): Promise<void> {
  for await (const one of notifications) take(one);
}

void run((path) => Kit.on(path), process.argv.slice(2));
