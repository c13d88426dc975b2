"""Teach `inkread.recognition.digits`: numbers composed of recorded digits, seen through a recogniser.

Usage: ``python -m recipe.digits --data DATA -o src/inkread/recognition/digits.onnx``

Digits of one writer of unipen-en (train) are put side by side as dates, amounts, times, phone numbers and plain
numbers, sometimes touching, each one a little turned and stretched; some items are whole numbers and words as they
were recorded. They are drawn with a random pen, scanned by simulation and given to the network of a bundle, whose
frames the head learns to correct (CTC; Graves et al., ICML 2006). It starts with corrections of 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from inkread.bundle import Bundle, file_sha256
from inkread.cli.terminal import existing, run_command
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.recognition.digits import CHARACTERS, FITS, FLOOR, INPUT
from inkread.recognition.fields import without_spaces
from inkread.recognition.line_images import Grey, cut_lines
from inkread.recognition.recognizer import Recognizer
from inkread.synthesis.ink import Paper
from inkread.synthesis.strokes import Stroke, StrokeHands, Written, draw
from inkread.training.export import OPSET

DIGITS = "0123456789"
LEAST_DIGITS = 6
"""Different digits that a writer has to have recorded."""
LARGEST = 1.7
"""Side of a recorded character in heights of a digit; some records hold a word instead of what they name."""
MARKS: Mapping[str, Sequence[Sequence[tuple[float, float]]]] = {
    "-": [[(0, -0.4), (0.35, -0.42)]],
    "/": [[(0, 0.1), (0.4, -1.05)]],
    ".": [[(0, 0), (0.03, 0)]],
    ",": [[(0.05, 0), (0, 0.2)]],
    ":": [[(0, 0), (0.03, 0)], [(0, -0.5), (0.03, -0.5)]],
}
"""In heights of a digit: few writers recorded them."""
AS_WRITTEN, WITH_LETTERS, OWN_MARKS, STRETCHED, FAXED = 0.12, 0.04, 0.3, 0.5, 0.25
"""Shares of the numbers: recorded as a whole, with letters before them; of marks: the writer's own; of line images."""
SCALE = 7.0
"""Log probabilities are divided by it and moved to -1 to 1."""
WIDTH, TAPS, BATCH, RATE = 48, 7, 32, 3e-3
OTHER = len(CHARACTERS) + 1


@dataclass(frozen=True)
class Hand:
    """A writer: typical height of a digit, and numbers of the items by their text."""

    height: float
    items: Mapping[str, Sequence[int]]


def hands_of(strokes: StrokeHands) -> list[Hand]:
    """The writers who have recorded enough digits."""
    recorded: dict[str, dict[str, list[int]]] = {}
    for index in strokes.items:
        recorded.setdefault(strokes.writer(index), {}).setdefault(strokes.item(index).text, []).append(index)
    hands = []
    for _, items in sorted(recorded.items()):
        boxes = [strokes.item(index).box for digit in DIGITS for index in items.get(digit, ())]
        if sum(digit in items for digit in DIGITS) < LEAST_DIGITS:
            continue
        height = float(np.median([bottom - top for _, top, _, bottom in boxes]))

        def fits(text: str, index: int, most: float = LARGEST * height) -> bool:
            left, top, right, bottom = strokes.item(index).box
            return len(text) > 1 or max(right - left, bottom - top) <= most

        kept = {text: [index for index in indices if fits(text, index)] for text, indices in items.items()}
        hands.append(Hand(height, {text: indices for text, indices in kept.items() if indices}))
    return hands


def number(rng: np.random.Generator) -> str:
    """A date, an amount, a time, a phone number or digits."""

    def digits(count: int) -> str:
        return "".join(map(str, rng.integers(0, 10, count)))

    kind = rng.choice(["date", "amount", "time", "phone", "digits"], p=[0.35, 0.25, 0.1, 0.08, 0.22])
    if kind == "date":
        mark, width = str(rng.choice(list("//-."))), "02" if rng.random() < 0.7 else ""
        year = str(rng.integers(1900, 2031))[0 if rng.random() < 0.75 else 2 :]
        return f"{int(rng.integers(1, 32)):{width}}{mark}{int(rng.integers(1, 13)):{width}}{mark}{year}"
    if kind == "amount":
        return f"{rng.integers(1, 10 ** int(rng.integers(1, 5)))}{rng.choice(list('..,'))}{digits(2)}"
    if kind == "time":
        return f"{int(rng.integers(24)):02}:{digits(2)}"
    if kind == "phone":
        return f"0{digits(int(rng.integers(1, 5)))}{rng.choice(list('-/'))}{digits(int(rng.integers(3, 8)))}"
    return digits(int(rng.integers(1, 13)))


