"""Nothing that can be cut is lost on the way to the strips."""

from inkread.data.dataset import read_rows
from inkread.data.store import CONTEXT_ROWS, LineStore
from inkread.pipeline.stage import Artifacts


def test_features_are_strips_of_every_row_and_images_of_every_word(prepared: Artifacts) -> None:
    rows = read_rows(prepared.encoded)
    strips, words = LineStore.open(prepared.features / "strips"), LineStore.open(prepared.features / "words")
    assert [line.name for line in strips.lines] == [row.row_id for row in rows]
    assert {line.rows for line in strips.lines} == {CONTEXT_ROWS}
    assert len(words) == sum(row.kind == "word" for row in rows)
