"""A challenger must read better than the champion, on the same lines, and make no part of them worse."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from json import dumps, loads

import pytest

from inkread.evaluation.gate import OTHERS, Comparison, GoldLine, LineErrors, compare, gate_table, objections
from inkread.evaluation.text import Errors
from inkread.registry import GateError, Version, objection

CHAMPION = Version(1, ("champion",), {"cer": 0.12}, "m", "d", "c", "now")
SOURCES = ("letters", "registers")
LINES = [
    GoldLine(f"{source}-{number % 8}", (("source", source), ("writer", f"{source}-{number % 2}")))
    for source in SOURCES
    for number in range(40)
]


def errors(letters: int, registers: int) -> list[LineErrors]:
    """So many wrong characters of 40 in each line of the two sources, one more in every third line."""
    of = {"letters": letters, "registers": registers}
    return [
        LineErrors(Errors(of[line.slices[0][1]] + (number % 3 == 0), 0, 0, 40), Errors(1, 0, 0, 7))
        for number, line in enumerate(LINES)
    ]


def said(new: Sequence[LineErrors], time: float | None = None) -> str:
    return "; ".join(objections(compare(1, LINES, new, errors(8, 8), time)))


def test_what_reads_better_passes_and_what_reads_worse_does_not() -> None:
    assert said(errors(4, 8)) == ""
    assert "it reads worse: CER 0.2" in said(errors(9, 9))


def test_what_is_equal_must_be_faster() -> None:
    assert "equally well but not faster" in said(errors(8, 8))
    assert "equally well but not faster" in said(errors(8, 8), time=0.95)
    assert said(errors(8, 8), time=0.8) == ""


def test_a_difference_that_may_be_chance_is_no_gain() -> None:
    mixed = [
        replace(line, characters=replace(line.characters, substitutions=4 if number % 8 in (0, 1) else 9))
        for number, line in enumerate(errors(8, 8))
    ]
    assert "not better with 95 % confidence" in said(mixed)


def test_a_gain_on_one_source_does_not_pay_for_a_loss_on_another() -> None:
    comparison = compare(1, LINES, errors(1, 10), errors(8, 8))
    assert comparison.high is not None
    assert comparison.high < 0, "better on the whole"
    reasons = objections(comparison)
    worse = [reason.partition(" reads")[0] for reason in reasons]
    assert set(worse) == {"source registers", "writer registers-0", "writer registers-1"}
    table = gate_table(comparison)
    assert (table[0]["slice"], table[0]["lines"], table[0]["documents"]) == ("all", 80, 16)
    assert [row["slice"] for row in table if row["worse"]] == worse


def test_what_is_better_only_on_its_own_source_is_refused_by_the_others_together() -> None:
    """Four lines of each known source are too few for a slice; together they show the loss."""
    places = [GoldLine(f"street {number}", (("source", "streets"),)) for number in range(40)]
    places += [GoldLine(f"{name} {number}", (("source", name),)) for name in "abcdefghi" for number in range(4)]
    before = [LineErrors(Errors(8, 0, 0, 40), Errors())] * 40 + [LineErrors(Errors(3, 0, 0, 40), Errors())] * 36
    after = [LineErrors(Errors(1, 0, 0, 40), Errors())] * 40 + [LineErrors(Errors(5, 0, 0, 40), Errors())] * 36
    comparison = compare(1, places, after, before)
    assert comparison.high is not None and comparison.high < 0, "better on the whole"
    assert [(part.kind, part.name, part.lines) for part in comparison.slices] == [
        ("source", OTHERS, 36),
        ("source", "streets", 40),
    ]
    assert objections(comparison) == [
        "source others reads worse by more than 0.0100: CER 0.1250, not 0.0750, 36 lines",
    ]
    assert compare(1, places[40:], after[40:], before[40:]).slices == (), "all of them are the whole"


def wrong(letters: int, registers: int) -> list[LineErrors]:
    """So many wrong characters of 400 in each line of the two sources."""
    return [LineErrors(Errors(count, 0, 0, 400), Errors(1, 0, 0, 70)) for count in [letters] * 40 + [registers] * 40]


def test_small_losses_do_not_add_up() -> None:
    """Each step is within the margin beside the champion before it, and the second is beyond it beside the first."""
    first, second, third = wrong(90, 80), wrong(60, 86), wrong(30, 92)
    assert objections(compare(1, LINES, second, first)) == []
    assert objections(compare(2, LINES, third, second)) == []
    anchored = compare(2, LINES, third, second, anchor=(1, first))
    assert "CER 0.2300, not 0.2000 with version 1" in "; ".join(objections(anchored))
    assert any(str(row["slice"]).endswith("(beside version 1)") for row in gate_table(anchored))
    assert Comparison.from_dict(loads(dumps(asdict(anchored)))) == anchored


def test_a_slice_may_get_worse_within_its_margin() -> None:
    assert said(errors(1, 8)) == ""
    slightly = [
        replace(line, characters=replace(line.characters, length=line.characters.length + 2)) for line in errors(8, 8)
    ]
    assert "reads worse by more" not in "; ".join(objections(compare(1, LINES, errors(1, 8), slightly)))


def test_a_gain_on_three_documents_of_a_source_may_be_chance() -> None:
    """Three documents of equal versions are all read better one time in eight (decision 0079)."""

    def reasons(registers: int) -> str:
        places = [GoldLine(f"register {number}", (("source", "registers"),)) for number in range(registers)]
        places += [GoldLine(f"letter {number}", (("source", "letters"),)) for number in range(28)]
        before = [(90, 900)] * registers + [(5, 40)] * 28
        after = [(50 + number % 3 * 10, 900) for number in range(registers)]
        after += [(6 if number % 3 else 4, 40) for number in range(28)]
        new, old = (
            [LineErrors(Errors(edits, 0, 0, length), Errors()) for edits, length in side] for side in (after, before)
        )
        return "; ".join(objections(compare(1, places, new, old)))

    assert "not better with 95 % confidence" in reasons(3)
    assert reasons(12) == ""


def test_lines_of_one_document_are_drawn_themselves() -> None:
    alone = [GoldLine("the only one") for _ in LINES]
    comparison = compare(1, alone, errors(4, 8), errors(8, 8))
    assert comparison.documents == 1
    assert objections(comparison) == []


def test_a_comparison_survives_the_registry() -> None:
    comparison = compare(1, LINES, errors(1, 10), errors(8, 8), 0.97)
    assert Comparison.from_dict(loads(dumps(asdict(comparison)))) == comparison
    older = {"champion": 1, "lines": 9, "cer": 0.1, "wer": 0.2, "champion_cer": 0.3, "champion_wer": 0.4}
    assert "no interval" in objections(Comparison.from_dict(older))[0]


def refused(challenger: Version) -> GateError:
    error = objection(challenger, CHAMPION)
    assert error is not None
    return error


def test_the_refusal_says_why_and_shows_the_table() -> None:
    challenger = replace(CHAMPION, version=2, aliases=(), comparison=compare(1, LINES, errors(9, 9), errors(8, 8)))
    error = refused(challenger)
    assert str(error).startswith("version 2 beside champion 1: it reads worse")
    assert error.table[0]["champion_cer"] == pytest.approx(0.2083, abs=1e-3)
    better = compare(1, LINES, errors(4, 4), errors(8, 8))
    assert objection(replace(challenger, data_hash="new", comparison=better), CHAMPION) is None
    assert objection(challenger, None) is None


def test_what_was_not_compared_with_this_champion_is_refused() -> None:
    assert "compared with nothing" in str(refused(replace(CHAMPION, version=2)))
    better = compare(7, LINES, errors(1, 1), errors(8, 8))
    assert "version 7, which is no longer the champion" in str(refused(replace(CHAMPION, comparison=better)))
