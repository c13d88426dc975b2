import hashlib
import io
import tarfile
import zlib
from pathlib import Path

import pytest

from inkread.errors import DatasetError
from recipe.corpora import packages, transcriptions

FILES = {
    "debian-handbook_1.0_all": {
        "usr/share/doc/debian-handbook/html/en-US/a.html": "<html><div class='para'>Run <b>apt</b>  now.</div></html>",
        "usr/share/doc/debian-handbook/html/de-DE/a.html": "<html><p>Nicht lesen.</p></html>",
    },
    "gnome-user-docs_43.0-2_all": {
        "usr/share/help/fr/a.page": '<page xmlns="http://projectmallard.org/1.0/"><p>Cliquez <gui>ici</gui>.</p></page>'
    },
    "sword-text-web_426.0-1_all": {"usr/share/sword/x/nt.bzz": "<chapter>In the <w>beginning</w><note>n</note>"},
    "wordnet-base_1%3a3.0-37_all": {"usr/share/wordnet/data.noun": '1 03 n | that which is; "a thing"  \nlicence line'},
}


def deb(files: dict[str, str]) -> bytes:
    """A Debian package: an ar archive with the version, an empty control part and the files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:xz") as archive:
        for name, text in files.items():
            data = text.encode()
            data = zlib.compress(data) + b"\0\0" + zlib.compress(b" was") if name.endswith(".bzz") else data
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    parts = [("debian-binary", b"2.0\n"), ("control.tar.xz", b"odd"), ("data.tar.xz", packed.getvalue())]
    content = b"!<arch>\n"
    for name, body in parts:
        content += (
            f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(body):<10}`\n".encode() + body + b"\n" * (len(body) % 2)
        )
    return content


def test_packages_give_their_prose_and_where_it_comes_from(tmp_path: Path) -> None:
    for name, files in FILES.items():
        (tmp_path / f"{name}.deb").write_bytes(deb(files))

    handbook, gnome, bible, wordnet = packages(tmp_path)

    assert handbook.lines == ("Run apt now.",)
    assert gnome.lines == ("Cliquez ici.",)
    assert bible.lines == ("In the beginning", "was")
    assert wordnet.lines == ("that which is", "a thing")
    assert wordnet.source.version == "1:3.0-37"
    content = (tmp_path / "debian-handbook_1.0_all.deb").read_bytes()
    assert handbook.source.sha256 == hashlib.sha256(content).hexdigest()
    assert handbook.source.licence == "CC-BY-SA-3.0"


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="package debian-handbook is missing"):
        packages(tmp_path)


def test_transcriptions_are_those_of_the_train_split_only(shared_data: Path) -> None:
    corpus = transcriptions(shared_data / "mss20-fr")

    assert 50 < len(corpus.lines) < 110
    assert corpus.source.licence == "CC-BY-4.0"
    assert all(line == " ".join(line.split()) for line in corpus.lines)


def test_pen_stroke_texts_are_read_without_their_words(shared_data: Path) -> None:
    assert 8000 < len(transcriptions(shared_data / "unipen-en").lines) < 9000


def test_texts_of_unknown_licence_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="licence"):
        transcriptions(tmp_path / "found-somewhere")


def test_a_source_without_train_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no transcribed lines"):
        transcriptions(tmp_path / "hooker-en")
