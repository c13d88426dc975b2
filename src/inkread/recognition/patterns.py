r"""What a field may say: a regular expression, a list of entries, or a named kind such as a date.

Usage: ``Pattern.of(r"\d{5}")``; ``Pattern.of(["Berlin", "Bonn"])``; ``Pattern.named("date")``

A pattern says which texts may stand in a field, and what value each of them means. `inkread.recognition.fields`
searches for the most probable of them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from inkread.errors import PatternError
from inkread.recognition import kinds
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.automata import Automaton, from_entries
from inkread.recognition.regex import compile_regex

MOST_ENTRIES = 100_000
MOST_CHARACTERS = 200
"""Of an entry of a list."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which texts may stand in a field, and the value of each; made by `of` and `named`.

    Attributes:
        name: for people and for messages.
        build: its automaton for an alphabet.
        value: the value that a text means, in one spelling: a date as ISO 8601, a number with a decimal point, an
            entry as it stands in the list.
        spaces: whether they belong to the text; where not, they are read as gaps between its characters.
        length_bonus: natural log added for each character of a text.
        prior: natural log of how likely a text is before anything is read, up to a constant.
    """

    name: str
    build: Callable[[Alphabet], Automaton]
    value: Callable[[str], str]
    spaces: bool = True
    length_bonus: float = 0.0
    prior: Callable[[str], float] = kinds.equally_likely

    @classmethod
    def of(cls, pattern: str | Sequence[str] | Pattern, *, ignore_case: bool = False) -> Pattern:
        """A regular expression (a string), or a list of entries.

        Args:
            pattern: a string as `inkread.recognition.regex` describes it, at most 100,000 entries, or a pattern.
            ignore_case: letters may be written in both cases.

        Raises:
            PatternError: it is empty, too large or has an error.
        """
        if isinstance(pattern, Pattern):
            return pattern
        if isinstance(pattern, str):
            expression = f"(?i){pattern}" if ignore_case and not pattern.startswith("(?i)") else pattern
            return cls(f"expression {pattern[:60]}", partial(compile_regex, expression), str)
        return _from_list(tuple(pattern), ignore_case)

    @classmethod
    def named(cls, name: str) -> Pattern:
        """One of ``Pattern.names()``.

        Raises:
            PatternError: there is no such name.
        """
        if name not in kinds.KINDS:
            raise PatternError(f"{name!r} is no kind of field, choose from {', '.join(cls.names())}")
        return cls._of_kind(name, kinds.KINDS[name])

    @classmethod
    def date(cls, years: tuple[int, int] = kinds.YEARS, *, month_first: bool = False) -> Pattern:
        """Dates of some years; the fewer are possible, the surer is what is read.

        Args:
            years: the first and the last one; a year of two digits is one of the last hundred of them.
            month_first: 3/4/1921 is the 4th of March, not the 3rd of April.

        Raises:
            PatternError: the years are not in rising order between 1 and 9999.
        """
        if not 1 <= years[0] <= years[1] <= 9999:
            raise PatternError(
                f"a date needs a first and a last year between 1 and 9999, not {years[0]} and {years[1]}"
            )
        return cls._of_kind("date", kinds.date_kind(kinds.Dates(years, month_first)))

    @classmethod
    def _of_kind(cls, name: str, kind: kinds.Kind) -> Pattern:
        return cls(name, kind.build, kind.value, spaces=False, length_bonus=kind.length_bonus, prior=kind.prior)

    @staticmethod
    def names() -> tuple[str, ...]:
        """The kinds of fields that have a name."""
        return tuple(sorted(kinds.KINDS))

    def fits(self, text: str, alphabet: Alphabet) -> bool:
        """Whether a text may stand in the field."""
        text = text if self.spaces else text.replace(" ", "")
        return not alphabet.unknown(text) and self.build(alphabet).accepts(alphabet.encode(text))


@dataclass(frozen=True, slots=True, eq=False)
class _Entries:
    """A list: its entries without superfluous spaces, and with ``ignore_case`` each by its small letters."""

    entries: tuple[str, ...]
    by_small_letters: dict[str, str] | None

    def build(self, alphabet: Alphabet) -> Automaton:
        """The trie, kept for the fields that follow."""
        return _trie(self, alphabet)

    def value(self, text: str) -> str:
        """The entry as it stands in the list."""
        return text if self.by_small_letters is None else self.by_small_letters.get(text.lower(), text)


@lru_cache(maxsize=8)
def _trie(entries: _Entries, alphabet: Alphabet) -> Automaton:
    return from_entries(entries.entries, alphabet, ignore_case=entries.by_small_letters is not None)


@lru_cache(maxsize=8)
def _from_list(entries: tuple[str, ...], ignore_case: bool) -> Pattern:
    if len(entries) > MOST_ENTRIES:
        raise PatternError(f"the list has {len(entries)} entries, at most {MOST_ENTRIES} can be searched")
    if not all(isinstance(entry, str) for entry in entries):
        raise PatternError("every entry of the list has to be a string")
    clean = tuple(" ".join(unicodedata.normalize("NFC", entry).split()) for entry in entries)
    longest = max(map(len, clean), default=0)
    if longest > MOST_CHARACTERS:
        raise PatternError(f"an entry of the list has {longest} characters, at most {MOST_CHARACTERS} stand in a line")
    known = _Entries(clean, {entry.lower(): entry for entry in reversed(clean)} if ignore_case else None)
    return Pattern(f"list of {len(clean)}", known.build, known.value)
