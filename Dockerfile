# docker build -t streamsig . && docker run --rm streamsig

FROM python:3.12-slim AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Install the dependencies from pyproject.toml alone, so that this layer stays in the cache when the source changes.
FROM builder AS dependencies
COPY pyproject.toml .
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        >requirements.txt \
    && pip install --no-cache-dir --no-compile --only-binary :all: --prefix /install -r requirements.txt
# Remove the fifth that is not used: tests, C headers, pyarrow's network server.
RUN cd /install/lib/python3.*/site-packages \
    && find . -type d \( -name tests -o -name include \) -prune -exec rm -r {} + \
    && rm -f pyarrow/*flight*

FROM builder AS application
COPY LICENSE README.md hatch_build.py pyproject.toml ./
COPY docs docs
COPY streamsig streamsig
RUN pip install --no-cache-dir --no-compile --no-deps --prefix /install .

FROM python:3.12-slim
COPY --from=dependencies /install /usr/local
COPY --from=application /install /usr/local
WORKDIR /app
COPY --chmod=644 data.csv config.yaml ./
# Run once as root: the build fails if the image cannot count, and the bytecode that Python writes for each module makes
# later starts fast for every user.
RUN streamsig run data.csv --output - --progress always && chmod 1777 .
# Any user may write the metrics and the log here, also in a --read-only container.
VOLUME /app
USER 65532:65532
ENTRYPOINT ["streamsig"]
CMD ["run", "--input", "data.csv", "--config", "config.yaml", "--output", "metrics.json", "--log-file", "run.log"]
