"""Languages as people mean them: ``en`` is also ``eng``, ``en-GB``, ``en_US`` and ``English``.

A language range matches a tag by basic filtering (RFC 4647, 3.3.1): it is the tag, or its
beginning up to a hyphen. Both are brought to one form before:

* of the codes that ISO 639 gives a language (639-1, 639-2/T, 639-2/B), withdrawn codes, the
  standard form of a macrolanguage (``cmn`` is ``zh``, ``arb`` is ``ar``) and the English name,
  the shortest code is taken, as BCP 47 demands;
* a language that BCP 47 puts behind a prefix is taken without it: ``zh-yue`` is ``yue``;
* an underscore is a hyphen, case and spaces around are ignored, and an empty tag is ``und``.

A language within another is matched by both: ``yue`` by ``zh``, ``nb`` by ``no``. Everything else
that is no valid tag stays what it is, and is matched by the same text.
"""

from __future__ import annotations

from functools import cache
from typing import Final


def canonical(tag: str | None) -> str:
    """Return the one form of a language tag or of a plain language range, in lower case."""
    text = (tag or "").strip().lower().replace("_", "-")
    primary, *others = text.split("-")
    if others and f" {others[0]} " in _WITHIN.get(_codes().get(primary, primary), ""):
        primary, *others = others
    return "-".join((_codes().get(primary, primary), *others)) or "und"


def in_range(tag: str | None, wanted: str) -> bool:
    """Return True if a tag, or None for an unknown language, is in a language range."""
    limit = canonical(wanted)
    return any(f"{reading}-".startswith(f"{limit}-") for reading in readings(tag))


def readings(tag: str | None) -> tuple[str, ...]:
    """Return the canonical form, and that with the language that a tag's own one belongs to."""
    own = canonical(tag)
    primary, hyphen, rest = own.partition("-")
    wider = [
        f"{outer}{hyphen}{rest}" for outer, inner in _WITHIN.items() if f" {primary} " in inner
    ]
    return (own, *wider)


def iso639_2(tag: str | None) -> str:
    """Return the code of three letters for files (ISO 639-2/T); ``und`` where there is none.

    Private codes (``qaa`` to ``qtz``) mean nothing outside the presentation.
    """
    primary = canonical(tag).partition("-")[0]
    if len(primary) == 3:
        known = primary.isascii() and primary.isalpha() and not "qaa" <= primary <= "qtz"
        return primary if known else "und"
    for row in _rows():
        if row[0] == primary:
            return next((code for code in row[1:] if len(code) == 3), "und")
    return "und"


def bibliographic(code: str) -> str:
    """Return the other code (ISO 639-2/B) of a language that has two, else the same."""
    return _BIBLIOGRAPHIC.get(code, code)


@cache
def _rows() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(row.split("/")) for row in " ".join(_TABLE.split()).split(", "))


@cache
def _codes() -> dict[str, str]:
    return {alias: row[0] for row in _rows() for alias in row}


_WITHIN: Final = {
    "ar": " acm acw aeb afb ajp apc apd arb ars ary arz ",
    "fa": " pes prs ",
    "no": " nb nn nob nno ",
    "zh": " cdo cjy cmn cpx czh czo gan hak hsn lzh mnp nan wuu yue ",
}
"""Languages that are also called by the name of a wider one, after ISO 639-3."""

_BIBLIOGRAPHIC: Final = {
    "sqi": "alb", "hye": "arm", "eus": "baq", "mya": "bur", "zho": "chi", "ces": "cze",
    "nld": "dut", "fra": "fre", "kat": "geo", "deu": "ger", "ell": "gre", "isl": "ice",
    "mkd": "mac", "msa": "may", "mri": "mao", "fas": "per", "ron": "rum", "slk": "slo",
    "bod": "tib", "cym": "wel",
}  # fmt: skip
"""The languages that have two codes of three letters."""

