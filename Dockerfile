# One image a program:
#
#   docker build --target queueproxy -t REGISTRY/inflight/queueproxy:0.1.0 .
#
# and so for activator, autoscaler and controller. An image adds one layer to its base: /site, with
# what its program imports. It runs as a user without rights and on a read-only root.
#
# The layer is the same to the byte from the same commit, base image (give PYTHON_IMAGE a digest) and
# compiler: constraints.txt pins what pip installs, and no file carries a time or a path of its build.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm

# --- the package, its hot path as machine code ---------------------------------------------------
FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore SOURCE_DATE_EPOCH=315532800
# Debian changes a released compiler next to never, and keeps no older one to pin.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
# .dockerignore lets in what the wheel is made of, and nothing else.
COPY . .
RUN PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt \
    HATCH_BUILD_HOOK_ENABLE_MYPYC=1 \
    pip wheel --no-deps --wheel-dir /wheels .

# --- what each program imports -------------------------------------------------------------------
FROM build AS sites
# Of our packages a program gets its own and servingkit; `rm` fails on one that the wheel lacks.
RUN set -eu; \
    for program in activator autoscaler controller queueproxy; do \
        site="/sites/$program/site"; \
        pip install --no-compile --constraint constraints.txt --target "$site" \
            "$(echo /wheels/inflight-*.whl)[$program]"; \
        rm -r "$site/bin"; \
        for package in */; do \
            case "$package" in \
                "$program/" | servingkit/) ;; \
                *) rm -r "${site:?}/$package" ;; \
            esac; \
        done; \
    done
# The sidecar stands in every pod, and knows nothing of clusters and pictures.
RUN rm -r /sites/queueproxy/site/servingkit/cluster /sites/queueproxy/site/servingkit/picture.py
# Symbols for debuggers would be two thirds of the sidecar's layer.
RUN find /sites -name '*.so' -exec strip --strip-debug {} +
# Python's images have no byte code of the standard library, and on a read-only root a program would
# compile all that it loads at each start. So each module that it loads is compiled here. `-m` loads
# runpy, and the first name of a host encodings.idna.
ENV PYTHONPATH=/site PYTHONPYCACHEPREFIX=/site/__pycache__ PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1
RUN set -eu; \
    for program in activator autoscaler controller queueproxy; do \
        ln --symbolic --force --no-dereference "/sites/$program/site" /site; \
        python -c "import encodings.idna, runpy, sys, $program.__main__; \
            files = {getattr(module, '__file__', None) or '' for module in sys.modules.values()}; \
            print(*sorted(file for file in files if file.endswith('.py')), sep='\n')" > /loaded; \
        python -m compileall -q --invalidation-mode unchecked-hash -i /loaded; \
    done; \
    find /sites -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +

# --- images --------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS base
ENV PYTHONPATH=/site PYTHONPYCACHEPREFIX=/site/__pycache__ PYTHONDONTWRITEBYTECODE=1 \
    PYTHONSAFEPATH=1 PYTHONUNBUFFERED=1
USER 65532:65532

FROM base AS activator
COPY --from=sites /sites/activator /
ENTRYPOINT ["python", "-m", "activator"]

FROM base AS autoscaler
COPY --from=sites /sites/autoscaler /
ENTRYPOINT ["python", "-m", "autoscaler"]

FROM base AS controller
COPY --from=sites /sites/controller /
ENTRYPOINT ["python", "-m", "controller"]

FROM base AS queueproxy
COPY --from=sites /sites/queueproxy /
ENTRYPOINT ["python", "-m", "queueproxy"]
