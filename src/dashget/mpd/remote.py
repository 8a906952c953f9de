"""Put fetched remote elements (5.5) into the document.

``MPD.remote`` lists the remote elements. The caller fetches each ``href``, resolved against the
MPD's URL, and calls ``include_remote``. Fetched elements may contain remote elements too, so this
is repeated until ``MPD.remote`` is empty. Nothing is fetched here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from dashget.common.lateregex import late
from dashget.common.url import without_user
from dashget.errors import MPDSyntaxError
from dashget.mpd.budget import Budget
from dashget.mpd.encoding import EncodingError, as_utf8
from dashget.mpd.issues import IssueLog
from dashget.mpd.model import MPD, RemoteElement
from dashget.mpd.names import NAMESPACE, XLINK
from dashget.mpd.parse import build_mpd, read_document
from dashget.mpd.xlink import HREF, MAX_NESTING, RESOLVE_TO_ZERO, mark_origin, replace_remote
from dashget.mpd.xmltree import Element, XmlError, read_tree

_PROLOG: Final = late(rb"^(\xef\xbb\xbf)?\s*(<\?xml.*?\?>)?", re.DOTALL)


def include_remote(
    mpd: MPD, fetched: Mapping[str, bytes | None], *, budget: Budget | None = None
) -> MPD:
    """Replace remote elements; ``fetched`` maps an ``href`` as written to its bytes.

    None, or bytes without such an element, is a warning, and the element keeps its own
    content. An ``href`` that is missing in ``fetched`` stays remote. Of one that leads back
    to itself, or that is nested more than four deep, the content is missing (``MPD.endless``).
    """
    if mpd.source is None:
        return mpd
    budget = budget or Budget()
    # The model of the whole document is built again.
    budget.spend(mpd.source.work // 2, "remote elements inside remote elements")
    log = IssueLog()
    log.extend(mpd.source.warnings, mpd.source.problems)
    root = mpd.source.root
    endless = list(mpd.endless)

    def choose(element: Element, href: str, where: str) -> list[Element]:
        if href not in fetched:
            return [element]
        if href in element.origins or len(element.origins) >= MAX_NESTING:
            why = "leads back to itself" if href in element.origins else "is nested too deep"
            log.warn(
                f"the remote {element.name} at {without_user(href)!r} {why};"
                " its own content is used",
                where,
                element.line,
                "5.5.3",
            )
            lacks = RemoteElement(
                where=where, href=href, element=element.name, lacking=True, reason=why
            )
            endless.append(lacks)
            return [_local(element)]
        return _content(element, href, where, fetched[href], log, budget)

    replace_remote(root, choose)
    built = build_mpd(root, log, budget, mpd.url)
    return msgspec.structs.replace(built, endless=tuple(endless)) if endless else built


def why_unfit(element: str, data: bytes, budget: Budget | None = None) -> str | None:
    """Return why a document cannot replace remote elements of this name; None if it can.

    Nothing at all is no document: the standard has a URN for elements that nothing replaces.
    """
    if not data.strip():
        return "the document is empty"
    try:
        found = _read_elements(data, IssueLog(), budget or Budget())
    except MPDSyntaxError as err:
        return err.message.replace("not an MPD: ", "")
    if found and not any(child.name == element for child in found):
        return f"the document has no {element}"
    return None


def wrapped_entity(data: bytes) -> bytes | None:
    """Return a remote entity inside a root element, in UTF-8; None if nothing is in it.

    Raises EncodingError.
    """
    text, _ = as_utf8(data)
    body = text[_PROLOG.match(text).end() :]  # type: ignore[union-attr]  # it matches everything
    if not body.strip():
        return None
    return f'<remote xmlns="{NAMESPACE}" xmlns:xlink="{XLINK}">'.encode() + body + b"</remote>"


def _content(
    element: Element,
    href: str,
    where: str,
    data: bytes | None,
    log: IssueLog,
    budget: Budget,
) -> list[Element]:
    """Return the elements that replace a remote one; itself without reference if there are none."""
    failure = "could not be fetched"
    if data is not None:
        try:
            found = _read_elements(data, log, budget)
        except MPDSyntaxError as err:
            failure = f"cannot be read ({err.message})"
        else:
            fitting = [child for child in found if child.name == element.name]
            if fitting or not found:
                for child in fitting:
                    mark_origin(child, (*element.origins, href))
                return [child for child in fitting if child.attributes.get(HREF) != RESOLVE_TO_ZERO]
            failure = f"has no {element.name}"
    log.warn(
        f"the remote {element.name} at {without_user(href)!r} {failure}; its own content is used",
        where,
        element.line,
        "5.5.3",
    )
    return [_local(element)]


def _local(element: Element) -> Element:
    del element.attributes[HREF]
    return element


def _read_elements(data: bytes, log: IssueLog, budget: Budget) -> list[Element]:
    """Read a remote entity, which has any number of elements side by side."""
    budget.spend_bytes(len(data))
    try:
        wrapped = wrapped_entity(data)
        if wrapped is None:
            return []
        tree = read_tree(wrapped, log, budget)
    except (EncodingError, XmlError):
        return [read_document(data, log, budget)]
    if tree.text.strip() and not tree.children:
        # Text or JSON: it replaces no element.
        return [read_document(data, log, budget)]
    return tree.children
