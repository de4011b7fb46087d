#!/usr/bin/env bash
# verovio 6.4.1: the flat or sharp of a chord symbol leaves the SVG as a private character of a music font.
#
# Text in MEI's <harm> that holds U+266D or U+266F is split: the letters stay text, the sign becomes U+EA64 or U+EA66
# (figured bass signs of SMuFL, a private use area) in a tspan of font-family Leipzig, at 16/9 of the letters' size. A
# program that draws the SVG without that font, or reads its text, gets "B", a box, and "maj7". A plain "b" or "#" stays as
# it is. The font that the page's notes are set in (here Leland) does not matter.
# Exit status: 0 as long as it is so, 1 when it changes. PYTHON may name an interpreter (3.11 or newer).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check verovio==6.4.1 2> "$work/pip" || { cat "$work/pip"; exit 2; }
cat > "$work/symbols.py" <<'PYTHON'
import re

import verovio

MEI = """<mei xmlns="http://www.music-encoding.org/ns/mei" meiversion="5.0"><meiHead><fileDesc><titleStmt><title/></titleStmt>
<pubStmt/></fileDesc></meiHead><music><body><mdiv><score><scoreDef><staffGrp><staffDef n="1" lines="5" clef.shape="G"
clef.line="2"/></staffGrp></scoreDef><section><measure n="1"><staff n="1"><layer n="1"><note xml:id="a" dur="1" pname="c"
oct="5"/></layer></staff><harm startid="#a">{}</harm></measure></section></score></mdiv></body></music></mei>"""
tool = verovio.toolkit()
tool.setOptions({"font": "Leland", "header": "none", "footer": "none"})
for symbol in ("B\u266dmaj7", "F\u266fm7", "Bbmaj7"):
    tool.loadData(MEI.format(symbol))
    svg = tool.renderToSVG(1)
    harm = svg[svg.index('class="harm"') :].split("</g>")[0]
    parts = re.findall(r'<tspan(?: font-family="(\w+)")? font-size="(\d+)px">([^<]+)<', harm)
    print(ascii(symbol), *(f"{ascii(text)}:{font or 'text'}:{size}" for font, size, text in parts))
PYTHON
"$work/venv/bin/python" "$work/symbols.py" | tee "$work/said"
grep -qxF "'B\\u266dmaj7' 'B':text:405 '\\uea64':Leipzig:720 'maj7':text:405" "$work/said"
grep -qxF "'F\\u266fm7' 'F':text:405 '\\uea66':Leipzig:720 'm7':text:405" "$work/said"
grep -qxF "'Bbmaj7' 'Bbmaj7':text:405" "$work/said"
echo "as described"
