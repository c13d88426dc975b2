"""What a field may say: only what can exist is accepted, and each spelling has the value that a person means."""

import pickle
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inkread.errors import PatternError
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.patterns import MOST_CHARACTERS, MOST_ENTRIES, Pattern
from inkread.recognition.regex import compile_regex

ALPHABET = Alphabet(LATIN)
ABC = Alphabet("abc.-")


def value(name: str, text: str) -> str | None:
    """What a text means, None where it is refused; spaces do not count."""
    pattern = Pattern.named(name)
    return pattern.value(text.replace(" ", "")) if pattern.fits(text, ALPHABET) else None


ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\.", r"\w", "[a-c]", "(a|bc)", "(?:ab|)", "c"])
REPETITIONS = st.sampled_from(["", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}"])
SEQUENCES = st.lists(st.tuples(ATOMS, REPETITIONS), max_size=4).map(lambda parts: "".join(a + r for a, r in parts))
EXPRESSIONS = st.lists(SEQUENCES, min_size=1, max_size=3).map("|".join)


@given(EXPRESSIONS, st.lists(st.text("abc.-", max_size=6), min_size=1, max_size=20))
def test_an_expression_accepts_what_python_accepts(expression: str, texts: list[str]) -> None:
    automaton = compile_regex(expression, ABC)

    for text in texts:
        assert automaton.accepts(ABC.encode(text)) == bool(re.fullmatch(expression, text)), (expression, text)


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("(a", "( has no )"),
        ("a)", ") has no ("),
        ("[a", "[ has no ]"),
        ("[]", "empty"),
        ("*a", "nothing to act on"),
        ("a**", "after a repetition"),
        ("a{2", "written {3}"),
        ("a{3,2}", "rising order"),
        ("a{1001}", "up to 1000"),
        ("(?=a)", "only (?:"),
        (r"(a)\1", "not understood"),
        (r"\bword", "not understood"),
        ("a{1000}{1000}", "after a repetition"),
        ("((a{500}){500}){9}", "too large"),
        ("(a|b)*a(a|b){20}", "bound its repetitions"),
        ("z", "accepts no text"),
        ("(" * 5000 + ")" * 5000, "nested too deeply"),
    ],
)
def test_what_an_expression_cannot_say_is_named(expression: str, problem: str) -> None:
    with pytest.raises(PatternError, match=re.escape(problem)):
        Pattern.of(expression).build(ABC)


def test_case_is_ignored_where_asked() -> None:
    assert Pattern.of("(?i)ab[c-e]").fits("aBD", ALPHABET)
    assert Pattern.of("straße", ignore_case=True).fits("STRAße", ALPHABET)
    assert not Pattern.of("ab").fits("AB", ALPHABET)


ENTRIES = st.lists(st.text("abcABC -", min_size=1, max_size=6).map(lambda t: " ".join(t.split())), max_size=20)


@given(ENTRIES, st.text("abcABC -", max_size=6))
def test_a_list_accepts_its_entries_and_nothing_else(entries: list[str], other: str) -> None:
    pattern = Pattern.of([*entries, "a"])

    assert all(pattern.fits(entry, ALPHABET) for entry in entries if entry)
    assert pattern.fits(other, ALPHABET) == (other in {*entries, "a"} and bool(other))


def test_the_value_of_an_entry_in_capitals_is_the_entry() -> None:
    pattern = Pattern.of(["Müller", "Maier"], ignore_case=True)

    assert pattern.fits("MÜLLER", ALPHABET)
    assert pattern.value("MÜLLER") == "Müller"


@pytest.mark.parametrize("pattern", [Pattern.of("a+"), Pattern.of(["Bonn"]), Pattern.named("iban"), Pattern.date()])
def test_a_pattern_can_be_sent_to_another_process(pattern: Pattern) -> None:
    sent = pickle.loads(pickle.dumps(pattern))

    assert sent.build(ALPHABET).labels.tolist() == pattern.build(ALPHABET).labels.tolist()
    assert sent.name == pattern.name


