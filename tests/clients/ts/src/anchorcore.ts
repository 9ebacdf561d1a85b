// Anchor 1.2 (@anchor-lang/core) with the IDLs of spec 0.1.0, which carry the program ids.

import * as anchor from "@anchor-lang/core";
import { AnchorClient, AnchorProgram, Generation } from "./anchor.js";
import { TranslatingConnection } from "./translating.js";
import { run } from "./walk.js";

const generation: Generation = {
  web3: anchor.web3,
  capitals: false,
  connect: (url) => new TranslatingConnection(url, "confirmed"),
  big: (value) => new anchor.BN(value.toString()),
  program(path, name, connection, payer) {
    const options = { commitment: "confirmed", preflightCommitment: "confirmed" } as const;
    const provider = new anchor.AnchorProvider(connection, new anchor.Wallet(payer), options);
    const program = new anchor.Program(path.idls[name]!.new as anchor.Idl, provider);
    if (program.programId.toBase58() !== path.programs[name]) throw new Error(`${name}: the IDL names another program`);
    return program as unknown as AnchorProgram;
  },
  parse(program, logs) {
    const known = program as unknown as anchor.Program;
    return [...new anchor.EventParser(known.programId, known.coder).parseLogs(logs)];
  },
  translated: (error) => (error instanceof anchor.ProgramError ? error : null),
};

void run((path) => new AnchorClient(generation, path), process.argv.slice(2));
