"""Patient requests to the Mapillary API: a few at a time, repeated with growing pauses, stopped at once."""

from __future__ import annotations

import email.utils
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import quote, urlsplit

from geolivelihood import __version__, extras
from geolivelihood.credentials import ASK_FOR_ONE, TOKEN, mapillary_token
from geolivelihood.errors import EnvironmentMissingError, InputError
from geolivelihood.progress import checkpoint

__all__ = ["API", "TILES", "Client", "Refused", "checked_url"]

API = "https://graph.mapillary.com"
TILES = "https://tiles.mapillary.com"

_TIMEOUT_S = 30.0
_LONGEST_PAUSE_S = 60.0
_LONGEST_WAIT_S = 900.0  # that the server may ask for before we stop and leave it to the user
_LONGEST_ANSWER_S = 300.0  # from the first byte to the last: a server may drip
_LARGEST_BODY = 2**26
_UNANSWERED = 20  # requests given up in a row, after which the service counts as down
_POLL_S = 0.2
# Codes of the Graph API for too many calls: by application, user, page; and for a token that is not valid.
_TOO_MANY, _INVALID = (4, 17, 32, 613), 190

Item = TypeVar("Item")
Result = TypeVar("Result")


class Refused(Exception):
    """A request that repeating does not help.

    Attributes
    ----------
    status
        HTTP status of the last answer; ``None`` if there was none.
    """

    def __init__(self, reason: str, status: int | None = None) -> None:
        super().__init__(reason)
        self.status = status

    @property
    def too_much(self) -> bool:
        """Whether the answer would have been too large, which a smaller question mends."""
        return "reduce the amount of data" in str(self)


