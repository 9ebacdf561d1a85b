// @solana/web3.js 1.x alone: instructions and accounts are packed and unpacked by hand, from the published tables.

import * as web3 from "@solana/web3.js";
import { Data, discriminator, eventsIn, failure, packed, ProgramEvent, Reader } from "./bytes.js";
import { Call, Field, PathFile, Refusal, run } from "./walk.js";
import { steady, Web3Client } from "./web3.js";

class Web3Js extends Web3Client {
  private readonly known = new Map<string, { name: string; reader: Reader }>();

  constructor(path: PathFile) {
    super(web3, steady(new web3.Connection(path.rpc_url, "confirmed")), path);
    for (const [name, id] of Object.entries(path.programs)) {
      this.known.set(id, { name, reader: new Reader(path.idls[name]!.new, (key) => this.address(key)) });
    }
  }

  async send(call: Call): Promise<string> {
    const { blockhash, lastValidBlockHeight } = await this.connection.getLatestBlockhash();
    const transaction = this.signed(call, blockhash);
    const options = { skipPreflight: !call.preflight, preflightCommitment: "confirmed", maxRetries: 0 } as const;
    const signature = await this.connection.sendRawTransaction(transaction.serialize(), options);
    const { value } = await this.connection.confirmTransaction({ signature, blockhash, lastValidBlockHeight }, "confirmed");
    if (value.err) {
      const { logs } = await this.transaction(signature);
      throw new web3.SendTransactionError({ action: "send", signature, transactionMessage: JSON.stringify(value.err), logs });
    }
    return signature;
  }

  async simulate(call: Call): Promise<readonly string[]> {
    const { blockhash } = await this.connection.getLatestBlockhash();
    const { value } = await this.connection.simulateTransaction(this.signed({ ...call, versioned: true }, blockhash) as web3.VersionedTransaction);
    if (value.err) throw new Error(JSON.stringify(value.err));
    return value.logs!;
  }

  refusal(_call: Call, error: unknown): Refusal {
    const found = error instanceof web3.SendTransactionError ? failure(error.logs ?? []) : null;
    if (found === null) throw error;
    return { program: this.known.get(found.program)!.name, code: found.code };
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

  private signed(call: Call, blockhash: string): web3.Transaction | web3.VersionedTransaction {
    const instructions = [...call.first.map((one) => this.instruction(one)), this.instruction(call)];
    const signers = call.signers.map((name) => this.signers[name]!);
    const payerKey = signers[0]!.publicKey;
    if (!call.versioned) {
      const transaction = new web3.Transaction({ feePayer: payerKey, blockhash, lastValidBlockHeight: 0 }).add(...instructions);
      transaction.sign(...signers);
      return transaction;
    }
    const message = new web3.TransactionMessage({ payerKey, recentBlockhash: blockhash, instructions }).compileToV0Message();
    const transaction = new web3.VersionedTransaction(message);
    transaction.sign(signers);
    return transaction;
  }

  private instruction(call: Call | [string, string, string]): web3.TransactionInstruction {
    if (Array.isArray(call)) return this.createTokenAccount(...call);
    const program = this.path.programs[call.program]!;
    const keys = call.accounts.map(([, at, marks]) => ({
      pubkey: this.key(at ?? program),
      isSigner: marks.includes("s"),
      isWritable: marks.includes("w"),
    }));
    const args = call.args.map(([, kind, value]) => packed(kind, value));
    const data = Buffer.concat([discriminator("global", call.instruction), ...args]);
    return new web3.TransactionInstruction({ programId: this.key(program), keys, data });
  }
}

void run((path) => new Web3Js(path), process.argv.slice(2));
