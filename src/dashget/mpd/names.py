"""Decide which elements and attributes are those of DASH, whatever namespace they are written in.

Software that builds an MPD with a DOM often leaves ``xmlns=""`` or another default namespace on
single elements. Players look at local names alone. So an element without prefix, at a place where
DASH has one of its name, is read as that of DASH, with a warning; an element with the prefix of
another namespace is an extension, and a warning tells if it looks like one of DASH. Undeclared
prefixes get their usual meaning, with a warning.

A name that differs from one of DASH in the case of its letters alone (or is British) is read as
that one, with a warning: nothing else can be meant, and without a ``SegmentUrl`` or a ``timeScale``
files would be left out. FFmpeg, too, takes elements of any case. An element that names files, where
DASH has none of its name, is not read, with a warning.
"""

from __future__ import annotations

from typing import Final

from dashget.mpd.budget import ITEM, Budget
from dashget.mpd.issues import IssueLog

NAMESPACE: Final = "urn:mpeg:dash:schema:mpd:2011"
XLINK: Final = "http://www.w3.org/1999/xlink"
CENC: Final = "urn:mpeg:cenc:2013"
PLAYREADY: Final = "urn:microsoft:playready"
DVB: Final = "urn:dvb:dash:dash-extensions:2014-1"
URL_PARAMETERS: Final = "urn:mpeg:dash:schema:urlparam:2014"

