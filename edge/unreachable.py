"""Decides what a session that did not come about is put down to, and what somebody should do about it."""

from __future__ import annotations

import ssl
from typing import NamedTuple


class Trouble(NamedTuple):
    """Why there is no session: a metric label, and what to do."""

    label: str
    remedy: str


_VERIFY = {
    9: Trouble("broker_certificate_early", "set this computer's clock"),
    10: Trouble("broker_certificate_expired", "renew the broker's certificate, or its authority's"),
    18: Trouble("broker_authority_unknown", "is it the right broker? give the operator's new file as mqtt_ca"),
    19: Trouble("broker_authority_unknown", "is it the right broker? give the operator's new file as mqtt_ca"),
    20: Trouble("broker_authority_unknown", "is it the right broker? give the operator's new file as mqtt_ca"),
    21: Trouble("broker_authority_unknown", "is it the right broker? give the operator's new file as mqtt_ca"),
    62: Trouble("broker_other_name", "its certificate names another host: correct mqtt_host, or the certificate"),
    64: Trouble("broker_other_name", "its certificate names another host: correct mqtt_host, or the certificate"),
}
"""By OpenSSL's verify code. Source: x509_vfy.h, X509_V_ERR_*."""

_LOGIN = Trouble(
    "broker_login_refused",
    "correct mqtt_user, mqtt_password_file or the certificate; ask the operator whether the agent is enrolled",
)
_BUSY = Trouble("broker_busy", "nothing here: it is asked again; if it stays so, ask the operator")
_MOVED = Trouble("broker_moved", "ask the operator for the new mqtt_host")
_CONNACK = {
    0x84: Trouble("broker_other_version", "set mqtt_version to what it speaks: 5, or 4 for MQTT 3.1.1"),
    0x85: Trouble("broker_client_id_refused", "ask the operator: the agent's name may not be one that it takes"),
    **dict.fromkeys((0x86, 0x87, 0x8A, 0x8C), _LOGIN),
    **dict.fromkeys((0x88, 0x89, 0x97, 0x9F), _BUSY),
    **dict.fromkeys((0x9C, 0x9D), _MOVED),
}
"""By reason code; those of 3.1.1 come as their like. Source: MQTT 5.0, 3.2.2.2."""
HANGS_UP = Trouble(
    "broker_hangs_up",
    "over TLS: does it refuse our certificate, see certificate_days_left, or speak no TLS on this port? else: is it an MQTT broker?",
)
SILENT = Trouble("broker_silent", "restart the broker; is it an MQTT broker, on this port?")
NOT_SUBSCRIBED = Trouble(
    "subscription_refused",
    "ask the operator: the broker's list does not let the agent hear its configuration or receipts",
)
"""There is a session, and it is of no use: readings go and no receipt can come."""


def trouble(error: BaseException | None) -> Trouble:
    """Return what an attempt to connect has failed of."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, Trouble("broker_certificate_refused", error.verify_message))
    if isinstance(error, ssl.SSLError):
        return Trouble("tls", f"do both sides speak TLS, on this port? ({error})")
    if isinstance(error, ConnectionResetError):
        return HANGS_UP
    if isinstance(error, TimeoutError) and "handshake" in str(error):
        return SILENT  # The connection stood; one that does not come about times out without that word.
    if isinstance(error, ConnectionRefusedError):
        return Trouble("nobody_listens", "start the broker, or correct mqtt_port")
    return Trouble("unreachable", "look at the network, and at mqtt_host")


def refused(reason: int, said: str) -> Trouble:
    """Return why a broker has answered and taken no session: `reason` is the code of its CONNACK, `said` that code in words."""
    return _CONNACK.get(reason, Trouble("broker_refuses", f"ask the operator; it says: {said}"))
