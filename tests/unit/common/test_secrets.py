"""No secret is shown by a struct that holds it."""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

import dashget
from dashget.common.secrets import MASK, HidesSecrets, hide_user
from dashget.transfer.contract import Job, Request, TransferError
from dashget.transfer.settings.givenfile import GivenFile

SECRET = "s3cr3t"
URL = f"https://me:{SECRET}@h.example/x.mpd?q=1"
SHOWN_URL = "https://h.example/x.mpd?q=1"
WITH_SECRETS: dict[str, Any] = {
    "headers": (("Authorization", SECRET), ("X-Key", SECRET)),
    "origin_headers": (dashget.OriginHeader("h.example", "X-Key", SECRET),),
    "user": f"me:{SECRET}",
    "netrc": GivenFile("netrc", SECRET.encode()),
    "cookie_file": GivenFile("cookies", SECRET.encode()),
    "cookies": (f"name={SECRET}",),
    "append_query": f"token={SECRET}",
    "proxy": f"http://me:{SECRET}@proxy.example:3128",
}
OPTIONS = dashget.TransferOptions(**WITH_SECRETS)
IN_URLS = ("url", "urls", "asked", "final_url")
IN_FIELDS = ("user", "password", "cookies", "append_query", "proxy")
OF_CLASSES = {"OriginHeader": ("value",), "GivenFile": ("data",), "CookieFile": ("lines",)}


def structs() -> Iterator[type[msgspec.Struct]]:
    """Yield every struct of the library that hides secrets, and every public one."""
    for module in pkgutil.walk_packages(dashget.__path__, "dashget."):
        if module.name != "dashget.__main__":
            importlib.import_module(module.name)
    found: list[type[msgspec.Struct]] = [HidesSecrets]
    for kind in found:
        found += kind.__subclasses__()
    public = (getattr(dashget, name) for name in dashget.__all__)
    found += [
        kind for kind in public if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    yield from dict.fromkeys(found)


def filled(kind: type[msgspec.Struct]) -> msgspec.Struct:
    """Return a struct with a secret in each field that could hold one."""
    if kind is dashget.TransferOptions:
        return OPTIONS
    given: dict[str, Any] = {}
    required = len(kind.__struct_fields__) - len(kind.__struct_defaults__)
    for place, name in enumerate(kind.__struct_fields__):
        if name in IN_URLS:
            given[name] = (URL,) if name == "urls" else URL
        elif name in IN_FIELDS + OF_CLASSES.get(kind.__name__, ()):
            given[name] = f"http://me:{SECRET}@h" if name == "proxy" else SECRET
        elif place < required:
            given[name] = "x"
    return kind(**given)


CASES = [
    kind
    for kind in structs()
    if {*IN_URLS, *IN_FIELDS} & set(kind.__struct_fields__) or kind.__name__ in OF_CLASSES
]


@pytest.mark.parametrize("kind", CASES, ids=lambda kind: kind.__name__)
def test_no_struct_shows_the_secrets_that_it_holds(kind: type[msgspec.Struct]) -> None:
    made = filled(kind)
    rich = getattr(made, "__rich_repr__", tuple)
    for text in (repr(made), str(made), f"{made}", f"{made!r}", repr(list(rich()))):
        assert SECRET not in text
    assert SECRET in repr([getattr(made, name) for name in made.__struct_fields__]) or MASK in repr(
        made
    )


def test_the_cases_cover_the_structs_that_hold_secrets() -> None:
    names = {kind.__name__ for kind in CASES}
    assert {
        "TransferOptions", "OriginHeader", "Source", "Request",
        "ResponseHead", "GivenFile", "CookieFile", "Login", "Guard", "FileFinished", "Failure",
        "PlannedSegment", "Summary",
    } <= names  # fmt: skip


def test_fields_without_secrets_are_shown() -> None:
    text = repr(msgspec.structs.replace(OPTIONS, max_redirects=3))
    assert "user='***'" in text
    assert "headers=(('Authorization', '***'), ('X-Key', '***'))" in text
    assert "proxy='http://proxy.example:3128'" in text
    assert "max_redirects=3" in text
    assert repr(dashget.TransferOptions()) == "TransferOptions()"


def test_a_request_shows_its_urls_without_credentials() -> None:
    job = Job(Request((URL, "http://h/b")), open_sink=lambda job: None)  # type: ignore[arg-type, return-value]
    assert f"urls=({SHOWN_URL!r}, 'http://h/b')" in repr(job)
    assert SECRET not in repr(job)


def test_secrets_stay_readable_for_those_who_use_them() -> None:
    assert OPTIONS.user == f"me:{SECRET}"
    assert msgspec.structs.replace(OPTIONS, retries=1).cookies == (f"name={SECRET}",)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (URL, SHOWN_URL),
        ("http://h/a@b", "http://h/a@b"),
        (f"me:{SECRET}@proxy:1", "proxy:1"),
        (f"http://me:a/{SECRET}@h/", "http://h/"),
        (None, None),
        (("http://u@h/",), ("http://h/",)),
    ],
)
def test_user_and_password_are_cut_out_of_urls(url: Any, shown: Any) -> None:
    assert hide_user(url) == shown


@pytest.mark.parametrize(
    "options",
    [
        {"headers": (("Bad Name", SECRET),)},
        {"headers": (("A", f"{SECRET}\nx"),)},
        {"origin_headers": (dashget.OriginHeader("h", "A", f"{SECRET}\nx"),)},
        {"cookies": (f"{SECRET}",)},
        {"user": f"me:{SECRET}\n"},
        {"user": SECRET.encode()},
    ],
    ids=repr,
)
def test_no_error_about_options_repeats_a_secret(options: dict[str, Any]) -> None:
    with pytest.raises(dashget.UsageError) as caught:
        dashget.TransferOptions(**options)
    shown = "".join(traceback.format_exception_only(caught.value))
    assert SECRET not in shown + repr(caught.value) + (caught.value.hint or "")


@pytest.mark.parametrize(
    "url",
    [f"http://me:{SECRET}@h:99999/", f"ftp://me:{SECRET}@h/", f"http://me:{SECRET}@/x.mpd",
     f"http://me:a/{SECRET}@h/", f"http://me:a?{SECRET}@h/"],
)  # fmt: skip
def test_no_error_about_a_url_repeats_its_password(url: str) -> None:
    for call in (
        lambda: dashget.load(url),
        lambda: dashget.mirror("-", base_url=url),
    ):
        with pytest.raises(dashget.UsageError) as caught:
            call()
        assert SECRET not in f"{caught.value}{caught.value!r}{caught.value.hint}"


def test_an_error_of_a_transfer_shows_its_message_only() -> None:
    error = TransferError("HTTP 404", retry=dashget.errors.Retry.NEVER, url=URL)
    assert SECRET not in repr(error) + str(error)
