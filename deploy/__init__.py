"""How campusgrid runs: the `campusgrid` command, the local chain, contract deployment and the supervisor of one box."""
