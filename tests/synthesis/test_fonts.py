"""Fonts are found, and know which characters they would silently leave out."""

from pathlib import Path

import pytest

from inkread.errors import DamagedInputError, InputNotFoundError
from inkread.synthesis.ink import BUNDLED, Font, find_fonts


def test_bundled_fonts_write_english_and_french_and_carry_their_licence() -> None:
    fonts = find_fonts()
    assert len(fonts) == 4
    for font in fonts:
        assert font.covers("The quick brown fox, 1908 (£4)! Où ça ? Déjà : « cœur », l'été, naïf, août.")
        assert "SIL OPEN FONT LICENSE" in (BUNDLED / f"{font.name}.OFL.txt").read_text(encoding="utf-8").upper()


@pytest.mark.parametrize("text", ["я", "漢", "a\uffffb", "\u200b"])
def test_a_character_without_ink_of_its_own_is_not_covered(text: str) -> None:
    assert not any(font.covers(text) for font in find_fonts() if font.name != "caveat")


def test_equal_x_height_makes_fonts_equally_large() -> None:
    for font in find_fonts():
        _, top, _, bottom = font.at_x_height(40).getbbox("x", anchor="ls")
        assert bottom - top == pytest.approx(40, abs=4), font.name


def test_fonts_of_several_folders_are_sorted_by_name(tmp_path: Path) -> None:
    for name in ("zeta", "alpha"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.TTF").write_bytes(b"")
    (tmp_path / "alpha" / "LICENSE").write_text("not a font")
    assert [font.name for font in find_fonts([tmp_path / "zeta", tmp_path / "alpha"])] == ["alpha", "zeta"]


def test_a_folder_without_fonts_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputNotFoundError, match=r"nothing.*holds no font"):
        find_fonts([BUNDLED, tmp_path / "nothing"])


def test_a_file_that_is_no_font_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.ttf"
    path.write_bytes(b"no font")
    with pytest.raises(DamagedInputError, match=r"broken\.ttf"):
        Font("broken", path).covers("a")
