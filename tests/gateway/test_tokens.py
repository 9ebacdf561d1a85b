"""Access tokens: what is accepted speaks for one user for some minutes; everything else is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from gateway.auth.tokens import InvalidTokenError, Tokens

NOW_S = 1_790_000_000


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(tmp_path / "keys", life_s=600)


def issue(tokens: Tokens) -> str:
    return tokens.issue(user_id="u1", username="ann", role="student", wallet="W", session="s1", now_s=NOW_S)


def segments(token: str) -> tuple[dict[str, object], dict[str, object], str]:
    head, claims, signature = token.split(".")
    pad = "=="
    return (
        json.loads(base64.urlsafe_b64decode(head + pad)),
        json.loads(base64.urlsafe_b64decode(claims + pad)),
        signature,
    )


def segment(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_a_fresh_token_speaks_for_its_user(tokens: Tokens) -> None:
    """Otherwise nobody could sign in."""
    claims = tokens.verify(issue(tokens), NOW_S + 599)
    assert (claims.user_id, claims.role, claims.session) == ("u1", "student", "s1")


@pytest.mark.parametrize("seen_before", [False, True])
def test_a_token_ends_with_its_last_second_even_when_it_was_seen_before(tokens: Tokens, seen_before: bool) -> None:
    """A cache of verified tokens must not keep a session alive."""
    token = issue(tokens)
    if seen_before:
        tokens.verify(token, NOW_S)
    with pytest.raises(InvalidTokenError):
        tokens.verify(token, NOW_S + 600)


def test_a_token_of_another_gateway_is_refused(tokens: Tokens, tmp_path: Path) -> None:
    """Two deployments must not share sessions by accident."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(issue(Tokens(tmp_path / "other", life_s=600)), NOW_S)


def test_changed_claims_are_refused(tokens: Tokens) -> None:
    """A student must not write admin into the token."""
    head, claims, signature = segments(issue(tokens))
    with pytest.raises(InvalidTokenError):
        tokens.verify(f"{segment(head)}.{segment(claims | {'role': 'admin'})}.{signature}", NOW_S)


def test_algorithm_none_and_our_public_key_as_hmac_secret_are_refused(tokens: Tokens, tmp_path: Path) -> None:
    """The two classic forgeries need no private key."""
    head, claims, _ = segments(issue(tokens))
    with pytest.raises(InvalidTokenError):
        tokens.verify(f"{segment(head | {'alg': 'none'})}.{segment(claims)}.", NOW_S)
    pem = RSAKey.import_key(next((tmp_path / "keys").glob("*.pem")).read_bytes()).as_pem(private=False)
    signed = f"{segment(head | {'alg': 'HS256'})}.{segment(claims)}"
    mark = base64.urlsafe_b64encode(hmac.new(pem, signed.encode(), hashlib.sha256).digest()).decode().rstrip("=")
    forged = f"{signed}.{mark}"
    with pytest.raises(InvalidTokenError):
        tokens.verify(forged, NOW_S)


def test_a_key_inside_the_header_is_never_used(tokens: Tokens) -> None:
    """Otherwise everybody could bring an own key."""
    _, claims, _ = segments(issue(tokens))
    own = RSAKey.generate_key(2048)
    header = {"alg": "RS256", "typ": "at+jwt", "jwk": own.as_dict(private=False)}
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode(header, claims, own), NOW_S)


@pytest.mark.parametrize(
    "change",
    [{"iss": "elsewhere"}, {"aud": "another-api"}, {"exp": None}, {"sub": None}],
    ids=["issuer", "audience", "no expiry", "no subject"],
)
def test_wrong_or_missing_claims_are_refused_though_we_signed_them(
    tokens: Tokens, tmp_path: Path, change: dict[str, object]
) -> None:
    """A token made for another purpose with our key is no access token."""
    head, claims, _ = segments(issue(tokens))
    changed = {name: value for name, value in (claims | change).items() if value is not None}
    key = RSAKey.import_key(next((tmp_path / "keys").glob("*.pem")).read_bytes())
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": str(head["kid"])}, changed, key), NOW_S)
    with pytest.raises(InvalidTokenError):
        tokens.verify(jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(head["kid"])}, claims, key), NOW_S)


def test_older_keys_verify_after_a_rotation_and_the_newest_signs(tmp_path: Path) -> None:
    """Rotating the key must not sign everybody out."""
    folder = tmp_path / "keys"
    old = issue(Tokens(folder, life_s=600))
    first = next(folder.glob("*.pem"))
    (folder / "second.pem").write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    rotated = Tokens(folder, life_s=600)
    assert rotated.verify(old, NOW_S).user_id == "u1"
    head, _, _ = segments(issue(rotated))
    assert head["kid"] == "second"
    assert {key["kid"] for key in rotated.key_set()["keys"]} == {"second", first.stem}


def test_the_published_key_set_holds_no_private_part(tokens: Tokens) -> None:
    """The set is public."""
    assert all(set(key) <= {"kty", "n", "e", "kid", "use", "alg"} for key in tokens.key_set()["keys"])


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.b", "." * 10, "ÿ.ÿ.ÿ", "A" * 5000])
def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    """Scanners send anything."""
    with pytest.raises(InvalidTokenError):
        tokens.verify(token, NOW_S)
