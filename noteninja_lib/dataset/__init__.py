"""Data sets in GTZAN's shape: the real GTZAN, and the band's own, with one face. Lesson: 04_gtzan_and_the_band."""
from .bandset import BandSet, Clip
from .building import build, parse_shard, render_group
from .common import Problem, Recording, Report
from .gtzan import GTZAN
from .hearing import hear_all, unpack
from .opening import open_dataset
from .repetitions import find_repetitions

__all__ = ["GTZAN", "BandSet", "Clip", "Problem", "Recording", "Report", "build", "find_repetitions", "hear_all",
           "open_dataset", "parse_shard", "render_group", "unpack"]
