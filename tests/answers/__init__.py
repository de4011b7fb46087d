"""For each lesson's exercises: stubs that must fail, and plausible wrong answers with a word that must
help (`lesson_NN.py`)."""
