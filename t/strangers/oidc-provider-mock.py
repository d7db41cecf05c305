"""PyPI's oidc-provider-mock, on Authlib and Flask, with its own form."""

import json
import logging
import sys
import threading

import oidc_provider_mock
import werkzeug.serving


def start(cert, key):
    server = werkzeug.serving.make_server(
        "127.0.0.1",
        0,
        oidc_provider_mock.app(require_nonce=True),
        threaded=True,
        ssl_context=(cert, key),
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"url": f"https://localhost:{server.server_port}"}


logging.basicConfig(stream=sys.stderr)
for line in sys.stdin:
    command = json.loads(line)
    assert command.pop("do") == "start"
    print(json.dumps(start(**command)), flush=True)
