"""Who may pass the gateway, and who is stopped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from inkread.server.app import create_app
from inkread.server.auth import COOKIE, Admin, Gatekeeper, User
from inkread.server.settings import Settings
from inkread.server.tokens import CLIENTS, Identity, issue
from inkread.server.users import Users

PASSWORD = "correct horse battery"


@pytest.fixture
def users(settings: Settings) -> Users:
    made = Users(settings.users_url)
    made.add("ada", PASSWORD, "admin")
    made.add("bob", PASSWORD, "user")
    return made


@pytest.fixture
def client(settings: Settings, users: Users) -> Iterator[TestClient]:
    app = create_app("gateway", settings)
    app.state.gatekeeper = Gatekeeper(settings.model_copy(update={"rate_limit": "20/minute"}), users)

    @app.get("/me")
    def me(who: User) -> str:
        return who.name

    @app.post("/me")
    def change(who: User) -> str:
        return who.name

    @app.get("/all")
    def everything(who: Admin) -> str:
        return who.name

    with TestClient(app) as client:
        yield client


def bearer(settings: Settings, name: str = "bob", role: str = "user", minutes: float = 1) -> dict[str, str]:
    identity = Identity(name, "admin" if role == "admin" else "user")
    return {"Authorization": f"Bearer {issue(identity, settings.key(CLIENTS), minutes)}"}


def test_token_and_password_both_say_who_it_is(client: TestClient, settings: Settings) -> None:
    assert client.get("/me", auth=("ada", PASSWORD)).json() == "ada"
    assert client.get("/me", headers=bearer(settings)).json() == "bob"


def test_nobody_gets_nowhere_and_is_told_how_to_log_in(client: TestClient) -> None:
    answer = client.get("/me")
    assert answer.status_code == 401
    assert "POST /token" in answer.json()["detail"]
    assert answer.headers["www-authenticate"]
    for header in ("Basic x", "Basic " + "A" * 10_000, "Bearer x", "Digest x", "Basic ==="):
        assert client.get("/me", headers={"Authorization": header}).status_code == 401


def test_a_user_may_not_do_what_an_admin_may(client: TestClient) -> None:
    assert client.get("/all", auth=("bob", PASSWORD)).status_code == 403
    assert client.get("/all", auth=("ada", PASSWORD)).status_code == 200


def test_the_sixth_wrong_log_in_in_a_minute_is_locked_out(client: TestClient) -> None:
    statuses = [client.get("/me", auth=("bob", "wrong")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = client.get("/me", auth=("bob", PASSWORD))
    assert answer.status_code == 429, "even the right password has to wait"
    assert answer.headers["retry-after"]
    assert client.get("/me", auth=("ada", PASSWORD)).status_code == 200, "others are not locked out"


def test_a_disabled_user_is_out_at_once(client: TestClient, users: Users, settings: Settings) -> None:
    assert client.get("/me", auth=("bob", PASSWORD)).status_code == 200
    users.set_disabled("bob", True)
    assert client.get("/me", auth=("bob", PASSWORD)).status_code == 401
    assert client.get("/me", headers=bearer(settings)).status_code == 401


def test_a_changed_password_ends_the_old_one_at_once(client: TestClient, users: Users) -> None:
    assert client.get("/me", auth=("bob", PASSWORD)).status_code == 200
    users.set_password("bob", "another long password")
    assert client.get("/me", auth=("bob", PASSWORD)).status_code == 401


def test_a_token_for_a_role_that_was_taken_away_is_refused(client: TestClient, settings: Settings) -> None:
    assert client.get("/all", headers=bearer(settings, "bob", "admin")).status_code == 401
    assert client.get("/me", headers=bearer(settings, "nobody")).status_code == 401
    assert client.get("/me", headers=bearer(settings, minutes=-1)).status_code == 401


def test_one_user_cannot_take_all_the_time(client: TestClient, settings: Settings) -> None:
    statuses = [client.get("/me", headers=bearer(settings)).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert client.get("/me", auth=("ada", PASSWORD)).status_code == 200


def test_the_cookie_is_worth_nothing_to_other_sites(client: TestClient, settings: Settings) -> None:
    token = bearer(settings)["Authorization"].removeprefix("Bearer ")
    client.cookies.set(COOKIE, token)
    assert client.get("/me").json() == "bob"
    assert client.post("/me", headers={"Origin": "http://testserver"}).status_code == 200
    assert client.post("/me", headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.post("/me", headers={"Origin": "null"}).status_code == 403
