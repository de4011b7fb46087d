"""The numbers of the README: each file of figures in data/models gives a few lines of Markdown, if it is there."""
import json

from .. import STEPS, data_folder
from ..evaluation.difficult import table as difficult_table
from ..evaluation.mood import MOVES
from ..evaluation.reading import table as sheets_table
from ..evaluation.report import table
from ..evaluation.rungs import RUNGS
from ..evaluation.steps import table as steps_table
from .curves import steps_alone
from .steered import steering_lines

#: Lines of the README's first table: what is said, and the measure in evaluation.json.
MEASURES = (
    ("tune kept, by F-measure of the melody's notes against the known score (0: another tune's content, 1: the true recording "
     "through the same decoder)", "tune_kept_note_f1"),
    ("tune kept, by onsets of the melody's pitch classes", "tune_kept_likeness"),
    ("raw pitch accuracy against the known score", "raw_pitch_accuracy"),
    ("the right tune is the nearest of 50 (chance 0.02)", "right_tune_of_50"),
    ("the nearest of the tune's ten true recordings is the one in the asked-for genre, by the judge network's embedding "
     "(chance 0.10)", "right_recording_of_10"),
    ("the same by plain spectral distance", "right_spectrum_of_10"),
    ("a judge network hears the asked-for genre", "judge"))


def write_readme(readme):
    """Write the measured numbers between the two marks in the README.

    Parameters
    ----------
    readme : pathlib.Path
    """
    text = readme.read_text(encoding="utf-8")
    before, after = text.split("<!-- numbers:begin -->")[0], text.split("<!-- numbers:end -->")[1]
    readme.write_text(f"{before}<!-- numbers:begin -->\n{numbers()}<!-- numbers:end -->{after}", encoding="utf-8")


def numbers():
    """The tables of the README, in Markdown: a section for each file of `SECTIONS` that was measured."""
    sections = []
    for name, lines in SECTIONS:
        path = data_folder() / "models" / f"{name}.json"
        if path.exists():
            sections.append("\n".join(lines(json.loads(path.read_text(encoding="utf-8")))).rstrip("\n") + "\n")
    return "\n".join(sections)


def evaluation_lines(quality):
    """How good the conversions are, beside other ways to the same end."""
    ours, truth, oracle = (quality["rivals"][name] for name in ("ours", "truth", "oracle"))
    lines = [f"On {quality['conversions']} conversions of {quality['tunes']} test tunes, played by instruments that no network was "
             "trained on; in brackets the 95 % interval:", "",
             "| measure | converted | another take by the band, other instruments | the true recording |", "|---|---|---|---|"]
    for words, name in MEASURES:
        mean, low, high = ours[name]
        lines.append(f"| {words} | **{mean:.2f}** [{low:.2f}, {high:.2f}] | {oracle[name][0]:.2f} | {truth[name][0]:.2f} |")
    return [*lines, "", "And beside other ways to the same end:", "", table(quality), "",
            "Chroma cosine (MusicGen), melody accuracy (Music ControlNet) and CQT-1 correlation (SteerMusic) compare with the *source*, "
            "as these papers define them; the distances compare with the true recording in the asked-for genre. Outside: how often a "
            "tagger's score for the asked-for genre is higher than in the source. Sharpness (energy of the log-mel gradient) "
            "and treble (above 4 kHz) are shares of the true recording's. The Fréchet distance is between "
            f"the judge's embeddings and those of the true recordings of other tunes (among true recordings: {quality['frechet_floor']:.0f}).",
            "", beside_oracle(quality)]


def beside_oracle(quality):
    """The same edges and distance beside the other take, which is played by the instruments that the converter learned."""
    ours = quality["rivals"]["ours"]
    edges = (f"{words} {ours[f'{name}_beside_oracle'][0]:.2f}" for words, name in
             (("in time", "sharpness_in_time"), ("in frequency", "sharpness_in_frequency"), ("treble", "treble")))
    return (f"The true recordings are played by instruments that the converter never heard. Beside the other take, if that is played by "
            f"those which it learned from, sharpness is {', '.join(edges)}, and the Fréchet distance {ours['frechet_to_oracle']:.0f} "
            f"(among such takes: {quality['frechet_floor_oracle']:.0f}).")


def difficult_lines(hard):
    """What is left of the tune when the source is a bad recording, ours beside the strongest rival's."""
    return [f"Difficult sources ({hard['tunes']} test tunes, each converted to one genre; halls and crowds of other kinds than "
            "in training): in each cell NoteNinja / transcribe, arrange, render; in bold where the difference is sure (its 95 % "
            "interval is on one side of 0). *Heard in it*: note F1 of what is heard in the source, where both begin. *Tune kept* "
            f"as above, between the fixed points of the clean source. *Right tune*: the nearest of {hard['tunes']} by its onsets. "
            "The chroma cosine compares with the clean source:", "", difficult_table(hard)]