_TABLE: Final = """
aa/aar/afar, ab/abk/abkhazian, ae/ave/avestan, af/afr/afrikaans, ak/aka/akan/tw/twi,
am/amh/amharic, an/arg/aragonese, ar/ara/arabic/arb, as/asm/assamese, av/ava/avaric,
ay/aym/aymara, az/aze/azerbaijani/azj, ba/bak/bashkir, be/bel/belarusian, bg/bul/bulgarian,
bi/bis/bislama, bm/bam/bambara, bn/ben/bengali/bangla, bo/bod/tib/tibetan, br/bre/breton,
bs/bos/bosnian, ca/cat/catalan/valencian, ce/che/chechen, ch/cha/chamorro, co/cos/corsican,
cr/cre/cree, cs/ces/cze/czech, cu/chu/church slavic, cv/chv/chuvash, cy/cym/wel/welsh,
da/dan/danish, de/deu/ger/german, dv/div/divehi, dz/dzo/dzongkha, ee/ewe, el/ell/gre/greek,
en/eng/english, eo/epo/esperanto, es/spa/spanish/castilian, et/est/estonian/ekk,
eu/eus/baq/basque, fa/fas/per/persian/pes/farsi, ff/ful/fulah, fi/fin/finnish,
fil/tl/tgl/filipino/tagalog, fj/fij/fijian, fo/fao/faroese, fr/fra/fre/french, fy/fry/frisian,
ga/gle/irish, gd/gla/gaelic, gl/glg/galician, gn/grn/guarani/gug, gu/guj/gujarati, gv/glv/manx,
ha/hau/hausa, he/heb/hebrew/iw, hi/hin/hindi, ho/hmo/hiri motu, hr/hrv/croatian/scr,
ht/hat/haitian, hu/hun/hungarian, hy/hye/arm/armenian, hz/her/herero, ia/ina/interlingua,
id/ind/indonesian/in, ie/ile/interlingue, ig/ibo/igbo, ii/iii/sichuan yi, ik/ipk/inupiaq,
io/ido, is/isl/ice/icelandic, it/ita/italian, iu/iku/inuktitut, ja/jpn/japanese,
jv/jav/javanese/jw, ka/kat/geo/georgian, kg/kon/kongo, ki/kik/kikuyu, kj/kua/kuanyama,
kk/kaz/kazakh, kl/kal/kalaallisut, km/khm/khmer/cambodian, kn/kan/kannada, ko/kor/korean,
kr/kau/kanuri, ks/kas/kashmiri, ku/kur/kurdish/kmr, kv/kom/komi, kw/cor/cornish,
ky/kir/kyrgyz/kirghiz, la/lat/latin, lb/ltz/luxembourgish, lg/lug/ganda, li/lim/limburgan,
ln/lin/lingala, lo/lao, lt/lit/lithuanian, lu/lub, lv/lav/latvian/lvs,
mg/mlg/malagasy/plt, mh/mah/marshallese, mi/mri/mao/maori, mk/mkd/mac/macedonian,
ml/mal/malayalam, mn/mon/mongolian/khk, mr/mar/marathi, ms/msa/may/malay/zsm, mt/mlt/maltese,
my/mya/bur/burmese, na/nau/nauru, nb/nob/bokmål, nd/nde/north ndebele, ne/nep/nepali/npi,
ng/ndo/ndonga, nl/nld/dut/dutch/flemish, nn/nno/nynorsk, no/nor/norwegian, nr/nbl/south ndebele,
nv/nav/navajo, ny/nya/chichewa, oc/oci/occitan, oj/oji/ojibwa, om/orm/oromo/gaz,
or/ori/odia/ory/oriya, os/oss/ossetian, pa/pan/punjabi/panjabi, pi/pli/pali, pl/pol/polish,
ps/pus/pashto/pbu/pushto, pt/por/portuguese, qu/que/quechua/quz, rm/roh/romansh, rn/run/rundi,
ro/ron/rum/romanian/mo/mol/moldavian, ru/rus/russian, rw/kin/kinyarwanda, sa/san/sanskrit,
sc/srd/sardinian, sd/snd/sindhi, se/sme/northern sami, sg/sag/sango, sh/hbs,
si/sin/sinhala/sinhalese, sk/slk/slo/slovak, sl/slv/slovenian, sm/smo/samoan, sn/sna/shona,
so/som/somali, sq/sqi/alb/albanian/als, sr/srp/serbian/scc, ss/ssw/swati, st/sot/southern sotho,
su/sun/sundanese, sv/swe/swedish, sw/swa/swahili/swh, ta/tam/tamil, te/tel/telugu, tg/tgk/tajik,
th/tha/thai, ti/tir/tigrinya, tk/tuk/turkmen, tn/tsn/tswana, to/ton/tongan, tr/tur/turkish,
ts/tso/tsonga, tt/tat/tatar, ty/tah/tahitian, ug/uig/uyghur/uighur, uk/ukr/ukrainian,
und/unknown/undefined/undetermined, ur/urd/urdu, uz/uzb/uzbek/uzn, ve/ven/venda,
vi/vie/vietnamese, vo/vol/volapük, wa/wln/walloon, wo/wol/wolof, xh/xho/xhosa,
yi/yid/yiddish/ji/ydd, yo/yor/yoruba, yue/cantonese, za/zha/zhuang,
zh/zho/chi/chinese/cmn/mandarin, zu/zul/zulu
"""
"""Codes and names of the languages of ISO 639-1, each language's tag in BCP 47 first."""
