"""Train the neural language model of a bundle, a small transformer over word pieces.

Usage::

    python -m recipe.neural_lm train DATA TEXTS -o runs/neural-lm --minutes 240
    python -m recipe.neural_lm export runs/neural-lm -o lm.onnx

The texts are those of the n-grams (`recipe.corpora`), read as often as they weigh there. Weights are saved every five
minutes; `--start` goes on from them. Sources: Vaswani et al., "Attention is all you need", 2017; byte pairs: Sennrich
et al. 2016; rotary positions: Su et al. 2021; squared rectifiers: So et al., "Primer", 2021; Muon: Jordan et al. 2024.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import onnx
import torch
import typer
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from torch import Tensor, nn
from torch.nn import functional

from inkread.cli.terminal import existing, run_command
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import LATIN
from inkread.recognition.neural_language_model import INPUTS, OUTPUTS, PIECES
from inkread.recognition.word_pieces import LINE_END, WordPieces
from inkread.training.export import OPSET
from recipe.corpora import TRANSCRIPTION_WEIGHT, Corpus, all_texts, all_transcriptions

VOCABULARY = 4096
VOCABULARY_FILE = "pieces.txt"
WIDTH, HEADS, BLOCKS = 256, 4, 4
SIZE = WIDTH // HEADS
LENGTH, BATCH = 192, 24
"""Pieces of a sequence, sequences of a step."""
LINE_LENGTHS = (28, 70)
HYPHENS, HYPHEN_SHARE = ("-", "-", "-", "=", "¬"), 0.2
"""A fifth of the lines of a text end within a word that is long enough."""
TRANSCRIPTION_REPEATS = 6.0
"""How often a pass reads the transcriptions; the n-grams, which learn nothing twice, count them 12 times."""
RATE, PIECES_RATE = 0.02, 2e-3
WARM_UP = 100
SAVED_EVERY = 300.0
"""Seconds."""
WORDS = re.compile(r" ?[^\W\d_]+| ?\d| ?[^\w\s]+|.", re.DOTALL)
"""Pieces lie within one of these: letters, one digit, or marks, each with the space before it."""
SAMPLE, COUNTED = 20_000, 8
"""Lines of a text that the pieces are learnt from, and how many occurrences of a word count as one."""

HIDDEN, TABLE, TABLE_SCALE = "hidden", "table", "scale"
"""Names in the graph: what the scores come from, and the embedding in bytes with the size of a step."""

Numbers = NDArray[np.int16]
Loss = Callable[[nn.Module, Tensor], Tensor]


class Block(nn.Module):
    """Attention to the pieces before, then two layers for each piece alone."""

    def __init__(self) -> None:
        super().__init__()
        self.attend = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.merge = nn.Linear(WIDTH, WIDTH, bias=False)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH, bias=False)
        nn.init.zeros_(self.merge.weight)
        nn.init.zeros_(self.narrow.weight)

    def heads(self, inputs: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values [..., HEADS, pieces, SIZE] of inputs [..., pieces, WIDTH]."""
        parts = self.attend(_norm(inputs)).chunk(3, dim=-1)
        queries, keys, values = (part.reshape(*inputs.shape[:-1], HEADS, SIZE).transpose(-2, -3) for part in parts)
        return _rotated(_norm(queries), positions), _rotated(_norm(keys), positions), values

    def outputs(self, inputs: Tensor, seen: Tensor) -> Tensor:
        """[..., pieces, WIDTH] from the inputs and what each head saw, [..., HEADS, pieces, SIZE]."""
        inputs = inputs + self.merge(seen.transpose(-2, -3).reshape(inputs.shape))
        added: Tensor = self.narrow(functional.relu(self.widen(_norm(inputs))).square())
        return inputs + added


