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


def trouble(error: BaseException | None) -> Trouble:
    """Return what an attempt to connect has failed of."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _VERIFY.get(error.verify_code, Trouble("broker_certificate_refused", error.verify_message))
    if isinstance(error, ssl.SSLError):
        return Trouble("tls", f"do both sides speak TLS, on this port? ({error})")
    if isinstance(error, ConnectionRefusedError):
        return Trouble("nobody_listens", "start the broker, or correct mqtt_port")
    return Trouble("unreachable", "look at the network, and at mqtt_host")
