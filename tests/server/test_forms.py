"""Forms in the service: templates in versions, sheets put together to forms, fields keyed, nothing left behind.

Prediction is played by a small program: a sheet is a JSON file that says what stands on it.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from pydantic import SecretStr
from sqlalchemy import select

from inkread.forms.reading import FormValue
from inkread.forms.template import Template
from inkread.server.documents.store import Store
from inkread.server.forms import tables
from inkread.server.forms.drift import drifts, with_form
from inkread.server.forms.sheets import Seen, gathered
from inkread.server.forms.values import WrongValueError, keyed_value, transcript
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings
from inkread.server.users import Users
from tests.server.conftest import SECRET
from tests.server.servers import served, when

OWNER, OTHER, THIRD, ADMIN = (
    ("user1", "1resu"),
    ("other", "other's password"),
    ("third", "third password"),
    ("admin1", "1nimda"),
)
FIELDS: list[dict[str, Any]] = [
    {"name": "born", "label": "Date of birth", "type": "date", "box": [10, 10, 100, 20]},
    {"name": "town", "type": "choice", "list": "towns.txt", "box": [10, 40, 100, 20]},
    {"name": "begin", "type": "date", "box": [10, 70, 100, 20], "required": True},
    {"name": "end", "type": "date", "box": [10, 100, 100, 20]},
]
CONTENT: dict[str, Any] = {
    "format": 1,
    "name": "claim",
    "title": "Claim",
    "pages": [{"blank": "claim-1.png", "fields": FIELDS}],
    "rules": [{"rule": "order", "first": "begin", "second": "end"}],
}
CROP = b"\xff\xd8 picture of "


def stand_in() -> FastAPI:
    """Prediction's part of the contract, for sheets that are JSON."""
    app = FastAPI()
    known: set[str] = set()

    @app.get("/readyz")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/pages/split")
    async def split(file: UploadFile) -> Response:
        body = await file.read()
        page = {"index": 0, "width": 200, "height": 200, "picture": base64.b64encode(body).decode()}
        return Response(f'{{"pages": 1}}\n{json.dumps(page)}\n', media_type="application/x-ndjson")

    @app.post("/forms/propose")
    async def propose(request: Request) -> dict[str, Any]:
        async with request.form() as form:
            name = str(form["name"])
        blanks = {
            page["blank"]: base64.b64encode(b"PNG " + page["blank"].encode()).decode() for page in CONTENT["pages"]
        }
        pages = [
            {**page, "fields": [each for each in page["fields"] if "list" not in each]} for page in CONTENT["pages"]
        ]
        return {"template": {**CONTENT, "name": name, "pages": pages}, "files": blanks}

    @app.post("/forms/check", status_code=204)
    def check() -> None:
        return None

    @app.post("/forms/read")
    async def read(
        file: UploadFile,
        digests: str = Form(),
        template: list[UploadFile] = File([]),  # noqa: B008
    ) -> Response:
        known.update(each.filename or "" for each in template)
        if not set(digests.split(",")) <= known:
            return Response(status_code=424)
        sheet = json.loads(await file.read())
        crops, fields = b"", []
        for name, (kind, value, confidence, *others) in sheet["fields"].items():
            crop = CROP + name.encode()
            state = "empty" if not value else "unsure"
            read = {"name": name, "type": kind, "value": value, "raw": value, "confidence": confidence, "state": state}
            read |= {"page": sheet.get("page", 0), "alternatives": others, "reason": ""}
            fields.append(read | {"start": len(crops), "length": len(crop)})
            crops += crop
        digest = "" if "problem" in sheet else digests.split(",")[0]
        answer = {"digest": digest, "page": sheet.get("page", 0), "error": 0.2, "problem": sheet.get("problem", "")}
        answer |= {"fields": fields, "width": 200, "height": 200, "crops": base64.b64encode(crops).decode()}
        answer["picture"] = base64.b64encode(b"warped " + json.dumps(sheet).encode()).decode() if digest else ""
        return Response(json.dumps(answer), media_type="application/json")

    return app


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with served(stand_in()) as url:
        home = tmp_path_factory.mktemp("home")
        yield Settings(home=home, secret=SecretStr(SECRET), prediction_url=url, rate_limit="100000/minute")


@pytest.fixture(scope="module")
def gateway(settings: Settings) -> Iterator[str]:
    for person in (OTHER, THIRD):
        Users(settings.users_url).add(*person, "user")
    with served(gateway_app(settings)) as url:
        yield url


