"""Acceptance of forms: one template and a few filled sheets through the service, and the table that comes out.

Usage: ``check_forms(stack, report)``
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from pathlib import Path

from inkread.forms.rules import pattern_of
from inkread.forms.template import Template
from scripts.acceptance_stack import ADMIN, ROOT, USER, Report, Stack

sys.path.append(str(ROOT / "benchmarks"))  # the tests draw forms with its modules, which have no package

from tests.forms.conftest import FORM, save_form
from tests.server.test_forms_system import SHEETS, packed, scans

LEAST_RIGHT = 0.95
LONGEST = 600


def _values(template: Template, sheet: dict[str, str]) -> dict[str, str]:
    """What stands on a sheet in the spelling of the table, such as dates as ISO 8601."""
    patterns = {name: pattern_of(template, field) for _, name, field in template.named_fields()}
    return {
        name: pattern.value(text.replace(" ", "") if not pattern.spaces else text)
        if text and (pattern := patterns[name])
        else text
        for name, text in sheet.items()
    }


def check_forms(stack: Stack, report: Report) -> None:
    """A form is kept, a PDF of filled sheets is read with it, and the table has what stands on them."""
    with tempfile.TemporaryDirectory() as folder:
        template = save_form(FORM, Path(folder))
        kept = stack.client.post("/forms", files={"file": ("visit.zip", packed(template))}, auth=ADMIN)
        pdf, truth = scans(template)
        wanted = [_values(template, sheet) for sheet in truth]
    batch = stack.client.post("/forms/visit", files={"file": ("scans.pdf", pdf)}, auth=ADMIN).json()
    address = f"/forms/batches/{batch['id']}"

    def state() -> str:
        return str(stack.client.get(address, auth=ADMIN).json()["state"])

    stack.wait_for(lambda: state() not in ("waiting", "reading"), LONGEST)
    table = stack.client.get(f"{address}/result?format=csv", auth=ADMIN).text
    rows = list(csv.DictReader(io.StringIO(table.removeprefix("\ufeff"))))
    report.add(
        f"a form and {SHEETS} filled sheets of it",
        "kept, read, one row each",
        f"{kept.status_code}, {state()}, {len(rows)} rows",
        (kept.status_code, state(), len(rows)) == (201, "read", SHEETS),
    )
    pairs = [(row[name], value) for row, sheet in zip(rows, wanted, strict=True) for name, value in sheet.items()]
    right = sum(found == value for found, value in pairs)
    report.add(
        "values in its table",
        f"{LEAST_RIGHT:.0%} right",
        f"{right} of {len(pairs)} right",
        right >= LEAST_RIGHT * len(pairs),
    )
    foreign = [stack.client.get(path, auth=USER).status_code for path in (address, "/forms/visit")]
    report.add("its batch and its template, to another user", "404", foreign, foreign == [404, 404])
    removed = [stack.client.delete(path, auth=ADMIN).status_code for path in (address, "/forms/visit")]
    report.add("both deleted", "204", removed, removed == [204, 204])
