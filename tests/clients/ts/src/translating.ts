// A Connection for Anchor's TypeScript client from 0.30 on, with which `program.methods….rpc()` rejects with Anchor's own ProgramError
// for programs that log no error text. Since 1.92 web3.js repeats the logs in an error's text, and Anchor, which wants the error number
// to be there once, lets such an error pass untouched; a failure in a block reaches it without any number at all, and when web3.js reads
// the failure before it is told of it, it rejects with the bare TransactionError, which is no Error.

import { setTimeout as sleep } from "node:timers/promises";
import { Connection, SendTransactionError } from "@solana/web3.js";

export class TranslatingConnection extends Connection {
  override async sendRawTransaction(...sent: Parameters<Connection["sendRawTransaction"]>): Promise<string> {
    try {
      return await super.sendRawTransaction(...sent);
    } catch (error) {
      if (error instanceof SendTransactionError) error.message = error.transactionError.message;
      throw error;
    }
  }

  override async confirmTransaction(strategy: any, commitment?: any) {
    const answer = await super.confirmTransaction(strategy, commitment).catch((error: unknown) => {
      if (error instanceof Error) throw error;
      return { context: { slot: 0 }, value: { err: error as object } };
    });
    if (answer.value.err === null) return answer;
    const signature: string = typeof strategy === "string" ? strategy : strategy.signature;
    const landed = await confirmed(this, signature);
    throw Object.assign(new Error(`${signature} failed: ${JSON.stringify(answer.value.err)}`), {
      logs: landed?.meta?.logMessages ?? [],
    });
  }
}

/** A transaction once it is confirmed; null if it is not within a minute. */
export async function confirmed(connection: Connection, signature: string) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(200)) {
    const found = await connection.getTransaction(signature, { commitment: "confirmed", maxSupportedTransactionVersion: 0 });
    if (found !== null) return found;
  }
  return null;
}
