"""Fonts write pieces of every language, and the same ones each time."""

import lzma
from pathlib import Path

import pytest

from inkread.errors import DatasetError
from recipe import pieces as module
from recipe.pieces import pieces


def test_pieces_are_neighbouring_words_of_every_language_and_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COUNTS", {"en": 40, "fr": 10})
    long = " ".join(f"w{number}" for number in range(50))
    for name, text in {"en-forms-a": "Kew, 4th", "en-prose-b": f"one\n{long}", "fr-prose-c": "cher ami"}.items():
        with lzma.open(tmp_path / f"{name}.txt.xz", "wt", encoding="utf-8") as stream:
            stream.write(text)
    made = list(pieces(tmp_path))
    assert made == list(pieces(tmp_path))
    assert (made.count("Kew, 4th"), made.count("cher ami")) == (10, 10)
    assert all(piece in long and len(piece.split()) == 30 for piece in made if piece.startswith("w"))
    assert "one" not in made, "a single word is no piece"
    monkeypatch.setattr(module, "COUNTS", {"de": 1})
    with pytest.raises(DatasetError, match="no texts de-"):
        list(pieces(tmp_path))
