"""Lines that go on are those that the reports count, and the alphabet can write them."""

from inkread.data.dataset import read_samples
from inkread.pipeline.stage import Artifacts, read_json
from inkread.recognition.alphabet import Alphabet


def test_lines_are_filtered_cleaned_and_encoded(prepared: Artifacts) -> None:
    report = read_json(prepared.filter_report)
    lines, cleaned = read_samples(prepared.filtered), read_samples(prepared.cleaned)
    assert len(lines) == report["kept"]
    assert read_json(prepared.clean_report)["kept"] == len(cleaned)
    encoding = read_json(prepared.alphabet)
    alphabet = Alphabet(encoding["characters"])
    assert all(alphabet.decode(alphabet.encode(line.text)) == line.text for line in cleaned)
    assert encoding["lines"]["e"] == sum("e" in line.text for line in cleaned)
