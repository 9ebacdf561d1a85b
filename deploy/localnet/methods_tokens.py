"""Answers what is asked about SPL tokens, both token programs alike."""

from __future__ import annotations

import struct
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet.bank import MINT_SIZE, TOKEN, TOKEN_2022, TOKEN_ACCOUNT_SIZE, is_token_account
from deploy.localnet.encoding import account_options, ui_account
from deploy.localnet.jsonrpc import invalid_params
from deploy.localnet.methods_accounts import Keep, matching
from deploy.localnet.node import Node
from deploy.localnet.params import Options, address, at
from deploy.localnet.parsed_accounts import token_amount

MAX_LARGEST = 20
_MINT, _OWNER, _AMOUNT, _DELEGATE = slice(0, 32), slice(32, 64), 64, slice(72, 108)


def get_token_account_balance(node: Node, params: list[Any]) -> Any:
    """getTokenAccountBalance(token account)."""
    key, _ = address(at(params, 0, "a token account")), Options(params, 1, node.slot)
    account = node.bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if account.owner not in (TOKEN, TOKEN_2022) or not is_token_account(account.data):
        raise invalid_params("Invalid param: not a Token account")
    return node.with_context(_amount(node, account.data))


def get_token_supply(node: Node, params: list[Any]) -> Any:
    """getTokenSupply(mint)."""
    key, _ = address(at(params, 0, "a mint")), Options(params, 1, node.slot)
    data = _mint(node, key).data
    return node.with_context(token_amount(struct.unpack_from("<Q", data, 36)[0], data[44]))


def get_token_largest_accounts(node: Node, params: list[Any]) -> Any:
    """getTokenLargestAccounts(mint): the 20 largest holdings."""
    key, _ = address(at(params, 0, "a mint")), Options(params, 1, node.slot)
    mint, wanted = _mint(node, key), bytes(key)
    found = matching(node, mint.owner, lambda data: is_token_account(data) and data[_MINT] == wanted)
    holdings = sorted(
        ((struct.unpack_from("<Q", account.data, _AMOUNT)[0], str(at_)) for at_, account in found), reverse=True
    )
    decimals = mint.data[44]
    return node.with_context(
        [{"address": at_, **token_amount(atoms, decimals)} for atoms, at_ in holdings[:MAX_LARGEST]]
    )


def get_token_accounts_by_owner(node: Node, params: list[Any]) -> Any:
    """getTokenAccountsByOwner(owner, {mint} or {programId}, {encoding, dataSlice})."""
    owner = bytes(address(at(params, 0, "an owner")))
    return _token_accounts(node, params, lambda data: data[_OWNER] == owner)


def get_token_accounts_by_delegate(node: Node, params: list[Any]) -> Any:
    """getTokenAccountsByDelegate(delegate, {mint} or {programId}, {encoding, dataSlice})."""
    delegate = struct.pack("<I", 1) + bytes(address(at(params, 0, "a delegate")))
    return _token_accounts(node, params, lambda data: data[_DELEGATE] == delegate)


def _token_accounts(node: Node, params: list[Any], keep: Keep) -> Any:
    chosen = at(params, 1, "a mint or a program id")
    if not isinstance(chosen, dict) or ("mint" in chosen) == ("programId" in chosen):
        raise invalid_params("Invalid params: expected either `mint` or `programId`.")
    encoding, data_slice = account_options(Options(params, 2, node.slot))
    if "mint" in chosen:
        key = address(chosen["mint"])
        program, mint = _mint(node, key).owner, bytes(key)
        found = matching(node, program, lambda data: is_token_account(data) and data[_MINT] == mint and keep(data))
    else:
        program = address(chosen["programId"])
        if program not in (TOKEN, TOKEN_2022):
            raise invalid_params("Invalid param: unrecognized Token program id")
        found = matching(node, program, lambda data: is_token_account(data) and keep(data))
    shown = [
        {"pubkey": str(key), "account": ui_account(key, account, encoding, data_slice, node.bank.decimals)}
        for key, account in found
    ]
    return node.with_context(shown)


def _mint(node: Node, key: Pubkey) -> Account:
    account = node.bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find mint")
    data = account.data
    is_mint = len(data) == MINT_SIZE or (len(data) > TOKEN_ACCOUNT_SIZE and data[165] == 1)
    if account.owner not in (TOKEN, TOKEN_2022) or not is_mint:
        raise invalid_params("Invalid param: not a Token mint")
    return account


def _amount(node: Node, data: bytes) -> dict[str, Any]:
    return token_amount(struct.unpack_from("<Q", data, _AMOUNT)[0], node.bank.decimals(data[_MINT]))


METHODS = {
    "getTokenAccountBalance": get_token_account_balance,
    "getTokenSupply": get_token_supply,
    "getTokenLargestAccounts": get_token_largest_accounts,
    "getTokenAccountsByOwner": get_token_accounts_by_owner,
    "getTokenAccountsByDelegate": get_token_accounts_by_delegate,
}
