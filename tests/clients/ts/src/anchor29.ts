// Anchor 0.29 with the legacy IDLs, over the last web3.js whose errors it understands.

import { AnchorClient, Generation } from "./anchor.js";
import { run } from "./walk.js";
import { steady } from "./web3.js";

// Untyped: the declarations of this web3.js, 1.91, would merge into those of the one that all others use.
const anchor = require("anchor29");

const generation: Generation = {
  web3: anchor.web3,
  capitals: true,
  connect: (url) => steady(new anchor.web3.Connection(url, "confirmed")),
  big: (value) => new anchor.BN(value.toString()),
  program(path, name, connection, payer) {
    const options = { commitment: "confirmed", preflightCommitment: "confirmed" } as const;
    const provider = new anchor.AnchorProvider(connection, new anchor.Wallet(payer), options);
    return new anchor.Program(path.idls[name]!.legacy, path.programs[name], provider);
  },
  parse: (program, logs) => [...new anchor.EventParser((program as any).programId, (program as any).coder).parseLogs(logs)],
  translated: (error) => (error instanceof anchor.ProgramError ? (error as any) : null),
};

void run((path) => new AnchorClient(generation, path), process.argv.slice(2));
