"""PDF/A-2b (ISO 19005-2): PDFs that look the same in any viewer, for archives that ask for them.

Usage: ``make_archival(pdf)``, then save it with an ID.

What may be added is added: a colour profile as output intent, XMP metadata that agree with the document information,
print flags. What would change how the page looks, or lose something, is not done: the PDF is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream, String
from PIL import ImageCms

from inkread.errors import OutputError

_COLOURS = {"CMYK": ("k", "K", "/DeviceCMYK"), "RGB": ("rg", "RG", "/DeviceRGB")}
_COVERED = {1: (), 3: ("RGB",), 4: ("CMYK",)}
"""Colours besides grey that an output intent describes, by the components of its profile."""
_ACTIONS = {
    *("Launch", "Sound", "Movie", "ResetForm", "ImportData", "JavaScript", "Hide", "SetOCGState", "Rendition", "Trans"),
    "GoTo3DView",
}
_ANNOTATIONS = {"3D", "Sound", "Screen", "Movie", "RichMedia"}
_WITHOUT_APPEARANCE = {"Popup", "Link"}
_INVISIBLE, _HIDDEN, _PRINT, _NO_VIEW, _TOGGLE_NO_VIEW = 1, 2, 4, 32, 256
_INFORMATION = ("/Title", "/Author", "/Subject", "/Keywords", "/Creator", "/Producer", "/CreationDate", "/ModDate")
"""Document information that XMP has too, and must say alike."""
_FONT_FILES = (Name.FontFile, Name.FontFile2, Name.FontFile3)
_PROFILE_DATE, _PROFILE_ID = slice(24, 36), slice(84, 100)


def make_archival(pdf: pikepdf.Pdf) -> None:
    """``make_archival(pdf)``: make an open PDF conform to PDF/A-2b; save it with ``deterministic_id`` or another ID.

    Raises:
        OutputError: it has something that PDF/A forbids and that cannot be taken away without a loss.
    """
    reason = _obstacle(pdf)
    if reason:
        raise OutputError(f"it cannot be made PDF/A: {reason}; leave out --pdf-a")
    if not _intents(pdf):
        pdf.Root.OutputIntents = Array([_output_intent(pdf)])
    for page in pdf.pages:
        for annotation in page.get(Name.Annots) or ():
            annotation.F = int(annotation.get(Name.F, 0)) | _PRINT
    for item in _objects(pdf.trailer):
        if item.get(Name.Interpolate, False):
            item.Interpolate = False
    _describe(pdf)


@lru_cache
def _srgb() -> bytes:
    """The ICC profile of sRGB, the same bytes in each process: without the time of its making."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[_PROFILE_DATE] = bytes.fromhex("07e800010001000000000000")
    profile[_PROFILE_ID] = bytes(16)
    return bytes(profile)


def _output_intent(pdf: pikepdf.Pdf) -> Dictionary:
    return Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
        Info=String("sRGB IEC61966-2.1"),
        RegistryName=String("http://www.color.org"),
        DestOutputProfile=pdf.make_indirect(pdf.make_stream(_srgb(), N=3)),
    )


def _intents(pdf: pikepdf.Pdf) -> list[Object]:
    return [each for each in pdf.Root.get(Name.OutputIntents) or () if each.get(Name.S) == Name.GTS_PDFA1]


def _describe(pdf: pikepdf.Pdf) -> None:
    """XMP of the document information, and what says that this is PDF/A; other XMP would need schemas."""
    if Name.Metadata in pdf.Root:
        with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as old:
            kept = {key: old[key] for key in ("dc:title", "dc:creator", "dc:rights", "xmp:CreatorTool") if key in old}
        del pdf.Root.Metadata
    else:
        kept = {}
    usual = {key: pdf.docinfo[key] for key in _INFORMATION if key in pdf.docinfo}
    with pdf.open_metadata(set_pikepdf_as_editor=False) as metadata:
        metadata.load_from_docinfo(Dictionary(usual))
        for key, value in kept.items():
            if key not in metadata:
                metadata[key] = value
        metadata["pdfaid:part"], metadata["pdfaid:conformance"] = "2", "B"


