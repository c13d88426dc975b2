"""A challenger must not read worse than the champion, on the same data."""

from dataclasses import replace

from inkread.registry import Version, objection

CHAMPION = Version(1, ("champion",), {"cer": 0.12}, "m", "d", "c", "now")
WORSE = replace(CHAMPION, version=2, aliases=(), metrics={"cer": 0.13})


def test_the_gate() -> None:
    assert "reads worse" in objection(WORSE, CHAMPION)
    assert objection(replace(WORSE, metrics={"cer": 0.1215}), CHAMPION) == ""
    assert "different data" in objection(replace(WORSE, data_hash="other"), CHAMPION)
    assert "no cer" in objection(replace(WORSE, metrics={}), CHAMPION)
    assert objection(WORSE, None) == ""
