"""The gateway: HTTP and WebSocket for people and bots. It reads the chain and the bridge's store, and signs for custodial users.

One folder or file is one noun: `auth`, `custody`, `meters`, `readings`, `balances`, `book`, `orders`, `trades`, `stream`.
"""
