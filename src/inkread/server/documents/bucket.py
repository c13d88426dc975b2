"""Files of documents in an S3-compatible bucket, of which the folder of documents then holds copies for a while.

Usage: ``bucket = Bucket("s3://scans/inkread"); bucket.put("3f2a", digest, path)``

The endpoint and the keys come from the usual environment variables (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID``,
``AWS_SECRET_ACCESS_KEY``, ``AWS_REGION``) or from the machine's role. Objects are named as the files of the folder:
the document, and the SHA-256 of the content.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from inkread.errors import SettingsError
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings

SCHEME = "s3://"
CONNECT, REQUEST = timedelta(seconds=3), timedelta(seconds=60)
TRIES = timedelta(seconds=10)
"""For how long a request is tried again."""
REGION = "us-east-1"
"""What S3-compatible servers expect where no region is named."""
AWAY = "the bucket of documents cannot be reached, try again"


class BucketAwayError(ProblemError):
    """The bucket does not answer, or refuses; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(503, "Service Unavailable", AWAY, {"Retry-After": "5"})


class Bucket:
    """A bucket, or what is below a prefix of one.

    Args:
        url: ``s3://bucket`` or ``s3://bucket/prefix``.

    Raises:
        SettingsError: it is no such URL, or obstore is not installed.
        BucketAwayError: from every method.
    """

    def __init__(self, url: str) -> None:
        if not url.removeprefix(SCHEME).strip("/") or not url.startswith(SCHEME):
            raise SettingsError(
                f"INKREAD_DOCUMENTS_BUCKET: {url} is no bucket, write s3://bucket or s3://bucket/prefix"
            )
        try:
            import obstore
            from obstore import exceptions
            from obstore.store import S3Store
        except ImportError:
            raise SettingsError(
                "INKREAD_DOCUMENTS_BUCKET needs obstore, install it with pip install 'inkread[s3]'"
            ) from None
        self._obstore, self._errors = obstore, exceptions
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
        named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        options: dict[str, Any] = {"endpoint": endpoint} if endpoint else {}
        self._store = S3Store.from_url(
            url.rstrip("/"),
            region=named or REGION,
            client_options={
                "connect_timeout": CONNECT,
                "timeout": REQUEST,
                "allow_http": endpoint.startswith("http://"),
            },
            retry_config={"max_retries": 2, "retry_timeout": TRIES},
            **options,
        )

    def check(self) -> None:
        """Return if it answers."""
        with self._asking():
            next(iter(self._obstore.list(self._store, chunk_size=1)), None)

    def put(self, document: str, name: str, content: Path | bytes) -> None:
        """Keep a file of a document."""
        with self._asking():
            self._obstore.put(self._store, f"{document}/{name}", content)

    def fetch(self, document: str, name: str, target: Path) -> None:
        """Write a file of a document into a local one; FileNotFoundError where there is none."""
        with self._asking():
            try:
                answer = self._obstore.get(self._store, f"{document}/{name}")
            except (self._errors.NotFoundError, FileNotFoundError):
                raise FileNotFoundError(f"{document}/{name}") from None
            with target.open("xb") as stream:
                for chunk in answer.stream():
                    stream.write(chunk)

    def has(self, document: str, name: str) -> bool:
        """Whether a file of a document is there."""
        with self._asking():
            try:
                self._obstore.head(self._store, f"{document}/{name}")
            except (self._errors.NotFoundError, FileNotFoundError):
                return False
            return True

    def remove(self, document: str, name: str = "") -> None:
        """Remove a file of a document, or all of them."""
        with self._asking():
            found = [f"{document}/{name}"] if name else [path for path, _ in self._list(document)]
            if found:
                self._obstore.delete(self._store, found)

    def files(self) -> Iterator[tuple[str, str, datetime]]:
        """Document and name of each file, and when it was kept."""
        with self._asking():
            for path, changed in self._list(None):
                document, _, name = path.partition("/")
                yield document, name, changed

    def _list(self, prefix: str | None) -> Iterator[tuple[str, datetime]]:
        for chunk in self._obstore.list(self._store, prefix):
            for item in chunk:
                yield item["path"], item["last_modified"]

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except self._errors.BaseError as error:
            structlog.get_logger().warning("bucket_away", detail=str(error).splitlines()[0])
            raise BucketAwayError from None


def open_bucket(settings: Settings) -> Bucket | None:
    """The bucket that the settings name; None where files lie in the folder only."""
    return Bucket(settings.documents_bucket) if settings.documents_bucket else None
