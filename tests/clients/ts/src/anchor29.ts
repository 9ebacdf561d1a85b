// Anchor 0.29 with the legacy IDLs, over the last web3.js whose errors it understands.

import * as anchor from "anchor29";
import type { AnchorEvent, AnchorProgram, Flavour } from "./flavour.js";
import { run } from "./path.js";

const flavour: Flavour = {
  web3: anchor.web3 as unknown as Flavour["web3"],
  orderPlaced: "OrderPlaced",
  big: (value) => new anchor.BN(value.toString()),
  program(campus, name, connection, payer) {
    const options = { commitment: "confirmed", preflightCommitment: "confirmed" } as const;
    const beneath = connection as unknown as anchor.web3.Connection;
    const provider = new anchor.AnchorProvider(beneath, new anchor.Wallet(payer), options);
    const id = new anchor.web3.PublicKey(campus.program(name).toBase58());
    return new anchor.Program(campus.idl(name, ".legacy") as anchor.Idl, id, provider) as unknown as AnchorProgram;
  },
  parse(program, logs) {
    const known = program as unknown as anchor.Program;
    return [...new anchor.EventParser(known.programId, known.coder).parseLogs(logs)] as AnchorEvent[];
  },
  refusal: (_program, error) => (error instanceof anchor.ProgramError ? { code: error.code, msg: error.msg } : null),
};

void run(flavour, process.argv.slice(2));
