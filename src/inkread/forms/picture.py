"""The fields of a template drawn on its empty page.

Usage: ``Path("claim.png").write_bytes(draw_fields(template, 0))``
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from inkread.forms.template import Template, boxes_of, rows_of
from inkread.io.inputs import RESULT_MAKER

FILL, LINE, TEXT = (40, 90, 200, 40), (40, 90, 200, 255), (20, 50, 140, 255)
SIZE = 20
"""Of the names, in pixels at 200 dpi."""


def draw_fields(template: Template, page: int) -> bytes:
    """A PNG of an empty page with the box, name and type of each field.

    Raises:
        InputError: the picture of the page is missing.
    """
    picture = Image.fromarray(template.blank(page)).convert("RGB")
    draw = ImageDraw.Draw(picture, "RGBA")
    font = ImageFont.load_default(SIZE)
    for item in template.pages[page].fields:
        for name, field in rows_of(item):
            for number, (x, y, width, height) in enumerate(boxes_of(field)):
                draw.rectangle((x, y, x + width, y + height), FILL, LINE, 2)
                if number == 0:
                    draw.text((x + 4, y + height - 4), f"{name}: {field.type}", TEXT, font, anchor="lb")
    stream = BytesIO()
    info = PngInfo()
    info.add_text("Software", f"{RESULT_MAKER} forms")
    picture.save(stream, "PNG", pnginfo=info)
    return stream.getvalue()
