"""MLflow beside the services of one machine, behind a log-in that the services have.

Usage: ``command, environment, credentials = local_mlflow(home, port)``
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from importlib.util import find_spec
from pathlib import Path

from inkread.errors import SettingsError
from inkread.io.files import write_bytes
from inkread.server.settings import kept_secret

HOST = "127.0.0.1"
USER = "inkread"
LOGIN = "mlflow-login"
"""Folder of the log-in: password, MLflow's users; no part of a backup."""
PASSWORD = "password"
CONFIG = """[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{users}
# a password is hashed once a minute, not with every request
auth_cache_ttl_seconds = 60
"""


def local_mlflow(home: Path, port: int, database: str = "") -> tuple[tuple[str, ...], dict[str, str], dict[str, str]]:
    """The command that starts MLflow, its environment, and the environment of those who may use it.

    Args:
        home: what it keeps is below it.
        port: on loopback.
        database: its SQLAlchemy URL; a SQLite file where not given.

    Raises:
        SettingsError: the package that its log-in needs is missing.
    """
    if find_spec("flask_wtf") is None:
        raise SettingsError("MLflow's log-in needs Flask-WTF: pip install 'inkread[train]'")
    folder, login = home / "mlflow", home / LOGIN
    folder.mkdir(parents=True, exist_ok=True)
    login.mkdir(mode=0o700, exist_ok=True)
    password = kept_secret(login, PASSWORD)
    write_bytes(login / "config.ini", CONFIG.format(users=login / "users.db").encode())
    if not (login / f"users-{_short(password)}").exists():  # MLflow keeps the first password: another one, other users
        for former in (login / "users.db", *login.glob("users-*")):
            former.unlink(missing_ok=True)
        write_bytes(login / f"users-{_short(password)}", b"")
    command = (
        *(sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", database or f"sqlite:///{folder / 'mlflow.db'}"),
        *("--artifacts-destination", str(folder / "artifacts")),
        *("--app-name", "basic-auth"),
    )
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # else it takes 10 processes and 2.3 GB
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_AUTH_CONFIG_PATH": str(login / "config.ini"),
        "MLFLOW_AUTH_ADMIN_USERNAME": USER,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_urlsafe(32),
    }
    return command, environment, {"MLFLOW_TRACKING_USERNAME": USER, "MLFLOW_TRACKING_PASSWORD": password}


def _short(password: str) -> str:
    return hashlib.sha256(password.encode()).hexdigest()[:16]
