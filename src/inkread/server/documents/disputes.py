"""Lines on which two people disagree: each typed another text, and nobody else has looked since.

Usage: ``disputes(versions)["line_3"].texts``

A third person settles it by saving the page after both, with one of the texts or with another one. Going back to an
earlier version ends all disputes of a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inkread.server.documents.tables import Version


@dataclass(frozen=True, slots=True)
class Dispute:
    """Who typed what; the last text holds."""

    users: tuple[str, ...]
    texts: tuple[str, ...]


def disputes(versions: Iterable[Version]) -> dict[str, Dispute]:
    """The open disputes of a page by line, from its versions, the oldest first."""
    typed: dict[str, Dispute] = {}
    for version in versions:
        if version.action != "corrected":
            typed.clear()
            continue
        for line in [line for line, known in typed.items() if _settles(version.user, known)]:
            del typed[line]
        for line, _, after in version.changes:
            if after:
                typed[line] = _with(typed.get(line, Dispute((), ())), version.user, after)
            else:
                typed.pop(line, None)
    return {line: known for line, known in typed.items() if len(known.users) > 1}


def _settles(user: str, known: Dispute) -> bool:
    return len(known.users) > 1 and user not in known.users


def _with(known: Dispute, user: str, text: str) -> Dispute:
    """One text a user, the newest last; who comes round to a text of another disagrees no more."""
    others = [(name, old) for name, old in zip(known.users, known.texts, strict=True) if name != user and old != text]
    users, texts = zip(*others, (user, text), strict=True)
    return replace(known, users=users, texts=texts)
