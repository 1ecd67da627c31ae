# docker build -t streamsig . && docker run --rm streamsig

FROM python:3.12-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# what streamsig needs, from pyproject.toml alone: a change of the source leaves this layer in the cache
FROM builder AS dependencies
COPY pyproject.toml .
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        >requirements.txt \
    && pip install --no-cache-dir --no-compile --only-binary :all: --prefix /install -r requirements.txt
# a fifth of it goes unused: tests, headers to compile against, pyarrow's network server
RUN cd /install/lib/python3.*/site-packages \
    && find . -type d \( -name tests -o -name include \) -prune -exec rm -r {} + \
    && rm -f pyarrow/*flight*

FROM builder AS application
COPY LICENSE README.md hatch_build.py pyproject.toml ./
COPY streamsig streamsig
RUN pip install --no-cache-dir --no-compile --no-deps --prefix /install .

FROM python:3.12-slim
COPY --from=dependencies /install /usr/local
COPY --from=application /install /usr/local
WORKDIR /app
COPY --chmod=644 data.csv config.yaml ./
# a first run, as root: an image that cannot do its job is not built, and the bytecode that Python
# leaves beside each module it used makes later starts fast, whoever the user is
RUN streamsig run data.csv --output - --progress always && chmod 1777 .
# any user may write the metrics and the log here, in a --read-only container too
VOLUME /app
USER 65532:65532
ENTRYPOINT ["streamsig"]
CMD ["run", "--input", "data.csv", "--config", "config.yaml", "--output", "metrics.json", "--log-file", "run.log"]