class _Stopped(Exception):
    """The work was given up while this request was still waiting."""


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class Client:
    """Requests to the API, at most ``concurrency`` at a time, from worker threads.

    A context manager: leaving it stops what is still under way.

    Parameters
    ----------
    base_url
        Address of the API. Pictures must come over https too, unless the API itself is on this machine.
    token
        Access token; ``None`` takes it from the environment variable ``MAPILLARY_TOKEN``.
    concurrency
        Requests at the same time.
    retries
        How often a request is repeated that got no whole answer, or 429 or 5xx.
    backoff_s
        Pause before the first repetition, seconds; it doubles each time, less a random part, and is never
        shorter than the server's ``Retry-After``. After a 429 all requests wait.

    Attributes
    ----------
    api
        Address of the API, without a slash at its end.

    Raises
    ------
    InputError
        If there is no token, the API is not https, or an option makes no sense.
    EnvironmentMissingError
        If httpx is not installed.
    """

    def __init__(
        self,
        base_url: str = API,
        *,
        token: str | None = None,
        concurrency: int = 8,
        retries: int = 6,
        backoff_s: float = 1.0,
    ) -> None:
        if concurrency < 1 or retries < 0 or not backoff_s >= 0:
            msg = (
                f"concurrency={concurrency}, retries={retries}, backoff_s={backoff_s}: give at least one "
                "request at a time, and no negative number of retries or seconds."
            )
            raise InputError(msg)
        self.api = checked_url(base_url)
        self._token = mapillary_token(token)
        self._httpx: ModuleType = extras.require("httpx", extra="download")
        self._retries, self._backoff_s, self._concurrency = retries, backoff_s, concurrency
        self._stop = threading.Event()
        self._go_on_at = 0.0
        self._unanswered = 0
        limits = self._httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        agent = {"User-Agent": f"geolivelihood/{__version__}"}
        self._http = self._httpx.Client(
            timeout=_TIMEOUT_S, limits=limits, headers=agent, event_hooks={"request": [self._refuse_plain]}
        )
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="mapillary")

    def __repr__(self) -> str:
        return f"<Client: {self._concurrency} requests at a time, {self._retries} retries>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stop.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
        """Each item and its result, as they come; ``work`` runs in the worker threads.

        Raises
        ------
        Cancelled
            If the reporter of progress was asked to cancel; it is asked several times a second, so that a
            long pause does not keep the user waiting.
        """
        todo, running = iter(items), dict[Future[Result], Item]()
        while True:
            free = 2 * self._concurrency - len(running)
            running |= {self._pool.submit(work, item): item for item in islice(todo, free)}
            if not running:
                return
            done: set[Future[Result]] = wait(running, timeout=_POLL_S, return_when=FIRST_COMPLETED).done
            checkpoint()
            for future in done:
                yield running.pop(future), future.result()

    def json(self, url: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """The object that the API answers with, asked with the token.

        Raises
        ------
        Refused
            If there is no usable answer.
        InputError
            If the API does not accept the token.
        """
        body = self.fetch(url, params, with_token=True)
        try:
            found = json.loads(body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            reason = "the answer is no JSON object"
            raise Refused(reason, 200)
        return found

    def fetch(self, url: str, params: Mapping[str, Any] | None = None, *, with_token: bool) -> bytes:
        """The whole body of an answer, repeated until it comes.

        Parameters
        ----------
        url
            Absolute address.
        params
            The query.
        with_token
            Whether the server is Mapillary's API. Picture servers never see the token.

        Raises
        ------
        Refused
            If repeating does not help, or did not.
        InputError
            If the API does not accept the token.
        EnvironmentMissingError
            If the service seems to be down, or asks for a very long pause.
        """
        for attempt in range(self._retries + 1):
            self._rest(self._go_on_at - time.monotonic())
            pause = min(self._backoff_s * 2**attempt, _LONGEST_PAUSE_S) * random.uniform(0.5, 1.0)
            try:
                answer = self._ask(url, params, with_token)
            except (self._httpx.InvalidURL, self._httpx.UnsupportedProtocol) as error:
                reason = "the address is not valid"
                raise Refused(reason) from error
            except self._httpx.RequestError as error:
                reason, status = f"no whole answer ({type(error).__name__}: {self._scrubbed(error)})", None
            else:
                if answer.status == 200:
                    self._unanswered = 0
                    return answer.body
                reason, status = self._reason(answer), answer.status
                pause = self._pause(answer, reason, pause, with_token)
            if attempt < self._retries:
                self._rest(pause)
        return self._given_up(reason, status)

    def _ask(self, url: str, params: Mapping[str, Any] | None, with_token: bool) -> _Answer:
        # A redirect from the API is not followed: the token is for the API alone.
        headers = {"Authorization": f"OAuth {self._token}"} if with_token else {}
        body, deadline = bytearray(), time.monotonic() + _LONGEST_ANSWER_S
        with self._http.stream(
            "GET", url, params=params, headers=headers, follow_redirects=not with_token
        ) as answer:
            for chunk in answer.iter_bytes():
                if self._stop.is_set():
                    raise _Stopped
                if time.monotonic() > deadline:
                    reason = f"it takes longer than {_LONGEST_ANSWER_S:g} s"
                    raise self._httpx.ReadTimeout(reason)
                body += chunk
                if len(body) > _LARGEST_BODY:
                    reason = f"the answer is larger than {_LARGEST_BODY >> 20} MiB"
                    raise Refused(reason, answer.status_code)
            return _Answer(answer.status_code, answer.headers, bytes(body))

    def _refuse_plain(self, request: Any) -> None:
        """Refuse pictures over http, also where a redirect leads to; the API's address was checked before."""
        of_api = "authorization" in request.headers
        if not of_api and request.url.scheme == "http" and urlsplit(self.api).scheme == "https":
            reason = f"http://{request.url.host} is no https address"
            raise Refused(reason)

    def _pause(self, answer: _Answer, reason: str, pause: float, with_token: bool) -> float:
        """Seconds to wait before the request is repeated; raises where that does not help."""
        status, code = answer.status, _error(answer).get("code")
        refused = Refused(reason, status)
        too_many = status == 429 or (with_token and code in _TOO_MANY)
        if with_token and not too_many and (status in (401, 403) or code == _INVALID):
            msg = f"Mapillary does not accept the token ({reason}). Check {TOKEN}. {ASK_FOR_ONE}."
            raise InputError(msg)
        if refused.too_much or not (too_many or status >= 500 or status == 408):
            raise refused
        pause = max(pause, _retry_after(answer.headers.get("retry-after", "")))
        if pause > _LONGEST_WAIT_S:
            msg = f"Mapillary asks to wait {pause / 60:.0f} minutes ({reason}). Then call again, to go on."
            raise EnvironmentMissingError(msg)
        if too_many:
            self._go_on_at = max(self._go_on_at, time.monotonic() + pause)
        return pause

    def _given_up(self, reason: str, status: int | None) -> bytes:
        self._unanswered += 1
        if self._unanswered >= _UNANSWERED:
            msg = (
                f"{_UNANSWERED} requests in a row were given up ({reason}). Mapillary or the connection "
                "to it is down; call again later, to go on."
            )
            raise EnvironmentMissingError(msg)
        tries = f", {self._retries + 1} times" if self._retries else ""
        raise Refused(f"{reason}{tries}", status)

    def _rest(self, seconds: float) -> None:
        if self._stop.wait(max(0.0, seconds)):
            raise _Stopped

    def _reason(self, answer: _Answer) -> str:
        said = self._scrubbed(_error(answer).get("message") or "")
        return f"HTTP {answer.status}" + (f": {said}" if said else "")

    def _scrubbed(self, text: object) -> str:
        """What a server or library says, on one line, without the token that it may repeat."""
        said = str(text).replace(self._token, "***").replace(quote(self._token, safe=""), "***")
        return " ".join(said.split())[:300]


def checked_url(url: str) -> str:
    """An address that the token may be sent to, without a slash at its end.

    Raises
    ------
    InputError
        If it is not https; http is for servers on this machine.
    """
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and local)):
        msg = f"{url} is no https address; the token would travel in clear. Mapillary's is {API}."
        raise InputError(msg)
    return url.rstrip("/")


def _error(answer: _Answer) -> dict[str, Any]:
    """The ``error`` of an answer of the Graph API: ``message``, ``code``."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, dict) else {}


def _retry_after(text: str) -> float:
    """Seconds that a server asks to wait: a number, or the date until when; 0 for anything else."""
    if re.fullmatch(r"\s*\d{1,9}\s*", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return 0.0
