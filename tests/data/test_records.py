"""Pages of one letter are one document."""

import pytest

from inkread.data.dataset import Skipped, document_name


@pytest.mark.parametrize(
    ("stem", "document"), [("JDH_2_16_156_002", "JDH_2_16_156"), ("btv1b_f25", "btv1b"), ("register", "register")]
)
def test_the_page_number_is_no_part_of_the_document(stem: str, document: str) -> None:
    assert document_name(stem) == document


def test_what_is_skipped_is_counted_and_named() -> None:
    skipped = Skipped()
    skipped.add("a", "image missing")
    skipped.add("b", "image missing")
    assert skipped.reasons == {"image missing": 2}
    assert skipped.names == ["a: image missing", "b: image missing"]
