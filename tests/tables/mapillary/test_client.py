"""Requests that are repeated, refused, spaced out and stopped; and a token that nobody sees."""

import email.utils
import logging
import threading
import time

import pytest

from geolivelihood.errors import Cancelled, EnvironmentMissingError, InputError
from geolivelihood.progress import listening
from geolivelihood.tables.mapillary.client import Client, Refused, checked_url


@pytest.fixture
def client(server):
    with Client(server.url, backoff_s=0.001, retries=2) as made:
        yield made


@pytest.fixture
def ask(server, client, make_photo):
    server.photos = [make_photo(7, 0, 0)]
    return lambda name=7: client.json(f"{server.url}/{name}", {"fields": "id"})


@pytest.mark.parametrize("status", [500, 502, 503, 429, 408])
def test_what_passes_is_asked_for_again(server, ask, trouble, status):
    server.troubles = {"/7": [trouble.status(status), trouble.status(status)]}
    assert ask()["id"] == "7"
    assert len(server.seen) == 3


def test_it_gives_up_after_the_retries_and_says_why(server, ask, trouble):
    server.troubles = {"/7": [trouble.status(500, {"error": {"message": "oh\n no"}})] * 9}
    with pytest.raises(Refused, match=r"HTTP 500: oh no, 3 times") as caught:
        ask()
    assert caught.value.status == 500 and len(server.seen) == 3


def test_what_does_not_pass_is_not_asked_for_again(server, ask):
    with pytest.raises(Refused, match="HTTP 400: Unsupported") as caught:
        ask(8)
    assert caught.value.status == 400 and len(server.seen) == 1


def test_truncated_answers(server, ask, trouble):
    server.troubles = {"/7": [trouble.truncated]}
    assert ask()["id"] == "7"
    server.troubles = {"/7": [trouble.truncated] * 3}
    with pytest.raises(Refused, match="no whole answer"):
        ask()
    server.troubles = {"/7": [trouble.status(200, b"<html>")]}
    with pytest.raises(Refused, match="no JSON"):
        ask()


def test_an_answer_that_does_not_come_is_asked_for_again(server, make_photo, monkeypatch):
    monkeypatch.setattr("geolivelihood.tables.mapillary.client._TIMEOUT_S", 0.2)
    server.photos = [make_photo(7, 0, 0)]
    server.troubles = {"/7": [lambda handler: time.sleep(0.6)]}
    with Client(backoff_s=0.001, retries=3) as client:
        assert client.json(f"{server.url}/7", {})["id"] == "7"
        server.troubles = {"/7": [lambda handler: time.sleep(0.6)] * 4}
        with pytest.raises(Refused, match="ReadTimeout"):
            client.json(f"{server.url}/7", {})


def test_nobody_at_the_address():
    with Client(token="a" * 20, backoff_s=0.001, retries=1) as client:
        with pytest.raises(Refused, match="ConnectError"):
            client.json("http://127.0.0.1:1/images", {})
        with pytest.raises(Refused, match="not valid"):
            client.fetch("nowhere", with_token=False)


def test_a_service_that_is_down_stops_everything(server, ask, trouble):
    server.troubles = {"/7": [trouble.status(503)] * 100}
    for _ in range(19):
        with pytest.raises(Refused):
            ask()
    with pytest.raises(EnvironmentMissingError, match="20 requests in a row"):
        ask()


def test_retry_after_is_waited_for_by_all(server, client, make_photo, trouble):
    server.photos = [make_photo(n, 0, 0) for n in range(8)]
    server.troubles = {"/0": [trouble.status(429, Retry_After="1")]}
    begun = time.monotonic()

    def ask(name):
        client.json(f"{server.url}/{name}", {})
        return time.monotonic() - begun

    assert ask(1) < 0.5
    first = threading.Thread(target=ask, args=(0,))
    first.start()
    while len(server.seen) < 2:
        time.sleep(0.005)
    time.sleep(0.05)
    assert ask(2) >= 0.9
    first.join()
    assert len(server.seen) == 4


def test_retry_after_as_a_date_and_too_far_away(server, ask, trouble):
    soon, late = (email.utils.formatdate(time.time() + s, usegmt=True) for s in (1.5, 7200))
    server.troubles = {"/7": [trouble.status(503, Retry_After=soon)]}
    begun = time.monotonic()
    assert ask()["id"] == "7" and time.monotonic() - begun > 0.4
    server.troubles = {"/7": [trouble.status(503, Retry_After="soon")]}
    assert ask()["id"] == "7"
    server.troubles = {"/7": [trouble.status(429, Retry_After=late)]}
    with pytest.raises(EnvironmentMissingError, match=r"1[12][0-9] minutes"):
        ask()


def test_too_many_calls_by_the_code_of_the_api(server, ask, trouble):
    limit = {"error": {"message": "Application request limit reached", "code": 4}}
    server.troubles = {"/7": [trouble.status(403, limit), trouble.status(400, limit)]}
    assert ask()["id"] == "7" and len(server.seen) == 3


