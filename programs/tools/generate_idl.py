"""Writes the two IDL forms of one interface: Anchor spec 0.1.0 (Anchor TS from 0.30) and the 0.29 form (anchorpy).

It decides how an interface is spelled for those clients. The account structs cover every byte, pads included, so a
Borsh reader sees the same offsets as the program.
"""

from __future__ import annotations

from generate_interface import FIRST_ERROR_CODE, Account, Field, Interface, Meta, Type, discriminator

IDL_VERSION = "0.1.0"
WELL_KNOWN = {
    "program:system": "11111111111111111111111111111111",
    "program:token": "TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA",
    "program:associated_token": "ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL",
    "program:loader": "BPFLoaderUpgradeab1e11111111111111111111111",
    "sysvar:instructions": "Sysvar1nstructions1111111111111111111111111",
    "sysvar:clock": "SysvarC1ock11111111111111111111111111111111",
    "sysvar:rent": "SysvarRent111111111111111111111111111111111",
}


def render(interface: Interface, address: str | None) -> dict[str, object]:
    """Return the IDL of spec 0.1.0; `address` is the program id, base58; empty when the deployment decides it."""
    accounts = [
        {"name": item.name, "discriminator": list(discriminator("account", item.name))} for item in interface.accounts
    ]
    events = [
        {"name": item.name, "discriminator": list(discriminator("event", item.name))} for item in interface.events
    ]
    structs = [
        *((item.name, item.docs, item.fields) for item in interface.types.values()),
        *((item.name, item.docs, _body(item)) for item in interface.accounts),
        *((item.name, item.docs, item.fields) for item in interface.events),
    ]
    return {
        "address": address or "",
        "metadata": {
            "name": interface.name,
            "version": IDL_VERSION,
            "spec": "0.1.0",
            "description": interface.docs.split("\n\n")[0].replace("\n", " "),
        },
        "docs": _docs(interface.docs),
        "instructions": [
            {
                "name": item.name,
                "docs": _docs(item.docs),
                "discriminator": list(discriminator("global", item.name)),
                "accounts": [_meta(meta) for meta in item.accounts],
                "args": [_field(part) for part in item.args],
            }
            for item in interface.instructions
        ],
        "accounts": accounts,
        "events": events,
        "errors": [
            {"code": FIRST_ERROR_CODE + index, "name": name, "msg": message}
            for index, (name, message) in enumerate(interface.errors)
        ],
        "types": [
            {"name": name, "docs": _docs(docs), "type": {"kind": "struct", "fields": [_field(part) for part in fields]}}
            for name, docs, fields in structs
        ],
        "constants": [
            {"name": item.name, "type": item.type, "value": _constant_text(item.type, item.value)}
            for item in interface.constants
        ],
    }


def render_legacy(interface: Interface, address: str | None) -> dict[str, object]:
    """Return the IDL in the 0.29 form."""
    idl: dict[str, object] = {
        "version": IDL_VERSION,
        "name": interface.name,
        "docs": _docs(interface.docs),
        "constants": [
            {
                "name": item.name,
                "type": item.type if item.type != "usize" else "u64",
                "value": _constant_text(item.type, item.value),
            }
            for item in interface.constants
        ],
        "instructions": [
            {
                "name": lower_camel(item.name),
                "docs": _docs(item.docs),
                "accounts": [_legacy_meta(meta) for meta in item.accounts],
                "args": [_legacy_field(part) for part in item.args],
            }
            for item in interface.instructions
        ],
        "accounts": [_legacy_struct(item.name, item.docs, _body(item)) for item in interface.accounts],
        "types": [_legacy_struct(item.name, item.docs, item.fields) for item in interface.types.values()],
        "events": [
            {"name": item.name, "fields": [{**_legacy_field(part, docs=False), "index": False} for part in item.fields]}
            for item in interface.events
        ],
        "errors": [
            {"code": FIRST_ERROR_CODE + index, "name": name, "msg": message}
            for index, (name, message) in enumerate(interface.errors)
        ],
    }
    if address:
        idl["metadata"] = {"address": address}
    return idl


def lower_camel(name: str) -> str:
    """Return lowerCamelCase of a snake_case name."""
    head, *tail = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in tail)


def _docs(text: str) -> list[str]:
    return text.splitlines()


def _body(account: Account) -> tuple[Field, ...]:
    return account.fields[1:]  # The discriminator is not a field in either form.


def _type(type_: Type) -> object:
    if type_.kind == "array":
        assert type_.item is not None
        return {"array": [_type(type_.item), type_.count]}
    if type_.kind in ("vec", "option"):
        assert type_.item is not None
        return {type_.kind: _type(type_.item)}
    return {"defined": {"name": type_.name}} if type_.kind == "struct" else type_.kind


def _legacy_type(type_: Type) -> object:
    if type_.kind == "array":
        assert type_.item is not None
        return {"array": [_legacy_type(type_.item), type_.count]}
    if type_.kind in ("vec", "option"):
        assert type_.item is not None
        return {type_.kind: _legacy_type(type_.item)}
    if type_.kind == "struct":
        return {"defined": type_.name}
    return "publicKey" if type_.kind == "pubkey" else type_.kind


def _field(part: Field) -> dict[str, object]:
    return {"name": part.name, "docs": _docs(part.docs), "type": _type(part.type)}


def _legacy_field(part: Field, *, docs: bool = True) -> dict[str, object]:
    out: dict[str, object] = {"name": lower_camel(part.name), "type": _legacy_type(part.type)}
    if docs:
        out["docs"] = _docs(part.docs)
    return out


def _legacy_struct(name: str, docs: str, fields: tuple[Field, ...]) -> dict[str, object]:
    return {
        "name": name,
        "docs": _docs(docs),
        "type": {"kind": "struct", "fields": [_legacy_field(part) for part in fields]},
    }


def _meta(meta: Meta) -> dict[str, object]:
    out: dict[str, object] = {"name": meta.name, "docs": _docs(meta.docs)}
    for key in ("writable", "signer", "optional"):
        if getattr(meta, key):
            out[key] = True
    if meta.kind in WELL_KNOWN:
        out["address"] = WELL_KNOWN[meta.kind]
    return out


def _legacy_meta(meta: Meta) -> dict[str, object]:
    out: dict[str, object] = {
        "name": lower_camel(meta.name),
        "isMut": meta.writable,
        "isSigner": meta.signer,
        "docs": _docs(meta.docs),
    }
    if meta.optional:
        out["isOptional"] = True
    return out


def _constant_text(type_: str, value: object) -> str:
    if type_ == "bytes":
        return str(list(str(value).encode()))
    return str(value).lower() if type_ == "bool" else str(value)
