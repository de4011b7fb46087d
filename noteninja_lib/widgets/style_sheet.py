"""How the widgets look: one style sheet, with a second size that the last row of a classroom can read.

Lesson: 00_genre_converter
"""

import html

import ipywidgets as widgets

# Widgets keep their 13 px wherever they are shown; only these variables change them.
CSS = """
.nn-converter { max-width: 1500px; }
.nn-converter .widget-html-content { line-height: 1.4; }
.nn-row { flex-wrap: wrap; align-items: center; column-gap: 8px; }
.nn-row .jupyter-button { width: auto; min-width: 7em; }
.nn-row .nn-stage-toggle { margin-left: auto; }
.nn-time-left { flex: 1 1 12em; }
.nn-pair { flex-wrap: wrap; align-items: flex-start; gap: 8px 16px; }
.nn-side { flex: 1 1 420px; min-width: 0; }
.nn-reading .nn-side { flex-basis: 560px; }
.nn-side img { width: 100%; height: auto; }
.nn-side audio, .nn-side .widget-audio { width: 100%; }
.nn-error { border-left: 4px solid #D55E00; padding: 4px 10px; background: rgba(213, 94, 0, .1); }
.nn-info { border-left: 4px solid #0072B2; padding: 4px 10px; background: rgba(0, 114, 178, .1); }
.nn-meter { display: grid; grid-template-columns: 9em 10em 3.5em 1fr; gap: 0 12px;
  align-items: center; margin: 4px 0; }
.nn-meter b { text-align: left; }
.nn-bar { height: .8em; background: rgba(128, 128, 128, .25); border-radius: .4em; overflow: hidden; }
.nn-bar div { height: 100%; background: #0072B2; }
.nn-bar.nn-asked div { background: #E69F00; }
.nn-meter .nn-both { display: grid; gap: 2px; }
.nn-beside { flex: 1 1 15em; min-width: 0; }
.nn-short { width: calc(var(--jp-widgets-inline-label-width) + 8em); }
.nn-square .nn-corners-top, .nn-square .nn-corners-bottom { justify-content: space-between; }
.nn-download { color: var(--jp-content-link-color, #0072B2); text-decoration: underline; }
.nn-path, .nn-song { width: 34em; max-width: 100%; }
.nn-path input { width: 100%; }
.nn-stage { --jp-widgets-font-size: 24px; --jp-ui-font-size1: 24px; --jp-code-font-size: 22px;
  --jp-widgets-inline-height: 48px; --jp-widgets-inline-width: 520px; --jp-widgets-inline-width-short: 256px;
  --jp-widgets-inline-label-width: 130px; --jp-widgets-horizontal-tab-height: 42px;
  --jp-widgets-slider-handle-size: 28px; --jp-widgets-slider-track-thickness: 8px; font-size: 24px; }
.nn-stage .nn-side { flex-basis: 100%; }
.nn-stage .widget-html-content { font-size: 24px; }
"""


def style_sheet():
    """The style sheet as an invisible widget, to put among the children of another widget."""
    sheet = widgets.HTML(f"<style>{CSS}</style>")
    sheet.layout.display = "none"
    return sheet


def meter(name, share, words):
    """A named bar (HTML) for a share in 0..1, with a sentence that says what it means."""
    width = min(max(float(share), 0.0), 1.0)
    return (
        f'<div class="nn-meter"><b>{html.escape(name)}</b>'
        f'<div class="nn-bar"><div style="width:{width:.0%}"></div></div>'
        f"<span>{width:.0%}</span><span>{html.escape(words)}</span></div>"
    )


def two_bars(name, asked, heard):
    """A named pair of bars (HTML), both 0..1: the share that was asked for, and below it the one that was heard."""
    bars = "".join(
        f'<div class="nn-bar {kind}"><div style="width:{min(max(share, 0.0), 1.0):.1%}"></div></div>'
        for kind, share in (("nn-asked", asked), ("nn-heard", heard))
    )
    return (
        f'<div class="nn-meter"><b>{html.escape(name)}</b><div class="nn-both">{bars}</div><span></span>'
        f"<span>asked for {asked:.0%}, heard {heard:.0%}</span></div>"
    )
