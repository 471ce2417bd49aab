# The engine as a wheel on a slim Python, run by an ordinary user.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir build && python -m build --wheel --outdir /wheels

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home /var/lib/isthmus --create-home isthmus
COPY requirements.lock /tmp/requirements.lock
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock
COPY --from=build /wheels/*.whl /tmp/
RUN pip install --no-cache-dir --no-deps /tmp/*.whl && rm -f /tmp/*.whl
# a volume mounted where nothing is would belong to root
RUN install -d -o isthmus -g isthmus /var/lib/isthmus/data
USER isthmus
WORKDIR /var/lib/isthmus
ENV ISTHMUS_DATA=/var/lib/isthmus/data
EXPOSE 2575 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/livez', timeout=2)"
ENTRYPOINT ["isthmus"]
CMD ["run", "--http", "0.0.0.0:8080"]