def test_unusable_lists_are_refused() -> None:
    with pytest.raises(PatternError, match="no entry"):
        Pattern.of(["日本", ""]).build(ALPHABET)
    with pytest.raises(PatternError, match=f"at most {MOST_ENTRIES}"):
        Pattern.of([str(number) for number in range(MOST_ENTRIES + 1)])
    with pytest.raises(PatternError, match=f"at most {MOST_CHARACTERS}"):
        Pattern.of(["a" * (MOST_CHARACTERS + 1)])
    with pytest.raises(PatternError, match="choose from"):
        Pattern.named("dates")
    with pytest.raises(PatternError, match="first and a last year"):
        Pattern.date((2030, 1900))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("3.4.1821", "1821-04-03"),
        ("03/04/21", "2021-04-03"),
        ("3-4-'98", "1998-04-03"),
        ("03041921", "1921-04-03"),
        ("May 12 1921", "1921-05-12"),
        ("2021-04-03", "2021-04-03"),
        ("1er janvier 1900", "1900-01-01"),
        ("9th of March 1908", "1908-03-09"),
        ("March 9, 1908", "1908-03-09"),
        ("31. Dez. 1999", "1999-12-31"),
        ("3 de abril de 1821", "1821-04-03"),
        ("29.2.2000", "2000-02-29"),
        ("12 AOÛT 1914", "1914-08-12"),
        ("29.2.1900", None),
        ("30.2.2000", None),
        ("31/4/99", None),
        ("1/13/1999", None),
        ("0.1.1999", None),
        ("2021-4-3", None),
    ],
)
def test_dates_that_exist_have_a_value(text: str, iso: str | None) -> None:
    assert value("date", text) == iso


@given(st.dates(date(1000, 1, 1), date(2049, 12, 31)))
def test_every_day_of_the_calendar_is_accepted(day: date) -> None:
    written = f"{day.day}.{day.month}.{day.year}"
    assert value("date", written) == str(day)


def test_the_order_and_the_years_of_dates_can_be_set() -> None:
    american, recent = Pattern.date(month_first=True), Pattern.date((1990, 2030))

    assert american.value("3/4/1921") == "1921-03-04"
    assert recent.fits("3/4/1995", ALPHABET)
    assert not recent.fits("3/4/1895", ALPHABET)
    assert recent.value("3/4/31") == "1931-04-03"
    assert not recent.fits("3/4/31", ALPHABET)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("number", "1.234.567,89", "1234567.89"),
        ("number", "1 234,5", "1234.5"),
        ("number", "1.234", "1234"),
        ("number", "0.234", "0.234"),
        ("number", "-3", "-3"),
        ("number", "007", None),
        ("amount", "1.234,50 €", "1234.50 EUR"),
        ("amount", "$1,234.00", "1234.00 USD"),
        ("amount", "CHF 1'200.50", "1200.50 CHF"),
        ("amount", "12,-- €", "12 EUR"),
        ("amount", "45", "45"),
        ("amount-with-cents", "45", None),
        ("amount-with-cents", "45.10", "45.10"),
        ("phone", "+49 (0)30 1234567", "+49301234567"),
        ("phone", "(617) 555-1234", "6175551234"),
        ("phone", "12", None),
        ("email", "a.b@Example.ORG", "a.b@example.org"),
        ("email", "a.b@example", None),
        ("time", "9.05", "09:05"),
        ("time", "24:00", None),
        ("postcode-de", "10115", "10115"),
        ("postcode-de", "00115", None),
        ("postcode-gb", "SW1A 1AA", "SW1A1AA"),
        ("iban", "DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("iban", "GB82 WEST 1234 5698 7654 32", "GB82WEST12345698765432"),
        ("iban", "CH93 0076 2011 6238 5295 7", "CH9300762011623852957"),
        ("iban", "DE89 3704 0044 0532 0130", None),
        ("card", "4111 1111 1111 1111", "4111111111111111"),
        ("card", "3782 822463 10005", "378282246310005"),
        ("ean", "4006381333931", "4006381333931"),
        ("ean", "73513537", "73513537"),
        ("isbn", "978-3-16-148410-0", "9783161484100"),
        ("isbn", "0-8044-2957-X", "080442957X"),
        ("isbn", "1234567890128", None),
    ],
)
def test_kinds_have_a_value_in_one_spelling(name: str, text: str, expected: str | None) -> None:
    assert value(name, text) == expected


CHECKED = {
    "iban": "DE89370400440532013000",
    "card": "4111111111111111",
    "ean": "4006381333931",
    "isbn": "9783161484100",
}


@given(st.sampled_from(sorted(CHECKED)), st.integers(4, 12), st.integers(1, 9))
def test_a_check_digit_finds_every_wrong_digit(name: str, place: int, change: int) -> None:
    right = CHECKED[name]
    wrong = right[:place] + str((int(right[place]) + change) % 10) + right[place + 1 :]

    assert value(name, right) == right
    assert value(name, wrong) is None


@pytest.mark.parametrize("name", Pattern.names())
def test_every_kind_can_be_written_with_the_bundled_alphabet(name: str) -> None:
    assert len(Pattern.named(name).build(ALPHABET).labels)