class Network(nn.Module):
    """Scores of the next piece after each piece; the embedding of a piece is also what its score is computed with."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))

    def forward(self, pieces: Tensor) -> Tensor:
        """int64 [sequences, pieces] to unnormalised scores [sequences, pieces, vocabulary]."""
        positions = torch.arange(pieces.shape[1])
        hidden = _norm(self.embedding(pieces))
        for block in self.blocks:
            assert isinstance(block, Block)
            queries, keys, values = block.heads(hidden, positions)
            hidden = block.outputs(
                hidden, functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
            )
        return functional.linear(_norm(hidden), self.embedding.weight)


class Steps(nn.Module):
    """The network as `inkread.recognition.neural_language_model` calls it, the embedding in bytes."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        weights = network.embedding.weight.detach()
        self.network = network
        self.scale = nn.Parameter(weights.abs().amax(dim=1, keepdim=True) / 127, requires_grad=False)
        self.register_buffer("table", torch.round(weights / self.scale).to(torch.int8))
        self.table: Tensor

    def forward(
        self, pieces: Tensor, positions: Tensor, mask: Tensor, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, ...]:
        """What the last scores are computed from, [pieces, WIDTH], and the new keys and values.

        Args:
            pieces, positions: int64 [pieces].
            mask: float32 [pieces, earlier and these pieces], added to what attention sees.
            keys, values: float32 [BLOCKS, HEADS, earlier pieces, SIZE].
        """
        hidden = _norm(self.table[pieces].float() * self.scale[pieces])
        all_keys, all_values = [], []
        for number, block in enumerate(self.network.blocks):
            assert isinstance(block, Block)
            queries, own_keys, own_values = block.heads(hidden, positions)
            all_keys.append(own_keys)
            all_values.append(own_values)
            seen_keys = torch.cat([keys[number], own_keys], dim=1)
            shares = (queries @ seen_keys.transpose(1, 2) * SIZE**-0.5 + mask).softmax(dim=-1)
            hidden = block.outputs(hidden, shares @ torch.cat([values[number], own_values], dim=1))
        return _norm(hidden), torch.stack(all_keys), torch.stack(all_values)


def _norm(inputs: Tensor) -> Tensor:
    return inputs * torch.rsqrt(inputs.square().mean(dim=-1, keepdim=True) + 1e-6)


def _rotated(inputs: Tensor, positions: Tensor) -> Tensor:
    half = SIZE // 2
    angles = positions[:, None] * torch.pow(10_000.0, -torch.arange(half) / half)
    cosines, sines = angles.cos().to(inputs.dtype), angles.sin().to(inputs.dtype)
    first, second = inputs.chunk(2, dim=-1)
    return torch.cat([first * cosines - second * sines, first * sines + second * cosines], dim=-1)


