"""Answers what is asked about accounts: whole, in part, by program, by weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.pubkey import Pubkey

from deploy.localnet import text_bytes
from deploy.localnet.bank import is_token_account
from deploy.localnet.encoding import Slice, account_options, ui_account
from deploy.localnet.jsonrpc import INVALID_REQUEST, RpcError, invalid_params
from deploy.localnet.node import Node
from deploy.localnet.params import Options, address, addresses, check_commitment, integer, sequence, wrong_type

MAX_MULTIPLE_ACCOUNTS = 100
MAX_FILTERS = 4
MAX_LARGEST = 20
MAX_ACCOUNT_SIZE = 10 * 1024 * 1024
MAX_MEMCMP_BYTES, MAX_MEMCMP_BASE58, MAX_MEMCMP_BASE64 = 128, 175, 172
"""Source: filter.rs of solana-rpc-client-types."""

Keep = Callable[[bytes], bool]


def get_account_info(node: Node, params: list[Any]) -> Any:
    """getAccountInfo(address, {encoding, dataSlice})."""
    key, options = address(params[0]), Options(params, 1, node.slot, "RpcAccountInfoConfig")
    encoding, data_slice = account_options(options)
    account = node.bank.account(key)
    shown = None if account is None else ui_account(key, account, encoding, data_slice, node.bank.decimals)
    return node.with_context(shown)


def get_multiple_accounts(node: Node, params: list[Any]) -> Any:
    """getMultipleAccounts([address], {encoding, dataSlice}): null where nothing is, in order."""
    keys = addresses(params[0], MAX_MULTIPLE_ACCOUNTS)
    encoding, data_slice = account_options(Options(params, 1, node.slot, "RpcAccountInfoConfig"), default="base64")
    shown = []
    for key in keys:
        account = node.bank.account(key)
        shown.append(None if account is None else ui_account(key, account, encoding, data_slice, node.bank.decimals))
    return node.with_context(shown)


def get_program_accounts(node: Node, params: list[Any]) -> Any:
    """getProgramAccounts(program, {encoding, dataSlice, filters, withContext}), by address."""
    program, options = address(params[0]), Options(params, 1, node.slot, "RpcProgramAccountsConfig")
    encoding, data_slice = account_options(options)
    found = matching(node, program, filters(options.get("filters")))
    shown = keyed_accounts(node, found, encoding, data_slice)
    return node.with_context(shown) if options.flag("withContext") else shown


def keyed_accounts(
    node: Node, found: list[tuple[Pubkey, Account]], encoding: str, data_slice: Slice | None
) -> list[dict[str, Any]]:
    """Return accounts with their addresses, as JSON."""
    decimals = node.bank.decimals
    return [
        {"pubkey": str(key), "account": ui_account(key, account, encoding, data_slice, decimals)}
        for key, account in found
    ]


def filters(value: Any) -> Keep:
    """Return the test that a list of memcmp and dataSize filters makes of an account's data; all must hold."""
    if value is None:
        return lambda data: True
    tests = [_filter(item) for item in sequence(value)]
    if len(tests) > MAX_FILTERS:
        raise invalid_params(f"Too many filters provided; max {MAX_FILTERS}")
    return lambda data: all(test(data) for test in tests)


def _filter(item: Any) -> Keep:
    if item == "tokenAccountState":
        return is_token_account
    if not isinstance(item, dict) or len(item) != 1:
        raise wrong_type(item, "a filter with one of `dataSize`, `memcmp`, `tokenAccountState`")
    [(name, value)] = item.items()
    if name == "dataSize":
        size = integer(value)
        return lambda data: len(data) == size
    if name == "memcmp":
        return _memcmp(value)
    if name == "tokenAccountState":
        return is_token_account
    raise invalid_params(
        f"Invalid params: unknown variant `{name}`, expected one of `dataSize`, `memcmp`, `tokenAccountState`."
    )


