# One image a program:
#
#   docker build --target queueproxy -t REGISTRY/inflight/queueproxy:0.1.0 .
#
# and so for activator, autoscaler and controller. Reproducible from a commit when PYTHON_IMAGE has a
# digest: dependencies are pinned in constraints.txt, byte code carries hashes instead of times. An
# image holds what its program imports, runs as a user without rights and on a read-only root.

ARG PYTHON_IMAGE=python:3.12-slim-bookworm

# --- the package, its hot path as machine code ---------------------------------------------------
FROM ${PYTHON_IMAGE} AS build
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 SOURCE_DATE_EPOCH=315532800
# The compiler does not reach an image, so its version need not be pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY servingkit servingkit
COPY queueproxy queueproxy
COPY activator activator
COPY autoscaler autoscaler
COPY controller controller
COPY inflight inflight
COPY loadtest loadtest
RUN PIP_CONSTRAINT=/source/constraints.txt PIP_BUILD_CONSTRAINT=/source/constraints.txt \
    HATCH_BUILD_HOOK_ENABLE_MYPYC=1 \
    pip wheel --no-deps --wheel-dir /wheels .

# --- what each program imports -------------------------------------------------------------------
FROM build AS queueproxy-site
WORKDIR /site
RUN pip install --constraint /source/constraints.txt --target . "$(echo /wheels/inflight-*.whl)[queueproxy]" \
 && rm -rf bin activator autoscaler controller inflight loadtest servingkit/cluster \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM build AS activator-site
WORKDIR /site
RUN pip install --constraint /source/constraints.txt --target . "$(echo /wheels/inflight-*.whl)[activator]" \
 && rm -rf bin queueproxy autoscaler controller inflight loadtest \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM build AS autoscaler-site
WORKDIR /site
RUN pip install --constraint /source/constraints.txt --target . "$(echo /wheels/inflight-*.whl)[autoscaler]" \
 && rm -rf bin queueproxy activator controller inflight loadtest \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM build AS controller-site
WORKDIR /site
RUN pip install --constraint /source/constraints.txt --target . "$(echo /wheels/inflight-*.whl)[controller]" \
 && rm -rf bin queueproxy activator autoscaler inflight loadtest \
 && python -m compileall -q --invalidation-mode unchecked-hash .

# --- images --------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS base
ENV PYTHONPATH=/site PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532

FROM base AS activator
COPY --from=activator-site /site /site
ENTRYPOINT ["python", "-m", "activator"]

FROM base AS autoscaler
COPY --from=autoscaler-site /site /site
ENTRYPOINT ["python", "-m", "autoscaler"]

FROM base AS controller
COPY --from=controller-site /site /site
ENTRYPOINT ["python", "-m", "controller"]

FROM base AS queueproxy
COPY --from=queueproxy-site /site /site
ENTRYPOINT ["python", "-m", "queueproxy"]
