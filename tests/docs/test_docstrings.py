"""The usage lines of docstrings are code, name what is there, and where they claim an equality, it holds."""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.docs.blocks import ROOT

USAGE = re.compile(r"^Usage: ``(.+?)``", re.MULTILINE | re.DOTALL)
FIRST = re.compile(r"\A``([^`]+)``: ")
COMMAND = re.compile(r"(?:inkread|python) ")
PACKAGE = ROOT / "src" / "inkread"


@dataclass(frozen=True, slots=True)
class Usage:
    """A usage line of a module, or of a function or class (``name``) in it."""

    module: str
    name: str
    code: str
    known: frozenset[str]
    """Names that the module defines or imports."""


def _usages() -> Iterator[Usage]:
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(("inkread", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = frozenset(name for node in tree.body for name in _defined(node))
        for node in (tree, *tree.body):
            if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                continue
            text, name = ast.get_docstring(node) or "", getattr(node, "name", "")
            for code in USAGE.findall(text) + (FIRST.findall(text) if name and name[0] != "_" else []):
                yield Usage(module, name, " ".join(code.split()), known)


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.Import(names) | ast.ImportFrom(names=names):
            yield from ((name.asname or name.name) for name in names)
        case ast.FunctionDef(name) | ast.ClassDef(name):
            yield name
        case ast.Assign(targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(name)):
            yield name
        case ast.If(body=body):  # names that only type checkers import
            yield from (name for inner in body for name in _defined(inner))


USAGES = [usage for usage in _usages() if not COMMAND.match(usage.code)]
COMMANDS = [usage for usage in _usages() if " -m " in usage.code]


def _names(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def _attributes(code: str) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Attribute)}


def _is_equality(usage: Usage) -> bool:
    """Whether it is ``f(x) == y`` with nothing that only the reader knows."""
    try:
        expression = ast.parse(usage.code, mode="eval").body
    except SyntaxError:
        return False
    return isinstance(expression, ast.Compare) and _names(usage.code) <= usage.known | {*vars(builtins)}


EQUALITIES = [usage for usage in USAGES if _is_equality(usage)]


def _label(usage: Usage) -> str:
    return f"{usage.module}:{usage.name}"


@pytest.mark.parametrize("usage", EQUALITIES, ids=_label)
def test_equalities_hold(usage: Usage) -> None:
    assert eval(usage.code, dict(vars(importlib.import_module(usage.module))))


def test_equalities_are_found() -> None:
    assert len(EQUALITIES) >= 15


@pytest.mark.parametrize("usage", USAGES, ids=_label)
def test_usage_lines_are_code_that_names_what_is_there(usage: Usage) -> None:
    there = usage.known | {usage.module.rpartition(".")[2]}
    assert there & (_names(usage.code) | _attributes(usage.code)), usage.code


@pytest.mark.parametrize("usage", COMMANDS, ids=_label)
def test_programs_of_usage_lines_exist(usage: Usage) -> None:
    program = re.search(r" -m ([\w.]+)", usage.code)
    assert program and importlib.util.find_spec(program[1])
