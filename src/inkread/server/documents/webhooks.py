"""Webhooks: a POST to an address that the owner of a document gave, once it was read.

Usage: ``webhooks.check("https://example.org/hook")``; ``await webhooks.send_next()``

The address may be anywhere but in a private network, so that a user cannot make the gateway call what only the gateway
can reach. What is checked is what is called: the name is resolved once, and the request goes to that address.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import structlog
from sqlalchemy import select, update

from inkread.server.documents.store import Store, now
from inkread.server.documents.tables import Document
from inkread.server.problems import ProblemError
from inkread.server.settings import Settings
from inkread.server.tokens import Identity

SECONDS = 10.0
MOST_TRIES = 5
PAUSE = timedelta(seconds=15)
MOST_LENGTH = 2000


class Webhooks:
    """Sends them.

    Args:
        settings: whether private addresses may be called.
        store: the documents.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._private = settings.private_webhooks
        self._store = store

    def check(self, url: str) -> None:
        """Raise ProblemError 422 where it may not be called."""
        try:
            self._resolve(url)
        except ValueError as error:
            raise ProblemError(422, "Unprocessable Content", f"webhook: {error}") from None

    async def send_next(self) -> bool:
        """Send one that is due; whether there was one."""
        due = await asyncio.to_thread(self._take)
        if due is None:
            return False
        document, url, tries = due
        try:
            summary = await asyncio.to_thread(self._store.summary, document, Identity("", "admin"))
            await self._post(url, summary.model_dump_json(exclude={"role"}).encode())
        except ProblemError:
            return True  # deleted meanwhile
        except (ValueError, httpx2.HTTPError) as error:
            structlog.get_logger().warning("webhook_failed", document=document, tries=tries, detail=str(error))
            return True
        await asyncio.to_thread(self._done, document)
        return True

    def _take(self) -> tuple[str, str, int] | None:
        """A document whose webhook is due, which is due again later in case this gateway ends meanwhile."""
        with self._store.session() as session:
            row = session.scalars(
                select(Document).where(Document.webhook != "", Document.webhook_due < now()).limit(1)
            ).first()
            if row is None:
                return None
            tries = row.webhook_tries + 1
            taken = session.execute(
                update(Document)
                .where(Document.id == row.id, Document.webhook_tries == row.webhook_tries)
                .values(webhook_tries=tries, webhook_due=now() + PAUSE * 2**tries if tries < MOST_TRIES else None)
            )
            return (row.id, row.webhook, tries) if taken.rowcount else None  # type: ignore[attr-defined]

    def _done(self, document: str) -> None:
        with self._store.session() as session:
            session.execute(update(Document).where(Document.id == document).values(webhook_due=None))

    async def _post(self, url: str, body: bytes) -> None:
        host, address = await asyncio.to_thread(self._resolve, url)
        parts = urlsplit(url)
        shown = f"[{address}]" if ":" in address else address
        port = f":{parts.port}" if parts.port else ""
        target = parts._replace(netloc=shown + port).geturl()
        headers = {"Host": host + port, "Content-Type": "application/json"}
        async with asyncio.timeout(SECONDS), httpx2.AsyncClient(trust_env=False) as client:
            request = client.build_request(
                "POST", target, content=body, headers=headers, extensions={"sni_hostname": host}, timeout=SECONDS
            )
            answer = await client.send(request, stream=True)
            await answer.aclose()
        if not answer.is_success:
            raise ValueError(f"it answered {answer.status_code}")

    def _resolve(self, url: str) -> tuple[str, str]:
        """Host and address of a URL that may be called; ValueError else."""
        parts = urlsplit(url)
        if len(url) > MOST_LENGTH or parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("an http or https address without a user name is called")
        try:
            found = socket.getaddrinfo(parts.hostname, parts.port or 80, type=socket.SOCK_STREAM)
        except OSError:
            raise ValueError(f"{parts.hostname} cannot be found") from None
        addresses = [str(item[4][0]) for item in found]
        if not self._private and not all(ipaddress.ip_address(address).is_global for address in addresses):
            raise ValueError(f"{parts.hostname} is in a private network, which is not called")
        return parts.hostname, addresses[0]
