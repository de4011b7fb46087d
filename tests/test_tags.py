"""Title, artist, album and cover: they go from a song to its results, and broken ones stop nothing.

The files were also read by another program (mutagen 1.48, when this was written), which the tests go without.
"""

import io
import json
import struct

import numpy as np
import pytest
import soundfile
from PIL import Image
from tinytag import TinyTag

from noteninja_lib.audio.io import save
from noteninja_lib.audio.tags import LARGEST, Tags, read_tags, write_tags

RNG = np.random.default_rng(0)
SOUND = RNG.normal(0, 0.1, (30_000, 2)).astype(np.float32)
KINDS = ("mp3", "flac", "ogg")


def picture(kind, size=160):
    memory = io.BytesIO()
    Image.fromarray(RNG.integers(0, 255, (size, size, 3), dtype=np.uint8)).save(memory, kind)
    return memory.getvalue()


COVER = picture("png")  # 77 kB: more than a page of ogg holds
ALL = {
    "everything": Tags("東京の歌 🎵 é", "Ärtist", "Ålbum", COVER),
    "a long title": Tags("x" * 1000),
    "an album alone": Tags(album="Only this", cover=picture("jpeg")),
    "a comment that ends with a page": Tags("a" * 12, "b" * 180, "", COVER[:48_000]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tags", ALL.values(), ids=ALL)
def test_what_is_written_is_read_and_the_sound_is_the_same(kind, tags, tmp_path):
    plain, tagged = tmp_path / f"plain.{kind}", tmp_path / f"tagged.{kind}"
    save(plain, SOUND)
    save(tagged, SOUND, tags=tags)
    assert read_tags(tagged) == tags and read_tags(plain) == Tags()
    assert np.array_equal(soundfile.read(plain)[0], soundfile.read(tagged)[0])
    assert soundfile.info(tagged).frames == len(SOUND)
    assert {path.name for path in tmp_path.iterdir()} == {plain.name, tagged.name}


def test_an_mp3_begins_with_an_id3_tag_as_old_players_read_it(tmp_path):
    save(tmp_path / "a.mp3", SOUND, tags=Tags("é", cover=COVER))
    data = (tmp_path / "a.mp3").read_bytes()
    assert data[:6] == b"ID3\3\0\0" and max(data[6:10]) < 128
    size = sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0)))
    assert data[10 + size :][:2] == b"\xff\xfb"  # the first frame of sound
    (length,) = struct.unpack(">I", data[14:18])
    assert data[10:14] == b"TIT2" and data[21 : 20 + length].decode("utf-16") == "é"


def test_pages_of_ogg_have_their_numbers_and_checksums(tmp_path):
    """libsndfile leaves out a page that is damaged; here the sums are counted bit by bit."""
    save(tmp_path / "a.ogg", SOUND, tags=ALL["everything"])
    data, place, number = (tmp_path / "a.ogg").read_bytes(), 0, 0
    while place < len(data):
        head = 27 + data[place + 26]
        page = bytearray(data[place : place + head + sum(data[place + 27 : place + head])])
        told, counted = struct.unpack("<II", page[18:26])
        page[22:26] = bytes(4)
        if number < 4:
            crc = 0
            for byte in page:
                crc ^= byte << 24
                for _ in range(8):
                    crc = (crc << 1 ^ (0x04C11DB7 if crc & 1 << 31 else 0)) & 0xFFFFFFFF
            assert counted == crc
        assert told == number
        place, number = place + len(page), number + 1
    assert number > 4


def test_a_result_says_what_it_is_and_says_it_once():
    song = Tags("Song", "Somebody", "Album")
    jazz = song.of_result("jazz")
    assert jazz == Tags("Song (jazz, by NoteNinja)", "Somebody", "Album")
    assert jazz.of_result("blues to rock").title == "Song (blues to rock, by NoteNinja)"
    assert Tags(album="Album").of_result("pop").album == "Album (pop, by NoteNinja)"
    assert Tags().of_result("pop") == Tags() and Tags(artist="A").of_result("pop") == Tags(artist="A")


