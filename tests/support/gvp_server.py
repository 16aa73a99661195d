"""A stand-in for a voice platform's Reporting Server: real HTTP, basic authentication, peaks by five minutes of made-up traffic."""

from __future__ import annotations

import base64
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["USER", "reporting_server"]

USER = ("reports", "sesame")
_STEPS = {"FIVE_MINUTES": 300, "THIRTY_MINUTES": 1800, "HOUR": 3600}


def _moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def _text(moment: int) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S.000Z}"


@contextmanager
def reporting_server(peak: Callable[[str, str, int], tuple[int, int]], asked: list[str], status: int = 200) -> Iterator[str]:
    """The url of a server whose peaks are told by `peak(report, tenant id, beginning)`: how many, and when; `asked` hears each question."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked.append(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            wanted = "Basic " + base64.b64encode(":".join(USER).encode()).decode()
            if self.headers.get("Authorization") != wanted:
                self.send_error(401)
                return
            if status != 200:
                self.send_error(status)
                return
            step = _STEPS[query["granularity"]]
            since, until = _moment(query["from"]), _moment(query["to"])
            since, until = since - since % step, until + (-until) % step
            report = parts.path.rpartition("/")[2]
            rows = []
            for begin in range(since, until, step):
                count, at = peak(report, query.get("tenant-id", ""), begin)
                rows.append(f'<interval start="{_text(begin)}"><peak value="{count}" time="{_text(at)}"/></interval>')
            body = (
                f'<?xml version="1.0" encoding="UTF-8"?><peak-report from="{query["from"]}" to="{query["to"]}">'
                f'<manifest><component name="{report}"/></manifest>{"".join(rows)}</peak-report>'
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