@pytest.mark.parametrize("status", [401, 403, 400])
def test_a_token_that_is_refused_stops_at_once(server, ask, token, trouble, status):
    said = {"error": {"message": f"Bad token {token} / {token.replace('|', '%7C')}", "code": 190}}
    server.troubles = {"/7": [trouble.status(status, said)]}
    with pytest.raises(InputError, match="does not accept the token") as caught:
        ask()
    assert "MAPILLARY_TOKEN" in str(caught.value) and len(server.seen) == 1
    assert "d62822dd792b6a823d0794ef26450398" not in str(caught.value)


def test_the_token_goes_to_the_api_only(server, client, token, trouble, caplog):
    caplog.set_level(logging.DEBUG)
    server.troubles = {"/thumb/7": [trouble.status(302, Location=f"{server.url}/thumb/8")]}
    client.fetch(f"{server.url}/thumb/7", with_token=False)
    server.troubles = {"/images": [trouble.status(302, Location=f"{server.url}/images2")]}
    with pytest.raises(Refused, match="302"):
        client.json(f"{server.url}/images", {"bbox": "0,0,1,1"})
    headers = [found.get("Authorization") for _, _, found, _ in server.seen]
    assert headers == [None, None, f"OAuth {token}"]
    secret = token.rsplit("|", 1)[1]
    assert not any(secret in path for *_, path in server.seen)
    assert "HTTP Request" in caplog.text and secret not in caplog.text
    assert secret not in repr(client)


def test_tokens_that_cannot_be_one(monkeypatch):
    monkeypatch.delenv("MAPILLARY_TOKEN", raising=False)
    with pytest.raises(InputError, match="set the environment variable MAPILLARY_TOKEN"):
        Client()
    for wrong in ("secret token", "secret\r\nHost: x", "sécret123", "abc"):
        with pytest.raises(InputError, match="cannot be one") as caught:
            Client(token=wrong)
        assert wrong not in str(caught.value) and "cret" not in str(caught.value)
    monkeypatch.setenv("MAPILLARY_TOKEN", " MLY|12345678\n")
    with Client() as client:
        assert client._token == "MLY|12345678"


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"retries": -1}, {"backoff_s": -0.1}])
def test_options_that_make_no_sense(wrong, token):
    with pytest.raises(InputError, match=next(iter(wrong))):
        Client(**wrong)


def test_the_token_travels_encrypted():
    for wrong in (
        "http://graph.mapillary.com",
        "graph.mapillary.com",
        "ftp://localhost",
        "http://localhost.evil.org",
    ):
        with pytest.raises(InputError, match="https"):
            checked_url(wrong)
    assert checked_url("http://127.0.0.1:80/") == "http://127.0.0.1:80"


def test_a_few_at_a_time(server, make_photo):
    server.photos = [make_photo(n, 0, 0) for n in range(40)]
    server.delay_s = 0.01
    with Client(concurrency=3) as client:
        found = dict(client.each(lambda n: client.json(f"{server.url}/{n}", {})["id"], range(40)))
    assert found == {n: str(n) for n in range(40)}
    assert 2 <= server.most_at_once <= 3


def test_cancelling_does_not_wait_for_a_long_pause(server, trouble):
    server.troubles = {"/": [trouble.status(503, Retry_After="300")] * 9}

    class Impatient:
        asked = 0

        def stage(self, name): ...
        def step(self, *_): ...

        def cancelled(self):
            self.asked += 1
            return self.asked > 2

    begun = time.monotonic()
    with listening(Impatient()), pytest.raises(Cancelled), Client() as client:
        list(client.each(lambda n: client.json(f"{server.url}/{n}", {}), range(4)))
    assert time.monotonic() - begun < 5
    assert len(server.seen) <= 4


def test_pictures_come_encrypted_too(server, make_photo, trouble):
    """Only a service on this machine may send them in clear, and no redirect leads around this."""
    asked = []
    with Client("https://graph.mapillary.com", token="a" * 20, retries=0) as client:
        with pytest.raises(Refused, match=r"http://127\.0\.0\.1 is no https address"):
            client.fetch(f"{server.url}/thumb/7", with_token=False)
        answer = client._httpx.Response(302, headers={"Location": f"{server.url}/thumb/7"})
        transport = client._httpx.MockTransport(lambda request: asked.append(request.url.host) or answer)
        client._http._mounts, client._http._transport = {}, transport
        with pytest.raises(Refused, match="no https address"):
            client.fetch("https://pictures.example.org/7", with_token=False)
    assert asked == ["pictures.example.org"] and not server.seen


def test_an_answer_that_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr("geolivelihood.tables.mapillary.client._LONGEST_ANSWER_S", 0.3)

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(40):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    server.troubles = {"/thumb/7": [drip, drip]}
    begun = time.monotonic()
    with Client(server.url, backoff_s=0.001, retries=1) as client:
        with pytest.raises(Refused, match=r"no whole answer .*longer than 0\.3 s.*2 times"):
            client.fetch(f"{server.url}/thumb/7", with_token=False)
        assert time.monotonic() - begun < 1.9
        assert client.fetch(f"{server.url}/thumb/7", with_token=False)


def test_an_answer_without_end_is_cut(server, client, monkeypatch):
    monkeypatch.setattr("geolivelihood.tables.mapillary.client._LARGEST_BODY", 1000)
    with pytest.raises(Refused, match="larger than"):
        client.fetch(f"{server.url}/thumb/7", with_token=False)