@pytest.mark.parametrize("kind", KINDS)
def test_broken_tags_and_covers_are_none(kind, tmp_path):
    path = tmp_path / f"a.{kind}"
    save(path, SOUND, tags=ALL["everything"])
    whole = path.read_bytes()
    for seed in range(20):
        damaged, rng = bytearray(whole), np.random.default_rng(seed)
        for place in rng.integers(4, 2000, 30):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged[: rng.integers(10, len(damaged))])
        assert isinstance(read_tags(path), Tags)
    for cover in (b"no picture", b"\xff\xd8\xff" + bytes(LARGEST)):
        save(path, SOUND, tags=Tags("a", cover=cover))
        assert read_tags(path) == Tags("a")
    assert read_tags(tmp_path / "none.mp3") == Tags()


def ape(*items):
    """An APEv2 tag without a head."""
    body = b"".join(struct.pack("<II", len(value), 0) + name + b"\0" + value for name, value in items)
    return body + b"APETAGEX" + struct.pack("<IIII8x", 2000, len(body) + 32, len(items), 0)


@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125)])
def test_tags_that_are_in_ape_alone_are_read(tmp_path, behind):
    save(tmp_path / "a.mp3", SOUND)
    texts = [(b"Title", "歌".encode()), (b"ARTIST", b"One\0Two"), (b"Album", b"A\nB")]
    tag = ape((b"REPLAYGAIN", b"-3 dB"), *texts, (b"Cover Art (Front)", b"cover.png\0" + COVER))
    data = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(data + tag + behind)
    assert read_tags(tmp_path / "a.mp3") == Tags("歌", "One, Two", "A B", COVER)
    for broken in (tag[40:], tag[:-20] + b"\xff" * 4 + tag[-16:], tag[:-16] + b"\xff" * 4 + tag[-12:]):
        (tmp_path / "a.mp3").write_bytes(data + broken + behind)
        assert isinstance(read_tags(tmp_path / "a.mp3"), Tags)


def test_characters_that_no_file_can_hold_are_left_out(tmp_path, monkeypatch):
    def get(*_, **__):
        tag = TinyTag()
        tag.title, tag.artist = "a\0b\nc\ud800", "One"
        tag.other["artist"] = ["Two"]
        return tag

    monkeypatch.setattr(TinyTag, "get", get)
    assert read_tags(tmp_path / "a.mp3") == Tags("a b c", "One, Two")


def test_other_files_stay_as_they_are(tmp_path):
    save(tmp_path / "a.wav", SOUND)
    before = (tmp_path / "a.wav").read_bytes()
    write_tags(tmp_path / "a.wav", ALL["everything"])
    assert (tmp_path / "a.wav").read_bytes() == before


def test_tags_go_through_a_conversion(noteninja, tmp_path):
    """From flac to mp3; from what is no sound, and from broken tags, there are none."""
    tone = 0.3 * np.sin(np.arange(2 * 44100) / 20 * (1 + np.arange(2 * 44100) // 11025 % 3))
    save(tmp_path / "a.flac", np.stack([tone, tone], 1), tags=ALL["everything"])
    words = ("--to", "jazz", "--steps", 1, "--json")
    status, told, _ = noteninja("convert", tmp_path / "a.flac", *words)
    assert status == 0
    made = read_tags(json.loads(told)["out"])
    assert made == Tags("東京の歌 🎵 é (jazz, by NoteNinja)", "Ärtist", "Ålbum", COVER)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data.replace(b"TITLE", b"\xff\xfe\0\0\0"))
    status, told, _ = noteninja("convert", tmp_path / "a.flac", *words, "-o", tmp_path / "b.ogg")
    assert status == 0 and "東京" not in read_tags(tmp_path / "b.ogg").title


@pytest.mark.parametrize(
    ("kind", "bits", "subtype"), [("wav", 24, "PCM_24"), ("flac", 24, "PCM_24"), ("wav", 16, "PCM_16")]
)
def test_samples_have_as_many_bits_as_asked_for(kind, bits, subtype, tmp_path):
    save(tmp_path / f"a.{kind}", SOUND, bits=bits)
    assert soundfile.info(tmp_path / f"a.{kind}").subtype == subtype
    error = np.abs(soundfile.read(tmp_path / f"a.{kind}")[0] - SOUND).max()
    assert error < 2.0 ** (1 - bits)
