"""Templates of forms with owners and versions.

Usage: ``templates = Templates(store); templates.details("claim", who)``

A template is a document of its own kind, so that shares, quota, expiry and deletion are those of documents. Its files
are pictures of the empty pages and lists, kept by their content; every version names the files that belong to it.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from inkread.errors import PatternError
from inkread.forms.template import MOST_LIST_BYTES, Template
from inkread.recognition.patterns import Pattern
from inkread.server.documents.models import Role
from inkread.server.documents.store import File, Store, now, role_of, seen_by
from inkread.server.documents.tables import TEMPLATE, Document, Upload
from inkread.server.forms import models, tables
from inkread.server.forms.drift import drifts
from inkread.server.forms.queue import waiting
from inkread.server.prediction.form_tasks import CONTENT
from inkread.server.problems import ProblemError
from inkread.server.tokens import Identity

DRAFT_DAYS = 1
MOST_TEMPLATES = 500
"""Of one user."""
MOST_VERSIONS = 10_000
MOST_PAGES = 40
"""Of all templates among which the one of a sheet is found."""
RESERVED = {"any", "batches", "queue", "propose"}
"""Words of addresses, which no template can be called."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a template, with its files by their content.

    Attributes:
        document: of the template.
        number: of the version.
        digest: of what it says and of its files.
        template: its files are named by their SHA-256, in the folder of the document.
    """

    document: str
    number: int
    digest: str
    template: Template

    def packed(self) -> bytes:
        """A zip for prediction: the template as JSON, and its files."""
        body = BytesIO()
        with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
            packed.writestr(CONTENT, json.dumps(self.template.plain()))
            for name in {*(page.blank for page in self.template.pages), *self.template.list_names()}:
                packed.write(self.template.folder / name, name)
        return body.getvalue()


class Templates:
    """The templates of all users.

    Args:
        store: of documents.

    Raises:
        ProblemError: from every method: 404 where the user may not use the template, 403 where too small a role.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def make(self, who: Identity, content: Mapping[str, Any], files: Mapping[str, bytes], *, draft: bool) -> str:
        """Keep a template; its name, which gets a number where a draft's is taken.

        Raises:
            ProblemError: 409 where the name is taken; a draft gets another.
        """
        template = Template.parse(dict(content))
        wanted = template.name if template.name not in RESERVED else f"{template.name}-form"
        with self._store.session() as session:
            own = select(func.count()).select_from(Document).where(Document.owner == who.name)
            if (session.scalar(own.where(Document.kind == TEMPLATE)) or 0) >= MOST_TEMPLATES:
                raise ProblemError(409, "Conflict", f"you have {MOST_TEMPLATES} templates, delete some")
            begin = wanted[: tables.NAME_LENGTH - 4]
            taken = set(session.scalars(select(tables.Template.name).where(tables.Template.name.startswith(begin))))
        name, number = wanted, 1
        while draft and name in taken and number < 999:
            number += 1
            name = f"{begin}-{number}"

        def add(session: Session, row: Document) -> None:
            row.expires = now() + timedelta(days=DRAFT_DAYS) if draft else None
            session.add(tables.Template(document=row.id, name=name, version=1))
            session.flush()
            digests = {each: hashlib.sha256(body).hexdigest() for each, body in files.items()}
            self._add_version(session, row.id, 1, who, {**template.plain(), "name": name}, digests)

        given = [File(each, BytesIO(body)) for each, body in files.items()]
        try:
            self._store.create(who, name, "", given, kind=TEMPLATE, add=add)
        except IntegrityError:
            detail = f"a template is called {name} already, give this one another name"
            raise ProblemError(409, "Conflict", detail) from None
        return name

    def templates(self, who: Identity) -> models.TemplateList:
        """The templates that a user may use, by name."""
        with self._store.session() as session:
            found = session.execute(
                select(tables.Template, tables.TemplateVersion, Document)
                .join(Document, Document.id == tables.Template.document)
                .join(tables.TemplateVersion, tables.TemplateVersion.document == tables.Template.document)
                .where(seen_by(who.name), tables.TemplateVersion.number == tables.Template.version)
                .order_by(tables.Template.name)
            ).all()
            sheets, unsure = counts(session, who)
            return models.TemplateList(
                templates=[
                    _summary(row, version, document, _role(session, document, who)).model_copy(
                        update={"sheets": sheets.get(row.document, 0), "unsure": unsure.get(row.document, 0)}
                    )
                    for row, version, document in found
                ]
            )

    def details(self, name: str, who: Identity, number: int | None = None) -> models.TemplateDetails:
        """A version of a template; None for the newest."""
        with self._store.session() as session:
            row, document = self.allow(session, name, who)
            version = _version(session, row, number)
            summary = _summary(row, version, document, _role(session, document, who))
            sheets, unsure = counts(session, who, row.document)
            update = {"sheets": sheets.get(row.document, 0), "unsure": unsure.get(row.document, 0)}
            lists = sorted(each for each in version.files if each not in _blanks(version.content))
            return models.TemplateDetails(
                **summary.model_copy(update=update).model_dump(),
                user=version.user,
                time=version.time,
                template=version.content,
                lists=[
                    models.ListSummary(name=each, entries=len(self._entries(row.document, version.files[each])))
                    for each in lists
                ],
                drift=drifts(row.figures),
            )

    def put(self, name: str, who: Identity, revision: int, content: dict[str, Any]) -> models.TemplateDetails:
        """Keep what a template says from now on; ProblemError 412 where ``revision`` is not the newest version."""
        template = checked_template(content)
        if template.name != name:
            raise ProblemError(422, "Unprocessable Content", f"name: the template stays {name}")
        with self._store.session() as session:
            row, document = self.allow(session, name, who, "corrector")
            version = _version(session, row, None)
            if row.version != revision:
                raise _outdated(version)
            blanks = _blanks(version.content)
            for page in template.pages:
                if page.blank not in blanks:
                    raise ProblemError(422, "Unprocessable Content", f"{page.blank}: the template has no such page")
            if missing := sorted(template.list_names() - set(version.files)):
                detail = f"{missing[0]}: there is no such list, PUT /forms/{name}/lists/{missing[0]} first"
                raise ProblemError(422, "Unprocessable Content", detail)
            files = {each: digest for each, digest in version.files.items() if each not in blanks}
            files |= {page.blank: version.files[page.blank] for page in template.pages}
            self._next_version(session, row, who, template.plain(), files)
            row.figures, row.drift = {}, 0.0
            document.expires = None
            document.name = name
        return self.details(name, who)

    def put_list(self, name: str, listed: str, who: Identity, body: bytes) -> models.TemplateDetails:
        """Keep a list, one entry a line, in a new version."""
        check_entries(listed, body)
        with self._store.session() as session:
            row, document = self.allow(session, name, who, "corrector")
            version = _version(session, row, None)
            if listed in _blanks(version.content):
                raise ProblemError(422, "Unprocessable Content", f"{listed}: this is a page, choose another name")
            if self._store.is_full(document.owner):
                raise ProblemError(413, "Content Too Large", self._store.full())
            digest = self._store.keep(row.document, body)
            number = session.scalar(select(func.max(Upload.number)).where(Upload.document == row.document)) or 0
            session.add(
                Upload(
                    document=row.document,
                    number=number + 1,
                    name=listed,
                    sha256=digest,
                    bytes=len(body),
                    state="read",
                    pages=0,
                )
            )
            self._next_version(session, row, who, version.content, {**version.files, listed: digest})
        return self.details(name, who)

    def file(self, name: str, who: Identity, number: int | None, *, page: int | None = None, listed: str = "") -> Path:
        """Where the picture of a page, counted from 1, or a list is."""
        with self._store.session() as session:
            row, _ = self.allow(session, name, who)
            version = _version(session, row, number)
            pages = version.content["pages"]
            if page is not None and page > len(pages):
                raise ProblemError(404, "Not Found", f"the form has no page {page}")
            key = listed if page is None else pages[page - 1]["blank"]
            if key not in version.files:
                raise ProblemError(404, "Not Found", f"the template has no list {listed}")
            return self._store.path(row.document, version.files[key])

    def packed(self, name: str, who: Identity, number: int | None, target: Path) -> Path:
        """A zip with YAML, pictures and lists, as ``inkread forms read`` takes them once it is unpacked."""
        with self._store.session() as session:
            row, _ = self.allow(session, name, who)
            version = _version(session, row, number)
        whole = target / f"{name}.zip"
        Template.parse(version.content).save(target / f"{name}.yaml")
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as files:
            files.write(target / f"{name}.yaml", f"{name}.yaml")
            for each, digest in sorted(version.files.items()):
                files.write(self._store.path(row.document, digest), each)
        return whole

    def delete(self, name: str, who: Identity) -> None:
        """Delete a template, and the batches that were read with it.

        Raises:
            ProblemError: 409 where a batch of somebody else, or one of several templates, was read with it.
        """
        with self._store.session() as session:
            row, document = self.allow(session, name, who, "owner", or_admin=True)
            used = select(tables.Sheet.document).where(tables.Sheet.template == row.document)
            batches = session.execute(
                select(Document.id, Document.owner, tables.Batch.template)
                .join(tables.Batch, tables.Batch.document == Document.id)
                .where((tables.Batch.template == row.document) | Document.id.in_(used))
            ).all()
            others = sum(each.owner != document.owner or each.template != row.document for each in batches)
            if others:
                detail = f"{others} batches of other users or of several templates were read with it; delete them first"
                raise ProblemError(409, "Conflict", detail)
        for each in batches:
            self._store.remove(each.id)
        self._store.remove(row.document)

    def document_of(self, name: str, who: Identity) -> str:
        """The document of a template, for its shares."""
        with self._store.session() as session:
            return self.allow(session, name, who)[0].document

    # for batches

    def allow(
        self, session: Session, name: str, who: Identity, least: Role = "reader", *, or_admin: bool = False
    ) -> tuple[tables.Template, Document]:
        """The rows of a template where the user may do that with it; ProblemError 404 or 403 else."""
        row = session.scalars(select(tables.Template).where(tables.Template.name == name)).first()
        missing = ProblemError(404, "Not Found", "there is no such template, or it is not shared with you")
        if row is None:
            raise missing
        try:
            return row, self._store.allow(session, row.document, who, least, or_admin=or_admin)
        except ProblemError as error:
            raise missing if error.status == 404 else error from None

    def usable(self, session: Session, name: str, who: Identity) -> list[tables.Template]:
        """The template of that name, or for "any" all that the user may use and that are no drafts.

        Raises:
            ProblemError: 409 where there is none, or too many to choose among.
        """
        if name != "any":
            return [self.allow(session, name, who)[0]]
        found = list(
            session.scalars(
                select(tables.Template)
                .join(Document, Document.id == tables.Template.document)
                .where(seen_by(who.name), Document.expires.is_(None))
                .order_by(tables.Template.name)
            )
        )
        pages = sum(len(_version(session, row, None).content["pages"]) for row in found)
        if not found or pages > MOST_PAGES:
            detail = f"you may use templates of {pages} pages, 1 to {MOST_PAGES} can be chosen among; name the template"
            raise ProblemError(409, "Conflict", detail)
        return found

    def newest(self, session: Session, row: tables.Template, listed: str) -> tuple[Template, frozenset[str]]:
        """What a template says now, and the entries of one of its lists in small letters."""
        version = _version(session, row, None)
        if listed not in version.files or listed in _blanks(version.content):
            raise ProblemError(404, "Not Found", f"the template has no list {listed}")
        entries = self._entries(row.document, version.files[listed])
        return Template.parse(version.content), frozenset(entry.casefold() for entry in entries)

    def version(self, session: Session, document: str, number: int) -> Version:
        """A version of a template, its files named by their content."""
        row = session.get_one(tables.TemplateVersion, (document, number))
        for digest in row.files.values():
            self._store.path(document, digest)  # fetched, where it lies in a bucket
        return Version(document, number, row.digest, _by_content(row, self._store.folder / document))

    def _next_version(
        self, session: Session, row: tables.Template, who: Identity, content: dict[str, Any], files: Mapping[str, str]
    ) -> None:
        if row.version >= MOST_VERSIONS:
            raise ProblemError(409, "Conflict", f"the template has {MOST_VERSIONS} versions, make a new one")
        row.version += 1
        self._add_version(session, row.document, row.version, who, content, files)

    def _add_version(  # noqa: PLR0913, PLR0917
        self,
        session: Session,
        document: str,
        number: int,
        who: Identity,
        content: dict[str, Any],
        files: Mapping[str, str],
    ) -> None:
        text = json.dumps([content, dict(sorted(files.items()))], sort_keys=True)
        session.add(
            tables.TemplateVersion(
                document=document,
                number=number,
                user=who.name,
                time=now(),
                content=content,
                files=dict(files),
                digest=hashlib.sha256(text.encode()).hexdigest(),
            )
        )
        session.flush()

    def _entries(self, document: str, digest: str) -> list[str]:
        return entries_of(self._store.path(document, digest).read_bytes())


