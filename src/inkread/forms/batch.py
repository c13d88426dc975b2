"""Many sheets, read so that a process that was killed goes on where it was.

Usage: ``forms = read_batch(reader, paths, Path("out.csv.part.jsonl"), on_error=complain)``

Every form is written to a journal as soon as it is read: one line of JSON. Another run with the same templates and the
same model leaves out the sheets that stand there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2

from inkread.errors import OutputError
from inkread.forms.reading import Form, FormReader, OnError
from inkread.forms.results import from_json, to_json
from inkread.io.files import write_bytes


def journal_of(output: Path) -> Path:
    """``journal_of(Path("out.csv")) == Path("out.csv.part.jsonl")``."""
    return output.with_name(f"{output.name}.part.jsonl")


def read_batch(
    reader: FormReader,
    paths: Sequence[Path],
    journal: Path,
    *,
    crops: Path | None = None,
    on_error: OnError,
    on_form: Callable[[Form], None] = lambda _: None,
) -> list[Form]:
    """Read sheets; the journal stays, so that the caller deletes it once the table is written.

    Args:
        reader: for the templates.
        paths: files of sheets.
        journal: what an earlier run has read; forms are added to it.
        crops: folder for a picture of each field, None for none.
        on_error: called with a file that cannot be read, which does not end the batch.
        on_form: called with each form that was read now.

    Raises:
        OutputError: the journal or a picture cannot be written.
    """
    key = _key(reader)
    forms = _from_journal(journal, key)
    known = frozenset((sheet.source, sheet.index) for form in forms for sheet in form.sheets.values())
    try:
        journal.parent.mkdir(parents=True, exist_ok=True)
        with journal.open("a" if forms else "w", encoding="utf-8") as stream:
            if not forms:
                stream.write(json.dumps({"key": key}) + "\n")
            for form in reader.read(list(paths), on_error=on_error, known=known):
                saved = form if crops is None else _with_crops(form, crops, len(forms) + 1)
                stream.write(json.dumps(to_json(saved), ensure_ascii=False) + "\n")
                stream.flush()
                forms.append(replace(saved, crops={}))
                on_form(saved)
    except OSError as error:
        raise OutputError(f"{journal}: cannot be written ({error.strerror})") from error
    return forms


def _key(reader: FormReader) -> str:
    """Changes with the templates, the pictures of their pages and the model."""
    digest = hashlib.sha256(reader.reader.bundle.identity.encode())
    for template in reader.templates:
        digest.update(template.model_dump_json().encode())
        for page in range(len(template.pages)):
            digest.update(template.blank(page).tobytes())
    return digest.hexdigest()


def _from_journal(journal: Path, key: str) -> list[Form]:
    """The forms of an earlier run, without a line that it did not finish; the journal then ends after the last one."""
    try:
        lines = journal.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return []
    whole = list(_whole(lines[:-1]))
    if not whole or whole[0] != {"key": key}:
        return []
    write_bytes(journal, "".join(f"{line}\n" for line in lines[: len(whole)]).encode())
    return [from_json(content) for content in whole[1:]]


def _whole(lines: Sequence[str]) -> Iterator[dict[str, object]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            return


def _with_crops(form: Form, folder: Path, number: int) -> Form:
    """The form with its pictures saved as ``00001-name.png``."""
    fields = dict(form.fields)
    for name, picture in form.crops.items():
        file = f"{number:05}-{name}.png"
        encoded = cv2.imencode(".png", picture)[1]
        write_bytes(folder / file, encoded.tobytes())
        fields[name] = replace(fields[name], crop=file)
    return replace(form, fields=fields)
