"""Make the pictures of the documentation: a letter beside its text, what ``inkread read --debug-image`` draws, a form.

Usage: ``PYTHONPATH=benchmarks python docs/images/render.py`` writes the pictures beside this file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import inkread
from form_hands import FontWriter
from form_scans import scan
from form_sheets import Values, draw_form, fill, load_forms
from inkread import Line
from inkread.forms.reading import FormReader
from inkread.forms.results import Batch
from inkread.forms.template import Template

HERE = Path(__file__).parent
LETTER = HERE.parents[1] / "tests" / "pages" / "letter-1905-en.webp"
EXAMPLE = HERE.parents[1] / "examples" / "letter.png"
WIDTH, SHOWN = 1200, 10
"""Width of a picture in pixels, and how many lines it shows."""
PAPER, INK, FAINT = (255, 255, 255), (32, 36, 48), (120, 126, 140)
SURE, DOUBTFUL = (46, 125, 80), (200, 110, 20)
FONT = "DejaVuSans.ttf"
"""Debian: apt-get install fonts-dejavu."""
DOUBT = 0.92
"""Lines below this confidence are drawn in the second colour."""


def beside(page: Path) -> Image.Image:
    """The first lines of a page, outlined, and beside each its text and confidence."""
    document = inkread.read(page)
    lines = list(document.lines)[:SHOWN]
    image = Image.open(page).convert("RGB")
    scale = WIDTH / 2 / image.width
    image = image.resize((WIDTH // 2, round(image.height * scale)), Image.Resampling.LANCZOS)
    height = round(max(_bottom(line) for line in lines) * scale + 12)
    picture = Image.new("RGB", (WIDTH, height), PAPER)
    picture.paste(image.crop((0, 0, WIDTH // 2, height)))
    draw = ImageDraw.Draw(picture, "RGBA")
    text, small = ImageFont.truetype(FONT, 20), ImageFont.truetype(FONT, 16)
    for line in lines:
        colour = SURE if (line.confidence or 0) >= DOUBT else DOUBTFUL
        outline = [(x * scale, y * scale) for x, y in line.polygon]
        draw.polygon(outline, fill=(*colour, 36), outline=(*colour, 255), width=2)
        middle = sum(y for _, y in outline) / len(outline)
        draw.text((WIDTH // 2 + 40, middle), line.text, INK, text, anchor="lm")
        draw.text((WIDTH - 30, middle), f"{line.confidence:.2f}", colour, small, anchor="rm")
    draw.line([(WIDTH // 2, 0), (WIDTH // 2, height)], FAINT, 1)
    return picture


def debug(page: Path) -> Image.Image:
    """The top of what ``inkread read --debug-image`` draws."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "inkread", "read", str(page), "--debug-image", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        image = Image.open(Path(folder) / f"{page.stem}.png").convert("RGB")
    image = image.crop((0, 0, image.width, image.height * 2 // 5))
    return image.resize((1000, round(image.height * 1000 / image.width)), Image.Resampling.LANCZOS)


def form() -> Image.Image:
    """A form, drawn, filled in and photographed by simulation, with the values that are read."""
    rng = np.random.default_rng(11)
    drawn, blanks = draw_form(load_forms()[0])
    lists = {"names.txt": ["Anna Miller", "Otto Kern", "Jane Fox"], "town.txt": ["Boston", "Portland", "Springfield"]}
    with tempfile.TemporaryDirectory() as folder:
        for name, entries in lists.items():
            Path(folder, name).write_text("\n".join(entries), encoding="utf-8")
        drawn.save(Path(folder, "claim.yaml"), blanks)
        template = Template.load(Path(folder, "claim.yaml"))
        values = Values(lists, ["a branch fell on the roof of the car in the night"])
        sheet = fill(template, blanks, FontWriter.sample(rng), values, rng)
        picture, _ = scan(sheet.pages[0], rng, "photo")
        (read,) = Batch.graded(list(FormReader([template]).read(picture))).forms
    image = Image.fromarray(picture).convert("RGB")
    draw = ImageDraw.Draw(image, "RGBA")
    font = ImageFont.truetype(FONT, round(image.width / 60))
    for value in read.fields.values():
        colour = SURE if value.state in ("sure", "empty") else DOUBTFUL
        draw.polygon(value.polygon, fill=(*colour, 30), outline=(*colour, 255), width=3)
        if value.value:
            draw.text(value.polygon[1], f"{value.value} {value.confidence:.2f}", colour, font, anchor="rb")
    image = image.crop((0, 0, image.width, image.height * 7 // 10))
    return image.resize((1000, round(image.height * 1000 / image.width)), Image.Resampling.LANCZOS)


def _bottom(line: Line) -> float:
    return max(y for _, y in line.polygon)


def main() -> None:
    """Write the pictures."""
    for name, picture in (("reading", beside(LETTER)), ("debug", debug(EXAMPLE)), ("form", form())):
        picture.quantize(64, dither=Image.Dither.NONE).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
