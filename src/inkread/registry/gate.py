"""The promotion gate: a challenger must not read worse than the champion.

Usage: ``number = promote(Registry(), "challenger", who="ada", why="better on registers")``
"""

from __future__ import annotations

from inkread.errors import RegistryError
from inkread.registry.versions import Registry, Version

TOLERANCE = 0.002
"""A CER that is higher by this much or less counts as the same: 0.2 points are noise on the sample sizes at hand."""
MEASURE = "cer"


def objection(challenger: Version, champion: Version | None) -> str:
    """Why the challenger should not be promoted, in one sentence; "" where nothing speaks against it."""
    if MEASURE not in challenger.metrics:
        return f"version {challenger.version} has no {MEASURE}; evaluate it before it is promoted"
    if champion is None or MEASURE not in champion.metrics:
        return ""
    if challenger.data_hash != champion.data_hash:
        return (
            f"version {challenger.version} and the champion {champion.version} were measured on different data; "
            "evaluate both on the same data, or force it"
        )
    new, old = challenger.metrics[MEASURE], champion.metrics[MEASURE]
    if new > old + TOLERANCE:
        return (
            f"version {challenger.version} reads worse than champion {champion.version}: CER {new:.4f}, not {old:.4f}"
        )
    return ""


def promote(registry: Registry, reference: int | str, who: str, why: str, *, force: bool = False) -> int:
    """Make a version the champion where the gate does not object, or ``force`` overrules it; return its number.

    Raises:
        RegistryError: the gate objects, there is no such version, or it is the champion already.
    """
    number = registry.resolve(reference)
    known = {item.version: item for item in registry.versions()}
    if number not in known:
        raise RegistryError(f"there is no version {number}; inkread models list shows what there is")
    against = objection(known[number], known.get(registry.champion() or 0))
    if against and not force:
        raise RegistryError(f"{against} (force promotes it nevertheless)")
    registry.promote(number, who, why)
    return number
