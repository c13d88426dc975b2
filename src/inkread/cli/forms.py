"""``inkread forms``: templates of forms, and filled forms as rows of a table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from inkread.cli.read import share
from inkread.cli.terminal import Reading, quiet_libraries
from inkread.errors import InkreadError
from inkread.io.inputs import find_inputs

app = typer.Typer(help="Read filled forms into a table, by templates of the empty forms.", no_args_is_help=True)

TEMPLATE_SUFFIXES = (".yaml", ".yml")


@app.command()
def new(
    blank: Annotated[Path, typer.Argument(metavar="BLANK", help="The empty form: a PDF or an image.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Template to write, such as claim.yaml.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a template that is there.")] = False,
) -> None:
    """Propose a template of an empty form: its fields with names, types and places.

    Writes the template and a picture of each page beside it. Correct names and types in the file.

    Example: inkread forms new blank.pdf -o claim.yaml
    """
    from inkread.forms.proposal import propose

    if output.suffix not in TEMPLATE_SUFFIXES:
        raise typer.BadParameter("a template is a .yaml file", param_hint="--output")
    if output.exists() and not force:
        raise InkreadError(f"{output} is there and may be corrected, name another file or use --force")
    with quiet_libraries():
        template, blanks = propose(blank, output.stem)
    template.save(output, blanks)
    fields = sum(len(page.fields) for page in template.pages)
    typer.echo(f"{output}: {len(template.pages)} pages with {fields} fields; look at them with inkread forms show")


@app.command()
def show(
    template: Annotated[Path, typer.Argument(metavar="TEMPLATE")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PNG", help="Picture to write.")],
    page: Annotated[int, typer.Option(min=1, help="Of the form.")] = 1,
) -> None:
    """Draw the fields of a template on its empty page.

    Example: inkread forms show claim.yaml -o claim-fields.png
    """
    from inkread.forms.picture import draw_fields
    from inkread.forms.template import Template
    from inkread.io.files import write_bytes

    loaded = Template.load(template)
    if page > len(loaded.pages):
        raise typer.BadParameter(f"the form has {len(loaded.pages)} pages", param_hint="--page")
    write_bytes(output, draw_fields(loaded, page - 1))


@app.command()
def read(
    paths: Annotated[
        list[str],
        typer.Argument(metavar="TEMPLATE... SCAN...", help="Templates (.yaml), then images, PDFs, folders or globs."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Table to write: .csv, .xlsx, .json or .parquet.")
    ],
    max_error: Annotated[
        float | None,
        typer.Option(
            metavar="RATE",
            parser=share,
            help="Choose the threshold so that at most this share of the sure fields is "
            "expected to be wrong: 0.5% or 0.005.",
        ),
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help="Fields below it are unsure; 0.9 unless said.")
    ] = None,
    crops: Annotated[
        Path | None, typer.Option(metavar="DIR", file_okay=False, help="Save a picture of each field here.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="BUNDLE", help="Folder, or models:/inkread@champion, to read with.")
    ] = None,
) -> None:
    """Read filled forms: one row a form, with value, state, confidence and raw reading of each field.

    Each sheet is matched to one of the templates, or to none. A run that was killed goes on when it is started again.
    The exit status is 0 if every sheet was read, 1 if some were not, 2 for wrong usage.

    Example: inkread forms read claim.yaml scans -o claims.xlsx --max-error 0.5%
    """
    from inkread.forms.batch import journal_of, read_batch
    from inkread.forms.reading import FormReader
    from inkread.forms.results import Batch, check_suffix, write_table
    from inkread.forms.template import Template
    from inkread.reader import Reader

    templates = [Path(path) for path in paths if path.endswith(TEMPLATE_SUFFIXES)]
    scans = [path for path in paths if not path.endswith(TEMPLATE_SUFFIXES)]
    if not templates or not scans:
        raise typer.BadParameter("name templates (.yaml) and scans")
    check_suffix(output)
    with quiet_libraries():
        reader = FormReader([Template.load(path) for path in templates], Reader(model))
        found = list(find_inputs(scans))
        files = [item for item in found if isinstance(item, Path)]
        with Reading(files=len(found), shown=not sys.stdout.isatty()) as progress:
            for item in found:
                if not isinstance(item, Path):
                    progress.file_failed(item)
            forms = read_batch(
                reader,
                files,
                journal_of(output),
                crops=crops,
                on_error=lambda _, error: progress.file_failed(error),
                on_form=lambda form: progress.page_read(form.sheets[min(form.sheets)].source),
            )
            batch = Batch.graded(forms, least=min_confidence, max_error=max_error)
            write_table(output, batch)
            journal_of(output).unlink(missing_ok=True)
            for form in forms:
                if form.problem:
                    where = ", ".join(f"{sheet.source}, page {sheet.index + 1}" for sheet in form.sheets.values())
                    progress.complain(InkreadError(f"{where}: {form.problem}"))
            states = ", ".join(f"{batch.count(state)} {state}" for state in ("sure", "unsure", "invalid", "empty"))
            progress.say(
                f"{sum(bool(form.template) for form in forms)} forms in {output}; fields: {states}; of those that are "
                f"sure (confidence {batch.least:.3f}), {batch.expected_error:.2%} are expected to be wrong"
            )
    raise typer.Exit(1 if progress.failures else 0)
