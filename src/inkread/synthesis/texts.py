"""What to write: one text a line of a UTF-8 file.

Usage: ``texts = read_texts(Path("letters.txt"))``
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

from inkread.errors import DamagedInputError, InputNotFoundError

BUNDLED = Path(__file__).parent.parent / "assets" / "texts.txt"


def read_texts(path: Path | None = None) -> tuple[str, ...]:
    """The NFC texts of a file, empty lines left out; a few English and French sentences where no file is given.

    Raises:
        InputNotFoundError: the file is missing or holds no text.
        DamagedInputError: the file is not UTF-8.
    """
    path = path or BUNDLED
    try:
        content = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DamagedInputError(f"{path} is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputNotFoundError(f"{path} cannot be read: {error.strerror}") from error
    texts = tuple(" ".join(unicodedata.normalize("NFC", line).split()) for line in content.splitlines())
    texts = tuple(text for text in texts if text)
    if not texts:
        raise InputNotFoundError(f"{path} holds no text; write one text a line")
    return texts
