"""``inkread synthesize``: handwriting-like lines and pages with their ground truth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from inkread.formats import page as page_xml
from inkread.io.files import write_bytes
from inkread.recognition.alphabet import LATIN, Alphabet
from inkread.synthesis.iam import IamPlan, png, render_archive
from inkread.synthesis.ink import find_fonts
from inkread.synthesis.lines import read_texts, sample_lines
from inkread.synthesis.pages import sample_pages
from inkread.synthesis.strokes import StrokeHands, plain

app = typer.Typer(help="Make handwriting-like lines or pages with their ground truth.", no_args_is_help=True)

Out = Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Where to write; made if missing.")]
Count = Annotated[int, typer.Option("-n", "--count", min=1, help="How many to make.")]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, same images.")]
Fonts = Annotated[
    list[Path] | None, typer.Option(metavar="DIR", help="Folder of fonts, more than once for more; else bundled ones.")
]
Text = Annotated[
    Path | None, typer.Option(metavar="FILE", help="What to write, one text a line; else bundled sentences.")
]


@app.command()
def lines(output: Out, count: Count = 100, seed: Seed = 0, fonts: Fonts = None, text: Text = None) -> None:
    """Write line images and lines.tsv, which names image, text and font.

    Example: inkread synthesize lines -o lines -n 1000 --fonts .fonts --text letters.txt
    """
    texts, found = read_texts(text), find_fonts(fonts or ())
    rows = ["image\ttext\tfont"]
    started = time.perf_counter()
    for index, line in enumerate(sample_lines(texts, found, count, seed)):
        name = f"{index:06}.png"
        write_bytes(output / name, png(line.image))
        rows.append(f"{name}\t{line.text}\t{line.font}")
    seconds = time.perf_counter() - started
    write_bytes(output / "lines.tsv", ("\n".join(rows) + "\n").encode())
    typer.echo(f"{count} lines in {output}, {count / seconds:.0f} lines/s", err=True)


@app.command()
def pages(output: Out, count: Count = 10, seed: Seed = 0, fonts: Fonts = None, text: Text = None) -> None:
    """Write page images, each with its PAGE XML.

    Example: inkread synthesize pages -o pages -n 20 --seed 7
    """
    texts, found = read_texts(text), find_fonts(fonts or ())
    for index, (image, page) in enumerate(sample_pages(texts, found, count, seed)):
        write_bytes(output / f"{index:04}.png", png(image))
        write_bytes(output / f"{index:04}.xml", page_xml.dump(page))
    typer.echo(f"{count} pages in {output}", err=True)


@app.command()
def iam(
    output: Out,
    writers: Annotated[int, typer.Option(min=2, max=676)] = IamPlan().writers,
    forms: Annotated[int, typer.Option(min=1, max=999, help="Forms of each writer.")] = IamPlan().forms,
    seed: Seed = 0,
    fonts: Fonts = None,
    text: Text = None,
) -> None:
    """Write words.tgz, lines.tgz, ascii.tgz and xml.tgz as the IAM database is distributed.

    Example: inkread synthesize iam -o iam --writers 20
    """
    texts = read_texts(text) if text else ()
    plan = IamPlan(writers=writers, forms=forms, seed=seed, texts=texts)
    words = render_archive(output, plan, find_fonts(fonts or ()))
    typer.echo(f"{words} words of {writers} writers in {output}", err=True)


@app.command()
def strokes(
    parquet: Annotated[Path, typer.Argument(metavar="PARQUET", help="Pen strokes of real writers.")],
    output: Out,
    height: Annotated[int, typer.Option(min=16, max=256, help="Pixels.")] = 64,
    pen: Annotated[float, typer.Option(min=0.5, max=16, help="Width of the pen in pixels.")] = 2.0,
) -> None:
    """Draw all recorded texts plainly, black on white, with lines.tsv: image, text, writer.

    Example: inkread synthesize strokes unipen-en/val.parquet -o plain
    """
    hands = StrokeHands.open(parquet, Alphabet(LATIN))
    rows = ["image\ttext\twriter_id"]
    for number, index in enumerate(track(hands.texts, "drawing", console=Console(stderr=True), transient=True)):
        written = hands.item(index)
        name = f"{number:06}.png"
        write_bytes(output / name, png(plain(written, height, pen)))
        rows.append(f"{name}\t{written.text}\t{hands.writer(index)}")
    write_bytes(output / "lines.tsv", ("\n".join(rows) + "\n").encode())
    typer.echo(f"{len(rows) - 1} lines in {output}", err=True)
