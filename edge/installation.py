"""Decides whether the files that the settings name are there and are what they should be, before anything is connected or written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from edge.errors import TokenError
from edge.keystore import KeyStore, token_label
from edge.settings import PREFIX, EdgeSettings
from gridkit.clock import ClockError, open_clock
from gridkit.keys import KeyFileError
from gridkit.settings import SettingsError, refusal

_READABLE = ("mqtt_ca", "mqtt_cert", "mqtt_key", "mqtt_password_file", "pkcs11_module", "pkcs11_pin_file")
_TEXT = ("mqtt_password_file", "pkcs11_pin_file")


def check_installation(settings: EdgeSettings, path: Path | None) -> None:
    """Refuse to begin with files that are not as the settings say.

    Raises:
        SettingsError: Names file, line, field and what to do.
    """

    def refuse(field: str, why: str, remedy: str) -> SettingsError:
        return refusal(path, field, why, remedy, prefix=PREFIX)

    for field in _READABLE:
        file = getattr(settings, field)
        if file is None:
            continue
        if not os.path.isfile(file) or not os.access(
            file, os.R_OK
        ):  # Path.is_file raises where a folder cannot be entered.
            raise refuse(field, f"{file} cannot be read", "Give the right path, or let the agent's user read it.")
        if field in _TEXT:
            try:
                secret = file.read_text("utf-8").strip()
            except ValueError as error:
                raise refuse(field, f"{file} is no text", "Write the secret as one line of text.") from error
            if not secret:
                raise refuse(field, f"{file} is empty", "Write the secret as one line of text.")
    _check_tls(settings, refuse)
    keys = KeyStore(settings)
    owners: dict[bytes, str] = {}
    for index, meter in enumerate(settings.meters):
        field = f"meters[{index}].key_file"
        how = f"Make it with `campusgrid edge enroll --config {path} --meter {meter.id} --owner WALLET`."
        label = token_label(meter.key_file)
        try:
            if label is None and not meter.key_file.exists():
                raise refuse(field, f"{meter.key_file} is not there", how)
            found = keys.keys(meter.key_file)
        except OSError as error:
            why = f"{meter.key_file} cannot be read ({error.strerror})"
            raise refuse(field, why, "Give the right path, or let the agent's user read it.") from error
        except (KeyFileError, TokenError) as error:
            raise refuse(field, str(error), "Correct it, or name another key.") from error
        if not found:
            raise refuse(field, f"the token {settings.pkcs11_token!r} has no key {label!r}", how)
        for key in found.values():
            other = owners.setdefault(bytes(key.verify_key), meter.id)
            if other != meter.id:
                raise refuse(
                    field, f"{meter.key_file} holds the key of {other}", f"A meter has a key of its own. {how}"
                )
    try:
        open_clock(settings.clock)
    except (ClockError, OSError) as error:
        raise refuse("clock", str(error), "Start the localnet of this home, or leave clock out.") from error
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"{settings.home} cannot be made ({error.strerror})"
        raise refuse("home", why, "Name a folder of its own.") from error
    # A card that is read-only just now is no mistake in the settings: systemd tries again.
    is_read_only = os.statvfs(settings.home).f_flag & os.ST_RDONLY
    if not is_read_only and not os.access(settings.home, os.R_OK | os.W_OK | os.X_OK):
        why = f"{settings.home} cannot be written by this user"
        raise refuse("home", why, "Give the folder to the agent's user (chown), or name another.")


def _check_tls(settings: EdgeSettings, refuse: Callable[[str, str, str], SettingsError]) -> None:
    if settings.mqtt_ca is None:
        return
    import ssl

    try:
        context = ssl.create_default_context(cafile=str(settings.mqtt_ca))
    except OSError as error:
        why = f"{settings.mqtt_ca} holds no certificate of an authority"
        raise refuse("mqtt_ca", why, "Give the PEM file that the operator sent.") from error
    if settings.mqtt_cert is None or settings.mqtt_key is None:
        return
    try:
        context.load_cert_chain(settings.mqtt_cert, settings.mqtt_key, password="")
    except (OSError, ValueError) as error:
        why = f"{settings.mqtt_cert} and {settings.mqtt_key} are no certificate and its key"
        raise refuse(
            "mqtt_cert", why, "Give both PEM files that the operator sent; the key has no password."
        ) from error
