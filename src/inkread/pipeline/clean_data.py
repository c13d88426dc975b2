"""Clean the transcriptions: Unicode, editorial signs, strike-outs.

Usage: ``python -m inkread.pipeline.clean_data``
"""

from __future__ import annotations

from dataclasses import replace

from inkread.data.cleaning import Cleaner
from inkread.data.rows import read_rows, write_rows
from inkread.pipeline.params import Params
from inkread.pipeline.stage import Artifacts, run_stage, write_json
from inkread.recognition.alphabet import LATIN, Alphabet


def clean_data(artifacts: Artifacts, params: Params) -> None:
    """Keep the rows whose cleaned text the alphabet can write, and count what was changed and dropped."""
    chosen = params.clean_data.alphabet
    cleaner = Cleaner(Alphabet(LATIN if chosen == "latin" else chosen))
    rows = [replace(row, text=text) for row in read_rows(artifacts.filtered) if (text := cleaner(row.text)) is not None]
    write_rows(artifacts.cleaned, rows)
    write_json(artifacts.clean_report, dict(sorted(cleaner.counts.items())))


if __name__ == "__main__":
    run_stage(clean_data)
