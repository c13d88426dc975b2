"""A token is worth nothing once it is expired, altered, unsigned, or meant for something else."""

from __future__ import annotations

import base64
import json

import jwt
import pytest

from inkread.server.problems import ProblemError
from inkread.server.tokens import CLIENTS, SERVICES, Identity, issue, verify

KEY = "k" * 64
ADA = Identity("ada", "admin")


def refused(token: str) -> str:
    with pytest.raises(ProblemError) as caught:
        verify(token, KEY)
    assert caught.value.status == 401
    assert caught.value.headers["WWW-Authenticate"].startswith("Bearer")
    return caught.value.detail


def test_a_token_says_who_it_is() -> None:
    assert verify(issue(ADA, KEY, 1), KEY) == ADA


def test_an_expired_token_is_refused() -> None:
    assert "expired" in refused(issue(ADA, KEY, -0.1))


def test_a_token_of_another_key_or_audience_is_refused() -> None:
    refused(issue(ADA, "o" * 64, 1))
    refused(issue(ADA, KEY, 1, SERVICES))


def test_an_altered_role_is_refused() -> None:
    header, _, signature = issue(Identity("eve", "user"), KEY, 1).split(".")
    claims = jwt.decode(issue(Identity("eve", "user"), KEY, 1), options={"verify_signature": False})
    body = base64.urlsafe_b64encode(json.dumps(claims | {"role": "admin"}).encode()).rstrip(b"=").decode()
    refused(f"{header}.{body}.{signature}")


def test_an_unsigned_token_is_refused() -> None:
    claims = jwt.decode(issue(ADA, KEY, 1), options={"verify_signature": False})
    refused(jwt.encode(claims, "", "none"))


@pytest.mark.parametrize("missing", ["exp", "iat", "sub", "role", "iss", "aud"])
def test_a_token_without_a_claim_is_refused(missing: str) -> None:
    claims = jwt.decode(issue(ADA, KEY, 1), options={"verify_signature": False})
    del claims[missing]
    refused(jwt.encode(claims, KEY, "HS256"))


def test_an_unknown_role_is_refused() -> None:
    claims = jwt.decode(issue(ADA, KEY, 1, CLIENTS), options={"verify_signature": False})
    refused(jwt.encode(claims | {"role": "root"}, KEY, "HS256"))
