"""The numbers of the README: each file of figures in data/models gives a few lines of Markdown, if it is there."""

import json
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import torch
from matplotlib.ticker import LogLocator, NullLocator

from benchmarks.acoustic_conditions import table as difficult_table
from benchmarks.arrangements import MOVES
from benchmarks.controls.tempo import TEMPO_NAMES
from benchmarks.networks import STAGES, true_and_decoded
from benchmarks.samplers import table as steps_table
from benchmarks.sheet_music.reading_errors import table as sheets_table
from noteninja_lib import STEPS, data_folder
from noteninja_lib.evaluation.comparison import table
from noteninja_lib.music.generation import KNOWN_RUN
from noteninja_lib.pipeline import load_pipeline
from noteninja_lib.plots import LOOKS, plot_conversion, plot_curves, plot_pairs

# Pictures of what a setting does: the amount slider, and the number of steps.
#
# Each takes the figures that were measured and an empty figure to draw on. Lesson: 00_genre_converter.

#: Panels of the picture of steps: what is drawn, the measure, and the least that the y axis spans, so that chance looks small.
PANELS = (
    ("melody note F1", "note_f1", 0.3),
    ("chroma cosine to the source", "chroma_cosine", 0.3),
    ("nearest of ten is the right recording", "right_recording_of_10", 0.3),
    ("judge's share for the genre", "judge_share", 0.3),
    ("log-spectral distance to the truth, dB", "log_spectral_distance", 2.0),
    ("sharpness in time, truth = 1", "sharpness_in_time", 0.3),
)
SCHEDULER_NAMES = {"euler": "Euler", "heun": "Heun", "dpm++": "DPM-Solver++", "unipc": "UniPC"}


def plot_amounts(figures, figure=None):
    """Draw what the amount slider does to genre, likeness and tune, with 95 % intervals, and how evenly it leads.

    Parameters
    ----------
    figures : dict
        What `noteninja amounts` wrote.
    figure : matplotlib.figure.Figure, optional
        An empty figure; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = figure or plt.figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    strengths, measures = figures["amounts"], figures["measures"]
    shown = {
        "asked-for genre: the judge's share": "judge_share",
        "source: chroma cosine": "chroma_cosine",
        "tune: melody note F1": "note_f1",
    }
    plot_curves(
        strengths, {words: [mean for mean, _, _ in measures[name]] for words, name in shown.items()}, left
    )
    for name, look in zip(shown.values(), LOOKS):
        _, low, high = zip(*measures[name])
        left.fill_between(strengths, low, high, color=look["color"], alpha=0.2, linewidth=0)
    left.set(
        xlabel="amount",
        ylabel="mean, 0 to 1, with its 95 % interval",
        ylim=(0, 1.02),
        title="what changes and what stays",
    )
    way = figures["way"]
    plot_curves(
        strengths,
        {
            "to the genre": way["judge_share"],
            "away from the source": way["spectral_distance"],
            "mean of the two": way["mean"],
        },
        right,
    )
    right.plot([0, 1], [0, 1], color="grey", linewidth=1, zorder=0, label="even")
    right.legend(loc="upper left", fontsize=9)
    right.set(
        xlabel="amount",
        ylabel="share of the whole way",
        ylim=(-0.02, 1.02),
        title="how evenly it leads there",
    )
    return figure


def plot_steps(figures, figure=None):
    """Draw quality against the time of denoising: a line for each scheduler, a mark for each number of steps.

    Parameters
    ----------
    figures : dict
        What `noteninja steps` wrote.
    figure : matplotlib.figure.Figure, optional
        An empty figure; a new one if None.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure = figure or plt.figure(figsize=(12, 6.5), layout="constrained")
    drawn = steps_alone(figures["ways"])
    axes = figure.subplots(2, 3, sharex=True)
    for ax, (words, measure, span) in zip(axes.flat, PANELS):
        for (scheduler, found), look in zip(drawn.items(), LOOKS):
            _curve_in_time(ax, found, measure, look, scheduler)
        low, high = ax.get_ylim()
        room = max(0, span - (high - low)) / 2
        ax.set(title=words, xscale="log", ylim=(low - room, high + room))
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.spines[["top", "right"]].set_visible(False)
    figure.supxlabel("denoising: seconds that one core takes for a second of music")
    axes[0, 0].legend(title="number of steps at Euler's marks", fontsize=8, title_fontsize=8)
    return figure


