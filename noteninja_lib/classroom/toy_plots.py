"""Plots of the lessons on latent space and diffusion: clouds of points, strips of pictures, and sliders over them.

Lesson: 05_autoencoders_and_latent_space, 06_diffusion_theory
"""
import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from noteninja_lib.classroom.plotting import BLUE, DECIBELS, LOOKS, ORANGE, _axes, plot_mel

REACH = 3.0        # of the plane that is shown, to every side
MARKS = ("o", "o", "^")


def plot_points(points, labels=None, ax=None):
    """Draw a cloud of points of the plane.

    Parameters
    ----------
    points : torch.Tensor, shape (n, 2)
    labels : torch.Tensor of int, shape (n,), optional
        Kinds of points, 0 to 2, told apart by colour and mark.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
    """
    ax = _axes(ax, (3, 3))
    points = np.asarray(points.detach())
    kinds = np.zeros(len(points), int) if labels is None else np.asarray(labels)
    for kind in np.unique(kinds):
        ax.scatter(*points[kinds == kind].T, s=3, marker=MARKS[kind], color=(BLUE, BLUE, ORANGE)[kind])
    ax.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal", xticks=(-2, 0, 2), yticks=(-2, 0, 2))
    return ax


def plot_clouds(clouds, labels=None):
    """Draw clouds of points side by side.

    Parameters
    ----------
    clouds : dict of str to torch.Tensor, shape (n, 2)
        Title and points.
    labels : torch.Tensor of int, shape (n,), optional
        The same for all clouds.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = plt.subplots(1, len(clouds), figsize=(2.3 * len(clouds), 2.6), layout="constrained", squeeze=False)
    for ax, (title, points) in zip(axes[0], clouds.items()):
        plot_points(points, labels, ax).set_title(title, fontsize=10)
        ax.set(xlabel="first number")
        ax.label_outer()
    axes[0, 0].set_ylabel("second number")
    plt.close(figure)      # else a notebook would show it a second time at the end of the cell
    return figure


def plot_mels(mels):
    """Draw log-mel pictures side by side, all in the same colours.

    Parameters
    ----------
    mels : dict of str to array or torch.Tensor, shape (96, frames)
        Title and natural-log mels.

    Returns
    -------
    matplotlib.figure.Figure
    """
    brightest = max(float(np.max(np.asarray(mel))) for mel in mels.values()) * DECIBELS
    figure, axes = plt.subplots(1, len(mels), figsize=(max(2.4 * len(mels), 5) + 0.6, 2.8), layout="constrained", sharey=True,
                                squeeze=False)
    for ax, (title, mel) in zip(axes[0], mels.items()):
        plot_mel(mel, ax, loudest=brightest).set_title(title, fontsize=10)
        ax.label_outer()
    figure.colorbar(axes[0, 0].images[0], ax=axes, label="level in dB", pad=0.01)
    plt.close(figure)
    return figure


def plot_tiles(tiles, rows=1, label="strength"):
    """Draw small pictures of numbers side by side, each in colours of its own around 0.

    Parameters
    ----------
    tiles : dict of str to array or torch.Tensor, shape (rows, columns)
        Title and numbers.
    rows : int
        How many rows of pictures.
    label : str
        What the numbers are.

    Returns
    -------
    matplotlib.figure.Figure
    """
    columns = -(-len(tiles) // rows)
    figure, axes = plt.subplots(rows, columns, figsize=(1.35 * columns if rows == 1 else 2.8 * columns, 1.9 * rows),
                                layout="constrained", squeeze=False)
    for ax in axes.flat:
        ax.axis("off")
    values = [np.asarray(tile) for tile in tiles.values()]
    reach = max(np.quantile(np.abs(value), 0.99) for value in values)      # a few outliers may be as dark as the rest
    for ax, title, value in zip(axes.flat, tiles, values):
        image = ax.imshow(value, origin="lower", aspect="equal" if rows == 1 else "auto", cmap="PuOr", vmin=-reach, vmax=reach,
                          interpolation="nearest")
        ax.set_title(title, fontsize=9)
    figure.colorbar(image, ax=axes, label=label, pad=0.01, extend="both")
    plt.close(figure)
    return figure


def plot_lines(x, curves, xlabel, ylabel, ax=None):
    """Draw long curves without marks, told apart by colour and line; returns the axes."""
    ax = _axes(ax, (6, 2.8))
    for (name, values), look in zip(curves.items(), LOOKS * len(curves)):
        ax.plot(x, values, label=name, **{**look, "marker": ""})
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if len(curves) > 1:
        ax.legend()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def explore(draw, **sliders):
    """Sliders over a picture, which is drawn anew when one is moved.

    Parameters
    ----------
    draw : callable
        Takes the values by name and returns a figure, or what else a notebook can show.
    sliders : (low, high, step, start)
        Of each value, by its name; whole numbers give whole numbers.

    Returns
    -------
    ipywidgets.Widget
        With the handles ``nn-explore`` and ``nn-slider-<name>``.
    """
    made = {}
    for name, (low, high, step, start) in sliders.items():
        kind = widgets.IntSlider if all(isinstance(one, int) for one in (low, high, step, start)) else widgets.FloatSlider
        made[name] = kind(start, min=low, max=high, step=step, description=name, continuous_update=False)
        made[name].add_class(f"nn-slider-{name}")
    box = widgets.interactive(draw, **made)
    box.add_class("nn-explore")
    return box
