"""Short runs that show what each part of the recipe gives, and how a source is read that training never saw.

Usage: ``python -m recipe.ablation recipe/plans/ablation.json -o runs/ablation``

Each variant of the plan is trained alike, in a folder of its own, and its averaged weights are measured on lines of
val; a source that has no val lines and is left out of training is measured on its training lines. An interrupted call
continues where it stopped; a variant with a ``cer.json`` is not run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from inkread.cli.terminal import run_command
from inkread.data.cleaning import Cleaner
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import Alphabet
from inkread.recognition.line_images import exact_part
from inkread.training.data import ValidationLine, validation_lines
from inkread.training.scoring import cer_by_source, read_lines, torch_frames
from inkread.training.train import LAST, TrainingPlan, load_plan, prepared, starting_network, train, trained_network

STROKES = "unipen-en"
STROKE_KINDS = ("text", "words", "plain")
START, ALL, LINES = "start", "all", "lines"
RESULT = "cer.json"


def ablations(plan: TrainingPlan) -> dict[str, TrainingPlan]:
    """The plan with one part of the recipe taken away at a time, by name."""
    mixture = plan.mixture
    no_pages = dict.fromkeys(mixture.lines("train").by_source(), 0.0)
    return {
        ALL: plan,
        "random start": plan.model_copy(update={"start": None}),
        "without pages": _with_mixture(plan, emphasis=no_pages),
        "without synthesis": _with_mixture(plan, shares=dict.fromkeys(mixture.shares, 0.0)),
        "without augmentation": plan.model_copy(update={"augmentation": None}),
    }


def without(plan: TrainingPlan, sources: tuple[str, ...]) -> TrainingPlan:
    """The plan without some sources; ``unipen-en`` stands for all that is made of pen strokes."""
    emphasis = plan.mixture.emphasis | dict.fromkeys(sources, 0.0)
    shares = dict(plan.mixture.shares)
    if STROKES in sources:
        shares |= dict.fromkeys(STROKE_KINDS, 0.0)
    return _with_mixture(plan, emphasis=emphasis, shares=shares)


def watched_lines(plan: TrainingPlan, most: int, seed: int = 7) -> list[ValidationLine]:
    """Val lines of all sources; of left-out sources without any, training lines as the reader would cut them."""
    alphabet = Alphabet(plan.alphabet)
    lines = validation_lines(plan.mixture, alphabet, most, seed)
    seen = {line.source for line in lines}
    store, clean = plan.mixture.lines("train"), Cleaner(alphabet)
    rng = np.random.default_rng(seed)
    for source, rows in sorted(store.by_source().items()):
        if source not in seen and plan.mixture.emphasis.get(source, 1.0) == 0:
            for index in sorted(rng.permutation(rows)[:most]):
                text = clean(store.lines[index].text)
                if text is not None:
                    lines.append(ValidationLine((exact_part(store.image(index)), text), source))
    return lines


def run_variant(
    plan: TrainingPlan, folder: Path, lines: Sequence[ValidationLine], start_share: float = 0.0
) -> dict[str, dict[str, float]]:
    """Train a variant and return the CER by source of the start and of the variant, and how many lines were read.

    The variant's weights are mixed with ``start_share`` of those it began with.
    """
    result = folder / (f"cer with {start_share:g} of the start.json" if start_share else RESULT)
    if result.is_file():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    train(plan, folder)
    networks = {START: starting_network(plan), "trained": trained_network(plan, folder / LAST, start_share)}
    scores: dict[str, dict[str, float]] = {}
    for name, network in networks.items():
        readings = read_lines(torch_frames(network), [line.sample[0] for line in lines], Alphabet(plan.alphabet))
        scores[name] = cer_by_source([line.source for line in lines], [line.sample[1] for line in lines], readings)
    scores[LINES] = {**Counter(line.source for line in lines), ALL: len(lines)}
    write_bytes(result, json.dumps(scores, ensure_ascii=False, indent=1).encode())
    return scores


def table(scores: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown: a row a source, a column for the start and each variant, CER in percent."""
    first = next(iter(scores.values()))
    sources = [*(name for name in first[START] if name != ALL), ALL]
    rows = [["source", START, *scores], ["---"] * (2 + len(scores))]
    for source in sources:
        values = [first[START].get(source), *(result["trained"].get(source) for result in scores.values())]
        rows.append([source, *("" if value is None else f"{100 * value:.1f}" for value in values)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def held_out_table(groups: Mapping[tuple[str, ...], Mapping[str, Mapping[str, float]]]) -> str:
    """Markdown: a row for each source that was left out, with its CER before and after and their ratio."""
    rows = [["left out of training", "CER at the start, %", "CER after, %", "ratio"], ["---"] * 4]
    for sources, scores in groups.items():
        names = [name for source in sources for name in _measured(source)]
        for name in names:
            before, after = scores[START].get(name), scores["trained"].get(name)
            if before and after is not None:
                rows.append([name, f"{100 * before:.1f}", f"{100 * after:.1f}", f"{after / before:.2f}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _measured(source: str) -> tuple[str, ...]:
    return tuple(f"synthetic {kind}" for kind in STROKE_KINDS) if source == STROKES else (source,)


def _with_mixture(plan: TrainingPlan, **changes: object) -> TrainingPlan:
    return plan.model_copy(update={"mixture": plan.mixture.model_copy(update=changes)})


def ablate(
    plan: Annotated[Path, typer.Argument(help="JSON file with the plan of a short run")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the runs")],
    lines: Annotated[int, typer.Option(min=1, help="Lines of each source to measure")] = 60,
    leave_out: Annotated[list[str] | None, typer.Option(help="Sources to leave out together: A,B; repeatable")] = None,
    parts: Annotated[bool, typer.Option(help="Also take each part of the recipe away")] = True,
    start_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the starting weights in those that are measured")
    ] = 0.0,
) -> None:
    """Run the variants of a plan and print tables.

    Example: python -m recipe.ablation recipe/plans/ablation.json -o runs/ablation --leave-out hooker-en,romance
    """
    described = prepared(load_plan(plan), output)
    groups = [tuple(group.split(",")) for group in leave_out or ()]
    left_out = {
        group: run_variant(variant, output / f"without {' '.join(group)}", watched_lines(variant, lines), start_share)
        for group in groups
        for variant in [without(described, group)]
    }
    if left_out:
        typer.echo(held_out_table(left_out) + "\n")
    if parts:
        variants, same = ablations(described), watched_lines(described, lines)
        scores = {name: run_variant(variant, output / name, same, start_share) for name, variant in variants.items()}
        typer.echo(table(scores))


if __name__ == "__main__":
    run_command(typer.run, ablate)