def counts(session: Session, who: Identity, template: str | None = None) -> tuple[dict[str, int], dict[str, int]]:
    """By template: the sheets that were read with it in the user's batches, and their fields that wait."""
    wanted = [seen_by(who.name), tables.Sheet.template != ""]
    if template is not None:
        wanted.append(tables.Sheet.template == template)
    sheets = (
        select(tables.Sheet.template, func.count())
        .join(Document, Document.id == tables.Sheet.document)
        .where(*wanted)
        .group_by(tables.Sheet.template)
    )
    unsure = waiting(select(tables.Sheet.template, func.count()), who).where(*wanted).group_by(tables.Sheet.template)
    return {row[0]: row[1] for row in session.execute(sheets)}, {row[0]: row[1] for row in session.execute(unsure)}


def checked_template(content: object) -> Template:
    """A template as a client gives it; ProblemError 422 where it is none."""
    if isinstance(content, dict) and "folder" in content:
        raise ProblemError(422, "Unprocessable Content", "folder: a template has no such entry")
    template = Template.parse(content)
    for name in template.list_names():
        check_name(name)
    return template


def check_name(name: str) -> None:
    """Raise ProblemError 422 where a file cannot be called so."""
    plain = name.isascii() and name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    if not plain or name.startswith(".") or len(name) > 100:
        raise ProblemError(422, "Unprocessable Content", f"{name[:100]}: a list is named by letters, digits, . - and _")


