"""Keys as they are given: what is valid, and that nothing shows them."""

from __future__ import annotations

import pytest

from dashget.errors import UsageError
from dashget.mux.keys import Keys, parse_keys
from dashget.mux.options import MuxOptions

KID, KEY = "0123456789abcdef0123456789abcdef", "00112233445566778899aabbccddeeff"


@pytest.mark.parametrize(
    "text",
    [
        f"{KID}:{KEY}",
        f"{KID.upper()}:{KEY.upper()}",
        f"01234567-89ab-cdef-0123-456789abcdef:{KEY}",
        f" {KID} : 00112233-4455-6677-8899-aabbccddeeff ",
    ],
)
def test_a_key_is_read_with_and_without_dashes(text: str) -> None:
    assert parse_keys([text]) == Keys(((KID, KEY),))


def test_a_key_may_be_said_twice_but_not_another_one() -> None:
    assert parse_keys([f"{KID}:{KEY}"] * 2).get(KID) == KEY
    with pytest.raises(UsageError, match="two different keys for the key id 01234567-89ab"):
        parse_keys([f"{KID}:{KEY}", f"{KID}:{KID}"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no colon in key 1"),
        (KEY, "no colon in key 1"),
        (f"{KID}:", "the key of key 1"),
        (f":{KEY}", "the key id of key 1"),
        (f"{KID}:{KEY[1:]}", "the key of key 1"),
        (f"{KID}:{KEY}0", "the key of key 1"),
        (f"{KID}:{KEY[:-1]}g", "the key of key 1"),
        (f"{KID}:{KEY}:{KEY}", "the key of key 1"),
        (f"{KID}:{KEY[:-1]}\u0660", "the key of key 1"),
    ],
)
def test_an_invalid_key_is_not_repeated(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_keys([text])
    assert said in caught.value.message
    for shown in (caught.value.message, caught.value.hint or ""):
        assert KEY[:16] not in shown
        assert KID[:16] not in shown


def test_keys_are_hidden_where_options_are_shown() -> None:
    options = MuxOptions(keys=parse_keys([f"{KID}:{KEY}"]))
    assert KEY not in repr(options)
    assert KEY not in repr(options.keys)
    assert "***" in repr(options.keys)
