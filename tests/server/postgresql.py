"""A PostgreSQL server of this machine's, in a folder of its own.

Usage: ``with postgresql_server() as server: engine = create_engine(new_database(server))``
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text


def postgresql_programs() -> Path | None:
    """The folder of Debian's newest PostgreSQL, None where none is installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return programs[-1] if programs else None


@contextmanager
def postgresql_server(port: int = 0, databases: Sequence[str] = ()) -> Iterator[str]:
    """The server's URL without a database; it and its data are gone at the end of the block.

    Args:
        port: that it listens on; 0 for any that is free.
        databases: that are made in it.

    Raises:
        FileNotFoundError: PostgreSQL is not installed.
    """
    binaries = postgresql_programs()
    if binaries is None:
        raise FileNotFoundError("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    as_owner: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    data = folder / "data"
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL, "cwd": folder, **as_owner}
    subprocess.run([binaries / "initdb", "-D", data, "-U", "inkread", "-A", "trust", "--no-sync"], **quiet)
    options = f"-c listen_addresses=127.0.0.1 -p {port} -k {folder} -c fsync=off"
    subprocess.run([binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **quiet)
    try:
        for name in databases:
            subprocess.run([binaries / "createdb", "-h", folder, "-p", str(port), "-U", "inkread", name], **quiet)
        yield f"postgresql+psycopg://inkread@127.0.0.1:{port}"
    finally:
        subprocess.run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder)


def new_database(server: str) -> str:
    """Make an empty database; its URL."""
    name = f"test_{secrets.token_hex(6)}"
    engine = create_engine(f"{server}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    return f"{server}/{name}"
