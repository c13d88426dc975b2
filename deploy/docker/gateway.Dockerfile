# syntax=docker/dockerfile:1
# The gateway: log-in, roles, limits, and the way to the other services. Build it at the root of the checkout:
#   docker build --file deploy/docker/gateway.Dockerfile --tag inkread-gateway .
FROM python:3.11-slim-bookworm AS build
ENV PATH=/opt/inkread/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN python -m venv /opt/inkread
# The dependencies before the code: a change of the code does not install them again.
# DVC and pyarrow keep versions of the corrections.
COPY pyproject.toml deploy/docker/requirements.py ./
RUN --mount=type=cache,target=/root/.cache/pip \
    python requirements.py pyproject.toml serve s3 > requirements.txt \
    && python requirements.py pyproject.toml train --only dvc pyarrow >> requirements.txt \
    && pip install --requirement requirements.txt
COPY LICENSE NOTICE README.md dvc.yaml hatch_build.py params.yaml ./
COPY deploy/prometheus/rules deploy/prometheus/rules
COPY deploy/alertmanager/alertmanager.yml deploy/alertmanager/alertmanager.yml
COPY src src
RUN --mount=type=cache,target=/root/.cache/pip pip install --no-deps .

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 inkread \
    && useradd --system --uid 10001 --gid inkread --create-home --home-dir /data inkread
COPY --from=build /opt/inkread /opt/inkread
ENV PATH=/opt/inkread/bin:$PATH \
    HOME=/data \
    INKREAD_HOME=/data \
    INKREAD_CACHE=/data/cache \
    INKREAD_ENVIRONMENT=production \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DVC_NO_ANALYTICS=1 \
    DVC_SITE_CACHE_DIR=/data/cache/dvc \
    GIT_PYTHON_REFRESH=quiet
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["inkread"]
CMD ["serve", "gateway", "--host", "0.0.0.0", "--port", "8000"]
