from noteninja_lib.lessons import lesson_04

STUB = {"clip": "genres/rock/rock.00001.wav", "label": None, "why": "..."}
STUBS = [(lesson_04.SPLIT, lambda *_: None), (lesson_04.LABEL, STUB)]
WRONG = [
    (lesson_04.SPLIT, lambda tunes, share: (list(range(20)), list(range(20, 28))), "stay together"),
    (
        lesson_04.SPLIT,
        lambda tunes, share: ([n for n, tune in enumerate(tunes) if tune != tunes[0]], []),
        "every clip",
    ),
    (lesson_04.LABEL, {**STUB, "label": "rock", "why": "word " * 20}, "which other one"),
    (lesson_04.LABEL, {**STUB, "label": "country", "why": "sounds like it"}, "what you hear"),
]
