"""Who may pass the gateway, and who is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from fastapi.testclient import TestClient

from inkread.errors import SettingsError
from inkread.server.app import create_app
from inkread.server.auth import COOKIE, Admin, Gatekeeper, User, scope_of
from inkread.server.keys import Keys, Scope
from inkread.server.settings import Settings
from inkread.server.tokens import ALGORITHM, CLIENTS, Identity, issue
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
    app.state.users = users
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

    @app.post("/predict")
    def predict(who: User) -> str:
        return who.name

    with TestClient(app) as client:
        yield client


def bearer(settings: Settings, name: str = "bob", role: str = "user", minutes: float = 1) -> dict[str, str]:
    identity = Identity(name, "admin" if role == "admin" else "user")
    session = Users(settings.users_url).sessions.begin(name, timedelta(hours=1))
    return {"Authorization": f"Bearer {issue(identity, settings.key(CLIENTS), minutes, session=session)}"}


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


def test_a_session_goes_on_while_it_is_used_and_ends_with_the_log_out(
    client: TestClient, settings: Settings, users: Users
) -> None:
    session = users.sessions.begin("bob", timedelta(hours=1))

    def made(minutes_ago: float) -> str:
        token = issue(Identity("bob", "user"), settings.key(CLIENTS), settings.token_minutes, session=session)
        claims = jwt.decode(token, options={"verify_signature": False})
        claims |= {name: claims[name] - int(60 * minutes_ago) for name in ("iat", "exp")}
        return jwt.encode(claims, settings.key(CLIENTS), ALGORITHM)

    client.cookies = {COOKIE: made(1)}
    assert "set-cookie" not in client.get("/me").headers, "a new one is not renewed with every request"
    client.cookies = {COOKIE: made(14)}
    renewed = client.get("/me")
    assert renewed.headers["set-cookie"].startswith(f"{COOKIE}=")
    assert all(part in renewed.headers["set-cookie"].lower() for part in ("httponly", "samesite=strict", "max-age=900"))
    client.cookies = {COOKIE: made(16)}
    assert client.get("/me").status_code == 401, "what was not used for longer than a token lives has ended"
    client.cookies = {COOKIE: made(0)}
    Gatekeeper(settings, users).log_out(made(0))
    Users(settings.users_url)  # as a gateway does that starts again
    answer = client.get("/me")
    assert (answer.status_code, "session has ended" in answer.json()["detail"]) == (401, True)


def test_a_session_has_an_end_however_much_it_is_used(client: TestClient, settings: Settings, users: Users) -> None:
    session = users.sessions.begin("bob", timedelta(seconds=-1))
    client.cookies.set(COOKIE, issue(Identity("bob", "user"), settings.key(CLIENTS), 15, session=session))
    assert client.get("/me").status_code == 401


def test_a_new_password_ends_the_sessions_under_the_old_one(
    client: TestClient, users: Users, settings: Settings
) -> None:
    before = bearer(settings)
    assert client.get("/me", headers=before).status_code == 200
    users.set_password("bob", "another long password")
    assert client.get("/me", headers=before).status_code == 401


def key_header(keys: Keys, *scopes: Scope, user: str = "bob", **quotas: int) -> tuple[dict[str, str], str]:
    text, key = keys.add(user, "scanner", scopes, admin=user == "ada", **quotas)
    return {"Authorization": f"Bearer {text}"}, key.id


def test_a_key_opens_its_scope_only_until_it_is_revoked(client: TestClient, users: Users) -> None:
    header, key = key_header(users.keys, "predict")
    assert client.post("/predict", headers=header).json() == "bob"
    refused = client.get("/me", headers=header)
    assert (refused.status_code, refused.json()["detail"]) == (403, "this API key has not the scope admin")
    assert not users.keys.revoke(key, "ada"), "another user's key stays"
    assert users.keys.revoke(key, "bob")
    assert client.post("/predict", headers=header).status_code == 401


def test_a_key_is_never_more_than_its_user(client: TestClient, users: Users) -> None:
    header, _ = key_header(users.keys, "admin", user="ada")
    assert client.get("/all", headers=header).status_code == 200
    users.set_disabled("ada", True)
    assert client.get("/all", headers=header).status_code == 401
    with pytest.raises(SettingsError, match="bob is no admin"):
        users.keys.add("bob", "x", ["admin"])


def test_a_quota_of_requests_ends_at_its_number_and_says_when_it_begins_again(client: TestClient, users: Users) -> None:
    header, _ = key_header(users.keys, "predict", requests_a_day=3)
    answers = [client.post("/predict", headers=header) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert "3 requests a day of this key" in answers[-1].json()["detail"]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 24 * 3600 + 1
    assert client.post("/predict", auth=("bob", PASSWORD)).status_code == 200, "the quota is the key's"


def test_a_quota_of_pages_counts_what_was_read(client: TestClient, users: Users) -> None:
    header, key = key_header(users.keys, "predict", pages_a_day=10)
    assert users.keys.used_up() == set()
    for pages, status in ((4, 200), (6, 200), (1, 429)):
        assert client.post("/predict", headers=header).status_code == status
        users.keys.count_pages(key, pages)
    assert users.keys.used_up() == {key}
    (listed,) = users.keys.all("bob")
    assert (listed.requests_today, listed.pages_today) == (2, 11)


def test_keys_are_kept_as_hashes_and_guesses_are_locked_out(
    client: TestClient, users: Users, settings: Settings
) -> None:
    header, key = key_header(users.keys, "predict")
    secret = header["Authorization"].rpartition(f"{key}_")[2]
    assert secret.encode() not in (settings.home / "users.db").read_bytes()
    wrong = {"Authorization": f"Bearer ink_{key}_{secret[::-1]}"}
    statuses = [client.post("/predict", headers=wrong).status_code for _ in range(51)]
    assert statuses == [401] * 50 + [429]
    assert client.post("/predict", headers=header).status_code == 200, "the right key is not locked out by guesses"


def test_an_expired_key_is_refused(client: TestClient, users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    header, _ = key_header(users.keys, "predict", days=1)
    assert client.post("/predict", headers=header).status_code == 200

    class Later(datetime):
        @classmethod
        def now(cls, _zone: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=2)

    monkeypatch.setattr("inkread.server.keys.datetime", Later)
    assert client.post("/predict", headers=header).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "name", "message"),
    [([], "x", "one or more of the scopes"), (["read"], "x", "one or more of the scopes"), (["predict"], " ", "1 to")],
)
def test_a_wrong_key_is_said(users: Users, scopes: list[str], name: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        users.keys.add("bob", name, scopes)


def test_every_path_that_no_scope_names_needs_the_widest() -> None:
    assert scope_of("/predict") == "predict"
    assert scope_of("/documents/x/pages/1") == "documents"
    assert scope_of("/jobs/train-1") == "jobs"
    assert {scope_of(path) for path in ("/", "/keys", "/models/1/promote", "/predictions", "//predict")} == {"admin"}