def compose(strokes: StrokeHands, hand: Hand, rng: np.random.Generator) -> Written | None:
    """A number in one hand, digits one unit high; None where a digit is missing."""
    parts = _parts(hand, rng)
    written: list[Stroke] = []
    position, gap, slant = 0.0, rng.uniform(0.02, 0.36), rng.normal(0, 0.12)
    for part in parts:
        mine = _strokes(strokes, hand, part, rng)
        if mine is None:
            return None
        mine = _varied(mine, slant, rng)
        shift = np.array([position - min(float(stroke[:, 0].min()) for stroke in mine), rng.normal(0, 0.04)])
        written += [(stroke + shift).astype(np.float32) for stroke in mine]
        position = max(float(stroke[:, 0].max()) for stroke in written) + max(gap + rng.normal(0, 0.07), -0.04)
    return Written("".join(parts), tuple(written))


def _parts(hand: Hand, rng: np.random.Generator) -> list[str]:
    if rng.random() < AS_WRITTEN:
        numbers = [text for text in hand.items if 1 < len(text) <= 16 and any(digit in text for digit in DIGITS)]
        words = [text for text in hand.items if 1 < len(text) <= 8]
        if own := numbers if numbers and rng.random() < 0.7 else words:
            return [str(rng.choice(own))]
    letters = [text for text in hand.items if len(text) == 1 and text.isalpha()]
    if letters and rng.random() < WITH_LETTERS:
        before = list(map(str, rng.choice(letters, int(rng.integers(1, 5)))))
        return before + list(number(rng) if rng.random() < 0.5 else "")
    return list(number(rng))


def _strokes(strokes: StrokeHands, hand: Hand, part: str, rng: np.random.Generator) -> list[Stroke] | None:
    if part in MARKS and (part not in hand.items or rng.random() > OWN_MARKS):
        size = rng.uniform(0.8, 1.3)
        return [(np.array(line) * size + rng.normal(0, 0.03, (1, 2))).astype(np.float32) for line in MARKS[part]]
    if part not in hand.items:
        return None
    return [stroke / hand.height for stroke in strokes.item(int(rng.choice(hand.items[part]))).strokes]


def _varied(strokes: Sequence[Stroke], slant: float, rng: np.random.Generator) -> list[Stroke]:
    angle, (across, down) = rng.normal(0, 0.05), np.exp(rng.normal(0, 0.07, 2))
    turn = np.array([[np.cos(angle) * across, -np.sin(angle) * across], [np.sin(angle) * down, np.cos(angle) * down]])
    return [(stroke @ (turn @ [[1, -slant], [0, 1]]).T).astype(np.float32) for stroke in strokes]


def scanned(written: Written, rng: np.random.Generator) -> Grey | None:
    """A picture cut as fields of forms are; None without ink."""
    coverage = draw(written, rng.uniform(20, 38), float(rng.uniform(2.0, 4.4))).coverage
    rows, columns = np.nonzero(coverage > 40)
    if not len(rows):
        return None
    coverage = coverage[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    least, height = 0.4 * 66, len(coverage)
    beside = round(0.16 * max(height, least)) + 2
    above = beside + round(max(least - height, 0) / 2)
    coverage = np.pad(coverage, ((above, above), (beside, beside)))
    if rng.random() < 0.15:  # where a printed line was taken away
        top = int(rng.integers(len(coverage)))
        faint = coverage[top : top + 4].mean(axis=0) * rng.uniform(0.3, 1)
        coverage[top : top + int(rng.integers(1, 4))] = faint
    paper = Paper(
        tone=float(rng.uniform(200, 252)),
        ink=float(rng.uniform(15, 110)),
        blur=float(rng.uniform(0.5, 1.4)),
        noise=float(rng.uniform(1, 6)),
        shading=2.0,
        fading=float(rng.uniform(0, 0.4)),
    )
    grey, size = paper.scan(coverage, rng), coverage.shape[::-1]
    scale = float(rng.choice([0.75, 1, 1, 1.3]))
    smaller = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    grey = np.asarray(cv2.resize(smaller, size), np.uint8)
    if rng.random() < FAXED:
        grey = np.where(grey > int(rng.integers(130, 185)), np.uint8(255), np.uint8(0))
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.5) if rng.random() < 0.5 else grey, np.uint8)


def samples(path: Path, bundle: Bundle, count: int, seed: int) -> Iterator[tuple[str, NDArray[np.float16]]]:
    """Texts with the frames of the network, spaces taken for gaps."""
    strokes, rng = StrokeHands.open(path, Alphabet(LATIN)), np.random.default_rng(seed)
    hands, network = hands_of(strokes), Recognizer(bundle)
    alphabet, height = Alphabet(bundle.model.alphabet), bundle.model.input.height
    batch: list[tuple[str, Grey]] = []
    while count > 0:
        written = compose(strokes, hands[int(rng.integers(len(hands)))], rng)
        grey = None if written is None or not written.text.strip() else scanned(written, rng)
        if written is None or grey is None:
            continue
        (strip,) = cut_lines(grey, height=height)
        image = strip.image
        if rng.random() < STRETCHED:
            image = np.asarray(cv2.resize(image, (round(1.4 * image.shape[1]), height), interpolation=cv2.INTER_CUBIC))
        batch.append((written.text, image))
        if len(batch) == min(256, count):
            for (text, _), seen in zip(batch, network([image for _, image in batch]), strict=True):
                frames = np.maximum(without_spaces(seen, alphabet), FLOOR)
                yield text.replace(" ", ""), frames.astype(np.float16)
            count -= len(batch)
            batch = []


