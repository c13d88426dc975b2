"""Render the example pages of this folder.

Usage: ``python examples/render.py [FOLDER]`` (default: this folder). The same version of Pillow and OpenCV gives
the same bytes; the texts were written for this project.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from inkread.document import Page, Provenance
from inkread.formats import page as page_xml
from inkread.recognition.line_images import Grey
from inkread.synthesis.ink import Hand, Paper, find_fonts
from inkread.synthesis.pages import Block, render_page, turn_page

SIZE = (1240, 1754)
PAPER = Paper(tone=236, ink=55, shading=1, fading=0.3, blur=0.6, noise=0.8)
GREY_LEVELS = 32
CREATED = datetime(2026, 1, 1, tzinfo=UTC)

LETTER = """Bristol, 9th of March 1908

My dear Margaret,
Your letter came with the morning post and I read it twice before breakfast. I am glad the roof is mended \
and that the children are over the worst of their colds.

We left the station at half past six and reached the farm only after dark, for the road was under water \
as far as the mill. Mr. Ashby met us with a lantern and two wet dogs. He asked after you and sends you \
his kindest regards, and a jar of quince jelly.

I shall stay until Friday week. Please ask Jack to feed the hens, and do not let him forget the black one: \
she hides under the steps.

With love to you all,
Your affectionate brother,
Thomas"""

LETTRE = """Saint-Malo, le 12 août 1911

Ma chère sœur,
J'ai reçu ta lettre hier soir et je te réponds tout de suite, car le courrier part demain à huit heures. \
La mer est calme et le vent souffle du nord ; les enfants passent leurs journées sur la grève.

Nous avons visité la vieille ville, où l'on vend des étoffes, du miel et même des livres anciens. J'y ai \
trouvé pour toi un petit herbier relié en cuir, un peu abîmé mais très joli.

Dis à maman que je me porte bien et que je mange à ma faim. Embrasse-la pour moi, et n'oublie pas \
d'arroser les géraniums !

Ton frère qui t'aime,
Étienne"""

INVENTORY_LEFT = """Goods in the hall
one clock by Dent
two brass candlesticks
a walnut table
umbrella stand, broken

Goods in the kitchen
three iron kettles
a dresser, oak
eleven pewter plates
knives and forks, 24
one coffee mill"""

INVENTORY_RIGHT = """Goods upstairs
feather bed and bolster
six pairs of sheets
a looking glass
two chairs, one lame
chest with four drawers

In the yard
a ladder of 18 rungs
one wheelbarrow
hens, nine in number
a grindstone"""

NOTES = """Field notes, Tuesday
Walked from the weir to the old quarry, 4 miles. Wind from the south-west, barometer 29.8 and falling.

On the left bank grows a small fern that I could not name. Pressed two fronds between these pages. \
Three herons near the lock; one flew up when the barge came through.

The quarry is full of water now, about nine feet deep at the north end. Found a piece of slate with a \
clear print of a leaf, size of a thumb.

Home by seven. To do: ask Mr. Quigley about the key to the boat house."""


@dataclass(frozen=True)
class Example:
    """An example page: ``turn`` is how many degrees clockwise it lies on the scanner."""

    name: str
    font: str
    x_height: float
    blocks: tuple[Block, ...]
    ruled: bool = False
    turn: float = 0.0


EXAMPLES = (
    Example("letter", "cedarville-cursive", 19, (Block(LETTER, 130, 190, 980),)),
    Example("lettre", "playwrite-fr-trad", 19, (Block(LETTRE, 130, 190, 980),)),
    Example(
        "inventory",
        "caveat",
        18,
        (
            Block(INVENTORY_LEFT, 250, 220, 400),
            Block(INVENTORY_RIGHT, 720, 220, 430),
            Block("checked\n3 May, T. A.", 40, 560, 190, "marginalia", 0.8),
        ),
    ),
    Example("notes", "la-belle-aurore", 18, (Block(NOTES, 140, 186, 980),), ruled=True, turn=-88.5),
)


def render(example: Example) -> tuple[Grey, Page]:
    """The page image, few grey levels so that the file stays small, and what stands on it."""
    font = next(font for font in find_fonts() if font.name == example.font)
    hand = Hand(font, example.x_height, wander=0.12, tremor=0.05, gap=0.95)
    rng = np.random.default_rng([2, *example.name.encode()])
    footer = f"Rendered example, no real document. Font: {example.font}, SIL Open Font License 1.1"
    image, page = render_page(example.blocks, hand, PAPER, SIZE, rng, ruled=example.ruled, footer=footer)
    if example.turn:
        image, page = turn_page(image, page, example.turn)
    step = 256 // GREY_LEVELS
    return image // np.uint8(step) * np.uint8(step), replace(page, source=f"{example.name}.png", dpi=150.0)


def main(folder: Path) -> None:
    """Write ``<name>.png`` and ``<name>.xml`` of every example."""
    for example in EXAMPLES:
        image, page = render(example)
        note = PngImagePlugin.PngInfo()
        note.add_text("Comment", f"Rendered from the font {example.font} (SIL OFL 1.1); not a real document.")
        Image.fromarray(image).save(folder / f"{example.name}.png", optimize=True, dpi=(150, 150), pnginfo=note)
        truth = page_xml.dump(page, Provenance("inkread examples/render.py"), CREATED)
        (folder / f"{example.name}.xml").write_bytes(truth)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
