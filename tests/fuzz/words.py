"""Words for the mutators: names of the standard, and values that readers have stumbled over."""

from __future__ import annotations

from typing import Final

ELEMENTS: Final = tuple(
    b"MPD Period AdaptationSet Representation SubRepresentation SegmentBase SegmentList SegmentTemplate "
    b"SegmentTimeline S SegmentURL Initialization RepresentationIndex BitstreamSwitching BaseURL "
    b"Location PatchLocation UTCTiming ContentProtection cenc:pssh mspr:pro EssentialProperty "
    b"SupplementalProperty UrlQueryInfo EventStream Event InbandEventStream Role Accessibility "
    b"AudioChannelConfiguration ProgramInformation Title Label Preselection ContentSteering "
    b"ServiceDescription FailoverContent FCS Pattern P".split()
)
ATTRIBUTES: Final = tuple(
    b"t d r n k p media initialization index indexRange indexRangeExact mediaRange range sourceURL "
    b"byteRange timescale duration startNumber endNumber presentationTimeOffset eptDelta pdDelta "
    b"availabilityTimeOffset availabilityTimeComplete availabilityStartTime availabilityEndTime "
    b"publishTime type mediaPresentationDuration minimumUpdatePeriod timeShiftBufferDepth "
    b"suggestedPresentationDelay maxSegmentDuration minBufferTime profiles id start bandwidth width "
    b"height frameRate sar par lang contentType mimeType codecs audioSamplingRate qualityRanking "
    b"dependencyId associationId schemeIdUri value cenc:default_KID serviceLocation dvb:priority "
    b"dvb:weight xlink:href xlink:actuate bitstreamSwitching xmlns xmlns:xlink xmlns:x x:y "
    b"queryTemplate useMPDUrlQuery queryString queryBeforeStart group subsegmentStartsWithSAP "
    b"selectionPriority tag initializationSetRef".split()
)
VALUES: Final = (
    b"", b" ", b"0", b"1", b"-1", b"2", b"7", b"00", b"+1", b"1.5", b"1_000", b"1e400", b"0x10", b"1/0", b"1/3",
    b"9" * 19, b"9" * 20, b"-" + b"9" * 20, b"9" * 400, b"4294967296", b"9223372036854775808", b"10000000",
    b"1000000", b"90000", b"INF", b"-INF", b"NaN", b"true", b"false", b"static", b"dynamic",
    "\u00b2".encode(), "\uff11".encode(), "\u0663".encode(), "\u2028".encode(), "\u202e".encode(),
    "\ue000".encode(), "\ue3ff".encode(), "\ufeff".encode(), "\u00e9".encode(), "e\u0301".encode(), "\u1e9e".encode(),
    b"\xff", b"\xed\xa0\x80", b"\0", b"\x1b[0m", b"\r\n", b"\t", b"\x7f",
    b"PT4S", b"PT0S", b"PT0.001S", b"PT1E9S", b"P1Y", b"PT", b"-PT1S", b"P" + b"9" * 30 + b"Y", b"90s", b"1:30:00",
    b"2026-01-01T00:00:00Z", b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59.999-14:00", b"2026-02-30T00:00:00Z",
    b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sun, 06 Nov 0000 08:49:37 GMT",
    b"0-0", b"0-9", b"9-0", b"100-", b"-100", b"0-" + b"9" * 19, b"bytes 0-9/10", b"bytes 0-9/*", b"bytes */10",
    b"bytes 5-9/10", b"bytes 0-9/5", b"bytes 9-0/10",
    b"a", b"a/b", b"../a", b"../../../../etc/passwd", b"/a", b"//g.example/a", b"http://g.example/b/", b"http://[::1]:8/",
    b"http://[", b"http://", b"http:a", b"https://u:p@g/a?b=c#d", b"file:///etc/passwd", b"data:,a", b"data:;base64,AAAA",
    b"urn:mpeg:dash:resolve-to-zero:2013", b"x.mpd", b"x.local.mpd", b"SHA256SUMS", b".dashget/record.jsonl",
    b"_external/h/a", b"_data/a", b"con", b"AUX.m4s", b"a.", b"a ", b".", b"..", b"%2e%2e/a", b"%2F", b"%5c", b"%00",
    b"%", b"%zz", b"%25", b"%E2%80%AE", b"a?b", b"a?b=$Number$", b"a|b", b"a" * 300, "\u00e4".encode() * 130,
    b"$Number$.m4s", b"$Time$", b"$Number%05d$", b"$Number%99999d$", b"$RepresentationID$/$Number$", b"$$", b"$", b"$Foo$",
    b"$Bandwidth%x$", b"$SubNumber$", b"v-$Number$-$Time$.m4s", b"{n}", b"$base$?$query$", b"$base$$first$-$last$",
    b"$querypart$", b"$query:a$", b"$header:a$",
    b"video/mp4", b"audio/mp4", b"video/webm", b"text/vtt", b"application/mp4", b"avc1.64001f", b"en", b"und", b"25", b"30000/1001",
    b"urn:mpeg:dash:utc:direct:2014", b"urn:mpeg:dash:utc:http-iso:2014", b"urn:mpeg:dash:utc:http-head:2014",
    b"urn:mpeg:dash:urlparam:2014", b"urn:mpeg:dash:mp4protection:2011", b"urn:mpeg:dash:schema:mpd:2011",
    b"urn:mpeg:dash:event:callback:2015", b"http://dashif.org/guidelines/thumbnail_tile", b"urn:x",
)  # fmt: skip
SNIPPETS: Final = (
    b"<S/>", b'<S t="0" d="2" r="3"/>', b'<S d="2" r="-1"/>', b'<S t="9" d="0" r="5"/>', b'<S d="1" k="3"/>',
    b"<SegmentTimeline><S d='2' r='1'/></SegmentTimeline>",
    b'<SegmentTemplate duration="2" media="$Number$.m4s"/>', b'<SegmentTemplate timescale="0" duration="0"/>',
    b'<SegmentList duration="2"><SegmentURL media="a.m4s" mediaRange="0-9"/><SegmentURL/></SegmentList>',
    b'<SegmentBase indexRange="0-99" timescale="10"><Initialization range="0-9"/></SegmentBase>',
    b'<BaseURL byteRange="$base$?$first$-$last$">b/</BaseURL>', b"<BaseURL>http://g.example/c/</BaseURL>",
    b'<BaseURL availabilityTimeOffset="INF">../</BaseURL>', b"<Location>http://g.example/y.mpd</Location>",
    b'<Period xlink:href="remote.xml" xmlns:xlink="http://www.w3.org/1999/xlink"/>',
    b'<Representation id="w" bandwidth="1"/>', b"<Representation/>", b"<AdaptationSet/>", b'<Period duration="PT4S"/>',
    b'<UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-xsdate:2014" value="clock"/>',
    b'<ContentProtection schemeIdUri="urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed" '
    b'xmlns:cenc="urn:mpeg:cenc:2013"><cenc:pssh>AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA=</cenc:pssh></ContentProtection>',
    b'<EssentialProperty schemeIdUri="urn:mpeg:dash:urlparam:2014"><UrlQueryInfo queryTemplate="$querypart$" '
    b'useMPDUrlQuery="true"/></EssentialProperty>',
    b'<EventStream schemeIdUri="urn:x"><Event presentationTime="1"/></EventStream>',
    b'<AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>',
    b"<!-- a -->", b"<?x y?>", b"<![CDATA[a]]>", b"&amp;", b"&#x202e;", b"&a;", b"&", b"<!DOCTYPE MPD>", b'<?xml version="1.0"?>',
)  # fmt: skip