def entries_of(body: bytes) -> list[str]:
    """The lines of a list that are not empty."""
    return [line for line in (each.strip() for each in body.decode("utf-8", "replace").splitlines()) if line]


def check_entries(name: str, body: bytes) -> None:
    """Raise ProblemError 422 where a list cannot be searched."""
    check_name(name)
    if len(body) > MOST_LIST_BYTES:
        raise ProblemError(413, "Content Too Large", f"a list has at most {MOST_LIST_BYTES} bytes")
    try:
        entries = [line for line in (each.strip() for each in body.decode("utf-8").splitlines()) if line]
        if not entries:
            raise PatternError("the list is empty")
        Pattern.of(tuple(entries), ignore_case=True)
    except UnicodeDecodeError:
        raise ProblemError(422, "Unprocessable Content", f"{name}: the list is not UTF-8 text") from None
    except PatternError as error:
        raise ProblemError(422, "Unprocessable Content", f"{name}: {error}") from None


def _by_content(row: tables.TemplateVersion, folder: Path) -> Template:
    """The template with its files named by their SHA-256."""

    def placed(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: row.files.get(each, each) if key in ("list", "blank") and isinstance(each, str) else placed(each)
                for key, each in value.items()
            }
        return [placed(each) for each in value] if isinstance(value, list) else value

    return Template.parse(placed(row.content), folder)