def _curve_in_time(ax, found, measure, look, scheduler):
    """One scheduler's line; Euler's with its 95 % intervals and its steps."""
    seconds, (means, lows, highs) = (
        [one["core_seconds"] for one in found],
        zip(*(one["measures"][measure] for one in found)),
    )
    ax.plot(seconds, means, label=SCHEDULER_NAMES[scheduler], markersize=5, **look)
    if scheduler == "euler":
        ax.fill_between(seconds, lows, highs, color=look["color"], alpha=0.15, linewidth=0)
        for one, mean in zip(found, means):
            ax.annotate(
                str(one["steps"]),
                (one["core_seconds"], mean),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=look["color"],
            )


def steps_alone(ways):
    """The ways that differ from the most usual guidance in nothing, by scheduler; lists with rising steps."""
    settings = [(one["guidance"], tuple(one["guided"]), one["shift"]) for one in ways]
    usual = max(set(settings), key=settings.count)
    found = {}
    for one, setting in zip(ways, settings):
        if setting == usual:
            found.setdefault(one["scheduler"], []).append(one)
    return {scheduler: sorted(rows, key=lambda one: one["steps"]) for scheduler, rows in found.items()}


# The README's lines about steering: what each knob was measured to do, from data/models/steering.json.


def steering_lines(found):
    """A paragraph or table for each part that was measured."""
    lines = ["What the knobs do:", ""]
    for name, of in (
        ("interpolation", interpolation_lines),
        ("inversion", inversion_lines),
        ("inventions", invention_lines),
        ("tempo", tempo_lines),
        ("mood", mood_lines),
        ("length", length_lines),
    ):
        if name in found:
            lines += [*of(found[name]), ""]
    return lines


def share(value):
    """A share with its interval, in per cent."""
    mean, low, high = value
    return f"{mean:.0%} [{low:.0%}, {high:.0%}]"


def interpolation_lines(found):
    """How evenly one thing turns into another."""
    genres, noises, songs, paths = (found[name] for name in ("genres", "noises", "songs", "paths"))
    return [
        "*Between two things*, in ten steps (asked: none above 0.25 of the way): from genre to genre the judge goes over with a largest step "
        f"of {genres['largest_step']:.2f} (mean of {genres['tunes']} tunes; of a single one {genres['largest_step_of_one']:.2f}), the tune's note F1 "
        f"staying at or above {min(genres['note_f1']):.2f}; from seed to seed the sound moves with a largest step of "
        f"{noises['largest_step']:.2f}; from song to song the heard tune with {songs['largest_step']:.2f} ({songs['pairs']} pairs). A path "
        f"from one genre to another over {paths['seconds']:.0f} s begins with the first and ends with the second in "
        f"{share(paths['begins_and_ends_right'])} of {paths['tunes']}."
    ]


