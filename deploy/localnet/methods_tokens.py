"""Answers what is asked about SPL tokens, both token programs alike."""

from __future__ import annotations

import struct
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet.bank import TOKEN, TOKEN_2022, is_mint, is_token_account
from deploy.localnet.encoding import account_options
from deploy.localnet.jsonrpc import invalid_params
from deploy.localnet.methods_accounts import Keep, keyed_accounts, matching
from deploy.localnet.node import Node
from deploy.localnet.params import Options, address, check_commitment, wrong_type
from deploy.localnet.parsed_accounts import token_amount

MAX_LARGEST = 20
_MINT, _OWNER, _AMOUNT, _DELEGATE = slice(0, 32), slice(32, 64), 64, slice(72, 108)


def get_token_account_balance(node: Node, params: list[Any]) -> Any:
    """getTokenAccountBalance(token account)."""
    key = address(params[0])
    check_commitment(params, 1)
    account = node.bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if account.owner not in (TOKEN, TOKEN_2022) or not is_token_account(account.data):
        raise invalid_params("Invalid param: not a Token account")
    data = account.data
    decimals = _mint(node, Pubkey.from_bytes(data[_MINT])).data[44]
    return node.with_context(token_amount(struct.unpack_from("<Q", data, _AMOUNT)[0], decimals))


def get_token_supply(node: Node, params: list[Any]) -> Any:
    """getTokenSupply(mint)."""
    key = address(params[0])
    check_commitment(params, 1)
    account = node.bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find account")
    if account.owner not in (TOKEN, TOKEN_2022):
        raise invalid_params("Invalid param: not a Token mint")
    data = account.data
    if not is_mint(data):
        raise invalid_params("Invalid param: mint could not be unpacked")
    return node.with_context(token_amount(struct.unpack_from("<Q", data, 36)[0], data[44]))


def get_token_largest_accounts(node: Node, params: list[Any]) -> Any:
    """getTokenLargestAccounts(mint): the 20 largest holdings."""
    key = address(params[0])
    check_commitment(params, 1)
    mint, wanted = _mint(node, key), bytes(key)
    found = matching(node, mint.owner, lambda data: is_token_account(data) and data[_MINT] == wanted)
    holdings = sorted(
        ((struct.unpack_from("<Q", account.data, _AMOUNT)[0], bytes(at), at) for at, account in found), reverse=True
    )
    decimals = mint.data[44]
    return node.with_context(
        [{"address": str(at), **token_amount(atoms, decimals)} for atoms, _, at in holdings[:MAX_LARGEST]]
    )


def get_token_accounts_by_owner(node: Node, params: list[Any]) -> Any:
    """getTokenAccountsByOwner(owner, {mint} or {programId}, {encoding, dataSlice})."""
    owner = bytes(address(params[0]))
    return _token_accounts(node, params, lambda data: data[_OWNER] == owner)


def get_token_accounts_by_delegate(node: Node, params: list[Any]) -> Any:
    """getTokenAccountsByDelegate(delegate, {mint} or {programId}, {encoding, dataSlice})."""
    delegate = struct.pack("<I", 1) + bytes(address(params[0]))
    return _token_accounts(node, params, lambda data: data[_DELEGATE] == delegate)


def _token_accounts(node: Node, params: list[Any], keep: Keep) -> Any:
    chosen = params[1]
    if not isinstance(chosen, dict):
        raise wrong_type(chosen, "enum RpcTokenAccountsFilter")
    if chosen.keys() not in ({"mint"}, {"programId"}):
        raise invalid_params("Invalid params: expected one of `mint`, `programId`.")
    encoding, data_slice = account_options(Options(params, 2, node.slot, "RpcAccountInfoConfig"))
    if "mint" in chosen:
        key = address(chosen["mint"])
        program, mint = _mint(node, key).owner, bytes(key)
        found = matching(node, program, lambda data: is_token_account(data) and data[_MINT] == mint and keep(data))
    else:
        program = address(chosen["programId"])
        if program not in (TOKEN, TOKEN_2022):
            raise invalid_params("Invalid param: unrecognized Token program id")
        found = matching(node, program, lambda data: is_token_account(data) and keep(data))
    return node.with_context(keyed_accounts(node, found, encoding, data_slice))


def _mint(node: Node, key: Pubkey) -> Account:
    account = node.bank.account(key)
    if account is None:
        raise invalid_params("Invalid param: could not find mint")
    if not is_mint(account.data):
        raise invalid_params("Invalid param: Token mint could not be unpacked")
    if account.owner not in (TOKEN, TOKEN_2022):
        raise invalid_params("Invalid param: not a Token mint")
    return account


METHODS = {
    "getTokenAccountBalance": (get_token_account_balance, 1, 2),
    "getTokenSupply": (get_token_supply, 1, 2),
    "getTokenLargestAccounts": (get_token_largest_accounts, 1, 2),
    "getTokenAccountsByOwner": (get_token_accounts_by_owner, 2, 3),
    "getTokenAccountsByDelegate": (get_token_accounts_by_delegate, 2, 3),
}
