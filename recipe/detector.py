"""The text detector, taught what handwritten pages have and print does not: insertions, tight lines, show-through.

Usage: ``python -m recipe.detector DATA detector.onnx --start OLD.onnx --printed FONTS``

DATA is a folder of sources, each with pages and PAGE or ALTO files in ``train``. The graph of the ONNX file is run by
torch as it is, and the weights go back into the same graph, so that a trained detector costs what the first one did.
Loss: binary cross-entropy, and the Dice loss of Milletari, Navab, Ahmadi (V-Net, 3DV 2016), over the pixels that count.
The written weights are an exponential mean over the steps.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import torch
import typer
from numpy.typing import NDArray
from onnx import numpy_helper
from rich.console import Console
from rich.progress import Progress, track
from torch import Tensor, nn
from torch.nn import functional

from inkread.cli.terminal import run_command
from inkread.errors import BundleError, DatasetError
from inkread.evaluation.sources import PageFile, open_sources
from inkread.formats.reading import layout_of
from inkread.io.files import write_bytes
from inkread.io.inputs import load_pages
from inkread.layout.analysis import Analyser
from inkread.layout.detector import Detector
from inkread.synthesis.ink import Font, find_fonts
from inkread.synthesis.lines import read_texts
from recipe.print_pages import printed_page
from recipe.ribbons import SIDE, Crop, Example, facing, show_through, vary_light

BATCH = 2
RATE, WARM_UP = 3e-4, 60
"""Highest rate of AdamW, and steps until it is reached, at most a quarter; it then falls along a cosine."""
MOST_PAGES = 150
"""Pages of one source; more of one hand teach little."""
PARTLY_TRANSCRIBED = frozenset({"timeus-fr"})
"""Sources whose pages have many lines that nobody transcribed."""
SHOWS_THROUGH, FACING = 0.12, 0.12
"""Shares of crops."""
PRINTED, PRINTED_PAGES, PRINTED_SHARE = "printed", 120, 0.3
"""Source of printed pages, how many there are, and their share of the crops."""
REPORTED = 50
"""Steps whose mean loss is shown."""


class OnnxGraph(nn.Module):
    """An ONNX graph of the detector's operations, whose weights are parameters.

    Raises:
        BundleError: the graph has an operation that the detector does not have.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.model = onnx.load(path)
        arrays = {item.name: numpy_helper.to_array(item) for item in self.model.graph.initializer}
        factors = {name for node in self.model.graph.node if node.op_type == "Resize" for name in node.input}
        self.places = {
            name: array.dtype
            for name, array in arrays.items()
            if array.dtype.kind == "f" and array.size > 1 and name not in factors
        }
        self.weights = nn.ParameterList(
            nn.Parameter(torch.from_numpy(arrays[name].astype(np.float32))) for name in self.places
        )
        self._constants = {name: _tensor(array) for name, array in arrays.items() if name not in self.places}
        self._nodes = [_node(node) for node in self.model.graph.node]
        for kind, *_ in self._nodes:
            if kind not in OPERATIONS:
                raise BundleError(f"{path}: {kind} is no operation of the detector, take that of the bundle")

    def forward(self, pages: Tensor) -> Tensor:
        """Logits of text for float32 [batch, 1, rows, columns] in [-1, 1], of the same shape."""
        values: dict[str, Tensor] = {**self._constants, **dict(zip(self.places, self.weights, strict=True))}
        values[self.model.graph.input[0].name] = pages
        for kind, inputs, output, options in self._nodes:
            if kind == "Sigmoid":  # the last operation
                return values[inputs[0]]
            values[output] = OPERATIONS[kind]([values[name] for name in inputs if name], options)
        raise BundleError("the graph does not end with a sigmoid, take the detector of the bundle")

    def file(self, weights: Sequence[Tensor]) -> bytes:
        """The ONNX file with these weights, in the order of `weights`."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        trained = dict(zip(self.places, weights, strict=True))
        for item in model.graph.initializer:
            if item.name in trained:
                array = trained[item.name].detach().numpy().astype(self.places[item.name])
                item.CopyFrom(numpy_helper.from_array(array, item.name))
        return bytes(model.SerializeToString())


Options = Mapping[str, Any]


def _node(node: onnx.NodeProto) -> tuple[str, list[str], str, Options]:
    options = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
    return node.op_type, list(node.input), node.output[0], options


def _tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32 if array.dtype == np.float16 else array.dtype))


def _padded(image: Tensor, options: Options, value: float = 0.0) -> Tensor:
    # SAME_UPPER is used with kernels of 2 x 2 only
    top, left, bottom, right = (
        (0, 0, 1, 1) if options.get("auto_pad") == b"SAME_UPPER" else options.get("pads", (0, 0, 0, 0))
    )
    return functional.pad(image, (left, right, top, bottom), value=value)


def _convolution(inputs: list[Tensor], options: Options) -> Tensor:
    image, weight, *bias = inputs
    return functional.conv2d(
        _padded(image, options),
        weight,
        bias[0] if bias else None,
        stride=options["strides"],
        groups=options["group"],
    )


def _transposed(inputs: list[Tensor], options: Options) -> Tensor:
    image, weight, *bias = inputs
    return functional.conv_transpose2d(
        image, weight, bias[0] if bias else None, stride=options["strides"], groups=options["group"]
    )


def _max_pool(inputs: list[Tensor], options: Options) -> Tensor:
    return functional.max_pool2d(_padded(inputs[0], options, -math.inf), options["kernel_shape"], options["strides"])


def _resize(inputs: list[Tensor], _: Options) -> Tensor:
    return functional.interpolate(inputs[0], scale_factor=inputs[-1].tolist()[2:], mode="nearest")


OPERATIONS: dict[str, Callable[[list[Tensor], Options], Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Cast": lambda inputs, _: inputs[0],
    "Concat": lambda inputs, options: torch.cat(inputs, options["axis"]),
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Erf": lambda inputs, _: torch.erf(inputs[0]),
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean((2, 3), keepdim=True),
    "HardSigmoid": lambda inputs, options: torch.clamp(inputs[0] * options["alpha"] + options["beta"], 0, 1),
    "Identity": lambda inputs, _: inputs[0],
    "MaxPool": _max_pool,
    "Mul": lambda inputs, _: inputs[0] * inputs[1],
    "ReduceMean": lambda inputs, options: inputs[0].mean(tuple(options["axes"]), keepdim=True),
    "Relu": lambda inputs, _: functional.relu(inputs[0]),
    "Resize": _resize,
    "Sigmoid": lambda inputs, _: torch.sigmoid(inputs[0]),
}


class Sampler:
    """Crops of random pages; a source is drawn by the square root of its pages, printed pages by ``PRINTED_SHARE``.

    Args:
        pages: examples by source.
        rng: draws everything.
        side: pixels of a crop, a multiple of 32.
    """

    def __init__(self, pages: Mapping[str, Sequence[Example]], rng: np.random.Generator, side: int = SIDE) -> None:
        self._pages, self._rng, self._side = pages, rng, side
        self._sources = sorted(pages)
        shares = np.sqrt([len(pages[source]) if source != PRINTED else 0 for source in self._sources])
        printed = PRINTED_SHARE if PRINTED in pages else 0.0
        self._shares = (1 - printed) * shares / max(shares.sum(), 1)
        self._shares += [printed * (source == PRINTED) for source in self._sources]

    def draw(self) -> Crop:
        """One crop, at times beside another page or with another page behind it."""
        crop, kind = self._crop(), self._rng.random()
        if kind < SHOWS_THROUGH:
            show_through(crop, self._crop(), self._rng)
        elif kind < SHOWS_THROUGH + FACING:
            facing(crop, self._crop(), self._rng)
        vary_light(crop, self._rng)
        return crop

    def _crop(self) -> Crop:
        pages = self._pages[self._sources[int(self._rng.choice(len(self._sources), p=self._shares))]]
        return pages[int(self._rng.integers(len(pages)))].crop(self._rng, self._side)


def loss(logits: Tensor, text: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy and half of the Dice loss, over the pixels that count; all of the same shape."""
    entropy = functional.binary_cross_entropy_with_logits(logits, text, weights, reduction="sum") / weights.sum()
    marked = torch.sigmoid(logits) * weights
    dice = 1 - 2 * (marked * text).sum() / (marked.sum() + (text * weights).sum() + 1)
    return entropy + dice / 2


