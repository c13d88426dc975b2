"""The examples of the documentation run; those marked "not run" name commands, options and files that exist."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image

from tests.docs.blocks import PAGES, ROOT, Block, blocks

BLOCKS = [block for page in PAGES for block in blocks(page)]
PAGES_THAT_RUN = sorted({block.page for block in BLOCKS if block.language in ("sh", "python") and not block.reason})
GROUPS = ("admin", "corrections", "forms", "models", "synthesize", "users")
"""Commands that have commands."""
TOP = 480
"""Rows of an example page that are kept: its first lines, so that reading takes little time."""


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The tests' own Python first on the path, so that ``inkread`` is the installed one."""
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with the files that the documentation names."""
    letter = Image.open(ROOT / "examples" / "letter.png").convert("L")
    top = letter.crop((0, 0, letter.width, TOP))
    (tmp_path / "scans").mkdir()
    top.save(tmp_path / "scans" / "one.png")
    top.save(tmp_path / "letter.jpg")
    letter.crop((280, 143, 690, 209)).save(tmp_path / "field.png")  # 9th of March 1908
    top.save(tmp_path / "register.pdf", resolution=150)
    (tmp_path / "letters").mkdir()
    top.save(tmp_path / "letters" / "letter.png")
    page = etree.parse(ROOT / "examples" / "letter.xml")
    next(page.iter("{*}Page")).set("imageHeight", str(TOP))
    for line in list(page.iter("{*}TextLine")):
        upper = int(line[0].attrib["points"].split(",")[1].split()[0])
        region = line.getparent()
        if upper > TOP - 40 and region is not None:
            region.remove(line)
    for region in list(page.iter("{*}TextRegion")):
        parent = region.getparent()
        if region.find("{*}TextLine") is None and parent is not None:
            parent.remove(region)
    page.write(tmp_path / "letters" / "letter.xml")
    return tmp_path


@pytest.mark.parametrize("page", PAGES_THAT_RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_examples_run(page: Path, desk: Path, environment: dict[str, str]) -> None:
    for block in blocks(page):
        if block.reason or block.language not in ("sh", "python"):
            continue
        command = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
        done = subprocess.run(
            [*command, block.code], cwd=desk, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{block.code}\n{done.stdout}\n{done.stderr}"


def test_every_block_has_a_language() -> None:
    assert {block.language for block in BLOCKS} <= {"sh", "python", "yaml", "json", "text"}


def _commands(block: Block) -> Iterator[list[str]]:
    """The simple commands of a shell block, as words."""
    for line in block.code.replace("\\\n", " ").splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        words.whitespace_split = True
        for is_end, command in itertools.groupby(words, key=lambda word: set(word) <= set(";&|()")):
            if not is_end:
                yield list(command)


@functools.cache
def _help(*command: str) -> str:
    arguments = [sys.executable, "-m", "inkread", *command, "--help"]
    environment = {**os.environ, "COLUMNS": "200", "TERM": "dumb"}
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True).stdout


SHELL = [(block, words) for block in BLOCKS if block.language == "sh" for words in _commands(block) if words]
INKREAD = sorted({tuple(words) for _, words in SHELL if words[0] == "inkread"})
PYTHON = sorted({tuple(words) for _, words in SHELL if words[0].endswith("python")})


@pytest.mark.parametrize("words", INKREAD, ids=" ".join)
def test_commands_of_examples_have_these_options(words: tuple[str, ...]) -> None:
    name, *rest = words[1:]
    depth = 2 if rest[:1] == ["keys"] else 1 if name in GROUPS else 0
    text = _help(name, *rest[:depth])
    for word in rest:
        if word.startswith("-") and word != "-":
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), f"inkread {name} has no {word}"


@pytest.mark.parametrize("words", PYTHON, ids=" ".join)
def test_programs_of_examples_exist(words: tuple[str, ...]) -> None:
    arguments = words[1:]
    if arguments[0] == "-m":
        assert arguments[1] in ("pip", "pytest", "venv", "build") or importlib.util.find_spec(arguments[1])
    elif not arguments[0].startswith("-"):
        assert (ROOT / arguments[0]).is_file()
