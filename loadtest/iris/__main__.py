"""Serve a scikit-learn iris classifier with KServe's model server on $PORT.

A random forest, fitted at start (0.1 s), answers the V1 protocol:
`POST /v1/models/iris:predict` with `{"instances": [[5.1, 3.5, 1.4, 0.2], …]}` gives
`{"predictions": [0, …]}`. Most of the two seconds until it listens are imports. A prediction
occupies the server's event loop, so a pod computes one request at a time and others wait in it.
"""

import logging
import os
import sys
import warnings

from servingkit.config import EnvReader, exit_code_of


def serve(port: int) -> None:
    """Fit the model and serve it until SIGINT or SIGTERM."""
    # Imported late, so that a bad $PORT is told at once.
    from kserve import ModelServer  # noqa: PLC0415  a second of imports

    from loadtest.iris.model import IrisModel  # noqa: PLC0415  another second

    # FastAPI says so at every request, about a choice of KServe's.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    server = ModelServer(http_port=port, workers=1, enable_grpc=False, enable_latency_logging=False)
    for name in ("kserve", "kserve.trace", "uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
    server.start([IrisModel("iris")])


def main() -> int:
    """Run the server; return 78 when $PORT cannot be used."""
    return exit_code_of(_run)


def _run() -> int:
    environ = EnvReader(os.environ)
    port = environ.integer("PORT", least=1, most=65535)
    environ.check()
    serve(port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
