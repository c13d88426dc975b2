"""What a service can be told, from the environment.

Usage: ``settings = load_settings()``, with ``INKREAD_HOME=/data`` and so on in the environment
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from inkread.errors import SettingsError

PREFIX = "INKREAD_"
SECRET_LENGTH = 32
SECRET_FILE = "secret"
ALERTS = "alerts"
"""Purpose of the key with which Alertmanager comes to the gateway."""
RESTORE = ".restore"
"""In the home folder while a backup is being restored into it."""
SERVICES = ("gateway", "ingestion", "training", "prediction")
PORTS = {"gateway": 8000, "ingestion": 8100, "training": 8200, "prediction": 8300, "mlflow": 5000}


class Settings(BaseSettings):
    """Settings that all services share; each stands in the environment as ``INKREAD_<NAME>``.

    Attributes:
        environment: ``development`` listens on loopback only and knows the demo users; ``production`` needs a secret.
        home: folder for everything a service keeps.
        secret: signs tokens, at least 32 characters; in development one is made and kept in ``home``.
        database_url: users and roles (SQLAlchemy URL); a SQLite file in ``home`` where not given.
        mlflow_database_url: MLflow's database, for `inkread up`, backup and upgrade; a SQLite file where not given.
        jobs_home: home folder of ingestion and training, with the versions of corrections and data set; ``home`` where
            not given.
        jobs_database_url: jobs and schedules; a SQLite file in ``home`` where not given.
        limits_url: where rate limits are counted, ``memory://`` or, for several gateways, ``redis://host:6379``.
        model: bundle folder or ``models:/inkread@champion``; the bundled model where not given.
        model_poll_seconds: how often prediction looks for a newly promoted version.
        shadow_share: of the pages, that the version with the alias ``shadow`` reads too; 0 for none.
        prediction_replicas: prediction services that `inkread up` starts.
        decoders: processes that decode and render uploads; one user's uploads leave one of them for others.
        decode_seconds, decode_mib: computing time and memory that decoding one page may take.
        readers: processes that read pages, each with the model.
        page_seconds, reader_mib: computing time and memory that reading one page may take.
        threads: of the networks in each reader; None takes the processors.
        queue_pages: pages that may wait in prediction; more are answered with 429.
        batch_pages: pages that are read together at most.
        request_seconds: longest time a request may take in prediction.
        idle_seconds: longest time a client may leave an upload without sending anything.
        upload_mib, upload_pages, upload_megapixels: largest upload; pages of one file, pixels of one page.
        archive_mib: largest archive that ingestion takes.
        documents_folder: pictures of the documents that users keep; a folder in ``home`` where not given.
        documents_bucket: S3-compatible bucket of these pictures, ``s3://bucket/prefix``; the folder then holds copies
            of those used in the last hour.
        document_mib, document_pages: largest upload that makes a document, and most pages of a document.
        documents_at_once: pages of documents that a gateway has read at a time.
        document_days: days until a document is deleted; None keeps documents.
        storage_mib: pictures and files that the documents of one user may take.
        private_webhooks: whether webhooks may call addresses of this machine or of a private network.
        token_minutes: life of a token.
        session_hours: how long a log-in on the web page can be renewed by using it.
        rate_limit: requests one user may make, in the notation of the ``limits`` library.
        keep_uploads: which archives stay on the disk when their job has ended: all, those of failed jobs, or none.
        ingest_folders: folders on the server that ingestion may read, separated by ``:``.
        retrain_schedule, health_schedule: crontab lines (UTC); empty for never.
        executor: name of this job worker; each worker needs its own.
        allowed_hosts: names under which the gateway may be addressed, separated by commas; empty for any.
        trusted_proxies: addresses or networks of proxies whose X-Forwarded headers count, separated by commas.
        public_metrics, public_docs: whether the gateway's port shows /metrics, /docs and /openapi.json in production.
        metrics_port: another port for the gateway's metrics; 0 for none.
        traces_url: OpenTelemetry collector (OTLP over HTTP) that traces of requests are sent to; empty for none.
        alert_webhook: where the Alertmanager of ``inkread up`` sends alerts; where not given, it only shows them.
        gateway_url, ingestion_url, training_url, prediction_url: where the services are; prediction may be at several
            addresses, separated by commas.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True)

    environment: Literal["development", "production"] = "development"
    home: Path = Path.home() / ".local" / "share" / "inkread"
    secret: SecretStr = SecretStr("")
    database_url: str = ""
    jobs_home: Path | None = None
    jobs_database_url: str = ""
    mlflow_database_url: str = ""
    limits_url: str = "memory://"
    model: str = ""
    model_poll_seconds: float = Field(10.0, gt=0)
    shadow_share: float = Field(0.1, ge=0, le=1)
    prediction_replicas: int = Field(1, ge=1, le=16)
    decoders: int = Field(3, ge=1)
    decode_seconds: float = Field(20.0, gt=0)
    decode_mib: int = Field(2048, ge=128)
    readers: int = Field(2, ge=1)
    page_seconds: float = Field(60.0, gt=0)
    reader_mib: int = Field(4096, ge=256)
    threads: int | None = Field(None, ge=1)
    queue_pages: int = Field(64, ge=1)
    batch_pages: int = Field(8, ge=1)
    request_seconds: float = Field(120.0, gt=0)
    idle_seconds: float = Field(20.0, gt=0)
    upload_mib: float = Field(64.0, gt=0)
    upload_pages: int = Field(200, ge=1)
    upload_megapixels: float = Field(80.0, gt=0)
    archive_mib: float = Field(4096.0, gt=0)
    documents_folder: Path | None = None
    documents_bucket: str = ""
    document_mib: float = Field(512.0, gt=0)
    document_pages: int = Field(2000, ge=1)
    documents_at_once: int = Field(2, ge=1)
    document_days: float | None = Field(None, gt=0)
    storage_mib: float = Field(10_240.0, gt=0)
    private_webhooks: bool = False
    token_minutes: float = Field(15.0, gt=0)
    session_hours: float = Field(12.0, gt=0)
    rate_limit: str = "600/minute"
    keep_uploads: Literal["all", "failed", "none"] = "all"
    ingest_folders: Annotated[tuple[Path, ...], NoDecode] = ()
    retrain_schedule: str = "0 3 1 * *"
    health_schedule: str = "*/5 * * * *"
    executor: str = ""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: str = ""
    public_metrics: bool = False
    public_docs: bool = False
    metrics_port: int = Field(0, ge=0, le=65_535)
    traces_url: str = ""
    alert_webhook: str = ""
    gateway_url: str = f"http://127.0.0.1:{PORTS['gateway']}"
    ingestion_url: str = f"http://127.0.0.1:{PORTS['ingestion']}"
    training_url: str = f"http://127.0.0.1:{PORTS['training']}"
    prediction_url: str = f"http://127.0.0.1:{PORTS['prediction']}"

    @field_validator("ingest_folders", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split_hosts(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @property
    def development(self) -> bool:
        """Whether this is a developer's own machine."""
        return self.environment == "development"

    @property
    def users_url(self) -> str:
        """SQLAlchemy URL of the users."""
        return self.database_url or f"sqlite:///{self.home / 'users.db'}"

    @property
    def jobs_url(self) -> str:
        """SQLAlchemy URL of jobs and schedules."""
        return self.jobs_database_url or f"sqlite:///{self.home / 'jobs.db'}"

    @property
    def mlflow_url(self) -> str:
        """SQLAlchemy URL of MLflow's database."""
        return self.mlflow_database_url or f"sqlite:///{self.home / 'mlflow' / 'mlflow.db'}"

    @property
    def documents(self) -> Path:
        """Where pictures of documents are."""
        return self.documents_folder or self.home / "documents"

    @property
    def jobs_folder(self) -> Path:
        """Where versions of corrections and data set are, and the project that jobs work in."""
        return self.jobs_home or self.home

    @property
    def bundles(self) -> Path:
        """Where bundles of the registry are kept."""
        return self.home / "bundles"

    @property
    def pipeline(self) -> Path:
        """The DVC project that jobs work in."""
        return self.home / "pipeline"

    def service_url(self, service: str) -> str:
        """Where a service is; the first of several."""
        return self.service_urls(service)[0]

    def service_urls(self, service: str) -> tuple[str, ...]:
        """Where a service is, several times in the case of prediction."""
        return tuple(url.strip().rstrip("/") for url in str(getattr(self, f"{service}_url")).split(","))

    def key(self, purpose: str) -> str:
        """A key for one purpose, derived from the secret, so that none serves two."""
        secret = self.secret.get_secret_value().encode()
        return hmac.new(secret, purpose.encode(), hashlib.sha256).hexdigest()


def load_settings(host: str = "127.0.0.1") -> Settings:
    """Read the environment and refuse what is not safe for a service that listens on ``host``.

    Raises:
        SettingsError: a value is wrong, the secret is missing or short in production, or a development service would
            be reachable from other machines.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + str(first["loc"][0]).upper() if first["loc"] else "the environment"
        raise SettingsError(f"{name}: {first['msg']}") from None
    if settings.development and not is_loopback(host):
        raise SettingsError(
            f"a development service listens on loopback only, not on {host}; "
            "set INKREAD_ENVIRONMENT=production and INKREAD_SECRET, or leave out --host"
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    if (settings.home / RESTORE).exists():
        raise SettingsError(f"{settings.home}: a restore was interrupted, run inkread admin restore again")
    if not settings.secret.get_secret_value() and settings.development:
        return settings.model_copy(update={"secret": SecretStr(kept_secret(settings.home, SECRET_FILE))})
    if len(set(settings.secret.get_secret_value())) < SECRET_LENGTH // 4 or (
        len(settings.secret.get_secret_value()) < SECRET_LENGTH
    ):
        raise SettingsError(
            f"INKREAD_SECRET must be random and have at least {SECRET_LENGTH} characters: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))" prints one'
        )
    return settings


def is_loopback(host: str) -> bool:
    """``is_loopback("127.0.0.1")``: whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def kept_secret(home: Path, name: str) -> str:
    """The secret in a file of a folder; services that start together agree on one, because a link is made only once."""
    path = home / name
    if not path.exists():
        made = home / f".{secrets.token_hex(8)}.part"
        made.touch(mode=0o600)
        made.write_text(secrets.token_urlsafe(48), encoding="utf-8")
        try:
            os.link(made, path)
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text(encoding="utf-8")
