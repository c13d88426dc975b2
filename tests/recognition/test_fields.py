"""The search for what fits a pattern: exact on small cases, and how sure it says it is."""

import itertools
import math
import re
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.fields import LEAST_FIT, of_cells, read_field, search, text_scores
from inkread.recognition.patterns import Pattern
from inkread.recognition.regex import compile_regex

AB = Alphabet("ab")
TEXTS = Alphabet(LATIN)
FRAMES = arrays(np.float32, st.tuples(st.integers(1, 5), st.just(3)), elements=st.floats(-5, 0, width=32))
EXPRESSIONS = st.sampled_from(["a*b", "(ab|ba)+", "a{2,3}", ".*", "b?a(b|aa)?", "[^a]a+"])


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)), np.float32)


def frames_of(text: str, doubts: dict[int, dict[str, float]] | None = None) -> NDArray[np.float32]:
    """Frames in which a text stands, each character between blanks; doubts give other shares at some places."""
    rows = []
    for place, character in enumerate(text):
        row = np.full(len(TEXTS) + 1, 1e-4)
        for other, share in (doubts or {}).get(place, {character: 0.97}).items():
            row[TEXTS.encode(other)[0]] = share
        blank = np.full(len(TEXTS) + 1, 1e-7)
        blank[0] = 1
        rows += [row, blank]
    probabilities = np.array(rows)
    return np.asarray(np.log(probabilities / probabilities.sum(axis=1, keepdims=True)), np.float32)


@settings(deadline=None)
@given(FRAMES.map(softmax), EXPRESSIONS)
def test_a_search_without_limits_is_exact(log_probs: NDArray[np.float32], expression: str) -> None:
    every: dict[str, float] = defaultdict(float)
    probabilities = np.exp(log_probs.astype(float))
    for path in itertools.product(range(3), repeat=len(log_probs)):
        text = AB.decode(label for label, _ in itertools.groupby(path))
        every[text] += math.prod(probabilities[frame, label] for frame, label in enumerate(path))
    expected = {text: mass for text, mass in every.items() if re.fullmatch(expression, text)}

    automaton = compile_regex(expression, AB)
    found = search(log_probs, AB, automaton, n_best=9999, width=9999, state_width=9999, class_floor=0, prefix_floor=0)

    assert {candidate.text for candidate in found.candidates} == set(expected)
    for candidate in found.candidates:
        assert math.exp(candidate.score) == pytest.approx(expected[candidate.text], rel=1e-4)
        assert text_scores(log_probs, [AB.encode(candidate.text)])[0] == pytest.approx(candidate.score, abs=1e-4)
    assert math.exp(found.total) == pytest.approx(sum(expected.values()), rel=1e-4)


def test_a_check_digit_decides_what_stands_before_it() -> None:
    right = "DE89370400440532013000"
    unclear = {7: {"4": 0.5, "1": 0.45}, 11: {"4": 0.45, "9": 0.5}, 15: {"2": 0.4, "7": 0.55}}

    field = read_field([frames_of(right, unclear)], TEXTS, Pattern.named("iban"), "")

    assert field.value == right


def test_spaces_between_the_boxes_of_a_field_do_not_count() -> None:
    field = read_field([frames_of("2 4 - 1 2 - 1 9 8 7")], TEXTS, Pattern.named("date"), "")

    assert (field.text, field.value) == ("24-12-1987", "1987-12-24")
    assert field.fit == pytest.approx(0, abs=0.01)


def test_cells_say_how_many_characters_there_are() -> None:
    line = np.logaddexp(frames_of("20") + math.log(0.9), math.log(0.1 / len(TEXTS))).astype(np.float32)
    cells = of_cells([frames_of("2"), frames_of("1"), frames_of("0")], TEXTS)

    assert read_field([line], TEXTS, Pattern.of(["20", "210"]), "").value == "20"
    assert read_field([line, cells], TEXTS, Pattern.named("number"), "").value == "210"


def test_an_empty_cell_is_a_space_and_dirt_in_a_cell_may_be_nothing() -> None:
    cells = of_cells([frames_of("a"), None, frames_of("b"), frames_of(".")], TEXTS)

    assert read_field([cells], TEXTS, Pattern.of(["a b", "ab"]), "").value == "a b"


def test_a_narrow_digit_that_is_nearly_missed_is_read_in_a_number_but_not_in_a_list() -> None:
    frames = frames_of("213")
    frames[2, 0], frames[2, TEXTS.encode("1")[0]] = math.log(0.75), math.log(0.25)

    assert read_field([frames], TEXTS, Pattern.named("number"), "").value == "213"
    assert read_field([frames], TEXTS, Pattern.of(["23", "213"]), "").value == "23"


def test_a_date_has_zeros_before_day_and_month_or_before_none() -> None:
    frames = frames_of("X3/04/1921", {0: {"1": 0.3, "0": 0.03, "X": 0.6}})
    frames[0, 0] = math.log(0.5)

    assert read_field([frames], TEXTS, Pattern.named("date"), "").text == "13/04/1921"


def test_the_best_entry_is_found_though_none_is_read_exactly() -> None:
    field = read_field([frames_of("Hambura")], TEXTS, Pattern.of(["Berlin", "Hamburg", "Homburg"]), "Hambura")

    assert (field.value, field.free) == ("Hamburg", "Hambura")
    assert -12 < field.fit < -5


def test_a_value_is_the_surer_the_fewer_others_fit() -> None:
    frames = frames_of("Hamburg", {1: {"a": 0.6, "o": 0.38}})

    alone = read_field([frames], TEXTS, Pattern.of(["Hamburg", "Berlin"]), "")
    beside = read_field([frames], TEXTS, Pattern.of(["Hamburg", "Homburg"]), "")

    assert alone.value == beside.value == "Hamburg"
    assert beside.confidence < alone.confidence - 0.1
    assert [other.text for other in beside.alternatives] == ["Homburg"]
    assert beside.alternatives[0].confidence == pytest.approx(0.38 / 0.98, abs=0.01)


def test_a_value_is_the_less_sure_the_worse_it_fits() -> None:
    pattern = Pattern.of(["Hamburg"])

    exact, near = (read_field([frames_of(text)], TEXTS, pattern, "") for text in ("Hamburg", "Hambury"))

    assert near.value == exact.value == "Hamburg"
    assert near.confidence < exact.confidence - 0.02


@pytest.mark.parametrize("text", ["My dear Margaret,", ""])
def test_it_is_said_that_nothing_fits(text: str) -> None:
    frames = frames_of(text) if text else frames_of("a")[1:]

    field = read_field([frames], TEXTS, Pattern.named("iban"), text)

    assert (field.text, field.value, field.confidence, field.free) == (None, None, 0.0, text)
    assert field.fit < LEAST_FIT
    assert not field.alternatives


def test_two_spellings_of_a_value_are_one_value() -> None:
    frames = frames_of("12.50", {2: {".": 0.5, ",": 0.48}})

    field = read_field([frames], TEXTS, Pattern.named("amount"), "")

    assert field.value == "12.50"
    assert field.alternatives == ()
    assert field.confidence > 0.9
