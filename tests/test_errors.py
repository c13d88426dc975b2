import inspect

import inkread
from inkread import errors


def test_every_error_is_an_inkread_error_and_drawn_in_the_tree() -> None:
    for name, value in inspect.getmembers(errors, inspect.isclass):
        assert issubclass(value, inkread.InkreadError)
        assert name in (errors.__doc__ or "")


def test_the_public_face_names_every_error() -> None:
    assert {name for name, _ in inspect.getmembers(errors, inspect.isclass)} <= set(inkread.__all__)