def train(graph: OnnxGraph, sampler: Sampler, steps: int, on_step: Callable[[float], None]) -> list[Tensor]:
    """Train the graph's weights.

    Args:
        graph: changed in place.
        sampler: gives crops.
        steps: of ``BATCH`` crops.
        on_step: called with the loss of each step.

    Returns:
        The exponential mean of the weights, over about the last 200 steps.
    """
    optimiser = torch.optim.AdamW(graph.weights, lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    means = [weight.detach().clone() for weight in graph.weights]
    for step in range(steps):
        rate = RATE * min((step + 1) / min(WARM_UP, steps / 4), 1) * (1 + math.cos(math.pi * step / steps)) / 2
        for group in optimiser.param_groups:
            group["lr"] = rate
        crops = [sampler.draw() for _ in range(BATCH)]
        pages = torch.from_numpy(np.stack([crop.grey / 127.5 - 1 for crop in crops])[:, None])
        text, weights = (
            torch.from_numpy(np.stack(arrays)[:, None])
            for arrays in ([crop.text for crop in crops], [crop.weights() for crop in crops])
        )
        value = loss(graph(pages), text, weights)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(graph.weights, 1.0)
        optimiser.step()
        with torch.no_grad():
            for mean, weight in zip(means, graph.weights, strict=True):
                mean.lerp_(weight, 1 - min(0.995, (step + 1) / (step + 20)))
        on_step(float(value.detach()))
    return means


def examples(data: Path, start: Path, seed: int, fonts: Sequence[Font] = ()) -> dict[str, list[Example]]:
    """Pages of the train split of every source, at most ``MOST_PAGES`` of one, and pages printed with ``fonts``.

    Raises:
        DatasetError: there are none.
    """
    analyser = Analyser(Detector(start))
    chosen: list[PageFile] = []
    for folder in sorted(path for path in data.iterdir() if path.is_dir() and path.name not in PARTLY_TRANSCRIBED):
        with suppress(DatasetError):  # a source without train pages
            for source in open_sources(folder, split="train"):
                chosen += random.Random(seed).sample(source.pages, min(len(source.pages), MOST_PAGES))
    if not chosen:
        raise DatasetError(f"{data}: no source has transcribed pages of train, name a folder of such sources")
    found: dict[str, list[Example]] = defaultdict(list)
    for page in track(chosen, "looking", console=Console(stderr=True), transient=True):
        image = next(iter(load_pages(str(page.image))))
        baselines = [line.baseline for line in layout_of(page.layout, image).lines]
        found[page.source].append(Example.of(image.grey, baselines, analyser.look(image.grey)[0]))
    rng, texts = np.random.default_rng(seed), read_texts()
    for _ in range(PRINTED_PAGES if fonts else 0):
        grey = printed_page(fonts, texts, rng)
        found[PRINTED].append(Example.of(grey, [], analyser.look(grey)[0]))
    return dict(found)


def main(
    data: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of sources.")],
    output: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    start: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Detector to start from.")],
    printed: Annotated[
        Path, typer.Option(exists=True, help="Folder of fonts; pages printed with them are to be marked as before.")
    ],
    weights: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Detector to go on from, else the start.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1)] = 1600,
    seed: int = 1,
) -> None:
    """Teach the text detector.

    Example: python -m recipe.detector DATA detector.onnx --start OLD.onnx --printed FONTS
    """
    graph = OnnxGraph(weights or start)
    sampler = Sampler(examples(data, start, seed, find_fonts([printed])), np.random.default_rng(seed))
    losses: list[float] = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("training", total=steps)

        def on_step(value: float) -> None:
            losses.append(value)
            bar.update(task, advance=1, description=f"loss {np.mean(losses[-REPORTED:]):.3f}")

        means = train(graph, sampler, steps, on_step)
    write_bytes(output, graph.file(means))
    typer.echo(f"{output}: {steps} steps, loss {np.mean(losses[:REPORTED]):.3f} to {np.mean(losses[-REPORTED:]):.3f}")


if __name__ == "__main__":
    run_command(typer.run, main)
