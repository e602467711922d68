# digest in a container: digest.toml, the store and the pages are in the volume /data.
#
#   docker build --tag digest .
#   docker run --rm --volume digest:/data digest init --source daily-papers
#   docker run --detach --volume digest:/data digest
#
# A folder of the host in place of the volume has to belong to user 10001.

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY digest digest
COPY templates templates
COPY seeds seeds
RUN python -m venv /opt/digest
RUN /opt/digest/bin/pip install --quiet --no-cache-dir --disable-pip-version-check \
    --constraint constraints.txt ".[postgres]"

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /data --create-home digest
COPY --from=build /opt/digest /opt/digest
ENV PATH=/opt/digest/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /data
VOLUME /data
# The configuration can be read and the store opened; that `serve` lives, the container shows by running.
HEALTHCHECK --interval=5m --timeout=30s --start-period=1m --retries=3 CMD ["digest", "store", "--quiet"]
ENTRYPOINT ["digest"]
CMD ["serve"]
