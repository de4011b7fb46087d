"""How the widgets look, and the parts that they have in common.

One style sheet (``static/widgets.css``) has a second size that the last row of a classroom can read.

Lesson: 00_genre_converter
"""

import html
from pathlib import Path

import anywidget
import ipywidgets as widgets

STATIC = Path(__file__).parent / "static"
CSS = (STATIC / "widgets.css").read_text("utf-8")


class Names(anywidget.AnyWidget):
    """Names what ipywidgets leaves without a name for a screen reader, and opens folds by keys; invisible."""

    _esm = (STATIC / "names.js").read_text("utf-8")


def style_sheet() -> widgets.Box:
    """Style sheet and `Names` as an invisible widget, to put among the children of an instrument."""
    return widgets.Box([widgets.HTML(f"<style>{CSS}</style>"), Names()], layout={"display": "none"})


def name_parts(owner: object = None, names: str = "", /, **parts: widgets.DOMWidget) -> None:
    """Give widgets the CSS class ``nn-...`` by which the style sheet and the tests know them.

    Parameters
    ----------
    owner, names
        Attributes of an object, with spaces between; each gets the class of its own name.
    **parts
        Others by name; _ stands for -.
    """
    for name, part in ({one: getattr(owner, one) for one in names.split()} | parts).items():
        part.add_class(f"nn-{name.replace('_', '-')}")


def stage_button(owner: widgets.DOMWidget) -> widgets.ToggleButton:
    """The button "large type" of an instrument, which then also gets what the style sheet holds for all."""
    button = widgets.ToggleButton(value=False, description="large type", icon="expand")
    change = {True: owner.add_class, False: owner.remove_class}
    button.observe(lambda press: change[press["new"]]("nn-stage"), "value")
    name_parts(converter=owner, stage_toggle=button)
    return button


def short(*parts: widgets.DOMWidget) -> tuple[widgets.DOMWidget, ...]:
    """Make widgets with a short value narrower; returns them."""
    for part in parts:
        part.add_class("nn-short")
    return parts


def row(*parts: widgets.Widget) -> widgets.HBox:
    """Widgets side by side, in a second line where there is no room."""
    box = widgets.HBox(list(parts))
    box.add_class("nn-row")
    return box


def slider(
    name: str, value: float, low: float, high: float, step: float, form: str = ".2f"
) -> widgets.FloatSlider:
    """A `FloatSlider` that tells its value when it is let go; `form` is how it is written, such as ".0%"."""
    look = {"description": name, "readout_format": form, "continuous_update": False}
    return widgets.FloatSlider(value=value, min=low, max=high, step=step, **look)


def player() -> widgets.Audio:
    """A player for mp3, still empty."""
    return widgets.Audio(value=b"", format="mp3", autoplay=False, loop=False)


def fold(title: str, *parts: widgets.Widget) -> widgets.Accordion:
    """Widgets one below the other that are shown when their title is pressed."""
    box = widgets.Accordion([widgets.VBox(list(parts))], selected_index=None)
    box.set_title(0, title)
    return box


def meter(name: str, share: float, words: str) -> str:
    """A named bar (HTML) for a share in 0..1, with a sentence that says what it means."""
    width = min(max(float(share), 0.0), 1.0)
    return (
        f'<div class="nn-meter"><b>{html.escape(name)}</b>'
        f'<div class="nn-bar"><div style="width:{width:.0%}"></div></div>'
        f"<span>{width:.0%}</span><span>{html.escape(words)}</span></div>"
    )


def told(name: str, words: str) -> str:
    """A name and a sentence (HTML), below each other with `meter`."""
    name, words = html.escape(name), html.escape(words)
    return f'<div class="nn-meter"><b>{name}</b><span class="nn-told">{words}</span></div>'


def two_bars(name: str, asked: float, heard: float) -> str:
    """A named pair of bars (HTML), both 0..1: the share that was asked for, and below it what was heard."""
    bars = "".join(
        f'<div class="nn-bar {kind}"><div style="width:{min(max(share, 0.0), 1.0):.1%}"></div></div>'
        for kind, share in (("nn-asked", asked), ("nn-heard", heard))
    )
    return (
        f'<div class="nn-meter"><b>{html.escape(name)}</b><div class="nn-both">{bars}</div><span></span>'
        f"<span>asked for {asked:.0%}, heard {heard:.0%}</span></div>"
    )
