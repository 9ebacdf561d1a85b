"""Answers what is asked about accounts: whole, in part, by program, by weight."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet import base58
from deploy.localnet.encoding import account_options, ui_account
from deploy.localnet.jsonrpc import invalid_params
from deploy.localnet.node import Node
from deploy.localnet.params import Options, address, addresses, at, integer

MAX_MULTIPLE_ACCOUNTS = 100
MAX_FILTERS = 4
MAX_LARGEST = 20
MAX_ACCOUNT_SIZE = 10 * 1024 * 1024

Keep = Callable[[bytes], bool]


def get_account_info(node: Node, params: list[Any]) -> Any:
    """getAccountInfo(address, {encoding, dataSlice})."""
    key, options = address(at(params, 0, "an address")), Options(params, 1, node.slot)
    encoding, data_slice = account_options(options)
    account = node.bank.account(key)
    shown = None if account is None else ui_account(key, account, encoding, data_slice, node.bank.decimals)
    return node.with_context(shown)


def get_multiple_accounts(node: Node, params: list[Any]) -> Any:
    """getMultipleAccounts([address], {encoding, dataSlice}): null where nothing is, in order."""
    keys = addresses(at(params, 0, "a list of addresses"), MAX_MULTIPLE_ACCOUNTS)
    encoding, data_slice = account_options(Options(params, 1, node.slot), default="base64")
    shown = []
    for key in keys:
        account = node.bank.account(key)
        shown.append(None if account is None else ui_account(key, account, encoding, data_slice, node.bank.decimals))
    return node.with_context(shown)


def get_program_accounts(node: Node, params: list[Any]) -> Any:
    """getProgramAccounts(program, {encoding, dataSlice, filters, withContext})."""
    program, options = address(at(params, 0, "a program")), Options(params, 1, node.slot)
    encoding, data_slice = account_options(options)
    keep = filters(options.get("filters"))
    shown = [
        {"pubkey": str(key), "account": ui_account(key, account, encoding, data_slice, node.bank.decimals)}
        for key, account in node.bank.program_accounts(program)
        if keep(account.data)
    ]
    return node.with_context(shown) if options.flag("withContext") else shown


def filters(value: Any) -> Keep:
    """Return the test that a list of memcmp and dataSize filters makes of an account's data; all must hold."""
    if value is None:
        return lambda data: True
    if not isinstance(value, list):
        raise invalid_params("Invalid params: invalid type: filters, expected a sequence.")
    if len(value) > MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {MAX_FILTERS}")
    tests = [_filter(item) for item in value]
    return lambda data: all(test(data) for test in tests)


def _filter(item: Any) -> Keep:
    if isinstance(item, dict) and "dataSize" in item:
        size = integer(item["dataSize"], "u64")
        return lambda data: len(data) == size
    if item == "tokenAccountState" or (isinstance(item, dict) and "tokenAccountState" in item):
        return lambda data: len(data) >= 165 and data[108] != 0 and (len(data) == 165 or data[165] == 2)
    if isinstance(item, dict) and isinstance(item.get("memcmp"), dict):
        return _memcmp(item["memcmp"])
    raise invalid_params("Invalid params: unknown filter, expected `memcmp`, `dataSize` or `tokenAccountState`.")


def _memcmp(memcmp: dict[str, Any]) -> Keep:
    offset, given, encoding = (
        integer(memcmp.get("offset"), "usize"),
        memcmp.get("bytes"),
        memcmp.get("encoding", "base58"),
    )
    try:
        if isinstance(given, list):
            wanted = bytes(given)
        elif isinstance(given, str) and encoding == "base64":
            wanted = base64.b64decode(given, validate=True)
        elif isinstance(given, str) and encoding in ("base58", "binary", None):
            wanted = base58.decode(given)
        else:
            raise invalid_params(f"Invalid params: memcmp with encoding `{encoding}` is not known.")
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid_params(f"Invalid param: memcmp bytes cannot be decoded: {error}") from error
    if len(wanted) > 128:
        raise invalid_params("Invalid param: memcmp data too large; max 128 bytes")
    return lambda data: data[offset : offset + len(wanted)] == wanted


def get_balance(node: Node, params: list[Any]) -> Any:
    """getBalance(address): lamports."""
    key, _ = address(at(params, 0, "an address")), Options(params, 1, node.slot)
    return node.with_context(node.bank.balance(key))


def get_minimum_balance_for_rent_exemption(node: Node, params: list[Any]) -> Any:
    """getMinimumBalanceForRentExemption(bytes): lamports."""
    return node.bank.rent_exempt_lamports(integer(at(params, 0, "a size"), "usize", 0, MAX_ACCOUNT_SIZE))


def get_largest_accounts(node: Node, params: list[Any]) -> Any:
    """getLargestAccounts({filter}): the 20 richest; the faucet is what does not circulate."""
    wanted = Options(params, 0, node.slot).choice("filter", ("circulating", "nonCirculating", "all"), "all")
    faucet, balance = node.genesis.faucet, node.bank.balance
    keys = [key for key in node.bank.touched if wanted == "all" or (key == faucet) == (wanted == "nonCirculating")]
    richest = sorted(((balance(key), str(key)) for key in keys), reverse=True)[:MAX_LARGEST]
    return node.with_context([{"address": key, "lamports": lamports} for lamports, key in richest if lamports])


def get_supply(node: Node, params: list[Any]) -> Any:
    """getSupply({excludeNonCirculatingAccountsList}): all lamports; those of the faucet do not circulate."""
    options = Options(params, 0, node.slot)
    total = sum(map(node.bank.balance, node.bank.touched))
    held = node.bank.balance(node.genesis.faucet)
    listed = [] if options.flag("excludeNonCirculatingAccountsList") else [str(node.genesis.faucet)]
    value = {"total": total, "circulating": total - held, "nonCirculating": held, "nonCirculatingAccounts": listed}
    return node.with_context(value)


def matching(node: Node, program: Pubkey, keep: Keep) -> list[tuple[Pubkey, Account]]:
    """Return a program's accounts whose data passes a test."""
    return [(key, account) for key, account in node.bank.program_accounts(program) if keep(account.data)]


METHODS = {
    "getAccountInfo": get_account_info,
    "getMultipleAccounts": get_multiple_accounts,
    "getProgramAccounts": get_program_accounts,
    "getBalance": get_balance,
    "getMinimumBalanceForRentExemption": get_minimum_balance_for_rent_exemption,
    "getLargestAccounts": get_largest_accounts,
    "getSupply": get_supply,
}
