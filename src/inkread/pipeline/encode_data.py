"""Encode the texts as classes of the alphabet.

Usage: ``python -m inkread.pipeline.encode_data``
"""

from __future__ import annotations

from dataclasses import replace

from inkread.data.rows import read_rows, write_rows
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json
from inkread.recognition.alphabet import LATIN, Alphabet


def encode_data(artifacts: Artifacts, params: Params) -> None:
    """Write the alphabet, and the rows with the class of each character."""
    characters = LATIN if params.clean_data.alphabet == "latin" else params.clean_data.alphabet
    alphabet = Alphabet(characters)
    rows = [replace(row, labels=tuple(alphabet.encode(row.text))) for row in read_rows(artifacts.cleaned)]
    write_rows(artifacts.encoded, rows)
    write_json(artifacts.alphabet, {"characters": characters})


if __name__ == "__main__":
    run_stage(encode_data)
