"""The rendered archive must be IAM to whoever reads IAM, and the same bytes each time."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

from inkread.synthesis.iam import IamPlan, render_archive

PLAN = IamPlan(writers=2, forms=1, lines=2)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    render_archive(tmp_path / "a", PLAN)
    render_archive(tmp_path / "b", PLAN)
    render_archive(tmp_path / "c", IamPlan(writers=2, forms=1, lines=2, seed=9))
    for name in ("words.tgz", "lines.tgz", "ascii.tgz", "xml.tgz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "words.tgz").read_bytes() != (tmp_path / "c" / "words.tgz").read_bytes()


def test_words_are_cut_out_of_their_lines(tmp_path: Path) -> None:
    count = render_archive(tmp_path, PLAN)
    with tarfile.open(tmp_path / "ascii.tgz") as archive:
        rows = archive.extractfile("words.txt").read().decode().splitlines()[1:]  # type: ignore[union-attr]
    assert len(rows) == count
    with tarfile.open(tmp_path / "words.tgz") as words, tarfile.open(tmp_path / "lines.tgz") as lines:
        names, checked = set(words.getnames()), 0
        for row in rows:
            name, _, _, x, y, width, height, *_ = row.split()
            line = name.rpartition("-")[0]
            place = f"{name[:3]}/{'-'.join(name.split('-')[:2])}"
            if f"{place}/{name}.png" not in names:
                continue
            content = words.extractfile(f"{place}/{name}.png").read()  # type: ignore[union-attr]
            if not content.endswith(b"IEND\xaeB`\x82"):
                continue
            word = np.asarray(Image.open(io.BytesIO(content)))
            whole = np.asarray(Image.open(lines.extractfile(f"{place}/{line}.png")))  # type: ignore[arg-type]
            left, top = int(x), int(y)
            assert word.shape == (int(height), int(width))
            assert np.array_equal(word, whole[top : top + int(height), left : left + int(width)])
            checked += 1
    assert checked == count - 2
