"""Recipes: each loads and is rich enough; each fault is one sentence with file, field and remedy."""

import pytest
import yaml

from noteninja_lib import data_folder
from noteninja_lib.arranger.recipe import GENRES, list_genres, load_recipe
from noteninja_lib.errors import UserError


def test_the_ten_genres_have_recipes():
    assert tuple(list_genres()) == GENRES


@pytest.mark.parametrize("genre", GENRES)
def test_recipe_has_variants(genre):
    recipe = load_recipe(genre)
    assert recipe.genre == genre and recipe.tempo[0] < recipe.tempo[1]
    assert len(recipe.sets) >= 3 and len(recipe.bass["four"]) >= 3 and len(recipe.bass["three"]) >= 2
    assert len(recipe.chords["comp"]["four"]) >= 3 and len(recipe.chords["comp"]["three"]) >= 2
    if genre == "classical":
        assert recipe.drums == {}
    else:
        assert len(recipe.drums["four"]) >= 4 and len(recipe.drums["three"]) >= 2
        assert len(recipe.drums["fills"]) >= 3
    used = {role for line_up in recipe.sets for role in line_up}
    assert set(recipe.chords) <= used, "a part that no line-up plays"
    chains = {instrument["chain"] for line_up in recipe.sets for instrument in line_up.values()}
    assert set(recipe.mix["chains"]) <= chains | {"drums", "voice", "bus"}, (
        "an effect chain that nothing uses"
    )


def test_genres_are_what_they_are_known_for():
    disco, reggae, jazz, metal = (load_recipe(genre) for genre in ("disco", "reggae", "jazz", "metal"))
    assert all(pattern[36] == "X...X...X...X..." for pattern in disco.drums["four"])
    # Skank: no chord of the comping guitar falls on a beat of the bar's first half.
    assert all(pattern[0] == "." for pattern in reggae.chords["comp"]["four"])
    assert all({3, 10} <= {interval % 12 for interval in chord} for chord in jazz.harmony["min"][:2])
    assert all({interval % 12 for interval in chord} <= {0, 7} for chord in metal.harmony["maj"])


def test_own_recipe_by_path(tmp_path):
    path = tmp_path / "my polka.yaml"
    text = (data_folder() / "genres" / "country.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("genre: country", "genre: polka"), encoding="utf-8")
    assert load_recipe(path).genre == "polka"


def test_unknown_genre_names_the_ten():
    with pytest.raises(UserError) as caught:
        load_recipe("polka")
    assert all(genre in str(caught.value) for genre in GENRES)


def _put(data, path, value):
    *parents, last = path
    for key in parents:
        data = data[key]
    if value is None:
        del data[last]
    else:
        data[last] = value


@pytest.mark.parametrize(
    "path, value, words",
    [
        (["drums", "four", 0, "kick"], "X..z............", ["drums.four[1].kick", "'z'", "X x o ."]),
        (["drums", "four", 0, "kick"], "X...", ["drums.four[1].kick", "4 steps", "16"]),
        (["drums", "four", 0], {"kik": "X..............."}, ["drums.four[1]", "'kik'", "kick"]),
        (["drums", "kits"], ["tin cans"], ["drums.kits[1]", "tin cans", "standard"]),
        (["bass", "three"], ["R---R---"], ["bass.three[1]", "8 steps", "12"]),
        (["bass", "range"], [40, 44], ["bass.range", "12 semitones"]),
        (["tempo"], [150, 100], ["tempo", "lower number first"]),
        (["tempo"], "fast", ["tempo", "two numbers"]),
        (["swing"], [0, 3], ["swing", "3", "0 to 1"]),
        (["harmony", "maj"], [[0, 4.5, 7]], ["harmony.maj[1]", "4.5", "whole number"]),
        (["harmony", "dim"], None, ["harmony", "'dim'"]),
        (["sets"], [], ["sets", "at least one"]),
        (["sets", 0, "melody", "play"], "Kazoo", ["sets[1].melody.play", "Kazoo", "General MIDI"]),
        (["sets", 0, "melody", "play"], 200, ["sets[1].melody.play", "200", "0 to 127"]),
        (["sets", 0, "melody", "chain"], "spring", ["sets[1].melody.chain", "spring", "lead"]),
        (["sets", 0, "melody"], None, ["sets[1]", "'melody'"]),
        (["sets", 0, "tuba"], {"play": 58}, ["sets[1]", "'tuba'", "bass"]),
        (["mix", "levels", "bass"], "loud", ["mix.levels.bass", "loud", "-40 to 12"]),
        (["mix", "chains", "lead"], [{"sparkle": {}}], ["mix.chains.lead[1]", "sparkle", "reverb"]),
        (
            ["mix", "chains", "lead"],
            [{"reverb": {"room": 0.5}}],
            ["mix.chains.lead[1].reverb", "'room'", "room_size"],
        ),
        (["chords", "comp", "voicing"], "wide", ["chords.comp.voicing", "wide", "power"]),
        (["form", "ending"], "fade", ["form.ending", "fade", "hold, roll, stop"]),
        (["form", "intro"], [2.5], ["form.intro[1]", "2.5", "whole number"]),
        (["form", "enter"], {"tuba": 0}, ["form.enter", "'tuba'", "bass"]),
        (["form", "enter"], {"drums": 0.5}, ["form.enter", "silence"]),
        (["melody", "grace_from"], "left", ["melody.grace_from", "left", "below, slide, above"]),
        (["melody", "late"], 30, ["melody.late", "30", "0 to 4"]),
        (["colour"], "blue", ["the file", "'colour'", "tempo"]),
    ],
)
def test_each_fault_is_one_sentence(tmp_path, path, value, words):
    data = yaml.safe_load((data_folder() / "genres" / "rock.yaml").read_text(encoding="utf-8"))
    _put(data, path, value)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_recipe(file)
    message = str(caught.value)
    assert message.startswith("mine.yaml: ") and message.endswith(".") and "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("text, word", [("genre: [rock", "YAML"), ("", "mapping"), ("- rock", "mapping")])
def test_not_a_recipe(tmp_path, text, word):
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=word):
        load_recipe(file)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_recipe(tmp_path / "none.yaml")