def as_user(gateway: str, who: tuple[str, str]) -> httpx2.Client:
    return httpx2.Client(base_url=gateway, trust_env=False, timeout=60, auth=who)


@pytest.fixture
def client(gateway: str) -> Iterator[httpx2.Client]:
    with as_user(gateway, OWNER) as client:
        yield client


@pytest.fixture
def other(gateway: str) -> Iterator[httpx2.Client]:
    with as_user(gateway, OTHER) as client:
        yield client


@pytest.fixture
def claim(client: httpx2.Client) -> Iterator[str]:
    """A template with a list and a rule; deleted with its batches."""
    made = client.post("/forms", files={"file": ("claim.png", b"an empty form")})
    assert made.status_code == 201, made.text
    name = str(made.json()["name"])
    assert client.put(f"/forms/{name}/lists/towns.txt", content="Berlin\nParis\n").json()["version"] == 2
    saved = put_template(client, name, {**CONTENT, "name": name}, 2)
    assert (saved.status_code, saved.json()["state"]) == (200, "ready"), saved.text
    yield name
    client.delete(f"/forms/{name}")


def put_template(client: httpx2.Client, name: str, content: dict[str, Any], version: int) -> httpx2.Response:
    return client.put(f"/forms/{name}", json=content, headers={"If-Match": f'"{version}"'})


def sheet(**fields: tuple[Any, ...]) -> bytes:
    return json.dumps({"fields": fields}).encode()


def read_batch(client: httpx2.Client, template: str, *sheets: bytes, **fields: str) -> dict[str, Any]:
    """A batch once all its sheets were read."""
    files = [("file", (f"{number}.png", body)) for number, body in enumerate(sheets, start=1)]
    answer = client.post(f"/forms/{template}", files=files, data=fields)
    assert answer.status_code == 202, answer.text
    address = f"/forms/batches/{answer.json()['id']}"
    assert answer.headers["location"] == address

    def ended() -> dict[str, Any] | None:
        batch: dict[str, Any] = client.get(address).json()
        return batch if batch["state"] in ("read", "failed") else None

    return when(ended)


def key(client: httpx2.Client, batch: dict[str, Any], field: str, **given: Any) -> httpx2.Response:
    return client.put(f"/forms/batches/{batch['id']}/forms/1/fields/{field}", json=given)


GOOD: dict[str, tuple[Any, ...]] = {
    "born": ("date", "1980-05-11", 0.95),
    "town": ("choice", "Berlin", 0.99),
    "begin": ("date", "2020-03-01", 0.95),
    "end": ("date", "2020-03-04", 0.95),
}
DOUBTFUL = GOOD | {"born": ("date", "1980-05-11", 0.5, ["1980-05-17", 0.3])}


def test_a_template_is_saved_in_versions_and_none_is_overwritten(client: httpx2.Client, claim: str) -> None:
    found = client.get(f"/forms/{claim}")
    assert found.headers["etag"] == '"3"'
    content = found.json()["template"]
    assert put_template(client, claim, {**content, "title": "New"}, 3).json()["version"] == 4
    late = put_template(client, claim, {**content, "title": "Newer"}, 3)
    assert (late.status_code, late.json()["user"]) == (412, "user1")
    assert client.put(f"/forms/{claim}", json=content).status_code == 428
    assert client.get(f"/forms/{claim}?version=3").json()["title"] == "Claim"
    assert client.get(f"/forms/{claim}").json()["lists"] == [{"name": "towns.txt", "entries": 2}]
    with zipfile.ZipFile(BytesIO(client.get(f"/forms/{claim}/file").content)) as files:
        assert sorted(files.namelist()) == ["claim-1.png", f"{claim}.yaml", "towns.txt"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"folder": "/etc"}, "folder: a template has no such entry"),
        ({"name": "another"}, "name: the template stays"),
        ({"pages": [{"blank": "../claim-1.png"}]}, "the template has no such page"),
        (
            {"pages": [{"blank": "claim-1.png", "fields": [{**FIELDS[1], "list": "../x"}]}]},
            "a list is named by letters",
        ),
        ({"pages": [{"blank": "claim-1.png", "fields": [{**FIELDS[1], "list": "x.txt"}]}]}, "there is no such list"),
        ({"pages": [{"blank": "claim-1.png", "fields": [FIELDS[0], FIELDS[0]]}]}, "stands for two fields"),
    ],
)
def test_a_wrong_template_is_refused_in_one_sentence(
    client: httpx2.Client, claim: str, change: dict[str, Any], sentence: str
) -> None:
    answer = put_template(client, claim, {**CONTENT, "name": claim, "rules": []} | change, 3)
    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