_USUAL: Final = {
    "xml": "http://www.w3.org/XML/1998/namespace",
    "xlink": XLINK,
    "cenc": CENC,
    "mspr": PLAYREADY,
    "mas": "urn:marlin:mas:1-0:services:schemas:mpd",
    "dvb": DVB,
    "up": URL_PARAMETERS,
    "scte35": "http://www.scte.org/schemas/35/2016",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
_FAMILY: Final = "urn:mpeg:dash:schema:mpd:"
_SEGMENTS: Final = frozenset({"BaseURL", "SegmentBase", "SegmentList", "SegmentTemplate"})
_PROPERTIES: Final = frozenset({"EssentialProperty", "SupplementalProperty", "ContentProtection"})
_REFERENCES: Final = frozenset({"Initialization", "RepresentationIndex", "BitstreamSwitching"})
_MULTIPLE: Final = _REFERENCES | {"SegmentTimeline"}
_COMMON: Final = _SEGMENTS | _PROPERTIES | {"AudioChannelConfiguration", "InbandEventStream"}
_CHILDREN: Final = {
    "MPD": frozenset({"Period", "BaseURL", "Location", "PatchLocation", "UTCTiming"})
    | {"ProgramInformation", "InitializationSet", *_PROPERTIES},
    "Period": frozenset({"AdaptationSet", "EventStream", "ImportedMPD"}) | _SEGMENTS | _PROPERTIES,
    "AdaptationSet": frozenset({"Representation", "ContentComponent", "Role", "Accessibility"})
    | {"Label", *_COMMON},
    "Representation": frozenset({"SubRepresentation"}) | _COMMON,
    "SegmentBase": _REFERENCES,
    "SegmentList": _MULTIPLE | {"SegmentURL"},
    "SegmentTemplate": _MULTIPLE,
    "SegmentTimeline": frozenset({"S", "Pattern"}),
    "Pattern": frozenset({"P"}),
    "ProgramInformation": frozenset({"Title", "Copyright"}),
    "remote": frozenset({"Period", "AdaptationSet", "Representation", "InitializationSet"})
    | {"EventStream", *_SEGMENTS},
}
"""The elements of DASH that are read, by the name of their parent; ``remote`` is around those of
another document."""
_NAMING: Final = _SEGMENTS | _MULTIPLE | {"Period", "AdaptationSet", "Representation", "SegmentURL"}
"""The elements that name files, or hold those that do."""
_ATTRIBUTES: Final = (
    frozenset({"availabilityEndTime", "availabilityStartTime", "availabilityTimeComplete"})
    | frozenset({"availabilityTimeOffset", "duration", "mediaPresentationDuration", "mimeType"})
    | frozenset({"minBufferTime", "minimumUpdatePeriod", "presentationTimeOffset"})
    | frozenset({"publishTime", "start", "timeShiftBufferDepth", "timescale"})
    | frozenset({"audioSamplingRate", "bandwidth", "bitstreamSwitching", "byteRange", "codecs"})
    | frozenset({"contentType", "d", "dependencyId", "endNumber", "frameRate", "height", "id"})
    | frozenset({"index", "indexRange", "initialization", "initializationPrincipal"})
    | frozenset({"initializationSetRef", "k", "lang", "media", "mediaRange", "n", "p", "pE"})
    | frozenset({"profiles", "r", "range", "schemeIdUri", "serviceLocation", "sourceURL"})
    | frozenset({"startNumber", "t", "type", "value", "width"})
)
"""The attributes that say what is fetched, and others that nearly every MPD has."""
_UNFOLDED: Final = {name.lower(): name for name in _ATTRIBUTES}


def fits(name: str, parent: str) -> bool:
    """Return True if DASH has an element of this local name there."""
    return name in _CHILDREN.get(parent, ())


def is_dash(namespace: str) -> bool:
    """Return True for the namespace of DASH, and for those that only differ from it in spelling."""
    return namespace == NAMESPACE or namespace.lower().startswith(_FAMILY)


def _folded(name: str) -> str:
    """Return what all spellings of a name have in common."""
    return name.lower().replace("initialis", "initializ")


_BY_FOLDED: Final = {
    parent: {_folded(name): name for name in names} for parent, names in _CHILDREN.items()
}


class Names:
    """The namespaces in scope, element by element; ``dash`` is that of the root.

    ``undeclared`` has what prefixes stand for that were used without a declaration.
    """

    def __init__(self, log: IssueLog, budget: Budget) -> None:
        self.dash = NAMESPACE
        self.undeclared: dict[str, str] = {}
        self._budget = budget
        self._log = log
        self._scopes: list[dict[str, str]] = [{"xml": _USUAL["xml"]}]
        self._where: list[str] = []
        self._line = 1

    def enter(
        self,
        qname: str,
        attributes: dict[str, str],
        parent: str | None,
        where: list[str],
        line: int,
    ) -> tuple[str, dict[str, str]]:
        """Enter an element; return its name, and its attributes with names without prefixes.

        Local names of DASH stay, others are ``{namespace}local``. ``parent`` is the name of the
        element that it is in, ``where`` has those of all elements around it.
        """
        self._where, self._line = where, line
        scope = self._scopes[-1]
        usual = attributes.keys() <= _ATTRIBUTES
        if not usual and any(key.startswith("xmlns") for key in attributes):
            scope = self._scope(scope, attributes)
        prefix, _, local = qname.rpartition(":")
        namespace = scope.get(prefix)
        if namespace is None:
            namespace = self._undeclared(prefix) if prefix else ""
        if parent is None:
            self.dash = namespace
            if local.upper() == "MPD" != local:
                local = self._respelled(local, "MPD")
        else:
            ours = namespace in (self.dash, NAMESPACE)
            if (ours or not namespace) and not fits(local, parent):
                local = self._misspelled(local, parent)
            if not ours and fits(local, parent):
                known = self._known(qname, prefix, namespace)
                if known != namespace and not prefix:
                    scope = {**self._copied(scope), "": known}
                namespace = known
        self._scopes.append(scope)
        if not usual and any(":" in key for key in attributes):
            attributes = self._attributes(attributes, scope)
        if namespace not in (self.dash, NAMESPACE):
            return self._foreign(namespace, local), attributes
        return local, attributes if usual else self._respelled_keys(attributes)

    def of_row(self, attributes: dict[str, str], where: list[str], line: int) -> dict[str, str]:
        """Return the attributes of an element that is not entered: a row of a long list."""
        if attributes.keys() <= _ATTRIBUTES:
            return attributes
        self._where, self._line = where, line
        if any(":" in key or key == "xmlns" for key in attributes):
            scope = self._scopes[-1]
            if any(key.startswith("xmlns") for key in attributes):
                scope = self._scope(scope, attributes)
            attributes = self._attributes(attributes, scope)
        return self._respelled_keys(attributes)

    def leave(self) -> None:
        """Leave the last element that was entered."""
        self._scopes.pop()

    def _misspelled(self, local: str, parent: str) -> str:
        """Return the name of DASH that another one means there; the same if it means none."""
        meant = _BY_FOLDED.get(parent, {}).get(_folded(local))
        if meant is not None:
            return self._respelled(local, meant)
        if local in _NAMING and parent in _CHILDREN:
            message = f"{local} has no meaning in {parent}: what it names is not fetched"
            self._warn(message, "Annex B")
        return local

    def _respelled(self, name: str, meant: str, mark: str = "") -> str:
        self._warn(f"{mark}{name} is no name of DASH; read as {mark}{meant}", "Annex B")
        return meant

    def _respelled_keys(self, attributes: dict[str, str]) -> dict[str, str]:
        """Return attributes by the names of DASH that theirs mean."""
        found: dict[str, str] = {}
        for key, value in attributes.items():
            meant = key if key in _ATTRIBUTES else _UNFOLDED.get(_folded(key), key)
            if meant != key and meant not in attributes and meant not in found:
                found[self._respelled(key, meant, "@")] = value
            else:
                found[key] = value
        return found

    def _known(self, qname: str, prefix: str, namespace: str) -> str:
        """Return the namespace in which to read an element whose name DASH has there."""
        name = f"the namespace {namespace!r}" if namespace else "no namespace"
        if prefix and not is_dash(namespace):
            message = f"{qname} is in {name}: ignored, since it is not an element of DASH"
            self._warn(message, "5.2.2")
            return namespace
        self._warn(f"{qname} is in {name}; read as an element of DASH, as players do", "5.2.2")
        return self.dash

    def _scope(self, outer: dict[str, str], attributes: dict[str, str]) -> dict[str, str]:
        scope = dict(self._copied(outer))
        for key in [key for key in attributes if key == "xmlns" or key.startswith("xmlns:")]:
            scope[key[6:]] = attributes.pop(key).strip()
            if key != "xmlns" and not scope[key[6:]]:
                # A prefix that stands for no namespace is as good as undeclared.
                del scope[key[6:]]
        return scope

    def _attributes(self, attributes: dict[str, str], scope: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for key, value in attributes.items():
            prefix, mark, local = key.partition(":")
            if not mark:
                found[key] = value
                continue
            namespace = scope.get(prefix)
            if namespace is None:
                namespace = self._undeclared(prefix)
            elif local == "href" and prefix == "xlink" and namespace != XLINK:
                self._warn(f"xlink is {namespace!r}, not {XLINK!r}; read as if it were", "5.5")
                namespace = XLINK
            if namespace != self.dash and not is_dash(namespace):
                found[self._foreign(namespace, local)] = value
            elif local not in attributes:
                self._warn(f"the attribute {key} has the prefix of DASH; read as {local}", "5.2.2")
                found[local] = value
        return found

    def _copied(self, scope: dict[str, str]) -> dict[str, str]:
        self._budget.spend(ITEM * len(scope), "namespaces, which elements inherit")
        return scope

    def _foreign(self, namespace: str, local: str) -> str:
        self._budget.spend(len(namespace), "names in namespaces")
        return f"{{{namespace}}}{local}"

    def _undeclared(self, prefix: str) -> str:
        self._warn(f"undeclared prefix: {prefix!r}", "Namespaces in XML, 5")
        return self.undeclared.setdefault(prefix, _USUAL.get(prefix, f"undeclared:{prefix}"))

    def _warn(self, message: str, clause: str) -> None:
        self._log.warn_once(
            message, where="/".join(self._where) or "MPD", line=self._line, clause=clause
        )
