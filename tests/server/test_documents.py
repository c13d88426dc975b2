"""Documents are read to the end, corrected without losing anything, shared, found, and deleted to the last byte."""

from __future__ import annotations

import json
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pikepdf
import pytest
from lxml import etree
from PIL import Image
from prometheus_client import REGISTRY
from pydantic import SecretStr
from sqlalchemy import select

from inkread.formats import FORMATS
from inkread.server.documents.store import File, Store
from inkread.server.documents.tables import Page, Version
from inkread.server.documents.webhooks import Webhooks
from inkread.server.gateway.app import gateway_app
from inkread.server.prediction.app import prediction_app
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users
from tests.server.conftest import SECRET
from tests.server.servers import free_port, served, wait_until_ready, when

OWNER, OTHER, ADMIN = ("user1", "1resu"), ("other", "other's password"), ("admin1", "1nimda")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def prediction(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a stack whose prediction service runs."""
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, secret=SecretStr(SECRET), decoders=2, readers=1, document_pages=5)
    with served(prediction_app(settings)) as url:
        wait_until_ready(url)
        yield settings.model_copy(update={"prediction_url": url})


@pytest.fixture(scope="module")
def gateway(prediction: Settings) -> Iterator[str]:
    Users(prediction.users_url).add(*OTHER, "user")
    with served(gateway_app(prediction)) as url:
        yield url


@pytest.fixture
def client(gateway: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=OWNER) as client:
        yield client


@pytest.fixture
def other(gateway: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=OTHER) as client:
        yield client


@pytest.fixture(scope="session")
def lines(letter: bytes) -> Image.Image:
    """The first lines of the letter: "Bristol ... My dear Margaret"."""
    return Image.open(BytesIO(letter)).convert("L").crop((0, 0, 1240, 420))


def encoded(image: Image.Image, kind: str = "PNG", more: int = 0) -> bytes:
    body = BytesIO()
    several = {"save_all": True, "append_images": [image] * more} if more else {}
    image.save(body, kind, **several)
    return body.getvalue()


def ended(client: httpx2.Client, document: str) -> dict[str, Any]:
    """The document once nothing of it waits."""

    def found() -> dict[str, Any] | None:
        state: dict[str, Any] = client.get(f"/documents/{document}").json()
        return state if state["state"] in ("read", "failed", "cancelled") else None

    result: dict[str, Any] = when(found)
    return result


def upload(client: httpx2.Client, *files: tuple[str, bytes], **fields: str) -> str:
    answer = client.post("/documents", files=[("file", file) for file in files], data=fields)
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/documents/{answer.json()['id']}"
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def read(gateway: str, lines: Image.Image) -> str:
    """A document of one page that was read; tests leave it as it is."""
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=OWNER) as client:
        document = upload(client, ("letter.png", encoded(lines)), name="Letters to Margaret", collection="Bristol")
        assert ended(client, document)["state"] == "read"
        return document


@pytest.fixture
def own(client: httpx2.Client, lines: Image.Image) -> Iterator[str]:
    """A document of one page that a test may change."""
    document = upload(client, ("letter.png", encoded(lines)))
    ended(client, document)
    yield document
    client.delete(f"/documents/{document}")


def put(client: httpx2.Client, page: dict[str, Any], lines: list[dict[str, Any]], **more: str) -> httpx2.Response:
    return client.put(
        f"/documents/{page['document']}/pages/{page['number']}",
        json={"lines": lines, **more},
        headers={"If-Match": f'"{page["revision"]}"'},
    )


def page_of(client: httpx2.Client, document: str) -> dict[str, Any]:
    answer = client.get(f"/documents/{document}/pages/1")
    page: dict[str, Any] = answer.json()
    assert answer.headers["etag"] == f'"{page["revision"]}"'
    return page


def test_a_bad_file_is_named_and_stops_no_other(client: httpx2.Client, lines: Image.Image) -> None:
    pdf = encoded(lines, "PDF", more=1)
    document = upload(client, ("scans.pdf", pdf), ("notes.docx", b"PK no image"), ("last.png", encoded(lines)))
    found = ended(client, document)
    assert found["state"] == "read"
    assert [(page["number"], page["state"]) for page in found["pages"]] == [
        (1, "read"),
        (2, "read"),
        (3, "failed"),
        (4, "read"),
    ]
    assert found["pages_total"] == found["pages_done"] == 4
    assert found["pages"][2]["error"].startswith("notes.docx: this is none of PNG")
    assert found["error"].startswith("1 of 4 pages could not be read; page 3: notes.docx")
    assert 0.5 < found["confidence"] <= 1
    answer = client.get(f"/documents/{document}/result?format=page")
    with zipfile.ZipFile(BytesIO(answer.content)) as packed:
        assert packed.namelist() == [f"scans_{number:04}.page.xml" for number in (1, 2, 4)]
    assert client.get(f"/documents/{document}/pages/3/image").status_code == 404
    assert client.delete(f"/documents/{document}").status_code == 204


def test_a_document_with_too_many_pages_says_so(client: httpx2.Client, lines: Image.Image) -> None:
    document = upload(client, ("long.tif", encoded(lines.crop((0, 0, 200, 100)), "TIFF", more=5)))
    found = ended(client, document)
    assert (found["state"], len(found["pages"])) == ("failed", 1)
    assert "more than the 5 pages" in found["error"]


def test_progress_is_told_as_it_happens(client: httpx2.Client, lines: Image.Image) -> None:
    document = upload(client, ("two.pdf", encoded(lines, "PDF", more=1)))
    states: dict[int, list[str]] = {}
    last = ""
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        with client.stream("GET", f"/documents/{document}/events", headers=headers) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            event = ""
            for line in answer.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    last = value
                elif field == "event":
                    event = value
                elif field == "data" and event == "page":
                    page = json.loads(value)
                    states.setdefault(page["number"], []).append(page["state"])
                elif field == "data":
                    summary = json.loads(value)
                    if summary["state"] == "read":
                        break
        if summary["state"] == "read":
            break
    assert set(states) == {1, 2}
    assert all(seen[-1] == "read" for seen in states.values())
    with client.stream("GET", f"/documents/{document}/events", headers={"Last-Event-ID": last}) as answer:
        first = next(line for line in answer.iter_lines() if line)
        assert first == "retry: 1000", "nothing changed since, so nothing is told"


def test_every_format_has_what_was_read(client: httpx2.Client, read: str) -> None:
    for name, start in (
        ("txt", b"Bristol"),
        ("json", b"{"),
        ("alto", b"<?xml"),
        ("page", b"<?xml"),
        ("hocr", b"<"),
        ("pdf", b"%PDF-"),
    ):
        for path in (f"/documents/{read}/result", f"/documents/{read}/pages/1/result"):
            answer = client.get(f"{path}?format={name}")
            assert answer.content.startswith(start), (path, name)
            assert "attachment" in answer.headers["content-disposition"]
            assert answer.headers["content-type"].startswith(FORMATS[name].media_type)
    for pages, status in (("1", 200), ("1-9", 200), ("2", 422), ("2-1", 422), ("1-", 422), ("all", 422)):
        assert client.get(f"/documents/{read}/result", params={"pages": pages}).status_code == status, pages
    whole = client.post("/documents/export", json={"documents": [read], "format": "alto"})
    with zipfile.ZipFile(BytesIO(whole.content)) as packed:
        assert packed.namelist() == ["Letters to Margaret.alto.xml"]
        assert b"Margaret" in packed.read("Letters to Margaret.alto.xml")


@pytest.mark.parametrize("name", ["", "../../x", "nothing", "a/b", "x" * 300])
def test_what_is_exported_is_a_document(client: httpx2.Client, name: str) -> None:
    assert client.post("/documents/export", json={"documents": [name], "format": "txt"}).status_code == 404


def test_pictures_are_jpeg_and_as_wide_as_asked(client: httpx2.Client, read: str) -> None:
    whole = client.get(f"/documents/{read}/pages/1/image")
    assert Image.open(BytesIO(whole.content)).size == (1240, 420)
    assert "immutable" in whole.headers["cache-control"]
    for _ in range(2):
        small = client.get(f"/documents/{read}/pages/1/image?width=400")
        picture = Image.open(BytesIO(small.content))
        assert (picture.format, picture.size) == ("JPEG", (320, 108))


@pytest.mark.parametrize("turned", [90, 180])
def test_a_page_is_kept_upright(client: httpx2.Client, lines: Image.Image, turned: int) -> None:
    document = upload(client, ("turned.png", encoded(lines.rotate(turned, expand=True))))
    ended(client, document)
    page = page_of(client, document)
    assert (page["width"], page["height"]) == (1240, 420)
    picture = Image.open(BytesIO(client.get(f"/documents/{document}/pages/1/image").content))
    assert picture.size == (1240, 420)
    assert any("Margaret" in line["text"] for line in page["lines"])
    for line in page["lines"]:
        assert line["baseline"][0][0] < line["baseline"][-1][0], "from left to right on the upright page"


def test_two_people_correct_one_page_and_nothing_is_lost(client: httpx2.Client, other: httpx2.Client, own: str) -> None:
    assert client.put(f"/documents/{own}/shares/other", json={"role": "corrector"}).status_code == 200
    mine, theirs = page_of(client, own), page_of(other, own)
    mine["lines"][0]["text"] = "Mine"
    theirs["lines"][1]["text"] = "Theirs"
    first = put(client, mine, mine["lines"], state="done")
    assert first.status_code == 200
    late = put(other, theirs, theirs["lines"])
    assert late.status_code == 412
    problem = late.json()
    assert (problem["revision"], problem["user"], problem["time"]) == (
        2,
        "user1",
        first.json()["time"].replace("Z", "+00:00"),
    )
    newest = page_of(other, own)
    newest["lines"][1]["text"] = "Theirs"
    second = put(other, newest, newest["lines"])
    assert second.status_code == 200
    assert [line["text"] for line in second.json()["lines"][:2]] == ["Mine", "Theirs"]
    assert [line["corrected_by"] for line in second.json()["lines"][:3]] == ["user1", "other", None]
    assert second.json()["lines"][0]["confidence"] is None
    versions = client.get(f"/documents/{own}/pages/1/versions").json()["versions"]
    assert [(item["revision"], item["user"], item["action"]) for item in versions] == [
        (3, "other", "corrected"),
        (2, "user1", "corrected"),
        (1, None, "read"),
    ]
    assert [change["after"] for change in versions[1]["changes"]] == ["Mine"]
    assert "Mine\nTheirs\n" in client.get(f"/documents/{own}/result").text


def test_a_line_can_be_accepted_and_a_correction_undone(client: httpx2.Client, own: str) -> None:
    page = page_of(client, own)
    original = page["lines"][0]
    assert original["confidence"] is not None
    accepted = put(client, page, [original | {"corrected_by": "somebody"}, *page["lines"][1:]]).json()
    assert accepted["lines"][0] == original | {"corrected_by": "user1"}, "who sends it accepts it"
    typed = put(client, accepted, [original | {"text": "other"}, *page["lines"][1:]]).json()
    assert (typed["lines"][0]["confidence"], typed["lines"][0]["corrected_by"]) == (None, "user1")
    undone = put(client, typed, page["lines"]).json()
    assert undone["lines"] == page["lines"], "with all that was read, and accepted by nobody"


def test_a_line_becomes_a_heading_and_is_exported_as_one(client: httpx2.Client, own: str) -> None:
    page = page_of(client, own)
    first, *rest = page["lines"]
    changed = put(client, page, [first | {"kind": "heading"}, *rest]).json()
    assert [line["kind"] for line in changed["lines"]] == ["heading", *(line["kind"] for line in rest)]
    assert changed["lines"][0]["region"] != changed["lines"][1]["region"]
    assert changed["lines"][0]["text"] == first["text"], "what was read stays, with its confidence"
    assert changed["lines"][0]["confidence"] == first["confidence"]
    written = etree.fromstring(client.get(f"/documents/{own}/result?format=page").content)
    heading = written.find(".//{*}TextRegion[@type='heading']")
    assert heading is not None
    assert len(heading.findall("{*}TextLine")) == 1
    kept = put(client, changed, [{**line, "kind": None} for line in changed["lines"]]).json()
    assert kept["lines"][0]["kind"] == "heading", "who knows of no kinds changes none"
    assert put(client, kept, [first | {"kind": "1;}"}, *rest]).status_code == 422


def test_many_corrections_at_once_keep_exactly_one_of_each_revision(gateway: str, own: str) -> None:
    statuses: list[int] = []

    def correct(number: int) -> None:
        with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=OWNER) as client:
            page = page_of(client, own)
            page["lines"][0]["text"] = f"number {number}"
            statuses.append(put(client, page, page["lines"]).status_code)

    threads = [threading.Thread(target=correct, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 412}
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=OWNER) as client:
        versions = client.get(f"/documents/{own}/pages/1/versions").json()["versions"]
    assert len(versions) == 1 + statuses.count(200)
    assert [item["revision"] for item in versions] == list(range(len(versions), 0, -1))


def test_going_back_to_a_version_is_a_new_one(client: httpx2.Client, own: str) -> None:
    page = page_of(client, own)
    corrected = put(client, page, page["lines"][1:]).json()
    assert len(corrected["lines"]) == len(page["lines"]) - 1
    back = client.post(f"/documents/{own}/pages/1/versions/1/restore", headers={"If-Match": '"2"'})
    assert (back.json()["revision"], back.json()["lines"]) == (3, page["lines"])
    old = {"If-Match": '"2"'}
    assert client.post(f"/documents/{own}/pages/1/versions/1/restore", headers=old).status_code == 412
    assert client.post(f"/documents/{own}/pages/1/versions/9/restore", headers={"If-Match": '"3"'}).status_code == 404


def test_a_correction_without_a_revision_or_a_place_is_refused(client: httpx2.Client, read: str) -> None:
    page = page_of(client, read)
    path = f"/documents/{read}/pages/1"
    assert client.put(path, json={"lines": []}).status_code == 428
    placeless = put(client, page, [{"id": "new"}])
    assert (placeless.status_code, placeless.json()["detail"][:18]) == (422, "new: a line has a ")
    assert put(client, page, page["lines"] + page["lines"][:1]).status_code == 422
    assert put(client, page, [{"id": "1 bad", "baseline": [[0, 0], [9, 0]]}]).status_code == 422
    assert page_of(client, read)["revision"] == 1


def test_a_line_is_read_again_and_nothing_is_kept(client: httpx2.Client, read: str) -> None:
    page = page_of(client, read)
    line = next(line for line in page["lines"] if "Margaret" in line["text"])
    outline = {"baseline": line["baseline"], "polygon": line["polygon"]}
    again = client.post(f"/documents/{read}/pages/1/lines", json=outline).json()
    assert (again["text"], again["id"] != line["id"]) == (line["text"], True)
    only = client.post(f"/documents/{read}/pages/1/lines", json={"baseline": line["baseline"]}).json()
    assert "Margaret" in only["text"]
    assert page_of(client, read) == page
    assert client.post(f"/documents/{read}/pages/1/lines", json={"baseline": [[1, 1]]}).status_code == 422


def test_lines_are_moved_added_and_reordered(client: httpx2.Client, own: str) -> None:
    page = page_of(client, own)
    added = {"id": "new_1", "text": "  in the\u0301 margin ", "baseline": [[20, 400], [300, 400]]}
    moved = page["lines"][0] | {"baseline": [[0, 50], [99999, 50]]}
    answer = put(client, page, [added, *page["lines"][1:], moved]).json()
    assert [line["id"] for line in answer["lines"]] == [
        "new_1",
        *(line["id"] for line in page["lines"][1:]),
        moved["id"],
    ]
    assert answer["lines"][0]["text"] == "in the\u0301 margin".replace("e\u0301", "é")
    assert len(answer["lines"][0]["polygon"]) == 4, "an outline follows from the baseline"
    assert answer["lines"][-1]["baseline"][-1][0] == page["width"], "points stay on the page"
    assert client.get(f"/documents/{own}/result?format=alto").status_code == 200


def test_names_are_found_in_the_text_and_in_what_was_not_chosen(
    client: httpx2.Client, other: httpx2.Client, own: str
) -> None:
    page = page_of(client, own)
    line = page["lines"][0]
    line |= {"text": "Zoë Müßig", "alternatives": [{"text": "Zacharias", "confidence": 0.1}]}
    put(client, page, page["lines"])
    for query in ("zoe", "MUSSIG", "ë mü"):
        hits = client.get("/search", params={"query": query}).json()["hits"]
        assert [(hit["document"], hit["page"], hit["line"], hit["alternative"]) for hit in hits] == [
            (own, 1, line["id"], None)
        ]
    (hit,) = client.get("/search", params={"query": "zachar"}).json()["hits"]
    assert (hit["text"], hit["alternative"]) == ("Zoë Müßig", "Zacharias")
    assert client.get("/search", params={"query": "%"}).json()["hits"] == []
    assert other.get("/search", params={"query": "zoe"}).json()["hits"] == []


ROUTES = [
    ("GET", ""),
    ("PATCH", ""),
    ("DELETE", ""),
    ("POST", "/cancel"),
    ("POST", "/retry"),
    ("GET", "/events"),
    ("GET", "/result"),
    ("GET", "/pages/1"),
    ("PUT", "/pages/1"),
    ("GET", "/pages/1/image"),
    ("GET", "/pages/1/result"),
    ("POST", "/pages/1/lines"),
    ("GET", "/pages/1/versions"),
    ("POST", "/pages/1/versions/1/restore"),
    ("GET", "/shares"),
    ("PUT", "/shares/other"),
    ("DELETE", "/shares/user1"),
]
BODIES = {
    "PATCH": {"name": "mine"},
    "/pages/1": {"lines": []},
    "/pages/1/lines": {"baseline": [[0, 0], [9, 0]]},
    "/shares/other": {"role": "owner"},
}


def call(client: httpx2.Client, method: str, document: str, path: str) -> int:
    body = BODIES.get(path, BODIES.get(method))
    headers = {"If-Match": '"1"'}
    return client.request(method, f"/documents/{document}{path}", json=body, headers=headers).status_code


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_who_has_no_part_in_a_document_finds_nothing(other: httpx2.Client, read: str, method: str, path: str) -> None:
    assert call(other, method, read, path) == 404
    assert httpx2.request(method, f"{other.base_url}/documents/{read}{path}", trust_env=False).status_code == 401


def test_a_reader_reads_and_changes_nothing(client: httpx2.Client, other: httpx2.Client, own: str) -> None:
    assert client.put(f"/documents/{own}/shares/nobody", json={"role": "reader"}).status_code == 404
    shares = client.put(f"/documents/{own}/shares/other", json={"role": "reader"}).json()["shares"]
    assert shares == [{"user": "user1", "role": "owner"}, {"user": "other", "role": "reader"}]
    for method, path in ROUTES:
        if path not in ("/events", "/shares/user1"):
            wanted = 200 if method == "GET" and path != "/shares" else 403
            assert call(other, method, own, path) == wanted, (method, path)
    assert other.get("/documents").json()["documents"][0]["role"] == "reader"
    assert other.delete(f"/documents/{own}/shares/other").status_code == 204, "a share can be given up"
    assert call(other, "GET", own, "") == 404


def test_an_admin_sees_that_there_is_a_document_but_not_what_it_says(
    client: httpx2.Client, gateway: str, read: str
) -> None:
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=ADMIN) as admin:
        for method, path in ROUTES:
            if method == "GET":
                assert call(admin, method, read, path) == 404
        assert admin.get("/documents").json()["total"] == 0
        found = admin.get("/documents?everybody=true").json()["documents"]
        assert [(item["owner"], item["role"]) for item in found if item["id"] == read] == [("user1", None)]
    assert client.get("/documents?everybody=true").json()["documents"][0]["role"] == "owner"


def test_documents_are_listed_by_name_and_collection(client: httpx2.Client, read: str) -> None:
    found = client.get("/documents?query=margaret&collection=Bristol").json()
    assert ([item["id"] for item in found["documents"]], found["total"]) == ([read], 1)
    assert "Bristol" in found["collections"]
    assert client.get("/documents?query=_argaret").json()["total"] == 0
    changed = client.patch(f"/documents/{read}", json={"collection": "Bath"}).json()
    assert (changed["collection"], changed["name"]) == ("Bath", "Letters to Margaret")
    client.patch(f"/documents/{read}", json={"collection": "Bristol"})
    for wrong in ({"owner": "other"}, {"name": " \t"}, {"name": "n" * 201}):
        assert client.patch(f"/documents/{read}", json=wrong).status_code == 422


def test_a_cancelled_document_is_read_no_further_until_it_is_retried(client: httpx2.Client, lines: Image.Image) -> None:
    document = upload(client, ("four.pdf", encoded(lines, "PDF", more=3)))
    cancelled = client.post(f"/documents/{document}/cancel").json()
    assert cancelled["state"] == "cancelled"
    before = client.get(f"/documents/{document}").json()["pages_done"]
    blocker = upload(client, ("one.png", encoded(lines)))
    ended(client, blocker)
    now = client.get(f"/documents/{document}").json()
    assert (now["state"], now["pages_done"]) == ("cancelled", before), "another document was read meanwhile"
    client.post(f"/documents/{document}/retry")
    done = ended(client, document)
    assert (done["state"], [page["state"] for page in done["pages"]]) == ("read", ["read"] * 4)
    assert all(page["revision"] == 1 for page in done["pages"]), "each page was read once"


def test_deleting_leaves_no_byte(client: httpx2.Client, prediction: Settings, letter: bytes) -> None:
    other_lines = Image.open(BytesIO(letter)).convert("L").crop((0, 420, 1240, 900))
    document = upload(client, ("vexillologist.png", encoded(other_lines)))
    ended(client, document)
    page = page_of(client, document)
    page["lines"][0]["text"] = "Xylophonist Quetzalcoatl"
    put(client, page, page["lines"])
    client.get(f"/documents/{document}/pages/1/image?width=320")
    folder, database = prediction.documents / document, prediction.home / "users.db"
    contents = [path.read_bytes() for path in folder.iterdir()]
    with Store(prediction).session() as session:
        contents += session.scalars(select(Version.content).where(Version.document == document))
    assert len(contents) == 4, "the picture, a small one, two versions"
    traces = [content[len(content) // 2 :][:32] for content in contents]
    words = [b"Xylophonist", b"xylophonist", b"vexillologist", page["lines"][1]["text"].encode(), document.encode()]

    def found(trace: bytes) -> list[Path]:
        files = (path for path in prediction.home.rglob("*") if path.is_file())
        return [path for path in files if trace in path.read_bytes()]

    assert all(found(trace) for trace in traces), "what is searched for was there"
    assert all(database in found(word) for word in words)
    assert client.delete(f"/documents/{document}").status_code == 204
    assert database.exists()
    assert [found(trace) for trace in (*traces, *words)] == [[]] * (len(traces) + len(words))
    assert not folder.exists()
    assert client.get(f"/documents/{document}").status_code == 404


def test_a_deletion_that_was_cut_off_is_finished_at_the_next_start(prediction: Settings, own: str) -> None:
    store = Store(prediction)
    folder = prediction.documents / own
    erase, store.erase = store.erase, lambda: None  # type: ignore[method-assign]
    store.remove(own)
    assert folder.exists()
    store.erase = erase  # type: ignore[method-assign]
    Store(prediction).sweep()
    assert not folder.exists()


def test_expired_documents_are_deleted(prediction: Settings, client: httpx2.Client, lines: Image.Image) -> None:
    with served(gateway_app(prediction.model_copy(update={"document_days": 1e-5}))) as url:
        answer = httpx2.post(
            f"{url}/documents", files={"file": encoded(lines)}, auth=OWNER, trust_env=False, timeout=60
        )
        document = answer.json()["id"]

    def gone() -> bool:
        Store(prediction).sweep()
        return client.get(f"/documents/{document}").status_code == 404

    when(gone)
    assert not (prediction.documents / document).exists()


def test_nobody_keeps_more_than_allowed(prediction: Settings, lines: Image.Image) -> None:
    small = prediction.model_copy(update={"storage_mib": 0.01})
    with served(gateway_app(small)) as url, httpx2.Client(base_url=url, trust_env=False, timeout=60) as client:
        answer = client.post("/documents", files={"file": ("a.png", encoded(lines))}, auth=OTHER)
        assert answer.status_code == 413
        assert "0.01 MiB" in answer.json()["detail"]
        assert client.get("/documents", auth=OTHER).json()["total"] == 0
    assert not [path for path in prediction.documents.iterdir() if path.name.startswith(".")]


def test_pages_of_documents_count_in_the_quota_of_their_key(
    gateway: str, prediction: Settings, client: httpx2.Client, lines: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Users(prediction.users_url).keys
    text, key = keys.add("user1", "scanner", ["documents"], pages_a_day=2)
    line = lines.crop((100, 340, 1140, 410))
    header = {"Authorization": f"Bearer {text}"}
    with httpx2.Client(base_url=gateway, trust_env=False, timeout=60, headers=header) as own:
        document = upload(own, ("scans.pdf", encoded(line, "PDF", more=4)))
        waiting = when(lambda: (found := own.get(f"/documents/{document}").json())["error"] and found)
        assert "are used up; reading continues at 00:00 UTC" in waiting["error"]
        assert own.post("/documents", files={"file": encoded(line)}).status_code == 429
        when(lambda: own.get(f"/documents/{document}").json()["pages_done"] >= 2)  # looking costs no page
        other = upload(client, ("line.png", encoded(line)))
        assert ended(client, other)["state"] == "read", "others do not wait for it"

        def counted() -> bool:  # two pages are read at a time, so one more than allowed may have been begun
            (used,) = [found.pages_today for found in keys.all() if found.id == key.id]
            return used in (2, 3) and own.get(f"/documents/{document}").json()["pages_done"] == used

        assert when(counted)
        monkeypatch.setattr("inkread.server.keys._today", lambda: datetime.now(UTC).date() + timedelta(days=1))
        read = ended(client, document)
        assert (read["state"], read["pages_done"], read["error"]) == ("read", 5, None)


def test_what_waits_and_for_how_long_is_measured(settings: Settings, lines: Image.Image) -> None:
    dead = settings.model_copy(update={"prediction_url": f"http://127.0.0.1:{free_port()}"})
    Users(dead.users_url)
    store = Store(dead)
    who = Identity("user1", "user")
    given = [File(f"{number}.png", BytesIO(encoded(lines))) for number in range(3)]
    made = store.create(who, "", "", given)
    with store.session() as session:
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        session.add(Page(document=made.id, number=1, upload=1, index=0, time=hour_ago, sha256="0" * 64))

    def measured() -> bool:
        waiting = [REGISTRY.get_sample_value("inkread_documents_waiting", {"what": what}) for what in ("file", "page")]
        oldest = REGISTRY.get_sample_value("inkread_documents_oldest_seconds")
        return waiting == [3, 1] and oldest is not None and 3600 <= oldest < 2 * 3600

    with served(gateway_app(dead)):
        assert when(measured)
        store.cancel(made.id, who)
        assert when(lambda: REGISTRY.get_sample_value("inkread_documents_waiting", {"what": "page"}) == 0)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:8300/model/refresh", "private network"),
        ("http://localhost/", "private network"),
        ("http://[::1]/", "private network"),
        ("http://[::ffff:10.0.0.1]/", "private network"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://10.1.2.3/", "private network"),
        ("http://2130706433/", "private network"),
        ("ftp://example.org/", "http or https"),
        ("file:///etc/passwd", "http or https"),
        ("http://user@example.org/", "http or https"),
        ("http://", "http or https"),
        ("http://nowhere.invalid/", "cannot be found"),
    ],
)
def test_webhooks_do_not_reach_into_the_network(prediction: Settings, url: str, reason: str) -> None:
    with pytest.raises(ProblemError, match=reason):
        Webhooks(prediction, Store(prediction)).check(url)


def test_a_webhook_is_called_when_a_document_was_read(prediction: Settings, tmp_path: Path, lines: Image.Image) -> None:
    calls: list[dict[str, Any]] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            calls.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    hook = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever)
    thread.start()
    try:
        address = f"http://127.0.0.1:{hook.server_port}/done"
        settings = prediction.model_copy(update={"private_webhooks": True, "home": tmp_path})
        with (
            served(gateway_app(settings)) as url,
            httpx2.Client(base_url=url, trust_env=False, timeout=60, auth=OWNER) as client,
        ):
            document = upload(client, ("letter.png", encoded(lines)), webhook=address)
            ended(client, document)
            when(lambda: calls)
        assert [(call["id"], call["state"], call["pages_done"]) for call in calls] == [(document, "read", 1)]
        assert "lines" not in calls[0]
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()


def test_all_of_it_on_postgresql_with_two_gateways(
    prediction: Settings, postgres_url: str, tmp_path: Path, lines: Image.Image
) -> None:
    settings = prediction.model_copy(update={"database_url": postgres_url, "documents_folder": tmp_path / "documents"})
    with (
        served(gateway_app(settings)) as url,
        served(gateway_app(settings)) as second,
        httpx2.Client(base_url=url, trust_env=False, timeout=60, auth=OWNER) as client,
    ):
        document = upload(client, ("four.pdf", encoded(lines, "PDF", more=3)), ("bad.png", b"text"))
        found = ended(client, document)["pages"]
        assert [(page["state"], page["revision"]) for page in found] == [("read", 1)] * 4 + [("failed", 0)]
        with httpx2.Client(base_url=second, trust_env=False, timeout=60, auth=OWNER) as beside:
            page = page_of(beside, document)
        page["lines"][0]["text"] = "Zoë\0"
        assert client.get("/search?query=%00").status_code == client.get("/documents/%00").status_code == 422
        assert put(client, page, page["lines"]).json()["revision"] == 2
        assert put(client, page, page["lines"]).status_code == 412
        assert len(client.get("/search?query=zoe").json()["hits"]) == 1
        assert pikepdf.open(BytesIO(client.get(f"/documents/{document}/result?format=pdf").content)).pages
        assert client.delete(f"/documents/{document}").status_code == 204
        assert client.get("/documents").json()["total"] == 0
    assert not list((tmp_path / "documents").iterdir())