def _version(session: Session, row: tables.Template, number: int | None) -> tables.TemplateVersion:
    found = session.get(tables.TemplateVersion, (row.document, number or row.version))
    if found is None:
        raise ProblemError(404, "Not Found", f"the template has no version {number}")
    return found


def _blanks(content: Mapping[str, Any]) -> set[str]:
    return {page["blank"] for page in content["pages"]}


def _fields(pages: Iterable[Mapping[str, Any]]) -> int:
    return sum(len(page.get("fields", ())) for page in pages)


def _role(session: Session, document: Document, who: Identity) -> Role:
    return role_of(session, document, who.name) or "reader"


def _summary(
    row: tables.Template, version: tables.TemplateVersion, document: Document, role: Role
) -> models.TemplateSummary:
    return models.TemplateSummary(
        name=row.name,
        title=version.content.get("title", ""),
        state="ready" if document.expires is None else "draft",
        version=version.number,
        owner=document.owner,
        role=role,
        pages=len(version.content["pages"]),
        fields=_fields(version.content["pages"]),
    )


def _outdated(version: tables.TemplateVersion) -> ProblemError:
    return ProblemError(
        412,
        "Precondition Failed",
        f"the template was changed meanwhile by {version.user}; load it and change it again",
        extra={"revision": version.number, "user": version.user, "time": version.time.isoformat()},
    )
