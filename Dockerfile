# digest in a container: digest.toml, the store and the pages are in the volume /data.
#
#   docker build --tag digest .
#   docker run --rm --volume digest:/data digest init --source daily-papers
#   docker run --detach --volume digest:/data digest
#
# It answers /metrics, /health and /ready on port 8765: to other containers of its network, and to the host's with
# --publish 127.0.0.1:8765:8765.
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
EXPOSE 8765
# That its loops live; `docker inspect` has the answer. Whoever changes the port says --health-cmd, too.
HEALTHCHECK --interval=1m --timeout=15s --start-period=1m --retries=3 \
    CMD ["python", "-c", "import sys, http.client as h; c = h.HTTPConnection('127.0.0.1', 8765, timeout=10); c.request('GET', '/health'); r = c.getresponse(); print(r.read().decode()); sys.exit(r.status != 200)"]
ENTRYPOINT ["digest"]
CMD ["serve", "--listen", "0.0.0.0:8765"]
