"""What a session that did not come about is put down to."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from edge.unreachable import refused as connack
from edge.unreachable import trouble


def refused(code: int) -> ssl.SSLCertVerificationError:
    error: Any = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "what OpenSSL says"
    return error  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("error", "label"),
    [
        (refused(9), "broker_certificate_early"),
        (refused(10), "broker_certificate_expired"),
        (refused(18), "broker_authority_unknown"),
        (refused(20), "broker_authority_unknown"),
        (refused(64), "broker_other_name"),
        (refused(23), "broker_certificate_refused"),
        (ssl.SSLError(1, "wrong version number"), "tls"),
        (ConnectionRefusedError(), "nobody_listens"),
        (ConnectionResetError(), "broker_hangs_up"),
        (TimeoutError("_ssl.c:990: The handshake operation timed out"), "broker_silent"),
        (TimeoutError("timed out"), "unreachable"),
        (None, "unreachable"),
    ],
)
def test_what_failed_has_a_name_and_a_remedy(error: BaseException | None, label: str) -> None:
    """Who reads the alarm must know whether to renew, to correct or to drive there."""
    found = trouble(error)
    assert found.label == label
    assert found.remedy


@pytest.mark.parametrize(
    ("reason", "label"),
    [
        (0x84, "broker_other_version"),
        (0x85, "broker_client_id_refused"),
        (0x86, "broker_login_refused"),
        (0x87, "broker_login_refused"),
        (0x88, "broker_busy"),
        (0x9D, "broker_moved"),
        (0x83, "broker_refuses"),
    ],
)
def test_a_broker_that_says_no_is_told_from_one_that_is_not_there(reason: int, label: str) -> None:
    """ "Cannot be reached" sends somebody to the cables when it is the password."""
    found = connack(reason, "what it says")
    assert found.label == label
    assert found.remedy