def test_a_template_is_used_by_those_it_is_shared_with(client: httpx2.Client, other: httpx2.Client, claim: str) -> None:
    content = client.get(f"/forms/{claim}").json()["template"]
    assert [other.get(f"/forms/{claim}").status_code, other.post(f"/forms/{claim}").status_code] == [404, 422]
    assert client.put(f"/forms/{claim}/shares/nobody", json={"role": "reader"}).status_code == 404
    client.put(f"/forms/{claim}/shares/other", json={"role": "reader"})
    assert put_template(other, claim, content, 3).status_code == 403
    batch = read_batch(other, claim, sheet(**GOOD))
    assert client.get(f"/forms/batches/{batch['id']}").status_code == 404, "a batch is its owner's"
    refused = client.delete(f"/forms/{claim}")
    assert (refused.status_code, "1 batches of other users" in refused.json()["detail"]) == (409, True)
    assert other.delete(f"/forms/batches/{batch['id']}").status_code == 204


def test_a_batch_becomes_a_table(client: httpx2.Client, claim: str) -> None:
    none = json.dumps({"fields": {}, "problem": "the sheet is none of the forms"}).encode()
    batch = read_batch(client, claim, sheet(**GOOD), none, sheet(**DOUBTFUL), name="March")
    assert (batch["sheets_done"], batch["forms"], batch["fields"]) == (
        3,
        2,
        {"sure": 7, "unsure": 1, "invalid": 0, "empty": 0},
    )
    assert [(row["form"], row["problem"]) for row in batch["rows"]] == [
        (1, None),
        (2, "the sheet is none of the forms"),
        (3, None),
    ]
    assert batch["expected_error"] == pytest.approx((5 * 0.05 + 2 * 0.01) / 7, abs=1e-6)
    address = f"/forms/batches/{batch['id']}"
    table = client.get(f"{address}/result?format=csv")
    assert table.content.decode("utf-8-sig").splitlines()[0].startswith("form,template,version,sheets")
    assert client.get(f"{address}/result?format=json").json()["forms"][0]["fields"]["town"]["value"] == "Berlin"
    stricter = client.put(f"{address}/threshold", json={"max_error": 0.01}).json()
    assert (stricter["least_confidence"], stricter["fields"]["sure"]) == (0.99, 2)
    assert client.put(f"{address}/threshold", json={"confidence": 0.4}).json()["fields"]["unsure"] == 0
    assert client.get(f"{address}/forms/3/fields/town/image").content == CROP + b"town"
    assert client.get(f"{address}/sheets/3/image").content.startswith(b"warped")
    assert client.get("/forms/batches/0").status_code == 404
    assert client.get("/documents").json()["documents"] == [], "a batch is no document for people"
    assert [each["id"] for each in client.get(f"/forms/{claim}/batches").json()["batches"]] == [batch["id"]]
    fields = {each["field"]: each for each in client.get(f"/forms/{claim}").json()["drift"]}
    assert (fields["born"]["forms"], fields["born"]["unsure"], fields["town"]["unsure"]) == (2, 0.5, 0.0)
    assert f'inkread_form_fields_total{{state="unsure",template="{claim}"}} 1.0' in client.get("/metrics").text


def test_a_doubtful_field_waits_until_it_is_keyed(client: httpx2.Client, claim: str) -> None:
    batch = read_batch(client, claim, sheet(**DOUBTFUL))
    queue = client.get("/forms/queue").json()
    assert queue["groups"] == [
        {"template": claim, "field": "born", "label": "Date of birth", "type": "date", "count": 1}
    ]
    (item,) = queue["items"]
    assert client.get(item["image"]).content == CROP + b"born"
    assert (item["value"], item["alternatives"]) == ("1980-05-11", [["1980-05-17", 0.3]])
    wrong = key(client, batch, "born", value="31.2.1980")
    assert (wrong.status_code, wrong.json()["detail"].startswith("31.2.1980 is not a date")) == (422, True)
    kept = key(client, batch, "born", value="17.5.1980").json()
    assert (kept["value"], kept["state"], kept["keyed_by"]) == ("1980-05-17", "sure", ["user1"])
    assert client.get("/forms/queue").json()["items"] == []
    forced = key(client, batch, "born", value="about 1980", force=True).json()
    assert (forced["value"], forced["state"]) == ("about 1980", "invalid")
    assert key(client, batch, "begin", value=None).json()["detail"] == "the field has to be filled in"