#: Columns of the ladder: heading, measure and format.
LADDER = (("mel, nats", "mel_distance", ".3f"), ("STFT", "multi_resolution", ".2f"), ("above 4 kHz, dB", "treble_db", "+.1f"),
          ("above 6 kHz, dB", "cymbals_db", "+.1f"), ("below 200 Hz, dB", "bass_db", "+.1f"), ("sharp in time", "sharpness_in_time", ".2f"),
          ("in frequency", "sharpness_in_frequency", ".2f"), ("embedding", "embedding_distance", ".1f"), ("clicks/s", "clicks", ".2f"))


def ladder_lines(climbed):
    """What each network on the way from sound to sound costs, together and by genre."""
    lines = [f"The ladder: what each network costs in sharpness ({climbed['tunes']} test tunes in each genre, {climbed['soundfont']}; "
             f"speed on {climbed['cores']} cores):", "", "| | " + " | ".join(heading for heading, _, _ in LADDER) + " | × real time |",
             "|---|" + "---|" * (len(LADDER) + 1)]
    for rung, words in RUNGS.items():
        row, speed = climbed["rungs"][rung]["together"], climbed["speed"].get(rung)
        cells = [format(row[name][0], form) if name in row else "" for _, name, form in LADDER]
        lines.append(f"| {words} | " + " | ".join(cells) + f" | {f'{1 / speed:.0f}' if speed else ''} |")
    genres = climbed["rungs"]["autoencoder"]["genres"]
    lines += ["", "| the autoencoder's picture | " + " | ".join(genres) + " |", "|---|" + "---|" * len(genres)]
    for heading, name, form in LADDER:
        if name in ("mel_distance", "sharpness_in_time", "sharpness_in_frequency"):
            lines.append(f"| {heading} | " + " | ".join(format(row[name][0], form) for row in genres.values()) + " |")
    seams = climbed["seams"]
    told = [f"{seams[name][0]:.2f} [{seams[name][1]:.2f}, {seams[name][2]:.2f}] {words}" for name, words in
            (("decoded", "decoded"), ("converter", "converted"), ("truth", "in the true recording")) if name in seams]
    return [*lines, "", "STFT: multi-resolution distance (Yamamoto et al. 2020, arXiv 1910.11480). Sharpness is the energy of the log-mel "
            "gradient as a share of the true recording's; embedding: distance of the judge's embeddings to the true recording's "
            f"({climbed['embedding_floor']:.1f} between two tunes in one genre). A conversion is another performance than the true recording "
            "in its genre, so that only ratios mean something there."
            + (f" Jumps of the spectrum where the converter's windows meet, beside those elsewhere: {'; '.join(told)}." if told else ""),
            "", "![Ten true recordings, and the same through autoencoder and vocoder](figures/decoded.png)"]


def hearing_lines(heard):
    """What the content picture can carry, by genre."""
    sound, mp3 = (heard[coding]["genres"] for coding in ("recording", "mp3_128"))
    found = heard["recording"]["retrieval"]
    return [f"What is heard of the tune before anything is converted ({heard['tunes']} test tunes in each genre, instruments never trained "
            f"on); the same tune is the nearest of {found['among']} in another genre in {found['mean']:.0%}:", "",
            "| | " + " | ".join(sound) + " |", "|---|" + "---|" * len(sound),
            "| melody note F1 | " + " | ".join(f"{one['note_f1']:.2f}" for one in sound.values()) + " |",
            "| pitch-class accuracy | " + " | ".join(f"{one['pitch_class']:.2f}" for one in sound.values()) + " |",
            "| melody note F1 through 128 kbit/s mp3 | " + " | ".join(f"{one['note_f1']:.2f}" for one in mp3.values()) + " |"]


def band_lines(band):
    """What an outside listener makes of the band, and whether mood can be measured."""
    mood = band["mood"]["correlations"]["together"]
    words = {"onset_rate": "onset rate", "loudness": "loudness", "brightness": "brightness", "major_share": "share of major thirds",
             "register": "register"}
    told = [", ".join(f"{words[name]} {mood[slider][name]:.2f}" for name in names) for slider, names in MOVES.items()]
    return [*listener_lines(band), "Mood can be measured (Spearman's correlation of slider and sound, mean of the ten genres): arousal "
            f"with {told[0]}; valence with {told[1]}. The band plays {band['speed']['together']:.0f} seconds of music a second and core."]


