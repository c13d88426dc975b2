"""The model that prediction serves, and its change while requests run.

Usage: ``models = Models(settings); models.refresh(); served = models.current``

A request keeps the model it began with. A version that cannot be loaded leaves the one before in place.
"""

from __future__ import annotations

import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inkread.bundle import Bundle, is_registered, split_reference
from inkread.errors import InkreadError, RegistryError
from inkread.io.files import write_bytes
from inkread.io.images import Limits
from inkread.server.metrics import MODEL, MODEL_SWAPS
from inkread.server.prediction import tasks
from inkread.server.prediction.drift import Drift
from inkread.server.prediction.workers import Pool
from inkread.server.settings import Settings
from inkread.worker_process import Bounds

if TYPE_CHECKING:
    from inkread.registry import Registry


LAST_SERVED = "served.txt"
SEEDING = "seeding.lock"
HASH_LENGTH = 16


class Served:
    """A loaded model: worker processes that read with it, ended once no request holds it any more.

    Attributes:
        bundle: the model.
        pool: its workers.
        provenance: what they say of themselves.
        uses_language_model: whether they decode with the bundle's language model.
        languages: that a request can name.
        registered: its number in the registry, None for a bundle folder.
        identity: first digits of the hash of its content.
        drift: watches the pages that it reads.
    """

    def __init__(
        self, bundle: Bundle, pool: Pool, hello: tasks.Hello, *, registered: int | None, references: Path
    ) -> None:
        self.bundle = bundle
        self.pool = pool
        self.provenance = hello.provenance
        self.uses_language_model = hello.uses_language_model
        self.languages = hello.languages
        self.registered = registered
        self.name = bundle.model.name
        self.version = bundle.model.version
        self.identity = bundle.identity[:HASH_LENGTH]
        self.drift = Drift(references, self.identity)
        weakref.finalize(self, pool.close)

    @property
    def label(self) -> str:
        """``0.10.0, version 3, 5f1c…``: what tells it from every other model."""
        number = "" if self.registered is None else f", version {self.registered}"
        return f"{self.version}{number}, {self.identity[:8]}"

    @property
    def headers(self) -> dict[str, str]:
        """What every answer says of the model that gave it."""
        registered = {} if self.registered is None else {"X-Inkread-Model-Version": str(self.registered)}
        return {
            "X-Inkread-Model": f"{self.name}/{self.version}",
            "X-Inkread-Model-Hash": self.identity,
            **registered,
        }


class Models:
    """Loads what ``INKREAD_MODEL`` names and follows its alias.

    The bundled model becomes version 1 and the champion of a registry that has no version yet. Where the registry
    cannot be reached at start, the version that was served last is, from the copy in ``settings.home``.

    Raises:
        InkreadError: from `refresh` at start, where there is nothing to serve.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._reference = settings.model
        self._current: Served | None = None
        self._registry: Registry | None = None
        self._changing = threading.Lock()

    @property
    def current(self) -> Served | None:
        """The model that new requests are read with; None before the first `refresh`."""
        return self._current

    def refresh(self) -> bool:
        """Load the version that the reference names now; True where the model changed."""
        with self._changing:
            wanted = self._wanted()
            if self._current is not None and wanted == self._current.registered:
                return False
            try:
                served = self._load(wanted)
            except InkreadError:
                MODEL_SWAPS.labels("failed").inc()
                raise
            self._announce(served)
            return True

    def _wanted(self) -> int | None:
        if not is_registered(self._reference):
            return None
        try:
            name, alias = split_reference(self._reference)
            self._registry = registry = self._registry or _registry(name)
            for entry in registry.put_back():
                structlog.get_logger().warning("alias_moved", detail=entry.why, version=entry.version)
            found = registry.find(alias)
            return self._seed(registry) if found is None and alias == "champion" else found
        except RegistryError as error:
            if self._current is not None:
                raise
            last, _ = self._last_served()
            structlog.get_logger().warning("registry_unreachable", detail=str(error), serving=last)
            return last

    def _seed(self, registry: Registry) -> int | None:
        """Make the bundled model the first champion; of several services that share the home folder one does."""
        import fcntl  # not on Windows, where services do not run

        with (self._settings.home / SEEDING).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            found = registry.champion()
            return registry.seed(Bundle.open().folder) if found is None else found

    def _load(self, registered: int | None) -> Served:
        if registered is None:
            bundle = Bundle.open(None if is_registered(self._reference) else self._reference or None)
        else:
            bundle = Bundle.open(self._fetched(registered))
        settings = self._settings
        bounds = Bounds(settings.page_seconds, settings.reader_mib)
        pool = Pool("reader", settings.readers, tasks.preparing(bundle.folder, settings.threads), bounds)
        pool.start()
        hello: tasks.Hello = pool.call(tasks.introduce)
        return Served(bundle, pool, hello, registered=registered, references=settings.home / "drift")

    def close(self) -> None:
        """End the workers of the model that is served."""
        if self._current is not None:
            self._current.pool.close()

    def _fetched(self, registered: int) -> Path:
        name, _ = split_reference(self._reference)
        bundles = self._settings.bundles
        try:
            return _registry(name).fetch(registered, bundles)
        except RegistryError:
            last, folder = self._last_served()
            if last != registered or folder == bundles:
                raise
            return folder

    def _announce(self, served: Served) -> None:
        if self._current is not None:
            MODEL.labels(self._current.name, self._current.label).set(0)
        MODEL.labels(served.name, served.label).set(1)
        MODEL_SWAPS.labels("succeeded").inc()
        self._current = served
        text = "" if served.registered is None else f"{served.registered} {served.bundle.folder.name}"
        write_bytes(self._settings.home / LAST_SERVED, text.encode())
        structlog.get_logger().info("model", name=served.name, version=served.label)

    def _last_served(self) -> tuple[int | None, Path]:
        """Number and folder of the version that was served last."""
        path = self._settings.home / LAST_SERVED
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        number, _, folder = text.partition(" ")
        return int(number) if number else None, self._settings.bundles / folder


def upload_limits(settings: Settings) -> Limits:
    """What an upload may hold."""
    return Limits(
        max_bytes=int(settings.upload_mib * 2**20),
        max_pixels=int(settings.upload_megapixels * 1e6),
        whole_pixels=int(settings.upload_megapixels * 1e6),
        max_pages=settings.upload_pages,
    )


def document_limits(settings: Settings) -> Limits:
    """What a file of a document may hold."""
    return replace(
        upload_limits(settings), max_bytes=int(settings.document_mib * 2**20), max_pages=settings.document_pages
    )


def _registry(name: str) -> Registry:
    from inkread.registry import Registry

    return Registry(name=name)
