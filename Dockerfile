# The router without a Kafka of its own: server, worker and commands. docs/containers.md says how it is run.
FROM python:3.11-slim AS build
RUN python -m venv /opt/router
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY topics topics
COPY router router
RUN --mount=type=cache,target=/root/.cache/pip /opt/router/bin/pip install --disable-pip-version-check .

FROM python:3.11-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/router --shell /usr/sbin/nologin router \
  && install --directory --owner=router --group=router --mode=0700 /var/lib/router
COPY --from=build /opt/router /opt/router
ENV PATH=/opt/router/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ROUTER_DATA_DIR=/var/lib/router \
    ROUTER_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/router
EXPOSE 8080 8081
ENTRYPOINT ["router"]
CMD ["--help"]