def _obstacle(pdf: pikepdf.Pdf) -> str:
    """What forbids PDF/A, "" where nothing does."""
    if tuple(map(int, pdf.pdf_version.split("."))) > (1, 7):
        return f"it is PDF {pdf.pdf_version}, which is newer than PDF/A-2"
    forbidden = {
        Name.Perms: "it is signed",
        Name.OCProperties: "it has layers",
        Name.Requirements: "it has requirements",
    }
    for key, reason in forbidden.items():
        if key in pdf.Root:
            return reason
    form = pdf.Root.get(Name.AcroForm) or Dictionary()
    if Name.XFA in form or form.get(Name.NeedAppearances, False):
        return "its form fields have no fixed appearance"
    for item in _objects(pdf.trailer):
        if reason := _forbidden(item):
            return reason
    for number, page in enumerate(pdf.pages, 1):
        for annotation in page.get(Name.Annots) or ():
            if reason := _forbidden_note(annotation):
                return f"page {number} has {reason}"
    return _foreign_colours(pdf)


def _objects(root: Object) -> Iterator[Object]:
    """Every dictionary and stream that can be reached."""
    seen: set[tuple[int, int]] = set()
    waiting: list[Object] = [root]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, Array | Dictionary | Stream):
            continue
        if item.is_indirect:
            if item.objgen in seen:
                continue
            seen.add(item.objgen)
        if isinstance(item, Array):
            waiting.extend(item)
            continue
        yield item
        waiting.extend(item[key] for key in item.keys() if key != Name.Parent)  # noqa: SIM118


def _forbidden(item: Object) -> str:
    """What an object has that PDF/A forbids."""
    kind, subtype = item.get(Name.Type), item.get(Name.Subtype)
    action = str(item.get(Name.S, "")).removeprefix("/")
    font = str(item.get(Name.BaseFont, "/?")).removeprefix("/")
    checks = (
        (kind == Name.Font and not _is_embedded(item), f"its font {font} is not embedded"),
        (Name.EF in item, "it has attached files"),
        (Name.AA in item or action in _ACTIONS, "it runs actions, such as scripts"),
        (subtype == Name.PS or Name.OPI in item or Name.Alternates in item, "it has PostScript or alternate images"),
        ((kind == Name.ExtGState and Name.TR in item) or Name.HTP in item, "it has transfer functions"),
        (isinstance(item, Stream) and Name.F in item, "a part of it is in another file"),
    )
    return next((reason for found, reason in checks if found), "")


def _is_embedded(font: Object) -> bool:
    if font.get(Name.Subtype) in (Name.Type3, Name.Type0):  # of the second the descendant counts
        return True
    return any(name in (font.get(Name.FontDescriptor) or Dictionary()) for name in _FONT_FILES)


def _forbidden_note(annotation: Object) -> str:
    kind = str(annotation.get(Name.Subtype, "")).removeprefix("/")
    flags = int(annotation.get(Name.F, 0))
    if kind in _ANNOTATIONS:
        return "sound, film or a model in space"
    if flags & (_INVISIBLE | _HIDDEN | _NO_VIEW | _TOGGLE_NO_VIEW):
        return "a hidden note or form field"
    x0, y0, x1, y1 = (float(value) for value in annotation.get(Name.Rect, Array([0, 0, 0, 0])))
    if kind not in _WITHOUT_APPEARANCE and Name.AP not in annotation and (x0, y0) != (x1, y1):
        return "a note or form field without an appearance"
    return ""


def _foreign_colours(pdf: pikepdf.Pdf) -> str:
    intents = _intents(pdf)
    components = int(intents[0].DestOutputProfile.N) if intents and Name.DestOutputProfile in intents[0] else 3
    for colour, names in _COLOURS.items():
        if colour in _COVERED.get(components, ()):
            continue
        operators, space = names[:2], names[2]
        for item in _objects(pdf.trailer):
            spaces = (item.get(Name.ColorSpace), item.get(Name.CS), item.get(Name.Alternate))
            if any(each is not None and space in _names(each) for each in spaces):
                return f"it has {colour} colours without a profile"
            if _paints(item) and next(iter(pikepdf.parse_content_stream(item, " ".join(operators))), None):
                return f"it has {colour} colours without a profile"
    return ""


def _paints(item: Object) -> bool:
    """Whether an object is a page or has a content stream."""
    if item.get(Name.Type) == Name.Page:
        return Name.Contents in item
    return isinstance(item, Stream) and (item.get(Name.Subtype) == Name.Form or item.get(Name.PatternType) == 1)


def _names(space: Object, depth: int = 0) -> set[str]:
    """The names in a colour space, or in a dictionary of colour spaces."""
    if isinstance(space, Name):
        return {str(space)}
    if depth > 4 or not isinstance(space, Array | Dictionary):
        return set()
    parts = space if isinstance(space, Array) else space.values()
    return set().union(*(_names(part, depth + 1) for part in parts))
