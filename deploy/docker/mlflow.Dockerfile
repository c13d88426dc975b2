# syntax=docker/dockerfile:1
# MLflow: runs and the registry of models, in PostgreSQL. Build it at the root of the checkout:
#   docker build --file deploy/docker/mlflow.Dockerfile --tag inkread-mlflow .
FROM python:3.11-slim-bookworm AS build
ENV PATH=/opt/inkread/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/inkread
# MLflow and the driver of the database in the versions that the package itself asks for.
COPY pyproject.toml deploy/docker/requirements.py ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python requirements.py pyproject.toml serve train --only mlflow psycopg flask-wtf > requirements.txt \
    && pip install --requirement requirements.txt

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 inkread \
    && useradd --system --uid 10001 --gid inkread --create-home --home-dir /data inkread
COPY --from=build /opt/inkread /opt/inkread
COPY deploy/docker/mlflow.ini /etc/inkread/mlflow.ini
# Without the first it takes 10 processes and 2.3 GB; to hosts that are not named it answers 403.
ENV MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false \
    MLFLOW_DISABLE_TELEMETRY=true \
    MLFLOW_AUTH_CONFIG_PATH=/etc/inkread/mlflow.ini \
    MLFLOW_SERVER_ALLOWED_HOSTS=mlflow:5000,localhost:5000,127.0.0.1:5000 \
    PATH=/opt/inkread/bin:$PATH \
    HOME=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GIT_PYTHON_REFRESH=quiet
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/health', timeout=4)"]
# MLFLOW_BACKEND_STORE_URI names the database, MLFLOW_AUTH_ADMIN_PASSWORD the password, MLFLOW_FLASK_SERVER_SECRET_KEY signs
ENTRYPOINT ["mlflow"]
CMD ["server", "--host", "0.0.0.0", "--port", "5000", "--workers", "1", "--artifacts-destination", "/data/artifacts", "--app-name", "basic-auth"]
