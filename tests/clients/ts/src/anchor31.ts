// Anchor 0.31 with the IDLs of spec 0.1.0, which carry the program ids, over the web3.js that is installed beside it today.

import * as anchor from "@coral-xyz/anchor";
import type { AnchorEvent, AnchorProgram, Flavour } from "./flavour.js";
import { run } from "./path.js";

const flavour: Flavour = {
  web3: anchor.web3,
  orderPlaced: "orderPlaced",
  big: (value) => new anchor.BN(value.toString()),
  program(campus, name, connection, payer) {
    const options = { commitment: "confirmed", preflightCommitment: "confirmed" } as const;
    const provider = new anchor.AnchorProvider(connection, new anchor.Wallet(payer), options);
    return new anchor.Program(campus.idl(name, "") as anchor.Idl, provider) as unknown as AnchorProgram;
  },
  parse(program, logs) {
    const known = program as unknown as anchor.Program;
    return [...new anchor.EventParser(known.programId, known.coder).parseLogs(logs)] as AnchorEvent[];
  },
  refusal(program, error) {
    // Since 1.92 web3.js repeats the logs in an error's text, and Anchor's translation, which wants the number to be there once,
    // lets it pass untouched. Its parser still knows the sentence that web3.js keeps apart.
    const sentence = (error as { transactionMessage?: string }).transactionMessage;
    const known = program as unknown as anchor.Program;
    const parsed =
      sentence === undefined ? error : anchor.ProgramError.parse(new Error(sentence), anchor.parseIdlErrors(known.rawIdl));
    return parsed instanceof anchor.ProgramError ? { code: parsed.code, msg: parsed.msg } : null;
  },
};

void run(flavour, process.argv.slice(2));