def inversion_lines(found):
    """How well a recording comes back from its noise, and what an edit there is worth."""
    trips = ", ".join(f"{name} {mean:.3f}" for name, (mean, _, _) in found["round_trip"].items())
    rows = [
        f"| {name} | " + " | ".join(f"{value[0]:.2f}" for value in measures.values()) + " |"
        for name, measures in found["edits"].items()
    ]
    return [
        f"*From a recording to noise and back* ({found['recordings']} recordings, mean error of the log-mel in nats, the autoencoder "
        f"alone being the least that is possible): {trips}. The same edit begun there, beside one begun at any noise:",
        "",
        "| edit | note F1 | judge | judge's share | LSD in dB | chroma cosine |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def invention_lines(found):
    """Whether inventions are in their genre, and new."""
    own, band = found["pair_distance"]["inventions"], found["pair_distance"]["the band"]
    near, known = found["nearest"]["inventions"], found["nearest"]["test tunes"]
    return [
        f"*Inventions* ({found['inventions']}): the judge hears the asked-for genre in {share(found['judge'])}, in the band's own recordings of "
        f"such tunes in {share(found['oracle'])}. Two of a genre lie {own[1]:.2f} nats apart, {own[0]:.2f} at the least (the band's: {band[1]:.2f} "
        f"and {band[0]:.2f}). Of a tune's runs of eight notes {near[0]:.0%} are in the training tune that is most like it, "
        f"{near[1]:.0%} at the most (of traditional tunes never trained on: {known[0]:.0%} and {known[1]:.0%}); half or more "
        f"are in {found['variants']['inventions']:.0%} of the inventions and in {found['variants']['test tunes']:.0%} of those tunes. No "
        f"invention has more than {KNOWN_RUN} notes on end in common with a training tune."
    ]


def tempo_lines(found):
    """Whether the tempo is what was asked for."""
    rows = [
        f"| {label} | "
        + " | ".join(
            f"{found[label][name][0]:.2f}"
            for name in ("tempo_right", "tracked_right", "note_f1", "judge", "sharpness_in_time")
        )
        + " |"
        for label in TEMPO_NAMES.values()
    ]
    return [
        f"*Tempo* ({found['conversions']} conversions at {found['rates'][0]} to {found['rates'][1]} of their own; right is what lies within "
        f"2 %; asked for in beats a minute, which takes finding the song's own tempo first, {share(found['beats_a_minute_right'])} are right):",
        "",
        "| | tempo, by the known score | by a beat tracker | note F1, octaves counted | judge | sharp in time |",
        "|---|---|---|---|---|---|",
        *rows,
    ]


def mood_lines(found):
    """What the mood sliders move."""
    valence, arousal = found["correlations"]["valence"], found["correlations"]["arousal"]
    ends = found["ends"]
    return [
        f"*Mood* ({found['walks']} tunes through 5 × 5 settings; Spearman's correlation over the settings' means): arousal with onset rate "
        f"{arousal['onset_rate']:.2f} ({ends['onset_rate']['-1']:.1f} to {ends['onset_rate']['1']:.1f} a second), loudness "
        f"{arousal['loudness']:.2f}, brightness {arousal['brightness']:.2f}; valence with the share of major chords {valence['major_share']:.2f} "
        f"({ends['major_share']['-1']:.2f} to {ends['major_share']['1']:.2f}) and register {valence['register']:.2f} "
        f"({ends['register']['-1']:.1f} to {ends['register']['1']:.1f}). Of single tunes, where a few chords decide, valence has only "
        f"{found['by_walk']['valence']['major_share']:.2f} and {found['by_walk']['valence']['register']:.2f}. The tune keeps "
        f"{found['kept']:.0%} of its note F1 at the worst setting; the judge's share falls from {found['judge']['neutral']:.2f} to "
        f"{found['judge']['lowest']:.2f} there."
    ]


def length_lines(found):
    """Whether seams are heard, and what an extended clip keeps."""
    seams, longer = found["seams"], found["extended"]
    flux = "; ".join(
        f"{words} {seams[name]['flux'][0]:.2f} [{seams[name]['flux'][1]:.2f}, {seams[name]['flux'][2]:.2f}]"
        for name, words in (
            ("windows", "converted"),
            ("concatenated", "windows one after another"),
            ("truth", "in the source, where there are none"),
        )
    )
    judge = seams["windows"]["judge"]
    return [
        f"*Any length* ({found['pieces']} pieces of {found['seconds'] / 60:.0f} minutes): jumps of the spectrum where windows meet, beside those "
        f"elsewhere: {flux}. The judge's share for the genre differs there by {judge[0]:+.3f} [{judge[1]:+.3f}, {judge[2]:+.3f}] (spread elsewhere "
        f"{seams['windows']['judge_spread_elsewhere']:.2f}). {longer['clips']} clips of {longer['from']:.0f} s extended to "
        f"{longer['to']:.0f} s: same key at both ends {share(longer['same_key'])}, same tempo within 2 % {share(longer['tempo_within_2_percent'])}, "
        f"length off by {longer['length_error']:.1f} s at most, right genre {share(longer['judge'])}."
    ]


#: Lines of the README's first table: what is said, and the measure in evaluation.json.
MEASURES = (
    (
        "tune kept, by F-measure of the melody's notes against the known score (0: another tune's content, 1: the true recording "
        "through the same decoder)",
        "tune_kept_note_f1",
    ),
    ("tune kept, by onsets of the melody's pitch classes", "tune_kept_likeness"),
    ("raw pitch accuracy against the known score", "raw_pitch_accuracy"),
    ("the right tune is the nearest of 50 (chance 0.02)", "right_tune_of_50"),
    (
        "the nearest of the tune's ten true recordings is the one in the asked-for genre, by the judge network's embedding "
        "(chance 0.10)",
        "right_recording_of_10",
    ),
    ("the same by plain spectral distance", "right_spectrum_of_10"),
    ("a judge network hears the asked-for genre", "judge"),
)


def write_readme(readme):
    """Write the measured numbers between the two marks in the README.

    Parameters
    ----------
    readme : pathlib.Path
    """
    text = readme.read_text(encoding="utf-8")
    before, after = text.split("<!-- numbers:begin -->")[0], text.split("<!-- numbers:end -->")[1]
    readme.write_text(
        f"{before}<!-- numbers:begin -->\n{numbers()}<!-- numbers:end -->{after}", encoding="utf-8"
    )


def numbers():
    """The tables of the README, in Markdown: a section for each file of `SECTIONS` that was measured."""
    sections = []
    for name, lines in SECTIONS:
        path = data_folder() / "models" / f"{name}.json"
        if path.exists():
            sections.append(
                "\n".join(lines(json.loads(path.read_text(encoding="utf-8")))).rstrip("\n") + "\n"
            )
    return "\n".join(sections)


def evaluation_lines(quality):
    """How good the conversions are, beside other ways to the same end."""
    ours, truth, oracle = (quality["rivals"][name] for name in ("ours", "truth", "oracle"))
    lines = [
        f"On {quality['conversions']} conversions of {quality['tunes']} test tunes, played by instruments that no network was "
        "trained on; in brackets the 95 % interval:",
        "",
        "| measure | converted | another take by the band, other instruments | the true recording |",
        "|---|---|---|---|",
    ]
    for words, name in MEASURES:
        mean, low, high = ours[name]
        lines.append(
            f"| {words} | **{mean:.2f}** [{low:.2f}, {high:.2f}] | {oracle[name][0]:.2f} | {truth[name][0]:.2f} |"
        )
    return [
        *lines,
        "",
        "And beside other ways to the same end:",
        "",
        table(quality),
        "",
        "Chroma cosine (MusicGen), melody accuracy (Music ControlNet) and CQT-1 correlation (SteerMusic) compare with the *source*, "
        "as these papers define them; the distances compare with the true recording in the asked-for genre. Outside: how often a "
        "tagger's score for the asked-for genre is higher than in the source. Sharpness (energy of the log-mel gradient) "
        "and treble (above 4 kHz) are shares of the true recording's. The Fréchet distance is between "
        f"the judge's embeddings and those of the true recordings of other tunes (among true recordings: {quality['frechet_floor']:.0f}).",
        "",
        beside_oracle(quality),
    ]


def beside_oracle(quality):
    """The same edges and distance beside the other take, which is played by the instruments that the converter learned."""
    ours = quality["rivals"]["ours"]
    edges = (
        f"{words} {ours[f'{name}_beside_oracle'][0]:.2f}"
        for words, name in (
            ("in time", "sharpness_in_time"),
            ("in frequency", "sharpness_in_frequency"),
            ("treble", "treble"),
        )
    )
    return (
        f"The true recordings are played by instruments that the converter never heard. Beside the other take, if that is played by "
        f"those which it learned from, sharpness is {', '.join(edges)}, and the Fréchet distance {ours['frechet_to_oracle']:.0f} "
        f"(among such takes: {quality['frechet_floor_oracle']:.0f})."
    )


def difficult_lines(hard):
    """What is left of the tune when the source is a bad recording, ours beside the strongest rival's."""
    return [
        f"Difficult sources ({hard['tunes']} test tunes, each converted to one genre; halls and crowds of other kinds than "
        "in training): in each cell NoteNinja / transcribe, arrange, render; in bold where the difference is sure (its 95 % "
        "interval is on one side of 0). *Heard in it*: note F1 of what is heard in the source, where both begin. *Tune kept* "
        f"as above, between the fixed points of the clean source. *Right tune*: the nearest of {hard['tunes']} by its onsets. "
        "The chroma cosine compares with the clean source:",
        "",
        difficult_table(hard),
    ]


#: Columns of the ladder: heading, measure and format.
ABLATION = (
    ("mel, nats", "mel_distance", ".3f"),
    ("STFT", "multi_resolution", ".2f"),
    ("above 4 kHz, dB", "treble_db", "+.1f"),
    ("above 6 kHz, dB", "cymbals_db", "+.1f"),
    ("below 200 Hz, dB", "bass_db", "+.1f"),
    ("sharp in time", "sharpness_in_time", ".2f"),
    ("in frequency", "sharpness_in_frequency", ".2f"),
    ("embedding", "embedding_distance", ".1f"),
    ("clicks/s", "clicks", ".2f"),
)


def ablation_lines(climbed):
    """What each network on the way from sound to sound costs, together and by genre."""
    lines = [
        f"The ladder: what each network costs in sharpness ({climbed['tunes']} test tunes in each genre, {climbed['soundfont']}; "
        f"speed on {climbed['cores']} cores):",
        "",
        "| | " + " | ".join(heading for heading, _, _ in ABLATION) + " | × real time |",
        "|---|" + "---|" * (len(ABLATION) + 1),
    ]
    for stage, words in STAGES.items():
        row, speed = climbed["rungs"][stage]["together"], climbed["speed"].get(stage)
        cells = [format(row[name][0], form) if name in row else "" for _, name, form in ABLATION]
        lines.append(f"| {words} | " + " | ".join(cells) + f" | {f'{1 / speed:.0f}' if speed else ''} |")
    genres = climbed["rungs"]["autoencoder"]["genres"]
    lines += [
        "",
        "| the autoencoder's picture | " + " | ".join(genres) + " |",
        "|---|" + "---|" * len(genres),
    ]
    for heading, name, form in ABLATION:
        if name in ("mel_distance", "sharpness_in_time", "sharpness_in_frequency"):
            lines.append(
                f"| {heading} | " + " | ".join(format(row[name][0], form) for row in genres.values()) + " |"
            )
    seams = climbed["seams"]
    told = [
        f"{seams[name][0]:.2f} [{seams[name][1]:.2f}, {seams[name][2]:.2f}] {words}"
        for name, words in (
            ("decoded", "decoded"),
            ("converter", "converted"),
            ("truth", "in the true recording"),
        )
        if name in seams
    ]
    return [
        *lines,
        "",
        "STFT: multi-resolution distance (Yamamoto et al. 2020, arXiv 1910.11480). Sharpness is the energy of the log-mel "
        "gradient as a share of the true recording's; embedding: distance of the judge's embeddings to the true recording's "
        f"({climbed['embedding_floor']:.1f} between two tunes in one genre). A conversion is another performance than the true recording "
        "in its genre, so that only ratios mean something there."
        + (
            f" Jumps of the spectrum where the converter's windows meet, beside those elsewhere: {'; '.join(told)}."
            if told
            else ""
        ),
        "",
        "![Ten true recordings, and the same through autoencoder and vocoder](figures/decoded.png)",
    ]


def hearing_lines(heard):
    """What the piano roll can carry, by genre."""
    sound, mp3 = (heard[coding]["genres"] for coding in ("recording", "mp3_128"))
    found = heard["recording"]["retrieval"]
    return [
        f"What is heard of the tune before anything is converted ({heard['tunes']} test tunes in each genre, instruments never trained "
        f"on); the same tune is the nearest of {found['among']} in another genre in {found['mean']:.0%}:",
        "",
        "| | " + " | ".join(sound) + " |",
        "|---|" + "---|" * len(sound),
        "| melody note F1 | " + " | ".join(f"{one['note_f1']:.2f}" for one in sound.values()) + " |",
        "| pitch-class accuracy | "
        + " | ".join(f"{one['pitch_class']:.2f}" for one in sound.values())
        + " |",
        "| melody note F1 through 128 kbit/s mp3 | "
        + " | ".join(f"{one['note_f1']:.2f}" for one in mp3.values())
        + " |",
    ]


def band_lines(band):
    """What an outside listener makes of the band, and whether mood can be measured."""
    mood = band["mood"]["correlations"]["together"]
    words = {
        "onset_rate": "onset rate",
        "loudness": "loudness",
        "brightness": "brightness",
        "major_share": "share of major thirds",
        "register": "register",
    }
    told = [
        ", ".join(f"{words[name]} {mood[slider][name]:.2f}" for name in names)
        for slider, names in MOVES.items()
    ]
    return [
        *listener_lines(band),
        "Mood can be measured (Spearman's correlation of slider and sound, mean of the ten genres): arousal "
        f"with {told[0]}; valence with {told[1]}. The band plays {band['speed']['together']:.0f} seconds of music a second and core.",
    ]


def listener_lines(band):
    """How often a tagger that learned from real recordings hears the right genre in the band; nothing if none was asked."""
    if "outside_listener" not in band:
        return []
    heard = band["outside_listener"]
    genres = [genre for genre, row in heard["band"]["genres"].items() if row["among_three"] is not None]
    lines = [
        f"The band itself ({band['clips']} clips of {band['seconds']:.0f} s in each genre, {band['soundfont']}; how often a tagger that "
        "learned from real recordings has the clip's own genre among the three strongest of its eight):",
        "",
        "| | together | " + " | ".join(genres) + " |",
        "|---|---|" + "---|" * len(genres),
    ]
    for kind, words in (("band", "the band"), ("raw", "the same notes as raw General MIDI")):
        shares = " | ".join(f"{heard[kind]['genres'][genre]['among_three']:.0%}" for genre in genres)
        lines.append(f"| {words} | {heard[kind]['together'][0]:.0%} | {shares} |")
    return lines + [""]


#: What is asked of the amount slider, in words; the found value follows.
ASKED = {
    "genre_rises": "smallest step of the judge's share, above 0",
    "likeness_falls": "smallest step of the distance to the source, above 0",
    "tune_stays": "the tune at its worst, as share of its better end, at least 0.80",
    "genre_largest_step": "largest step of the judge's share, at most 0.25 of the whole way",
    "likeness_largest_step": "largest step of the distance to the source, at most 0.25",
    "mean_largest_step": "largest step of the mean of the two ways, at most 0.25",
}


def amounts_lines(walked):
    """Whether the amount slider leads evenly from the source to the conversion."""
    found = "; ".join(
        f"{words}: {walked['verdict'][name][0]:.3f}{'' if walked['verdict'][name][1] else ' (**missed**)'}"
        for name, words in ASKED.items()
    )
    return [
        f"The amount slider, from 0 to 1 in steps of a tenth, on {walked['conversions']} conversions of as many test tunes. "
        f"Asked and found: {found}. Half of the slider goes {walked['half']:.2f} of the way.",
        "",
        "![What the amount slider does to genre, likeness to the source and tune, and how evenly it leads](figures/amount.png)",
    ]


def steps_lines(measured):
    """Quality against time: Euler's steps, then the other schedulers and other guidance at the usual number of steps."""
    alone = steps_alone(measured["ways"])
    shown = [
        one
        for scheduler, rows in alone.items()
        for one in rows
        if scheduler == "euler" or one["steps"] == STEPS
    ]
    shown += [one for one in measured["ways"] if one not in sum(alone.values(), [])]
    of = measured["of"]
    return [
        f"Quality against time, on {of['tunes'] * of['targets']} conversions of {of['tunes']} {of['split']} tunes; guidance is on "
        "while the noise level lies between the two numbers, evaluations are the network's, and seconds are those that one core "
        "takes to denoise a second of music:",
        "",
        steps_table(shown),
        "",
        "![Quality of the conversion against the time of denoising, for four schedulers](figures/steps.png)",
    ]


def benchmark_lines(speed):
    """Speed and memory on the machine where they were measured."""
    return [
        f"Speed and memory on {speed['cores']} cores ({speed['processor']}), 30 s of mp3 unless said otherwise:",
        "",
        "| measure | value |",
        "|---|---|",
        f"| mp3 to mp3, networks loaded | {speed['real_time_factor_loaded']:.2f} of real time |",
        f"| command line, from nothing to a written file | {speed['cold_s']:.0f} s |",
        f"| peak memory | {speed['memory_30_s_gb']:.2f} GB |",
        *(
            f"| {minutes} minutes of music: peak memory; time | {speed[f'memory_{minutes}_min_gb']:.2f} GB; "
            f"{speed[f'real_time_factor_{minutes}_min']:.2f} of real time |"
            for minutes in (10, 20)
            if f"memory_{minutes}_min_gb" in speed
        ),
    ]


#: Files of figures in data/models, in the README's order, and what turns each into lines.


def sheet_lines(found):
    """How well printed music is read."""
    kinds = found["kinds"]
    plain, everything = (
        f"{kinds['lilypond'][name][0]:.1%}" for name in ("plain_symbol_errors", "everything_symbol_errors")
    )
    refused = sum(len(kind["refused"]) for kind in kinds.values())
    return [
        f"Sheet music: {found['pages']} pages ({found['lines']} lines) of test tunes by two engravers that the reader never learned from, "
        "LilyPond and MuseScore, and what simulated scanners and cameras make of them; in brackets the 95 % interval over pages "
        "(`noteninja sheets measure`):",
        "",
        sheets_table(found),
        "",
        "A symbol error is a word (note, rest, accidental, dot, bar line ...) missed, put in or mistaken, as a share of the true words. "
        f"On clean LilyPond pages it is {plain} for plain tunes and {everything} for pages on which everything occurs that can be read. "
        f"Pages refused: {refused}. Scans and photographs are simulated.",
    ]


SECTIONS = (
    ("evaluation", evaluation_lines),
    ("difficult", difficult_lines),
    ("ladder", ablation_lines),
    ("hearing", hearing_lines),
    ("band", band_lines),
    ("amounts", amounts_lines),
    ("steering", steering_lines),
    ("sheets", sheet_lines),
    ("steps", steps_lines),
    ("benchmark", benchmark_lines),
)


# Pictures of the README, made by `noteninja figures` with the functions that the lessons call.

#: Pictures of measured figures: the picture's name, the file in data/models, and what draws it.
MEASURED = (("amount.png", "amounts.json", plot_amounts), ("steps.png", "steps.json", plot_steps))
SONG, GENRE, SECONDS = "hearts-of-oak-rock.mp3", "jazz", 12.0


def make_figures(folder):
    """Make all pictures anew; returns their paths.

    Parameters
    ----------
    folder : path
    """
    matplotlib.use("Agg")
    from noteninja_lib.audio.io import load

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    song = load(data_folder() / "songs" / SONG, duration=SECONDS)
    result = load_pipeline()(song, GENRE, generator=torch.Generator().manual_seed(0))
    plot_conversion(result).savefig(folder / "conversion.png", dpi=80)
    plot_pairs(true_and_decoded(), ("true recording", "decoded")).savefig(folder / "decoded.png", dpi=100)
    return [folder / "conversion.png", folder / "decoded.png", *draw_measured(folder)]


def draw_measured(folder):
    """Draw the pictures of measured figures into an existing folder; returns their paths."""
    made = []
    for name, file, plot in MEASURED:
        path = data_folder() / "models" / file
        if path.exists():
            plot(json.loads(path.read_text(encoding="utf-8"))).savefig(folder / name, dpi=80)
            made.append(folder / name)
    return made