class Head(nn.Module):
    """A projection, two convolutions over the frames with a residual each, and a projection to corrections."""

    def __init__(self, alphabet: Alphabet) -> None:
        super().__init__()
        known = alphabet.encode(CHARACTERS)
        self.known = [0, *known]
        self.others = [label for label in range(1, len(alphabet) + 1) if label not in known]
        self.project = nn.Linear(len(alphabet) + 1, WIDTH)
        self.first = nn.Conv1d(WIDTH, WIDTH, TAPS, padding=TAPS // 2)
        self.second = nn.Conv1d(WIDTH, WIDTH, TAPS, padding=TAPS // 2)
        self.out = nn.Linear(WIDTH, OTHER + 1)
        self.drop = nn.Dropout(0.1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, frames: Tensor) -> Tensor:
        """Corrections [batch, frames, OTHER + 1] of log probabilities [batch, frames, classes] above the floor."""
        x = F.relu(self.project(frames / SCALE + 1)).transpose(1, 2)
        y = F.relu(self.first(self.drop(x)))
        z = x + F.relu(self.second(self.drop(y)))
        corrections: Tensor = self.out(self.drop(z.transpose(1, 2)))
        return corrections

    def corrected(self, frames: Tensor) -> Tensor:
        """Log probabilities [batch, frames, OTHER + 1] of those of all classes."""
        frames = frames.clamp(min=FLOOR)
        other = torch.logsumexp(frames[..., self.others], -1, keepdim=True)
        corrections: Tensor = self(frames)
        return (torch.cat([frames[..., self.known], other], -1) + corrections).log_softmax(-1)

    def save(self, path: Path, recogniser: str) -> None:
        """Write the ONNX file that `inkread.recognition.digits` opens, for a recogniser by its SHA-256."""
        with tempfile.TemporaryDirectory(dir=path.parent) as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = Path(folder) / path.name
            torch.onnx.export(
                self.eval(),
                (torch.zeros(1, 9, self.project.in_features),),
                str(written),
                dynamo=False,
                opset_version=OPSET,
                input_names=[INPUT],
                output_names=["corrections"],
                dynamic_axes={INPUT: {1: "frames"}, "corrections": {1: "frames"}},
            )
            model = onnx.load(written)
            onnx.helper.set_model_props(model, {FITS: recogniser})
            write_bytes(path, model.SerializeToString())


def labels_of(text: str) -> list[int]:
    """Classes of the head."""
    return [CHARACTERS.index(character) + 1 if character in CHARACTERS else OTHER for character in text]


def train(head: Head, data: Sequence[tuple[str, NDArray[np.float16]]], epochs: int) -> None:
    """Batches of about equal length, AdamW, one cycle of the rate."""
    rng = np.random.default_rng(0)
    optimizer = torch.optim.AdamW(head.parameters(), RATE, weight_decay=0.01)
    steps = epochs * -(-len(data) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    for epoch in range(epochs):
        order = np.argsort([len(frames) + rng.uniform(0, 20) for _, frames in data])
        starts, losses = rng.permutation(np.arange(0, len(order), BATCH)), []
        for start in starts:
            loss = _loss(head, [data[index] for index in order[start : start + BATCH]])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        sys.stderr.write(f"epoch {epoch + 1}: {np.mean(losses):.3f}\n")


def _loss(head: Head, batch: Sequence[tuple[str, NDArray[np.float16]]]) -> Tensor:
    longest = max(len(frames) for _, frames in batch)
    padded = torch.full((len(batch), longest, batch[0][1].shape[1]), FLOOR)
    padded[:, :, 0] = 0
    for row, (_, frames) in zip(padded, batch, strict=True):
        row[: len(frames)] = torch.from_numpy(frames.astype(np.float32))
    labels = [labels_of(text) for text, _ in batch]
    return F.ctc_loss(
        head.corrected(padded).transpose(0, 1),
        torch.tensor(sum(labels, [])),
        torch.tensor([len(frames) for _, frames in batch]),
        torch.tensor(list(map(len, labels))),
        reduction="none",
        zero_infinity=True,
    ).mean()


def main() -> None:
    """Compose, read, train, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder with unipen-en")
    parser.add_argument("--bundle", default="bundled")
    parser.add_argument("--numbers", type=int, default=12_000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(0)
    bundle = Bundle.open(options.bundle)
    strokes = existing(options.data / "unipen-en" / "train.parquet")
    data = list(samples(strokes, bundle, options.numbers, seed=1))
    head = Head(Alphabet(bundle.model.alphabet))
    train(head, data, options.epochs)
    head.save(options.output, file_sha256(bundle.recognizer))


if __name__ == "__main__":
    run_command(main)
