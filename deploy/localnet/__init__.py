"""The local chain: the real SVM in this process, behind Solana's JSON-RPC and WebSocket, with state that survives a kill.

`wire` reads transactions, `bank` decides what they do, `journal`, `snapshot` and `history` keep it, `ledger` joins
those, `methods` and `subscriptions` answer clients, `http_server` and `ws_server` carry the bytes, `node` runs it all.
"""
