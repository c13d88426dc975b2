"""The model that prediction serves, and its change while requests run.

Usage: ``models = Models(settings); models.refresh(); served = models.current``

A request keeps the model it began with. A version that cannot be loaded leaves the one before in place.
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inkread.bundle import Bundle, is_registered, split_reference
from inkread.errors import BundleError, InkreadError, RegistryError
from inkread.evaluation.drift import Reference, bundled_reference
from inkread.io.files import write_bytes
from inkread.io.images import Limits
from inkread.server.metrics import MODEL, MODEL_SWAPS
from inkread.server.prediction import tasks
from inkread.server.prediction.drift import Drift
from inkread.server.prediction.shadow import Shadow
from inkread.server.prediction.workers import Pool
from inkread.server.settings import Settings
from inkread.worker_process import Bounds

if TYPE_CHECKING:
    from inkread.registry import Registry


LAST_SERVED = "served.txt"
SEEDING = "seeding.lock"
HASH_LENGTH = 16
SHADOW_RETRY_SECONDS = 600.0
"""Until a shadow that could not be loaded, or was given up, is tried again."""


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
        shadow: reads some of them again; None where nothing does.
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
        self.drift = Drift(references, self.identity, _reference(bundle))
        self.shadow: Shadow | None = None
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
        self._shadow: Shadow | None = None
        self._registry: Registry | None = None
        self._opened: weakref.WeakSet[Served] = weakref.WeakSet()
        self._changing = threading.Lock()
        self._changing_shadow = threading.Lock()
        self._closed = False
        self._shadow_problem = ""
        self._shadow_tried: tuple[int, float] = (0, 0.0)

    @property
    def current(self) -> Served | None:
        """The model that new requests are read with; None before the first `refresh`."""
        return self._current

    def refresh(self) -> bool:
        """Load the version that the reference names now; True where the model changed."""
        if len(self._opened) > (self._current is not None) + (self._shadow is not None):
            gc.collect()  # a failed request leaves its error and the frames of its traceback, which refer to each other
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

    def refresh_shadow(self) -> None:
        """Load the version that is to read beside the served one, or end it; what goes wrong is noted, not raised."""
        with self._changing_shadow:
            champion, registry = self._current, self._registry
            if champion is None or registry is None or not self._settings.shadow_share:
                return
            try:
                wanted = registry.find("shadow")
            except RegistryError:
                return  # reads on as it does
            if wanted is None or wanted == champion.registered:
                champion.shadow, self._shadow, self._shadow_problem = None, None, ""
                return
            try:
                self._follow_shadow(champion, wanted)
            except Exception as error:  # whatever it is, the champion reads on
                self._shadow_problem = f"it cannot be loaded: {error}"
                structlog.get_logger().error("shadow_not_loaded", version=wanted, detail=str(error))

    def _follow_shadow(self, champion: Served, wanted: int) -> None:
        known = self._shadow
        number, tried = self._shadow_tried
        broken = self._shadow_problem or (known is not None and known.problem)
        if broken and number == wanted and time.monotonic() < tried + SHADOW_RETRY_SECONDS:
            return
        if known is None or known.reader.registered != wanted or broken:
            champion.shadow = self._shadow = None
            self._shadow_tried, self._shadow_problem = (wanted, time.monotonic()), ""
            reader = self._open(Bundle.open(self._fetched(wanted)), wanted, shadow=True)
        elif champion.shadow is known:
            return
        else:
            reader = known.reader
        settings = self._settings
        tallies = settings.home / "shadow"
        champion.shadow = self._shadow = Shadow(champion.identity, reader, tallies, settings.shadow_share)
        if self._closed:
            reader.pool.close()
        structlog.get_logger().info("shadow", version=reader.label)

    @property
    def shadow_problem(self) -> str:
        """Why the shadow does not read; "" where it does, or where there is none."""
        return self._shadow_problem or (self._shadow.problem if self._shadow else "")

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
        return self._open(bundle, registered)

    def _open(self, bundle: Bundle, registered: int | None, *, shadow: bool = False) -> Served:
        settings = self._settings
        bounds = Bounds(settings.page_seconds, settings.reader_mib)
        if shadow:
            pool = Pool("shadow", 1, partial(tasks.open_reader_quietly, bundle.folder), bounds)
        else:
            pool = Pool("reader", settings.readers, tasks.preparing(bundle.folder, settings.threads), bounds)
        pool.start()
        hello: tasks.Hello = pool.call(tasks.introduce)
        served = Served(bundle, pool, hello, registered=registered, references=settings.home / "drift")
        self._opened.add(served)
        return served

    def close(self) -> None:
        """End the workers of the model that is served, and of its shadow."""
        self._closed = True
        if self._current is not None:
            self._current.pool.close()
        if self._shadow is not None:
            self._shadow.reader.pool.close()

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


def _reference(bundle: Bundle) -> Reference | None:
    """The reference for drift that comes with a model; a damaged one is no reason not to read."""
    try:
        return bundled_reference(bundle)
    except BundleError as error:
        structlog.get_logger().error("drift_reference_damaged", detail=str(error))
        return None


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
