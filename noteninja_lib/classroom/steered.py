"""The README's lines about steering: what each knob was measured to do, from data/models/steering.json."""
from ..evaluation.tempi import NAMES
from ..music.inventing import KNOWN_RUN


def steering_lines(found):
    """A paragraph or table for each part that was measured."""
    lines = ["What the knobs do:", ""]
    for name, of in (("interpolation", interpolation_lines), ("inversion", inversion_lines), ("inventions", invention_lines),
                     ("tempo", tempo_lines), ("mood", mood_lines), ("length", length_lines)):
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
    return ["*Between two things*, in ten steps (asked: none above 0.25 of the way): from genre to genre the judge goes over with a largest step "
            f"of {genres['largest_step']:.2f} (mean of {genres['tunes']} tunes; of a single one {genres['largest_step_of_one']:.2f}), the tune's note F1 "
            f"staying at or above {min(genres['note_f1']):.2f}; from seed to seed the sound moves with a largest step of "
            f"{noises['largest_step']:.2f}; from song to song the heard tune with {songs['largest_step']:.2f} ({songs['pairs']} pairs). A path "
            f"from one genre to another over {paths['seconds']:.0f} s begins with the first and ends with the second in "
            f"{share(paths['begins_and_ends_right'])} of {paths['tunes']}."]


def inversion_lines(found):
    """How well a recording comes back from its noise, and what an edit there is worth."""
    trips = ", ".join(f"{name} {mean:.3f}" for name, (mean, _, _) in found["round_trip"].items())
    rows = [f"| {name} | " + " | ".join(f"{value[0]:.2f}" for value in measures.values()) + " |" for name, measures in found["edits"].items()]
    return [f"*From a recording to noise and back* ({found['recordings']} recordings, mean error of the log-mel in nats, the autoencoder "
            f"alone being the least that is possible): {trips}. The same edit begun there, beside one begun at any noise:", "",
            "| edit | note F1 | judge | judge's share | LSD in dB | chroma cosine |", "|---|---|---|---|---|---|", *rows]


def invention_lines(found):
    """Whether inventions are in their genre, and new."""
    own, band = found["pair_distance"]["inventions"], found["pair_distance"]["the band"]
    near, known = found["nearest"]["inventions"], found["nearest"]["test tunes"]
    return [f"*Inventions* ({found['inventions']}): the judge hears the asked-for genre in {share(found['judge'])}, in the band's own recordings of "
            f"such tunes in {share(found['oracle'])}. Two of a genre lie {own[1]:.2f} nats apart, {own[0]:.2f} at the least (the band's: {band[1]:.2f} "
            f"and {band[0]:.2f}). Of a tune's runs of eight notes {near[0]:.0%} are in the training tune that is most like it, "
            f"{near[1]:.0%} at the most (of traditional tunes never trained on: {known[0]:.0%} and {known[1]:.0%}); half or more "
            f"are in {found['variants']['inventions']:.0%} of the inventions and in {found['variants']['test tunes']:.0%} of those tunes. No "
            f"invention has more than {KNOWN_RUN} notes on end in common with a training tune."]


def tempo_lines(found):
    """Whether the tempo is what was asked for."""
    rows = [f"| {label} | " + " | ".join(f"{found[label][name][0]:.2f}" for name in
                                         ("tempo_right", "tracked_right", "note_f1", "judge", "sharpness_in_time")) + " |"
            for label in NAMES.values()]
    return [f"*Tempo* ({found['conversions']} conversions at {found['rates'][0]} to {found['rates'][1]} of their own; right is what lies within "
            f"2 %; asked for in beats a minute, which takes finding the song's own tempo first, {share(found['beats_a_minute_right'])} are right):", "",
            "| | tempo, by the known score | by a beat tracker | note F1, octaves counted | judge | sharp in time |", "|---|---|---|---|---|---|", *rows]


def mood_lines(found):
    """What the mood sliders move."""
    valence, arousal = found["correlations"]["valence"], found["correlations"]["arousal"]
    ends = found["ends"]
    return [f"*Mood* ({found['walks']} tunes through 5 × 5 settings; Spearman's correlation over the settings' means): arousal with onset rate "
            f"{arousal['onset_rate']:.2f} ({ends['onset_rate']['-1']:.1f} to {ends['onset_rate']['1']:.1f} a second), loudness "
            f"{arousal['loudness']:.2f}, brightness {arousal['brightness']:.2f}; valence with the share of major chords {valence['major_share']:.2f} "
            f"({ends['major_share']['-1']:.2f} to {ends['major_share']['1']:.2f}) and register {valence['register']:.2f} "
            f"({ends['register']['-1']:.1f} to {ends['register']['1']:.1f}). Of single tunes, where a few chords decide, valence has only "
            f"{found['by_walk']['valence']['major_share']:.2f} and {found['by_walk']['valence']['register']:.2f}. The tune keeps "
            f"{found['kept']:.0%} of its note F1 at the worst setting; the judge's share falls from {found['judge']['neutral']:.2f} to "
            f"{found['judge']['lowest']:.2f} there."]


def length_lines(found):
    """Whether seams are heard, and what an extended clip keeps."""
    seams, longer = found["seams"], found["extended"]
    flux = "; ".join(f"{words} {seams[name]['flux'][0]:.2f} [{seams[name]['flux'][1]:.2f}, {seams[name]['flux'][2]:.2f}]" for name, words in
                     (("windows", "converted"), ("concatenated", "windows one after another"), ("truth", "in the source, where there are none")))
    judge = seams["windows"]["judge"]
    return [f"*Any length* ({found['pieces']} pieces of {found['seconds'] / 60:.0f} minutes): jumps of the spectrum where windows meet, beside those "
            f"elsewhere: {flux}. The judge's share for the genre differs there by {judge[0]:+.3f} [{judge[1]:+.3f}, {judge[2]:+.3f}] (spread elsewhere "
            f"{seams['windows']['judge_spread_elsewhere']:.2f}). {longer['clips']} clips of {longer['from']:.0f} s extended to "
            f"{longer['to']:.0f} s: same key at both ends {share(longer['same_key'])}, same tempo within 2 % {share(longer['tempo_within_2_percent'])}, "
            f"length off by {longer['length_error']:.1f} s at most, right genre {share(longer['judge'])}."]
