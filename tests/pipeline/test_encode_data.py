"""Rows that go on are those that the reports count, with the labels of their texts."""

from inkread.data.dataset import read_rows
from inkread.pipeline.stage import Artifacts, read_json
from inkread.recognition.alphabet import Alphabet


def test_rows_are_filtered_cleaned_and_encoded(prepared: Artifacts) -> None:
    report = read_json(prepared.filter_report)
    rows, encoded = read_rows(prepared.filtered), read_rows(prepared.encoded)
    assert len(rows) == report["kept"]
    assert read_json(prepared.clean_report)["kept"] == len(encoded)
    alphabet = Alphabet(read_json(prepared.alphabet)["characters"])
    assert all(alphabet.decode(row.labels) == row.text for row in encoded)