def _memcmp(memcmp: Any) -> Keep:
    if not isinstance(memcmp, dict):
        raise wrong_type(memcmp, "struct Memcmp")
    for name in ("offset", "bytes"):
        if name not in memcmp:
            raise invalid_params(f"Invalid params: missing field `{name}`.")
    offset, given = integer(memcmp["offset"], "usize"), memcmp["bytes"]
    encoding = Options([memcmp], 0, 0).choice("encoding", ("base58", "base64", "bytes"), "base58")
    if isinstance(given, list):
        wanted = bytes(integer(item, "u8", 255) for item in given)
    elif not isinstance(given, str):
        raise wrong_type(given, "base58, base64 or a list of bytes")
    elif len(given) > (MAX_MEMCMP_BASE64 if encoding == "base64" else MAX_MEMCMP_BASE58):
        raise invalid_params("Invalid param: DataTooLarge")
    else:
        kind = "base64" if encoding == "base64" else "base58"
        try:
            wanted = text_bytes.decode(given, kind)
        except ValueError as error:
            raise invalid_params(f"Invalid param: {kind.capitalize()}DecodeError({error})") from error
    if len(wanted) > MAX_MEMCMP_BYTES:
        raise invalid_params("Invalid param: DataTooLarge")
    return lambda data: data[offset : offset + len(wanted)] == wanted and offset <= len(data)


def get_balance(node: Node, params: list[Any]) -> Any:
    """getBalance(address): lamports."""
    key, _ = address(params[0]), Options(params, 1, node.slot)
    return node.with_context(node.bank.balance(key))


def get_minimum_balance_for_rent_exemption(node: Node, params: list[Any]) -> Any:
    """getMinimumBalanceForRentExemption(bytes): lamports."""
    size = integer(params[0], "usize")
    check_commitment(params, 1)
    if size > MAX_ACCOUNT_SIZE:
        raise RpcError(INVALID_REQUEST, "Invalid request")
    return node.bank.rent_exempt_lamports(size)


def get_largest_accounts(node: Node, params: list[Any]) -> Any:
    """getLargestAccounts({filter}): the 20 richest; the faucet is what does not circulate."""
    options = Options(params, 0, node.slot, "RpcLargestAccountsConfig")
    wanted = options.choice("filter", ("circulating", "nonCirculating"), "all")
    faucet, balance = node.genesis.faucet, node.bank.balance
    keys = [key for key in node.bank.touched if wanted == "all" or (key == faucet) == (wanted == "nonCirculating")]
    richest = sorted(((balance(key), str(key)) for key in keys), reverse=True)[:MAX_LARGEST]
    return node.with_context([{"address": key, "lamports": lamports} for lamports, key in richest if lamports])


def get_supply(node: Node, params: list[Any]) -> Any:
    """getSupply({excludeNonCirculatingAccountsList}): all lamports; those of the faucet do not circulate."""
    options = Options(params, 0, node.slot, "RpcSupplyConfig")
    total = sum(map(node.bank.balance, node.bank.touched))
    held = node.bank.balance(node.genesis.faucet)
    listed = [] if options.flag("excludeNonCirculatingAccountsList") else [str(node.genesis.faucet)]
    value = {"total": total, "circulating": total - held, "nonCirculating": held, "nonCirculatingAccounts": listed}
    return node.with_context(value)


def matching(node: Node, program: Pubkey, keep: Keep) -> list[tuple[Pubkey, Account]]:
    """Return a program's accounts whose data passes a test."""
    return [(key, account) for key, account in node.bank.program_accounts(program) if keep(account.data)]


METHODS = {
    "getAccountInfo": (get_account_info, 1, 2),
    "getMultipleAccounts": (get_multiple_accounts, 1, 2),
    "getProgramAccounts": (get_program_accounts, 1, 2),
    "getBalance": (get_balance, 1, 2),
    "getMinimumBalanceForRentExemption": (get_minimum_balance_for_rent_exemption, 1, 2),
    "getLargestAccounts": (get_largest_accounts, 0, 1),
    "getSupply": (get_supply, 0, 1),
}
