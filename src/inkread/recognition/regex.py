r"""Regular expressions as automata.

Usage: ``compile_regex(r"[A-Z]{2}\d{4}", alphabet).accepts(alphabet.encode("AB1234"))``

The whole text has to match. What is understood: characters, ``.``, classes such as ``[a-z]`` and ``[^0-9]``,
``\d \D \w \W \s \S``, a backslash before a character that would mean something else, groups ``( )`` and ``(?: )``,
``|``, ``* + ?``, ``{n}``, ``{n,}``, ``{n,m}``, and ``(?i)`` at the start for both cases. ``^`` at the start and ``$``
at the end are allowed and mean nothing. Everything else is refused: look-around, references to groups, ``\b``, lazy
and possessive repetitions.

Method: Thompson, "Regular expression search algorithm", 1968; and the subset construction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from inkread.errors import PatternError
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.automata import Automaton, explore

MOST_COPIES = 1000
"""Largest number in a repetition."""
MOST_PARTS = 100_000
"""States before the subset construction."""
SPECIAL = frozenset(r"\.[](){}|*+?^$")
CLASSES: dict[str, Callable[[str], bool]] = {
    "d": lambda character: character in "0123456789",
    "w": lambda character: character.isalnum() or character == "_",
    "s": lambda character: character == " ",
}

Labels = frozenset[int]
Fragment = tuple[int, int]
"""First and last state of a part of the automaton."""
Subset = frozenset[int]


@lru_cache(maxsize=32)
def compile_regex(expression: str, alphabet: Alphabet) -> Automaton:
    """The automaton of an expression.

    Raises:
        PatternError: the expression has an error, is too large, or accepts nothing that the alphabet can write.
    """
    parser = _Parser(expression, alphabet)
    first, last = parser.parse()
    closures: dict[int, Subset] = {}

    def closure(state: int) -> Subset:
        if state not in closures:
            reached, waiting = {state}, [state]
            while waiting:
                fresh = [other for other in parser.jumps[waiting.pop()] if other not in reached]
                reached.update(fresh)
                waiting += fresh
            closures[state] = frozenset(other for other in reached if parser.moves[other] or other == last)
        return closures[state]

    def moves(states: Subset) -> dict[int, Subset]:
        targets: dict[int, set[int]] = {}
        for state in sorted(states):
            for labels, target in parser.moves[state]:
                for label in labels:
                    targets.setdefault(label, set()).add(target)
        joined = {frozenset(each) for each in targets.values()}
        closed = {each: frozenset().union(*map(closure, each)) for each in joined}
        return {label: closed[frozenset(each)] for label, each in sorted(targets.items())}

    return explore(closure(first), moves, lambda states: last in states)


class _Parser:
    """Reads an expression from left to right and builds its non-deterministic automaton.

    Attributes:
        jumps: by state the states that are reached without a character.
        moves: by state the classes of a character and the state after it.
    """

    def __init__(self, expression: str, alphabet: Alphabet) -> None:
        self._ignore_case = expression.startswith("(?i)")
        self._text = expression[4:] if self._ignore_case else expression
        self._whole = expression
        self._alphabet = alphabet
        self._at = 0
        self.jumps: list[list[int]] = []
        self.moves: list[list[tuple[Labels, int]]] = []

    def parse(self) -> Fragment:
        """First and last state of the whole expression."""
        try:
            made = self._choice()
        except RecursionError:
            raise self._error("its groups are nested too deeply") from None
        if self._at < len(self._text):
            raise self._error("a ) has no (")
        return made

    def _error(self, reason: str) -> PatternError:
        return PatternError(f"the pattern {self._whole[:60]!r} cannot be used: {reason}")

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, text: str) -> bool:
        found = self._text.startswith(text, self._at)
        self._at += len(text) if found else 0
        return found

    def _state(self) -> int:
        self.jumps.append([])
        self.moves.append([])
        if len(self.jumps) > MOST_PARTS:
            raise self._error("it is too large")
        return len(self.jumps) - 1

    def _choice(self) -> Fragment:
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        if len(options) == 1:
            return options[0]
        first, last = self._state(), self._state()
        for start, stop in options:
            self.jumps[first].append(start)
            self.jumps[stop].append(last)
        return first, last

    def _sequence(self) -> Fragment:
        first = last = self._state()
        while self._peek() not in ("", "|", ")"):
            if (self._at == 0 and self._take("^")) or (self._at == len(self._text) - 1 and self._take("$")):
                continue
            start, stop = self._repeated()
            self.jumps[last].append(start)
            last = stop
        return first, last

    def _repeated(self) -> Fragment:
        begin = self._at
        copies = [self._single()]
        least, most = self._times()
        if (least, most) == (1, 1):
            return copies[0]
        after = self._at
        wanted = max(least, 1 if most is None else most)
        while len(copies) < wanted:
            self._at = begin
            copies.append(self._single())
        first = last = self._state()
        ends = []
        for number, (start, stop) in enumerate(copies[:wanted]):
            if number >= least:
                ends.append(last)
            self.jumps[last].append(start)
            if most is None and number == wanted - 1:
                self.jumps[stop].append(start)
            last = stop
        final = self._state()
        for state in (*ends, last):
            self.jumps[state].append(final)
        self._at = after
        return first, final

    def _times(self) -> tuple[int, int | None]:
        """How often the part before may stand: at least, and at most, None for any number."""
        if self._take("*"):
            times: tuple[int, int | None] = (0, None)
        elif self._take("+"):
            times = (1, None)
        elif self._take("?"):
            times = (0, 1)
        elif self._take("{"):
            times = self._counts()
        else:
            return 1, 1
        if self._peek() in tuple("*+?{"):
            raise self._error(f"{self._peek()} stands after a repetition; put the repetition into a group")
        return times

    def _counts(self) -> tuple[int, int | None]:
        inside, closed, _ = self._text[self._at :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not least.isdecimal() or not (most.isdecimal() or (comma and not most) or not comma):
            raise self._error("a repetition is written {3}, {3,} or {3,5}")
        self._at += len(inside) + 1
        low = int(least)
        high = None if comma and not most else int(most or least)
        if low > MOST_COPIES or (high or 0) > MOST_COPIES or (high is not None and high < low):
            raise self._error(f"a repetition has numbers in rising order up to {MOST_COPIES}")
        return low, high

    def _single(self) -> Fragment:
        if self._take("("):
            if self._peek() == "?" and not self._take("?:"):
                raise self._error("of groups with (? only (?: is understood")
            made = self._choice()
            if not self._take(")"):
                raise self._error("a ( has no )")
            return made
        labels = self._labels()
        first, last = self._state(), self._state()
        if labels:
            self.moves[first].append((labels, last))
        return first, last

    def _labels(self) -> Labels:
        character = self._peek()
        self._at += 1
        if character == ".":
            return self._those(lambda _: True)
        if character == "[":
            return self._class()
        if character == "\\":
            named = self._named()
            return self._those(named) if callable(named) else self._one(named)
        if character in SPECIAL:
            raise self._error(f"{character} has nothing to act on; write \\{character} for the character")
        return self._one(character)

    def _named(self) -> Callable[[str], bool] | str:
        """What a backslash and the next character stand for: a class, or a character."""
        character = self._peek()
        self._at += 1
        if character.lower() in CLASSES:
            test = CLASSES[character.lower()]
            return test if character.islower() else lambda other: not test(other)
        if not character or character.isalnum():
            raise self._error(f"\\{character} is not understood")
        return character

    def _class(self) -> Labels:
        negated = self._take("^")
        tests: list[Callable[[str], bool]] = []
        while not self._take("]"):
            low = self._member()
            if callable(low):
                tests.append(low)
                continue
            high: Callable[[str], bool] | str = low
            if self._peek() == "-" and self._text[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._member()
            if callable(high) or high < low:
                raise self._error("a range in [ ] is written from a lower to a higher character, such as a-z")
            tests.append(_between(low, high))
        if not tests:
            raise self._error("a [ ] is empty; write \\] for the character")

        def inside(character: str) -> bool:
            return any(test(character) for test in tests)

        if self._ignore_case:
            return self._those(lambda c: any(map(inside, {c, c.lower(), c.upper()})) != negated)
        return self._those(lambda c: inside(c) != negated)

    def _member(self) -> Callable[[str], bool] | str:
        character = self._peek()
        if not character:
            raise self._error("a [ has no ]")
        self._at += 1
        return self._named() if character == "\\" else character

    def _one(self, character: str) -> Labels:
        wanted = {character, character.lower(), character.upper()} if self._ignore_case else {character}
        return self._those(lambda other: other in wanted)

    def _those(self, test: Callable[[str], bool]) -> Labels:
        return frozenset(label for label, c in enumerate(self._alphabet.characters, start=1) if test(c))


def _between(low: str, high: str) -> Callable[[str], bool]:
    return lambda character: low <= character <= high
