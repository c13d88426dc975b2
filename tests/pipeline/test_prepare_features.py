"""Nothing that can be cut is lost on the way to the strips."""

from inkread.data.dataset import read_samples
from inkread.data.store import LineStore
from inkread.pipeline.stage import Artifacts
from inkread.recognition.line_images import CONTEXT_ROWS


def test_features_are_line_images_of_every_line_and_word(prepared: Artifacts) -> None:
    samples = read_samples(prepared.cleaned)
    features = LineStore.open(prepared.features)
    assert [line.sample_id for line in features.lines] == [sample.sample_id for sample in samples]
    assert {line.rows for line in features.lines} == {CONTEXT_ROWS}
