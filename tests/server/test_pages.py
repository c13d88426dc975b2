"""The page lets in who may enter, and shows strangers' texts and names as text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest

from inkread.server.auth import COOKIE
from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.settings import Settings
from tests.server.servers import served, wait_until_ready

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def client(settings: Settings) -> Iterator[httpx2.Client]:
    with served(gateway_app(settings)) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        yield client


def log_in(client: httpx2.Client, password: str = "1resu", **headers: str) -> httpx2.Response:
    return client.post("/login", data={"name": "user1", "password": password}, headers=headers)


def test_log_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(client: httpx2.Client) -> None:
    assert 'action="/login"' in client.get("/").text
    answer = log_in(client)
    assert answer.status_code == 303
    flags = answer.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=strict", "path=/"))
    for address, shown in (("/", "workbench"), ("/d/0123456789abcdef/3", "workbench"), ("/try", "Drop a scan here")):
        page = client.get(address)
        assert shown in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
    kept = client.cookies[COOKIE]
    assert client.post("/logout").status_code == 303
    assert COOKIE not in client.cookies
    client.cookies.set(COOKIE, kept)
    assert 'action="/login"' in client.get("/").text, "who kept the cookie is logged out too"


def test_log_in_leads_to_the_page_that_was_asked_for_and_never_elsewhere(client: httpx2.Client) -> None:
    assert 'value="/d/0123456789abcdef/3"' in client.get("/d/0123456789abcdef/3").text
    for asked, led in (
        ("/d/0123456789abcdef/3", "/d/0123456789abcdef/3"),
        ("/try", "/try"),
        ("/f/t/claim-2.b/edit", "/f/t/claim-2.b/edit"),
        ("/f/t/claim/../../evil", "/"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/docs", "/"),
    ):
        answer = client.post("/login", data={"name": "user1", "password": "1resu", "to": asked})
        assert answer.headers["location"] == led
        client.cookies.clear()


def test_a_session_is_renewed_for_its_own_cookie_only(client: httpx2.Client) -> None:
    assert client.post("/session").status_code == 401
    assert "set-cookie" not in client.post("/session", auth=("user1", "1resu")).headers
    log_in(client)
    renewed = client.post("/session")
    assert renewed.status_code == 204
    assert "httponly" in renewed.headers["set-cookie"].lower()
    assert client.post("/session", headers={"Origin": "https://evil.example"}).status_code == 403


def test_browsers_ask_whether_files_changed(client: httpx2.Client) -> None:
    first = client.get("/static/workbench/main.js")
    assert first.headers["cache-control"] == "no-cache"
    assert client.get("/static/workbench/main.js", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_wrong_log_ins_are_told_and_then_locked(client: httpx2.Client) -> None:
    answers = [log_in(client, "wrong") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert "User name or password is wrong." in answers[0].text
    assert "Too many wrong log-ins, wait a minute." in answers[5].text
    assert COOKIE not in client.cookies


def test_another_site_cannot_log_somebody_in(client: httpx2.Client) -> None:
    assert log_in(client, Origin="https://evil.example").status_code == 403


def test_outside_development_the_cookie_needs_https_and_no_password_is_shown(settings: Settings) -> None:
    production = settings.model_copy(update={"environment": "production"})
    app = gateway_app(production)
    app.state.users.add("ada", "correct horse battery", "user")
    with served(app) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        assert "1resu" not in client.get("/").text
        answer = client.post("/login", data={"name": "ada", "password": "correct horse battery"})
        assert "secure" in answer.headers["set-cookie"].lower()


def test_over_plain_http_the_log_in_says_what_is_missing(settings: Settings) -> None:
    app = gateway_app(settings.model_copy(update={"environment": "production"}))
    app.state.users.add("ada", "correct horse battery", "user")
    form = {"name": "ada", "password": "correct horse battery"}
    with served(app) as url, httpx2.Client(base_url=url, trust_env=False) as client:
        elsewhere = {"Host": "inkread.example"}
        answer = client.post("/login", data=form, headers=elsewhere)
        assert answer.status_code == 403
        assert "over plain HTTP" in answer.text
        assert "set-cookie" not in answer.headers
        behind_proxy = client.post("/login", data=form, headers=elsewhere | {"X-Forwarded-Proto": "https"})
        assert behind_proxy.status_code == 303


def test_names_and_texts_are_shown_as_text(settings: Settings, letter: bytes) -> None:
    with served(prediction_app(settings)) as prediction:
        wait_until_ready(prediction)
        with (
            served(gateway_app(settings.model_copy(update={"prediction_url": prediction}))) as url,
            httpx2.Client(base_url=url, trust_env=False, timeout=60) as client,
        ):
            assert client.post("/read", files={"file": letter}).status_code == 401
            log_in(client)
            answer = client.post("/read?min_confidence=1", files={"file": ("<script>x</script>.png", letter)})
            assert answer.status_code == 200
            assert "<script>" not in answer.text
            assert "&lt;script&gt;x" in answer.text or "script&gt;.png" in answer.text
            assert "My dear" in answer.text
            assert answer.text.count("<polygon") == len(re.findall(r"<li class", answer.text)) > 5
            assert ", check" in answer.text
            bad = client.post("/read", files={"file": ("a.png", b"text")})
            assert (bad.status_code, "none of PNG" in bad.json()["detail"]) == (415, True)


def test_an_unknown_address_shows_people_a_page_and_programs_a_problem(client: httpx2.Client) -> None:
    browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
    for address in ("/nowhere", "/static/nothing.js", "/d", "/admin/a/b/c"):
        page = client.get(address, headers={"Accept": browser})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "There is no such page" in page.text and '<a href="/">All documents</a>' in page.text
        for accept in ("*/*", "application/json", "application/json, text/html;q=0.1"):
            problem = client.get(address, headers={"Accept": accept})
            assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
            assert problem.json()["request_id"]


def test_files_that_cannot_be_read_are_told_by_their_first_bytes(client: httpx2.Client, letter: bytes) -> None:
    heads = {"letter.png": letter[:1024], "empty.pdf": b"", "letter.docx": b"PK\x03\x04", "plan.psd": b"8BPS\0\1"}
    files = [("file", (name, head)) for name, head in heads.items()]
    assert client.post("/documents/check", files=files).status_code == 401
    refused = client.post("/documents/check", files=files, auth=("user1", "1resu")).json()["refused"]
    assert [each["file"] for each in refused] == [1, 2, 3]
    assert refused[1]["detail"] == "letter.docx: this is none of PNG, JPEG, WebP, TIFF and PDF, save it as one of them"
    assert refused[2]["detail"] == "plan.psd: this is Photoshop, which is not read, save it as PNG or JPEG"
    assert client.get("/documents", auth=("user1", "1resu")).json()["total"] == 0
