"""A batch of forms survives kill -9 of gateway and prediction, is keyed, backed up and restored, and teaches."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import httpx2
import pytest
from PIL import Image
from pydantic import SecretStr

from inkread.data.dataset import Dataset
from inkread.forms.template import Template
from inkread.server.backup import backup, restore
from inkread.server.documents.corrections import export
from inkread.server.documents.store import Store
from inkread.server.forms.batches import Batches
from inkread.server.forms.sheets import SheetReader
from inkread.server.forms.templates import Templates
from inkread.server.gateway.app import gateway_app
from inkread.server.settings import Settings
from inkread.server.tokens import Identity
from inkread.server.users import Users
from tests.forms.conftest import FORM, fill_form, save_form
from tests.server.conftest import SECRET
from tests.server.servers import served
from tests.server.test_documents_system import OWNER, stack, until
from tests.server.test_forms import CONTENT, DOUBTFUL, key, put_template, read_batch, sheet, stand_in

SHEETS = 12
pytestmark = pytest.mark.system


def packed(template: Template) -> bytes:
    body = BytesIO()
    with zipfile.ZipFile(body, "w") as files:
        for name in (f"{template.name}.yaml", *(page.blank for page in template.pages), *template.list_names()):
            files.write(template.folder / name, name)
    return body.getvalue()


def scans(template: Template) -> tuple[bytes, list[dict[str, str]]]:
    """A PDF of filled sheets, and what stands on each."""
    filled = [fill_form(template, seed) for seed in range(SHEETS)]
    images = [Image.fromarray(sheet.pages[0]) for sheet in filled]
    body = BytesIO()
    images[0].save(body, "PDF", resolution=200, save_all=True, append_images=images[1:])
    return body.getvalue(), [dict(sheet.truth) for sheet in filled]


def test_all_of_it_on_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with served(stand_in()) as url:
        settings = Settings(
            home=tmp_path, secret=SecretStr(SECRET), prediction_url=url, database_url=postgres_url, documents_at_once=4
        )
        with (
            served(gateway_app(settings)) as gateway,
            httpx2.Client(base_url=gateway, trust_env=False, timeout=300, auth=OWNER) as client,
        ):
            assert client.post("/forms", files={"file": ("claim.png", b"an empty form")}).status_code == 201
            client.put("/forms/claim/lists/towns.txt", content="Berlin\n")
            assert put_template(client, "claim", CONTENT, 2).status_code == 200
            strange = sheet(**DOUBTFUL | {"town": ("choice", "Berlin", 0.4)})
            batch = read_batch(client, "claim", *[strange] * 9)
            assert (batch["forms"], batch["fields"]["unsure"]) == (9, 18)
            address = f"/forms/batches/{batch['id']}"
            assert client.put(f"{address}/threshold", json={"max_error": 0.3}).json()["least_confidence"] == 0.4
            assert client.put(f"{address}/threshold", json={"confidence": 0.9}).json()["fields"]["unsure"] == 18
            assert key(client, batch, "town", value="Bonn", force=True).status_code == 200
            queue = client.get("/forms/queue?template=claim&field=born").json()
            assert [group["count"] for group in queue["groups"]] == [9, 8]
            assert len(queue["items"]) == 9
            assert client.get("/forms/claim/lists/towns.txt/suggestions").json()["suggestions"][0]["value"] == "Bonn"
            assert (
                client.get("/forms").json()["templates"][0]["unsure"],
                client.get("/documents").json()["total"],
            ) == (17, 0)
            assert len(client.get(f"{address}/result?format=json").json()["forms"]) == 9
            assert len(client.get("/forms/any/batches").json()["batches"]) == 1
            assert client.delete("/forms/claim").status_code == 204
            assert client.get(address).status_code == 404


def test_a_batch_survives_kill_9_and_a_restore(tmp_path: Path) -> None:
    (tmp_path / "form").mkdir()
    (tmp_path / "home").mkdir()
    template = save_form(FORM, tmp_path / "form")
    body, truth = scans(template)
    with (
        stack(tmp_path / "home") as services,
        httpx2.Client(base_url=services["gateway"].url, trust_env=False, timeout=300, auth=OWNER) as client,
    ):
        assert client.post("/forms", files={"file": ("visit.zip", packed(template))}).status_code == 201
        address = "/forms/batches/" + client.post("/forms/visit", files={"file": ("scans.pdf", body)}).json()["id"]

        def found() -> dict[str, Any]:
            batch: dict[str, Any] = client.get(address).json()
            return batch

        seen = 0
        for name in ("gateway", "prediction", "gateway"):
            seen = until(lambda before=seen: max(found()["forms"] - before, 0) and found()["forms"], "no sheet is read")
            services[name].kill()
            services[name].start()
            services["gateway"].wait("/healthz")
        until(lambda: found()["state"] in ("read", "failed"), "no end", 600)
        batch = found()
        assert (batch["state"], batch["error"], batch["sheets_done"], batch["forms"]) == ("read", None, SHEETS, SHEETS)
        assert [row["sheets"] for row in batch["rows"]] == [[number] for number in range(1, SHEETS + 1)]
        values = [
            (row["fields"][name]["value"], wanted)
            for row, sheet in zip(batch["rows"], truth, strict=True)
            for name, wanted in sheet.items()
        ]
        assert sum(value == wanted for value, wanted in values) >= 0.9 * len(values)
        row = batch["rows"][2]
        keyed = client.put(f"{address}/forms/3/fields/name", json={"value": row["fields"]["name"]["value"]})
        assert keyed.status_code == 200, keyed.text
        crop = client.get(f"{address}/forms/3/fields/name/image").content
        assert Image.open(BytesIO(crop)).format == "JPEG"
    settings = Settings(home=tmp_path / "home", secret=SecretStr(SECRET))
    backup(settings, tmp_path / "kept.tar")
    restored = Settings(home=tmp_path / "again", secret=SecretStr(SECRET))
    restore(restored, tmp_path / "kept.tar")
    Users(restored.users_url)
    store = Store(restored)
    templates = Templates(store)
    batches = Batches(store, templates, SheetReader(store, templates, None))  # type: ignore[arg-type]
    who = Identity(OWNER[0], "user")
    assert batches.crop(batch["id"], 3, "name", who) == crop
    table = batches.write(batch["id"], who, "json", tmp_path)
    assert len(json.loads(table.read_text(encoding="utf-8"))["forms"]) == SHEETS
    report = export(store, tmp_path / "corrections", OWNER[0])
    assert (report.documents, report.lines) == (1, 1)
    (line,) = Dataset.open(tmp_path / "corrections").lines()
    assert line.text == truth[2]["name"]
    image = cv2.imread(str(next((tmp_path / "corrections" / "images").iterdir())), cv2.IMREAD_GRAYSCALE)
    assert image is not None and image.shape[0] < image.shape[1]