def vocabulary(corpora: Sequence[Corpus], characters: str = LATIN) -> WordPieces:
    """All characters, and the longer pieces that byte pair encoding finds in the texts."""
    counts: Counter[str] = Counter()
    for corpus in corpora:
        for line in corpus.lines[:: 1 + len(corpus.lines) // SAMPLE]:
            counts.update(WORDS.findall(" " + line))
    words = (word for word, count in counts.items() for _ in range(-(-count // COUNTED)))
    tokenizer = Tokenizer(BPE())
    tokenizer.train_from_iterator(
        words, BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=list(characters), show_progress=False)
    )
    known = set(characters)
    return WordPieces(sorted(piece for piece in tokenizer.get_vocab() if set(piece) <= known))


def wrapped(lines: Sequence[str], rng: random.Random) -> Iterator[str]:
    """A text in lines of random lengths, as hands write it."""
    line, most = "", rng.randint(*LINE_LENGTHS)
    for text in lines:
        for word in text.split():
            if len(line) + len(word) < most:
                line = f"{line} {word}" if line else word
                continue
            cut = rng.randint(2, len(word) - 2) if len(word) > 5 and rng.random() < HYPHEN_SHARE else 0
            yield f"{line} {word[:cut]}{rng.choice(HYPHENS)}".strip() if cut else line
            line, most = word[cut:], rng.randint(*LINE_LENGTHS)
    if line:
        yield line


@dataclass(frozen=True)
class Texts:
    """Texts as pieces, and how often a pass reads each."""

    streams: list[Numbers]
    repeats: list[float]

    @classmethod
    def of(cls, corpora: Sequence[Corpus], pieces: WordPieces, seed: int = 5) -> Texts:
        """An end stands after each line."""
        rng = random.Random(seed)
        streams, repeats = [], []
        for corpus in corpora:
            transcribed = corpus.weight == TRANSCRIPTION_WEIGHT
            lines = corpus.lines if transcribed else wrapped(corpus.lines, rng)
            streams.append(np.array([n for line in lines for n in (*pieces.encode(line), LINE_END)], np.int16))
            repeats.append(TRANSCRIPTION_REPEATS if transcribed else corpus.weight)
        return cls(streams, repeats)

    def batches(self, seed: int) -> Iterator[Tensor]:
        """Passes without end: int64 [BATCH, LENGTH + 1], each sequence from anywhere."""
        rng = np.random.default_rng(seed)
        while True:
            blocks = [
                block
                for stream, times in zip(self.streams, self.repeats, strict=True)
                for block in _blocks(stream, times, rng)
            ]
            order = rng.permutation(len(blocks))
            for start in range(0, len(order) - BATCH + 1, BATCH):
                yield torch.from_numpy(np.stack([blocks[i] for i in order[start : start + BATCH]]).astype(np.int64))


def _blocks(stream: Numbers, times: float, rng: np.random.Generator) -> Iterator[Numbers]:
    while times > 0:
        starts = np.arange(int(rng.integers(LENGTH)), len(stream) - LENGTH, LENGTH)
        for start in rng.permutation(starts)[: round(min(times, 1) * len(starts))]:
            yield stream[start : start + LENGTH + 1]
        times -= 1


def loss_of(network: nn.Module, pieces: Tensor) -> Tensor:
    """Mean natural log loss of each piece after those before it."""
    with torch.autocast("cpu", torch.bfloat16):
        scores = network(pieces[:, :-1])
    return functional.cross_entropy(scores.flatten(0, 1).float(), pieces[:, 1:].flatten())


app = typer.Typer(add_completion=False, help=__doc__)


@app.command()
def train(
    data: Annotated[Path, typer.Argument(exists=True, help="Folder of transcribed sources")],
    texts: Annotated[Path, typer.Argument(exists=True, help="Folder of texts with SOURCES.tsv")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run")],
    minutes: Annotated[float, typer.Option(min=0, help="How long to train")] = 240,
    cooldown: Annotated[float, typer.Option(min=0.01, max=1, help="Share of the time in which the rate falls")] = 0.3,
    start: Annotated[Path | None, typer.Option(exists=True, help="Weights of a run to go on from")] = None,
    seed: Annotated[int, typer.Option(help="Order of the texts; another one to go on")] = 11,
    compiled: Annotated[bool, typer.Option(help="Compile the network first, a seventh faster")] = True,
) -> None:
    """Train. The pieces of an earlier run in the folder are used again."""
    output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    corpora = [*all_transcriptions(data), *all_texts(texts)]
    listed = output / VOCABULARY_FILE
    if not listed.is_file():
        write_bytes(listed, str(vocabulary(corpora)).encode())
    pieces = WordPieces.of(listed.read_text(encoding="utf-8"))
    network = Network(len(pieces))
    if start is not None:
        network.load_state_dict(load_file(start))
    loss = torch.compile(loss_of) if compiled else loss_of
    fit(network, loss, Texts.of(corpora, pieces).batches(seed), output, 60 * minutes, cooldown)


def fit(
    network: Network, loss_of: Loss, batches: Iterable[Tensor], output: Path, seconds: float, cooldown: float
) -> None:
    """Train until the time is over or there are no more batches; weights are written into ``output``.

    Args:
        network: changed in place.
        loss_of: `loss_of`, or compiled from it.
        batches: int64 [sequences, pieces].
        output: folder for ``steady.safetensors``, from before the rate falls, and ``last.safetensors``.
        seconds: at most.
        cooldown: share of them in which the rate falls to 0.
    """
    matrices = list(network.blocks.parameters())
    optimizers = [
        (torch.optim.Muon(matrices, lr=RATE, momentum=0.95, weight_decay=0.01), RATE),
        (torch.optim.AdamW([network.embedding.weight], betas=(0.9, 0.95), weight_decay=0.0), PIECES_RATE),
    ]
    begun, saved, mean = time.monotonic(), time.monotonic(), 0.0
    for step, batch in enumerate(batches, start=1):
        done = (time.monotonic() - begun) / seconds
        if done >= 1:
            break
        share = max(min(1.0, step / WARM_UP, (1 - done) / cooldown), 0.02)
        for optimizer, rate in optimizers:
            optimizer.param_groups[0]["lr"] = share * rate
        loss = loss_of(network, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer, _ in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        mean += (loss.item() - mean) / min(step, 50)
        if step % 50 == 0:
            typer.echo(f"step {step}, {done:.1%}, loss {mean:.3f}", err=True)
        if time.monotonic() - saved > SAVED_EVERY:
            # What the rate has not yet fallen for is the better start of a longer run.
            _save(network, output / ("steady.safetensors" if done < 1 - cooldown else "last.safetensors"))
            saved = time.monotonic()
    _save(network, output / "last.safetensors")


def _save(network: Network, path: Path) -> None:
    write_bytes(path, save({name: value.half().contiguous() for name, value in network.state_dict().items()}))


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of the run")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, lm.onnx of a bundle")],
    weights: Annotated[str, typer.Option(help="Which weights")] = "last.safetensors",
) -> None:
    """Write the int8 network."""
    pieces = WordPieces.of(existing(run / VOCABULARY_FILE).read_text(encoding="utf-8"))
    network = Network(len(pieces))
    network.load_state_dict(load_file(existing(run / weights)))
    write_bytes(output, exported(network, pieces))


def exported(network: Network, pieces: WordPieces) -> bytes:
    """An ONNX file: products of weights in int8, and the vocabulary as a property."""
    count, earlier = 3, 2
    past = torch.zeros(len(network.blocks), HEADS, earlier, SIZE)
    example = (torch.arange(count), torch.arange(count), torch.zeros(count, earlier + count), past, past)
    pieces_axis, keys_axis = {0: "pieces"}, {2: "earlier"}
    axes = dict(zip(INPUTS, (pieces_axis, pieces_axis, {0: "pieces", 1: "seen"}, keys_axis, keys_axis), strict=True))
    axes |= dict(zip((HIDDEN, *OUTPUTS[1:]), (pieces_axis, {2: "pieces"}, {2: "pieces"}), strict=True))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole, small = Path(folder) / "float.onnx", Path(folder) / "int8.onnx"
        torch.onnx.export(
            Steps(network).eval(),
            example,
            str(whole),
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[HIDDEN, *OUTPUTS[1:]],
            dynamic_axes=axes,
        )
        quantize_dynamic(
            str(whole), str(small), op_types_to_quantize=["MatMul"], weight_type=QuantType.QInt8, per_channel=True
        )
        model = onnx.load(small)
    _add_head(model.graph)
    helper.set_model_props(model, {PIECES: str(pieces)})
    return bytes(model.SerializeToString())


def _add_head(graph: onnx.GraphProto) -> None:
    """Products with the embedding in int8, which the graph has already for its inputs."""
    (hidden,) = (output for output in graph.output if output.name == HIDDEN)
    graph.output.remove(hidden)
    graph.node.extend(
        [
            helper.make_node("DynamicQuantizeLinear", [HIDDEN], ["head", "head_scale", "head_zero"]),
            helper.make_node("Transpose", [TABLE], ["head_weights"], perm=[1, 0]),
            helper.make_node("MatMulInteger", ["head", "head_weights", "head_zero"], ["head_steps"]),
            helper.make_node("Cast", ["head_steps"], ["head_products"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["head_products", "head_scale"], ["head_sums"]),
            helper.make_node("Transpose", [TABLE_SCALE], ["head_weights_scale"], perm=[1, 0]),
            helper.make_node("Mul", ["head_sums", "head_weights_scale"], ["head_scores"]),
            helper.make_node("LogSoftmax", ["head_scores"], [OUTPUTS[0]], axis=-1),
        ]
    )
    graph.output.insert(0, helper.make_tensor_value_info(OUTPUTS[0], TensorProto.FLOAT, ["pieces", None]))


if __name__ == "__main__":
    run_command(app)
