import lzma
import math
from pathlib import Path

import pytest

from inkread.errors import DatasetError
from inkread.recognition.language_model import BOUNDARY, LanguageModel
from recipe import ngram
from recipe.corpora import Corpus, Source, transcriptions
from recipe.ngram import build, main

TEXT = (
    "Cher ami, je vous prie d'agréer mes sentiments les meilleurs.",
    "Je soussigné demeurant à Paris lègue à mon épouse tous mes biens.",
    "Dear Sir, I have the honour to acknowledge your letter of the 3d.",
    "I am very much obliged to you for the seeds & plants.",
    "The seeds of the plants that you sent me have not yet come up.",
    "Je vous prie de croire, cher ami, à mes meilleurs sentiments.",
)
KEEP_ALL = -math.inf


def corpus(*lines: str, weight: float = 1.0) -> Corpus:
    return Corpus(Source("test", "1", "CC0-1.0", "", sum(map(len, lines))), lines, weight)


def bits(model: LanguageModel, lines: tuple[str, ...]) -> float:
    return -sum(map(model.score_line, lines)) / math.log(2) / sum(len(line) + 1 for line in lines)


@pytest.mark.parametrize("least_gain", [KEEP_ALL, 0.2, 2.0])
def test_probabilities_sum_to_one_after_seen_and_unseen_contexts(least_gain: float) -> None:
    model = build([corpus(*TEXT * 3)], order=7, least_gain=least_gain)

    for context in ("", BOUNDARY, "Je vous", "les se", "zzz", "é\u0301", "plants."):
        everything = sum(math.exp(model.score(context, character)) for character in model.characters + "\u0301")
        assert everything == pytest.approx(1, abs=0.04), "but for the steps of 1/16 that backoffs are kept in"


def test_building_twice_gives_the_same_bytes() -> None:
    corpora = [corpus(*TEXT, weight=4.0), corpus(*TEXT[::-1], weight=0.5)]

    assert build(corpora).to_bytes() == build(corpora).to_bytes()


def test_interpolated_kneser_ney_as_worked_out_by_hand() -> None:
    model = build([corpus(*["ab"] * 3, *["cb"] * 3)], order=2, least_gain=KEEP_ALL)
    once, twice, more = ngram.DISCOUNTS
    # Distinct characters before each: b 2, a, c and the line's end 1; a uniform share goes to these four and any other.
    lower = (2 - twice) / 5 + (twice + 3 * once) / 5 / 5
    after_a = (3 - more) / 3 + more / 3 * lower

    assert model.characters == "\nabc"
    assert math.exp(model.score("", "b")) == pytest.approx(lower, rel=0.04)
    assert math.exp(model.score("a", "b")) == pytest.approx(after_a, rel=0.04)


def test_a_longer_memory_predicts_text_of_the_same_kind_better() -> None:
    short, long = (build([corpus(*TEXT)], order=order, least_gain=KEEP_ALL) for order in (1, 4))

    held_out = ("Je vous prie de croire à mes sentiments", "I have not the seeds of the plants")

    assert bits(long, held_out) < bits(short, held_out) - 1
    assert bits(short, held_out) < math.log2(len(short.characters) + 1)


def test_a_heavier_corpus_counts_for_more() -> None:
    english, french = corpus("the the the the", weight=8.0), corpus("tha tha tha tha", weight=1.0)
    model = build([english, french], least_gain=KEEP_ALL)

    assert model.score("th", "e") > model.score("th", "a")


def test_a_language_of_its_own_expects_its_own_texts() -> None:
    french, english = (
        Corpus(Source("test", "", "", "", 0), lines, 1.0, language)
        for lines, language in ((TEXT[::5], "fr"), (TEXT[2:4], "en"))
    )
    model = build([french, english], least_gain=KEEP_ALL, languages={"fr": KEEP_ALL, "en": math.inf})

    assert bits(model.of("fr"), TEXT[::5]) < bits(model, TEXT[::5])
    assert bits(model.of("fr"), TEXT[2:4]) > bits(model, TEXT[2:4])
    assert model.of("en") is model


def test_the_more_an_ngram_must_gain_the_smaller_the_model() -> None:
    lines = TEXT * 3
    full, half, few = (build([corpus(*lines)], least_gain=gain) for gain in (KEEP_ALL, 0.5, 3.0))

    assert len(full.to_bytes()) > len(half.to_bytes()) > len(few.to_bytes())
    assert bits(full, TEXT) < bits(half, TEXT) < bits(few, TEXT) < 5


def test_lines_shorter_than_the_order_are_enough() -> None:
    model = build([corpus("a", "a", "a", "a")], least_gain=KEEP_ALL)

    assert model.score(BOUNDARY, "a") > math.log(0.5)


def test_rare_and_odd_characters_do_not_enter_the_model() -> None:
    model = build([corpus(*["plain text"] * 3, "\U0001f600 once")], least_gain=KEEP_ALL)

    assert "\U0001f600" not in model.characters
    assert model.score("plain ", "t") > model.score("plain ", "\U0001f600") == model.score("plain ", "\u0301")


def test_the_model_names_its_sources() -> None:
    assert build([corpus(*TEXT)]).sources[0] == {
        "name": "test",
        "version": "1",
        "licence": "CC0-1.0",
        "sha256": "",
        "size": sum(map(len, TEXT)),
    }


def test_real_transcriptions_make_a_model_that_prefers_their_language(shared_data: Path) -> None:
    model = build([transcriptions(shared_data / "testaments-fr")])

    assert (
        model.score_line("Je lègue tous mes biens à ma femme")
        > model.score_line("Jc lèguc tcus rnes hicns à ma fcmme") + 20
    )


def test_the_command_makes_a_model_of_transcriptions_and_texts(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, texts, out = tmp_path / "data", tmp_path / "texts", tmp_path / "lm.bin"
    data.mkdir()
    (data / "mss20-fr").symlink_to(shared_data / "mss20-fr")
    texts.mkdir()
    (texts / "en-letters-made.txt.xz").write_bytes(lzma.compress(("I have the honour to be\n" * 40).encode()))
    (texts / "SOURCES.tsv").write_text("file\tsource\tkind\tlicence\nen-letters-made.txt\tmade\tletters\tCC0\n")
    monkeypatch.setattr(ngram, "LEAST_GAIN", 0.0)

    main(["--out", str(out), "--data", str(data), "--texts", str(texts)])

    model = LanguageModel.load(out)
    assert [source["name"] for source in model.sources] == ["mss20-fr train", "en-letters-made (made)"]
    assert model.score("I have the hon", "o") > math.log(0.5)


def test_the_command_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no source with a train split"):
        main(["--out", str(tmp_path / "lm.bin"), "--data", str(tmp_path), "--texts", str(tmp_path)])
    assert not (tmp_path / "lm.bin").exists()
