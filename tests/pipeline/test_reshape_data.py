"""A writer in two splits would make every figure too good."""

from inkread.data.dataset import read_samples
from inkread.data.store import LineStore
from inkread.pipeline.stage import Artifacts, read_json
from inkread.recognition.line_images import CONTEXT_ROWS, HEIGHT


def test_splits_and_shards_agree_and_hold_no_writer_twice(prepared: Artifacts) -> None:
    splits = read_json(prepared.splits)["splits"]
    samples = {sample.sample_id: sample for sample in read_samples(prepared.cleaned)}
    writers: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        shard = LineStore.open(prepared.shards / split)
        assert {splits[line.sample_id] for line in shard.lines} == {split}
        assert {line.rows for line in shard.lines} == {CONTEXT_ROWS if split == "train" else HEIGHT}
        buckets = [line.width // 32 for line in LineStore.open(prepared.shards / "train").lines]
        assert buckets == sorted(buckets)
        writers[split] = {samples[line.sample_id].writer_id for line in shard.lines}
    assert not writers["train"] & writers["val"]
    assert not writers["train"] & writers["test"]
    assert not writers["val"] & writers["test"]
