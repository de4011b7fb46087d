"""Title, artist, album and cover of a recording: read from any file, written into mp3, flac and ogg.

An mp3 file gets an ID3v2.3 tag in UTF-16, which every player reads (https://id3.org/id3v2.3.0; not all know
version 2.4 and UTF-8). Flac and ogg have Vorbis comments, and the cover as flac's picture block
(https://www.rfc-editor.org/rfc/rfc9639, https://xiph.org/vorbis/doc/v-comment.html).
"""

import base64
import os
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import BinaryIO

#: How an image file begins, and what kind it is.
IMAGES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"GIF8": "image/gif", b"RIFF": "image/webp"}
LARGEST = 2**24 - 1024  # bytes of a cover: a flac block's length has 24 bits
LONGEST = 1000  # characters of a text
FRONT = 3  # the kind of picture that a cover is, in ID3 and flac
COMMENT, PICTURE = 4, 6  # kinds of flac's blocks
MIRRORED = bytes(int(f"{number:08b}"[::-1], 2) for number in range(256))


@dataclass(frozen=True)
class Tags:
    """What a player shows of a recording; empty where it is not known.

    Attributes
    ----------
    title, artist, album : str
    cover : bytes
        An image file: jpeg, png, gif or webp.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    cover: bytes = b""

    def of_result(self, genre: str) -> "Tags":
        """Those of a conversion: " (jazz, by NoteNinja)" is added to the title, or else to the album."""
        changed = "title" if self.title else "album"
        before = re.sub(r" \([^()]*, by NoteNinja\)$", "", getattr(self, changed))
        return replace(self, **{changed: f"{before} ({genre}, by NoteNinja)"}) if before else self

    @property
    def mime(self) -> str | None:
        """Kind of the cover; None where there is none that can be written."""
        kinds = (kind for start, kind in IMAGES.items() if self.cover.startswith(start))
        return next(kinds, None) if len(self.cover) < LARGEST else None


def read_tags(path: str | Path) -> Tags:
    """The tags of a recording; empty where there are none, or they are broken."""
    from tinytag import TinyTag

    try:
        found = TinyTag.get(path, image=True, duration=False)
        image = found.images.front_cover or found.images.any
        artists = [found.artist, *found.other.get("artist", [])]
        texts = [found.title, ", ".join(filter(None, artists)), found.album]
        cover = bytes(image.data) if image and image.data else b""
        given = Tags(*(_clean(text or "") for text in texts), cover)
        return given if any(astuple(given)) else _ape(path)
    except Exception:  # a parser that is led astray may stumble over anything
        return Tags()


def _ape(path):
    """Those of an APEv2 tag, which may lie before an ID3v1 tag (https://wiki.hydrogenaudio.org: APEv2)."""
    with open(path, "rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - 160)
        file.seek(start)
        foot = (end := file.read()).rindex(b"APETAGEX")
        size, count = struct.unpack_from("<II", end, foot + 12)  # with the foot, without a head
        file.seek(start + foot + 32 - size)
        data, place, found = file.read(min(size, LARGEST)), 0, {}
    for _ in range(count):
        (length,), name = struct.unpack_from("<I", data, place), data.index(b"\0", place + 8)
        found[data[place + 8 : name].lower()] = data[name + 1 : name + 1 + length]
        place = name + 1 + length
    texts = (found.get(name, b"").decode("utf-8", "replace") for name in (b"title", b"artist", b"album"))
    cover = found.get(b"cover art (front)", b"").partition(b"\0")[2]  # behind a file's name
    return Tags(*(_clean(text.replace("\0", ", ")) for text in texts), cover)


def _clean(text):
    """Without control characters, which end a text in some formats, and halves of characters."""
    text = re.sub(r"[\x00-\x1f\x7f]+", " ", text)[:LONGEST].strip()
    return text.encode("utf-8", "ignore").decode("utf-8")


def write_tags(path: Path, tags: Tags) -> None:
    """Put tags into an mp3, flac or ogg file that has none yet; other files, and empty tags, change nothing.

    Raises
    ------
    OSError
        The file can't be written.
    """
    tagged = {".mp3": _mp3, ".flac": _flac, ".ogg": _ogg}.get(path.suffix.lower())
    if not any(astuple(tags)) or tagged is None:
        return
    beside = path.with_name(f"{path.name}~")
    try:
        with open(path, "rb") as file, open(beside, "wb") as target:
            target.writelines(tagged(file, tags))
            shutil.copyfileobj(file, target)  # in parts: a long song does not fit into memory
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _mp3(file: BinaryIO, tags: Tags) -> Iterator[bytes]:
    """An ID3 tag before the first frame: a frame each for title, artist, album and cover."""
    texts = {b"TIT2": tags.title, b"TPE1": tags.artist, b"TALB": tags.album}
    frames = {name: b"\1" + text.encode("utf-16") for name, text in texts.items() if text}
    if tags.mime:
        frames[b"APIC"] = b"\0" + tags.mime.encode() + struct.pack("xBx", FRONT) + tags.cover
    whole = b"".join(name + struct.pack(">Ixx", len(data)) + data for name, data in frames.items())
    sevens = [len(whole) >> shift & 127 for shift in (21, 14, 7, 0)]  # no byte of the length looks like sound
    yield b"ID3\3\0\0" + bytes(sevens) + whole


def _picture(tags):
    """The cover as a flac file has it."""
    kind = tags.mime.encode()
    start = struct.pack(">II", FRONT, len(kind)) + kind
    return start + struct.pack(">20xI", len(tags.cover)) + tags.cover  # no description, size or colours


def _comments(tags: Tags, *more: str) -> bytes:
    """Vorbis comments: who wrote them, and NAME=text of each."""
    texts = {"TITLE": tags.title, "ARTIST": tags.artist, "ALBUM": tags.album}
    told = [f"{name}={text}".encode() for name, text in texts.items() if text] + [
        one.encode() for one in more
    ]
    parts = [b"NoteNinja", *told]
    sized = [struct.pack("<I", len(part)) + part for part in parts]
    return sized[0] + struct.pack("<I", len(told)) + b"".join(sized[1:])


def _flac(file: BinaryIO, tags: Tags) -> Iterator[bytes]:
    """The blocks before the sound, with other comments, and a picture."""
    yield file.read(4)
    blocks, last = [], False
    while not last:
        (head,) = struct.unpack(">I", file.read(4))
        last, kind, data = head >> 31, head >> 24 & 127, file.read(head & 0xFFFFFF)
        blocks += [] if kind in (COMMENT, PICTURE) else [(kind, data)]
    blocks.append((COMMENT, _comments(tags)))
    blocks += [(PICTURE, _picture(tags))] if tags.mime else []
    for number, (kind, data) in enumerate(blocks, 1):
        yield struct.pack(">I", (number == len(blocks)) << 31 | kind << 24 | len(data)) + data


def _ogg(file: BinaryIO, tags: Tags) -> Iterator[bytes]:
    """The pages of a Vorbis stream with another comment; all that come later have other numbers."""
    pages = _pages(file)
    first, packets = next(pages), [b""]
    while len(packets) < 3:  # the comment and the set-up, after which a new page begins
        _, lacing, body = next(pages)
        for size in lacing:
            packets[-1], body = packets[-1] + body[:size], body[size:]
            packets += [b""] if size < 255 else []
    yield _page(*first, 0)
    cover = [f"METADATA_BLOCK_PICTURE={base64.b64encode(_picture(tags)).decode()}"] if tags.mime else []
    packets[0] = b"\3vorbis" + _comments(tags, *cover) + b"\1"
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets[:2])
    body, number = packets[0] + packets[1], 0
    for number, start in enumerate(range(0, len(lacing), 255), 1):
        inside = lacing[start : start + 255]
        goes_on, ends = lacing[start - 1] == 255 and start > 0, min(inside) < 255
        head = struct.pack("<4sBBq", b"OggS", 0, goes_on, 0 if ends else -1) + first[0][14:]
        yield _page(head, inside, body[: sum(inside)], number)
        body = body[sum(inside) :]
    for number, page in enumerate(pages, number + 1):
        yield _page(*page, number)


def _pages(file: BinaryIO) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Ogg pages: the head up to the stream's number, how long the segments are, and what is in them."""
    while len(head := file.read(27)) == 27:
        lacing = file.read(head[26])
        yield head[:18], lacing, file.read(sum(lacing))


def _page(head: bytes, lacing: bytes, body: bytes, number: int) -> bytes:
    """A page with its number and its checksum: a CRC-32, whose bits Ogg has in the other order than zlib."""
    end = bytes([len(lacing)]) + lacing + body
    start = head + struct.pack("<I", number)
    rest = zlib.crc32((start + bytes(4) + end).translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return start + struct.pack("<I", int(f"{rest:032b}"[::-1], 2)) + end
