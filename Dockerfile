# syntax=docker/dockerfile:1
# Build:  docker build -t drawbar .
# Run:    docker run --read-only --tmpfs /tmp -v drawbar-var:/var/lib/drawbar \
#           -v ./adapters:/etc/drawbar/adapters:ro -v ./config:/etc/drawbar/config:ro -p 8321:8321 drawbar
#         It can be reached from outside, so its settings must have no `anonymous`; docker exec ... drawbar keys
#         create makes keys.
# `make image-replay` carries these steps out without a container engine and starts what comes of it.

FROM python:3.13-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv --without-pip /opt/drawbar
COPY requirements.lock requirements-build.lock ./
RUN python -m pip --python /opt/drawbar/bin/python install --require-hashes -r requirements.lock \
    && python -m pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY tools/wheel.py ./tools/
COPY src ./src
COPY adapters ./adapters
COPY config ./config
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /build/dist . \
    && python -m pip --python /opt/drawbar/bin/python install --no-deps /build/dist/*.whl

FROM python:3.13-slim-bookworm
LABEL org.opencontainers.image.title="drawbar" \
      org.opencontainers.image.description="Lets a language model call the systems you already run." \
      org.opencontainers.image.licenses="Apache-2.0"
RUN python -m pip uninstall --yes --root-user-action=ignore pip \
    && rm -rf /usr/local/lib/python3.*/ensurepip \
    && mkdir -p /etc/drawbar/adapters /etc/drawbar/config /var/lib/drawbar \
    && chown 10001:10001 /var/lib/drawbar
COPY --from=build /opt/drawbar /opt/drawbar
ENV PATH=/opt/drawbar/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DRAWBAR_SETTINGS=/etc/drawbar/config/drawbar.yaml \
    DRAWBAR_LISTEN__HOST=0.0.0.0 \
    DRAWBAR_LISTEN__PORT=8321 \
    DRAWBAR_STORE=sqlite:////var/lib/drawbar/drawbar.db
USER 10001:10001
WORKDIR /var/lib/drawbar
VOLUME ["/var/lib/drawbar"]
EXPOSE 8321
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['DRAWBAR_LISTEN__PORT']), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["drawbar"]
CMD ["serve"]
