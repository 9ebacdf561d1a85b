"""Walks over the transactions that touched an account, oldest first, as a node serves them. What they mean is judged by the callers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

_PAGE = 1000
_CHUNK = 50


class Node(Protocol):
    """The part of `gridkit.chain.rpc.Rpc` that this file uses."""

    def signatures_for(
        self, address: str, *, until: str | None = None, before: str | None = None, limit: int = 1000
    ) -> list[dict[str, Any]]: ...

    def transactions(self, signatures: list[str]) -> list[dict[str, Any] | None]: ...


def landed(node: Node, address: str, *, until: str | None, before: str | None = None) -> list[str]:
    """Return the signatures of what succeeded between two transactions, both excluded, oldest first. What failed changed nothing."""
    newest_first: list[str] = []
    while True:
        page = node.signatures_for(address, until=until, before=before, limit=_PAGE)
        newest_first += [str(item["signature"]) for item in page if item.get("err") is None]
        if len(page) < _PAGE:
            return newest_first[::-1]
        before = str(page[-1]["signature"])


def chunks(node: Node, address: str, *, until: str | None) -> Iterator[list[tuple[str, dict[str, Any] | None]]]:
    """Yield (signature, transaction) of what succeeded after `until`, oldest first, at most 50 at once.

    None = confirmed but not to be had yet: nothing comes behind it, go on from there the next time.
    """
    found = landed(node, address, until=until)
    for at in range(0, len(found), _CHUNK):
        part = list(served(node, found[at : at + _CHUNK]))
        behind = next((n for n, (_, transaction) in enumerate(part) if transaction is None), None)
        if behind is not None:
            yield part[: behind + 1]
            return
        yield part


def served(node: Node, signatures: Sequence[str]) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield each transaction by signature, 50 a request; None = not to be had."""
    for at in range(0, len(signatures), _CHUNK):
        part = list(signatures[at : at + _CHUNK])
        yield from zip(part, node.transactions(part), strict=True)