def listener_lines(band):
    """How often a tagger that learned from real recordings hears the right genre in the band; nothing if none was asked."""
    if "outside_listener" not in band:
        return []
    heard = band["outside_listener"]
    genres = [genre for genre, row in heard["band"]["genres"].items() if row["among_three"] is not None]
    lines = [f"The band itself ({band['clips']} clips of {band['seconds']:.0f} s in each genre, {band['soundfont']}; how often a tagger that "
             "learned from real recordings has the clip's own genre among the three strongest of its eight):", "",
             "| | together | " + " | ".join(genres) + " |", "|---|---|" + "---|" * len(genres)]
    for kind, words in (("band", "the band"), ("raw", "the same notes as raw General MIDI")):
        shares = " | ".join(f"{heard[kind]['genres'][genre]['among_three']:.0%}" for genre in genres)
        lines.append(f"| {words} | {heard[kind]['together'][0]:.0%} | {shares} |")
    return lines + [""]


#: What is asked of the amount slider, in words; the found value follows.
ASKED = {"genre_rises": "smallest step of the judge's share, above 0",
         "likeness_falls": "smallest step of the distance to the source, above 0",
         "tune_stays": "the tune at its worst, as share of its better end, at least 0.80",
         "genre_largest_step": "largest step of the judge's share, at most 0.25 of the whole way",
         "likeness_largest_step": "largest step of the distance to the source, at most 0.25",
         "mean_largest_step": "largest step of the mean of the two ways, at most 0.25"}


def amounts_lines(walked):
    """Whether the amount slider leads evenly from the source to the conversion."""
    found = "; ".join(f"{words}: {walked['verdict'][name][0]:.3f}{'' if walked['verdict'][name][1] else ' (**missed**)'}"
                      for name, words in ASKED.items())
    return [f"The amount slider, from 0 to 1 in steps of a tenth, on {walked['conversions']} conversions of as many test tunes. "
            f"Asked and found: {found}. Half of the slider goes {walked['half']:.2f} of the way.", "",
            "![What the amount slider does to genre, likeness to the source and tune, and how evenly it leads](figures/amount.png)"]


def steps_lines(measured):
    """Quality against time: Euler's steps, then the other schedulers and other guidance at the usual number of steps."""
    alone = steps_alone(measured["ways"])
    shown = [one for scheduler, rows in alone.items() for one in rows if scheduler == "euler" or one["steps"] == STEPS]
    shown += [one for one in measured["ways"] if one not in sum(alone.values(), [])]
    of = measured["of"]
    return [f"Quality against time, on {of['tunes'] * of['targets']} conversions of {of['tunes']} {of['split']} tunes; guidance is on "
            "while the noise level lies between the two numbers, evaluations are the network's, and seconds are those that one core "
            "takes to denoise a second of music:", "", steps_table(shown), "",
            "![Quality of the conversion against the time of denoising, for four schedulers](figures/steps.png)"]


def benchmark_lines(speed):
    """Speed and memory on the machine where they were measured."""
    return [f"Speed and memory on {speed['cores']} cores ({speed['processor']}), 30 s of mp3 unless said otherwise:", "",
            "| measure | value |", "|---|---|",
            f"| mp3 to mp3, networks loaded | {speed['real_time_factor_loaded']:.2f} of real time |",
            f"| command line, from nothing to a written file | {speed['cold_s']:.0f} s |",
            f"| peak memory | {speed['memory_30_s_gb']:.2f} GB |",
            *(f"| {minutes} minutes of music: peak memory; time | {speed[f'memory_{minutes}_min_gb']:.2f} GB; "
              f"{speed[f'real_time_factor_{minutes}_min']:.2f} of real time |" for minutes in (10, 20) if f"memory_{minutes}_min_gb" in speed)]


#: Files of figures in data/models, in the README's order, and what turns each into lines.


def sheet_lines(found):
    """How well printed music is read."""
    kinds = found["kinds"]
    plain, everything = (f"{kinds['lilypond'][name][0]:.1%}" for name in ("plain_symbol_errors", "everything_symbol_errors"))
    refused = sum(len(kind["refused"]) for kind in kinds.values())
    return [f"Sheet music: {found['pages']} pages ({found['lines']} lines) of test tunes by two engravers that the reader never learned from, "
            "LilyPond and MuseScore, and what simulated scanners and cameras make of them; in brackets the 95 % interval over pages "
            "(`noteninja sheets measure`):", "", sheets_table(found), "",
            "A symbol error is a word (note, rest, accidental, dot, bar line ...) missed, put in or mistaken, as a share of the true words. "
            f"On clean LilyPond pages it is {plain} for plain tunes and {everything} for pages on which everything occurs that can be read. "
            f"Pages refused: {refused}. Scans and photographs are simulated."]


SECTIONS = (("evaluation", evaluation_lines), ("difficult", difficult_lines), ("ladder", ladder_lines),
            ("hearing", hearing_lines), ("band", band_lines), ("amounts", amounts_lines), ("steering", steering_lines), ("sheets", sheet_lines),
            ("steps", steps_lines), ("benchmark", benchmark_lines))
