"""Archives come from strangers: nothing may leave the folder or grow without bound."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from inkread.errors import DatasetError
from inkread.io.archives import ArchiveLimits, archive_stem, is_archive, unpack


def tar(path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in entries:
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_plain_files_of_tar_and_zip_arrive(tmp_path: Path) -> None:
    tar(tmp_path / "a.tgz", [(tarfile.TarInfo("a01/x.png"), b"one"), (tarfile.TarInfo("./b.txt"), b"two")])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("words/y.png", b"three")
    assert unpack(tmp_path / "a.tgz", tmp_path / "out") == 2
    assert unpack(tmp_path / "b.zip", tmp_path / "out") == 1
    assert (tmp_path / "out" / "a01" / "x.png").read_bytes() == b"one"
    assert (tmp_path / "out" / "b.txt").read_bytes() == b"two"
    assert (tmp_path / "out" / "words" / "y.png").read_bytes() == b"three"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/etc/evil", "..\\evil", "C:/evil"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    archive = tar(tmp_path / "a.tgz", [(tarfile.TarInfo(name), b"x")])
    with pytest.raises(DatasetError, match="leads out"):
        unpack(archive, tmp_path / "deep" / "out")
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "info", [link("l", "/etc/passwd"), link("h", "x", tarfile.LNKTYPE), link("d", "", tarfile.CHRTYPE)]
)
def test_links_and_devices_are_refused(tmp_path: Path, info: tarfile.TarInfo) -> None:
    with pytest.raises(DatasetError, match="link or a device"):
        unpack(tar(tmp_path / "a.tgz", [(info, b"")]), tmp_path / "out")


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("l")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DatasetError, match="link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_bounds_are_kept(tmp_path: Path) -> None:
    many = tar(tmp_path / "many.tgz", [(tarfile.TarInfo(str(number)), b"x") for number in range(5)])
    bomb = tar(tmp_path / "bomb.tgz", [(tarfile.TarInfo("zeros"), bytes(80 * 2**20))])
    with pytest.raises(DatasetError, match="more than 4 files"):
        unpack(many, tmp_path / "out", ArchiveLimits(max_files=4))
    with pytest.raises(DatasetError, match="MiB unpacked"):
        unpack(bomb, tmp_path / "out", ArchiveLimits(max_bytes=2**20))
    with pytest.raises(DatasetError, match="bomb"):
        unpack(bomb, tmp_path / "out", ArchiveLimits(max_ratio=100))
    assert not (tmp_path / "out" / "zeros").exists()


def test_damaged_and_missing_archives_are_named(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tgz", [(tarfile.TarInfo("x"), bytes(range(256)) * 400)])
    (tmp_path / "cut.tgz").write_bytes(whole.read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"cut\.tgz.*fetch it again"):
        unpack(tmp_path / "cut.tgz", tmp_path / "out")
    with pytest.raises(DatasetError, match="no such archive"):
        unpack(tmp_path / "none.tgz", tmp_path / "out")


def test_damage_within_an_entry_is_not_taken_for_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "letter.png").write_bytes(bytes(range(256)) * 500)
    with tarfile.open(tmp_path / "letters.tar", "w") as packed:
        packed.add(tmp_path / "letter.png", "letter.png")
    content = bytearray(gzip.compress((tmp_path / "letters.tar").read_bytes()[:60_000]))
    content[-8] ^= 255  # of the checksum, which is compared where the content ends
    archive = tmp_path / "letters.tgz"
    archive.write_bytes(content)

    with pytest.raises(DatasetError, match="cannot be unpacked"):
        unpack(archive, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix == ".part"]


def test_an_interrupted_run_keeps_what_is_whole(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tgz", [(tarfile.TarInfo("x"), b"one"), (tarfile.TarInfo("y"), b"two")])
    unpack(archive, tmp_path / "out")
    before = (tmp_path / "out" / "x").stat().st_mtime_ns
    (tmp_path / "out" / "y").write_bytes(b"t")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "x").stat().st_mtime_ns == before
    assert (tmp_path / "out" / "y").read_bytes() == b"two"


def test_names_of_archives(tmp_path: Path) -> None:
    (tmp_path / "Words.TAR.GZ").write_bytes(b"")
    assert is_archive(tmp_path / "Words.TAR.GZ")
    assert not is_archive(tmp_path)
    assert archive_stem(tmp_path / "Words.TAR.GZ") == "Words"


@pytest.mark.case
def test_archives_inside_are_unpacked_without_what_macos_adds(tmp_path: Path) -> None:
    inner, middle = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("p.xml", b"one")
    with zipfile.ZipFile(middle, "w") as archive:
        archive.writestr("deep/two.zip", inner.getvalue())
        archive.writestr("__MACOSX/deep/._two.zip", b"resource fork")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("My Letters/one.zip", middle.getvalue())
        archive.writestr("My Letters/.DS_Store", b"")
        archive.writestr("My Letters/._p.png", b"")
    for _ in range(2):
        unpack(tmp_path / "a.zip", tmp_path / "out")
        found = [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*")]
        assert found == ["My Letters/one/deep/two/p.xml"]


@pytest.mark.case
def test_archives_inside_share_the_limits(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(300_000))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(5):
            archive.writestr(f"{number}.zip", inner.getvalue())
    with pytest.raises(DatasetError, match="MiB unpacked"):
        unpack(tmp_path / "a.zip", tmp_path / "out", ArchiveLimits(max_bytes=2**20))
