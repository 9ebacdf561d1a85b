"""Why the local chain answers a question otherwise than a validator, place by place; what is not listed is a fault."""

from __future__ import annotations

import re

from client_answers import Difference

EXPLAINED: tuple[tuple[str, str, str], ...] = ()
"""(question, place, why); question and place are regular expressions for the whole."""


def explanation(difference: Difference) -> str | None:
    """Return why two answers differ at a place, or None when nobody has said."""
    for question, place, why in EXPLAINED:
        if re.fullmatch(question, difference.question) and re.fullmatch(place, difference.place):
            return why
    return None
