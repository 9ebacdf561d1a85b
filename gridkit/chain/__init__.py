"""The ledger's client: packs instructions, signs, sends, confirms, and reads accounts. It calls nothing that a Solana cluster lacks."""
