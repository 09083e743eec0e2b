"""A small server that speaks the parts of the Mapillary API that we use, and can misbehave."""

import io
import json
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
from PIL import Image

TOKEN = "MLY|4223665974375089|d62822dd792b6a823d0794ef26450398"


def jpeg(seed=0, kind="JPEG"):
    pixels = np.random.default_rng(seed).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def photo(number, lon, lat, **other):
    """One record as the API has it."""
    return {
        "id": str(number),
        "geometry": {"type": "Point", "coordinates": [lon, lat]},
        "computed_geometry": {"type": "Point", "coordinates": [lon + 1e-5, lat - 1e-5]},
        "captured_at": 1514764800000 + number,
        "compass_angle": 350.5,
        "computed_compass_angle": 10.25,
        "sequence": f"s{number // 10}",
        "is_pano": False,
        "creator": {"username": f"user{number % 3}", "id": "9"},
    } | other


class FakeMapillary:
    """The API, its tiles and its picture server.

    ``troubles`` maps a part of a path to what happens instead of the answer: a list of functions of the
    request's handler, one per request, in order.
    """

    def __init__(self):
        self.photos = []
        self.limit = 2000
        self.delay_s = 0.0
        self.kind = "JPEG"
        self.seen = []
        self.troubles = {}
        self.most_at_once = self._at_once = 0
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with fake.counted():
                    fake.answer(self)

            def log_message(self, *_):
                pass

            def send(self, status, body, **headers):
                body = json.dumps(body).encode() if isinstance(body, dict) else body
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def counted(self):
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= 1

    def answer(self, handler):
        url = urlsplit(handler.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        with self._lock:
            self.seen.append((url.path, query, dict(handler.headers), handler.path))
            waiting = next(
                (list_ for part, list_ in self.troubles.items() if part in url.path and list_), None
            )
            trouble = waiting.pop(0) if waiting else None
        time.sleep(self.delay_s)
        if trouble is not None:
            trouble(handler)
        elif url.path.startswith("/thumb/"):
            handler.send(200, jpeg(int(url.path.rsplit("/", 1)[1]), self.kind))
        elif handler.headers.get("Authorization") != f"OAuth {TOKEN}":
            said = f"Invalid OAuth access token {handler.headers.get('Authorization')}"
            handler.send(401, {"error": {"message": said, "type": "OAuthException", "code": 190}})
        elif url.path == "/images":
            self.images(handler, query)
        elif url.path.startswith("/maps/"):
            handler.send(200, self.tile(*map(int, url.path.split("/")[-3:])))
        else:
            self.entity(handler, url.path[1:])

    def images(self, handler, query):
        west, south, east, north = map(float, query["bbox"].split(","))
        if not (0 < east - west < 0.01 and 0 < north - south < 0.01):
            handler.send(400, {"error": {"message": "bbox must be smaller than 0.01 degrees square"}})
            return
        start, end = (
            query.get(f"{name}_captured_at", default) for name, default in (("start", ""), ("end", "~"))
        )
        found = []
        for one in self.photos:
            lon, lat = one["geometry"]["coordinates"]
            taken = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one["captured_at"] / 1000))
            inside = west <= lon <= east and south <= lat <= north and start <= taken < end
            if inside and not (query.get("is_pano") == "false" and one["is_pano"]):
                asked = query["fields"].split(",")
                found.append({name: value for name, value in one.items() if name in asked})
        handler.send(200, {"data": found[: min(self.limit, int(query["limit"]))]})

    def entity(self, handler, name):
        known = {one["id"]: one for one in self.photos}
        if name not in known:
            handler.send(400, {"error": {"message": f"Unsupported get request: {name}", "code": 100}})
            return
        address = f"{self.url}/thumb/{name}?sig={len(self.seen)}"
        handler.send(200, {"id": name, "thumb_2048_url": address, "creator": known[name].get("creator")})

    def tile(self, zoom, x, y):
        rows = [(p, *p["geometry"]["coordinates"]) for p in self.photos]
        if not rows:
            return b""
        table = gpd.GeoDataFrame(
            {
                "id": [int(p["id"]) for p, _, _ in rows],
                "captured_at": [p["captured_at"] for p, _, _ in rows],
                "compass_angle": [p["compass_angle"] for p, _, _ in rows],
                "sequence_id": [p["sequence"] for p, _, _ in rows],
                "is_pano": [p["is_pano"] for p, _, _ in rows],
            },
            geometry=gpd.points_from_xy([lon for _, lon, _ in rows], [lat for _, _, lat in rows]),
            crs=4326,
        )
        with tempfile.TemporaryDirectory() as folder:
            options = {"MINZOOM": str(zoom), "MAXZOOM": str(zoom), "COMPRESS": "NO"}
            out = Path(folder) / "tiles"
            pyogrio.write_dataframe(table, out, driver="MVT", layer="image", dataset_options=options)
            made = out / str(zoom) / str(x) / f"{y}.pbf"
            return made.read_bytes() if made.exists() else b""

    def count(self, part):
        """Requests by path, of those with ``part`` in it."""
        return Counter(path for path, *_ in self.seen if part in path)


def status(code, body=b"", **headers):
    """A trouble: another answer."""
    return lambda handler: handler.send(code, body, **headers)


def truncated(handler):
    """A body that ends before its Content-Length."""
    body = jpeg()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.wfile.flush()
    handler.close_connection = True
    handler.connection.shutdown(2)


def half_a_picture(handler):
    """Half of a JPEG that says it is whole."""
    handler.send(200, jpeg()[:1500])


class Troubles:
    """What can go wrong, by name."""

    status = staticmethod(status)
    truncated = staticmethod(truncated)
    half_a_picture = staticmethod(half_a_picture)
    expired = staticmethod(status(403, b"URL signature expired"))


@pytest.fixture
def trouble():
    return Troubles


@pytest.fixture
def make_photo():
    return photo


@pytest.fixture
def token(monkeypatch):
    """A token that the server accepts, in the environment."""
    monkeypatch.setenv("MAPILLARY_TOKEN", TOKEN)
    return TOKEN


@pytest.fixture
def server(token):
    fake = FakeMapillary()
    yield fake
    fake.close()


@pytest.fixture
def quick(server):
    """Options that point at the server and do not wait."""
    return {"base_url": server.url, "backoff_s": 0.001, "retries": 3}
