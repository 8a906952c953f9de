"""All targets of the fuzzer, by name."""

from __future__ import annotations

from typing import Final

from tests.fuzz import documents, heads, media, patches, paths, stored, texts
from tests.fuzz.mutation import boxwise, bytewise, elementwise, of_lines, of_xml, several
from tests.fuzz.target import Target

TARGETS: Final = {
    "manifest": Target(documents.run_manifest, documents.manifest_seeds, several(of_xml)),
    "local-mpd": Target(documents.run_local, documents.manifest_seeds, several(of_xml)),
    "patch": Target(patches.run_patch, patches.patch_seeds, several(patches.mutate_patch)),
    "selection": Target(
        documents.run_selection,
        documents.selection_seeds,
        several(of_lines(documents.SELECTION_WORDS)),
    ),
    "names": Target(paths.run_names, paths.name_seeds, several(of_lines(paths.NAME_WORDS))),
    "record": Target(
        stored.run_record, stored.record_seeds, several(of_lines(stored.RECORD_WORDS))
    ),
    "journal": Target(
        stored.run_journal, stored.journal_seeds, several(of_lines(stored.RECORD_WORDS))
    ),
    "remote-index": Target(
        stored.run_remote, stored.remote_seeds, several(of_lines(stored.RECORD_WORDS))
    ),
    "head": Target(heads.run_head, heads.head_seeds, several(of_lines(heads.HEAD_WORDS))),
    "digests": Target(heads.run_digests, heads.digest_seeds, several(of_lines(heads.HEAD_WORDS))),
    "secrets": Target(texts.run_secrets, texts.secret_seeds, several(of_lines(texts.SECRET_WORDS))),
    "url": Target(texts.run_url, texts.url_seeds, several(of_lines(texts.URL_WORDS))),
    "template": Target(
        texts.run_template, texts.template_seeds, several(of_lines(texts.TEMPLATE_WORDS))
    ),
    "value": Target(texts.run_value, texts.value_seeds, several(of_lines(texts.VALUE_WORDS))),
    "boxes": Target(media.run_boxes, media.box_seeds, several(boxwise)),
    "webm": Target(media.run_webm, media.webm_seeds, several(elementwise)),
    "index": Target(media.run_indexes, media.index_seeds, several(boxwise)),
    "files": Target(media.run_files, media.file_seeds, several(bytewise)),
}
