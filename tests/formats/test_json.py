import json as standard_json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inkread.document import Document, Page, Region
from inkread.formats import json

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "document.schema.json"


def test_the_published_schema_is_up_to_date() -> None:
    """Users generate their code from it."""
    command = "from inkread.formats.json import schema_text; print(schema_text(), end='')"
    assert SCHEMA.read_text(encoding="utf-8") == json.schema_text(), f'python -c "{command}" > {SCHEMA}'


def test_json_of_the_sample(sample: Document, check_golden: Callable[[str, bytes], None]) -> None:
    check_golden("sample.json", json.dump(sample))
    assert json.load(json.dump(sample)) == sample


@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_json_carries_everything(documents: st.SearchStrategy[Document], data: st.DataObject) -> None:
    """Corrections and archives are built on it: nothing may be lost, whatever the text."""
    document = data.draw(documents)
    written = json.dump(document)
    if b"?" not in written:
        assert json.load(written) == document
    assert json.dump(json.load(written)) == written


def test_coordinates_are_short() -> None:
    page = Page(9, 9, (Region("r", ((1 / 3, 2.0), (1.005, 0.1))),), dpi=100 / 3)
    written = json.dump(Document((page,)))
    assert b"[[0.33,2.0],[1.0,0.1]]" in written
    assert json.load(written).pages[0].dpi == 100 / 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version"),
        ({"format": "other"}, "format"),
        ({"pages": [{"width": 1}]}, r"pages\.0\.height"),
        ({"pages": 3}, "pages"),
    ],
)
def test_errors_say_where(sample: Document, change: dict[str, object], message: str) -> None:
    tree = standard_json.loads(json.dump(sample))
    with pytest.raises(ValueError, match=message):
        json.load(standard_json.dumps(tree | change).encode())


@pytest.mark.parametrize("data", [b"{", b"[" * 100_000, b"\xff", b"{}", b"null"])
def test_damaged_json_is_named(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        json.load(data)


def test_fields_of_later_versions_are_ignored(sample: Document) -> None:
    tree = standard_json.loads(json.dump(sample))
    tree["pages"][0]["new"] = 1
    assert json.load(standard_json.dumps(tree).encode()) == sample
