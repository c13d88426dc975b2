"""A text file becomes clean texts, or one clear error."""

from pathlib import Path

import pytest

from inkread.errors import DamagedInputError, InputNotFoundError
from inkread.synthesis.lines import read_texts


def test_bundled_texts_are_english_and_french() -> None:
    texts = " ".join(read_texts())
    assert "Margaret" in texts
    assert "sœur" in texts


def test_texts_are_composed_and_folded(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("  cafe\u0301\t au   lait \n\n\nthe\n", encoding="utf-8")
    assert read_texts(path) == ("café au lait", "the")


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [(b"caf\xe9", DamagedInputError, "not UTF-8"), (b" \n\n", InputNotFoundError, "holds no text")],
)
def test_a_useless_file_is_named(tmp_path: Path, content: bytes, error: type[Exception], says: str) -> None:
    path = tmp_path / "texts.txt"
    path.write_bytes(content)
    with pytest.raises(error, match=rf"texts\.txt.*{says}"):
        read_texts(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match=r"absent\.txt"):
        read_texts(tmp_path / "absent.txt")