def test_a_keyed_value_has_to_fit_the_fields_that_are_sure(client: httpx2.Client, claim: str) -> None:
    early = GOOD | {"end": ("date", "2020-02-04", 0.5)}
    batch = read_batch(client, claim, sheet(**early))
    assert batch["fields"]["invalid"] == 2, "both fields of a broken rule"
    assert key(client, batch, "end", value="2020-02-05").json()["done"], "begin is doubtful as well"
    assert key(client, batch, "begin", value="2020-03-01").json()["detail"] == "end is before begin"
    assert key(client, batch, "begin", value="2020-02-01").status_code == 200
    assert client.get(f"/forms/batches/{batch['id']}").json()["fields"]["invalid"] == 0


def test_two_people_key_a_field_and_a_third_decides(gateway: str, client: httpx2.Client, claim: str) -> None:
    batch = read_batch(client, claim, sheet(**DOUBTFUL), double="true")
    for person in ("other", "third"):
        client.put(f"/forms/batches/{batch['id']}/shares/{person}", json={"role": "corrector"})
    with as_user(gateway, OTHER) as other, as_user(gateway, THIRD) as third:
        first = key(client, batch, "born", value="1980-05-17").json()
        assert (first["done"], first["value"]) == (False, "1980-05-11")
        assert client.get("/forms/queue").json()["items"] == [], "it waits for somebody else"
        (item,) = other.get("/forms/queue").json()["items"]
        assert (item["value"], item["confidence"]) == ("1980-05-11", 0.5), "the second does not see the first's value"
        assert not key(other, batch, "born", accept=True).json()["done"]
        decided = key(third, batch, "born", value="1980-05-17").json()
        assert (decided["done"], decided["value"]) == (True, "1980-05-17")
        assert third.get("/forms/queue").json()["items"] == []


def test_a_value_that_a_list_lacks_is_suggested(client: httpx2.Client, claim: str) -> None:
    batch = read_batch(client, claim, sheet(**GOOD | {"town": ("choice", "Berlin", 0.4)}))
    key(client, batch, "town", value="Bonn", force=True)
    address = f"/forms/{claim}/lists/towns.txt"
    assert client.get(f"{address}/suggestions").json()["suggestions"] == [{"value": "Bonn", "count": 1}]
    client.put(address, content="Berlin\nParis\nBonn\n")
    assert client.get(f"{address}/suggestions").json()["suggestions"] == []


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"x" * 201, b"\n".join([b"%d" % n for n in range(100_001)])])
def test_a_list_that_cannot_be_searched_is_refused(client: httpx2.Client, claim: str, body: bytes) -> None:
    assert client.put(f"/forms/{claim}/lists/towns.txt", content=body).status_code == 422


def test_deleting_leaves_no_byte_of_a_template_and_its_batches(
    settings: Settings, client: httpx2.Client, claim: str
) -> None:
    strange = GOOD | {"town": ("choice", "Xanadutown", 0.4)}
    batch = read_batch(client, claim, sheet(**strange))
    key(client, batch, "town", value="Zanzibarville", force=True)
    client.put(f"/forms/{claim}/lists/towns.txt", content="Quetzaltenango\n")
    with Store(settings).session() as session:
        document = session.scalars(select(tables.Template.document).where(tables.Template.name == claim)).one()
    traces = [
        b"Xanadutown",
        b"Zanzibarville",
        b"Quetzaltenango",
        batch["id"].encode(),
        document.encode(),
        CROP + b"town",
    ]

    def found(trace: bytes) -> list[Path]:
        return [path for path in settings.home.rglob("*") if path.is_file() and trace in path.read_bytes()]

    assert all(found(trace) for trace in traces), "what is searched for was there"
    assert client.delete(f"/forms/{claim}").status_code == 204
    assert [found(trace) for trace in traces] == [[]] * len(traces)
    assert client.get(f"/forms/batches/{batch['id']}").status_code == 404


def numbers(groups: list[list[Seen]]) -> list[list[int]]:
    return [[each.number for each in group] for group in groups]


