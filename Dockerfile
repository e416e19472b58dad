# syntax=docker/dockerfile:1
# Build:  docker build -t drawbar .
# Run:    docker run --read-only --tmpfs /tmp -v drawbar-var:/var/lib/drawbar \
#           -v ./adapters:/etc/drawbar/adapters:ro -v ./config:/etc/drawbar/config:ro -p 8321:8321 drawbar

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
RUN python -m venv /opt/drawbar
COPY requirements.lock ./
RUN /opt/drawbar/bin/python -m pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md ./
COPY src ./src
COPY adapters ./adapters
COPY config ./config
RUN /opt/drawbar/bin/python -m pip install --no-deps --no-build-isolation . \
    && /opt/drawbar/bin/python -m pip uninstall --yes pip hatchling editables \
    && /opt/drawbar/bin/python -m compileall -q /opt/drawbar/lib

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="drawbar" \
      org.opencontainers.image.description="Lets a language model call the systems you already run."
RUN python -m pip uninstall --yes pip \
    && mkdir -p /etc/drawbar/adapters /etc/drawbar/config /var/lib/drawbar \
    && chown 10001:10001 /var/lib/drawbar
COPY --from=build /opt/drawbar /opt/drawbar
ENV PATH=/opt/drawbar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DRAWBAR_SETTINGS=/etc/drawbar/config/drawbar.yaml \
    DRAWBAR_LISTEN__HOST=0.0.0.0 \
    DRAWBAR_STORE=sqlite:////var/lib/drawbar/drawbar.db
USER 10001:10001
WORKDIR /var/lib/drawbar
VOLUME ["/var/lib/drawbar"]
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import sys, urllib.request; sys.exit(urllib.request.urlopen('http://127.0.0.1:8321/healthz', timeout=2).status != 200)"]
ENTRYPOINT ["drawbar"]
CMD ["serve"]
