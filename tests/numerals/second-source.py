#!/usr/bin/env python3
"""Writes engine/language/src/spoken/second_source.txt: 0 to 99 in the engine's languages as two other sources
spell them. Needs the network once; the tests read what it wrote.

    python3 -m venv /tmp/numerals && /tmp/numerals/bin/pip install icu_rbnf==0.2.0 indic_numtowords==1.1.0
    /tmp/numerals/bin/python tests/numerals/second-source.py

A package of another version may spell otherwise: what then differs from the engine's words has to be explained in
engine/language/src/spoken/differences.txt, or the engine's words corrected.
"""

import pathlib
import unicodedata
from importlib.metadata import version

import icu_rbnf
from indic_numtowords import num2words

LANGUAGES = ["en", "hi", "ta", "te", "mr", "kn", "ml", "bn", "gu", "pa", "or"]
# ICU spells numbers of other languages in English: CLDR has no rules for them
OF_CLDR = ["en", "hi", "ta", "gu"]
FIXTURE = pathlib.Path(__file__).parents[2] / "engine/language/src/spoken/second_source.txt"


def plain(words):
    return " ".join(unicodedata.normalize("NFC", words).replace("\u200c", "").replace("\u200d", "").split())


def main():
    lines = [
        "# 0 to 99 as other sources spell them: language | source | number | words. Written by tests/numerals/second-source.py.",
        "# cldr: the spell-out rules of Unicode CLDR, by ICU 78 (PyPI icu_rbnf %s). Unicode-3.0, (c) Unicode, Inc." % version("icu_rbnf"),
        "# ai4bharat: PyPI indic_numtowords %s, github.com/AI4Bharat/indic-numtowords. MIT, (c) AI4Bharat." % version("indic_numtowords"),
    ]
    for language in LANGUAGES:
        sources = {"ai4bharat": lambda number: num2words(number, lang=language)}
        if language in OF_CLDR:
            sources["cldr"] = lambda number: icu_rbnf.spellout(number, language + "_IN")
        for source in sorted(sources):
            for number in range(100):
                lines.append(" | ".join([language, source, str(number), plain(sources[source](number))]))
    FIXTURE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