def test_sheets_are_put_together_to_forms() -> None:
    sheets = [
        Seen(1, "a", 1, pages=2),
        Seen(2, ""),
        Seen(3, "a", 0, pages=2),  # the pages come in another order, with an empty back between them
        Seen(4, "b"),
        Seen(5, "a", 0, pages=2),
        Seen(6, "a", 0, pages=2),  # page 2 of the form before is missing
        Seen(7, "a", 0, upload=2, bound=True, pages=2),
        Seen(8, "a", 1, upload=3, pages=2),  # the file before has ended its form
    ]
    assert numbers(gathered(sheets[:1], ended=False)) == []
    assert numbers(gathered(sheets[:3], ended=False)) == [[2], [1, 3]]
    assert numbers(gathered(sheets, ended=True)) == [[2], [1, 3], [4], [5], [6], [7], [8]]


def test_drift_is_told_once_chance_does_not_explain_it() -> None:
    figures: dict[str, Any] = {}
    for number in range(150):
        figures, drift = with_form(figures, {"born": "e" if number % 10 == 0 else "s", "town": "s"})
    assert drift == 0.0
    for _ in range(25):
        figures, drift = with_form(figures, {"born": "s", "town": "u"})
    assert drift == 0.5
    found = {each.field: each for each in drifts(figures)}
    assert (found["town"].unsure, found["town"].unsure_before, found["born"].drift) == (0.5, 0.0, 0.0)
    for _ in range(50):
        figures, drift = with_form(figures, {"born": "e", "town": "s"})
    found = {each.field: each for each in drifts(figures)}
    assert (found["born"].empty, found["town"].drift) == (1.0, 0.0)
    assert drift == found["born"].drift == pytest.approx(1 - 15 / 175, abs=1e-4)


TYPED = Template.parse(
    {
        "name": "typed",
        "pages": [
            {
                "blank": "typed-1.png",
                "fields": [
                    {"name": "born", "type": "date", "box": [0, 0, 9, 9]},
                    {"name": "total", "type": "amount", "box": [0, 0, 9, 9]},
                    {"name": "account", "type": "iban", "box": [0, 0, 9, 9]},
                    {"name": "town", "type": "choice", "entries": ["Berlin", "Bonn"], "box": [0, 0, 9, 9]},
                    {"name": "who", "type": "name", "entries": ["Anna"], "box": [0, 0, 9, 9]},
                    {"name": "code", "type": "regex", "expression": "[A-D][0-9]{3}", "box": [0, 0, 9, 9]},
                    {
                        "name": "sex",
                        "type": "ticks",
                        "options": {"f": [0, 0, 9, 9], "m": [0, 0, 9, 9]},
                        "box": [0, 0, 9, 9],
                    },
                    {"name": "signed", "type": "signature", "box": [0, 0, 9, 9]},
                ],
            }
        ],
    }
)
FIELD = {name: field for _, name, field in TYPED.named_fields()}


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("born", "27.1.1934", "1934-01-27"),
        ("born", "1934-01-27", "1934-01-27"),
        ("born", "31.2.1934", None),
        ("total", "1.234,50 €", "1234.50 EUR"),
        ("account", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("account", "DE89 3704 0044 0532 0130 01", None),
        ("town", "berlin", "Berlin"),
        ("town", "Rome", None),
        ("who", "Ada", "Ada"),
        ("code", "A123", "A123"),
        ("code", "E123", None),
        ("sex", "m", "m"),
        ("sex", "f;m", None),
        ("signed", "yes", "yes"),
        ("signed", "maybe", None),
        ("born", " ", ""),
    ],
)
def test_a_value_is_written_as_its_type_writes_it(name: str, typed: str, value: str | None) -> None:
    if value is None:
        with pytest.raises(WrongValueError):
            keyed_value(TYPED, FIELD[name], typed)
    else:
        assert keyed_value(TYPED, FIELD[name], typed) == value


@pytest.mark.parametrize(
    ("name", "value", "typed", "raw", "text"),
    [
        ("born", "1934-01-27", "1934-01-27", "27.1.1934", "27.1.1934"),
        ("born", "1934-01-28", "28.1.1934", "27.1.1934", None),  # what was typed is not what is written
        ("town", "Berlin", "Berlin", "BERLIN", "BERLIN"),
        ("who", "Ada", "Ada", "Adn", "Ada"),
        ("signed", "yes", "yes", "", None),
    ],
)
def test_only_what_is_written_on_the_sheet_teaches(
    name: str, value: str, typed: str, raw: str, text: str | None
) -> None:
    assert transcript(TYPED, FIELD[name], value, typed, FormValue(FIELD[name].type, raw=raw)) == text
