"""Errors are one line on stderr, and only ours."""

import os
import sys

import pytest

from inkread.cli.terminal import complain, quiet_libraries


def test_an_error_is_one_line_without_colours_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("a [bold] :smile: " + "long " * 60 + "\nmessage")
    assert capsys.readouterr().err == "inkread: a [bold] :smile: " + "long " * 60 + "message\n"


def test_only_python_reaches_stderr_while_libraries_are_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    with open(2, "w", closefd=False) as own, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", own)
        with quiet_libraries():
            os.write(2, b"libtiff: noise\n")
            print("shown", file=sys.stderr)  # noqa: T201
        assert sys.stderr is own
        os.write(2, b"shown again\n")
    assert capfd.readouterr().err == "shown\nshown again\n"


def test_libraries_are_left_alone_where_stderr_is_something_else(capsys: pytest.CaptureFixture[str]) -> None:
    with quiet_libraries():
        complain("shown")
    assert capsys.readouterr().err == "inkread: shown\n"
