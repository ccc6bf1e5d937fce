"""A loopback server that serves well or badly, a cache, small archives, and blocks of ``params.yaml``."""

import io
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from pipeline.params.dataset import Dataset


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        server.asked.append(self.path)
        server.ranges.append(self.headers.get("Range"))
        behaviours = server.routes.get(self.path, [404])
        behaviour = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        if isinstance(behaviour, int):
            self.send_error(behaviour)
        elif isinstance(behaviour, bytes):
            self._send(behaviour, len(behaviour))
        else:
            name, content = behaviour
            if name == "cut":  # the length is stated, half the bytes come
                self._send(content[: len(content) // 2], len(content))
            elif name == "cut silently":  # no length is stated
                self._send(content[: len(content) // 2], None)
            elif name == "resumable":  # an object with bytes, a version, and how many to send before the line is cut
                self._send_from(content)
            elif name == "slow":
                time.sleep(0.3)
                self._send(content, len(content))
            elif name == "stall":
                self._send(content[: len(content) // 2], len(content))
                server.stopping.wait()

    def _send(self, content, length):
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _send_from(self, content):
        data, version, most = content
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range") in (None, version):
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            start = 0
            self.send_response(200)
        self.send_header("ETag", version)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start : start + most])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(monkeypatch):
    """`server.routes[path] = [behaviour, ...]`: each is used once, the last one for ever; `server.url(path)` is an address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    httpd.routes, httpd.asked, httpd.ranges, httpd.stopping = {}, [], [], threading.Event()
    httpd.url = lambda path: f"http://127.0.0.1:{httpd.server_port}{path}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield httpd
    httpd.stopping.set()
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("PIPELINE_DOWNLOADS", str(folder))
    return folder


@pytest.fixture
def zipped():
    """Make the bytes of a zip archive from names and contents."""

    def make(files):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return make


@pytest.fixture
def encoded():
    """Encode an array as the bytes of an image file."""

    def make(array, format="PNG", **options):
        buffer = io.BytesIO()
        Image.fromarray(np.asarray(array)).save(buffer, format, **options)
        return buffer.getvalue()

    return make


@pytest.fixture
def block():
    """Make the block of a data set as ``params.yaml`` has it; further keywords are those of its ``folder``."""

    def make(task, source="folder", path="own", url=None, classes=None, **folder):
        patches = {"size": (32, 32), "stride": (32, 32)} if task == "segmentation" else {"resize": (32, 32)}
        return Dataset(task=task, source=source, path=str(path), url=url, classes=classes, folder=folder, patches=patches)

    return make
