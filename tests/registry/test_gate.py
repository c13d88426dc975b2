"""A challenger must not read worse than the champion, on the same lines."""

from dataclasses import replace

from inkread.registry import Comparison, GateError, Version, objection

CHAMPION = Version(1, ("champion",), {"cer": 0.12}, "m", "d", "c", "now")
WORSE = replace(CHAMPION, version=2, aliases=(), metrics={"cer": 0.13})
COMPARED = Comparison(champion=1, lines=40, cer=0.31, wer=0.6, champion_cer=0.1, champion_wer=0.3)


def refused(challenger: Version, champion: Version) -> GateError:
    error = objection(challenger, champion)
    assert error is not None
    return error


def test_figures_on_the_same_data_are_compared() -> None:
    assert "reads worse" in str(refused(WORSE, CHAMPION))
    assert objection(replace(WORSE, metrics={"cer": 0.1215}), CHAMPION) is None
    assert objection(WORSE, None) is None


def test_a_comparison_on_the_same_lines_decides_and_is_shown() -> None:
    other = replace(WORSE, data_hash="new", metrics={"cer": 0.01}, comparison=COMPARED)
    error = refused(other, CHAMPION)
    assert str(error) == "version 2 reads worse than champion 1 on the same lines: CER 0.3100, not 0.1000"
    assert error.table == [
        {"version": 2, "cer": 0.31, "wer": 0.6, "lines": 40},
        {"version": 1, "cer": 0.1, "wer": 0.3, "lines": 40},
    ]
    better = replace(COMPARED, cer=0.05)
    assert objection(replace(other, comparison=better), CHAMPION) is None, "new data is no reason to refuse"


def test_what_was_not_compared_with_this_champion_is_refused() -> None:
    for version in (replace(WORSE, data_hash="other"), replace(WORSE, metrics={}), replace(WORSE, data_hash="")):
        assert "compared with nothing" in str(refused(version, CHAMPION))
    outdated = replace(WORSE, data_hash="new", comparison=replace(COMPARED, champion=7, cer=0.0))
    assert "version 7, which is no longer the champion" in str(refused(outdated, CHAMPION))
